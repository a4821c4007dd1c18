"""Work and memory are priced before anything is allocated: a small request that asks for much gets 413 with both
numbers, and one within the limits is computed.
"""

import numpy
import pytest

import client as convd

MAX_MACS = 2 * 10 ** 11
MAX_OUTPUT_BYTES = 256 * 2 ** 20


@pytest.fixture
def default_limits(client):
    """Skips when the server was started with limits of its own."""
    text = client.get("/version").text
    if str(MAX_MACS) not in text or str(MAX_OUTPUT_BYTES) not in text:
        pytest.skip("the server's limits are not the defaults")


def ones(*shape):
    return convd.pack(numpy.ones(shape, "float32"), "base64")


def check_limit(answer, flag, asked, limit):
    assert answer.status == 413 and answer.problem == "limit-exceeded", answer
    for word in (flag, str(asked), str(limit)):
        assert word in answer.detail, f"{word!r} is not in {answer.detail!r}"


def test_output_bytes(client, default_limits):
    answer = client.post("/conv2d", {"input": ones(1, 1, 1), "weight": ones(1, 1, 1, 1), "padding": 50000})
    check_limit(answer, "max-output", 4 * 100001 ** 2, MAX_OUTPUT_BYTES)


def test_output_bytes_of_float64(client, default_limits):
    """6,000 x 6,000 numbers fit as float32 (144 MB) and not as float64 (288 MB)."""
    document = {"input": ones(1, 1, 1), "mode": "adaptive_max", "output_size": 6000, "format": "base64"}
    answer = client.post("/pool2d", {**document, "dtype": "float64"})
    check_limit(answer, "max-output", 8 * 6000 ** 2, MAX_OUTPUT_BYTES)


def test_operations(client, default_limits):
    """A body of 18 KB whose convolution would take minutes: a 58x58 filter over 8,001x8,001 cells."""
    answer = client.post("/conv2d", {"input": ones(1, 1, 1), "weight": ones(1, 1, 58, 58), "padding": 4000})
    check_limit(answer, "max-macs", 7944 ** 2 * 58 ** 2, MAX_MACS)


def test_operations_of_a_pooling(client, default_limits):
    """An 800x800 window at each of 801x801 places: 4·10¹¹ cells to look at."""
    answer = client.post("/pool2d", {"input": ones(1, 1600, 1600), "mode": "avg", "kernel_size": 800, "stride": 1,
                                     "format": "base64"})
    assert answer.status == 413 and answer.problem == "limit-exceeded", answer
    assert "max-macs" in answer.detail and str(MAX_MACS) in answer.detail, answer


def test_operations_of_columns(client, default_limits):
    """A 55x55 filter over 8,001x8,001 cells, for one output channel: unrolling takes ten times as long as multiplying."""
    answer = client.post("/conv2d", {"input": ones(1, 1, 1), "weight": ones(1, 1, 55, 55), "padding": 4000,
                                     "algorithm": "gemm"})
    check_limit(answer, "max-macs", 7947 ** 2 * 55 ** 2, MAX_MACS)
    assert "copies, transforms and empty lanes" in answer.detail


def test_operations_of_the_reference(client, default_limits):
    """A 4x4 filter over 8,001x8,001 cells by the definition, which takes its time for each row of the filter: 4 s of one core."""
    answer = client.post("/conv2d", {"input": ones(1, 1, 1), "weight": ones(1, 1, 4, 4), "padding": 4000,
                                     "algorithm": "reference"})
    check_limit(answer, "max-macs", 7998 ** 2 * 4 ** 2, MAX_MACS)


def test_operations_of_circular_columns(client, default_limits):
    answer = client.post("/conv2d", {"input": ones(1, 600, 600), "weight": ones(1, 1, 250, 250), "padding": 500,
                                     "padding_mode": "circular", "dilation": 3, "algorithm": "gemm"})
    check_limit(answer, "max-macs", 853 ** 2 * 250 ** 2, MAX_MACS)


def test_operations_of_a_spread_maximum(client, default_limits):
    """Cells that are no neighbours are looked at one by one where the stride is wide, and cost more."""
    answer = client.post("/pool2d", {"input": ones(1, 1000, 1000), "mode": "max", "kernel_size": [500, 100],
                                     "stride": [1, 5], "dilation": [1, 2], "format": "base64"})
    check_limit(answer, "max-macs", 501 * 161 * 50000, MAX_MACS)


def test_a_large_kernel_is_computed_in_tiles(client):
    """im2col of this layer would be 16 GB at 500²; at 96² with a 64² kernel it would be 18 MB for 1,089 outputs."""
    x = numpy.ones((1, 1, 96, 96), "float32")
    answer = client.post_ok("/conv2d", {"input": convd.pack(x, "base64"), "weight": ones(2, 1, 64, 64)})
    _, output = convd.unpack(answer)
    assert output.shape == (1, 2, 33, 33) and numpy.all(output == 64 * 64)


def test_many_outputs_of_winograd_are_counted_once(client):
    """12.6 million products; each part of the output channels has transforms of its own."""
    answer = client.post("/conv2d", {"input": ones(1, 1, 2, 2), "weight": ones(350000, 1, 3, 3), "padding": 1, "algorithm": "winograd", "format": "base64"})
    assert answer.status == 200 and answer.headers["X-Convd-Algorithm"] == "winograd", answer
    assert (convd.unpack(answer.json)[1] == 4).all()


def test_a_large_document_passes(client):
    """12 MB of JSON text, the numbers in one line each: read in pieces, answered in one."""
    values = numpy.arange(1_000_000, dtype="float32").reshape(1, 1000, 1000)
    text = '{"kernel_size": 1000, "input": [[' + ",\n".join(
        "[" + ",\n ".join(f"{value:.1f}" for value in row) + "]" for row in values[0]) + "]]}"
    answer = client.post_raw("/pool2d", text, {"Content-Type": "application/json"})
    assert answer.status == 200, answer
    assert answer.json["output"] == [[[999999]]]
