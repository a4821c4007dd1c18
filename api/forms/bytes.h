/*
 * Little-endian numbers in files, at any alignment.
 */
#ifndef CONVD_API_FORMS_BYTES_H
#define CONVD_API_FORMS_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* The number in `bytes` (2, 4 or 8) bytes. */
static inline uint64_t bytes_get(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static inline uint16_t bytes_get16(const unsigned char *at) {
    return (uint16_t)bytes_get(at, 2);
}

static inline uint32_t bytes_get32(const unsigned char *at) {
    return (uint32_t)bytes_get(at, 4);
}

static inline uint64_t bytes_get64(const unsigned char *at) {
    return bytes_get(at, 8);
}

/* Writes the lowest `bytes` bytes of `value` and returns where the next go. */
static inline unsigned char *bytes_put(unsigned char *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
    return at + bytes;
}

#endif
