/*
 * What an operator writes for a size, a time or a count, as a number. Each returns false for text that is not
 * wholly such a value, or one that does not fit; zero and up only.
 */
#ifndef CONVD_SERVER_VALUES_H
#define CONVD_SERVER_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* The largest value: beyond it doubles, in which values are read, skip whole numbers. */
#define VALUE_MOST ((1LL << 53) - 1)

/* "268435456", "256M", "256MiB", "0.5G": K, M, G and T are powers of 1024, with or without "iB". */
bool value_bytes(const char *text, int64_t *bytes);

/* "30s", "500ms", "2m", "1.5h"; a bare number is seconds. */
bool value_duration_ms(const char *text, int64_t *ms);

/* "1024", "2e11". */
bool value_count(const char *text, int64_t *count);

/* What value_bytes reads back to the same number: "256M", "1000". `text` has room for VALUE_TEXT_BYTES. */
enum { VALUE_TEXT_BYTES = 32 };
const char *value_bytes_text(int64_t bytes, char *text);

#endif
