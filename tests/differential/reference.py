"""What PyTorch makes of a layer: the other side of the differential test and of the golden files.

Real torch 1.13 computes wherever it can. Where the contract follows newer PyTorch or
ONNX instead, the difference is written out here, each under its own name:

* effective kernel: max_pool2d's padding may be half of dilation·(k − 1) + 1, in 1.13 only half of k
* negative padding: always refused, where 1.13 crops in the modes other than zeros
* circular padding of unbatched input: 1.13 refuses it, newer versions compute it
* four-sided padding, "same_upper" and "same_lower": torch has none; padded by F.pad, pooled by naive loops
* an empty batch: 1.13 then looks neither at dilation nor at output_padding; a layer is refused or not whatever N is
* adaptive average pooling to size 1: torch takes the mean without looking at the input's rank or for empty planes
* zero_pad2d that leaves a size of 0: computed, where 1.13 refuses unless all sides are cropped
* max_pool1d with nothing left: 1.13 answers an empty tensor, newer versions refuse
* a window in padding alone: torch's index lies outside the plane, the contract's is -1
"""

import dataclasses

import numpy
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


class Refused(Exception):
    """PyTorch raises for this request (or the contract's own rule does)."""


class Disagrees(Refused):
    """in_channels, out_channels or kernel_size do not agree with the weight: /shape, which has none, cannot know."""


@dataclasses.dataclass
class Result:
    output: numpy.ndarray          # computed in float64 (max pooling: exact in the request's dtype)
    exact: bool = False            # to be compared bit by bit
    indices: numpy.ndarray = None
    torch_error: float = 0.0       # largest error of torch's own float32 against `output`
    scale: float = 0.0             # largest sum of |x·w| behind one output


def refuse_unless(condition, reason):
    if not condition:
        raise Refused(reason)


def pair(value, axes=2):
    """An int, a one-element list or a full list as a tuple of `axes` places."""
    places = list(value) if isinstance(value, (list, tuple)) else [value]
    places = places * axes if len(places) == 1 else places
    refuse_unless(len(places) == axes, f"{value} has not {axes} places")
    return tuple(int(place) if place is not None else None for place in places)


def call(function, *arguments, **named):
    """torch's answer, or Refused for whatever torch raises."""
    try:
        return function(*arguments, **named)
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, ZeroDivisionError) as error:
        raise Refused(str(error).split("\n")[0]) from error


def sides(padding, size, window, stride):
    """(begin, end) of each axis for every form of padding; `window` is the effective kernel."""
    if isinstance(padding, list) and padding and isinstance(padding[0], list):
        return [tuple(side) for side in padding]
    if padding == "valid":
        return [(0, 0)] * len(size)
    if padding == "same":
        return [((w - 1) // 2, w - 1 - (w - 1) // 2) for w in window]
    if padding in ("same_upper", "same_lower"):
        return [onnx_sides(*axis, padding == "same_lower") for axis in zip(size, window, stride)]
    return [(place, place) for place in pair(padding, len(size))]


def onnx_sides(size, window, stride, lower):
    """auto_pad: output = ceil(input / stride), the odd cell at the end or at the beginning."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def is_symmetric(padding):
    """Whether torch itself takes this padding."""
    return not (isinstance(padding, str) or isinstance(padding, list) and padding and isinstance(padding[0], list))


# ---- convolution ----


def conv2d(arrays, fields, dtype):
    """The convolution of `arrays` (input, weight, bias or None), which hold values of `dtype` already."""
    x, weight = torch.from_numpy(arrays["input"]), torch.from_numpy(arrays["weight"])
    bias = None if arrays.get("bias") is None else torch.from_numpy(arrays["bias"])
    check_given_sizes(weight, fields)
    wide = [None if t is None else t.double() for t in (x, weight, bias)]
    output = run_conv2d(*wide, fields)
    result = Result(output.numpy())
    if output.numel():
        magnitude = run_conv2d(*[None if t is None else t.abs() for t in wide], fields)
        result.scale = float(magnitude.max())
        if fields.get("algorithm") == "winograd":
            # a tile's sums mix what meets in no window: at the edges a large input and a large weight
            result.scale = float(wide[0].abs().max() * wide[1].abs().sum((1, 2, 3)).max())
    if dtype == "float32" and output.numel():
        narrow = run_conv2d(x, weight, bias, fields)
        result.torch_error = float((narrow.double() - output).abs().max())
    return result


def check_given_sizes(weight, fields):
    refuse_unless(weight.dim() == 4, "the weight of a conv2d has four dimensions")
    told = {"in_channels": weight.shape[1] * fields.get("groups", 1), "out_channels": weight.shape[0]}
    for field, value in told.items():
        if fields.get(field, value) != value:
            raise Disagrees(f"{field} disagrees with the weight")
    if "kernel_size" in fields and pair(fields["kernel_size"]) != tuple(weight.shape[2:]):
        raise Disagrees("kernel_size disagrees with the weight")


def run_conv2d(x, weight, bias, fields):
    stride, dilation = pair(fields.get("stride", 1)), pair(fields.get("dilation", 1))
    padding, mode = fields.get("padding", 0), fields.get("padding_mode", "zeros")
    refuse_unless(min(dilation) > 0, "dilation should be greater than zero")
    named = {"bias": bias, "stride": stride, "dilation": dilation, "groups": fields.get("groups", 1)}
    if padding == "same":
        refuse_unless(stride == (1, 1), "padding='same' is not supported for strided convolutions")
    if mode == "zeros" and (is_symmetric(padding) or padding in ("same", "valid")):
        return call(F.conv2d, x, weight, padding=padding if isinstance(padding, str) else pair(padding), **named)
    refuse_unless(x.dim() in (3, 4) and min(stride) > 0, "as torch refuses it without padding")
    refuse_unless(min(x.shape[-2:]) > 0 or 0 in x.shape[:-2], "Only zero batch or zero channel inputs are supported")
    window = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:])]
    (top, bottom), (left, right) = sides(padding, x.shape[-2:], window, stride)
    refuse_unless(min(top, bottom, left, right) >= 0, "negative padding is not supported")
    return call(F.conv2d, pad(x, (left, right, top, bottom), mode), weight, **named)


def pad(x, amounts, mode):
    if mode == "zeros":
        return call(F.pad, x, amounts)
    unbatched_circular = mode == "circular" and x.dim() == len(amounts) // 2 + 1
    padded = call(F.pad, x.unsqueeze(0) if unbatched_circular else x, amounts, mode=mode)
    return padded.squeeze(0) if unbatched_circular else padded


# ---- pooling ----


def pool2d(array, fields, dtype):
    """A pooling of `array`, which holds values of `dtype` already."""
    fields = {"mode": "max", **fields}
    mode = fields["mode"]
    if mode.startswith("adaptive"):
        return adaptive(torch.from_numpy(array), fields, mode == "adaptive_max")
    kernel = pair(fields["kernel_size"])
    stride = pair(fields["stride"]) if fields.get("stride") is not None else kernel
    if mode == "lp":
        return lp(torch.from_numpy(array), fields, kernel, stride, dtype)
    dilation = pair(fields.get("dilation", 1))
    x = torch.from_numpy(array)
    if is_symmetric(fields.get("padding", 0)) and not needs_effective_kernel(fields, kernel, dilation):
        result = torch_pooling(x, fields, kernel, stride, dilation, dtype)
        check_naive(array, fields, kernel, stride, dilation, result)
        return result
    return naive_pooling(array, fields, kernel, stride, dilation)


def needs_effective_kernel(fields, kernel, dilation):
    """Whether only the newer rule lets this padding pass."""
    padding = pair(fields.get("padding", 0))
    return fields["mode"] == "max" and min(kernel) > 0 and min(dilation) > 0 and min(padding) >= 0 and any(
        p > k // 2 for p, k in zip(padding, kernel)) and all(
        p <= (d * (k - 1) + 1) // 2 for p, k, d in zip(padding, kernel, dilation))


def torch_pooling(x, fields, kernel, stride, dilation, dtype):
    padding, ceil_mode = pair(fields.get("padding", 0)), fields.get("ceil_mode", False)
    if fields["mode"] == "max":
        output, indices = call(F.max_pool2d, x, kernel, stride, padding, dilation, ceil_mode, True)
        return Result(output.numpy(), exact=True, indices=indices.numpy())
    named = {"count_include_pad": fields.get("count_include_pad", True),
             "divisor_override": divisor_of(fields)}

    def average(tensor):
        return call(F.avg_pool2d, tensor, kernel, stride, padding, ceil_mode, **named)

    output = average(x.double())
    result = Result(output.numpy())
    if output.numel():
        result.scale = float(average(x.double().abs()).abs().max())
        if dtype == "float32":
            result.torch_error = largest((average(x).double() - output).abs())
    return result


def divisor_of(fields):
    """JSON does not tell 2.0 from 2; torch does."""
    divisor = fields.get("divisor_override")
    return divisor if divisor is None else int(divisor)


def largest(errors):
    """The largest finite one: NaN and infinity are compared by place, not by distance."""
    finite = errors[torch.isfinite(errors)]
    return float(finite.max()) if finite.numel() else 0.0


def lp(x, fields, kernel, stride, dtype):
    norm, ceil_mode = float(fields["norm_type"]), fields.get("ceil_mode", False)
    refuse_unless(min(kernel) > 0 and min(stride) > 0, "torch refuses or crashes")
    output = call(F.lp_pool2d, x.double(), norm, kernel, stride, ceil_mode)
    result = Result(output.numpy())
    if output.numel():
        finite = output[torch.isfinite(output)]
        result.scale = 8 * float(finite.abs().max()) if finite.numel() else 0.0  # two powers and a sum
        if dtype == "float32":
            narrow = call(F.lp_pool2d, x, norm, kernel, stride, ceil_mode)
            result.torch_error = largest((narrow.double() - output).abs())
    return result


def adaptive(x, fields, is_max):
    size = pair(fields["output_size"])
    refuse_unless(x.dim() in (3, 4) and min(x.shape[-2:]) > 0, "Expected 3D or 4D tensor with non-zero sizes")
    if is_max:
        output, indices = call(F.adaptive_max_pool2d, x, size, True)
        return Result(output.numpy(), exact=True, indices=indices.numpy())
    output = call(F.adaptive_avg_pool2d, x.double(), size)
    result = Result(output.numpy())
    if output.numel():
        result.scale = float(call(F.adaptive_avg_pool2d, x.double().abs(), size).max())
        if x.dtype == torch.float32:
            result.torch_error = largest((call(F.adaptive_avg_pool2d, x, size).double() - output).abs())
    return result


def naive_pooling(array, fields, kernel, stride, dilation):
    """Max and average pooling as plain loops over windows, for the paddings that torch has not."""
    refuse_unless(array.ndim in (3, 4) and min(array.shape[-3:]) > 0, "non-empty 3D or 4D tensor expected")
    refuse_unless(min(kernel) > 0 and min(stride) > 0 and min(dilation) > 0, "must be greater than zero")
    refuse_unless(fields.get("divisor_override") != 0, "divisor must be not zero")
    size = array.shape[-2:]
    window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    padding = fields.get("padding", 0)
    both = sides("same_upper" if padding == "same" else padding, size, window, stride)
    for (begin, end), reach in zip(both, window):
        refuse_unless(min(begin, end) >= 0, "pad must be non-negative")
        limit = reach - 1 if not is_symmetric(padding) else reach // 2
        refuse_unless(isinstance(padding, str) or max(begin, end) <= limit, "pad should be at most half of")
    ceil_mode = fields.get("ceil_mode", False)
    sizes = [pooled_size(*axis, ceil_mode) for axis in zip(size, window, stride, both)]
    refuse_unless(min(sizes) > 0, "Output size is too small")
    planes = array.reshape(-1, *size) if array.size else array.reshape(0, *size)
    pool = naive_max if fields["mode"] == "max" else naive_average
    return pool(planes, fields, kernel, stride, dilation, both, (*array.shape[:-2], *sizes))


def pooled_size(size, window, stride, both, ceil_mode):
    """PyTorch's pooling_output_shape_pad_lr, with a padding of its own at each end."""
    begin, end = both
    span = size + begin + end - window
    output = (span + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (output - 1) * stride >= size + begin:
        output -= 1
    return output


def window_cells(position, axis):
    """The window's cells on one axis that lie inside the input."""
    size, kernel, stride, dilation, (begin, _) = axis
    cells = [position * stride - begin + i * dilation for i in range(kernel)]
    return [cell for cell in cells if 0 <= cell < size]


def axes_of(planes, kernel, stride, dilation, both):
    return list(zip(planes.shape[1:], kernel, stride, dilation, both))


def naive_max(planes, fields, kernel, stride, dilation, both, shape):
    output = numpy.full((planes.shape[0], *shape[-2:]), -numpy.inf, planes.dtype)
    indices = numpy.full(output.shape, -1, "int64")
    vertical, horizontal = axes_of(planes, kernel, stride, dilation, both)
    for plane, y, x in numpy.ndindex(output.shape):
        rows, columns = window_cells(y, vertical), window_cells(x, horizontal)
        values = planes[plane][numpy.ix_(rows, columns)].ravel()
        if not values.size:
            continue
        missing = numpy.flatnonzero(numpy.isnan(values))
        at = missing[-1] if missing.size else values.argmax()  # the last NaN, else the first of equal values
        output[plane, y, x] = values[at]
        indices[plane, y, x] = rows[at // len(columns)] * planes.shape[2] + columns[at % len(columns)]
    return Result(output.reshape(shape), exact=True, indices=indices.reshape(shape))


def naive_average(planes, fields, kernel, stride, dilation, both, shape):
    output = numpy.zeros((planes.shape[0], *shape[-2:]))
    scale = 0.0
    vertical, horizontal = axes_of(planes, kernel, stride, dilation, both)
    for plane, y, x in numpy.ndindex(output.shape):
        rows, columns = window_cells(y, vertical), window_cells(x, horizontal)
        values = planes[plane][numpy.ix_(rows, columns)].astype("float64")
        if not values.size:
            continue
        divisor = divisor_of(fields)
        if divisor is None and fields.get("count_include_pad", True):
            divisor = padded_cells(y, vertical) * padded_cells(x, horizontal)
        divisor = values.size if divisor is None else divisor
        with numpy.errstate(all="ignore"):
            output[plane, y, x] = values.sum() / divisor
            scale = max(scale, float(numpy.abs(values).sum() / abs(divisor)))
    return Result(output.reshape(shape), scale=scale)


def padded_cells(position, axis):
    """The window's cells inside the padded input: what ceil_mode adds beyond it never counts."""
    size, kernel, stride, _, (begin, end) = axis
    start = position * stride - begin
    return min(start + kernel, size + end) - start


def check_naive(array, fields, kernel, stride, dilation, result):
    """The loops above are themselves held against torch, wherever torch computes."""
    naive = naive_pooling(array, fields, kernel, stride, dilation)
    assert naive.output.shape == result.output.shape, (fields, naive.output.shape, result.output.shape)
    assert numpy.allclose(naive.output, result.output, rtol=1e-6, atol=1e-6, equal_nan=True), fields
    if result.indices is not None:
        result.indices = numpy.where(naive.indices == -1, -1, result.indices)
        assert numpy.array_equal(naive.indices, result.indices), fields
