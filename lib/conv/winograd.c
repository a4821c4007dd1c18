#include "lib/conv/winograd.h"

#include "lib/base/checked.h"
#include "lib/conv/gather.h"
#include "lib/conv/winograd_ends.h"
#include "lib/kernels/kernels.h"

#include <stddef.h>
#include <string.h>

struct winograd_grid winograd_grid(const struct conv_plan *plan) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct winograd_grid grid = {.m = plan->tiles.winograd_m, .dilation = {ay->dilation, ax->dilation}};
    grid.step = grid.m * ax->stride;
    grid.n = ax->stride == 1 ? grid.m + 2 : 5;
    grid.points = grid.n * grid.n;
    grid.matrices = ax->stride == 1 ? grid.points : 4 * 4;
    grid.planes = min_i64(ay->dilation, ay->output);
    grid.phases = min_i64(ax->dilation, ax->output);
    grid.rows = div_ceil_i64(div_ceil_i64(ay->output, ay->dilation), grid.m);
    grid.cols = div_ceil_i64(div_ceil_i64(ax->output, ax->dilation), grid.m) * grid.phases;
    grid.tiles = grid.rows * grid.cols;
    grid.parts[0] = div_ceil_i64(ay->kernel, 3);
    grid.parts[1] = div_ceil_i64(ax->kernel, 3);
    grid.depth = plan->group_channels * grid.parts[0] * grid.parts[1];
    return grid;
}

/*
 * From one point's matrix of `elems` elements to the next. Between them is room for what kernels write behind their
 * tiles, and they are apart by an odd number of vectors: powers of two would put all points into the same few sets of
 * a cache.
 */
static int64_t points_step(int64_t elems) {
    int64_t vectors = div_ceil_i64(elems + WINOGRAD_SLACK, 16);
    return (vectors + (vectors % 2 == 0)) * 16;
}

static int64_t aligned(int64_t elems) {
    return div_ceil_i64(elems + WINOGRAD_SLACK, 16) * 16;
}

/* Whether a row of tiles is longer than a unit: each run is then gathered by itself, else all of a plane's together. */
static bool winograd_wide(const struct winograd_grid *grid, const struct conv_tiles *tiles) {
    return grid->cols > tiles->cols;
}

/* Columns of the input under `tiles` tiles of a row, the last of them and those before it in whole blocks of phases. */
static int64_t row_elems(const struct winograd_grid *grid, int64_t tiles) {
    int64_t blocks = div_ceil_i64(tiles, grid->phases);
    return (blocks * grid->step - 1) * grid->dilation[1] + grid->phases;
}

struct winograd_memory winograd_memory(const struct conv_plan *plan) {
    struct winograd_grid grid = winograd_grid(plan);
    const struct conv_tiles *t = &plan->tiles;
    struct winograd_memory memory;
    bool wide = winograd_wide(&grid, t);
    int64_t rows = wide ? 1 : min_i64(grid.rows, div_ceil_i64(t->cols - 1, grid.cols) + 1);
    memory.v_step = points_step(grid.depth * t->cols);
    memory.v = aligned(memory.v_step * grid.points);
    memory.s_step = points_step(t->outs_at_once * t->cols);
    memory.s = aligned(memory.s_step * grid.points);
    memory.suspect_step = aligned(t->cols);
    memory.suspect = memory.suspect_step * div_ceil_i64(t->outs, GEMM_BLOCK);
    bool dilated = grid.dilation[1] > 1;
    /* Runs begin and end with whole blocks of phases. */
    int64_t width =
        wide ? div_ceil_i64(t->cols, grid.phases) * grid.phases + (dilated ? grid.phases : 0) : grid.cols;
    memory.split_step = div_ceil_i64(width + grid.phases, ROW_RUN) * ROW_RUN;
    memory.row =
        plan->padding_mode == PADDING_ZEROS && !dilated ? 0 : aligned(row_elems(&grid, memory.split_step));
    memory.split = aligned(memory.split_step * grid.step * ((rows - 1) * grid.step + grid.n));
    memory.out_step = grid.m * min_i64(t->cols, grid.cols);
    memory.out = dilated ? aligned(memory.out_step * grid.m) : 0;
    memory.total = memory.v + memory.s + memory.suspect + memory.row + memory.split + memory.out;
    return memory;
}

static int64_t blocks_of_group(const struct conv_plan *plan) {
    return div_ceil_i64(plan->group_outs, GEMM_BLOCK);
}

/* Elements of one point's matrix of one group. */
static int64_t matrix_elems(const struct conv_plan *plan) {
    return blocks_of_group(plan) * GEMM_BLOCK * winograd_grid(plan).depth;
}

struct winograd_packing winograd_packing(const struct conv_plan *plan) {
    int64_t row = conv_depth(&plan->sizes, plan->groups);
    struct winograd_packing packing;
    packing.plain = plan->groups * winograd_grid(plan).matrices * matrix_elems(plan);
    packing.largest = packing.plain + plan->groups * plan->group_outs * row;
    packing.again = packing.largest + plan->groups * blocks_of_group(plan) * row;
    packing.total = packing.again + plan->groups * blocks_of_group(plan);
    return packing;
}

/* A run of neighbouring tiles in one row of one plane; its first is tile `at` of the unit. */
struct run {
    int64_t at, tiles;
    int64_t image, plane, y, x; /* y and x in tiles */
};

/* The run that begins at tile `at` of the unit. */
static struct run run_at(const struct winograd_grid *grid, const struct conv_unit *unit, int64_t at) {
    int64_t tile = unit->x + at, plane = tile / grid->tiles;
    struct run run = {.at = at, .image = plane / grid->planes, .plane = plane % grid->planes};
    run.y = tile % grid->tiles / grid->cols;
    run.x = tile % grid->cols;
    run.tiles = min_i64(grid->cols - run.x, unit->cols - at);
    return run;
}

/* Row i of the outputs of a row of tiles. */
static int64_t run_row(const struct winograd_grid *grid, const struct run *run, int64_t i) {
    return run->plane + grid->dilation[0] * (run->y * grid->m + i);
}

/* Row i of the inputs of a row of tiles, without padding. */
static int64_t run_input_row(const struct winograd_grid *grid, const struct run *run, int64_t i) {
    return run->plane + grid->dilation[0] * (run->y * grid->step + i);
}

/* The first column of tile number `tile` of a row. */
static int64_t tile_col(const struct winograd_grid *grid, int64_t tile) {
    return tile % grid->phases + grid->dilation[1] * (tile / grid->phases * grid->m);
}

/* The first column of the input that it sees, without padding. */
static int64_t tile_input_col(const struct winograd_grid *grid, int64_t tile) {
    return tile % grid->phases + grid->dilation[1] * (tile / grid->phases * grid->step);
}

/* The matrix of weights of point xi. */
static int64_t matrix_of(const struct winograd_grid *grid, int64_t xi) {
    return grid->matrices == grid->points ? xi : 4 * min_i64(xi / grid->n, 3) + min_i64(xi % grid->n, 3);
}

/* ---- outputs that are computed once more ---- */

enum {
    SUSPECTS_AT_ONCE = 48,
    SUSPECTS_DEPTH = GEMM_SHORTEST_CHAIN << GEMM_LEVELS, /* of the weights, for one product of matrices */
};

/*
 * `count` of them, of at most `most`: the unit's tile that each is in, its image, the row and column that it sees under the
 * first tap, and where it is in the first channel's output.
 */
struct suspects {
    int64_t most, count;
    int64_t tile[SUSPECTS_AT_ONCE], image[SUSPECTS_AT_ONCE], top[SUSPECTS_AT_ONCE], left[SUSPECTS_AT_ONCE],
        at[SUSPECTS_AT_ONCE];
};

/* Those whose columns have room in v, which has 16 points of 16 tiles at the least for the 9 taps of a part. */
static int64_t suspects_at_once(const struct conv_plan *plan, const struct winograd_memory *memory) {
    return min_i64(SUSPECTS_AT_ONCE, memory->v / conv_depth(&plan->sizes, plan->groups));
}

/* Output number i of the m * m of a run's tile t, if there is one; whether that makes as many as there is room for. */
static bool add_suspect(const struct conv_plan *plan, const struct winograd_grid *grid, const struct run *run,
                        int64_t t, int64_t i, struct suspects *suspects) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t y = run_row(grid, run, i / grid->m), n = suspects->count;
    int64_t x = tile_col(grid, run->x + t) + i % grid->m * grid->dilation[1];
    if (y >= ay->output || x >= ax->output)
        return false;
    suspects->tile[n] = run->at + t;
    suspects->image[n] = run->image;
    suspects->top[n] = y * ay->stride - ay->pad_begin;
    suspects->left[n] = x * ax->stride - ax->pad_begin;
    suspects->at[n] = (run->image * plan->groups * plan->group_outs * ay->output + y) * ax->output + x;
    return ++suspects->count == suspects->most;
}

/* gather_index, where most positions are inside. */
static int64_t seen_index(int64_t position, int64_t size, enum padding_mode mode) {
    if (position >= 0 && position < size)
        return position;
    return mode == PADDING_ZEROS ? -1 : gather_index(position, size, mode);
}

/* Where the row that each of them sees under row i of the window begins in the first channel's input; -1 for zeros. */
static void see_rows(const struct conv_plan *plan, const struct suspects *suspects, int64_t i,
                     int64_t *rows) {
    const struct window_axis *ay = conv_axis_y(plan);
    for (int64_t p = 0; p < suspects->count; p++) {
        int64_t row = seen_index(suspects->top[p] + i * ay->dilation, ay->input, plan->padding_mode);
        int64_t first = suspects->image[p] * plan->sizes.channels * ay->input;
        rows[p] = row < 0 ? -1 : (first + row) * conv_axis_x(plan)->input;
    }
}

/* And what each sees in it under column j. */
static void see_cols(const struct conv_plan *plan, const struct suspects *suspects, int64_t j,
                     const int64_t *rows, int64_t *seen) {
    const struct window_axis *ax = conv_axis_x(plan);
    for (int64_t p = 0; p < suspects->count; p++) {
        int64_t col = seen_index(suspects->left[p] + j * ax->dilation, ax->input, plan->padding_mode);
        seen[p] = rows[p] < 0 || col < 0 ? -1 : rows[p] + col;
    }
}

/* Whether tile t of a run sees an end of its plane so that it may show. */
static bool sees_ends(const struct conv_plan *plan, const struct winograd_grid *grid, const struct run *run,
                      int64_t t) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t rows = grid->n + 3 * (grid->parts[0] - 1), cols = grid->n + 3 * (grid->parts[1] - 1);
    return winograd_sees_end(ay, run_input_row(grid, run, 0) - ay->pad_begin, rows) ||
           winograd_sees_end(ax, tile_input_col(grid, run->x + t) - ax->pad_begin, cols);
}

/* The most weights beside zeros of an output that has few: twice as many as have been seen near the bound. */
enum { FEW_WEIGHTS = 6 };

/* The most parts whose weights are cut out at once. */
enum { PARTS_AT_ONCE = 36 };

#define REAL       float
#define NAME(stem) stem##_f32
#define SET(grid)                                                                                            \
    ((grid).step > (grid).m ? kernels_get()->winograd->m2s2_f32                                              \
     : (grid).m == 2        ? kernels_get()->winograd->m2_f32                                                \
                            : kernels_get()->winograd->m4_f32)
#include "lib/conv/winograd.inc.h"
#undef REAL
#undef NAME
#undef SET

#define REAL       double
#define NAME(stem) stem##_f64
#define SET(grid)                                                                                            \
    ((grid).step > (grid).m ? kernels_get()->winograd->m2s2_f64                                              \
     : (grid).m == 2        ? kernels_get()->winograd->m2_f64                                                \
                            : kernels_get()->winograd->m4_f64)
#include "lib/conv/winograd.inc.h"
