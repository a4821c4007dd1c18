/*
 * Pooling at its corners: tables of values worked out by hand or observed in PyTorch.
 */
#include "lib/kernels/kernels.h"
#include "tests/unit/pooling_case.h"

#include <float.h>
#include <limits.h>
#include <math.h>

#define NINF (-INFINITY)

enum { MAX_VALUES = 32 };

struct corner {
    const char *what;
    struct pooling_case row;
    double input[MAX_VALUES];
    double want[MAX_VALUES];
    int64_t index[MAX_VALUES]; /* max only */
};

static const struct corner CORNERS[] = {
    /* ---- max: which cell wins ---- */
    {.what = "the first of equal values gives the index",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {2, 2}, .kernel = {2, 2}},
     .input = {5, 5, 5, 5},
     .want = {5},
     .index = {0}},
    {.what = "the first of two zeros gives the sign: -0",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {2, 2}, .kernel = {2, 2}},
     .input = {-1, -0.0, 0, -1},
     .want = {-0.0},
     .index = {1}},
    {.what = "the first of two zeros gives the sign: +0",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {2, 2}, .kernel = {2, 2}},
     .input = {-1, 0, -0.0, -1},
     .want = {0.0},
     .index = {1}},
    {.what = "the last NaN gives the index",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {2, 3}, .kernel = {2, 3}},
     .input = {1, NAN, 2, NAN, 9, 3},
     .want = {NAN},
     .index = {3}},
    {.what = "NaN wins over infinity, before and after it",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 2}, .stride = {1, 2}},
     .input = {NAN, INFINITY, INFINITY, NAN},
     .want = {NAN, NAN},
     .index = {0, 3}},
    {.what = "all -Infinity: the first cell",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {2, 2}, .kernel = {2, 2}},
     .input = {NINF, NINF, NINF, NINF},
     .want = {NINF},
     .index = {0}},
    {.what = "all -Infinity beside padding: the first cell inside",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {2, 2},
             .kernel = {2, 2},
             .stride = {2, 2},
             .begin = {1, 1},
             .end = {1, 1}},
     .input = {NINF, NINF, NINF, NINF},
     .want = {NINF, NINF, NINF, NINF},
     .index = {0, 1, 2, 3}},
    {.what = "subnormal numbers are told apart and kept",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 2}, .stride = {1, 2}},
     .input = {0x1p-149, 0x3p-149, -0x1p-149, -0x3p-149},
     .want = {0x3p-149, -0x1p-149},
     .index = {1, 2}},
    {.what = "each plane counts its indices from its own corner",
     .row = {.mode = POOLING_MAX, .n = 2, .c = 2, .in = {1, 2}, .kernel = {1, 2}},
     .input = {1, 2, 4, 3, 5, 6, 8, 7},
     .want = {2, 4, 6, 8},
     .index = {1, 0, 1, 0}},

    /* ---- max: where the windows lie ---- */
    {.what = "padding is never chosen",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {1, 2},
             .kernel = {3, 3},
             .begin = {1, 1},
             .end = {1, 1}},
     .input = {-7, -8},
     .want = {-7, -7},
     .index = {0, 0}},
    {.what = "padding on one side only",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {1, 3}, .kernel = {1, 3}, .begin = {0, 2}},
     .input = {1, 2, 3},
     .want = {1, 2, 3},
     .index = {0, 1, 2}},
    {.what = "columns in padding alone: dilation steps over the input",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {1, 2},
             .kernel = {1, 2},
             .dilation = {1, 4},
             .begin = {0, 2},
             .end = {0, 2}},
     .input = {1, 2},
     .want = {NINF, NINF},
     .index = {-1, -1}},
    {.what = "rows in padding alone",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {1, 3},
             .kernel = {2, 2},
             .stride = {2, 1},
             .dilation = {4, 1},
             .begin = {3, 0},
             .end = {3, 0}},
     .input = {5, 9, 7},
     .want = {NINF, NINF, NINF, NINF},
     .index = {-1, -1, -1, -1}},
    {.what = "dilation",
     .row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {3, 3}, .kernel = {2, 2}, .dilation = {2, 2}},
     .input = {1, 9, 2, 9, 9, 9, 4, 9, 3},
     .want = {4},
     .index = {6}},
    {.what = "ceil_mode adds a clipped window",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {1, 5},
             .kernel = {1, 2},
             .stride = {1, 2},
             .ceil_mode = true},
     .input = {1, 2, 4, 3, 5},
     .want = {2, 4, 5},
     .index = {1, 2, 4}},
    {.what = "ceil_mode drops a window that starts in the right padding",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {1, 2},
             .kernel = {1, 2},
             .stride = {1, 3},
             .begin = {0, 1},
             .end = {0, 1},
             .ceil_mode = true},
     .input = {1, 2},
     .want = {1},
     .index = {0}},
    {.what = "a kernel larger than the input, in ceil_mode",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {2, 1},
             .kernel = {3, 2},
             .stride = {3, 2},
             .ceil_mode = true},
     .input = {1, 2},
     .want = {2},
     .index = {1}},
    {.what = "a stride beyond the input",
     .row = {.mode = POOLING_MAX,
             .n = 1,
             .c = 1,
             .in = {1, 3},
             .kernel = {1, 2},
             .stride = {INT64_MAX, INT64_MAX}},
     .input = {1, 2, 3},
     .want = {2},
     .index = {1}},

    /* ---- average: the divisor ---- */
    {.what = "six ones, kernel 3, stride 2, padding 1, ceil_mode: clipped to the padded input",
     .row = {.mode = POOLING_AVG,
             .n = 1,
             .c = 1,
             .in = {1, 6},
             .kernel = {1, 3},
             .stride = {1, 2},
             .begin = {0, 1},
             .end = {0, 1},
             .ceil_mode = true},
     .input = {6, 6, 6, 6, 6, 6},
     .want = {4, 6, 6, 3}},
    {.what = "the same without counting padding",
     .row = {.mode = POOLING_AVG,
             .n = 1,
             .c = 1,
             .in = {1, 6},
             .kernel = {1, 3},
             .stride = {1, 2},
             .begin = {0, 1},
             .end = {0, 1},
             .ceil_mode = true,
             .exclude_pad = true},
     .input = {6, 6, 6, 6, 6, 6},
     .want = {6, 6, 6, 6}},
    {.what = "each side counts its own padding",
     .row = {.mode = POOLING_AVG,
             .n = 1,
             .c = 1,
             .in = {1, 3},
             .kernel = {1, 3},
             .stride = {1, 2},
             .begin = {0, 2},
             .end = {0, 0},
             .ceil_mode = true},
     .input = {6, 6, 6},
     .want = {2, 6}},
    {.what = "on the right too",
     .row = {.mode = POOLING_AVG,
             .n = 1,
             .c = 1,
             .in = {3, 1},
             .kernel = {3, 1},
             .stride = {2, 1},
             .end = {2, 0}},
     .input = {6, 6, 6},
     .want = {6, 2}},
    {.what = "divisor_override, also where windows are clipped",
     .row = {.mode = POOLING_AVG,
             .n = 1,
             .c = 1,
             .in = {1, 3},
             .kernel = {1, 2},
             .stride = {1, 2},
             .ceil_mode = true,
             .divisor = -4},
     .input = {1, 2, 6},
     .want = {-0.75, -1.5}},
    {.what = "columns in padding alone give 0, not 0 / divisor",
     .row = {.mode = POOLING_AVG,
             .n = 1,
             .c = 1,
             .in = {1, 3},
             .kernel = {1, 2},
             .stride = {1, 2},
             .begin = {0, 3},
             .divisor = -1},
     .input = {1, 2, 3},
     .want = {0, -1, -5}},
    {.what = "sums of float32 are taken in double: they overflow no sooner than the average",
     .row = {.mode = POOLING_AVG, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 4}},
     .input = {0x1p127, 0x1p127, 0x1p127, 0x1p127},
     .want = {0x1p127}},
    {.what = "infinities of both signs",
     .row = {.mode = POOLING_AVG, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 2}, .stride = {1, 2}},
     .input = {INFINITY, 1, INFINITY, NINF},
     .want = {INFINITY, NAN}},
    {.what = "subnormal averages are kept",
     .row = {.mode = POOLING_AVG, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}},
     .input = {0x1p-140, 0x3p-140},
     .want = {0x1p-139}},

    /* ---- lp ---- */
    {.what = "ceil_mode scales a clipped window up to the full one",
     .row = {.mode = POOLING_LP,
             .n = 1,
             .c = 1,
             .in = {3, 3},
             .kernel = {2, 2},
             .stride = {2, 2},
             .ceil_mode = true,
             .norm = 2},
     .input = {1, 1, 1, 1, 1, 1, 1, 1, 1},
     .want = {2, 2, 2, 2}},
    {.what = "norm 2",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}, .norm = 2},
     .input = {3, -4},
     .want = {5}},
    {.what = "norm 1 keeps the sign",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}, .norm = 1},
     .input = {3, -7},
     .want = {-4}},
    {.what = "an odd norm of a negative sum is NaN",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 2}, .stride = {1, 2}, .norm = 3},
     .input = {-3, 1, 0, 1},
     .want = {NAN, 1}},
    {.what = "norm 3 of a negative infinity: C's pow, as torch.pow",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}, .norm = 3},
     .input = {1, NINF},
     .want = {INFINITY}},
    {.what = "norm 1/2 of a negative infinity: torch.pow takes the square root, NaN",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}, .norm = 0.5},
     .input = {1, NINF},
     .want = {NAN}},
    {.what = "norm 1/2",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}, .norm = 0.5},
     .input = {4, 9},
     .want = {25}},
    {.what = "norm -1 is the harmonic sum; a zero makes it 0",
     .row =
         {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 2}, .stride = {1, 2}, .norm = -1},
     .input = {4, 4, 0, 5},
     .want = {2, 0}},
    {.what = "norm -1 of opposite numbers: 1 / 0",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 2}, .norm = -1},
     .input = {2, -2},
     .want = {INFINITY}},
    {.what = "norm -2",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 4}, .norm = -2},
     .input = {1, 1, 1, 1},
     .want = {0.5}},
    {.what = "norm -1/2",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 1}, .kernel = {1, 1}, .norm = -0.5},
     .input = {16},
     .want = {16}},
    {.what = "norm -1/2 of a negative number",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 1}, .kernel = {1, 1}, .norm = -0.5},
     .input = {-16},
     .want = {NAN}},
    {.what = "norm 4: the general power",
     .row = {.mode = POOLING_LP, .n = 1, .c = 1, .in = {4, 4}, .kernel = {4, 4}, .norm = 4},
     .input = {1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1},
     .want = {2}},

    /* ---- adaptive ---- */
    {.what = "adaptive windows overlap where the sizes do not divide",
     .row = {.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 1, .in = {1, 5}, .out = {1, 3}},
     .input = {0, 2, 4, 6, 8},
     .want = {1, 4, 7}},
    {.what = "an output larger than the input repeats cells",
     .row = {.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {1, 2}, .out = {1, 5}},
     .input = {3, 1},
     .want = {3, 3, 3, 1, 1},
     .index = {0, 0, 0, 1, 1}},
    {.what = "adaptive max: NaN, ties, -Infinity as max",
     .row = {.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 3, .in = {2, 2}, .out = {1, 1}},
     .input = {NAN, 1, NAN, 2, 4, 4, 4, 4, NINF, NINF, NINF, NINF},
     .want = {NAN, 4, NINF},
     .index = {2, 0, 0}},
    {.what = "adaptive, same size: the input",
     .row = {.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 1, .in = {2, 2}, .out = {2, 2}},
     .input = {1, -2, 3, -4},
     .want = {1, -2, 3, -4}},
    {.what = "no images",
     .row = {.mode = POOLING_MAX, .n = 0, .c = 3, .in = {4, 4}, .kernel = {2, 2}},
     .input = {0},
     .want = {0},
     .index = {0}},
    {.what = "no channels",
     .row = {.mode = POOLING_ADAPTIVE_AVG, .n = 2, .c = 0, .in = {4, 4}, .out = {2, 2}},
     .input = {0},
     .want = {0},
     .index = {0}},
    {.what = "no outputs",
     .row = {.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 1, .in = {2, 2}, .out = {0, 3}},
     .input = {0},
     .want = {0},
     .index = {0}},
};

static bool same(double a, double b) {
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

static void check_corner(const struct corner *corner, enum dtype dtype, enum case_side side, bool indexed) {
    double output[MAX_VALUES];
    int64_t indices[MAX_VALUES];
    assert_true(case_inputs(&corner->row) <= MAX_VALUES && case_outputs(&corner->row) <= MAX_VALUES);
    case_run(&corner->row, dtype, corner->input, output, indexed ? indices : NULL, NULL, side);
    for (size_t i = 0; i < case_outputs(&corner->row); i++) {
        if (!same(output[i], corner->want[i]))
            fail_msg("%s (%s): output %zu is %.9g, not %.9g", corner->what, dtype_name(dtype), i, output[i],
                     corner->want[i]);
        if (indexed && indices[i] != corner->index[i])
            fail_msg("%s (%s): index %zu is %lld, not %lld", corner->what, dtype_name(dtype), i,
                     (long long)indices[i], (long long)corner->index[i]);
    }
}

static void test_corners(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CORNERS / sizeof CORNERS[0]; i++) {
        const struct corner *corner = &CORNERS[i];
        bool max = corner->row.mode == POOLING_MAX || corner->row.mode == POOLING_ADAPTIVE_MAX;
        for (int dtype = DTYPE_FLOAT32; dtype <= DTYPE_FLOAT64; dtype++) {
            check_corner(corner, (enum dtype)dtype, CASE_BEGIN, false);
            check_corner(corner, (enum dtype)dtype, CASE_END, max);
        }
    }
}

/* A power is rounded to the dtype, as PyTorch's is: what it loses there is lost. */
static void test_lp_overflows_as_its_dtype(void **state) {
    (void)state;
    const struct pooling_case row = {
        .mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 2}, .kernel = {1, 1}, .norm = 2};
    const double input[2] = {0x1p70, 0x1p-90};
    double output[2];
    case_run(&row, DTYPE_FLOAT32, input, output, NULL, NULL, CASE_END);
    assert_true(same(output[0], INFINITY) && same(output[1], 0));
    case_run(&row, DTYPE_FLOAT64, input, output, NULL, NULL, CASE_END);
    assert_true(same(output[0], 0x1p70) && same(output[1], 0x1p-90));
}

/* PyTorch's sign() * relu() gives 0 for a mean that was rounded to -0. */
static void test_lp_knows_no_negative_zero(void **state) {
    (void)state;
    const struct pooling_case row = {
        .mode = POOLING_LP, .n = 1, .c = 1, .in = {1, 4}, .kernel = {1, 4}, .norm = 1};
    const double input[4] = {-0x1p-149, 0, 0, 0};
    double output;
    case_run(&row, DTYPE_FLOAT32, input, &output, NULL, NULL, CASE_END);
    assert_true(same(output, 0));
}

static void test_max_keeps_subnormal_float64(void **state) {
    (void)state;
    const struct pooling_case row = {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {1, 3}, .kernel = {1, 3}};
    const double input[3] = {0, 0x3p-1074, 0x1p-1074};
    double output;
    int64_t index;
    case_run(&row, DTYPE_FLOAT64, input, &output, &index, NULL, CASE_END);
    assert_true(same(output, 0x3p-1074));
    assert_int_equal(index, 1);
}

/* Sums of float64 are taken in PyTorch's order, from left to right, also in wide windows: so they overflow
 * where PyTorch's do, and nowhere else. */
static void test_float64_sums_in_order(void **state) {
    (void)state;
    enum { CELLS = 70 };
    const struct pooling_case rows[] = {
        {.mode = POOLING_AVG,
         .n = 1,
         .c = 1,
         .in = {1, 2 * CELLS},
         .kernel = {1, CELLS},
         .stride = {1, CELLS}},
        {.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 1, .in = {1, 2 * CELLS}, .out = {1, 2}},
    };
    double input[2 * CELLS] = {DBL_MAX, DBL_MAX, -DBL_MAX, -DBL_MAX}, output[2];
    double *alternate = input + CELLS;
    alternate[0] = alternate[16] = DBL_MAX;
    alternate[1] = alternate[17] = -DBL_MAX;
    for (size_t i = 0; i < 2; i++) {
        case_run(&rows[i], DTYPE_FLOAT64, input, output, NULL, NULL, CASE_END);
        assert_true(same(output[0], INFINITY));
        assert_true(same(output[1], 0));
    }
}

/* The bits of the NaN or zero that wins come through, however wide the window is and wherever two of them
 * lie. */
static void test_max_keeps_bits(void **state) {
    (void)state;
    static const struct {
        int64_t width, first, second; /* of two special cells among -1 */
        uint32_t first_bits, second_bits, want;
    } ROWS[] = {
        {2, 0, 1, 0x7FC12345u, 0xFFC54321u, 0xFFC54321u},
        {80, 0, 1, 0x7FC12345u, 0xFFC54321u, 0xFFC54321u},
        {80, 5, 32, 0x7FC12345u, 0xFFC54321u, 0xFFC54321u},
        {80, 5, 70, 0xFFC54321u, 0x7FC12345u, 0x7FC12345u},
        {2, 0, 1, 0x00000000u, 0x80000000u, 0x00000000u},
        {80, 5, 32, 0x00000000u, 0x80000000u, 0x00000000u},
        {80, 5, 32, 0x80000000u, 0x00000000u, 0x80000000u},
        {80, 7, 70, 0x80000000u, 0x00000000u, 0x80000000u},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct pooling_case row = {
            .mode = POOLING_MAX, .n = 1, .c = 1, .in = {1, ROWS[i].width}, .kernel = {1, ROWS[i].width}};
        struct pooling_plan plan = case_plan(&row, DTYPE_FLOAT32);
        uint32_t cells[80], output = 0;
        for (int j = 0; j < 80; j++)
            cells[j] = 0xBF800000u;
        cells[ROWS[i].first] = ROWS[i].first_bits;
        cells[ROWS[i].second] = ROWS[i].second_bits;
        struct run_context context = {0};
        pooling_run(&plan, cells, &output, NULL, &context);
        assert_int_equal(output, ROWS[i].want);
    }
}

/* Rows of outputs between the first and the last lie in padding alone, and are wide enough to go abreast. */
static void test_wide_row_in_padding(void **state) {
    (void)state;
    const struct pooling_case row = {.mode = POOLING_MAX,
                                     .n = 1,
                                     .c = 1,
                                     .in = {1, 9},
                                     .kernel = {2, 1},
                                     .dilation = {4, 1},
                                     .begin = {3, 0},
                                     .end = {3, 0}};
    const double input[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    double output[27];
    int64_t indices[27];
    case_run(&row, DTYPE_FLOAT32, input, output, indices, NULL, CASE_END);
    for (int i = 0; i < 27; i++) {
        assert_true(same(output[i], NINF));
        assert_int_equal(indices[i], -1);
    }
}

/* A negative divisor over a row in padding alone. */
static void test_average_in_padding_is_positive_zero(void **state) {
    (void)state;
    struct pooling_case row = {.mode = POOLING_AVG,
                               .n = 1,
                               .c = 1,
                               .in = {1, 3},
                               .kernel = {2, 1},
                               .stride = {2, 1},
                               .begin = {3, 0},
                               .divisor = -1};
    const double input[3] = {1, 2, 3};
    const double want[6] = {0, 0, 0, -1, -2, -3};
    double output[6];
    case_run(&row, DTYPE_FLOAT64, input, output, NULL, NULL, CASE_END);
    for (int i = 0; i < 6; i++)
        assert_true(same(output[i], want[i]));
}

/* The corners at each level of kernels that the CPU has. */
int main(void) {
    static const char *const levels[] = {"portable", "avx2", "avx512"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_lp_overflows_as_its_dtype),
        cmocka_unit_test(test_lp_knows_no_negative_zero),
        cmocka_unit_test(test_max_keeps_subnormal_float64),
        cmocka_unit_test(test_float64_sums_in_order),
        cmocka_unit_test(test_max_keeps_bits),
        cmocka_unit_test(test_wide_row_in_padding),
        cmocka_unit_test(test_average_in_padding_is_positive_zero),
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        const char *error;
        if (kernels_init(levels[i], &error))
            failed += cmocka_run_group_tests_name(levels[i], tests, NULL, NULL);
    }
    return failed;
}
