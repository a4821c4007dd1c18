#include "api/problem.h"

#include "api/json/text.h"

#include <string.h>

static const struct problem_words problems[PROBLEMS] = {
#define PROBLEM_ROW(NAME, name, http, title, meaning, mend)                                                  \
    [PROBLEM_##NAME] = {name, title, meaning, mend, http},
    PROBLEM_MAP(PROBLEM_ROW)
#undef PROBLEM_ROW
};

const struct problem_words *problem_words(enum problem problem) {
    return &problems[problem];
}

const char *problem_name(enum problem problem) {
    return problems[problem].name;
}

int problem_http_status(enum problem problem) {
    return problems[problem].http_status;
}

bool problem_find(const char *name, enum problem *problem) {
    for (int i = 0; i < PROBLEMS; i++) {
        if (strcmp(problems[i].name, name) == 0) {
            *problem = (enum problem)i;
            return true;
        }
    }
    return false;
}

enum problem problem_from_status(enum status status) {
    switch (status) {
    case STATUS_INVALID_VALUE: return PROBLEM_INVALID_VALUE;
    case STATUS_SHAPE_MISMATCH: return PROBLEM_SHAPE_MISMATCH;
    case STATUS_TOO_LARGE: return PROBLEM_LIMIT_EXCEEDED;
    case STATUS_UNSUPPORTED: return PROBLEM_UNSUPPORTED_ALGORITHM;
    case STATUS_NO_MEMORY: return PROBLEM_OVERLOADED;
    case STATUS_CANCELLED: return PROBLEM_DRAINING;
    case STATUS_OK: break;
    }
    return PROBLEM_INTERNAL_ERROR;
}

static void add_members(struct text *text, const struct problem_words *problem) {
    text_puts(text, "{\"type\":\"/problems/");
    text_puts(text, problem->name);
    text_puts(text, "\",\"title\":");
    text_json_string(text, problem->title);
    text_printf(text, ",\"status\":%d", problem->http_status);
}

/* What is said when there is no memory even for saying it. */
static const char last_words[] =
    "{\"type\":\"/problems/overloaded\",\"title\":\"The server is overloaded\","
    "\"status\":503,\"detail\":\"memory for the answer could not be allocated\"}";

/* An answer of the given media type from `text`; the last words when it failed. */
static void respond_with(struct text *text, int status, const char *type, struct api_response *response) {
    *response = (struct api_response){.status = status, .content_type = type};
    if (text->failed) {
        response->status = 503;
        response->content_type = "application/problem+json";
        response->body = last_words;
        response->body_bytes = sizeof last_words - 1;
        response->problem = "overloaded";
    } else {
        response->body = text->data;
        response->body_bytes = text->length;
    }
    if (response->status == 503)
        response->header[response->headers++] = (struct api_header){"Retry-After", "1"};
}

void problem_respond(struct arena *arena, const struct api_request *request, enum problem problem,
                     const char *pointer, const char *detail, struct api_response *response) {
    struct text text = text_open(arena, 512);
    add_members(&text, &problems[problem]);
    text_puts(&text, ",\"detail\":");
    text_json_string(&text, detail);
    if (pointer != NULL) {
        text_puts(&text, ",\"pointer\":");
        text_json_string(&text, pointer);
    }
    if (request->id != NULL) {
        text_puts(&text, ",\"instance\":");
        text_json_string(&text, request->id);
    }
    text_puts(&text, "}\n");
    respond_with(&text, problems[problem].http_status, "application/problem+json", response);
    if (response->problem == NULL)
        response->problem = problems[problem].name;
}

void problem_describe(struct arena *arena, const struct api_request *request, const char *name,
                      struct api_response *response) {
    enum problem problem;
    if (!problem_find(name, &problem)) {
        char *detail = arena_printf(arena, "there is no problem type '%.80s'", name);
        problem_respond(arena, request, PROBLEM_NOT_FOUND, NULL, detail != NULL ? detail : "", response);
        return;
    }
    struct text text = text_open(arena, 1024);
    add_members(&text, &problems[problem]);
    text_puts(&text, ",\"meaning\":");
    text_json_string(&text, problems[problem].meaning);
    text_puts(&text, ",\"mend\":");
    text_json_string(&text, problems[problem].mend);
    text_puts(&text, "}\n");
    respond_with(&text, 200, "application/json", response);
}
