"""The binary forms over HTTP: every form gives the same bits for the same tensors, both ways, as numpy writes and reads
them; dtypes, byte and index orders; parameters in the query; which form Accept chooses.
"""

import io
import json
import struct
import zipfile

import numpy
import pytest

import client as convd
import form_files as files
from form_files import JSON, NPY, NPZ, RAW, SAFETENSORS, ZIP

ANSWERS = (JSON, NPZ, ZIP, NPY, SAFETENSORS, RAW)
BOTH = (JSON, NPZ, ZIP, SAFETENSORS)  # what holds indices too


def ask(client, path, form, body, accept=None, query=""):
    return client.post_raw(path + ("?" + query if query else ""), body, {"Content-Type": form, "Accept": accept})


def check_same(got, expected):
    assert set(got) == set(expected)
    for name, array in expected.items():
        assert got[name].dtype == array.dtype and got[name].shape == array.shape, (name, got[name].dtype)
        assert got[name].tobytes() == array.tobytes(), f"{name} differs"


def random(seed, *shape, dtype="float32"):
    """Numbers of many magnitudes, with subnormals, zeros of both signs and infinities' neighbours among them."""
    rng = numpy.random.default_rng(seed)
    values = rng.standard_normal(shape).astype(dtype)
    special = numpy.array([0.0, -0.0, 1e-40, -1e-42, 1, 16777217], dtype)
    values.flat[: special.size] = special
    return values


def bodies(input, **others):
    """The same tensors in every whole-body form."""
    tensors = {"input": input, **others}
    yield NPZ, files.npz(**tensors)
    yield NPZ, files.npz(numpy.savez_compressed, **tensors)
    yield ZIP, files.npz(**tensors)
    yield NPZ, files.npz_streamed(**tensors)
    yield NPZ, files.npz_streamed(numpy.savez_compressed, **tensors)
    yield SAFETENSORS, files.safetensors(**tensors)
    yield SAFETENSORS, files.safetensors({"format": "pt"}, pad=1, **tensors)
    if not others:
        for version in ((1, 0), (2, 0), (3, 0)):
            yield NPY, files.npy(input, version)


# ---- every form gives the same bits ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conv2d_is_the_same_in_every_form(client, dtype):
    x, w, b = random(1, 2, 6, 13, 11, dtype=dtype), random(2, 8, 3, 3, 5, dtype=dtype), random(3, 8, dtype=dtype)
    fields = {"stride": [2, 1], "padding": [[1, 2], [0, 3]], "groups": 2, "dtype": dtype}
    document = {name: convd.pack(tensor, "base64") for name, tensor in (("input", x), ("weight", w), ("bias", b))}
    expected = files.read_answer(client.post("/conv2d", {**document, **fields}), convd.unpack)
    assert expected["output"].dtype == dtype
    query = "stride=2,1&padding=1,2,0,3&groups=2"
    for accept in ANSWERS:
        answer = client.post("/conv2d", {**document, **fields}, {"Accept": accept})
        assert answer.media_type == accept
        check_same(files.read_answer(answer, convd.unpack), expected)
        for form, body in bodies(x, weight=w, bias=b):
            answer = ask(client, "/conv2d", form, body, accept, query)
            assert answer.media_type == accept and answer.headers["X-Convd-Algorithm"]
            check_same(files.read_answer(answer, convd.unpack), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pool2d_is_the_same_in_every_form(client, dtype):
    x = random(4, 3, 5, 12, 9, dtype=dtype)
    x[0, 0, 0, :3] = [numpy.nan, numpy.inf, -numpy.inf]
    document = {"input": convd.pack(x, "base64"), "kernel_size": 3, "stride": [2, 1], "padding": 1,
                "return_indices": True}
    query = "kernel_size=3&stride=2,1&padding=1&return_indices=true"
    expected = files.read_answer(client.post("/pool2d", document), convd.unpack)
    assert set(expected) == {"output", "indices"} and expected["indices"].dtype == "int64"
    for accept in BOTH:
        check_same(files.read_answer(client.post("/pool2d", document, {"Accept": accept}), convd.unpack), expected)
        for form, body in bodies(x):
            check_same(files.read_answer(ask(client, "/pool2d", form, body, accept, query), convd.unpack), expected)
    for accept in ANSWERS:
        for form, body in bodies(x):
            answer = ask(client, "/pool2d", form, body, accept, query.replace("true", "false"))
            check_same(files.read_answer(answer, convd.unpack), {"output": expected["output"]})


def test_an_answer_is_the_next_request(client):
    """conv2d to pool2d without a byte changed on the way."""
    x, w = random(5, 1, 2, 9, 9), random(6, 3, 2, 2, 2)
    body = files.npz(input=x, weight=w)
    whole = ask(client, "/conv2d", NPZ, body, NPY)
    pooled = ask(client, "/pool2d", NPY, whole.body, RAW, "kernel_size=2")
    expected = client.post_ok("/pool2d", {"input": convd.pack(files.read_answer(whole, None)["output"], "base64"),
                                          "kernel_size": 2})
    check_same(files.read_answer(pooled, None), {"output": convd.unpack(expected)[1]})


# ---- dtypes and orders ----

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def identity(client, form, body, query="", accept=NPY):
    """What the input is read as: max pooling with a window of one cell gives it back."""
    answer = ask(client, "/pool2d", form, body, accept, "kernel_size=1" + ("&" + query if query else ""))
    return files.read_answer(answer, convd.unpack)["output"]


@pytest.mark.parametrize("dtype", INTEGERS + ["bool", "float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_every_dtype_in_every_order(client, dtype, order, layout):
    rng = numpy.random.default_rng(7)
    if dtype in INTEGERS:
        bounds = numpy.iinfo(dtype)
        x = rng.integers(bounds.min, bounds.max, (2, 3, 17, 19), dtype, endpoint=True)
        x.flat[:2] = bounds.min, bounds.max
    elif dtype == "bool":
        x = rng.integers(0, 2, (2, 3, 17, 19)).astype(bool)
    else:
        x = rng.standard_normal((2, 3, 17, 19)).astype(dtype)
    stored = numpy.asarray(x, numpy.dtype(dtype).newbyteorder(order), layout)
    for answer_dtype, query in (("float64" if dtype == "float64" else "float32", ""), ("float32", "dtype=float32"),
                                ("float64", "dtype=float64")):
        expected = x.astype(answer_dtype)
        for form, body in ((NPY, files.npy(stored)), (NPZ, files.npz(input=stored)),
                           (NPZ, files.npz(numpy.savez_compressed, input=stored)),
                           (SAFETENSORS, files.safetensors(input=x))):
            got = identity(client, form, body, query)
            assert got.dtype == answer_dtype
            assert got.tobytes() == expected.tobytes(), (form, query)


def test_bfloat16(client):
    """As safetensors names it, and as numpy writes the dtype of ml_dtypes: two bytes without a meaning."""
    upper = numpy.arange(0x10000, dtype="<u2")
    upper = upper[(upper & 0x7F80) != 0x7F80].reshape(1, 4, 255, 64)
    expected = (upper.astype("<u4") << 16).view("<f4")
    tensor = ("BF16", upper.shape, upper.tobytes())
    assert identity(client, SAFETENSORS, files.safetensors(input=tensor)).tobytes() == expected.tobytes()
    for dtype in ("<V2", "|V2"):
        body = files.npy(upper.view("V2")).replace(b"'|V2'", f"'{dtype}'".encode())
        assert dtype.encode() in body
        assert identity(client, NPY, body).tobytes() == expected.tobytes()


def test_every_half(client):
    halves = numpy.arange(0x10000, dtype="<u2").view("<f2")
    halves = halves[numpy.isfinite(halves)].reshape(1, 31, 64, 32)
    assert identity(client, NPY, files.npy(halves)).tobytes() == halves.astype("<f4").tobytes()


def test_the_input_alone_says_what_is_computed_in(client):
    x, w = numpy.ones((1, 1, 4, 4)), numpy.ones((1, 1, 2, 2))
    for x_dtype, w_dtype, query, answer_dtype in (
            ("float32", "float64", "", "float32"), ("float64", "float32", "", "float64"),
            ("float16", "float64", "", "float32"), ("int64", "float64", "", "float32"),
            ("float64", "float64", "dtype=float32", "float32"), ("uint8", "int8", "dtype=float64", "float64")):
        body = files.npz(input=x.astype(x_dtype), weight=w.astype(w_dtype))
        answer = ask(client, "/conv2d", NPZ, body, NPY, query)
        assert files.read_answer(answer, None)["output"].dtype == answer_dtype, (x_dtype, w_dtype, query)


@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_float64_beyond_float32_is_refused_with_its_place(client, layout):
    x = numpy.zeros((1, 2, 3, 4), "float64", layout)
    x[0, 1, 2, 3], x[0, 1, 0, 2] = 1e39, -1e300
    for form, body in bodies(x):
        answer = ask(client, "/pool2d", form, body, None, "kernel_size=1&dtype=float32")
        assert (answer.status, answer.problem, answer.pointer) == (422, "number-out-of-range", "/input/0/1/0/2"), answer
        assert "-1e300 is" in answer.detail


def test_fortran_order_of_a_weight(client):
    x, w = random(10, 1, 40, 9, 9), random(11, 70, 40, 3, 5)
    expected = files.read_answer(ask(client, "/conv2d", NPZ, files.npz(input=x, weight=w), NPY), None)
    turned = files.npz(input=numpy.asfortranarray(x), weight=numpy.asfortranarray(w))
    check_same(files.read_answer(ask(client, "/conv2d", NPZ, turned, NPY), None), expected)


# ---- shapes ----


def test_unbatched_and_empty(client):
    w = random(12, 4, 2, 3, 3)
    for shape, expected in (((2, 5, 5), (4, 3, 3)), ((0, 2, 5, 5), (0, 4, 3, 3))):
        for form, body in bodies(numpy.zeros(shape, "float32"), weight=w):
            for accept in ANSWERS:
                answer = ask(client, "/conv2d", form, body, accept)
                assert files.read_answer(answer, convd.unpack)["output"].shape == expected


@pytest.mark.parametrize("array", [numpy.float32(3), numpy.zeros(3, "f4"), numpy.zeros((2, 2), "f4"),
                                   numpy.zeros((1, 1, 1, 1, 1), "f4")], ids=["0-d", "1-d", "2-d", "5-d"])
def test_other_ranks_are_refused(client, array):
    for form, body in bodies(numpy.asarray(array)):
        answer = ask(client, "/pool2d", form, body, None, "kernel_size=1")
        assert (answer.status, answer.problem, answer.pointer) == (422, "shape-mismatch", "/input"), answer


# ---- parameters in the query ----


@pytest.mark.parametrize("query,status,problem,pointer", [
    ("strid=2", 422, "unknown-field", "/strid"),
    ("stride=0", 422, "invalid-value", "/stride"),
    ("stride=1,0", 422, "invalid-value", "/stride/1"),
    ("stride=1,x", 422, "wrong-type", "/stride/1"),
    ("stride=1,2,3", 422, "wrong-type", "/stride"),
    ("padding=1,2,3", 422, "wrong-type", "/padding"),
    ("padding=1,2,3,x", 422, "wrong-type", "/padding/1/1"),
    ("padding=1,-2,3,4", 422, "invalid-value", "/padding/0/1"),
    ("padding=sam", 422, "invalid-value", "/padding"),
    ("groups=3", 422, "invalid-value", "/groups"),
    ("dtype=float16", 422, "invalid-value", "/dtype"),
    ("weight=1", 400, "repeated-key", "/weight"),
    ("bias=1", 422, "wrong-type", "/bias"),
    ("stride=1&stride=2", 400, "repeated-key", "/stride"),
    ("stride=%zz", 400, "malformed-request", None),
    ("stride=99999999999999999999", 422, "number-out-of-range", "/stride"),
    ("range=auto", 422, "unknown-field", "/range"),
    ("range=0,1", 422, "unknown-field", "/range"),
    ("", 200, None, None),
    ("bias=null&device=cpu&padding_mode=reflect&padding=1&dilation=1&algorithm=reference", 200, None, None),
    ("stride=2,1&padding=same_upper&format=flat&precision=medium", 200, None, None),
])
def test_query(client, query, status, problem, pointer):
    for form, body in bodies(random(13, 1, 2, 6, 6), weight=random(14, 2, 2, 3, 3)):
        answer = ask(client, "/conv2d", form, body, None, query)
        assert answer.status == status and answer.problem == problem, answer
        if problem and pointer:
            assert answer.pointer == pointer, answer


def test_query_of_poolings(client):
    x = random(15, 1, 2, 6, 7)
    for query, fields in (("mode=avg&kernel_size=3,2&stride=null&ceil_mode=true&divisor_override=4",
                           {"mode": "avg", "kernel_size": [3, 2], "ceil_mode": True, "divisor_override": 4}),
                          ("mode=adaptive_avg&output_size=null,5", {"mode": "adaptive_avg", "output_size": [None, 5]}),
                          ("mode=lp&norm_type=2.5&kernel_size=2", {"mode": "lp", "norm_type": 2.5, "kernel_size": 2}),
                          ("kernel_size=3&padding=1,0,2,1", {"kernel_size": 3, "padding": [[1, 0], [2, 1]]})):
        expected = convd.unpack(client.post_ok("/pool2d", {"input": convd.pack(abs(x), "base64"), **fields}))[1]
        for form, body in bodies(abs(x)):
            got = files.read_answer(ask(client, "/pool2d", form, body, NPY, query), None)["output"]
            assert got.tobytes() == expected.tobytes(), query


def test_tensors_that_are_missing_or_unknown(client):
    x, w = random(16, 1, 1, 3, 3), random(17, 1, 1, 2, 2)
    for tensors, problem, pointer, words in (
            ({"input": x}, "missing-field", "/weight", "weight"),
            ({"weight": w}, "missing-field", "/input", "input"),
            ({}, "missing-field", "/input", "input"),
            ({"input": x, "wieght": w}, "unknown-field", "/wieght", "did you mean 'weight'?"),
            ({"input": x, "weight": w, "stride": w}, "unknown-field", "/stride", "in the query"),
            ({"input": x, "weight": w, "a/b~": w}, "unknown-field", "/a~1b~0", "input, weight, bias")):
        for form, body in ((NPZ, files.npz(**tensors)), (SAFETENSORS, files.safetensors(**tensors))):
            answer = ask(client, "/conv2d", form, body)
            assert (answer.status, answer.problem, answer.pointer) == (422, problem, pointer), answer
            assert words in answer.detail


def test_numpy_names_of_arguments_are_unknown(client):
    """numpy.savez(file, x, w) calls them arr_0 and arr_1."""
    out = io.BytesIO()
    numpy.savez(out, random(18, 1, 1, 3, 3), random(19, 1, 1, 2, 2))
    answer = ask(client, "/conv2d", NPZ, out.getvalue())
    assert (answer.status, answer.pointer) == (422, "/arr_0") and "input, weight, bias" in answer.detail


# ---- archives as zip tools write them ----


def zipped(method, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, **options) as archive:
        archive.comment = b"made by hand"
        archive.writestr("input.npy", files.npy(random(20, 1, 1, 5, 5)))
        archive.writestr("weight.npy", files.npy(random(21, 1, 1, 2, 2)))
    return out.getvalue()


def test_archives_of_zipfile(client):
    expected = files.read_answer(ask(client, "/conv2d", ZIP, zipped(zipfile.ZIP_STORED), NPY), None)
    for level in (1, 6, 9):
        body = zipped(zipfile.ZIP_DEFLATED, compresslevel=level)
        check_same(files.read_answer(ask(client, "/conv2d", ZIP, body, NPY), None), expected)


def safetensors_of(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(begin, end, **others):
    return {"dtype": "F32", "shape": [1, 2, 2], "data_offsets": [begin, end], **others}


@pytest.mark.parametrize("header, data_bytes, pointer, words", [
    ({"input": entry(0, 16), "weight": entry(8, 24)}, 24, "/weight", ["its data begin at 8", "before those of 'input' end at 16"]),
    ({"input": entry(0, 16), "weight": entry(20, 36)}, 36, "/weight", ["its data begin at 20", "those before end at 16"]),
    ({"input": entry(16, 0)}, 16, "/input", ["[16, 0]", "0 <= begin <= end"]),
    ({"input": entry(-16, 0)}, 16, "/input", ["[-16, 0]"]),
    ({"input": entry(2**63 - 17, 2**63 - 1)}, 16, "/input", ["end at 9223372036854775807", "16 bytes of data"]),
    ({"input": entry(0, 16, strides=[4])}, 16, "/input", ["the key 'strides'"]),
    ({"__metadata__": {"a": "b", "c": 5}, "input": entry(0, 16)}, 16, None, ["the value of 'c'", "no string"]),
    (b'{"input": {"dtype": "F32"}, "input": {"dtype": "F32"}}', 0, "/input", ['"input" already']),
])
def test_a_broken_safetensors_file_is_told_where(client, header, data_bytes, pointer, words):
    answer = ask(client, "/pool2d", SAFETENSORS, safetensors_of(header, bytes(data_bytes)), query="kernel_size=1")
    assert answer.status in (400, 422) and answer.pointer == pointer, answer
    for word in words:
        assert word in answer.detail, answer.detail


@pytest.mark.parametrize("header, words", [
    (b"{'descr': '<f4', 'fortran_order': False, 'shape': (x, 2), }", "'x, 2), }' is no size"),
    (b"{'descr': '<f4', 'order': False, 'shape': (2, 2), }", "another key, 'order',"),
    (b"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "the key 'descr' is repeated"),
])
def test_a_broken_npy_header_is_told_where(client, header, words):
    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(16)
    answer = ask(client, "/pool2d", NPY, body, query="kernel_size=1")
    assert answer.status == 400 and words in answer.detail and "at character" in answer.detail, answer


def patched(body, signature, offset, value):
    at = body.rindex(signature) + offset
    return body[:at] + value + body[at + len(value):]


@pytest.mark.parametrize("signature, offset, value, words", [
    (b"PK\x01\x02", 0, b"PK\x01\x03", ["the entry of its directory at byte", "does not begin as one"]),
    (b"PK\x01\x02", 28, b"\xff\xff", ["is longer than the directory"]),
    (b"PK\x01\x02", 16, b"\x01\x02\x03\x04", ["contradict each other: the CRC-32"]),
    (b"PK\x03\x04", 8, b"\x08", ["the method"]),
    (b"PK\x03\x04", 30, b"j", ["the name"]),
    (b"PK\x01\x02", 20, b"\x10\x00\x00\x00", ["its two sizes differ, 16 and 144"]),
])
def test_a_broken_archive_is_told_where(client, signature, offset, value, words):
    body = patched(files.npz(input=numpy.zeros((1, 2, 2), "f4")), signature, offset, value)
    answer = ask(client, "/pool2d", NPZ, body, query="kernel_size=1")
    assert answer.status == 400, answer
    for word in words:
        assert word in answer.detail, answer.detail


@pytest.mark.parametrize("of_32_bits", [False, True])
def test_sizes_that_a_header_says_twice_agree(client, of_32_bits):
    """Those of numpy have a zip64 field; the sizes of 32 bits are full, or the same, as the version of zipfile has it."""
    archive = bytearray(files.npz(input=random(24, 1, 2, 2)))
    name_bytes, extra_bytes = struct.unpack_from("<HH", archive, 26)
    field = 30 + name_bytes
    assert extra_bytes == 20 and struct.unpack_from("<HH", archive, field) == (1, 16)
    unpacked, packed = struct.unpack_from("<QQ", archive, field + 4)
    struct.pack_into("<II", archive, 18, *((packed, unpacked) if of_32_bits else (0xFFFFFFFF, 0xFFFFFFFF)))
    assert ask(client, "/pool2d", NPZ, bytes(archive), query="kernel_size=1").status == 200
    for bit in range(128):
        broken = bytearray(archive)
        broken[field + 4 + bit // 8] ^= 1 << bit % 8
        response = ask(client, "/pool2d", NPZ, bytes(broken), query="kernel_size=1")
        assert (response.status, response.problem) == (400, "malformed-body"), (bit, response)
        assert "contradict each other: the sizes" in response.detail


def test_parts_of_one_name_are_told_which(client):
    part = 'Content-Disposition: form-data; name="kernel_size"\r\n\r\n1\r\n'
    body = "".join(f"--x\r\n{part}" for _ in range(2)) + "--x--\r\n"
    answer = ask(client, "/pool2d", "multipart/form-data; boundary=x", body)
    assert answer.status == 400 and answer.problem == "repeated-key" and answer.pointer == "/kernel_size", answer


def test_a_picture_that_no_reader_takes_is_refused(client):
    body = files.npy(numpy.zeros((1, 1, 1, 1000001), "f4"))
    answer = ask(client, "/pool2d", NPY, body, accept="image/png", query="kernel_size=1")
    assert answer.status == 413 and "1000001 x 1 pixels" in answer.detail and "1000000 a side" in answer.detail, answer


@pytest.mark.parametrize("method,number", [(zipfile.ZIP_BZIP2, 12), (zipfile.ZIP_LZMA, 14)])
def test_other_methods_are_refused(client, method, number):
    answer = ask(client, "/conv2d", NPZ, zipped(method))
    assert (answer.status, answer.problem, answer.pointer) == (422, "unsupported-tensor", "/input"), answer
    assert f"method {number}" in answer.detail


def test_an_answer_is_an_archive_for_every_tool(client):
    answer = ask(client, "/pool2d", NPY, files.npy(random(22, 1, 3, 7, 7)), NPZ, "kernel_size=2&return_indices=true")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.namelist() == ["output.npy", "indices.npy"]
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_bomb_costs_nothing(client):
    """16 GiB of zeros said to be in 16 MiB: refused by what it says, before it is unpacked."""
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 131072, 131072), }\n"
    npy = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + bytes(1 << 20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("input.npy", npy)
    body = bytearray(out.getvalue())
    size = len(npy) - (1 << 20) + (1 << 34)
    assert size > 1 << 32
    answer = ask(client, "/pool2d", NPZ, bytes(body), None, "kernel_size=1")
    assert (answer.status, answer.problem) == (400, "malformed-body"), answer
    for record, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = body.index(record) + offset
        body[at:at + 4] = struct.pack("<I", 0xFFFFFFF0)
    answer = ask(client, "/pool2d", NPZ, bytes(body), None, "kernel_size=1")
    assert (answer.status, answer.problem) == (400, "malformed-body") and "cannot unpack" in answer.detail, answer


def test_what_unpacks_to_more_than_max_body_is_refused(start_server):
    server = start_server("--max-body", "64K")
    client = server.client()
    x = numpy.zeros((1, 1, 200, 200), "float32")
    body = files.npz(numpy.savez_compressed, input=x)
    assert len(body) < 4096
    answer = ask(client, "/pool2d", NPZ, body, None, "kernel_size=200")
    assert (answer.status, answer.problem, answer.pointer) == (413, "limit-exceeded", "/input"), answer
    assert "--max-body" in answer.detail and "65536" in answer.detail and str(x.nbytes + 128) in answer.detail
    ok = ask(client, "/pool2d", NPZ, files.npz(numpy.savez_compressed, input=x[:, :, :80]), None, "kernel_size=80")
    assert ok.status == 200 and ok.json["shape"] == [1, 1, 1, 2]
    client.close()


def test_max_output_holds_for_every_form(start_server):
    server = start_server("--max-output", "1K")
    client = server.client()
    for accept in ANSWERS:
        for side, status in ((16, 200), (17, 413)):
            answer = ask(client, "/pool2d", NPY, files.npy(numpy.zeros((1, 1, side, side), "f4")), accept, "kernel_size=1")
            assert answer.status == status, answer
    client.close()


# ---- which form ----


def test_indices_go_into_a_form_that_holds_them(client):
    body, query = files.npy(random(23, 1, 1, 4, 4)), "kernel_size=2&return_indices=true"
    for accept, chosen in (("application/x-npy, application/json;q=0.5", JSON), (f"{NPY}, {NPZ};q=0.1", NPZ),
                           (f"{RAW}, */*;q=0.1", JSON), (f"{NPY}, {SAFETENSORS};q=0.2, {JSON};q=0.1", SAFETENSORS)):
        answer = ask(client, "/pool2d", NPY, body, accept, query)
        assert answer.media_type == chosen, accept
        assert set(files.read_answer(answer, convd.unpack)) == {"output", "indices"}
    for accept in (NPY, RAW):
        answer = ask(client, "/pool2d", NPY, body, accept, query)
        assert (answer.status, answer.problem) == (406, "not-acceptable"), answer
        assert "return_indices" in answer.detail and SAFETENSORS in answer.detail
        assert answer.headers["Vary"] == "Accept"


def test_format_goes_with_json_alone(client):
    body = files.npy(random(24, 1, 1, 4, 4))
    for form in convd.FORMS:
        answer = ask(client, "/pool2d", NPY, body, None, f"kernel_size=2&format={form}")
        assert convd.unpack(answer.json)[0] == form
        refused = ask(client, "/pool2d", NPY, body, NPZ, f"kernel_size=2&format={form}")
        assert (refused.status, refused.problem, refused.pointer) == (422, "unknown-field", "/format"), refused
    document = {"input": [[[1, 2], [3, 4]]], "kernel_size": 2, "format": "flat"}
    assert client.post("/pool2d", document, {"Accept": NPY}).pointer == "/format"
    assert client.post("/pool2d", document, {"Accept": f"{NPY};q=0.5, {JSON}"}).status == 200


def test_json_for_a_binary_request_is_nested(client):
    for form, body in bodies(random(25, 1, 1, 4, 4)):
        assert convd.unpack(ask(client, "/pool2d", form, body, JSON, "kernel_size=2").json)[0] == "nested"


def test_every_answer_says_that_it_varies(client):
    body = files.npy(random(26, 1, 1, 4, 4))
    for accept in (*ANSWERS, None, "text/html"):
        assert ask(client, "/pool2d", NPY, body, accept, "kernel_size=2").headers["Vary"] == "Accept"
    assert ask(client, "/pool2d", NPY, body, NPZ, "kernel_size=9").headers["Vary"] == "Accept"
    assert "Vary" not in client.get("/shape?type=relu&input_shape=1").headers


def test_an_error_is_a_problem_whatever_accept_says(client):
    for accept in ANSWERS:
        answer = ask(client, "/pool2d", NPY, b"\x93NUMPY", accept, "kernel_size=2")
        assert (answer.status, answer.problem) == (400, "malformed-body"), answer


def test_npy_is_no_form_of_a_convolution(client):
    answer = ask(client, "/conv2d", NPY, files.npy(random(27, 1, 1, 4, 4)))
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    assert NPZ in answer.detail and SAFETENSORS in answer.detail and NPY + "'" in answer.detail


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded"])
def test_an_undeclared_file_is_told_its_header(client, content_type):
    for body, form in ((files.npz(input=random(28, 1, 1, 4, 4)), NPZ), (files.npy(random(29, 1, 1, 4, 4)), NPY)):
        for path in ("/pool2d", "/pool2d?kernel_size=2"):
            answer = client.post_raw(path, body, {"Content-Type": content_type})
            assert answer.status == 415 and f"'Content-Type: {form}'" in answer.detail
            assert "'Content-Type: application/json'" in answer.detail
    answer = client.post_raw("/pool2d?kernel_size=2", b'{"input": [[[1]]]}', {"Content-Type": content_type})
    assert answer.status == 422 and "name the body's form" in answer.detail
