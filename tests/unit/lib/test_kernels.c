/*
 * Every kernel of every level that this CPU has, against its contract, flush against unmapped memory; and the
 * choice of the level.
 */
#include "lib/kernels/kernels.h"
#include "tests/unit/conv_case.h"

enum { CASES = 4000, MOST = 1 << 14 };

static const char *const levels[] = {"portable", "sse4", "avx2", "avx512", "avx512vbmi"};

enum { LEVELS = sizeof levels / sizeof levels[0] };

static double src[MOST], weight[MOST], bias[64], old[MOST];
static uint64_t state;

/* Draws from `seed` on: what all kernels of a test read. */
static void fill_all(uint64_t seed) {
    state = seed;
    case_random_fill(&state, src, MOST);
    case_random_fill(&state, weight, MOST);
    case_random_fill(&state, bias, 64);
    case_random_fill(&state, old, MOST);
}

static struct case_buffer src_end, weight_end, out_end;

/* Elements from the first to the last that the contract lets a kernel touch. */
static int64_t src_span(const struct row_shape *s) {
    return (s->channels - 1) * s->src_channel_step + (s->rows - 1) * s->src_row_step +
           (s->tap_rows - 1) * s->src_tap_row_step + (s->taps - 1) * s->src_tap_step + s->cols;
}

static int64_t weight_span(const struct row_shape *s) {
    return (s->outs - 1) * s->weight_out_step + (s->channels - 1) * s->weight_channel_step +
           (s->tap_rows - 1) * s->weight_tap_row_step + s->taps;
}

static int64_t out_span(const struct row_shape *s) {
    return (s->outs - 1) * s->out_step + (s->rows - 1) * s->out_row_step + s->cols;
}

static struct row_shape random_shape(void) {
    struct row_shape s = {
        .outs = case_random_int(&state, 1, 11),
        .rows = case_random_int(&state, 1, 3),
        .cols = case_random_int(&state, 1, case_random_int(&state, 0, 3) ? 40 : 200),
        .channels = case_random_int(&state, 1, 3),
        .tap_rows = case_random_int(&state, 1, 3),
        .taps = case_random_int(&state, 1, 5),
        .add = case_random_int(&state, 0, 1) != 0,
    };
    s.src_tap_step = case_random_int(&state, 0, 3);
    s.src_tap_row_step = case_random_int(&state, 0, 90);
    s.src_row_step = case_random_int(&state, 0, 90);
    s.src_channel_step = case_random_int(&state, 0, 500);
    s.weight_tap_row_step = s.taps + case_random_int(&state, 0, 2);
    s.weight_channel_step = s.weight_tap_row_step * s.tap_rows;
    s.weight_out_step = s.weight_channel_step * s.channels + case_random_int(&state, 0, 2);
    s.out_row_step = s.cols + case_random_int(&state, 0, 9);
    s.out_step = s.out_row_step * s.rows + case_random_int(&state, 0, 9);
    return s;
}

static double contract_at(const struct row_shape *s, bool with_bias, int64_t k, int64_t y, int64_t x,
                          double *magnitude) {
    double start = s->add ? old[k * s->out_step + y * s->out_row_step + x] : 0, end = with_bias ? bias[k] : 0;
    long double sum = (long double)start + end;
    *magnitude = fabs(start) + fabs(end);
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->tap_rows; i++)
            for (int64_t j = 0; j < s->taps; j++) {
                long double product = src[c * s->src_channel_step + y * s->src_row_step +
                                          i * s->src_tap_row_step + j * s->src_tap_step + x];
                product *= weight[k * s->weight_out_step + c * s->weight_channel_step +
                                  i * s->weight_tap_row_step + j];
                sum += product;
                *magnitude += (double)fabsl(product);
            }
    return (double)sum;
}

/* Every element of the output's span: computed, or left as it was. */
static void expect_contract(const struct row_shape *s, bool with_bias, enum dtype dtype, const void *out) {
    double unit = dtype == DTYPE_FLOAT32 ? 0x1p-24 : 0x1p-53;
    double products = (double)(s->channels * s->tap_rows * s->taps);
    int64_t at = 0;
    for (int64_t k = 0; k < s->outs; k++)
        for (int64_t y = 0; y < s->rows; y++) {
            for (; at < k * s->out_step + y * s->out_row_step; at++)
                assert_true(case_get(out, dtype, (size_t)at) == old[at]);
            for (int64_t x = 0; x < s->cols; x++, at++) {
                double magnitude, wanted = contract_at(s, with_bias, k, y, x, &magnitude);
                assert_true(fabs(case_get(out, dtype, (size_t)at) - wanted) <=
                            unit * (products + 3) * magnitude);
            }
        }
}

static void check_rows(const struct kernels *kernels, enum dtype dtype) {
    struct row_shape s = random_shape();
    bool with_bias = case_random_int(&state, 0, 1) != 0;
    const void *in = case_put(&src_end, dtype, src, (size_t)src_span(&s));
    const void *w = case_put(&weight_end, dtype, weight, (size_t)weight_span(&s));
    void *out =
        case_buffer_set(&out_end, (size_t)out_span(&s) * dtype_bytes(dtype), CASE_MAX_ELEMS * sizeof(double));
    case_put(&out_end, dtype, old, (size_t)out_span(&s));
    if (dtype == DTYPE_FLOAT32) {
        float bias32[64];
        for (int i = 0; i < 64; i++)
            bias32[i] = (float)bias[i];
        kernels->rows->rows_f32(&s, out, in, w, with_bias ? bias32 : NULL);
    } else {
        kernels->rows->rows_f64(&s, out, in, w, with_bias ? bias : NULL);
    }
    expect_contract(&s, with_bias, dtype, out);
    assert_true(case_buffer_intact(&out_end));
}

static void check_every_second(const struct kernels *kernels, enum dtype dtype, int64_t count) {
    const void *in = case_put(&src_end, dtype, src, count > 0 ? (size_t)(2 * count - 1) : 0);
    void *out =
        case_buffer_set(&out_end, (size_t)count * dtype_bytes(dtype), CASE_MAX_ELEMS * sizeof(double));
    if (dtype == DTYPE_FLOAT32)
        kernels->rows->every_second_f32(out, in, count);
    else
        kernels->rows->every_second_f64(out, in, count);
    for (int64_t i = 0; i < count; i++)
        assert_true(case_get(out, dtype, (size_t)i) == src[2 * i]);
    assert_true(case_buffer_intact(&out_end));
}

static void test_contracts(void **unused) {
    (void)unused;
    fill_all(17);
    for (int level = 0; level < LEVELS; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        print_message("%s\n", kernels_get()->name);
        for (int i = 0; i < CASES; i++) {
            check_rows(kernels_get(), DTYPE_FLOAT32);
            check_rows(kernels_get(), DTYPE_FLOAT64);
        }
        for (int64_t count = 0; count < 100; count++) {
            check_every_second(kernels_get(), DTYPE_FLOAT32, count);
            check_every_second(kernels_get(), DTYPE_FLOAT64, count);
        }
    }
}

/* ---- GEMM ---- */

enum { RUNS = 4, COLS = 96, DEPTH = 200 };

/* A product with columns in runs, some of them apart, and where they are found. */
struct implicit_case {
    struct gemm_shape shape;
    struct gemm_piece runs[RUNS];
    int64_t count, src_elems;
    int32_t offset[DEPTH];
};

static struct implicit_case random_implicit(void) {
    struct implicit_case c = {.count = case_random_int(&state, 1, RUNS)};
    int64_t depth = case_random_int(&state, 1, DEPTH), furthest = 0, cols = 0;
    for (int64_t i = 0; i < c.count; i++) {
        c.runs[i] = (struct gemm_piece){.from = (int32_t)case_random_int(&state, 0, 90),
                                        .to = (int32_t)(cols + case_random_int(&state, 0, 1)),
                                        .length = (int32_t)case_random_int(&state, 1, 23)};
        cols = c.runs[i].to + c.runs[i].length;
        furthest =
            c.runs[i].from + c.runs[i].length > furthest ? c.runs[i].from + c.runs[i].length : furthest;
    }
    for (int64_t d = 0; d < depth; d++) {
        c.offset[d] = (int32_t)case_random_int(&state, 0, 300);
        c.src_elems = c.offset[d] + furthest > c.src_elems ? c.offset[d] + furthest : c.src_elems;
    }
    c.shape = (struct gemm_shape){.rows = case_random_int(&state, 1, 80),
                                  .cols = cols,
                                  .depth = depth,
                                  .chain = case_random_int(&state, 1 + depth / 64, GEMM_CHAIN),
                                  .a_step = GEMM_BLOCK * depth,
                                  .out_step = cols + case_random_int(&state, 0, 3),
                                  .packed = true,
                                  .add = case_random_int(&state, 0, 1) != 0};
    return c;
}

/* What the GEMM kernel makes of the same columns, filled; bit by bit, and nothing between the runs. */
static void check_implicit(const struct kernels *kernels, enum dtype dtype) {
    static double columns[DEPTH * COLS], wanted[80 * (COLS + 3)], bias_there[80];
    struct implicit_case c = random_implicit();
    const struct gemm_shape *s = &c.shape;
    const struct gemm_kernels *gemm = kernels->gemm;
    struct gemm_shape plain = *s;
    bool f32 = dtype == DTYPE_FLOAT32;
    int64_t elems = (s->rows - 1) * s->out_step + s->cols, blocks = (s->rows + GEMM_BLOCK - 1) / GEMM_BLOCK;
    const void *in = case_put(&src_end, dtype, src, (size_t)c.src_elems);
    const void *a = case_put(&weight_end, dtype, weight, (size_t)(blocks * s->a_step));
    void *out =
        case_buffer_set(&out_end, (size_t)elems * dtype_bytes(dtype), CASE_MAX_ELEMS * sizeof(double));
    case_put(&out_end, dtype, old, (size_t)elems);
    memcpy(wanted, out, (size_t)elems * dtype_bytes(dtype));
    memset(columns, 0, sizeof columns);
    plain.b_step = COLS;
    if (f32) {
        for (int i = 0; i < 80; i++)
            ((float *)bias_there)[i] = (float)bias[i % 64];
        gemm->fill_f32((float *)columns, COLS, in, c.offset, s->depth, c.runs, c.count);
        gemm->gemm_f32(&plain, (float *)wanted, a, (float *)columns, (float *)bias_there);
        gemm->implicit_f32(s, out, a, in, c.offset, c.runs, c.count, (float *)bias_there);
    } else {
        for (int i = 0; i < 80; i++)
            bias_there[i] = bias[i % 64];
        gemm->fill_f64(columns, COLS, in, c.offset, s->depth, c.runs, c.count);
        gemm->gemm_f64(&plain, wanted, a, columns, bias_there);
        gemm->implicit_f64(s, out, a, in, c.offset, c.runs, c.count, bias_there);
    }
    for (int64_t r = 0, at = 0; r < s->rows; r++)
        for (int64_t i = 0; i < c.count; i++) {
            for (; at < r * s->out_step + c.runs[i].to; at++)
                assert_true(case_get(out, dtype, (size_t)at) == old[at]);
            for (int64_t x = 0; x < c.runs[i].length; x++, at++)
                assert_memory_equal((char *)out + (size_t)at * dtype_bytes(dtype),
                                    (char *)wanted + (size_t)at * dtype_bytes(dtype), dtype_bytes(dtype));
        }
    assert_true(case_buffer_intact(&out_end));
}

/* Packs `in`, to where `place` says; true when the kernel finds everything finite. */
static bool pack(const struct kernels *kernels, enum dtype dtype, void *out, const void *in,
                 const int64_t size[3], const int32_t *place) {
    if (dtype == DTYPE_FLOAT32)
        return kernels->gemm->pack_f32(out, in, size[0], size[1], size[2], place) == 0;
    return kernels->gemm->pack_f64(out, in, size[0], size[1], size[2], place) == 0;
}

static void check_pack(const struct kernels *kernels, enum dtype dtype) {
    static const double wild[] = {NAN, INFINITY, -INFINITY};
    int64_t rows = case_random_int(&state, 1, GEMM_BLOCK), depth = case_random_int(&state, 1, 70);
    int64_t step = depth + case_random_int(&state, 0, 3), elems = (rows - 1) * step + depth;
    int32_t place[70];
    bool placed = case_random_int(&state, 0, 1) != 0;
    for (int64_t d = 0; d < depth; d++)
        place[d] = (int32_t)(placed ? depth - 1 - d : d);
    const void *in = case_put(&src_end, dtype, src, (size_t)elems);
    void *out = case_buffer_set(&out_end, (size_t)(depth * GEMM_BLOCK) * dtype_bytes(dtype),
                                CASE_MAX_ELEMS * sizeof(double));
    assert_true(pack(kernels, dtype, out, in, (int64_t[]){step, rows, depth}, placed ? place : NULL));
    for (int64_t d = 0; d < depth; d++)
        for (int64_t r = 0; r < GEMM_BLOCK; r++)
            assert_true(case_get(out, dtype, (size_t)(place[d] * GEMM_BLOCK + r)) ==
                        (r < rows ? src[r * step + d] : 0));
    assert_true(case_buffer_intact(&out_end));
    int64_t at = case_random_int(&state, 0, rows - 1) * step + case_random_int(&state, 0, depth - 1);
    double old_value = src[at];
    src[at] = wild[case_random_int(&state, 0, 2)];
    in = case_put(&src_end, dtype, src, (size_t)elems);
    assert_false(pack(kernels, dtype, out, in, (int64_t[]){step, rows, depth}, placed ? place : NULL));
    src[at] = old_value;
}

static void test_gemm(void **unused) {
    (void)unused;
    fill_all(23);
    for (int level = 0; level < LEVELS; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        for (int i = 0; i < CASES / 4; i++) {
            check_implicit(kernels_get(), DTYPE_FLOAT32);
            check_implicit(kernels_get(), DTYPE_FLOAT64);
            check_pack(kernels_get(), DTYPE_FLOAT32);
            check_pack(kernels_get(), DTYPE_FLOAT64);
        }
    }
}

/* ---- edges ---- */

/* Without `add` the output may hold anything, and lanes behind the last column never reach it. */
static void test_not_finite(void **unused) {
    (void)unused;
    for (int level = 0; level < LEVELS; level++) {
        const char *error;
        if (!kernels_init(levels[level], &error))
            continue;
        float in[3] = {2, 3, 5}, w = 7, out[4] = {NAN, NAN, NAN, 11};
        struct row_shape s = {.outs = 1, .rows = 1, .cols = 3, .channels = 1, .tap_rows = 1, .taps = 1};
        kernels_get()->rows->rows_f32(&s, out, in, &w, NULL);
        assert_true(out[0] == 14 && out[1] == 21 && out[2] == 35 && out[3] == 11);
        w = 0;
        in[1] = INFINITY;
        kernels_get()->rows->rows_f32(&s, out, in, &w, NULL);
        assert_true(out[0] == 0 && isnan(out[1]) && out[2] == 0);
    }
}

/* ---- bfloat16 ---- */

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t pair_bits(float low, float high) {
    return case_bf16_bits(low) | (uint32_t)case_bf16_bits(high) << 16;
}

static bool is_finite_pair(uint32_t bits) {
    return (bits & 0x7f80) != 0x7f80 && (bits & 0x7f800000) != 0x7f800000;
}

/* Random bits; `tame` ones are numbers that stay finite. Every fourth lies halfway between two bfloat16. */
static float random_float(bool tame) {
    uint32_t bits = (uint32_t)case_random(&state);
    if (case_random_int(&state, 0, 3) == 0)
        bits = (bits & 0xffff0000) | 0x8000;
    return float_of(tame ? bits & 0xbfffffff : bits);
}

static void expect_pairs(const float *from, int64_t count, bool rows, const float *second) {
    const struct bf16_kernels *kernels = kernels_bf16(kernels_get());
    size_t bytes = (size_t)count * sizeof(float);
    float *to = case_buffer_set(&out_end, bytes, MOST * sizeof(double));
    float nothing =
        rows ? kernels->pair_rows(to, from, second, count) : kernels->pair_neighbours(to, from, count);
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        float low = rows ? from[i] : from[2 * i];
        float high = rows ? (second != NULL ? second[i] : 0) : from[2 * i + 1];
        assert_int_equal(bits_of(to[i]), pair_bits(low, high));
        finite = finite && is_finite_pair(bits_of(to[i]));
    }
    assert_true(finite ? nothing == 0 : isnan(nothing));
    assert_true(case_buffer_intact(&out_end));
}

static void test_bf16_pairs(void **unused) {
    (void)unused;
    const char *error;
    assert_true(kernels_init(NULL, &error));
    if (kernels_bf16(kernels_get()) == NULL)
        skip();
    state = 17;
    for (int i = 0; i < CASES; i++) {
        int64_t count = case_random_int(&state, 0, 100);
        bool tame = i % 2 == 0;
        float *from = case_buffer_set(&src_end, (size_t)count * 2 * sizeof(float), MOST * sizeof(double));
        float *second = case_buffer_set(&weight_end, (size_t)count * sizeof(float), MOST * sizeof(double));
        for (int64_t j = 0; j < 2 * count; j++)
            from[j] = random_float(tame);
        for (int64_t j = 0; j < count; j++)
            second[j] = random_float(tame);
        expect_pairs(from, count, false, NULL);
        expect_pairs(from + count, count, true, second);
        expect_pairs(from + count, count, true, NULL);
    }
}

/* Only the levels of AVX-512 have it, and those only where the CPU does. */
static void test_bf16_levels(void **unused) {
    (void)unused;
    const char *error;
    for (int i = 0; i < LEVELS; i++) {
        bool has = false;
#if defined(__x86_64__)
        __builtin_cpu_init();
        has = strncmp(levels[i], "avx512", 6) == 0 && __builtin_cpu_supports("avx512bf16") != 0;
#endif
        if (kernels_init(levels[i], &error))
            assert_int_equal(kernels_bf16(kernels_get()) != NULL, has);
    }
    assert_true(kernels_init(NULL, &error));
}

static void test_levels(void **unused) {
    (void)unused;
    const char *error = "unset";
    assert_true(kernels_init("portable", &error));
    assert_null(error);
    assert_string_equal(kernels_get()->name, "portable");
    static const char *const wrong[] = {"avx", "AVX2", "avx512 ", "sse"};
    for (int i = 0; i < 4; i++) {
        assert_false(kernels_init(wrong[i], &error));
        assert_non_null(strstr(error, "portable, sse4, avx2, avx512 or avx512vbmi"));
        assert_string_equal(kernels_get()->name, "portable");
    }
    for (int i = 1; i < LEVELS; i++) {
        bool has = false;
#if defined(__x86_64__)
        has = i == 1   ? __builtin_cpu_supports("sse4.2") != 0
              : i == 2 ? __builtin_cpu_supports("avx2") != 0
              : i == 3 ? __builtin_cpu_supports("avx512vl") != 0
                       : __builtin_cpu_supports("avx512vbmi2") != 0;
#endif
        assert_int_equal(kernels_init(levels[i], &error), has);
        assert_int_equal(error == NULL, has);
    }
    assert_true(kernels_init("", &error));
    const char *best = kernels_get()->name;
    assert_true(kernels_init(NULL, &error));
    assert_string_equal(kernels_get()->name, best);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contracts),   cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_not_finite),  cmocka_unit_test(test_bf16_pairs),
        cmocka_unit_test(test_bf16_levels), cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
