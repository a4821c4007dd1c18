/*
 * Media types: what a Content-Type says, and what an Accept asks for (RFC 9110, sections 8.3 and 12.5.1).
 */
#ifndef CONVD_API_MEDIA_H
#define CONVD_API_MEDIA_H

#include "lib/base/arena.h"

#include <stdbool.h>

/* X(NAME, media type). The order is the server's own preference among those that Accept leaves equal. */
#define MEDIA_MAP(X)                                                                                         \
    X(JSON, "application/json")                                                                              \
    X(HTML, "text/html")                                                                                     \
    X(NPZ, "application/x-npz")                                                                              \
    X(ZIP, "application/zip") /* an npz by the name of its container */                                      \
    X(SAFETENSORS, "application/x-safetensors")                                                              \
    X(NPY, "application/x-npy")                                                                              \
    X(MULTIPART, "multipart/form-data")                                                                      \
    X(PNG, "image/png")                                                                                      \
    X(RAW, "application/octet-stream")                                                                       \
    X(URLENCODED, "application/x-www-form-urlencoded") /* what curl -d says of anything */

enum media {
    MEDIA_NONE,  /* no header; no choice */
    MEDIA_OTHER, /* none of the list */
#define MEDIA_ENUM(NAME, type) MEDIA_##NAME,
    MEDIA_MAP(MEDIA_ENUM)
#undef MEDIA_ENUM
        MEDIA_END
};

/* Sets of media types. */
#define MEDIA_SET(NAME) (1u << MEDIA_##NAME)

static inline bool media_in(enum media media, unsigned set) {
    return (set >> media & 1u) != 0;
}

/* "application/json"; "" for those without a name. */
const char *media_type(enum media media);

/* Judges a Content-Type header, with any parameters; NULL is MEDIA_NONE. */
enum media media_of_content(const char *content_type);

/* True for a body of which nobody has said what it is: no Content-Type, or curl's default. */
bool media_is_undeclared(enum media media);

/*
 * What of `offers` an Accept header asks for: that of the highest weight; among equals the one that is named most
 * closely (application/x-npz before a wildcard beside it), then the first of the list above, so that JSON wins a tie.
 * NULL and an empty header take the first offer. MEDIA_NONE when it allows none of them.
 */
enum media media_negotiate(const char *accept, unsigned offers);

/* "application/json, application/x-npz": the names of a set, in the arena; "" when there is no memory. */
const char *media_names(struct arena *arena, unsigned set);

#endif
