/*
 * What the tests of reading and of writing share: bits, reproducible random numbers, and reading from texts
 * that lie against an unmapped page.
 */
#ifndef CONVD_TESTS_UNIT_LIB_DECIMAL_HELP_H
#define CONVD_TESTS_UNIT_LIB_DECIMAL_HELP_H

#include "lib/numbers/decimal.h"

#include "tests/unit/fence.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fence fence;

static uint64_t random_state;

/* splitmix64: deterministic, and every bit is random. */
static inline uint64_t random_u64(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline int random_below(int limit) {
    return (int)(random_u64() % (uint64_t)limit);
}

static inline uint32_t bits_of_f32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint64_t bits_of_f64(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float f32_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double f64_of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What reading gives, with refusals as infinities; the text is placed at the end of a page, then at its
 * beginning. */
static inline uint32_t read_f32(const char *text, size_t length) {
    float at_end, at_begin;
    char *p = fence_copy_to_end(&fence, text, length);
    bool read = decimal_read_f32(p, p + length, &at_end);
    p = fence_copy_to_begin(&fence, text, length);
    assert_int_equal(decimal_read_f32(p, p + length, &at_begin), read);
    if (!read) {
        return bits_of_f32(*text == '-' ? -INFINITY : INFINITY);
    }
    assert_true(isfinite(at_end));
    assert_int_equal(bits_of_f32(at_end), bits_of_f32(at_begin));
    return bits_of_f32(at_end);
}

static inline uint64_t read_f64(const char *text, size_t length) {
    double at_end, at_begin;
    char *p = fence_copy_to_end(&fence, text, length);
    bool read = decimal_read_f64(p, p + length, &at_end);
    p = fence_copy_to_begin(&fence, text, length);
    assert_int_equal(decimal_read_f64(p, p + length, &at_begin), read);
    if (!read) {
        return bits_of_f64(*text == '-' ? -INFINITY : INFINITY);
    }
    assert_true(isfinite(at_end));
    assert_true(bits_of_f64(at_end) == bits_of_f64(at_begin));
    return bits_of_f64(at_end);
}

static inline void expect_read_f32(const char *text, uint32_t expected) {
    uint32_t got = read_f32(text, strlen(text));
    if (got != expected) {
        fail_msg("float32 of %.900s (%zu characters) is %08" PRIx32 ", not %08" PRIx32, text, strlen(text),
                 got, expected);
    }
}

static inline void expect_read_f64(const char *text, uint64_t expected) {
    uint64_t got = read_f64(text, strlen(text));
    if (got != expected) {
        fail_msg("float64 of %.900s (%zu characters) is %016" PRIx64 ", not %016" PRIx64, text, strlen(text),
                 got, expected);
    }
}

#endif
