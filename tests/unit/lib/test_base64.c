/*
 * base64 on every level of kernels that this CPU has: the vectors of RFC 4648, every length and every byte, every
 * kind of refusal with its place, and the kernels' own contract. All texts and bytes lie against unmapped pages.
 */
#include "lib/numbers/base64.h"

#include "lib/kernels/kernels.h"
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

/* The bytes 0 to 255, from Python's base64 module. */
static const char all_bytes_text[] =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0"
    "BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+A"
    "gYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wM"
    "HCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==";

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

static void test_all_bytes(void **state) {
    (void)state;
    uint8_t data[256], back[256];
    char text[sizeof all_bytes_text] = {0};
    size_t bad;
    for (int i = 0; i < 256; i++)
        data[i] = (uint8_t)i;
    base64_encode(text, data, sizeof data);
    assert_string_equal(text, all_bytes_text);
    assert_true(base64_decode(back, sizeof back, all_bytes_text, sizeof all_bytes_text - 1, &bad));
    assert_memory_equal(back, data, sizeof data);
}

/* ---- a reference that shares nothing with the code: one bit after the other ---- */

static const char *const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t naive_encode(char *text, const uint8_t *data, size_t bytes) {
    size_t length = 0;
    for (size_t bit = 0; bit < bytes * 8; bit += 6) {
        int value = 0;
        for (size_t i = bit; i < bit + 6; i++)
            value = value * 2 + (i < bytes * 8 ? data[i / 8] >> (7 - i % 8) & 1 : 0);
        text[length++] = alphabet[value];
    }
    while (length % 4 != 0)
        text[length++] = '=';
    return length;
}

static uint32_t seed = 1;

static uint8_t random_byte(void) {
    seed = seed * 1664525 + 1013904223;
    return (uint8_t)(seed >> 24);
}

enum { MOST_BYTES = 300, MOST_TEXT = 400, TRIES = 4 };

/* A buffer of `bytes` bytes that begins, or ends, at an unmapped page, filled with another byte each time. */
static void *edge(const struct fence *fence, size_t bytes, bool at_end) {
    void *buffer = at_end ? fence->end - bytes : fence->begin;
    return memset(buffer, random_byte(), bytes);
}

static void check_length(size_t bytes, bool at_end) {
    uint8_t data[MOST_BYTES];
    char expected[MOST_TEXT];
    size_t bad;
    for (size_t i = 0; i < bytes; i++)
        data[i] = random_byte();
    size_t length = naive_encode(expected, data, bytes);
    assert_int_equal(base64_text_bytes(bytes), length);
    uint8_t *source = edge(&data_fence, bytes, at_end);
    char *text = edge(&text_fence, length, at_end);
    memcpy(source, data, bytes);
    assert_ptr_equal(base64_encode(text, source, bytes), text + length);
    assert_memory_equal(text, expected, length);
    edge(&data_fence, bytes, at_end);
    assert_true(base64_decode(source, bytes, text, length, &bad));
    assert_memory_equal(source, data, bytes);
}

static void test_every_length(void **state) {
    (void)state;
    for (size_t bytes = 0; bytes <= MOST_BYTES; bytes++) {
        for (int i = 0; i < TRIES; i++) {
            check_length(bytes, true);
            check_length(bytes, false);
        }
    }
}

/* Texts of several of the widest blocks: every byte in every place, which is told to the character. */
static void test_every_byte_in_every_place(void **state) {
    (void)state;
    enum { BYTES = 3 * 64 + 3 * 5, LENGTH = BYTES / 3 * 4 };
    char text[LENGTH];
    for (size_t i = 0; i < LENGTH; i++)
        text[i] = alphabet[random_byte() % 64];
    for (size_t place = 0; place < LENGTH; place++) {
        char good = text[place];
        for (int c = 0; c < 256; c++) {
            size_t bad = SIZE_MAX;
            bool fits = c != 0 && strchr(alphabet, c) != NULL;
            text[place] = (char)c;
            assert_int_equal(decode(BYTES, text, LENGTH, &bad), fits);
            assert_int_equal(bad, fits ? LENGTH : place);
            if (fits) {
                char again[LENGTH];
                naive_encode(again, (const uint8_t *)data_fence.end - BYTES, BYTES);
                assert_memory_equal(again, text, LENGTH);
            }
        }
        text[place] = good;
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

/* All 256 characters in every place of every form of last group: 64 fit, or fewer where bits would be stray. */
static void test_every_character_of_the_last_group(void **state) {
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
    int decoded = 0;
    for (int i = 0; i < 200000; i++) {
        char text[8], again[8];
        size_t bytes = (size_t)i % 7, bad;
        for (int j = 0; j < 8; j++)
            text[j] = characters[random_byte() % 12];
        size_t length = base64_text_bytes(bytes);
        if (length <= 8 && decode(bytes, text, length, &bad)) {
            decoded++;
            base64_encode(again, data_fence.end - bytes, bytes);
            assert_memory_equal(text, again, length);
        }
    }
    assert_true(decoded > 10000);
}

/* ---- the kernels' contract ---- */

enum { REST = BASE64_KERNEL_REST, MOST_GROUPS = MOST_BYTES / 3 };

static void check_encode_kernel(const struct base64_kernels *kernels, size_t groups, bool at_end) {
    char expected[MOST_TEXT];
    uint8_t *data = edge(&data_fence, groups * 3, at_end);
    char *text = edge(&text_fence, groups * 4, at_end);
    for (size_t i = 0; i < groups * 3; i++)
        data[i] = random_byte();
    naive_encode(expected, data, groups * 3);
    size_t done = kernels->encode(text, data, groups);
    assert_in_range(done, groups < REST ? 0 : groups - REST + 1, groups);
    assert_memory_equal(text, expected, done * 4);
}

/* `stranger` is a place with a character that is none, or `groups` * 4. */
static void check_decode_kernel(const struct base64_kernels *kernels, size_t groups, size_t stranger,
                                bool at_end) {
    uint8_t expected[MOST_BYTES] = {0};
    char whole[MOST_TEXT];
    for (size_t i = 0; i < groups * 3; i++)
        expected[i] = random_byte();
    naive_encode(whole, expected, groups * 3);
    uint8_t *data = edge(&data_fence, groups * 3, at_end);
    char *text = memcpy(edge(&text_fence, groups * 4, at_end), whole, groups * 4);
    if (stranger < groups * 4)
        text[stranger] = "=-_ \n\x80\xc1"[stranger % 7];
    size_t done = kernels->decode(data, text, groups), good = stranger / 4;
    assert_in_range(done, good < REST ? 0 : good - REST + 1, good);
    assert_memory_equal(data, expected, done * 3);
}

static void check_kernels(const struct base64_kernels *kernels) {
    for (size_t groups = 0; groups <= MOST_GROUPS; groups++) {
        for (int at_end = 0; at_end < 2; at_end++) {
            check_encode_kernel(kernels, groups, at_end);
            for (size_t stranger = 0; stranger <= groups * 4; stranger++)
                check_decode_kernel(kernels, groups, stranger, at_end);
        }
    }
}

static void test_kernels(void **state) {
    (void)state;
    check_kernels(kernels_get()->base64);
#if defined(__x86_64__)
    /* On newer CPUs the level has others. */
    if (strcmp(kernels_get()->name, "avx512") == 0)
        check_kernels(&base64_kernels_avx512);
#endif
}

int main(void) {
    static const char *const levels[] = {"portable", "sse4", "avx2", "avx512", "avx512vbmi"};
    text_fence = fence_make(4096);
    data_fence = fence_make(4096);
    int failed = 0;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        const char *error;
        if (!kernels_init(levels[i], &error))
            continue;
        print_message("%s\n", levels[i]);
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_vectors),
            cmocka_unit_test(test_all_bytes),
            cmocka_unit_test(test_every_length),
            cmocka_unit_test(test_every_byte_in_every_place),
            cmocka_unit_test(test_refusals),
            cmocka_unit_test(test_every_character_of_the_last_group),
            cmocka_unit_test(test_whatever_decodes_is_the_encoding),
            cmocka_unit_test(test_kernels),
        };
        failed += cmocka_run_group_tests_name(levels[i], tests, NULL, NULL);
    }
    return failed;
}
