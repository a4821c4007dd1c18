/*
 * Shortest digits by Schubfach (Giulietti, "The Schubfach way to render doubles", 2020): among the multiples
 * of 10^k within the interval that rounds to the value, with k the largest such that there must be one, and
 * of 10^(k + 1), of which there may be one. For those who lay numbers out.
 */
#ifndef CONVD_LIB_NUMBERS_SHORTEST_H
#define CONVD_LIB_NUMBERS_SHORTEST_H

#include "lib/numbers/pow10_table.h"
#include "lib/numbers/words.h"

#include <stdbool.h>

static const uint64_t powers_of_ten[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

/* For value > 0: log10(2) = 1233.01… / 2^12, so the guess is the count or one less. */
static inline int digit_count(uint64_t value) {
    int bits = 64 - __builtin_clzll(value);
    int guess = bits * 1233 >> 12;
    return guess + (value >= powers_of_ten[guess]);
}

/* digits * 10^exponent; the digits may end with zeros */
struct shortest {
    uint64_t digits;
    int exponent;
};

/* floor(log10(2^q)) for |q| <= 1100: log10(2) = 1262611.2… / 2^22 */
static inline int floor_log10_pow2(int q) {
    return (q * 1262611) >> 22;
}

/* floor(log10(3/4 * 2^q)) for |q| <= 1100: log10(4/3) = 524030.7… / 2^22 */
static inline int floor_log10_three_quarters_pow2(int q) {
    return (q * 1262611 - 524031) >> 22;
}

/*
 * A value c * 2^q, and the interval that rounds to it: from lower to upper quarters of 2^q. A power of two
 * has its lower neighbour at half the distance, and the smallest normal value has not: it is as far as in the
 * subnormals.
 */
struct interval {
    uint64_t lower, middle, upper;
    int k;     /* the digits are multiples of 10^k */
    int shift; /* 2^q * 10^-k = entry(-k) * 2^(shift - 128), or * 2^(shift - 64) with its upper half alone */
    bool open; /* the ends round to the neighbours: c is odd */
};

static inline struct interval interval_of(uint64_t c, int q, bool lower_is_nearer) {
    int k = lower_is_nearer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
    return (struct interval){
        .lower = 4 * c - 2 + lower_is_nearer,
        .middle = 4 * c,
        .upper = 4 * c + 2,
        .k = k,
        .shift = q + pow10_floor_log2(-k) + 1,
        .open = c % 2 == 1,
    };
}

/*
 * The interval in quarters of 10^k, each number "rounded to odd": its floor, with the last bit set when
 * anything was cut off, which keeps all comparisons with even numbers right. The power of ten is entry + 1:
 * too much, so that the floor of an integer is itself, and by so little that the fraction's upper half is
 * still 0. That the error does no harm elsewhere is proved by pow10_table.py --prove.
 */
static inline uint64_t scale_f64(const struct pow10 *power, uint64_t quarters) {
    uint128 g = ((uint128)power->high << 64 | power->low) + 1;
    uint128 low = mul_64x64((uint64_t)g, quarters);
    uint128 high = mul_64x64((uint64_t)(g >> 64), quarters) + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high != 0);
}

static inline uint64_t scale_f32(const struct pow10 *power, uint64_t quarters) {
    uint128 product = mul_64x64(power->high + 1, quarters);
    return (uint64_t)(product >> 64) | ((uint64_t)product >> 32 != 0);
}

/*
 * The multiple of 10^(k + 1) in the interval when there is one, else the closest of 10^k, the even one of
 * two. Which of these it is no branch predictor knows: all are computed and then selected. (One digit is not
 * shortened by ten: but of the values below 10 * 10^k only 7 * 2^-149 and 2 * 2^-1074 have ten in their
 * interval, and no digit is closer.)
 */
static inline struct shortest choose(uint64_t lower, uint64_t middle, uint64_t upper, bool open, int k) {
    lower += open;
    upper -= open;
    uint64_t s = middle / 4, tens = s / 10, tie = 4 * s + 2;
    bool tens_under = lower <= 40 * tens, tens_over = 40 * tens + 40 <= upper;
    bool under = lower <= 4 * s, over = 4 * s + 4 <= upper;
    bool nearer_over = (middle > tie) | ((middle == tie) & (s % 2 == 1));
    bool up = ((under != over) & over) | ((under == over) & nearer_over);
    bool shorter = tens_under != tens_over;
    return (struct shortest){shorter ? tens + tens_over : s + up, k + shorter};
}

/* Whether c * 2^q is an integer that c's own bits hold: its digits are its shortest ones. */
static inline bool is_small_integer(uint64_t c, int q, int mantissa_bits) {
    return q <= 0 && q > -mantissa_bits && (c & ((UINT64_C(1) << -q) - 1)) == 0;
}

/* The digits of c * 2^q > 0; `lower_is_nearer` says that the next smaller value is at half the distance. */
static inline struct shortest shortest_f32(uint64_t c, int q, bool lower_is_nearer) {
    struct interval in = interval_of(c, q, lower_is_nearer);
    const struct pow10 *power = pow10_entry(-in.k);
    return choose(scale_f32(power, in.lower << in.shift), scale_f32(power, in.middle << in.shift),
                  scale_f32(power, in.upper << in.shift), in.open, in.k);
}

static inline struct shortest shortest_f64(uint64_t c, int q, bool lower_is_nearer) {
    struct interval in = interval_of(c, q, lower_is_nearer);
    const struct pow10 *power = pow10_entry(-in.k);
    return choose(scale_f64(power, in.lower << in.shift), scale_f64(power, in.middle << in.shift),
                  scale_f64(power, in.upper << in.shift), in.open, in.k);
}

#endif
