/* DIRECT for one type; included by rows.c with REAL and NAME. */
#include "lib/conv/sums.inc.h"

/* One input row at `position` (NULL in the padding's zeros), as the columns' layout wants it. */
static void NAME(gather_cols)(const struct conv_plan *plan, const struct conv_unit *unit,
                              const struct block *b, const struct gather_layout *cols, const REAL *row,
                              REAL *dst) {
    const struct window_axis *ax = conv_axis_x(plan);
    int64_t first = first_position(ax, unit->x, b->j);
    if (cols->dense) {
        NAME(gather_row)(dst, row, ax->input, plan->padding_mode, first, 1, cols->count);
        return;
    }
    for (int64_t j = 0; j < b->taps; j++)
        NAME(gather_row)(dst + j * unit->cols, row, ax->input, plan->padding_mode, first + j * ax->dilation,
                         ax->stride, unit->cols);
}

/* All rows that the unit sees under the block's taps of one channel. */
static void NAME(gather_plane)(const struct conv_plan *plan, const struct conv_unit *unit,
                               const struct block *b, const struct gather_layout *rows,
                               const struct gather_layout *cols, const REAL *plane, REAL *dst) {
    const struct window_axis *ay = conv_axis_y(plan);
    int64_t first = first_position(ay, unit->y, b->i);
    for (int64_t r = 0; r < rows->count; r++, dst += cols->count) {
        int64_t position =
            rows->dense ? first + r : first + r % unit->rows * ay->stride + r / unit->rows * ay->dilation;
        int64_t index = gather_index(position, ay->input, plan->padding_mode);
        const REAL *row = index < 0 ? NULL : plane + index * conv_axis_x(plan)->input;
        NAME(gather_cols)(plan, unit, b, cols, row, dst);
    }
}

/* Points *src at what the unit sees under the block's taps and fills the src steps of `shape`. */
static const REAL *NAME(view)(const struct conv_plan *plan, const struct conv_unit *unit,
                              const struct block *b, const REAL *input, REAL *scratch,
                              struct row_shape *shape) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t y = first_position(ay, unit->y, b->i), x = first_position(ax, unit->x, b->j);
    int64_t plane = ay->input * ax->input;
    if (!plan->tiles.flat && ax->stride == 1 && lies_inside(ay, y, unit->rows, b->tap_rows) &&
        lies_inside(ax, x, unit->cols, b->taps)) {
        shape->src_channel_step = plane;
        shape->src_row_step = ay->stride * ax->input;
        shape->src_tap_row_step = ay->dilation * ax->input;
        shape->src_tap_step = ax->dilation;
        return input + b->c * plane + y * ax->input + x;
    }
    struct gather_layout rows = gather_layout(ay, unit->rows, b->tap_rows, false);
    struct gather_layout cols = gather_layout(ax, unit->cols, b->taps, true);
    shape->src_channel_step = rows.count * cols.count;
    shape->src_row_step = rows.out_step * cols.count;
    shape->src_tap_row_step = rows.tap_step * cols.count;
    shape->src_tap_step = cols.tap_step;
    for (int64_t c = 0; c < b->channels; c++)
        NAME(gather_plane)(plan, unit, b, &rows, &cols, input + (b->c + c) * plane,
                           scratch + c * shape->src_channel_step);
    return scratch;
}

/* C = 0: a sum of nothing. */
static void NAME(fill)(const struct conv_plan *plan, const struct conv_unit *unit, const REAL *bias,
                       REAL *out) {
    int64_t width = conv_axis_x(plan)->output, positions = conv_axis_y(plan)->output * width;
    for (int64_t k = 0; k < unit->outs; k++)
        for (int64_t y = 0; y < unit->rows; y++)
            for (int64_t x = 0; x < unit->cols; x++)
                out[k * positions + y * width + x] = bias != NULL ? bias[k] : 0;
}

/* The steps that stay the same from block to block; the kernel writes to the slot's sums or to the output. */
static struct row_shape NAME(shape_of)(const struct conv_plan *plan, const struct conv_unit *unit) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    bool sums = plan->tiles.sums > 0;
    struct row_shape shape = {.outs = unit->outs, .rows = unit->rows, .cols = unit->cols};
    shape.out_row_step = sums ? sums_width(plan, unit) : ax->output;
    shape.out_step = shape.out_row_step * (sums ? unit->rows : ay->output);
    if (plan->tiles.flat) {
        shape.cols = (unit->rows - 1) * shape.out_row_step + unit->cols;
        shape.rows = 1;
    }
    shape.weight_tap_row_step = ax->kernel;
    shape.weight_channel_step = ay->kernel * ax->kernel;
    shape.weight_out_step = plan->group_channels * shape.weight_channel_step;
    return shape;
}

void NAME(conv_rows)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_plan *plan = call->plan;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t outs = plan->groups * plan->group_outs;
    struct row_shape shape = NAME(shape_of)(plan, unit);
    const REAL *input =
        (const REAL *)call->input +
        (unit->image * plan->sizes.channels + unit->group * plan->group_channels) * ay->input * ax->input;
    const REAL *weight = (const REAL *)call->weight + unit->k * shape.weight_out_step;
    const REAL *bias = call->bias != NULL ? (const REAL *)call->bias + unit->k : NULL;
    REAL *out =
        (REAL *)call->output + ((unit->image * outs + unit->k) * ay->output + unit->y) * ax->output + unit->x;
    REAL *scratch = workspace;
    struct NAME(sums) sums = {.plan = plan,
                              .unit = unit,
                              .out = out,
                              .kept = plan->tiles.sums > 0 ? scratch + plan->tiles.gathered : NULL,
                              .kept_width = sums_width(plan, unit),
                              .bias = bias};

    struct block b = {0};
    while (next_block(plan, &b) && !conv_cancelled(call)) {
        shape.channels = b.channels;
        shape.tap_rows = b.tap_rows;
        shape.taps = b.taps;
        shape.add = NAME(sums_add)(&sums);
        const REAL *src = NAME(view)(plan, unit, &b, input, scratch, &shape);
        const REAL *w = weight + b.c * shape.weight_channel_step + b.i * ax->kernel + b.j;
        bool last = is_last_block(plan, &b);
        kernels_get()->rows->NAME(rows)(&shape, NAME(sums_to)(&sums), src, w, NAME(sums_bias)(&sums, last));
        NAME(sums_called)(&sums, last);
    }
    if (plan->group_channels == 0)
        NAME(fill)(plan, unit, bias, out);
}
