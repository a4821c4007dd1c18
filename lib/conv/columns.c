/*
 * COLUMNS: a product of matrices as in unroll.c, by the GEMM kernels of lib/kernels, on blocks of whole channels. A
 * 1 x 1 layer's columns are the input itself, and nothing is unrolled.
 *
 * IMPLICIT: the same without columns. The kernels hold output channels in the lanes of their vectors and broadcast the
 * input, so that they can read it where it was gathered, at any distance from tap to tap. What it sums has the rows of
 * the window outermost, and leaves those out that lie in the padding.
 */
#include "lib/conv/columns.h"

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"

#include <stddef.h>
#include <string.h>

struct columns_span columns_span(const struct conv_plan *plan, int64_t first, int64_t count) {
    int64_t width = conv_axis_x(plan)->output, last = first + count - 1;
    struct columns_span span = {.y0 = first / width, .x0 = 0, .cols = width};
    span.rows = last / width - span.y0 + 1;
    if (span.rows == 1) {
        span.x0 = first % width;
        span.cols = count;
    }
    return span;
}

struct columns_span columns_widest_span(const struct conv_plan *plan, int64_t count) {
    int64_t width = conv_axis_x(plan)->output, height = conv_axis_y(plan)->output;
    struct columns_span span = {.rows = min_i64(height, div_ceil_i64(count - 1, width) + 1), .cols = width};
    if (count <= width && height * width <= count)
        span.cols = count;
    return span;
}

/* Taps j * d mod s repeat after s / gcd(s, d) of them. (Strides of 2^31 are asked for, too: nothing may count to them.) */
static int64_t phase_period(const struct window_axis *axis) {
    int64_t divisor = axis->stride, rest = axis->dilation;
    while (rest != 0) {
        int64_t next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    return axis->stride / divisor;
}

int64_t columns_slot(const struct window_axis *axis, int64_t tap) {
    return tap % phase_period(axis);
}

int64_t columns_shift(const struct window_axis *axis, int64_t tap) {
    return tap * axis->dilation / axis->stride;
}

struct columns_layout columns_layout(const struct conv_plan *plan, const struct columns_span *span) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct columns_layout layout = {.span = *span, .rows = gather_layout(ay, span->rows, ay->kernel, false)};
    layout.phases = min_i64(phase_period(ax), ax->kernel);
    layout.phase_step = div_ceil_i64(span->cols + columns_shift(ax, ax->kernel - 1), ROW_RUN) * ROW_RUN;
    layout.splits = plan->padding_mode == PADDING_ZEROS && layout.phases == ax->stride && ax->stride <= 4 &&
                    ax->stride != 3 && (ax->dilation == 1 || ax->stride == 1);
    layout.fills = layout.splits && ax->stride <= 2 && layout.rows.dense;
    layout.takes = ay->kernel == 1 && ax->kernel == 1 &&
                   (ay->pad_begin | ay->pad_end | ax->pad_begin | ax->pad_end) == 0;
    layout.row_step = layout.phases * layout.phase_step;
    layout.channel_step = layout.rows.count * layout.row_step;
    return layout;
}

/* How many positions from `start` on, a stride apart, lie inside the padded input: what is behind its end is under no
 * window, though some phase's run may be longer. */
static int64_t columns_run(const struct window_axis *axis, int64_t start) {
    return (axis->input + axis->pad_end - 1 - start) / axis->stride + 1;
}

/* What one unit knows of its columns: the layout of what is gathered, and where the runs of neighbours are that each
 * tap's row is made of. */
struct tile {
    const struct conv_plan *plan;
    const struct conv_unit *unit;
    struct columns_layout layout;
    int32_t *offset, *place; /* [tiles.depth]; of blocks of `channels` channels */
    int64_t channels;
    struct gemm_piece *pieces;
    int64_t count;
};

static void find_pieces(struct tile *tile) {
    const struct columns_layout *l = &tile->layout;
    int64_t row_step = l->rows.out_step * l->row_step;
    int64_t x = l->span.rows > 1 ? tile->unit->x % l->span.cols : 0, row = 0, run;
    for (int64_t at = 0; at < tile->unit->cols; at += run, x = 0, row++) {
        run = min_i64(l->span.cols - x, tile->unit->cols - at);
        tile->pieces[tile->count++] = (struct gemm_piece){
            .from = (int32_t)(row * row_step + x), .to = (int32_t)at, .length = (int32_t)run};
    }
}

/* IMPLICIT: the place of weight (c, i, j) of a block of channels. */
static void find_places(const struct conv_plan *plan, int64_t channels, int32_t *place) {
    int64_t rows = conv_axis_y(plan)->kernel, cols = conv_axis_x(plan)->kernel;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                *place++ = (int32_t)((i * channels + c) * cols + j);
}

/* Where each of a block's taps begins in what is gathered: (c, i, j) in order, or (i, c, j) for IMPLICIT. */
static void find_offsets(struct tile *tile, int64_t channels) {
    const struct columns_layout *l = &tile->layout;
    const struct window_axis *ay = conv_axis_y(tile->plan), *ax = conv_axis_x(tile->plan);
    bool rows_first = tile->plan->method == CONV_METHOD_IMPLICIT;
    int64_t channel_offsets = rows_first ? ax->kernel : ay->kernel * ax->kernel;
    int64_t row_offsets = rows_first ? channels * ax->kernel : ax->kernel;
    for (int64_t j = 0; j < ax->kernel; j++) {
        int64_t col = columns_slot(ax, j) * l->phase_step + columns_shift(ax, j);
        for (int64_t i = 0; i < ay->kernel; i++) {
            int32_t at = (int32_t)(i * l->rows.tap_step * l->row_step + col);
            int32_t *offset = tile->offset + i * row_offsets + j;
            for (int64_t c = 0; c < channels; c++, offset += channel_offsets, at += (int32_t)l->channel_step)
                *offset = at;
        }
    }
    tile->channels = channels;
    if (tile->plan->tiles.outs_at_once > 0)
        find_places(tile->plan, channels, tile->place);
}

/* The rows first .. first + count - 1 of the window that output row y sees the input under; all, where it sees none. */
struct live_rows {
    int64_t first, count;
};

static struct live_rows live_rows(const struct window_axis *axis, int64_t y) {
    int64_t top = y * axis->stride - axis->pad_begin, left = axis->input - top;
    if (top >= 0 && (axis->kernel - 1) * axis->dilation < left)
        return (struct live_rows){0, axis->kernel};
    int64_t first = top < 0 ? div_ceil_i64(-top, axis->dilation) : 0;
    int64_t last = left > 0 ? min_i64(axis->kernel, div_ceil_i64(left, axis->dilation)) : 0;
    return first < last ? (struct live_rows){first, last - first} : (struct live_rows){0, axis->kernel};
}

/* `memory` is the workspace's part behind the columns. */
static struct tile tile_open(const struct conv_plan *plan, const struct conv_unit *unit, void *memory) {
    struct tile tile = {.plan = plan, .unit = unit};
    if (plan->tiles.gathered == 0)
        return tile;
    struct columns_span span = columns_span(plan, unit->x, unit->cols);
    tile.layout = columns_layout(plan, &span);
    tile.offset = memory;
    tile.place = tile.offset + plan->tiles.depth;
    tile.pieces = (struct gemm_piece *)(tile.place + (plan->tiles.outs_at_once > 0 ? plan->tiles.depth : 0));
    find_pieces(&tile);
    return tile;
}

static int64_t taps_of(const struct conv_plan *plan) {
    return conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel;
}

/* Elements of a product that makes one output. */
static int64_t depth_of(const struct conv_plan *plan) {
    return conv_gemm_channels(plan) * taps_of(plan);
}

/* Elements of one group's packed weights. */
static int64_t matrix_elems(const struct conv_plan *plan) {
    return div_ceil_i64(plan->group_outs, GEMM_BLOCK) * GEMM_BLOCK * depth_of(plan);
}

/* Blocks of one group's output channels. */
static int64_t blocks_of(const struct conv_plan *plan) {
    return div_ceil_i64(plan->group_outs, GEMM_BLOCK);
}

static bool takes_rows_first(const struct conv_plan *plan) {
    return plan->method == CONV_METHOD_IMPLICIT && plan->tiles.gathered > 0;
}

/* Blocks of channels whose weights are packed and summed together. */
static int64_t parts_of(const struct conv_plan *plan) {
    return takes_rows_first(plan) ? max_i64(1, div_ceil_i64(conv_gemm_channels(plan), plan->tiles.channels))
                                  : 1;
}

int64_t columns_packed(const struct conv_plan *plan) {
    return plan->groups * (matrix_elems(plan) + blocks_of(plan) * parts_of(plan));
}

static const struct gemm_kernels *gemm_of(const struct conv_plan *plan) {
    return plan->pairs ? &kernels_bf16(plan->kernels)->gemm : kernels_get()->gemm;
}

/*
 * ---- pairs of channels ----
 *
 * An element of `channels` is two of them, 2 * c and 2 * c + 1; of an odd number the last is alone, beside zeros. Elements
 * pass as void *, since the template is there for double too, which has none.
 */

/* Weights of elements c .. c + channels - 1 of an output channel; `weight` is its first. 0, or NaN as of pair_rows. */
static float pair_weights(const struct conv_plan *plan, bf16_pair *to, const float *weight, int64_t c,
                          int64_t channels) {
    const struct bf16_kernels *kernels = kernels_bf16(plan->kernels);
    int64_t taps = taps_of(plan), whole = min_i64(channels, plan->group_channels / 2 - c);
    float nothing = 0;
    weight += 2 * c * taps;
    if (taps == 1)
        nothing = kernels->pair_neighbours(to, weight, whole);
    for (int64_t p = 0; p < whole && taps > 1; p++)
        nothing +=
            kernels->pair_rows(to + p * taps, weight + 2 * p * taps, weight + (2 * p + 1) * taps, taps);
    if (whole < channels)
        nothing += kernels->pair_rows(to + whole * taps, weight + 2 * whole * taps, NULL, taps);
    return nothing;
}

/* `rows` output channels' weights of elements c .. c + channels - 1, packed in blocks, some at a time. */
static float pack_pairs(const struct conv_plan *plan, void *packed, const void *weight, int64_t rows,
                        int64_t c, int64_t channels, const int32_t *place) {
    const struct gemm_kernels *kernels = gemm_of(plan);
    int64_t taps = taps_of(plan), row_step = plan->group_channels * taps,
            some = max_i64(1, COLUMNS_MOST_DEPTH / taps);
    bf16_pair pairs[GEMM_BLOCK * COLUMNS_MOST_DEPTH], *to = packed;
    float nothing = 0;
    for (int64_t p = 0; p < channels; p += some) {
        int64_t count = min_i64(some, channels - p), depth = count * taps;
        for (int64_t r = 0; r < rows; r++)
            nothing +=
                pair_weights(plan, pairs + r * depth, (const float *)weight + r * row_step, c + p, count);
        kernels->pack_f32(place != NULL ? to : to + p * taps * GEMM_BLOCK, pairs, depth, rows, depth,
                          place != NULL ? place + p * taps : NULL);
    }
    return nothing;
}

/* Two channels' elements side by side; the second is NULL behind the last channel. */
static void pair_planes(const struct conv_plan *plan, void *pairs, const void *first, const void *second,
                        int64_t count) {
    kernels_bf16(plan->kernels)->pair_rows(pairs, first, second, count);
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/columns.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/columns.inc.h"
