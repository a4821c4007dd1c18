/* Requests through api_head and api_handle without a socket; every allocation refused once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/problem.h"
#include "lib/conv/blas.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool draining;

static struct api_context context_with(struct budget *budget) {
    return (struct api_context){.limits = {.max_body_bytes = 1 << 20,
                                           .max_document_bytes = 1 << 16,
                                           .max_output_bytes = 1 << 20,
                                           .max_macs = 1000000000,
                                           .max_queue = 16,
                                           .body_timeout_ms = 1000,
                                           .memory_bytes = 1 << 26},
                                .budget = budget,
                                .draining = &draining};
}

struct exchange {
    struct arena arena;
    struct api_response response;
    enum api_verdict verdict;
};

/* A body that begins with "--b" is a form. */
static struct exchange exchange_accept(const struct api_context *context, const char *method,
                                       const char *path, const char *query, const char *body,
                                       const char *accept) {
    bool form = body != NULL && strncmp(body, "--b", 3) == 0;
    struct exchange x = {.arena = {.budget = context->budget}};
    struct api_request request = {.method = method,
                                  .path = path,
                                  .query = query,
                                  .id = "test",
                                  .content_type = form ? "multipart/form-data; boundary=b" : NULL,
                                  .accept = accept,
                                  .content_length = -1,
                                  .has_body = body != NULL,
                                  .body = body != NULL ? body : "",
                                  .body_bytes = body != NULL ? strlen(body) : 0};
    int64_t max_body_bytes;
    bool computes;
    x.verdict = api_head(context, &request, &x.arena, &x.response, &max_body_bytes, &computes);
    if (x.verdict == API_HANDLE)
        api_handle(context, &request, 0, &x.arena, &x.response);
    return x;
}

static struct exchange exchange_run(const struct api_context *context, const char *method, const char *path,
                                    const char *query, const char *body) {
    return exchange_accept(context, method, path, query, body, NULL);
}

static bool has(const struct exchange *x, const char *text) {
    return memmem(x->response.body, x->response.body_bytes, text, strlen(text)) != NULL;
}

static const char *header(const struct exchange *x, const char *name) {
    for (int i = 0; i < x->response.headers; i++) {
        if (strcmp(x->response.header[i].name, name) == 0)
            return x->response.header[i].value;
    }
    return NULL;
}

static const char conv_body[] =
    "{\"input\": [[[[1,2,3,0,1],[0,1,5,1,0],[1,0,2,2,1],[1,1,2,0,0],[1,0,1,1,1]]]],"
    " \"weight\": {\"shape\": [1,1,3,3], \"data\": [1,0,1,0,1,0,1,0,1]}, \"bias\": [0.5], \"format\": \"nested\"}";

static void answers_a_convolution(void **state) {
    (void)state;
    struct api_context context = context_with(NULL);
    struct exchange x = exchange_run(&context, "POST", "/conv2d", NULL, conv_body);
    assert_int_equal(x.response.status, 200);
    assert_true(has(&x, "\"output\":[[[[8.5,9.5,8.5],[8.5,5.5,9.5],[6.5,5.5,5.5]]]]"));
    assert_true(has(&x, "\"shape\":[1,1,3,3]"));
    assert_non_null(header(&x, "X-Convd-Algorithm"));
    assert_true(x.response.timed);
    arena_release(&x.arena);
}

/* Beyond a limit of a context that is not the last to be asked there is the status and no more; other refusals are whole. */
static void says_little_where_another_context_is_asked(void **state) {
    (void)state;
    struct api_context context = context_with(NULL);
    context.asks_again = true;
    struct exchange x = exchange_run(&context, "POST", "/conv2d", NULL, conv_body);
    assert_int_equal(x.response.status, 200);
    arena_release(&x.arena);
    context.limits.max_macs = 80;
    x = exchange_run(&context, "POST", "/conv2d", NULL, conv_body);
    assert_int_equal(x.response.status, 413);
    assert_null(x.response.body);
    assert_null(x.response.problem);
    arena_release(&x.arena);
    x = exchange_run(&context, "POST", "/conv2d", NULL, "{\"input\": [[[1]]]}");
    assert_int_equal(x.response.status, 422);
    assert_true(has(&x, "weight"));
    arena_release(&x.arena);
    context.asks_again = false;
    x = exchange_run(&context, "POST", "/conv2d", NULL, conv_body);
    assert_int_equal(x.response.status, 413);
    assert_true(has(&x, "the limit is 80 (--max-macs)"));
    arena_release(&x.arena);
}

static void judges_by_the_headers(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *query;
        int status;
        const char *allow;
    } cases[] = {
        {"GET", "/nothing", NULL, 404, NULL},
        {"GET", "/conv2d", NULL, 405, "POST, OPTIONS"},
        {"PUT", "/shape", NULL, 405, "GET, HEAD, POST, OPTIONS"},
        {"OPTIONS", "/pool2d", NULL, 204, "POST, OPTIONS"},
        {"HEAD", "/version", NULL, 200, NULL},
        {"GET", "/problems/shape-mismatch", NULL, 200, NULL},
        {"GET", "/problems/none", NULL, 404, NULL},
        {"POST", "/conv2d", "stride=2", 415, NULL},
        {"GET", "/livez", NULL, 200, NULL},
        {"DELETE", "/", NULL, 405, "GET, HEAD, OPTIONS"},
        {"post", "/conv2d", NULL, 405, "POST, OPTIONS"},
        {"GET", "/shape", "a=%4", 400, NULL},
        {"GET", "/shape", "a=1&a=2", 400, NULL},
        {"GET", "/shape", "type=%ff", 400, NULL},
        {"GET", "/shape", "type=relu&input_shape=3,4", 200, NULL},
    };
    struct api_context context = context_with(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exchange x = exchange_run(&context, cases[i].method, cases[i].path, cases[i].query, NULL);
        const char *allow = header(&x, "Allow");
        if (x.response.status != cases[i].status)
            fail_msg("%s %s gives %d", cases[i].method, cases[i].path, x.response.status);
        if (cases[i].allow != NULL)
            assert_string_equal(allow, cases[i].allow);
        arena_release(&x.arena);
    }
}

static void drains(void **state) {
    (void)state;
    struct api_context context = context_with(NULL);
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {{"GET", "/readyz", 503}, {"GET", "/livez", 200}, {"POST", "/conv2d", 503}};
    atomic_store(&draining, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exchange x = exchange_run(&context, cases[i].method, cases[i].path, NULL, NULL);
        assert_int_equal(x.response.status, cases[i].status);
        assert_int_equal(header(&x, "Retry-After") != NULL, cases[i].status == 503);
        arena_release(&x.arena);
    }
    atomic_store(&draining, false);
}

/* ---- memory ---- */

static long allocations_left; /* before one is refused; negative: none is */

static void *counted_malloc(size_t bytes) {
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return malloc(bytes);
}

#define PART(name, content) "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" content "\r\n"

static const struct {
    const char *method, *path, *query, *body, *accept;
} memory_cases[] = {
    {"POST", "/conv2d", NULL, conv_body, NULL},
    {"POST", "/pool2d", NULL, "{\"input\": [[[1,2],[3,4]]], \"kernel_size\": 2, \"return_indices\": true}",
     NULL},
    {"POST", "/shape", NULL,
     "{\"input_shape\": [1,1,32,32], \"layers\": [{\"type\": \"conv2d\", \"out_channels\": 6, \"kernel_size\": 3}, "
     "{\"type\": \"max_pool2d\", \"kernel_size\": 2}]}",
     NULL},
    {"GET", "/shape", "type=conv2d&input_shape=1,1,32,32&out_channels=6&kernel_size=3", NULL, NULL},
    {"POST", "/conv2d", NULL, "{\"input\": [[1], [2, 3]]}", NULL},
    {"POST", "/conv2d", NULL, "{\"stride\": 1, \"stride\": 2}", NULL},
    {"GET", "/version", NULL, NULL, NULL},
    {"POST", "/conv2d", NULL,
     PART("input", "[[[1,2],[3,4]]]") PART("weight", "{\"shape\": [1,1,1,1], \"data\": [2]}")
         PART("padding", "1,0") "--b--",
     NULL},
    {"POST", "/conv2d", NULL, PART("input", "[[[1,2],[3,4]]]") PART("weight", "[[1], [1") "--b--", NULL},
    {"POST", "/pool2d", NULL,
     PART("input", "[[[1,2],[3,4]]]") PART("kernel_size", "1") PART("range", "0,5") "--b--", "image/png"},
};

static struct exchange memory_case(const struct api_context *context, size_t i) {
    return exchange_accept(context, memory_cases[i].method, memory_cases[i].path, memory_cases[i].query,
                           memory_cases[i].body, memory_cases[i].accept);
}

/* jansson's allocations fail, one after the other: each request is answered, with 503 or as always. */
static void survives_every_failure_of_jansson(void **state) {
    (void)state;
    struct api_context context = context_with(NULL);
    json_set_alloc_funcs(counted_malloc, free);
    for (size_t i = 0; i < sizeof memory_cases / sizeof memory_cases[0]; i++) {
        allocations_left = -1;
        struct exchange usual = memory_case(&context, i);
        for (long failing = 0; failing < 400; failing++) {
            allocations_left = failing;
            struct exchange x = memory_case(&context, i);
            bool reached = allocations_left == 0;
            allocations_left = -1;
            if (x.response.status != 503 && x.response.status != usual.response.status)
                fail_msg("%s, allocation %ld: %d %.*s", memory_cases[i].path, failing, x.response.status,
                         (int)x.response.body_bytes, x.response.body);
            arena_release(&x.arena);
            if (!reached)
                break;
        }
        arena_release(&usual.arena);
    }
    json_set_alloc_funcs(malloc, free);
}

/* The budget refuses from ever larger sizes on: each request is answered, nothing stays charged. */
static void survives_every_budget(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof memory_cases / sizeof memory_cases[0]; i++) {
        struct api_context unlimited = context_with(NULL);
        struct exchange usual = memory_case(&unlimited, i);
        for (size_t limit = 1; limit < (size_t)1 << 23; limit += limit / 16 + 64) {
            struct budget budget = {.limit_bytes = limit};
            struct api_context context = context_with(&budget);
            struct exchange x = memory_case(&context, i);
            int status = x.response.status;
            if (status != 503 && status != 413 && status != usual.response.status)
                fail_msg("%s with %zu bytes: %d", memory_cases[i].path, limit, status);
            arena_release(&x.arena);
            assert_int_equal(budget.used_bytes, 0);
        }
        arena_release(&usual.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_convolution),
        cmocka_unit_test(says_little_where_another_context_is_asked),
        cmocka_unit_test(judges_by_the_headers),
        cmocka_unit_test(drains),
        cmocka_unit_test(survives_every_failure_of_jansson),
        cmocka_unit_test(survives_every_budget),
    };
    blas_init();
    api_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
