#!/usr/bin/env python3
"""Random layers through a running convd and through real PyTorch: both compute the same, or both refuse.

    /usr/bin/python3 tests/differential/differential.py --conv 2000 --pool 2000 --shape 1000

starts build/convd (--binary, or CONVD_BINARY) or speaks to --url. 1 to 8 requests are under way at once. A case is
named kind:index and depends on the seed alone: `--seed N --only conv:17` runs that one again. Needs Debian's
python3-torch (1.13) and python3-numpy. The last line is `differential: 5000 passed, 0 failed`; exit 1 after a failure.

Compared are: refusals (422 exactly when torch raises), shapes, indices and max pooling bit by bit, float64 values to
1e-9, float32 values to four times torch's own float32 error against a float64 reference, and for each /conv2d and
/pool2d case that /shape says the same shape, or refuses too.
"""

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import shlex
import sys
import tempfile
import threading
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api")]

import numpy  # noqa: E402

import client as convd  # noqa: E402
import draw  # noqa: E402
import layers  # noqa: E402
import reference  # noqa: E402

DEFAULT_SEED = 20
MOST_FAILURES_SHOWN = 10
PROGRESS_EVERY = 1000
LONGEST_BODY_PRINTED = 20_000


class Mismatch(Exception):
    """What differs, in a sentence."""


def expect(condition, text):
    if not condition:
        raise Mismatch(text)


# ---- one case ----


def document_of(case):
    """The request's JSON document."""
    document = dict(case.fields)
    for name, array in case.arrays.items():
        document[name] = convd.pack(array, case.forms[name], case.own_dtype[name])
    if case.say_dtype:
        document["dtype"] = case.dtype
    if case.format:
        document["format"] = case.format
    return document


def run_compute(client, case, expected):
    """Posts a /conv2d or /pool2d case; `expected` is a reference.Result or a reference.Refused."""
    document = document_of(case)
    answer = client.post(case.path, document)
    if answer.status == 422 and answer.problem == "unsupported-algorithm":
        expect(document.get("algorithm") in ("direct", "winograd"), f"refuses {document.get('algorithm')}")
        document.pop("algorithm")
        answer = client.post(case.path, document)
    if isinstance(expected, reference.Refused):
        expect_refusal(answer, expected)
    else:
        expect(answer.status == 200, f"torch computes shape {list(expected.output.shape)}, convd says {answer}")
        compare(case, answer.json, expected)
    compare_with_shape(client, case, expected)


def expect_refusal(answer, expected):
    expect(answer.status == 422, f"torch refuses ({expected}), convd says {answer}")
    expect(answer.problem is not None and answer.detail, f"a 422 that is no problem+json: {answer}")


def compare(case, document, expected):
    expect(document["dtype"] == case.dtype, f"dtype {document['dtype']}, expected {case.dtype}")
    form, output = convd.unpack(document)
    asked = case.format or case.forms["input"]
    expect(form == asked, f"answered {form}, expected {asked}")
    expect(output.shape == expected.output.shape, f"shape {output.shape}, torch's is {expected.output.shape}")
    if expected.exact:
        same = numpy.array_equal(output, expected.output.astype(case.dtype), equal_nan=True)
        expect(same, f"output {output.tolist()}, torch's is {expected.output.tolist()}")
    else:
        compare_values(output.astype("float64"), expected, case.dtype)
    if case.fields.get("return_indices"):
        form, indices = convd.unpack(document, "indices")
        expect(form == asked, f"indices answered {form}, expected {asked}")
        expect(numpy.array_equal(indices, expected.indices), f"indices {indices.tolist()}, torch's are "
               f"{expected.indices.tolist()}")
    else:
        expect("indices" not in document, "indices that nobody asked for")


def tolerance(expected, dtype):
    """float32: what torch itself loses, times four; at least four roundings (2^-24 each) of the largest sum."""
    if dtype == "float64":
        finite = expected.output[numpy.isfinite(expected.output)]
        return max(1e-9 * max(1.0, float(numpy.abs(finite).max(initial=0.0))), 2.0 ** -51 * expected.scale)
    return max(4 * expected.torch_error, 2.0 ** -22 * expected.scale, 2.0 ** -140)


def compare_values(output, expected, dtype):
    want = expected.output.astype(dtype).astype("float64")
    special = ~numpy.isfinite(want)
    expect(numpy.array_equal(output[special], want[special], equal_nan=True), "NaN or infinity differs: "
           f"{output[special].tolist()}, torch's {want[special].tolist()}")
    error = numpy.abs(output[~special] - expected.output[~special])
    expect(not error.size or error.max() <= tolerance(expected, dtype),
           f"largest error {error.max(initial=0):.3g} (or NaN), allowed {tolerance(expected, dtype):.3g}")


SHAPE_TYPE = {"max": "max_pool2d", "avg": "avg_pool2d", "lp": "lp_pool2d", "adaptive_max": "adaptive_max_pool2d",
              "adaptive_avg": "adaptive_avg_pool2d"}


def compare_with_shape(client, case, expected):
    """/shape must say the same of the same layer."""
    fields = {name: value for name, value in case.fields.items() if name not in ("algorithm", "mode")}
    if case.path == "/conv2d":
        weight = case.arrays["weight"]
        if weight.ndim != 4 or case.spoilt == "bias" or isinstance(expected, reference.Disagrees):
            return  # what /shape cannot see
        layer = {"in_channels": weight.shape[1] * fields.get("groups", 1), "out_channels": weight.shape[0],
                 "kernel_size": list(weight.shape[2:]), "type": "conv2d", **fields}
    else:
        layer = {"type": SHAPE_TYPE[case.fields.get("mode", "max")], **fields}
    answer = client.post("/shape", {"input_shape": list(case.arrays["input"].shape), **layer})
    if isinstance(expected, reference.Refused):
        expect(answer.status == 422, f"/shape of {layer}: {answer}, {case.path} refused: {expected}")
    else:
        expect(answer.status == 200, f"/shape of {layer}: {answer}")
        expect(answer.json["output_shape"] == list(expected.output.shape), f"/shape of {layer}: {answer}")


def run_shape(client, chain, expected):
    """Posts a chain; `expected` is a list of (shape, parameters, macs), cut off at a Refused."""
    document = shape_document(chain)
    answer = client.post("/shape", document)
    refused = isinstance(expected[-1], reference.Refused)
    if refused:
        expect_refusal(answer, expected[-1])
        if "layers" in document:
            place = f"/layers/{len(expected) - 1}"
            pointed = "/".join((answer.pointer or "").split("/")[:3])
            expect(pointed == place, f"points at {answer.pointer}, not {place}")
        return
    expect(answer.status == 200, f"torch computes {expected[-1][0]}, convd says {answer}")
    told, width = answer.json, 8 if document.get("dtype") == "float64" else 4
    expect(len(told["layers"]) == len(expected), f"{len(told['layers'])} layers told")
    for layer, (shape, parameters, macs) in zip(told["layers"], expected):
        want = {"output_shape": shape, "parameters": parameters, "macs": macs,
                "output_bytes": width * math.prod(shape)}
        got = {key: layer[key] for key in want}
        expect(got == want, f"{layer['type']}: {got}, torch's {want}")
    expect(told["output_shape"] == expected[-1][0], f"output_shape {told['output_shape']}")


def shape_document(chain):
    shape, chain_layers, single, dtype = chain
    document = {"input_shape": shape, **(chain_layers[0] if single else {"layers": chain_layers})}
    return {**document, "dtype": dtype} if dtype else document


# ---- drawing and expecting, in the main thread (torch is not asked from several) ----


def prepare(kind, index, seed):
    """(a function of a client that raises Mismatch, the path, a function that gives the document)."""
    rng = random.Random(f"{seed}:{kind}:{index}")
    if kind == "shape":
        shape, chain_layers = layers.draw_chain(rng)
        chain = (shape, chain_layers, len(chain_layers) == 1 and rng.random() < 0.5, rng.choice([None, "float64"]))
        expected = expected_chain(shape, chain_layers)
        return lambda client: run_shape(client, chain, expected), "/shape", lambda: shape_document(chain)
    case = getattr(draw, kind)(rng)
    try:
        if kind == "conv":
            expected = reference.conv2d(case.arrays, case.fields, case.dtype)
        else:
            expected = reference.pool2d(case.arrays["input"], case.fields, case.dtype)
    except reference.Refused as refusal:
        expected = refusal
    return lambda client: run_compute(client, case, expected), case.path, lambda: document_of(case)


def expected_chain(shape, chain_layers):
    expected = []
    for layer in chain_layers:
        try:
            expected.append(layers.facts(layer, shape))
        except reference.Refused as refusal:
            return [*expected, refusal]
        shape = expected[-1][0]
    return expected


# ---- the run ----


def saved(name, body):
    """The path of a file that holds a body too long to print."""
    prefix = f"convd-{name.replace(':', '-')}-"
    with tempfile.NamedTemporaryFile("w", prefix=prefix, suffix=".json", delete=False) as file:
        file.write(body)
    return file.name


class Run:
    def __init__(self, url, seed):
        self.url, self.seed = url, seed
        self.local = threading.local()
        self.passed = self.failed = 0

    def client(self):
        if not hasattr(self.local, "client"):
            self.local.client = convd.Client(self.url)
        return self.local.client

    def attempt(self, check):
        """None, or what went wrong: a mismatch, or an answer that is not even one."""
        try:
            return check(self.client())
        except Mismatch as mismatch:
            return str(mismatch)
        except Exception as error:
            self.client().close()
            return f"{type(error).__name__}: {error}"

    def report(self, name, complaint, path, document):
        self.failed += 1
        if self.failed > MOST_FAILURES_SHOWN:
            return
        body = json.dumps(document())
        data = shlex.quote(body) if len(body) <= LONGEST_BODY_PRINTED else "@" + saved(name, body)
        print(f"\nFAILED {name} (--seed {self.seed} --only {name}): {complaint[:2000]}\n"
              f"curl -s -H 'Content-Type: application/json' {self.url}{path} -d {data}\n", flush=True)

    def everything(self, names):
        lots = random.Random(f"{self.seed}:lots")
        done = 0
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            while done < len(names):
                lot = names[done:done + lots.randint(1, 8)]
                prepared = [prepare(*name, self.seed) for name in lot]
                complaints = threads.map(self.attempt, [check for check, _, _ in prepared])
                for (kind, index), (_, path, document), complaint in zip(lot, prepared, complaints):
                    if complaint is None:
                        self.passed += 1
                    else:
                        self.report(f"{kind}:{index}", complaint, path, document)
                before, done = done, done + len(lot)
                if done // PROGRESS_EVERY > before // PROGRESS_EVERY and done < len(names):
                    print(f"differential: {done} of {len(names)}, {self.failed} failed", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conv", type=int, default=2000, help="cases of /conv2d")
    parser.add_argument("--pool", type=int, default=2000, help="cases of /pool2d")
    parser.add_argument("--shape", type=int, default=1000, help="layers and chains of /shape")
    parser.add_argument("--seed", default=str(DEFAULT_SEED), help="a number, or 'random' for a fresh one")
    parser.add_argument("--only", help="one case alone, such as conv:17")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", default=os.environ.get("CONVD_URL"), help="a server that already runs")
    where.add_argument("--binary", help="the server to start (default: CONVD_BINARY, else build/convd)")
    return parser.parse_args()


def main():
    options = arguments()
    warnings.simplefilter("ignore")  # torch's remarks on odd layers
    seed = random.SystemRandom().randrange(2 ** 32) if options.seed == "random" else int(options.seed)
    names = [(kind, i) for kind in ("conv", "pool", "shape") for i in range(getattr(options, kind))]
    random.Random(seed).shuffle(names)
    if options.only:
        kind, _, index = options.only.partition(":")
        names = [(kind, int(index))]
    print(f"differential: seed {seed}, {len(names)} cases", flush=True)
    server = None if options.url else convd.Server(binary=options.binary)
    run = Run((options.url or server.url).rstrip("/"), seed)
    try:
        run.everything(names)
    finally:
        if server:
            server.stop()
    print(f"differential: {run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
