/*
 * The base64 kernels in portable C, a group at a time.
 */
#include "lib/kernels/base64_kernels.h"

static size_t encode(char *text, const uint8_t *data, size_t groups) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < groups; i++, data += 3, text += 4) {
        uint32_t group = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
        text[0] = alphabet[group >> 18];
        text[1] = alphabet[group >> 12 & 63];
        text[2] = alphabet[group >> 6 & 63];
        text[3] = alphabet[group & 63];
    }
    return groups;
}

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

/* 0 to 63; for other characters a number with bit 31 set, which survives every `|`. */
static inline uint32_t value_of(char c) {
    return (uint32_t)values_plus_1[(unsigned char)c] - 1;
}

static size_t decode(uint8_t *data, const char *text, size_t groups) {
    for (size_t i = 0; i < groups; i++, text += 4, data += 3) {
        uint32_t a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
        if ((a | b | c | d) >> 31 != 0)
            return i;
        data[0] = (uint8_t)(a << 2 | b >> 4);
        data[1] = (uint8_t)(b << 4 | c >> 2);
        data[2] = (uint8_t)(c << 6 | d);
    }
    return groups;
}

const struct base64_kernels base64_kernels_portable = {.encode = encode, .decode = decode};
