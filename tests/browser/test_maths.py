"""The page's pure parts, without a browser: what they compute is held against PyTorch and against the server."""

import itertools
import math
import random
import sys

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from evaluate import ROOT, client, evaluate, layer, numbers, outcomes, page, pairs, server_url  # noqa: F401  (fixtures)

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


def test_index_maps_are_those_of_unfold(page):
    rng = random.Random(1)
    cases = [draw_layer(rng) for _ in range(1500)]
    results = evaluate(page, [["here", "sources", one, size] for one, size, _ in cases])
    drawn = 0
    for (one, size, sides), result in zip(cases, results):
        expected = sources_by_torch(one, size, sides)
        assert (result is None) == (expected is None), (one, size)
        if result is not None:
            assert result["sources"] == expected.tolist(), (one, size)
            drawn += 1
    assert drawn > 600


def test_padded_input_and_what_is_never_read(page):
    rng = random.Random(2)
    cases = [case for case in (draw_layer(rng) for _ in range(700)) if sources_by_torch(*case) is not None]
    planes = [[rng.uniform(-1, 1) for _ in range(size[0] * size[1])] for _, size, _ in cases]
    results = evaluate(page, [["here", "padded", one, size, plane] for (one, size, _), plane in zip(cases, planes)])
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


def test_readers_are_the_inverse_of_positions(page):
    rng = random.Random(3)
    axes = [draw_axis(rng) for _ in range(1500)]
    sizes = evaluate(page, [["maths/windows", "outputSize", axis] for axis in axes])
    taps = [[["maths/windows", "position", axis, out, tap] for out in range(size) for tap in range(axis["kernel"])] for axis, size in zip(axes, sizes)]
    positions = iter(evaluate(page, [call for some in taps for call in some]))
    readers = evaluate(page, [["here", "readers", axis, size] for axis, size in zip(axes, sizes)])
    for axis, size, found in zip(axes, sizes, readers):
        expected = {at: [] for at in range(-axis["low"], axis["size"] + axis["high"])}
        for out, tap in itertools.product(range(size), range(axis["kernel"])):
            expected[next(positions)].append([out, tap])
        assert [sorted(some) for some in found] == list(expected.values()), axis


def test_output_sizes_are_those_of_poolings(page):
    rng = random.Random(4)
    cases = []
    for _ in range(3000):
        kernel = rng.randint(1, 5)
        pad = rng.randint(0, kernel // 2)
        cases.append(({"size": rng.randint(1, 11), "kernel": kernel, "stride": rng.randint(1, 6), "dilation": rng.randint(1, 3), "low": pad, "high": pad},
                      rng.random() < 0.6))
    sizes = evaluate(page, [["maths/windows", "outputSize", *case] for case in cases])
    dropped = evaluate(page, [["maths/windows", "dropsLast", axis] for axis, _ in cases])
    planes = evaluate(page, [["here", "outputSizes", layer([a["kernel"]] * 2, [a["stride"]] * 2, [a["dilation"]] * 2, a["low"]), [a["size"]] * 2, ceil] for a, ceil in cases])
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


def test_formulas_evaluate_and_are_the_servers(page, client):
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
    texts = evaluate(page, [["maths/windows", "sizeFormula", axis, ceil] for (ceil, _), both in zip(cases, axes) for axis in both])
    for i, (ceil, answered) in enumerate(cases):
        assert texts[2 * i:2 * i + 2] == [answered["formula"]["height"], answered["formula"]["width"]], axes[i]
        for text in texts[2 * i:2 * i + 2]:
            left, right = formula_side(text)
            assert left == right, text


def test_same_padding_is_torchs(page):
    cases = [{"size": size, "kernel": kernel, "stride": 1, "dilation": dilation} for size, kernel, dilation in itertools.product((1, 2, 5, 8), range(1, 6), (1, 2, 3))]
    results = evaluate(page, [["maths/windows", "samePadding", "same", axis] for axis in cases])
    for axis, (low, high) in zip(cases, results):
        x = torch.arange(1.0, axis["size"] + 1).reshape(1, 1, -1)
        w = torch.arange(1.0, axis["kernel"] + 1).reshape(1, 1, -1) ** 2
        assert torch.equal(F.conv1d(x, w, padding="same", dilation=axis["dilation"]), F.conv1d(F.pad(x, (low, high)), w, dilation=axis["dilation"])), axis


def test_same_upper_and_lower_are_the_servers(page, client):
    rng = random.Random(6)
    cases = [(kind, [{"size": rng.randint(1, 11), "kernel": rng.randint(1, 5), "stride": rng.randint(1, 4), "dilation": rng.randint(1, 3)} for _ in range(2)])
             for kind in ("same_upper", "same_lower") for _ in range(120)]
    results = iter(evaluate(page, [["maths/windows", "samePadding", kind, axis] for kind, axes in cases for axis in axes]))
    for kind, axes in cases:
        size, kernel, stride, dilation = ([axis[key] for axis in axes] for key in ("size", "kernel", "stride", "dilation"))
        document = {"input": [[[[y * size[1] + x + 1 for x in range(size[1])] for y in range(size[0])]]], "stride": stride, "dilation": dilation,
                    "weight": [[[[y * kernel[1] + x + 1 for x in range(kernel[1])] for y in range(kernel[0])]]]}
        by_word = client.post_ok("/conv2d", {**document, "padding": kind})
        assert by_word == client.post_ok("/conv2d", {**document, "padding": [next(results), next(results)]}), (kind, axes)
        assert by_word["shape"][2:] == [math.ceil(size[i] / stride[i]) for i in range(2)]


def test_adaptive_windows_are_torchs(page):
    cases = [(size, outputs) for size in range(1, 14) for outputs in range(1, 15)]
    results = iter(evaluate(page, [["maths/windows", "adaptiveWindow", size, outputs, out] for size, outputs in cases for out in range(outputs)]))
    for size, outputs in cases:
        x = torch.eye(size).unsqueeze(0)
        used = F.adaptive_avg_pool1d(x, outputs)[0] > 0  # [cell, out]
        for out in range(outputs):
            cells = used[:, out].nonzero().flatten().tolist()
            assert next(results) == [cells[0], cells[-1] + 1], (size, outputs, out)


def test_paddings_in_every_form(page):
    axes = [{"size": 7, "kernel": 4, "stride": 2, "dilation": 1}, {"size": 5, "kernel": 3, "stride": 1, "dilation": 2}]
    forms = [("valid", [0, 0, 0, 0]), ("same", [1, 2, 2, 2]), ("same_upper", [1, 2, 2, 2]), ("same_lower", [2, 1, 2, 2]), (3, [3, 3, 3, 3]),
             ([1], [1, 1, 1, 1]), ([1, 2], [1, 1, 2, 2]), ([1, 2, 3, 4], [1, 2, 3, 4])]
    assert evaluate(page, [["maths/layer", "paddingSides", form, axes] for form, _ in forms]) == [sides for _, sides in forms]


def test_what_the_server_would_refuse_has_no_axes(page):
    broken = [layer([0, 3]), layer([3, 3], stride=[1, 0]), layer([3, 3], dilation=[-1, 1]), layer([3, "x"]), layer([3, 3], padding=-1), layer([3, 3], padding=[1, 2, 3]),
              layer([3, 3], padding="sam"), layer([3, 3], padding=""), layer([3, 3], padding=[0.5, 1]), layer([3, 3], padding=[]), layer([3, 3], mode="mirror"),
              layer([3, 3], padding="same", stride=[2, 1]), layer([3, 3], padding=5, mode="reflect"), layer([3, 3], padding=6, mode="circular"), layer([3, 3], padding="constructor")]
    assert evaluate(page, [["maths/layer", "layerAxes", one, [5, 5]] for one in broken]) == [None] * len(broken)


# ---- the reference in the page ----


def draw_plane(rng, size, odd=0.0):
    """Small numbers, so that there are ties, and some that are no numbers."""
    word = lambda: rng.choice([math.nan, math.inf, -math.inf])  # noqa: E731
    return [word() if rng.random() < odd else rng.randint(-4, 4) / 2 for _ in range(size[0] * size[1])]


def test_convolutions_are_torchs(page):
    rng = random.Random(7)
    cases = [case for case in (draw_layer(rng) for _ in range(900)) if sources_by_torch(*case) is not None]
    data = [(draw_plane(rng, size, rng.choice([0, 0, 0.1])), [rng.uniform(-1, 1) for _ in range(one["kernel"][0] * one["kernel"][1])], rng.choice([0, 0.25]))
            for one, size, _ in cases]
    results = evaluate(page, [["here", "convolve", one, size, *values] for (one, size, _), values in zip(cases, data)])
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


def test_poolings_are_torchs(page):
    rng = random.Random(8)
    cases = [draw_pooling(rng) for _ in range(1500)]
    results = evaluate(page, [["here", "pool", *case[:5]] for case in cases])
    for case, result in zip(cases, results):
        size, (expected, indices) = case[1], case[5]
        assert result["outputs"] == list(expected.shape[2:]), case
        numpy.testing.assert_allclose(numbers(result["values"]), expected.flatten(), rtol=1e-12, atol=1e-12, err_msg=str(case))
        if indices is not None:  # (in padding alone torch says a cell that there is not)
            cells = size[0] * size[1]
            there = [-1 if index >= cells or value == -math.inf and case[0]["dilation"] != [1, 1] and winner == -1 else index
                     for index, value, winner in zip(indices.flatten().tolist(), expected.flatten().tolist(), result["winners"])]
            assert result["winners"] == there, case


def test_windows_in_padding_alone(page):
    """Where torch has no such padding: -Infinity without a winner, and 0."""
    one = layer([1, 1], padding=1)
    most, average = evaluate(page, [["here", "pool", one, [1, 1], [5], {"mode": "max"}, False],
                                    ["here", "pool", one, [1, 1], [5], {"mode": "avg", "countIncludePad": False, "divisorOverride": None}, False]])
    assert most["winners"] == [-1, -1, -1, -1, 0, -1, -1, -1, -1]
    assert most["values"] == ["-Infinity"] * 4 + [5] + ["-Infinity"] * 4
    assert average["values"] == [0, 0, 0, 0, 5, 0, 0, 0, 0]


def test_the_threshold_of_the_badge(page):
    unit = 2.0 ** -22
    compare = lambda answer, values, magnitudes: ["core/status", "compareValues", answer, {"values": values, "magnitudes": magnitudes}]  # noqa: E731
    cases = [
        (compare([1.0], [1.0], [1.0]), 0, True), (compare([1 + unit], [1.0], [1.0]), unit, True), (compare([1 + 1.01 * unit], [1.0], [1.0]), 1.01 * unit, False),
        (compare([1 + 4 * unit], [1.0], [4.0]), 4 * unit, True),
        (compare([4 * unit, 1.0], [0.0, 1.0], [0.0, 4.0]), 4 * unit, True), (compare([math.nan], [math.nan], [1.0]), 0, True), (compare([0.0], [math.nan], [1.0]), "NaN", False),
        (compare([math.inf], [math.inf], [math.inf]), 0, True), (compare([-math.inf], [math.inf], [math.inf]), None, False), (compare([1.0], [math.inf], [math.inf]), None, False),
        (compare([-0.0], [0.0], [0.0]), 0, True), (compare([1.0, 2.0], [1.0], [1.0]), 0, False), (compare([], [], []), 0, True),
        # float32 has no such number, or none between that and 0
        (compare([math.inf], [1e39], [1e39]), None, True), (compare([-math.inf], [-1e39], [1e39]), None, True), (compare([0.0], [1e-39], [1e-39]), None, True),
        (compare([1e-30], [0.0], [0.0]), 1e-30, False),
    ]
    for (call, most, within), (found, agrees) in zip(cases, evaluate(page, [call for call, _, _ in cases])):
        assert agrees == within, call
        if most is not None:
            assert found == (most if isinstance(most, str) else pytest.approx(most, rel=1e-9, abs=0)), call


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


def test_receptive_fields_are_where_gradients_are(page):
    rng = random.Random(9)
    calls, expected = [], []
    while len(calls) < 1500:
        shape = [1, 1, rng.choice(SIDES), rng.choice(SIDES)]
        drawn, modules, shapes = draw_walk(rng, shape)
        if not drawn:
            continue
        chain = [{"fields": fields, "input_shape": before, "output_shape": after} for fields, before, after in zip(drawn, shapes, shapes[1:])]
        x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        output = nn.Sequential(*modules)(x)
        for _ in range(4):
            cell = [rng.randrange(side) for side in output.shape[2:]]
            grad, = torch.autograd.grad(output[0, 0, cell[0], cell[1]], x, retain_graph=True, allow_unused=True)
            rows, cols = (grad[0, 0] != 0).nonzero().T.tolist()
            calls.append(["maths/field", "fieldOf", chain, len(chain) - 1, cell])
            expected.append([[min(rows), max(rows)], [min(cols), max(cols)]] if rows else [])
    for call, found, box in zip(calls, evaluate(page, calls), expected):
        assert found == box, call[2:]


def test_receptive_fields_of_other_upsamplings_hold_the_gradients(page):
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
    for call, found, box in zip(calls, evaluate(page, calls), expected):
        for (low, high), (first, last) in zip(found, box):
            assert low <= first and last <= high and high - low <= 3, (call, found, box)


def test_receptive_fields_of_other_ranks(page):
    conv1d = {"fields": {"type": "conv1d", "kernel_size": [3], "padding": 1}, "input_shape": [1, 4, 9], "output_shape": [1, 2, 9]}
    relu = {"fields": {"type": "relu"}, "input_shape": [1, 2, 9], "output_shape": [1, 2, 9]}
    pool3d = {"fields": {"type": "max_pool3d", "kernel_size": [5, 2, 3]}, "input_shape": [1, 1, 5, 8, 9], "output_shape": [1, 1, 1, 4, 3]}
    linear = {"fields": {"type": "linear", "out_features": 3}, "input_shape": [1, 9], "output_shape": [1, 3]}
    field = lambda chain, cell: ["maths/field", "fieldOf", chain, len(chain) - 1, cell]  # noqa: E731
    assert evaluate(page, [field([conv1d], [0, 4]), field([conv1d, relu], [1, 0]), field([pool3d], [1, 2]), field([linear], [0, 0])]) == [
        [[0, 0], [3, 5]], [[0, 0], [0, 1]], [[2, 3], [6, 8]], None]
