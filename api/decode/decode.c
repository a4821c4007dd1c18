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

/* Broken JSON is told before anything else that may be wrong with the request. */
bool decode_refuse(struct decode *decode, enum problem problem, const char *pointer, const char *format,
                   ...) {
    char detail[1024];
    va_list args;
    if (problem == PROBLEM_LIMIT_EXCEEDED && decode->context->asks_again) {
        *decode->response = (struct api_response){.status = problem_http_status(problem)};
        return false;
    }
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (!decode_prove(decode))
        return false;
    problem_respond(decode->arena, decode->request, problem, pointer, detail, decode->response);
    return false;
}

const char *decode_shown(struct decode *decode, const char *text) {
    const char *copy = arena_strndup(decode->arena, text, (size_t)utf8_cut(text, text + strlen(text), 80));
    return copy != NULL ? copy : "";
}

bool decode_no_memory(struct decode *decode) {
    return decode_refuse(decode, PROBLEM_OVERLOADED, NULL, "memory for this request is not to be had now");
}

bool decode_no_memory_for(struct decode *decode, size_t bytes, const char *what) {
    const struct budget *budget = decode->context->budget;
    size_t held = arena_charged_bytes(decode->arena) + decode->request->body_bytes;
    if (budget == NULL || budget->limit_bytes == 0 ||
        (held <= budget->limit_bytes && bytes <= budget->limit_bytes - held))
        return decode_no_memory(decode);
    return decode_refuse(
        decode, PROBLEM_LIMIT_EXCEEDED, NULL,
        "%s would take %zu bytes, beside %zu that this request holds; all requests together may hold %zu "
        "(--memory-budget)",
        what, bytes, held, budget->limit_bytes);
}

void *decode_alloc(struct decode *decode, size_t bytes, const char *what) {
    void *memory = arena_alloc(decode->arena, bytes);
    if (memory == NULL)
        decode_no_memory_for(decode, bytes, what);
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
