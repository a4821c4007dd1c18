#include "server/request.h"

#include "lib/base/checked.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of a body whose length is not known; larger ones grow by moving pages, not bytes, so that steps may be small. */
enum { FIRST_CAPACITY_BYTES = 16 * 1024, LEAST_GROWTH_BYTES = 64 * 1024, GROWTH_PART = 4 };

void request_begin(struct request *request, const char *target, int64_t now_ns) {
    struct service *service = request->service;
    *request = (struct request){
        .stage = REQUEST_HEAD,
        .service = service,
        .connection = request->connection,
        .watch = request->watch,
        .remote = request->remote,
        .head_memory = request->head_memory,
        .number = request->number + 1,
        .arena.budget = &service->budget,
        .undelivered = true,
        .begun_ns = now_ns,
    };
    arena_lend(&request->head, request->head_memory, REQUEST_HEAD_BYTES);
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

/* The slack is charged with it. */
static enum request_take grow(struct request *request, size_t capacity_bytes) {
    struct budget *budget = request->arena.budget;
    size_t bytes;
    assert(!request->body_in_head); /* those are whole: their length was known, and no more is taken */
    if (__builtin_add_overflow(capacity_bytes, (size_t)REQUEST_SLACK_BYTES, &bytes))
        return REQUEST_NO_MEMORY;
    char *body = request->body == NULL
                     ? budget_alloc(budget, bytes)
                     : budget_resize(budget, request->body, request->capacity_bytes + REQUEST_SLACK_BYTES,
                                     request->body_bytes, bytes);
    if (body == NULL)
        return REQUEST_NO_MEMORY;
    request->body = body;
    request->capacity_bytes = capacity_bytes;
    return REQUEST_TAKEN;
}

enum request_take request_reserve(struct request *request, int64_t bytes) {
    if (bytes > request->max_body_bytes)
        return REQUEST_TOO_LARGE;
    if (bytes <= REQUEST_HEAD_BYTES && (size_t)bytes + REQUEST_SLACK_BYTES <= arena_room(&request->head)) {
        request->body = arena_alloc(&request->head, (size_t)bytes + REQUEST_SLACK_BYTES);
        request->body_in_head = true;
        request->capacity_bytes = (size_t)bytes;
        return REQUEST_TAKEN;
    }
    return grow(request, (size_t)bytes);
}

char *request_room(const struct request *request, size_t *bytes) {
    size_t end = request->body_bytes + request->told_bytes + request->ahead_bytes;
    bool known = request->stage == REQUEST_BODY && request->api.content_length > 0 && request->body != NULL;
    *bytes = known && !request->undelivered ? request->capacity_bytes - end : 0;
    return *bytes > 0 ? request->body + end : NULL;
}

enum request_take request_append(struct request *request, const char *data, size_t bytes) {
    size_t needed_bytes;
    if (__builtin_add_overflow(request->body_bytes, bytes, &needed_bytes) ||
        needed_bytes > (uint64_t)request->max_body_bytes)
        return REQUEST_TOO_LARGE;
    if (request->body == NULL || needed_bytes > request->capacity_bytes) {
        int64_t have = (int64_t)request->capacity_bytes,
                more = max_i64(have / GROWTH_PART, LEAST_GROWTH_BYTES);
        int64_t capacity =
            have == 0 ? FIRST_CAPACITY_BYTES : min_i64(have, request->max_body_bytes - more) + more;
        capacity = min_i64(max_i64(capacity, (int64_t)needed_bytes), request->max_body_bytes);
        enum request_take taken = grow(request, (size_t)capacity);
        if (taken != REQUEST_TAKEN && (size_t)capacity > needed_bytes)
            taken = grow(request, needed_bytes);
        if (taken != REQUEST_TAKEN)
            return taken;
    }
    size_t there = min_size(request->told_bytes, bytes);
    if (there < bytes)
        memcpy(request->body + request->body_bytes + there, data + there, bytes - there);
    request->told_bytes -= there;
    request->undelivered = false;
    request->body_bytes = needed_bytes;
    if (request->told_bytes + request->ahead_bytes == 0)
        memset(request->body + needed_bytes, 0, REQUEST_SLACK_BYTES);
    return REQUEST_TAKEN;
}

const char *request_body(const struct request *request) {
    static const _Alignas(64) char empty[REQUEST_SLACK_BYTES];
    return request->body != NULL ? request->body : empty;
}

void request_free_body(struct request *request) {
    if (request->body != NULL && !request->body_in_head)
        budget_free(request->arena.budget, request->body, request->capacity_bytes + REQUEST_SLACK_BYTES);
    request->body = NULL;
    request->body_in_head = false;
    request->body_bytes = 0;
    request->capacity_bytes = 0;
    request->told_bytes = 0;
    request->ahead_bytes = 0;
}
