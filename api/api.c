/*
 * The table of paths, and the way of a request through it.
 */
#include "api/api.h"

#include "api/decode/decode.h"
#include "api/endpoints/endpoints.h"
#include "api/media.h"
#include "api/problem.h"

#include <inttypes.h>
#include <string.h>

enum route_flags {
    ROUTE_COMPUTES = 1, /* belongs on the workers */
    ROUTE_PREFIX = 2,   /* the path goes on behind this one */
    ROUTE_ALWAYS = 4,   /* answers whatever Accept says, and while draining: probes */
    ROUTE_CODED = 8,    /* answers in gzip too */
};

/* What a GET may bring along unread. */
enum { IDLE_BODY_BYTES = 64 * 1024 };

typedef void endpoint_fn(struct decode *decode);

struct route {
    const char *path, *allow;
    endpoint_fn *get, *post;
    unsigned flags;
    unsigned reads;   /* what a POST's body may be: a set of media */
    unsigned answers; /* what Accept chooses from; 0: each path has one form, whatever Accept says */
};

#define ALLOW_GET  "GET, HEAD, OPTIONS"
#define ALLOW_POST "POST, OPTIONS"

#define JSON  MEDIA_SET(JSON)
#define HTML  MEDIA_SET(HTML)
#define FILES (JSON | MEDIA_SET(NPZ) | MEDIA_SET(ZIP) | MEDIA_SET(SAFETENSORS))
/* One array alone is all that a pooling needs. */
#define FILES_OR_ONE  (FILES | MEDIA_SET(NPY))
#define FORM          MEDIA_SET(MULTIPART)
#define ANSWERS_FILES (FILES | MEDIA_SET(NPY) | MEDIA_SET(RAW) | MEDIA_SET(PNG))

static const struct route routes[] = {
    {"/conv2d", ALLOW_POST, NULL, endpoint_conv2d, ROUTE_COMPUTES, FILES | FORM, ANSWERS_FILES},
    {"/pool2d", ALLOW_POST, NULL, endpoint_pool2d, ROUTE_COMPUTES, FILES_OR_ONE | FORM, ANSWERS_FILES},
    {"/shape", "GET, HEAD, POST, OPTIONS", endpoint_shape_get, endpoint_shape_post, ROUTE_COMPUTES, JSON,
     JSON},
    {"/livez", ALLOW_GET, endpoint_health, NULL, ROUTE_ALWAYS, 0, JSON},
    {"/healthz", ALLOW_GET, endpoint_health, NULL, ROUTE_ALWAYS, 0, JSON},
    {"/readyz", ALLOW_GET, endpoint_ready, NULL, ROUTE_ALWAYS, 0, JSON},
    {"/version", ALLOW_GET, endpoint_version, NULL, 0, 0, JSON},
    {"/problems/", ALLOW_GET, endpoint_problem, NULL, ROUTE_PREFIX, 0, JSON | HTML},
    {"/", ALLOW_GET, endpoint_index, NULL, ROUTE_CODED, 0, JSON | HTML},
    {"/docs", ALLOW_GET, endpoint_file, NULL, ROUTE_CODED, 0, HTML},
    {"/openapi.json", ALLOW_GET, endpoint_file, NULL, ROUTE_CODED, 0, JSON},
    {"/assets/", ALLOW_GET, endpoint_file, NULL, ROUTE_PREFIX | ROUTE_CODED, 0, 0},
};

static const struct route *find_route(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const char *name = routes[i].path;
        bool found =
            routes[i].flags & ROUTE_PREFIX ? strncmp(path, name, strlen(name)) == 0 : strcmp(path, name) == 0;
        if (found)
            return &routes[i];
    }
    return NULL;
}

/* What answers this method, or NULL. */
static endpoint_fn *find_endpoint(const struct route *route, const char *method) {
    if (strcmp(method, "POST") == 0)
        return route->post;
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ? route->get : NULL;
}

void api_init(void) {
    json_object_seed(0);
}

/* ---- by the headers ---- */

static enum api_verdict refuse(struct arena *arena, const struct api_request *request, enum problem problem,
                               const char *detail, struct api_response *response) {
    problem_respond(arena, request, problem, NULL, detail != NULL ? detail : "", response);
    return API_REFUSED;
}

static void add_header(struct api_response *response, const char *name, const char *value) {
    response->header[response->headers++] = (struct api_header){name, value};
}

/* Answers of several forms differ by Accept: caches must keep them apart (RFC 9110, section 12.5.5). */
static void add_vary(const struct route *route, struct api_response *response) {
    bool forms = (route->answers & (route->answers - 1)) != 0, codings = route->flags & ROUTE_CODED;
    if (forms || codings)
        add_header(response, "Vary",
                   !codings ? "Accept"
                   : forms  ? "Accept, Accept-Encoding"
                            : "Accept-Encoding");
}

static enum api_verdict judge_content_type(const struct route *route, const struct api_request *request,
                                           struct arena *arena, struct api_response *response) {
    enum media media = media_of_content(request->content_type);
    unsigned others = route->reads & ~JSON;
    if (media_is_undeclared(media) || media_in(media, route->reads))
        return API_HANDLE;
    return refuse(
        arena, request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
        arena_printf(arena, "the body's Content-Type is '%.80s'; send 'Content-Type: application/json'%s%s",
                     request->content_type, others != 0 ? ", or one of " : "", media_names(arena, others)),
        response);
}

static bool has_query(const struct api_request *request) {
    return request->query != NULL && request->query[0] != '\0';
}

/* Parameters stand in the JSON document; only beside a file they stand in the query. What an undeclared body is shows when it
 * is there. */
static enum api_verdict judge_query(const struct api_request *request, struct arena *arena,
                                    struct api_response *response) {
    if (!has_query(request) || media_of_content(request->content_type) != MEDIA_JSON)
        return API_HANDLE;
    return refuse(arena, request, PROBLEM_UNKNOWN_FIELD,
                  "a query stands beside a JSON body; put all parameters into the JSON document", response);
}

static enum api_verdict judge_post(const struct route *route, const struct api_request *request,
                                   struct arena *arena, struct api_response *response) {
    enum api_verdict verdict = judge_content_type(route, request, arena, response);
    return verdict == API_HANDLE ? judge_query(request, arena, response) : verdict;
}

static enum api_verdict judge_accept(const struct route *route, const struct api_request *request,
                                     struct arena *arena, struct api_response *response) {
    if (route->answers == 0 || media_negotiate(request->accept, route->answers) != MEDIA_NONE)
        return API_HANDLE;
    refuse(arena, request, PROBLEM_NOT_ACCEPTABLE,
           arena_printf(arena, "Accept is '%.80s'; this endpoint answers in %s", request->accept,
                        media_names(arena, route->answers)),
           response);
    add_vary(route, response);
    return API_REFUSED;
}

static enum api_verdict judge_method(const struct route *route, const struct api_request *request,
                                     struct arena *arena, struct api_response *response) {
    if (strcmp(request->method, "OPTIONS") == 0) {
        *response = (struct api_response){.status = 204};
        add_header(response, "Allow", route->allow);
        return API_OPTIONS;
    }
    if (find_endpoint(route, request->method) != NULL)
        return API_HANDLE;
    refuse(arena, request, PROBLEM_METHOD_NOT_ALLOWED,
           arena_printf(arena, "%s does not take %.32s; it takes %s", route->path, request->method,
                        route->allow),
           response);
    add_header(response, "Allow", route->allow);
    return API_REFUSED;
}

enum api_verdict api_head(const struct api_context *context, const struct api_request *request,
                          struct arena *arena, struct api_response *response, int64_t *max_body_bytes,
                          bool *computes) {
    const struct route *route = find_route(request->path);
    bool posts = strcmp(request->method, "POST") == 0;
    *max_body_bytes = posts ? context->limits.max_body_bytes : IDLE_BODY_BYTES;
    *computes = false;
    if (route == NULL)
        return refuse(
            arena, request, PROBLEM_NOT_FOUND,
            arena_printf(arena, "there is nothing at '%.120s'; GET / lists the endpoints", request->path),
            response);
    enum api_verdict verdict = judge_method(route, request, arena, response);
    if (verdict != API_HANDLE)
        return verdict;
    *computes = (route->flags & ROUTE_COMPUTES) != 0;
    if (posts)
        verdict = judge_post(route, request, arena, response);
    if (verdict == API_HANDLE && request->content_length > *max_body_bytes)
        return refuse(arena, request, PROBLEM_LIMIT_EXCEEDED,
                      arena_printf(arena, "the body has %" PRId64 " bytes; the limit is %" PRId64 " (%s)",
                                   request->content_length, *max_body_bytes,
                                   posts ? "--max-body" : "a request of this method needs no body"),
                      response);
    if (verdict != API_HANDLE || route->flags & ROUTE_ALWAYS)
        return verdict;
    verdict = judge_accept(route, request, arena, response);
    if (verdict == API_HANDLE && atomic_load(context->draining))
        return refuse(arena, request, PROBLEM_DRAINING, "the server is shutting down", response);
    return verdict;
}

/* ---- by the body ---- */

/* Without a Content-Type of its own a body counts as JSON when it looks like an object. */
static bool looks_like_json(const struct api_request *request) {
    for (size_t i = 0; i < request->body_bytes; i++) {
        if (strchr(" \t\r\n", request->body[i]) == NULL || request->body[i] == '\0')
            return request->body[i] == '{';
    }
    return false;
}

/* For the words of a refusal only: what is not declared is not read. */
static enum media looks_like_file(const struct api_request *request) {
    if (request->body_bytes >= 4 && memcmp(request->body, "PK\3\4", 4) == 0)
        return MEDIA_NPZ;
    return request->body_bytes >= 6 && memcmp(request->body, "\x93NUMPY", 6) == 0 ? MEDIA_NPY : MEDIA_NONE;
}

static void refuse_undeclared(struct decode *decode, const struct route *route) {
    enum media media = looks_like_file(decode->request);
    bool takes = media_in(media, route->reads);
    decode_refuse(
        decode, PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL,
        "the body's form is not known; send JSON with the header 'Content-Type: application/json'%s%s%s",
        takes ? ", or what this looks like with 'Content-Type: " : "", takes ? media_type(media) : "",
        takes ? "'" : "");
}

void api_handle(const struct api_context *context, const struct api_request *request, int slot,
                struct arena *arena, struct api_response *response) {
    struct decode decode = {
        .context = context, .request = request, .response = response, .arena = arena, .slot = slot};
    const struct route *route = find_route(request->path);
    endpoint_fn *endpoint = route != NULL ? find_endpoint(route, request->method) : NULL;
    *response = (struct api_response){0};
    if (endpoint == NULL) {
        decode_refuse(&decode, PROBLEM_NOT_FOUND, NULL, "there is nothing at this path");
        return;
    }
    decode.media = media_of_content(request->content_type);
    decode.answers = route->answers;
    decode.answer = media_negotiate(request->accept, route->answers);
    bool undeclared = media_is_undeclared(decode.media);
    if (undeclared)
        decode.media = MEDIA_JSON;
    if (endpoint == route->post && undeclared && !looks_like_json(request))
        refuse_undeclared(&decode, route);
    else if (endpoint == route->post && undeclared && has_query(request))
        decode_refuse(
            &decode, PROBLEM_UNKNOWN_FIELD, NULL,
            "a query stands beside a JSON body, which is what a body without a Content-Type is taken for when it begins "
            "with '{'; put all parameters into the JSON document, or name the body's form");
    else
        endpoint(&decode);
    add_vary(route, response);
    decode_close(&decode);
}
