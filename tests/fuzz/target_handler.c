/*
 * Target: the whole API without its sockets. The input is a request as text:
 *
 *   POST /pool2d?query
 *   Content-Type: application/json
 *   Accept: application/x-npy
 *
 *   body
 *
 * Whatever it is, the answer's status is one that api/problem.h has, JSON answers are JSON, problems are whole, nothing stays
 * charged or is read behind the body, and a refusal is the same on every level of kernels.
 */
#include "tests/fuzz/draw.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/on_worker.h"

#include "api/api.h"
#include "api/problem.h"
#include "api/site.h"
#include "lib/conv/blas.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Longer bodies are handled by workers, several of which read and write them. */
enum { LONG_BYTES = 1 << 15 };

static struct fence fence;
static atomic_bool draining, cancelled = true;

/* (The gzip forms are none: nobody looks into them here.) */
#define FORM(text, etag)                                                                                     \
    { (const unsigned char *)(text), sizeof(text) - 1, etag }
static const struct site_file site_files[] = {
    {"/", "text/html; charset=utf-8", "no-cache", FORM("<!doctype html>", "\"a\""), FORM("gz", "\"b\"")},
    {"/docs", "text/html; charset=utf-8", "no-cache", FORM("<!doctype html>", "\"a\""), {0}},
    {"/openapi.json", "application/json", "no-cache", FORM("{}", "\"c\""), FORM("gz", "\"d\"")},
    {"/assets/0/a.js", "text/javascript; charset=utf-8", "immutable", FORM("", "\"e\""), {0}},
};
static const struct site site = {"/assets/0", site_files, sizeof site_files / sizeof site_files[0]};

/* ---- the input ---- */

struct message {
    char *text; /* owned; what the others point to */
    const char *method, *path, *query, *content_type, *accept, *accept_encoding, *if_none_match;
    const uint8_t *body;
    size_t body_bytes;
};

/* The text up to `separator`, which becomes a NUL; `*text` goes behind it. NULL when there is none. */
static char *cut(char **text, const char *separator) {
    char *begin = *text, *end = strstr(begin, separator);
    if (end == NULL)
        return NULL;
    *end = '\0';
    *text = end + strlen(separator);
    return begin;
}

static void read_header(struct message *message, const char *line) {
    const struct {
        const char *name, **value;
    } known[] = {{"Content-Type: ", &message->content_type},
                 {"Accept: ", &message->accept},
                 {"Accept-Encoding: ", &message->accept_encoding},
                 {"If-None-Match: ", &message->if_none_match}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(line, known[i].name, strlen(known[i].name)) == 0)
            *known[i].value = line + strlen(known[i].name);
    }
}

/* Without a head of that form the input is the body of a convolution. */
static void read_message(struct message *message, const uint8_t *data, size_t bytes) {
    const uint8_t *end = memmem(data, bytes, "\n\n", 2);
    size_t head = end != NULL ? (size_t)(end - data) + 1 : 0;
    *message = (struct message){.method = "POST", .path = "/conv2d", .text = malloc(head + 1)};
    if (message->text == NULL)
        abort();
    if (head > 0)
        memcpy(message->text, data, head);
    message->text[head] = '\0';
    message->body = data + (head > 0 ? head + 1 : 0);
    message->body_bytes = bytes - (head > 0 ? head + 1 : 0);
    char *rest = message->text, *line = cut(&rest, "\n"), *method = line != NULL ? cut(&line, " ") : NULL;
    if (method == NULL)
        return;
    message->method = method;
    message->path = line;
    char *mark = strchr(line, '?');
    if (mark != NULL) {
        *mark = '\0';
        message->query = mark + 1;
    }
    while ((line = cut(&rest, "\n")) != NULL)
        read_header(message, line);
}

/* ---- what is true of every answer ---- */

static bool is_documented(int status) {
    static const int documented[] = {200, 204, 304, 400, 404, 405, 406, 413, 415, 422};
    for (size_t i = 0; i < sizeof documented / sizeof documented[0]; i++) {
        if (status == documented[i])
            return true;
    }
    return false;
}

static const char *header_of(const struct api_response *response, const char *name) {
    for (int i = 0; i < response->headers; i++) {
        if (strcmp(response->header[i].name, name) == 0)
            return response->header[i].value;
    }
    return NULL;
}

static void check_problem(const struct api_response *response, const json_t *body) {
    const char *type = json_string_value(json_object_get(body, "type"));
    const char *detail = json_string_value(json_object_get(body, "detail"));
    const char *pointer = json_string_value(json_object_get(body, "pointer"));
    enum problem problem;
    FUZZ_CHECK(type != NULL && strncmp(type, "/problems/", 10) == 0 && problem_find(type + 10, &problem),
               "a problem has no type: %.*s", (int)response->body_bytes, response->body);
    FUZZ_CHECK(problem_http_status(problem) == response->status && response->problem != NULL &&
                   strcmp(response->problem, type + 10) == 0 &&
                   (int)json_number_value(json_object_get(body, "status")) == response->status,
               "a problem of another status than %d: %.*s", response->status, (int)response->body_bytes,
               response->body);
    FUZZ_CHECK(json_is_string(json_object_get(body, "title")) && detail != NULL && detail[0] != '\0' &&
                   json_is_string(json_object_get(body, "instance")),
               "a problem is not whole: %.*s", (int)response->body_bytes, response->body);
    FUZZ_CHECK(json_object_get(body, "pointer") == NULL ||
                   (pointer != NULL && (pointer[0] == '/' || pointer[0] == '\0')),
               "a problem's pointer is none: %.*s", (int)response->body_bytes, response->body);
}

/* The nested arrays `value` have the sizes of `shape` from place `i` on; a size of 0 ends them. */
static bool has_shape(const json_t *value, const json_t *shape, size_t i) {
    if (i == json_array_size(shape))
        return json_is_number(value) || json_is_string(value);
    size_t size = (size_t)json_number_value(json_array_get(shape, i));
    if (!json_is_array(value) || json_array_size(value) != size)
        return false;
    for (size_t child = 0; child < size; child++) {
        if (!has_shape(json_array_get(value, child), shape, i + 1))
            return false;
    }
    return true;
}

/* A tensor in any of the three forms. */
static void check_tensor(const json_t *answer, const char *name) {
    const json_t *tensor = json_object_get(answer, name), *shape = json_object_get(answer, "shape");
    const json_t *data = json_object_get(tensor, "data"), *base64 = json_object_get(tensor, "base64");
    size_t elems = 1;
    for (size_t i = 0; i < json_array_size(shape); i++)
        elems *= (size_t)json_number_value(json_array_get(shape, i));
    if (tensor == NULL)
        return;
    FUZZ_CHECK(json_is_array(shape), "an answer has no shape");
    FUZZ_CHECK(!json_is_array(tensor) || has_shape(tensor, shape, 0), "%s has another shape than it says",
               name);
    FUZZ_CHECK(json_is_array(tensor) || json_equal(json_object_get(tensor, "shape"), shape),
               "%s has no shape", name);
    FUZZ_CHECK(data == NULL || json_array_size(data) == elems, "%s has %zu elements, not %zu", name,
               json_array_size(data), elems);
    FUZZ_CHECK(base64 == NULL ||
                   (json_string_length(base64) % 4 == 0 && json_string_length(base64) / 16 * 3 <= elems * 8),
               "%s has %zu characters", name, json_string_length(base64));
}

/* (Written numbers may be integers of more digits than jansson's have.) */
static void check_json(const struct api_response *response) {
    json_error_t error;
    json_t *body = json_loadb(response->body, response->body_bytes,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    FUZZ_CHECK(json_is_object(body), "an answer is no JSON object (%s): %.*s", error.text,
               (int)response->body_bytes, response->body);
    if (response->status >= 400) {
        check_problem(response, body);
    } else {
        check_tensor(body, "output");
        check_tensor(body, "indices");
    }
    json_decref(body);
}

/* The first bytes of an answer in another form. */
static void check_file(const struct api_response *response) {
    static const struct {
        const char *type, *begin;
        size_t bytes;
    } files[] = {{"application/x-npy", "\x93NUMPY", 6},
                 {"application/x-npz", "PK\3\4", 4},
                 {"application/zip", "PK\3\4", 4},
                 {"image/png", "\x89PNG\r\n", 6}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        FUZZ_CHECK(strcmp(response->content_type, files[i].type) != 0 ||
                       (response->body_bytes > files[i].bytes &&
                        memcmp(response->body, files[i].begin, files[i].bytes) == 0),
                   "an answer is no %s", files[i].type);
}

static void check_response(const struct api_response *response, bool is_cancelled) {
    FUZZ_CHECK(is_documented(response->status) || (response->status == 503 && is_cancelled),
               "status %d: %.*s", response->status, (int)response->body_bytes, response->body);
    FUZZ_CHECK((response->status == 405) <= (header_of(response, "Allow") != NULL), "405 without Allow");
    FUZZ_CHECK(response->headers <= API_MAX_HEADERS, "%d headers", response->headers);
    for (int i = 0; i < response->headers; i++)
        FUZZ_CHECK(response->header[i].name != NULL && response->header[i].value != NULL,
                   "header %d is empty", i);
    if (response->status == 304)
        FUZZ_CHECK(response->content_type == NULL && header_of(response, "ETag") != NULL, "304 without ETag");
    else if (response->content_type == NULL)
        FUZZ_CHECK(response->body_bytes == 0 && response->status < 400, "a body of no type, status %d",
                   response->status);
    else if (header_of(response, "Content-Encoding") != NULL)
        FUZZ_CHECK(response->body_bytes == 2 && memcmp(response->body, "gz", 2) == 0, "another file's gzip");
    else if (strcmp(response->content_type, "application/json") == 0 ||
             strcmp(response->content_type, "application/problem+json") == 0)
        check_json(response);
    else
        check_file(response);
}

/* ---- running ---- */

struct exchange {
    const struct message *message;
    const char *level;
    bool is_cancelled;
    struct workers *workers;
    /* the answer; a refusal's text, owned */
    int status;
    char *refusal;
    size_t refusal_bytes;
};

static struct api_request request_of(const struct exchange *exchange) {
    const struct message *message = exchange->message;
    char *body = fence.end - message->body_bytes - 1;
    if (message->body_bytes > 0)
        memcpy(body, message->body, message->body_bytes);
    body[message->body_bytes] = '\0';
    return (struct api_request){.method = message->method,
                                .path = message->path,
                                .query = message->query,
                                .content_type = message->content_type,
                                .accept = message->accept,
                                .accept_encoding = message->accept_encoding,
                                .if_none_match = message->if_none_match,
                                .id = "fuzz",
                                .has_body = message->body_bytes > 0,
                                .content_length = (int64_t)message->body_bytes,
                                .body = body,
                                .body_bytes = message->body_bytes,
                                .cancelled = exchange->is_cancelled ? &cancelled : NULL};
}

/* Small enough that no request takes long. */
static struct api_context context_of(struct budget *budget, struct workers *workers) {
    return (struct api_context){.limits = {.max_body_bytes = FUZZ_MAX_BYTES,
                                           .max_document_bytes = 1 << 16,
                                           .max_output_bytes = 1 << 20,
                                           .max_macs = 2000000,
                                           .max_queue = 16,
                                           .body_timeout_ms = 1000,
                                           .memory_bytes = 1 << 28},
                                .workers = workers,
                                .budget = budget,
                                .draining = &draining,
                                .site = &site};
}

static void run_exchange(void *argument, int slot) {
    struct exchange *exchange = argument;
    struct budget budget = {.limit_bytes = 1 << 28};
    struct arena arena = {.budget = &budget};
    struct api_context context = context_of(&budget, exchange->workers);
    struct api_request request = request_of(exchange);
    struct api_response response = {0};
    int64_t max_body_bytes;
    bool computes;
    fuzz_use_level(exchange->level);
    if (api_head(&context, &request, &arena, &response, &max_body_bytes, &computes) == API_HANDLE)
        api_handle(&context, &request, slot, &arena, &response);
    check_response(&response, exchange->is_cancelled);
    exchange->status = response.status;
    if (response.status >= 400) {
        exchange->refusal_bytes = response.body_bytes;
        exchange->refusal = memcpy(malloc(response.body_bytes + 1), response.body, response.body_bytes);
    }
    arena_release(&arena);
    FUZZ_CHECK(atomic_load(&budget.used_bytes) == 0, "%zu bytes stay charged",
               atomic_load(&budget.used_bytes));
}

static struct exchange exchange_on(const struct message *message, const char *level, bool is_cancelled) {
    struct exchange exchange = {.message = message, .level = level, .is_cancelled = is_cancelled};
    if (message->body_bytes > LONG_BYTES)
        on_worker(run_exchange, &exchange, &exchange.workers);
    else
        run_exchange(&exchange, 0);
    return exchange;
}

static void check(const uint8_t *data, size_t bytes) {
    struct message message;
    uint64_t hash = fuzz_hash(data, bytes);
    bool is_cancelled = hash % 64 == 0;
    read_message(&message, data, bytes);
    struct exchange first = exchange_on(&message, fuzz_levels()[0], is_cancelled);
    for (int level = 1; fuzz_levels()[level] != NULL; level++) {
        if ((hash >> 8) % 4 != (uint64_t)level && fuzz_levels()[level + 1] != NULL)
            continue; /* the widest, and sometimes one between */
        struct exchange other = exchange_on(&message, fuzz_levels()[level], is_cancelled);
        FUZZ_CHECK(
            other.status == first.status && other.refusal_bytes == first.refusal_bytes &&
                (first.refusal == NULL || memcmp(other.refusal, first.refusal, first.refusal_bytes) == 0),
            "%s answers with %d, portable with %d:\n%.*s\n%.*s", other.level, other.status, first.status,
            (int)other.refusal_bytes, other.refusal, (int)first.refusal_bytes, first.refusal);
        free(other.refusal);
    }
    free(first.refusal);
    free(message.text);
}

/* ---- the target ---- */

static void start(void) {
    fence = fence_make(FUZZ_MAX_BYTES + 1);
    blas_init();
    api_init();
}

const struct fuzz_target fuzz_target = {
    .name = "handler",
    .runs = 30000,
    .tokens = draw_request_tokens,
    .start = start,
    .draw = draw_request,
    .check = check,
};
