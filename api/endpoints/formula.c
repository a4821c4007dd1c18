#include "api/endpoints/formula.h"

#include <inttypes.h>

bool formula_exists(enum layer_type type) {
    switch (type) {
    case LAYER_ADAPTIVE_AVG_POOL1D:
    case LAYER_ADAPTIVE_AVG_POOL2D:
    case LAYER_ADAPTIVE_AVG_POOL3D:
    case LAYER_ADAPTIVE_MAX_POOL1D:
    case LAYER_ADAPTIVE_MAX_POOL2D:
    case LAYER_ADAPTIVE_MAX_POOL3D: return false;
    default: break;
    }
    switch (layer_type_family(type)) {
    case FAMILY_CONV:
    case FAMILY_CONV_TRANSPOSE:
    case FAMILY_POOLING:
    case FAMILY_PAD: return true;
    default: return false;
    }
}

/* " + 2*1" when both sides are alike, " + 1 + 2" when they are not. */
static void add_padding(struct text *text, const struct window_axis *axis) {
    if (axis->pad_begin == axis->pad_end)
        text_printf(text, " + 2*%" PRId64, axis->pad_begin);
    else
        text_printf(text, " + %" PRId64 " + %" PRId64, axis->pad_begin, axis->pad_end);
}

/* torch.nn.Conv2d and torch.nn.MaxPool2d, "Shape". */
static void add_window(struct text *text, const struct window_axis *axis, bool rounds_up) {
    text_printf(text, "%s((%" PRId64, rounds_up ? "ceil" : "floor", axis->input);
    add_padding(text, axis);
    text_printf(text, " - %" PRId64 "*(%" PRId64 " - 1) - 1) / %" PRId64 ") + 1%s", axis->dilation,
                axis->kernel, axis->stride, axis->dropped ? " - 1" : "");
}

/* torch.nn.ConvTranspose2d, "Shape". */
static void add_transposed(struct text *text, const struct window_axis *axis) {
    text_printf(
        text,
        "(%" PRId64 " - 1)*%" PRId64 " - 2*%" PRId64 " + %" PRId64 "*(%" PRId64 " - 1) + %" PRId64 " + 1",
        axis->input, axis->stride, axis->pad_begin, axis->dilation, axis->kernel, axis->output_padding);
}

static void add_sum(struct text *text, int64_t number) {
    text_printf(text, number < 0 ? " - %" PRIu64 : " + %" PRIu64,
                number < 0 ? -(uint64_t)number : (uint64_t)number);
}

static void add_line(struct text *text, const struct layer *layer, const struct window_axis *axis) {
    switch (layer_type_family(layer->type)) {
    case FAMILY_CONV: add_window(text, axis, false); break;
    case FAMILY_POOLING: add_window(text, axis, layer->pooling.ceil_mode); break;
    case FAMILY_CONV_TRANSPOSE: add_transposed(text, axis); break;
    default:
        text_printf(text, "%" PRId64, axis->input);
        add_sum(text, axis->pad_begin);
        add_sum(text, axis->pad_end);
        break;
    }
    text_printf(text, " = %" PRId64, axis->output);
}

void formula_write(struct text *text, const struct layer *layer, const struct layer_sizes *sizes) {
    static const char *const names[] = {"depth", "height", "width"};
    text_puts(text, "{");
    for (int i = 0; i < sizes->axes; i++) {
        const char *name = sizes->axes == 1 ? "length" : names[3 - sizes->axes + i];
        text_printf(text, "%s\"%s\":\"", i > 0 ? "," : "", name);
        add_line(text, layer, &sizes->axis[i]);
        text_puts(text, "\"");
    }
    text_puts(text, "}");
}
