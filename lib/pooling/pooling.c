#include "lib/pooling/pooling.h"

#include "lib/pooling/window.h"

#include <assert.h>

enum status pooling_plan(struct pooling_plan *plan, const struct layer *layer, const struct shape *input,
                         enum dtype dtype, struct fault *fault) {
    assert(layer_type_family(layer->type) == FAMILY_POOLING && layer_type_axes(layer->type) == 2);
    *plan = (struct pooling_plan){.dtype = dtype, .layer = layer->pooling};
    enum status status = layer_sizes(layer, input, &plan->sizes, fault);
    if (status != STATUS_OK || !pooling_is_adaptive(plan))
        return status;
    for (int i = 0; i < 2; i++) {
        const struct window_axis *axis = &plan->sizes.axis[i];
        int64_t product;
        if (!checked_mul(axis->input, axis->output, &product))
            return fault_set(
                fault, STATUS_TOO_LARGE, i == 0 ? "output_size/0" : "output_size/1",
                "output_size[%d] is %lld and the input has %lld cells along that axis; their product "
                "must fit into 63 bits",
                i, (long long)axis->output, (long long)axis->input);
    }
    return STATUS_OK;
}

/*
 * Tiles of about this many cells: some 20 to 100 microseconds, against the 5 or so that waking a thread
 * costs, and often enough to see a cancellation. They depend on the layer alone.
 */
enum { TILE_CELLS = 1 << 16, PLANES_TILE_CELLS = 1 << 17 };

static void job_set_tiles(struct pooling_job *job) {
    const struct window_axis *axis = job->plan->sizes.axis;
    int64_t down = max_i64(pooling_widest_window(job->plan, &axis[0]), 1);
    int64_t across = max_i64(pooling_widest_window(job->plan, &axis[1]), 1);
    int64_t fit = max_i64(TILE_CELLS / down / across, 1); /* outputs */
    job->tile_cols = min_i64(fit, axis[1].output);
    job->tile_rows = fit / job->tile_cols; /* 1 when a row has several tiles */
    job->tiles_per_row = div_ceil_i64(axis[1].output, job->tile_cols);
}

/*
 * The kernels' tiles are whole rows, and few of them are cut: their first windows share nothing. A row costs the cells
 * that it adds, or where windows are large its taps, which go 16 abreast.
 */
static void job_set_rows(struct pooling_job *job) {
    const struct pool_axis *down = &job->shape.down, *across = &job->shape.across;
    int64_t row = max_i64(across->cells * min_i64(down->stride, down->taps),
                          across->outputs * across->taps * down->taps / 16);
    job->tile_cols = across->outputs;
    job->tile_rows = max_i64(PLANES_TILE_CELLS / row, 1);
    job->tiles_per_row = 1;
}

/* The outputs of a row of powers whose windows have all their taps inside the input, where those may go abreast. */
static void job_set_abreast(struct pooling_job *job) {
    const struct pooling_plan *plan = job->plan;
    const struct window_axis *axis = &plan->sizes.axis[1];
    if (plan->layer.mode != POOLING_LP || !pooling_powers_abreast(plan))
        return;
    int64_t last_start = axis->input - axis->kernel;
    job->abreast_begin = min_i64(div_ceil_i64(axis->pad_begin, axis->stride), axis->output);
    job->abreast_end = min_i64((last_start + axis->pad_begin) / axis->stride + 1, axis->output);
}

static void run_tile(void *argument, int64_t index, int slot) {
    (void)slot;
    const struct pooling_job *job = argument;
    if (job->cancelled != NULL && atomic_load_explicit(job->cancelled, memory_order_relaxed))
        return;
    pooling_row_fn *run_row = job->plan->dtype == DTYPE_FLOAT32 ? pooling_row_f32 : pooling_row_f64;
    int64_t first = index / job->tiles_per_row * job->tile_rows;
    int64_t last = min_i64(first + job->tile_rows, job->rows);
    if (job->global_mean) {
        pooling_global_means(job, first, last);
        return;
    }
    if (job->by_planes) {
        pooling_planes(job, first, last);
        return;
    }
    int64_t begin = index % job->tiles_per_row * job->tile_cols;
    int64_t end = min_i64(begin + job->tile_cols, job->plan->sizes.axis[1].output);
    for (int64_t row = first; row < last; row++)
        run_row(job, row, begin, end);
}

void pooling_run(const struct pooling_plan *plan, const void *input, void *output, int64_t *indices,
                 const struct run_context *context) {
    assert(plan->dtype == DTYPE_FLOAT32 || plan->dtype == DTYPE_FLOAT64);
    int64_t outputs;
    if (!shape_elems(&plan->sizes.output, &outputs) || outputs == 0)
        return;
    struct pooling_job job = {
        .plan = plan,
        .input = input,
        .output = output,
        .indices = indices,
        .cancelled = context->cancelled,
        .rows = outputs / plan->sizes.axis[1].output,
    };
    job.global_mean = pooling_is_global_mean(plan);
    job.by_planes = !job.global_mean && pooling_planes_plan(plan, indices != NULL, &job.shape);
    if (job.by_planes) {
        job_set_rows(&job);
    } else {
        job_set_tiles(&job);
        job_set_abreast(&job);
    }
    int64_t tiles = div_ceil_i64(job.rows, job.tile_rows) * job.tiles_per_row; /* at most `outputs` */
    workers_range(context->workers, context->slot, tiles, run_tile, &job);
}
