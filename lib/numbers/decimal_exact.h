/*
 * The last resort of reading: one exact comparison, for numbers that 128 bits cannot tell from a tie.
 */
#ifndef CONVD_LIB_NUMBERS_DECIMAL_EXACT_H
#define CONVD_LIB_NUMBERS_DECIMAL_EXACT_H

#include <stdint.h>

/*
 * The sign of  d.ddd… * 10^power - mantissa * 2^exponent, exactly.
 *
 * [digits, stop) are decimal digits, the first of them not 0, as many as there are; a '.' among them is
 * skipped. For -342 <= power <= 308, mantissa < 2^54 and -1075 <= exponent <= 970 whose two sides are of one
 * magnitude: what reading to float64 asks.
 */
int decimal_compare(const char *digits, const char *stop, int power, uint64_t mantissa, int exponent);

#endif
