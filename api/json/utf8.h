/*
 * UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef CONVD_API_JSON_UTF8_H
#define CONVD_API_JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the well-formed sequence at `text` (1 to 4), or 0 when there is none before `end`. */
size_t utf8_sequence_bytes(const char *text, const char *end);

/* Writes code point `c` (not a surrogate, at most 0x10FFFF) and returns its length, 1 to 4. */
size_t utf8_encode(char out[4], uint32_t c);

/* How many bytes of [text, end), whole sequences only, fit into `most`: for "%.*s". */
int utf8_cut(const char *text, const char *end, int most);

#endif
