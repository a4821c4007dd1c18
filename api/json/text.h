/*
 * Text that grows in an arena: what every JSON answer but its tensors is written with.
 *
 * Once an allocation fails the text stays `failed` and swallows what follows, so that a writer checks once,
 * at the end.
 */
#ifndef CONVD_API_JSON_TEXT_H
#define CONVD_API_JSON_TEXT_H

#include "lib/base/arena.h"
#include "lib/base/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    struct arena *arena; /* borrowed */
    char *data;
    size_t length, capacity;
    bool failed;
};

/* An empty text in `arena` with room for `expected_bytes`. */
struct text text_open(struct arena *arena, size_t expected_bytes);

/* Room for `bytes` more; where they go, or NULL. The writer adds to `length` what it really wrote. */
char *text_reserve(struct text *text, size_t bytes);

void text_add(struct text *text, const char *bytes, size_t count);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void text_json_string(struct text *text, const char *string);

/* A step of a JSON Pointer (RFC 6901): /token, with ~ and / escaped. */
void text_pointer_step(struct text *text, const char *token);

void text_json_int(struct text *text, int64_t value);

/* [1,3,32,32] */
void text_json_shape(struct text *text, const struct shape *shape);

#endif
