#include "server/cors.h"

#include <string.h>
#include <strings.h>

/* scheme://host[:port] in visible ASCII, without a path: what browsers send, and so the only thing that can
 * match. */
static bool is_origin(const char *text, size_t bytes) {
    const char *authority = memmem(text, bytes, "://", 3);
    if (authority == NULL || authority == text || bytes >= CORS_ORIGIN_BYTES)
        return false;
    authority += 3;
    size_t rest = bytes - (size_t)(authority - text);
    if (rest == 0 || memchr(authority, '/', rest) != NULL)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"?#@\\*", text[i]) != NULL)
            return false;
    return true;
}

static bool allow_one(struct cors *cors, const char *text, size_t bytes) {
    if (bytes == 1 && text[0] == '*') {
        cors->any = true;
        return true;
    }
    if (!is_origin(text, bytes) || cors->origins == CORS_MAX_ORIGINS)
        return false;
    memcpy(cors->origin[cors->origins], text, bytes);
    cors->origin[cors->origins++][bytes] = '\0';
    return true;
}

bool cors_allow(struct cors *cors, const char *list) {
    for (;;) {
        list += strspn(list, " ");
        size_t bytes = strcspn(list, ",");
        size_t trimmed = bytes;
        while (trimmed > 0 && list[trimmed - 1] == ' ')
            trimmed--;
        if (!allow_one(cors, list, trimmed))
            return false;
        if (list[bytes] == '\0')
            return true;
        list += bytes + 1;
    }
}

/* Schemes and hosts compare without case; browsers send lower case, people configure either. */
static bool allowed(const struct cors *cors, const char *origin) {
    for (size_t i = 0; origin != NULL && i < cors->origins; i++)
        if (strcasecmp(cors->origin[i], origin) == 0)
            return true;
    return false;
}

/* Who may read the answer. A cache must keep answers to different origins apart, those without one included.
 */
static int origin_headers(const struct cors *cors, const char *origin, struct api_header *header,
                          bool *readable) {
    int count = 0;
    *readable = false;
    if (cors->any) {
        *readable = origin != NULL;
        if (*readable)
            header[count++] = (struct api_header){"Access-Control-Allow-Origin", "*"};
        return count;
    }
    if (cors->origins == 0)
        return count;
    header[count++] = (struct api_header){"Vary", "Origin"};
    *readable = allowed(cors, origin);
    if (*readable)
        header[count++] = (struct api_header){"Access-Control-Allow-Origin", origin};
    return count;
}

int cors_headers(const struct cors *cors, const char *origin, struct api_header header[CORS_MAX_HEADERS]) {
    bool readable;
    int count = origin_headers(cors, origin, header, &readable);
    if (readable)
        header[count++] = (struct api_header){
            "Access-Control-Expose-Headers",
            "X-Request-Id, Server-Timing, X-Convd-Algorithm, X-Tensor-Shape, X-Tensor-Dtype, Retry-After"};
    return count;
}

int cors_preflight(const struct cors *cors, const char *origin, const char *allow,
                   struct api_header header[CORS_MAX_HEADERS]) {
    bool readable;
    int count = origin_headers(cors, origin, header, &readable);
    if (!readable)
        return count;
    header[count++] = (struct api_header){"Access-Control-Allow-Methods", allow};
    header[count++] =
        (struct api_header){"Access-Control-Allow-Headers",
                            "Accept, Authorization, Content-Type, Inference-Header-Content-Length, "
                            "X-API-Key, X-Request-Id"};
    /* Two hours is the longest that Chromium remembers a preflight. */
    header[count++] = (struct api_header){"Access-Control-Max-Age", "7200"};
    return count;
}
