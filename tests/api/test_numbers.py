"""Decimal text and floats: every number is read to the nearest value and written with the fewest digits.

Max pooling with a 1x1 window hands its input through, so it shows the reader and the writer alone.
"""

import fractions
import json
import random
import re

import numpy
import pytest

import client as convd

COUNT = 3000
BITS = {"float32": "uint32", "float64": "uint64"}


def hand_through(client, tensor, dtype, form):
    document = '{"input": %s, "kernel_size": 1, "dtype": "%s", "format": "%s"}' % (tensor, dtype, form)
    answer = client.post_raw("/pool2d", document, {"Content-Type": "application/json"})
    assert answer.status == 200, answer
    return answer


def finite_bits(rng, dtype, count):
    """Bit patterns of all magnitudes, subnormal ones and the limits included; none is NaN or infinite."""
    info = numpy.finfo(dtype)
    edges = [0.0, -0.0, info.max, -info.max, info.tiny, info.smallest_subnormal, info.eps, 1.0, 1 - info.epsneg]
    width = numpy.dtype(dtype).itemsize * 8
    drawn = numpy.array([rng.getrandbits(width) for _ in range(count)], BITS[dtype]).view(dtype)
    tens = numpy.array([float(f"1e{e}") for e in range(-37, 38)], dtype)
    below = numpy.nextafter(tens, numpy.zeros_like(tens))
    values = numpy.concatenate([numpy.array(edges, dtype), tens, below, drawn])
    return values[numpy.isfinite(values)]


def significant_digits(literal):
    """How many digits a decimal text spends: leading and trailing zeros tell the magnitude only."""
    mantissa = re.split("[eE]", literal)[0].lstrip("-").replace(".", "")
    return len(mantissa.strip("0"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_written_digits_are_fewest_and_read_back(client, dtype):
    values = finite_bits(random.Random(20), dtype, COUNT)
    tensor = json.dumps(convd.pack(values.reshape(1, 1, -1), "base64"))
    text = hand_through(client, tensor, dtype, "flat").text
    literals = json.loads(text, parse_int=str, parse_float=str)["output"]["data"]
    assert len(literals) == len(values)
    for literal, value in zip(literals, values):
        assert isinstance(literal, str), f"{literal!r} for {value!r}"
        if dtype == "float32":
            back = nearest_float32(fractions.Fraction(literal))
            back = numpy.copysign(numpy.float32(back), -1.0 if literal.startswith("-") else 1.0)
        else:
            back = numpy.float64(float(literal))
        assert back == value and numpy.signbit(back) == numpy.signbit(value), f"{literal} for {value!r}"
        shortest = numpy.format_float_scientific(value, unique=True, trim="-")
        assert significant_digits(literal) == significant_digits(shortest), f"{literal}, shortest is {shortest}"


def nearest_float32(exact):
    """The float32 nearest to an exact fraction, ties to even: the reference is integer arithmetic alone."""
    if exact == 0:
        return 0.0
    sign, exact = (-1, -exact) if exact < 0 else (1, exact)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    if fractions.Fraction(2) ** exponent > exact:
        exponent -= 1
    quantum = fractions.Fraction(2) ** max(exponent - 23, -149)
    return sign * float(round(exact / quantum) * quantum)


def half_way(rng, dtype, count):
    """Texts on, just below and just above the middle between two neighbours, and plain ones of many lengths."""
    limit = 120 if dtype == "float32" else 1000
    for _ in range(count):
        value = numpy.array(rng.uniform(1, 10) * 10.0 ** rng.randint(-30, 30), dtype)
        upper = numpy.nextafter(value, numpy.array(numpy.inf, dtype))
        middle = (fractions.Fraction(float(value)) + fractions.Fraction(float(upper))) / 2
        text = exact_decimal(middle)
        if len(text) > limit:
            continue
        yield text
        yield (text if "." in text else text + ".0") + "0" * rng.randint(0, 30) + "1"
        yield text[:-1] + str(int(text[-1]) - 1) + "9" * 5 if text[-1] != "0" else text
    for _ in range(count):
        digits = "".join(rng.choices("0123456789", k=rng.randint(1, 40))).lstrip("0") or "0"
        yield f"{digits[0]}.{digits[1:] or '0'}e{rng.randint(-50, 37)}"


def exact_decimal(value):
    """A fraction whose denominator is a power of two, written out in full."""
    shift = value.denominator.bit_length() - 1
    digits = str(value.numerator * 5 ** shift).rjust(shift + 1, "0")
    return f"{digits[:-shift]}.{digits[-shift:]}" if shift else digits


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_text_is_read_to_the_nearest(client, dtype):
    texts = list(half_way(random.Random(21), dtype, COUNT // 4))
    answer = hand_through(client, '{"shape": [1, 1, %d], "data": [%s]}' % (len(texts), ", ".join(texts)), dtype,
                          "base64")
    _, got = convd.unpack(answer.json)
    for text, value in zip(texts, got.ravel()):
        exact = nearest_float32(fractions.Fraction(text)) if dtype == "float32" else float(text)
        assert float(value) == exact, f"{text}: read as {value!r}, nearest is {exact!r}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bytes_pass_unchanged(client, dtype):
    """Base64 in and out: not one bit changes, subnormal numbers and minus zero included."""
    values = finite_bits(random.Random(22), dtype, COUNT).reshape(1, 1, -1)
    _, got = convd.unpack(hand_through(client, json.dumps(convd.pack(values, "base64")), dtype, "base64").json)
    assert numpy.array_equal(got.view(BITS[dtype]), values.view(BITS[dtype]))


def test_base64_of_every_remainder(client):
    """Lengths around each block of a vectorised decoder, whatever its width."""
    for size in range(1, 130):
        values = numpy.arange(size, dtype="float32").reshape(1, 1, -1)
        answer = hand_through(client, json.dumps(convd.pack(values, "base64")), "float32", "base64")
        _, got = convd.unpack(answer.json)
        assert numpy.array_equal(got, values)
