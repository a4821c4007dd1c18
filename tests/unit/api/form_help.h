/*
 * What the tests of api/forms share: a form to read into, and bytes put together piece by piece.
 */
#ifndef CONVD_TESTS_UNIT_API_FORM_HELP_H
#define CONVD_TESTS_UNIT_API_FORM_HELP_H

#include "api/forms/form.h"
#include "tests/unit/fence.h"

#include <stdlib.h>
#include <string.h>

static const char *const form_names[] = {"input", "weight", "bias", NULL};

static inline struct form form_with(struct arena *arena) {
    return (struct form){
        .arena = arena, .names = form_names, .max_unpacked_bytes = 1 << 26, .max_header_bytes = 1 << 16};
}

/* Bytes that grow; `at` holds them. */
struct bytes {
    unsigned char at[1 << 16];
    size_t count;
};

static inline void add_bytes(struct bytes *bytes, const void *data, size_t count) {
    assert(count <= sizeof bytes->at - bytes->count);
    memcpy(bytes->at + bytes->count, data, count);
    bytes->count += count;
}

/* A little-endian number of `width` bytes, however many. */
static inline void add_number(struct bytes *bytes, uint64_t value, int width) {
    for (int i = 0; i < width; i++)
        add_bytes(bytes, &(unsigned char){(unsigned char)(i < 8 ? value >> (8 * i) : 0)}, 1);
}

/* The bytes where an unmapped page follows the last of them. */
static inline const unsigned char *fenced(const void *data, size_t count) {
    static struct fence fence;
    if (fence.begin == NULL)
        fence = fence_make(1 << 17);
    return (const unsigned char *)fence_copy_to_end(&fence, data, count);
}

/* An npy file of version `major`.0 whose header is `text` as it stands, with `count` bytes of data. */
static inline void add_npy(struct bytes *bytes, int major, const char *text, const void *data, size_t count) {
    add_bytes(bytes, "\x93NUMPY", 6);
    add_number(bytes, (uint64_t)major, 2);
    add_number(bytes, strlen(text), major == 1 ? 2 : 4);
    add_bytes(bytes, text, strlen(text));
    add_bytes(bytes, data, count);
}

#endif
