/*
 * A refusal waits for the body, within bounds: most clients read nothing until they have sent everything, and
 * a connection closed under them shows as a broken pipe instead of the answer. Beyond the bounds the answer
 * is written past libmicrohttpd (which cannot answer in the middle of a body) and the connection lingers,
 * still reading.
 */
#include "server/intake.h"

#include "server/clock.h"
#include "server/jobs.h"
#include "server/reply.h"

#include <microhttpd.h>
#include <string.h>

enum { DISCARD_BYTES = 16 << 20, DISCARD_MS = 2000 };

/* ---- the head ---- */

static enum MHD_Result note_header(void *headers, enum MHD_ValueKind kind, const char *name,
                                   size_t name_bytes, const char *value, size_t value_bytes) {
    (void)kind;
    gate_note(headers, name, name_bytes, value, value_bytes);
    return MHD_YES;
}

static const char *keep(struct request *request, const struct gate_value *value) {
    return value->text != NULL ? arena_strndup(&request->head, value->text, value->bytes) : NULL;
}

/* A list that came in several lines is passed over, which costs a transfer at most and saves everyone room to join it. */
static const char *keep_single(struct request *request, const struct gate_value *value) {
    return value->times == 1 ? keep(request, value) : NULL;
}

static void identify(struct request *request, const struct gate_value *id) {
    struct service *service = request->service;
    if (id->text != NULL && gate_request_id_ok(id)) {
        memcpy(request->id, id->text, id->bytes);
        request->id[id->bytes] = '\0';
    } else {
        gate_make_id(service->id_seed, request->number, request->id);
    }
    request->api.id = request->id;
}

/* The API's view of the request. */
static void describe(struct request *request, const struct gate_headers *headers, const char *method) {
    struct api_request *api = &request->api;
    request->is_head = strcmp(method, "HEAD") == 0;
    request->method = arena_strndup(&request->head, method, strlen(method));
    request->origin = keep(request, &headers->value[GATE_ORIGIN]);
    api->method = request->method;
    api->content_type = keep(request, &headers->value[GATE_CONTENT_TYPE]);
    api->accept = keep(request, &headers->value[GATE_ACCEPT]);
    if (request->is_head || strcmp(method, "GET") == 0) {
        api->accept_encoding = keep_single(request, &headers->value[GATE_ACCEPT_ENCODING]);
        api->if_none_match = keep_single(request, &headers->value[GATE_IF_NONE_MATCH]);
    }
    api->has_body = gate_has_body(headers);
    api->content_length = gate_content_length(headers);
    api->cancelled = &request->watch->gone;
}

/* The path and the query; false for a broken percent sign. The target itself stays as it came, for the log.
 */
static bool locate(struct request *request) {
    struct api_request *api = &request->api;
    char *copy = arena_strndup(&request->head, request->target, strlen(request->target));
    api->path = "/";
    return copy != NULL && gate_split_target(copy, &api->path, &api->query);
}

/* "OPTIONS *" asks about the server, not about a path. */
static void answer_asterisk(struct request *request) {
    request->response =
        (struct api_response){.status = 204, .header = {{"Allow", "GET, HEAD, POST, OPTIONS"}}, .headers = 1};
}

/* false: refused or already answered, with the response filled. */
static bool admit(struct request *request, const struct gate_headers *headers) {
    struct service *service = request->service;
    struct api_request *api = &request->api;
    if (headers->coded) {
        request_refuse(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                       "the body has a Content-Encoding; send it without one (identity)");
        return false;
    }
    if (strcmp(api->path, "*") == 0) {
        answer_asterisk(request);
        return false;
    }
    enum api_verdict verdict = api_head(&service->api, api, &request->head, &request->response,
                                        &request->max_body_bytes, &request->computes);
    if (verdict == API_OPTIONS)
        request->preflight = request->origin != NULL && headers->value[GATE_PREFLIGHT_METHOD].times > 0;
    return verdict == API_HANDLE;
}

/* `bytes` is what the body weighs, or as much of it as is known. */
static void refuse_take(struct request *request, enum request_take why, int64_t bytes) {
    bool whole = request->api.content_length >= 0;
    bool by_flag = request->max_body_bytes == request->service->api.limits.max_body_bytes;
    size_t budget_bytes = request->arena.budget->limit_bytes;
    if (why == REQUEST_TOO_LARGE)
        request_refuse(request, PROBLEM_LIMIT_EXCEEDED,
                       "the body has %lld bytes%s; at most %lld are taken here%s", (long long)bytes,
                       whole ? "" : " or more", (long long)request->max_body_bytes,
                       by_flag ? " (--max-body)" : "");
    else if (budget_bytes != 0 && (size_t)bytes + REQUEST_SLACK_BYTES > budget_bytes)
        request_refuse(
            request, PROBLEM_OVERLOADED,
            "the body has %lld bytes%s, and %d are kept behind it; all requests together may hold %zu (--memory-budget)",
            (long long)bytes, whole ? "" : " or more", REQUEST_SLACK_BYTES, budget_bytes);
    else
        request_refuse(request, PROBLEM_OVERLOADED, "there is no memory for the body now");
}

static bool make_room(struct request *request) {
    int64_t bytes = request->api.content_length;
    if (bytes <= 0)
        return true;
    enum request_take taken = request_reserve(request, bytes);
    if (taken != REQUEST_TAKEN)
        refuse_take(request, taken, bytes);
    return taken == REQUEST_TAKEN;
}

static enum intake send_answer(struct request *request) {
    return watch_enter(request->watch, WATCH_SEND, 0) ? INTAKE_ANSWER : INTAKE_CLOSE;
}

/*
 * The answer is known; what of the body is still to come decides when it is given. Not later than now where a client waits
 * for "100 Continue": libmicrohttpd says that (0.9.75) also where there is no body, and would then take the next request
 * for one.
 */
static enum intake refuse_head(struct request *request, bool expects_continue) {
    request->stage = REQUEST_ANSWERED;
    if (expects_continue)
        return send_answer(request);
    if (!request->api.has_body)
        return INTAKE_CONTINUE;
    if (!watch_enter(request->watch, WATCH_REFUSED, clock_ms() + DISCARD_MS))
        return INTAKE_CLOSE;
    if (request->api.content_length > DISCARD_BYTES) {
        watch_tell(request->service->watchdog, request->watch);
        request->stage = REQUEST_TOLD;
    }
    return INTAKE_CONTINUE;
}

static enum intake refuse_malformed(struct request *request, enum problem problem, const char *detail) {
    request_refuse(request, problem, "%s", detail);
    request->stage = REQUEST_ANSWERED;
    request->close = true;
    return send_answer(request);
}

/* What is left of the connection's memory may not hold an answer's headers: it is written past libmicrohttpd. */
static enum intake refuse_large_head(struct request *request, size_t bytes) {
    request_refuse(
        request, PROBLEM_HEADERS_TOO_LARGE,
        "the request's line and headers take %zu bytes, with %d for each header, argument and cookie; at most "
        "%d are taken",
        bytes, GATE_ENTRY_BYTES, GATE_HEAD_BYTES);
    if (!watch_enter(request->watch, WATCH_REFUSED, clock_ms() + DISCARD_MS))
        return INTAKE_CLOSE;
    watch_tell(request->service->watchdog, request->watch);
    request->stage = REQUEST_TOLD;
    return INTAKE_CONTINUE;
}

void intake_target(struct request *request) {
    const struct gate_headers none = {.coded = false};
    size_t bytes = request->target != NULL ? gate_head_bytes(&none, request->target) : 0;
    if (bytes <= GATE_HEAD_BYTES)
        return;
    identify(request, &none.value[GATE_REQUEST_ID]);
    (void)refuse_large_head(request, bytes);
}

static void show_body(struct request *request) {
    request->api.body = request_body(request);
    request->api.body_bytes = request->body_bytes;
    request->api.body_held_bytes = request->capacity_bytes;
}

static void handle_here(struct request *request) {
    api_handle(&request->service->api, &request->api, 0, &request->head, &request->response);
    request->response.timed = request->computes;
}

enum intake intake_head(struct request *request, const char *method, const char *version) {
    struct gate_headers headers = {.coded = false};
    struct gate_fault fault;
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, note_header, &headers);
    identify(request, &headers.value[GATE_REQUEST_ID]);
    describe(request, &headers, method);
    if (request->target == NULL || request->method == NULL)
        return refuse_malformed(request, PROBLEM_OVERLOADED, "there is no memory for the request now");
    size_t head_bytes = gate_head_bytes(&headers, request->target);
    if (head_bytes > GATE_HEAD_BYTES)
        return refuse_large_head(request, head_bytes);
    if (!gate_pass(&headers, method, request->target, version, &fault))
        return refuse_malformed(request, fault.problem, fault.detail);
    if (!locate(request))
        return refuse_malformed(
            request, PROBLEM_MALFORMED_REQUEST,
            "the path's percent-encoding is broken; % is followed by two hexadecimal digits");
    if (!admit(request, &headers) || !make_room(request))
        return refuse_head(request, gate_expects_continue(&headers));
    request->stage = REQUEST_BODY;
    if (!request->api.has_body && gate_expects_continue(&headers)) {
        show_body(request);
        handle_here(request); /* what computes is refused without a body */
        return refuse_head(request, true);
    }
    if (!request->api.has_body)
        return INTAKE_CONTINUE;
    int64_t deadline_ms = clock_ms() + request->service->config->body_timeout_ms;
    return watch_enter(request->watch, WATCH_BODY, deadline_ms) ? INTAKE_CONTINUE : INTAKE_CLOSE;
}

/* ---- the body ---- */

/* Held while the response is written, so that the watchdog does not tell half of it. */
static enum intake refuse_body(struct request *request, enum request_take why) {
    if (!watch_enter(request->watch, WATCH_HELD, 0))
        return INTAKE_CLOSE;
    request_free_body(request);
    refuse_take(request, why, atomic_load(&request->received_bytes));
    request->stage = REQUEST_ANSWERED;
    request->close = true;
    bool ours = watch_enter(request->watch, WATCH_REFUSED, clock_ms() + DISCARD_MS);
    return ours ? INTAKE_CONTINUE : INTAKE_CLOSE;
}

static enum intake discard(struct request *request, size_t bytes) {
    request->discarded_bytes += (int64_t)bytes;
    if (request->discarded_bytes <= DISCARD_BYTES)
        return INTAKE_CONTINUE;
    if (request->stage == REQUEST_TOLD)
        return INTAKE_CLOSE;
    watch_tell(request->service->watchdog, request->watch);
    request->stage = REQUEST_TOLD;
    request->discarded_bytes = 0;
    return INTAKE_CONTINUE;
}

enum intake intake_body(struct request *request, const char *data, size_t bytes) {
    atomic_fetch_add_explicit(&request->received_bytes, (int64_t)bytes, memory_order_relaxed);
    if (request->stage != REQUEST_BODY)
        return discard(request, bytes);
    enum request_take taken = request_append(request, data, bytes);
    return taken == REQUEST_TAKEN ? INTAKE_CONTINUE : refuse_body(request, taken);
}

/* ---- the end ---- */

/*
 * libmicrohttpd calls again, at once, for a complete request that is neither answered nor suspended, and has
 * then stopped waiting for input. Suspended the first time, it would (0.9.75) read once more when it is
 * resumed, and take the end of stream of a client that has only closed its sending side for the end of the
 * connection.
 */
static enum intake start_job(struct request *request) {
    bool settled = request->settled;
    request->settled = true;
    if (settled)
        jobs_start(request); /* from here on the request may be a worker's */
    return INTAKE_CONTINUE;
}

enum intake intake_finish(struct request *request) {
    if (request->stage != REQUEST_BODY)
        return send_answer(request);
    if (request->settled)
        return start_job(request);
    if (!watch_enter(request->watch, WATCH_HELD, 0))
        return INTAKE_CLOSE;
    show_body(request);
    if (!request->computes)
        handle_here(request);
    else if (!jobs_try_in_place(request))
        return start_job(request);
    request->stage = REQUEST_ANSWERED;
    return send_answer(request);
}

size_t intake_tell(void *owner, enum watch_phase phase, char *text, size_t capacity_bytes) {
    struct request *request = owner;
    if (phase == WATCH_BODY)
        request_refuse(
            request, PROBLEM_REQUEST_TIMEOUT,
            "%lld bytes of the body arrived within %lld ms (--body-timeout), and it is not complete",
            (long long)atomic_load(&request->received_bytes),
            (long long)request->service->config->body_timeout_ms);
    request->told_ns = clock_ns();
    return reply_text(request, text, capacity_bytes);
}
