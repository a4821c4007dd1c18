"""api/openapi.json says what the server does: the document and the server are asked the same questions.

openapi.py reads the document and makes the kinds of requests (/conv2d, a mode of /pool2d, a layer type of /shape).
"""

import base64
import io
import json
import os
import re
import subprocess
import urllib.parse

import jsonschema
import numpy
import pytest

import client as convd
import openapi
from openapi import DOCUMENT, KINDS, SCHEMAS
from test_contract import CASES, body_of

UNKNOWN = "zzzzzzzz"  # so far from every name that the known ones are listed
IDS = [repr(kind) for kind in KINDS]
RESPONSES = DOCUMENT["components"]["responses"]


def known_fields(answer):
    assert answer.status == 422 and answer.problem == "unknown-field", answer
    return set(re.search(r"its fields are: (.*)$", answer.detail).group(1).split(", "))


# ---- the document by itself ----


def test_references_lead_somewhere():
    for place, node in openapi.nodes():
        if "$ref" in node:
            assert isinstance(openapi.target(node["$ref"]), dict), place


def test_nothing_lies_about_unused():
    used = {node["$ref"] for _, node in openapi.nodes() if "$ref" in node}
    general = {"#/components/responses/NotFound", "#/components/responses/MethodNotAllowed"}  # of paths and methods
    for kind, components in DOCUMENT["components"].items():
        for name in components:
            assert f"#/components/{kind}/{name}" in used | general


def test_operations_are_whole():
    ids = [operation["operationId"] for _, _, operation in openapi.operations()]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, method, operation in openapi.operations():
        place = f"{method} {path}"
        assert operation["summary"] and operation["description"], place
        assert set(operation["tags"]) <= tags and len(operation["tags"]) == 1, place
        names = [(p["in"], p["name"]) for p in openapi.parameters(path, method)]
        assert [("path", name) for name in re.findall(r"{(\w+)}", path)] == [n for n in names if n[0] == "path"], place
        assert len(names) == len(set(names)), place
        assert all(p["description"] and p["schema"] for p in openapi.parameters(path, method)), place
        for status, response in operation["responses"].items():
            assert openapi.resolved(response)["description"], f"{place} {status}"


def test_every_field_is_described():
    for kind in KINDS:
        for name, field in kind.fields.items():
            assert name == "type" or field.get("description"), f"{kind}: {name}"


def test_schemas_are_json_schema():
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_schemas_take_their_own_examples():
    for name, schema in SCHEMAS.items():
        for example in schema.get("examples", []):
            openapi.validator({"$ref": f"#/components/schemas/{name}"}).validate(example)


def test_defaults_are_values_of_their_schemas():
    for place, node in openapi.nodes():
        if "default" in node and not place.endswith("/properties"):
            openapi.validator(node).validate(node["default"])


def test_version_is_that_of_the_source():
    header = (convd.ROOT / "lib" / "version.h").read_text("utf-8")
    assert DOCUMENT["info"]["version"] == re.search(r'CONVD_VERSION "([^"]+)"', header).group(1)


# ---- paths and methods ----

# Pages for browsers, and what they load.
PAGES = {"/", "/docs", "/openapi.json"}


def test_paths_are_those_of_the_source():
    source = (convd.ROOT / "api" / "api.c").read_text("utf-8")
    table = re.search(r"routes\[\] = {(.*?)\n};", source, re.S).group(1)
    routes = {path + "{name}" if path == "/problems/" else path for path in re.findall(r'{"(/[^"]*)"', table)}
    assert routes - {"/assets/"} | PAGES == set(DOCUMENT["paths"])


def test_index_lists_the_operations(client):
    listed = set(client.get("/").json["endpoints"])
    documented = {f"{method.upper()} {path}" for path, method, _ in openapi.operations()}
    assert documented - {f"GET {path}" for path in PAGES} <= listed <= documented


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_methods(client, path):
    item = DOCUMENT["paths"][path]
    path = path.replace("{name}", "overloaded")
    answer = client.request("PATCH", path)
    if path in PAGES and answer.status == 404:
        pytest.skip("this server has no pages")
    expected = {"OPTIONS"} | {"POST"} & {m.upper() for m in item} | ({"GET", "HEAD"} if "get" in item else set())
    assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == expected
    answer = client.request("OPTIONS", path)
    assert answer.status == 204 and set(answer.headers["Allow"].split(", ")) == expected


def test_openapi_json_is_this_file(client):
    answer = client.get("/openapi.json")
    if answer.status == 404:
        pytest.skip("this server has no pages")
    assert answer.status == 200 and answer.body == openapi.PATH.read_bytes()


# ---- fields: names ----


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_fields_are_those_that_the_server_knows(client, kind):
    known = known_fields(kind.send(client, {**kind.base, UNKNOWN: 1}))
    if kind in (openapi.FLAT, openapi.BASE64):
        assert known == set(openapi.FLAT.fields) | set(openapi.BASE64.fields)
    else:
        assert known == set(kind.fields)
    assert not kind.accepts({**kind.base, UNKNOWN: 1}) and not kind.accepts_whole({**kind.base, UNKNOWN: 1})


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_required_fields_are_required(client, kind):
    assert set(kind.base) == kind.required | ({"scale_factor"} if kind.base.get("type") == "upsample" else set())
    assert kind.send(client, kind.base).status == 200 and kind.accepts(kind.base) and kind.accepts_whole(kind.base)
    for name in kind.required:
        rest = {key: value for key, value in kind.base.items() if key != name}
        answer = kind.send(client, rest)
        if name == "mode":  # without it the request is one for max pooling
            continue
        assert not kind.accepts(rest) and not kind.accepts_whole(rest), name
        if name == "layers":  # … for a single layer
            assert answer.problem == "missing-field" and answer.pointer == "/type"
        elif name == "base64":  # either is missing; the pointer names the other
            assert answer.problem == "missing-field" and answer.pointer == f"{kind.at}/data"
        else:
            assert answer.problem == "missing-field" and answer.pointer == f"{kind.at}/{name}", answer


def npy(array):
    file = io.BytesIO()
    numpy.save(file, numpy.asarray(array, "f4"))
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    numpy.savez(file, **{name: numpy.asarray(array, "f4") for name, array in arrays.items()})
    return file.getvalue()


def files():
    """Each endpoint that reads files: its path, headers, body, tensors, and queries that name all its kinds."""
    conv = npz(input=openapi.IMAGE, weight=openapi.FILTER)
    modes = [f"mode={SCHEMAS[name]['properties']['mode']['const']}" for name in openapi.MODES]
    yield "/conv2d", {"Content-Type": "application/x-npz"}, conv, {"input", "weight", "bias"}, [""]
    yield "/pool2d", {"Content-Type": "application/x-npy"}, npy(openapi.IMAGE), {"input"}, modes


@pytest.mark.parametrize("path, headers, body, tensors, queries", files())
def test_query_defaults(client, path, headers, body, tensors, queries):
    for query in queries:
        kind = next(kind for kind in KINDS if kind.path == path and query in ("", "mode=" + kind.name.split()[-1]))
        required = {name: value for name, value in kind.base.items() if name not in tensors}
        plain = client.post_raw(f"{path}?{openapi.query_text({**required, **mode_of(query)})}", body, headers)
        assert plain.status == 200, plain
        for parameter in openapi.parameters(path, "post"):
            name, default = parameter["name"], openapi.resolved(parameter["schema"]).get("default")
            if name in kind.fields and name not in required and default is not None:
                spelt = {**required, **mode_of(query), name: default}
                answer = client.post_raw(f"{path}?{openapi.query_text(spelt)}", body, headers)
                assert answer.status == 200 and answer.body == plain.body, f"{name}: {answer}"


def mode_of(query):
    return {"mode": query.partition("=")[2]} if query else {}


@pytest.mark.parametrize("path, headers, body, tensors, queries", files())
def test_query_parameters_of_files(client, path, headers, body, tensors, queries):
    known = set()
    for query in queries:
        known |= known_fields(client.post_raw(f"{path}?{query}&{UNKNOWN}=1", body, headers))
    assert known == openapi.query_names(path, "post") | tensors
    content = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]
    assert set(content["multipart/form-data"]["schema"]["properties"]) == known


def test_query_parameters_of_get_shape():
    fields = {name for layer in openapi.LAYERS for name in openapi.single_layer(layer).fields}
    assert openapi.query_names("/shape", "get") == fields
    types = next(p for p in openapi.parameters("/shape", "get") if p["name"] == "type")
    assert types["schema"]["enum"] == openapi.LAYERS


@pytest.mark.parametrize("layer", openapi.LAYERS)
def test_get_shape_answers_as_post(client, layer):
    kind = openapi.single_layer(layer)
    spelt = {**kind.base, **{name: field["default"] for name, field in kind.fields.items()
                             if field.get("default") is not None}}
    answer = client.get("/shape?" + openapi.query_text(spelt))
    assert answer.status == 200 and answer.body == kind.send(client, kind.base).body, answer


# ---- fields: defaults ----

# Defaults that depend on something: the words of x-default, and what they come to beside the base request.
DEPENDENT = {
    "from `weight`": {"in_channels": 1, "out_channels": 1, "kernel_size": 3},
    "`kernel_size`": {"stride": 3},
    "the form of `input`": {"format": "nested"},
    "`input`'s own, else `float32`": {"dtype": "float32"},
    "the request's": {"dtype": "float32"},
    "from the input": {"in_channels": 4, "in_features": 8, "num_features": 4},
    "chosen as PyTorch does": {"dim": 1},
    # Neither of these can be said beside what the base says.
    "from `scale_factor`": {}, "from `size`": {}, "off": {}, '`"auto"`': {},
}


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_defaults(client, kind):
    plain = kind.send(client, kind.base)
    for name, field in kind.fields.items():
        if name in kind.base:
            continue
        assert "default" in field or field.get("x-default") in DEPENDENT, f"{name} has no default"
        if "default" in field:
            value = field["default"]
        elif name in DEPENDENT[field["x-default"]]:
            value = DEPENDENT[field["x-default"]][name]
        else:
            continue
        answer = kind.send(client, {**kind.base, name: value})
        assert answer.status == 200 and answer.body == plain.body, f"{name}: {value!r}: {answer}"


def test_default_range_is_automatic(client):
    for path, base in (("/conv2d", openapi.conv2d().base), ("/pool2d", openapi.pool2d("Pool2dMax").base)):
        plain = client.post(path, base, {"Accept": "image/png"})
        spelt = client.post(path, {**base, "range": "auto"}, {"Accept": "image/png"})
        assert plain.status == spelt.status == 200 and plain.body == spelt.body


# ---- fields: values ----

EMPTY = {"input": {"shape": [1, 0, 4, 4], "data": []}, "weight": {"shape": [1, 0, 1, 1], "data": []}}
POINT = {"weight": [[[[2]]]]}


def accepted_values(schema):
    """Values at the edges of what the schema takes."""
    schema = openapi.resolved(schema)
    for choice in schema.get("oneOf", []) + schema.get("anyOf", []):
        yield from accepted_values(choice)
    yield from schema.get("enum", [])
    if "const" in schema:
        yield schema["const"]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "boolean" in kinds:
        yield from (True, False)
    if "null" in kinds:
        yield None
    if "integer" in kinds or "number" in kinds:
        # (The greatest integers are those of a type, which no layer has room for.)
        edges = ("minimum", "maximum") if "number" in kinds else ("minimum",)
        yield from [schema[key] for key in edges if key in schema]
    if "array" in kinds:
        for item in accepted_values(schema["items"]):
            yield from ([item] * length for length in {schema.get("minItems", 0), schema.get("maxItems", 3)})


def test_enums_and_minima_are_accepted(client):
    """Every enum's value and every minimum, alone and in lists, in a request that can take it."""
    tried = 0
    for kind, name, beside in edge_requests():
        for value in accepted_values(kind.fields[name]):
            fields = {**kind.base, **beside, name: value}
            answer = kind.send(client, fields)
            assert answer.status == 200, f"{kind}: {name}: {value!r}: {answer}"
            assert kind.accepts(fields), f"{kind}: {name}: {value!r}"
            tried += 1
    assert tried > 800


def edge_requests():
    for kind in KINDS:
        for name in kind.fields:
            beside = beside_of(kind, name)
            if beside is not None:
                yield kind, name, beside


TENSORS = {"input", "weight", "bias", "data", "base64", "shape", "layers", "input_shape"}


def beside_of(kind, name):
    """The fields beside which edge values of `name` are accepted; None when that is another test's matter."""
    layer, axes = kind.base.get("type", ""), openapi.axes_of(kind.base.get("type", ""))
    chained = kind.name.startswith("/shape layers")
    if name in TENSORS or name in ("type", "range") or chained and name == "dtype":  # which is the request's alone
        return None
    if kind is openapi.BASE64:
        return None  # its dtype says how many bytes there are
    if kind.name == "/conv2d":
        return {"in_channels": EMPTY, "kernel_size": POINT}.get(name, {})
    if name == "padding" and layer.endswith("_pad2d"):
        return None  # its edges are those of the 32-bit type, see test_sides
    if name in ("size", "scale_factor", "mode") and layer == "upsample":
        return None  # depend on each other, see test_upsample
    if name == "align_corners":
        return {"mode": "bilinear"}
    if name == "in_channels" and layer.startswith("conv_transpose"):
        return None if chained else {"input_shape": [2, 1] + [8] * axes}
    if name in ("in_channels", "in_features", "num_features"):
        empty = [2, 0] if name == "in_features" else [2, 0] + [8] * axes
        return None if chained else {"input_shape": empty, **({"affine": False} if name == "num_features" else {})}
    return {}


def test_input_shapes(client):
    relu = openapi.single_layer("relu")
    for shape in ([], [0], [0] * 32):
        assert relu.send(client, {**relu.base, "input_shape": shape}).status == 200
        assert relu.accepts({**relu.base, "input_shape": shape})
    for shape in ([-1], [1] * 33, [True], 3, None):
        assert relu.send(client, {**relu.base, "input_shape": shape}).status == 422
        assert not relu.accepts({**relu.base, "input_shape": shape})


def test_upsample(client):
    kind = openapi.single_layer("upsample")
    base = {key: value for key, value in kind.base.items() if key != "scale_factor"}
    shapes = {"nearest": 2, "linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3, "nearest-exact": 2, "area": 2}
    assert list(shapes) == kind.fields["mode"]["enum"]
    for mode, axes in shapes.items():
        for name, value in (("size", 1), ("size", [1]), ("size", [1] * axes), ("scale_factor", 0.5),
                            ("scale_factor", [2] * axes)):
            size = {name: value}
            fields = {**base, "input_shape": [2, 4] + [8] * axes, "mode": mode, **size}
            assert kind.send(client, fields).status == 200 and kind.accepts(fields), fields
    for wrong in ({}, {"size": 2, "scale_factor": 2}, {"size": 0}, {"scale_factor": 0}, {"size": [1] * 4},
                  {"size": []}):
        assert kind.send(client, {**base, **wrong}).status == 422 and not kind.accepts({**base, **wrong}), wrong


@pytest.mark.parametrize("layer", ["zero_pad2d", "reflection_pad2d", "replication_pad2d"])
def test_sides(client, layer):
    kind, bound = openapi.single_layer(layer), 2**31
    for good in (1, -1, [0, 1, -1, 2]):
        assert kind.send(client, {**kind.base, "padding": good}).status == 200
        assert kind.accepts({**kind.base, "padding": good})
    for wrong in (-bound - 1, bound, [0, 0, 0, bound], [0, 0, -bound - 1, 0], [1], [1] * 3, [1] * 5, "same",
                  [[1, 1], [1, 1]]):
        assert kind.send(client, {**kind.base, "padding": wrong}).status == 422
        assert not kind.accepts({**kind.base, "padding": wrong})


def test_range(client):
    for kind in (openapi.conv2d(), openapi.pool2d("Pool2dMax")):
        for value, good in (("auto", True), ([0, 1], True), ([-1.5, 2e3], True), ([0], False), ([0, 1, 2], False),
                            (1, False), ("automatic", False), (["0", 1], False), (None, False), ([], False)):
            fields = {**kind.base, "range": value}
            status = client.post(kind.path, fields, {"Accept": "image/png"}).status
            assert (status == 200) == kind.accepts(fields) == good, value


# Values of many types and sizes: whatever the schema refuses the server refuses, and where the server finds a wrong
# type the schema does.
PROBES = [None, True, False, 0, 1, 2, -1, 1.0, 1.5, -0.5, 2**31 - 1, 2**31, -2**31, 1e300, "", "no-such-word", "same",
          "valid", "zeros", "max", "cpu", "1", {}, {"a": 1}, [], [1], [0], [-1], [1, 1], [0, 1], [1, 2, 1], [1] * 4,
          [1] * 5, [1.5], [2.0, 1], [True], [None], [None, 1], [1, None, 1], ["1"], ["same"], [[]], [[1]], [[1, 0]],
          [[0, 1], [1, 0]], [[0, 1]] * 3, [[0, 1]] * 4, [[0, 1, 1], [1, 0, 1]], [[1, 1], 1], [1, [1, 1]],
          [[0, -1], [0, 0]], [[None, 1], [1, 1]], [{"a": 1}], [[[1, 1]]]]


# Refusals by the number alone, not by what stands beside it.
BOUND = re.compile(r"it must be (at least [01]\b|at most 2147483647|between -2147483648|another number|a finite number)"
                   r"|has to be between 0 and 1")


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_schema_and_server_refuse_alike(client, kind):
    for name in kind.fields:
        if name in TENSORS:
            continue
        for value in PROBES:
            fields = {**kind.base, name: value}
            chooses = kind.path == "/pool2d" and name == "mode"  # the kind itself
            accepts = kind.accepts_whole(fields) if chooses else kind.accepts(fields)
            answer = kind.send(client, fields)
            what = f"{kind}: {name}: {value!r}: the schema {'accepts' if accepts else 'refuses'}; {answer}"
            assert accepts or answer.status == 422, what
            if answer.status == 422 and answer.problem in ("wrong-type", "missing-field", "number-out-of-range"):
                assert not accepts or has_too_many_bits(value), what
            if answer.status == 422 and BOUND.search(answer.detail):
                assert not accepts, what
            if answer.status == 422 and answer.problem == "invalid-value" and isinstance(value, str):
                assert not accepts or value in ("same", "valid"), what


def has_too_many_bits(value):
    """A schema's integers have no end; those of the server have 64 bits."""
    return isinstance(value, float) and abs(value) > 2**53


def test_maxima_are_held(client):
    """One more than the greatest number is refused; the greatest itself seldom fits what stands beside it."""
    for kind in KINDS:
        for name, field in kind.fields.items():
            for value in {maximum + 1 for maximum in maxima(field)}:
                assert kind.send(client, {**kind.base, name: value}).status == 422, f"{kind}: {name}: {value}"


def maxima(schema):
    schema = openapi.resolved(schema)
    yield from [schema["maximum"]] if "maximum" in schema else []
    for choice in schema.get("oneOf", []):
        yield from maxima(choice)


# ---- media types ----


def test_media_types(client):
    """The 415 lists what an endpoint reads, the 406 what it answers in."""
    for path in ("/conv2d", "/pool2d", "/shape"):
        operation = DOCUMENT["paths"][path]["post"]
        reads = client.post_raw(path, "x", {"Content-Type": "text/plain"})
        answers = client.post(path, {}, {"Accept": "text/plain"})
        assert named_types(reads.detail) == set(operation["requestBody"]["content"])
        assert named_types(answers.detail) == set(operation["responses"]["200"]["content"])


def named_types(detail):
    return set(re.findall(r"[a-z]+/[a-z-]+", detail.partition(";")[2]))


# ---- examples ----


def examples():
    """Every example of an answer, with the request that it answers."""
    for path, method, operation in openapi.operations():
        content = operation.get("requestBody", {}).get("content", {})
        bodies = content.get("application/json", {}).get("examples", {})
        answered = set()
        for status, response in operation["responses"].items():
            for name, example in answers_of(response):
                request = example.get("x-request") or ({"body": bodies[name]["value"]} if name in bodies else {})
                answered |= {name} if "x-request" not in example else set()
                yield pytest.param({"method": method.upper(), "path": path, **request}, int(status), example,
                                   id=f"{method} {path} {status} {name}")
        assert set(bodies) <= answered, f"{path}: an example without an answer"
    for component, response in RESPONSES.items():
        for name, example in answers_of(response):
            yield pytest.param(example["x-request"], None, example, id=f"{component} {name}")


def answers_of(response):
    for media in response.get("content", {}).values():
        yield from media.get("examples", {}).items()


def send_example(client, request):
    assert set(request) <= {"method", "path", "query", "headers", "body", "text", "base64", "file", "form"}, request
    body, headers = request.get("text"), {"X-Request-Id": "7f3a", **request.get("headers", {})}
    if "body" in request:
        body = json.dumps(request["body"])
    elif "base64" in request:
        body = base64.b64decode(request["base64"])
    elif "form" in request:
        body = "".join(f'--part\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                       for name, value in request["form"].items()) + "--part--\r\n"
        headers["Content-Type"] = "multipart/form-data; boundary=part"
    path = request["path"] + ("?" + request["query"] if "query" in request else "")
    return client.request(request["method"], path, body, headers)


@pytest.mark.parametrize("request_, status, example", examples())
def test_example(client, request_, status, example):
    answer = send_example(client, request_)
    assert status is None or answer.status == status, answer
    for name, value in example.get("x-headers", {}).items():
        assert answer.headers[name] == value
    if "x-base64" in example:
        assert answer.body == base64.b64decode(example["x-base64"])
    elif request_["path"] == "/version" and answer.status == 200:
        assert without_the_machine(answer.json) == without_the_machine(example["value"])
    else:
        assert json.dumps(answer.json) == json.dumps(example["value"])
    check_answer(request_["method"], request_["path"], answer)


def without_the_machine(version):
    limits = {name: limit for name, limit in version["limits"].items() if name != "memory_budget"}
    return {**version, "limits": limits, "build": sorted(version["build"]), "kernels": "", "bfloat16": None, "threads": 1}


def test_requests_of_examples_fit_their_schemas():
    for path, _, operation in openapi.operations():
        media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in media.get("examples", {}).values():
            openapi.validator(media["schema"]).validate(example["value"])


# ---- the contract's cases ----


def documented(method, path, status):
    """The documented response, or None."""
    path = urllib.parse.unquote(path.partition("?")[0])
    path = "/problems/{name}" if path.startswith("/problems/") else path
    method = "get" if method == "HEAD" else method.lower()
    item = DOCUMENT["paths"].get(path, {})
    if status == 405 and item:
        return RESPONSES["MethodNotAllowed"]
    if method not in item:
        return {404: RESPONSES["NotFound"], 400: RESPONSES["MalformedRequest"]}.get(status)
    response = item.get(method, {}).get("responses", {}).get(str(status))
    return openapi.resolved(response) if response else None


def check_answer(method, path, answer):
    """The status, media type, headers and body of an answer are documented."""
    response = documented(method, path, answer.status)
    assert response, f"{method} {path}: {answer.status} is not documented: {answer}"
    assert answer.media_type in response["content"] if "content" in response else answer.body == b"", answer
    for name, header in response.get("headers", {}).items():
        if name in answer.headers:
            openapi.validator(openapi.resolved(header)["schema"]).validate(answer.headers[name])
    for name in set(DOCUMENT["components"]["headers"]) - set(response["headers"]) if answer.status == 200 else ():
        assert name not in answer.headers, f"{name} is not documented"
    if answer.body and answer.media_type.endswith("json"):
        schema = response["content"][answer.media_type]["schema"]
        openapi.validator(schema).validate(answer.json)
        whole = SCHEMAS["Problem"] if "problem" in answer.media_type else openapi.resolved(schema)
        assert set(answer.json) <= set(whole["properties"]), "a member is not documented"


SCHEMA_PROBLEMS = ("unknown-field", "missing-field", "wrong-type")

# Refusals by fields that a schema of the document cannot say, and why.
BEYOND_SCHEMAS = {
    "a query beside": "the schema is the document's, and the fault is the query's",
    "goes with": "depends on Accept",
}


@pytest.mark.parametrize("case", CASES)
def test_contract_case(client, case):
    answer = client.request(case["method"], case["path"], body_of(case), case.get("headers"))
    if case["method"] == "OPTIONS" and answer.status == 204 or case["path"].startswith("/assets/"):
        return  # a page's styles and scripts are no part of the API
    check_answer(case["method"], case["path"], answer)
    operation = DOCUMENT["paths"].get(case["path"], {}).get("post")
    document = json_of(case)
    if case["method"] != "POST" or not operation or document is None:
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    accepts = openapi.validator(schema).is_valid(document)
    if answer.status == 200:
        assert accepts, "the schema refuses what the server takes"
    elif answer.problem in SCHEMA_PROBLEMS and not any(words in answer.detail for words in BEYOND_SCHEMAS):
        assert not accepts, f"the schema takes what the server refuses: {answer}"


def json_of(case):
    """The case's document; None when its body is no JSON, or a form or file."""
    media = (case.get("headers") or {}).get("Content-Type", "application/json").partition(";")[0]
    if media not in ("application/json", "application/x-www-form-urlencoded"):
        return None
    if "json" in case:
        return case["json"]
    try:
        return json.loads(case["text"])
    except (KeyError, ValueError, RecursionError):
        return None


# ---- problems and limits ----


def declared_problems():
    header = (convd.ROOT / "api" / "problem.h").read_text("utf-8").replace("\\\n", " ")
    rows = re.findall(r'X\([A-Z0-9_]+, "([a-z0-9-]+)", (\d+), "([^"]+)"', header)
    return {f"/problems/{name}": (int(status), title) for name, status, title in rows}


def test_problem_types_are_those_of_the_source():
    types = {one["const"]: (one["x-status"], one["title"]) for one in SCHEMAS["ProblemType"]["oneOf"]}
    assert types == declared_problems()
    pages = openapi.parameters("/problems/{name}", "get")
    assert [f"/problems/{name}" for p in pages if p["in"] == "path" for name in p["schema"]["enum"]] == list(types)


def test_problem_types_stand_under_their_statuses():
    declared, named = declared_problems(), set()
    responses = [(status, openapi.resolved(response)) for _, _, operation in openapi.operations()
                 for status, response in operation["responses"].items()]
    responses += [("404", RESPONSES["NotFound"]), ("405", RESPONSES["MethodNotAllowed"])]
    for status, response in responses:
        if int(status) < 400:
            continue
        types = response["content"]["application/problem+json"]["schema"]["properties"]["type"]["enum"]
        assert all(declared[name][0] == int(status) for name in types), f"{status}: {types}"
        named |= set(types)
    assert set(declared) - named == {"/problems/unauthorized"}  # no server of this version asks for a key


def test_limits_are_those_of_a_server_without_flags(start_server):
    server = start_server()
    limits, described = server.client().get("/version").json["limits"], SCHEMAS["Limits"]["properties"]
    assert set(limits) == set(described) == set(SCHEMAS["Limits"]["required"])
    for name, limit in described.items():
        assert limit.get("default", limits[name]) == limits[name], name


@pytest.mark.skipif("CONVD_URL" in os.environ, reason="the server under test is another program")
def test_limits_are_those_of_help():
    text = subprocess.run([convd.default_binary(), "--help"], capture_output=True, text=True, check=True).stdout
    standards = dict(re.findall(r"^  (--[a-z-]+) .*\[(\w+)\]$", text, re.M))
    units = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "ms": 1, "s": 1000}
    for name, limit in SCHEMAS["Limits"]["properties"].items():
        number, unit = re.fullmatch(r"(\d+)(\w*)", standards[limit["x-flag"]]).groups()
        assert limit.get("default", 0) == int(number) * units[unit], name
