"""The page's pure parts, without a browser: what they compute is held against PyTorch and against the server."""

import fractions
import itertools
import math
import random
import sys

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from evaluate import ROOT, client, evaluate, layer, modules, numbers, outcomes, pairs, server_url  # noqa: F401  (fixtures)

sys.path.insert(0, str(ROOT / "tests/differential"))
import layers  # noqa: E402  (random layers, and what torch.nn makes of them)

MODES = ("zeros", "reflect", "replicate", "circular")
TORCH_MODE = {"zeros": "constant"}
SIDES = (1, 2, 3, 5, 7, 11)


def draw_layer(rng, side=(1, 11)):
    """(layer, size, its four sides); not all of them can be."""
    size = [rng.choice([s for s in SIDES if side[0] <= s <= side[1]]) for _ in range(2)]
    sides = [rng.choice([0, 0, 1, 2, 3]) for _ in range(4)]
    padding, sides = rng.choice([(sides, sides), (sides[:2], [sides[0]] * 2 + [sides[1]] * 2), (sides[0], [sides[0]] * 4), ("valid", [0] * 4)])
    return layer(pairs(rng, 1, 4), pairs(rng, 1, 3), pairs(rng, 1, 3), padding, rng.choice(MODES)), size, sides


def padded(image, sides, mode, value=0.0):
    """F.pad of (N, C, H, W), or None where PyTorch refuses."""
    top, bottom, left, right = sides
    try:
        if mode == "zeros":
            return F.pad(image, (left, right, top, bottom), value=value)
        return F.pad(image, (left, right, top, bottom), mode=mode)
    except (RuntimeError, AssertionError):
        return None


def sources_by_torch(one, size, sides):
    """unfold() over an image of the cells' own numbers, those of padded zeros being -1; None where PyTorch refuses."""
    image = torch.arange(1.0, size[0] * size[1] + 1, dtype=torch.float64).reshape(1, 1, *size)
    image = padded(image, sides, one["mode"])
    if image is None:
        return None
    try:
        return F.unfold(image, one["kernel"], dilation=one["dilation"], stride=one["stride"])[0].T.long() - 1
    except RuntimeError:
        return None


# ---- windows ----


def test_index_maps_are_those_of_unfold(modules):
    rng = random.Random(1)
    cases = [draw_layer(rng) for _ in range(1200)]
    results = evaluate(modules, [["here", "sources", one, size] for one, size, _ in cases])
    drawn = 0
    for (one, size, sides), result in zip(cases, results):
        expected = sources_by_torch(one, size, sides)
        assert (result is None) == (expected is None), (one, size)
        if result is not None:
            assert result["sources"] == expected.tolist(), (one, size)
            drawn += 1
    assert drawn > 450


def test_padded_input_and_what_is_never_read(modules):
    rng = random.Random(2)
    cases = [case for case in (draw_layer(rng) for _ in range(700)) if sources_by_torch(*case) is not None]
    planes = [[rng.uniform(-1, 1) for _ in range(size[0] * size[1])] for _, size, _ in cases]
    results = evaluate(modules, [["here", "padded", one, size, plane] for (one, size, _), plane in zip(cases, planes)])
    for (one, size, sides), plane, result in zip(cases, planes, results):
        image = padded(torch.tensor(plane, dtype=torch.float64).reshape(1, 1, *size), sides, one["mode"])
        assert [result["rows"], result["cols"]] == list(image.shape[2:])
        assert result["back"]
        assert result["values"] == image.flatten().tolist()
        ones = torch.ones_like(image, requires_grad=True)
        F.unfold(ones, one["kernel"], dilation=one["dilation"], stride=one["stride"]).sum().backward()
        outside = padded(torch.zeros(1, 1, *size), sides, "zeros", value=1.0)
        assert result["kinds"] == (outside + 2 * (ones.grad == 0)).flatten().int().tolist(), (one, size)


def draw_axis(rng):
    return {"size": rng.randint(1, 13), "kernel": rng.randint(1, 5), "stride": rng.randint(1, 4), "dilation": rng.randint(1, 3),
            "low": rng.randint(0, 4), "high": rng.randint(0, 4)}


def test_readers_are_the_inverse_of_positions(modules):
    rng = random.Random(3)
    axes = [draw_axis(rng) for _ in range(1500)]
    sizes = evaluate(modules, [["maths/windows", "outputSize", axis] for axis in axes])
    taps = [[["maths/windows", "position", axis, out, tap] for out in range(size) for tap in range(axis["kernel"])] for axis, size in zip(axes, sizes)]
    positions = iter(evaluate(modules, [call for some in taps for call in some]))
    readers = evaluate(modules, [["here", "readers", axis, size] for axis, size in zip(axes, sizes)])
    for axis, size, found in zip(axes, sizes, readers):
        expected = {at: [] for at in range(-axis["low"], axis["size"] + axis["high"])}
        for out, tap in itertools.product(range(size), range(axis["kernel"])):
            expected[next(positions)].append([out, tap])
        assert [sorted(some) for some in found] == list(expected.values()), axis


def test_output_sizes_are_those_of_poolings(modules):
    rng = random.Random(4)
    cases = []
    for _ in range(3000):
        kernel = rng.randint(1, 5)
        pad = rng.randint(0, kernel // 2)
        cases.append(({"size": rng.randint(1, 11), "kernel": kernel, "stride": rng.randint(1, 6), "dilation": rng.randint(1, 3), "low": pad, "high": pad},
                      rng.random() < 0.6))
    sizes = evaluate(modules, [["maths/windows", "outputSize", *case] for case in cases])
    dropped = evaluate(modules, [["maths/windows", "dropsLast", axis] for axis, _ in cases])
    planes = evaluate(modules, [["here", "outputSizes", layer([a["kernel"]] * 2, [a["stride"]] * 2, [a["dilation"]] * 2, a["low"]), [a["size"]] * 2, ceil] for a, ceil in cases])
    for (axis, ceil), size, drops, plane in zip(cases, sizes, dropped, planes):
        try:
            expected = F.max_pool1d(torch.zeros(1, 1, axis["size"]), axis["kernel"], axis["stride"], axis["low"], axis["dilation"], ceil).shape[2]
        except RuntimeError:
            expected = 0
        assert max(0, size) == expected, (axis, ceil)
        assert plane == ([expected] * 2 if expected else None), (axis, ceil)
        if ceil and expected:
            room = axis["size"] + 2 * axis["low"] - axis["dilation"] * (axis["kernel"] - 1) - 1
            assert drops == (expected == math.ceil(room / axis["stride"])), axis


def formula_side(text):
    left, _, right = text.partition(" = ")
    return eval(left, {"__builtins__": {}, "floor": math.floor, "ceil": math.ceil}), int(right)  # noqa: S307  (the page's own text)


def test_formulas_evaluate_and_are_the_servers(modules, client):
    rng = random.Random(5)
    cases, axes = [], []
    while len(cases) < 400:
        ceil, kernel, dilation = rng.random() < 0.5, pairs(rng, 1, 5), pairs(rng, 1, 2)
        most = [(d * (k - 1) + 1) // 2 for d, k in zip(dilation, kernel)]
        low = [rng.randint(0, side) for side in most]
        high = low if rng.random() < 0.5 else [rng.randint(0, max(0, d * (k - 1))) for d, k in zip(dilation, kernel)]
        low = [min(side, d * (k - 1)) for side, d, k in zip(low, dilation, kernel)] if high is not low else low
        stride, size = pairs(rng, 1, 4), pairs(rng, 1, 19)
        document = {"type": "max_pool2d", "input_shape": [1, 1, *size], "kernel_size": kernel, "stride": stride, "dilation": dilation, "ceil_mode": ceil,
                    "padding": low if high is low else [[low[0], high[0]], [low[1], high[1]]]}
        if not ceil and rng.random() < 0.5:
            document.update(type="conv2d", out_channels=1)
            del document["ceil_mode"]
        answer = client.post("/shape", document)
        if answer.status == 200:
            cases.append((ceil, answer.json["layers"][0]))
            axes.append([{"size": size[i], "kernel": kernel[i], "stride": stride[i], "dilation": dilation[i], "low": low[i], "high": high[i]} for i in range(2)])
    texts = evaluate(modules, [["maths/windows", "sizeFormula", axis, ceil] for (ceil, _), both in zip(cases, axes) for axis in both])
    for i, (ceil, answered) in enumerate(cases):
        assert texts[2 * i:2 * i + 2] == [answered["formula"]["height"], answered["formula"]["width"]], axes[i]
        for text in texts[2 * i:2 * i + 2]:
            left, right = formula_side(text)
            assert left == right, text


def test_same_padding_is_torchs(modules):
    cases = [{"size": size, "kernel": kernel, "stride": 1, "dilation": dilation} for size, kernel, dilation in itertools.product((1, 2, 5, 8), range(1, 6), (1, 2, 3))]
    results = evaluate(modules, [["maths/windows", "samePadding", "same", axis] for axis in cases])
    for axis, (low, high) in zip(cases, results):
        x = torch.arange(1.0, axis["size"] + 1).reshape(1, 1, -1)
        w = torch.arange(1.0, axis["kernel"] + 1).reshape(1, 1, -1) ** 2
        assert torch.equal(F.conv1d(x, w, padding="same", dilation=axis["dilation"]), F.conv1d(F.pad(x, (low, high)), w, dilation=axis["dilation"])), axis


def test_same_upper_and_lower_are_the_servers(modules, client):
    rng = random.Random(6)
    cases = [(kind, [{"size": rng.randint(1, 11), "kernel": rng.randint(1, 5), "stride": rng.randint(1, 4), "dilation": rng.randint(1, 3)} for _ in range(2)])
             for kind in ("same_upper", "same_lower") for _ in range(120)]
    results = iter(evaluate(modules, [["maths/windows", "samePadding", kind, axis] for kind, axes in cases for axis in axes]))
    for kind, axes in cases:
        size, kernel, stride, dilation = ([axis[key] for axis in axes] for key in ("size", "kernel", "stride", "dilation"))
        document = {"input": [[[[y * size[1] + x + 1 for x in range(size[1])] for y in range(size[0])]]], "stride": stride, "dilation": dilation,
                    "weight": [[[[y * kernel[1] + x + 1 for x in range(kernel[1])] for y in range(kernel[0])]]]}
        by_word = client.post_ok("/conv2d", {**document, "padding": kind})
        assert by_word == client.post_ok("/conv2d", {**document, "padding": [next(results), next(results)]}), (kind, axes)
        assert by_word["shape"][2:] == [math.ceil(size[i] / stride[i]) for i in range(2)]


def test_adaptive_windows_are_torchs(modules):
    cases = [(size, outputs) for size in range(1, 14) for outputs in range(1, 15)]
    results = iter(evaluate(modules, [["maths/windows", "adaptiveWindow", size, outputs, out] for size, outputs in cases for out in range(outputs)]))
    for size, outputs in cases:
        x = torch.eye(size).unsqueeze(0)
        used = F.adaptive_avg_pool1d(x, outputs)[0] > 0  # [cell, out]
        for out in range(outputs):
            cells = used[:, out].nonzero().flatten().tolist()
            assert next(results) == [cells[0], cells[-1] + 1], (size, outputs, out)


def test_paddings_in_every_form(modules):
    axes = [{"size": 7, "kernel": 4, "stride": 2, "dilation": 1}, {"size": 5, "kernel": 3, "stride": 1, "dilation": 2}]
    forms = [("valid", [0, 0, 0, 0]), ("same", [1, 2, 2, 2]), ("same_upper", [1, 2, 2, 2]), ("same_lower", [2, 1, 2, 2]), (3, [3, 3, 3, 3]),
             ([1], [1, 1, 1, 1]), ([1, 2], [1, 1, 2, 2]), ([1, 2, 3, 4], [1, 2, 3, 4])]
    assert evaluate(modules, [["maths/layer", "paddingSides", form, axes] for form, _ in forms]) == [sides for _, sides in forms]


def test_what_the_server_would_refuse_has_no_axes(modules):
    broken = [layer([0, 3]), layer([3, 3], stride=[1, 0]), layer([3, 3], dilation=[-1, 1]), layer([3, "x"]), layer([3, 3], padding=-1), layer([3, 3], padding=[1, 2, 3]),
              layer([3, 3], padding="sam"), layer([3, 3], padding=""), layer([3, 3], padding=[0.5, 1]), layer([3, 3], padding=[]), layer([3, 3], mode="mirror"),
              layer([3, 3], padding="same", stride=[2, 1]), layer([3, 3], padding=5, mode="reflect"), layer([3, 3], padding=6, mode="circular"), layer([3, 3], padding="constructor")]
    assert evaluate(modules, [["maths/layer", "layerAxes", one, [5, 5]] for one in broken]) == [None] * len(broken)


# ---- the reference in the page ----


def draw_plane(rng, size, odd=0.0):
    """Small numbers, so that there are ties, and some that are no numbers."""
    word = lambda: rng.choice([math.nan, math.inf, -math.inf])  # noqa: E731
    return [word() if rng.random() < odd else rng.randint(-4, 4) / 2 for _ in range(size[0] * size[1])]


def test_convolutions_are_torchs(modules):
    rng = random.Random(7)
    cases = [case for case in (draw_layer(rng) for _ in range(600)) if sources_by_torch(*case) is not None]
    data = [(draw_plane(rng, size, rng.choice([0, 0, 0.1])), [rng.uniform(-1, 1) for _ in range(one["kernel"][0] * one["kernel"][1])], rng.choice([0, 0.25]))
            for one, size, _ in cases]
    results = evaluate(modules, [["here", "convolve", one, size, *values] for (one, size, _), values in zip(cases, data)])
    for (one, size, sides), (plane, weight, bias), result in zip(cases, data, results):
        x, w = torch.tensor(plane, dtype=torch.float64).reshape(1, 1, *size), torch.tensor(weight, dtype=torch.float64).reshape(1, 1, *one["kernel"])
        call = lambda x, w, b: F.conv2d(padded(x, sides, one["mode"]), w, b, stride=one["stride"], dilation=one["dilation"])  # noqa: E731
        expected = call(x, w, torch.tensor([bias], dtype=torch.float64))
        assert result["outputs"] == list(expected.shape[2:])
        numpy.testing.assert_allclose(numbers(result["values"]), expected.flatten(), rtol=1e-12, atol=1e-12, err_msg=str(one))
        numpy.testing.assert_allclose(numbers(result["magnitudes"]), call(x.abs(), w.abs(), torch.tensor([bias], dtype=torch.float64)).flatten(), rtol=1e-12)


def draw_pooling(rng):
    """(layer, size, plane, options of poolCell, ceil_mode, what torch computes) with a padding that torch takes."""
    size, mode = [rng.choice(SIDES) for _ in range(2)], rng.choice(["max", "avg", "lp", "adaptive_max", "adaptive_avg"])
    plane = draw_plane(rng, size, rng.choice([0, 0, 0.15]) if mode != "lp" else 0)
    x = torch.tensor(plane, dtype=torch.float64).reshape(1, 1, *size)
    if mode.startswith("adaptive"):
        output = pairs(rng, 1, 8)
        call = F.adaptive_avg_pool2d(x, output), None
        return None, size, plane, {"mode": mode, "output": output}, False, F.adaptive_max_pool2d(x, output, return_indices=True) if mode == "adaptive_max" else call
    kernel, stride, ceil = pairs(rng, 1, 4), pairs(rng, 1, 4), rng.random() < 0.5
    dilation, pad = pairs(rng, 1, 3) if mode == "max" else [1, 1], [rng.randint(0, k // 2) for k in kernel] if mode != "lp" else [0, 0]
    options = {"mode": mode}
    if mode == "max":
        run = lambda: F.max_pool2d(x, kernel, stride, pad, dilation, ceil, True)  # noqa: E731
    elif mode == "avg":
        options.update(countIncludePad=rng.random() < 0.5, divisorOverride=rng.choice([None, None, 3, -2]))
        run = lambda: (F.avg_pool2d(x, kernel, stride, pad, ceil, options["countIncludePad"], options["divisorOverride"]), None)  # noqa: E731
    else:
        options["normType"] = rng.choice([1, 2, 3, 4, 1.5, -2])
        run = lambda: (F.lp_pool2d(x, options["normType"], kernel, stride, ceil), None)  # noqa: E731
    try:
        return layer(kernel, stride, dilation, pad), size, plane, options, ceil, run()
    except RuntimeError:
        return draw_pooling(rng)


def test_poolings_are_torchs(modules):
    rng = random.Random(8)
    cases = [draw_pooling(rng) for _ in range(1000)]
    results = evaluate(modules, [["here", "pool", *case[:5]] for case in cases])
    for case, result in zip(cases, results):
        size, (expected, indices) = case[1], case[5]
        assert result["outputs"] == list(expected.shape[2:]), case
        numpy.testing.assert_allclose(numbers(result["values"]), expected.flatten(), rtol=1e-12, atol=1e-12, err_msg=str(case))
        if indices is not None:  # (in padding alone torch says a cell that there is not)
            cells = size[0] * size[1]
            there = [-1 if index >= cells or value == -math.inf and winner == -1 and case[0] and case[0]["dilation"] != [1, 1] else index
                     for index, value, winner in zip(indices.flatten().tolist(), expected.flatten().tolist(), result["winners"])]
            assert result["winners"] == there, case


def test_windows_in_padding_alone(modules):
    """Where torch has no such padding: -Infinity without a winner, and 0."""
    one = layer([1, 1], padding=1)
    most, average = evaluate(modules, [["here", "pool", one, [1, 1], [5], {"mode": "max"}, False],
                                    ["here", "pool", one, [1, 1], [5], {"mode": "avg", "countIncludePad": False, "divisorOverride": None}, False]])
    assert most["winners"] == [-1, -1, -1, -1, 0, -1, -1, -1, -1]
    assert most["values"] == ["-Infinity"] * 4 + [5] + ["-Infinity"] * 4
    assert average["values"] == [0, 0, 0, 0, 5, 0, 0, 0, 0]


def test_norms_beyond_float32_are_not_compared(modules):
    axes = [{"size": side, "kernel": side, "stride": 1, "dilation": 1, "low": 0, "high": 0} for side in (1, 2)]
    reach = lambda norm, *plane: evaluate(modules, [["maths/reference", "poolCell", list(plane), axes, [0, 0], {"mode": "lp", "normType": norm}]])[0]["reach"]  # noqa: E731
    assert reach(0.5, 1e38, 1e38) == "Infinity" and reach(0.5, 1e37, 1e37) == 0
    assert reach(3, -1e-16, 0) == "Infinity" and reach(3, -1, 0) == 0 and reach(3, 0, 0) == 0


def test_the_threshold_of_the_badge(modules):
    unit = 2.0 ** -22
    compare = lambda answer, values, magnitudes: ["core/status", "compareValues", answer, {"values": values, "magnitudes": magnitudes, "reaches": [one if one < math.inf else 0 for one in magnitudes]}]  # noqa: E731
    cases = [
        (compare([1.0], [1.0], [1.0]), 0, True), (compare([1 + unit], [1.0], [1.0]), unit, True), (compare([1 + 1.5 * unit], [1.0], [1.0]), 1.5 * unit, False),
        (compare([1 + 4 * unit], [1.0], [4.0]), 4 * unit, True),
        (compare([4 * unit, 1.0], [0.0, 1.0], [0.0, 4.0]), 4 * unit, True), (compare([math.nan], [math.nan], [1.0]), 0, True), (compare([0.0], [math.nan], [1.0]), "NaN", False),
        (compare([math.inf], [math.inf], [math.inf]), 0, True), (compare([-math.inf], [math.inf], [math.inf]), None, False), (compare([1.0], [math.inf], [math.inf]), None, False),
        (compare([-0.0], [0.0], [0.0]), 0, True), (compare([1.0, 2.0], [1.0], [1.0]), None, False), (compare([], [], []), 0, True),
        # float32 has no such number, or none between that and 0
        (compare([math.inf], [1e39], [1e39]), None, True), (compare([-math.inf], [-1e39], [1e39]), None, True), (compare([0.0], [1e-39], [1e-39]), None, True),
        (compare([2.0 ** -100], [0.0], [0.0]), 2.0 ** -100, False),
        # each term rounds once
        (["core/status", "compareValues", [1 + 25 * 2.0 ** -23], {"values": [1.0], "magnitudes": [1.0], "terms": 49}], 25 * 2.0 ** -23, False),
        (["core/status", "compareValues", [1 + 24 * 2.0 ** -23], {"values": [1.0], "magnitudes": [1.0], "terms": 49}], 24 * 2.0 ** -23, True),
        (["core/status", "compareValues", [1 + 2 * 2.0 ** -23], {"values": [1.0], "magnitudes": [1.0], "terms": 1}], 2 * 2.0 ** -23, True),
        # the shortest text of a float32 is another double
        (compare([0.78], [float(numpy.float32(0.78))], [0.0]), 0, True),
    ]
    for (call, most, within), found in zip(cases, evaluate(modules, [call for call, _, _ in cases])):
        assert found["within"] == within, call
        if most is not None:
            assert found["difference"] == (most if isinstance(most, str) else pytest.approx(most, rel=1e-9, abs=0)), call


def test_sums_that_pass_float32_are_not_compared(modules):
    """Their values depend on the order of the terms, and so does whether an infinity becomes NaN; factors that may count as zero do the same."""
    products = lambda *pairs: [{"x": x, "w": w} for x, w in pairs]  # noqa: E731
    inf = math.inf
    cases = [(products((3e38, 1), (3e38, 1)), -inf, True), (products((3e38, 1), (3e38, 1), (-inf, 1)), 0, True), (products((3e38, 3e38)), -inf, True),
             (products((3e38, 1), (3e38, 1), (-3e38, 1), (-3e38, 1)), 0, True), (products((1e-40, -inf)), 0, True), (products((inf, 1e-40)), 0, True),
             (products((inf, 1), (1, 1)), 0, False), (products((1e-40, 1)), 0, False), (products((0, inf)), 0, False), (products((3e38, 1)), inf, False)]
    for (terms, bias, passes), found in zip(cases, evaluate(modules, [["maths/reference", "sumOf", terms, bias] for terms, bias, _ in cases])):
        assert (float(found["reach"]) > 3.4028235e38) == passes, terms
    told = evaluate(modules, [["core/status", "compareValues", [math.nan, 1.0], {"values": [-math.inf, 1.0], "magnitudes": [math.inf, 1.0], "reaches": [6e38, 1.0]}]])[0]
    assert told == {"difference": 0, "within": True, "skipped": 1, "count": 2}


def float32_of(text):
    """Of decimal digits, rounded once, to nearest even; None where float32 has no such number."""
    exact = fractions.Fraction(text)
    near = numpy.float32(float(exact)) if abs(exact) < 2 ** 128 else numpy.float32(numpy.inf)
    around = [one for one in (near, numpy.nextafter(near, numpy.float32(numpy.inf)), numpy.nextafter(near, numpy.float32(-numpy.inf))) if numpy.isfinite(one)]
    if abs(exact) >= 2 ** 128 - 2 ** 103:
        return None
    return float(min(around, key=lambda one: (abs(fractions.Fraction(float(one)) - exact), one.view("uint32") & 1)))


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_number_is_rounded_to_float32_once(modules):
    """As the server does with its digits; Math.fround rounds the double that they were rounded to."""
    rng = random.Random(5)
    doubles = [1.0000000596046448, 3.4028235677973366e38, 3.402823466385289e38, 1e39, -1e39, 1e-46, 7.006492321624085e-46, -7.006492321624086e-46, 2.0 ** -149, 0.1, -0.0, 5e-324, 1.7976931348623157e308]
    for _ in range(3000):
        near = numpy.uint32(rng.randrange(1, 0x7f7fffff)).view("float32")
        middle = (float(near) + float(numpy.nextafter(near, numpy.float32(numpy.inf)))) / 2
        doubles += [rng.choice([1, -1]) * one for one in (middle, math.nextafter(middle, 0), math.nextafter(middle, math.inf)) if math.isfinite(one)]
    for value, found in zip(doubles, evaluate(modules, [["core/numbers", "single", value] for value in doubles])):
        wanted = float32_of(repr(value))
        assert float(found) == (value if wanted is None else wanted), value


# ---- receptive fields ----

WALKED = ["conv2d", "conv2d", "max_pool2d", "avg_pool2d", "lp_pool2d", "adaptive_avg_pool2d", "conv_transpose2d", "zero_pad2d", "reflection_pad2d",
          "replication_pad2d", "upsample", "relu", "batch_norm2d"]


def draw_walk(rng, shape):
    """Layers for an input of that shape, a torch module for each (in float64, all weights 1), and the shapes between them."""
    drawn, modules, shapes = [], [], [shape]
    for _ in range(rng.randint(1, 5)):
        fields = draw_walked(rng, rng.choice(WALKED))
        try:
            module = walked_module(fields, shapes[-1])
            output = list(module(torch.zeros(shapes[-1], dtype=torch.float64)).shape)
        except (RuntimeError, ValueError):
            continue
        if max(output[2:]) > 40 or min(output[2:]) < 1:
            continue
        drawn.append(fields)
        modules.append(module)
        shapes.append(output)
    return drawn, modules, shapes


def draw_walked(rng, kind):
    either = lambda low, high: rng.choice([rng.randint(low, high), pairs(rng, low, high)])  # noqa: E731
    if kind == "conv2d":
        padding = rng.choice([0, either(0, 2), "same", "valid", "same_upper", "same_lower", [pairs(rng, 0, 3), pairs(rng, 0, 3)]])
        return {"type": kind, "out_channels": 1, "kernel_size": either(1, 4), "stride": either(1, 3) if padding != "same" else 1, "dilation": either(1, 3),
                "padding": padding, "padding_mode": rng.choice(MODES)}
    if kind == "conv_transpose2d":
        return {"type": kind, "out_channels": 1, "kernel_size": either(1, 4), "stride": either(1, 3), "dilation": either(1, 2), "padding": either(0, 2)}
    if kind == "adaptive_avg_pool2d":
        return {"type": kind, "output_size": either(1, 9)}
    if kind.endswith("pad2d"):
        low = -1 if kind.startswith("zero") else 0
        return {"type": kind, "padding": rng.choice([rng.randint(low, 4), [rng.randint(low, 4) for _ in range(4)]])}
    if kind == "upsample":
        return {"type": kind, **rng.choice([{"size": either(1, 12)}, {"scale_factor": rng.choice([0.5, 1.5, 2, 2.7, 3, [2, 1.3]])}])}
    if kind in ("relu", "batch_norm2d"):
        return {"type": kind}
    fields = {"type": kind, "kernel_size": either(1, 4), "ceil_mode": rng.random() < 0.3}
    if rng.random() < 0.6:
        fields["stride"] = either(1, 3)
    if kind == "lp_pool2d":
        return {**fields, "norm_type": 1}
    if rng.random() < 0.4:
        fields["padding"] = rng.choice(["same", "same_lower", 1, [1, 0]])
    return {**fields, **({"dilation": either(1, 2)} if kind == "max_pool2d" else {})}


class Sum(nn.Module):
    """A pooling whose gradient reaches the whole window: an average, as max reads what an average reads. With the paddings of /shape."""

    def __init__(self, fields):
        super().__init__()
        self.fields = fields

    def forward(self, x):
        fields = self.fields
        kernel, dilation = both(fields["kernel_size"]), both(fields.get("dilation", 1))
        stride = both(fields.get("stride", fields["kernel_size"]))
        sides, sizes = layout(fields, list(x.shape[2:]), kernel, dilation, stride, False)
        # Far more zeros behind than any window reaches, and then as many windows as there are.
        x = F.pad(x, (sides[1][0], sides[1][1] + 40, sides[0][0], sides[0][1] + 40))
        y = F.conv2d(x, torch.ones(1, 1, *kernel, dtype=torch.float64), stride=stride, dilation=dilation)
        return y[:, :, :sizes[0], :sizes[1]]


class Convolution(Sum):
    def forward(self, x):
        fields = self.fields
        kernel, dilation, stride = both(fields["kernel_size"]), both(fields["dilation"]), both(fields["stride"])
        sides, _ = layout(fields, list(x.shape[2:]), kernel, dilation, stride, True)
        x = padded(x, [*sides[0], *sides[1]], fields["padding_mode"])
        if x is None:
            raise ValueError("PyTorch refuses the padding")
        return F.conv2d(x, torch.ones(1, 1, *kernel, dtype=torch.float64), stride=stride, dilation=dilation)


def both(value):
    return value if isinstance(value, list) else [value, value]


def layout(fields, size, kernel, dilation, stride, convolves):
    """(sides, output sizes) of a window, as tests/differential has them."""
    window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    padding = fields.get("padding", 0)
    sides = layers.reference.sides("same_upper" if padding == "same" and not convolves else padding, size, window, stride)
    sizes = [layers.reference.pooled_size(*axis, fields.get("ceil_mode", False)) for axis in zip(size, window, stride, sides)]
    if min(sizes) < 1 or min(p for some in sides for p in some) < 0:
        raise ValueError("no output")
    if not convolves and any(p >= w for some, w in zip(sides, window) for p in some):
        raise ValueError("more padding than window")
    return sides, sizes


def walked_module(fields, shape):
    kind, given = fields["type"], {name: value for name, value in fields.items() if name != "type"}
    if kind == "conv2d":
        return Convolution(fields)
    if kind in ("max_pool2d", "avg_pool2d", "lp_pool2d"):
        return Sum(fields)
    if kind == "relu":
        return nn.Identity()
    if kind.startswith(("batch_norm", "conv_transpose")):
        given["num_features" if kind.startswith("batch") else "in_channels"] = shape[1]
    module = getattr(nn, layers.TORCH_NAME[kind])(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}).double().eval()
    for parameter in module.parameters():
        parameter.data.fill_(1)
    return module


def test_receptive_fields_are_where_gradients_are(modules):
    rng = random.Random(9)
    calls, expected = [], []
    while len(calls) < 1500:
        shape = [1, 1, rng.choice(SIDES), rng.choice(SIDES)]
        drawn, walked, shapes = draw_walk(rng, shape)
        if not drawn:
            continue
        chain = [{"fields": fields, "input_shape": before, "output_shape": after} for fields, before, after in zip(drawn, shapes, shapes[1:])]
        x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        output = nn.Sequential(*walked)(x)
        for _ in range(4):
            cell = [rng.randrange(side) for side in output.shape[2:]]
            grad, = torch.autograd.grad(output[0, 0, cell[0], cell[1]], x, retain_graph=True, allow_unused=True)
            rows, cols = (grad[0, 0] != 0).nonzero().T.tolist()
            calls.append(["maths/field", "fieldOf", chain, len(chain) - 1, cell])
            expected.append([[min(rows), max(rows)], [min(cols), max(cols)]] if rows else [])
    for call, found, box in zip(calls, evaluate(modules, calls), expected):
        assert found == box, call[2:]


def test_receptive_fields_of_other_upsamplings_hold_the_gradients(modules):
    rng = random.Random(10)
    calls, expected = [], []
    for mode in ("nearest-exact", "bilinear", "bicubic"):
        for _ in range(60):
            x = torch.rand([1, 1, *pairs(rng, 1, 9)], dtype=torch.float64, requires_grad=True)
            fields = {"mode": mode, **rng.choice([{"size": pairs(rng, 1, 12)}, {"scale_factor": rng.choice([0.5, 1.5, 2, 2.7])}])}
            if mode != "nearest-exact":
                fields["align_corners"] = rng.random() < 0.5
            try:
                output = nn.Upsample(**fields)(x)
            except RuntimeError:
                continue
            cell = [rng.randrange(side) for side in output.shape[2:]]
            output[0, 0, cell[0], cell[1]].backward()
            rows, cols = (x.grad[0, 0] != 0).nonzero().T.tolist()
            calls.append(["maths/field", "fieldOf", [{"fields": {"type": "upsample", **fields}, "input_shape": list(x.shape), "output_shape": list(output.shape)}], 0, cell])
            expected.append([[min(rows), max(rows)], [min(cols), max(cols)]])
    for call, found, box in zip(calls, evaluate(modules, calls), expected):
        for (low, high), (first, last) in zip(found, box):
            assert low <= first and last <= high and high - low <= 3, (call, found, box)


@pytest.mark.parametrize("shape", [[1, 3, 4, 5], [2, 1, 4, 5], [1, 1, 6], [1, 2, 6], [1, 1, 3, 4, 5], [1, 2, 3, 4, 5]])
def test_receptive_fields_of_upsamplings_that_hardly_scale(modules, shape):
    """Factors that leave the size as it is or double it, as torch goes forward (backward it goes another way); and modes that
    mix neighbours, of which none weighs anything then."""
    calls, expected = [], []
    mixing = {3: "linear", 4: "bilinear", 5: "trilinear"}[len(shape)]
    for fields in [{"scale_factor": factor, **more} for factor in (1, 1.1, 1.2, 1.7, 2, 2.1, 2.3) for more in ({}, {"recompute_scale_factor": True})] + [{"size": shape[2:], "mode": mixing, "align_corners": corners} for corners in (False, True)]:
        numbered = torch.arange(shape[-2] * shape[-1], dtype=torch.float64).reshape(shape[-2:]).expand(shape).contiguous()
        output = nn.Upsample(**fields)(numbered)
        layer = {"fields": {"type": "upsample", **fields}, "input_shape": shape, "output_shape": list(output.shape)}
        for at in range(output.shape[-1]):
            cell = [min(at, output.shape[-2] - 1), at]
            row, col = divmod(int(output.flatten(0, -3)[0, cell[0], cell[1]]), shape[-1])
            calls.append(["maths/field", "fieldOf", [layer], 0, cell])
            expected.append([[row, row], [col, col]])
    for call, found, box in zip(calls, evaluate(modules, calls), expected):
        assert found == box, call[2:]


UPSAMPLED = [(mode, rank, corners) for mode, rank in (("linear", 3), ("bilinear", 4), ("trilinear", 5), ("bicubic", 4)) for corners in (False, True)] + [(mode, 4, None) for mode in ("nearest", "nearest-exact", "area")]


@pytest.mark.parametrize("mode, rank, corners", UPSAMPLED)
def test_receptive_fields_of_upsamplings_as_torch_rounds(modules, mode, rank, corners):
    """Each input cell in turn is not-a-number: where that comes out, it was read, whatever it weighs."""
    calls, expected = [], []
    more = {} if corners is None else {"align_corners": corners}
    for size in (*range(1, 18), 23, 30, 31, 36):
        for asked in [{"scale_factor": factor} for factor in (0.5, 0.7, 1, 1.1, 1.2, 1.5, 2, 2.5, 3, 4)] + [{"size": max(1, side)} for side in (size // 2, size, size + 1, size + 7, 2 * size, 41 * size)]:
            x = torch.zeros([size, 2] + [1] * (rank - 3) + [size])
            x[range(size), ..., range(size)] = math.nan
            fields = {"type": "upsample", "mode": mode, **more, **{name: [1] * (rank - 3) + [value] for name, value in asked.items()}}
            if int(size * asked.get("scale_factor", 1)) == 0:
                continue
            output = nn.Upsample(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items() if name != "type"})(x)
            layer = {"fields": fields, "input_shape": list(x.shape), "output_shape": list(output.shape)}
            for at, read in enumerate(torch.isnan(output.reshape(size, 2, -1)[:, 1]).T):
                calls.append(["maths/field", "fieldOf", [layer], 0, [0, at]])
                expected.append([int(read.nonzero().min()), int(read.nonzero().max())])
    for call, found, columns in zip(calls, evaluate(modules, calls), expected):
        assert found[1] == columns, call[2:]


def test_receptive_fields_of_other_ranks(modules):
    conv1d = {"fields": {"type": "conv1d", "kernel_size": [3], "padding": 1}, "input_shape": [1, 4, 9], "output_shape": [1, 2, 9]}
    relu = {"fields": {"type": "relu"}, "input_shape": [1, 2, 9], "output_shape": [1, 2, 9]}
    pool3d = {"fields": {"type": "max_pool3d", "kernel_size": [5, 2, 3]}, "input_shape": [1, 1, 5, 8, 9], "output_shape": [1, 1, 1, 4, 3]}
    first = {"fields": {"type": "relu"}, "input_shape": [1, 4, 9], "output_shape": [1, 4, 9]}
    field = lambda chain, cell: ["maths/field", "fieldOf", chain, len(chain) - 1, cell]  # noqa: E731
    assert evaluate(modules, [field([conv1d], [0, 4]), field([conv1d, relu], [1, 0]), field([pool3d], [1, 2]), field([first, conv1d], [0, 0])]) == [
        [[0, 0], [3, 5]], [[0, 0], [0, 1]], [[2, 3], [6, 8]], [[0, 3], [0, 1]]]


class Softly(nn.Module):
    """The axis whose places softmax mixes, with gradients that are nowhere 0 by chance."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        return x + x.sum(self.dim, keepdim=True)


def draw_mixer(rng, shape):
    """(fields, module) of a layer that mixes or merges axes."""
    axis = rng.randrange(-len(shape), len(shape))
    kind = rng.choice(["linear", "softmax", "log_softmax", "flatten", "relu"] + (["conv2d"] * 3 if len(shape) == 4 else ["conv1d"] * 2 if len(shape) == 3 else []))
    if kind == "linear":
        return {"type": kind, "in_features": shape[-1], "out_features": 3}, nn.Linear(shape[-1], 3)
    if kind.endswith("softmax"):
        return {"type": kind, "dim": axis}, Softly(axis)
    if kind == "flatten":
        start, end = sorted((axis % len(shape), rng.randrange(len(shape))))
        return {"type": kind, "start_dim": start, "end_dim": end - len(shape)}, nn.Flatten(start, end)
    if kind == "relu":
        return {"type": kind}, nn.Identity()
    groups = rng.choice([g for g in (1, 2, 3) if shape[1] % g == 0])
    kernel = [rng.randint(1, 3) for _ in shape[2:]]
    fields = {"type": kind, "out_channels": 2 * groups, "kernel_size": kernel, "groups": groups, "padding": 1}
    return fields, getattr(nn, layers.TORCH_NAME[kind])(shape[1], 2 * groups, kernel, padding=1, groups=groups)


def test_receptive_fields_of_layers_that_mix_axes(modules):
    """Linear, softmax, flatten and groups: what a cell sees is where the gradient of all channels and images' cells is."""
    rng = random.Random(12)
    calls, expected, kinds = [], [], set()
    while len(calls) < 600:
        shapes, chain, modules_of = [[rng.randint(1, 3), rng.choice([1, 2, 3, 4, 6]), *pairs(rng, 3, 6)]], [], []
        for _ in range(rng.randint(1, 4)):
            if chain and chain[-1]["fields"]["type"] == "flatten" and len(shapes[-1]) < 3:
                break
            fields, module = draw_mixer(rng, shapes[-1])
            if fields["type"] == "flatten" and any(one["fields"]["type"] == "flatten" for one in chain):
                continue  # (of two, what is seen is no rectangle)
            module = module.double()
            for parameter in module.parameters():
                parameter.data.fill_(1)
            modules_of.append(module)
            shapes.append(list(nn.Sequential(*modules_of)(torch.zeros(shapes[0], dtype=torch.float64)).shape))
            chain.append({"fields": fields, "input_shape": shapes[-2], "output_shape": shapes[-1]})
        if not chain or len(shapes[-1]) < 3:
            continue
        x = torch.zeros(shapes[0], dtype=torch.float64, requires_grad=True)
        output, one_row = nn.Sequential(*modules_of)(x), chain[-1]["fields"]["type"].endswith("1d")
        cell = [0 if one_row else rng.randrange(output.shape[-2]), rng.randrange(output.shape[-1])]
        seen = output[..., cell[1]] if one_row else output[..., cell[0], cell[1]]
        grad, = torch.autograd.grad(seen.sum(), x)
        rows, cols = (grad.flatten(0, -3) != 0).any(0).nonzero().T.tolist()
        calls.append(["maths/field", "fieldOf", chain, len(chain) - 1, cell])
        expected.append([[min(rows), max(rows)], [min(cols), max(cols)]] if rows else [])
        kinds.update(one["fields"]["type"] for one in chain)
    assert kinds == {"linear", "softmax", "log_softmax", "flatten", "relu", "conv1d", "conv2d"}
    for call, found, box in zip(calls, evaluate(modules, calls), expected):
        assert found == box, call[2:]


# ---- layers as PyTorch writes them ----


def torch_layers(rng, count):
    """(torch.nn object, input shape, fields of /shape) of all types, that torch takes and /shape's words can say."""
    found = []
    while len(found) < count:
        kind = layers.TYPES[len(found) % len(layers.TYPES)]
        shape = layers.draw_input(rng, kind)
        fields = layers.draw_layer(rng, kind, shape)
        fields.pop("return_indices", None)
        if kind.startswith("avg_pool"):
            fields.pop("ceil_mode", None)  # print() does not show it
        if not reference_free(fields):
            continue
        try:
            output, _, _ = layers.facts(fields, shape)
            given = {name: value for name, value in fields.items() if name != "type"}
            axes = layers.axes_of(kind)
            if kind.startswith("conv"):
                given.setdefault("in_channels", shape[-axes - 1])
            layers.complete_from_input(kind, given, shape)
            found.append((layers.build(kind, given), shape, fields, output))
        except (layers.Refused, ValueError, RuntimeError):
            continue
    return found


def reference_free(fields):
    """Without what torch's classes do not have: paddings of each side and those of ONNX."""
    padding = fields.get("padding", 0)
    if isinstance(padding, list) and padding and isinstance(padding[0], list):
        return False
    return padding not in ("same_upper", "same_lower") and not ("pool" in fields["type"] and isinstance(padding, str))


def test_all_types_are_known(modules):
    names, = evaluate(modules, [["maths/torch_text", "CLASS_NAMES"]])
    assert sorted(names) == sorted(layers.TORCH_NAME.values())
    assert len(names) == 41
    assert evaluate(modules, [["maths/torch_text", "typeOfClass", name] for name in names]) == [dict((v, k) for k, v in layers.TORCH_NAME.items())[name] for name in names]


def test_what_print_shows_is_read_and_means_the_same(modules, client):
    cases = torch_layers(random.Random(11), 41 * 12)
    texts = [repr(module) for module, _, _, _ in cases]
    read = evaluate(modules, [["maths/torch_text", "readLayer", text] for text in texts])
    found = evaluate(modules, [["maths/torch_text", "findLayers", text] for text in texts])
    for (module, shape, _, output), text, fields, texts_found in zip(cases, texts, read, found):
        answer = client.post_ok("/shape", {"input_shape": shape, "layers": [fields]})
        assert answer["output_shape"] == output, (text, fields)
        assert answer["layers"][0]["parameters"] == sum(p.numel() for p in module.parameters()), text
        assert texts_found == [" ".join(text.split())]


def same_module(one, other):
    """Whether two modules have the same class and settings; what a class has no word for in its repr is in its attributes."""
    assert type(one) is type(other), (one, other)
    plain = lambda module: {key: normal(value) for key, value in vars(module).items() if not key.startswith("_") and key != "training"}  # noqa: E731
    return plain(one) == plain(other)


def normal(value):
    if isinstance(value, (list, tuple)):
        value = tuple(normal(item) for item in value)
        return value[0] if len(set(value)) == 1 else value
    return value


def test_calls_evaluate_to_the_same_module(modules):
    cases = torch_layers(random.Random(12), 41 * 12)
    texts = evaluate(modules, [["maths/torch_text", "torchCall", fields, shape] for _, shape, fields, _ in cases])
    again = evaluate(modules, [["maths/torch_text", "readLayer", text] for text in texts])
    for (module, shape, fields, _), text, read in zip(cases, texts, again):
        made = eval(text, {"nn": nn, "torch": torch})  # noqa: S307  (the page's own text)
        assert same_module(made, module), (text, made, module)
        alone = lambda value: value[0] if isinstance(value, list) and len(value) == 1 else value  # noqa: E731
        assert {name: alone(value) for name, value in read.items() if name in fields} == {name: alone(value) for name, value in fields.items() if value is not None}, text
    parsed = evaluate(modules, [["maths/torch_text", "torchCall", one, shape] for one, (_, shape, _, _) in zip(again, cases)])
    assert parsed == texts


ONE_LAYER = [
    ("nn.Conv2d(1, 6, 5)", {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": 5}),
    ("  self.conv1 = torch.nn.Conv2d( 1 , 6 , kernel_size = ( 5 , 3 ) , ) ,", {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": [5, 3]}),
    ("(conv1): Conv2d(1, 6, kernel_size=[5, 5], padding=same, padding_mode=\"reflect\")",
     {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": [5, 5], "padding": "same", "padding_mode": "reflect"}),
    ("conv2d(1, 6, ((5), 3,), bias=False)", {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": [5, 3], "bias": False}),
    ("Conv2d(1, 6, 5, padding=[[1, 0], [2, 1]])", {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": 5, "padding": [[1, 0], [2, 1]]}),
    ("AdaptiveAvgPool2d((None, 7))", {"type": "adaptive_avg_pool2d", "output_size": [None, 7]}),
    ("BatchNorm2d(6, eps=1e-05, momentum=.1, affine=True)", {"type": "batch_norm2d", "num_features": 6, "eps": 1e-5, "momentum": 0.1, "affine": True}),
    ("nn.ReLU", {"type": "relu"}), ("ReLU();", {"type": "relu"}), ("Flatten(1, -1)", {"type": "flatten", "start_dim": 1, "end_dim": -1}),
    ("nn.MaxPool2d(2, stride=None)", {"type": "max_pool2d", "kernel_size": 2}), ("nn.GELU('tanh')", {"type": "gelu", "approximate": "tanh"}),
    ("Upsample(scale_factor=2.0, mode=nearest-exact)", {"type": "upsample", "scale_factor": 2, "mode": "nearest-exact"}),
    ("nn.Conv2d(1, 6, 5)  # the first, of (two)", {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": 5}),
    ("Linear(4, 2, dtype=torch.float64)", {"type": "linear", "in_features": 4, "out_features": 2, "dtype": "float64"}),
]

BROKEN_LAYERS = [
    ("", "is no layer"), ("   ", "is no layer"), ("12", "no layer '12'"), ("(((", "is no layer"), ("Conv4d(1)", "no layer 'Conv4d'"),
    ("conv2D(1, 2, 3)", "did you mean 'Conv2d'"), ("maxpool2d(2)", "did you mean 'MaxPool2d'"), ("Conv2d(1, 6", "')' is missing at the end"), ("Conv2d(1, ", "')' is missing at the end"),
    ("Conv2d(1, (5, 5", "')' is missing at the end"), ("Conv2d(1 6)", "is missing in front of '6)'"), ("Conv2d(1, 6))", "')' stands behind the layer"),
    ("Conv2d(1, 6, k)", "'k)' is no number"), ("Conv2d(1, out_channels=6, 5)", "out_channels is given twice"), ("Conv2d(1, in_channels=2)", "in_channels is given twice"), ("ReLU(type='sigmoid')", "takes no 'type'"), ("Conv2d(1, 6, 5, __proto__=3)", "takes no '__proto__'"),
    ("ReLU(True, 2)", "takes 1 arguments: inplace"), ("Tanh(1)", "takes 0 arguments"), ("Conv2d(1, 6, kernel_size=)", "')' is no number"), ("Conv2d(1, 2**3, 3)", "is missing in front of '**3"),
    ("Conv2d(1, 'same)", "is no number"), ("constructor(1)", "no layer 'constructor'"), ("toString", "no layer 'toString'"), ("__proto__(1)", "no layer '__proto__'"),
    ("nn.Sequential(nn.ReLU())", "no layer 'Sequential'"), ("Conv2d(1, 6, 5) + 1", "'+ 1' stands behind"), ("x" * 3000, "no layer"), ("ReLU(" + "(" * 20000, "nested too deeply"),
]


def test_layers_by_hand(modules):
    assert evaluate(modules, [["maths/torch_text", "readLayer", text] for text, _ in ONE_LAYER]) == [fields for _, fields in ONE_LAYER]


def test_what_cannot_be_read_is_said(modules):
    for (text, words), result in zip(BROKEN_LAYERS, outcomes(modules, [["maths/torch_text", "readLayer", text] for text, _ in BROKEN_LAYERS])):
        assert result.get("kind") == "Error" and words in result["error"], (text, result)


LENET = """Net(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (pool): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
  (fc1): Linear(in_features=400, out_features=120, bias=True)
)"""
RESNET = """ResNet(
  (stem): Sequential(
    (0): Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)
    (1): BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
  )
  (layer1): Sequential(
    (0): BasicBlock(
      (conv1): Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
      (relu): ReLU(inplace=True)
      (norm): GroupNorm(8, 64, eps=1e-05, affine=True)
      (downsample): Sequential()
    )
  )
)"""
TUTORIAL = """
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):  # a comment (with nn.Conv2d(9, 9, 9) in it
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 6,
                               kernel_size=(5, 5))  # C1 :(
        self.conv2 = torch.nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.relu(self.conv2(x))
        x = torch.flatten(x, 1)
        return self.linear(x)

    def linear(self, x):
        return F.softmax(x)

net = Net()
print(net)
"""
PASTED = [
    (LENET, ["Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))", "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
             "Linear(in_features=400, out_features=120, bias=True)"]),
    (RESNET, ["Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)",
              "BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
              "Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)", "ReLU(inplace=True)", "GroupNorm(8, 64, eps=1e-05, affine=True)"]),
    (TUTORIAL, ["Conv2d(1, 6, kernel_size=(5, 5))", "Conv2d(6, 16, 5)", "Linear(16 * 5 * 5, 120)"]),
    ("nn.Sequential(nn.Conv2d(1, 2, (3, 3)), nn.ReLU(), nn.Sequential(OrderedDict([('a', nn.Flatten()), ('b', nn.Linear(2, 3))])))",
     ["Conv2d(1, 2, (3, 3))", "ReLU()", "Flatten()", "Linear(2, 3)"]),
    ("ModuleList((0-2): 3 x Conv2d(4, 4, 3) (3): ReLU())", ["Conv2d(4, 4, 3)"] * 3 + ["ReLU()"]),
    ("conv2d(1, 2, 3); relu()", ["conv2d(1, 2, 3)", "relu()"]), ("Foo(3)", ["Foo(3)"]), ("nothing here", []), ("", []), ("toString(1), constructor(2)", []),
    ("Conv2d(1, 2, (3, 3)", ["Conv2d(1, 2, (3, 3)"]), ("((((", []),
]


def test_none_is_what_torch_takes_it_for(modules):
    read = lambda text: ["maths/torch_text", "readLayer", text]  # noqa: E731
    assert evaluate(modules, [read("Conv2d(1, 6, 5, bias=None)"), read("BatchNorm2d(6, affine=None)"), read("MaxPool2d(2, stride=None)")]) == [
        {"type": "conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": 5, "bias": False}, {"type": "batch_norm2d", "num_features": 6, "affine": False},
        {"type": "max_pool2d", "kernel_size": 2}]
    for text in ("MaxPool2d(2, ceil_mode=None)", "AvgPool2d(2, count_include_pad=None)", "LeakyReLU(None)", "GELU(None)", "Linear(None, 3)", "Conv2d(1, 6, 3, stride=None)", "Flatten(end_dim=None)"):
        assert "takes no None as" in outcomes(modules, [read(text)])[0]["error"], text
    assert "takes no 'weight'" in outcomes(modules, [read("Conv2d(1, 6, 3, weight=None)")])[0]["error"]
    assert evaluate(modules, [["maths/torch_text", "foreignTo", one] for one in ({"type": "avg_pool2d", "kernel_size": 2, "dilation": 2}, {"type": "conv2d", "kernel_size": 3})]) == ["dilation", None]


def test_repetitions_are_told(modules):
    told = lambda *texts: evaluate(modules, [["maths/torch_text", "hasForward", text] for text in texts])  # noqa: E731
    assert told("(0-2): 3 x Block((0): ReLU())", "nn.Sequential(*([nn.ReLU()] * 3))", "def forward(self, x):") == [True] * 3
    assert told("(0-2): 3 x ReLU()", "nn.Linear(16 * 5 * 5, 120)", "Conv2d(1, 6, (5, 5))", LENET, RESNET) == [False] * 5


def test_pasted_texts(modules):
    found = evaluate(modules, [["maths/torch_text", "findLayers", text] for text, _ in PASTED])
    assert found == [calls for _, calls in PASTED]


def test_a_printed_network_is_read(modules, client):
    model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Sequential(nn.Conv2d(6, 16, 5, padding="same", padding_mode="reflect"), nn.Upsample(scale_factor=2)),
                          nn.LPPool2d(2, 2), nn.Flatten(), nn.Linear(3136, 10), nn.Softmax(1))
    found, = evaluate(modules, [["maths/torch_text", "findLayers", str(model)]])
    chain = evaluate(modules, [["maths/torch_text", "readLayer", text] for text in found])
    answer = client.post_ok("/shape", {"input_shape": [2, 1, 32, 32], "layers": chain})
    assert answer["output_shape"] == list(model(torch.zeros(2, 1, 32, 32)).shape)
    assert answer["total"]["parameters"] == sum(p.numel() for p in model.parameters())


# ---- values ----


def test_rows_come_back(modules):
    rng = random.Random(13)
    tensors = []
    for _ in range(300):
        rows, cols = pairs(rng, 1, 6)
        tensors.append((rows, cols, [rng.choice([0, 1, -1, 0.1, 1e-7, -2.5e21, 1e300, 5e-324, math.nan, math.inf, -math.inf, rng.random()]) for _ in range(rows * cols)]))
    texts = evaluate(modules, [["maths/kernels", "tensorRows", values, cols] for _, cols, values in tensors])
    again = evaluate(modules, [["maths/kernels", "tensorValues", text, rows, cols, {}] for (rows, cols, _), text in zip(tensors, texts)])
    for (_, _, values), back in zip(tensors, again):
        numpy.testing.assert_array_equal(numbers(back), values)


def test_numbers_as_they_are_typed(modules):
    cases = [("1", 1), (" 2.5 ", 2.5), ("−3", -3), ("-1e-3", -0.001), ("1e−3", 0.001), ("−1e−3", -0.001), ("nan", "NaN"), ("NaN", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity"), ("−∞", "-Infinity"),
             ("∞", "Infinity"), ("+Infinity", "Infinity"), ("", None), ("x", None), ("1,2", None), ("1e999", None), (".5", 0.5)]
    assert evaluate(modules, [["maths/kernels", "readValue", text] for text, _ in cases]) == [value for _, value in cases]
    fields = [("1", 1), (" 2.5", 2.5), ("−3", -3), ("−1e−3", -0.001), ("", ""), ("abc", "abc"), ("1e999", "1e999"), ("1 2", "1 2"), ("NaN", "NaN"), ("Infinity", "Infinity")]
    assert evaluate(modules, [["core/numbers", "readNumber", text] for text, _ in fields]) == [value for _, value in fields]


def test_kernels_of_a_fixed_size_in_others(modules):
    """In the middle; cells beyond are 0, and what does not fit is left out."""
    named = {"sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "gaussian5": numpy.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256}
    cases = [(name, rows, cols) for name in named for rows, cols in itertools.product(range(1, 10), (1, 2, 3, 5, 9, 25))]
    for (name, rows, cols), values in zip(cases, outcomes_of_kernels(modules, cases)):
        kernel, expected = numpy.array(named[name], float), numpy.zeros((rows, cols))
        top, left = (rows - len(kernel)) // 2, (cols - len(kernel)) // 2
        for y, x in itertools.product(range(len(kernel)), repeat=2):
            if 0 <= y + top < rows and 0 <= x + left < cols:
                expected[y + top, x + left] = kernel[y, x]
        numpy.testing.assert_array_equal(numpy.reshape(values, (rows, cols)), expected, err_msg=f"{name} {rows} {cols}")


def outcomes_of_kernels(modules, cases):
    """Kernels by name, by way of the Explore view: KERNELS holds functions, which do not go through JSON."""
    shown = evaluate(modules, [["here", "show", "explore", f"w={name}&kernel={rows},{cols}", "http://x"] for name, rows, cols in cases])
    return [one["document"]["weight"] for one in shown]


# ---- colours ----

ENDS = {"light": ("#1f5fa8", "#ffffff", "#b34700"), "dark": ("#6cb6ff", "#1b1f24", "#ff9a4d")}


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


def test_colours_are_those_of_the_design_and_their_text_can_be_read(modules):
    scales, = evaluate(modules, [["core/colours", "scales"]])
    for theme, (low, zero, high) in ENDS.items():
        stops = scales[theme]
        assert len(stops) % 2 == 1
        assert [stops[0]["fill"], stops[len(stops) // 2]["fill"], stops[-1]["fill"]] == [low, zero, high]
        for one in stops:
            lighter, darker = sorted([luminance(one["fill"]), luminance(one["text"])], reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, one
            assert one["text"] in ("#000000", "#ffffff")
            assert one["fill"] == "#" + "".join(f"{c:02x}" for c in one["rgb"])
        # Away from zero each step goes on in the same direction.
        for side in (stops[:len(stops) // 2 + 1], stops[len(stops) // 2:]):
            lights = [luminance(one["fill"]) for one in side]
            assert all(step * (lights[-1] - lights[0]) >= -1e-3 for step in numpy.diff(lights))


def test_the_colour_of_a_value(modules):
    scales, = evaluate(modules, [["core/colours", "scales"]])
    stops = scales["light"]
    middle = len(stops) // 2
    cases = [((0, 5), middle), ((-0.0, 5), middle), ((math.nan, 5), middle), ((5, 0), middle), ((5, 5), -1), ((-5, 5), 0), ((9, 5), -1), ((math.inf, 5), -1),
             ((-math.inf, 5), 0), ((2.5, 5), middle + middle // 2), ((1e-9, 5), middle)]
    found = evaluate(modules, [["core/colours", "colourOf", *values] for values, _ in cases])
    assert found == [stops[at] for _, at in cases]
    assert evaluate(modules, [["core/colours", "largestOf", values] for values in ([1, -7, 3], [], [math.nan, math.inf, 2], [0])]) == [7, 0, 2, 0]


# ---- the state in the address ----

SCHEMA = {"a": ["word", "x"], "b": ["number", 0], "c": ["pair", [1, 1]], "d": ["list", [0, 0, 0, 0]], "e": ["flag", False], "f": ["word", ""], "g": ["number", ""]}


def draw_text(rng):
    """What somebody may type; no surrounding blanks, which do not count, and no comma."""
    return "".join(rng.choice("aZ09 %&=#?+;/'\"<>é−∞\U0001f600\\") for _ in range(rng.randint(0, 6))).strip().replace("−", "-")


def draw_number(rng):
    while True:
        value = rng.choice([rng.randint(-9, 9), rng.uniform(-9, 9), 1e21, 1e-9, draw_text(rng)])
        if not isinstance(value, str):
            return value
        try:
            float(value)
        except ValueError:
            return value


def test_states_come_back_from_the_address(modules):
    rng = random.Random(14)
    states = [{"a": draw_text(rng) + rng.choice(["", ",", ";1,2;3,4"]), "b": draw_number(rng), "c": [draw_number(rng) for _ in range(2)],
               "d": [draw_number(rng) for _ in range(rng.randint(1, 6))], "e": rng.random() < 0.5, "f": draw_text(rng), "g": draw_number(rng)} for _ in range(800)]
    states.append({})
    for given, back in zip(states, evaluate(modules, [["here", "throughText", SCHEMA, state] for state in states])):
        whole = {**{name: default for name, (_, default) in SCHEMA.items()}, **given}
        assert back["state"] == whole, back["text"]
        assert back["again"] == back["text"]
        assert not set(back["text"]) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'(),;&=%:+"), back["text"]
        for name, value in whole.items():
            assert (f"{name}=" in f"&{back['text']}".replace("&", "&")) or value == SCHEMA[name][1]
    assert evaluate(modules, [["here", "throughText", SCHEMA, {}]])[0]["text"] == ""


def test_half_a_character_does_no_harm(modules):
    result, = evaluate(modules, [["here", "throughText", SCHEMA, {"a": "x\ud800y"}]])
    assert result["text"] == "a=x%EF%BF%BDy"


def test_hashes(modules):
    cases = [("#/explore?a=1", ("explore", "a=1")), ("", ("", "")), ("#", ("", "")), ("#/", ("", "")), ("#pool", ("pool", "")), ("#/x?", ("x", "")), ("#/x?a=?&b", ("x", "a=?&b")),
             ("#/X?a", ("", "X?a")), ("#//", ("", "/")), ("#/?a=1", ("", "a=1"))]
    assert evaluate(modules, [["core/fragment", "readHash", hash] for hash, _ in cases]) == [{"view": view, "text": text} for _, (view, text) in cases]


VIEWS = {
    "explore": ["x", "w", "bias", "size", "kernel", "stride", "padding", "pad", "sides", "mode", "dilation", "at"],
    "channels": ["ins", "outs", "groups", "bias", "seed", "size", "kernel", "stride", "padding", "pad", "sides", "mode", "dilation", "at"],
    "pool": ["mode", "x", "size", "kernel", "step", "stride", "padding", "pad", "sides", "dilation", "ceil", "counts", "divisor", "norm", "output", "at"],
    "image": ["picture", "colour", "operation", "w", "kernel", "mode", "shown", "loupe"],
    "stack": ["input", "layers", "at"],
}
HOSTILE = ["", ",", ",,,,", "0", "-1", "1e9", "1e9,1e9", "100000,100000", "0.5", "NaN", "Infinity", "-Infinity,1", "abc", "%", "%ff%fe", "%00", "1,2,3,4,5,6,7,8", "constructor", "__proto__", "toString",
           "sides", "numbers", "same", "valid", "same_upper", "reflect", "circular", "max", "avg", "lp", "adaptive_max", "adaptive_avg", "1;2;3", "o:0", "i:99999", "w:3", "o:1e9", "q:1", "5:12", ":", "own",
           "<script>", "nan,inf;−∞", "64,64", "2,3", "3", "Conv2d(", "a;b;;c", "1", "7,-7", "300000"]


def test_hostile_addresses_never_throw(modules):
    rng = random.Random(15)
    calls = []
    for name, keys in VIEWS.items():
        for key in keys:
            calls += [["here", "show", name, f"{key}={value}", "http://x"] for value in rng.sample(HOSTILE, 12)] if name != "image" else []
        for _ in range(40 if name != "image" else 10):
            calls.append(["here", "show", name, "&".join(f"{key}={rng.choice(HOSTILE)}" for key in rng.sample(keys, rng.randint(1, len(keys)))), "http://x"])
    calls += [["here", "show", "explore", text, "http://x"] for text in ("&&&", "=", "a", "size", "size=3&size=4", "%E0%A4%A", "__proto__=1", "constructor=2", "\ud800")]
    calls += [["here", "show", "image", f"{key}={value}", "http://x"] for key in VIEWS["image"] for value in ("", "constructor", "1e9", "abc,-1")]
    for call, result in zip(calls, outcomes(modules, calls)):
        assert "error" not in result, (call, result)


# ---- whole views: what they ask, whether the answer is what they expect, what they offer where it is a refusal ----

NAMES = {"explore": {"x": ["example", "ramp", "edge", "waves", "checker"], "w": ["cross", "box", "sobel_x", "gaussian5", "emboss", "0.1,-3e5;7,1e-3"]},
         "pool": {"x": ["example", "ramp", "waves", "checker", "nan,1,nan;inf,-inf,2;3,3,3", "1e30,-1e-30;1e-44,3"]}, "channels": {}}


def draw_view(rng, name):
    """A state of a view of grids, as its address; most are accepted."""
    state = {"size": pairs(rng, 1, 9), "kernel": pairs(rng, 1, 4), "stride": pairs(rng, 1, 3), "dilation": pairs(rng, 1, 2), "pad": pairs(rng, 0, 2),
             "sides": [rng.randint(0, 2) for _ in range(4)], "padding": rng.choice(["numbers", "numbers", "sides", "valid", "same", "same_upper", "same_lower"]),
             "mode": rng.choice(MODES)}
    if name == "pool":
        state.update(mode=rng.choice(["max", "max", "avg", "avg", "lp", "adaptive_max", "adaptive_avg"]), step=rng.randint(0, 1), ceil=rng.randint(0, 1), counts=rng.randint(0, 1),
                     divisor=rng.choice(["", "", 3, -2]), norm=rng.choice([1, 2, 3, 1.5, 2.5, 30, -1]), output=pairs(rng, 1, 5))
    if name == "explore":
        state["bias"] = rng.choice([0, 0.25, -3])
    if name == "channels":
        groups = rng.choice([1, 1, 2, 3, 4])
        state.update(ins=groups * rng.randint(1, 3), outs=groups * rng.randint(1, 3), groups=groups, bias=rng.randint(0, 1), seed=rng.randint(0, 99))
    state.update({key: rng.choice(choices) for key, choices in NAMES[name].items()})
    return state


def address(state):
    text = lambda value: ",".join(map(str, value)) if isinstance(value, list) else str(value)  # noqa: E731
    return "&".join(f"{key}={text(value)}" for key, value in state.items())


def test_views_expect_what_the_server_answers(modules, client):
    rng = random.Random(16)
    states = [(name, draw_view(rng, name)) for name in NAMES for _ in range(150)]
    shown = evaluate(modules, [["here", "show", name, address(state), "http://x"] for name, state in states])
    answers = [client.post(one["path"], one["document"]) for one in shown]
    for (_, state), one, answer in zip(states, shown, answers):
        assert (one["outputs"] is None) == (answer.status == 422), (state, answer)
    accepted = [(*state, answer.json) for state, answer in zip(states, answers) if answer.status == 200]
    assert len(accepted) > 250
    again = evaluate(modules, [["here", "show", name, address(state), "http://x", answer] for name, state, answer in accepted])
    for (name, state, answer), one in zip(accepted, again):
        assert one["outputs"] == answer["shape"][2:], state
        assert one["agrees"], (name, address(state), one["most"])


# What breaks one rule of a state and leaves all others alone; `None` values depend on the state.
BROKEN = {
    "explore": [{"size": [0, 5]}, {"size": [-1, "x"]}, {"kernel": [0, 3]}, {"kernel": [3, "k"]}, {"kernel": [2.5, 2]}, {"stride": [0, 1]}, {"stride": ["", 2]}, {"dilation": [1, 0]}, {"dilation": [-2, 1]},
                {"padding": "numbers", "pad": [-1, 0]}, {"padding": "numbers", "pad": [0.5, "x"]}, {"padding": "sides", "sides": [0, 1, -1, 0]}, {"padding": "sides", "sides": [0, 1, 2]},
                {"padding": "sides", "sides": []}, {"padding": "same", "stride": [2, 1]}, {"padding": "same", "stride": [2, 3]}, {"padding": "sam"}, {"padding": "toString"}, {"mode": "mirror"},
                {"bias": "b"}, {"bias": ""}, {"padding": "valid", "kernel": [9, 3], "size": [5, 6]}, {"padding": "valid", "kernel": [3, 4], "dilation": [4, 3], "size": [5, 7]},
                {"padding": "numbers", "pad": [6, 1], "mode": "reflect", "size": [5, 5], "kernel": [2, 3], "dilation": [1, 1]},
                {"padding": "sides", "sides": [1, 2, 3, 7], "mode": "circular", "size": [4, 5], "kernel": [2, 3], "dilation": [1, 1]},
                {"padding": "numbers", "pad": [5, 5], "mode": "reflect", "size": [2, 2], "kernel": [7, 7], "dilation": [1, 1]},
                {"padding": "numbers", "pad": [1, 1], "mode": "reflect", "size": [2, 3], "kernel": [7, 7], "dilation": [1, 1]},
                {"padding": "same_upper", "mode": "reflect", "size": [3, 3], "kernel": [9, 9], "stride": [1, 1], "dilation": [1, 1]}],
    "pool": [{"size": [0, 4]}, {"kernel": [0, 0]}, {"kernel": [-1, 2]}, {"step": 1, "stride": [0, 1]}, {"mode": "max", "dilation": [0, 1]}, {"mode": "avg", "divisor": 0}, {"mode": "avg", "divisor": "x"},
             {"mode": "avg", "divisor": 1.5}, {"mode": "avg", "padding": "same", "step": 1, "stride": [2, 2], "divisor": 0}, {"mode": "lp", "norm": 0}, {"mode": "lp", "norm": "inf"}, {"mode": "lp", "norm": ""},
             {"mode": "max", "padding": "numbers", "kernel": [3, 2], "pad": [2, 1], "dilation": [1, 1]}, {"mode": "avg", "padding": "numbers", "kernel": [3, 2], "pad": [0, 9]},
             {"mode": "max", "padding": "sides", "kernel": [3, 2], "sides": [3, 0, 0, 0], "dilation": [1, 1]}, {"mode": "avg", "padding": "sides", "kernel": [3, 2], "sides": [0, 0, 1, 2]},
             {"mode": "avg", "padding": "numbers", "pad": [-1, 0]}, {"mode": "max", "padding": "sides", "sides": [0, 1, -1, 0]}, {"mode": "max", "padding": "sides", "sides": [0, 1, 2]}, {"mode": "max", "padding": "sam"},
             {"mode": "lp", "kernel": [7, 7], "size": [3, 5], "ceil": 0}, {"mode": "max", "padding": "valid", "kernel": [7, 2], "size": [3, 5], "dilation": [1, 1], "ceil": 0},
             {"mode": "max", "padding": "numbers", "pad": [1, 1], "kernel": [3, 3], "size": [3, 5], "dilation": [3, 2], "ceil": 0},
             {"mode": "adaptive_avg", "output": [-1, 2]}, {"mode": "adaptive_max", "output": ["x", 0.5]}, {"mode": "adaptive_max", "size": [0, 3]}, {"mode": "median"}],
    "channels": [{"groups": 5}, {"ins": 6, "outs": 4, "groups": 3}, {"ins": 4, "outs": 6, "groups": 4}, {"ins": 6, "outs": 9, "groups": 2}, {"ins": 0}, {"outs": 0}, {"groups": 0}, {"groups": "x"}, {"ins": -3},
                 {"stride": [0, 1]}, {"padding": "same", "stride": [2, 1]}, {"padding": "valid", "kernel": [9, 3], "size": [5, 6]}],
}


def draw_accepted(rng, name):
    """A state that the server takes whatever is broken besides: every rule has room."""
    state = draw_view(rng, name)
    state.update(size=pairs(rng, 7, 9), kernel=pairs(rng, 2, 3), dilation=[1, 1], pad=[1, 1], sides=[rng.randint(0, 1) for _ in range(4)])
    if name == "pool":
        state.update(mode=rng.choice(["max", "avg", "lp"]), norm=2)
    elif state["padding"] == "same":
        state["stride"] = [1, 1]
    return state


def test_every_repair_mends(modules, client):
    rng = random.Random(17)
    cases = [(name, {**draw_accepted(rng, name), **broken}, broken) for name, some in BROKEN.items() for broken in some for _ in range(5)]
    for _, state, broken in cases:  # ('same' has a rule of its own for the stride)
        if state["padding"] == "same" and "stride" in broken and "padding" not in broken:
            state["padding"] = "valid"
    hold_repairs(modules, client, cases)


# What is wrong by itself, or beyond what the page draws; any of them together.
WRONG = {"size": [[0, 5], [129, 3], [1, 1], ["x", 300], [5], [4, 5, 6]], "kernel": [[0, 3], [130, 1], [12, 12], [9, 1], [2.5, "k"], [3, 3, 3]], "stride": [[0, 1], [200, 1], ["", 2]],
         "dilation": [[0, 200], [60, 0], [40, 40], [1, 2]], "pad": [[-1, 0], [200, 200], [3, 90], [1, 0.5]], "sides": [[200, 2], [1, 2, 3], [0, 90, 90, 0], [-1], [7, 7, 0, 1]],
         "padding": ["numbers", "sides", "same", "same_upper", "valid", "sam"], "mode": ["zeros", "reflect", "circular", "mirror"],
         "groups": [5, 0, 17, "g", 2], "ins": [17, 0, -3, 6], "outs": [99, "o", 7], "step": [1, 0], "ceil": [1, 0], "output": [[3, 130], [0, "x"], ["", 4], [1, 2, 3]], "norm": [0, "inf", 2], "divisor": [0, 1.5, "x", 3],
         "bias": ["b", "", 2]}
POOLINGS = ["max", "avg", "lp", "adaptive_max", "adaptive_avg", "median"]


def test_every_repair_mends_whatever_is_wrong_together(modules, client):
    rng = random.Random(18)
    cases = []
    for name in [*NAMES] * 500:
        state = draw_view(rng, name)
        for key in rng.sample([key for key in WRONG if key in state], rng.randint(1, 4)):
            state[key] = rng.choice(POOLINGS if (name, key) == ("pool", "mode") else WRONG[key])
        cases.append((name, state, None))
    hold_repairs(modules, client, cases, all_refused=False)


def hold_repairs(modules, client, cases, all_refused=True):
    """Whatever is refused or not drawn has a way out, and each that is offered leads to what the server takes and the page draws."""
    shown = evaluate(modules, [["here", "show", name, address(state), "http://x"] for name, state, _ in cases])
    mended, refused = [], 0
    for (name, state, broken), one in zip(cases, shown):
        answer = client.post(one["path"], one["document"]) if one["document"] is not None else None
        if not all_refused and answer is not None and answer.status == 200:
            assert not one.get("problem"), state
            continue
        refused += 1
        assert one.get("problem") if answer is None else answer.status == 422, (name, broken, one["document"])
        assert one["repairs"], (name, broken, address(state), one.get("problem") or answer)
        assert len({repair["label"] for repair in one["repairs"]}) == len(one["repairs"])
        mended += [(name, broken, repair["label"], {**state, **flags(repair["patch"])}) for repair in one["repairs"]]
    assert refused > len(cases) / 2
    shown = evaluate(modules, [["here", "show", name, address(state), "http://x"] for name, _, _, state in mended])
    for (name, broken, label, state), one in zip(mended, shown):
        assert one["document"], (name, broken, label, one.get("problem"))
        answer = client.post(one["path"], one["document"])
        assert answer.status == 200, (name, broken, label, address(state), answer)
        assert one["outputs"] == answer.json["shape"][2:]
        assert not one["repairs"], (name, label, address(state))


def flags(patch):
    return {key: int(value) if isinstance(value, bool) else value for key, value in patch.items()}


LARGE = [("explore", "x=ones&size=40,40&kernel=15,15&w=box"), ("explore", "x=waves&size=32,32&kernel=11,11&w=box&padding=same"), ("explore", "x=edge&size=20,20&kernel=5,5&w=gaussian5"),
         ("channels", "ins=16&outs=2&size=12,12&kernel=7,7&groups=1"), ("pool", "mode=avg&x=waves&size=32,32&kernel=15,15&step=1&stride=1,1"), ("pool", "mode=adaptive_avg&size=32,32&x=waves&output=1,1"),
         ("image", "picture=blocks&w=box&kernel=15,15&loupe=60,61"), ("image", "picture=blocks&w=gaussian5&kernel=5,5&loupe=20,30"), ("image", "w=box&kernel=15,15&loupe=191,0")]


def test_large_sums_agree_too(modules, client):
    shown = evaluate(modules, [["here", "show", name, text, "http://x"] for name, text in LARGE])
    answers = [client.post_ok(one["path"], one["document"]) for one in shown]
    again = evaluate(modules, [["here", "show", name, text, "http://x", answer] for (name, text), answer in zip(LARGE, answers)])
    for case, one in zip(LARGE, again):
        assert one["agrees"] is True, (case, one["most"])
