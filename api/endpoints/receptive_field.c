#include "api/endpoints/receptive_field.h"

#include "lib/base/checked.h"

#include <inttypes.h>

struct receptive_field receptive_field_start(int axes) {
    struct receptive_field field = {.known = true, .axes = axes};
    for (int i = 0; i < LAYER_MAX_AXES; i++)
        field.size[i] = field.stride[i] = 1;
    return field;
}

/* A window of span d*(k - 1) + 1 that moves by `stride`. Numbers beyond 63 bits are no numbers. */
static void pass_window(struct receptive_field *field, int i, int64_t dilation, int64_t kernel,
                        int64_t stride) {
    int64_t reach;
    if (!checked_mul(dilation, kernel - 1, &reach) || !checked_mul(reach, field->stride[i], &reach) ||
        !checked_add(field->size[i], reach, &field->size[i]) ||
        !checked_mul(field->stride[i], stride, &field->stride[i]))
        field->known = false;
}

/* An adaptive pooling is a plain one when its output divides its input, on every axis. */
static void pass_adaptive(struct receptive_field *field, const struct window_axis *axis, int i) {
    if (axis->output == 0 || axis->input % axis->output != 0) {
        field->known = false;
        return;
    }
    int64_t size = axis->input / axis->output;
    pass_window(field, i, 1, size, size);
}

static bool is_adaptive(const struct layer *layer) {
    return layer_type_family(layer->type) == FAMILY_POOLING &&
           (layer->pooling.mode == POOLING_ADAPTIVE_MAX || layer->pooling.mode == POOLING_ADAPTIVE_AVG);
}

void receptive_field_pass(struct receptive_field *field, const struct layer *layer,
                          const struct layer_sizes *sizes) {
    switch (layer_type_family(layer->type)) {
    case FAMILY_CONV:
    case FAMILY_POOLING: break;
    case FAMILY_BATCH_NORM:
    case FAMILY_ELEMENTWISE:
    case FAMILY_PAD: return;
    default: field->known = false; return;
    }
    if (sizes->axes != field->axes)
        field->known = false;
    for (int i = 0; i < sizes->axes && field->known; i++) {
        const struct window_axis *axis = &sizes->axis[i];
        if (is_adaptive(layer))
            pass_adaptive(field, axis, i);
        else
            pass_window(field, i, axis->dilation, axis->kernel, axis->stride);
    }
}

static void write_numbers(struct text *text, const struct receptive_field *field, const int64_t *numbers) {
    if (!field->known) {
        text_puts(text, "null");
        return;
    }
    text_puts(text, "[");
    for (int i = 0; i < field->axes; i++)
        text_printf(text, "%s%" PRId64, i > 0 ? "," : "", numbers[i]);
    text_puts(text, "]");
}

void receptive_field_write(struct text *text, const struct receptive_field *field) {
    text_puts(text, ",\"receptive_field\":");
    write_numbers(text, field, field->size);
    text_puts(text, ",\"effective_stride\":");
    write_numbers(text, field, field->stride);
}
