#include "api/decode/decode.h"

#include "api/json/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool decode_prove(struct decode *decode) {
    struct document_refusal refusal;
    if (document_prove(&decode->document, &refusal))
        return true;
    problem_respond(decode->arena, decode->request, refusal.problem, refusal.pointer, refusal.detail,
                    decode->response);
    return false;
}

/* What a request holds of the server's memory for all of them. */
static size_t held_bytes(const struct decode *decode) {
    const struct api_request *request = decode->request;
    size_t body =
        request->body_held_bytes > request->body_bytes ? request->body_held_bytes : request->body_bytes;
    return arena_charged_bytes(decode->arena) + body;
}

/* Whether `bytes` more are more than there ever is beside what it holds: then it need not come again. */
static bool can_never_have(const struct decode *decode, size_t bytes) {
    enum { OTHERS_BYTES = 64 << 10 }; /* its connection, the ends of blocks */
    const struct budget *budget = decode->context->budget;
    size_t held = held_bytes(decode) + OTHERS_BYTES;
    return budget != NULL && budget->limit_bytes > 0 &&
           (held > budget->limit_bytes || bytes > budget->limit_bytes - held);
}

/* Broken JSON is told before anything else that may be wrong with the request. */
static bool refuse(struct decode *decode, enum problem problem, const char *pointer, const char *detail) {
    if (decode_prove(decode))
        problem_respond(decode->arena, decode->request, problem, pointer, detail, decode->response);
    return false;
}

bool decode_refuse(struct decode *decode, enum problem problem, const char *pointer, const char *format,
                   ...) {
    char detail[1024];
    va_list args;
    if (problem == PROBLEM_OVERLOADED && can_never_have(decode, decode->arena->refused_bytes))
        return decode_no_memory_for(decode, "its next step");
    if (problem == PROBLEM_LIMIT_EXCEEDED && decode->context->asks_again) {
        *decode->response = (struct api_response){.status = problem_http_status(problem)};
        return false;
    }
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    return refuse(decode, problem, pointer, detail);
}

const char *decode_shown(struct decode *decode, const char *text) {
    const char *copy = arena_strndup(decode->arena, text, (size_t)utf8_cut(text, text + strlen(text), 80));
    return copy != NULL ? copy : "";
}

bool decode_no_memory(struct decode *decode) {
    return decode_refuse(decode, PROBLEM_OVERLOADED, NULL, "memory for this request is not to be had now");
}

bool decode_no_memory_for(struct decode *decode, const char *what) {
    size_t bytes = decode->arena->refused_bytes;
    if (!can_never_have(decode, bytes))
        return refuse(decode, PROBLEM_OVERLOADED, NULL, "memory for this request is not to be had now");
    return decode_refuse(
        decode, PROBLEM_LIMIT_EXCEEDED, NULL,
        "%s would take %zu bytes, beside %zu that this request holds; all requests together may hold %zu "
        "(--memory-budget)",
        what, bytes, held_bytes(decode), decode->context->budget->limit_bytes);
}

void *decode_alloc(struct decode *decode, size_t bytes, const char *what) {
    void *memory = arena_alloc(decode->arena, bytes);
    if (memory == NULL)
        decode_no_memory_for(decode, what);
    return memory;
}

bool decode_body(struct decode *decode, const char *const *tensor_fields) {
    const struct api_request *request = decode->request;
    struct document_refusal refusal;
    if (document_open(&decode->document, decode->arena, request->body, request->body_bytes, tensor_fields,
                      decode->context->limits.max_document_bytes, &refusal))
        return true;
    return decode_refuse(decode, refusal.problem, refusal.pointer, "%s", refusal.detail);
}
