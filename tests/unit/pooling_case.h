/*
 * What the tests of pooling share: a pooling as a table row, its sizes by PyTorch's formula (written out
 * here, so that neither lib/layers nor lib/pooling checks itself), and a run of it between guard pages.
 */
#ifndef CONVD_TESTS_UNIT_POOLING_CASE_H
#define CONVD_TESTS_UNIT_POOLING_CASE_H

#include "lib/pooling/pooling.h"
#include "tests/unit/fence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above */

/* The largest tensor of these tests. */
enum { CASE_MAX_CELLS = 1 << 18 };

struct pooling_case {
    enum pooling_mode mode;
    int64_t n, c;
    int64_t in[2];
    int64_t kernel[2];
    int64_t stride[2];   /* 0: 1 */
    int64_t dilation[2]; /* 0: 1 */
    int64_t begin[2], end[2];
    bool ceil_mode, exclude_pad;
    int64_t divisor; /* 0: none */
    double norm;
    int64_t out[2]; /* adaptive */
};

static inline bool case_is_adaptive(const struct pooling_case *row) {
    return row->mode == POOLING_ADAPTIVE_MAX || row->mode == POOLING_ADAPTIVE_AVG;
}

/* pooling_output_shape of aten/src/ATen/native/Pool.h; 0 or less where PyTorch refuses. */
static inline int64_t case_output(const struct pooling_case *row, int axis) {
    if (case_is_adaptive(row))
        return row->out[axis];
    int64_t stride = row->stride[axis] ? row->stride[axis] : 1,
            dilation = row->dilation[axis] ? row->dilation[axis] : 1;
    int64_t room = row->in[axis] + row->begin[axis] + row->end[axis] - dilation * (row->kernel[axis] - 1) - 1;
    if (room < 0 && !(row->ceil_mode && room + stride - 1 >= 0))
        return 0;
    int64_t last = row->ceil_mode ? (room + stride - 1) / stride : room / stride;
    if (row->ceil_mode && last * stride >= row->in[axis] + row->begin[axis])
        last--;
    return last + 1;
}

static inline struct pooling_plan case_plan(const struct pooling_case *row, enum dtype dtype) {
    struct pooling_plan plan = {.dtype = dtype};
    plan.layer = (struct layer_pooling){
        .mode = row->mode,
        .ceil_mode = row->ceil_mode,
        .count_include_pad = !row->exclude_pad,
        .has_divisor = row->divisor != 0,
        .divisor_override = row->divisor,
        .norm_type = row->norm,
    };
    plan.sizes = (struct layer_sizes){
        .axes = 2, .batch = row->n, .batched = true, .channels = row->c, .out_channels = row->c};
    for (int i = 0; i < 2; i++) {
        plan.sizes.axis[i] = (struct window_axis){
            .input = row->in[i],
            .output = case_output(row, i),
            .kernel = row->kernel[i],
            .stride = row->stride[i] ? row->stride[i] : 1,
            .dilation = row->dilation[i] ? row->dilation[i] : 1,
            .pad_begin = row->begin[i],
            .pad_end = row->end[i],
        };
    }
    plan.sizes.output = SHAPE(row->n, row->c, plan.sizes.axis[0].output, plan.sizes.axis[1].output);
    return plan;
}

static inline size_t case_inputs(const struct pooling_case *row) {
    return (size_t)(row->n * row->c * row->in[0] * row->in[1]);
}

static inline size_t case_outputs(const struct pooling_case *row) {
    return (size_t)(row->n * row->c * case_output(row, 0) * case_output(row, 1));
}

/* A pooling as a task of a worker, which is where it runs in the service. */
struct case_task {
    const struct pooling_plan *plan;
    const void *input;
    void *output;
    int64_t *indices;
    struct run_context context;
    _Atomic bool done;
};

static inline void case_task_run(void *argument, int slot) {
    struct case_task *task = argument;
    task->context.slot = slot;
    pooling_run(task->plan, task->input, task->output, task->indices, &task->context);
    task->done = true;
}

/* Which end of a buffer lies against unmapped memory. */
enum case_side { CASE_BEGIN, CASE_END };

/* A buffer of `bytes` bytes inside a fence; what lies on its other side is filled and can be checked. */
struct case_buffer {
    struct fence fence;
    unsigned char *data, *zone;
};

enum { CASE_ZONE_BYTES = 512, CASE_FILL = 0xA5 };

static inline void *case_buffer_set(struct case_buffer *buffer, size_t bytes, enum case_side side) {
    assert_true(bytes <= CASE_MAX_CELLS * sizeof(double));
    if (buffer->fence.begin == NULL)
        buffer->fence = fence_make(CASE_MAX_CELLS * sizeof(double) + CASE_ZONE_BYTES);
    buffer->data = (unsigned char *)(side == CASE_BEGIN ? buffer->fence.begin : buffer->fence.end - bytes);
    buffer->zone = side == CASE_BEGIN ? buffer->data + bytes : buffer->data - CASE_ZONE_BYTES;
    memset(buffer->data, CASE_FILL, bytes);
    memset(buffer->zone, CASE_FILL, CASE_ZONE_BYTES);
    return buffer->data;
}

static inline bool case_buffer_intact(const struct case_buffer *buffer) {
    for (int i = 0; i < CASE_ZONE_BYTES; i++) {
        if (buffer->zone[i] != CASE_FILL)
            return false;
    }
    return true;
}

/* The elements as doubles, and back. */
static inline void case_narrow(unsigned char *to, enum dtype dtype, const double *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float narrow = (float)from[i];
        if (dtype == DTYPE_FLOAT32)
            memcpy(to + i * sizeof narrow, &narrow, sizeof narrow);
        else
            memcpy(to + i * sizeof *from, &from[i], sizeof *from);
    }
}

static inline void case_widen(double *to, enum dtype dtype, const unsigned char *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float narrow;
        if (dtype == DTYPE_FLOAT32) {
            memcpy(&narrow, from + i * sizeof narrow, sizeof narrow);
            to[i] = (double)narrow;
        } else {
            memcpy(&to[i], from + i * sizeof *to, sizeof *to);
        }
    }
}

/*
 * Runs the row on doubles, as `dtype`, on `workers` (NULL: here), with every buffer against unmapped memory
 * on `side`. The results come as doubles; `indices` may be NULL.
 */
static inline void case_run(const struct pooling_case *row, enum dtype dtype, const double *input,
                            double *output, int64_t *indices, struct workers *workers, enum case_side side) {
    static struct case_buffer in, out, index;
    size_t inputs = case_inputs(row), outputs = case_outputs(row);
    struct pooling_plan plan = case_plan(row, dtype);
    struct case_task task = {
        .plan = &plan,
        .input = case_buffer_set(&in, inputs * dtype_bytes(dtype), side),
        .output = case_buffer_set(&out, outputs * dtype_bytes(dtype), side),
        .indices = case_buffer_set(&index, outputs * sizeof *indices, side),
        .context = {.workers = workers},
    };
    if (indices == NULL)
        task.indices = NULL;
    case_narrow(in.data, dtype, input, inputs);
    if (workers == NULL) {
        case_task_run(&task, 0);
    } else {
        assert_true(workers_submit(workers, case_task_run, &task));
        while (!task.done)
            usleep(20);
    }
    assert_true(case_buffer_intact(&in) && case_buffer_intact(&out) && case_buffer_intact(&index));
    case_widen(output, dtype, out.data, outputs);
    if (indices != NULL)
        memcpy(indices, index.data, outputs * sizeof *indices);
}

#endif
