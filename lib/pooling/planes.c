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

/*
 * Windows that step over the input or stay in its padding have no tap inside: steps are no longer than the input, the
 * first window reaches it and the last begins in front of its end.
 */
static bool axis_of_window(const struct window_axis *from, struct pool_axis *to) {
    to->taps = from->kernel;
    to->step = from->kernel == 1 ? 1 : from->dilation;
    to->stride = from->output == 1 ? 1 : from->stride;
    to->first = -from->pad_begin;
    return to->taps <= ABREAST_MAX_KERNEL && to->step <= to->cells &&
           from->pad_begin <= (to->taps - 1) * to->step &&
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
    if (indexed && plan->dtype == DTYPE_FLOAT32 &&
        (!checked_mul(shape->down.cells, shape->across.cells, &cells) || cells > POOL_MOST_INDEXED))
        return false;
    return shape->across.stride <= ABREAST_MAX_STRIDE &&
           shape->across.taps <= (max ? ABREAST_MAX_CHOICE : ABREAST_MAX_KERNEL);
}

/* Rows [begin, end) of plane number `plane`. */
static void run_plane(const struct pooling_job *job, int64_t plane, int64_t begin, int64_t end) {
    const struct pool_kernels *kernels = kernels_get()->pool;
    const struct pool_shape *shape = &job->shape;
    const int64_t cells = shape->down.cells * shape->across.cells,
                  outputs = shape->down.outputs * shape->across.outputs;
    const float *input = (const float *)job->input + plane * cells;
    const double *input_f64 = (const double *)job->input + plane * cells;
    float *output = (float *)job->output + plane * outputs;
    double *output_f64 = (double *)job->output + plane * outputs;
    int64_t *indices = job->indices == NULL ? NULL : job->indices + plane * outputs;
    bool max = job->plan->layer.mode == POOLING_MAX || job->plan->layer.mode == POOLING_ADAPTIVE_MAX;
    if (job->plan->dtype == DTYPE_FLOAT64 && max)
        kernels->max_f64(shape, begin, end, output_f64, indices, input_f64);
    else if (job->plan->dtype == DTYPE_FLOAT64)
        kernels->mean_f64(shape, begin, end, output_f64, input_f64);
    else if (max)
        kernels->max_f32(shape, begin, end, output, indices, input);
    else
        kernels->mean_f32(shape, begin, end, output, input);
}

void pooling_planes(const struct pooling_job *job, int64_t begin, int64_t end) {
    const int64_t rows = job->shape.down.outputs;
    for (int64_t plane = begin / rows, at = begin % rows; begin < end; plane++, at = 0) {
        int64_t count = min_i64(end - begin, rows - at);
        run_plane(job, plane, at, at + count);
        begin += count;
    }
}
