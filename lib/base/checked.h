/*
 * Checked arithmetic. Sizes that a user names are multiplied and added with these and nothing else: each
 * returns false, leaving `*out` unspecified, when the exact result does not fit.
 */
#ifndef CONVD_LIB_BASE_CHECKED_H
#define CONVD_LIB_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool checked_mul(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool checked_add(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

static inline bool checked_sub(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_sub_overflow(a, b, out);
}

/* a * b for a, b >= 0, or INT64_MAX where that does not fit: for comparing with thresholds. */
static inline int64_t saturating_mul(int64_t a, int64_t b) {
    int64_t product;
    return checked_mul(a, b, &product) ? product : INT64_MAX;
}

static inline int64_t saturating_add(int64_t a, int64_t b) {
    int64_t sum;
    return checked_add(a, b, &sum) ? sum : INT64_MAX;
}

/* a * b as a byte count; false for negative factors too. */
static inline bool checked_bytes(int64_t a, size_t b, size_t *out) {
    return a >= 0 && !__builtin_mul_overflow((uint64_t)a, b, out);
}

static inline int64_t min_i64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ceil(a / b) for a >= 0, b > 0. */
static inline int64_t div_ceil_i64(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

#endif
