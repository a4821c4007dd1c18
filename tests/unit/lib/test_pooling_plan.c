/*
 * Plans of poolings: what lib/layers makes of them, their price, cancellation.
 */
#include "tests/unit/pooling_case.h"

static void test_operations(void **state) {
    (void)state;
    static const int64_t HUGE_SIZE = INT64_C(1) << 40;
    const struct {
        struct pooling_case row;
        int64_t want; /* -1: does not fit */
    } rows[] = {
        {{.mode = POOLING_MAX, .n = 2, .c = 3, .in = {4, 4}, .kernel = {2, 2}, .stride = {2, 2}}, 96},
        {{.mode = POOLING_AVG, .n = 1, .c = 1, .in = {5, 1}, .kernel = {3, 1}}, 9},
        /* 9 x 1 outputs, each of whose windows reads one of the three cells at most every second step */
        {{.mode = POOLING_MAX,
          .n = 1,
          .c = 1,
          .in = {3, 1},
          .kernel = {9, 1},
          .dilation = {2, 1},
          .begin = {11, 0},
          .end = {11, 0}},
         18},
        {{.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 2, .in = {5, 4}, .out = {3, 2}}, 2 * 7 * 4},
        {{.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {2, 3}, .out = {4, 3}}, 4 * 3},
        {{.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {2, 3}, .out = {0, 3}}, 0},
        {{.mode = POOLING_MAX, .n = 0, .c = 1, .in = {4, 4}, .kernel = {2, 2}}, 0},
        {{.mode = POOLING_MAX, .n = 1, .c = 1, .in = {HUGE_SIZE, 8}, .kernel = {HUGE_SIZE / 2, 1}}, -1},
        {{.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 1, .in = {1, 1}, .out = {HUGE_SIZE, HUGE_SIZE}}, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pooling_plan plan = case_plan(&rows[i].row, DTYPE_FLOAT32);
        int64_t operations = -7;
        bool fits = pooling_operations(&plan, &operations);
        assert_int_equal(fits, rows[i].want >= 0);
        if (fits)
            assert_int_equal(operations, rows[i].want);
    }
}

/* Maxima go abreast wherever outputs are close together, however far apart their cells are. */
static void test_looks_alone(void **state) {
    (void)state;
    const struct {
        struct pooling_case row;
        bool alone;
    } rows[] = {
        {{.mode = POOLING_MAX, .n = 1, .c = 1, .in = {600, 600}, .kernel = {125, 125}, .dilation = {2, 2}},
         false},
        {{.mode = POOLING_MAX, .n = 1, .c = 1, .in = {600, 600}, .kernel = {125, 125}, .dilation = {1, 1}},
         false},
        {{.mode = POOLING_MAX,
          .n = 1,
          .c = 1,
          .in = {600, 600},
          .kernel = {9, 9},
          .stride = {5, 5},
          .dilation = {1, 2}},
         true},
        {{.mode = POOLING_MAX, .n = 1, .c = 1, .in = {600, 600}, .kernel = {9, 20}, .stride = {5, 5}}, false},
        {{.mode = POOLING_MAX, .n = 1, .c = 1, .in = {600, 600}, .kernel = {9, 15}, .stride = {5, 5}}, true},
        {{.mode = POOLING_AVG, .n = 1, .c = 1, .in = {600, 600}, .kernel = {9, 9}, .stride = {5, 5}}, false},
        {{.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {30, 30}, .out = {4, 7}}, true},
        {{.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {30, 30}, .out = {5, 10}}, false},
        {{.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {7, 7}, .out = {1, 1}}, false},
        {{.mode = POOLING_MAX, .n = 1, .c = 1, .in = {3, 3}, .kernel = {3, 3}}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pooling_plan plan = case_plan(&rows[i].row, DTYPE_FLOAT32);
        assert_int_equal(pooling_looks_alone(&plan, true), rows[i].alone);
    }
}

/* What windows cost where they lie in the padding, where rows are narrow, and where powers are taken. */
static void test_cost(void **state) {
    (void)state;
    const struct {
        struct pooling_case row;
        int64_t least, most;
    } rows[] = {
        /* one column, a window of which all but one column is padding: by itself, not by all its taps */
        {{.mode = POOLING_MAX,
          .n = 1,
          .c = 40,
          .in = {512, 1},
          .kernel = {512, 512},
          .begin = {256, 256},
          .end = {256, 256}},
         40 * 513 * 2 * 512 * 16,
         INT64_C(40) * 513 * 2 * 512 * 200},
        /* seven taps across for one output: seven vectors */
        {{.mode = POOLING_MAX,
          .n = 1,
          .c = 1,
          .in = {600, 1},
          .kernel = {19, 7},
          .dilation = {3, 1},
          .begin = {9, 3},
          .end = {9, 3}},
         564 * 19 * 7 * 16 * 16,
         564 * 19 * 7 * 16 * 16},
        /* wide rows cost their reads */
        {{.mode = POOLING_AVG, .n = 2, .c = 3, .in = {64, 64}, .kernel = {2, 2}, .stride = {2, 2}},
         2 * 3 * 64 * 64 * 16,
         2 * 3 * 64 * 64 * 16},
        /* a tall window over one column takes each power for itself */
        {{.mode = POOLING_LP, .n = 1, .c = 1, .in = {3000, 1}, .kernel = {1000, 1}, .norm = 2.5},
         INT64_C(2001) * 1000 * 1200,
         INT64_C(2001) * 1000 * 2400},
        {{.mode = POOLING_LP, .n = 1, .c = 1, .in = {3000, 1}, .kernel = {1000, 1}, .norm = 1},
         2001 * 1000 * 400,
         2001 * 1000 * 800},
        {{.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 1, .in = {3000, 3}, .out = {7, 2}},
         2 * 3006 * 2 * 96,
         2 * 3006 * 2 * 96 + 14 * 1200},
        {{.mode = POOLING_MAX, .n = 0, .c = 1, .in = {4, 4}, .kernel = {2, 2}}, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pooling_plan plan = case_plan(&rows[i].row, DTYPE_FLOAT32);
        int64_t cost = pooling_cost(&plan, false);
        if (cost < rows[i].least || cost > rows[i].most)
            fail_msg("row %zu: %lld", i, (long long)cost);
    }
}

static void test_cancelled_before_it_runs(void **state) {
    (void)state;
    const struct pooling_case row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}};
    struct pooling_plan plan = case_plan(&row, DTYPE_FLOAT32);
    const float input[2] = {1, 2};
    float output = -5;
    atomic_bool cancelled = true;
    struct run_context context = {.cancelled = &cancelled};
    pooling_run(&plan, input, &output, NULL, &context);
    assert_true(output == -5);
    cancelled = false;
    pooling_run(&plan, input, &output, NULL, &context);
    assert_true(output == 2);
}

static void test_plan(void **state) {
    (void)state;
    struct layer layer;
    struct pooling_plan plan;
    struct fault fault;
    layer_init(&layer, LAYER_MAX_POOL2D);
    layer.pooling.kernel[0] = 3;
    layer.pooling.kernel[1] = 2;
    struct shape input = SHAPE(2, 3, 9, 8);
    assert_int_equal(pooling_plan(&plan, &layer, &input, DTYPE_FLOAT64, &fault), STATUS_OK);
    assert_int_equal(plan.dtype, DTYPE_FLOAT64);
    assert_int_equal(plan.layer.mode, POOLING_MAX);
    assert_true(shape_equal(&plan.sizes.output, &SHAPE(2, 3, 3, 4)));
    assert_int_equal(plan.sizes.axis[0].stride, 3);

    layer.pooling.kernel[0] = 0;
    assert_int_equal(pooling_plan(&plan, &layer, &input, DTYPE_FLOAT64, &fault), STATUS_INVALID_VALUE);
    assert_int_equal(fault.status, STATUS_INVALID_VALUE);
}

static void test_plan_of_unbatched_input(void **state) {
    (void)state;
    struct layer layer;
    struct pooling_plan plan;
    layer_init(&layer, LAYER_ADAPTIVE_AVG_POOL2D);
    layer.pooling.output_size[0] = 1;
    layer.pooling.output_size[1] = LAYER_KEEP;
    struct shape input = SHAPE(2, 2, 3);
    assert_int_equal(pooling_plan(&plan, &layer, &input, DTYPE_FLOAT32, NULL), STATUS_OK);
    assert_true(shape_equal(&plan.sizes.output, &SHAPE(2, 1, 3)));
    const float cells[12] = {1, 2, 3, 3, 4, 5, -1, -2, -3, 1, 2, 3};
    const double want[6] = {2, 3, 4, 0, 0, 0};
    float output[6];
    struct run_context context = {0};
    pooling_run(&plan, cells, output, NULL, &context);
    for (int i = 0; i < 6; i++)
        assert_true((double)output[i] == want[i]);
}

/* (i + 1) * in is a window's bound: sizes for which that would wrap are refused, also where there is no
 * image. */
static void test_plan_refuses_bounds_that_wrap(void **state) {
    (void)state;
    struct layer layer;
    struct pooling_plan plan;
    struct fault fault = {0};
    layer_init(&layer, LAYER_ADAPTIVE_MAX_POOL2D);
    for (int axis = 0; axis < 2; axis++) {
        struct shape input = SHAPE(0, 1, 1, 1);
        input.dim[2 + axis] = INT64_C(1) << 40;
        layer.pooling.output_size[axis] = INT32_MAX;
        layer.pooling.output_size[1 - axis] = 1;
        assert_int_equal(pooling_plan(&plan, &layer, &input, DTYPE_FLOAT32, &fault), STATUS_TOO_LARGE);
        assert_string_equal(fault.place, axis == 0 ? "output_size/0" : "output_size/1");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_looks_alone),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_cancelled_before_it_runs),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_of_unbatched_input),
        cmocka_unit_test(test_plan_refuses_bounds_that_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
