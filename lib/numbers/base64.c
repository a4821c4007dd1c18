/*
 * Whole groups of three bytes and four characters are the kernels'; here are the last one or two bytes, and the place
 * of what does not fit.
 */
#include "lib/numbers/base64.h"

#include "lib/kernels/kernels.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_text_bytes(size_t bytes) {
    return (bytes / 3 + (bytes % 3 != 0)) * 4;
}

static char *put_tail(char *text, const uint8_t *in, size_t bytes) {
    uint32_t second = bytes == 2 ? in[1] : 0;
    text[0] = alphabet[in[0] >> 2];
    text[1] = alphabet[(in[0] & 3u) << 4 | second >> 4];
    text[2] = '=';
    if (bytes == 2)
        text[2] = alphabet[(second & 15) << 2];
    text[3] = '=';
    return text + 4;
}

char *base64_encode(char *text, const void *data, size_t bytes) {
    const uint8_t *in = data;
    size_t groups = bytes / 3;
    size_t done = kernels_get()->base64->encode(text, in, groups);
    base64_kernels_portable.encode(text + done * 4, in + done * 3, groups - done);
    text += groups * 4;
    return bytes % 3 == 0 ? text : put_tail(text, in + groups * 3, bytes % 3);
}

/* 0 to 63, or -1. */
static int value_of(char c) {
    const char *found = memchr(alphabet, c, sizeof alphabet - 1);
    return found != NULL ? (int)(found - alphabet) : -1;
}

/* How many characters from `text` on are of the alphabet, up to `length`. */
static size_t count_good(const char *text, size_t length) {
    size_t good = 0;
    while (good < length && value_of(text[good]) >= 0)
        good++;
    return good;
}

/*
 * The last one or two bytes: `bytes` + 1 characters, the last without bits behind the last byte, and padding
 * up to four. Returns how many of the `length` characters fit; 4 is success.
 */
static size_t get_tail(uint8_t *out, size_t bytes, const char *text, size_t length) {
    const int stray_bits = bytes == 1 ? 15 : 3;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i == length || (i > bytes && text[i] != '='))
            return i;
        int value = i > bytes ? 0 : value_of(text[i]);
        if (value < 0 || (i == bytes && (value & stray_bits) != 0))
            return i;
        group = group << 6 | (uint32_t)value;
    }
    out[0] = (uint8_t)(group >> 16);
    if (bytes == 2)
        out[1] = (uint8_t)(group >> 8);
    return 4;
}

/* The whole groups of `length` characters, up to `groups`; how many there were up to the first stranger. */
static size_t get_groups(uint8_t *out, size_t groups, const char *text, size_t length) {
    if (length / 4 < groups)
        groups = length / 4;
    size_t done = kernels_get()->base64->decode(out, text, groups);
    return done + base64_kernels_portable.decode(out + done * 3, text + done * 4, groups - done);
}

bool base64_decode(void *data, size_t bytes, const char *text, size_t length, size_t *bad) {
    uint8_t *out = data;
    size_t done = get_groups(out, bytes / 3, text, length), at = done * 4;
    if (done < bytes / 3) {
        *bad = at + count_good(text + at, length - at);
        return false;
    }
    if (bytes % 3 > 0) {
        size_t good = get_tail(out + done * 3, bytes % 3, text + at, length - at);
        if (good < 4) {
            *bad = at + good;
            return false;
        }
        at += 4;
    }
    *bad = at;
    return at == length;
}
