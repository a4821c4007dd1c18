/*
 * Powers of ten to 128 bits, shared by reading and writing.
 *
 *   entry(q) = floor(10^q * 2^(127 - floor(log2(10^q)))),   so 2^127 <= entry(q) < 2^128
 *
 * Exact for 0 <= q <= 55, else below the true value by less than one unit of the last bit. Reading needs
 * -342 … 308 and writing -292 … 324. The data file is generated: python3 lib/numbers/pow10_table.py
 */
#ifndef CONVD_LIB_NUMBERS_POW10_TABLE_H
#define CONVD_LIB_NUMBERS_POW10_TABLE_H

#include <stdint.h>

enum { POW10_MIN = -342, POW10_MAX = 324 };

/* high * 2^64 + low */
struct pow10 {
    uint64_t high, low;
};

/* entry(q) is pow10_table[q - POW10_MIN]. */
extern const struct pow10 pow10_table[POW10_MAX - POW10_MIN + 1];

static inline const struct pow10 *pow10_entry(int q) {
    return &pow10_table[q - POW10_MIN];
}

/* floor(log2(10^q)) for every q of the table: log2(10) = 217705.97… / 2^16. */
static inline int pow10_floor_log2(int q) {
    return (q * 217706) >> 16;
}

#endif
