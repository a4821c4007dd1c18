/*
 * base64 of RFC 4648: the standard alphabet with padding.
 */
#ifndef CONVD_LIB_NUMBERS_BASE64_H
#define CONVD_LIB_NUMBERS_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* How many characters `bytes` bytes become; bytes must be below SIZE_MAX / 2. */
size_t base64_text_bytes(size_t bytes);

/* Writes base64_text_bytes(bytes) characters, no NUL, and returns the end. */
char *base64_encode(char *text, const void *data, size_t bytes);

/*
 * Decodes `length` characters into `data`, which holds exactly `bytes` bytes. Everything else than the one
 * encoding of `bytes` bytes is refused: other characters, missing or surplus padding, stray bits behind the
 * last byte. False then, and *bad is the offset of the first character that does not fit (`length` when the
 * text is too short). `data` is unspecified after a refusal. Nothing at or behind text[length] is read.
 */
bool base64_decode(void *data, size_t bytes, const char *text, size_t length, size_t *bad);

#endif
