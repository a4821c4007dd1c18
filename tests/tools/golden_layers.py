#!/usr/bin/python3
"""Writes tests/golden/layers.inc: random layers and what torch makes of them.

    tests/tools/golden_layers.py [--rows N] > tests/golden/layers.inc

N rows are drawn for each layer type from a fixed seed. A row is a C initialiser: type, input shape, fields (as
tests/unit/layer_rows.h reads them), output shape or NULL where torch refuses, parameters, multiply-accumulates.

The expected shapes come from calling torch.nn modules. Where versions of PyTorch differ the newest counts, so that the
results of an older one are put right where they differ, with the change named. What torch has no word for (same_upper,
same_lower, padding by sides) is put together from torch.nn.functional.pad and an unpadded layer.
"""

import argparse
import math
import random
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES = {
    **{f"conv{d}d": getattr(nn, f"Conv{d}d") for d in (1, 2, 3)},
    **{f"conv_transpose{d}d": getattr(nn, f"ConvTranspose{d}d") for d in (1, 2, 3)},
    **{f"max_pool{d}d": getattr(nn, f"MaxPool{d}d") for d in (1, 2, 3)},
    **{f"avg_pool{d}d": getattr(nn, f"AvgPool{d}d") for d in (1, 2, 3)},
    **{f"lp_pool{d}d": getattr(nn, f"LPPool{d}d") for d in (1, 2)},
    **{f"adaptive_avg_pool{d}d": getattr(nn, f"AdaptiveAvgPool{d}d") for d in (1, 2, 3)},
    **{f"adaptive_max_pool{d}d": getattr(nn, f"AdaptiveMaxPool{d}d") for d in (1, 2, 3)},
    **{f"batch_norm{d}d": getattr(nn, f"BatchNorm{d}d") for d in (1, 2, 3)},
    "linear": nn.Linear, "flatten": nn.Flatten, "softmax": nn.Softmax, "log_softmax": nn.LogSoftmax,
    "dropout": nn.Dropout, "relu": nn.ReLU, "relu6": nn.ReLU6, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU,
    "gelu": nn.GELU, "silu": nn.SiLU, "hardswish": nn.Hardswish, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh,
    "zero_pad2d": nn.ZeroPad2d, "reflection_pad2d": nn.ReflectionPad2d, "replication_pad2d": nn.ReplicationPad2d,
    "upsample": nn.Upsample,
}
F_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class Refused(Exception):
    """torch refuses, or its newest version does."""


# ---- drawing: mostly layers that work, some that do not ----

def often(rng, value, rarely):
    return rng.choice(rarely) if rng.random() < 0.06 else value


def numbers(rng, axes, low, high, rarely):
    return [often(rng, rng.randint(low, high), rarely) for _ in range(axes)]


def draw_input(rng, axes, channels, low=1, high=9):
    rank_shift = rng.choice([0] * 12 + [-1, 1])
    shape = [often(rng, rng.randint(1, 3), [0]), channels] + numbers(rng, axes, low, high, [0])
    if rng.random() < 0.3:
        shape = shape[1:]
    return [2] * rank_shift + shape if rank_shift >= 0 else shape[1:]


def draw_padding(rng, axes, kinds, high):
    kind = rng.choice(kinds)
    if kind == "numbers":
        return numbers(rng, axes, 0, high, [-1])
    return numbers(rng, 2 * axes, 0, high, [-1]) if kind == "sides" else kind


def draw_conv(rng, name, axes):
    groups = often(rng, rng.choice([1, 1, 1, 2, 3]), [0, -1])
    unit = max(groups, 1)
    channels = often(rng, unit * rng.randint(1, 3), [0, 1, 2, 3, 4])
    fields = {"out_channels": often(rng, unit * rng.randint(1, 3), [0, 1, 5]),
              "kernel_size": numbers(rng, axes, 1, 4, [0, 9]), "groups": groups, "bias": rng.random() < 0.5}
    if rng.random() < 0.6:
        fields["in_channels"] = often(rng, channels, [1, 2, 6])
    fields["stride"] = numbers(rng, axes, 1, 3, [0, -1])
    fields["dilation"] = numbers(rng, axes, 1, 3, [0, -1])
    if "transpose" in name:
        fields["padding"] = numbers(rng, axes, 0, 2, [-1, 4])
        fields["output_padding"] = [often(rng, rng.randint(0, max(s, d, 1) - 1), [-1, 2, 3])
                                    for s, d in zip(fields["stride"], fields["dilation"])]
        return draw_input(rng, axes, channels, high=5), fields
    fields["padding"] = draw_padding(
        rng, axes, ["numbers"] * 4 + ["sides", "sides", "valid", "same", "same", "same_upper", "same_lower"], 5)
    if fields["padding"] == "same" and rng.random() < 0.8:
        fields["stride"] = [1] * axes
    fields["padding_mode"] = rng.choice(["zeros"] * 3 + ["reflect", "replicate", "circular"])
    return draw_input(rng, axes, channels), fields


def draw_pooling(rng, name, axes):
    shape = draw_input(rng, axes, often(rng, rng.randint(1, 3), [0]), high=12)
    if "adaptive" in name:
        keep = "k" if axes > 1 else 3
        return shape, {"output_size": [often(rng, rng.choice([0, 1, 2, 3, 5, 7, keep]), [-1]) for _ in range(axes)]}
    fields = {"kernel_size": numbers(rng, axes, 1, 5, [0, -1, 13]), "ceil_mode": rng.random() < 0.5}
    if "lp" in name:
        fields["norm_type"] = often(rng, rng.choice([1, 2, 3, 0.5]), [0, "inf", "nan"])
        if axes == 1:
            fields["kernel_size"] = fields["kernel_size"][:1]
    if rng.random() < 0.7:
        fields["stride"] = numbers(rng, axes, 1, 4, [0, -1])
    if "max" in name:
        fields["dilation"] = numbers(rng, axes, 1, 3, [0, -1])
    if "lp" not in name:
        fields["padding"] = draw_padding(rng, axes, ["numbers"] * 6 + ["sides", "valid", "same", "same_upper",
                                                                        "same_lower"], 2)
    if "avg" in name and axes > 1 and rng.random() < 0.2:
        fields["divisor_override"] = rng.choice([0, 1, -3, 7])
    return shape, fields


def draw_upsample(rng):
    mode = rng.choice(["nearest", "nearest", "linear", "bilinear", "bicubic", "trilinear"])
    axes = often(rng, {"nearest": rng.randint(1, 3), "linear": 1, "trilinear": 3}.get(mode, 2), [0, 1, 2, 3, 4])
    shape = [often(rng, 2, [0]), often(rng, 2, [0])] + numbers(rng, axes, 1, 8, [0])
    fields = {"mode": mode}
    places = often(rng, max(axes, 1), [1, 2, 3])
    if rng.random() < 0.5:
        fields["size"] = numbers(rng, min(places, 3), 1, 9, [0, -1])
    else:
        fields["scale_factor"] = [often(rng, rng.choice([0.3, 0.5, 1 / 3, 1.1, 1.7, 2, 2.5, 0.29]), [0.01, -1])
                                  for _ in range(min(places, 3))]
    if rng.random() < 0.2:
        fields["align_corners"] = rng.random() < 0.5
    return shape, fields


def draw_any_shape(rng):
    return [often(rng, rng.randint(1, 5), [0]) for _ in range(rng.randint(0, 5))]


def draw(rng, name):
    """An input shape and the fields of a layer of that type."""
    axes = int(name[-2]) if name[-1] == "d" and name[-2].isdigit() else 0
    if name.startswith("conv"):
        return draw_conv(rng, name, axes)
    if "pool" in name:
        return draw_pooling(rng, name, axes)
    if name == "upsample":
        return draw_upsample(rng)
    if name.endswith("pad2d"):
        shape = draw_input(rng, 2, often(rng, 2, [0]), high=6)
        return shape, {"pad": [often(rng, rng.randint(-2, 3), [-7, 7, -4, 5]) for _ in range(4)]}
    if name == "linear":
        shape = draw_any_shape(rng)
        given = {"in_features": often(rng, shape[-1] if shape else 3, [1, 2, 3])} if rng.random() < 0.7 else {}
        return shape, {**given, "out_features": often(rng, rng.randint(1, 6), [0, -1]), "bias": rng.random() < 0.5}
    if name == "flatten":
        return draw_any_shape(rng), {"start_dim": rng.randint(-3, 3), "end_dim": rng.randint(-3, 4)}
    if name.startswith("batch_norm"):
        features = often(rng, rng.randint(1, 4), [0])
        shape = draw_input(rng, axes, features)
        return shape, {"num_features": often(rng, features, [0, 1, 3, -1]), "affine": rng.random() < 0.6}
    shape = draw_any_shape(rng)
    if "softmax" in name and rng.random() < 0.9:
        return shape, {"dim": rng.randint(-4, 4)}
    return shape, {}


# ---- what torch says ----

def axes_of(name):
    return int(name[-2])


def same_pads(size, kernel, stride, dilation, upper):
    """ONNX auto_pad."""
    total = max((math.ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return (total // 2, total - total // 2) if upper else (total - total // 2, total // 2)


def sides(name, fields, spatial):
    """[(begin, end), …] for paddings that torch's classes do not take; None for those they do."""
    padding, axes = fields.get("padding", [0]), axes_of(name)
    kernel, ones = fields["kernel_size"], [1] * axes
    stride, dilation = fields.get("stride", kernel), fields.get("dilation", ones)
    if padding in ("same_upper", "same_lower") or (padding == "same" and "pool" in name):
        if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1:
            raise Refused("below 1")
        return [same_pads(n, k, s, d, padding != "same_lower")
                for n, k, s, d in zip(spatial, kernel, stride, dilation)]
    if isinstance(padding, list) and len(padding) == 2 * axes:
        return list(zip(padding[::2], padding[1::2]))
    return None


def torch_pads(pairs):
    return [number for pair in reversed(pairs) for number in pair]


def resolve_in_channels(name, shape, fields):
    if "in_channels" in fields:
        return fields["in_channels"]
    axes = axes_of(name)
    if len(shape) not in (axes + 1, axes + 2):
        raise Refused("rank")
    return shape[-axes - 1]


def build_conv(name, shape, fields, padding):
    options = {key: tuple(fields[key]) for key in ("stride", "dilation", "output_padding") if key in fields}
    return CLASSES[name](resolve_in_channels(name, shape, fields), fields["out_channels"],
                         tuple(fields["kernel_size"]), groups=fields["groups"], bias=fields["bias"],
                         padding=padding, **options)


def run_conv(name, shape, fields):
    axes = axes_of(name)
    padding, mode = fields["padding"], fields.get("padding_mode", "zeros")
    if isinstance(padding, list) and min(padding) < 0:
        raise Refused("negative padding is not supported")
    if min(fields["dilation"]) < 1 or min(fields["kernel_size"]) < 1:
        raise Refused("1.13 forgets to look when the batch is empty")
    if "transpose" in name:
        if fields["out_channels"] == 0:
            raise Refused("no output channels")
        if any(o >= max(s, d) for o, s, d in zip(fields["output_padding"], fields["stride"], fields["dilation"])):
            raise Refused("1.13 forgets to look when the batch is empty")
        layer = build_conv(name, shape, fields, tuple(padding))
        return layer, layer(torch.zeros(shape))
    if len(shape) not in (axes + 1, axes + 2):
        raise Refused("rank")
    plain = build_conv(name, shape, fields, 0)
    if padding == "same" and set(fields["stride"]) != {1}:
        raise Refused("strided same")
    pairs = sides(name, fields, shape[-axes:])
    if padding == "valid":
        pairs = [(0, 0)] * axes
    elif padding == "same":
        total = [d * (k - 1) for k, d in zip(fields["kernel_size"], fields["dilation"])]
        pairs = [(t // 2, t - t // 2) for t in total]
        if mode == "zeros":
            layer = build_conv(name, shape, fields, "same")
            return layer, layer(torch.zeros(shape))
    elif pairs is None:
        pairs = [(p, p) for p in padding]
        if mode == "zeros":
            layer = build_conv(name, shape, fields, tuple(padding))
            return layer, layer(torch.zeros(shape))
    return plain, plain(pad_input(torch.zeros(shape), axes, pairs, mode))


def pad_input(x, axes, pairs, mode):
    if mode == "zeros":
        if 0 in x.shape[-axes:] and 0 not in x.shape[:-axes]:
            raise Refused("Only zero batch or zero channel inputs are supported")
        return F.pad(x, torch_pads(pairs))
    if mode == "reflect" and x.dim() == axes + 1 and x.shape[0] == 0:
        raise Refused("newer versions look at C without N, too")
    if mode == "circular" and x.dim() == axes + 1:  # newer versions take (C, …)
        return F.pad(x.unsqueeze(0), torch_pads(pairs), mode="circular").squeeze(0)
    return F.pad(x, torch_pads(pairs), mode=F_PAD_MODES[mode])


def window_output(size, begin, end, kernel, stride, dilation, ceil_mode):
    """aten/src/ATen/native/Pool.h, pooling_output_shape_pad_lr."""
    room = size + begin + end - dilation * (kernel - 1) - 1
    output = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    return output - 1 if ceil_mode and (output - 1) * stride >= size + begin else output


def run_pooling(name, shape, fields):
    axes = axes_of(name)
    if "adaptive" in name:
        size = [None if n == "k" else n for n in fields["output_size"]]
        if set(size) == {1} and (len(shape) not in (axes + 1, axes + 2) or 0 in shape[-axes:]):
            raise Refused("the average of one cell is a mean, which forgets to look")
        layer = CLASSES[name](tuple(size) if axes > 1 else size[0])
        return layer, layer(torch.zeros(shape))
    padding = fields.get("padding", [0] * axes)
    options = {"ceil_mode": fields["ceil_mode"]}
    for key in ("stride", "dilation"):
        if key in fields:
            options[key] = tuple(fields[key])
    if "divisor_override" in fields:
        options["divisor_override"] = fields["divisor_override"]
    kernel = tuple(fields["kernel_size"])
    if "lp" in name:
        norm = float(fields["norm_type"])
        if norm == 0 or not math.isfinite(norm):
            raise Refused("norm_type")
        if axes == 1:  # its functional form multiplies by the kernel, which must be a number then
            options["stride"] = options["stride"][0] if "stride" in options else kernel[0]
            kernel = kernel[0]
        layer = CLASSES[name](norm, kernel, **options)
        return layer, layer(torch.zeros(shape))
    spatial = shape[-axes:] if len(shape) in (axes + 1, axes + 2) else [1] * axes
    pairs = [(0, 0)] * axes if padding == "valid" else sides(name, fields, spatial)
    if pairs is None:
        pairs = [(p, p) for p in padding]
        dilated = any(k // 2 < p for k, p in zip(fields["kernel_size"], padding))
        if not (axes == 2 and dilated and all(
                0 <= p <= (d * (k - 1) + 1) // 2
                for k, p, d in zip(fields["kernel_size"], padding, fields.get("dilation", [1] * axes)))):
            layer = CLASSES[name](kernel, padding=tuple(padding), **options)
            output = layer(torch.zeros(shape))
            if output.shape[-1] == 0:
                raise Refused("max_pool1d() Invalid computed output size: 0, in newer versions")
            return layer, output
    return sized_by_sides(name, shape, fields, kernel, options, pairs)


def sized_by_sides(name, shape, fields, kernel, options, pairs):
    """Padding that this torch does not take: the layer judges the rest unpadded, the sizes are the formula's."""
    axes = axes_of(name)
    stride, dilation = fields.get("stride", fields["kernel_size"]), fields.get("dilation", [1] * axes)
    spans = [d * (k - 1) + 1 for k, d in zip(fields["kernel_size"], dilation)]
    if any(not 0 <= side < max(span, 1) for pair, span in zip(pairs, spans) for side in pair):
        raise Refused("a side as large as the window")
    if len(shape) not in (axes + 1, axes + 2) or 0 in shape[-axes - 1:]:
        raise Refused("rank or empty")
    if name == "avg_pool3d" and any(n < k for n, k in zip(shape[-3:], fields["kernel_size"])):
        raise Refused("input image smaller than kernel size")
    layer = CLASSES[name](kernel, **options)
    if min(spans) < 1:
        raise Refused("kernel or dilation")
    roomy = list(shape[:-axes]) + [span + 1 for span in spans]
    layer(torch.zeros(roomy))  # judges kernel, stride, dilation and divisor
    output = [window_output(n, b, e, k, s, d, fields["ceil_mode"]) for n, (b, e), k, s, d in zip(
        shape[-axes:], pairs, fields["kernel_size"], stride, dilation)]
    if min(output) < 1:
        raise Refused("Output size is too small")
    return layer, torch.zeros(list(shape[:-axes]) + output)


def run_pad(name, shape, fields):
    left, right, top, bottom = fields["pad"]
    if name == "reflection_pad2d" and len(shape) == 3 and shape[0] == 0:
        raise Refused("newer versions look at C without N, too")
    if name == "zero_pad2d" and len(shape) >= 2:
        kept = [n + min(b, 0) + min(e, 0) for n, b, e in zip(shape[-2:], (top, left), (bottom, right))]
        output = [shape[-2] + top + bottom, shape[-1] + left + right]
        if min(kept) >= 0 and 0 in output:  # newer versions give empty tensors
            return None, torch.zeros(shape[:-2] + output)
    layer = CLASSES[name](tuple(fields["pad"]))
    output = layer(torch.zeros(shape))
    if min(output.shape[-2:]) < 0:  # a reflection of no images, which 1.13 lets pass
        raise Refused("Trying to create tensor with negative dimension")
    return layer, output


def run_upsample(shape, fields):
    options = dict(fields)
    for key in ("size", "scale_factor"):
        if key in options:
            options[key] = tuple(options[key]) if len(options[key]) > 1 else options[key][0]
    layer = nn.Upsample(**options)
    return layer, layer(torch.zeros(shape))


def run_layer(name, shape, fields):
    if name.startswith("conv"):
        return run_conv(name, shape, fields)
    if "pool" in name:
        return run_pooling(name, shape, fields)
    if name.endswith("pad2d"):
        return run_pad(name, shape, fields)
    if name == "upsample":
        return run_upsample(shape, fields)
    options = dict(fields)
    if name == "linear":
        options.setdefault("in_features", shape[-1] if shape else 1)
    if options.get("num_features") == -1:  # left out
        options["num_features"] = shape[1] if len(shape) > 1 else 1
    if name.endswith("softmax"):
        options.setdefault("dim", None)
    layer = CLASSES[name](**options).eval()
    return layer, layer(torch.zeros(shape))


def count_macs(name, shape, fields, layer, output):
    """From the other end than the library: every weight of one filter for every number it makes or spreads."""
    if name == "linear":
        return output.numel() * layer.in_features
    if not name.startswith("conv"):
        return 0
    weight = list(layer.weight.shape)
    per_number = math.prod(weight[1:])
    return (math.prod(shape) if "transpose" in name else output.numel()) * per_number


def outcome(name, shape, fields):
    """(output shape, parameters, macs); Refused with PyTorch's sentence."""
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            layer, output = run_layer(name, shape, fields)
    except Refused:
        raise
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError, ZeroDivisionError) as error:
        raise Refused(str(error)) from error
    parameters = sum(p.numel() for p in layer.parameters()) if layer is not None else 0
    return list(output.shape), parameters, count_macs(name, shape, fields, layer, output)


# ---- writing ----

def text_of(value):
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (list, tuple)):
        return ",".join(text_of(v) for v in value)
    return repr(value) if isinstance(value, float) else str(value)


def fields_text(fields):
    return " ".join(f"{key}={text_of(value)}" for key, value in fields.items())


def row_of(name, shape, fields):
    start = f'{{"{name}", "{text_of(shape)}", "{fields_text(fields)}", '
    try:
        output, parameters, macs = outcome(name, shape, fields)
    except Refused:
        return start + "NULL, 0, 0},"
    return start + f'"{text_of(output)}", {parameters}, {macs}}},'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=80, help="for each layer type with fields of its own")
    rows = parser.parse_args().rows
    torch.set_num_threads(1)
    rng = random.Random(20240229)
    print("/* Written by tests/tools/golden_layers.py: type, input, fields, torch's output or NULL, parameters, macs. "
          "*/")
    for name in CLASSES:
        shape, fields = draw(rng, name)
        for _ in range(rows if fields else 8):
            shape, fields = draw(rng, name)
            print(row_of(name, shape, fields))


if __name__ == "__main__":
    main()
