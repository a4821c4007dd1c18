/*
 * Decimal text <-> float32 and float64, exactly.
 *
 * Reading rounds once, from the decimal to the nearest value of the dtype, ties to even, however many digits
 * there are. Writing gives the fewest digits that read back to the same value. The grammar is the caller's:
 * these functions take one well-formed JSON number, they do not look for one. Subnormals are kept.
 */
#ifndef CONVD_LIB_NUMBERS_DECIMAL_H
#define CONVD_LIB_NUMBERS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the JSON number in [text, end): -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?, already known to be
 * one. Nothing at or behind `end` is read. False when the nearest value would be an infinity: *value is then
 * unset. A number too small becomes a subnormal or a zero of its sign.
 */
bool decimal_read_f32(const char *text, const char *end, float *value);
bool decimal_read_f64(const char *text, const char *end, double *value);

/*
 * digits * 10^exponent, rounded once, for a decimal that is known already; digits < 2^64 exactly. False when
 * that cannot be decided without looking at the text again (a tie or nearly so), or is beyond the range.
 */
bool decimal_scale_f64(uint64_t digits, int exponent, double *value);

/*
 * What `text` must have room for when a number is written: none is longer, and the bytes between the returned
 * end and this size may be overwritten. The longest float64 is "-0.0000012345678901234567" (25 characters),
 * the longest float32 "-340282350000000000000" (22; zeros up to 21 digits before the point).
 */
enum { DECIMAL_F32_BYTES = 32, DECIMAL_F64_BYTES = 32, DECIMAL_I64_BYTES = 20 };

/*
 * Writes a finite `value` with the fewest significant digits that read back to it, the closest to it among
 * those, and returns the end; no NUL. Layout as ECMAScript's Number::toString without the "+" of an exponent:
 * 8  0.1  -0  1e-7  0.000001  16777216  123456789012345680000  1e21  1.5e-10
 */
char *decimal_write_f32(char *text, float value);
char *decimal_write_f64(char *text, double value);
char *decimal_write_i64(char *text, int64_t value);

#endif
