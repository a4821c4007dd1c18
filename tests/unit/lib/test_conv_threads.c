/*
 * Results that do not depend, bit by bit, on who computes them, how many do, or what else is in the batch;
 * and work that ends when nobody wants it any more.
 */
#include "lib/conv/blas.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/conv_case.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static double input[CASE_MAX_ELEMS], weight[CASE_MAX_ELEMS], bias[CASE_MAX_ELEMS];
static unsigned char alone[CASE_MAX_ELEMS * sizeof(double)];
static struct case_memory memory;

/* Several units each, and several pieces in most algorithms. */
static const struct conv_case rows[] = {
    {1, 23, 31, 37, 67, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true},
    {2, 67, 29, 31, 131, {1, 1}, .bias = true},
    {1, 3, 101, 103, 37, {5, 5}, .stride = {2, 2}, .begin = {2, 2}, .end = {2, 2}},
    {3, 43, 37, 29, 43, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 43, .bias = true},
    {1, 201, 7, 7, 203, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .mode = PADDING_CIRCULAR},
    {1, 24, 41, 43, 60, {3, 3}, .dilation = {2, 2}, .groups = 4},
    {1, 96, 43, 29, 96, {5, 5}, .stride = {2, 2}, .begin = {2, 2}, .end = {2, 2}, .groups = 48, .bias = true},
    {2, 64, 31, 31, 40, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 4, .mode = PADDING_REFLECT},
    {2, 64, 33, 33, 48, {3, 3}, .dilation = {12, 12}, .begin = {12, 12}, .end = {12, 12}, .bias = true},
    {2, 32, 31, 29, 40, {5, 5}, .dilation = {2, 1}, .begin = {4, 2}, .end = {4, 2}, .bias = true},
    {2, 9001, 2, 5, 40, {1, 1}, .bias = true},
    {2, 2003, 4, 5, 16, {3, 3}, .stride = {1, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true},
};

enum { ROWS = sizeof rows / sizeof *rows };

static void fill(const struct conv_case *row) {
    uint64_t state = 7;
    case_random_fill(&state, input, case_inputs(row));
    case_random_fill(&state, weight, case_weights(row));
    case_random_fill(&state, bias, (size_t)row->k);
}

/* REFERENCE takes its time. */
static bool is_small(const struct conv_case *row) {
    return case_outputs(row) / (size_t)row->k * case_weights(row) < 4000000;
}

static bool takes_winograd(const struct conv_case *row) {
    const struct conv_options options = {.algorithm = CONV_WINOGRAD};
    struct conv_plan plan;
    return case_plan_with(&plan, row, DTYPE_FLOAT32, &options);
}

static void expect_same_on_threads(const struct conv_case *row, const struct conv_plan *plan) {
    static const int threads[] = {1, 2, 5};
    size_t bytes = case_outputs(row) * dtype_bytes(plan->dtype);
    memcpy(alone, case_run(&memory, row, plan, 0, input, weight, bias), bytes);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        assert_memory_equal(case_run(&memory, row, plan, threads[i], input, weight, bias), alone, bytes);
}

static void expect_same_if_planned(const struct conv_case *row, enum dtype dtype,
                                   const struct conv_options *options) {
    struct conv_plan plan;
    if (!case_plan_with(&plan, row, dtype, options))
        return;
    assert_true(plan.tiles.units > 1);
    expect_same_on_threads(row, &plan);
}

static void test_threads(void **unused) {
    (void)unused;
    for (int i = 0; i < ROWS; i++) {
        fill(&rows[i]);
        for (int a = CONV_AUTO; a < CONV_ALGORITHMS; a++)
            for (int p = 0; p < CONV_PRECISIONS; p++) {
                const struct conv_options options = {.algorithm = (enum conv_algorithm)a,
                                                     .precision = (enum conv_precision)p};
                for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++)
                    if ((a != CONV_REFERENCE || is_small(&rows[i])) && (d == DTYPE_FLOAT32 || p == 0))
                        expect_same_if_planned(&rows[i], (enum dtype)d, &options);
            }
    }
}

/* Bit by bit, but for the sign of NaN. */
static void assert_same(const void *got, const void *wanted, enum dtype dtype, size_t count) {
    size_t bytes = dtype_bytes(dtype);
    for (size_t i = 0; i < count; i++)
        if (memcmp((const char *)got + i * bytes, (const char *)wanted + i * bytes, bytes) != 0 &&
            !(isnan(case_get(got, dtype, i)) && isnan(case_get(wanted, dtype, i))))
            fail_msg("output %zu is %.9g, not %.9g", i, case_get(got, dtype, i), case_get(wanted, dtype, i));
}

/* The row's first image by itself gives the bits that it gives as each of three images. */
static void expect_same_in_batch(struct conv_case row, enum dtype dtype, const struct conv_options *options) {
    row.n = 1;
    size_t inputs = case_inputs(&row), bytes = case_outputs(&row) * dtype_bytes(dtype);
    struct conv_plan plan;
    assert_true(case_plan_with(&plan, &row, dtype, options));
    memcpy(alone, case_run(&memory, &row, &plan, 0, input, weight, bias), bytes);
    for (int64_t place = 0; place < 3; place++) {
        static double batch[CASE_MAX_ELEMS];
        row.n = 3;
        uint64_t state = 11;
        case_random_fill(&state, batch, case_inputs(&row));
        memcpy(batch + (size_t)place * inputs, input, inputs * sizeof *input);
        assert_true(case_plan_with(&plan, &row, dtype, options));
        const unsigned char *out = case_run(&memory, &row, &plan, 2, batch, weight, bias);
        assert_same(out + (size_t)place * bytes, alone, dtype, case_outputs(&row) / 3);
    }
}

static void expect_same_in_batches(const struct conv_case *row) {
    for (int a = CONV_AUTO; a < CONV_ALGORITHMS; a++)
        for (int p = 0; p < CONV_PRECISIONS; p++) {
            const struct conv_options options = {.algorithm = (enum conv_algorithm)a,
                                                 .precision = (enum conv_precision)p};
            if ((a == CONV_WINOGRAD && !takes_winograd(row)) || (a == CONV_REFERENCE && !is_small(row)))
                continue;
            expect_same_in_batch(*row, DTYPE_FLOAT32, &options);
            if (p == CONV_HIGHEST)
                expect_same_in_batch(*row, DTYPE_FLOAT64, &options);
        }
}

static void test_batches(void **unused) {
    (void)unused;
    for (int i = 0; i < ROWS; i++) {
        fill(&rows[i]);
        expect_same_in_batches(&rows[i]);
    }
}

/* Whose other outputs are computed in another way then, in all batches alike. */
static void test_batches_not_finite(void **unused) {
    (void)unused;
    static const struct conv_case whole[] = {
        {1, 64, 16, 16, 64, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true},
        {1, 64, 14, 14, 64, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true},
        {1, 128, 10, 10, 64, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true},
        {1, 32, 15, 13, 40, {5, 5}, .stride = {2, 2}, .begin = {2, 2}, .end = {2, 2}, .bias = true},
        {1, 64, 9, 9, 48, {3, 3}, .dilation = {6, 6}, .begin = {6, 6}, .end = {6, 6}, .bias = true},
    };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        fill(&whole[i]);
        weight[0] = NAN;
        expect_same_in_batches(&whole[i]);
        fill(&whole[i]);
        bias[0] = INFINITY;
        expect_same_in_batches(&whole[i]);
        fill(&whole[i]);
        input[5] = INFINITY;
        weight[case_weights(&whole[i]) / 2] = -INFINITY;
        expect_same_in_batches(&whole[i]);
    }
}

/* Whose ends WINOGRAD computes in another way, in all batches alike. */
static void test_batches_with_ends(void **unused) {
    (void)unused;
    static const struct conv_case whole[] = {
        {1, 64, 30, 29, 64, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true},
        {1, 32, 29, 30, 40, {5, 5}, .begin = {2, 2}, .end = {2, 2}, .groups = 2, .bias = true},
        {1, 96, 34, 34, 96, {3, 3}, .stride = {2, 2}, .begin = {1, 1}, .end = {1, 1}},
    };
    const struct conv_options options = {.algorithm = CONV_WINOGRAD};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        const struct conv_case *row = &whole[i];
        struct conv_plan plan = case_plan(row, DTYPE_FLOAT32, CONV_WINOGRAD);
        fill(row);
        for (size_t w = 0; w < case_weights(row); w++)
            if ((int64_t)w % (row->kernel[0] * row->kernel[1]) >=
                row->kernel[1]) /* the last row of the image never meets the first of a kernel */
                weight[w] = 0;
        for (size_t x = 0; x < case_inputs(row); x++)
            if ((int64_t)x / row->w % row->h == row->h - 1)
                input[x] *= 1000;
        expect_same_in_batch(*row, DTYPE_FLOAT32, &options);
        expect_same_in_batch(*row, DTYPE_FLOAT64, &options);
        expect_same_on_threads(row, &plan);
    }
}

/* One large image is cut finely enough for two cores. */
static void test_pieces(void **unused) {
    (void)unused;
    static const struct conv_case large[] = {
        {1, 64, 56, 56, 64, {3, 3}, .begin = {1, 1}, .end = {1, 1}},
        {1, 512, 7, 7, 512, {3, 3}, .begin = {1, 1}, .end = {1, 1}},
        {1, 256, 14, 14, 1024, {1, 1}, .bias = true},
        {1, 3, 224, 224, 64, {7, 7}, .stride = {2, 2}, .begin = {3, 3}, .end = {3, 3}},
        {1, 1, 512, 512, 1, {3, 3}, .bias = true},
        {1, 96, 112, 112, 96, {3, 3}, .groups = 96},
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        const struct conv_tiles t = case_plan(&large[i], DTYPE_FLOAT32, CONV_AUTO).tiles;
        assert_true((t.units + t.units_per_piece - 1) / t.units_per_piece >= 2);
    }
}

/* ---- cancellation ---- */

/* 10^12 multiply-accumulates in small tensors: minutes of work on any core. */
static const struct conv_case endless = {1, 1, 1999, 1999, 1, {1000, 1000}, .bias = false};

static void run_cancelled(enum conv_algorithm algorithm, bool before) {
    struct conv_plan plan = case_plan(&endless, DTYPE_FLOAT32, algorithm);
    size_t outputs = case_outputs(&endless);
    float *in = calloc(case_inputs(&endless), sizeof *in), *w = calloc(case_weights(&endless), sizeof *w);
    float *out = malloc(outputs * sizeof *out);
    void *workspace = aligned_alloc(64, plan.workspace_bytes_per_slot + 64);
    struct workers *workers = workers_create(1, 1, NULL);
    assert_true(in != NULL && w != NULL && out != NULL && workspace != NULL && workers != NULL);
    memset(out, CASE_FILL, outputs * sizeof *out);
    atomic_bool cancelled = before;
    struct case_task task = {.plan = &plan,
                             .input = in,
                             .weight = w,
                             .output = out,
                             .context = {workers, 0, workspace, &cancelled}};
    assert_true(workers_submit(workers, case_task_run, &task));
    if (!before) {
        usleep(20000); /* well into the work; on a starved machine before it, which ends as well */
        atomic_store(&cancelled, true);
    }
    workers_destroy(workers);
    unsigned char last[sizeof *out];
    memcpy(last, out + outputs - 1, sizeof last);
    for (size_t i = 0; i < sizeof last; i++)
        assert_int_equal(last[i], CASE_FILL);
    free(workspace);
    free(out);
    free(w);
    free(in);
}

static void test_cancelled(void **unused) {
    (void)unused;
    alarm(60); /* without cancellation the work would go on for longer */
    static const enum conv_algorithm algorithms[] = {CONV_GEMM, CONV_DIRECT, CONV_REFERENCE};
    for (int i = 0; i < 3; i++) {
        run_cancelled(algorithms[i], true);
        run_cancelled(algorithms[i], false);
    }
    alarm(0);
}

int main(void) {
    const char *error;
    if (!kernels_init(getenv("CONVD_CPU"), &error))
        return EXIT_FAILURE;
    blas_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batches_not_finite),
        cmocka_unit_test(test_batches_with_ends),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
