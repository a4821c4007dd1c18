/*
 * One row of outputs, for one dtype. Included once by rows_f32.c and once by rows_f64.c, which define
 *
 *   REAL          the element type            NAMED(name)   the name with the dtype's suffix
 *   REAL_SQRT     its square root             MAX_RUN       the kernel for a run's maximum
 *   SUM_RUNS      the kernel for a run's sum, where sums may be taken in any order
 */
#include "lib/pooling/window.h"

#include <math.h>

#define ROW    struct NAMED(row)
#define BEST   struct NAMED(best)
#define INLINE static inline __attribute__((always_inline))

/* A row of outputs and the windows' place in the input. */
struct NAMED(row) {
    const struct pooling_job *job;
    const REAL *plane;
    REAL *out;
    int64_t *indices;
    struct taps y;
};

/* Distance of two taps along an axis. */
INLINE int64_t NAMED(step)(const ROW *row, int axis) {
    return pooling_is_adaptive(row->job->plan) ? 1 : row->job->plan->sizes.axis[axis].dilation;
}

/* Position in the plane of column `x` under the window's tap `i` from above. */
INLINE int64_t NAMED(position)(const ROW *row, int64_t i, int64_t x) {
    return (row->y.first + i * NAMED(step)(row, 0)) * row->job->plan->sizes.axis[1].input + x;
}

/* Position of the first tap of output `x`, whose window is inside the input from left to right. */
INLINE int64_t NAMED(position_abreast)(const ROW *row, int64_t i, int64_t x) {
    const struct window_axis *axis = &row->job->plan->sizes.axis[1];
    return NAMED(position)(row, i, x * axis->stride - axis->pad_begin);
}

/*
 * The runs of neighbouring cells that make a window: its rows, or all of them in one where it is as wide as the
 * input.
 */
struct NAMED(runs) {
    int64_t count, cells;
};

INLINE struct NAMED(runs) NAMED(runs)(const ROW *row, struct taps x) {
    if (x.count == row->job->plan->sizes.axis[1].input && NAMED(step)(row, 0) == 1)
        return (struct NAMED(runs)){1, row->y.count * x.count};
    return (struct NAMED(runs)){row->y.count, x.count};
}

/* ---- max ---- */

/* PyTorch's rule: a cell replaces the best before it when it is larger, or NaN. */
INLINE bool NAMED(wins)(REAL cell, REAL best) {
    return (cell > best) | (cell != cell);
}

struct NAMED(best) {
    REAL value;
    int64_t index;
};

/* The position of the cell that PyTorch takes for the maximum `top`: the last NaN, or the first equal cell.
 */
static int64_t NAMED(find)(const ROW *row, struct taps x, REAL top) {
    bool last = top != top;
    for (int64_t n = 0; n < row->y.count; n++) {
        int64_t index = NAMED(position)(row, last ? row->y.count - 1 - n : n, x.first);
        const REAL *cells = row->plane + index;
        int64_t at = 0;
        if (last) {
            for (at = x.count - 1; at >= 0 && cells[at] == cells[at]; at--)
                continue;
        } else {
            while (at < x.count && cells[at] < top)
                at++;
        }
        if (at >= 0 && at < x.count)
            return index + at;
    }
    return -1;
}

/* A window of wide rows: its maximum first, then the cell that gives it. Where nobody asks for that cell, only
 * zero needs it for its sign, and NaN for its bits. */
static BEST NAMED(max_wide)(const ROW *row, struct taps x, struct NAMED(runs) runs) {
    REAL top = (REAL)-INFINITY;
    for (int64_t i = 0; i < runs.count; i++) {
        REAL most = kernels_get()->pool->MAX_RUN(row->plane + NAMED(position)(row, i, x.first), runs.cells);
        top = NAMED(wins)(most, top) ? most : top;
    }
    if (row->indices == NULL && (top < 0 || top > 0))
        return (BEST){.value = top};
    int64_t index = NAMED(find)(row, x, top);
    return (BEST){.value = row->plane[index], .index = index};
}

static BEST NAMED(max_window)(const ROW *row, struct taps x) {
    BEST best = {.value = (REAL)-INFINITY, .index = -1};
    if (x.count == 0 || row->y.count == 0)
        return best;
    int64_t step = NAMED(step)(row, 1);
    struct NAMED(runs) runs = NAMED(runs)(row, x);
    if (step == 1 && runs.cells >= RUN_CELLS)
        return NAMED(max_wide)(row, x, runs);
    best.index = NAMED(position)(row, 0, x.first);
    for (int64_t i = 0; i < row->y.count; i++) {
        int64_t index = NAMED(position)(row, i, x.first);
        for (int64_t j = 0; j < x.count; j++, index += step) {
            REAL cell = row->plane[index];
            int64_t wins = -(int64_t)NAMED(wins)(cell, best.value);
            best.index = (index & wins) | (best.index & ~wins);
            best.value = row->plane[best.index];
        }
    }
    return best;
}

static void NAMED(max_windows)(const ROW *row, int64_t begin, int64_t end) {
    for (int64_t x = begin; x < end; x++) {
        BEST best = NAMED(max_window)(row, pooling_taps(row->job->plan, 1, x));
        row->out[x] = best.value;
        if (row->indices != NULL)
            row->indices[x] = best.index;
    }
}

/* ---- averages and powers ---- */

/*
 * out = in^exponent, rounded to REAL, which shows in what overflows. The special cases are those of torch.pow
 * (PowKernel.cpp): a root of -Infinity is NaN, where C's pow would give Infinity.
 */
static void NAMED(power)(REAL *out, const REAL *in, int64_t count, double exponent) {
#define EACH(expression)                                                                                     \
    for (int64_t i = 0; i < count; i++) {                                                                    \
        REAL x = in[i];                                                                                      \
        out[i] = (expression);                                                                               \
    }
    if (exponent == 1)
        EACH(x)
    else if (exponent == 2)
        EACH(x * x)
    else if (exponent == 3)
        EACH(x * x * x)
    else if (exponent == 0.5)
        EACH(REAL_SQRT(x))
    else if (exponent == -0.5)
        EACH(1 / REAL_SQRT(x))
    else if (exponent == -1)
        EACH(1 / x)
    else if (exponent == -2)
        EACH(1 / (x * x))
    else
        EACH((REAL)pow((double)x, exponent))
#undef EACH
}

/* sum + the cells, from left to right, or as a run where that cannot be told. */
static double NAMED(add_cells)(double sum, const REAL *cells, int64_t count) {
#ifdef SUM_RUNS
    if (count >= RUN_CELLS) {
        double run;
        kernels_get()->pool->SUM_RUNS(&run, cells, count, 1);
        return sum + run;
    }
#endif
    for (int64_t i = 0; i < count; i++)
        sum += (double)cells[i];
    return sum;
}

static double NAMED(add_powers)(double sum, const REAL *cells, int64_t count, double exponent) {
    REAL powers[POWER_CELLS];
    for (int64_t i = 0; i < count; i += POWER_CELLS) {
        int64_t piece = min_i64(count - i, POWER_CELLS);
        NAMED(power)(powers, cells + i, piece, exponent);
        sum = NAMED(add_cells)(sum, powers, piece);
    }
    return sum;
}

static double NAMED(sum_window)(const ROW *row, struct taps x) {
    const struct layer_pooling *layer = &row->job->plan->layer;
    const struct NAMED(runs) runs = NAMED(runs)(row, x);
    double sum = 0;
    for (int64_t i = 0; i < runs.count; i++) {
        const REAL *cells = row->plane + NAMED(position)(row, i, x.first);
        if (layer->mode == POOLING_LP)
            sum = NAMED(add_powers)(sum, cells, runs.cells, layer->norm_type);
        else
            sum = NAMED(add_cells)(sum, cells, runs.cells);
    }
    return sum;
}

/* (k * mean)^(1/p) for `count` means, k being the full window. Adding 0 makes -0 to 0, as sign() * relu()
 * does. */
static void NAMED(roots)(const ROW *row, REAL *means, int64_t count) {
    const struct pooling_plan *plan = row->job->plan;
    REAL cells = (REAL)((double)plan->sizes.axis[0].kernel * (double)plan->sizes.axis[1].kernel);
    for (int64_t i = 0; i < count; i++)
        means[i] = (means[i] + 0) * cells;
    NAMED(power)(means, means, count, 1 / plan->layer.norm_type);
}

static void NAMED(mean_windows)(const ROW *row, int64_t begin, int64_t end) {
    bool adaptive = pooling_is_adaptive(row->job->plan);
    for (int64_t at = begin; at < end; at++) {
        struct taps x = pooling_taps(row->job->plan, 1, at);
        row->out[at] = 0;
        if (x.count == 0 || row->y.count == 0)
            continue;
        double sum = NAMED(sum_window)(row, x);
        if (adaptive)
            row->out[at] = (REAL)(sum / (double)row->y.count / (double)x.count); /* PyTorch divides twice */
        else
            row->out[at] = (REAL)(sum / pooling_divisor(row->job->plan, row->y, x));
    }
}

/* sum[x] += cells[x * stride + j], j = 0 .. kernel - 1. With constants for the last two it becomes straight
 * vector code. */
INLINE void NAMED(sum_fixed)(double *restrict sum, const REAL *restrict cells, int64_t count, int64_t kernel,
                             int64_t stride) {
    for (int64_t x = 0; x < count; x++) {
        double total = sum[x];
        for (int64_t j = 0; j < kernel; j++)
            total += (double)cells[x * stride + j];
        sum[x] = total;
    }
}

/* The same for one row of taps of any window. */
static void NAMED(sum_abreast_row)(double *restrict sum, const REAL *restrict cells, int64_t count,
                                   const struct window_axis *axis) {
    if (axis->kernel == 2 && axis->stride == 2) {
        NAMED(sum_fixed)(sum, cells, count, 2, 2);
    } else if (axis->kernel == 3 && axis->stride == 2) {
        NAMED(sum_fixed)(sum, cells, count, 3, 2);
    } else if (axis->kernel == 3 && axis->stride == 1) {
        NAMED(sum_fixed)(sum, cells, count, 3, 1);
    } else {
        for (int64_t j = 0; j < axis->kernel; j++) {
            if (axis->stride == 1)
                NAMED(sum_fixed)(sum, cells + j, count, 1, 1);
            else if (axis->stride == 2)
                NAMED(sum_fixed)(sum, cells + j, count, 1, 2);
            else
                NAMED(sum_fixed)(sum, cells + j, count, 1, axis->stride);
        }
    }
}

/* Roots' means of at most ABREAST_BLOCK outputs. The powers of a row of cells are taken once for all of them. */
static void NAMED(power_block)(const ROW *row, int64_t begin, int64_t count) {
    const struct window_axis *axis = &row->job->plan->sizes.axis[1];
    const int64_t cells = (count - 1) * axis->stride + axis->kernel;
    double sum[ABREAST_BLOCK] = {0};
    REAL powers[POWER_CELLS];
    for (int64_t i = 0; i < row->y.count; i++) {
        NAMED(power)
        (powers, row->plane + NAMED(position_abreast)(row, i, begin), cells, row->job->plan->layer.norm_type);
        NAMED(sum_abreast_row)(sum, powers, count, axis);
    }
    double divisor = (double)row->y.count * (double)axis->kernel;
    for (int64_t i = 0; i < count; i++)
        row->out[begin + i] = (REAL)(sum[i] / divisor);
}

/* ---- the row ---- */

void NAMED(pooling_row)(const struct pooling_job *job, int64_t index, int64_t begin, int64_t end) {
    const struct window_axis *axis = job->plan->sizes.axis;
    int64_t out = index * axis[1].output;
    int64_t plane = index / axis[0].output;
    ROW row = {
        .job = job,
        .plane = (const REAL *)job->input + plane * axis[0].input * axis[1].input,
        .out = (REAL *)job->output + out,
        .indices = job->indices == NULL ? NULL : job->indices + out,
    };
    row.y = pooling_taps(job->plan, 0, index % axis[0].output);

    if (job->plan->layer.mode == POOLING_MAX || job->plan->layer.mode == POOLING_ADAPTIVE_MAX) {
        NAMED(max_windows)(&row, begin, end);
        return;
    }
    int64_t left = min_i64(max_i64(job->abreast_begin, begin), end);
    int64_t right = max_i64(min_i64(job->abreast_end, end), left);
    NAMED(mean_windows)(&row, begin, left);
    for (int64_t x = left; x < right; x += ABREAST_BLOCK)
        NAMED(power_block)(&row, x, min_i64(right - x, ABREAST_BLOCK));
    NAMED(mean_windows)(&row, right, end);
    if (job->plan->layer.mode == POOLING_LP)
        NAMED(roots)(&row, row.out + begin, end - begin);
}
