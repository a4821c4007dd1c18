#include "lib/numbers/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of each character plus 1, so that 0 is every character that is none. */
static const uint8_t values_plus_1[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* 0 … 63; for other characters a number with bit 31 set, which survives every `|`. */
static inline uint32_t value_of(char c) {
    return (uint32_t)values_plus_1[(unsigned char)c] - 1;
}

static const uint32_t stranger = UINT32_C(1) << 31;

size_t base64_text_bytes(size_t bytes) {
    return (bytes / 3 + (bytes % 3 != 0)) * 4;
}

static void put_group(char *text, uint32_t group) {
    text[0] = alphabet[group >> 18];
    text[1] = alphabet[group >> 12 & 63];
    text[2] = alphabet[group >> 6 & 63];
    text[3] = alphabet[group & 63];
}

char *base64_encode(char *text, const void *data, size_t bytes) {
    const uint8_t *in = data;
    for (; bytes >= 3; bytes -= 3, in += 3, text += 4) {
        put_group(text, (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2]);
    }
    if (bytes == 0) {
        return text;
    }
    put_group(text, (uint32_t)in[0] << 16 | (bytes == 2 ? (uint32_t)in[1] << 8 : 0));
    text[3] = '=';
    if (bytes == 1) {
        text[2] = '=';
    }
    return text + 4;
}

/* Three bytes from four characters; false, and nothing written, when one of them is no character of the
 * alphabet. */
static inline bool get_group(uint8_t *out, const char *text) {
    uint32_t a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
    if (((a | b | c | d) & stranger) != 0) {
        return false;
    }
    out[0] = (uint8_t)(a << 2 | b >> 4);
    out[1] = (uint8_t)(b << 4 | c >> 2);
    out[2] = (uint8_t)(c << 6 | d);
    return true;
}

/* How many characters from `text` on are of the alphabet, up to `length`. */
static size_t count_good(const char *text, size_t length) {
    size_t good = 0;
    while (good < length && (value_of(text[good]) & stranger) == 0) {
        good++;
    }
    return good;
}

/*
 * The last one or two bytes: `bytes` + 1 characters, the last without bits behind the last byte, and padding
 * up to four. Returns how many of the `length` characters fit; 4 is success.
 */
static size_t get_tail(uint8_t *out, size_t bytes, const char *text, size_t length) {
    const uint32_t stray_bits = bytes == 1 ? 15 : 3;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i == length) {
            return i;
        }
        uint32_t value = i > bytes && text[i] == '=' ? 0 : value_of(text[i]);
        if ((i > bytes && text[i] != '=') || (value & stranger) != 0 ||
            (i == bytes && (value & stray_bits) != 0)) {
            return i;
        }
        group = group << 6 | value;
    }
    out[0] = (uint8_t)(group >> 16);
    if (bytes == 2) {
        out[1] = (uint8_t)(group >> 8);
    }
    return 4;
}

bool base64_decode(void *data, size_t bytes, const char *text, size_t length, size_t *bad) {
    uint8_t *out = data;
    size_t at = 0;
    for (; bytes >= 3; bytes -= 3, out += 3, at += 4) {
        if (length - at < 4 || !get_group(out, text + at)) {
            *bad = at + count_good(text + at, length - at);
            return false;
        }
    }
    if (bytes > 0) {
        size_t good = get_tail(out, bytes, text + at, length - at);
        if (good < 4) {
            *bad = at + good;
            return false;
        }
        at += 4;
    }
    *bad = at;
    return at == length;
}
