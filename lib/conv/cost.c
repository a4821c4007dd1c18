/*
 * What a plan costs beside its products: the copies and transforms of the input that the methods multiply from, lanes that short
 * rows leave empty, the beginning of units. Where many output channels share them, they are little; where one does, they are
 * most of the time.
 */
#include "lib/conv/columns.h"
#include "lib/conv/gather.h"
#include "lib/conv/plan.h"
#include "lib/conv/winograd.h"
#include "lib/kernels/kernels.h"

enum {
    /* In multiply-accumulates of the GEMM path, some 60 a nanosecond: a run of neighbours takes 13 to 15 ns to begin (rows
     * of one output), an element 0.07 ns, or 1 ns where it comes from every third or further place; one that is unrolled
     * for OpenBLAS, which copies it once more, 0.2 ns. */
    RUN = 800,
    ELEMENT = 4,
    SPREAD_ELEMENT = 64,
    UNROLLED_ELEMENT = 12,
    VECTOR = 16,
    OUTPUT =
        24, /* 1.7 ns to write one by the row kernels' short calls, of which its products have paid some */
    UNIT = 3000, /* 50 ns to begin a unit: 60 million images of one cell took 3 s */
    SUSPECT_TAP =
        200, /* 3.5 ns for where an output that is computed once more sees a tap, and 0.3 ns a channel */
    SUSPECT_ELEMENT = 16,
    REFERENCE_ROW = 640, /* 11 ns for a kernel's row in another channel, whose plane is in no cache */
};

static int64_t element(const struct window_axis *axis) {
    return axis->stride > 2 ? SPREAD_ELEMENT : ELEMENT;
}

/* `rows` rows of `runs` runs and `elems` elements each. */
static int64_t rows_cost(const struct window_axis *axis, int64_t rows, int64_t runs, int64_t elems) {
    return saturating_mul(rows,
                          saturating_add(saturating_mul(runs, RUN), saturating_mul(elems, element(axis))));
}

/* The lanes of vectors that short rows leave empty, as many more products. */
static int64_t empty_lanes(const struct conv_plan *plan) {
    int64_t cols = conv_axis_x(plan)->output, lanes = div_ceil_i64(max_i64(1, cols), VECTOR) * VECTOR;
    return cols >= VECTOR ? 0 : saturating_mul(plan->sizes.macs / max_i64(1, cols), lanes - cols);
}

/* Each unit copies for each of its kernel calls, unless it reads the input in place. */
static int64_t cost_of_rows_copies(const struct conv_plan *plan) {
    const struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    bool padded = ay->pad_begin > 0 || ay->pad_end > 0 || ax->pad_begin > 0 || ax->pad_end > 0;
    if (ax->stride == 1 && !padded && !t->flat)
        return 0;
    struct gather_layout rows = gather_layout(ay, t->rows, t->tap_rows, false);
    struct gather_layout cols = gather_layout(ax, t->cols, t->taps, true);
    int64_t calls = saturating_mul(
        div_ceil_i64(plan->group_channels, t->channels),
        saturating_mul(div_ceil_i64(ay->kernel, t->tap_rows), div_ceil_i64(ax->kernel, t->taps)));
    return saturating_mul(saturating_mul(t->units, calls),
                          rows_cost(ax, t->channels * rows.count, cols.dense ? 1 : t->taps, cols.count));
}

static int64_t cost_of_rows(const struct conv_plan *plan) {
    int64_t outputs = plan->sizes.macs / max_i64(1, conv_depth(&plan->sizes, plan->groups));
    int64_t copies = saturating_add(cost_of_rows_copies(plan), saturating_mul(outputs, OUTPUT));
    return plan->tiles.flat ? copies : saturating_add(copies, empty_lanes(plan));
}

/* What all units unroll: a column for each output position, and again for each part of the output channels. */
static int64_t unrolled(const struct conv_plan *plan, int64_t each) {
    const struct conv_tiles *t = &plan->tiles;
    int64_t columns = saturating_mul(saturating_mul(plan->sizes.batch, plan->groups), t->out_blocks);
    int64_t elems = saturating_mul(
        saturating_mul(conv_depth(&plan->sizes, plan->groups), conv_positions(&plan->sizes)), columns);
    int64_t run = max_i64(1, min_i64(t->cols, conv_axis_x(plan)->output));
    return saturating_add(saturating_mul(elems, each), saturating_mul(elems / run, RUN));
}

static int64_t cost_of_columns(const struct conv_plan *plan) {
    const struct conv_tiles *t = &plan->tiles;
    if (t->gathered == 0)
        return 0;
    struct columns_span span = columns_widest_span(plan, min_i64(t->cols, conv_positions(&plan->sizes)));
    struct columns_layout layout = columns_layout(plan, &span);
    int64_t blocks = saturating_mul(t->units, div_ceil_i64(plan->group_channels, t->channels));
    int64_t cost = saturating_mul(blocks, rows_cost(conv_axis_x(plan), t->channels * layout.rows.count,
                                                    layout.phases, layout.row_step));
    return plan->method == CONV_METHOD_COLUMNS ? saturating_add(cost, unrolled(plan, ELEMENT)) : cost;
}

/*
 * A run of neighbouring tiles is begun and transformed for each input channel and part of a kernel, for each part of the output channels, and
 * back for each output channel, whatever it is long; products are made for whole blocks of output channels. Or, where nothing is finite, all outputs
 * are computed once more.
 */
static int64_t cost_of_winograd(const struct conv_plan *plan) {
    const struct conv_tiles *t = &plan->tiles;
    const struct winograd_grid grid = winograd_grid(plan);
    int64_t lines = saturating_mul(saturating_mul(plan->sizes.batch, plan->groups),
                                   saturating_mul(grid.planes, grid.rows));
    int64_t runs = saturating_add(saturating_mul(lines, div_ceil_i64(grid.cols, t->cols)),
                                  div_ceil_i64(t->units, t->out_blocks));
    int64_t elems = saturating_mul(grid.points, div_ceil_i64(min_i64(grid.cols, t->cols), VECTOR) * VECTOR);
    int64_t each =
        saturating_add(2 * RUN * grid.n, saturating_mul(elems, grid.dilation[1] > 1 ? 3 * ELEMENT : ELEMENT));
    int64_t transformed = saturating_add(saturating_mul(grid.depth, t->out_blocks), plan->group_outs);
    int64_t transforms = saturating_mul(runs, saturating_mul(each, transformed));
    int64_t block = div_ceil_i64(plan->group_outs, GEMM_BLOCK) * GEMM_BLOCK;
    int64_t products =
        saturating_mul(saturating_mul(lines, grid.cols), saturating_mul(grid.points * block, grid.depth));
    int64_t channels = saturating_mul(plan->group_channels, SUSPECT_ELEMENT);
    int64_t seen =
        saturating_mul(plan->sizes.macs / max_i64(1, saturating_mul(plan->group_outs, plan->group_channels)),
                       saturating_mul(t->out_blocks, saturating_add(SUSPECT_TAP, channels)));
    return max_i64(saturating_add(transforms, max_i64(0, products - plan->sizes.macs)), seen);
}

static int64_t copies_of_method(const struct conv_plan *plan) {
    if (plan->group_outs == 0 || plan->group_channels == 0 || plan->tiles.units == 0)
        return 0;
    switch (plan->method) {
    case CONV_METHOD_ROWS: return cost_of_rows(plan);
    case CONV_METHOD_BLAS: return conv_is_pointwise(&plan->sizes) ? 0 : unrolled(plan, UNROLLED_ELEMENT);
    case CONV_METHOD_COLUMNS:
    case CONV_METHOD_IMPLICIT: return cost_of_columns(plan);
    case CONV_METHOD_WINOGRAD: return cost_of_winograd(plan);
    case CONV_METHOD_REFERENCE:
        return saturating_mul(plan->sizes.macs / max_i64(1, conv_axis_x(plan)->kernel), REFERENCE_ROW);
    /* These copy for 16 output channels or more, or no more than they have products. */
    case CONV_METHOD_ZONES:
    case CONV_METHOD_DEPTHWISE: break;
    }
    return 0;
}

static int64_t copies_of(const struct conv_plan *plan) {
    return saturating_add(copies_of_method(plan), saturating_mul(plan->tiles.units, UNIT));
}

int64_t conv_copies(const struct layer *layer, const struct shape *input, enum dtype dtype,
                    const struct conv_options *options) {
    struct conv_options common = *options;
    struct conv_plan plan;
    struct fault fault;
    common.kernels = kernels_portable();
    return conv_plan(&plan, layer, input, dtype, &common, &fault) == STATUS_OK ? copies_of(&plan) : 0;
}
