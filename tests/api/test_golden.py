"""Answers that real PyTorch computed once (tests/golden, made by tests/tools/golden_conv_pool.py): no torch needed.

float64 agrees to 1e-9; float32 to four times the error that torch's own float32 has against a float64 reference, at
least to four roundings (2^-24 each) of the largest sum of |x·w|; shapes, indices and max pooling agree exactly.
"""

import base64
import json
import pathlib

import numpy
import pytest

import client as convd

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


def load(endpoint):
    for case in json.loads((GOLDEN / f"{endpoint}.json").read_text("utf-8"))["cases"]:
        for dtype in ("float32", "float64"):
            yield pytest.param(endpoint, {**case, "dtype": dtype}, id=f"{endpoint}: {case['name']}, {dtype}")


CASES = [*load("conv2d"), *load("pool2d")]


def array_of(tensor):
    data = base64.b64decode(tensor["base64"])
    return numpy.frombuffer(data, numpy.dtype(tensor["dtype"]).newbyteorder("<")).reshape(tensor["shape"])


def compute(client, endpoint, case, form="base64", **fields):
    tensors = {name: convd.pack(array_of(tensor), form) for name, tensor in case["tensors"].items()}
    document = {**case["fields"], **tensors, "dtype": case["dtype"], **fields}
    return client.post_ok(f"/{endpoint}", document)


@pytest.mark.parametrize("endpoint, case", CASES)
def test_golden(client, endpoint, case):
    answer = compute(client, endpoint, case)
    assert answer["dtype"] == case["dtype"]
    check_output(convd.unpack(answer)[1], case)
    if "indices" in case:
        assert numpy.array_equal(convd.unpack(answer, "indices")[1].tolist(), case["indices"])


def check_output(output, case):
    want = array_of(case["output"])
    assert output.shape == want.shape
    if "scale" not in case:
        assert numpy.array_equal(output, want, equal_nan=True)
        return
    if case["dtype"] == "float64":
        allowed = 1e-9 * max(1.0, numpy.abs(want).max(initial=0))
    else:
        allowed = max(4 * case["torch_error"], 2.0 ** -22 * case["scale"])
    error = numpy.abs(output.astype("float64") - want).max(initial=0)
    assert error <= allowed, f"largest error {error:.3g}, allowed {allowed:.3g}"


@pytest.mark.parametrize("algorithm", ["gemm", "direct", "winograd", "reference"])
def test_every_algorithm(client, algorithm):
    """An algorithm computes a case or refuses it as unsupported; gemm and reference compute all."""
    computed = 0
    for parameter in CASES:
        endpoint, case = parameter.values
        if endpoint != "conv2d":
            continue
        tensors = {name: dict(tensor) for name, tensor in case["tensors"].items()}
        answer = client.post("/conv2d", {**case["fields"], **tensors, "dtype": case["dtype"], "algorithm": algorithm})
        if answer.status == 422 and algorithm in ("direct", "winograd"):
            assert answer.problem == "unsupported-algorithm", answer
            continue
        assert answer.status == 200, f"{case['name']}: {answer}"
        assert answer.headers["X-Convd-Algorithm"] == algorithm
        check_output(convd.unpack(answer.json)[1], case)
        computed += 1
    if algorithm in ("gemm", "reference"):
        assert computed == sum(parameter.values[0] == "conv2d" for parameter in CASES)


@pytest.mark.parametrize("endpoint, case", [case for case in CASES if case.values[1]["dtype"] == "float32"][::7])
def test_forms_say_the_same_bits(client, endpoint, case):
    """The three forms in, the three forms out: the same bits come back."""
    want = convd.unpack(compute(client, endpoint, case))[1]
    for form in convd.FORMS:
        if form == "nested" and not array_of(case["tensors"]["input"]).size:
            continue  # nested lists do not tell the sizes of an empty tensor
        for asked in convd.FORMS:
            found, output = convd.unpack(compute(client, endpoint, case, form, format=asked))
            assert found == asked
            assert numpy.array_equal(output.view("uint32"), want.view("uint32")), f"{form} to {asked}"


def test_results_do_not_depend_on_the_neighbours(client):
    """Each image of a batch alone gives the same bits as in the batch."""
    case = next(p.values[1] for p in CASES if p.values[1]["name"] == "a batch")
    whole = convd.unpack(compute(client, "conv2d", case))[1]
    images = array_of(case["tensors"]["input"])
    for index, image in enumerate(images):
        alone = {**case, "tensors": {**case["tensors"], "input": convd.pack(image[None], "base64")}}
        output = convd.unpack(compute(client, "conv2d", alone))[1]
        assert numpy.array_equal(output[0].view("uint32"), whole[index].view("uint32"))
