#include "api/json/utf8.h"

/* Table 3-7 of the Unicode Standard: the second byte's range depends on the first; the others are 80..BF. */
size_t utf8_sequence_bytes(const char *text, const char *end) {
    if (text >= end)
        return 0;
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80)
        return 1;
    size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (length == 0 || (size_t)(end - text) < length)
        return 0;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (size_t i = 1; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < low || c > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

size_t utf8_encode(char out[4], uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (c & 0x3Fu));
        c >>= 6;
    }
    static const unsigned char mark[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(mark[length] | c);
    return length;
}

int utf8_cut(const char *text, const char *end, int most) {
    int length = 0;
    while (text < end) {
        size_t next = utf8_sequence_bytes(text, end);
        next = next > 0 ? next : 1;
        if (length + (int)next > most)
            break;
        length += (int)next;
        text += next;
    }
    return length;
}
