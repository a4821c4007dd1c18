/*
 * Max, average, lp and adaptive pooling over one, two and three axes.
 *
 * Source of the rules: aten/src/ATen/native/{Pool.h,MaxPooling.h,Pooling.cpp,AveragePool3d.cpp,
 * AdaptiveAveragePooling.cpp,AdaptiveMaxPooling2d.cpp} and torch/nn/functional.py. A mode's fields are read,
 * those of other modes are not: an average has dilation 1, an lp pooling no padding.
 */
#include "lib/layers/sizing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static bool is_adaptive(const struct sizing *at) {
    enum pooling_mode mode = at->layer->pooling.mode;
    return mode == POOLING_ADAPTIVE_AVG || mode == POOLING_ADAPTIVE_MAX;
}

/* MaxPool1d is a function of its own in PyTorch, with sentences of its own. */
static bool is_max1d(const struct sizing *at) {
    return at->layer->type == LAYER_MAX_POOL1D;
}

/* The name of the function that PyTorch's sentences give: lp pooling is written with avg_pool. */
static const char *torch_function(const struct sizing *at) {
    switch (at->layer->type) {
    case LAYER_LP_POOL1D: return "avg_pool1d";
    case LAYER_LP_POOL2D: return "avg_pool2d";
    default: return layer_type_name(at->layer->type);
    }
}

/* The name of the function that judges: one axis is computed as two. */
static const char *plane_function(const struct sizing *at) {
    switch (at->layer->type) {
    case LAYER_ADAPTIVE_MAX_POOL1D: return "adaptive_max_pool2d";
    case LAYER_ADAPTIVE_AVG_POOL1D: return "adaptive_avg_pool2d";
    default: return torch_function(at);
    }
}

/* ---- parameters ---- */

/* PyTorch computes the output size first, where a stride of 0 divides; it is the kernel when not given. */
static bool has_zero_stride(const struct sizing *at) {
    const struct layer_pooling *pooling = &at->layer->pooling;
    const int64_t *stride = pooling->has_stride ? pooling->stride : pooling->kernel;
    for (int i = 0; i < layer_type_axes(at->layer->type); i++)
        if (stride[i] == 0)
            return true;
    return false;
}

/* kernel_size, stride or dilation below 1; `field` is its name, `words` and `prefix` those of PyTorch's
 * sentence. */
static enum status refuse_below_one(const struct sizing *at, const char *field, const char *words,
                                    const char *prefix, const int64_t *values, int bad) {
    char list[AXES_TEXT_BYTES], text[AXES_TEXT_BYTES + 96];
    struct planes planes = as_planes(values, layer_type_axes(at->layer->type), 1);
    if (is_max1d(at))
        snprintf(text, sizeof text, "max_pool1d() %s must be greater than zero, but got %" PRId64, field,
                 values[bad]);
    else
        snprintf(text, sizeof text, "%s%s should be greater than zero, but got %s",
                 has_zero_stride(at) ? "stride should not be zero; " : "", words,
                 named_axes_text(list, NAMES_THW, prefix, " ", planes.values, planes.axes));
    return refuse_axis(at, field, bad, values[bad], "it must be at least 1", text);
}

static enum status check_kernel(const struct sizing *at) {
    const int64_t *kernel = at->layer->pooling.kernel;
    int axes = layer_type_axes(at->layer->type), bad = axis_below(kernel, axes, 1);
    if (bad >= 0)
        return refuse_below_one(at, "kernel_size", "kernel size", "k", kernel, bad);
    return check_int32(at, "kernel_size", kernel, axes);
}

static enum status check_stride(const struct sizing *at) {
    const int64_t *stride = at->layer->pooling.stride;
    int axes = layer_type_axes(at->layer->type);
    if (!at->layer->pooling.has_stride)
        return STATUS_OK;
    int bad = axis_below(stride, axes, 1);
    if (bad >= 0 && stride[bad] == 0 && !is_max1d(at))
        return refuse_axis(at, "stride", bad, 0, "it must be at least 1", "stride should not be zero");
    if (bad >= 0)
        return refuse_below_one(at, "stride", "stride", "d", stride, bad);
    return check_int32(at, "stride", stride, axes);
}

static enum status check_dilation(const struct sizing *at) {
    const int64_t *dilation = at->layer->pooling.dilation;
    int axes = layer_type_axes(at->layer->type);
    if (at->layer->pooling.mode != POOLING_MAX)
        return STATUS_OK;
    int bad = axis_below(dilation, axes, 1);
    if (bad >= 0)
        return refuse_below_one(at, "dilation", "dilation", "dilation", dilation, bad);
    return check_int32(at, "dilation", dilation, axes);
}

static const char *negative_padding(char text[AXES_TEXT_BYTES], int64_t value) {
    snprintf(text, AXES_TEXT_BYTES, "pad must be non-negative, but got pad: %" PRId64, value);
    return text;
}

static const char *negative_padding_max1d(char text[AXES_TEXT_BYTES], int64_t value) {
    snprintf(text, AXES_TEXT_BYTES, "max_pool1d() padding must be non-negative, but got %" PRId64, value);
    return text;
}

static bool has_padding(const struct sizing *at) {
    return at->layer->pooling.mode == POOLING_MAX || at->layer->pooling.mode == POOLING_AVG;
}

static enum status check_pads(const struct sizing *at) {
    if (!has_padding(at))
        return STATUS_OK;
    return check_padding(at, &at->layer->pooling.padding, layer_type_axes(at->layer->type),
                         is_max1d(at) ? negative_padding_max1d : negative_padding);
}

static enum status check_divisor(const struct sizing *at) {
    const struct layer_pooling *pooling = &at->layer->pooling;
    if (pooling->mode != POOLING_AVG || !pooling->has_divisor || pooling->divisor_override != 0)
        return STATUS_OK;
    return fault_set(at->fault, STATUS_INVALID_VALUE, "divisor_override",
                     "divisor_override is 0; it must be another number (divisor must be not zero)");
}

static enum status check_norm(const struct sizing *at) {
    double norm = at->layer->pooling.norm_type;
    if (at->layer->pooling.mode != POOLING_LP || (isfinite(norm) && norm != 0))
        return STATUS_OK;
    if (isinf(norm))
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, "norm_type",
            "norm_type is %sinf; it must be a finite number other than 0: for the infinity norm take "
            "mode \"max\" of absolute values",
            norm < 0 ? "-" : "");
    return fault_set(at->fault, STATUS_INVALID_VALUE, "norm_type",
                     "norm_type is %s; it must be a finite number other than 0 (float division by zero)",
                     norm == 0 ? "0" : "nan");
}

/* ---- input ---- */

static enum status refuse_adaptive_rank(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    int axes = layer_type_axes(at->layer->type);
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     "%s(): Expected %dD or %dD tensor, but got%s %s", torch_function(at), axes + 1, axes + 2,
                     at->layer->pooling.mode == POOLING_ADAPTIVE_MAX ? ":" : "", shape_text(at->input, text));
}

static enum status refuse_rank(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    int axes = layer_type_axes(at->layer->type);
    shape_text(at->input, text);
    if (is_max1d(at))
        return fault_set(
            at->fault, STATUS_SHAPE_MISMATCH, "input",
            "max_pool1d() Expected 2D or 3D input tensor, but got %s (max_pool1d: Expected 2D or 3D (batch "
            "mode) tensor with optional 0 dim batch size for input, but got:%s)",
            text, text);
    if (axes == 1)
        return fault_set(
            at->fault, STATUS_SHAPE_MISMATCH, "input",
            "Expected 2 to 3 dimensions, but got %d-dimensional tensor for argument #1 'self' (while "
            "checking arguments for %s), of size %s",
            at->input->rank, torch_function(at), text);
    if (is_adaptive(at))
        return refuse_adaptive_rank(at);
    if (at->layer->pooling.mode == POOLING_MAX || axes == 3)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "non-empty %dD or %dD (batch mode) tensor expected for input, but got: %s", axes + 1,
                         axes + 2, text);
    return fault_set(
        at->fault, STATUS_SHAPE_MISMATCH, "input",
        "Expected %dD or %dD (batch mode) tensor with optional 0 dim batch size for input, but got:%s",
        axes + 1, axes + 2, text);
}

/*
 * The first of the input's dimensions that may have no cells and has none is refused. Which may is PyTorch's
 * habit: windows look at all but N, adaptive pooling at all but dimension 0 (be it N or C), the adaptive
 * average over one and two axes at the spatial ones alone.
 */
static int empty_dimension(const struct sizing *at) {
    int rank = at->input->rank, axes = at->sizes->axes, first = at->sizes->batched ? 1 : 0;
    if (is_adaptive(at))
        first = at->layer->pooling.mode == POOLING_ADAPTIVE_AVG && axes < 3 ? rank - axes : 1;
    for (int i = first; i < rank; i++)
        if (at->input->dim[i] == 0)
            return i;
    return -1;
}

static enum status refuse_empty(const struct sizing *at, int dimension) {
    char text[SHAPE_TEXT_BYTES];
    bool one_axis = is_max1d(at);
    struct shape planes = one_axis ? *at->input : planes_shape(at->input, at->sizes->axes);
    int added = planes.rank - at->input->rank, axes = at->sizes->axes + added;
    shape_text(&planes, text);
    if (is_adaptive(at))
        return fault_set(
            at->fault, STATUS_SHAPE_MISMATCH, "input",
            "%s(): Expected input to have non-zero size for non-batch dimensions, but input has sizes %s "
            "with dimension %d being empty",
            plane_function(at), text, dimension + (dimension == at->input->rank - 1 ? added : 0));
    if (axes == 3)
        return fault_set(
            at->fault, STATUS_SHAPE_MISMATCH, "input",
            "%s(): Expected input's non-batch dimensions to have positive length, but input has a shape "
            "of %s and non-batch dimension %d has length zero!",
            torch_function(at), text, dimension);
    return fault_set(
        at->fault, STATUS_SHAPE_MISMATCH, "input",
        "%sExpected %dD or %dD (batch mode) tensor with optional 0 dim batch size for input, but got:%s",
        one_axis ? "max_pool1d: " : "", axes + 1, axes + 2, text);
}

static enum status take_input(const struct sizing *at) {
    const struct layer_pooling *pooling = &at->layer->pooling;
    int axes = layer_type_axes(at->layer->type);
    if (!take_axes(at, axes))
        return refuse_rank(at);
    int empty = empty_dimension(at);
    if (empty >= 0)
        return refuse_empty(at, empty);
    for (int i = 0; i < axes && !is_adaptive(at); i++) {
        struct window_axis *axis = &at->sizes->axis[i];
        axis->kernel = pooling->kernel[i];
        axis->stride = pooling->has_stride ? pooling->stride[i] : pooling->kernel[i];
        axis->dilation = pooling->mode == POOLING_MAX ? pooling->dilation[i] : 1;
    }
    return STATUS_OK;
}

/* ---- padding ---- */

/*
 * Half of the effective kernel; but max_pool1d and the poolings over three axes check against half of the
 * kernel itself (MaxPooling.h, check_max_pool1d; Pool.h, pool3d_shape_check).
 */
static int64_t half_window(const struct sizing *at, const struct window_axis *axis) {
    return (is_max1d(at) || at->sizes->axes == 3 ? axis->kernel : window_span(axis)) / 2;
}

static enum status refuse_half(const struct sizing *at, int i) {
    char rule[96], text[AXES_TEXT_BYTES];
    const struct window_axis *axis = &at->sizes->axis[i];
    bool effective = !is_max1d(at) && at->sizes->axes < 3;
    snprintf(rule, sizeof rule, "it must be at most %" PRId64 ", half of the %skernel size",
             half_window(at, axis), effective ? "effective " : "");
    if (is_max1d(at))
        snprintf(text, sizeof text,
                 "max_pool1d() padding should be at most half of kernel size, but got padding=%" PRId64
                 " and kernel_size=%" PRId64,
                 axis->pad_begin, axis->kernel);
    else
        snprintf(text, sizeof text,
                 "pad should be at most half of effective kernel size, but got pad=%" PRId64
                 ", kernel_size=%" PRId64 " and dilation=%" PRId64,
                 axis->pad_begin, axis->kernel, axis->dilation);
    return refuse_padding(at, &at->layer->pooling.padding, i, 0, rule, text);
}

static enum status refuse_side(const struct sizing *at, int i, int side) {
    char text[AXES_TEXT_BYTES];
    const struct window_axis *axis = &at->sizes->axis[i];
    snprintf(text, sizeof text,
             "no window may lie in padding alone: pad=%" PRId64 ", kernel_size=%" PRId64
             " and dilation=%" PRId64,
             side == 0 ? axis->pad_begin : axis->pad_end, axis->kernel, axis->dilation);
    return refuse_padding(at, &at->layer->pooling.padding, i, side,
                          "a side must be smaller than the effective kernel, dilation*(kernel_size - 1) + 1",
                          text);
}

static enum status pad(const struct sizing *at) {
    const struct padding *padding = &at->layer->pooling.padding;
    if (!has_padding(at))
        return STATUS_OK;
    enum status status = resolve_padding(at, padding, true);
    for (int i = 0; i < at->sizes->axes && status == STATUS_OK && padding->kind == PADDING_EXPLICIT; i++) {
        const struct window_axis *axis = &at->sizes->axis[i];
        int64_t span = window_span(axis);
        if (!padding->four_sided && axis->pad_begin > half_window(at, axis))
            status = refuse_half(at, i);
        else if (padding->four_sided && (axis->pad_begin >= span || axis->pad_end >= span))
            status = refuse_side(at, i, axis->pad_begin >= span ? 0 : 1);
    }
    return status;
}

/* ---- output ---- */

static enum status refuse_small_output(const struct sizing *at) {
    char input_text[AXES_TEXT_BYTES], output_text[AXES_TEXT_BYTES], kernel_text[AXES_TEXT_BYTES],
        dilation_text[AXES_TEXT_BYTES];
    int64_t inputs[LAYER_MAX_AXES], outputs[LAYER_MAX_AXES], channels = at->sizes->channels;
    int64_t kernels[LAYER_MAX_AXES], dilations[LAYER_MAX_AXES];
    axis_inputs(at, inputs);
    axis_outputs(at, outputs);
    for (int i = 0; i < at->sizes->axes; i++) {
        kernels[i] = at->sizes->axis[i].kernel;
        dilations[i] = at->sizes->axis[i].dilation;
    }
    struct planes in = as_planes(inputs, at->sizes->axes, 1), out = as_planes(outputs, at->sizes->axes, 1);
    if (is_max1d(at))
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "max_pool1d() Invalid computed output size: %" PRId64 " (for an input of %" PRId64
                         " and an effective kernel of %" PRId64 ")",
                         outputs[0], inputs[0], window_span(&at->sizes->axis[0]));
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     "Given input size: (%" PRId64 "x%s). Calculated output size: (%" PRId64
                     "x%s). Output size is too small (kernel_size is %s, dilation %s)",
                     channels, axes_text(input_text, in.values, in.axes, "x"), channels,
                     axes_text(output_text, out.values, out.axes, "x"),
                     axes_text(kernel_text, kernels, at->sizes->axes, "x"),
                     axes_text(dilation_text, dilations, at->sizes->axes, "x"));
}

/* avg_pool3d alone asks for an input as large as the kernel, padding or not. */
static enum status check_avg3d_input(const struct sizing *at) {
    char input_text[AXES_TEXT_BYTES], kernel_text[AXES_TEXT_BYTES];
    const int64_t *kernel = at->layer->pooling.kernel;
    int64_t inputs[LAYER_MAX_AXES];
    bool fits = true;
    if (at->layer->type != LAYER_AVG_POOL3D)
        return STATUS_OK;
    axis_inputs(at, inputs);
    for (int i = 0; i < at->sizes->axes; i++)
        fits = fits && inputs[i] >= kernel[i];
    if (fits)
        return STATUS_OK;
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     "input image (%s) smaller than kernel size (%s)",
                     named_axes_text(input_text, NAMES_THW, "", " ", inputs, at->sizes->axes),
                     named_axes_text(kernel_text, NAMES_THW, "k", " ", kernel, at->sizes->axes));
}

static enum status compute_output(const struct sizing *at) {
    int64_t outputs[LAYER_MAX_AXES];
    for (int i = 0; i < at->sizes->axes; i++)
        if (!window_output(&at->sizes->axis[i], at->layer->pooling.ceil_mode))
            return refuse_padded(at, i, at->layer->pooling.ceil_mode);
    axis_outputs(at, outputs);
    if (axis_below(outputs, at->sizes->axes, 1) >= 0)
        return refuse_small_output(at);
    set_output(at, at->sizes->channels);
    return STATUS_OK;
}

/* ---- adaptive ---- */

/* adaptive_avg_pool3d gives the name of the other, without a blank before its last number; newer versions its
 * own. */
static void adaptive_avg_sentence(const struct sizing *at, const int64_t *outputs, char *text, size_t bytes) {
    char list[AXES_TEXT_BYTES];
    static const char rule[] = "elements of output_size must be greater than or equal to 0 but received";
    struct planes size = as_planes(outputs, at->sizes->axes, 1);
    axes_text(list, size.values, 2, ", ");
    if (size.axes == 2)
        snprintf(text, bytes, "%s: %s {%s}", plane_function(at), rule, list);
    else
        snprintf(text, bytes,
                 "adaptive_avg_pool2d: %s {%s,%" PRId64 "}; adaptive_avg_pool3d: %s {%s,%" PRId64 "}", rule,
                 list, size.values[2], rule, list, size.values[2]);
}

static enum status refuse_output_size(const struct sizing *at, const int64_t *outputs, int bad) {
    char shape[SHAPE_TEXT_BYTES], text[SHAPE_TEXT_BYTES + 128];
    set_output(at, at->sizes->channels);
    struct shape planes = planes_shape(&at->sizes->output, at->sizes->axes);
    if (at->layer->pooling.mode == POOLING_ADAPTIVE_MAX)
        snprintf(text, sizeof text, "Trying to create tensor with negative dimension %" PRId64 ": %s",
                 outputs[bad], shape_text(&planes, shape));
    else
        adaptive_avg_sentence(at, outputs, text, sizeof text);
    return refuse_axis(at, "output_size", bad, outputs[bad], "it must be at least 0", text);
}

static enum status compute_adaptive_output(const struct sizing *at) {
    const int64_t *size = at->layer->pooling.output_size;
    int64_t outputs[LAYER_MAX_AXES];
    for (int i = 0; i < at->sizes->axes; i++) {
        struct window_axis *axis = &at->sizes->axis[i];
        axis->output = size[i] == LAYER_KEEP ? axis->input : size[i];
        bool divides = axis->output > 0 && axis->input % axis->output == 0;
        axis->kernel = axis->stride = divides ? axis->input / axis->output : 0;
    }
    axis_outputs(at, outputs);
    int bad = axis_below(outputs, at->sizes->axes, 0);
    if (bad >= 0)
        return refuse_output_size(at, outputs, bad);
    set_output(at, at->sizes->channels);
    return check_int32(at, "output_size", size, at->sizes->axes);
}

enum status sizes_of_pooling(const struct sizing *at) {
    static sizing_step *const window_steps[] = {
        check_norm, check_kernel,  check_stride, check_dilation,    check_pads,
        take_input, check_divisor, pad,          check_avg3d_input, compute_output,
    };
    static sizing_step *const adaptive_steps[] = {take_input, compute_adaptive_output};
    return is_adaptive(at) ? SIZING_RUN(at, adaptive_steps) : SIZING_RUN(at, window_steps);
}
