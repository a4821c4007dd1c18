/*
 * Writing decimal text: tables of layouts, round trips of random bits, and digits that are proved the
 * shortest and the closest by trying all others with the C library.
 */
#include "lib/base/float_env.h"
#include "tests/unit/lib/decimal_cases.h"
#include "tests/unit/lib/decimal_help.h"

/* Writing has DECIMAL_F32_BYTES before an unmapped page and nothing more. */
static const char *write_f32(float value, size_t *length) {
    char *text = fence.end - DECIMAL_F32_BYTES;
    *length = (size_t)(decimal_write_f32(text, value) - text);
    assert_true(*length <= DECIMAL_F32_BYTES);
    return text;
}

static const char *write_f64(double value, size_t *length) {
    char *text = fence.end - DECIMAL_F64_BYTES;
    *length = (size_t)(decimal_write_f64(text, value) - text);
    assert_true(*length <= DECIMAL_F64_BYTES);
    return text;
}

static void expect_text(const char *text, size_t length, const char *expected) {
    if (length != strlen(expected) || memcmp(text, expected, length) != 0) {
        fail_msg("'%.*s', not '%s'", (int)length, text, expected);
    }
}

static void test_write_tables(void **state) {
    (void)state;
    size_t length;
    for (size_t i = 0; i < sizeof write_f64_cases / sizeof write_f64_cases[0]; i++) {
        const char *text = write_f64(write_f64_cases[i].value, &length);
        expect_text(text, length, write_f64_cases[i].text);
        expect_read_f64(write_f64_cases[i].text, bits_of_f64(write_f64_cases[i].value));
    }
    for (size_t i = 0; i < sizeof write_f32_cases / sizeof write_f32_cases[0]; i++) {
        const char *text = write_f32(write_f32_cases[i].value, &length);
        expect_text(text, length, write_f32_cases[i].text);
        expect_read_f32(write_f32_cases[i].text, bits_of_f32(write_f32_cases[i].value));
    }
}

static void expect_i64(int64_t value) {
    char *text = fence.end - DECIMAL_I64_BYTES, expected[24];
    snprintf(expected, sizeof expected, "%" PRId64, value);
    char *end = decimal_write_i64(text, value);
    expect_text(text, (size_t)(end - text), expected);
}

static void test_write_i64(void **state) {
    (void)state;
    random_state = 3;
    expect_i64(0);
    expect_i64(INT64_MIN);
    expect_i64(INT64_MAX);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        for (int64_t i = -1; i <= 1; i++) {
            expect_i64(power * 10 + i);
            expect_i64(-(power * 10 + i));
        }
    }
    for (int i = 0; i < 100000; i++) {
        expect_i64((int64_t)random_u64() >> random_below(64));
    }
}

/* Every value comes back, by our reading and by the C library's. */
static void test_round_trip_f32(void **state) {
    (void)state;
    random_state = 4;
    for (int i = 0; i < 2500000; i++) {
        uint32_t bits = (uint32_t)random_u64();
        if ((bits >> 23 & 0xff) == 0xff) {
            continue;
        }
        size_t length;
        char text[DECIMAL_F32_BYTES + 1] = {0};
        memcpy(text, write_f32(f32_of_bits(bits), &length), DECIMAL_F32_BYTES);
        text[length] = '\0';
        if (read_f32(text, length) != bits || bits_of_f32(strtof(text, NULL)) != bits) {
            fail_msg("float32 %08" PRIx32 " is written as %s", bits, text);
        }
    }
}

static void test_round_trip_f64(void **state) {
    (void)state;
    random_state = 5;
    for (int i = 0; i < 1250000; i++) {
        uint64_t bits = random_u64();
        if ((bits >> 52 & 0x7ff) == 0x7ff) {
            continue;
        }
        size_t length;
        char text[DECIMAL_F64_BYTES + 1] = {0};
        memcpy(text, write_f64(f64_of_bits(bits), &length), DECIMAL_F64_BYTES);
        text[length] = '\0';
        if (read_f64(text, length) != bits || bits_of_f64(strtod(text, NULL)) != bits) {
            fail_msg("float64 %016" PRIx64 " is written as %s", bits, text);
        }
    }
}

/* ---- shortest and closest ---- */

struct candidate {
    unsigned long long digits;
    int exponent; /* of the last digit */
};

/* The nearest decimal of `count` digits, by the C library. */
static struct candidate nearest(double value, int count) {
    char text[64];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    char *e = strchr(text, 'e');
    struct candidate c = {.exponent = atoi(e + 1) - (count - 1)};
    for (const char *p = text; p < e; p++) {
        c.digits = *p == '.' ? c.digits : c.digits * 10 + (unsigned)(*p - '0');
    }
    return c;
}

static bool reads_back(struct candidate c, double value, bool is_f32) {
    char text[64];
    snprintf(text, sizeof text, "%llue%d", c.digits, c.exponent);
    return is_f32 ? (double)strtof(text, NULL) == value : strtod(text, NULL) == value;
}

/*
 * The closest of the shortest, by trial. For each count of digits the nearest decimal and the next one above
 * are all that can be in the interval when any of that count is: its upper half is never the smaller one, so
 * that a decimal below the nearest can only be in it when the nearest is.
 */
static struct candidate shortest_by_trial(double value, bool is_f32) {
    for (int count = 1; count <= 17; count++) {
        struct candidate c = nearest(value, count);
        if (reads_back(c, value, is_f32)) {
            return c;
        }
        c.digits++;
        if (reads_back(c, value, is_f32)) {
            return c;
        }
    }
    fail_msg("%a has no decimal of 17 digits", value);
    return (struct candidate){0, 0};
}

/* ECMAScript's Number::toString, steps 6 to 12 of its text, for value > 0. */
static void lay_out(struct candidate c, char *text) {
    char s[32];
    while (c.digits % 10 == 0) {
        c.digits /= 10;
        c.exponent++;
    }
    int k = sprintf(s, "%llu", c.digits), n = k + c.exponent;
    if (k <= n && n <= 21) {
        sprintf(text, "%s%.*s", s, n - k, "000000000000000000000");
    } else if (0 < n && n <= 21) {
        sprintf(text, "%.*s.%s", n, s, s + n);
    } else if (-6 < n && n <= 0) {
        sprintf(text, "0.%.*s%s", -n, "00000", s);
    } else {
        sprintf(text, "%c%s%se%d", s[0], k > 1 ? "." : "", s + 1, n - 1);
    }
}

static void expect_shortest_f32(uint32_t bits) {
    char expected[64];
    size_t length;
    lay_out(shortest_by_trial((double)f32_of_bits(bits), true), expected);
    const char *text = write_f32(f32_of_bits(bits), &length);
    expect_text(text, length, expected);
}

static void expect_shortest_f64(uint64_t bits) {
    char expected[64];
    size_t length;
    lay_out(shortest_by_trial(f64_of_bits(bits), false), expected);
    const char *text = write_f64(f64_of_bits(bits), &length);
    expect_text(text, length, expected);
}

/* Every power of two, where the interval is asymmetric, with its neighbours; subnormal ones too. */
static void test_shortest_around_powers_of_two(void **state) {
    (void)state;
    for (uint32_t field = 0; field < 255; field++) {
        for (uint32_t i = 1; i <= 5; i++) {
            expect_shortest_f32((field << 23) - 3 + i + (field == 0 ? 3 : 0));
        }
    }
    for (int i = 0; i < 23; i++) {
        expect_shortest_f32(UINT32_C(1) << i);
    }
    for (uint64_t field = 0; field < 2047; field++) {
        for (uint64_t i = 1; i <= 5; i++) {
            expect_shortest_f64((field << 52) - 3 + i + (field == 0 ? 3 : 0));
        }
    }
    for (int i = 0; i < 52; i++) {
        expect_shortest_f64(UINT64_C(1) << i);
    }
}

static void test_shortest_random(void **state) {
    (void)state;
    random_state = 6;
    for (int i = 0; i < 60000; i++) {
        expect_shortest_f32(1 + (uint32_t)random_u64() % 0x7f7fffff);
        expect_shortest_f32((113 + (uint32_t)random_below(80)) << 23 | (uint32_t)random_below(1 << 23));
        expect_shortest_f32(1 + (uint32_t)i); /* the smallest subnormals: few digits */
    }
    for (int i = 0; i < 60000; i++) {
        expect_shortest_f64(1 + random_u64() % 0x7fefffffffffffff);
        expect_shortest_f64((uint64_t)(1003 + random_below(100)) << 52 | random_u64() >> 12);
    }
}

/* Values that have few digits: all shorter layouts, and texts that must come out as they went in. */
static void test_shortest_of_short_decimals(void **state) {
    (void)state;
    random_state = 7;
    for (int i = 0; i < 60000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%de%d", 1 + random_below(1000000), random_below(60) - 35);
        expect_shortest_f32(bits_of_f32(strtof(text, NULL)));
        expect_shortest_f64(bits_of_f64(strtod(text, NULL)));
    }
}

/* Neither way depends on subnormals being kept by the processor. */
static void test_subnormals_while_flushed(void **state) {
    (void)state;
    float small = 0;
    double tiny = 0;
    char text_f32[DECIMAL_F32_BYTES], text_f64[DECIMAL_F64_BYTES];
    static const char in_f32[] = "1.2e-44", in_f64[] = "-2.5e-323";
    __typeof__(float_flush_begin()) saved = float_flush_begin();
    bool read = decimal_read_f32(in_f32, in_f32 + 7, &small) && decimal_read_f64(in_f64, in_f64 + 9, &tiny);
    char *end_f32 = decimal_write_f32(text_f32, small), *end_f64 = decimal_write_f64(text_f64, tiny);
    float_flush_end(saved);
    assert_true(read);
    assert_int_equal(bits_of_f32(small), 9);
    assert_true(bits_of_f64(tiny) == UINT64_C(0x8000000000000005));
    expect_text(text_f32, (size_t)(end_f32 - text_f32), "1.3e-44");
    expect_text(text_f64, (size_t)(end_f64 - text_f64), "-2.5e-323");
}

int main(void) {
    fence = fence_make(4096);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_tables),
        cmocka_unit_test(test_write_i64),
        cmocka_unit_test(test_round_trip_f32),
        cmocka_unit_test(test_round_trip_f64),
        cmocka_unit_test(test_shortest_around_powers_of_two),
        cmocka_unit_test(test_shortest_random),
        cmocka_unit_test(test_shortest_of_short_decimals),
        cmocka_unit_test(test_subnormals_while_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
