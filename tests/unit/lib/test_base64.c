/*
 * base64: the vectors of RFC 4648, every length and every byte, and every kind of refusal with its place. All
 * texts end at an unmapped page.
 */
#include "lib/numbers/base64.h"

#include "tests/unit/fence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fence text_fence, data_fence;

/* Decodes `text` from the edge of a page into the edge of a page. */
static bool decode(size_t bytes, const char *text, size_t length, size_t *bad) {
    const char *at_edge = fence_copy_to_end(&text_fence, text, length);
    return base64_decode(data_fence.end - bytes, bytes, at_edge, length, bad);
}

struct vector {
    const char *data, *text;
};

/* RFC 4648, section 10 */
static const struct vector vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
    {"\xff\xff\xff\xff", "/////w=="},
};

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        size_t bytes = strlen(v->data), length = strlen(v->text), bad;
        char text[32] = {0};
        assert_int_equal(base64_text_bytes(bytes), length);
        assert_ptr_equal(base64_encode(text, v->data, bytes), text + length);
        assert_string_equal(text, v->text);
        assert_true(decode(bytes, v->text, length, &bad));
        assert_memory_equal(data_fence.end - bytes, v->data, bytes);
    }
}

static void test_every_length_comes_back(void **state) {
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 167 + i / 7);
    }
    for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
        size_t length = base64_text_bytes(bytes), bad;
        char *text = text_fence.end - length;
        const char *source = fence_copy_to_end(&data_fence, data, bytes);
        assert_ptr_equal(base64_encode(text, source, bytes), text_fence.end);
        memset(data_fence.end - bytes, 0, bytes);
        assert_true(base64_decode(data_fence.end - bytes, bytes, text, length, &bad));
        assert_memory_equal(data_fence.end - bytes, data, bytes);
    }
}

/* Every value of three bytes' four characters: 256 bytes in each of three places. */
static void test_every_byte_comes_back(void **state) {
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        for (size_t place = 0; place < 3; place++) {
            uint8_t data[3] = {0x5a, 0xa5, 0x3c}, back[3];
            char text[4];
            size_t bad;
            data[place] = (uint8_t)value;
            base64_encode(text, data, 3);
            assert_true(base64_decode(back, 3, text, 4, &bad));
            assert_memory_equal(back, data, 3);
        }
    }
}

struct refusal {
    const char *why;
    size_t bytes;
    const char *text;
    size_t bad;
};

static const struct refusal refusals[] = {
    {"text for nothing", 0, "A", 0},
    {"padding for nothing", 0, "====", 0},
    {"no text", 1, "", 0},
    {"no text for a whole group", 3, "", 0},
    {"one character", 1, "A", 1},
    {"no padding, one byte", 1, "AA", 2},
    {"half the padding", 1, "AA=", 3},
    {"no padding, two bytes", 2, "AAA", 3},
    {"cut in the first group", 6, "AAA", 3},
    {"cut behind the first group", 6, "AAAA", 4},
    {"cut in the second group", 6, "AAAAAA", 6},
    {"cut before the tail", 4, "AAAA", 4},
    {"stranger in a cut group", 6, "AAAAA!", 5},
    {"padding where a byte is expected", 3, "AAA=", 3},
    {"more bytes than expected, one", 1, "AAA=", 2},
    {"more bytes than expected, two", 2, "AAAA", 3},
    {"fewer bytes than expected, two", 2, "AA==", 2},
    {"fewer bytes than expected, three", 3, "AA==", 2},
    {"padding at the front", 1, "=AAA", 0},
    {"padding in the second place", 1, "A===", 1},
    {"a character behind padding", 1, "AA=A", 3},
    {"surplus group", 3, "AAAAAAAA", 4},
    {"surplus padding behind a whole group", 3, "AAAA====", 4},
    {"surplus padding behind padding", 1, "AA===", 4},
    {"text behind padding", 1, "AA==AA==", 4},
    {"line feed at the end", 3, "AAAA\n", 4},
    {"line feed inside", 6, "AAAA\nAAAA", 4},
    {"blank at the front", 3, " AAAA", 0},
    {"blank inside", 3, "A AA", 1},
    {"URL alphabet, minus", 3, "AA-A", 2},
    {"URL alphabet, underscore", 3, "AAA_", 3},
    {"not ASCII", 3, "A\xc3\xa4", 1},
    {"stray bit 0, one byte", 1, "AB==", 1},
    {"stray bit 1, one byte", 1, "AC==", 1},
    {"stray bit 2, one byte", 1, "AE==", 1},
    {"stray bit 3, one byte", 1, "AI==", 1},
    {"stray bit 0, two bytes", 2, "AAB=", 2},
    {"stray bit 1, two bytes", 2, "AAC=", 2},
    {"stray bits behind whole groups", 4, "AAAA/x==", 5},
    {"the first of two strangers", 6, "AA*AA*AA", 2},
};

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *r = &refusals[i];
        size_t bad = SIZE_MAX;
        if (decode(r->bytes, r->text, strlen(r->text), &bad) || bad != r->bad) {
            fail_msg("%s: '%s' for %zu bytes: bad at %zu, not %zu", r->why, r->text, r->bytes, bad, r->bad);
        }
    }
}

/* All 256 characters in every place of every form of last group: 65 fit, or 64, or fewer where bits would be
 * stray. */
static void test_every_character_in_every_place(void **state) {
    (void)state;
    static const int fitting[3][8] = {
        {64, 64, 64, 64, 64, 64, 64, 64},
        {64, 64, 64, 64, 64, 4, 1, 1},
        {64, 64, 64, 64, 64, 64, 16, 1},
    };
    static const char *const bases[3] = {"QUJDREVG", "QUJDRA==", "QUJDREU="};
    static const size_t bytes[3] = {6, 4, 5};
    for (int form = 0; form < 3; form++) {
        for (size_t place = 0; place < 8; place++) {
            int good = 0;
            for (int c = 0; c < 256; c++) {
                char text[8];
                size_t bad = SIZE_MAX;
                memcpy(text, bases[form], 8);
                text[place] = (char)c;
                if (decode(bytes[form], text, 8, &bad)) {
                    good++;
                } else {
                    assert_int_equal(bad, place);
                }
            }
            assert_int_equal(good, fitting[form][place]);
        }
    }
}

/* Strict means that what decodes is what encoding gives: every text of random characters either fails or
 * comes back. */
static void test_whatever_decodes_is_the_encoding(void **state) {
    (void)state;
    static const char characters[] = "AQgwBz+/09==";
    uint32_t seed = 1;
    int decoded = 0;
    for (int i = 0; i < 200000; i++) {
        char text[8], again[8];
        size_t bytes = (size_t)i % 7, bad;
        for (int j = 0; j < 8; j++) {
            seed = seed * 1664525 + 1013904223;
            text[j] = characters[(seed >> 16) % 12];
        }
        size_t length = base64_text_bytes(bytes);
        if (length <= 8 && decode(bytes, text, length, &bad)) {
            decoded++;
            base64_encode(again, data_fence.end - bytes, bytes);
            assert_memory_equal(text, again, length);
        }
    }
    assert_true(decoded > 10000);
}

int main(void) {
    text_fence = fence_make(4096);
    data_fence = fence_make(4096);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_length_comes_back),
        cmocka_unit_test(test_every_byte_comes_back),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_character_in_every_place),
        cmocka_unit_test(test_whatever_decodes_is_the_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
