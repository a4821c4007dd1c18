#include "lib/layers/sizing.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum status sizing_run(const struct sizing *at, sizing_step *const *steps, size_t count) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = steps[i](at);
    return status;
}

/* ---- numbers ---- */

bool product_of(const int64_t *factors, int count, int64_t *product) {
    struct shape shape = {.rank = count};
    for (int i = 0; i < count; i++)
        shape.dim[i] = factors[i];
    return shape_elems(&shape, product);
}

int axis_below(const int64_t *values, int axes, int64_t least) {
    for (int i = 0; i < axes; i++)
        if (values[i] < least)
            return i;
    return -1;
}

int64_t window_span(const struct window_axis *axis) {
    return axis->dilation * (axis->kernel - 1) + 1;
}

/* ---- text ---- */

const char *axes_text(char text[AXES_TEXT_BYTES], const int64_t *values, int axes, const char *separator) {
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < axes && length < AXES_TEXT_BYTES; i++)
        length += (size_t)snprintf(text + length, AXES_TEXT_BYTES - length, "%s%" PRId64,
                                   i > 0 ? separator : "", values[i]);
    return text;
}

const char *named_axes_text(char text[AXES_TEXT_BYTES], enum axis_names names, const char *prefix,
                            const char *separator, const int64_t *values, int axes) {
    static const char *const words[][LAYER_MAX_AXES] = {
        [NAMES_LONG] = {"depth", "height", "width"},
        [NAMES_THW] = {"T", "H", "W"},
        [NAMES_DHW] = {"D", "H", "W"},
    };
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < axes && length < AXES_TEXT_BYTES; i++)
        length += (size_t)snprintf(text + length, AXES_TEXT_BYTES - length, "%s%s%s: %" PRId64,
                                   i > 0 ? separator : "", prefix, words[names][LAYER_MAX_AXES - axes + i],
                                   values[i]);
    return text;
}

struct planes as_planes(const int64_t *values, int axes, int64_t height) {
    struct planes planes = {.axes = axes == 1 ? 2 : axes, .values = {height}};
    for (int i = 0; i < axes; i++)
        planes.values[planes.axes - axes + i] = values[i];
    return planes;
}

struct shape planes_shape(const struct shape *shape, int axes) {
    struct shape planes = *shape;
    if (axes != 1 || shape->rank == 0 || shape->rank == SHAPE_MAX_RANK)
        return planes;
    planes.rank++;
    planes.dim[planes.rank - 1] = shape->dim[shape->rank - 1];
    planes.dim[planes.rank - 2] = 1;
    return planes;
}

/* ---- refusals ---- */

enum status refuse_axis(const struct sizing *at, const char *field, int axis, int64_t value, const char *rule,
                        const char *torch) {
    char place[64];
    snprintf(place, sizeof place, "%s/%d", field, axis);
    return fault_set(at->fault, STATUS_INVALID_VALUE, place, "%s[%d] is %" PRId64 "; %s (%s)", field, axis,
                     value, rule, torch);
}

enum status check_int32(const struct sizing *at, const char *field, const int64_t *values, int axes) {
    for (int i = 0; i < axes; i++)
        if (values[i] > INT32_MAX)
            return refuse_axis(at, field, i, values[i], "it must be at most 2147483647",
                               "integer out of range");
    return STATUS_OK;
}

enum status refuse_overflow(const struct sizing *at, const char *place, const char *what, const char *format,
                            ...) {
    char computed[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(computed, sizeof computed, format, arguments);
    va_end(arguments);
    return fault_set(at->fault, STATUS_TOO_LARGE, place,
                     "%s does not fit into 63 bits: %s is more than " LIMIT_TEXT, what, computed);
}

enum status refuse_product(const struct sizing *at, const char *place, const char *what,
                           const int64_t *factors, int count, int64_t more) {
    char product[AXES_TEXT_BYTES];
    axes_text(product, factors, count, " x ");
    if (more == 0)
        return refuse_overflow(at, place, what, "%s", product);
    return refuse_overflow(at, place, what, "%s + %" PRId64, product, more);
}

enum status refuse_padded(const struct sizing *at, int axis, bool ceil_mode) {
    const struct window_axis *a = &at->sizes->axis[axis];
    if (ceil_mode)
        return refuse_overflow(at, "input", "the padded input",
                               "%" PRId64 " + %" PRId64 " + %" PRId64 ", rounded up to stride %" PRId64 ",",
                               a->input, a->pad_begin, a->pad_end, a->stride);
    return refuse_overflow(at, "input", "the padded input", "%" PRId64 " + %" PRId64 " + %" PRId64, a->input,
                           a->pad_begin, a->pad_end);
}

/* ---- axes ---- */

bool take_axes(const struct sizing *at, int axes) {
    const struct shape *input = at->input;
    struct layer_sizes *sizes = at->sizes;
    if (input->rank != axes + 1 && input->rank != axes + 2)
        return false;
    sizes->axes = axes;
    sizes->batched = input->rank == axes + 2;
    sizes->batch = sizes->batched ? input->dim[0] : 1;
    sizes->channels = input->dim[input->rank - axes - 1];
    for (int i = 0; i < axes; i++)
        sizes->axis[i] = (struct window_axis){
            .input = input->dim[input->rank - axes + i], .kernel = 1, .stride = 1, .dilation = 1};
    return true;
}

struct shape batched_input(const struct sizing *at) {
    struct shape shape = *at->input;
    if (at->sizes->batched)
        return shape;
    shape.rank = at->input->rank + 1;
    shape.dim[0] = 1;
    for (int i = 1; i < shape.rank; i++)
        shape.dim[i] = at->input->dim[i - 1];
    return shape;
}

void axis_inputs(const struct sizing *at, int64_t inputs[LAYER_MAX_AXES]) {
    for (int i = 0; i < at->sizes->axes; i++)
        inputs[i] = at->sizes->axis[i].input;
}

void axis_outputs(const struct sizing *at, int64_t outputs[LAYER_MAX_AXES]) {
    for (int i = 0; i < at->sizes->axes; i++)
        outputs[i] = at->sizes->axis[i].output;
}

void set_output(const struct sizing *at, int64_t channels) {
    struct layer_sizes *sizes = at->sizes;
    struct shape *output = &sizes->output;
    *output = *at->input;
    output->dim[output->rank - sizes->axes - 1] = channels;
    axis_outputs(at, output->dim + output->rank - sizes->axes);
    sizes->out_channels = channels;
}

/* ---- padding ---- */

enum status refuse_padding(const struct sizing *at, const struct padding *padding, int axis, int side,
                           const char *rule, const char *torch) {
    int64_t value = side == 0 ? at->sizes->axis[axis].pad_begin : at->sizes->axis[axis].pad_end;
    if (padding->kind != PADDING_EXPLICIT)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "padding",
                         "padding[%d] comes to %" PRId64 " at the %s; %s (%s)", axis, value,
                         side == 0 ? "beginning" : "end", rule, torch);
    if (!padding->four_sided)
        return refuse_axis(at, "padding", axis, value, rule, torch);
    char place[64];
    snprintf(place, sizeof place, "padding/%d/%d", axis, side);
    return fault_set(at->fault, STATUS_INVALID_VALUE, place, "padding[%d][%d] is %" PRId64 "; %s (%s)", axis,
                     side, value, rule, torch);
}

enum status check_padding(const struct sizing *at, const struct padding *padding, int axes,
                          const char *(*torch)(char text[AXES_TEXT_BYTES], int64_t value)) {
    char text[AXES_TEXT_BYTES];
    if (padding->kind != PADDING_EXPLICIT)
        return STATUS_OK;
    for (int i = 0; i < axes; i++)
        for (int side = 0; side < 2; side++) {
            int64_t value = side == 0 ? padding->begin[i] : padding->end[i];
            at->sizes->axis[i].pad_begin = at->sizes->axis[i].pad_end = value;
            if (value < 0)
                return refuse_padding(at, padding, i, side, "it must be at least 0", torch(text, value));
            if (value > INT32_MAX)
                return refuse_padding(at, padding, i, side, "it must be at most 2147483647",
                                      "integer out of range");
        }
    return STATUS_OK;
}

/* ONNX auto_pad: as much as output = ceil(input / stride) windows need; the odd cell at the end, or not. */
static bool pad_same(struct window_axis *axis, bool upper) {
    int64_t needed, total;
    if (!checked_mul(div_ceil_i64(axis->input, axis->stride) - 1, axis->stride, &needed) ||
        !checked_add(needed, window_span(axis), &needed))
        return false;
    total = max_i64(needed - axis->input, 0);
    axis->pad_begin = upper ? total / 2 : total - total / 2;
    axis->pad_end = total - axis->pad_begin;
    return true;
}

/* padding='same' (aten/src/ATen/native/Convolution.cpp, convolution_same; stride is 1). */
static bool pad_same_torch(struct window_axis *axis) {
    int64_t total = window_span(axis) - 1;
    axis->pad_begin = total / 2;
    axis->pad_end = total - axis->pad_begin;
    return true;
}

enum status resolve_padding(const struct sizing *at, const struct padding *padding, bool same_is_upper) {
    for (int i = 0; i < at->sizes->axes; i++) {
        struct window_axis *axis = &at->sizes->axis[i];
        bool fits = true;
        axis->pad_begin = axis->pad_end = 0;
        switch (padding->kind) {
        case PADDING_VALID: break;
        case PADDING_EXPLICIT:
            axis->pad_begin = padding->begin[i];
            axis->pad_end = padding->end[i];
            break;
        case PADDING_SAME: fits = same_is_upper ? pad_same(axis, true) : pad_same_torch(axis); break;
        case PADDING_SAME_UPPER: fits = pad_same(axis, true); break;
        case PADDING_SAME_LOWER: fits = pad_same(axis, false); break;
        }
        if (!fits)
            return refuse_overflow(at, "padding", "the padded input",
                                   "(ceil(%" PRId64 " / %" PRId64 ") - 1) x %" PRId64 " + %" PRId64,
                                   axis->input, axis->stride, axis->stride, window_span(axis));
    }
    return STATUS_OK;
}

/* floor(a / b) for b > 0; C truncates. */
static int64_t div_floor(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

bool window_output(struct window_axis *axis, bool ceil_mode) {
    int64_t room;
    if (!checked_add(axis->input, axis->pad_begin, &room) || !checked_add(room, axis->pad_end, &room))
        return false;
    room -= window_span(axis);
    if (ceil_mode && !checked_add(room, axis->stride - 1, &room))
        return false;
    axis->output = div_floor(room, axis->stride) + 1;
    axis->dropped = ceil_mode && (axis->output - 1) * axis->stride >= axis->input + axis->pad_begin;
    axis->output -= axis->dropped;
    return true;
}
