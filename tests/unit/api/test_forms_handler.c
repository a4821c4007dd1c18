/* Binary requests through api_head and api_handle without a socket; every allocation refused once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/forms/packing.h"
#include "lib/conv/blas.h"
#include "tests/unit/api/npz_build.h"

#include <jansson.h>
#include <stdlib.h>

static atomic_bool draining;

static struct api_context context_with(struct budget *budget) {
    return (struct api_context){.limits = {.max_body_bytes = 1 << 20,
                                           .max_document_bytes = 1 << 16,
                                           .max_output_bytes = 1 << 20,
                                           .max_macs = 1000000000},
                                .budget = budget,
                                .draining = &draining};
}

struct exchange {
    struct arena arena;
    struct api_response response;
    enum api_verdict verdict;
};

static struct exchange ask(const struct api_context *context, const char *path, const char *query,
                           const char *content_type, const char *accept, const struct bytes *body) {
    struct exchange x = {.arena = {.budget = context->budget}};
    struct api_request request = {.method = "POST",
                                  .path = path,
                                  .query = query,
                                  .content_type = content_type,
                                  .accept = accept,
                                  .id = "test",
                                  .content_length = (int64_t)body->count,
                                  .has_body = true,
                                  .body = (const char *)fenced(body->at, body->count + 1),
                                  .body_bytes = body->count};
    int64_t max_body_bytes;
    bool computes;
    x.verdict = api_head(context, &request, &x.arena, &x.response, &max_body_bytes, &computes);
    if (x.verdict == API_HANDLE)
        api_handle(context, &request, 0, &x.arena, &x.response);
    return x;
}

static const char *header(const struct exchange *x, const char *name) {
    for (int i = 0; i < x->response.headers; i++) {
        if (strcmp(x->response.header[i].name, name) == 0)
            return x->response.header[i].value;
    }
    return "";
}

/* The same two tensors as those of npz_build.h. */
static const struct bytes *safetensors_body(void) {
    static struct bytes file;
    struct packing packing = {.media = MEDIA_SAFETENSORS, .count = 2, .name = {"input", "weight"}};
    for (int i = 0; i < 2; i++)
        packing.tensor[i] = (struct tensor){.dtype = DTYPE_FLOAT32, .shape = {4, {1, 1, 2, 3}}};
    assert_true(pack_plan(&packing));
    for (int i = 0; i < 2; i++)
        memcpy(file.at + packing.data_at[i], values[i], sizeof values[i]);
    pack_finish(&packing, file.at);
    file.count = packing.bytes;
    file.at[file.count] = 0;
    return &file;
}

static const struct bytes *npy_body(void) {
    static struct bytes file;
    file.count = 0;
    add_npy(&file, 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 3)}", values[0],
            sizeof values[0]);
    file.at[file.count] = 0;
    return &file;
}

static void computes_from_every_kind_of_file(void **state) {
    (void)state;
    struct api_context context = context_with(NULL);
    float expected = 0;
    for (int i = 0; i < 6; i++)
        expected += values[0][i] * values[1][i];
    for (int kind = 0; kind <= KINDS; kind++) {
        const struct bytes *body = kind < KINDS ? &build((enum kind)kind)->file : safetensors_body();
        const char *type = kind < KINDS ? "application/x-npz" : "application/x-safetensors";
        struct exchange x = ask(&context, "/conv2d", NULL, type, "application/octet-stream", body);
        float output;
        if (x.response.status != 200)
            fail_msg("kind %d: %.*s", kind, (int)x.response.body_bytes, x.response.body);
        assert_int_equal(x.response.body_bytes, sizeof output);
        memcpy(&output, x.response.body, sizeof output);
        assert_true(output == expected);
        assert_string_equal(header(&x, "X-Tensor-Shape"), "1,1,1,1");
        assert_string_equal(header(&x, "X-Tensor-Dtype"), "float32");
        assert_string_equal(header(&x, "Vary"), "Accept");
        arena_release(&x.arena);
    }
}

static void judges_by_the_headers(void **state) {
    (void)state;
    static const struct {
        const char *path, *query, *type, *accept;
        int status;
    } cases[] = {
        {"/conv2d", NULL, "application/x-npy", NULL, 415},
        {"/shape", NULL, "application/x-npz", NULL, 415},
        {"/conv2d", NULL, "application/octet-stream", NULL, 415},
        {"/conv2d", NULL, "application/x-npz", "text/html", 406},
        {"/shape", NULL, "application/json", "application/x-npz", 406},
        {"/conv2d", "stride=1", "application/json", NULL, 422},
        {"/conv2d", "stride=1", "application/x-npz", NULL, 200},
        {"/conv2d", "padding=0,0,0,0", "application/zip", NULL, 200},
    };
    struct api_context context = context_with(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exchange x =
            ask(&context, cases[i].path, cases[i].query, cases[i].type, cases[i].accept, &build(PLAIN)->file);
        assert_int_equal(x.response.status, cases[i].status);
        assert_int_equal(x.verdict == API_REFUSED, cases[i].status != 200);
        arena_release(&x.arena);
    }
}

/* ---- memory ---- */

static long allocations_left; /* of jansson, before one is refused; negative: none is */

static void *counted_malloc(size_t bytes) {
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return malloc(bytes);
}

static const struct {
    const char *path, *query, *type, *accept;
    enum kind kind; /* KINDS: the lone npy; above: safetensors */
} memory_cases[] = {
    {"/conv2d", "padding=1,0,0,1&dtype=float64", "application/x-npz", "application/x-npz", DEFLATED},
    {"/conv2d", "stride=1", "application/zip", "application/x-npy", NUMPY},
    {"/conv2d", NULL, "application/x-safetensors", "application/octet-stream", KINDS + 1},
    {"/conv2d", "groups=5", "application/x-safetensors", "application/x-safetensors", KINDS + 1},
    {"/pool2d", "kernel_size=2&return_indices=true", "application/x-npy", "application/x-safetensors", KINDS},
    {"/pool2d", "kernel_size=2", "application/x-npz", NULL, CHATTY}, /* which has a weight too many */
};

static struct exchange ask_case(const struct api_context *context, size_t i) {
    enum kind kind = memory_cases[i].kind;
    const struct bytes *body = kind < KINDS    ? &build(kind)->file
                               : kind == KINDS ? npy_body()
                                               : safetensors_body();
    return ask(context, memory_cases[i].path, memory_cases[i].query, memory_cases[i].type,
               memory_cases[i].accept, body);
}

static void survives_every_failure_of_jansson(void **state) {
    (void)state;
    struct api_context context = context_with(NULL);
    json_set_alloc_funcs(counted_malloc, free);
    for (size_t i = 0; i < sizeof memory_cases / sizeof memory_cases[0]; i++) {
        allocations_left = -1;
        struct exchange usual = ask_case(&context, i);
        bool reached = true;
        for (long failing = 0; reached; failing++) {
            allocations_left = failing;
            struct exchange x = ask_case(&context, i);
            reached = allocations_left == 0;
            allocations_left = -1;
            if (x.response.status != 503 && x.response.status != usual.response.status)
                fail_msg("case %zu, allocation %ld: %d %.*s", i, failing, x.response.status,
                         (int)x.response.body_bytes, x.response.body);
            arena_release(&x.arena);
        }
        arena_release(&usual.arena);
    }
    json_set_alloc_funcs(malloc, free);
}

static void survives_every_budget(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof memory_cases / sizeof memory_cases[0]; i++) {
        struct api_context unlimited = context_with(NULL);
        struct exchange usual = ask_case(&unlimited, i);
        for (size_t limit = 1; limit < (size_t)1 << 22; limit += limit / 16 + 64) {
            struct budget budget = {.limit_bytes = limit};
            struct api_context context = context_with(&budget);
            struct exchange x = ask_case(&context, i);
            int status = x.response.status;
            if (status != 503 && status != 413 && status != usual.response.status)
                fail_msg("case %zu with %zu bytes: %d", i, limit, status);
            arena_release(&x.arena);
            assert_int_equal(budget.used_bytes, 0);
        }
        arena_release(&usual.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_from_every_kind_of_file),
        cmocka_unit_test(judges_by_the_headers),
        cmocka_unit_test(survives_every_failure_of_jansson),
        cmocka_unit_test(survives_every_budget),
    };
    blas_init();
    api_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
