/*
 * Convolution: the choice of the algorithm, refusals, odd sizes, what is not a finite number, subnormals.
 */
#include "lib/conv/blas.h"
#include "lib/conv/conv.h"
#include "lib/conv/plan.h"
#include "lib/conv/winograd.h"
#include "lib/conv/zones.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/conv_case.h"

#include <float.h>
#include <stdlib.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

static const struct conv_options every[] = {{.algorithm = CONV_GEMM},
                                            {.algorithm = CONV_DIRECT},
                                            {.algorithm = CONV_REFERENCE},
                                            {.algorithm = CONV_WINOGRAD},
                                            {.algorithm = CONV_GEMM, .precision = CONV_MEDIUM}};

enum {
    EVERY = sizeof every / sizeof *every,
    EXACT = EVERY - 1 /* whose products are not of rounded numbers */
};

static struct case_memory memory;

/* Plans the row; false where the algorithm, which must be WINOGRAD, cannot do it. */
static bool plan_row(struct conv_plan *plan, const struct conv_case *row, enum dtype dtype,
                     const struct conv_options *options) {
    bool planned = case_plan_with(plan, row, dtype, options);
    assert_true(planned || options->algorithm == CONV_WINOGRAD);
    return planned;
}

static struct conv_plan plan_of(const struct conv_case *row, enum dtype dtype,
                                const struct conv_options *options) {
    struct conv_plan plan;
    assert_true(plan_row(&plan, row, dtype, options));
    return plan;
}

/* ---- the plan ---- */

struct choice {
    const char *name;
    struct conv_case row;
    enum conv_algorithm wide, narrow; /* with AVX-512, and without */
};

#define PADDED(p) .begin = {p, p}, .end = {p, p}

static const struct choice choices[] = {
    {"one window", {1, 1, 3, 3, 1, {3, 3}, .bias = false}, CONV_DIRECT, CONV_DIRECT},
    {"LeNet 1", {1, 1, 32, 32, 6, {5, 5}, .bias = true}, CONV_DIRECT, CONV_DIRECT},
    {"LeNet 2", {1, 6, 14, 14, 16, {5, 5}, .bias = true}, CONV_GEMM, CONV_GEMM},
    {"LeNet 3, one position", {1, 16, 5, 5, 120, {5, 5}, .bias = true}, CONV_GEMM, CONV_GEMM},
    {"CIFAR 1", {1, 3, 32, 32, 32, {3, 3}, PADDED(1)}, CONV_DIRECT, CONV_GEMM},
    {"32 channels, narrow", {1, 32, 12, 12, 64, {3, 3}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"32 channels, wider", {1, 32, 28, 28, 64, {3, 3}, PADDED(1)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"CIFAR 3", {1, 64, 8, 8, 128, {3, 3}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"VGG 1", {1, 3, 224, 224, 64, {3, 3}, PADDED(1)}, CONV_DIRECT, CONV_GEMM},
    {"ResNet 1", {1, 3, 224, 224, 64, {7, 7}, .stride = {2, 2}, PADDED(3)}, CONV_DIRECT, CONV_GEMM},
    {"ResNet 2, 1 x 1", {1, 64, 56, 56, 256, {1, 1}, .bias = false}, CONV_GEMM, CONV_GEMM},
    {"ResNet 2, 3 x 3", {1, 64, 56, 56, 64, {3, 3}, PADDED(1)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"ResNet 4", {1, 256, 14, 14, 256, {3, 3}, PADDED(1)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"8 channels, wide", {1, 8, 56, 56, 4, {3, 3}, PADDED(1)}, CONV_DIRECT, CONV_DIRECT},
    {"8 channels, narrow", {1, 8, 14, 14, 16, {3, 3}, PADDED(1)}, CONV_DIRECT, CONV_GEMM},
    {"ResNet 3, strided 1 x 1", {1, 256, 56, 56, 512, {1, 1}, .stride = {2, 2}}, CONV_GEMM, CONV_GEMM},
    {"ResNet 3, strided 3 x 3",
     {1, 128, 56, 56, 128, {3, 3}, .stride = {2, 2}, PADDED(1)},
     CONV_WINOGRAD,
     CONV_WINOGRAD},
    {"ResNet 5, strided 3 x 3",
     {1, 512, 14, 14, 512, {3, 3}, .stride = {2, 2}, PADDED(1)},
     CONV_GEMM,
     CONV_GEMM},
    {"strided, 64 channels",
     {1, 64, 208, 208, 128, {3, 3}, .stride = {2, 2}, PADDED(1)},
     CONV_GEMM,
     CONV_GEMM},
    {"strided both ways", {1, 128, 56, 112, 128, {3, 3}, .stride = {2, 4}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"ResNet 5", {1, 512, 7, 7, 512, {3, 3}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"16 channels, small and strided",
     {1, 16, 14, 14, 16, {3, 3}, .stride = {2, 2}, PADDED(1)},
     CONV_DIRECT,
     CONV_GEMM},
    {"32 channels, small and strided",
     {1, 64, 8, 8, 32, {3, 3}, .stride = {2, 2}, PADDED(1)},
     CONV_GEMM,
     CONV_GEMM},
    {"32 channels, large and strided",
     {1, 32, 64, 64, 32, {3, 3}, .stride = {2, 2}, PADDED(1)},
     CONV_GEMM,
     CONV_GEMM},
    {"12 channels", {1, 48, 24, 24, 12, {5, 5}, PADDED(2)}, CONV_GEMM, CONV_GEMM},
    {"12 channels, long rows", {1, 48, 24, 80, 12, {5, 5}, PADDED(2)}, CONV_DIRECT, CONV_DIRECT},
    {"8 channels", {1, 48, 24, 24, 8, {5, 5}, PADDED(2)}, CONV_DIRECT, CONV_GEMM},
    {"8 channels, rows of 40", {1, 48, 40, 40, 8, {5, 5}, PADDED(2)}, CONV_GEMM, CONV_DIRECT},
    {"6 channels, short rows", {1, 48, 14, 14, 6, {5, 5}, PADDED(2)}, CONV_GEMM, CONV_GEMM},
    {"strided across alone",
     {1, 256, 24, 125, 4, {9, 1}, .stride = {1, 2}, .begin = {4, 0}, .end = {4, 0}},
     CONV_DIRECT,
     CONV_DIRECT},
    {"depthwise, strided and dilated",
     {1, 96, 56, 56, 96, {3, 3}, .stride = {2, 2}, .dilation = {2, 2}, PADDED(2), .groups = 96},
     CONV_DIRECT,
     CONV_GEMM},
    {"a head of nine outputs", {1, 256, 56, 56, 9, {3, 3}, PADDED(1)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"dilated down alone",
     {1, 64, 32, 32, 64, {3, 3}, PADDED(2), .dilation = {4, 1}},
     CONV_WINOGRAD,
     CONV_WINOGRAD},
    {"one channel, strided", {1, 48, 80, 80, 1, {9, 9}, .stride = {2, 2}, PADDED(4)}, CONV_GEMM, CONV_GEMM},
    {"narrow planes", {1, 16, 1024, 8, 16, {3, 3}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"narrow planes of 64 channels", {1, 64, 64, 7, 64, {3, 3}, PADDED(1)}, CONV_GEMM, CONV_WINOGRAD},
    {"tall planes of 64 channels", {1, 64, 120, 10, 64, {3, 3}, PADDED(1)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"dilated, 64 channels",
     {1, 64, 28, 28, 64, {3, 3}, PADDED(2), .dilation = {2, 2}},
     CONV_GEMM,
     CONV_GEMM},
    {"vertical stride only", {1, 48, 48, 24, 48, {3, 3}, .stride = {2, 1}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"32 channels, few products", {1, 1, 14, 14, 32, {3, 3}, PADDED(1)}, CONV_DIRECT, CONV_DIRECT},
    {"MobileNet, depthwise",
     {1, 96, 112, 112, 96, {3, 3}, .stride = {2, 2}, PADDED(1), .groups = 96},
     CONV_DIRECT,
     CONV_DIRECT},
    {"MobileNet, 1 x 1", {1, 96, 14, 14, 576, {1, 1}, .bias = false}, CONV_GEMM, CONV_GEMM},
    {"ResNeXt", {1, 128, 56, 56, 128, {3, 3}, PADDED(1), .groups = 32}, CONV_DIRECT, CONV_DIRECT},
    {"ResNeXt, 8 channels a group",
     {1, 256, 56, 56, 256, {3, 3}, .stride = {2, 2}, PADDED(1), .groups = 32},
     CONV_DIRECT,
     CONV_GEMM},
    {"MobileNet 1", {1, 3, 224, 224, 32, {3, 3}, .stride = {2, 2}, PADDED(1)}, CONV_GEMM, CONV_GEMM},
    {"few, strided", {1, 16, 112, 112, 8, {5, 5}, .stride = {2, 2}, PADDED(2)}, CONV_DIRECT, CONV_GEMM},
    {"few, strided and dilated",
     {1, 16, 112, 112, 8, {3, 3}, .stride = {2, 2}, .dilation = {2, 2}},
     CONV_GEMM,
     CONV_GEMM},
    {"few, stride 3", {1, 16, 112, 112, 8, {3, 3}, .stride = {3, 3}}, CONV_DIRECT, CONV_DIRECT},
    {"ResNeXt, 32 channels a group",
     {1, 1024, 14, 14, 1024, {3, 3}, .stride = {2, 2}, PADDED(1), .groups = 32},
     CONV_DIRECT,
     CONV_GEMM},
    {"16 channels, 5 x 5", {1, 16, 28, 28, 64, {5, 5}, PADDED(2)}, CONV_GEMM, CONV_GEMM},
    {"16 channels, wide planes, 5 x 5", {1, 16, 56, 56, 64, {5, 5}, PADDED(2)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"AlexNet 2", {1, 64, 27, 27, 192, {5, 5}, PADDED(2)}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"dilated", {1, 128, 28, 28, 128, {3, 3}, PADDED(2), .dilation = {2, 2}}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"dilated to the edges",
     {1, 64, 28, 28, 64, {3, 3}, PADDED(12), .dilation = {12, 12}},
     CONV_GEMM,
     CONV_GEMM},
    {"ResNeXt, 16 channels a group, narrow",
     {1, 512, 14, 14, 512, {3, 3}, PADDED(1), .groups = 32},
     CONV_GEMM,
     CONV_GEMM},
    {"two groups", {1, 128, 28, 28, 256, {3, 3}, PADDED(1), .groups = 2}, CONV_WINOGRAD, CONV_WINOGRAD},
    {"more positions than BLAS counts", {1, 1, 1, 1, 1, {1, 1}, PADDED(30000)}, CONV_DIRECT, CONV_DIRECT},
};

static void test_choice(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        struct conv_case row = choices[i].row;
        struct conv_plan plan = case_plan(&row, DTYPE_FLOAT32, CONV_AUTO);
        bool wide = kernels_get()->gemm->cols_f32 >= 48;
        enum conv_algorithm expected = wide ? choices[i].wide : choices[i].narrow;
        if (plan.algorithm != expected)
            fail_msg("%s: %s", choices[i].name, conv_algorithm_name(plan.algorithm));
        assert_int_equal(conv_choose(&plan.sizes, plan.groups, DTYPE_FLOAT32, &(struct conv_options){0}),
                         expected);
        row.n = 17; /* other images change nothing */
        assert_int_equal(case_plan(&row, DTYPE_FLOAT32, CONV_AUTO).algorithm, expected);
        assert_true(case_plan(&row, DTYPE_FLOAT64, CONV_AUTO).algorithm != CONV_WINOGRAD);
    }
}

/* MEDIUM multiplies bfloat16 where that is faster than what HIGH does, which else it does. */
static void test_choice_medium(void **unused) {
    (void)unused;
    static const struct {
        struct conv_case row;
        bool pairs;
    } rows[] = {
        {{1, 64, 56, 56, 256, {1, 1}, .bias = false}, true},
        {{1, 64, 28, 28, 64, {3, 3}, PADDED(1)}, true},
        {{1, 64, 112, 112, 64, {3, 3}, PADDED(1)}, false},
        {{1, 128, 112, 112, 128, {3, 3}, PADDED(1), .stride = {2, 2}}, true},
        {{1, 64, 56, 56, 64, {3, 3}, PADDED(2), .dilation = {2, 2}}, true},
        {{1, 256, 28, 28, 256, {3, 3}, PADDED(6), .dilation = {6, 6}}, true},
        {{1, 256, 14, 14, 256, {3, 3}, PADDED(12), .dilation = {12, 12}}, false},
        {{1, 3, 224, 224, 64, {7, 7}, PADDED(3), .stride = {2, 2}}, true},
        {{1, 3, 28, 28, 4, {3, 3}, PADDED(1)}, false},
        {{1, 96, 56, 56, 96, {3, 3}, PADDED(1), .groups = 96}, false},
        {{1, 256, 56, 56, 256, {3, 3}, PADDED(1), .groups = 64}, false},
        {{1, 256, 14, 14, 256, {3, 3}, PADDED(1), .groups = 16}, true},
        {{1, 256, 14, 14, 8, {1, 1}, .bias = false}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
            const struct conv_options medium = {.precision = CONV_MEDIUM, .prepared = true};
            const struct conv_options high = {.precision = CONV_HIGH, .prepared = true};
            bool pairs = rows[i].pairs && d == DTYPE_FLOAT32 && kernels_bf16(kernels_get()) != NULL;
            struct conv_plan plan = plan_of(&rows[i].row, (enum dtype)d, &medium);
            struct conv_plan other = plan_of(&rows[i].row, (enum dtype)d, &high);
            assert_int_equal(plan.pairs, pairs);
            assert_false(other.pairs);
            if (!pairs)
                assert_true(plan.method == other.method &&
                            memcmp(&plan.tiles, &other.tiles, sizeof plan.tiles) == 0);
        }
}

static void test_names(void **unused) {
    (void)unused;
    static const char *const names[] = {"auto", "gemm", "direct", "winograd", "reference"};
    for (int i = 0; i < CONV_ALGORITHMS; i++) {
        enum conv_algorithm found;
        assert_string_equal(conv_algorithm_name((enum conv_algorithm)i), names[i]);
        assert_true(conv_algorithm_find(names[i], &found));
        assert_int_equal(found, i);
    }
    enum conv_algorithm found;
    assert_false(conv_algorithm_find("fft", &found));
    assert_false(conv_algorithm_find("", &found));
    assert_false(conv_algorithm_find("GEMM", &found));
}

struct refusal {
    struct conv_case row;
    enum dtype dtype;
    enum conv_algorithm wanted;
    enum status status;
    const char *place, *detail; /* the detail contains this */
};

static const struct refusal refusals[] = {
    {{1, 3, 8, 8, 3, {3, 3}, .stride = {1, 2}},
     DTYPE_FLOAT32,
     CONV_WINOGRAD,
     STATUS_UNSUPPORTED,
     "algorithm",
     "\"winograd\" takes kernels of 3 to 9 rows and columns with stride 1"},
    {{1, 3, 8, 8, 3, {2, 5}, .bias = false},
     DTYPE_FLOAT64,
     CONV_WINOGRAD,
     STATUS_UNSUPPORTED,
     "algorithm",
     "ask for"},
    {{1, 3, 8, 12, 3, {3, 10}, .bias = false},
     DTYPE_FLOAT32,
     CONV_WINOGRAD,
     STATUS_UNSUPPORTED,
     "algorithm",
     "ask for"},
    {{1, 3, 131, 8, 3, {3, 3}, .dilation = {65, 1}},
     DTYPE_FLOAT32,
     CONV_WINOGRAD,
     STATUS_UNSUPPORTED,
     "algorithm",
     "dilations up to 64"},
    {{1, 1025, 8, 8, 1, {3, 4}, .bias = false},
     DTYPE_FLOAT32,
     CONV_WINOGRAD,
     STATUS_UNSUPPORTED,
     "algorithm",
     "ask for"},
    {{1, 1, 1, 1, 1, {1, 1}, PADDED(30000)},
     DTYPE_FLOAT32,
     CONV_GEMM,
     STATUS_UNSUPPORTED,
     "algorithm",
     "2147483647"},
    {{1, 3, 8, 8, 3, {3, 3}, .bias = false},
     DTYPE_INT64,
     CONV_AUTO,
     STATUS_INVALID_VALUE,
     "dtype",
     "dtype is int64"},
    {{1, 3, 2, 8, 3, {3, 3}, .bias = false},
     DTYPE_FLOAT32,
     CONV_AUTO,
     STATUS_SHAPE_MISMATCH,
     "input",
     "Kernel size"},
    {{1, 3, 8, 8, 3, {3, 3}, .stride = {1, -1}},
     DTYPE_FLOAT32,
     CONV_AUTO,
     STATUS_INVALID_VALUE,
     "stride/1",
     "-1"},
};

static void test_refusals(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        struct layer layer = case_layer(&r->row);
        struct shape shape = SHAPE(r->row.n, r->row.c, r->row.h, r->row.w);
        const struct conv_options options = {.algorithm = r->wanted};
        struct conv_plan plan;
        struct fault fault = {0};
        assert_int_equal(conv_plan(&plan, &layer, &shape, r->dtype, &options, &fault), r->status);
        assert_int_equal(fault.status, r->status);
        assert_string_equal(fault.place, r->place);
        assert_non_null(strstr(fault.detail, r->detail));
        assert_int_equal(conv_plan(&plan, &layer, &shape, r->dtype, &options, NULL), r->status);
    }
}

/* ---- zones ---- */

/* Whether tap t of output y sees the input, by the definition. */
static bool sees(const struct window_axis *axis, int64_t y, int64_t t) {
    int64_t at = y + t * axis->dilation - axis->pad_begin;
    return at >= 0 && at < axis->input;
}

/* Zones cover an axis, each is as large as it can be, and their number does not grow with the padding. */
static void expect_zones(const struct window_axis *axis) {
    struct zone zones[ZONES_MOST];
    int count = zones_of(axis, zones);
    assert_true(count <= 2 * axis->kernel + 1 && zones[0].begin == 0 && zones[count - 1].end == axis->output);
    for (int i = 0; i < count; i++) {
        assert_true(i == 0 || zones[i].begin == zones[i - 1].end);
        for (int64_t y = zones[i].begin; y < zones[i].end; y++) {
            struct zone again = zone_of(axis, y);
            assert_true(again.begin == zones[i].begin && again.end == zones[i].end);
            for (int64_t t = 0; t < axis->kernel; t++)
                assert_true(sees(axis, y, t) == (t >= zones[i].first && t < zones[i].first + zones[i].taps));
        }
    }
}

static void test_zones(void **unused) {
    (void)unused;
    static const int64_t pads[] = {0, 1, 2, 7, 240, 509};
    enum { PADS = sizeof pads / sizeof *pads };
    for (int64_t kernel = 1; kernel <= ZONES_MOST_TAPS; kernel += 2)
        for (int64_t dilation = 1; dilation <= 25; dilation += 6)
            for (int64_t input = 1; input <= 40; input += 13)
                for (int i = 0; i < PADS * PADS; i++) {
                    struct window_axis axis = {.input = input,
                                               .kernel = kernel,
                                               .stride = 1,
                                               .dilation = dilation,
                                               .pad_begin = pads[i / PADS],
                                               .pad_end = pads[i % PADS]};
                    axis.output = input + axis.pad_begin + axis.pad_end - dilation * (kernel - 1);
                    if (axis.output > 0)
                        expect_zones(&axis);
                }
}

/* One cell in much padding is cut into few units: 231,361 outputs, most of which see nothing. */
static void test_padding_alone(void **unused) {
    (void)unused;
    static const struct conv_case row = {1, 32, 1, 1, 16, {2, 2}, PADDED(240)};
    struct conv_plan plan = case_plan(&row, DTYPE_FLOAT32, CONV_AUTO);
    assert_true(plan.method == CONV_METHOD_ZONES && plan.tiles.units <= 231361 / 256);
}

/* ---- odd sizes ---- */

/* A slot's workspace is bounded, whatever the layer: it never grows with H * W * kH * kW. */
static void test_workspace(void **unused) {
    (void)unused;
    static const struct conv_case rows[] = {
        {1, 64, 56, 56, 64, {3, 3}, PADDED(1)},
        {1, 1, 500, 500, 1, {250, 250}, .bias = false},
        {1, 4096, 100, 100, 4096, {31, 31}, .bias = false},
        {1,
         1,
         1,
         1,
         1,
         {2, 2},
         .stride = {1000000000, 1000000000},
         .dilation = {1000000000, 1000000000},
         PADDED(1000000000)},
        {1, 1, 1, 1 << 20, 1, {1, 1 << 19}, .bias = false},
        {1, 1, 1 << 20, 1, 1, {1 << 19, 1}, .bias = false},
        {1, 2000, 3, 3, 2000, {3, 3}, .groups = 2000},
        {1000, 1, 1000, 1000, 1000, {7, 7}, .stride = {3, 3}},
        {1, 2048, 100, 100, 64, {3, 3}, PADDED(1)},
        {7, 2048, 3, 1000000, 2048, {3, 3}, PADDED(1)},
        {1, 512, 20, 20, 512, {5, 5}, PADDED(2)},
        {1, 2048, 100, 100, 64, {3, 3}, .stride = {2, 2}, PADDED(1)},
        {64, 1, 643, 632, 20, {3, 3}, PADDED(1)},
        {1, 2, 523, 346, 592, {3, 3}, PADDED(9), .dilation = {1, 9}},
        {1, 1, 1000, 1000000, 45, {3, 3}, PADDED(7), .dilation = {1, 7}},
        {1, 1, 264, 221, 20, {5, 5}, PADDED(2)},
        {1, 1, 100, 100000, 20, {3, 3}, .stride = {2, 2}, PADDED(1)},
        {1, 1, 2944, 23, 64, {23, 23}, .stride = {23, 23}},
        {1, 2, 3328, 26, 64, {26, 26}, .stride = {26, 26}},
        {1,
         192,
         359,
         1,
         16,
         {15, 41},
         .stride = {6, 1},
         .begin = {20, 40},
         .end = {20, 40},
         .dilation = {14, 1}},
        {7, 2048, 3, 1000000, 2048, {3, 3}, .stride = {2, 2}, PADDED(1)},
        {1, 227, 40, 40000, 64, {9, 9}, PADDED(4)},
        {1, 2048, 300, 300, 64, {3, 3}, PADDED(64), .dilation = {64, 64}},
        {1, 512, 9, 1000, 512, {3, 1}, .begin = {8, 0}, .end = {8, 0}, .dilation = {8, 1}},
        {1, 32, 1000, 9, 4096, {1, 3}, .begin = {0, 8}, .end = {0, 8}, .dilation = {1, 8}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int p = 0; p < CONV_PRECISIONS; p++)
            for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
                const struct conv_options options = {.algorithm = CONV_WINOGRAD,
                                                     .precision = (enum conv_precision)p};
                struct conv_plan plan;
                assert_true(!case_plan_with(&plan, &rows[i], (enum dtype)d, &options) ||
                            plan.workspace_bytes_per_slot <= CONV_MOST_WORKSPACE_BYTES);
            }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int a = 0; a < EVERY; a++)
            for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
                struct conv_plan plan;
                size_t most = every[a].algorithm == CONV_WINOGRAD ? CONV_MOST_WORKSPACE_BYTES : 1024 * 1024;
                assert_true(!plan_row(&plan, &rows[i], (enum dtype)d, &every[a]) ||
                            plan.workspace_bytes_per_slot <= most);
            }
}

/* Taps 10^9 apart over one cell: the outputs see 3 * weight[i, j] where tap (i, j) meets it. */
static void test_far_padding(void **unused) {
    (void)unused;
    struct conv_case row = {1,
                            1,
                            1,
                            1,
                            1,
                            {2, 2},
                            .stride = {1000000000, 1000000000},
                            .dilation = {1000000000, 1000000000},
                            PADDED(1000000000)};
    const double in = 3, weight[4] = {1, 10, 100, 1000};
    for (int a = 0; a < EVERY; a++)
        for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
            struct conv_plan plan;
            row.mode = PADDING_ZEROS;
            if (!plan_row(&plan, &row, (enum dtype)d, &every[a]))
                continue;
            assert_int_equal(case_outputs(&row), 4);
            const void *out = case_run(&memory, &row, &plan, 0, &in, weight, NULL);
            for (size_t i = 0; i < 4; i++) /* output (y, x) sees the cell under tap (1 - y, 1 - x) */
                assert_true(case_get(out, plan.dtype, i) == 3 * weight[3 - i]);
            row.mode = PADDING_REPLICATE;
            plan = plan_of(&row, (enum dtype)d, &every[a]);
            out = case_run(&memory, &row, &plan, 0, &in, weight, NULL);
            for (size_t i = 0; i < 4; i++)
                assert_true(case_get(out, plan.dtype, i) == 3333);
        }
}

/* PyTorch gives 0 channels for an input without any; a plan that has outputs all the same writes the bias, or
 * 0. */
static void test_no_channels(void **unused) {
    (void)unused;
    static const double bias[] = {7, -8, 9};
    for (int a = 0; a < EVERY; a++)
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            struct conv_case row = {2, 1, 5, 7, 3, {3, 3}, .bias = with_bias != 0};
            struct conv_plan plan = plan_of(&row, DTYPE_FLOAT32, &every[a]);
            if (plan.algorithm == CONV_WINOGRAD) /* which is never planned without channels */
                continue;
            row.c = plan.sizes.channels = plan.group_channels = 0;
            const float *out = case_run(&memory, &row, &plan, 0, NULL, NULL, bias);
            for (size_t i = 0; i < case_outputs(&row); i++)
                assert_true(out[i] == (with_bias ? (float)bias[i / 15 % 3] : 0));
            row = (struct conv_case){2, 0, 5, 7, 3, {3, 3}, .bias = true};
            assert_true(plan_row(&plan, &row, DTYPE_FLOAT32, &every[a]));
            assert_int_equal(plan.sizes.output.dim[1], 0);
            conv_run(&plan, NULL, NULL, NULL, NULL, &(struct run_context){0});
        }
}

static void test_unbatched(void **unused) {
    (void)unused;
    const struct conv_case row = {1, 2, 5, 7, 3, {3, 3}, .bias = false};
    struct layer layer = case_layer(&row);
    for (int a = 0; a < EVERY; a++) {
        struct conv_plan plan;
        assert_int_equal(conv_plan(&plan, &layer, &SHAPE(2, 5, 7), DTYPE_FLOAT64, &every[a], NULL),
                         STATUS_OK);
        double in[70], weight[54], wanted[45];
        uint64_t state = 3;
        case_random_fill(&state, in, 70);
        case_random_fill(&state, weight, 54);
        double most = case_define(&row, in, weight, NULL, wanted);
        case_expect(&row, &plan, case_run(&memory, &row, &plan, 0, in, weight, NULL), wanted, most);
    }
}

/* ---- infinities, NaN, subnormals ---- */

struct special {
    const char *name;
    double in[9], weight[4]; /* 3 x 3 and 2 x 2, padding 1 at the top and left: 3 x 3 outputs */
    double wanted[9];
};

static const struct special specials[] = {
    {"NaN stays where it is seen",
     {1, 1, 1, 1, 1, 1, 1, 1, NAN},
     {1, 1, 1, 1},
     {1, 2, 2, 2, 4, 4, 2, 4, NAN}},
    {"0 * Inf",
     {INFINITY, 1, 1, 1, 1, 1, 1, 1, 1},
     {0, 1, 1, 1},
     {INFINITY, INFINITY, 2, INFINITY, NAN, 3, 2, 3, 3}},
    {"Inf - Inf",
     {1, 1, 1, 1, INFINITY, INFINITY, 1, 1, 1},
     {1, 1, -1, 1},
     {1, 0, 0, 2, INFINITY, NAN, 2, INFINITY, INFINITY}},
    {"-Inf",
     {1, 1, 1, 1, -INFINITY, 1, 1, 1, 1},
     {1, 1, 1, 1},
     {1, 2, 2, 2, -INFINITY, -INFINITY, 2, -INFINITY, -INFINITY}},
    {"a zero of the padding is multiplied",
     {1, 1, 1, 1, 1, 1, 1, 1, 1},
     {INFINITY, 1, 1, 1},
     {NAN, NAN, NAN, NAN, INFINITY, INFINITY, NAN, INFINITY, INFINITY}},
    {"a NaN weight over padding",
     {1, 1, 1, 1, 1, 1, 1, 1, 1},
     {NAN, 1, 1, 1},
     {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}},
};

static void test_specials(void **unused) {
    (void)unused;
    const struct conv_case row = {1, 1, 3, 3, 1, {2, 2}, .begin = {1, 1}};
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        for (int a = 0; a < EVERY; a++)
            for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
                struct conv_plan plan;
                if (!plan_row(&plan, &row, (enum dtype)d, &every[a]))
                    continue;
                const void *out = case_run(&memory, &row, &plan, 0, specials[i].in, specials[i].weight, NULL);
                for (size_t o = 0; o < 9; o++) {
                    double got = case_get(out, plan.dtype, o), wanted = specials[i].wanted[o];
                    if (!(isnan(wanted) ? isnan(got) : got == wanted))
                        fail_msg("%s, %s: output %zu is %g, not %g", specials[i].name,
                                 conv_algorithm_name(plan.algorithm), o, got, wanted);
                }
            }
}

/* What is not finite, and what is large, stays among the outputs that see it, whatever the algorithm makes of a tile or
 * leaves out. */
static const struct special_row {
    struct conv_case row;
    int weights; /* of them, how many are not finite */
} special_rows[] = {
    {{2, 3, 23, 37, 5, {3, 3}, PADDED(1), .bias = true}, 0},
    {{1, 3, 23, 37, 5, {3, 3}, .dilation = {2, 3}, .begin = {2, 3}, .end = {2, 3}, .bias = true}, 0},
    {{1, 3, 17, 29, 5, {5, 7}, .begin = {2, 3}, .end = {2, 3}, .bias = true}, 0},
    {{1, 32, 11, 9, 16, {3, 3}, .dilation = {6, 5}, .begin = {6, 5}, .end = {6, 5}, .bias = true}, 0},
    {{1, 32, 11, 9, 16, {3, 3}, .dilation = {6, 5}, .begin = {6, 5}, .end = {6, 5}, .bias = true}, 9},
    {{2, 16, 11, 9, 16, {5, 3}, .begin = {2, 1}, .end = {3, 1}, .bias = true}, 0},
    {{1, 16, 11, 9, 16, {5, 3}, .begin = {2, 1}, .end = {3, 1}, .bias = true}, 2},
    {{2, 16, 11, 9, 16, {5, 3}, .begin = {4, 1}, .end = {3, 1}, .bias = true}, 2},
    {{2, 16, 11, 9, 16, {5, 3}, .stride = {2, 2}, .begin = {2, 1}, .end = {2, 1}, .bias = true}, 2},
    {{2, 4, 23, 27, 6, {3, 3}, .groups = 2, .stride = {2, 2}, PADDED(1), .bias = true}, 0},
    {{2, 4, 19, 31, 4, {5, 5}, .groups = 2, .dilation = {3, 2}, .begin = {4, 4}, .end = {4, 4}, .bias = true},
     0},
    {{2, 3, 19, 23, 5, {3, 3}, .dilation = {9, 30}, .begin = {9, 30}, .end = {9, 30}, .bias = true}, 0},
};

static struct special_values {
    double in[16 * 18 * 18], weight[16 * 8 * 81], bias[16], wanted[2 * 5 * 23 * 37];
} special;

/* To numbers that bfloat16 hold exactly. */
static void round_all(double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = case_bf16(values[i]);
}

static void special_fill(const struct conv_case *row, uint64_t *state) {
    assert_true(case_inputs(row) <= sizeof special.in / sizeof *special.in &&
                case_weights(row) <= sizeof special.weight / sizeof *special.weight &&
                case_outputs(row) <= sizeof special.wanted / sizeof *special.wanted && row->k <= 16);
    case_random_fill(state, special.in, case_inputs(row));
    case_random_fill(state, special.weight, case_weights(row));
    case_random_fill(state, special.bias, (size_t)row->k);
}

static double special_define(const struct conv_case *row) {
    return case_define(row, special.in, special.weight, special.bias, special.wanted);
}

static const void *special_run(const struct conv_case *row, const struct conv_plan *plan) {
    return case_run(&memory, row, plan, 0, special.in, special.weight, special.bias);
}

/* One of the input's numbers, or of the weights'. */
static double *special_at(double *values, size_t count, uint64_t *state) {
    return &values[case_random_int(state, 0, (int64_t)count - 1)];
}

static void expect_specials(const struct special_row *given, const struct conv_plan *plan, uint64_t *state) {
    const double most = plan->pairs ? 0x1.FEp127 : FLT_MAX;
    const double sizes[] = {NAN, INFINITY, -INFINITY, most, -most, 1e30};
    const struct conv_case *row = &given->row;
    special_fill(row, state);
    for (int i = 0; i < 20 && given->weights == 0; i++)
        *special_at(special.in, case_inputs(row), state) = sizes[i % 6];
    for (int i = 0; i < given->weights; i++)
        *special_at(special.weight, case_weights(row), state) = sizes[i % 3];
    if (plan->pairs) {
        round_all(special.in, case_inputs(row));
        round_all(special.weight, case_weights(row));
    }
    (void)special_define(row);
    const void *out = special_run(row, plan);
    for (size_t i = 0; i < case_outputs(row); i++) {
        double got = case_get(out, plan->dtype, i), exact = special.wanted[i];
        if (plan->dtype == DTYPE_FLOAT32 && fabs(exact) > FLT_MAX)
            exact = copysign(INFINITY, exact);
        bool right = isnan(exact) ? isnan(got) : isinf(exact) ? got == exact : isfinite(got);
        if (!right)
            fail_msg("%s: output %zu is %g, not %g", conv_algorithm_name(plan->algorithm), i, got, exact);
    }
}

static void test_specials_in_tiles(void **unused) {
    (void)unused;
    uint64_t state[] = {29, 29}; /* no sum of these passes the range on its way */
    for (size_t r = 0; r < sizeof special_rows / sizeof *special_rows; r++)
        for (int a = 0; a < EVERY; a++)
            for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
                struct conv_plan plan;
                if (plan_row(&plan, &special_rows[r].row, (enum dtype)d, &every[a]))
                    expect_specials(&special_rows[r], &plan, &state[a == EXACT]);
            }
}

/* Outputs in the same tile as a NaN that do not see it are what they are without it. */
static void test_numbers_beside_nan(void **unused) {
    (void)unused;
    uint64_t state = 37;
    for (size_t r = 0; r < sizeof special_rows / sizeof *special_rows; r++) {
        const struct conv_case *row = &special_rows[r].row;
        special_fill(row, &state);
        round_all(special.in, case_inputs(row));
        round_all(special.weight, case_weights(row));
        double most = special_define(row);
        for (int i = 0; i < 3; i++)
            *special_at(special.in, case_inputs(row), &state) = NAN;
        (void)special_define(row);
        for (int a = 0; a < EVERY; a++)
            for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
                struct conv_plan plan;
                if (!plan_row(&plan, row, (enum dtype)d, &every[a]))
                    continue;
                const void *out = special_run(row, &plan);
                double bound = most * (d == DTYPE_FLOAT32 ? 0x1p-21 : 0x1p-50);
                for (size_t i = 0; i < case_outputs(row); i++) {
                    double got = case_get(out, plan.dtype, i), exact = special.wanted[i];
                    if (!(isnan(exact) ? isnan(got) : fabs(got - exact) <= bound))
                        fail_msg("%s: output %zu is %g, not %g", conv_algorithm_name(plan.algorithm), i, got,
                                 exact);
                }
            }
    }
}

/*
 * An end of the input 10^5 times larger than the rest, and so the weights that it never meets: a tile takes both together,
 * and outputs would be lost in the rounding of their products (5,000 and more of 2^-22).
 */
static const struct conv_case ends_rows[] = {
    {1, 16, 16, 16, 16, {3, 3}, PADDED(1), .bias = false},
    {1, 16, 15, 15, 16, {3, 3}, PADDED(1), .bias = false},
    {1, 16, 16, 16, 16, {3, 3}, .bias = false},
    {1, 16, 15, 17, 16, {3, 3}, .bias = false},
    {1, 16, 15, 15, 16, {3, 3}, PADDED(2), .bias = false},
    {1, 16, 15, 15, 16, {3, 3}, .begin = {2, 0}, .end = {0, 1}, .bias = false},
    {1, 16, 15, 15, 16, {3, 3}, PADDED(1), .mode = PADDING_REFLECT},
    {1, 16, 15, 15, 16, {3, 3}, PADDED(1), .mode = PADDING_REPLICATE},
    {1, 16, 16, 16, 16, {3, 3}, PADDED(1), .mode = PADDING_CIRCULAR},
    {1, 16, 17, 17, 16, {3, 3}, PADDED(2), .dilation = {2, 2}},
    {1, 16, 17, 18, 16, {3, 3}, PADDED(1), .dilation = {2, 2}},
    {1, 16, 17, 17, 16, {3, 3}, .dilation = {2, 3}, .bias = false},
    {1, 16, 15, 15, 16, {5, 5}, PADDED(2), .bias = false},
    {1, 16, 15, 16, 16, {5, 5}, .bias = false},
    {1, 16, 15, 16, 16, {5, 3}, .begin = {1, 0}, .end = {0, 1}, .bias = false},
    {1, 8, 16, 16, 16, {7, 7}, PADDED(3), .bias = false},
    {1, 8, 16, 15, 16, {9, 9}, PADDED(4), .bias = false},
    {1, 8, 17, 18, 16, {9, 9}, .bias = false},
    {1, 16, 16, 17, 16, {3, 3}, .begin = {0, 1}, .end = {1, 0}, .mode = PADDING_CIRCULAR},
    {1, 16, 17, 17, 16, {3, 3}, PADDED(1), .stride = {2, 2}},
    {1, 16, 17, 17, 16, {3, 3}, PADDED(1), .stride = {2, 2}, .mode = PADDING_REPLICATE},
    {1, 16, 17, 18, 16, {3, 3}, .end = {2, 1}, .stride = {2, 2}, .mode = PADDING_CIRCULAR},
    {1, 16, 17, 17, 16, {3, 3}, PADDED(1), .stride = {2, 2}, .mode = PADDING_REFLECT},
    {1, 16, 18, 18, 16, {3, 3}, PADDED(1), .stride = {2, 2}},
    {1, 16, 17, 19, 16, {3, 3}, .stride = {2, 2}, .bias = false},
    {2, 32, 7, 8, 16, {3, 3}, PADDED(1), .groups = 2},
};

/* Whether one of the first (side < 0) or last `band` of an axis; any of it for side 0. */
static bool at_end(int64_t at, int64_t size, int side, int64_t band) {
    return side == 0 || (side < 0 ? at < band : at >= size - band);
}

/* Scales what lies in a corner of the planes, or along an edge, and the taps that meet nothing of it. */
static void take_apart(const struct conv_case *row, const int *side, int64_t band, double scale) {
    int64_t height = row->kernel[0], width = row->kernel[1];
    bool met[9][9] = {{false}};
    band *= case_or_1(row->dilation[0]);
    for (int64_t y = 0; y < case_output(row, 0); y++)
        for (int64_t x = 0; x < case_output(row, 1); x++)
            for (int64_t tap = 0; tap < height * width; tap++) {
                int64_t i = tap / width, j = tap % width;
                int64_t in_y =
                    y * case_or_1(row->stride[0]) + i * case_or_1(row->dilation[0]) - row->begin[0];
                int64_t in_x =
                    x * case_or_1(row->stride[1]) + j * case_or_1(row->dilation[1]) - row->begin[1];
                if (case_cell(&in_y, row->h, row->mode) && case_cell(&in_x, row->w, row->mode))
                    met[i][j] |= at_end(in_y, row->h, side[0], band) && at_end(in_x, row->w, side[1], band);
            }
    for (size_t i = 0; i < case_inputs(row); i++) {
        int64_t y = (int64_t)i / row->w % row->h, x = (int64_t)i % row->w;
        if (at_end(y, row->h, side[0], band) && at_end(x, row->w, side[1], band))
            special.in[i] *= scale;
    }
    for (size_t i = 0; i < case_weights(row); i++)
        if (!met[(int64_t)i / width % height][(int64_t)i % width])
            special.weight[i] *= scale;
}

static void expect_ends(const struct conv_case *row, const int *side, int64_t band, uint64_t *state) {
    special_fill(row, state);
    take_apart(row, side, band, 100000);
    for (size_t i = 0; i < case_inputs(row); i++)
        special.in[i] = (double)(float)special.in[i];
    for (size_t i = 0; i < case_weights(row); i++)
        special.weight[i] = (double)(float)special.weight[i];
    double most = special_define(row);
    for (int p = CONV_HIGHEST; p <= CONV_HIGH; p++)
        for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
            const struct conv_options options = {.algorithm = CONV_WINOGRAD,
                                                 .precision = (enum conv_precision)p};
            struct conv_plan plan = plan_of(row, (enum dtype)d, &options);
            const void *out = special_run(row, &plan);
            double bound = most * (d == DTYPE_FLOAT32 ? 0x1p-22 : 0x1p-51) * (p == CONV_HIGH ? 8 : 1);
            for (size_t i = 0; i < case_outputs(row); i++)
                if (!(fabs(case_get(out, plan.dtype, i) - special.wanted[i]) <= bound))
                    fail_msg("row %td, sides %d %d, band %d: output %zu is %g, not %g", row - ends_rows,
                             side[0], side[1], (int)band, i, case_get(out, plan.dtype, i), special.wanted[i]);
        }
}

static void test_ends_apart(void **unused) {
    (void)unused;
    uint64_t state = 41;
    for (size_t r = 0; r < sizeof ends_rows / sizeof *ends_rows; r++)
        for (int i = 0; i < 9; i++) {
            const int side[2] = {i / 3 - 1, i % 3 - 1};
            for (int64_t band = 1; (side[0] != 0 || side[1] != 0) && band <= 2; band++)
                expect_ends(&ends_rows[r], side, band, &state);
        }
}

/* Weights of one size do not make ends be looked at; one channel's of a mask do, unless padding lets each input meet all of them. */
static void test_ends_together(void **unused) {
    (void)unused;
    uint64_t state = 43;
    const struct conv_options options = {.algorithm = CONV_WINOGRAD};
    for (size_t r = 0; r < sizeof ends_rows / sizeof *ends_rows; r++)
        for (int masked = 0; masked < 2; masked++) {
            const struct conv_case *row = &ends_rows[r];
            struct conv_plan plan = plan_of(row, DTYPE_FLOAT32, &options);
            size_t taps = (size_t)(row->kernel[0] * row->kernel[1]);
            int64_t reach = (row->kernel[0] - 1) * case_or_1(row->dilation[0]);
            special_fill(row, &state);
            for (size_t i = 0; masked != 0 && i < case_weights(row); i++)
                if (i / taps % (size_t)(row->c / case_or_1(row->groups)) == 3 && i % taps != taps - 1)
                    special.weight[i] = 0;
            (void)special_run(row, &plan);
            const float *again = (const float *)memory.packed.data + winograd_packing(&plan).again;
            bool wanted = masked != 0 && case_or_1(row->stride[0]) == 1 &&
                          (row->mode != PADDING_ZEROS || row->begin[0] + row->begin[1] < 2 * reach);
            int64_t blocks = case_or_1(row->groups) * div_ceil_i64(plan.group_outs, GEMM_BLOCK);
            for (int64_t block = 0; block < blocks; block++)
                if (again[block] != (wanted ? AGAIN_ENDS : AGAIN_NONE))
                    fail_msg("row %zu: %s weights are %s", r, masked != 0 ? "masked" : "even",
                             wanted ? "together" : "apart");
        }
}

/*
 * Outputs of few weights beside zeros, where a tile would take in what its outputs do not see: with one weight up to 7 times the
 * bound here.
 */
static void test_few_weights(void **unused) {
    (void)unused;
    uint64_t state = 47;
    for (size_t r = 0; r < sizeof ends_rows / sizeof *ends_rows; r++)
        for (size_t few = 1; few <= 6; few++)
            for (int p = CONV_HIGHEST; p <= CONV_HIGH; p++) {
                const struct conv_case *row = &ends_rows[r];
                const struct conv_options options = {.algorithm = CONV_WINOGRAD,
                                                     .precision = (enum conv_precision)p};
                struct conv_plan plan = plan_of(row, DTYPE_FLOAT32, &options);
                size_t weights = case_weights(row) / (size_t)row->k;
                special_fill(row, &state);
                memset(special.weight, 0, case_weights(row) * sizeof *special.weight);
                for (size_t i = 0; i < (size_t)row->k * few; i++)
                    special.weight[i / few * weights + case_random(&state) % weights] =
                        1 - (double)(i % 2) / 2;
                round_all(special.in, case_inputs(row));
                double most = special_define(row);
                const float *out = special_run(row, &plan);
                for (size_t i = 0; i < case_outputs(row); i++)
                    if (!(fabs((double)out[i] - special.wanted[i]) <= most * 0x1p-23))
                        fail_msg("row %zu, %zu weights: output %zu is %g, not %g", r, few, i, (double)out[i],
                                 special.wanted[i]);
            }
}

/* Finite inputs whose sum passes the range give an infinity, not a refusal. */
static void test_overflow(void **unused) {
    (void)unused;
    const struct conv_case row = {1, 2, 1, 1, 1, {1, 1}, .bias = false};
    const double in[2] = {FLT_MAX, FLT_MAX}, weight[2] = {1, 1};
    for (int a = 0; a < EVERY; a++) {
        struct conv_plan plan;
        if (!plan_row(&plan, &row, DTYPE_FLOAT32, &every[a]))
            continue;
        const float *out = case_run(&memory, &row, &plan, 0, in, weight, NULL);
        assert_true(isinf(out[0]) && out[0] > 0);
    }
}

/* Long sums of one sign, where rounding errors are largest beside the sum: summed one by one, 60,000 products would be off by
 * some 40 * 2^-22 of it, and blocks of them that are added one by one by 1.2 to 3.6 (lib/conv/plan.h). */
struct long_row {
    struct conv_case row;
    enum conv_method method[2]; /* of GEMM and of DIRECT */
};

static void expect_long_sums(const struct long_row *given, const struct conv_options *options,
                             enum conv_method method, double limit, uint64_t *state) {
    static double in[250000], weight[1000000], wanted[1024];
    const struct conv_case *row = &given->row;
    assert_true(case_inputs(row) <= sizeof in / sizeof *in &&
                case_weights(row) <= sizeof weight / sizeof *weight &&
                case_outputs(row) <= sizeof wanted / sizeof *wanted);
    case_random_fill(state, in, case_inputs(row));
    case_random_fill(state, weight, case_weights(row));
    for (size_t i = 0; i < case_inputs(row); i++)
        in[i] = fabs(in[i]);
    for (size_t i = 0; i < case_weights(row); i++)
        weight[i] = fabs(weight[i]);
    double most = case_define(row, in, weight, NULL, wanted);
    struct conv_plan plan = plan_of(row, DTYPE_FLOAT32, options);
    if (plan.method != method)
        fail_msg("%s over %lld channels: method %d, not %d", conv_algorithm_name(plan.algorithm),
                 (long long)row->c, (int)plan.method, (int)method);
    const float *out = case_run(&memory, row, &plan, 0, in, weight, NULL);
    for (size_t i = 0; i < case_outputs(row); i++)
        if (!(fabs((double)out[i] - wanted[i]) <= limit * 0x1p-22 * most))
            fail_msg("%s over %lld channels: off by %g of 2^-22", conv_algorithm_name(plan.algorithm),
                     (long long)row->c, fabs((double)out[i] - wanted[i]) / most * 0x1p22);
}

static void test_long_sums(void **unused) {
    (void)unused;
    static const struct long_row rows[] = {
        {{1, 60000, 2, 2, 4, {1, 1}, .bias = false}, {CONV_METHOD_COLUMNS, CONV_METHOD_ROWS}},
        {{1, 6000, 4, 4, 15, {3, 3}, PADDED(1), .stride = {2, 2}, .bias = false},
         {CONV_METHOD_IMPLICIT, CONV_METHOD_ROWS}},
        {{1, 6700, 5, 5, 3, {3, 3}, .stride = {1, 2}, .bias = false},
         {CONV_METHOD_COLUMNS, CONV_METHOD_ROWS}},
        {{1, 45, 36, 36, 16, {34, 35}, .bias = false}, {CONV_METHOD_BLAS, CONV_METHOD_ROWS}},
        {{1, 3900, 8, 8, 16, {3, 3}, PADDED(4), .dilation = {4, 4}, .bias = false},
         {CONV_METHOD_ZONES, CONV_METHOD_ROWS}},
        {{1, 2048, 5, 5, 3, {3, 3}, .bias = false}, {CONV_METHOD_COLUMNS, CONV_METHOD_ROWS}},
    };
    uint64_t state = 23;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int i = 0; i < 4; i++) {
            const struct conv_options options[] = {{.algorithm = CONV_GEMM, .prepared = i % 2 != 0},
                                                   {.algorithm = CONV_DIRECT}};
            for (int a = 0; a < 2; a++)
                expect_long_sums(&rows[r], &options[a], rows[r].method[a], 1, &state);
        }
    const struct long_row *last = &rows[sizeof rows / sizeof *rows - 1];
    expect_long_sums(last, &(struct conv_options){.algorithm = CONV_REFERENCE}, CONV_METHOD_REFERENCE, 0.25,
                     &state);
    expect_long_sums(last, &(struct conv_options){.algorithm = CONV_WINOGRAD}, CONV_METHOD_WINOGRAD, 4,
                     &state);
}

/* Sums of random numbers of one sign, short enough for PyTorch to sum them in many parts: no chain may be so long that one
 * of some thousand sums passes 2^-22 of it (lib/kernels/chains.h). One chain of 144 did in every second layer. */
static void test_short_sums(void **unused) {
    (void)unused;
    static const struct conv_case rows[] = {
        {1, 16, 3, 3, 16, {3, 3}, .bias = false},
        {1, 32, 3, 3, 16, {3, 3}, .bias = false},
        {1, 5, 5, 5, 16, {5, 5}, .bias = false},
        {1, 32, 5, 5, 4, {5, 5}, .bias = false},
        {1, 8, 7, 7, 4, {7, 7}, .bias = false},
        {1, 1, 5, 5, 16, {5, 5}, .bias = false},
        {1, 2, 4, 4, 16, {4, 4}, .bias = false},
        {1, 32, 1, 1, 16, {1, 1}, .bias = false},
        {1, 64, 1, 1, 16, {1, 1}, .bias = false},
        {1, 193, 1, 1, 16, {1, 1}, .bias = false},
        {1, 256, 1, 1, 16, {1, 1}, .bias = false},
        {1, 512, 1, 1, 16, {1, 1}, .bias = false},
        {1, 3, 401, 401, 3, {3, 3}, .dilation = {200, 200}, .bias = false},
    };
    static const enum conv_algorithm fast[] = {CONV_AUTO, CONV_GEMM, CONV_DIRECT};
    static double in[3 * 401 * 401], weight[16 * 32 * 25], wanted[512];
    uint64_t state = 31;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int draw = 0; draw < (rows[r].h > 100 ? 5 : 60); draw++) {
            case_random_fill(&state, in, case_inputs(&rows[r]));
            case_random_fill(&state, weight, case_weights(&rows[r]));
            for (size_t i = 0; i < case_inputs(&rows[r]); i++)
                in[i] = (double)(float)fabs(in[i]);
            for (size_t i = 0; i < case_weights(&rows[r]); i++)
                weight[i] = (double)(float)fabs(weight[i]);
            double most = case_define(&rows[r], in, weight, NULL, wanted);
            for (size_t a = 0; a < sizeof fast / sizeof *fast; a++) {
                struct conv_plan plan = case_plan(&rows[r], DTYPE_FLOAT32, fast[a]);
                const float *out = case_run(&memory, &rows[r], &plan, 0, in, weight, NULL);
                for (size_t i = 0; i < case_outputs(&rows[r]); i++)
                    assert_true(fabs((double)out[i] - wanted[i]) <= 0x1p-22 * most);
            }
        }
}

#if defined(__SSE2__)
/* Subnormals count as zero, which is what keeps them from being slow; and the caller's flags are left alone.
 */
static void test_subnormals(void **unused) {
    (void)unused;
    static const struct conv_case rows[] = {
        {1, 3, 13, 17, 5, {3, 3}, PADDED(1)},
        {1, 3, 13, 17, 5, {1, 1}, .bias = false},
        {1, 40, 13, 17, 40, {3, 3}, .groups = 40},
    };
    static double in[40 * 13 * 17], weight[40 * 9];
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int a = 0; a < EVERY; a++)
            for (int d = DTYPE_FLOAT32; d <= DTYPE_FLOAT64; d++) {
                /* The products would be normal numbers if the subnormal factors were not taken as zero. */
                double tiny = d == DTYPE_FLOAT32 ? (double)(FLT_MIN / 1024) : DBL_MIN / 1024;
                for (size_t i = 0; i < sizeof in / sizeof *in; i++)
                    in[i] = tiny;
                for (size_t i = 0; i < sizeof weight / sizeof *weight; i++)
                    weight[i] = 1e30;
                struct conv_plan plan;
                if (!plan_row(&plan, &rows[r], (enum dtype)d, &every[a]))
                    continue;
                unsigned before = _mm_getcsr();
                const void *out = case_run(&memory, &rows[r], &plan, 0, in, weight, NULL);
                assert_int_equal(_mm_getcsr(), before);
                for (size_t i = 0; i < case_outputs(&rows[r]); i++)
                    assert_true(case_get(out, plan.dtype, i) == 0);
            }
}
#endif

int main(void) {
    const char *error;
    if (!kernels_init(getenv("CONVD_CPU"), &error))
        return EXIT_FAILURE;
    blas_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_choice_medium),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_padding_alone),
        cmocka_unit_test(test_workspace),
        cmocka_unit_test(test_far_padding),
        cmocka_unit_test(test_no_channels),
        cmocka_unit_test(test_unbatched),
        cmocka_unit_test(test_specials),
        cmocka_unit_test(test_specials_in_tiles),
        cmocka_unit_test(test_numbers_beside_nan),
        cmocka_unit_test(test_ends_apart),
        cmocka_unit_test(test_ends_together),
        cmocka_unit_test(test_few_weights),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_long_sums),
        cmocka_unit_test(test_short_sums),
#if defined(__SSE2__)
        cmocka_unit_test(test_subnormals),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
