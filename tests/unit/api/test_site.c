/* The pages for people without a socket: codings, entity tags, and which form of a file is the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/coding.h"
#include "api/etag.h"
#include "api/problem_page.h"
#include "api/site.h"
#include "api/weight.h"

#include <stdlib.h>
#include <string.h>

/* ---- headers ---- */

static void reads_weights(void **state) {
    (void)state;
    static const struct {
        const char *parameters;
        double weight;
    } cases[] = {
        {"", 1},
        {";q=0", 0},
        {";q=1", 1},
        {";q=0.5", 0.5},
        {" ; q=0.25 ", 0.25},
        {";Q=0.5", 0.5},
        {";q=0.125", 0.125},
        {";q=0.1259", 0.125},
        {";q=1.000", 1},
        {";q=7", 1},
        {";q=", 1},
        {";q=x", 0},
        {";q=.5", 0},
        {";q=-1", 0},
        {";q = 0", 1},
        {";a=b;q=0.5", 0.5},
        {";q=0.5;q=0.75", 0.5},
        {", x;q=0", 1},
        {";v=1, x;q=0", 1},
        {";;;q=0", 0},
        {";", 1},
        {";q", 1},
        {";q=0,", 0},
        {";q=0.,", 0},
        {";q=00", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (weight_of(cases[i].parameters) != cases[i].weight)
            fail_msg("'%s' weighs %g", cases[i].parameters, weight_of(cases[i].parameters));
}

static void negotiates_codings(void **state) {
    (void)state;
    static const struct {
        const char *accept_encoding;
        bool gzip;
    } cases[] = {
        {NULL, false},
        {"", false},
        {" \t", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"X-GZIP;q=0.001", true},
        {"*", true},
        {"*;q=0.5", true},
        {"*;q=0", false},
        {"gzip, deflate, br, zstd", true},
        {"br;q=1, gzip;q=0.2", true},
        {"deflate, br", false},
        {"identity", false},
        {"identity, gzip", true},
        {"identity, gzip;q=0.9", false},
        {"identity;q=0.9, gzip;q=0.9", true},
        {"identity;q=0", false},
        {"identity;q=0, *", true},
        {"identity;q=0, gzip;q=0", false},
        {"gzip;q=0", false},
        {"gzip;q=0.000", false},
        {"gzip ; q=0", false},
        {"gzip;q=0, *", false},
        {"*, gzip;q=0", false},
        {"gzip;q=0, gzip", false},
        {"gzip, gzip;q=0", true},
        {"x-gzip;q=0, gzip", false},
        {"gzip;q=0.4, *;q=0.5", false},
        {"*;q=0, gzip", true},
        {"gzi", false},
        {"gzipped", false},
        {"x-gzi", false},
        {"agzip", false},
        {"gzip x", true}, /* a fault; the name is there */
        {"\"gzip\"", false},
        {",,,gzip,,,", true},
        {";gzip", false},
        {";q=0,gzip", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (coding_wants_gzip(cases[i].accept_encoding) != cases[i].gzip)
            fail_msg("'%s' is taken for %s", cases[i].accept_encoding, cases[i].gzip ? "plain" : "gzip");
}

static void compares_entity_tags(void **state) {
    (void)state;
    static const struct {
        const char *list;
        bool listed; /* "ab" is */
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*", true},
        {" * ", true},
        {"*, \"ab\"", false},
        {"\"*\"", false},
        {"\"ab\"", true},
        {"W/\"ab\"", true},
        {"w/\"ab\"", false},
        {"W/ \"ab\"", false},
        {"\"AB\"", false},
        {"\"a\"", false},
        {"\"abc\"", false},
        {"ab", false},
        {"\"ab", false},
        {"ab\"", false},
        {"\"", false},
        {"W/", false},
        {"\"\"", false},
        {"\"\", \"ab\"", true},
        {"\"x\", \"ab\"", true},
        {"\"x\",\"ab\"", true},
        {"\"x\" \t,\t W/\"ab\"", true},
        {",, \"x\",,, \"ab\",", true},
        {"\"x, \"ab\"", false},
        {"\"x,y\", \"ab\"", true},
        {"\"x\" \"ab\"", false},
        {"\"x\"; \"ab\"", false},
        {"\"ab\"x", true},
        {"x\"ab\"", false},
        {"\"x\", *", false},
        {"\"\\\", \"ab\"", true}, /* a backslash is a character as any other */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (etag_is_listed(cases[i].list, "\"ab\"") != cases[i].listed)
            fail_msg("'%s' is judged wrongly", cases[i].list);
}

/* ---- answers ---- */

#define FORM(text, etag)                                                                                     \
    { (const unsigned char *)(text), sizeof(text) - 1, etag }
static const struct site_file files[] = {
    {"/", "text/html; charset=utf-8", "no-cache", FORM("<p>", "\"page\""), FORM("gz", "\"page-gz\"")},
    {"/docs", "text/html; charset=utf-8", "no-cache", FORM("<ul>", "\"docs\""), {0}},
    {"/assets/0/a.js", "text/javascript", "immutable", FORM("let", "\"js\""), FORM("z", "\"js-gz\"")},
};
static const struct site site = {"/assets/0", files, sizeof files / sizeof files[0]};
static atomic_bool draining;

struct exchange {
    struct arena arena;
    struct api_response response;
};

static void run(const struct api_context *context, struct api_request request, struct exchange *x) {
    int64_t max_body_bytes;
    bool computes;
    request.id = "test";
    request.content_length = -1;
    request.body = "";
    *x = (struct exchange){.response = {0}};
    if (api_head(context, &request, &x->arena, &x->response, &max_body_bytes, &computes) == API_HANDLE) {
        assert_false(computes);
        api_handle(context, &request, 0, &x->arena, &x->response);
    }
}

static const char *header(const struct exchange *x, const char *name) {
    for (int i = 0; i < x->response.headers; i++)
        if (strcmp(x->response.header[i].name, name) == 0)
            return x->response.header[i].value;
    return "";
}

static void chooses_the_form(void **state) {
    (void)state;
    static const struct {
        const char *path, *accept, *accept_encoding, *if_none_match;
        int status;
        const char *body, *etag, *coding, *vary;
    } cases[] = {
        {"/", "text/html", NULL, NULL, 200, "<p>", "\"page\"", "", "Accept, Accept-Encoding"},
        {"/", "text/html", "gzip", NULL, 200, "gz", "\"page-gz\"", "gzip", "Accept, Accept-Encoding"},
        {"/", "text/html", "gzip", "\"page-gz\"", 304, "gz", "\"page-gz\"", "", "Accept, Accept-Encoding"},
        {"/", "text/html", "gzip", "\"page\"", 200, "gz", "\"page-gz\"", "gzip", "Accept, Accept-Encoding"},
        {"/", "text/html", NULL, "W/\"page\"", 304, "<p>", "\"page\"", "", "Accept, Accept-Encoding"},
        {"/", "*/*", "gzip", "*", 200, NULL, "", "", "Accept, Accept-Encoding"},
        {"/", "image/png", "gzip", NULL, 406, NULL, "", "", "Accept, Accept-Encoding"},
        {"/docs", NULL, "gzip", NULL, 200, "<ul>", "\"docs\"", "", "Accept-Encoding"},
        {"/docs", "application/json", NULL, NULL, 406, NULL, "", "", "Accept-Encoding"},
        {"/assets/0/a.js", "image/png", "gzip", NULL, 200, "z", "\"js-gz\"", "gzip", "Accept-Encoding"},
        {"/assets/0/a.js", NULL, NULL, NULL, 200, "let", "\"js\"", "", "Accept-Encoding"},
        {"/assets/1/a.js", NULL, NULL, "*", 404, NULL, "", "", "Accept-Encoding"},
        {"/openapi.json", NULL, NULL, NULL, 404, NULL, "", "", "Accept-Encoding"}, /* not of this site */
    };
    struct api_context context = {.draining = &draining, .site = &site};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exchange x;
        run(&context,
            (struct api_request){.method = "GET",
                                 .path = cases[i].path,
                                 .accept = cases[i].accept,
                                 .accept_encoding = cases[i].accept_encoding,
                                 .if_none_match = cases[i].if_none_match},
            &x);
        if (x.response.status != cases[i].status)
            fail_msg("row %zu gives %d", i, x.response.status);
        if (cases[i].body != NULL)
            assert_memory_equal(x.response.body, cases[i].body, x.response.body_bytes);
        assert_string_equal(header(&x, "ETag"), cases[i].etag);
        assert_string_equal(header(&x, "Content-Encoding"), cases[i].coding);
        assert_string_equal(header(&x, "Vary"), cases[i].vary);
        assert_true(x.response.headers <= API_MAX_HEADERS);
        arena_release(&x.arena);
    }
}

/* Bytes of a file are sent from where they are, and a page costs no memory at all. */
static void copies_nothing(void **state) {
    (void)state;
    struct api_context context = {.draining = &draining, .site = &site};
    struct exchange x;
    run(&context, (struct api_request){.method = "GET", .path = "/docs"}, &x);
    assert_ptr_equal(x.response.body, files[1].plain.data);
    assert_null(x.arena.blocks);
}

static void does_without_a_site(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/docs", "/openapi.json", "/assets/0/a.js"};
    struct api_context context = {.draining = &draining};
    struct exchange x;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        run(&context,
            (struct api_request){.method = "GET", .path = paths[i], .accept = "text/html, */*;q=0.5"}, &x);
        assert_int_equal(x.response.status, 404);
        arena_release(&x.arena);
    }
    run(&context, (struct api_request){.method = "GET", .path = "/problems/draining", .accept = "text/html"},
        &x);
    assert_int_equal(x.response.status, 200);
    assert_null(memmem(x.response.body, x.response.body_bytes, "stylesheet", strlen("stylesheet")));
    arena_release(&x.arena);
}

static void drains(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/docs", "/assets/0/a.js", "/problems/draining"};
    struct api_context context = {.draining = &draining, .site = &site};
    atomic_store(&draining, true);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct exchange x;
        run(&context, (struct api_request){.method = "GET", .path = paths[i], .accept = "text/html"}, &x);
        assert_int_equal(x.response.status, 503);
        assert_string_equal(header(&x, "Retry-After"), "1");
        arena_release(&x.arena);
    }
    atomic_store(&draining, false);
}

/* The page of a problem, or 503 where there is no memory for it; never half of one. */
static void writes_problem_pages_whole(void **state) {
    (void)state;
    for (int problem = 0; problem < PROBLEMS; problem++) {
        for (size_t limit = 1; limit < 1 << 16; limit *= 2) {
            struct budget budget = {.limit_bytes = limit};
            struct arena arena = {.budget = &budget};
            struct text text = text_open(&arena, 0);
            problem_page(&text, (enum problem)problem, &site);
            text_add(&text, "", 1);
            if (!text.failed) {
                assert_non_null(strstr(text.data, "href=\"/assets/0/style.css\""));
                assert_string_equal(text.data + text.length - strlen("</html>\n") - 1, "</html>\n");
            }
            arena_release(&arena);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_weights),
        cmocka_unit_test(negotiates_codings),
        cmocka_unit_test(compares_entity_tags),
        cmocka_unit_test(chooses_the_form),
        cmocka_unit_test(copies_nothing),
        cmocka_unit_test(does_without_a_site),
        cmocka_unit_test(drains),
        cmocka_unit_test(writes_problem_pages_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
