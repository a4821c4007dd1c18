"""Pictures for tests: PNGs of every kind are written here, without a library, and answers read back; JPEGs are PIL's.

Also a writer of multipart/form-data bodies, so that tests send exactly the bytes they mean.
"""

import io
import struct
import zlib

import numpy
import pytest

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width, height, depth, colour):
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def write_png(samples, depth=8, colour=None, palette=None, transparent=None):
    """A PNG of stored samples (H, W) or (H, W, C); `palette` is (n, 3), `transparent` the bytes of tRNS."""
    samples = numpy.asarray(samples)
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    height, width, channels = samples.shape
    colour = {1: GREY, 2: GREY_ALPHA, 3: RGB, 4: RGBA}[channels] if colour is None else colour
    assert channels == CHANNELS[colour]
    if depth == 16:
        rows = samples.astype(">u2").reshape(height, -1).view(numpy.uint8)
    elif depth == 8:
        rows = samples.astype(numpy.uint8).reshape(height, -1)
    else:
        bits = (samples.reshape(height, -1, 1) >> numpy.arange(depth)[::-1]) & 1
        rows = numpy.packbits(bits.reshape(height, -1).astype(numpy.uint8), axis=1)
    lines = numpy.concatenate([numpy.zeros((height, 1), numpy.uint8), rows], axis=1)  # filter 0
    middle = b""
    if palette is not None:
        middle += chunk(b"PLTE", numpy.asarray(palette, numpy.uint8).tobytes())
    if transparent is not None:
        middle += chunk(b"tRNS", transparent)
    return (header(width, height, depth, colour) + middle + chunk(b"IDAT", zlib.compress(lines.tobytes(), 1)) +
            chunk(b"IEND", b""))


def write_jpeg(array, **options):
    image = pytest.importorskip("PIL.Image")
    buffer = io.BytesIO()
    image.fromarray(array.astype(numpy.uint8), options.pop("mode", None)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def read_png(data):
    """The samples of an 8-bit grey or RGB PNG, (H, W) or (H, W, 3); every checksum is checked."""
    assert data.startswith(SIGNATURE)
    at, packed, size = len(SIGNATURE), b"", None
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(name + body), name
        at += 12 + length
        if name == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (GREY, RGB) and not interlaced
            size = (height, width, CHANNELS[colour])
        elif name == b"IDAT":
            packed += body
    assert name == b"IEND"
    return _unfilter(zlib.decompress(packed), *size)


def _unfilter(raw, height, width, channels):
    lines = numpy.frombuffer(raw, numpy.uint8).reshape(height, 1 + width * channels)
    rows = numpy.zeros((height, width, channels), numpy.uint8)
    for y, line in enumerate(lines):
        pixels = line[1:].reshape(width, channels)
        assert line[0] in (0, 1, 2), f"filter {line[0]}"
        if line[0] == 1:
            rows[y] = numpy.cumsum(pixels, axis=0, dtype=numpy.uint8)
        else:
            rows[y] = pixels + (rows[y - 1] if line[0] == 2 and y else 0)
    return rows[:, :, 0] if channels == 1 else rows


# ---- forms ----

BOUNDARY = "----boundary-of-a-test"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(**parts):
    """A body whose bytes parts are files, and whose text parts are as they stand."""
    body = b""
    for name, content in parts.items():
        is_file = isinstance(content, bytes)
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        head += f'; filename="{name}.bin"\r\nContent-Type: application/octet-stream' if is_file else ""
        body += head.encode() + b"\r\n\r\n" + (content if is_file else content.encode()) + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()
