#include "server/request.h"

#include "lib/base/checked.h"
#include "server/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY_BYTES = 16 * 1024 };

void request_begin(struct request *request, const char *target) {
    struct service *service = request->service;
    *request = (struct request){
        .stage = REQUEST_HEAD,
        .service = service,
        .connection = request->connection,
        .watch = request->watch,
        .remote = request->remote,
        .arena.budget = &service->budget,
        .begun_ns = clock_ns(),
    };
    if (target != NULL)
        request->target = arena_strndup(&request->head, target, strlen(target));
}

void request_end(struct request *request) {
    request_free_body(request);
    arena_release(&request->arena);
    arena_release(&request->head);
    request->target = NULL;
    request->stage = REQUEST_HEAD;
}

void request_refuse(struct request *request, enum problem problem, const char *format, ...) {
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    problem_respond(&request->head, &request->api, problem, NULL, detail, &request->response);
}

/* ---- the body ---- */

/* The byte behind the body is charged with it. */
static enum request_take grow(struct request *request, size_t capacity_bytes) {
    size_t held_bytes = request->body != NULL ? request->capacity_bytes + 1 : 0;
    if (capacity_bytes == SIZE_MAX || !budget_take(request->arena.budget, capacity_bytes + 1 - held_bytes))
        return REQUEST_NO_MEMORY;
    char *body = realloc(request->body, capacity_bytes + 1);
    if (body == NULL) {
        budget_release(request->arena.budget, capacity_bytes + 1 - held_bytes);
        return REQUEST_NO_MEMORY;
    }
    request->body = body;
    request->capacity_bytes = capacity_bytes;
    return REQUEST_TAKEN;
}

enum request_take request_reserve(struct request *request, int64_t bytes) {
    if (bytes > request->max_body_bytes)
        return REQUEST_TOO_LARGE;
    return grow(request, (size_t)bytes);
}

enum request_take request_append(struct request *request, const char *data, size_t bytes) {
    size_t needed_bytes;
    if (__builtin_add_overflow(request->body_bytes, bytes, &needed_bytes) ||
        needed_bytes > (uint64_t)request->max_body_bytes)
        return REQUEST_TOO_LARGE;
    if (request->body == NULL || needed_bytes > request->capacity_bytes) {
        int64_t capacity = max_i64((int64_t)needed_bytes, FIRST_CAPACITY_BYTES);
        if (request->capacity_bytes <= INT64_MAX / 2)
            capacity = max_i64(capacity, 2 * (int64_t)request->capacity_bytes);
        enum request_take taken = grow(request, (size_t)min_i64(capacity, request->max_body_bytes));
        if (taken != REQUEST_TAKEN)
            return taken;
    }
    memcpy(request->body + request->body_bytes, data, bytes);
    request->body_bytes = needed_bytes;
    request->body[needed_bytes] = '\0';
    return REQUEST_TAKEN;
}

void request_free_body(struct request *request) {
    if (request->body == NULL)
        return;
    free(request->body);
    budget_release(request->arena.budget, request->capacity_bytes + 1);
    request->body = NULL;
    request->body_bytes = 0;
    request->capacity_bytes = 0;
}
