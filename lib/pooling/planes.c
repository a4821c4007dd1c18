/*
 * Poolings by the kernels of lib/kernels/pool_kernels.h: which they can do, and their rows plane by plane.
 */
#include "lib/pooling/window.h"

/* An adaptive pooling whose output divides the input is one with windows side by side. */
static bool axis_of_adaptive(const struct window_axis *from, struct pool_axis *to) {
    if (from->input % from->output != 0)
        return false;
    to->taps = to->stride = from->input / from->output;
    return true;
}

/* From here on windows of which most taps lie in the padding are for what reads those inside alone. */
enum { FEW_TAPS = 8 };

/*
 * Windows that step over the input or stay in its padding have no tap inside: steps are no longer than the input, the
 * first window reaches it and the last begins in front of its end. Kernels look at every tap, so most are to be inside
 * (one column, 512 x 512 with a padding of 256: 1,400 times its price).
 */
static bool axis_of_window(const struct window_axis *from, struct pool_axis *to) {
    to->taps = from->kernel;
    to->step = from->kernel == 1 ? 1 : from->dilation;
    to->stride = from->output == 1 ? 1 : from->stride;
    to->first = -from->pad_begin;
    int64_t inside = min_i64(to->taps, div_ceil_i64(to->cells, to->step));
    return to->taps <= ABREAST_MAX_KERNEL && to->taps <= max_i64(FEW_TAPS, 2 * inside) &&
           to->step <= to->cells && from->pad_begin <= (to->taps - 1) * to->step &&
           (to->outputs - 1) * to->stride + to->first < to->cells;
}

static bool axis_plan(const struct pooling_plan *plan, int number, struct pool_axis *to) {
    const struct window_axis *from = &plan->sizes.axis[number];
    bool pads = plan->layer.mode == POOLING_AVG && plan->layer.count_include_pad;
    *to = (struct pool_axis){
        .cells = from->input, .outputs = from->output, .step = 1, .counted_end = from->input};
    if (pooling_is_adaptive(plan))
        return axis_of_adaptive(from, to);
    if (!axis_of_window(from, to))
        return false;
    to->counted_begin = pads ? to->first : 0;
    to->counted_end = from->input + (pads ? from->pad_end : 0);
    return true;
}

/* A window over whole rows is one run of neighbours, where a kernel would use one lane: 2 to 38 times as fast (4 x 4 to 112 x 112). */
static bool is_run(const struct pool_shape *shape) {
    const struct pool_axis *down = &shape->down, *across = &shape->across;
    bool whole = across->outputs == 1 && across->first <= 0 && across->first + across->taps >= across->cells;
    return whole && across->step == 1 && down->step == 1 &&
           min_i64(down->taps, down->cells) * across->cells >= RUN_CELLS;
}

bool pooling_planes_plan(const struct pooling_plan *plan, bool indexed, struct pool_shape *shape) {
    const struct layer_pooling *layer = &plan->layer;
    bool max = layer->mode == POOLING_MAX || layer->mode == POOLING_ADAPTIVE_MAX;
    int64_t cells;
    if (layer->mode == POOLING_LP)
        return false;
    if (layer->mode == POOLING_ADAPTIVE_AVG && plan->dtype == DTYPE_FLOAT64) /* PyTorch divides twice */
        return false;
    *shape = (struct pool_shape){.divisor = layer->has_divisor ? (double)layer->divisor_override : 0};
    if (!axis_plan(plan, 0, &shape->down) || !axis_plan(plan, 1, &shape->across))
        return false;
    if (max && is_run(shape))
        return false;
    if (indexed && plan->dtype == DTYPE_FLOAT32 &&
        (!checked_mul(shape->down.cells, shape->across.cells, &cells) || cells > POOL_MOST_INDEXED))
        return false;
    /* Taps that are neighbours are a run, which is as fast alone where outputs do not share what they load, and where few
     * lanes hold places too (125 x 125 with stride 1: float32 12 times as slow, float64 with indices 0.7 times). */
    bool few_lanes = indexed && plan->dtype == DTYPE_FLOAT64;
    bool runs = max && shape->across.step == 1 && (shape->across.stride > 1 || few_lanes);
    return shape->across.stride <= ABREAST_MAX_STRIDE &&
           shape->across.taps <= (runs ? ABREAST_MAX_CHOICE : ABREAST_MAX_KERNEL);
}

void pooling_planes(const struct pooling_job *job, int64_t begin, int64_t end) {
    const struct pool_kernels *kernels = kernels_get()->pool;
    const enum pooling_mode mode = job->plan->layer.mode;
    const bool max = mode == POOLING_MAX || mode == POOLING_ADAPTIVE_MAX;
    if (job->plan->dtype == DTYPE_FLOAT64 && max)
        kernels->max_f64(&job->shape, begin, end, job->output, job->indices, job->input);
    else if (job->plan->dtype == DTYPE_FLOAT64)
        kernels->mean_f64(&job->shape, begin, end, job->output, job->input);
    else if (max)
        kernels->max_f32(&job->shape, begin, end, job->output, job->indices, job->input);
    else
        kernels->mean_f32(&job->shape, begin, end, job->output, job->input);
}

/* ---- averages of whole planes ---- */

bool pooling_is_global_mean(const struct pooling_plan *plan) {
    const struct window_axis *axis = plan->sizes.axis;
    bool mean = plan->layer.mode == POOLING_AVG || plan->layer.mode == POOLING_ADAPTIVE_AVG;
    if (!mean || plan->dtype != DTYPE_FLOAT32 || axis[0].output != 1 || axis[1].output != 1)
        return false;
    return pooling_taps(plan, 0, 0).count == axis[0].input && pooling_taps(plan, 1, 0).count == axis[1].input;
}

void pooling_global_means(const struct pooling_job *job, int64_t begin, int64_t end) {
    enum { BLOCK = 64 };
    const struct taps y = pooling_taps(job->plan, 0, 0), x = pooling_taps(job->plan, 1, 0);
    const double divisor = pooling_divisor(job->plan, y, x);
    const int64_t cells = y.count * x.count;
    double sums[BLOCK];
    for (; begin < end; begin += BLOCK) {
        int64_t count = min_i64(end - begin, BLOCK);
        float *out = (float *)job->output + begin;
        kernels_get()->pool->sum_runs_f32(sums, (const float *)job->input + begin * cells, cells, count);
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)(sums[i] / divisor);
    }
}
