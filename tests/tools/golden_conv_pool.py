#!/usr/bin/env python3
"""Writes tests/golden/conv2d.json and pool2d.json: what real PyTorch computes, for test_golden.py to hold against.

    /usr/bin/python3 tests/tools/golden_conv_pool.py            writes the files
    /usr/bin/python3 tests/tools/golden_conv_pool.py --check    exit 1 when they would change

Needs Debian's python3-torch (1.13); the test itself does not. The seed is fixed: each case's name seeds its numbers.
A case holds the request without its tensors' forms, the tensors as base64, and of the answer: the output computed
in float64, the indices, torch's own largest float32 error and the largest sum of |x·w|, which set the tolerance.
"""

import json
import pathlib
import random
import sys
import warnings

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "differential"), str(TESTS / "api")]

import torch  # noqa: E402

import client as convd  # noqa: E402
import draw  # noqa: E402
import reference  # noqa: E402

# name: (input shape, weight shape, whether there is a bias, fields)
CONV2D = {
    "plain 3x3": ([1, 3, 11, 13], [5, 3, 3, 3], True, {}),
    "1x1": ([2, 7, 6, 5], [11, 7, 1, 1], True, {}),
    "1x1 with stride and padding": ([1, 7, 7, 5], [3, 7, 1, 1], True, {"stride": 2, "padding": 1}),
    "2x2": ([1, 2, 7, 8], [3, 2, 2, 2], False, {}),
    "5x5 padded": ([1, 2, 11, 9], [3, 2, 5, 5], True, {"padding": 2}),
    "7x7 with stride 2": ([1, 3, 19, 17], [4, 3, 7, 7], True, {"stride": 2, "padding": 3}),
    "11x11 with stride 4": ([1, 1, 27, 31], [3, 1, 11, 11], True, {"stride": 4}),
    "3x3 of many channels": ([1, 37, 7, 7], [17, 37, 3, 3], False, {"padding": 1}),
    "3x3, an odd tile at each edge": ([1, 5, 13, 15], [7, 5, 3, 3], True, {"padding": 1}),
    "3x5": ([1, 2, 9, 11], [3, 2, 3, 5], True, {"padding": [1, 2]}),
    "1x7": ([1, 3, 5, 13], [2, 3, 1, 7], True, {"padding": [0, 3]}),
    "7x1": ([1, 3, 13, 5], [2, 3, 7, 1], True, {"padding": [3, 0]}),
    "stride [1, 3]": ([1, 2, 9, 14], [3, 2, 3, 3], True, {"stride": [1, 3]}),
    "stride [3, 1]": ([1, 2, 14, 9], [3, 2, 3, 3], True, {"stride": [3, 1]}),
    "a stride beyond the kernel": ([1, 2, 13, 13], [3, 2, 2, 2], True, {"stride": 5}),
    "dilation 2": ([1, 3, 11, 12], [4, 3, 3, 3], True, {"dilation": 2}),
    "dilation [1, 3], padded": ([1, 3, 11, 12], [4, 3, 3, 3], True, {"dilation": [1, 3], "padding": [1, 3]}),
    "dilation and stride": ([1, 2, 17, 19], [3, 2, 3, 2], True, {"dilation": [3, 2], "stride": [2, 3], "padding": 2}),
    "padding beyond the kernel": ([1, 2, 5, 5], [3, 2, 3, 3], True, {"padding": 5}),
    "a kernel as large as the input": ([1, 3, 5, 7], [4, 3, 5, 7], True, {}),
    "a kernel larger than the input alone": ([1, 3, 2, 3], [4, 3, 4, 5], True, {"padding": 2}),
    "one pixel": ([1, 13, 1, 1], [5, 13, 1, 1], True, {}),
    "one column": ([1, 2, 17, 1], [3, 2, 3, 1], True, {}),
    "a batch": ([5, 2, 6, 7], [3, 2, 3, 3], True, {"padding": 1}),
    "no batch dimension": ([3, 9, 7], [4, 3, 3, 3], True, {"padding": 1}),
    "an empty batch": ([0, 3, 9, 7], [4, 3, 3, 3], True, {}),
    "2 groups": ([1, 6, 8, 9], [4, 3, 3, 3], True, {"groups": 2, "padding": 1}),
    "3 groups with stride": ([2, 6, 8, 9], [9, 2, 3, 3], True, {"groups": 3, "stride": 2}),
    "depthwise": ([1, 13, 9, 8], [13, 1, 3, 3], True, {"groups": 13, "padding": 1}),
    "depthwise, two filters each, stride 2": ([1, 7, 9, 8], [14, 1, 3, 3], True,
                                              {"groups": 7, "padding": 1, "stride": 2}),
    "depthwise 5x5, dilated": ([1, 5, 13, 11], [5, 1, 5, 5], False, {"groups": 5, "padding": 4, "dilation": 2}),
    "same, even kernel": ([1, 2, 7, 9], [3, 2, 4, 2], True, {"padding": "same"}),
    "same, dilated": ([1, 2, 7, 9], [3, 2, 3, 4], True, {"padding": "same", "dilation": [2, 1]}),
    "valid": ([1, 2, 7, 9], [3, 2, 3, 4], True, {"padding": "valid", "stride": 2}),
    "same_upper with stride": ([1, 2, 8, 9], [3, 2, 3, 4], True, {"padding": "same_upper", "stride": [2, 3]}),
    "same_lower with stride": ([1, 2, 8, 9], [3, 2, 3, 4], True, {"padding": "same_lower", "stride": [2, 3]}),
    "four sides": ([1, 2, 6, 7], [3, 2, 3, 3], True, {"padding": [[0, 3], [2, 1]]}),
    "reflect": ([1, 2, 6, 7], [3, 2, 3, 3], True, {"padding": [5, 2], "padding_mode": "reflect"}),
    "replicate": ([1, 2, 6, 7], [3, 2, 3, 3], True, {"padding": [1, 9], "padding_mode": "replicate"}),
    "circular": ([1, 2, 6, 7], [3, 2, 3, 3], True, {"padding": [6, 2], "padding_mode": "circular"}),
    "circular, unbatched, stride": ([2, 6, 7], [3, 2, 3, 3], True,
                                    {"padding": 2, "padding_mode": "circular", "stride": 2}),
    "reflect, stride [2, 3]": ([1, 2, 6, 7], [3, 2, 3, 3], True,
                               {"padding": [2, 5], "padding_mode": "reflect", "stride": [2, 3]}),
    "replicate, stride 3, dilation 2": ([1, 2, 6, 7], [3, 2, 2, 3], True,
                                        {"padding": 4, "padding_mode": "replicate", "stride": 3, "dilation": 2}),
    "reflect, same, even kernel": ([1, 2, 6, 7], [3, 2, 4, 2], True, {"padding": "same", "padding_mode": "reflect"}),
    "circular, four sides": ([1, 2, 6, 7], [3, 2, 3, 3], False,
                             {"padding": [[1, 0], [3, 4]], "padding_mode": "circular"}),
    "replicate, groups, dilation": ([1, 4, 6, 7], [4, 2, 3, 3], True,
                                    {"padding": 2, "padding_mode": "replicate", "groups": 2, "dilation": 2}),
    "everything at once": ([2, 4, 15, 17], [6, 2, 3, 2], True,
                           {"stride": [2, 3], "padding": [3, 1], "dilation": [2, 3], "groups": 2}),
}

# name: (input shape, fields)
POOL2D = {
    "max 2": ([1, 3, 8, 9], {"kernel_size": 2}),
    "max 3, stride 2, padding 1": ([2, 3, 9, 11], {"kernel_size": 3, "stride": 2, "padding": 1}),
    "max [3, 2], stride [1, 3]": ([1, 2, 9, 11], {"kernel_size": [3, 2], "stride": [1, 3]}),
    "max, dilation": ([1, 2, 11, 12], {"kernel_size": 3, "stride": 2, "dilation": [2, 3], "padding": 1}),
    "max, the effective kernel's half": ([1, 2, 11, 12], {"kernel_size": 3, "stride": 2, "dilation": 3, "padding": 3}),
    "max, ceil_mode": ([1, 2, 8, 11], {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "max, ceil_mode, a dropped window": ([1, 2, 7, 7], {"kernel_size": 2, "stride": 4, "padding": 1,
                                                        "ceil_mode": True}),
    "max, unbatched": ([3, 7, 9], {"kernel_size": 3, "stride": 1, "padding": 1}),
    "max, an empty batch": ([0, 3, 7, 9], {"kernel_size": 3}),
    "max, same": ([1, 2, 7, 9], {"kernel_size": [4, 3], "stride": 2, "padding": "same"}),
    "max, same_lower": ([1, 2, 7, 9], {"kernel_size": [4, 3], "stride": 2, "padding": "same_lower"}),
    "max, four sides, ceil_mode": ([1, 2, 7, 9], {"kernel_size": 4, "stride": 3, "padding": [[3, 0], [1, 2]],
                                                  "ceil_mode": True}),
    "max of wide windows": ([1, 2, 9, 41], {"kernel_size": [3, 19], "stride": [2, 11]}),
    "max of the whole plane": ([2, 3, 7, 9], {"kernel_size": [7, 9]}),
    "avg 2": ([1, 3, 8, 9], {"mode": "avg", "kernel_size": 2}),
    "avg 3, stride 2, padding 1": ([2, 3, 9, 11], {"mode": "avg", "kernel_size": 3, "stride": 2, "padding": 1}),
    "avg, padding does not count": ([1, 2, 9, 11], {"mode": "avg", "kernel_size": 3, "stride": 2, "padding": 1,
                                                    "count_include_pad": False}),
    "avg, ceil_mode": ([1, 2, 8, 12], {"mode": "avg", "kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    "avg, ceil_mode, padding does not count": ([1, 2, 8, 12], {
        "mode": "avg", "kernel_size": [3, 4], "stride": [2, 3], "padding": [1, 2], "ceil_mode": True,
        "count_include_pad": False}),
    "avg, divisor_override": ([1, 2, 8, 9], {"mode": "avg", "kernel_size": 3, "padding": 1, "divisor_override": 7}),
    "avg, same_upper": ([1, 2, 8, 9], {"mode": "avg", "kernel_size": 3, "stride": 2, "padding": "same_upper"}),
    "avg, four sides": ([1, 2, 8, 9], {"mode": "avg", "kernel_size": 4, "stride": 2, "padding": [[0, 3], [2, 1]]}),
    "avg, unbatched": ([2, 8, 9], {"mode": "avg", "kernel_size": [1, 5], "stride": 1}),
    "lp 2": ([1, 2, 8, 9], {"mode": "lp", "norm_type": 2, "kernel_size": 3, "stride": 2}),
    "lp 2, ceil_mode": ([1, 2, 8, 9], {"mode": "lp", "norm_type": 2, "kernel_size": [3, 2], "stride": [2, 3],
                                       "ceil_mode": True}),
    "lp 4": ([1, 2, 6, 7], {"mode": "lp", "norm_type": 4, "kernel_size": 2}),
    "adaptive_max 1": ([1, 3, 7, 9], {"mode": "adaptive_max", "output_size": 1}),
    "adaptive_max [3, 4]": ([2, 2, 7, 9], {"mode": "adaptive_max", "output_size": [3, 4]}),
    "adaptive_max, larger than the input": ([1, 2, 5, 4], {"mode": "adaptive_max", "output_size": [7, 9]}),
    "adaptive_avg 1": ([1, 3, 7, 9], {"mode": "adaptive_avg", "output_size": 1}),
    "adaptive_avg [3, 4]": ([2, 2, 7, 9], {"mode": "adaptive_avg", "output_size": [3, 4]}),
    "adaptive_avg, a place kept": ([1, 2, 7, 9], {"mode": "adaptive_avg", "output_size": [None, 4]}),
    "adaptive_avg, unbatched": ([2, 7, 9], {"mode": "adaptive_avg", "output_size": 5}),
    "adaptive_avg to nothing": ([2, 7, 9], {"mode": "adaptive_avg", "output_size": [0, 3]}),
}


def golden_case(name, arrays, fields, compute):
    """The numbers are float32's, so that one case serves both dtypes."""
    result = compute(arrays, fields, "float32")
    case = {"name": name, "fields": fields,
            "tensors": {key: convd.pack(array, "base64") for key, array in arrays.items()},
            "output": convd.pack(result.output, "base64")}
    if result.indices is not None:
        case["indices"] = result.indices.tolist()
    if not result.exact:
        case.update(torch_error=result.torch_error, scale=result.scale)
    return case


def conv2d_cases():
    for name, (input_shape, weight_shape, has_bias, fields) in CONV2D.items():
        rng = random.Random(f"conv2d {name}")
        arrays = {"input": draw.values(rng, input_shape, "float32", "normal"),
                  "weight": draw.values(rng, weight_shape, "float32", "normal")}
        if has_bias:
            arrays["bias"] = draw.values(rng, weight_shape[:1], "float32", "normal")
        yield golden_case(name, arrays, fields, reference.conv2d)


def pool2d_cases():
    for name, (shape, fields) in POOL2D.items():
        rng = random.Random(f"pool2d {name}")
        maximum = fields.get("mode", "max") in ("max", "adaptive_max")
        fields = {**fields, "return_indices": True} if maximum else fields
        # Small integers make ties, whose indices are the point of half of the maxima.
        array = draw.values(rng, shape, "float32", "integers" if maximum and draw.maybe(rng, 0.5) else "normal")
        yield golden_case(name, {"input": array}, fields,
                          lambda arrays, *rest: reference.pool2d(arrays["input"], *rest))


def text_of(cases):
    lines = ",\n".join("  " + json.dumps(case, separators=(",", ":")) for case in cases)
    made_by = f"tests/tools/golden_conv_pool.py with torch {torch.__version__}"
    return f'{{"made by": "{made_by}",\n "cases": [\n{lines}\n]}}\n'


def main():
    warnings.simplefilter("ignore")
    changed = []
    for name, cases in (("conv2d", conv2d_cases()), ("pool2d", pool2d_cases())):
        path, text = TESTS / "golden" / f"{name}.json", text_of(cases)
        if "--check" in sys.argv[1:]:
            changed += [path.name] if path.read_text("utf-8") != text else []
        else:
            path.write_text(text, "utf-8")
            print(f"{path}: {len(text)} bytes")
    if changed:
        print(f"would change: {', '.join(changed)}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
