/* Names, media types and text: the small judgements of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/decode/nearest.h"
#include "api/json/text.h"
#include "api/json/utf8.h"
#include "api/media.h"
#include "api/problem.h"

#include <stdlib.h>
#include <string.h>

static void finds_the_nearest_name(void **state) {
    (void)state;
    static const char *const known[] = {"stride", "padding", "padding_mode", "dilation", NULL};
    static const struct {
        const char *name, *nearest;
    } cases[] = {
        {"stride", "stride"},
        {"strides", "stride"},
        {"strid", "stride"},
        {"sride", "stride"},
        {"tsride", "stride"},
        {"stirdes", "stride"},
        {"Stride", "stride"},
        {"paddng", "padding"},
        {"padding_mod", "padding_mode"},
        {"paddingmode", "padding_mode"},
        {"dialation", "dilation"},
        {"dilatoin", "dilation"},
        {"kernel", NULL},
        {"stripe_s", NULL},
        {"", NULL},
        {"strxyze", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = nearest_name(cases[i].name, known);
        if ((nearest == NULL) != (cases[i].nearest == NULL) ||
            (nearest != NULL && strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("'%s' gives '%s'", cases[i].name, nearest != NULL ? nearest : "nothing");
    }
}

static void a_very_long_name_is_near_to_nothing(void **state) {
    (void)state;
    static const char *const known[] = {"stride", NULL};
    char name[1000];
    memset(name, 's', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_null(nearest_name(name, known));
}

static void judges_content_types(void **state) {
    (void)state;
    assert_int_equal(media_of_content(NULL), MEDIA_NONE);
    assert_int_equal(media_of_content(""), MEDIA_NONE);
    assert_int_equal(media_of_content("application/json"), MEDIA_JSON);
    assert_int_equal(media_of_content(" Application/JSON ; charset=utf-8"), MEDIA_JSON);
    assert_int_equal(media_of_content("application/json;charset=latin1"), MEDIA_JSON);
    assert_int_equal(media_of_content("application/x-www-form-urlencoded"), MEDIA_URLENCODED);
    assert_int_equal(media_of_content("application/jsonl"), MEDIA_OTHER);
    assert_int_equal(media_of_content("application/x-npz"), MEDIA_NPZ);
    assert_int_equal(media_of_content("Application/ZIP"), MEDIA_ZIP);
    assert_int_equal(media_of_content("application/x-npy"), MEDIA_NPY);
    assert_int_equal(media_of_content("application/x-safetensors;v=1"), MEDIA_SAFETENSORS);
    assert_int_equal(media_of_content("application/octet-stream"), MEDIA_RAW);
    assert_int_equal(media_of_content("multipart/form-data; boundary=x"), MEDIA_MULTIPART);
    assert_int_equal(media_of_content("text/json"), MEDIA_OTHER);
    assert_int_equal(media_of_content("*/*"), MEDIA_OTHER);
}

/* RFC 9110, section 12.5.1: the closest range gives a type its weight; the heaviest type wins. */
static void negotiates(void **state) {
    (void)state;
    static const struct {
        const char *accept;
        enum media media;
    } cases[] = {
        {NULL, MEDIA_JSON},
        {"", MEDIA_JSON},
        {" ,\t", MEDIA_JSON},
        {"*/*", MEDIA_JSON},
        {"application/*", MEDIA_JSON},
        {"application/json", MEDIA_JSON},
        {"APPLICATION/X-NPZ", MEDIA_NPZ},
        {"application/zip", MEDIA_ZIP},
        {"application/x-npy", MEDIA_NPY},
        {"image/png", MEDIA_NONE},
        {"image/*", MEDIA_NONE},
        {"text/html", MEDIA_NONE},
        {"text/html, */*;q=0.1", MEDIA_JSON},
        {"application/jsonx, application/jso", MEDIA_NONE},
        /* ties: JSON, unless it is only meant by a wildcard */
        {"application/x-npz, application/json", MEDIA_JSON},
        {"application/x-npy, application/x-npz", MEDIA_NPZ},
        {"application/x-npz, */*", MEDIA_NPZ},
        {"*/*, application/x-npz", MEDIA_NPZ},
        {"application/x-npz, application/*", MEDIA_NPZ},
        {"application/*;q=0.5, */*;q=0.5", MEDIA_JSON},
        /* weights */
        {"application/x-npz;q=0.9, application/json", MEDIA_JSON},
        {"application/x-npz, application/json;q=0.9", MEDIA_NPZ},
        {"application/x-npz;q=0.001, application/json;q=0", MEDIA_NPZ},
        {"application/x-npz ; a=b ; Q=0.2, application/x-npy;q=0.3", MEDIA_NPY},
        {"application/json;q=0.5, application/x-npz;q=7", MEDIA_NPZ},
        {"application/json, application/x-npz;q=7", MEDIA_JSON},
        {"application/json;q=nan", MEDIA_NONE},
        {"application/json;q=0", MEDIA_NONE},
        {"*/*;q=0", MEDIA_NONE},
        /* the closest range counts, not the heaviest */
        {"*/*, application/json;q=0", MEDIA_NPZ},
        {"application/*;q=0, */*", MEDIA_NONE},
        {"application/x-npz;q=0.1, application/*;q=0.5, application/json;q=0.2", MEDIA_ZIP},
        {"text/plain, application/x-npy;q=0.5, image/png;q=0.7", MEDIA_NPY},
    };
    unsigned offers = MEDIA_SET(JSON) | MEDIA_SET(NPZ) | MEDIA_SET(ZIP) | MEDIA_SET(NPY);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum media media = media_negotiate(cases[i].accept, offers);
        if (media != cases[i].media)
            fail_msg("'%s' gives '%s'", cases[i].accept, media_type(media));
    }
    assert_int_equal(media_negotiate("application/x-npz", MEDIA_SET(JSON)), MEDIA_NONE);
    assert_int_equal(media_negotiate("*/*", 0), MEDIA_NONE);
}

static void names_sets_of_media(void **state) {
    (void)state;
    struct arena arena = {0};
    assert_string_equal(media_names(&arena, MEDIA_SET(RAW) | MEDIA_SET(JSON)),
                        "application/json, application/octet-stream");
    assert_string_equal(media_names(&arena, 0), "");
    arena_release(&arena);
}

/* Against the definition: a sequence is well formed when it is the encoding of a code point that is no
 * surrogate. */
static void utf8_is_what_encodes_a_code_point(void **state) {
    (void)state;
    for (uint32_t c = 1; c <= 0x10FFFF; c++) {
        char text[4];
        if (c >= 0xD800 && c < 0xE000)
            continue;
        size_t length = utf8_encode(text, c);
        if (utf8_sequence_bytes(text, text + length) != length ||
            (length > 1 && utf8_sequence_bytes(text, text + length - 1) != 0))
            fail_msg("U+%04X", c);
    }
    static const char *const broken[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "\xc3\x28",         "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(utf8_sequence_bytes(broken[i], broken[i] + strlen(broken[i])), 0);
}

static void json_strings_are_escaped(void **state) {
    (void)state;
    struct arena arena = {0};
    struct text text = text_open(&arena, 0);
    text_json_string(&text, "a\"b\\c\n\x01\x7f \xc3\xa4 \xff");
    text_add(&text, "", 1);
    assert_string_equal(text.data, "\"a\\\"b\\\\c\\n\\u0001\\u007f \xc3\xa4 \xef\xbf\xbd\"");
    arena_release(&arena);
}

static void every_problem_has_its_texts(void **state) {
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        enum problem found;
        assert_true(problem_find(problem_name((enum problem)i), &found));
        assert_int_equal(found, i);
        assert_in_range(problem_http_status((enum problem)i), 400, 503);
    }
    assert_int_equal(problem_http_status(problem_from_status(STATUS_INVALID_VALUE)), 422);
    assert_int_equal(problem_http_status(problem_from_status(STATUS_SHAPE_MISMATCH)), 422);
    assert_int_equal(problem_http_status(problem_from_status(STATUS_UNSUPPORTED)), 422);
    assert_int_equal(problem_http_status(problem_from_status(STATUS_TOO_LARGE)), 413);
    assert_int_equal(problem_http_status(problem_from_status(STATUS_NO_MEMORY)), 503);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_nearest_name),   cmocka_unit_test(a_very_long_name_is_near_to_nothing),
        cmocka_unit_test(judges_content_types),     cmocka_unit_test(negotiates),
        cmocka_unit_test(names_sets_of_media),      cmocka_unit_test(utf8_is_what_encodes_a_code_point),
        cmocka_unit_test(json_strings_are_escaped), cmocka_unit_test(every_problem_has_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
