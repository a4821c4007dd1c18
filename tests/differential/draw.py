"""Random requests: every parameter of /conv2d and /pool2d, all forms, good ones and ones that must be refused.

All randomness comes from the random.Random that is handed in, so a case is named by its seed alone.
"""

import dataclasses

import numpy

FORMS = ("nested", "flat", "base64")


@dataclasses.dataclass
class Case:
    path: str
    arrays: dict                # name → numpy array with the values that the server is to see
    fields: dict                # the other fields, as on the wire
    dtype: str                  # what the request computes in
    forms: dict                 # name → form of each tensor
    own_dtype: dict             # name → the dtype that the tensor itself names, or None
    format: str = None          # what is asked for, None: the input's form
    say_dtype: bool = True      # a top-level dtype
    spoilt: str = None          # what was made wrong on purpose


def maybe(rng, chance):
    return rng.random() < chance


def numpy_rng(rng):
    return numpy.random.default_rng(rng.getrandbits(63))


def values(rng, shape, dtype, kind=None):
    """Normal numbers of some magnitude, small integers (ties!) or uniform ones."""
    draw = numpy_rng(rng)
    kind = kind or rng.choice(["normal", "normal", "integers", "uniform", "wide"])
    if kind == "integers":
        array = draw.integers(-3, 4, shape)
    elif kind == "uniform":
        array = draw.uniform(0.5, 2, shape)
    elif kind == "wide":
        array = draw.standard_normal(shape) * 10.0 ** draw.integers(-6, 7, shape)
    else:
        array = draw.standard_normal(shape) * 10.0 ** rng.randint(-3, 3)
    return numpy.asarray(array, dtype)


def with_specials(rng, array):
    """Some cells become NaN, infinite or minus zero: a few, or so many that windows hold several."""
    flat = array.reshape(-1)
    many = max(5, flat.size // 10)
    for _ in range(rng.randint(1, rng.choice([5, many])) if flat.size else 0):
        flat[rng.randrange(flat.size)] = rng.choice([numpy.nan, numpy.inf, -numpy.inf, -0.0, 0.0])
    return array


def scalar_or_pair(rng, low, high):
    """The same number written as an int, a one-element list or a pair; or two numbers."""
    first = rng.randint(low, high)
    return rng.choice([first, first, [first], [first, first], [first, rng.randint(low, high)], float(first)])


def places(value):
    value = value if isinstance(value, list) else [value]
    return [int(v) for v in (value * 2 if len(value) == 1 else value)]


def finish(rng, path, arrays, fields, dtype, spoilt):
    forms = {name: rng.choice(FORMS) for name in arrays}
    # Nested lists do not tell the sizes of an empty tensor.
    forms.update({name: rng.choice(FORMS[1:]) for name, array in arrays.items() if not array.size})
    own = {name: dtype if forms[name] != "nested" and maybe(rng, 0.4) else None for name in arrays}
    say_dtype = dtype != "float32" or maybe(rng, 0.5)
    if dtype == "float64" and own["input"] and maybe(rng, 0.7):
        say_dtype = False  # the input's own dtype is the request's
    if forms["input"] == "base64" and own["input"] is None:
        own["input"] = dtype
    return Case(path, arrays, fields, dtype, forms, own, rng.choice([None, None, *FORMS]), say_dtype, spoilt)


# ---- convolution ----


def conv(rng):
    dtype = rng.choice(["float32", "float32", "float64"])
    large = maybe(rng, 0.2)  # beyond one tile of any kernel: more channels, longer rows
    groups = rng.choice([1, 1, 1, 2, 3, 4])
    per_group, filters = rng.randint(1, 4), groups * rng.randint(1, 4)
    height, width = rng.randint(1, 14), rng.randint(1, 14)
    if large:
        groups = rng.choice([1, 1, 1, 2, 17])
        per_group = rng.randint(1, 40 if groups < 3 else 1)
        filters = groups * rng.randint(1, 40 if groups < 3 else 2)
        height, width = rng.randint(1, 45), rng.randint(1, 70)
    kernel = [min(rng.choice([1, 2, 3, 3, 3, 4, 5, 7]), size + 2) for size in (height, width)]
    shape = [groups * per_group, height, width]
    if maybe(rng, 0.75):
        shape = [0 if maybe(rng, 0.05) else rng.randint(1, 2 if large else 3), *shape]
    fields = {"groups": groups} if groups > 1 or maybe(rng, 0.2) else {}
    draw_windows(rng, fields, kernel)
    if maybe(rng, 0.2):
        fields["in_channels"] = groups * per_group
    if maybe(rng, 0.2):
        fields["out_channels"] = filters
    if maybe(rng, 0.2):
        fields["kernel_size"] = kernel if kernel[0] != kernel[1] else rng.choice([kernel, kernel[0], kernel[:1]])
    if maybe(rng, 0.4):
        fields["algorithm"] = rng.choice(["auto", "gemm", "gemm", "reference", "direct", "winograd"])
    sizes = {"input": shape, "weight": [filters, per_group, *kernel], "bias": [filters] if maybe(rng, 0.5) else None}
    spoilt = spoil_conv(rng, fields, sizes) if maybe(rng, 0.2) else None
    kind = "integers" if maybe(rng, 0.2) else None
    arrays = {name: values(rng, size, dtype, kind) for name, size in sizes.items() if size is not None}
    return finish(rng, "/conv2d", arrays, fields, dtype, spoilt)


def draw_windows(rng, fields, kernel):
    if maybe(rng, 0.5):
        fields["stride"] = scalar_or_pair(rng, 1, 4)
    if maybe(rng, 0.4):
        fields["dilation"] = scalar_or_pair(rng, 1, 3)
    if maybe(rng, 0.75):
        fields["padding"] = rng.choice([
            scalar_or_pair(rng, 0, 4), scalar_or_pair(rng, 0, 2),
            [[rng.randint(0, 3) for _ in range(2)] for _ in range(2)], "valid", "same", "same_upper", "same_lower"])
        if fields["padding"] == "same" and maybe(rng, 0.8):
            fields.pop("stride", None)
    if maybe(rng, 0.45):
        fields["padding_mode"] = rng.choice(["zeros", "reflect", "replicate", "circular"])


def spoil_conv(rng, fields, sizes):
    """Makes one thing wrong (or at least suspicious: torch decides)."""
    spoilt = rng.choice(["stride", "padding", "dilation", "groups", "channels", "bias", "kernel", "rank", "empty",
                         "given", "no channels", "no filters", "same", "huge padding"])
    low = rng.choice([0, -1])
    if spoilt in ("stride", "dilation"):
        fields[spoilt] = rng.choice([low, [1, low], [low, 2]])
    elif spoilt == "padding":
        fields["padding"] = rng.choice([-1, [0, -1], [[0, 0], [-1, 0]]])
    elif spoilt == "groups":
        fields["groups"] = rng.choice([low, fields.get("groups", 1) + rng.randint(1, 3)])
    elif spoilt == "channels":
        sizes["input"][-3] += rng.choice([1, 2])
    elif spoilt == "bias":
        sizes["bias"] = rng.choice([[sizes["weight"][0] + 1], [sizes["weight"][0], 1], [0]])
    elif spoilt == "kernel":
        sizes["weight"][rng.choice([2, 3])] = rng.choice([0, 25])
        fields.pop("kernel_size", None)
    elif spoilt == "rank":
        sizes["input"] = rng.choice([sizes["input"][-2:], [1, 1, *sizes["input"]][-5:], sizes["input"][-1:]])
    elif spoilt == "empty":
        sizes["input"][rng.choice([-1, -2])] = 0
    elif spoilt == "given":
        fields[rng.choice(["in_channels", "out_channels"])] = sizes["weight"][0] + 17
    elif spoilt == "no channels":
        sizes["input"][-3] = sizes["weight"][1] = 0
        fields.pop("padding_mode", None)
        fields.pop("in_channels", None)
    elif spoilt == "no filters":
        sizes["weight"][0] = 0
        sizes["bias"] = None
        fields.pop("out_channels", None)
    elif spoilt == "same":
        fields.update(padding="same", stride=2)
    else:
        fields.update(padding=scalar_or_pair(rng, 5, 16),
                      padding_mode=rng.choice(["reflect", "circular", "replicate"]))
    return spoilt


# ---- pooling ----


def pool(rng):
    dtype = rng.choice(["float32", "float32", "float64"])
    mode = rng.choice(["max", "max", "max", "avg", "avg", "lp", "adaptive_max", "adaptive_avg"])
    shape = [rng.randint(1, 4), rng.randint(1, 14), rng.randint(1, 14)]
    if maybe(rng, 0.2):  # long rows, and windows as wide as a vector register and wider
        shape[-2:] = [rng.randint(5, 25), rng.randint(20, 60)]
    if maybe(rng, 0.75):
        shape = [0 if maybe(rng, 0.05) else rng.randint(1, 3), *shape]
    fields = {} if mode == "max" and maybe(rng, 0.5) else {"mode": mode}
    if mode.startswith("adaptive"):
        fields["output_size"] = adaptive_size(rng, shape)
    else:
        draw_pooling(rng, fields, mode, shape)
    if mode in ("max", "adaptive_max") and maybe(rng, 0.6):
        fields["return_indices"] = rng.choice([True, True, False])
    spoilt = spoil_pool(rng, fields, mode, shape) if maybe(rng, 0.2) else None
    kind = None
    if mode == "lp":
        # Odd norms of sums near zero are a coin toss in float32: integers keep them exact.
        kind = {0.5: "uniform", 1.5: "uniform", -1: "uniform", 3: "integers", 1: "integers"}.get(fields["norm_type"])
    array = values(rng, shape, dtype, kind)
    if mode != "lp" and maybe(rng, 0.15):
        array = with_specials(rng, array)
    return finish(rng, "/pool2d", {"input": array}, fields, dtype, spoilt)


def adaptive_size(rng, shape):
    size = scalar_or_pair(rng, 0 if maybe(rng, 0.1) else 1, 16)
    if isinstance(size, list) and len(size) == 2 and maybe(rng, 0.3):
        size[rng.randrange(2)] = None
    return size


def draw_pooling(rng, fields, mode, shape):
    high = max(1, min(5, *shape[-2:]))
    kernel = fields["kernel_size"] = scalar_or_pair(rng, 1, high)
    if shape[-1] >= 20 and maybe(rng, 0.4):
        kernel = fields["kernel_size"] = [rng.randint(1, min(9, shape[-2])), rng.randint(1, min(40, shape[-1]))]
    if maybe(rng, 0.6):
        fields["stride"] = rng.choice([scalar_or_pair(rng, 1, 4), scalar_or_pair(rng, 1, 4), None])
    if mode == "max" and maybe(rng, 0.4):
        fields["dilation"] = scalar_or_pair(rng, 1, 3)
    if maybe(rng, 0.5):
        fields["ceil_mode"] = rng.choice([True, True, False])
    if mode == "lp":
        fields["norm_type"] = rng.choice([1, 2, 2.0, 3, 4, 0.5, 1.5, -1])
        return
    reach = [d * (k - 1) + 1 for d, k in zip(places(fields.get("dilation", 1)), places(kernel))]
    if maybe(rng, 0.6):
        half = [rng.randint(0, r // 2) for r in reach]
        four = [[rng.randint(0, r - 1), rng.randint(0, r - 1)] for r in reach]
        fields["padding"] = rng.choice([half, half, min(half), [min(half)], four, "valid", "same", "same_upper",
                                        "same_lower"])
    if mode == "avg" and maybe(rng, 0.4):
        fields["count_include_pad"] = rng.choice([True, False])
    if mode == "avg" and maybe(rng, 0.3):
        fields["divisor_override"] = rng.choice([1, 2, 3, 7, -2, 5.0, None])


def spoil_pool(rng, fields, mode, shape):
    common = ["rank", "no channels", "empty"]
    own = ["output_size"] if mode.startswith("adaptive") else ["kernel", "stride", "large kernel"]
    own += {"max": ["padding", "dilation", "four sides"], "avg": ["padding", "divisor", "four sides"]}.get(mode, [])
    spoilt = rng.choice(common + own * 2)
    low = rng.choice([0, -1])
    if spoilt == "rank":
        shape[:] = rng.choice([shape[-2:], [1, 1, *shape][-5:], shape[-1:]])
        if len(shape) < 5 and len(shape) > 2:
            shape[:] = [1] * (5 - len(shape)) + shape
    elif spoilt == "no channels":
        shape[-3] = 0
    elif spoilt == "empty":
        shape[rng.choice([-1, -2])] = 0
    elif spoilt == "output_size":
        fields["output_size"] = rng.choice([-1, [2, -1], [-3, None]])
    elif spoilt == "kernel":
        fields["kernel_size"] = rng.choice([low, [2, low]])
        fields["stride"] = 1
    elif spoilt == "large kernel":
        fields["kernel_size"] = [rng.randint(1, 20), 17]
    elif spoilt in ("stride", "dilation"):
        fields[spoilt] = rng.choice([low, [1, low]])
    elif spoilt == "padding":
        fields["padding"] = rng.choice([-1, [0, -1], 3, [2, 2], [0, 4]])
    elif spoilt == "four sides":
        fields["padding"] = [[rng.randint(0, 4), rng.randint(0, 4)], [rng.randint(-1, 3), 0]]
    else:
        fields["divisor_override"] = 0
    return spoilt
