/*
 * Machine words wider than C's: for this folder's own files.
 */
#ifndef CONVD_LIB_NUMBERS_WORDS_H
#define CONVD_LIB_NUMBERS_WORDS_H

#include <stdint.h>

/* __extension__ keeps -Wpedantic quiet: gcc and clang have the type on every 64-bit machine. */
__extension__ typedef unsigned __int128 uint128;

static inline uint128 mul_64x64(uint64_t a, uint64_t b) {
    return (uint128)a * b;
}

/* Between a word as it lies in memory and one whose lowest byte is the first: eight characters at a time. */
static inline uint64_t first_byte_lowest(uint64_t word) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

#endif
