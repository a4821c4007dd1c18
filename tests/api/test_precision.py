"""precision, as torch.set_float32_matmul_precision names it, and the algorithms that it allows."""

import numpy
import pytest

import client as convd

X = numpy.random.default_rng(5).standard_normal((2, 24, 37, 41)).astype("float32")
WEIGHT = numpy.random.default_rng(6).standard_normal((32, 24, 3, 3)).astype("float32")


def exact(x, weight):
    """In float64, straight from the definition, with padding 1."""
    x = numpy.pad(x.astype("float64"), ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, cols = x.shape[2] - 2, x.shape[3] - 2
    return sum(numpy.einsum("nchw,kc->nkhw", x[:, :, i:i + rows, j:j + cols], weight[:, :, i, j].astype("float64"))
               for i in range(3) for j in range(3))


EXACT = exact(X, WEIGHT)
SUM_OF_MAGNITUDES = exact(abs(X), abs(WEIGHT)).max()


def ask(client, x=X, **fields):
    answer = client.post("/conv2d", {"input": convd.pack(x, "base64", "float32"),
                                     "weight": convd.pack(WEIGHT, "base64", "float32"), "padding": 1, **fields})
    assert answer.status == 200, answer
    return answer.headers["X-Convd-Algorithm"], convd.unpack(answer.json)[1]


@pytest.mark.parametrize("precision,most", [("highest", 2.0 ** -22 * SUM_OF_MAGNITUDES), ("high", 2e-5 * abs(EXACT).max())])
def test_errors(client, precision, most):
    algorithm, output = ask(client, precision=precision)
    assert algorithm == "winograd"
    assert abs(output - EXACT).max() <= most


def test_high_computes_otherwise_than_highest(client):
    highest, high = ask(client)[1], ask(client, precision="high")[1]
    assert highest.tobytes() == ask(client, precision="highest")[1].tobytes()
    assert highest.tobytes() != high.tobytes()


def as_bfloat16(values):
    bits = values.view("uint32")
    return ((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000).view("float32")


def test_medium_multiplies_bfloat16_where_the_cpu_does(client):
    """The products of rounded numbers, summed in float32; without AVX512-BF16 what `high` gives."""
    algorithm, output = ask(client, precision="medium", algorithm="gemm")
    assert algorithm == "gemm"
    if client.get("/version").json["bfloat16"]:
        assert abs(output - exact(as_bfloat16(X), as_bfloat16(WEIGHT))).max() <= 2.0 ** -21 * SUM_OF_MAGNITUDES
        assert (abs(output - EXACT) <= 2.0 ** -7 * exact(abs(X), abs(WEIGHT))).all()
        assert abs(output - EXACT).max() > 2.0 ** -16 * SUM_OF_MAGNITUDES
    else:
        assert output.tobytes() == ask(client, precision="high", algorithm="gemm")[1].tobytes()


def test_medium_is_high_without_bfloat16(start_server):
    client = start_server(env={"CONVD_CPU": "portable"}).client()
    assert client.get("/version").json["bfloat16"] is False
    assert ask(client, precision="medium")[1].tobytes() == ask(client, precision="high")[1].tobytes()


def test_float64_is_full_whatever_the_precision(client):
    outputs = [ask(client, dtype="float64", precision=precision)[1] for precision in ("highest", "high", "medium")]
    assert abs(outputs[0] - EXACT).max() < 1e-11 * SUM_OF_MAGNITUDES
    assert all(output.tobytes() == outputs[0].tobytes() for output in outputs)


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_what_is_not_finite_stays_where_it_is_seen(client, precision):
    x = X.copy()
    x[0, 3, 10, 11], x[1, 0, 0, 0], x[1, 5, 36, 40] = numpy.nan, numpy.inf, -3e38
    _, output = ask(client, x, precision=precision)
    seen = numpy.zeros(output.shape, bool)
    seen[0, :, 9:12, 10:13] = seen[1, :, :2, :2] = True
    assert not numpy.isfinite(output[seen]).any()
    assert numpy.isfinite(output[~seen & (abs(exact(x, WEIGHT)) < 1e38)]).all()
    clean = ~seen
    clean[1, :, 35:, 39:] = False
    assert abs(output[clean] - EXACT[clean]).max() <= 2e-2 * abs(EXACT).max()


@pytest.mark.parametrize("algorithm", ["gemm", "direct", "winograd", "reference"])
def test_every_algorithm_by_name(client, algorithm):
    ran, output = ask(client, algorithm=algorithm)
    assert ran == algorithm
    assert abs(output - EXACT).max() <= 2.0 ** -22 * SUM_OF_MAGNITUDES


def test_the_servers_default(client, start_server):
    other = start_server("--precision", "high").client()
    assert ask(other)[1].tobytes() == ask(client, precision="high")[1].tobytes()
    assert ask(other, precision="highest")[1].tobytes() == ask(client)[1].tobytes()
    assert other.get("/version").json["precision"] == "high"
