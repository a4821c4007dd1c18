/*
 * The cut: how large the units of a method are, what its workspace holds, and where each unit lies.
 */
#include "lib/conv/columns.h"
#include "lib/conv/depthwise.h"
#include "lib/conv/gather.h"
#include "lib/conv/plan.h"
#include "lib/conv/winograd.h"
#include "lib/conv/zones.h"
#include "lib/kernels/kernels.h"

#include <math.h>

enum {
    /* GEMM's column tile and DIRECT's gathered rows with the unit's sums: a quarter and an eighth of an L2
     * cache of 1 MiB, so that the weights and the output stay there beside them. */
    COLUMN_TILE_BYTES = 256 * 1024,
    GATHER_BYTES = 64 * 1024,
    SUMS_BYTES = 128 * 1024,
    DEEP_SUMS_BYTES = 512 * 1024, /* the sums of flat units, where a sum has many calls */

    /* COLUMNS: a unit's columns, what they are gathered from, and how many rows they have. */
    COLUMNS_BYTES = 192 * 1024,
    COLUMNS_GATHER_BYTES = 128 * 1024,
    COLUMNS_DEPTH = COLUMNS_MOST_DEPTH / 2,
    /* The same of pointwise layers in narrow tiles, and the columns that a unit reads its weights for at the least (144: 1.02 to
     * 1.08 times as fast as 96 with a cold cache). */
    POINTWISE_DEPTH = 128,
    POINTWISE_COLS = 144,
    CACHE_SETS_BYTES = 16 * 64,

    /* IMPLICIT: a unit's gathered input, and the columns that its weights are read for at the least. */
    IMPLICIT_BYTES = 320 * 1024,
    IMPLICIT_COLS = 128,
    IMPLICIT_SHARED_BYTES = 512 * 1024, /* weights that units of fewer rows may read more often */

    /* WINOGRAD: a unit's transformed inputs, fewer where the weights that each unit reads are few (8 to 32 channels: 1.03 to
     * 1.1 times as fast; 64: no difference), and the sums of the output channels that are multiplied at once. */
    WINOGRAD_INPUT_BYTES = 2 * 1024 * 1024,
    WINOGRAD_FEW_INPUT_BYTES = 512 * 1024,
    WINOGRAD_FEW_WEIGHTS_BYTES = 64 * 1024,
    WINOGRAD_SUMS_BYTES = 256 * 1024,
    WINOGRAD_MOST_OUTS = 4096,

    /* DEPTHWISE: padded planes beside the output in an L1 cache of 32 KiB. With 16 KiB depthwise layers gain 3 % and
     * those of 4 to 32 channels lose 3 %, with 28 it is the reverse. */
    DEPTHWISE_BYTES = 20 * 1024,
    /* Of one call, which sums them in pairs of chains; the calls are added one by one. */
    DEPTHWISE_PRODUCTS = 512,
    DEPTHWISE_ROWS = 7, /* of the highest tiles of the kernels */

    /* Multiply-accumulates that are worth handing to another thread, about 5 microseconds of one core. */
    PIECE_MACS = 1 << 18,

    /* Rows up to here are faster as one long row: 14 x 14, 256 channels, 3 x 3 runs at 78 GFLOP/s for 52 and
     * 7 x 7 at 41 for 24; from 28 columns on nothing is gained. */
    FLAT_COLS = 24,

    /* Vectors of every level divide it, so only the last tile of a plane has a masked rest. */
    COLS_STEP = 16,
};

/* The size of `blocks` nearly equal parts of `total`, a multiple of `step` where there is more than one. */
static int64_t even_part(int64_t total, int64_t blocks, int64_t step) {
    int64_t part = div_ceil_i64(total, blocks);
    return blocks == 1 ? part : min_i64(total, div_ceil_i64(part, step) * step);
}

static int64_t even_part_at_most(int64_t total, int64_t most, int64_t step) {
    return even_part(total, max_i64(1, div_ceil_i64(total, most)), step);
}

/* Rows and columns that units are cut from. */
static int64_t total_rows(const struct conv_plan *plan) {
    bool takes_rows = plan->method == CONV_METHOD_ROWS || plan->method == CONV_METHOD_DEPTHWISE ||
                      plan->method == CONV_METHOD_REFERENCE;
    return takes_rows ? conv_axis_y(plan)->output : 1;
}

/* Of all images. */
static int64_t winograd_tiles(const struct conv_plan *plan) {
    struct winograd_grid grid = winograd_grid(plan);
    return saturating_mul(saturating_mul(grid.tiles, grid.planes), plan->sizes.batch);
}

static int64_t total_cols(const struct conv_plan *plan) {
    switch (plan->method) {
    case CONV_METHOD_BLAS:
    case CONV_METHOD_COLUMNS:
    case CONV_METHOD_IMPLICIT: return conv_positions(&plan->sizes);
    case CONV_METHOD_WINOGRAD: return winograd_tiles(plan);
    case CONV_METHOD_ROWS:
    case CONV_METHOD_DEPTHWISE:
    case CONV_METHOD_ZONES:
    case CONV_METHOD_REFERENCE: break;
    }
    return conv_axis_x(plan)->output;
}

/* Gives the slot a buffer for a unit's sums, `cols` columns wide. */
static void keep_sums(struct conv_plan *plan, int64_t calls, int64_t cols) {
    struct conv_tiles *t = &plan->tiles;
    int64_t few = plan->method == CONV_METHOD_ROWS ? DIRECT_CALLS : GEMM_CALLS;
    t->calls_per_sum =
        calls <= few ? few : max_i64(DIRECT_CALLS, (int64_t)ceil((double)calls / cbrt(2.0 * (double)calls)));
    t->sums = div_ceil_i64(t->outs * t->rows * cols, 64) * 64;
}

/* The same for methods whose units are flat, where there are many calls: units of fewer output channels where the buffer
 * would be larger than half a cache. */
static void keep_deep_sums(struct conv_plan *plan, int64_t elem_bytes) {
    struct conv_tiles *t = &plan->tiles;
    int64_t taps = conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel;
    int64_t calls = div_ceil_i64(conv_gemm_channels(plan) * taps, max_i64(1, t->depth));
    if (calls <= GEMM_CALLS)
        return;
    int64_t outs = DEEP_SUMS_BYTES / elem_bytes / max_i64(1, t->cols) / GEMM_BLOCK * GEMM_BLOCK;
    t->outs = even_part_at_most(t->outs, max_i64(GEMM_BLOCK, outs), GEMM_BLOCK);
    keep_sums(plan, calls, t->cols);
}

static void tile_blas(struct conv_plan *plan, int64_t elem_bytes) {
    struct conv_tiles *t = &plan->tiles;
    int64_t depth = conv_depth(&plan->sizes, plan->groups), positions = conv_positions(&plan->sizes);
    /* OpenBLAS sums a block in one chain, and blocks are added one by one (lib/kernels/chains.h). With 128 for all, sums of
     * 36 to 128 products passed the bound; with 128 up to 4608 these take 2 to 5 % longer than with 256. */
    int64_t chain = depth <= GEMM_SHORT_DEPTH ? GEMM_SHORT_CHAIN
                    : depth <= 1024           ? GEMM_CHAIN
                    : depth <= 4608           ? 128
                                              : 256;
    t->depth = even_part_at_most(depth, chain, 1);
    int64_t most = COLUMN_TILE_BYTES / elem_bytes / max_i64(t->depth, 64) / COLS_STEP * COLS_STEP;
    int64_t blocks = div_ceil_i64(positions, most);
    t->rows = 1;
    t->cols = even_part(positions, blocks + (blocks > 1 && blocks % 2 != 0), COLS_STEP);
    t->outs = plan->group_outs;
    /* A small plane is one column tile: split the output channels, so that another core can share the image.
     * Each part unrolls the columns for itself, which is little beside this many products. */
    int64_t macs = saturating_mul(t->outs * t->cols, depth);
    if (blocks == 1 && plan->groups == 1 && macs >= 16 * PIECE_MACS)
        t->outs = even_part(t->outs, 2, COLS_STEP);
    if (!conv_is_pointwise(&plan->sizes))
        t->columns = div_ceil_i64(t->depth * t->cols, 64) * 64;
    keep_deep_sums(plan, elem_bytes);
    plan->workspace_bytes_per_slot = (size_t)((t->columns + t->sums) * elem_bytes);
}

/* Gathered elements for units of `rows` rows. */
static int64_t gathered_elems(const struct conv_plan *plan, int64_t rows) {
    const struct conv_tiles *t = &plan->tiles;
    int64_t height = gather_layout(conv_axis_y(plan), rows, t->tap_rows, false).count;
    int64_t width = gather_layout(conv_axis_x(plan), t->cols, t->taps, true).count;
    return t->channels * height * width;
}

/* Whether a unit's rows can be one long row, and are so short that it is faster. */
static bool flat_pays(const struct conv_plan *plan) {
    const struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    if (ay->stride != 1 || ax->stride != 1 || t->taps != ax->kernel || t->cols != ax->output)
        return false;
    struct gather_layout cols = gather_layout(ax, t->cols, t->taps, true);
    return cols.dense && t->rows > 1 && t->cols <= FLAT_COLS;
}

/* Products of one kernel call: a long sum is the worse for many calls, not for longer chains in them. */
static int64_t direct_products(int64_t depth) {
    return max_i64(DIRECT_PRODUCTS, min_i64(DIRECT_MOST_PRODUCTS, depth / 128));
}

/* Kernel calls that make one sum. */
static int64_t direct_calls(const struct conv_plan *plan) {
    const struct conv_tiles *t = &plan->tiles;
    int64_t taps = saturating_mul(div_ceil_i64(conv_axis_y(plan)->kernel, t->tap_rows),
                                  div_ceil_i64(conv_axis_x(plan)->kernel, t->taps));
    return saturating_mul(div_ceil_i64(plan->group_channels, t->channels), taps);
}

static void tile_rows(struct conv_plan *plan, int64_t elem_bytes) {
    struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    t->taps = even_part_at_most(ax->kernel, DIRECT_CHAIN, 1);
    int64_t products = direct_products(conv_depth(&plan->sizes, plan->groups));
    t->tap_rows = even_part_at_most(ay->kernel, products / t->taps, 1);
    bool whole = t->taps == ax->kernel && t->tap_rows == ay->kernel;
    t->channels = whole ? even_part_at_most(plan->group_channels, products / (t->taps * t->tap_rows), 1) : 1;
    t->outs = even_part_at_most(plan->group_outs, 64, 4);
    t->cols = even_part_at_most(ax->output, 256, COLS_STEP);
    int64_t most = max_i64(1, min_i64(ay->output, SUMS_BYTES / elem_bytes / (t->outs * t->cols)));
    while (most > 1 && gathered_elems(plan, most) > GATHER_BYTES / elem_bytes)
        most /= 2;
    t->rows = even_part_at_most(ay->output, most, 1);
    t->flat = flat_pays(plan);
    int64_t calls = direct_calls(plan);
    t->gathered = div_ceil_i64(gathered_elems(plan, t->rows), 64) * 64;
    int64_t sum_cols = t->flat ? gather_layout(ax, t->cols, t->taps, true).count : t->cols;
    if (t->flat || calls > DIRECT_CALLS)
        keep_sums(plan, calls, sum_cols);
    plan->workspace_bytes_per_slot = (size_t)((t->gathered + t->sums) * elem_bytes);
}

/* Elements that a unit of `cols` positions gathers, of `channels` channels. */
static int64_t columns_gathered(const struct conv_plan *plan, int64_t channels, int64_t cols) {
    struct columns_span span = columns_widest_span(plan, cols);
    int64_t elems;
    return checked_mul(columns_layout(plan, &span).channel_step, channels, &elems) ? elems : INT64_MAX;
}

/* Narrower ones than AVX-512's. */
static bool has_narrow_tiles(const struct conv_plan *plan) {
    return plan->kernels->gemm->cols_f32 < 3 * GEMM_BLOCK;
}

/* A unit's columns in whole tiles, or in whole vectors where the last unit would be much smaller (784 in four are 240 three
 * times and 64: two threads took 1.2 times as long as with 208); so that there is an even number of units for them. */
static int64_t columns_at_once(int64_t positions, int64_t most, int64_t tile_cols) {
    int64_t tiles = div_ceil_i64(positions, tile_cols),
            blocks = div_ceil_i64(tiles, max_i64(1, most / tile_cols));
    blocks += blocks > 1 && blocks % 2 != 0;
    int64_t cols = div_ceil_i64(tiles, blocks) * tile_cols;
    return 8 * (cols * blocks - positions) > cols ? even_part(positions, blocks, COLS_STEP) : cols;
}

/*
 * Units of a pointwise layer are made of nothing but the input itself, so that they can be small: 40 µs of one core, and
 * at least six of 20 µs where there is so much to do. Threads that are held up then take fewer.
 */
static void share_pointwise(struct conv_plan *plan, int64_t tile_cols) {
    struct conv_tiles *t = &plan->tiles;
    int64_t positions = conv_positions(&plan->sizes), channels = max_i64(1, plan->group_channels);
    int64_t most = 8 * PIECE_MACS / max_i64(1, saturating_mul(plan->group_outs, channels));
    int64_t least = has_narrow_tiles(plan) ? POINTWISE_COLS : 2 * tile_cols;
    if (most < t->cols)
        t->cols = columns_at_once(positions, max_i64(most, least), tile_cols);
    int64_t blocks = max_i64(1, div_ceil_i64(positions, t->cols));
    int64_t macs = saturating_mul(saturating_mul(plan->group_outs, positions), channels) / blocks;
    int64_t parts = min_i64(div_ceil_i64(6, blocks), macs / (4 * PIECE_MACS));
    if (plan->groups == 1 && parts > 1)
        t->outs = even_part(plan->group_outs, min_i64(parts, div_ceil_i64(plan->group_outs, 2 * GEMM_BLOCK)),
                            GEMM_BLOCK);
}

/*
 * Products of a block. Tiles of narrow vectors are small: four rows read 48 KiB of 512 products' columns and of the weights as
 * much from the L2 cache, where twelve vector products take as long as reading 32 bytes of it. AVX2 on Zen 3, 512 to 2048 channels at 7 x 7:
 * 2.5 ms with 512, 1.7 with 128; at 14 x 14 1.13 times as fast, at 28 x 28 1.0. What is gathered is read in order anyway: 1.0.
 */
static int64_t columns_depth(const struct conv_plan *plan) {
    return conv_is_pointwise(&plan->sizes) && has_narrow_tiles(plan) ? POINTWISE_DEPTH : COLUMNS_DEPTH;
}

/*
 * Whether the rows of a pointwise layer's columns are copied side by side: where they lie so far apart that all begin in one of
 * four sets of the L1 cache (64 of 64 bytes, 8 ways), as those of 32 x 32, 64 x 64, 112 x 112 and so on do. AVX2, 64 to 256
 * channels: 1.13 to 1.35 times as fast; 32 channels 0.95, 512 at 16 x 16 1.0, in planes whose rows do not collide 0.94 to 1.05.
 */
static bool rows_collide(const struct conv_plan *plan, int64_t elem_bytes) {
    return has_narrow_tiles(plan) && plan->group_channels >= 64 && plan->group_outs >= 2 * GEMM_BLOCK &&
           conv_positions(&plan->sizes) * elem_bytes % CACHE_SETS_BYTES == 0;
}

static void tile_columns(struct conv_plan *plan, int64_t elem_bytes, const struct conv_options *options) {
    struct conv_tiles *t = &plan->tiles;
    const struct gemm_kernels *kernels = plan->kernels->gemm;
    int64_t tile_cols = plan->dtype == DTYPE_FLOAT32 ? kernels->cols_f32 : kernels->cols_f64;
    int64_t taps = conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel,
            positions = conv_positions(&plan->sizes);
    t->channels =
        max_i64(1, even_part_at_most(conv_gemm_channels(plan), max_i64(1, columns_depth(plan) / taps), 1));
    t->depth = t->channels * taps;
    t->rows = 1;
    t->cols = columns_at_once(positions, COLUMNS_BYTES / elem_bytes / t->depth, tile_cols);
    t->outs = plan->group_outs;
    if (options->prepared || plan->pairs)
        plan->packed_bytes = (size_t)(columns_packed(plan) * elem_bytes);
    if (conv_is_pointwise(&plan->sizes)) {
        share_pointwise(plan, tile_cols);
        keep_deep_sums(plan, elem_bytes);
        t->columns =
            plan->pairs || rows_collide(plan, elem_bytes) ? div_ceil_i64(t->depth * t->cols, 64) * 64 : 0;
        plan->workspace_bytes_per_slot = (size_t)((t->columns + t->sums) * elem_bytes);
        return;
    }
    int64_t blocks = div_ceil_i64(positions, t->cols);
    int64_t macs = saturating_mul(t->outs * t->cols, conv_depth(&plan->sizes, plan->groups));
    if (blocks == 1 && plan->groups == 1 && macs >= 16 * PIECE_MACS)
        t->outs = even_part(t->outs, 2, GEMM_BLOCK);
    while (t->cols > tile_cols &&
           columns_gathered(plan, t->channels, t->cols) > COLUMNS_GATHER_BYTES / elem_bytes) {
        /* Small planes stay in one unit, which reads the weights once: 7 x 7 in 48 columns and one took 1.3 as long. */
        if (positions <= 2 * tile_cols && t->channels >= 2 * GEMM_CHAIN)
            t->channels = div_ceil_i64(t->channels, 2);
        else
            t->cols = max_i64(tile_cols, t->cols / 2 / tile_cols * tile_cols);
    }
    t->depth = t->channels * taps;
    t->cols = min_i64(t->cols, div_ceil_i64(positions, COLS_STEP) * COLS_STEP);
    t->gathered = div_ceil_i64(columns_gathered(plan, t->channels, min_i64(t->cols, positions)), 64) * 64;
    t->columns = div_ceil_i64(t->depth * t->cols, 64) * 64;
    t->unpaired = plan->pairs ? 2 * columns_gathered(plan, 1, min_i64(t->cols, positions)) : 0;
    keep_deep_sums(plan, elem_bytes);
    size_t bytes = (size_t)((t->gathered + t->columns + t->unpaired + t->sums) * elem_bytes) +
                   (size_t)t->depth * sizeof(int32_t) + (size_t)t->cols * sizeof(struct gemm_piece);
    plan->workspace_bytes_per_slot = (bytes + 63) / 64 * 64;
}

/*
 * Four units at least, of 20 µs each, for two threads of which one may be held up: more than `blocks` of rows where their
 * weights stay in cache, else parts of the output channels, which gather the same input once more.
 */
static int64_t share_implicit(struct conv_plan *plan, int64_t blocks, int64_t elem_bytes) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t planes = max_i64(1, saturating_mul(plan->sizes.batch, plan->groups));
    int64_t weights = saturating_mul(plan->group_outs, conv_depth(&plan->sizes, plan->groups));
    int64_t macs = saturating_mul(saturating_mul(weights, conv_positions(&plan->sizes)), planes);
    int64_t wanted = min_i64(4, macs / (4 * PIECE_MACS)), have = saturating_mul(blocks, planes);
    int64_t parts = div_ceil_i64(wanted, have);
    if (parts <= 1)
        return blocks;
    int64_t rows = div_ceil_i64(ay->output, blocks * parts), over = rows * blocks * parts - ay->output;
    if (weights <= IMPLICIT_SHARED_BYTES / elem_bytes && rows * ax->output >= IMPLICIT_COLS / 2 &&
        8 * over <= ay->output)
        return blocks * parts;
    /* 128 to 128 channels in four parts took 1.15 times as long as in two. */
    parts = min_i64(parts, plan->group_outs / COLUMNS_OUTS);
    parts -= parts > 1 && parts % 2 != 0;
    plan->tiles.outs = even_part(plan->group_outs, max_i64(1, parts), GEMM_BLOCK);
    return blocks;
}

/*
 * Whole rows of the output, and as many channels as make a sum that is worth its writing: so many that the gathered
 * input stays in the L2 cache beside their weights, which all of a unit's columns share.
 */
static void tile_implicit(struct conv_plan *plan, int64_t elem_bytes, const struct conv_options *options) {
    if (conv_is_pointwise(&plan->sizes)) {
        tile_columns(plan, elem_bytes, options);
        return;
    }
    struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t taps = ay->kernel * ax->kernel;
    t->rows = 1;
    t->outs = plan->group_outs;
    int64_t most = ay->output, channels = max_i64(1, COLUMNS_DEPTH / taps);
    t->channels = even_part_at_most(conv_gemm_channels(plan), channels, 1);
    while (columns_gathered(plan, t->channels, most * ax->output) > IMPLICIT_BYTES / elem_bytes) {
        bool few = most == 1 || most * ax->output <= IMPLICIT_COLS;
        if (most == 1 && t->channels == 1)
            break;
        if (few && t->channels > 1)
            t->channels = div_ceil_i64(t->channels, 2);
        else
            most = div_ceil_i64(most, 2);
    }
    int64_t blocks = div_ceil_i64(ay->output, most);
    blocks += blocks > 1 && blocks % 2 != 0;
    blocks = share_implicit(plan, blocks, elem_bytes);
    int64_t rows = div_ceil_i64(ay->output, blocks);
    t->cols = rows * ax->output;
    t->depth = t->channels * taps;
    t->gathered = div_ceil_i64(columns_gathered(plan, t->channels, t->cols), 64) * 64;
    /* Weights that came inline and are read once need not be packed before, which would write all of them to memory. */
    if (!options->prepared && blocks == 1 && plan->sizes.batch <= 1)
        t->outs_at_once = COLUMNS_OUTS;
    else
        plan->packed_bytes = (size_t)(columns_packed(plan) * elem_bytes);
    t->unpaired = plan->pairs ? 2 * columns_gathered(plan, 1, t->cols) : 0;
    keep_deep_sums(plan, elem_bytes);
    size_t bytes = (size_t)((t->gathered + t->outs_at_once * t->depth + t->unpaired + t->sums) * elem_bytes) +
                   (size_t)(t->depth * (t->outs_at_once > 0 ? 2 : 1)) * sizeof(int32_t) +
                   (size_t)(rows + 1) * sizeof(struct gemm_piece);
    plan->workspace_bytes_per_slot = (bytes + 63) / 64 * 64;
}

/* Elements of a row of a unit's padded plane: of the first unit, or of those behind it, which have no padding before
 * them. */
static int64_t depthwise_row_step(const struct conv_plan *plan, int64_t cols) {
    int64_t first = depthwise_layout(plan, 0, 1, cols).row_step;
    return cols == conv_axis_x(plan)->output ? first
                                             : max_i64(first, depthwise_layout(plan, cols, 1, cols).row_step);
}

/*
 * Strips of rows whose padded copies stay in the L1 cache, of as many channels as make a short sum; and as many groups
 * as are worth a hand-over: what does not change from channel to channel is done once for them.
 */
static void tile_depthwise(struct conv_plan *plan, int64_t elem_bytes) {
    struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t taps = ay->kernel * ax->kernel;
    t->outs = even_part_at_most(plan->group_outs, 64, 4);
    t->cols = even_part_at_most(ax->output, 512, COLS_STEP);
    int64_t row_bytes = depthwise_row_step(plan, t->cols) * elem_bytes,
            row_room = DEPTHWISE_BYTES / row_bytes;
    int64_t most =
        min_i64(DEPTHWISE_PRODUCTS / taps, row_room / ((DEPTHWISE_ROWS - 1) * ay->stride + ay->kernel));
    t->channels = even_part_at_most(max_i64(1, plan->group_channels), max_i64(1, most), 1);
    int64_t most_rows = max_i64(1, (row_room / t->channels - ay->kernel) / ay->stride + 1);
    t->rows = even_part_at_most(ay->output, most_rows, DEPTHWISE_ROWS);
    int64_t macs = saturating_mul(t->outs * t->rows * t->cols, plan->group_channels * taps);
    int64_t groups = t->outs < plan->group_outs ? 1 : PIECE_MACS / 2 / max_i64(1, macs);
    t->groups = even_part_at_most(plan->groups, max_i64(1, groups), 1);
    int64_t plane_bytes = ((depthwise_height(t->rows) - 1) * ay->stride + ay->kernel) * row_bytes;
    bool whole = t->channels >= plan->group_channels; /* then several groups fit together */
    t->planes = t->channels *
                (whole ? max_i64(1, min_i64(t->groups, DEPTHWISE_BYTES / plane_bytes / t->channels)) : 1);
    int64_t bytes = t->planes * plane_bytes + DEPTHWISE_SLACK * elem_bytes;
    plan->workspace_bytes_per_slot = (size_t)(div_ceil_i64(bytes, 64) * 64);
}

/* In vectors of 16 tiles, evenly: a unit of few reads all weights for few. Three are a GEMM's tile, and are taken while
 * the workspace has room for them. */
static int64_t winograd_tiles_at_once(const struct conv_plan *plan, int64_t tiles, int64_t points,
                                      int64_t elem_bytes) {
    int64_t vector_bytes = COLS_STEP * elem_bytes * points * winograd_grid(plan).depth;
    int64_t least = 3 * vector_bytes <= CONV_MOST_WORKSPACE_BYTES / 4 * 3 ? 3 : 1;
    int64_t vectors = div_ceil_i64(tiles, COLS_STEP);
    int64_t weights = saturating_mul(points * winograd_grid(plan).depth, plan->group_outs);
    int64_t most_bytes =
        weights <= WINOGRAD_FEW_WEIGHTS_BYTES / elem_bytes ? WINOGRAD_FEW_INPUT_BYTES : WINOGRAD_INPUT_BYTES;
    int64_t units = div_ceil_i64(vectors, max_i64(least, most_bytes / vector_bytes));
    /* An even number for two threads; two of half the size where the weights are few and read twice for little. */
    int64_t macs = saturating_mul(saturating_mul(tiles, 4 * plan->groups),
                                  saturating_mul(plan->group_outs, conv_depth(&plan->sizes, plan->groups)));
    for (int64_t most = min_i64(vectors, units + 3); units > 1 && units < most; units++)
        if (div_ceil_i64(vectors, div_ceil_i64(vectors, units)) % 2 == 0)
            break;
    if (units == 1 && vectors >= 12 && weights <= WINOGRAD_SUMS_BYTES / elem_bytes && macs >= 8 * PIECE_MACS)
        units = 2;
    return div_ceil_i64(vectors, max_i64(1, units)) * COLS_STEP;
}

static void tile_winograd(struct conv_plan *plan, int64_t elem_bytes, int64_t m) {
    struct conv_tiles *t = &plan->tiles;
    *t = (struct conv_tiles){.winograd_m = m};
    struct winograd_grid grid = winograd_grid(plan);
    int64_t tiles = winograd_tiles(plan);
    t->rows = 1;
    t->cols = max_i64(COLS_STEP, winograd_tiles_at_once(plan, tiles, grid.points, elem_bytes));
    t->outs = even_part_at_most(plan->group_outs, WINOGRAD_MOST_OUTS, GEMM_BLOCK);
    /* Few channels would have so many tiles at once that their sums and rows are larger than they. */
    for (;; t->cols = div_ceil_i64(t->cols / 2, COLS_STEP) * COLS_STEP) {
        t->outs_at_once =
            min_i64(t->outs, max_i64(16, WINOGRAD_SUMS_BYTES / elem_bytes / grid.points / t->cols / 16 * 16));
        if (t->cols == COLS_STEP || winograd_memory(plan).total * elem_bytes <= CONV_MOST_WORKSPACE_BYTES)
            break;
    }
    t->depth = even_part_at_most(grid.depth, COLUMNS_DEPTH, GEMM_CHAIN);
    if (tiles <= t->cols && t->outs >= 32 && t->outs == plan->group_outs && plan->groups == 1)
        t->outs = even_part(t->outs, 2, COLS_STEP);
    plan->workspace_bytes_per_slot = (size_t)(winograd_memory(plan).total * elem_bytes);
    plan->packed_bytes = (size_t)(winograd_packing(plan).total * elem_bytes);
}

/* All rows of the widest zones whose columns and sums fit. */
static void tile_zones(struct conv_plan *plan, int64_t elem_bytes) {
    struct conv_tiles *t = &plan->tiles;
    t->channels = even_part_at_most(plan->group_channels, COLUMNS_DEPTH, 1);
    t->depth = t->channels;
    t->outs = even_part_at_most(plan->group_outs, COLUMNS_DEPTH, GEMM_BLOCK);
    int64_t most = min_i64(COLUMNS_BYTES / t->channels, COLUMN_TILE_BYTES / t->outs) / elem_bytes;
    t->cols = even_part_at_most(zones_widest(conv_axis_x(plan)), most, 1);
    t->rows = even_part_at_most(zones_widest(conv_axis_y(plan)), most / t->cols, 1);
    t->columns = t->channels * t->rows * t->cols;
    int64_t taps = conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel;
    keep_sums(plan, taps * div_ceil_i64(plan->group_channels, t->channels), t->cols);
    size_t bytes = (size_t)((t->columns + t->sums + t->outs) * elem_bytes) +
                   (size_t)t->channels * sizeof(int32_t) + (size_t)t->rows * sizeof(struct gemm_piece);
    plan->workspace_bytes_per_slot = (bytes + 63) / 64 * 64;
    plan->packed_bytes = (size_t)((zones_packed(plan) + zones_nothings(plan)) * elem_bytes);
}

static void tile_reference(struct conv_plan *plan) {
    struct conv_tiles *t = &plan->tiles;
    t->outs = 1;
    t->rows = 1;
    t->cols = min_i64(conv_axis_x(plan)->output, 1024);
}

/* How many units there are, and how many of them make a piece that is worth a hand-over. */
static bool count_units(struct conv_plan *plan) {
    struct conv_tiles *t = &plan->tiles;
    int64_t outputs = t->outs * t->rows * t->cols * (t->winograd_m > 0 ? t->winograd_m * t->winograd_m : 1);
    int64_t unit_macs = saturating_mul(outputs, max_i64(1, conv_depth(&plan->sizes, plan->groups)));
    t->groups = max_i64(1, t->groups);
    t->group_blocks = div_ceil_i64(plan->groups, t->groups);
    t->units_per_piece = max_i64(1, PIECE_MACS / saturating_mul(unit_macs, t->groups));
    t->out_blocks = div_ceil_i64(plan->group_outs, t->outs);
    t->row_blocks = div_ceil_i64(total_rows(plan), t->rows);
    t->col_blocks = div_ceil_i64(total_cols(plan), t->cols);
    if (plan->method == CONV_METHOD_ZONES) {
        t->row_blocks = zones_blocks(conv_axis_y(plan), t->rows);
        t->col_blocks = zones_blocks(conv_axis_x(plan), t->cols);
    }
    int64_t images = plan->method == CONV_METHOD_WINOGRAD ? min_i64(1, plan->sizes.batch) : plan->sizes.batch;
    return checked_mul(images, t->group_blocks, &t->units) &&
           checked_mul(t->units, t->out_blocks, &t->units) &&
           checked_mul(t->units, t->row_blocks, &t->units) && checked_mul(t->units, t->col_blocks, &t->units);
}

struct conv_unit conv_unit_at(const struct conv_plan *plan, int64_t index) {
    const struct conv_tiles *t = &plan->tiles;
    struct conv_unit unit;
    int64_t k = index % t->out_blocks * t->outs;
    index /= t->out_blocks;
    int64_t x = index % t->col_blocks;
    index /= t->col_blocks;
    int64_t y = index % t->row_blocks;
    index /= t->row_blocks;
    unit.group = index % t->group_blocks * t->groups;
    unit.image = index / t->group_blocks;
    unit.groups = min_i64(t->groups, plan->groups - unit.group);
    unit.k = unit.group * plan->group_outs + k;
    unit.outs = min_i64(t->outs, plan->group_outs - k);
    if (plan->method == CONV_METHOD_ZONES) {
        zones_block(conv_axis_y(plan), t->rows, y, &unit.y, &unit.rows);
        zones_block(conv_axis_x(plan), t->cols, x, &unit.x, &unit.cols);
        return unit;
    }
    unit.y = y * t->rows;
    unit.x = x * t->cols;
    unit.rows = min_i64(t->rows, total_rows(plan) - unit.y);
    unit.cols = min_i64(t->cols, total_cols(plan) - unit.x);
    return unit;
}

/* Panels of whole channels, gathered with their halo: for windows and dilations that let a part of the plane stay
 * in cache. */
bool conv_columns_fit(const struct conv_plan *plan) {
    const struct gemm_kernels *kernels = plan->kernels->gemm;
    int64_t taps = saturating_mul(conv_axis_y(plan)->kernel, conv_axis_x(plan)->kernel);
    if (conv_is_pointwise(&plan->sizes))
        return true;
    return taps <= COLUMNS_MOST_DEPTH && conv_positions(&plan->sizes) > 0 &&
           columns_gathered(plan, max_i64(1, COLUMNS_DEPTH / taps),
                            min_i64(kernels->cols_f32, conv_positions(&plan->sizes))) <= COLUMNS_GATHER_BYTES;
}

bool conv_implicit_fits(const struct conv_plan *plan) {
    int64_t taps = saturating_mul(conv_axis_y(plan)->kernel, conv_axis_x(plan)->kernel);
    if (!conv_columns_fit(plan) || conv_is_pointwise(&plan->sizes))
        return conv_is_pointwise(&plan->sizes);
    int64_t channels = min_i64(plan->group_channels, div_ceil_i64(2 * GEMM_CHAIN, taps));
    return columns_gathered(plan, channels, conv_axis_x(plan)->output) <=
           IMPLICIT_BYTES / (int64_t)sizeof(double);
}

/* Outputs of a tile in each direction: 4 saves more products and loses accuracy, which HIGHEST keeps, and float64. */
static int64_t winograd_m(const struct conv_plan *plan, const struct conv_options *options) {
    bool strides = conv_axis_x(plan)->stride > 1;
    return options->precision == CONV_HIGHEST || plan->dtype == DTYPE_FLOAT64 || strides ? 2 : 4;
}

static void cut_units(struct conv_plan *plan, const struct conv_options *options) {
    int64_t elem_bytes = (int64_t)dtype_bytes(plan->dtype);
    switch (plan->method) {
    case CONV_METHOD_BLAS: tile_blas(plan, elem_bytes); break;
    case CONV_METHOD_COLUMNS: tile_columns(plan, elem_bytes, options); break;
    case CONV_METHOD_IMPLICIT: tile_implicit(plan, elem_bytes, options); break;
    case CONV_METHOD_ROWS: tile_rows(plan, elem_bytes); break;
    case CONV_METHOD_WINOGRAD: tile_winograd(plan, elem_bytes, winograd_m(plan, options)); break;
    case CONV_METHOD_DEPTHWISE: tile_depthwise(plan, elem_bytes); break;
    case CONV_METHOD_ZONES: tile_zones(plan, elem_bytes); break;
    case CONV_METHOD_REFERENCE: tile_reference(plan); break;
    }
}

bool conv_plan_cut(struct conv_plan *plan, const struct conv_options *options) {
    cut_units(plan, options);
    return count_units(plan);
}
