"""Layers without data: random layers and chains of every type that /shape knows, and what torch.nn makes of them."""

import math

import torch
import torch.nn as nn

import draw
import reference
from reference import Refused, call, pair, refuse_unless

TORCH_NAME = {
    "linear": "Linear", "flatten": "Flatten", "dropout": "Dropout", "relu": "ReLU", "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "gelu": "GELU", "silu": "SiLU", "hardswish": "Hardswish",
    "sigmoid": "Sigmoid", "tanh": "Tanh", "softmax": "Softmax", "log_softmax": "LogSoftmax",
    "zero_pad2d": "ZeroPad2d", "reflection_pad2d": "ReflectionPad2d", "replication_pad2d": "ReplicationPad2d",
    "upsample": "Upsample", "lp_pool1d": "LPPool1d", "lp_pool2d": "LPPool2d",
}
for axes in (1, 2, 3):
    TORCH_NAME.update({
        f"conv{axes}d": f"Conv{axes}d", f"conv_transpose{axes}d": f"ConvTranspose{axes}d",
        f"max_pool{axes}d": f"MaxPool{axes}d", f"avg_pool{axes}d": f"AvgPool{axes}d",
        f"adaptive_avg_pool{axes}d": f"AdaptiveAvgPool{axes}d",
        f"adaptive_max_pool{axes}d": f"AdaptiveMaxPool{axes}d", f"batch_norm{axes}d": f"BatchNorm{axes}d"})
TYPES = sorted(TORCH_NAME)
ELEMENTWISE = ("dropout", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hardswish", "sigmoid", "tanh")


def axes_of(kind):
    return int(kind[-2]) if kind[-1] == "d" and kind[-2].isdigit() else 0


# ---- torch's side ----


def facts(layer, input_shape):
    """(output shape, parameters, macs) of one layer, or Refused."""
    kind, fields = layer["type"], {k: v for k, v in layer.items() if k != "type"}
    if kind.startswith("conv"):
        return convolution_facts(kind, fields, input_shape)
    if kind.startswith("max_pool") or kind.startswith("avg_pool"):
        return pooling_facts(kind, fields, input_shape)
    if kind.startswith("adaptive"):
        axes = axes_of(kind)
        refuse_unless(len(input_shape) in (axes + 1, axes + 2) and min(input_shape[-axes:]) > 0, "non-empty expected")
    if kind == "zero_pad2d" and len(input_shape) >= 2:
        output = zero_padded(fields["padding"], input_shape)
        if 0 in output[-2:]:
            return output, 0, 0
    complete_from_input(kind, fields, input_shape)
    module = build(kind, fields)
    output = run(module, input_shape)
    parameters = sum(p.numel() for p in module.parameters())
    macs = math.prod(output) * module.in_features if kind == "linear" else 0
    return output, parameters, macs


def zero_padded(padding, input_shape):
    """The newer rule: 1.13 refuses a size of 0 when one side is cropped and the other padded. Cropping goes first."""
    left, right, top, bottom = padding if isinstance(padding, list) else [padding] * 4
    sizes = []
    for size, begin, end in ((input_shape[-2], top, bottom), (input_shape[-1], left, right)):
        refuse_unless(size + min(begin, 0) + min(end, 0) >= 0, "crops more than there is")
        sizes.append(size + begin + end)
    return [*input_shape[:-2], *sizes]


def complete_from_input(kind, fields, input_shape):
    """What may be left out: torch's lazy classes take it from the input too."""
    if kind == "linear" and "in_features" not in fields:
        refuse_unless(input_shape, "no dimension to take in_features from")
        fields["in_features"] = input_shape[-1]
    if kind.startswith("batch_norm") and "num_features" not in fields:
        refuse_unless(len(input_shape) >= 2, "no dimension to take num_features from")
        fields["num_features"] = input_shape[1]


def build(kind, fields):
    axes = axes_of(kind)
    fields = {name: as_torch(kind, name, value, axes) for name, value in fields.items()}
    module = call(getattr(nn, TORCH_NAME[kind]), **fields)
    return module.eval()


def as_torch(kind, name, value, axes):
    """JSON's 2.0 and one-element lists, which torch does not take everywhere."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if kind == "upsample" or name in ("p", "negative_slope", "alpha", "norm_type", "eps", "momentum"):
        return tuple(value) if isinstance(value, list) else value
    if isinstance(value, list):
        return tuple(None if place is None else int(place) for place in value)
    return int(value) if isinstance(value, float) else value


def run(module, input_shape):
    with torch.no_grad():
        output = call(module, torch.zeros(input_shape))
    return list((output[0] if isinstance(output, tuple) else output).shape)  # return_indices gives two


def convolution_facts(kind, fields, input_shape):
    axes, transposed = axes_of(kind), "transpose" in kind
    refuse_unless(len(input_shape) in (axes + 1, axes + 2), f"Expected {axes + 1}D or {axes + 2}D input")
    fields.setdefault("in_channels", input_shape[-axes - 1])
    mode, padding = fields.get("padding_mode", "zeros"), fields.get("padding", 0)
    kernel = pair(fields["kernel_size"], axes)
    # 1.13 crops by a negative padding in the modes other than zeros; the contract refuses it in all.
    refuse_unless(not reference.is_symmetric(padding) or min(pair(padding, axes)) >= 0, "negative padding")
    if input_shape[0] == 0 and len(input_shape) == axes + 2:
        facts({"type": kind, **fields}, [1, *input_shape[1:]])  # with an empty batch torch checks less
    batched = len(input_shape) == axes + 2
    if transposed or reference.is_symmetric(padding) or padding in ("same", "valid"):
        newer = mode == "circular" and not batched and not transposed
        module = build(kind, fields)
        output = run(module, [1, *input_shape] if newer else input_shape)
        output = output[1:] if newer else output
    else:
        module = build(kind, {**fields, "padding": 0, "padding_mode": "zeros"})
        sized = {k: fields[k] for k in ("stride", "dilation", "padding", "padding_mode") if k in fields}
        with torch.no_grad():
            output = reference.run_conv2d(torch.zeros(input_shape), module.weight, None,
                                          {**sized, "groups": fields.get("groups", 1)})
        output = list(output.shape)
    parameters = sum(p.numel() for p in module.parameters())
    positions = math.prod(input_shape) if transposed else math.prod(output)
    return output, parameters, positions * module.weight.shape[1] * math.prod(kernel)


def pooling_facts(kind, fields, input_shape):
    """Real torch; by the formula where max_pool2d's newer rule differs (max_pool1d and 3d kept the kernel's half in
    MaxPooling.h and Pool.h) and for four-sided and string paddings."""
    axes = axes_of(kind)
    padding = fields.get("padding", 0)
    kernel, dilation = pair(fields["kernel_size"], axes), pair(fields.get("dilation", 1), axes)
    stride = pair(fields["stride"], axes) if fields.get("stride") is not None else kernel
    newer = kind == "max_pool2d" and reference.is_symmetric(padding) and min(kernel + dilation) > 0 and any(
        p > k // 2 for p, k in zip(pair(padding, axes), kernel))
    if reference.is_symmetric(padding) and not newer:
        output = run(build(kind, fields), input_shape)
        refuse_unless(not kind.startswith("max_pool1d") or output[-1] > 0, "newer versions refuse an empty output")
        return output, 0, 0
    refuse_unless(min(kernel + dilation + stride) > 0, "must be greater than zero")
    refuse_unless(fields.get("divisor_override") != 0, "divisor must be not zero")
    refuse_unless(len(input_shape) in (axes + 1, axes + 2) and min(input_shape[-axes - 1:]) > 0, "non-empty expected")
    window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    size = input_shape[-axes:]
    both = reference.sides("same_upper" if padding == "same" else padding, size, window, stride)
    for (begin, end), reach in zip(both, window):
        limit = reach // 2 if reference.is_symmetric(padding) else reach - 1
        refuse_unless(min(begin, end) >= 0 and (isinstance(padding, str) or max(begin, end) <= limit), "pad")
    ceil_mode = fields.get("ceil_mode", False)
    sizes = [reference.pooled_size(*axis, ceil_mode) for axis in zip(size, window, stride, both)]
    refuse_unless(min(sizes) > 0, "Output size is too small")
    return [*input_shape[:-axes], *sizes], 0, 0


# ---- random layers ----


def numbers(rng, axes, low, high):
    """An int, a one-element list or a list of one number for each axis."""
    value = rng.randint(low, high)
    return rng.choice([value, value, [value], [rng.randint(low, high) for _ in range(axes)]])


def draw_input(rng, kind):
    axes = axes_of(kind)
    if axes:
        shape = [rng.randint(1, 6), *(rng.randint(1, 12 if axes < 3 else 8) for _ in range(axes))]
        if not kind.startswith("batch") and draw.maybe(rng, 0.25):
            return shape
        return [0 if draw.maybe(rng, 0.04) else rng.randint(1, 3), *shape]
    if kind == "upsample":
        sizes = [rng.randint(1, 7) for _ in range(rng.choice([1, 2, 2, 2, 3]))]
        return [rng.randint(1, 2), rng.randint(1, 3), *sizes]
    return [rng.randint(1, 6) for _ in range(rng.choice([1, 2, 3, 4, 4, 5]))]


def draw_layer(rng, kind, shape):
    """A layer of that type, mostly one that takes an input of that shape."""
    layer = {"type": kind}
    axes = axes_of(kind)
    if kind.startswith("conv"):
        draw_convolution(rng, layer, axes, shape)
    elif kind.startswith("adaptive"):
        layer["output_size"] = numbers(rng, axes, 0 if draw.maybe(rng, 0.1) else 1, 14)
        if axes > 1 and isinstance(layer["output_size"], list) and len(layer["output_size"]) == axes \
                and draw.maybe(rng, 0.4):
            layer["output_size"][rng.randrange(axes)] = None
    elif "pool" in kind:
        draw_pooling(rng, layer, kind, axes)
    elif kind == "linear":
        layer["out_features"] = rng.randint(1, 9)
        optional(rng, layer, in_features=shape[-1], bias=rng.choice([True, False]))
    elif kind == "flatten":
        optional(rng, layer, start_dim=rng.randint(-2, 2), end_dim=rng.randint(-2, 3))
    elif kind.startswith("batch_norm"):
        optional(rng, layer, chance=0.8, num_features=shape[1] if len(shape) > 1 else 3)
        optional(rng, layer, affine=rng.choice([True, False]), eps=0.001, momentum=0.2)
    elif kind in ("softmax", "log_softmax"):
        layer["dim"] = rng.randint(-3, 3)
    elif kind.endswith("pad2d"):
        low = -2 if kind == "zero_pad2d" and draw.maybe(rng, 0.3) else 0
        layer["padding"] = rng.choice([rng.randint(low, 4), [rng.randint(low, 4) for _ in range(4)]])
    elif kind == "upsample":
        draw_upsample(rng, layer, len(shape) - 2)
    draw_elementwise(rng, layer)
    return layer


def optional(rng, layer, chance=0.4, **fields):
    layer.update({name: value for name, value in fields.items() if draw.maybe(rng, chance)})


def draw_elementwise(rng, layer):
    extra = {"dropout": {"p": rng.choice([0, 0.5, 1, 1.5, -0.5]), "inplace": True}, "relu": {"inplace": True},
             "relu6": {"inplace": False}, "leaky_relu": {"negative_slope": 0.2}, "elu": {"alpha": 2.0}}
    optional(rng, layer, **extra.get(layer["type"], {}))


def draw_convolution(rng, layer, axes, shape):
    channels = shape[-axes - 1] if len(shape) > axes else 1
    groups = rng.choice([g for g in range(1, 5) if channels % g == 0] or [1])
    layer.update(out_channels=groups * rng.randint(1, 4), kernel_size=numbers(rng, axes, 1, 4))
    optional(rng, layer, in_channels=channels, stride=numbers(rng, axes, 1, 3), dilation=numbers(rng, axes, 1, 2),
             bias=rng.choice([True, False]))
    if groups > 1:
        layer["groups"] = groups
    if "transpose" in layer["type"]:
        optional(rng, layer, padding=numbers(rng, axes, 0, 2), output_padding=numbers(rng, axes, 0, 2))
        return
    paddings = [numbers(rng, axes, 0, 3), numbers(rng, axes, 0, 3), "same", "valid"]
    if axes == 2:
        paddings += ["same_upper", "same_lower", [[rng.randint(0, 3), rng.randint(0, 3)] for _ in range(2)]]
    optional(rng, layer, chance=0.7, padding=rng.choice(paddings))
    optional(rng, layer, padding_mode=rng.choice(["zeros", "reflect", "replicate", "circular"]))


def draw_pooling(rng, layer, kind, axes):
    layer["kernel_size"] = numbers(rng, axes, 1, 4) if kind != "lp_pool1d" else rng.randint(1, 4)
    optional(rng, layer, ceil_mode=rng.choice([True, False]))
    optional(rng, layer, stride=numbers(rng, axes, 1, 4) if kind != "lp_pool1d" else rng.randint(1, 4))
    if kind.startswith("lp"):
        layer["norm_type"] = rng.choice([1, 2, 3.5])
        return
    optional(rng, layer, chance=0.5, padding=numbers(rng, axes, 0, 2))
    if kind.startswith("max"):
        optional(rng, layer, dilation=numbers(rng, axes, 1, 3))
        optional(rng, layer, chance=0.1, return_indices=True)
    else:
        optional(rng, layer, count_include_pad=rng.choice([True, False]))
        if axes > 1:
            optional(rng, layer, divisor_override=rng.choice([1, 3, -2]))


def draw_upsample(rng, layer, axes):
    if draw.maybe(rng, 0.5):
        layer["size"] = rng.choice([rng.randint(1, 9), [rng.randint(1, 9) for _ in range(axes)]])
    else:
        scale = [0.5, 1, 1.5, 2, 2.7, 3]
        layer["scale_factor"] = rng.choice([rng.choice(scale), [rng.choice(scale) for _ in range(axes)]])
    fitting = {1: "linear", 2: rng.choice(["bilinear", "bicubic"]), 3: "trilinear"}.get(axes, "linear")
    if draw.maybe(rng, 0.5):
        layer["mode"] = fitting if draw.maybe(rng, 0.9) else rng.choice(["bilinear", "nearest-exact", "area"])
        optional(rng, layer, align_corners=rng.choice([True, False]))


def spoil(rng, layer, shape):
    """Makes one thing wrong, or at least suspicious: torch decides."""
    kind = layer["type"]
    choices = ["rank"]
    for field in ("stride", "dilation", "kernel_size", "out_channels", "groups", "divisor_override"):
        choices += [field] * (field in layer)
    choices += [field for field in ("in_channels", "in_features", "num_features") if field in layer] * 2
    choices += ["padding"] * ("padding" in layer and not kind.endswith("pad2d"))
    choices += ["output_size"] * ("output_size" in layer)
    what = rng.choice(choices)
    if what == "rank":
        shape[:] = shape[1:] if draw.maybe(rng, 0.5) and len(shape) > 1 else [2, *shape]
    elif what in ("in_channels", "in_features", "num_features"):
        layer[what] += rng.randint(1, 3)
    elif what == "padding":
        layer[what] = rng.choice([-1, 9])
    elif what == "output_size":
        layer[what] = -1
    elif what == "divisor_override":
        layer[what] = 0
    else:
        layer[what] = rng.choice([0, -1]) if what != "groups" else rng.choice([0, -1, 5, 7])


def draw_chain(rng):
    """(input shape, layers): one layer, or up to six, the later ones drawn for the shape that reaches them."""
    first = rng.choice(TYPES)
    shape = draw_input(rng, first)
    layers = [draw_layer(rng, first, shape)]
    if draw.maybe(rng, 0.2):
        spoil(rng, layers[0], shape)
        return shape, layers
    reached = shape
    for _ in range(rng.choice([0, 0, 0, 1, 2, 3, 5])):
        try:
            reached, _, _ = facts(layers[-1], reached)
        except Refused:
            break
        layers.append(draw_layer(rng, following(rng, len(reached)), reached))
    return shape, layers


def following(rng, rank):
    """A type that may take an input of that rank."""
    fitting = [kind for kind in TYPES if axes_of(kind) in (0, rank - 2) or kind in ELEMENTWISE]
    return rng.choice(fitting or list(ELEMENTWISE))
