/* The scan of JSON documents and the tensors in them: grammar, positions, shapes, ragged arrays, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/json/document.h"
#include "api/json/tensor_read.h"
#include "api/json/tensor_write.h"
#include "tests/unit/fence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const tensor_fields[] = {"input", "weight", "bias", NULL};

/* Opens `text` from memory whose end is an unmapped page; the 0 behind the text is the last readable byte. */
static bool open_unproven(struct document *document, struct arena *arena, const char *text, size_t length,
                          struct document_refusal *refusal) {
    static struct fence fence;
    if (fence.begin == NULL)
        fence = fence_make(1 << 20);
    fence.end[-1] = '\0';
    char *body = memcpy(fence.end - 1 - length, text, length);
    return document_open(document, arena, body, length, tensor_fields, 1 << 20, refusal);
}

/* As a request is judged: whatever else is wrong, broken JSON is told first. */
static bool open_text(struct document *document, struct arena *arena, const char *text, size_t length,
                      struct document_refusal *refusal) {
    bool opened = open_unproven(document, arena, text, length, refusal);
    return document_prove(document, refusal) && opened;
}

struct refused {
    const char *text;
    enum problem problem;
    const char *pointer, *detail; /* of the detail a part */
};

static const struct refused refusals[] = {
    {"", PROBLEM_MALFORMED_JSON, NULL, "line 1, column 1"},
    {"  \n", PROBLEM_MALFORMED_JSON, NULL, "line 2, column 1"},
    {"{", PROBLEM_MALFORMED_JSON, NULL, "line 1, column 2"},
    {"{\"a\" 1}", PROBLEM_MALFORMED_JSON, NULL, "':'"},
    {"{\"a\": 1,}", PROBLEM_MALFORMED_JSON, NULL, "key"},
    {"{\"a\": 01}", PROBLEM_MALFORMED_JSON, NULL, "zero"},
    {"{\"a\": 1.}", PROBLEM_MALFORMED_JSON, NULL, "decimal point"},
    {"{\"a\": 1e}", PROBLEM_MALFORMED_JSON, NULL, "exponent"},
    {"{\"a\": +1}", PROBLEM_MALFORMED_JSON, NULL, "'+'"},
    {"{\"a\": .5}", PROBLEM_MALFORMED_JSON, NULL, "'.'"},
    {"{\"a\": -}", PROBLEM_MALFORMED_JSON, NULL, "digit"},
    {"{\"a\": tru}", PROBLEM_MALFORMED_JSON, NULL, "value"},
    {"{\"a\": NaN}", PROBLEM_MALFORMED_JSON, NULL, "inside a tensor"},
    {"{\"a\": -Infinity}", PROBLEM_MALFORMED_JSON, NULL, "inside a tensor"},
    {"{\"a\": \"\\x\"}", PROBLEM_MALFORMED_JSON, NULL, "escape"},
    {"{\"a\": \"\\u12g4\"}", PROBLEM_MALFORMED_JSON, NULL, "escape"},
    {"{\"a\": \"\n\"}", PROBLEM_MALFORMED_JSON, NULL, "0x0A"},
    {"{\"a\": \"b", PROBLEM_MALFORMED_JSON, NULL, "inside a string"},
    {"{\"a\": 1} x", PROBLEM_MALFORMED_JSON, NULL, "line 1, column 10"},
    {"{\"a\": \"\xff\"}", PROBLEM_MALFORMED_UTF8, NULL, "0xFF"},
    {"{\"a\": \"\xc0\xaf\"}", PROBLEM_MALFORMED_UTF8, NULL, "0xC0"},
    {"{\"a\": \"\xed\xa0\x80\"}", PROBLEM_MALFORMED_UTF8, NULL, "0xED"},
    {"\xef\xbb\xbf{}", PROBLEM_MALFORMED_UTF8, NULL, "byte order mark"},
    {"[]", PROBLEM_NOT_AN_OBJECT, NULL, "object"},
    {"3", PROBLEM_NOT_AN_OBJECT, NULL, "object"},
    {"{\"a\": 1, \"b\": 2, \"a\": 3}", PROBLEM_REPEATED_KEY, "/a", "line 1, column 18"},
    {"{\"input\": [1], \"x\": {\"y\": 1,\n \"\\u0079\": 2}}", PROBLEM_REPEATED_KEY, "/x/y",
     "line 2, column 2"},
    {"{\"input\": [1], \"input\": [2]}", PROBLEM_REPEATED_KEY, "/input", "input"},
    {"{\"a\": 12345678901234567890}", PROBLEM_NUMBER_OUT_OF_RANGE, "/a", "64 bits"},
    {"{\"a\": [0, -9223372036854775809]}", PROBLEM_NUMBER_OUT_OF_RANGE, "/a/1", "64 bits"},
    {"{\"a\": {\"b/c~\": 1e999}}", PROBLEM_NUMBER_OUT_OF_RANGE, "/a/b~1c~0", "float64"},
    {"{\"a\": \"\\u0000\"}", PROBLEM_INVALID_VALUE, "/a", "\\u0000"},
    {"{\"a\": \"\\ud800\"}", PROBLEM_INVALID_VALUE, "/a", "surrogate"},
    {"{\"a\": \"\\udc00\\ud800\"}", PROBLEM_INVALID_VALUE, "/a", "surrogate"},
    {"{\"\\ud800\": 1}", PROBLEM_INVALID_VALUE, "/\xef\xbf\xbd", "surrogate"},
    {"{\"a\": 1e999, \"b\": 1, \"b\": 2}", PROBLEM_REPEATED_KEY, "/b", "b"},
    {"{\"a\": 1e999, \"b\": }", PROBLEM_MALFORMED_JSON, NULL, "column 19"},
    {"{\"input\": [1, 2", PROBLEM_MALFORMED_JSON, NULL, "',' or ']'"},
    {"{\"input\": [1 2]}", PROBLEM_MALFORMED_JSON, NULL, "',' or ']'"},
    {"{\"input\": [1,]}", PROBLEM_MALFORMED_JSON, NULL, "value"},
    {"{\"input\": [-Inf]}", PROBLEM_MALFORMED_JSON, NULL, "digit"},
    {"{\"input\": [nan]}", PROBLEM_MALFORMED_JSON, NULL, "value"},
    {"{\"input\": {\"shape\": [NaN], \"data\": [1]}}", PROBLEM_MALFORMED_JSON, NULL, "inside a tensor"},
};

static void refuses_what_is_no_document(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refused *c = &refusals[i];
        struct arena arena = {0};
        struct document document = {0};
        struct document_refusal refusal = {0};
        bool opened = open_text(&document, &arena, c->text, strlen(c->text), &refusal);
        if (opened || refusal.problem != c->problem || strstr(refusal.detail, c->detail) == NULL ||
            (c->pointer == NULL) != (refusal.pointer == NULL) ||
            (c->pointer != NULL && strcmp(c->pointer, refusal.pointer) != 0))
            fail_msg("%s: %s, %s, %s", c->text, opened ? "opened" : problem_name(refusal.problem),
                     refusal.pointer != NULL ? refusal.pointer : "no pointer", refusal.detail);
        document_close(&document);
        arena_release(&arena);
    }
}

static void a_nul_byte_does_not_end_the_text(void **state) {
    (void)state;
    static const char text[] = "{\"a\": 1}\0{\"b\": 2}";
    struct arena arena = {0};
    struct document document = {0};
    struct document_refusal refusal = {0};
    assert_false(open_text(&document, &arena, text, sizeof text - 1, &refusal));
    assert_int_equal(refusal.problem, PROBLEM_MALFORMED_JSON);
    document_close(&document);
    arena_release(&arena);
}

static void nesting_ends_at_32(void **state) {
    (void)state;
    for (int levels = 31; levels <= 33; levels++) {
        char text[128] = "{\"a\":";
        struct arena arena = {0};
        struct document document = {0};
        struct document_refusal refusal = {0};
        for (int i = 1; i < levels; i++)
            strcat(text, "[");
        for (int i = 1; i < levels; i++)
            strcat(text, "]");
        strcat(text, "}");
        bool opened = open_text(&document, &arena, text, strlen(text), &refusal);
        assert_int_equal(opened, levels <= 32);
        if (!opened)
            assert_int_equal(refusal.problem, PROBLEM_NESTING_TOO_DEEP);
        document_close(&document);
        arena_release(&arena);
    }
}

/* Every proper prefix of a document is refused as broken JSON, and none reads behind its end. */
static void every_prefix_is_broken(void **state) {
    (void)state;
    static const char text[] =
        "{\"input\": [[1, -2.5e-3], [\"NaN\", Infinity]], \"weight\": {\"shape\": [1, 2], "
        "\"base64\": \"AA\\/==\\u0041\"}, \"stride\": [1, 2], \"x\": {\"y\": null, "
        "\"z\": \"\xc3\xa4\\ud83d\\ude00\"}, \"t\": true}";
    for (size_t length = 0; length < sizeof text; length++) {
        struct arena arena = {0};
        struct document document = {0};
        struct document_refusal refusal = {0};
        bool opened = open_text(&document, &arena, text, length, &refusal);
        assert_int_equal(opened, length == sizeof text - 1);
        if (!opened)
            assert_true(refusal.problem == PROBLEM_MALFORMED_JSON ||
                        refusal.problem == PROBLEM_MALFORMED_UTF8);
        document_close(&document);
        arena_release(&arena);
    }
}

struct ragged {
    const char *text, *pointer; /* of the tensor; NULL pointer: not ragged */
    const char *shape;
};

static const struct ragged ragged_cases[] = {
    {"[]", NULL, "[0]"},
    {"[1]", NULL, "[1]"},
    {"[[1, 2], [3, 4]]", NULL, "[2, 2]"},
    {"[[], []]", NULL, "[2, 0]"},
    {"[[[]]]", NULL, "[1, 1, 0]"},
    {"[\"NaN\", NaN, -Infinity, \"-Infinity\", Infinity, \"\\u0049nfinity\"]", NULL, "[6]"},
    {"[[1, 2], [3]]", "/1", NULL},
    {"[[1], [2, 3]]", "/1", NULL},
    {"[1, [2]]", "/1", NULL},
    {"[[1], 2]", "/1", NULL},
    {"[[1, 2], [3, 4], [5, [6]]]", "/2/1", NULL},
    {"[[[1, 2], [3, 4]], [[5, 6], [7]]]", "/1/1", NULL},
    {"[[[1, 2], [3]], [[1]]]", "/0/1", NULL},
    {"[[1], [2, [3]]]", "/1", NULL},
    {"[[1, 2], [[3], 4]]", "/1/1", NULL},
    {"[[1, 2], [[3], [4]]]", "/1/0", NULL},
    {"[[[]], [[1]]]", "/1/0", NULL},
    {"[[], [1]]", "/1", NULL},
    {"[1, null]", "/1", NULL},
    {"[\"x\", 1]", "/0", NULL},
    {"[[true]]", "/0/0", NULL},
    {"[{\"data\": [1]}]", "/0", NULL},
    {"[1, \"nan\"]", "/1", NULL},
    {"[1, \"Infinity \"]", "/1", NULL},
    {"[[1, 2], [3, \"\\u0000\"]]", "/1/1", NULL},
};

static void finds_shapes_and_what_is_ragged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ragged_cases / sizeof ragged_cases[0]; i++) {
        const struct ragged *c = &ragged_cases[i];
        struct arena arena = {0};
        struct document document = {0};
        struct document_refusal refusal = {0};
        char text[256], shape[SHAPE_TEXT_BYTES];
        snprintf(text, sizeof text, "{\"input\": %s, \"stride\": 1}", c->text);
        assert_true(open_text(&document, &arena, text, strlen(text), &refusal));
        const struct cut *cut = document_cut(&document, json_object_get(document.root, "input"));
        assert_non_null(cut);
        if (cut->refused != (c->pointer != NULL) ||
            (c->pointer != NULL && strcmp(cut->pointer, c->pointer) != 0))
            fail_msg("%s: %s %s", c->text, cut->refused ? cut->pointer : "taken", cut->detail);
        if (c->shape != NULL)
            assert_string_equal(shape_text(&cut->shape, shape), c->shape);
        document_close(&document);
        arena_release(&arena);
    }
}

/* Arrays and strings that no field takes do not reach jansson, however long they are. */
static void long_values_stay_out_of_the_tree(void **state) {
    (void)state;
    enum { NUMBERS = 300000 };
    struct arena arena = {0};
    char *text = malloc(2 * NUMBERS + 600), *to = text;
    to += sprintf(text, "{%200s\"stride\":\n%90s[", "", "");
    for (int i = 0; i < NUMBERS; i++) {
        *to++ = '1';
        *to++ = i < NUMBERS - 1 ? ',' : ']';
    }
    sprintf(to, ", \"mode\": \"max\"%100s}", "");
    struct document document = {0};
    struct document_refusal refusal = {0};
    assert_true(open_text(&document, &arena, text, strlen(text), &refusal));
    assert_true(document.scan.reduced_bytes < 100);
    assert_true(json_array_size(json_object_get(document.root, "stride")) >
                SHAPE_MAX_RANK); /* more than a field takes */
    assert_string_equal(json_string_value(json_object_get(document.root, "mode")), "max");
    document_close(&document);
    arena_release(&arena);
    free(text);
}

/* Around the length that a pointer holds, and far beyond it: the key is told, and its path as far as it fits. */
static void repeated_keys_of_any_length(void **state) {
    (void)state;
    static const int lengths[] = {1, 79, 317, 318, 319, 320, 321, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int nested = 0; nested < 2; nested++) {
            struct arena arena = {0};
            struct document document = {0};
            struct document_refusal refusal = {0};
            char *key = arena_calloc(&arena, 1, (size_t)lengths[i] + 1);
            memset(key, 'k', (size_t)lengths[i]);
            char *text = arena_printf(
                &arena, nested ? "{\"x\": {\"%s\": 1, \"%s\": 2}}" : "{\"%s\": 1, \"%s\": 2}", key, key);
            assert_false(open_text(&document, &arena, text, strlen(text), &refusal));
            assert_int_equal(refusal.problem, PROBLEM_REPEATED_KEY);
            assert_non_null(strstr(refusal.detail, "key \"k"));
            bool fits = lengths[i] + (nested ? 2 : 0) < SCAN_POINTER_BYTES - 1;
            if (fits)
                assert_string_equal(strrchr(refusal.pointer, '/') + 1, key);
            else if (nested)
                assert_string_equal(refusal.pointer, "/x");
            else
                assert_null(refusal.pointer);
            document_close(&document);
            arena_release(&arena);
        }
    }
}

/* Five megabytes of tiny tensors are refused before they cost a hundred times as much. */
static void many_tensors_are_refused_early(void **state) {
    (void)state;
    enum { TENSORS = 60000 };
    static const char member[] = "\"input\":[],";
    struct budget budget = {.limit_bytes = 16 << 20};
    struct arena arena = {.budget = &budget};
    struct document document = {0};
    struct document_refusal refusal = {0};
    char *text = malloc(TENSORS * (sizeof member - 1) + 16), *to = text;
    *to++ = '{';
    for (int i = 0; i < TENSORS; i++) {
        memcpy(to, member, sizeof member - 1);
        to += sizeof member - 1;
    }
    strcpy(to, "\"a\":1}");
    assert_false(open_text(&document, &arena, text, strlen(text), &refusal));
    assert_int_equal(refusal.problem, PROBLEM_LIMIT_EXCEEDED);
    document_close(&document);
    arena_release(&arena);
    free(text);
}

/* Opens {"input": text} and reads the tensor; false when it was refused. */
static bool read_numbers(struct arena *arena, const char *text, enum dtype own, enum dtype dtype, void *out,
                         struct tensor_refusal *refusal) {
    struct document document = {0};
    struct document_refusal unused = {0};
    char *body = arena_printf(arena, "{\"input\": %s}", text);
    assert_true(open_unproven(&document, arena, body, strlen(body), &unused));
    const struct cut *cut = document_cut(&document, json_object_get(document.root, "input"));
    assert_non_null(cut);
    struct tensor_source source = {.form = FORM_NESTED, .shape = cut->shape, .dtype = own, .cut = cut};
    assert_true(shape_elems(&source.shape, &source.elems));
    bool read = tensor_read(&source, dtype, out, NULL, NULL, 0, refusal);
    if (!read && refusal->unproven) {
        assert_true(document_prove(&document, &unused));
        assert_false(cut->refused);
        read = tensor_read(&source, dtype, out, NULL, NULL, 0, refusal);
    }
    document_close(&document);
    return read;
}

static void reads_numbers_once_and_exactly(void **state) {
    (void)state;
    struct arena arena = {0};
    struct tensor_refusal refusal;
    float f32[8];
    double f64[8];
    /* halfway between 1 and its successor, and a hair above it: rounding by way of double gives 1 for both */
    const char *text = "[[1.00000005960464477539062500000, 1.00000005960464477539062500001], [-0, 1e-46]]";
    assert_true(read_numbers(&arena, text, DTYPE_FLOAT32, DTYPE_FLOAT32, f32, &refusal));
    assert_true(f32[0] == 1.0f && f32[1] == 1.00000011920928955f && f32[2] == 0 && signbit(f32[2]) &&
                f32[3] == 0);
    /* the tensor's own dtype first, then the request's */
    assert_true(
        read_numbers(&arena, "[0.1, NaN, \"-Infinity\"]", DTYPE_FLOAT32, DTYPE_FLOAT64, f64, &refusal));
    assert_true(f64[0] == (double)0.1f && isnan(f64[1]) && f64[2] == (double)-INFINITY);
    assert_true(read_numbers(&arena, "[0.1, Infinity]", DTYPE_FLOAT64, DTYPE_FLOAT32, f32, &refusal));
    assert_true(f32[0] == 0.1f && isinf(f32[1]));
    arena_release(&arena);
}

static void refuses_numbers_beyond_the_range(void **state) {
    (void)state;
    struct arena arena = {0};
    struct tensor_refusal refusal;
    double out[4];
    assert_false(read_numbers(&arena, "[1, 2, 3.5e38]", DTYPE_FLOAT32, DTYPE_FLOAT32, out, &refusal));
    assert_int_equal(refusal.position, 2);
    assert_non_null(strstr(refusal.detail, "3.5e38"));
    assert_false(read_numbers(&arena, "[1, 3.5e38]", DTYPE_FLOAT64, DTYPE_FLOAT32, out, &refusal));
    assert_int_equal(refusal.position, 1);
    assert_false(read_numbers(&arena, "[1e309]", DTYPE_FLOAT64, DTYPE_FLOAT64, out, &refusal));
    assert_true(read_numbers(&arena, "[3.5e38]", DTYPE_FLOAT64, DTYPE_FLOAT64, out, &refusal));
    arena_release(&arena);
}

struct written {
    struct shape shape;
    const char *nested, *flat;
};

static void writes_the_forms(void **state) {
    (void)state;
    float data[6] = {8, -0.0f, 1e-7f, NAN, -INFINITY, 0.1f};
    const struct written cases[] = {
        {SHAPE(6), "[8,-0,1e-7,\"NaN\",\"-Infinity\",0.1]",
         "{\"shape\":[6],\"data\":[8,-0,1e-7,\"NaN\",\"-Infinity\",0.1]}"},
        {SHAPE(2, 1, 3), "[[[8,-0,1e-7]],[[\"NaN\",\"-Infinity\",0.1]]]",
         "{\"shape\":[2,1,3],\"data\":[8,-0,1e-7,\"NaN\",\"-Infinity\",0.1]}"},
        {SHAPE(0, 5), "[]", "{\"shape\":[0,5],\"data\":[]}"},
        {SHAPE(2, 0, 5), "[[],[]]", "{\"shape\":[2,0,5],\"data\":[]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct tensor tensor = {DTYPE_FLOAT32, cases[i].shape, data};
        for (int form = FORM_NESTED; form <= FORM_FLAT; form++) {
            struct text text = text_open(&arena, 16);
            size_t bound;
            tensor_write(&text, &tensor, (enum tensor_form)form, NULL);
            text_add(&text, "", 1);
            assert_string_equal(text.data, form == FORM_NESTED ? cases[i].nested : cases[i].flat);
            assert_true(tensor_write_bound(&tensor, (enum tensor_form)form, &bound) && text.length <= bound);
        }
        arena_release(&arena);
    }
}

static void writes_base64(void **state) {
    (void)state;
    struct arena arena = {0};
    float data[4] = {1, 2, 3, 4};
    struct tensor tensor = {DTYPE_FLOAT32, SHAPE(2, 2), data};
    struct text text = text_open(&arena, 0);
    tensor_write(&text, &tensor, FORM_BASE64, NULL);
    text_add(&text, "", 1);
    assert_string_equal(text.data,
                        "{\"shape\":[2,2],\"dtype\":\"float32\",\"base64\":\"AACAPwAAAEAAAEBAAACAQA==\"}");
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(a_nul_byte_does_not_end_the_text),
        cmocka_unit_test(nesting_ends_at_32),
        cmocka_unit_test(every_prefix_is_broken),
        cmocka_unit_test(finds_shapes_and_what_is_ragged),
        cmocka_unit_test(long_values_stay_out_of_the_tree),
        cmocka_unit_test(repeated_keys_of_any_length),
        cmocka_unit_test(many_tensors_are_refused_early),
        cmocka_unit_test(reads_numbers_once_and_exactly),
        cmocka_unit_test(refuses_numbers_beyond_the_range),
        cmocka_unit_test(writes_the_forms),
        cmocka_unit_test(writes_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
