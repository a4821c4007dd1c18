/* safetensors: headers read and refused, as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/forms/safetensors.h"
#include "tests/unit/api/form_help.h"

#include <stdio.h>

static const unsigned char data[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/* A file of that header and `count` bytes of data, in front of an unmapped page. */
static bool open_file(struct form *form, const char *header, size_t count) {
    static struct bytes file;
    file.count = 0;
    add_number(&file, strlen(header), 8);
    add_bytes(&file, header, strlen(header));
    add_bytes(&file, data, count);
    return safetensors_open(form, fenced(file.at, file.count), file.count);
}

#define INPUT  "\"input\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}"
#define WEIGHT "\"weight\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[8,12]}"

static void reads_tensors(void **state) {
    (void)state;
    static const char *const headers[] = {
        "{" INPUT "," WEIGHT "}",
        "{" WEIGHT "," INPUT "}     ",
        "{\"__metadata__\":{\"format\":\"pt\",\"\":\"\"}," INPUT "," WEIGHT "}",
        "{ \"weight\" : {\"data_offsets\" : [8, 12], \"shape\" : [2], \"dtype\" : \"F16\"} ,\n" INPUT "}",
        "{\"\\u0069nput\":{\"dtype\":\"F\\u00332\",\"shape\":[1,2],\"data_offsets\":[0,8]}," WEIGHT "}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        if (!open_file(&form, headers[i], 12))
            fail_msg("%s: %s", headers[i], form.refusal.detail);
        const struct stored_tensor *input = form_find(&form, "input"), *weight = form_find(&form, "weight");
        assert_int_equal(form.count, 2);
        assert_int_equal(input->dtype, STORED_FLOAT32);
        assert_int_equal(input->elems, 2);
        assert_memory_equal(input->data, data, 8);
        assert_int_equal(weight->dtype, STORED_FLOAT16);
        assert_int_equal(weight->shape.rank, 1);
        assert_memory_equal(weight->data, data + 8, 4);
        assert_false(input->big_endian || input->fortran);
        arena_release(&arena);
    }
}

static void reads_every_dtype(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum stored_dtype dtype;
        size_t bytes;
    } cases[] = {
        {"BOOL", STORED_BOOL, 1},   {"I8", STORED_INT8, 1},       {"U8", STORED_UINT8, 1},
        {"I16", STORED_INT16, 2},   {"U16", STORED_UINT16, 2},    {"I32", STORED_INT32, 4},
        {"U32", STORED_UINT32, 4},  {"I64", STORED_INT64, 8},     {"U64", STORED_UINT64, 8},
        {"F16", STORED_FLOAT16, 2}, {"BF16", STORED_BFLOAT16, 2}, {"F32", STORED_FLOAT32, 4},
        {"F64", STORED_FLOAT64, 8},
    };
    assert_int_equal(sizeof cases / sizeof cases[0], STORED_DTYPES);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        char header[128];
        snprintf(header, sizeof header,
                 "{\"bias\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%zu]}}", cases[i].name,
                 3 * cases[i].bytes);
        if (!open_file(&form, header, 3 * cases[i].bytes))
            fail_msg("%s: %s", header, form.refusal.detail);
        assert_int_equal(form.tensor[0].dtype, cases[i].dtype);
        arena_release(&arena);
    }
}

static void reads_none_and_empty_tensors(void **state) {
    (void)state;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    assert_true(open_file(&form, "{}", 0));
    assert_int_equal(form.count, 0);
    assert_true(open_file(&form,
                          "{\"input\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]},"
                          "\"weight\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                          "\"bias\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[4,4]}}",
                          4));
    assert_int_equal(form.count, 3);
    assert_int_equal(form.tensor[0].elems, 0);
    arena_release(&arena);
}

static void notes_unknown_tensors(void **state) {
    (void)state;
    struct arena arena = {0};
    struct form form = form_with(&arena);
    assert_true(open_file(
        &form, "{" INPUT ",\"conv1.weight\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,12]}}", 12));
    assert_int_equal(form.count, 1);
    assert_string_equal(form.unknown, "conv1.weight");
    arena_release(&arena);
}

#define ENTRY(dtype, shape, offsets)                                                                         \
    "{\"input\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
    const char *header;
    size_t bytes; /* of data */
    enum problem problem;
    const char *pointer, *detail;
} bad[] = {
    {"", 0, PROBLEM_MALFORMED_BODY, NULL, "does not begin with {"},
    {" {}", 0, PROBLEM_MALFORMED_BODY, NULL, "does not begin with {"},
    {"[]", 0, PROBLEM_MALFORMED_BODY, NULL, "does not begin with {"},
    {"{", 0, PROBLEM_MALFORMED_BODY, NULL, "line 1, column 2"},
    {"{} x", 0, PROBLEM_MALFORMED_BODY, NULL, "line 1, column 4"},
    {"{\"\xff\":1}", 0, PROBLEM_MALFORMED_BODY, NULL, "UTF-8"},
    {"{\"input\":NaN}", 0, PROBLEM_MALFORMED_BODY, NULL, "NaN"},
    {"{" INPUT "," INPUT "}", 8, PROBLEM_REPEATED_KEY, "/input", "repeated"},
    {"{\"input\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}", 8,
     PROBLEM_REPEATED_KEY, NULL, "repeated"},
    {"{\"input\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0,
     PROBLEM_MALFORMED_BODY, NULL, "header"},
    {"{\"__metadata__\":1}", 0, PROBLEM_MALFORMED_BODY, NULL, "'__metadata__' is no object"},
    {"{\"__metadata__\":{\"a\":1}}", 0, PROBLEM_MALFORMED_BODY, NULL, "the value of 'a'"},
    {"{\"input\":1}", 0, PROBLEM_MALFORMED_BODY, "/input", "no object"},
    {"{\"input\":{}}", 0, PROBLEM_MALFORMED_BODY, "/input", "no 'dtype'"},
    {ENTRY("1", "[1]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "no 'dtype'"},
    {ENTRY("\"F8_E4M3\"", "[1]", "[0,1]"), 1, PROBLEM_UNSUPPORTED_TENSOR, "/input", "'F8_E4M3'"},
    {ENTRY("\"F8_E5M2\"", "[1]", "[0,1]"), 1, PROBLEM_UNSUPPORTED_TENSOR, "/input", "'F8_E5M2'"},
    {ENTRY("\"F4\"", "[2]", "[0,1]"), 1, PROBLEM_UNSUPPORTED_TENSOR, "/input", "'F4'"},
    {ENTRY("\"C64\"", "[1]", "[0,8]"), 8, PROBLEM_UNSUPPORTED_TENSOR, "/input", "'C64'"},
    {ENTRY("\"f32\"", "[1]", "[0,4]"), 4, PROBLEM_UNSUPPORTED_TENSOR, "/input", "'f32'"},
    {ENTRY("\"F32\"", "1", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "no 'shape'"},
    {ENTRY("\"F32\"", "[1.0]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "no integer"},
    {ENTRY("\"F32\"", "[-1]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "no integer"},
    {ENTRY("\"F32\"", "[true]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "no integer"},
    {ENTRY("\"F32\"", "[18446744073709551617]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, NULL, "64 bits"},
    {ENTRY("\"F32\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), 4,
     PROBLEM_INVALID_TENSOR, "/input", "33 dimensions"},
    {ENTRY("\"F32\"", "[1]", "4"), 4, PROBLEM_MALFORMED_BODY, "/input", "two integers"},
    {ENTRY("\"F32\"", "[1]", "[4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "two integers"},
    {ENTRY("\"F32\"", "[1]", "[0,4,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "two integers"},
    {ENTRY("\"F32\"", "[1]", "[4,0]"), 4, PROBLEM_MALFORMED_BODY, "/input", "[4, 0]"},
    {ENTRY("\"F32\"", "[1]", "[-4,0]"), 4, PROBLEM_MALFORMED_BODY, "/input", "[-4, 0]"},
    {ENTRY("\"F32\"", "[1]", "[0,4.0]"), 4, PROBLEM_MALFORMED_BODY, "/input", "two integers"},
    {ENTRY("\"F32\"", "[1]", "[0,8]"), 8, PROBLEM_MALFORMED_BODY, "/input", "8 bytes of data"},
    {ENTRY("\"F32\"", "[2]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input", "4 bytes of data"},
    {ENTRY("\"F32\"", "[4611686018427387905]", "[0,4]"), 4, PROBLEM_MALFORMED_BODY, "/input",
     "4 bytes of data"},
    {ENTRY("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, PROBLEM_MALFORMED_BODY, "/input",
     "0 bytes of data"},
    {ENTRY("\"F32\"", "[1]", "[0,4]"), 3, PROBLEM_MALFORMED_BODY, "/input", "end at 4; the file has 3 bytes"},
    {ENTRY("\"F32\"", "[1]", "[9223372036854775803,9223372036854775807]"), 4, PROBLEM_MALFORMED_BODY,
     "/input", "end at 9223372036854775807; the file has 4 bytes"},
    {ENTRY("\"F32\"", "[1]", "[0,4]"), 5, PROBLEM_MALFORMED_BODY, NULL, "end at 4 of its 5 bytes"},
    {ENTRY("\"F32\"", "[1]", "[1,5]"), 5, PROBLEM_MALFORMED_BODY, "/input",
     "begin at 1, and those before end at 0"},
    {"{}", 1, PROBLEM_MALFORMED_BODY, NULL, "end at 0 of its 1 bytes"},
    {"{" INPUT ",\"weight\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[7,11]}}", 11,
     PROBLEM_MALFORMED_BODY, "/weight", "begin at 7, before those of 'input' end at 8"},
    {"{" INPUT ",\"weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
     PROBLEM_MALFORMED_BODY, "/weight", "begin at 0, before those of 'input' end at 8"},
    {"{" INPUT ",\"weight\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[9,13]}}", 13,
     PROBLEM_MALFORMED_BODY, "/weight", "begin at 9, and those before end at 8"},
    {"{" INPUT ",\"other\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[6,8]}}", 8,
     PROBLEM_MALFORMED_BODY, "/other", "begin at 6, before those of 'input' end at 8"},
    {"{\"input\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"strides\":[4]}}", 4,
     PROBLEM_MALFORMED_BODY, "/input", "the key 'strides'"},
    {"{\"a/b~\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, PROBLEM_UNSUPPORTED_TENSOR,
     "/a~1b~0", "'F99'"},
};

static void check_refused(const struct form *form, bool opened, const char *what, enum problem problem,
                          const char *pointer, const char *detail) {
    const struct form_refusal *refusal = &form->refusal;
    if (opened || refusal->problem != problem || strstr(refusal->detail, detail) == NULL ||
        (pointer == NULL) != (refusal->pointer == NULL) ||
        (pointer != NULL && strcmp(pointer, refusal->pointer) != 0))
        fail_msg("%s: %s, %s, %s", what, opened ? "opened" : problem_name(refusal->problem), refusal->pointer,
                 refusal->detail);
}

static void refuses_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena arena = {0};
        struct form form = form_with(&arena);
        bool opened = open_file(&form, bad[i].header, bad[i].bytes);
        check_refused(&form, opened, bad[i].header, bad[i].problem, bad[i].pointer, bad[i].detail);
        arena_release(&arena);
    }
}

static void refuses_lengths(void **state) {
    (void)state;
    static const struct {
        uint64_t length;
        size_t bytes; /* of the file */
        enum problem problem;
        const char *detail;
    } cases[] = {
        {0, 0, PROBLEM_MALFORMED_BODY, "it has 0 bytes"},
        {0, 7, PROBLEM_MALFORMED_BODY, "it has 7 bytes"},
        {0, 8, PROBLEM_MALFORMED_BODY, "does not begin with {"},
        {1, 8, PROBLEM_MALFORMED_BODY, "announce"},
        {UINT64_MAX, 100, PROBLEM_MALFORMED_BODY, "announce"},
        {UINT64_MAX - 7, 100, PROBLEM_MALFORMED_BODY, "announce"},
        {(1 << 10) + 1, 1 << 12, PROBLEM_LIMIT_EXCEEDED, "1025 bytes; the limit is 1024 (--max-document)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct bytes file;
        struct arena arena = {0};
        struct form form = form_with(&arena);
        form.max_header_bytes = 1 << 10;
        file.count = 0;
        add_number(&file, cases[i].length, 8);
        bool opened = safetensors_open(&form, fenced(file.at, cases[i].bytes), cases[i].bytes);
        check_refused(&form, opened, "a length", cases[i].problem, NULL, cases[i].detail);
        arena_release(&arena);
    }
}

/* No changed byte leads beyond the file: what is still read covers the data exactly. */
static void survives_every_byte(void **state) {
    (void)state;
    static const char right[] = "{" INPUT "," WEIGHT "}";
    char header[sizeof right];
    memcpy(header, right, sizeof right);
    for (size_t at = 0; at < sizeof right - 1; at++) {
        for (int value = 1; value < 256; value++) {
            struct arena arena = {0};
            struct form form = form_with(&arena);
            header[at] = (char)value;
            if (open_file(&form, header, 12)) {
                for (int i = 0; i < form.count; i++)
                    assert_true(form.tensor[i].elems * (int64_t)stored_dtype_bytes(form.tensor[i].dtype) <=
                                12);
            }
            arena_release(&arena);
        }
        header[at] = right[at];
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(reads_every_dtype),
        cmocka_unit_test(reads_none_and_empty_tensors),
        cmocka_unit_test(notes_unknown_tensors),
        cmocka_unit_test(refuses_headers),
        cmocka_unit_test(refuses_lengths),
        cmocka_unit_test(survives_every_byte),
    };
    api_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
