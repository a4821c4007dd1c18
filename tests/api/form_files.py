"""Files of tensors and the answers that hold some: what the tests of the binary forms share.

numpy writes npy and npz; safetensors is written and read here, from its description, with struct and json.
"""

import io
import json
import struct

import numpy

JSON, NPZ, ZIP = "application/json", "application/x-npz", "application/zip"
NPY, SAFETENSORS, RAW = "application/x-npy", "application/x-safetensors", "application/octet-stream"

SAFETENSORS_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
                     "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL"}


def npy(array, version=None):
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def npz(save=numpy.savez, **tensors):
    out = io.BytesIO()
    save(out, **tensors)
    return out.getvalue()


class Pipe(io.RawIOBase):
    """What cannot be sought in: a zip written to it has data descriptors."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)


def npz_streamed(save=numpy.savez, **tensors):
    pipe = Pipe()
    save(pipe, **tensors)
    return bytes(pipe.data)


def safetensors(metadata=None, pad=8, **tensors):
    """Values are arrays, or (name of a dtype, shape, bytes) for what numpy has no dtype for."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, tensor in tensors.items():
        dtype, shape, content = tensor if isinstance(tensor, tuple) else (
            SAFETENSORS_NAMES[tensor.dtype.name], tensor.shape,
            numpy.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).tobytes())
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % pad)
    return struct.pack("<Q", len(text)) + text + data


def read_safetensors(body):
    """The tensors by name, after checking what the format demands of a file."""
    (length,) = struct.unpack_from("<Q", body)
    text, data = body[8:8 + length], body[8 + length:]
    assert (8 + length) % 8 == 0 and text[:1] == b"{" and text.rstrip(b" ")[-1:] == b"}"
    header, at, tensors = json.loads(text), 0, {}
    numpy_names = {name: dtype for dtype, name in SAFETENSORS_NAMES.items()}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == at, header
        at = end
        dtype = numpy.dtype(numpy_names[entry["dtype"]]).newbyteorder("<")
        assert (8 + length + begin) % dtype.itemsize == 0, header
        tensors[name] = numpy.frombuffer(data[begin:end], dtype).reshape(entry["shape"])
    assert at == len(data), header
    return tensors


def read_answer(answer, unpack):
    """{"output": …, "indices": …} of a 200 answer in any form; `unpack` reads a tensor of a JSON document."""
    assert answer.status == 200, answer
    if answer.media_type == JSON:
        return {name: unpack(answer.json, name)[1] for name in ("output", "indices") if name in answer.json}
    if answer.media_type in (NPZ, ZIP):
        with numpy.load(io.BytesIO(answer.body)) as archive:
            return dict(archive)
    if answer.media_type == NPY:
        return {"output": numpy.load(io.BytesIO(answer.body))}
    if answer.media_type == SAFETENSORS:
        return read_safetensors(answer.body)
    assert answer.media_type == RAW, answer.headers
    shape = [int(size) for size in answer.headers["X-Tensor-Shape"].split(",")]
    dtype = numpy.dtype(answer.headers["X-Tensor-Dtype"]).newbyteorder("<")
    return {"output": numpy.frombuffer(answer.body, dtype).reshape(shape)}
