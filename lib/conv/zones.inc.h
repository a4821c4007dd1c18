/* ZONES for one type; included by zones.c with REAL and NAME. */
#include "lib/conv/sums.inc.h"

/* What is added to each output channel's sums: the bias, and what the taps that are left out make of nothing. */
static void NAME(find_ends)(const struct conv_call *call, const struct conv_unit *unit, const struct zone *rows,
                            const struct zone *cols, REAL *ends) {
    const struct conv_plan *plan = call->plan;
    int64_t outs = plan->groups * plan->group_outs;
    const REAL *bias = call->bias, *nothing = (const REAL *)call->weight + zones_packed(plan) + unit->k;
    for (int64_t k = 0; k < unit->outs; k++)
        ends[k] = bias != NULL ? bias[unit->k + k] : 0;
    for (int64_t i = 0; i < conv_axis_y(plan)->kernel; i++)
        for (int64_t j = 0; j < conv_axis_x(plan)->kernel; j++, nothing += outs) {
            bool seen = i >= rows->first && i < rows->first + rows->taps && j >= cols->first &&
                        j < cols->first + cols->taps;
            for (int64_t k = 0; k < unit->outs && !seen; k++)
                ends[k] += nothing[k];
        }
}

/* out[k, y, x] = ends[k]: no tap sees anything. */
static void NAME(write_ends)(const struct conv_plan *plan, const struct conv_unit *unit, const REAL *ends, REAL *out) {
    int64_t width = conv_axis_x(plan)->output, plane = conv_axis_y(plan)->output * width;
    for (int64_t k = 0; k < unit->outs; k++)
        for (int64_t y = 0; y < unit->rows; y++)
            for (int64_t x = 0; x < unit->cols; x++)
                out[k * plane + y * width + x] = ends[k];
}

void NAME(conv_zones)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_plan *plan = call->plan;
    const struct conv_tiles *t = &plan->tiles;
    const struct gemm_kernels *kernels = kernels_get()->gemm;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct zone rows = zone_of(ay, unit->y), cols = zone_of(ax, unit->x);
    int64_t channels = plan->group_channels, plane = ay->input * ax->input, depth = taps_of(plan) * channels;
    REAL *columns = workspace, *kept = columns + t->columns, *ends = kept + t->sums;
    int32_t *offset = (int32_t *)(ends + t->outs);
    struct gemm_piece *pieces = (struct gemm_piece *)(offset + t->channels);
    REAL *out = (REAL *)call->output +
                ((unit->image * plan->groups * plan->group_outs + unit->k) * ay->output + unit->y) * ax->output + unit->x;
    NAME(find_ends)(call, unit, &rows, &cols, ends);
    if (rows.taps * cols.taps == 0) {
        NAME(write_ends)(plan, unit, ends, out);
        return;
    }
    const REAL *input =
        (const REAL *)call->input + (unit->image * plan->sizes.channels + unit->group * channels) * plane;
    int64_t origin = (unit->y - ay->pad_begin) * ax->input + unit->x - ax->pad_begin;
    const REAL *weights = (const REAL *)call->weight + unit->group * blocks_of_group(plan) * GEMM_BLOCK * depth +
                          (unit->k - unit->group * plan->group_outs) * depth;
    struct gemm_shape shape = {.rows = unit->outs,
                               .chain = gemm_chain(rows.taps * cols.taps * channels),
                               .cols = unit->rows * unit->cols,
                               .packed = true,
                               .a_step = GEMM_BLOCK * depth,
                               .b_step = unit->rows * unit->cols,
                               .out_step = unit->rows * unit->cols};
    struct NAME(sums) sums = {.plan = plan, .unit = unit, .out = out, .kept = kept, .kept_width = unit->cols, .bias = ends};
    for (int64_t c = 0; c < t->channels; c++)
        offset[c] = (int32_t)(c * plane);
    for (int64_t y = 0; y < unit->rows; y++)
        pieces[y] = (struct gemm_piece){
            .from = (int32_t)(y * ax->input), .to = (int32_t)(y * unit->cols), .length = (int32_t)unit->cols};
    int64_t left = rows.taps * cols.taps * div_ceil_i64(channels, t->channels);
    for (int64_t i = rows.first; i < rows.first + rows.taps; i++)
        for (int64_t j = cols.first; j < cols.first + cols.taps && !conv_cancelled(call); j++)
            for (int64_t c = 0; c < channels; c += shape.depth) {
                shape.depth = min_i64(t->channels, channels - c);
                shape.add = NAME(sums_add)(&sums);
                int64_t at = origin + c * plane + i * ay->dilation * ax->input + j * ax->dilation;
                kernels->NAME(fill)(columns, shape.b_step, input + at, offset, shape.depth, pieces, unit->rows);
                kernels->NAME(gemm)(&shape, kept, weights + ((i * ax->kernel + j) * channels + c) * GEMM_BLOCK, columns, NULL);
                NAME(sums_called)(&sums, --left == 0);
            }
}

void NAME(zones_prepare)(const struct conv_plan *plan, const REAL *weight, REAL *packed, int64_t index) {
    int64_t taps = taps_of(plan), channels = plan->group_channels, depth = taps * channels;
    int64_t group = index / blocks_of_group(plan), k = index % blocks_of_group(plan) * GEMM_BLOCK;
    int64_t outs = min_i64(GEMM_BLOCK, plan->group_outs - k), first = group * plan->group_outs + k;
    const REAL *from = weight + first * depth;
    REAL *to = packed + index * GEMM_BLOCK * depth, *nothing = packed + zones_packed(plan) + first;
    for (int64_t tap = 0; tap < taps; tap++, from++, nothing += plan->groups * plan->group_outs) {
        REAL sums[GEMM_BLOCK] = {0};
        for (int64_t c = 0; c < channels; c++, to += GEMM_BLOCK)
            for (int64_t r = 0; r < GEMM_BLOCK; r++) {
                to[r] = r < outs ? from[r * depth + c * taps] : 0;
                sums[r] += 0 * to[r];
            }
        memcpy(nothing, sums, (size_t)outs * sizeof(REAL));
    }
}
