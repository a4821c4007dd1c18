/*
 * Numbers as text where printf would be the dearest thing about them: the log and Server-Timing write some eight
 * of them for each request. Each function writes at `to`, without a NUL, and returns how many bytes it wrote.
 */
#ifndef CONVD_SERVER_DIGITS_H
#define CONVD_SERVER_DIGITS_H

#include <stddef.h>
#include <stdint.h>

enum { DIGITS_INT_BYTES = 20, DIGITS_MS_BYTES = 24 };

/* At most DIGITS_INT_BYTES. */
size_t digits_int(char *to, int64_t value);

/* `value` from 0 with at least `width` digits, zeros in front; at most DIGITS_INT_BYTES. */
size_t digits_padded(char *to, uint64_t value, int width);

/* Milliseconds with three decimals, "12.345", rounded; at most DIGITS_MS_BYTES. Not-a-number and what is below 0
 * become 0, what no clock counts to 2^53 µs. */
size_t digits_ms(char *to, double ms);

#endif
