/*
 * PANELS: GEMM as in gemm.c, but a unit's columns are packed into panels that the GEMM kernels read from the cache,
 * in blocks of whole channels. A 1 x 1 layer's columns are the input itself, and nothing is gathered.
 */
#include "lib/conv/panels.h"

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"

#include <stddef.h>

struct panels_span panels_span(const struct conv_plan *plan, int64_t first, int64_t count) {
    int64_t width = conv_axis_x(plan)->output, last = first + count - 1;
    struct panels_span span = {.y0 = first / width, .x0 = 0, .cols = width};
    span.rows = last / width - span.y0 + 1;
    if (span.rows == 1) {
        span.x0 = first % width;
        span.cols = count;
    }
    return span;
}

struct panels_span panels_widest_span(const struct conv_plan *plan, int64_t count) {
    int64_t width = conv_axis_x(plan)->output, height = conv_axis_y(plan)->output;
    struct panels_span span = {.rows = min_i64(height, div_ceil_i64(count - 1, width) + 1), .cols = width};
    if (count <= width && height * width <= count)
        span.cols = count;
    return span;
}

/* Taps j * d mod s repeat after s / gcd(s, d) of them. */
static int64_t phase_period(const struct window_axis *axis) {
    int64_t period = 1;
    while (period < axis->stride && period * axis->dilation % axis->stride != 0)
        period++;
    return period;
}

int64_t panels_slot(const struct window_axis *axis, int64_t tap) {
    return tap % phase_period(axis);
}

int64_t panels_shift(const struct window_axis *axis, int64_t tap) {
    return tap * axis->dilation / axis->stride;
}

struct panels_layout panels_layout(const struct conv_plan *plan, const struct panels_span *span) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct panels_layout layout = {.span = *span, .rows = gather_layout(ay, span->rows, ay->kernel, false)};
    layout.phases = min_i64(phase_period(ax), ax->kernel);
    layout.phase_step = span->cols + panels_shift(ax, ax->kernel - 1);
    layout.row_step = layout.phases * layout.phase_step;
    layout.channel_step = layout.rows.count * layout.row_step;
    return layout;
}

/* How many positions from `start` on, a stride apart, lie inside the padded input: what is behind its end is under no
 * window, though some phase's run may be longer. */
static int64_t panels_run(const struct window_axis *axis, int64_t start) {
    return (axis->input + axis->pad_end - 1 - start) / axis->stride + 1;
}

/* What one unit knows: the layout, and where its workspace's parts begin (behind the gathered elements). */
struct tile {
    const struct conv_plan *plan;
    const struct conv_unit *unit;
    struct panels_layout layout;
    int64_t panel_cols; /* COLS of the kernels */
    int32_t *offset;    /* [depth] */
    struct gemm_piece *pieces;
    int64_t *piece_end; /* [panels]: where each panel's pieces end */
};

/* The runs of neighbours that each panel's columns are made of. */
static void find_pieces(struct tile *tile) {
    const struct panels_layout *l = &tile->layout;
    int64_t row_step = l->rows.out_step * l->row_step;
    struct gemm_piece *piece = tile->pieces;
    int64_t x = l->span.rows > 1 ? tile->unit->x % l->span.cols : 0, row = 0, panel = 0;
    for (int64_t at = 0; at < tile->unit->cols;) {
        int64_t left = min_i64(tile->unit->cols - at, tile->panel_cols - at % tile->panel_cols);
        int64_t run = min_i64(l->span.cols - x, left);
        *piece++ = (struct gemm_piece){
            .from = (int32_t)(row * row_step + x), .to = (int32_t)(at % tile->panel_cols), .length = (int32_t)run};
        at += run;
        x += run;
        if (x == l->span.cols) {
            x = 0;
            row++;
        }
        if (at % tile->panel_cols == 0 || at == tile->unit->cols)
            tile->piece_end[panel++] = piece - tile->pieces;
    }
}

/* Where each of a block's taps begins in what is gathered; the same for every block. */
static void find_offsets(struct tile *tile) {
    const struct panels_layout *l = &tile->layout;
    const struct window_axis *ay = conv_axis_y(tile->plan), *ax = conv_axis_x(tile->plan);
    int32_t *offset = tile->offset;
    for (int64_t c = 0; c < tile->plan->tiles.channels; c++)
        for (int64_t i = 0; i < ay->kernel; i++)
            for (int64_t j = 0; j < ax->kernel; j++)
                *offset++ = (int32_t)(c * l->channel_step + i * l->rows.tap_step * l->row_step +
                                      panels_slot(ax, j) * l->phase_step + panels_shift(ax, j));
}

/* The input itself as a layout: one row of a unit's positions for each channel. */
static struct panels_layout layout_in_place(const struct conv_plan *plan, const struct conv_unit *unit) {
    return (struct panels_layout){.span = {.rows = 1, .cols = unit->cols},
                                  .channel_step = conv_axis_y(plan)->input * conv_axis_x(plan)->input};
}

/* `memory` is the workspace's part behind the panels. */
static struct tile tile_open(const struct conv_plan *plan, const struct conv_unit *unit, int64_t panel_cols,
                             void *memory) {
    const struct conv_tiles *t = &plan->tiles;
    struct tile tile = {.plan = plan, .unit = unit, .panel_cols = panel_cols};
    if (t->panels == 0)
        return tile;
    struct panels_span span = panels_span(plan, unit->x, unit->cols);
    tile.layout = t->gathered > 0 ? panels_layout(plan, &span) : layout_in_place(plan, unit);
    tile.piece_end = memory;
    tile.offset = (int32_t *)(tile.piece_end + div_ceil_i64(t->cols, panel_cols));
    tile.pieces = (struct gemm_piece *)(tile.offset + t->depth);
    find_pieces(&tile);
    find_offsets(&tile);
    return tile;
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/panels.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/panels.inc.h"
