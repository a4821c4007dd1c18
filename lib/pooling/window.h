/*
 * What the rows of one dtype and pooling.c share: where a window lies, and the job that is cut into tiles.
 * Internal to lib/pooling.
 */
#ifndef CONVD_LIB_POOLING_WINDOW_H
#define CONVD_LIB_POOLING_WINDOW_H

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"
#include "lib/pooling/pooling.h"

/*
 * Three ways through a plane. Most maxima and averages are found by the kernels of lib/kernels/pool_kernels.h, all
 * outputs of a row abreast. Powers go abreast too, one tap at a time, where windows are inside the input from left to
 * right. The others go window by window; wide windows are long rows themselves.
 */
enum {
    RUN_CELLS = 16,         /* from so many neighbours on, cells are a run for a kernel */
    ABREAST_MAX_STRIDE = 4, /* beyond, neighbours share too little of a cache line */
    ABREAST_MAX_KERNEL = 512,
    ABREAST_MAX_CHOICE = 31, /* of max with a stride and without dilation: wider windows are as fast alone */
    ABREAST_BLOCK = 128      /* outputs: their sums in double stay in the first-level cache */
};

/* The powers that one block or one piece of a window needs at once. */
enum { POWER_CELLS = (ABREAST_BLOCK - 1) * ABREAST_MAX_STRIDE + ABREAST_MAX_KERNEL };

/* One window along one axis. */
struct taps {
    int64_t first;  /* position of the first cell inside the input */
    int64_t count;  /* cells inside the input; 0: the window lies in padding alone */
    int64_t padded; /* cells inside the input and its padding, which an average may count */
};

/* A pooling that runs; read only once it has begun. */
struct pooling_job {
    const struct pooling_plan *plan;
    const void *input;
    void *output;
    int64_t *indices;
    const atomic_bool *cancelled;
    int64_t rows;      /* rows of outputs in all planes */
    int64_t tile_rows; /* a tile is tile_rows rows, or a part of one row tile_cols wide */
    int64_t tile_cols;
    int64_t tiles_per_row;
    bool global_mean;
    bool by_planes; /* the kernels do it, by `shape` */
    struct pool_shape shape;
    int64_t abreast_begin; /* of powers, the outputs of a row that go abreast */
    int64_t abreast_end;
};

static inline bool pooling_is_adaptive(const struct pooling_plan *plan) {
    return plan->layer.mode == POOLING_ADAPTIVE_MAX || plan->layer.mode == POOLING_ADAPTIVE_AVG;
}

/* The most cells that one window reads along an axis. */
static inline int64_t pooling_widest_window(const struct pooling_plan *plan, const struct window_axis *axis) {
    if (pooling_is_adaptive(plan))
        return min_i64(axis->input, div_ceil_i64(axis->input, axis->output) + 1);
    return min_i64(axis->kernel, div_ceil_i64(axis->input, axis->dilation));
}

/* ceil(cells / dilation), without a division where there is no dilation. */
static inline int64_t taps_across(int64_t cells, int64_t dilation) {
    return dilation == 1 ? cells : div_ceil_i64(cells, dilation);
}

/* Whether the powers of a row of outputs go abreast, where their windows are inside the input. */
static inline bool pooling_powers_abreast(const struct pooling_plan *plan) {
    const struct window_axis *axis = &plan->sizes.axis[1];
    return axis->stride <= ABREAST_MAX_STRIDE && axis->kernel <= min_i64(ABREAST_MAX_KERNEL, axis->input);
}

/* The window of output `at`. No term passes the padded input or the dilation, however large the kernel is. */
static inline struct taps taps_of_window(const struct window_axis *axis, int64_t at) {
    int64_t start = at * axis->stride - axis->pad_begin;
    int64_t skipped = start < 0 ? taps_across(-start, axis->dilation) : 0;
    int64_t inside = start < axis->input ? taps_across(axis->input - start, axis->dilation) : 0;
    return (struct taps){
        .first = start + skipped * axis->dilation,
        .count = max_i64(min_i64(inside, axis->kernel) - skipped, 0),
        .padded = min_i64(axis->input + axis->pad_end - start, axis->kernel),
    };
}

/* at * input / output and the like fit: pooling_plan has multiplied the whole sizes. */
static inline struct taps taps_of_adaptive(const struct window_axis *axis, int64_t at) {
    int64_t first = at * axis->input / axis->output;
    int64_t count = div_ceil_i64((at + 1) * axis->input, axis->output) - first;
    return (struct taps){.first = first, .count = count, .padded = count};
}

/* The window of output `at` along an axis. */
static inline struct taps pooling_taps(const struct pooling_plan *plan, int axis, int64_t at) {
    const struct window_axis *window = &plan->sizes.axis[axis];
    return pooling_is_adaptive(plan) ? taps_of_adaptive(window, at) : taps_of_window(window, at);
}

/* What a window's sum is divided by. The products are taken in double: padding may be larger than any tensor. */
static inline double pooling_divisor(const struct pooling_plan *plan, struct taps y, struct taps x) {
    const struct layer_pooling *layer = &plan->layer;
    if (layer->mode == POOLING_AVG && layer->has_divisor)
        return (double)layer->divisor_override;
    if (layer->mode == POOLING_AVG && layer->count_include_pad)
        return (double)y.padded * (double)x.padded;
    return (double)y.count * (double)x.count; /* lp is an average without padding */
}

/* Computes the outputs [begin, end) of row `row` of the job, counted through all planes. */
typedef void pooling_row_fn(const struct pooling_job *job, int64_t row, int64_t begin, int64_t end);

pooling_row_fn pooling_row_f32;
pooling_row_fn pooling_row_f64;

/* Whether the kernels can do the pooling, a matter of the layer alone, and if so how: fills `shape`. */
bool pooling_planes_plan(const struct pooling_plan *plan, bool indexed, struct pool_shape *shape);

/* The same outputs, whole rows, by the kernels: rows [begin, end) of the job, counted through all planes. */
void pooling_planes(const struct pooling_job *job, int64_t begin, int64_t end);

/* Whether each plane has one output, the average of all its cells, in float32; and those of planes [begin, end). */
bool pooling_is_global_mean(const struct pooling_plan *plan);
void pooling_global_means(const struct pooling_job *job, int64_t begin, int64_t end);

#endif
