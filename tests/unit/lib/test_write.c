/*
 * The writing kernels of every level that this CPU has, against lib/numbers/decimal_write.c byte for byte:
 * converted from memory that ends at an unmapped page, put into memory that ends where their room ends.
 */
#include "lib/base/float_env.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/lib/decimal_help.h"
#include "tests/unit/lib/write_back.h"
#include "tests/unit/sanitizers.h"

/* Under a sanitizer a share of the random numbers. */
#if defined(SANITIZED)
enum { MOST = 4096, SHARE = 50 };
#else
enum { MOST = 4096, SHARE = 1 };
#endif

static const char *const levels[] = {"portable", "sse4", "avx2", "avx512"};

enum { LEVELS = sizeof levels / sizeof levels[0] };

static const struct write_kernels *kernels; /* of the level under test */
static struct fence from, room;

static double values_f64[MOST];
static float values_f32[MOST];
static int64_t values_i64[MOST];

/* ---- what is expected ---- */

static char *expected_f32(char *text, const float *values, int count) {
    for (int i = 0; i < count; i++) {
        *text = ',';
        text = decimal_write_f32(text + 1, values[i]);
    }
    return text;
}

static char *expected_f64(char *text, const double *values, int count) {
    for (int i = 0; i < count; i++) {
        *text = ',';
        text = decimal_write_f64(text + 1, values[i]);
    }
    return text;
}

static char *expected_i64(char *text, const int64_t *values, int count) {
    for (int i = 0; i < count; i++) {
        *text = ',';
        text = decimal_write_i64(text + 1, values[i]);
    }
    return text;
}

/* ---- one block ---- */

static void expect_same(const char *text, const char *expected, size_t length, const char *level) {
    if (memcmp(text, expected, length) == 0)
        return;
    size_t at = 0;
    while (text[at] == expected[at])
        at++;
    while (at > 0 && expected[at] != ',')
        at--;
    fail_msg("%s: %.40s where %.40s was expected", level, text + at, expected + at);
}

/*
 * The whole block as close before the unmapped page as its room allows, then in two parts, the second of
 * which goes where the first ended. Every number's own length is bounded.
 */
static void expect_put(write_put *put, const struct write_block *block, int count, const char *expected,
                       size_t length, size_t most, const char *level) {
    assert_true(length <= (size_t)count * most);
    char *text = room.end - WRITE_SPARE_BYTES - length;
    assert_ptr_equal(put(text, block, 0, count), text + length);
    expect_same(text, expected, length, level);
    int middle = count / 3;
    memset(text, '#', length);
    assert_ptr_equal(put(put(text, block, 0, middle), block, middle, count), text + length);
    expect_same(text, expected, length, level);
    assert_ptr_equal(put(text, block, middle, middle), text);
}

static void check_f32(const float *values, int count, const char *level) {
    static char expected[WRITE_BLOCK * DECIMAL_F32_BYTES + DECIMAL_F32_BYTES];
    size_t length = (size_t)(expected_f32(expected, values, count) - expected);
    const float *p = (const float *)(void *)fence_copy_to_end(&from, values, (size_t)count * sizeof *values);
    struct write_block block;
    assert_true(kernels->convert_f32(&block, p, count) == 0);
    expect_put(kernels->put_f32, &block, count, expected, length, WRITE_F32_BYTES, level);
}

static void check_f64(const double *values, int count, const char *level) {
    static char expected[WRITE_BLOCK * DECIMAL_F64_BYTES + DECIMAL_F64_BYTES];
    size_t length = (size_t)(expected_f64(expected, values, count) - expected);
    const double *p =
        (const double *)(void *)fence_copy_to_end(&from, values, (size_t)count * sizeof *values);
    struct write_block block;
    assert_true(kernels->convert_f64(&block, p, count) == 0);
    expect_put(kernels->put_f64, &block, count, expected, length, WRITE_F64_BYTES, level);
}

/* What the level leaves out is written as zero here. */
static void check_i64(const int64_t *values, int count, const char *level) {
    static char expected[WRITE_BLOCK * DECIMAL_F64_BYTES + DECIMAL_I64_BYTES];
    int64_t kept[WRITE_BLOCK];
    const void *p = fence_copy_to_end(&from, values, (size_t)count * sizeof *values);
    struct write_block block;
    uint64_t left_out = kernels->convert_i64(&block, p, count);
    assert_true(count == 64 || left_out >> count == 0);
    for (int i = 0; i < count; i++) {
        bool out = left_out >> i & 1;
        assert_true(!out || values[i] <= -(1 << 28) || values[i] >= 1 << 28);
        kept[i] = out ? 0 : values[i];
    }
    kernels->convert_i64(&block, kept, count);
    size_t length = (size_t)(expected_i64(expected, kept, count) - expected);
    expect_put(kernels->put_i64, &block, count, expected, length, WRITE_I64_BYTES, level);
}

/* ---- many values ---- */

static int filled; /* of the values that are checked when there are enough */

static void flush_f32(const char *level) {
    for (int i = 0; i < filled; i += WRITE_BLOCK)
        check_f32(values_f32 + i, filled - i < WRITE_BLOCK ? filled - i : WRITE_BLOCK, level);
    filled = 0;
}

static void add_f32(uint32_t bits, const char *level) {
    if ((bits >> 23 & 0xff) == 0xff)
        return;
    values_f32[filled++] = f32_of_bits(bits);
    if (filled == MOST)
        flush_f32(level);
}

static void flush_f64(const char *level) {
    for (int i = 0; i < filled; i += WRITE_BLOCK)
        check_f64(values_f64 + i, filled - i < WRITE_BLOCK ? filled - i : WRITE_BLOCK, level);
    filled = 0;
}

static void add_f64(uint64_t bits, const char *level) {
    if ((bits >> 52 & 0x7ff) == 0x7ff)
        return;
    values_f64[filled++] = f64_of_bits(bits);
    if (filled == MOST)
        flush_f64(level);
}

/*
 * Every exponent with fractions at its ends and anywhere; powers of two with their neighbours; all
 * subnormals of few bits.
 */
static void every_exponent_f32(const char *level) {
    for (uint32_t field = 0; field < 255; field++)
        for (uint32_t sign = 0; sign < 2; sign++)
            for (uint32_t i = 0; i < 500; i++) {
                uint32_t fraction = i < 100   ? i
                                    : i < 200 ? 0x7fffff - (i - 100)
                                              : (uint32_t)random_u64() & 0x7fffff;
                add_f32(sign << 31 | field << 23 | fraction, level);
            }
    for (uint32_t i = 0; i < 20000; i++)
        add_f32(i, level);
    for (int i = 0; i < 23; i++)
        add_f32(UINT32_C(1) << i, level);
    flush_f32(level);
}

static void every_exponent_f64(const char *level) {
    for (uint64_t field = 0; field < 2047; field++)
        for (uint64_t sign = 0; sign < 2; sign++)
            for (uint64_t i = 0; i < 60; i++) {
                uint64_t most = 0xfffffffffffff;
                uint64_t fraction = i < 20 ? i : i < 40 ? most - (i - 20) : random_u64() & most;
                add_f64(sign << 63 | field << 52 | fraction, level);
            }
    for (uint64_t i = 0; i < 20000; i++)
        add_f64(i, level);
    for (int i = 0; i < 52; i++)
        add_f64(UINT64_C(1) << i, level);
    flush_f64(level);
}

/* Decimals of few digits with their neighbours: where digits end, and where an interval's end is a
 * decimal. */
static void short_decimals(const char *level) {
    for (int i = 0; i < 40000; i++) {
        char text[64];
        int digits = i % 3 == 0 ? 1 : i % 3 == 1 ? 1 + random_below(99) : 1 + random_below(9999999);
        snprintf(text, sizeof text, "%s%de%d", i % 2 ? "-" : "", digits, random_below(84) - 46);
        uint32_t bits = bits_of_f32(strtof(text, NULL));
        for (uint32_t near = 0; near < 3; near++)
            add_f32(bits + near - ((bits & 0x7fffffff) > 0), level);
    }
    flush_f32(level);
    for (int i = 0; i < 40000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s%de%d", i % 2 ? "-" : "", 1 + random_below(i % 3 ? 99 : 99999999),
                 random_below(640) - 330);
        uint64_t bits = bits_of_f64(strtod(text, NULL));
        for (uint64_t near = 0; near < 3; near++)
            add_f64(bits + near - ((bits << 1) > 0), level);
    }
    flush_f64(level);
}

/* Integers up to where float32 and float64 have them all, and ties: halves and quarters of large ones. */
static void integers(const char *level) {
    for (int i = 0; i < 200000; i++)
        add_f32(bits_of_f32((float)(random_below(1 << 25) >> random_below(25))), level);
    for (int i = 0; i < 200000; i++)
        add_f32(bits_of_f32(ldexpf((float)random_below(1 << 24), random_below(8) - 4)), level);
    flush_f32(level);
    for (int i = 0; i < 100000; i++)
        add_f64(bits_of_f64((double)(random_u64() >> (11 + random_below(53)))), level);
    for (int i = 0; i < 100000; i++)
        add_f64(bits_of_f64(ldexp((double)(random_u64() >> 11), random_below(24) - 16)), level);
    flush_f64(level);
}

static void random_bits(const char *level) {
    for (int i = 0; i < 3000000 / SHARE; i++)
        add_f32((uint32_t)random_u64(), level);
    for (int i = 0; i < 1000000 / SHARE; i++)
        add_f32((113 + (uint32_t)random_below(30)) << 23 | (uint32_t)(random_u64() & 0x807fffff), level);
    flush_f32(level);
    for (int i = 0; i < 1500000 / SHARE; i++)
        add_f64(random_u64(), level);
    for (int i = 0; i < 500000 / SHARE; i++)
        add_f64((uint64_t)(1003 + random_below(40)) << 52 | (random_u64() & 0x800fffffffffffff), level);
    flush_f64(level);
}

static void positions(const char *level) {
    for (int i = 0; i < MOST * 20; i++) {
        int64_t value = (int64_t)(random_u64() >> (35 + random_below(29))) - (i % 5 == 0 ? 1 : 0);
        if (i % 97 == 0)
            value = (int64_t)random_u64() >> random_below(64);
        if (i % 101 == 0)
            value = (i % 2 ? 1 : -1) * ((1 << 28) - 2 + random_below(4));
        values_i64[i % MOST] = value;
        if ((i + 1) % WRITE_BLOCK == 0)
            check_i64(values_i64 + i % MOST + 1 - WRITE_BLOCK, WRITE_BLOCK, level);
    }
    for (int64_t power = 1, at = 0; power < 1 << 28; power *= 10) {
        for (int64_t i = -2; i <= 2; i++)
            values_i64[at++] = power + i;
        check_i64(values_i64, (int)at, level);
    }
}

/* ---- cases ---- */

static void for_each_level(void (*check)(const char *level)) {
    for (int i = 0; i < LEVELS; i++) {
        const char *error;
        if (!kernels_init(levels[i], &error))
            continue;
        kernels = kernels_get()->write;
        random_state = 11;
        check(levels[i]);
    }
}

static void test_every_exponent(void **state) {
    (void)state;
    for_each_level(every_exponent_f32);
    for_each_level(every_exponent_f64);
}

static void test_short_decimals(void **state) {
    (void)state;
    for_each_level(short_decimals);
}

static void test_integers(void **state) {
    (void)state;
    for_each_level(integers);
    for_each_level(positions);
}

static void test_random_bits(void **state) {
    (void)state;
    for_each_level(random_bits);
}

static void counts(const char *level) {
    for (int count = 1; count <= WRITE_BLOCK; count++)
        for (int turn = 0; turn < 4; turn++) {
            for (int i = 0; i < count; i++) {
                values_f32[i] = f32_of_bits((uint32_t)random_u64() & 0xbfffffff);
                values_f64[i] = f64_of_bits(random_u64() & 0xbfffffffffffffff);
                values_i64[i] = random_below(1000000) - 1000;
            }
            check_f32(values_f32, count, level);
            check_f64(values_f64, count, level);
            check_i64(values_i64, count, level);
        }
}

static void test_every_count(void **state) {
    (void)state;
    for_each_level(counts);
}

/* The longest texts there are, so that the room is what is promised. */
static void longest(const char *level) {
    for (int i = 0; i < WRITE_BLOCK; i++) {
        values_f32[i] = -3.4028235e20f;
        values_f64[i] = -1.2345678901234567e-6;
        values_i64[i] = -((1 << 28) - 1);
    }
    char text[WRITE_BLOCK * DECIMAL_F64_BYTES];
    assert_int_equal(expected_f32(text, values_f32, 1) - text, WRITE_F32_BYTES);
    assert_int_equal(expected_f64(text, values_f64, 1) - text, WRITE_F64_BYTES);
    for (int count = 1; count <= WRITE_BLOCK; count++) {
        check_f32(values_f32, count, level);
        check_f64(values_f64, count, level);
        check_i64(values_i64, count, level);
    }
}

static void test_the_longest(void **state) {
    (void)state;
    for_each_level(longest);
}

/* Writing and reading back many more than can be held against other texts: all of them are in
 * tests/exhaustive. */
static void many(const char *level, int blocks) {
    uint32_t bits[WRITE_BLOCK], wrong = 0;
    for (int i = 0; i < blocks; i++) {
        for (int j = 0; j < WRITE_BLOCK; j += 2) {
            uint64_t two = random_u64();
            memcpy(bits + j, &two, sizeof two);
        }
        if (!write_back_block(kernels, bits, WRITE_BLOCK, false, &wrong))
            fail_msg("%s: float32 %08" PRIx32 " is not written as it must be", level, wrong);
    }
}

static void ten_thousand_blocks(const char *level) {
    many(level, 10000 / SHARE);
}

static void test_a_hundred_million_read_back(void **state) {
    (void)state;
    const char *error;
    for_each_level(ten_thousand_blocks);
    assert_true(kernels_init(NULL, &error));
    kernels = kernels_get()->write;
    many(kernels_get()->name, 100000000 / SHARE / WRITE_BLOCK);
}

/* What is not finite is told, each by its bit, and harms none of its neighbours. */
static void not_finite(const char *level) {
    for (int turn = 0; turn < 2000; turn++) {
        int count = 1 + random_below(WRITE_BLOCK);
        uint64_t wanted = 0;
        for (int i = 0; i < count; i++) {
            bool out = random_below(4) == 0;
            wanted |= (uint64_t)out << i;
            values_f32[i] = out ? turn % 3 == 0 ? NAN : turn % 3 == 1 ? INFINITY : -INFINITY : (float)i / 7;
            values_f64[i] = (double)values_f32[i];
        }
        struct write_block block_f32, block_f64;
        assert_true(kernels->convert_f32(&block_f32, values_f32, count) == wanted);
        assert_true(kernels->convert_f64(&block_f64, values_f64, count) == wanted);
        for (int i = 0; i < count; i++) {
            char text[2][64], expected[64];
            if (wanted >> i & 1)
                continue;
            size_t length = (size_t)(expected_f32(expected, values_f32 + i, 1) - expected);
            assert_ptr_equal(kernels->put_f32(text[0], &block_f32, i, i + 1), text[0] + length);
            expect_same(text[0], expected, length, level);
            length = (size_t)(expected_f64(expected, values_f64 + i, 1) - expected);
            assert_ptr_equal(kernels->put_f64(text[1], &block_f64, i, i + 1), text[1] + length);
            expect_same(text[1], expected, length, level);
        }
    }
}

static void test_not_finite(void **state) {
    (void)state;
    for_each_level(not_finite);
}

/* No kernel depends on subnormals being kept by the processor. */
static void while_flushed(const char *level) {
    static char expected[2][WRITE_BLOCK * 32], text[2][WRITE_BLOCK * 32 + WRITE_SPARE_BYTES];
    for (int i = 0; i < WRITE_BLOCK; i++) {
        values_f32[i] = f32_of_bits((uint32_t)random_u64() & (i % 2 ? 0x807fffff : 0x80ffffff));
        values_f64[i] = f64_of_bits(random_u64() & (i % 2 ? 0x800fffffffffffff : 0xbfffffffffffffff));
    }
    size_t length_f32 = (size_t)(expected_f32(expected[0], values_f32, WRITE_BLOCK) - expected[0]);
    size_t length_f64 = (size_t)(expected_f64(expected[1], values_f64, WRITE_BLOCK) - expected[1]);
    struct write_block block_f32, block_f64;
    __typeof__(float_flush_begin()) saved = float_flush_begin();
    kernels->convert_f32(&block_f32, values_f32, WRITE_BLOCK);
    kernels->convert_f64(&block_f64, values_f64, WRITE_BLOCK);
    char *end_f32 = kernels->put_f32(text[0], &block_f32, 0, WRITE_BLOCK);
    char *end_f64 = kernels->put_f64(text[1], &block_f64, 0, WRITE_BLOCK);
    float_flush_end(saved);
    assert_ptr_equal(end_f32, text[0] + length_f32);
    assert_ptr_equal(end_f64, text[1] + length_f64);
    expect_same(text[0], expected[0], length_f32, level);
    expect_same(text[1], expected[1], length_f64, level);
}

static void test_subnormals_while_flushed(void **state) {
    (void)state;
    for_each_level(while_flushed);
}

int main(void) {
    from = fence_make(4096);
    room = fence_make(4096);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_count),
        cmocka_unit_test(test_the_longest),
        cmocka_unit_test(test_every_exponent),
        cmocka_unit_test(test_short_decimals),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_random_bits),
        cmocka_unit_test(test_a_hundred_million_read_back),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_subnormals_while_flushed),
    };
    (void)fence;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
