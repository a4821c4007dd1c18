"""Makes the seeds of the target `handler`: the requests of tests/contract, and a few files of each binary form.

    seeds.py FOLDER

Each seed is a request as target_handler.c reads it: "METHOD path\\n", headers, an empty line, the body.
"""

import base64
import io
import json
import pathlib
import shutil
import struct
import sys
import zipfile

CONTRACT = pathlib.Path(__file__).resolve().parents[1] / "contract"


def message(method, path, headers, body):
    head = f"{method} {path}\n" + "".join(f"{name}: {value}\n" for name, value in headers.items()) + "\n"
    return head.encode("utf-8", "surrogateescape") + body


def body_of(case):
    if "json" in case:
        return json.dumps(case["json"]).encode()
    if "base64" in case:
        return base64.b64decode(case["base64"])
    return case.get("text", "").encode("utf-8", "surrogatepass")


def contract_seeds():
    for path in sorted(CONTRACT.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        for number, case in enumerate(document["cases"]):
            case = {**document["defaults"], **case}
            yield f"{path.stem}-{number:03}", message(case["method"], case["path"], case.get("headers", {}), body_of(case))


def npy(dtype, shape, data, order=False, version=1):
    header = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}"
    length = 2 if version == 1 else 4
    header += " " * (-(8 + length + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY" + bytes((version, 0)) + len(header).to_bytes(length, "little") + header.encode() + data


def npz(members, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), data, method)
    return out.getvalue()


def safetensors(tensors):
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def binary_seeds():
    image, kernel = struct.pack("<16f", *range(16)), struct.pack("<4d", 1, 0, 0.25, -1)
    arrays = {"f4": npy("<f4", (1, 4, 4), image), "f8": npy(">f8", (1, 1, 2, 2), kernel[::-1]),
              "f2": npy("<f2", (1, 2, 4), image[:16], version=2), "u1": npy("|u1", (1, 4, 4), image[:16], order=True),
              "b1": npy("|b1", (1, 4, 4), bytes(16), version=3), "i8": npy("<i8", (1, 2, 4), image)}
    for name, data in arrays.items():
        yield f"npy-{name}", message("POST", "/pool2d?kernel_size=2", {"Content-Type": "application/x-npy"}, data)
    weight = npy("<f8", (1, 1, 2, 2), kernel)
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        for answer in ("application/json", "application/x-npz", "application/x-npy", "application/octet-stream"):
            yield (f"npz-{name}-{answer[-3:]}",
                   message("POST", "/conv2d?stride=2,1&padding=same_upper", {"Content-Type": "application/x-npz", "Accept": answer},
                           npz({"input": arrays["f4"], "weight": weight}, method)))
    for dtype, size in (("F16", 2), ("BF16", 2), ("F32", 4), ("F64", 8), ("I64", 8), ("U8", 1)):
        tensors = {"input": (dtype, [1, 2, 4], image[:8 * size].ljust(8 * size, b"\1")), "weight": ("F64", [1, 1, 2, 2], kernel)}
        yield (f"safetensors-{dtype}",
               message("POST", "/conv2d?padding=1,0,0,1",
                       {"Content-Type": "application/x-safetensors", "Accept": "application/x-safetensors"}, safetensors(tensors)))
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                    for name, value in (("stride", "2"), ("padding", "1,1"))).encode()
    parts += b'--x\r\nContent-Disposition: form-data; name="input"; filename="a.npy"\r\n\r\n' + arrays["f4"] + b"\r\n--x--\r\n"
    yield "multipart", message("POST", "/pool2d", {"Content-Type": "multipart/form-data; boundary=x"}, parts)


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in (*contract_seeds(), *binary_seeds()):
        (folder / name).write_bytes(data)


main(pathlib.Path(sys.argv[1]))
