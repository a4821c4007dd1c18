"""The layers that are asked for, as request bodies in each form, and what the answers have to be."""

import io
import json
import pathlib
import sys

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import texts  # noqa: E402  (needs the path above)

# C, H, W, K, kernel, stride, padding; one picture, no bias.
LAYERS = {
    "tiny": (1, 5, 5, 1, 3, 1, 0),
    "lenet": (1, 32, 32, 6, 3, 1, 0),
    "cifar": (3, 32, 32, 32, 3, 1, 1),
    "mid": (64, 56, 56, 64, 3, 1, 1),
    "image": (3, 224, 224, 64, 7, 2, 3),
}

MEDIA = {
    "json": "application/json",
    "npz": "application/x-npz",
    "safetensors": "application/x-safetensors",
}

# Of the largest magnitude of the answer: sums of up to 576 products in another order than PyTorch's.
MOST_ERROR = 1e-5


class Request:
    """One layer with random normal numbers in one form. `path` has the parameters that the body cannot say."""

    def __init__(self, layer, form):
        channels, height, width, outputs, kernel, stride, padding = LAYERS[layer]
        generator = numpy.random.default_rng(1)
        tensors = {"input": texts.normal(generator, (1, channels, height, width)),
                   "weight": texts.normal(generator, (outputs, channels, kernel, kernel))}
        parameters = {"stride": stride, "padding": padding}
        self.layer, self.form, self.media = layer, form, MEDIA[form]
        self.path = "/conv2d"
        if form == "json":
            self.body = json_body(tensors, parameters)
        else:
            self.body = (npz_body if form == "npz" else safetensors_body)(tensors)
            self.path += f"?stride={stride}&padding={padding}"
        self.expected = torch.nn.functional.conv2d(
            *(torch.from_numpy(tensors[name]).double() for name in ("input", "weight")), **parameters).numpy()

    def error_of(self, answer):
        """The largest absolute error of an answer's bytes; ValueError when it is no answer to this request."""
        output = OUTPUT[self.form](answer)
        if output.shape != self.expected.shape:
            raise ValueError(f"the output's shape is {output.shape}, not {self.expected.shape}")
        error = float(numpy.abs(output - self.expected).max())
        if not error <= MOST_ERROR * numpy.abs(self.expected).max():
            raise ValueError(f"the output is off by {error}")
        return error


# ---- bodies ----

def json_body(tensors, parameters):
    document = {name: texts.shortest(array) for name, array in tensors.items()}
    return json.dumps({**document, **parameters}, separators=(",", ":")).encode()


def npz_body(tensors):
    body = io.BytesIO()
    numpy.savez(body, **tensors)
    return body.getvalue()


def safetensors_body(tensors):
    """https://github.com/huggingface/safetensors: the header's length in 8 bytes, the header, padded to 8, the data."""
    header, data = {}, b""
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.astype("<f4").tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


# ---- answers ----

def json_output(answer):
    return numpy.array(json.loads(answer)["output"], numpy.float64)


def npz_output(answer):
    with numpy.load(io.BytesIO(answer)) as members:
        return members["output"].astype(numpy.float64)


def safetensors_output(answer):
    end = 8 + int.from_bytes(answer[:8], "little")
    entry = json.loads(answer[8:end])["output"]
    if entry["dtype"] != "F32":
        raise ValueError(f"the output's dtype is {entry['dtype']}")
    begin, stop = entry["data_offsets"]
    return numpy.frombuffer(answer[end + begin:end + stop], "<f4").reshape(entry["shape"]).astype(numpy.float64)


OUTPUT = {"json": json_output, "npz": npz_output, "safetensors": safetensors_output}
