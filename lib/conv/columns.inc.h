/* COLUMNS and IMPLICIT for one type; included by columns.c with REAL and NAME. */
#include "lib/conv/sums.inc.h"

/* The phases of one row (NULL: zeros), `left` being the position that the first column sees under the first tap. */
static void NAME(gather_phases)(const struct tile *tile, const REAL *row, int64_t left, REAL *dst) {
    const struct conv_plan *plan = tile->plan;
    const struct columns_layout *l = &tile->layout;
    const struct window_axis *ax = conv_axis_x(plan);
    if (row == NULL) {
        memset(dst, 0, (size_t)l->row_step * sizeof(REAL));
        return;
    }
    if (l->splits) {
        kernels_get()->rows->NAME(split)(dst, l->phase_step, row, -left, ax->input, ax->stride, l->phase_step);
        return;
    }
    for (int64_t p = 0; p < l->phases; p++, dst += l->phase_step) {
        int64_t start = left + p * ax->dilation % ax->stride;
        NAME(gather_row)(dst, row, ax->input, plan->padding_mode, start, ax->stride,
                         min_i64(l->phase_step, columns_run(ax, start)));
    }
}

/* `count` channels, those rows and columns of what the layout wants that lie in the input; the others stay zeros. */
static void NAME(fill_channels)(const struct tile *tile, const REAL *input, int64_t count, REAL *dst) {
    const struct columns_layout *l = &tile->layout;
    const struct window_axis *ay = conv_axis_y(tile->plan), *ax = conv_axis_x(tile->plan);
    int64_t top = l->span.y0 * ay->stride - ay->pad_begin, left = l->span.x0 * ax->stride - ax->pad_begin;
    int64_t first_row = max_i64(0, -top), first = max_i64(0, -left);
    struct depthwise_rows rows = {.planes = count,
                                  .rows = min_i64(l->rows.count, ay->input - top) - first_row,
                                  .cols = min_i64(l->phase_step * ax->stride, ax->input - left) - first,
                                  .dst_plane_step = l->channel_step,
                                  .dst_row_step = l->row_step,
                                  .src_plane_step = ay->input * ax->input,
                                  .src_row_step = ax->input};
    if (rows.rows <= 0 || rows.cols <= 0)
        return;
    int64_t phase = first % ax->stride;
    REAL *from = dst + first_row * l->row_step, *even = from + phase * l->phase_step + first / ax->stride;
    REAL *odd = ax->stride == 1 ? NULL : from + (1 - phase) * l->phase_step + (first + 1) / ax->stride;
    kernels_get()->depthwise->NAME(fill)(&rows, even, odd, input + (top + first_row) * ax->input + left + first);
}

/* `count` channels, those columns of those rows that the one tap sees (gather_channels: 2.5 times as long). */
static void NAME(take_channels)(const struct tile *tile, const REAL *input, int64_t count, REAL *dst) {
    const struct columns_layout *l = &tile->layout;
    const struct window_axis *ay = conv_axis_y(tile->plan), *ax = conv_axis_x(tile->plan);
    int64_t step = l->rows.dense ? 1 : ay->stride;
    input += l->span.y0 * ay->stride * ax->input + l->span.x0 * ax->stride;
    for (int64_t c = 0; c < count; c++, input += ay->input * ax->input)
        for (int64_t r = 0; r < l->rows.count; r++, dst += l->row_step)
            NAME(gather_inside)(dst, input + r * step * ax->input, ax->stride, l->span.cols);
}

/* `count` channels, as the layout wants them. */
static void NAME(gather_channels)(const struct tile *tile, const REAL *input, int64_t count, REAL *dst) {
    const struct conv_plan *plan = tile->plan;
    const struct columns_layout *l = &tile->layout;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t top = l->span.y0 * ay->stride - ay->pad_begin, left = l->span.x0 * ax->stride - ax->pad_begin;
    for (int64_t c = 0; c < count; c++, input += ay->input * ax->input)
        for (int64_t r = 0; r < l->rows.count; r++, dst += l->row_step) {
            int64_t position = l->rows.dense ? top + r
                                             : top + r % l->span.rows * ay->stride + r / l->span.rows * ay->dilation;
            int64_t index = gather_index(position, ay->input, plan->padding_mode);
            NAME(gather_phases)(tile, index < 0 ? NULL : input + index * ax->input, left, dst);
        }
}

/* The same in the quickest way. */
static void NAME(gather_planes)(const struct tile *tile, const REAL *input, int64_t count, REAL *dst) {
    if (tile->layout.fills)
        NAME(fill_channels)(tile, input, count, dst);
    else if (tile->layout.takes)
        NAME(take_channels)(tile, input, count, dst);
    else
        NAME(gather_channels)(tile, input, count, dst);
}

/* `count` elements of channels from c on, two channels each; `planes` has room for two before they are paired. */
static void NAME(gather_pairs)(const struct tile *tile, const REAL *input, int64_t c, int64_t count, REAL *dst,
                               REAL *planes) {
    const struct conv_plan *plan = tile->plan;
    int64_t plane = conv_axis_y(plan)->input * conv_axis_x(plan)->input, step = tile->layout.channel_step;
    for (int64_t p = c; p < c + count; p++, dst += step) {
        int64_t channels = min_i64(2, plan->group_channels - 2 * p);
        NAME(gather_planes)(tile, input + 2 * p * plane, channels, planes);
        pair_planes(plan, dst, planes, channels > 1 ? planes + step : NULL, step);
    }
}

/* The same of the input itself, for pointwise layers. */
static void NAME(pair_columns)(const struct conv_plan *plan, const struct conv_unit *unit, const REAL *input, int64_t c,
                               int64_t count, REAL *columns) {
    int64_t plane = conv_axis_y(plan)->input * conv_axis_x(plan)->input;
    for (int64_t p = c; p < c + count; p++, columns += plan->tiles.cols) {
        const REAL *first = input + 2 * p * plane + unit->x;
        pair_planes(plan, columns, first, 2 * p + 1 < plan->group_channels ? first + plane : NULL, unit->cols);
    }
}

/* And as they are. */
static void NAME(copy_columns)(const struct conv_plan *plan, const struct conv_unit *unit, const REAL *input, int64_t c,
                               int64_t count, REAL *columns) {
    int64_t plane = conv_axis_y(plan)->input * conv_axis_x(plan)->input;
    for (int64_t p = c; p < c + count; p++, columns += plan->tiles.cols)
        memcpy(columns, input + p * plane + unit->x, (size_t)unit->cols * sizeof(REAL));
}

/* What the layout wants of `count` elements of channels from c on. */
static void NAME(gather)(const struct tile *tile, const REAL *input, int64_t c, int64_t count, REAL *gathered,
                         REAL *planes) {
    const REAL *from = input + c * conv_axis_y(tile->plan)->input * conv_axis_x(tile->plan)->input;
    if (tile->plan->pairs)
        NAME(gather_pairs)(tile, input, c, count, gathered, planes);
    else
        NAME(gather_planes)(tile, from, count, gathered);
}

/* The steps that stay the same from block to block. */
static struct gemm_shape NAME(shape_of)(const struct conv_plan *plan, const struct conv_unit *unit, int64_t depth) {
    bool packed = plan->packed_bytes > 0 || plan->tiles.outs_at_once > 0;
    bool in_place = plan->tiles.gathered == 0 && plan->tiles.columns == 0;
    return (struct gemm_shape){
        .rows = unit->outs,
        .cols = unit->cols,
        .chain = gemm_chain(depth),
        .packed = packed,
        .a_step = packed ? GEMM_BLOCK * depth : depth,
        .b_step = in_place                  ? conv_axis_y(plan)->input * conv_axis_x(plan)->input
                  : plan->tiles.columns > 0 ? plan->tiles.cols
                                            : 0,
        .out_step = plan->tiles.sums > 0 ? unit->cols : conv_axis_y(plan)->output * conv_axis_x(plan)->output,
    };
}

/* The weights of the unit's first output channel, which begins a block where they are packed. */
static const REAL *NAME(weights_of)(const struct conv_call *call, const struct conv_unit *unit, int64_t depth) {
    const struct conv_plan *plan = call->plan;
    if (plan->packed_bytes == 0)
        return (const REAL *)call->weight + unit->k * plan->group_channels * taps_of(plan);
    return (const REAL *)call->weight + unit->group * matrix_elems(plan) + (unit->k - unit->group * plan->group_outs) * depth;
}

/* Multiplies some output channels, leaving out the window's rows that lie in the padding where `skips`. */
static void NAME(multiply_rows)(const struct tile *tile, struct gemm_shape *shape, REAL *out, const REAL *a,
                                const REAL *gathered, const REAL *bias, bool skips) {
    const struct window_axis *ay = conv_axis_y(tile->plan);
    int64_t width = conv_axis_x(tile->plan)->kernel, row_depth = tile->channels * width, y0 = tile->layout.span.y0;
    for (int64_t i = 0, end; i < tile->count; i = end) {
        struct live_rows live = {0, ay->kernel};
        end = tile->count;
        if (skips) {
            live = live_rows(ay, y0 + i);
            for (end = i + 1; end < tile->count; end++) {
                struct live_rows next = live_rows(ay, y0 + end);
                if (next.first != live.first || next.count != live.count)
                    break;
            }
        }
        shape->depth = live.count * row_depth;
        shape->chain = gemm_chain(conv_gemm_channels(tile->plan) * live.count * width);
        gemm_of(tile->plan)->NAME(implicit)(shape, out, a + live.first * row_depth * GEMM_BLOCK, gathered,
                                            tile->offset + live.first * row_depth, tile->pieces + i, end - i, bias);
    }
}

/* Packs `rows` output channels' weights of elements c .. c + channels - 1, and returns what gemm_pack_f32 does. */
static REAL NAME(pack_part)(const struct conv_plan *plan, REAL *to, const REAL *weight, int64_t rows, int64_t c,
                            int64_t channels, const int32_t *place) {
    int64_t taps = taps_of(plan);
    if (plan->pairs)
        return (REAL)pack_pairs(plan, to, weight, rows, c, channels, place);
    return kernels_get()->gemm->NAME(pack)(to, weight + c * taps, depth_of(plan), rows, channels * taps, place);
}

/*
 * Multiplies a block of channels from c on, gathered, without columns: some output channels at a time, whose weights stay
 * in cache and are packed here where that has not been done. What is not finite among them makes NaN of zeros in the padding, too:
 * where it is in a block's part of the weights, that skips no rows, so that bits depend on no cut.
 */
static void NAME(multiply_implicit)(const struct tile *tile, const struct gemm_shape *shape, REAL *out, int64_t c,
                                    const REAL *weights, const REAL *nothings, REAL *gathered, const REAL *bias) {
    const struct conv_plan *plan = tile->plan;
    struct gemm_shape some = *shape;
    int64_t weights_step = plan->group_channels * taps_of(plan);
    int64_t packed_at_once = plan->tiles.outs_at_once;
    REAL *packed = gathered + plan->tiles.gathered;
    if (packed_at_once > 0)
        some.a_step = GEMM_BLOCK * shape->depth;
    for (int64_t r = 0; r < shape->rows; r += COLUMNS_OUTS) {
        bool skips[COLUMNS_OUTS / GEMM_BLOCK];
        int64_t rows = min_i64(COLUMNS_OUTS, shape->rows - r), end;
        for (int64_t k = 0; k < rows; k += GEMM_BLOCK) {
            REAL nothing = packed_at_once == 0
                               ? nothings[(r + k) / GEMM_BLOCK * parts_of(plan)]
                               : NAME(pack_part)(plan, packed + k * shape->depth, weights + (r + k) * weights_step,
                                                 min_i64(GEMM_BLOCK, rows - k), c, tile->channels, tile->place);
            skips[k / GEMM_BLOCK] = nothing == 0 && plan->padding_mode == PADDING_ZEROS;
        }
        const REAL *some_a = packed_at_once > 0 ? packed
                                                : weights + r / GEMM_BLOCK * shape->a_step + c * taps_of(plan) * GEMM_BLOCK;
        for (int64_t k = 0; k < rows; k = end) {
            for (end = k + GEMM_BLOCK; end < rows && skips[end / GEMM_BLOCK] == skips[k / GEMM_BLOCK]; end += GEMM_BLOCK)
                continue;
            some.rows = min_i64(end, rows) - k;
            NAME(multiply_rows)(tile, &some, out + (r + k) * shape->out_step, some_a + k / GEMM_BLOCK * some.a_step,
                                gathered, bias != NULL ? bias + r + k : NULL, skips[k / GEMM_BLOCK]);
        }
    }
}

/* Multiplies a block of channels: gathered, with room for the columns behind it, in columns, or in the input itself. */
static void NAME(multiply)(const struct tile *tile, const struct gemm_shape *shape, REAL *out, const REAL *a, REAL *gathered,
                           const REAL *input, const REAL *bias) {
    const struct conv_tiles *t = &tile->plan->tiles;
    const struct gemm_kernels *kernels = gemm_of(tile->plan);
    const struct gemm_piece whole = {.length = (int32_t)tile->unit->cols};
    REAL *columns = gathered + t->gathered;
    if (t->columns > 0 && t->gathered > 0)
        kernels->NAME(fill)(columns, t->cols, gathered, tile->offset, shape->depth, tile->pieces, tile->count);
    const REAL *b = t->columns > 0 ? columns : input;
    if (tile->plan->method == CONV_METHOD_COLUMNS)
        kernels->NAME(gemm)(shape, out, a, b, bias);
    else
        kernels->NAME(implicit)(shape, out, a, b, NULL, &whole, 1, bias);
}

void NAME(conv_columns)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_plan *plan = call->plan;
    const struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t plane = ay->input * ax->input, taps = taps_of(plan), depth = depth_of(plan), all = conv_gemm_channels(plan);
    const REAL *input = (const REAL *)call->input +
                        (unit->image * plan->sizes.channels + unit->group * plan->group_channels) * plane;
    REAL *gathered = workspace, *planes = gathered + t->gathered + t->columns + t->outs_at_once * t->depth;
    struct tile tile = tile_open(plan, unit, planes + t->unpaired + t->sums);
    struct gemm_shape shape = NAME(shape_of)(plan, unit, depth);
    const REAL *weights = NAME(weights_of)(call, unit, depth);
    int64_t block = unit->group * blocks_of(plan) + (unit->k - unit->group * plan->group_outs) / GEMM_BLOCK;
    const REAL *nothings = (const REAL *)call->weight + plan->groups * matrix_elems(plan) + block * parts_of(plan);
    struct NAME(sums) sums = {.plan = plan,
                              .unit = unit,
                              .out = (REAL *)call->output + unit->x +
                                     (unit->image * plan->groups * plan->group_outs + unit->k) * ay->output * ax->output,
                              .kept = t->sums > 0 ? planes + t->unpaired : NULL,
                              .kept_width = unit->cols,
                              .bias = call->bias != NULL ? (const REAL *)call->bias + unit->k : NULL};
    if (tile.layout.fills) { /* zeros are where no channel writes */
        int64_t channels = plan->pairs ? 2 : min_i64(t->channels, plan->group_channels);
        memset(plan->pairs ? planes : gathered, 0, (size_t)(channels * tile.layout.channel_step) * sizeof(REAL));
    }
    int64_t c = 0;
    do { /* once for no channels too: the product of nothing is zeros */
        int64_t channels = min_i64(t->channels, all - c);
        shape.depth = channels * taps;
        shape.add = NAME(sums_add)(&sums);
        bool last = c + channels == all;
        const REAL *a = weights + c * taps * (plan->packed_bytes > 0 ? GEMM_BLOCK : 1);
        const REAL *end_bias = NAME(sums_bias)(&sums, last);
        REAL *out = NAME(sums_to)(&sums);
        if (t->gathered > 0 && channels != tile.channels)
            find_offsets(&tile, channels);
        if (t->gathered > 0)
            NAME(gather)(&tile, input, c, channels, gathered, planes);
        else if (plan->pairs)
            NAME(pair_columns)(plan, unit, input, c, channels, gathered);
        else if (t->columns > 0)
            NAME(copy_columns)(plan, unit, input, c, channels, gathered);
        if (plan->method == CONV_METHOD_IMPLICIT && t->gathered > 0)
            NAME(multiply_implicit)(&tile, &shape, out, c, weights, nothings + c / t->channels, gathered, end_bias);
        else
            NAME(multiply)(&tile, &shape, out, a, gathered, input + c * plane + unit->x, end_bias);
        NAME(sums_called)(&sums, last);
        c += channels;
    } while (c < all && !conv_cancelled(call));
}

void NAME(columns_prepare)(const struct conv_plan *plan, const REAL *weight, REAL *packed, int64_t index) {
    int64_t taps = taps_of(plan), all = conv_gemm_channels(plan), channels;
    int64_t group = index / blocks_of(plan), k = index % blocks_of(plan) * GEMM_BLOCK;
    int64_t outs = min_i64(GEMM_BLOCK, plan->group_outs - k);
    const REAL *from = weight + (group * plan->group_outs + k) * plan->group_channels * taps;
    REAL *to = packed + index * GEMM_BLOCK * depth_of(plan);
    REAL *nothings = packed + plan->groups * matrix_elems(plan) + index * parts_of(plan);
    int32_t place[COLUMNS_MOST_DEPTH];
    bool rows_first = takes_rows_first(plan);
    *nothings = 0; /* without channels there is no part */
    for (int64_t c = 0; c < all; c += channels) {
        channels = rows_first ? min_i64(plan->tiles.channels, all - c) : all;
        if (rows_first)
            find_places(plan, channels, place);
        *nothings++ =
            NAME(pack_part)(plan, to + c * taps * GEMM_BLOCK, from, outs, c, channels, rows_first ? place : NULL);
    }
}
