"""Runs the cases of tests/contract/*.json: each is a request and what the contract says of its answer.

tests/README.md describes the form of a case. Beyond what a case names, every answer is checked for what holds
always: problems are whole, answers are strict JSON, formulas evaluate, totals add up.
"""

import base64
import json
import math
import pathlib
import re

import pytest

import client as convd

CONTRACT = pathlib.Path(__file__).resolve().parents[1] / "contract"

REQUEST_KEYS = {"method", "path", "headers", "json", "text", "base64"}
EXPECT_KEYS = {"status", "problem", "pointer", "detail", "headers", "headers_match", "json", "contains",
               "text_contains", "keys", "absent", "empty"}


def load_cases():
    for path in sorted(CONTRACT.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        for case in document["cases"]:
            merged = {**document["defaults"], **case}
            assert set(merged) - {"name", "expect"} <= REQUEST_KEYS, f"{path.name}: {case['name']}: {sorted(merged)}"
            assert set(merged["expect"]) <= EXPECT_KEYS, f"{path.name}: {case['name']}: {sorted(merged['expect'])}"
            yield pytest.param(merged, id=f"{path.stem}: {case['name']}")


CASES = list(load_cases())


@pytest.mark.parametrize("case", CASES)
def test_case(client, case):
    answer = client.request(case["method"], case["path"], body_of(case), case.get("headers"))
    expect = case["expect"]
    assert answer.status in one_or_several(expect["status"]), answer
    check_always(case, answer)
    if case["method"] != "HEAD":
        check_problem(expect, answer)
        check_body(expect, answer)
    check_headers(expect, answer)


def test_names_are_unique():
    names = [case.id for case in CASES]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


def test_every_problem_type_has_a_case():
    """The list of types in api/problem.h and the cases that fetch their pages must not drift apart."""
    header = (convd.ROOT / "api" / "problem.h").read_text("utf-8")
    declared = set(re.findall(r'X\([A-Z0-9_]+, "([a-z0-9-]+)", \d+', header))
    fetched = {case.values[0]["path"].removeprefix("/problems/") for case in CASES
               if case.values[0]["path"].startswith("/problems/") and case.values[0]["expect"]["status"] == 200}
    assert declared and declared == fetched


def test_version_is_that_of_the_source(client):
    header = (convd.ROOT / "lib" / "version.h").read_text("utf-8")
    version = re.search(r'CONVD_VERSION "([^"]+)"', header).group(1)
    assert client.get("/version").json["version"] == version


def body_of(case):
    if "json" in case:
        return json.dumps(case["json"])
    if "base64" in case:
        return base64.b64decode(case["base64"])
    return case.get("text")


def one_or_several(expected):
    return expected if isinstance(expected, list) else [expected]


# ---- what holds of every answer ----


def check_always(case, answer):
    assert answer.headers.get("X-Request-Id"), "no X-Request-Id"
    if case["method"] == "HEAD" or case["expect"].get("empty"):
        assert answer.body == b"", answer
        return
    if answer.status >= 400:
        check_problem_is_whole(answer)
    elif case["path"].partition("?")[0] == "/shape" and case["method"] in ("GET", "POST"):
        check_shape_answer(answer.json)


def check_problem_is_whole(answer):
    assert answer.media_type == "application/problem+json", answer.headers
    problem = answer.json
    assert set(problem) <= {"type", "title", "status", "detail", "pointer", "instance"}, problem
    assert problem["type"].startswith("/problems/") and problem["title"] and problem["detail"], problem
    assert problem["status"] == answer.status
    assert problem["instance"] == answer.headers["X-Request-Id"]
    if "pointer" in problem:
        assert problem["pointer"] == "" or problem["pointer"].startswith("/"), problem


def check_shape_answer(document):
    layers, total = document["layers"], document["total"]
    assert layers[-1]["output_shape"] == document["output_shape"]
    for layer, following in zip(layers, layers[1:]):
        assert layer["output_shape"] == following["input_shape"]
    for key in ("parameters", "macs", "output_bytes"):
        assert total[key] == sum(layer[key] for layer in layers), key
    for layer in layers:
        check_formula(layer)
        assert (layer["receptive_field"] is None) == (layer["effective_stride"] is None), layer


WINDOWED = re.compile(r"(conv|conv_transpose|max_pool|avg_pool|lp_pool)[123]d")
AXES = {1: ["length"], 2: ["height", "width"], 3: ["depth", "height", "width"]}


def check_formula(layer):
    """What stands left of `=` evaluates to what stands right of it, and that is the output's size."""
    if "formula" not in layer:
        assert not WINDOWED.fullmatch(layer["type"]), f"{layer['type']} has a window and no formula"
        return
    names = list(layer["formula"])
    assert names == AXES[len(names)], names
    for name, size in zip(names, layer["output_shape"][-len(names):]):
        left, right = layer["formula"][name].split(" = ")
        assert int(right) == size == evaluate(left), f"{name}: {layer['formula'][name]}, output {size}"


def evaluate(text):
    assert re.fullmatch(r"(floor|ceil|[0-9 ()+*/.-])+", text), text
    return eval(text, {"__builtins__": {}}, {"floor": math.floor, "ceil": math.ceil})


# ---- what a case names ----


def check_problem(expect, answer):
    if "problem" in expect:
        assert answer.problem in one_or_several(expect["problem"]), answer
    if "pointer" in expect:
        assert answer.pointer in one_or_several(expect["pointer"]), answer
    for words in expect.get("detail", []):
        assert words in answer.detail, f"{words!r} is not in {answer.detail!r}"


def check_headers(expect, answer):
    for name, value in expect.get("headers", {}).items():
        got = answer.headers.get(name)
        if value is None:
            assert got is None, f"{name}: {got!r}"
            continue
        assert got is not None and (got == value or got.partition(";")[0] == value), f"{name}: {got!r}"
    for name, pattern in expect.get("headers_match", {}).items():
        assert re.search(pattern, answer.headers.get(name) or ""), f"{name}: {answer.headers.get(name)!r}"


def check_body(expect, answer):
    if "json" in expect:
        check_subset(expect["json"], answer.json, "")
    dense = re.sub(r"\s", "", answer.text) if "contains" in expect else ""
    for part in expect.get("contains", []):
        assert part in dense, f"{part!r} is not in {dense!r}"
    for part in expect.get("text_contains", []):
        assert part in answer.text, f"{part!r} is not in {answer.text!r}"
    for key in expect.get("keys", []):
        assert key in answer.json, answer
    for key in expect.get("absent", []):
        assert key not in answer.json, answer


def check_subset(expected, got, place):
    """Objects may hold more than expected; lists, numbers and texts are equal."""
    if isinstance(expected, dict):
        assert isinstance(got, dict), f"{place}: {got!r}"
        for key, value in expected.items():
            assert key in got, f"{place}/{key} is missing"
            check_subset(value, got[key], f"{place}/{key}")
    elif isinstance(expected, list):
        assert isinstance(got, list) and len(got) == len(expected), f"{place}: {got!r}, expected {expected!r}"
        for index, value in enumerate(expected):
            check_subset(value, got[index], f"{place}/{index}")
    else:
        assert isinstance(got, bool) == isinstance(expected, bool), f"{place}: {got!r}, expected {expected!r}"
        assert got == expected, f"{place}: {got!r}, expected {expected!r}"
