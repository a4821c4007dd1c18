"""Makes the seeds of the target `handler`: the requests of tests/contract, and a few files of each other form.

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
import zlib

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


def png(depth, colour, row, rows=4, interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 4, rows, depth, colour, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette + chunk(b"IDAT", zlib.compress((b"\0" + row) * rows)) +
            chunk(b"IEND", b""))


# 8x8 grey, and 9x5 of one colour, at a low quality.
JPEGS = ("/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62r"
         "Z4C8ybqmx5moq6T/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EAB0QAAIBBAMAAAAAAAAAAAAAAAECAwQRQVEjMXH/"
         "2gAIAQEAAD8AKRK6mmpSFgUcst7BhkA62c+d/wD/2Q==",
         "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////"
         "m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4"
         "+Pj/wAARCAAFAAkDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAA"
         "AAAAAAAAAAAAAQX/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCUAqD/2Q==")


def multipart(fields, files):
    body = b""
    for name, value in fields.items():
        body += f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, data in files.items():
        body += f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
    return body + b"--x--\r\n"


def picture_seeds():
    pictures = {"grey8": png(8, 0, b"\x10\x80\xff\x00"), "grey1": png(1, 0, b"\xa0"), "grey16": png(16, 0, bytes(range(8))),
                "rgb8": png(8, 2, bytes(range(12))), "rgba8": png(8, 6, bytes(range(16))), "palette": png(4, 3, b"\x12\x34"),
                "jpeg-grey": base64.b64decode(JPEGS[0]), "jpeg-rgb": base64.b64decode(JPEGS[1])}
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for name, data in pictures.items():
        yield f"picture-{name}", message("POST", "/pool2d", form, multipart({"kernel_size": "2,1", "stride": "1"}, {"input": data}))
    weight = npy("<f4", (1, 1, 2, 2), struct.pack("<4f", 1, 0, 0, -1))
    for name, accept in (("png", "image/png"), ("npz", "application/x-npz")):
        yield (f"picture-to-{name}", message("POST", "/conv2d", {**form, "Accept": accept},
                                             multipart({"padding": "same"}, {"input": pictures["grey8"], "weight": weight})))
    yield ("picture-of-npy", message("POST", "/pool2d?kernel_size=1&range=0,9", {"Content-Type": "application/x-npy", "Accept": "image/png"},
                                     npy("<f4", (5, 2, 2), bytes(80))))


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in (*contract_seeds(), *binary_seeds(), *picture_seeds()):
        (folder / name).write_bytes(data)


main(pathlib.Path(sys.argv[1]))
