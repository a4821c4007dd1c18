/*
 * Target: base64. The input is a text, and a first byte that says for how many bytes it shall be: as many as its length
 * stands for, or a few more or less. Decoding is held against a reference that takes one bit after the other, and so is
 * encoding the text's own bytes; both on every level and flush against an unmapped page.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/numbers/base64.h"

#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct fence text_fence, data_fence;

static int value_of(char c) {
    const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

static unsigned bit_of(const uint8_t *data, size_t bytes, size_t bit) {
    return bit / 8 < bytes ? data[bit / 8] >> (7 - bit % 8) & 1u : 0;
}

static char naive_character(const uint8_t *data, size_t bytes, size_t i) {
    unsigned value = 0;
    if (i * 6 >= bytes * 8)
        return '=';
    for (size_t bit = i * 6; bit < i * 6 + 6; bit++)
        value = value * 2 + bit_of(data, bytes, bit);
    return alphabet[value];
}

/* Whether character `i` can stand in an encoding of `bytes` bytes. */
static bool naive_fits(size_t bytes, const char *text, size_t i) {
    size_t characters = (bytes * 8 + 5) / 6;
    if (i >= characters)
        return i < (bytes + 2) / 3 * 4 && text[i] == '=';
    unsigned stray = i + 1 < characters || bytes % 3 == 0 ? 0 : bytes % 3 == 1 ? 15 : 3;
    return value_of(text[i]) >= 0 && ((unsigned)value_of(text[i]) & stray) == 0;
}

/* A place for `bytes` bytes, filled, against the page at one end. */
static void *place(const struct fence *fence, size_t bytes, bool at_end) {
    return memset(at_end ? fence->end - bytes : fence->begin, 0x5a, bytes);
}

static void check_decoding(const char *level, size_t bytes, const char *text, size_t length, bool at_end) {
    size_t good = 0, bad = SIZE_MAX, whole = (bytes + 2) / 3 * 4;
    while (good < length && naive_fits(bytes, text, good))
        good++;
    uint8_t *data = place(&data_fence, bytes, at_end);
    bool decoded = base64_decode(data, bytes, text, length, &bad);
    FUZZ_CHECK(bad == good, "%s: %zu bytes from %zu characters: bad at %zu, not %zu", level, bytes, length,
               bad, good);
    FUZZ_CHECK(decoded == (good == length && length == whole), "%s: %zu bytes from %zu characters %s", level,
               bytes, length, decoded ? "are taken" : "are refused");
    for (size_t i = 0; decoded && i < length; i++)
        FUZZ_CHECK(naive_character(data, bytes, i) == text[i], "%s: character %zu is lost", level, i);
}

static void check_encoding(const char *level, const uint8_t *data, size_t bytes, bool at_end) {
    size_t length = base64_text_bytes(bytes);
    uint8_t *source = place(&data_fence, bytes, at_end);
    char *text = place(&text_fence, length, at_end);
    FUZZ_CHECK(length == (bytes + 2) / 3 * 4, "%zu bytes become %zu characters", bytes, length);
    if (bytes > 0)
        memcpy(source, data, bytes);
    FUZZ_CHECK(base64_encode(text, source, bytes) == text + length, "%s: the end is elsewhere", level);
    for (size_t i = 0; i < length; i++)
        FUZZ_CHECK(text[i] == naive_character(data, bytes, i), "%s: character %zu is wrong", level, i);
}

static void check(const uint8_t *data, size_t bytes) {
    if (bytes == 0)
        return;
    size_t length = bytes - 1, padding = 0, whole = length / 4 * 3;
    while (padding < 2 && padding < length && data[bytes - 1 - padding] == '=')
        padding++;
    size_t expected = (whole > padding ? whole - padding : 0) + data[0] % 8;
    expected = expected > 3 ? expected - 3 : expected;
    for (int level = 0; fuzz_levels()[level] != NULL; level++) {
        const char *name = fuzz_levels()[level];
        bool at_end = (fuzz_hash(data, bytes) >> 8 ^ (uint64_t)level) & 1;
        fuzz_use_level(name);
        char *text = place(&text_fence, length, at_end);
        if (length > 0)
            memcpy(text, data + 1, length);
        check_decoding(name, expected, text, length, at_end);
        check_encoding(name, data + 1, length, at_end);
    }
}

/* The encoding of random bytes, now and then with a stranger in it. */
static void draw(struct fuzz_random *random, struct fuzz_text *out) {
    size_t characters = 1 + fuzz_below(random, fuzz_one_in(random, 50) ? 4000 : 300);
    char same = alphabet[fuzz_below(random, 64)];
    bool uniform = fuzz_one_in(random, 8);
    fuzz_put(out, &"\x03\x03\x03\x03\x02\x04\x00"[fuzz_below(random, 7)], 1); /* mostly as many as fit */
    for (size_t i = 0; i < characters; i++)
        fuzz_put(out, uniform ? &same : &alphabet[fuzz_below(random, 64)], 1);
    if (characters % 4 >= 2) {
        out->data[out->bytes - 1] = "AQgw"[fuzz_below(random, 4)];
        fuzz_put(out, "==", 4 - characters % 4);
    }
    if (fuzz_one_in(random, 3))
        out->data[1 + fuzz_below(random, characters)] = (char)fuzz_u64(random);
}

static void start(void) {
    text_fence = fence_make((FUZZ_MAX_BYTES + 2) / 3 * 4);
    data_fence = fence_make(FUZZ_MAX_BYTES);
}

static const char *const tokens[] = {"A", "Z",  "a", "z", "0",  "9",    "+",    "/",
                                     "=", "==", "-", "_", "\n", " ",    "@",    "[",
                                     "`", "{",  ":", ".", ",",  "\x80", "\xff", "AAAAAAAAAAAAAAAA",
                                     NULL};

const struct fuzz_target fuzz_target = {
    .name = "base64",
    .runs = 60000,
    .tokens = tokens,
    .start = start,
    .draw = draw,
    .check = check,
};
