/*
 * Tables of lib/kernels/write.inc.h, made by write_tables.py.
 */
#ifndef CONVD_LIB_KERNELS_WRITE_TABLES_H
#define CONVD_LIB_KERNELS_WRITE_TABLES_H

#include <stdint.h>

/*
 * By the exponent field of a float32, of which q is the exponent of the last bit: 2^q * 10^-k * 2^60,
 * rounded up, for the largest k with 10^k <= 2^q; and, 256 further, for the power of two of that field: a
 * scale that gives its digits.
 */
extern const uint64_t write_scale_f32[512];

/*
 * Masks of pshufb that make a number's text, its comma in front, from its digits and the characters around
 * them. In this order, each without and with a sign: 27 without an exponent, by the count of digits before
 * the point, -5 to 21; then, for each form of the exponent (-O, -TO, TO; for float64 -O, -TO, -HTO, TO,
 * HTO), by the count of digits from 1. float64 takes its text from two sources: what comes from the other
 * is 0 in both masks.
 */
enum {
    WRITE_LAYOUTS_PLAIN = 27,
    WRITE_LAYOUTS_F32 = 2 * (27 + 3 * 9),
    WRITE_LAYOUTS_F64 = 2 * (27 + 5 * 17)
};
extern const char write_layout_f32[WRITE_LAYOUTS_F32][32];
extern const char write_layout_f64[WRITE_LAYOUTS_F64][2][32];

#endif
