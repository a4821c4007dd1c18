"""api/openapi.json for tests: references followed, schemas as validators, kinds of requests with their fields."""

import json
import re

import jsonschema

import client as convd

PATH = convd.ROOT / "api" / "openapi.json"
DOCUMENT = convd.strict_json(PATH.read_text("utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


# ---- the document ----


def target(reference):
    """What "#/components/…" names."""
    place = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        place = place[step.replace("~1", "/").replace("~0", "~")]
    return place


def resolved(node):
    """The node with its reference followed; what stands beside the reference wins, as a reader sees it."""
    while "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**target(node["$ref"]), **beside}
    return node


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def parameters(path, method):
    item = DOCUMENT["paths"][path]
    return [resolved(one) for one in item.get("parameters", []) + item[method].get("parameters", [])]


def query_names(path, method):
    return {one["name"] for one in parameters(path, method) if one["in"] == "query"}


def validator(schema):
    """A validator of a schema of this document, in which "#/components/…" is found."""
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def nodes(node=DOCUMENT, place="#"):
    """Every object of the document, examples' own documents excepted, with its place."""
    if isinstance(node, dict):
        yield place, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        if key not in ("value", "x-request"):
            yield from nodes(value, f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}")


# ---- kinds of requests: an endpoint, a mode of /pool2d, a layer type of /shape ----


def request_schema(path):
    return DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def named(name, **beside):
    return {**beside, "$ref": f"#/components/schemas/{name}"}


class Kind:
    """Requests that have the same fields. `base` holds the required ones and nothing else.

    `schema` is that of the fields alone, which says the same of them as the whole request's and is much quicker.
    """

    def __init__(self, name, path, schema, fields, required, base, pack=lambda fields: fields, at=""):
        self.name, self.path, self.fields, self.required = name, path, fields, set(required)
        self.base, self.pack, self.at = base, pack, at
        self.own = validator(schema)
        self.whole = validator(request_schema(path))

    def __repr__(self):
        return self.name

    def send(self, client, fields):
        return client.post(self.path, self.pack(fields))

    def accepts(self, fields):
        return self.own.is_valid(fields)

    def accepts_whole(self, fields):
        return self.whole.is_valid(self.pack(fields))


def fields_of(schema):
    return {name: resolved(field) for name, field in schema["properties"].items()}


IMAGE = [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 1, 2, 3], [4, 5, 6, 7]]]
FILTER = [[[[1, 0, 2], [0, 1, 0], [3, 0, 1]]]]
REQUIRED = {"out_channels": 4, "kernel_size": 3, "norm_type": 2, "output_size": 2, "padding": 1, "out_features": 5}
LAYERS = [reference["$ref"].rpartition("/")[2] for reference in SCHEMAS["AnyLayer"]["oneOf"]]
MODES = [reference["$ref"].rpartition("/")[2] for reference in SCHEMAS["Pool2dRequest"]["oneOf"]]


def required_values(schema):
    return {name: REQUIRED[name] for name in schema["required"] if name in REQUIRED}


def conv2d():
    schema = SCHEMAS["Conv2dRequest"]
    return Kind("/conv2d", "/conv2d", named("Conv2dRequest"), fields_of(schema),
                schema["required"], {"input": IMAGE, "weight": FILTER})


def pool2d(name):
    schema = SCHEMAS[name]
    mode = schema["properties"]["mode"]["const"]
    base = {"input": IMAGE, **required_values(schema), **({"mode": mode} if "mode" in schema["required"] else {})}
    return Kind(f"/pool2d {mode}", "/pool2d", named(name), fields_of(schema), schema["required"], base)


def axes_of(layer):
    match = re.search(r"([123])d$", layer)
    return int(match.group(1)) if match else 2


def shape_of(layer):
    return [2, 4] + [8] * axes_of(layer)


def layer_base(layer):
    """An upsample takes one of two fields, which no list of required ones can say."""
    return {"type": layer, **required_values(SCHEMAS[layer]), **({"scale_factor": 2} if layer == "upsample" else {})}


def single_layer(layer):
    schema, beside = SCHEMAS[layer], SCHEMAS["ShapeLayer"]
    return Kind(f"/shape {layer}", "/shape", named(layer, **beside),
                {**fields_of(schema), **fields_of(beside)}, schema["required"] + beside["required"],
                {**layer_base(layer), "input_shape": shape_of(layer)})


def chained_layer(layer):
    schema = SCHEMAS[layer]
    return Kind(f"/shape layers {layer}", "/shape", named(layer, unevaluatedProperties=False),
                fields_of(schema), schema["required"], layer_base(layer),
                pack=lambda fields: {"input_shape": shape_of(layer), "layers": [fields]}, at="/layers/0")


def chain():
    schema = SCHEMAS["ShapeChain"]
    return Kind("/shape chain", "/shape", named("ShapeChain"), fields_of(schema), schema["required"],
                {"input_shape": [2, 4, 8, 8], "layers": [{"type": "relu"}]})


def tensor(name, base):
    schema = SCHEMAS[name]
    return Kind(f"tensor {name}", "/pool2d", named(name), fields_of(schema), schema["required"], base,
                pack=lambda fields: {"input": fields, "kernel_size": 1}, at="/input")


FLAT = tensor("FlatTensor", {"shape": [1, 1, 2], "data": [1, 2]})
BASE64 = tensor("Base64Tensor", {"shape": [1, 1, 2], "base64": "AACAPwAAAEA="})
KINDS = [conv2d(), *map(pool2d, MODES), *map(single_layer, LAYERS), *map(chained_layer, LAYERS), chain(), FLAT, BASE64]


# ---- requests ----


def query_text(fields):
    """Fields as GET /shape and binary bodies have them: stride=2,1."""
    def text(value):
        if isinstance(value, list):
            return ",".join(text(one) for one in value)
        return value if isinstance(value, str) else json.dumps(value)

    return "&".join(f"{name}={text(value)}" for name, value in fields.items())
