/*
 * ZeroPad2d, ReflectionPad2d and ReplicationPad2d.
 *
 * Source of the rules: aten/src/ATen/native/PadNd.cpp (constant_pad_nd) and Padding.h (pad_shape_check).
 * Negative padding crops. On the wire the four numbers are [left, right, top, bottom], and so they are in
 * places.
 */
#include "lib/layers/sizing.h"

#include <inttypes.h>
#include <stdio.h>

/* Where the padding of a side stands in [left, right, top, bottom]. */
static int wire_index(int axis, int side) {
    return 2 * (1 - axis) + side;
}

static int64_t pad_at(const struct sizing *at, int axis, int side) {
    return side == 0 ? at->layer->pad.begin[axis] : at->layer->pad.end[axis];
}

static enum status refuse_pad(const struct sizing *at, int axis, int side, const char *rule,
                              const char *torch) {
    return refuse_axis(at, "padding", wire_index(axis, side), pad_at(at, axis, side), rule, torch);
}

static enum status check_range(const struct sizing *at) {
    for (int axis = 0; axis < 2; axis++)
        for (int side = 0; side < 2; side++) {
            int64_t pad = pad_at(at, axis, side);
            if (pad < INT32_MIN || pad > INT32_MAX)
                return refuse_pad(at, axis, side, "it must be between -2147483648 and 2147483647",
                                  "integer out of range");
        }
    return STATUS_OK;
}

/* ZeroPad2d pads the last two dimensions of whatever has two; its N is all that comes before C. */
static enum status take_any_planes(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    const struct shape *input = at->input;
    struct layer_sizes *sizes = at->sizes;
    if (input->rank < 2)
        return fault_set(
            at->fault, STATUS_SHAPE_MISMATCH, "input",
            "zero_pad2d takes an input of 2 dimensions or more, but got one of size %s (Padding length too "
            "large)",
            shape_text(input, text));
    if (take_axes(at, 2))
        return STATUS_OK;
    sizes->axes = 2;
    sizes->batched = input->rank > 3;
    sizes->channels = input->rank > 2 ? input->dim[input->rank - 3] : 1;
    for (int i = 0; i < 2; i++)
        sizes->axis[i] = (struct window_axis){
            .input = input->dim[input->rank - 2 + i], .kernel = 1, .stride = 1, .dilation = 1};
    if (!product_of(input->dim, input->rank > 3 ? input->rank - 3 : 0, &sizes->batch))
        return refuse_product(at, "input", "the number of images", input->dim, input->rank - 3, 0);
    return STATUS_OK;
}

static enum status take_planes(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    if (at->layer->type == LAYER_ZERO_PAD2D)
        return take_any_planes(at);
    if (take_axes(at, 2) && at->sizes->channels > 0 && at->sizes->axis[0].input > 0 &&
        at->sizes->axis[1].input > 0)
        return STATUS_OK;
    return fault_set(
        at->fault, STATUS_SHAPE_MISMATCH, "input",
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
        "for input, but got: %s%s",
        shape_text(at->input, text),
        at->input->rank == 3 || at->input->rank == 4
            ? ""
            : " (Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now)");
}

static enum status compute_pads(const struct sizing *at) {
    for (int i = 0; i < 2; i++) {
        struct window_axis *axis = &at->sizes->axis[i];
        axis->pad_begin = pad_at(at, i, 0);
        axis->pad_end = pad_at(at, i, 1);
        if (!checked_add(axis->input, axis->pad_begin + axis->pad_end, &axis->output))
            return refuse_overflow(at, "padding", "an output size", "%" PRId64 " + %" PRId64 " + %" PRId64,
                                   axis->input, axis->pad_begin, axis->pad_end);
    }
    return STATUS_OK;
}

/* ---- zeros ---- */

/* Cropping goes first and must find what it takes; padding does not make up for it. */
static enum status check_zero_pad(const struct sizing *at) {
    char text[256] = "narrow(): length must be non-negative.";
    for (int i = 0; i < 2; i++) {
        const struct window_axis *axis = &at->sizes->axis[i];
        if (axis->input + min_i64(axis->pad_begin, 0) + min_i64(axis->pad_end, 0) >= 0)
            continue;
        if (axis->output < 0)
            snprintf(
                text, sizeof text,
                "The input size %" PRId64 ", plus negative padding %" PRId64 " and %" PRId64
                " resulted in a negative output size, which is invalid. Check dimension %d of your input.",
                axis->input, axis->pad_begin, axis->pad_end, at->input->rank - 2 + i);
        return refuse_pad(at, i, axis->pad_begin < 0 ? 0 : 1,
                          "negative padding crops at most the whole input", text);
    }
    return STATUS_OK;
}

/* ---- reflection and replication ---- */

static enum status check_reflection(const struct sizing *at) {
    char shape[SHAPE_TEXT_BYTES], text[640];
    if (at->layer->type != LAYER_REFLECTION_PAD2D)
        return STATUS_OK;
    for (int i = 1; i >= 0; i--) {
        const struct window_axis *axis = &at->sizes->axis[i];
        if (axis->pad_begin < axis->input && axis->pad_end < axis->input)
            continue;
        snprintf(text, sizeof text,
                 "Argument #%d: Padding size should be less than the corresponding input dimension, but got: "
                 "padding "
                 "(%" PRId64 ", %" PRId64 ") at dimension %d of input %s",
                 i == 1 ? 4 : 6, axis->pad_begin, axis->pad_end, at->input->rank - 2 + i,
                 shape_text(at->input, shape));
        return refuse_pad(at, i, axis->pad_begin < axis->input ? 1 : 0,
                          "a reflection takes less than the input", text);
    }
    return STATUS_OK;
}

/* One side below 0; PyTorch fails where it makes the tensor, a reflection where it counts the cells. */
static enum status refuse_negative_output(const struct sizing *at, int64_t output) {
    char text[SHAPE_TEXT_BYTES];
    set_output(at, at->sizes->channels);
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     "Trying to create tensor with negative dimension %" PRId64 ": %s%s", output,
                     shape_text(&at->sizes->output, text),
                     at->layer->type == LAYER_REFLECTION_PAD2D ? " (numel: integer multiplication overflow)"
                                                               : "");
}

/* PyTorch asks for one side with a cell, not for both: the other may be empty. */
static enum status check_edge_output(const struct sizing *at) {
    const struct window_axis *height = &at->sizes->axis[0], *width = &at->sizes->axis[1];
    int64_t least = min_i64(height->output, width->output);
    if (height->output < 1 && width->output < 1)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "input (H: %" PRId64 ", W: %" PRId64 " ) is too small. Calculated output H: %" PRId64
                         " W: %" PRId64 "; one of them must be at least 1",
                         height->input, width->input, height->output, width->output);
    return least < 0 ? refuse_negative_output(at, least) : STATUS_OK;
}

static enum status check_output(const struct sizing *at) {
    if (at->layer->type == LAYER_ZERO_PAD2D)
        return check_zero_pad(at);
    enum status status = check_reflection(at);
    return status == STATUS_OK ? check_edge_output(at) : status;
}

enum status sizes_of_pad(const struct sizing *at) {
    static sizing_step *const steps[] = {check_range, take_planes, compute_pads, check_output};
    enum status status = SIZING_RUN(at, steps);
    if (status != STATUS_OK)
        return status;
    at->sizes->output = *at->input;
    axis_outputs(at, at->sizes->output.dim + at->input->rank - 2);
    at->sizes->out_channels = at->sizes->channels;
    return STATUS_OK;
}
