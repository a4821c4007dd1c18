/*
 * Planning: the algorithm, the cut into units, the workspace.
 */
#include "lib/conv/plan.h"

#include "lib/conv/columns.h"
#include "lib/conv/depthwise.h"
#include "lib/conv/gather.h"
#include "lib/conv/winograd.h"

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    /* GEMM's column tile and DIRECT's gathered rows with the unit's sums: a quarter and an eighth of an L2
     * cache of 1 MiB, so that the weights and the output stay there beside them. */
    COLUMN_TILE_BYTES = 256 * 1024,
    GATHER_BYTES = 64 * 1024,
    SUMS_BYTES = 128 * 1024,

    /* COLUMNS: a unit's columns, what they are gathered from, and how many rows they have. */
    COLUMNS_BYTES = 192 * 1024,
    COLUMNS_GATHER_BYTES = 128 * 1024,
    COLUMNS_DEPTH = 8 * GEMM_CHAIN,

    /* WINOGRAD: a unit's transformed inputs, the sums of the output channels that are multiplied at once, and the most
     * channels for which they fit into the workspace. */
    WINOGRAD_INPUT_BYTES = 2 * 1024 * 1024,
    WINOGRAD_SUMS_BYTES = 256 * 1024,
    WINOGRAD_MOST_CHANNELS = 2048,
    /* A row of the input is copied for each phase of the rows; beyond this a few outputs would copy long rows. */
    WINOGRAD_MOST_DILATION = 64,

    /* DEPTHWISE: padded planes beside the output in an L1 cache of 32 KiB. With 16 KiB depthwise layers gain 3 % and
     * those of 4 to 32 channels lose 3 %, with 28 it is the reverse. */
    DEPTHWISE_BYTES = 20 * 1024,
    /* In one chain: with 3 x 3 windows over 16 channels the largest error of numbers of one sign is 1.06 of PyTorch's,
     * over 32 channels, in two chains, 0.6 to 0.9. */
    DEPTHWISE_PRODUCTS = 144,
    DEPTHWISE_ROWS = 7, /* of the highest tiles of the kernels */

    /* Multiply-accumulates that are worth handing to another thread, about 5 microseconds of one core. */
    PIECE_MACS = 1 << 18,

    /* Rows up to here are faster as one long row: 14 x 14, 256 channels, 3 x 3 runs at 78 GFLOP/s for 52 and
     * 7 x 7 at 41 for 24; from 28 columns on nothing is gained. */
    FLAT_COLS = 24,

    /* Vectors of every level divide it, so only the last tile of a plane has a masked rest. */
    COLS_STEP = 16,
};

static const char *const algorithm_names[] = {
#define CONV_ALGORITHM_NAME(NAME, name) [CONV_##NAME] = name,
    CONV_ALGORITHM_MAP(CONV_ALGORITHM_NAME)
#undef CONV_ALGORITHM_NAME
};

static const char *const precision_names[] = {
#define CONV_PRECISION_NAME(NAME, name) [CONV_##NAME] = name,
    CONV_PRECISION_MAP(CONV_PRECISION_NAME)
#undef CONV_PRECISION_NAME
};

static bool find_name(const char *const *names, int count, const char *name, int *found) {
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) {
            *found = i;
            return true;
        }
    return false;
}

const char *conv_algorithm_name(enum conv_algorithm algorithm) {
    return algorithm_names[algorithm];
}

bool conv_algorithm_find(const char *name, enum conv_algorithm *algorithm) {
    int found;
    bool known = find_name(algorithm_names, CONV_ALGORITHMS, name, &found);
    if (known)
        *algorithm = (enum conv_algorithm)found;
    return known;
}

const char *conv_precision_name(enum conv_precision precision) {
    return precision_names[precision];
}

bool conv_precision_find(const char *name, enum conv_precision *precision) {
    int found;
    bool known = find_name(precision_names, CONV_PRECISIONS, name, &found);
    if (known)
        *precision = (enum conv_precision)found;
    return known;
}

/* ---- the choice ---- */

/* K of the output that will be written: PyTorch gives 0 channels for C = 0, whatever the weight says. */
static int64_t outs_of(const struct layer_sizes *sizes) {
    return sizes->output.dim[sizes->output.rank - 3];
}

/* a * b, or INT64_MAX where that does not fit: for comparing with thresholds. */
static int64_t saturating_mul(int64_t a, int64_t b) {
    int64_t product;
    return checked_mul(a, b, &product) ? product : INT64_MAX;
}

static int64_t depth_of(const struct layer_sizes *sizes, int64_t groups) {
    int64_t taps = saturating_mul(sizes->axis[0].kernel, sizes->axis[1].kernel);
    return saturating_mul(sizes->channels / groups, taps);
}

static int64_t positions_of(const struct layer_sizes *sizes) {
    return saturating_mul(sizes->axis[0].output, sizes->axis[1].output);
}

bool conv_is_pointwise(const struct layer_sizes *sizes) {
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &sizes->axis[i];
        if (a->kernel != 1 || a->stride != 1 || a->pad_begin != 0 || a->pad_end != 0)
            return false;
    }
    return true;
}

bool conv_gemm_fits(const struct layer_sizes *sizes, int64_t groups) {
    return outs_of(sizes) <= INT32_MAX && depth_of(sizes, groups) <= INT32_MAX &&
           positions_of(sizes) <= INT32_MAX;
}

/* Whether WINOGRAD can do the layer at all: its formulas, and a workspace within bounds. */
static bool winograd_fits(const struct layer_sizes *sizes, int64_t groups) {
    int64_t channels = sizes->channels / groups, tiles;
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &sizes->axis[i];
        if (a->kernel != 3 || a->stride != 1 || a->dilation > WINOGRAD_MOST_DILATION || a->output > INT32_MAX)
            return false;
    }
    return channels > 0 && channels <= WINOGRAD_MOST_CHANNELS && outs_of(sizes) <= INT32_MAX &&
           checked_mul(positions_of(sizes), sizes->batch, &tiles);
}

/*
 * Whether WINOGRAD is the fastest. In brackets its time over the best of the others, with as many channels in as out:
 * the transforms are paid by the channels that share them (32 channels at 13 x 13: 1.35, 16 x 16: 0.9; 8 at 56 x 56:
 * 1.0, 112 x 112: 0.75; 64 at 9 x 9: 1.15, 10 x 10: 0.8; 128 at 7 x 7: 0.75; 256 at 7 x 7: 0.65, 16 x 16: 0.5), and inline the weights' by positions (128
 * at 7 x 7: 1.15, 9 x 9: 0.9; 256 at 14 x 14: 0.7).
 */
static bool winograd_pays(const struct layer_sizes *sizes, int64_t groups,
                          const struct conv_options *options) {
    int64_t channels = min_i64(sizes->channels, outs_of(sizes)) / groups;
    if (!winograd_fits(sizes, groups) || channels < 8)
        return false;
    for (int i = 0; i < 2; i++) {
        /* Every weight must meet most of the input: what it does not meet is rounded like what it does. */
        const struct window_axis *a = &sizes->axis[i];
        if (a->input < 6 * a->dilation - a->dilation / 2)
            return false;
    }
    int64_t least = channels >= 64 ? 100 : channels >= 16 ? 256 : 112 * 112;
    if (channels >= 128)
        least = options->prepared ? 49 : 81;
    return positions_of(sizes) >= least; /* of one image: the choice, and so the bits, do not depend on the others */
}

/*
 * Whether DEPTHWISE is as fast as ROWS where it can be had: by 1.1 to 2.4 from 2 to 32 channels of a group with 3 x 3
 * windows at sizes from 2 x 2 to 56 x 56, by 3 to 14 in depthwise layers. Not with larger windows where the columns
 * leave vectors half empty, which one long row does not (5 x 5, 8 channels: 0.5 at 4 columns, 0.8 at 10, 1.0 at 12), nor
 * GEMM's columns (3 x 3, 32 channels: 0.7 at 9 columns), nor where few products make a large output (3 channels, 3 x 3,
 * to 64 at 224 x 224: 0.8).
 */
static bool depthwise_pays(const struct layer_sizes *sizes, int64_t groups) {
    const struct window_axis *ax = &sizes->axis[1];
    if (!depthwise_takes(sizes, groups))
        return false;
    if (sizes->channels / groups <= 1)
        return true;
    int64_t lanes = ax->output <= 8 ? 8 : div_ceil_i64(ax->output, 16) * 16;
    if ((ax->kernel > 3 || sizes->channels / groups > 16) && ax->output < lanes / 4 * 3)
        return false;
    return depth_of(sizes, groups) > 27 || positions_of(sizes) < 112 * 112;
}

/*
 * The thresholds are where one overtook the other on one core with AVX-512, float32; in brackets GEMM's time over
 * DIRECT's there.
 */
enum conv_algorithm conv_choose(const struct layer_sizes *sizes, int64_t groups, enum dtype dtype,
                                const struct conv_options *options) {
    if (!conv_gemm_fits(sizes, groups))
        return CONV_DIRECT;
    int64_t outs = outs_of(sizes) / groups, depth = depth_of(sizes, groups), positions = positions_of(sizes);
    /* One tap: nothing to reuse, and the columns are the input itself or a sample of it (0.1 to 0.9). */
    if (sizes->axis[0].kernel == 1 && sizes->axis[1].kernel == 1)
        return CONV_GEMM;
    /* Few channels in narrow planes: 16 to 16 at 14 x 14 are 1.25 times as fast without transforms, 16 to 64 equally
     * fast; 32 to 32 at 16 x 16 are slower (0.9), as are 16 to 16 at 32 x 32 (0.8). */
    bool strides = sizes->axis[0].stride > 1 || sizes->axis[1].stride > 1;
    if (sizes->channels / groups <= 16 && outs <= (strides ? 16 : 64) && positions <= 16 * 16 &&
        depthwise_pays(sizes, groups))
        return CONV_DIRECT;
    if (dtype == DTYPE_FLOAT32 && winograd_pays(sizes, groups, options))
        return CONV_WINOGRAD;
    /* Small windows over few channels: a padded copy of the planes is enough, and columns only cost (3 x 3 over 8 to 32
     * channels, to 16: 1.0 to 1.4; to 32 with stride 1: 0.8 to 1.05, with stride 2: 0.6 to 1.15; to 64: 0.6 to 0.95).
     * The groups of a layer share nothing, so there they pay for more, as do larger windows (7 x 7 over 3, to 64: 1.0). */
    bool one_group = groups == 1 && sizes->axis[0].kernel == 3;
    if (outs <= (one_group ? 16 : 64) && depthwise_pays(sizes, groups))
        return CONV_DIRECT;
    /* Few output channels do not pay for the columns (4 channels: 1.4 to 1.6, 6: 1.6, 12: 1.15; 16: 0.8). */
    if (outs <= 12)
        return CONV_DIRECT;
    /* First layers: short sums over wide planes, or few of them (3 x 3 over 3 channels: 1.05 to 1.15; 7 x 7: 0.9). */
    if (depth >= 16 && depth <= 27 && (outs <= 32 || positions >= 112 * 112))
        return CONV_DIRECT;
    return CONV_GEMM;
}

/* ---- the cut into units ---- */

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
    case CONV_METHOD_COLUMNS: return positions_of(&plan->sizes);
    case CONV_METHOD_WINOGRAD: return winograd_tiles(plan);
    case CONV_METHOD_ROWS:
    case CONV_METHOD_DEPTHWISE:
    case CONV_METHOD_REFERENCE: break;
    }
    return conv_axis_x(plan)->output;
}

static void tile_blas(struct conv_plan *plan, int64_t elem_bytes) {
    struct conv_tiles *t = &plan->tiles;
    int64_t depth = depth_of(&plan->sizes, plan->groups), positions = positions_of(&plan->sizes);
    /* A sum of n products of one sign in blocks of b is off by about sqrt(b * b / n) + sqrt(n / b) roundings:
     * with 128, 1 to 2 * 2^-22 of the sum (PyTorch: 1 to 4), and 2 to 5 % slower than with 256. */
    t->depth = even_part_at_most(depth, depth <= 4608 ? 128 : 256, 1);
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
        plan->workspace_bytes_per_slot = (size_t)(div_ceil_i64(t->depth * t->cols, 64) * 64 * elem_bytes);
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
    t->taps = even_part_at_most(ax->kernel, DIRECT_PRODUCTS, 1);
    t->tap_rows = even_part_at_most(ay->kernel, DIRECT_PRODUCTS / t->taps, 1);
    bool whole = t->taps == ax->kernel && t->tap_rows == ay->kernel;
    t->channels =
        whole ? even_part_at_most(plan->group_channels, DIRECT_PRODUCTS / (t->taps * t->tap_rows), 1) : 1;
    t->outs = even_part_at_most(plan->group_outs, 64, 4);
    t->cols = even_part_at_most(ax->output, 256, COLS_STEP);
    int64_t most = max_i64(1, min_i64(ay->output, SUMS_BYTES / elem_bytes / (t->outs * t->cols)));
    while (most > 1 && gathered_elems(plan, most) > GATHER_BYTES / elem_bytes)
        most /= 2;
    t->rows = even_part_at_most(ay->output, most, 1);
    t->flat = flat_pays(plan);
    int64_t calls = direct_calls(plan);
    t->calls_per_sum = max_i64(DIRECT_CALLS, (int64_t)ceil(sqrt((double)calls)));
    t->two_level = t->flat || calls > DIRECT_CALLS;
    t->gathered = div_ceil_i64(gathered_elems(plan, t->rows), 64) * 64;
    int64_t sum_cols = t->flat ? gather_layout(ax, t->cols, t->taps, true).count : t->cols;
    int64_t sums = t->two_level ? div_ceil_i64(t->outs * t->rows * sum_cols, 64) * 64 : 0;
    plan->workspace_bytes_per_slot = (size_t)((t->gathered + sums) * elem_bytes);
}

/* Elements that a unit of `cols` positions gathers, of `channels` channels. */
static int64_t columns_gathered(const struct conv_plan *plan, int64_t channels, int64_t cols) {
    struct columns_span span = columns_widest_span(plan, cols);
    int64_t elems;
    return checked_mul(columns_layout(plan, &span).channel_step, channels, &elems) ? elems : INT64_MAX;
}

/* A unit's columns in whole tiles, so that there is an even number of units for two threads. */
static int64_t columns_at_once(int64_t positions, int64_t most, int64_t tile_cols) {
    int64_t tiles = div_ceil_i64(positions, tile_cols),
            blocks = div_ceil_i64(tiles, max_i64(1, most / tile_cols));
    blocks += blocks > 1 && blocks % 2 != 0;
    return div_ceil_i64(tiles, blocks) * tile_cols;
}

/*
 * Units of a pointwise layer are made of nothing but the input itself, so that they can be small: 40 µs of one core, and
 * at least six of 20 µs where there is so much to do. Threads that are held up then take fewer.
 */
static void share_pointwise(struct conv_plan *plan, int64_t tile_cols) {
    struct conv_tiles *t = &plan->tiles;
    int64_t positions = positions_of(&plan->sizes), channels = max_i64(1, plan->group_channels);
    int64_t most = 8 * PIECE_MACS / max_i64(1, saturating_mul(plan->group_outs, channels));
    if (most < t->cols)
        t->cols = columns_at_once(positions, max_i64(most, 2 * tile_cols), tile_cols);
    int64_t blocks = max_i64(1, div_ceil_i64(positions, t->cols));
    int64_t macs = saturating_mul(saturating_mul(plan->group_outs, positions), channels) / blocks;
    int64_t parts = min_i64(div_ceil_i64(6, blocks), macs / (4 * PIECE_MACS));
    if (plan->groups == 1 && parts > 1)
        t->outs = even_part(plan->group_outs, min_i64(parts, div_ceil_i64(plan->group_outs, 2 * GEMM_BLOCK)), GEMM_BLOCK);
}

static void tile_columns(struct conv_plan *plan, int64_t elem_bytes, const struct conv_options *options) {
    struct conv_tiles *t = &plan->tiles;
    const struct gemm_kernels *kernels = kernels_get()->gemm;
    int64_t tile_cols = plan->dtype == DTYPE_FLOAT32 ? kernels->cols_f32 : kernels->cols_f64;
    int64_t taps = conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel,
            positions = positions_of(&plan->sizes);
    t->channels = max_i64(1, even_part_at_most(plan->group_channels, max_i64(1, COLUMNS_DEPTH / taps), 1));
    t->depth = t->channels * taps;
    t->rows = 1;
    t->cols = columns_at_once(positions, COLUMNS_BYTES / elem_bytes / t->depth, tile_cols);
    t->outs = plan->group_outs;
    if (options->prepared)
        plan->packed_bytes = (size_t)(columns_packed(plan) * elem_bytes);
    if (conv_is_pointwise(&plan->sizes)) {
        share_pointwise(plan, tile_cols);
        return;
    }
    int64_t blocks = div_ceil_i64(positions, t->cols);
    int64_t macs = saturating_mul(t->outs * t->cols, depth_of(&plan->sizes, plan->groups));
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
    size_t bytes = (size_t)((t->gathered + t->columns) * elem_bytes) + (size_t)t->depth * sizeof(int32_t) +
                   (size_t)t->cols * sizeof(struct gemm_piece);
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
    int64_t vector_bytes = COLS_STEP * elem_bytes * points * plan->group_channels;
    int64_t least = 3 * vector_bytes <= CONV_MOST_WORKSPACE_BYTES / 4 * 3 ? 3 : 1;
    int64_t vectors = div_ceil_i64(tiles, COLS_STEP);
    int64_t units = div_ceil_i64(vectors, max_i64(least, WINOGRAD_INPUT_BYTES / vector_bytes));
    return div_ceil_i64(vectors, max_i64(1, units)) * COLS_STEP;
}

static void tile_winograd(struct conv_plan *plan, int64_t elem_bytes, int64_t m) {
    struct conv_tiles *t = &plan->tiles;
    tile_rows(plan, elem_bytes); /* for what is not finite */
    plan->again = *t;
    size_t again_bytes = plan->workspace_bytes_per_slot;
    *t = (struct conv_tiles){.winograd_m = m};
    struct winograd_grid grid = winograd_grid(plan);
    int64_t tiles = winograd_tiles(plan);
    t->rows = 1;
    t->cols = max_i64(COLS_STEP, winograd_tiles_at_once(plan, tiles, grid.points, elem_bytes));
    t->outs = plan->group_outs;
    t->outs_at_once =
        min_i64(t->outs, max_i64(16, WINOGRAD_SUMS_BYTES / elem_bytes / grid.points / t->cols / 16 * 16));
    t->depth = even_part_at_most(plan->group_channels, COLUMNS_DEPTH, GEMM_CHAIN);
    if (tiles <= t->cols && t->outs >= 32 && plan->groups == 1)
        t->outs = even_part(t->outs, 2, COLS_STEP);
    struct winograd_memory memory = winograd_memory(plan);
    size_t bytes = (size_t)(memory.total * elem_bytes);
    plan->workspace_bytes_per_slot = (bytes > again_bytes ? bytes : again_bytes);
    int64_t plain = plan->groups * plan->group_outs * plan->group_channels * 9;
    plan->packed_bytes = (size_t)((winograd_transformed(plan) + plain) * elem_bytes);
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
    int64_t unit_macs = saturating_mul(outputs, max_i64(1, depth_of(&plan->sizes, plan->groups)));
    t->groups = max_i64(1, t->groups);
    t->group_blocks = div_ceil_i64(plan->groups, t->groups);
    t->units_per_piece = max_i64(1, PIECE_MACS / saturating_mul(unit_macs, t->groups));
    t->out_blocks = div_ceil_i64(plan->group_outs, t->outs);
    t->row_blocks = div_ceil_i64(total_rows(plan), t->rows);
    t->col_blocks = div_ceil_i64(total_cols(plan), t->cols);
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
    unit.x = index % t->col_blocks * t->cols;
    index /= t->col_blocks;
    unit.y = index % t->row_blocks * t->rows;
    index /= t->row_blocks;
    unit.group = index % t->group_blocks * t->groups;
    unit.image = index / t->group_blocks;
    unit.groups = min_i64(t->groups, plan->groups - unit.group);
    unit.k = unit.group * plan->group_outs + k;
    unit.outs = min_i64(t->outs, plan->group_outs - k);
    unit.rows = min_i64(t->rows, total_rows(plan) - unit.y);
    unit.cols = min_i64(t->cols, total_cols(plan) - unit.x);
    return unit;
}

/* ---- the plan ---- */

/* Panels of whole channels, gathered with their halo: for windows and dilations that let a part of the plane stay
 * in cache. */
static bool columns_fit(const struct conv_plan *plan) {
    const struct gemm_kernels *kernels = kernels_get()->gemm;
    int64_t taps = saturating_mul(conv_axis_y(plan)->kernel, conv_axis_x(plan)->kernel);
    if (conv_is_pointwise(&plan->sizes))
        return true;
    return taps <= 2 * COLUMNS_DEPTH && positions_of(&plan->sizes) > 0 &&
           columns_gathered(plan, max_i64(1, COLUMNS_DEPTH / taps),
                            min_i64(kernels->cols_f32, positions_of(&plan->sizes))) <= COLUMNS_GATHER_BYTES;
}

/* Outputs of a tile in each direction: 4 saves more products and loses accuracy, which HIGHEST keeps, and float64. */
static int64_t winograd_m(enum dtype dtype, const struct conv_options *options) {
    return options->precision == CONV_HIGHEST || dtype == DTYPE_FLOAT64 ? 2 : 4;
}

/* Portable C has registers for one channel only (4 to 32 channels: 0.6 to 1.0 of ROWS' speed). */
static enum conv_method direct_method(const struct conv_plan *plan) {
    bool level_pays = plan->group_channels <= kernels_get()->depthwise->pays_channels;
    return level_pays && depthwise_pays(&plan->sizes, plan->groups) ? CONV_METHOD_DEPTHWISE
                                                                    : CONV_METHOD_ROWS;
}

static void choose(struct conv_plan *plan, const struct conv_options *options) {
    plan->algorithm = options->algorithm;
    if (plan->algorithm == CONV_AUTO)
        plan->algorithm = conv_choose(&plan->sizes, plan->groups, plan->dtype, options);
    switch (plan->algorithm) {
    case CONV_DIRECT: plan->method = direct_method(plan); break;
    case CONV_GEMM: plan->method = columns_fit(plan) ? CONV_METHOD_COLUMNS : CONV_METHOD_BLAS; break;
    case CONV_WINOGRAD: plan->method = CONV_METHOD_WINOGRAD; break;
    default: plan->method = CONV_METHOD_REFERENCE; break;
    }
}

static enum status check_algorithm(const struct conv_plan *plan, struct fault *fault) {
    if (plan->algorithm == CONV_WINOGRAD && !winograd_fits(&plan->sizes, plan->groups))
        return fault_set(
            fault, STATUS_UNSUPPORTED, "algorithm",
            "algorithm \"winograd\" takes 3 x 3 kernels with stride 1, dilations up to %d and 1 to %d input "
            "channels a group; ask for \"auto\", \"gemm\" or \"direct\"",
            WINOGRAD_MOST_DILATION, WINOGRAD_MOST_CHANNELS);
    if (plan->algorithm == CONV_GEMM && !conv_gemm_fits(&plan->sizes, plan->groups))
        return fault_set(
            fault, STATUS_UNSUPPORTED, "algorithm",
            "algorithm \"gemm\" takes matrices of up to 2147483647 rows and columns, and this layer's "
            "output planes, channels or kernels are larger; ask for \"auto\" or \"direct\"");
    return STATUS_OK;
}

static void cut(struct conv_plan *plan, const struct conv_options *options) {
    int64_t elem_bytes = (int64_t)dtype_bytes(plan->dtype);
    switch (plan->method) {
    case CONV_METHOD_BLAS: tile_blas(plan, elem_bytes); break;
    case CONV_METHOD_COLUMNS: tile_columns(plan, elem_bytes, options); break;
    case CONV_METHOD_ROWS: tile_rows(plan, elem_bytes); break;
    case CONV_METHOD_WINOGRAD: tile_winograd(plan, elem_bytes, winograd_m(plan->dtype, options)); break;
    case CONV_METHOD_DEPTHWISE: tile_depthwise(plan, elem_bytes); break;
    case CONV_METHOD_REFERENCE: tile_reference(plan); break;
    }
}

enum status conv_plan(struct conv_plan *plan, const struct layer *layer, const struct shape *input,
                      enum dtype dtype, const struct conv_options *options, struct fault *fault) {
    *plan = (struct conv_plan){.dtype = dtype};
    enum status status = layer_sizes(layer, input, &plan->sizes, fault);
    if (status != STATUS_OK)
        return status;
    if (dtype != DTYPE_FLOAT32 && dtype != DTYPE_FLOAT64)
        return fault_set(fault, STATUS_INVALID_VALUE, "dtype",
                         "dtype is %s; a convolution takes float32 and float64", dtype_name(dtype));
    plan->padding_mode = layer->conv.padding_mode;
    plan->groups = layer->conv.groups;
    plan->group_channels = plan->sizes.channels / plan->groups;
    plan->group_outs = outs_of(&plan->sizes) / plan->groups;
    choose(plan, options);
    status = check_algorithm(plan, fault);
    if (status != STATUS_OK || plan->group_outs == 0)
        return status; /* without output channels there are no units */
    cut(plan, options);
    if (!count_units(plan))
        return fault_set(fault, STATUS_TOO_LARGE, "input",
                         "the output has more elements than 63 bits can count");
    return STATUS_OK;
}

void conv_plan_describe(const struct conv_plan *plan, char *text, size_t capacity) {
    static const char *const methods[] = {"reference", "rows", "blas", "columns", "winograd", "depthwise"};
    const struct conv_tiles *t = &plan->tiles;
    snprintf(text, capacity, "%s: %lld x %lld x %lld, depth %lld, m %lld, %lld units", methods[plan->method],
             (long long)t->outs, (long long)t->rows, (long long)t->cols, (long long)t->depth,
             (long long)t->winograd_m, (long long)t->units);
}
