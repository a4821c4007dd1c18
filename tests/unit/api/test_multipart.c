/* multipart/form-data: what is taken, and every way in which a body can be broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/multipart.h"
#include "tests/unit/fence.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the boundary ---- */

#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static void takes_the_boundary(void **state) {
    (void)state;
    static const struct {
        const char *content_type, *boundary; /* NULL: refused */
    } rows[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"multipart/form-data;boundary=abc", "abc"},
        {"Multipart/Form-Data \t; \t Boundary=abc ", "abc"},
        {"multipart/form-data; boundary=\"abc\"", "abc"},
        {"multipart/form-data; boundary=\"a b c\"", "a b c"},
        {"multipart/form-data; charset=utf-8; boundary=abc", "abc"},
        {"multipart/form-data; boundary=abc; charset=\"utf-8\"", "abc"},
        {"multipart/form-data; x=\"; boundary=no\"; boundary=abc", "abc"},
        {"multipart/form-data; boundary=abc;", "abc"},
        {"multipart/form-data;; boundary=abc", "abc"},
        {"multipart/form-data; boundary=----WebKitFormBoundaryzuW5nPZQFQCwQtg4",
         "----WebKitFormBoundaryzuW5nPZQFQCwQtg4"},
        {"multipart/form-data; boundary=------------------------d74496d66958873e",
         "------------------------d74496d66958873e"},
        {"multipart/form-data; boundary=----=_Part_0_1.2", "----=_Part_0_1.2"},
        {"multipart/form-data; boundary=\"===============12==\"", "===============12=="},
        {"multipart/form-data; boundary='()+_,-./:=?", "'()+_,-./:=?"},
        {"multipart/form-data; boundary=x", "x"},
        {"multipart/form-data; boundary=" SEVENTY, SEVENTY},
        {"multipart/form-data; boundary=" SEVENTY "0", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data;", NULL},
        {"multipart/form-data; charset=utf-8", NULL},
        {"multipart/form-data; boundary", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"abc", NULL},
        {"multipart/form-data; boundary=\"abc ", NULL},
        {"multipart/form-data; boundary=\"abc \"", NULL},
        {"multipart/form-data; boundary=abc\"", NULL},
        {"multipart/form-data; boundary=a b", NULL},
        {"multipart/form-data; boundary =abc", NULL},
        {"multipart/form-data; boundary= abc", NULL},
        {"multipart/form-data; =abc", NULL},
        {"multipart/form-data; boundary=a{b}", NULL},
        {"multipart/form-data; boundary=a!b", NULL},
        {"multipart/form-data; boundary=\"a\\\"b\"", NULL},
        {"multipart/form-data; boundary=\"a\tb\"", NULL},
        {"multipart/form-data; boundary=a\xc3\xa4", NULL},
        {"multipart/form-data; boundary=abc; boundary=abc", NULL},
        {"multipart/form-data; boundary=abc, text/plain", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char boundary[MULTIPART_MAX_BOUNDARY_BYTES + 1];
        struct form_refusal refusal = {0};
        bool taken = multipart_boundary(rows[i].content_type, boundary, &refusal);
        if (taken != (rows[i].boundary != NULL) || (taken && strcmp(boundary, rows[i].boundary) != 0))
            fail_msg("%s: %s", rows[i].content_type, taken ? boundary : refusal.detail);
        if (!taken) {
            assert_int_equal(refusal.problem, PROBLEM_MALFORMED_REQUEST);
            assert_true(strstr(refusal.detail, "Content-Type") != NULL);
        }
    }
}

/* ---- bodies, all with the boundary "b" ---- */

#define TEXT(text) (text), sizeof(text) - 1
#define CD         "Content-Disposition: form-data; "
#define A(content) "--b\r\n" CD "name=\"a\"\r\n\r\n" content "\r\n"
#define END        "--b--\r\n"

/* Parses a copy that ends at an unmapped page. */
static bool parse(const struct fence *fence, const char *body, size_t bytes, struct arena *arena,
                  struct multipart *form, struct form_refusal *refusal) {
    *refusal = (struct form_refusal){0};
    return multipart_parse(fence_copy_to_end(fence, body, bytes), bytes, "b", arena, form, refusal);
}

/* "a=1;weight=2": names and contents; a part without a file is "bias-". */
static void describe(const struct multipart *form, char *out, size_t capacity) {
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < form->parts && at < capacity; i++) {
        const struct multipart_part *part = &form->part[i];
        at += (size_t)snprintf(out + at, capacity - at, "%s%s%s%.*s", i > 0 ? ";" : "", part->name,
                               part->no_file ? "-" : "=", (int)part->bytes, part->data);
    }
}

static void takes_well_formed_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t bytes;
        const char *parts;
    } rows[] = {
        {TEXT(A("1") END), "a=1"},
        {TEXT(A("") END), "a="},
        {TEXT(A("1") "--b--"), "a=1"},
        {TEXT(A("1") "--b-- \t"), "a=1"},
        {TEXT(A("1") "--b--\t \r\n"), "a=1"},
        {TEXT(A("1") END "\r\n\r\n"), "a=1"},
        {TEXT("\r\n" A("1") END), "a=1"},
        {TEXT("--b \t \r\n" CD "name=a\r\n\r\n1\r\n--b \t\r\n" CD "name=c\r\n\r\n2\r\n" END), "a=1;c=2"},
        {TEXT(A("1") "--b\r\n" CD "name=\"c\"\r\nContent-Type: text/plain\r\n\r\n2,1\r\n" END), "a=1;c=2,1"},
        {TEXT("--b--\r\n"), ""}, /* what an empty FormData is */
        {TEXT("--b--"), ""},
        {TEXT("\r\n--b--"), ""},
        /* content that looks like delimiters, and is none */
        {TEXT(A("x--b--\r\n") END), "a=x--b--\r\n"},
        {TEXT(A("\r\n\r\n\n--b\r\n-") END), "a=\r\n\r\n\n--b\r\n-"},
        {TEXT(A("\r\n--a\r\n--B\r\r\n-b") END), "a=\r\n--a\r\n--B\r\r\n-b"},
        {TEXT(A("\r") END), "a=\r"},
        {TEXT(A("1\n") END), "a=1\n"},
        /* headers */
        {TEXT("--b\r\ncontent-disposition:FORM-DATA;NAME=a\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\nX-Any: \xff\xe4 \"\r\nContent-Type: image/png; x=\r\n" CD "name=a\r\n\r\n1\r\n" END),
         "a=1"},
        {TEXT("--b\r\nEmpty:\r\n" CD "name=a\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=a\r\nContent-Transfer-Encoding: binary \r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=a\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=a\r\n\r\n" END), "a="}, /* headers without the empty line: no content */
        {TEXT("--b\r\n" CD " name=a ; filename=\"c d;e.png\" ; \r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "x=\"name=q\"; name=a\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=\"a\"; filename=\"C:\\dir\\file.png\"\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=\"a\"; filename*=UTF-8''%e2%82%ac.png\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=\"a\"; filename=\"e.png\"; filename*=UTF-8''%e2%82%ac.png\r\n\r\n1\r\n" END),
         "a=1"},
        {TEXT("--b\r\n" CD "filename=\"\xe4\xff.png\"; name=\"a\"\r\n\r\n1\r\n" END), "a=1"},
        {TEXT("--b\r\n" CD "name=\"a; b\"\r\n\r\n1\r\n" END), "a; b=1"},
        {TEXT("--b\r\n" CD "name=\"\\\"\\\\\\a\"\r\n\r\n1\r\n" END), "\"\\\\a=1"},
        {TEXT("--b\r\n" CD "name=\"x%22%0Ay%\"\r\n\r\n1\r\n" END), "x\"%0Ay%=1"},
        {TEXT("--b\r\n" CD "name=x%22\r\n\r\n1\r\n" END), "x%22=1"},
        {TEXT("--b\r\n" CD "name=\"gr\xc3\xb6\xc3\x9f"
              "e\"\r\n\r\n1\r\n" END),
         "gr\xc3\xb6\xc3\x9f"
         "e=1"},
        /* a file input without a file, and what is not that */
        {TEXT("--b\r\n" CD
              "name=\"bias\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n" END),
         "bias-"},
        {TEXT("--b\r\n" CD "name=\"bias\"; filename=\"\"\r\n\r\n1\r\n" END), "bias=1"},
        {TEXT("--b\r\n" CD "name=\"bias\"; filename=\"x\"\r\n\r\n\r\n" END), "bias="},
    };
    struct fence fence = fence_make(8192);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = {0};
        struct multipart form;
        struct form_refusal refusal;
        char parts[512];
        bool taken = parse(&fence, rows[i].body, rows[i].bytes, &arena, &form, &refusal);
        describe(&form, parts, sizeof parts);
        if (!taken || strcmp(parts, rows[i].parts) != 0)
            fail_msg("row %zu: %s: %s", i, taken ? parts : refusal.detail, rows[i].body);
        arena_release(&arena);
    }
}

static void refuses_broken_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t bytes;
        const char *detail; /* a part of it */
    } rows[] = {
        /* delimiters */
        {TEXT(""), "no line begins with '--' and the boundary"},
        {TEXT("{\"input\": 1}"), "byte 0 "},
        {TEXT("--B\r\n" CD "name=a\r\n\r\n1\r\n--B--"), "no line begins with"},
        {TEXT("x--b\r\n" CD "name=a\r\n\r\n1\r\n-b--"), "in front of the first boundary"},
        {TEXT("x\n--b\r\n" CD "name=a\r\n\r\n1\r-b--"), "in front of the first boundary"},
        {TEXT("preamble\r\n" A("1") END), "in front of the first boundary"},
        {TEXT("\n" A("1") END), "in front of the first boundary"},
        {TEXT("\r\n\r\n" A("1") END), "in front of the first boundary"},
        {TEXT(A("1") END "epilogue"), "behind the last boundary"},
        {TEXT(A("1") END A("2") END), "behind the last boundary"},
        {TEXT("--b"), "neither CRLF nor '--' follows the boundary (part 1 of the form, byte 3 of the body)"},
        {TEXT("--b-"), "neither CRLF nor '--'"},
        {TEXT("--b\r"), "neither CRLF nor '--'"},
        {TEXT("--bc\r\n" CD "name=a\r\n\r\n1\r\n" END), "neither CRLF nor '--'"},
        {TEXT("--b \n" CD "name=a\r\n\r\n1\r\n" END), "bare LF instead of CRLF (part 1 of the form, byte 4 "},
        {TEXT("--b\n" CD "name=a\n\n1\n--b--\n"), "bare LF"},
        {TEXT(A("1") "--bx--"), "neither CRLF nor '--' follows the boundary (part 2 of the form, byte 55 "},
        {TEXT(A("1") "--b--x"), "neither CRLF nor '--'"},
        {TEXT(A("1") "--b--\n"), "bare LF"},
        {TEXT(A("1") "--b--\r"), "neither CRLF nor '--'"},
        {TEXT(A("\r\n--bcd") END), "neither CRLF nor '--'"},
        {TEXT("--b\r\n"), "without a final boundary ('--', the boundary, '--') (part 1 of the form, byte 5 "},
        {TEXT("--b\r\n--b--"), "final boundary"},
        {TEXT("--b\r\n" CD "name=a\r\n\r\n1\r\n"), "final boundary"},
        {TEXT("--b\r\n" CD "name=a\r\n\r\n1--b--"), "final boundary"},
        {TEXT("--b\r\n" CD "name=a\r\n\r\n1\n--b--"), "final boundary"},
        {TEXT(A("1") "--b\r\n"), "part 2 of the form"},
        {TEXT(A("1") "-b--"), "final boundary"},
        {TEXT(A("1") "--b\t--"), "neither CRLF nor '--'"},
        {TEXT(A("--b") END), "final boundary"}, /* a delimiter: the headers' own CRLF is in front of it */
        /* headers */
        {TEXT("--b\r\n\r\n1\r\n" END), "no Content-Disposition, and so no name (part 1 of the form, byte 5 "},
        {TEXT("--b\r\n\r\n--b--"), "no Content-Disposition"},
        {TEXT("--b\r\nContent-Type: text/plain\r\n\r\n1\r\n" END), "no Content-Disposition"},
        {TEXT("--b\r\n" CD "name=a\n\r\n1\r\n" END),
         "a header's line ends with a bare LF instead of CRLF (part 1 of the form, byte 43 "},
        {TEXT("--b\r\n" CD "name=a\r\n\n1\r\n" END), "bare LF"},
        {TEXT("--b\r\n" CD "name=a\r\r\n\r\n1\r\n" END),
         "control character stands in a header (part 1 of the form, byte 43 "},
        {TEXT("--b\r\n" CD "name=\"a\0\"\r\n\r\n1\r\n" END), "control character"},
        {TEXT("--b\r\n" CD "name=\"a\x7f\"\r\n\r\n1\r\n" END), "control character"},
        {TEXT("--b\r\nX\0: 1\r\n" CD "name=a\r\n\r\n1\r\n" END), "control character"},
        {TEXT("--b\r\n" CD "\r\n name=a\r\n\r\n1\r\n" END), "no name"},
        {TEXT("--b\r\n" CD "name=a\r\n x\r\n\r\n1\r\n" END), "goes on in a second line"},
        {TEXT("--b\r\n" CD "name=a\r\nnonsense\r\n\r\n1\r\n" END),
         "no header ('Name: value') (part 1 of the form, byte 45 "},
        {TEXT("--b\r\n" CD "name=a\r\n: x\r\n\r\n1\r\n" END), "no header"},
        {TEXT("--b\r\n" CD "name=a\r\n1\r\n" END), "a header's line does not end"},
        {TEXT("--b\r\n" CD "name=a\r\n--b--"), "a header's line does not end"},
        {TEXT("--b\r\n" CD "name=a\r\nX : y\r\n\r\n1\r\n" END), "no header"},
        {TEXT("--b\r\n" CD "name=a\r\nX\xc3\xa4: y\r\n\r\n1\r\n" END), "no header"},
        {TEXT("--b\r\n" CD "name=a\r\n" CD "name=c\r\n\r\n1\r\n" END), "second Content-Disposition"},
        {TEXT("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n" END), "must be form-data"},
        {TEXT("--b\r\nContent-Disposition: form-dat; name=a\r\n\r\n1\r\n" END), "must be form-data"},
        {TEXT("--b\r\nContent-Disposition:\r\n\r\n1\r\n" END), "must be form-data"},
        {TEXT("--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n" END), "has no name"},
        {TEXT("--b\r\n" CD "filename=a\r\n\r\n1\r\n" END), "has no name"},
        {TEXT("--b\r\n" CD "name=\"\"\r\n\r\n1\r\n" END), "has no name"},
        {TEXT("--b\r\n" CD "name*=UTF-8''a\r\n\r\n1\r\n" END), "has no name"},
        {TEXT("--b\r\n" CD "name=\r\n\r\n1\r\n" END),
         "Content-Disposition is broken (part 1 of the form, byte 42 "},
        {TEXT("--b\r\n" CD "name\r\n\r\n1\r\n" END), "is broken"},
        {TEXT("--b\r\n" CD "name=\"a\r\n\r\n1\r\n" END), "is broken"},
        {TEXT("--b\r\n" CD "name=\"a\\\"\r\n\r\n1\r\n" END), "is broken"},
        {TEXT("--b\r\n" CD "name=\"a\"b\r\n\r\n1\r\n" END), "is broken"},
        {TEXT("--b\r\n" CD "name=\"a\" filename=\"b\"\r\n\r\n1\r\n" END), "is broken"},
        {TEXT("--b\r\n" CD "name=a, filename=b\r\n\r\n1\r\n" END), "is broken"},
        {TEXT("--b\r\n" CD "name=a; name=a\r\n\r\n1\r\n" END), "a parameter twice"},
        {TEXT("--b\r\n" CD "name=a; filename=b; filename=c\r\n\r\n1\r\n" END), "a parameter twice"},
        {TEXT("--b\r\n" CD "name=a; filename=\"\"; filename=c\r\n\r\n1\r\n" END), "a parameter twice"},
    };
    struct fence fence = fence_make(8192);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = {0};
        struct multipart form;
        struct form_refusal refusal;
        bool taken = parse(&fence, rows[i].body, rows[i].bytes, &arena, &form, &refusal);
        if (taken || strstr(refusal.detail, rows[i].detail) == NULL ||
            refusal.problem != PROBLEM_MALFORMED_BODY)
            fail_msg("row %zu: %s: %s", i, taken ? "taken" : refusal.detail, rows[i].body);
        arena_release(&arena);
    }
}

/* Refusals with a problem of their own. */
static void names_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *body;
        enum problem problem;
        const char *detail;
    } rows[] = {
        {A("1") A("1") END, PROBLEM_REPEATED_KEY, "parts 1 and 2 of the form have the same name, 'a'"},
        {A("1") "--b\r\n" CD "name=c\r\n\r\n1\r\n" A("1") END, PROBLEM_REPEATED_KEY, "parts 1 and 3"},
        {"--b\r\n" CD "name=\"\xe4\"\r\n\r\n1\r\n" END, PROBLEM_MALFORMED_UTF8, "name of part 1"},
        {A("1") "--b\r\n" CD "name=\"\xc3\"\r\n\r\n1\r\n" END, PROBLEM_MALFORMED_UTF8, "name of part 2"},
        {"--b\r\n" CD "name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n" END,
         PROBLEM_UNSUPPORTED_MEDIA_TYPE, "send its bytes as they are"},
        {"--b\r\nContent-transfer-encoding: quoted-printable\r\n" CD "name=a\r\n\r\n1\r\n" END,
         PROBLEM_UNSUPPORTED_MEDIA_TYPE, "part 1"},
    };
    struct fence fence = fence_make(8192);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = {0};
        struct multipart form;
        struct form_refusal refusal;
        if (parse(&fence, rows[i].body, strlen(rows[i].body), &arena, &form, &refusal))
            fail_msg("taken: %s", rows[i].body);
        assert_int_equal(refusal.problem, rows[i].problem);
        if (strstr(refusal.detail, rows[i].detail) == NULL)
            fail_msg("%s: %s", refusal.detail, rows[i].body);
        arena_release(&arena);
    }
}

/* ---- bounds ---- */

/* `parts` parts, the first with `header_bytes` bytes of headers and a name of `name_bytes`; its length. */
static size_t make_body(char *out, int parts, size_t header_bytes, int name_bytes) {
    size_t at = (size_t)sprintf(out, "--b\r\n");
    size_t headers = at;
    at += (size_t)sprintf(out + at, CD "name=\"%0*d\"\r\nX:", name_bytes, 0);
    while (at - headers < header_bytes - 4)
        out[at++] = 'x';
    at += (size_t)sprintf(out + at, "\r\n\r\ncontent\r\n");
    for (int i = 1; i < parts; i++)
        at += (size_t)sprintf(out + at, "--b\r\n" CD "name=\"p%d\"\r\n\r\n%d\r\n", i, i);
    return at + (size_t)sprintf(out + at, "--b--\r\n");
}

static void bounds_parts_headers_and_names(void **state) {
    (void)state;
    static const struct {
        int parts;
        size_t header_bytes;
        int name_bytes;
        const char *refusal;
    } rows[] = {
        {64, 200, 1, NULL},
        {65, 200, 1, "a form may have 64 parts (part 65 "},
        {1, 8192, 1, NULL},
        {1, 8193, 1, "the part's headers pass 8192 bytes (part 1 "},
        {1, 20000, 1, "the part's headers pass 8192 bytes"},
        {2, 400, 256, NULL},
        {2, 400, 257, "the part's name passes 256 bytes"},
    };
    struct fence fence = fence_make(65536);
    char *body = malloc(65536);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = {0};
        struct multipart form;
        struct form_refusal refusal;
        size_t bytes = make_body(body, rows[i].parts, rows[i].header_bytes, rows[i].name_bytes);
        bool taken = parse(&fence, body, bytes, &arena, &form, &refusal);
        if (taken != (rows[i].refusal == NULL) || (!taken && strstr(refusal.detail, rows[i].refusal) == NULL))
            fail_msg("row %zu: %s", i, taken ? "taken" : refusal.detail);
        if (taken)
            assert_int_equal(form.parts, rows[i].parts);
        arena_release(&arena);
    }
    free(body);
}

static void a_refused_allocation_is_told(void **state) {
    (void)state;
    struct budget budget = {.limit_bytes = 1};
    struct arena arena = {.budget = &budget};
    struct multipart form;
    struct form_refusal refusal = {0};
    assert_false(multipart_parse(TEXT(A("1") END), "b", &arena, &form, &refusal));
    assert_int_equal(refusal.problem, PROBLEM_OVERLOADED);
    assert_int_equal(budget.used_bytes, 0);
    arena_release(&arena);
}

/* ---- damage ---- */

static const char whole[] =
    "\r\n--b\t\r\n" CD "name=\"input\"; filename=\"cat.png\"\r\nContent-Type: image/png\r\n\r\n"
    "\x89PNG\r\n\x1a\n\0\0\0\r\r\n--\r\n--b\r\n" CD "name=stride\r\n\r\n2,1\r\n--b--";

/* Whatever comes out lies in the body. */
static void check_slices(const struct multipart *form, const char *begin, const char *end) {
    for (int i = 0; i < form->parts; i++) {
        assert_true(form->part[i].data >= begin && form->part[i].data <= end);
        assert_true(form->part[i].bytes <= (size_t)(end - form->part[i].data));
        assert_true(form->part[i].name[0] != '\0');
    }
}

static void every_beginning_of_a_body_is_refused(void **state) {
    (void)state;
    struct fence fence = fence_make(sizeof whole);
    for (size_t bytes = 0; bytes < sizeof whole; bytes++) {
        struct arena arena = {0};
        struct multipart form;
        struct form_refusal refusal;
        bool taken = parse(&fence, whole, bytes, &arena, &form, &refusal);
        if (taken != (bytes == sizeof whole - 1))
            fail_msg("%zu bytes: %s", bytes, taken ? "taken" : refusal.detail);
        check_slices(&form, fence.end - bytes, fence.end);
        arena_release(&arena);
    }
}

static void every_flipped_byte_is_survived(void **state) {
    (void)state;
    struct fence fence = fence_make(sizeof whole);
    char body[sizeof whole];
    int taken = 0, refused = 0;
    memcpy(body, whole, sizeof whole);
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (int value = 0; value < 256; value++) {
            struct arena arena = {0};
            struct multipart form;
            struct form_refusal refusal;
            body[at] = (char)value;
            bool fine = parse(&fence, body, sizeof whole - 1, &arena, &form, &refusal);
            taken += fine;
            refused += !fine;
            check_slices(&form, fence.end - (sizeof whole - 1), fence.end);
            if (!fine)
                assert_true(refusal.detail[0] != '\0');
            arena_release(&arena);
        }
        body[at] = whole[at];
    }
    assert_true(taken > 1000 && refused > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_boundary),
        cmocka_unit_test(takes_well_formed_bodies),
        cmocka_unit_test(refuses_broken_bodies),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(bounds_parts_headers_and_names),
        cmocka_unit_test(a_refused_allocation_is_told),
        cmocka_unit_test(every_beginning_of_a_body_is_refused),
        cmocka_unit_test(every_flipped_byte_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
