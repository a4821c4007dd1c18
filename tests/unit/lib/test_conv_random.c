/*
 * Random layers, and a named table of shapes, against the definition: every algorithm, dtype, padding mode
 * and CPU level. The seed is fixed: a failure prints the row.
 */
#include "lib/conv/blas.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/conv_case.h"

/* One thread computes them: ThreadSanitizer, which is slowest of all, learns nothing from more. */
#if defined(__SANITIZE_THREAD__)
enum { LAYERS = 600 };
#else
enum { LAYERS = 3000 };
#endif
enum { MAX_MACS = 60000 };

static double input[CASE_MAX_ELEMS], weight[CASE_MAX_ELEMS], bias[CASE_MAX_ELEMS], wanted[CASE_MAX_ELEMS];
static struct case_memory memory;
static uint64_t state;
static int paired; /* cases whose products were of bfloat16 */

/* Those whose kernels of convolution differ. */
static const char *const levels[] = {"portable", "avx2", "avx512"};
enum { LEVELS = sizeof levels / sizeof *levels };

static void expect_options(const struct conv_case *row, enum dtype dtype, const struct conv_options *options,
                           double most) {
    struct conv_plan plan;
    bool planned = case_plan_with(&plan, row, dtype, options);
    assert_true(planned || options->algorithm == CONV_WINOGRAD);
    if (!planned)
        return;
    assert_true(plan.algorithm != CONV_AUTO);
    assert_true(options->algorithm == CONV_AUTO || plan.algorithm == options->algorithm);
    assert_true(plan.workspace_bytes_per_slot <= CONV_MOST_WORKSPACE_BYTES);
    case_expect(row, &plan, case_run(&memory, row, &plan, 0, input, weight, bias), wanted, most);
}

/*
 * With `medium`, on CPUs that multiply bfloat16: the numbers are rounded to it and what is summed are exact products. So
 * the definition of the rounded numbers is met as closely as that of all numbers is by float32, but for longer chains.
 */
static void expect_bf16(const struct conv_case *row) {
    static double rounded_input[CASE_MAX_ELEMS], rounded_weight[CASE_MAX_ELEMS], rounded[CASE_MAX_ELEMS];
    for (size_t i = 0; i < case_inputs(row); i++)
        rounded_input[i] = case_bf16(input[i]);
    for (size_t i = 0; i < case_weights(row); i++)
        rounded_weight[i] = case_bf16(weight[i]);
    double most = case_define(row, rounded_input, rounded_weight, bias, rounded);
    for (int prepared = 0; prepared < 2; prepared++) {
        const struct conv_options options = {
            .algorithm = CONV_GEMM, .precision = CONV_MEDIUM, .prepared = prepared != 0};
        struct conv_plan plan;
        assert_true(case_plan_with(&plan, row, DTYPE_FLOAT32, &options));
        assert_true(plan.workspace_bytes_per_slot <= CONV_MOST_WORKSPACE_BYTES);
        paired += plan.pairs;
        if (plan.pairs)
            case_expect(row, &plan, case_run(&memory, row, &plan, 0, input, weight, bias), rounded, 2 * most);
    }
}

/* Every algorithm on one thread, on each level that this CPU has, with prepared weights and without. */
static void expect_all(const struct conv_case *row, enum dtype dtype) {
    const char *error;
    case_random_fill(&state, input, case_inputs(row));
    case_random_fill(&state, weight, case_weights(row));
    case_random_fill(&state, bias, (size_t)row->k);
    double most = case_define(row, input, weight, bias, wanted);
    for (int level = 0; level < LEVELS; level++) {
        if (!kernels_init(levels[level], &error))
            continue;
        for (int a = 0; a < CONV_ALGORITHMS; a++)
            for (int prepared = 0; prepared < 2; prepared++) {
                const struct conv_options options = {.algorithm = (enum conv_algorithm)a,
                                                     .prepared = prepared != 0};
                if (a != CONV_REFERENCE || (level == 0 && !prepared))
                    expect_options(row, dtype, &options, most);
            }
        if (dtype == DTYPE_FLOAT32 && kernels_bf16(kernels_get()) != NULL)
            expect_bf16(row);
    }
    assert_true(kernels_init(NULL, &error));
}

/* ---- the table ---- */

struct named_case {
    const char *name;
    struct conv_case row;
};

/* {n, c, h, w, k, kernel, stride, dilation, begin, end, groups, mode, bias} */
static const struct named_case table[] = {
    {"one cell", {1, 1, 1, 1, 1, {1, 1}, .bias = false}},
    {"pointwise", {2, 67, 13, 17, 71, {1, 1}, .bias = true}},
    {"pointwise, rows that collide in a cache", {1, 197, 16, 32, 71, {1, 1}, .bias = true}},
    {"pointwise over several depth blocks", {1, 521, 7, 5, 19, {1, 1}, .bias = false}},
    {"pointwise, more channels than are packed at once", {1, 2052, 1, 1, 16, {1, 1}, .bias = true}},
    {"pointwise, more channels than are packed at once, odd", {1, 4099, 7, 7, 17, {1, 1}, .bias = false}},
    {"pointwise, strided, several blocks of channels", {1, 1028, 3, 5, 16, {1, 1}, {2, 2}, .bias = true}},
    {"pointwise, strided, many channels", {1, 9301, 13, 1, 17, {1, 1}, {2, 1}, .bias = false}},
    {"pointwise, padded, several blocks", {1, 2051, 5, 6, 16, {1, 1}, .begin = {1, 0}, .end = {1, 1}}},
    {"many weights, one position", {1, 260, 3, 3, 130, {3, 3}, .bias = true}},
    {"many weights, four positions", {2, 130, 4, 4, 70, {3, 3}, .bias = true}},
    {"many weights, two positions, pointwise", {1, 2052, 1, 2, 64, {1, 1}, .bias = true}},
    {"many weights, twelve positions", {1, 130, 3, 4, 70, {3, 3}, .begin = {1, 1}, .end = {1, 1}}},
    {"pointwise, blocks of more than 512 channels", {1, 20001, 1, 2, 3, {1, 1}, .bias = true}},
    {"few outputs of several blocks of channels", {1, 2050, 7, 7, 9, {1, 1}, .bias = false}},
    {"pointwise, strided", {1, 13, 19, 23, 7, {1, 1}, {2, 3}, .bias = true}},
    {"pointwise, padded", {1, 5, 7, 11, 3, {1, 1}, .begin = {1, 2}, .end = {2, 1}}},
    {"pointwise, one column tile more", {1, 3, 37, 61, 5, {1, 1}, .bias = false}},
    {"same 3 x 3", {1, 17, 29, 31, 19, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true}},
    {"several column tiles", {1, 5, 47, 53, 37, {3, 3}, .begin = {1, 1}, .end = {1, 1}}},
    {"several depth blocks", {1, 61, 11, 13, 67, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true}},
    {"a long sum in two levels", {1, 151, 5, 29, 5, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .bias = true}},
    {"a deeper sum than 4608", {1, 523, 5, 5, 3, {3, 3}, .bias = false}},
    {"split output channels", {1, 131, 13, 13, 257, {3, 3}, .begin = {1, 1}, .end = {1, 1}}},
    {"first layer", {1, 3, 61, 67, 37, {7, 7}, {2, 2}, .begin = {3, 3}, .end = {3, 3}, .bias = true}},
    {"patches", {1, 3, 64, 48, 29, {16, 16}, {16, 16}, .bias = false}},
    {"kernel as large as the input", {3, 11, 7, 5, 13, {7, 5}, .bias = true}},
    {"wide row", {1, 2, 3, 787, 3, {3, 5}, .begin = {1, 2}, .end = {1, 2}}},
    {"wide row, strided", {1, 2, 3, 1579, 5, {3, 5}, {1, 2}, .begin = {1, 2}, .end = {1, 2}}},
    {"tall column", {1, 2, 787, 3, 3, {5, 3}, .begin = {2, 1}, .end = {2, 1}, .bias = true}},
    {"kernel row longer than a block", {1, 2, 5, 131, 3, {2, 67}, .begin = {0, 33}, .end = {1, 33}}},
    {"kernel column longer than a block", {1, 2, 131, 5, 3, {67, 2}, .begin = {33, 0}, .end = {33, 1}}},
    {"large kernel", {1, 1, 61, 59, 2, {41, 43}, .bias = true}},
    {"dilated", {1, 7, 31, 37, 11, {3, 3}, .dilation = {5, 7}, .begin = {5, 7}, .end = {5, 7}}},
    {"dilated past the input",
     {1, 3, 5, 7, 5, {3, 3}, .dilation = {11, 13}, .begin = {11, 13}, .end = {11, 13}}},
    {"zones", {2, 40, 17, 19, 24, {3, 3}, .dilation = {6, 7}, .begin = {6, 7}, .end = {6, 7}, .bias = true}},
    {"zones of few outputs",
     {1, 33, 13, 11, 17, {3, 3}, .dilation = {9, 10}, .begin = {9, 10}, .end = {9, 10}}},
    {"zones, groups",
     {1,
      80,
      16,
      16,
      64,
      {3, 3},
      .dilation = {7, 7},
      .begin = {7, 7},
      .end = {7, 7},
      .groups = 2,
      .bias = true}},
    {"zones of five taps", {1, 32, 20, 23, 40, {5, 5}, .dilation = {5, 4}, .begin = {10, 8}, .end = {10, 8}}},
    {"zones with padding of one side",
     {1, 48, 15, 18, 16, {3, 5}, .dilation = {7, 4}, .begin = {14, 0}, .end = {0, 16}, .bias = true}},
    {"zones that see nothing",
     {1, 36, 5, 6, 20, {3, 3}, .dilation = {7, 8}, .begin = {20, 20}, .end = {20, 20}, .bias = true}},
    {"zones around one cell",
     {1, 33, 1, 1, 17, {2, 3}, .dilation = {1, 3}, .begin = {31, 0}, .end = {0, 29}, .bias = true}},
    {"zones of deep sums", {1, 1100, 12, 12, 16, {3, 3}, .dilation = {8, 8}, .begin = {8, 8}, .end = {8, 8}}},
    {"stride beyond the kernel", {1, 3, 41, 43, 5, {2, 2}, {5, 7}, .bias = true}},
    {"stride beyond the input", {1, 3, 5, 5, 2, {2, 2}, {100, 100}, .begin = {1, 0}, .end = {300, 400}}},
    {"vertical stride only", {1, 5, 31, 17, 7, {3, 3}, {3, 1}, .begin = {1, 1}, .end = {1, 1}}},
    {"depthwise", {2, 23, 17, 19, 23, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 23, .bias = true}},
    {"depthwise, strided", {1, 23, 37, 41, 23, {3, 3}, {2, 2}, .begin = {1, 1}, .end = {1, 1}, .groups = 23}},
    {"depthwise, 7 x 7 plane", {1, 61, 7, 7, 61, {5, 5}, .begin = {2, 2}, .end = {2, 2}, .groups = 61}},
    {"depthwise, multiplied", {1, 7, 13, 11, 35, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 7}},
    {"depthwise, wider than a unit",
     {1, 3, 9, 1031, 3, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 3, .bias = true}},
    {"depthwise, wider than a unit, strided",
     {1, 2, 8, 1543, 4, {5, 5}, {2, 2}, .begin = {2, 2}, .end = {2, 2}, .groups = 2}},
    {"depthwise, several strips", {1, 2, 101, 97, 2, {7, 7}, .begin = {3, 3}, .end = {3, 3}, .groups = 2}},
    {"depthwise, 2 rows", {1, 29, 2, 67, 29, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 29}},
    {"depthwise, padding but for one cell",
     {1, 5, 1, 1, 5, {7, 7}, {2, 2}, .begin = {6, 6}, .end = {6, 6}, .groups = 5, .bias = true}},
    {"depthwise, reflected strips",
     {1, 3, 59, 67, 3, {5, 5}, .begin = {4, 3}, .end = {2, 4}, .groups = 3, .mode = PADDING_REFLECT}},
    {"depthwise, circular, strided",
     {1,
      5,
      33,
      70,
      10,
      {7, 7},
      {2, 2},
      .begin = {3, 6},
      .end = {5, 6},
      .groups = 5,
      .mode = PADDING_CIRCULAR}},
    {"130 output channels of a group",
     {1, 4, 9, 13, 260, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 2}},
    {"16 channels of a group",
     {1, 48, 14, 14, 48, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 3, .bias = true}},
    {"32 channels of a group, strided",
     {1, 64, 14, 14, 62, {3, 3}, {2, 2}, .begin = {1, 1}, .end = {1, 1}, .groups = 2, .bias = true}},
    {"32 channels of a group, 7 x 7", {1, 64, 9, 17, 6, {7, 7}, .begin = {3, 3}, .end = {3, 3}, .groups = 2}},
    {"groups", {2, 30, 13, 17, 42, {3, 3}, .begin = {1, 1}, .end = {1, 1}, .groups = 6, .bias = true}},
    {"padding of one side", {1, 3, 5, 7, 2, {3, 3}, .begin = {0, 4}, .end = {5, 0}}},
    {"padding far beyond the kernel",
     {1, 2, 3, 2, 3, {3, 2}, .begin = {9, 11}, .end = {7, 13}, .bias = true}},
    {"reflect", {1, 3, 7, 11, 5, {5, 5}, .begin = {6, 10}, .end = {5, 7}, .mode = PADDING_REFLECT}},
    {"replicate", {1, 3, 2, 3, 5, {5, 5}, .begin = {9, 8}, .end = {7, 6}, .mode = PADDING_REPLICATE}},
    {"circular", {1, 3, 7, 11, 5, {5, 5}, .begin = {7, 11}, .end = {7, 11}, .mode = PADDING_CIRCULAR}},
    {"circular, whole turns, strided",
     {1, 3, 5, 3, 5, {3, 3}, {2, 2}, {2, 1}, {5, 3}, {5, 3}, 1, PADDING_CIRCULAR, true}},
    {"LeNet 1", {1, 1, 32, 32, 6, {5, 5}, .bias = true}},
    {"LeNet 2", {1, 6, 14, 14, 16, {5, 5}, .bias = true}},
    {"LeNet 3", {1, 16, 5, 5, 120, {5, 5}, .bias = true}},
    {"no images", {0, 3, 5, 5, 2, {3, 3}, .bias = false}},
};

static void test_table(void **unused) {
    (void)unused;
    state = 1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        print_message("%s\n", table[i].name);
        expect_all(&table[i].row, DTYPE_FLOAT32);
        expect_all(&table[i].row, DTYPE_FLOAT64);
    }
    assert_true(kernels_bf16(kernels_get()) == NULL || paired > 0);
}

/* ---- random layers ---- */

static int64_t chance(int percent, int64_t yes, int64_t no) {
    return case_random_int(&state, 1, 100) <= percent ? yes : no;
}

/* The largest padding that the mode allows. */
static int64_t most_padding(enum padding_mode mode, int64_t size) {
    switch (mode) {
    case PADDING_REFLECT: return size - 1;
    case PADDING_CIRCULAR: return size;
    default: return 9;
    }
}

static struct conv_case random_case(enum padding_mode mode) {
    struct conv_case row = {
        .mode = mode, .n = chance(10, 2, 1), .groups = chance(40, case_random_int(&state, 2, 5), 1)};
    row.c = row.groups * chance(10, case_random_int(&state, 1, 40), case_random_int(&state, 1, 4));
    row.k = row.groups * chance(10, case_random_int(&state, 1, 40), case_random_int(&state, 1, 6));
    if (row.c > 8 * row.groups) /* sums of many products, for whole blocks of output channels too */
        row.k = chance(50, row.groups * 16 * case_random_int(&state, 1, 5), row.k);
    row.h = case_random_int(&state, 1, 19);
    row.w = chance(15, case_random_int(&state, 20, 90), case_random_int(&state, 1, 19));
    row.bias = chance(50, 1, 0) != 0;
    for (int i = 0; i < 2; i++) {
        int64_t most = most_padding(mode, i == 0 ? row.h : row.w);
        row.kernel[i] = chance(10, case_random_int(&state, 6, 40), case_random_int(&state, 1, 5));
        row.stride[i] = chance(60, 1, case_random_int(&state, 1, 5));
        row.dilation[i] = chance(60, 1, case_random_int(&state, 1, 5));
        row.begin[i] = most > 0 ? chance(60, case_random_int(&state, 0, most > 9 ? 9 : most), 0) : 0;
        row.end[i] = most > 0 ? chance(60, case_random_int(&state, 0, most > 9 ? 9 : most), 0) : 0;
    }
    return row;
}

/* What DEPTHWISE takes, of every size of window, with rows from less than a vector to several. */
static struct conv_case random_square(enum padding_mode mode) {
    struct conv_case row = {.mode = mode, .n = chance(10, 2, 1), .groups = case_random_int(&state, 1, 9)};
    int64_t window = 3 + 2 * case_random_int(&state, 0, 2), stride = case_random_int(&state, 1, 2);
    row.c =
        row.groups * chance(60, 1, chance(80, case_random_int(&state, 2, 8), case_random_int(&state, 9, 32)));
    row.k = row.groups * chance(50, 1, case_random_int(&state, 2, 5));
    row.h = chance(30, case_random_int(&state, 15, 40), case_random_int(&state, 1, 15));
    row.w = chance(40, case_random_int(&state, 15, 70), case_random_int(&state, 1, 17));
    row.bias = chance(50, 1, 0) != 0;
    for (int i = 0; i < 2; i++) {
        int64_t most = most_padding(mode, i == 0 ? row.h : row.w);
        most = most < window - 1 ? most : window - 1;
        row.kernel[i] = window;
        row.stride[i] = stride;
        row.begin[i] = most > 0 ? case_random_int(&state, 0, most) : 0;
        row.end[i] = most > 0 ? case_random_int(&state, 0, most) : 0;
    }
    return row;
}

static bool is_small_enough(const struct conv_case *row) {
    int64_t positions = row->n * case_output(row, 0) * case_output(row, 1);
    return positions > 0 && positions * (int64_t)case_weights(row) <= MAX_MACS;
}

static void expect_random(enum padding_mode mode, enum dtype dtype) {
    state = 100 + (uint64_t)mode * 2 + (uint64_t)dtype;
    for (int done = 0; done < LAYERS;) {
        struct conv_case row = done % 4 == 0 ? random_square(mode) : random_case(mode);
        if (!is_small_enough(&row))
            continue;
        expect_all(&row, dtype);
        done++;
    }
}

#define DEFINE_RANDOM(name, mode)                                                                            \
    static void test_##name(void **unused) {                                                                 \
        (void)unused;                                                                                        \
        expect_random(mode, DTYPE_FLOAT32);                                                                  \
        expect_random(mode, DTYPE_FLOAT64);                                                                  \
    }

DEFINE_RANDOM(random_zeros, PADDING_ZEROS)
DEFINE_RANDOM(random_reflect, PADDING_REFLECT)
DEFINE_RANDOM(random_replicate, PADDING_REPLICATE)
DEFINE_RANDOM(random_circular, PADDING_CIRCULAR)

int main(void) {
    blas_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),           cmocka_unit_test(test_random_zeros),
        cmocka_unit_test(test_random_reflect),  cmocka_unit_test(test_random_replicate),
        cmocka_unit_test(test_random_circular),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
