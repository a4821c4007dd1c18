/*
 * What the tests of convolution share: a layer as a table row, the definition in naive loops, and a run of
 * the layer between guard pages.
 */
#ifndef CONVD_TESTS_UNIT_CONV_CASE_H
#define CONVD_TESTS_UNIT_CONV_CASE_H

#include "lib/conv/conv.h"
#include "tests/unit/fence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* needs the others */

/* Elements of the largest tensor of these tests. */
enum { CASE_MAX_ELEMS = 1 << 19, CASE_MAX_WORKSPACE = 1 << 26, CASE_MAX_PACKED = 1 << 26 };

struct conv_case {
    int64_t n, c, h, w, k;
    int64_t kernel[2];
    int64_t stride[2], dilation[2]; /* 0: 1 */
    int64_t begin[2], end[2];
    int64_t groups; /* 0: 1 */
    enum padding_mode mode;
    bool bias;
};

static inline int64_t case_or_1(int64_t value) {
    return value != 0 ? value : 1;
}

static inline struct layer case_layer(const struct conv_case *row) {
    struct layer layer;
    layer_init(&layer, LAYER_CONV2D);
    layer.conv.in_channels = row->c;
    layer.conv.out_channels = row->k;
    layer.conv.groups = case_or_1(row->groups);
    layer.conv.padding_mode = row->mode;
    layer.conv.bias = row->bias;
    layer.conv.padding.four_sided = true;
    for (int i = 0; i < 2; i++) {
        layer.conv.kernel[i] = row->kernel[i];
        layer.conv.stride[i] = case_or_1(row->stride[i]);
        layer.conv.dilation[i] = case_or_1(row->dilation[i]);
        layer.conv.padding.begin[i] = row->begin[i];
        layer.conv.padding.end[i] = row->end[i];
    }
    return layer;
}

/* Plans the row; false where the algorithm cannot do it. */
static inline bool case_plan_with(struct conv_plan *plan, const struct conv_case *row, enum dtype dtype,
                                  const struct conv_options *options) {
    struct layer layer = case_layer(row);
    struct shape input = SHAPE(row->n, row->c, row->h, row->w);
    struct fault fault = {0};
    enum status status = conv_plan(plan, &layer, &input, dtype, options, &fault);
    if (status != STATUS_OK && status != STATUS_UNSUPPORTED)
        fail_msg("%s: %s", fault.place, fault.detail);
    return status == STATUS_OK;
}

static inline struct conv_plan case_plan(const struct conv_case *row, enum dtype dtype,
                                         enum conv_algorithm algorithm) {
    const struct conv_options options = {.algorithm = algorithm};
    struct conv_plan plan;
    assert_true(case_plan_with(&plan, row, dtype, &options));
    return plan;
}

/* Output size by the formula of torch.nn.Conv2d's page; below 1 where the window does not fit. */
static inline int64_t case_output(const struct conv_case *row, int axis) {
    int64_t size = axis == 0 ? row->h : row->w;
    int64_t room = size + row->begin[axis] + row->end[axis] -
                   case_or_1(row->dilation[axis]) * (row->kernel[axis] - 1) - 1;
    return room < 0 ? 0 : room / case_or_1(row->stride[axis]) + 1;
}

static inline size_t case_inputs(const struct conv_case *row) {
    return (size_t)(row->n * row->c * row->h * row->w);
}

static inline size_t case_weights(const struct conv_case *row) {
    return (size_t)(row->k * (row->c / case_or_1(row->groups)) * row->kernel[0] * row->kernel[1]);
}

static inline size_t case_outputs(const struct conv_case *row) {
    return (size_t)(row->n * row->k * case_output(row, 0) * case_output(row, 1));
}

/* ---- the definition ---- */

/* The cell that a padded position stands for, step by step as one would by hand; false for a zero. */
static inline bool case_cell(int64_t *position, int64_t size, enum padding_mode mode) {
    while (*position < 0 || *position >= size) {
        bool before = *position < 0;
        switch (mode) {
        case PADDING_ZEROS: return false;
        case PADDING_REFLECT: *position = before ? -*position : size - 1 - (*position - (size - 1)); break;
        case PADDING_REPLICATE: *position = before ? 0 : size - 1; break;
        case PADDING_CIRCULAR: *position += before ? size : -size; break;
        }
    }
    return true;
}

struct case_sum {
    double value;
    double magnitude; /* of the bias and the products, all made positive */
};

/* out[n, k, y, x], summed in long double: its own rounding is nothing beside float64's. */
static inline struct case_sum case_sum_at(const struct conv_case *row, const double *input,
                                          const double *weight, const double *bias, int64_t n, int64_t k,
                                          int64_t y, int64_t x) {
    int64_t groups = case_or_1(row->groups), channels = row->c / groups, group = k / (row->k / groups);
    long double sum = row->bias ? bias[k] : 0, magnitude = fabsl(sum);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < row->kernel[0]; i++)
            for (int64_t j = 0; j < row->kernel[1]; j++) {
                int64_t at_y =
                    y * case_or_1(row->stride[0]) + i * case_or_1(row->dilation[0]) - row->begin[0];
                int64_t at_x =
                    x * case_or_1(row->stride[1]) + j * case_or_1(row->dilation[1]) - row->begin[1];
                bool inside = case_cell(&at_y, row->h, row->mode) && case_cell(&at_x, row->w, row->mode);
                int64_t cell = ((n * row->c + group * channels + c) * row->h + at_y) * row->w + at_x;
                long double product = weight[((k * channels + c) * row->kernel[0] + i) * row->kernel[1] + j];
                product *= inside ? input[cell] : 0;
                sum += product;
                magnitude += fabsl(product);
            }
    return (struct case_sum){(double)sum, (double)magnitude};
}

/* Fills out[case_outputs(row)] and returns the largest magnitude. */
static inline double case_define(const struct conv_case *row, const double *input, const double *weight,
                                 const double *bias, double *out) {
    double most = 0;
    int64_t height = case_output(row, 0), width = case_output(row, 1);
    for (int64_t n = 0; n < row->n; n++)
        for (int64_t k = 0; k < row->k; k++)
            for (int64_t y = 0; y < height; y++)
                for (int64_t x = 0; x < width; x++) {
                    struct case_sum sum = case_sum_at(row, input, weight, bias, n, k, y, x);
                    *out++ = sum.value;
                    most = sum.magnitude > most ? sum.magnitude : most;
                }
    return most;
}

/* ---- random numbers ---- */

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static inline uint64_t case_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline int64_t case_random_int(uint64_t *state, int64_t low, int64_t high) {
    return low + (int64_t)(case_random(state) % (uint64_t)(high - low + 1));
}

/* Numbers in [-1, 1) that both dtypes hold exactly. */
static inline void case_random_fill(uint64_t *state, double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = (double)(float)((double)(case_random(state) >> 40) * 0x1p-23 - 1);
}

/* The nearest bfloat16 of any float, ties to even; subnormals become zero, NaN stays one. */
static inline uint16_t case_bf16_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    if (magnitude < 0x00800000)
        return (uint16_t)(bits >> 16 & 0x8000);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline double case_bf16(double value) {
    uint32_t bits = (uint32_t)case_bf16_bits((float)value) << 16;
    float rounded;
    memcpy(&rounded, &bits, sizeof rounded);
    return (double)rounded;
}

/* ---- running between guard pages ---- */

/* A buffer that ends against unmapped memory; the bytes before it are filled and can be checked. */
struct case_buffer {
    struct fence fence;
    unsigned char *data;
};

enum { CASE_ZONE_BYTES = 512, CASE_FILL = 0xA5 };

static inline void *case_buffer_set(struct case_buffer *buffer, size_t bytes, size_t capacity) {
    assert_true(bytes <= capacity);
    if (buffer->fence.begin == NULL)
        buffer->fence = fence_make(capacity + CASE_ZONE_BYTES);
    buffer->data = (unsigned char *)buffer->fence.end - bytes;
    memset(buffer->data - CASE_ZONE_BYTES, CASE_FILL, bytes + CASE_ZONE_BYTES);
    return buffer->data;
}

static inline bool case_buffer_intact(const struct case_buffer *buffer) {
    for (int i = 1; i <= CASE_ZONE_BYTES; i++)
        if (buffer->data[-i] != CASE_FILL)
            return false;
    return true;
}

/* What a case runs on. Zero-initialised it is valid; its memory stays until the process ends. */
struct case_memory {
    struct case_buffer input, weight, packed, bias, output, workspace;
};

static inline const void *case_put(struct case_buffer *buffer, enum dtype dtype, const double *from,
                                   size_t count) {
    unsigned char *to = case_buffer_set(buffer, count * dtype_bytes(dtype), CASE_MAX_ELEMS * sizeof(double));
    for (size_t i = 0; i < count; i++) {
        float narrow = (float)from[i];
        if (dtype == DTYPE_FLOAT32)
            memcpy(to + i * sizeof narrow, &narrow, sizeof narrow);
        else
            memcpy(to + i * sizeof *from, &from[i], sizeof *from);
    }
    return to;
}

static inline double case_get(const void *from, enum dtype dtype, size_t i) {
    return dtype == DTYPE_FLOAT32 ? (double)((const float *)from)[i] : ((const double *)from)[i];
}

/* A convolution as a task of a worker, which is where it runs in the service. */
struct case_task {
    const struct conv_plan *plan;
    const void *input, *weight, *bias;
    void *packed, *output;
    struct run_context context;
};

static inline void case_task_run(void *argument, int slot) {
    struct case_task *task = argument;
    task->context.slot = slot;
    const void *weights = task->weight;
    if (task->plan->packed_bytes > 0) {
        conv_prepare(task->plan, task->weight, task->packed, &task->context);
        weights = task->packed;
    }
    conv_run(task->plan, task->input, weights, task->bias, task->output, &task->context);
}

/*
 * Runs the planned case on `threads` workers (0: on this thread), checks that nothing beside the output and
 * the workspace was written, and returns the output: valid until the next run on the same memory.
 */
static inline const void *case_run(struct case_memory *memory, const struct conv_case *row,
                                   const struct conv_plan *plan, int threads, const double *input,
                                   const double *weight, const double *bias) {
    struct workers *workers = threads > 0 ? workers_create(threads, 1, NULL) : NULL;
    size_t workspace = (size_t)workers_slots(workers) * plan->workspace_bytes_per_slot;
    struct case_task task = {
        .plan = plan,
        .input = case_put(&memory->input, plan->dtype, input, case_inputs(row)),
        .weight = case_put(&memory->weight, plan->dtype, weight, case_weights(row)),
        .packed = case_buffer_set(&memory->packed, plan->packed_bytes, CASE_MAX_PACKED),
        .bias = row->bias ? case_put(&memory->bias, plan->dtype, bias, (size_t)row->k) : NULL,
        .output = case_buffer_set(&memory->output, case_outputs(row) * dtype_bytes(plan->dtype),
                                  CASE_MAX_ELEMS * sizeof(double)),
        .context = {.workers = workers,
                    .workspace = case_buffer_set(&memory->workspace, workspace, CASE_MAX_WORKSPACE)},
    };
    if (workers == NULL)
        case_task_run(&task, 0);
    else
        assert_true(workers_submit(workers, case_task_run, &task));
    workers_destroy(workers); /* waits for the task */
    assert_true(case_buffer_intact(&memory->output) && case_buffer_intact(&memory->workspace) &&
                case_buffer_intact(&memory->packed));
    assert_true(plan->workspace_bytes_per_slot % 64 == 0);
    return task.output;
}

static inline const char *case_text(const struct conv_case *row, char text[256]) {
    snprintf(text, 256,
             "{%lld, %lld, %lld, %lld, %lld, {%lld, %lld}, {%lld, %lld}, {%lld, %lld}, {%lld, %lld}, "
             "{%lld, %lld}, "
             "%lld, %d, %d}",
             (long long)row->n, (long long)row->c, (long long)row->h, (long long)row->w, (long long)row->k,
             (long long)row->kernel[0], (long long)row->kernel[1], (long long)row->stride[0],
             (long long)row->stride[1], (long long)row->dilation[0], (long long)row->dilation[1],
             (long long)row->begin[0], (long long)row->begin[1], (long long)row->end[0],
             (long long)row->end[1], (long long)row->groups, (int)row->mode, (int)row->bias);
    return text;
}

/*
 * Compares with the definition: |difference| at most 2^-22 (float64: 2^-50) of the largest sum of magnitudes,
 * four units in the last place of what the sum would be were all products of one sign.
 */
static inline void case_expect(const struct conv_case *row, const struct conv_plan *plan, const void *output,
                               const double *wanted, double most) {
    char text[256];
    double tolerance = most * (plan->dtype == DTYPE_FLOAT32 ? 0x1p-22 : 0x1p-50);
    for (size_t i = 0; i < case_outputs(row); i++) {
        double got = case_get(output, plan->dtype, i);
        if (!(fabs(got - wanted[i]) <= tolerance))
            fail_msg("%s %s %s: output %zu is %.17g, not %.17g (tolerance %.3g)",
                     conv_algorithm_name(plan->algorithm), dtype_name(plan->dtype), case_text(row, text), i,
                     got, wanted[i], tolerance);
    }
}

#endif
