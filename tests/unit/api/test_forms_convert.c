/* Conversions: every half and bfloat16, integers at their rounding boundaries, byte and index orders, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/convert.h"
#include "tests/unit/fence.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const bool machine_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* `count` values in a row, in this machine's byte order. */
static struct stored_tensor row_of(enum stored_dtype dtype, const void *data, int64_t count) {
    return (struct stored_tensor){
        .dtype = dtype, .big_endian = machine_is_big, .shape = {1, {count}}, .elems = count, .data = data};
}

static bool same_bits(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* By the definition of IEEE 754, section 3.4. */
static double value_of_half(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double sign = half >> 15 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

/* All 65,536, one at a time and as one run, so that the vector code and its tail are both met. */
static void every_half_is_exact(void **state) {
    (void)state;
    enum { ALL = 1 << 16 };
    uint16_t *halves = malloc(ALL * sizeof *halves);
    float *floats = malloc(ALL * sizeof *floats), one;
    double *doubles = malloc(ALL * sizeof *doubles);
    struct convert_refusal refusal;
    for (int i = 0; i < ALL; i++)
        halves[i] = (uint16_t)i;
    struct stored_tensor all = row_of(STORED_FLOAT16, halves, ALL);
    assert_true(convert(&all, DTYPE_FLOAT32, floats, &refusal));
    assert_true(convert(&all, DTYPE_FLOAT64, doubles, &refusal));
    for (int i = 0; i < ALL; i++) {
        double expected = value_of_half((uint16_t)i);
        struct stored_tensor alone = row_of(STORED_FLOAT16, &halves[i], 1);
        assert_true(convert(&alone, DTYPE_FLOAT32, &one, &refusal));
        assert_true(same_bits(one, floats[i]));
        if (isnan(expected)) {
            /* the fraction is kept, at the top, and the sign */
            assert_int_equal(bits_of(one),
                             (uint32_t)(i >> 15) << 31 | 0x7F800000u | (uint32_t)(i & 1023) << 13);
            assert_true(isnan(doubles[i]));
        } else if (!same_bits(one, (float)expected) || doubles[i] != expected ||
                   signbit(doubles[i]) != signbit(expected)) {
            fail_msg("half 0x%04x: %g, %g; expected %g", i, (double)one, doubles[i], expected);
        }
    }
    free(halves);
    free(floats);
    free(doubles);
}

static void every_bfloat_is_the_upper_half_of_a_float(void **state) {
    (void)state;
    enum { ALL = 1 << 16 };
    uint16_t *upper = malloc(ALL * sizeof *upper);
    float *floats = malloc(ALL * sizeof *floats);
    double *doubles = malloc(ALL * sizeof *doubles);
    struct convert_refusal refusal;
    for (int i = 0; i < ALL; i++)
        upper[i] = (uint16_t)i;
    struct stored_tensor all = row_of(STORED_BFLOAT16, upper, ALL);
    assert_true(convert(&all, DTYPE_FLOAT32, floats, &refusal));
    assert_true(convert(&all, DTYPE_FLOAT64, doubles, &refusal));
    for (int i = 0; i < ALL; i++) {
        assert_int_equal(bits_of(floats[i]), (uint32_t)i << 16);
        if (isnan(floats[i]))
            assert_true(isnan(doubles[i]));
        else
            assert_true(doubles[i] == (double)floats[i] && !signbit(doubles[i]) == !signbit(floats[i]));
    }
    free(upper);
    free(floats);
    free(doubles);
}

/* Nearest-even by integers alone: the value's 24 (or 53) highest bits, the rest compared with a half. */
static double rounded(uint64_t magnitude, int digits) {
    int excess = 0;
    while (magnitude >> excess >> digits != 0)
        excess++;
    if (excess == 0)
        return (double)magnitude;
    uint64_t kept = magnitude >> excess, rest = magnitude & ((UINT64_C(1) << excess) - 1);
    uint64_t half = UINT64_C(1) << (excess - 1);
    kept += rest > half || (rest == half && (kept & 1));
    return ldexp((double)kept, excess);
}

/* Where rounding by way of float64 gives another float32: 2^53 + 2^29 + 1 lies just above the middle of two floats,
 * and exactly on it once its last bit is gone. */
static void integers_are_rounded_once(void **state) {
    (void)state;
    static const uint64_t around[] = {0,
                                      1,
                                      (1u << 24),
                                      (UINT64_C(1) << 53),
                                      (UINT64_C(1) << 53) + (1u << 29),
                                      (UINT64_C(1) << 62) + (UINT64_C(1) << 38),
                                      (UINT64_C(1) << 63) - 1,
                                      (UINT64_C(1) << 63) + (UINT64_C(1) << 39),
                                      UINT64_MAX - 2,
                                      0x7FFFFFBFFFFFFFFFu};
    enum { AROUND = sizeof around / sizeof around[0], STEPS = 5, COUNT = AROUND * STEPS };
    uint64_t values[COUNT];
    float f32[COUNT];
    double f64[COUNT];
    struct convert_refusal refusal;
    for (int i = 0; i < COUNT; i++)
        values[i] = around[i / STEPS] + (uint64_t)(i % STEPS) - 2;
    struct stored_tensor u64 = row_of(STORED_UINT64, values, COUNT),
                         i64 = row_of(STORED_INT64, values, COUNT);
    assert_true(convert(&u64, DTYPE_FLOAT32, f32, &refusal));
    assert_true(convert(&u64, DTYPE_FLOAT64, f64, &refusal));
    for (int i = 0; i < COUNT; i++)
        assert_true((double)f32[i] == rounded(values[i], 24) && f64[i] == rounded(values[i], 53));
    assert_true(convert(&i64, DTYPE_FLOAT32, f32, &refusal));
    assert_true(convert(&i64, DTYPE_FLOAT64, f64, &refusal));
    for (int i = 0; i < COUNT; i++) {
        bool negative = values[i] >> 63;
        uint64_t magnitude = negative ? 0 - values[i] : values[i];
        assert_true((double)f32[i] == (negative ? -1 : 1) * rounded(magnitude, 24));
        assert_true(f64[i] == (negative ? -1 : 1) * rounded(magnitude, 53));
    }
}

static void narrow_integers_are_exact_or_rounded(void **state) {
    (void)state;
    static const int8_t i8[] = {-128, -1, 0, 127};
    static const uint8_t u8[] = {0, 1, 128, 255}, bools[] = {0, 1, 1, 0};
    static const int16_t i16[] = {INT16_MIN, -1, 0, INT16_MAX};
    static const uint16_t u16[] = {0, 1, 0x8000, UINT16_MAX};
    static const int32_t i32[] = {INT32_MIN, -16777217, 16777219, INT32_MAX};
    static const uint32_t u32[] = {0, 16777217, 0x80000080, UINT32_MAX};
    static const struct {
        enum stored_dtype dtype;
        const void *values;
        double f64[4];
        float f32[4];
    } cases[] = {
        {STORED_INT8, i8, {-128, -1, 0, 127}, {-128, -1, 0, 127}},
        {STORED_UINT8, u8, {0, 1, 128, 255}, {0, 1, 128, 255}},
        {STORED_BOOL, bools, {0, 1, 1, 0}, {0, 1, 1, 0}},
        {STORED_INT16, i16, {-32768, -1, 0, 32767}, {-32768, -1, 0, 32767}},
        {STORED_UINT16, u16, {0, 1, 32768, 65535}, {0, 1, 32768, 65535}},
        {STORED_INT32,
         i32,
         {-2147483648.0, -16777217, 16777219, 2147483647},
         {-0x1p31f, -16777216, 16777220, 0x1p31f}},
        {STORED_UINT32, u32, {0, 16777217, 2147483776.0, 4294967295.0}, {0, 16777216, 0x1p31f, 0x1p32f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stored_tensor stored = row_of(cases[i].dtype, cases[i].values, 4);
        struct convert_refusal refusal;
        float f32[4];
        double f64[4];
        assert_true(convert(&stored, DTYPE_FLOAT32, f32, &refusal) &&
                    convert(&stored, DTYPE_FLOAT64, f64, &refusal));
        if (memcmp(f32, cases[i].f32, sizeof f32) != 0 || memcmp(f64, cases[i].f64, sizeof f64) != 0)
            fail_msg("%s", stored_dtype_name(cases[i].dtype));
    }
}

/* Rounded once, subnormal results too; NaN and infinities stay. */
static void narrows_float64(void **state) {
    (void)state;
    static const double wide[] = {0.1,
                                  -0.0,
                                  0x1p-149,
                                  0x1.8p-150,
                                  0x1p-150,
                                  0x1p-151,
                                  0x1.fffffefffffffp127, /* the last that rounds down */
                                  INFINITY,
                                  -INFINITY,
                                  0x1.000001p0,
                                  0x1.0000030000001p0};
    static const float narrow[] = {0.1f,     -0.0f,     0x1p-149f, 0x1p-149f,    0, 0, FLT_MAX,
                                   INFINITY, -INFINITY, 1,         0x1.000004p0f};
    enum { COUNT = sizeof wide / sizeof wide[0] };
    float out[COUNT], not_a_number;
    struct convert_refusal refusal;
    struct stored_tensor stored = row_of(STORED_FLOAT64, wide, COUNT),
                         one = row_of(STORED_FLOAT64, &(double){NAN}, 1);
    assert_true(convert(&stored, DTYPE_FLOAT32, out, &refusal));
    for (int i = 0; i < COUNT; i++) {
        if (!same_bits(out[i], narrow[i]))
            fail_msg("%a gives %a", wide[i], (double)out[i]);
    }
    assert_true(convert(&one, DTYPE_FLOAT32, &not_a_number, &refusal));
    assert_true(isnan(not_a_number));
}

/* What is refused is told by its place in C order, whatever the order in the file. */
static void refuses_what_does_not_fit(void **state) {
    (void)state;
    enum { ROWS = 37, COLS = 41 };
    double values[ROWS * COLS] = {0};
    float out[ROWS * COLS];
    struct convert_refusal refusal;
    struct stored_tensor stored = row_of(STORED_FLOAT64, values, ROWS * COLS);
    stored.shape = (struct shape){2, {ROWS, COLS}};
    values[3 * COLS + 5] = -0x1.ffffffp127; /* the first that rounds to infinity */
    values[3 * COLS + 6] = 1e300;
    assert_false(convert(&stored, DTYPE_FLOAT32, out, &refusal));
    assert_int_equal(refusal.problem, PROBLEM_NUMBER_OUT_OF_RANGE);
    assert_int_equal(refusal.position, 3 * COLS + 5);
    assert_non_null(strstr(refusal.detail, "-3.402823"));
    stored.fortran = true;
    memset(values, 0, sizeof values);
    values[36 + 2 * ROWS] = 2e300; /* [36, 2] lies in front of [5, 40], but is behind it in C order */
    values[5 + 40 * ROWS] = 1e300;
    assert_false(convert(&stored, DTYPE_FLOAT32, out, &refusal));
    assert_int_equal(refusal.position, 5 * COLS + 40);
    assert_non_null(strstr(refusal.detail, "1e300"));
    stored.big_endian = !machine_is_big;
    convert_swap_bytes(values, ROWS * COLS, sizeof values[0]);
    assert_false(convert(&stored, DTYPE_FLOAT32, out, &refusal));
    assert_int_equal(refusal.position, 5 * COLS + 40);
    assert_non_null(strstr(refusal.detail, "1e300"));
}

static void refuses_a_bool_that_is_none(void **state) {
    (void)state;
    unsigned char values[300] = {0, 1};
    float out[300];
    double wide[300];
    struct convert_refusal refusal;
    struct stored_tensor stored = row_of(STORED_BOOL, values, 300);
    assert_true(convert(&stored, DTYPE_FLOAT32, out, &refusal));
    values[257] = 2;
    assert_false(convert(&stored, DTYPE_FLOAT32, out, &refusal));
    assert_false(convert(&stored, DTYPE_FLOAT64, wide, &refusal));
    assert_int_equal(refusal.problem, PROBLEM_INVALID_TENSOR);
    assert_int_equal(refusal.position, 257);
    assert_non_null(strstr(refusal.detail, "byte 2"));
}

/* The element of C-order position `position` in a file in Fortran order, by the definition. */
static int64_t fortran_place(const struct shape *shape, int64_t position) {
    int64_t index[SHAPE_MAX_RANK], step = 1, place = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        index[i] = position % shape->dim[i];
        position /= shape->dim[i];
    }
    for (int i = 0; i < shape->rank; i++) {
        place += index[i] * step;
        step *= shape->dim[i];
    }
    return place;
}

static const struct shape orders[] = {
    {0, {0}},
    {1, {7}},
    {2, {1, 9}},
    {2, {31, 33}},
    {2, {32, 64}},
    {2, {2, 131}},
    {2, {131, 2}},
    {3, {3, 5, 7}},
    {3, {1, 33, 1}},
    {4, {2, 3, 37, 5}},
    {4, {1, 3, 35, 67}},
    {4, {64, 5, 3, 3}},
    {4, {5, 1, 41, 1}},
    {5, {2, 3, 2, 5, 7}},
    {6, {3, 1, 2, 33, 1, 2}},
    {3, {0, 4, 5}},
    {3, {4, 5, 0}},
};

/* `number` in one of the dtypes below; it fits into 16 bits, and a byte takes what is left of it. */
static void put_value(unsigned char *to, enum stored_dtype dtype, int64_t number) {
    uint8_t u8 = (uint8_t)(number % 251);
    int16_t i16 = (int16_t)number;
    float f32 = (float)number;
    double f64 = (double)number;
    const void *value = dtype == STORED_UINT8     ? (void *)&u8
                        : dtype == STORED_INT16   ? (void *)&i16
                        : dtype == STORED_INT64   ? (void *)&number
                        : dtype == STORED_FLOAT32 ? (void *)&f32
                                                  : (void *)&f64;
    memcpy(to, value, stored_dtype_bytes(dtype));
}

/* Each dtype by its element's size, in both byte orders, at an odd address, against the definition. */
static void turns_fortran_order(void **state) {
    (void)state;
    static const enum stored_dtype dtypes[] = {STORED_UINT8, STORED_INT16, STORED_FLOAT32, STORED_INT64,
                                               STORED_FLOAT64};
    struct fence fence = fence_make(1 << 17);
    for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
        for (size_t d = 0; d < 4 * (sizeof dtypes / sizeof dtypes[0]); d++) {
            struct stored_tensor stored = {.dtype = dtypes[d / 4],
                                           .big_endian = d & 1 ? !machine_is_big : machine_is_big,
                                           .fortran = d & 2,
                                           .shape = orders[k]};
            struct convert_refusal refusal;
            size_t bytes = stored_dtype_bytes(stored.dtype);
            assert_true(shape_elems(&stored.shape, &stored.elems));
            double *out = malloc((size_t)stored.elems * sizeof *out + 1);
            unsigned char *data = malloc((size_t)stored.elems * bytes + 1);
            for (int64_t i = 0; i < stored.elems; i++) {
                unsigned char *to = data + (size_t)i * bytes;
                put_value(to, stored.dtype, i);
                if (stored.big_endian != machine_is_big)
                    convert_swap_bytes(to, 1, bytes);
            }
            stored.data = (unsigned char *)fence_copy_to_end(&fence, data, (size_t)stored.elems * bytes);
            assert_true(convert(&stored, DTYPE_FLOAT64, out, &refusal));
            for (int64_t i = 0; i < stored.elems; i++) {
                int64_t place = stored.fortran ? fortran_place(&stored.shape, i) : i;
                if (out[i] != (double)(bytes == 1 ? place % 251 : place))
                    fail_msg("shape %zu, %s, element %d", k, stored_dtype_name(stored.dtype), (int)i);
            }
            free(data);
            free(out);
        }
    }
}

static void nothing_is_done_where_the_bytes_fit(void **state) {
    (void)state;
    _Alignas(8) static const unsigned char data[64];
    struct stored_tensor stored = row_of(STORED_FLOAT32, data, 4);
    assert_true(convert_is_none(&stored, DTYPE_FLOAT32));
    assert_false(convert_is_none(&stored, DTYPE_FLOAT64));
    stored.data = data + 4;
    assert_true(convert_is_none(&stored, DTYPE_FLOAT32));
    stored.data = data + 2;
    assert_false(convert_is_none(&stored, DTYPE_FLOAT32));
    stored.data = data;
    stored.big_endian = !machine_is_big;
    assert_false(convert_is_none(&stored, DTYPE_FLOAT32));
    stored.big_endian = machine_is_big;
    stored.fortran = true; /* one axis has but one order */
    assert_true(convert_is_none(&stored, DTYPE_FLOAT32));
    stored.shape = (struct shape){4, {1, 4, 1, 1}};
    assert_true(convert_is_none(&stored, DTYPE_FLOAT32));
    stored.shape = (struct shape){2, {2, 2}};
    assert_false(convert_is_none(&stored, DTYPE_FLOAT32));
    stored = row_of(STORED_FLOAT64, data + 4, 4);
    assert_false(convert_is_none(&stored, DTYPE_FLOAT64));
    stored.data = data + 8;
    assert_true(convert_is_none(&stored, DTYPE_FLOAT64));
    stored.dtype = STORED_INT64;
    assert_false(convert_is_none(&stored, DTYPE_FLOAT64));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_is_exact),
        cmocka_unit_test(every_bfloat_is_the_upper_half_of_a_float),
        cmocka_unit_test(integers_are_rounded_once),
        cmocka_unit_test(narrow_integers_are_exact_or_rounded),
        cmocka_unit_test(narrows_float64),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(refuses_a_bool_that_is_none),
        cmocka_unit_test(turns_fortran_order),
        cmocka_unit_test(nothing_is_done_where_the_bytes_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
