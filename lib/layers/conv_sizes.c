/*
 * Convolutions and transposed convolutions.
 *
 * Source of the rules: torch/nn/modules/conv.py and aten/src/ATen/native/Convolution.cpp
 * (check_shape_forward, batchify), with the padding modes of PadNd.cpp and Padding.h and the empty cases of
 * _select_conv_backend.
 */
#include "lib/layers/sizing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_transposed(const struct sizing *at) {
    return layer_type_family(at->layer->type) == FAMILY_CONV_TRANSPOSE;
}

/* ---- channels ---- */

static int64_t in_channels_of(const struct sizing *at) {
    int64_t given = at->layer->conv.in_channels;
    return given < 0 ? at->sizes->channels : given;
}

/* [K, C/G, kernel…], transposed [C, K/G, kernel…]: what PyTorch's sentences call weight. */
static struct shape weight_of(const struct sizing *at) {
    const struct layer_conv *conv = &at->layer->conv;
    int64_t in = in_channels_of(at);
    struct shape weight = {.rank = 2 + at->sizes->axes};
    weight.dim[0] = is_transposed(at) ? in : conv->out_channels;
    weight.dim[1] = (is_transposed(at) ? conv->out_channels : in) / conv->groups;
    memcpy(weight.dim + 2, conv->kernel, (size_t)at->sizes->axes * sizeof weight.dim[0]);
    return weight;
}

/* PyTorch's sentence about a transposed weight without elements. */
static const char *empty_weight(const struct sizing *at, char *text, size_t bytes) {
    char shape_list[SHAPE_TEXT_BYTES];
    struct shape weight = weight_of(at), planes = planes_shape(&weight, at->sizes->axes);
    snprintf(text, bytes, "%s, but got: %s",
             at->sizes->axes == 3 ? "non-empty 5D (n_output_plane x n_input_plane x kernel_depth x "
                                    "kernel_height x kernel_width) tensor expected for weight"
                                  : "non-empty 2D or 4D weight tensor expected",
             shape_text(&planes, shape_list));
    return text;
}

static enum status check_groups(const struct sizing *at) {
    int64_t groups = at->layer->conv.groups;
    if (groups < 1)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "groups",
                         "groups is %" PRId64 "; it must be at least 1 (groups must be a positive integer; "
                         "non-positive groups is not supported)",
                         groups);
    if (groups > INT32_MAX)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "groups",
                         "groups is %" PRId64 "; it must be at most 2147483647", groups);
    return STATUS_OK;
}

/* A dimension 0 of the weight that has no filter for some group. */
static enum status refuse_few_filters(const struct sizing *at, enum status status, const char *place) {
    char text[SHAPE_TEXT_BYTES];
    struct shape weight = weight_of(at);
    int64_t groups = at->layer->conv.groups;
    return fault_set(at->fault, status, place,
                     "%s is %" PRId64 "; it must be at least groups=%" PRId64 " (Given groups=%" PRId64
                     ", expected weight to be at least %" PRId64
                     " at dimension 0, but got weight of size %s instead)",
                     is_transposed(at) ? "in_channels" : "out_channels", weight.dim[0], groups, groups,
                     groups, shape_text(&weight, text));
}

static enum status refuse_uneven_filters(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    const struct layer_conv *conv = &at->layer->conv;
    struct shape weight = weight_of(at);
    int64_t out = conv->out_channels;
    bool few = out < conv->groups;
    return fault_set(at->fault, STATUS_INVALID_VALUE, "groups",
                     "out_channels must be divisible by groups: out_channels is %" PRId64
                     " and groups is %" PRId64 " (Given groups=%" PRId64 ", expected weight to be %s %" PRId64
                     " at dimension 0, but got weight of size %s%s%s instead)",
                     out, conv->groups, conv->groups, few ? "at least" : "divisible by", conv->groups,
                     few ? "" : "[", shape_text(&weight, text), few ? "" : "]");
}

static enum status check_out_channels(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    const struct layer_conv *conv = &at->layer->conv;
    int64_t out = conv->out_channels;
    if (out < 0)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "out_channels",
                         "out_channels is %" PRId64
                         "; it must be at least 1 (Trying to create tensor with negative "
                         "dimension %" PRId64 ")",
                         out, out);
    if (out == 0 && !is_transposed(at))
        return refuse_few_filters(at, STATUS_INVALID_VALUE, "out_channels");
    if (out == 0)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "out_channels",
                         "out_channels is 0; it must be at least 1 (%s)",
                         empty_weight(at, text, sizeof text));
    return out % conv->groups == 0 ? STATUS_OK : refuse_uneven_filters(at);
}

static enum status check_in_channels(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES], input_text[SHAPE_TEXT_BYTES];
    int64_t groups = at->layer->conv.groups, in = in_channels_of(at), got = at->sizes->channels;
    struct shape weight = weight_of(at), input = batched_input(at);
    if (in % groups != 0)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "groups",
                         "in_channels must be divisible by groups: in_channels is %" PRId64
                         " and groups is %" PRId64,
                         in, groups);
    if (is_transposed(at) && in < groups)
        return refuse_few_filters(at, STATUS_SHAPE_MISMATCH, "input");
    if (in == got)
        return STATUS_OK;
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     "Given %s=%" PRId64 ", weight of size %s, expected input%s to have %" PRId64
                     " channels, but got %" PRId64 " channels instead",
                     is_transposed(at) ? "transposed" : "groups", is_transposed(at) ? 1 : groups,
                     shape_text(&weight, text), shape_text(&input, input_text), in, got);
}

/* ---- windows ---- */

static const char *negative_padding(char text[AXES_TEXT_BYTES], int64_t value) {
    snprintf(text, AXES_TEXT_BYTES, "negative padding is not supported, got %" PRId64, value);
    return text;
}

static enum status check_stride(const struct sizing *at) {
    const struct layer_conv *conv = &at->layer->conv;
    int axes = layer_type_axes(at->layer->type), bad = axis_below(conv->stride, axes, 1);
    if (bad >= 0)
        return refuse_axis(at, "stride", bad, conv->stride[bad], "it must be at least 1",
                           "non-positive stride is not supported");
    for (int i = 0; i < axes && conv->padding.kind == PADDING_SAME; i++)
        if (conv->stride[i] != 1)
            return fault_set(
                at->fault, STATUS_INVALID_VALUE, "padding",
                "padding='same' is not supported for strided convolutions; stride[%d] is %" PRId64
                " (padding 'same_upper' and 'same_lower' take any stride)",
                i, conv->stride[i]);
    return check_int32(at, "stride", conv->stride, axes);
}

static enum status check_dilation(const struct sizing *at) {
    char list[AXES_TEXT_BYTES], text[AXES_TEXT_BYTES + 64];
    const struct layer_conv *conv = &at->layer->conv;
    int axes = layer_type_axes(at->layer->type), bad = axis_below(conv->dilation, axes, 1);
    struct planes planes = as_planes(conv->dilation, axes, 1);
    if (bad < 0)
        return check_int32(at, "dilation", conv->dilation, axes);
    if (is_transposed(at))
        named_axes_text(list, NAMES_LONG, "dilation_", ", ", planes.values, planes.axes);
    else
        axes_text(list, planes.values, planes.axes, ", ");
    snprintf(text, sizeof text, "dilation should be greater than zero, but got %s%s%s",
             is_transposed(at) ? "" : "[", list, is_transposed(at) ? "" : "]");
    return refuse_axis(at, "dilation", bad, conv->dilation[bad], "it must be at least 1", text);
}

/* conv3d lists the kernel in its own way, and conv_transpose3d sees an empty weight. */
static const char *small_kernel(const struct sizing *at, char *text, size_t bytes) {
    char list[AXES_TEXT_BYTES];
    struct planes planes = as_planes(at->layer->conv.kernel, at->sizes->axes, 1);
    if (planes.axes == 3 && is_transposed(at))
        return empty_weight(at, text, bytes);
    if (planes.axes == 3)
        snprintf(text, bytes, "kernel size should be greater than zero, but got: %s (TxHxW)",
                 axes_text(list, planes.values, planes.axes, " x "));
    else
        snprintf(text, bytes, "kernel size should be greater than zero, but got %s",
                 named_axes_text(list, NAMES_LONG, "kernel_", " ", planes.values, planes.axes));
    return text;
}

static enum status check_kernel(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    const struct layer_conv *conv = &at->layer->conv;
    int axes = at->sizes->axes, bad = axis_below(conv->kernel, axes, 1);
    if (bad < 0)
        return check_int32(at, "kernel_size", conv->kernel, axes);
    return refuse_axis(at, "kernel_size", bad, conv->kernel[bad], "it must be at least 1",
                       small_kernel(at, text, sizeof text));
}

static enum status check_pads(const struct sizing *at) {
    return check_padding(at, &at->layer->conv.padding, layer_type_axes(at->layer->type), negative_padding);
}

static enum status take_input(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    const struct layer_conv *conv = &at->layer->conv;
    int axes = layer_type_axes(at->layer->type);
    if (!take_axes(at, axes))
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of size: %s",
                         axes + 1, axes + 2, layer_type_name(at->layer->type), shape_text(at->input, text));
    for (int i = 0; i < axes; i++) {
        struct window_axis *axis = &at->sizes->axis[i];
        axis->kernel = conv->kernel[i];
        axis->stride = conv->stride[i];
        axis->dilation = conv->dilation[i];
        axis->output_padding = conv->output_padding[i];
    }
    return STATUS_OK;
}

/* An empty batch and no channels have nothing to read; a plane without cells is refused otherwise. */
static enum status check_empty(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    struct shape batched = batched_input(at), input = planes_shape(&batched, at->sizes->axes);
    int64_t inputs[LAYER_MAX_AXES];
    axis_inputs(at, inputs);
    if (axis_below(inputs, at->sizes->axes, 1) < 0 || at->sizes->batch == 0 || at->sizes->channels == 0)
        return STATUS_OK;
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     "Only zero batch or zero channel inputs are supported, but got input shape: %s",
                     shape_text(&input, text));
}

/* ---- padding modes ---- */

/* Reflection and replication read the edge, so there must be one; of the batch alone there may be none. */
static enum status check_edge(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    int axes = at->sizes->axes;
    int64_t inputs[LAYER_MAX_AXES];
    axis_inputs(at, inputs);
    if (at->sizes->channels > 0 && axis_below(inputs, axes, 1) < 0)
        return STATUS_OK;
    return fault_set(
        at->fault, STATUS_SHAPE_MISMATCH, "input",
        "Expected %dD or %dD (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
        "for input, but got: %s",
        axes + 1, axes + 2, shape_text(at->input, text));
}

static enum status refuse_reflection(const struct sizing *at, int axis, int side) {
    char text[SHAPE_TEXT_BYTES], torch[640];
    const struct window_axis *a = &at->sizes->axis[axis];
    int from_inside = at->sizes->axes - 1 - axis;
    snprintf(
        torch, sizeof torch,
        "Argument #%d: Padding size should be less than the corresponding input dimension, but got: padding "
        "(%" PRId64 ", %" PRId64 ") at dimension %d of input %s",
        4 + 2 * from_inside, a->pad_begin, a->pad_end, at->input->rank - 1 - from_inside,
        shape_text(at->input, text));
    return refuse_padding(at, &at->layer->conv.padding, axis, side,
                          "padding_mode 'reflect' takes less than the input", torch);
}

/* The largest padding that a mode can fill from an input of that size. */
static int64_t largest_pad(enum padding_mode mode, int64_t input) {
    switch (mode) {
    case PADDING_REFLECT: return input - 1;
    case PADDING_CIRCULAR: return input;
    case PADDING_ZEROS:
    case PADDING_REPLICATE: break;
    }
    return INT64_MAX;
}

static enum status check_padding_mode(const struct sizing *at) {
    const struct layer_conv *conv = &at->layer->conv;
    if (conv->padding_mode == PADDING_REFLECT || conv->padding_mode == PADDING_REPLICATE) {
        enum status status = check_edge(at);
        if (status != STATUS_OK)
            return status;
    }
    for (int i = at->sizes->axes - 1; i >= 0; i--) {
        const struct window_axis *axis = &at->sizes->axis[i];
        int64_t largest = largest_pad(conv->padding_mode, axis->input);
        if (axis->pad_begin <= largest && axis->pad_end <= largest)
            continue;
        int side = axis->pad_begin > largest ? 0 : 1;
        if (conv->padding_mode == PADDING_REFLECT)
            return refuse_reflection(at, i, side);
        return refuse_padding(at, &conv->padding, i, side,
                              "padding_mode 'circular' takes at most the input's size",
                              "Padding value causes wrapping around more than once.");
    }
    return STATUS_OK;
}

static enum status pad(const struct sizing *at) {
    enum status status = resolve_padding(at, &at->layer->conv.padding, false);
    return status == STATUS_OK ? check_padding_mode(at) : status;
}

/* ---- output ---- */

static enum status check_kernel_fits(const struct sizing *at) {
    char padded_text[AXES_TEXT_BYTES], span_text[AXES_TEXT_BYTES];
    int64_t padded[LAYER_MAX_AXES], span[LAYER_MAX_AXES];
    bool fits = true;
    for (int i = 0; i < at->sizes->axes; i++) {
        const struct window_axis *axis = &at->sizes->axis[i];
        if (!checked_add(axis->input, axis->pad_begin, &padded[i]) ||
            !checked_add(padded[i], axis->pad_end, &padded[i]))
            return refuse_padded(at, i, false);
        span[i] = window_span(axis);
        fits = fits && span[i] <= padded[i];
    }
    if (fits)
        return STATUS_OK;
    return fault_set(
        at->fault, STATUS_SHAPE_MISMATCH, "input",
        "Calculated padded input size per channel: (%s). Kernel size: (%s). Kernel size can't be greater "
        "than actual input size",
        axes_text(padded_text, padded, at->sizes->axes, " x "),
        axes_text(span_text, span, at->sizes->axes, " x "));
}

/* Without input channels PyTorch's empty backend gives 0 channels, whatever the weight says. */
static enum status compute_output(const struct sizing *at) {
    for (int i = 0; i < at->sizes->axes; i++)
        if (!window_output(&at->sizes->axis[i], false))
            return refuse_padded(at, i, false);
    set_output(at, at->sizes->channels == 0 ? 0 : at->layer->conv.out_channels);
    return STATUS_OK;
}

/* Each weight is multiplied with one cell of each output plane; transposed, of each input plane. */
static enum status count_work(const struct sizing *at) {
    struct layer_sizes *sizes = at->sizes;
    struct shape weight = weight_of(at);
    int64_t factors[2 + LAYER_MAX_AXES] = {sizes->batch};
    for (int i = 0; i < sizes->axes; i++)
        factors[1 + i] = is_transposed(at) ? sizes->axis[i].input : sizes->axis[i].output;
    int64_t biases = at->layer->conv.bias ? at->layer->conv.out_channels : 0;
    if (!shape_elems(&weight, &factors[1 + sizes->axes]) ||
        !checked_add(factors[1 + sizes->axes], biases, &sizes->parameters))
        return refuse_product(at, "", "the number of parameters", weight.dim, weight.rank, biases);
    if (!product_of(factors, 2 + sizes->axes, &sizes->macs))
        return refuse_product(at, "", "the number of multiply-accumulates", factors, 2 + sizes->axes, 0);
    return STATUS_OK;
}

enum status sizes_of_conv(const struct sizing *at) {
    static sizing_step *const steps[] = {
        check_groups, check_stride,       check_dilation,    check_pads,        take_input,  check_kernel,
        pad,          check_out_channels, check_in_channels, check_kernel_fits, check_empty, compute_output,
        count_work,
    };
    return SIZING_RUN(at, steps);
}

/* ---- transposed ---- */

static enum status check_transposed_padding(const struct sizing *at) {
    const struct layer_conv *conv = &at->layer->conv;
    if (conv->padding.kind != PADDING_EXPLICIT || conv->padding.four_sided)
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, "padding",
            "padding of a transposed convolution must be one number per axis (%s(): argument 'padding' "
            "(position 5) must be tuple of ints)",
            layer_type_name(at->layer->type));
    if (conv->padding_mode != PADDING_ZEROS)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "padding_mode",
                         "Only \"zeros\" padding mode is supported for %s",
                         layer_type_torch_name(at->layer->type));
    return check_pads(at);
}

static enum status refuse_output_padding(const struct sizing *at, int bad) {
    char adds[AXES_TEXT_BYTES], strides[AXES_TEXT_BYTES], dilations[AXES_TEXT_BYTES],
        text[3 * AXES_TEXT_BYTES + 96];
    const struct layer_conv *conv = &at->layer->conv;
    int axes = at->sizes->axes;
    struct planes add = as_planes(conv->output_padding, axes, 0), stride = as_planes(conv->stride, axes, 1),
                  dilation = as_planes(conv->dilation, axes, 1);
    snprintf(text, sizeof text,
             "output padding must be smaller than either stride or dilation, but got %s %s %s",
             named_axes_text(adds, NAMES_LONG, "output_padding_", " ", add.values, add.axes),
             named_axes_text(strides, NAMES_LONG, "stride_", " ", stride.values, stride.axes),
             named_axes_text(dilations, NAMES_LONG, "dilation_", " ", dilation.values, dilation.axes));
    return refuse_axis(at, "output_padding", bad, conv->output_padding[bad],
                       "it must be less than the larger of stride and dilation", text);
}

static enum status check_output_padding(const struct sizing *at) {
    const struct layer_conv *conv = &at->layer->conv;
    int axes = at->sizes->axes, bad = axis_below(conv->output_padding, axes, 0);
    if (bad >= 0)
        return refuse_axis(at, "output_padding", bad, conv->output_padding[bad], "it must be at least 0",
                           "negative output_padding is not supported");
    for (int i = 0; i < axes; i++)
        if (conv->output_padding[i] >= max_i64(conv->stride[i], conv->dilation[i]))
            return refuse_output_padding(at, i);
    return STATUS_OK;
}

/* output = (input - 1)*stride - pads + span + output_padding (torch.nn.ConvTranspose2d, "Shape"). */
static bool transposed_output(struct window_axis *axis) {
    return checked_mul(axis->input - 1, axis->stride, &axis->output) &&
           checked_add(axis->output, window_span(axis) + axis->output_padding, &axis->output) &&
           checked_sub(axis->output, axis->pad_begin + axis->pad_end, &axis->output);
}

static enum status refuse_transposed_overflow(const struct sizing *at, const struct window_axis *axis) {
    return refuse_overflow(
        at, "input", "an output size",
        "(%" PRId64 " - 1) x %" PRId64 " + %" PRId64 " + %" PRId64 " - %" PRId64 " - %" PRId64, axis->input,
        axis->stride, window_span(axis), axis->output_padding, axis->pad_begin, axis->pad_end);
}

static enum status compute_transposed_output(const struct sizing *at) {
    char input_text[AXES_TEXT_BYTES], output_text[AXES_TEXT_BYTES];
    int64_t inputs[LAYER_MAX_AXES], outputs[LAYER_MAX_AXES];
    for (int i = 0; i < at->sizes->axes; i++)
        if (!transposed_output(&at->sizes->axis[i]))
            return refuse_transposed_overflow(at, &at->sizes->axis[i]);
    axis_inputs(at, inputs);
    axis_outputs(at, outputs);
    struct planes in = as_planes(inputs, at->sizes->axes, 1), out = as_planes(outputs, at->sizes->axes, 1);
    if (axis_below(outputs, at->sizes->axes, at->sizes->batch == 0 ? 0 : 1) >= 0)
        return fault_set(
            at->fault, STATUS_SHAPE_MISMATCH, "input",
            "Given input size per channel: (%s). Calculated output size per channel: (%s). Output size is "
            "too small",
            axes_text(input_text, in.values, in.axes, " x "),
            axes_text(output_text, out.values, out.axes, " x "));
    set_output(at, at->layer->conv.out_channels);
    return STATUS_OK;
}

static enum status resolve_transposed_padding(const struct sizing *at) {
    return resolve_padding(at, &at->layer->conv.padding, false);
}

enum status sizes_of_conv_transpose(const struct sizing *at) {
    static sizing_step *const steps[] = {
        check_groups,
        check_transposed_padding,
        check_stride,
        check_dilation,
        take_input,
        check_output_padding,
        check_kernel,
        check_out_channels,
        check_in_channels,
        check_empty,
        resolve_transposed_padding,
        compute_transposed_output,
        count_work,
    };
    return SIZING_RUN(at, steps);
}
