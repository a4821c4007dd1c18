"""Forms and pictures against a live server: PNG and JPEG in, PNG out, as curl, Python and Node send them."""

import io
import json
import random
import shutil
import subprocess

import numpy
import pytest

import client as convd
from pictures import (FORM, GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, form, header, read_png, write_jpeg, write_png)

RANDOM = numpy.random.RandomState(20)


def npy(array):
    buffer = io.BytesIO()
    numpy.save(buffer, array)
    return buffer.getvalue()


def samples(height, width, channels, depth):
    array = RANDOM.randint(0, 2 ** depth, (height, width, channels))
    array[0, :2] = 1
    return array


def post(client, path, accept=None, **parts):
    return client.post_raw(path, form(**parts), {**FORM, **({"Accept": accept} if accept else {})})


def post_ok(client, path, **parts):
    """(form, output) of a 200; float32 and float64 pass through JSON without a loss."""
    answer = post(client, path, **parts)
    assert answer.status == 200, answer
    return convd.unpack(answer.json)[1]


def read_as_tensor(client, picture, dtype="float32"):
    """What a picture is: a pooling of single cells gives its input back."""
    return post_ok(client, "/pool2d", input=picture, kernel_size="1", dtype=dtype)


# ---- pictures in ----

def palette_of(count):
    return RANDOM.randint(0, 256, (count, 3))


def alpha_from(stored, key, most):
    return numpy.where((stored == key).all(axis=-1, keepdims=True), 0, most)


def kinds():
    """(name, PNG, samples as the tensor has them (H, W, C), their largest value)"""
    for depth in (1, 2, 4, 8, 16):
        stored, most = samples(7, 11, 1, depth), 2 ** depth - 1
        yield f"grey {depth}", write_png(stored, depth), stored, most
        key = write_png(stored, depth, transparent=b"\0\1")
        yield f"grey {depth} with tRNS", key, numpy.concatenate([stored, alpha_from(stored, 1, most)], -1), most
    for depth in (8, 16):
        for colour, channels in ((GREY_ALPHA, 2), (RGB, 3), (RGBA, 4)):
            stored = samples(7, 11, channels, depth)
            yield f"{channels} channels, {depth} bits", write_png(stored, depth, colour), stored, 2 ** depth - 1
        stored, most = samples(7, 11, 3, depth), 2 ** depth - 1
        key = write_png(stored, depth, transparent=b"\0\1" * 3)
        yield f"RGB {depth} with tRNS", key, numpy.concatenate([stored, alpha_from(stored, 1, most)], -1), most
    for depth in (1, 2, 4, 8):
        stored, palette = samples(7, 11, 1, depth), palette_of(2 ** depth)
        colours = palette[stored[:, :, 0]]
        yield f"palette {depth}", write_png(stored, depth, PALETTE, palette), colours, 255
        alphas = numpy.concatenate([[7, 0], numpy.full(2 ** depth - 2, 255)])[stored]
        yield (f"palette {depth} with tRNS", write_png(stored, depth, PALETTE, palette, b"\7\0"),
               numpy.concatenate([colours, alphas], -1), 255)


KINDS = list(kinds())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, picture, expected, most", KINDS, ids=[kind[0] for kind in KINDS])
def test_a_png_is_its_samples(client, name, picture, expected, most, dtype):
    tensor = read_as_tensor(client, picture, dtype)
    planes = expected.transpose(2, 0, 1)[None]
    if most < 255:
        planes, most = planes * (255 // most), 255
    wanted = planes.astype(dtype) / numpy.asarray(most, dtype)
    assert tensor.dtype == dtype and tensor.shape == wanted.shape
    assert (tensor == wanted).all()


def test_chunks_that_speak_of_colour_change_nothing(client):
    plain = write_png(samples(5, 6, 3, 8))
    at = plain.index(b"IDAT") - 4
    talkative = (plain[:at] + chunk(b"gAMA", b"\0\0\x10\0") + chunk(b"sRGB", b"\0") + chunk(b"iCCP", b"broken") +
                 chunk(b"tEXt", b"Comment\0none") + chunk(b"eXIf", b"MM\0*\0\0\0\x08") + chunk(b"prVt", b"x") +
                 plain[at:])
    assert (read_as_tensor(client, plain) == read_as_tensor(client, talkative)).all()


def test_a_picture_with_an_npy_is_the_same_as_json(client):
    """The same tensors, each in another form, give the same bits."""
    stored = samples(23, 29, 3, 8)
    weight, bias = RANDOM.randn(5, 3, 3, 3).astype("float32"), RANDOM.randn(5).astype("float32")
    picture = (stored.transpose(2, 0, 1)[None] / 255.0).astype("float32")
    document = {"input": convd.pack(picture, "base64"), "weight": convd.pack(weight, "base64"),
                "bias": convd.pack(bias, "base64"), "stride": [2, 1], "padding": 1}
    _, wanted = convd.unpack(client.post_ok("/conv2d", document))
    parameters = {"stride": "2,1", "padding": "1"}
    as_json = {name: json.dumps(convd.pack(array, form_name)) for name, array, form_name in
               (("weight", weight, "flat"), ("bias", bias, "nested"))}
    for parts in ({"input": write_png(stored), "weight": npy(weight), "bias": npy(bias)},
                  {"input": write_png(stored), **as_json},
                  {"input": npy(picture), "weight": npy(weight), "bias": as_json["bias"]},
                  {"input": npy(numpy.asfortranarray(picture)), **as_json}):
        assert (post_ok(client, "/conv2d", **parts, **parameters) == wanted).all(), list(parts)


def test_an_index_beyond_the_palette_is_black(client):
    """As libpng and PIL read it."""
    tensor = read_as_tensor(client, write_png([[0, 3]], 2, PALETTE, [[255, 255, 255], [255, 0, 0]]))
    assert tensor[0, :, 0].tolist() == [[1, 0]] * 3


@pytest.mark.parametrize("options", [{}, {"quality": 95, "subsampling": 0}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_is_what_pil_reads(client, channels, options):
    image = pytest.importorskip("PIL.Image")
    y, x = numpy.mgrid[0:45, 0:70]
    array = numpy.stack([x * 3 % 256, y * 5 % 256, (x + y) * 2 % 256], -1)
    data = write_jpeg(array if channels == 3 else array[:, :, 0], **options)
    pixels = numpy.asarray(image.open(io.BytesIO(data))).reshape(45, 70, channels)
    wanted = pixels.transpose(2, 0, 1)[None].astype("float32") / numpy.float32(255)
    assert (read_as_tensor(client, data) == wanted).all()


def test_orientation_is_left_alone(client):
    """As PIL and torchvision open a picture: EXIF's orientation is for those who show it."""
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    exif[0x0112] = 6
    array = samples(16, 24, 3, 8)
    assert read_as_tensor(client, write_jpeg(array, exif=exif)).shape == (1, 3, 16, 24)
    assert (read_as_tensor(client, write_jpeg(array, exif=exif)) == read_as_tensor(client, write_jpeg(array))).all()


def test_a_cmyk_jpeg_is_refused(client):
    answer = post(client, "/pool2d", input=write_jpeg(samples(8, 8, 4, 8), mode="CMYK"), kernel_size="1")
    assert (answer.status, answer.problem, answer.pointer) == (422, "unsupported-tensor", "/input"), answer
    assert "CMYK" in answer.detail


GOOD = write_png(samples(8, 9, 3, 8))


def broken_pictures():
    yield "cut off", GOOD[:-20], 400, "malformed-body", "PNG is broken"
    yield "without an end", GOOD[:-12], 400, "malformed-body", "PNG is broken"
    yield "its signature alone", GOOD[:8], 400, "malformed-body", "PNG is broken"
    yield "a flipped byte", GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:], 400, "malformed-body", "PNG is broken"
    yield "no pixels", header(0, 5, 8, GREY) + GOOD[33:], 400, "malformed-body", "Invalid IHDR"
    yield "a palette that is not there", header(8, 9, 8, PALETTE) + GOOD[33:], 400, "malformed-body", "PLTE"
    yield "too few rows", header(9, 99, 8, RGB) + GOOD[33:], 400, "malformed-body", "PNG is broken"
    yield "too many rows", header(9, 2, 8, RGB) + GOOD[33:], 400, "malformed-body", "PNG is broken"
    yield "a bomb", header(60000, 60000, 8, GREY) + GOOD[33:], 413, "limit-exceeded", "3600000000 bytes"
    yield "the largest", header(2 ** 31 - 1, 2 ** 31 - 1, 16, RGBA) + GOOD[33:], 413, "limit-exceeded", "--max-body"
    yield "a JPEG's first bytes", b"\xff\xd8\xff\xe0", 400, "malformed-body", "JPEG is broken"
    yield "a GIF", b"GIF89a\1\0\1\0\0\xff\0,\0\0\0\0\1\0\1\0\0\2\0;", 422, "unsupported-tensor", "npy, PNG or JPEG"
    yield "an npz", b"PK\3\4" + bytes(60), 422, "unsupported-tensor", "application/x-npz"
    yield "a broken npy", b"\x93NUMPY\1", 400, "malformed-body", "npy"


BROKEN = list(broken_pictures())


@pytest.mark.parametrize("name, data, status, problem, words", BROKEN, ids=[row[0] for row in BROKEN])
def test_what_is_no_picture_is_refused(client, name, data, status, problem, words):
    answer = post(client, "/pool2d", input=data, kernel_size="1")
    assert (answer.status, answer.problem, answer.pointer) == (status, problem, "/input"), answer
    assert words in answer.detail


def test_pictures_together_are_held_against_the_limit(start_server):
    client = start_server("--max-body", "100000").client()
    picture = write_png(numpy.zeros((100, 600), int))
    wide = {"weight": picture, "padding": "same_upper"}
    assert post(client, "/conv2d", input=write_png(numpy.zeros((300, 300), int)), weight="[[[[1]]]]").status == 200
    answer = post(client, "/conv2d", input=picture, **wide)
    assert (answer.status, answer.pointer) == (413, "/weight"), answer
    assert "take 120000 bytes unpacked; the limit is 100000" in answer.detail


def test_a_file_under_another_name_is_refused_by_that_name(client):
    answer = post(client, "/conv2d", imput=GOOD, weight="[[[[1]]]]")
    assert (answer.status, answer.problem, answer.pointer) == (422, "unknown-field", "/imput"), answer
    assert "did you mean 'input'" in answer.detail


# ---- pictures out ----

def levels(output, low=None, high=None):
    """The formula of api/forms/picture_write.h."""
    output = output.astype("float64")
    low = output.min() if low is None else low
    high = output.max() if high is None else high
    return numpy.clip(numpy.floor((output - low) * (255 / (high - low)) + 0.5), 0, 255).astype("uint8")


def picture_of(client, path, document):
    answer = client.post(path, document, {"Accept": "image/png"})
    assert answer.status == 200 and answer.media_type == "image/png", answer
    assert "Server-Timing" in answer.headers
    return read_png(answer.body)


@pytest.mark.parametrize("given", [None, "auto", [-1, 1], [0.25, 0.75]])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_and_three_channels_are_a_picture(client, channels, given, dtype):
    document = {"input": convd.pack(RANDOM.randn(1, 2, 17, 31).astype("float32")), "dtype": dtype,
                "weight": convd.pack(RANDOM.randn(channels, 2, 3, 3).astype("float32")), "padding": "same"}
    _, output = convd.unpack(client.post_ok("/conv2d", document))
    pixels = picture_of(client, "/conv2d", {**document, **({"range": given} if given else {})})
    wanted = levels(output, *(given if isinstance(given, list) else ()))[0].transpose(1, 2, 0)
    assert (pixels == (wanted[:, :, 0] if channels == 1 else wanted)).all()


@pytest.mark.parametrize("batch, channels, height, width", [(1, 2, 5, 7), (1, 7, 3, 2), (1, 16, 9, 20), (2, 1, 6, 8),
                                                            (3, 3, 4, 12), (2, 4, 5, 30), (1, 300, 2, 2)])
def test_more_planes_are_a_grid(client, batch, channels, height, width):
    """The layout of api/forms/picture_grid.h: where the tiles lie, what lies around them, ink in every label."""
    output = RANDOM.randn(batch, channels, height, width).astype("float32")
    pixels = picture_of(client, "/pool2d", {"input": convd.pack(output), "kernel_size": 1})
    colour = channels in (1, 3)
    tiles = levels(output).reshape(-1, *((channels,) if colour else (1,)), height, width)
    rows = [range(start, start + per) for per in [batch if colour else channels]
            for start in range(0, len(tiles), per)]
    columns = min(int(numpy.ceil(numpy.sqrt(len(tiles)))), len(rows[0]))
    last = str(len(rows[0]) - 1)
    label = 4 * len(last if colour or batch == 1 else f"{batch - 1}/{last}") - 1
    step = max(width, label) + 2
    lines = [list(group)[at:at + columns] for group in rows for at in range(0, len(group), columns)]
    assert pixels.shape[:2] == (len(lines) * (7 + height) + 2, 2 + columns * step)
    around = numpy.ones(pixels.shape[:2], bool)
    for y, line in enumerate(lines):
        for x, tile in enumerate(line):
            top, left = y * (7 + height), 2 + x * step
            there = pixels[top + 7:top + 7 + height, left:left + width].reshape(height, width, -1)
            assert (there == tiles[tile].transpose(1, 2, 0)).all(), tile
            around[top + 7:top + 7 + height, left:left + width] = False
            assert (pixels[top + 1:top + 6, left:left + label] == 255).any(), f"no label above {tile}"
    assert set(numpy.unique(pixels[around])) <= {48, 255}


def test_what_is_no_number_has_a_level(client):
    row = [[["NaN", "-Infinity", 1, 1.5, 2, "Infinity"]]]
    assert picture_of(client, "/pool2d", {"input": row, "kernel_size": 1}).tolist() == [[0, 0, 0, 128, 255, 255]]
    assert picture_of(client, "/pool2d", {"input": [[[3, 3]]], "kernel_size": 1}).tolist() == [[128, 128]]


def test_a_picture_is_a_valid_input(client):
    """Bytes that come out go in again unchanged."""
    stored = samples(20, 30, 3, 8)
    first = post(client, "/pool2d", "image/png", input=write_png(stored), kernel_size="1", range="0,1")
    assert (read_png(first.body) == stored).all()
    again = post(client, "/pool2d", "image/png", input=first.body, kernel_size="1", range="0,1")
    assert again.body == first.body


def test_a_picture_is_held_against_the_output_limit(start_server):
    client = start_server("--max-output", "4000").client()
    small, many = {"input": numpy.zeros((1, 10, 10)).tolist()}, {"input": numpy.zeros((50, 1, 1)).tolist()}
    assert client.post("/pool2d", {**small, "kernel_size": 1}, {"Accept": "image/png"}).status == 200
    assert client.post("/pool2d", {**many, "kernel_size": 1}).status == 200
    answer = client.post("/pool2d", {**many, "kernel_size": 1}, {"Accept": "image/png"})
    assert (answer.status, answer.problem) == (413, "limit-exceeded"), answer
    assert "with its labels" in answer.detail and "4000 (--max-output)" in answer.detail


# ---- what sends forms ----

def check_sent(answer, stored, weight):
    picture = (stored.transpose(2, 0, 1)[None] / 255.0).astype("float32").astype("float64")
    wanted = sum(picture[:, :, y:y + 19:2, x:x + 28] * weight[0, :, y, x][None, :, None, None]
                 for y in range(2) for x in range(2)).sum(axis=1, keepdims=True)
    output = convd.unpack(answer)[1]
    assert output.shape == wanted.shape and abs(output - wanted).max() < 1e-5


@pytest.fixture
def sent(tmp_path):
    """Files to send, and what they hold."""
    stored, weight = samples(20, 29, 3, 8), RANDOM.randn(1, 3, 2, 2).astype("float32")
    (tmp_path / "picture.png").write_bytes(write_png(stored))
    (tmp_path / "weight.npy").write_bytes(npy(weight))
    return tmp_path, stored, weight


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("extra", [[], ["-H", "Transfer-Encoding: chunked"], ["--form-escape"]])
def test_curl(server_url, sent, extra):
    folder, stored, weight = sent
    command = ["curl", "-sS", server_url + "/conv2d", "-F", "input=@picture.png", "-F", "weight=@weight.npy", "-F",
               "stride=2,1", "-F", 'dtype="float32"', "-F", "bias=null", *extra]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=convd.TIMEOUT_S, check=True)
    check_sent(convd.strict_json(done.stdout.decode()), stored, weight)


def test_requests(server_url, sent):
    requests = pytest.importorskip("requests")
    folder, stored, weight = sent
    with open(folder / "picture.png", "rb") as picture, open(folder / "weight.npy", "rb") as array:
        files = {"input": ("grüße \"1\".png", picture, "image/png"), "weight": array, "stride": (None, "2,1")}
        answer = requests.post(server_url + "/conv2d", files=files, data={"dtype": "float32"}, timeout=convd.TIMEOUT_S)
    check_sent(answer.json(), stored, weight)


NODE = """
const fs = require('fs');
const form = new FormData();
form.append('input', new Blob([fs.readFileSync('picture.png')], {type: 'image/png'}), 'a "b".png');
form.append('weight', new Blob([fs.readFileSync('weight.npy')]));
form.append('stride', '2,1');
fetch(process.argv[1] + '/conv2d', {method: 'POST', body: form}).then(answer => answer.text()).then(console.log);
"""


@pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
def test_node(server_url, sent):
    folder, stored, weight = sent
    done = subprocess.run(["node", "-e", NODE, server_url], cwd=folder, capture_output=True, timeout=convd.TIMEOUT_S,
                          check=True)
    check_sent(convd.strict_json(done.stdout.decode()), stored, weight)


BROWSERS = {
    "Chrome": ("----WebKitFormBoundaryzuW5nPZQFQCwQtg4", "C:\\fakepath\\grüße %22 x.png"),
    "Firefox": ("---------------------------9051914041544843365972754266", "grüße %22 x.png"),
    "Safari": ("----WebKitFormBoundaryE19zNvXGzXaLvS5C", "x.png"),
}


@pytest.mark.parametrize("browser", BROWSERS)
def test_browsers(client, browser):
    """As they write a form with a picture, a field, and a file input that was left empty."""
    boundary, filename = BROWSERS[browser]
    stored, dashes = samples(20, 29, 3, 8), b"--" + boundary.encode()
    weight = RANDOM.randn(1, 3, 2, 2).astype("float32")
    body = b"\r\n".join([
        dashes, f'Content-Disposition: form-data; name="input"; filename="{filename}"'.encode(),
        b"Content-Type: image/png", b"", write_png(stored),
        dashes, b'Content-Disposition: form-data; name="weight"', b"", json.dumps(weight.tolist()).encode(),
        dashes, b'Content-Disposition: form-data; name="stride"', b"", b"2,1",
        dashes, b'Content-Disposition: form-data; name="bias"; filename=""', b"Content-Type: application/octet-stream",
        b"", b"", dashes + b"--", b""])
    answer = client.post_raw("/conv2d", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert answer.status == 200, answer
    check_sent(answer.json, stored, weight)


# ---- damage ----

def test_damaged_forms_are_answered(client):
    """Flips, cuts and repetitions anywhere: an answer that is one of the contract's, every time."""
    whole = form(input=GOOD, weight=npy(numpy.ones((1, 3, 2, 2), "float32")), bias="[0.5]", stride="2,1")
    generator, statuses = random.Random(3), set()
    for _ in range(600):
        body = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(body))
            what = generator.randrange(4)
            if what == 0:
                body[at] ^= 1 << generator.randrange(8)
            elif what == 1:
                body[at] = generator.randrange(256)
            elif what == 2:
                del body[at:at + generator.randint(1, 40)]
            else:
                body[at:at] = body[at:at + generator.randint(1, 40)]
        answer = client.post_raw("/conv2d", bytes(body), FORM)
        assert answer.status in (200, 400, 413, 415, 422), answer
        assert answer.status == 200 or answer.problem, answer
        statuses.add(answer.status)
    assert {200, 400, 422} <= statuses
