/*
 * Media types: what a Content-Type says, and what an Accept allows (RFC 9110, sections 8.3 and 12.5.1).
 */
#ifndef CONVD_API_MEDIA_H
#define CONVD_API_MEDIA_H

#include <stdbool.h>

enum media {
    MEDIA_NONE, /* no header */
    MEDIA_JSON, /* application/json, with any parameters */
    MEDIA_FORM, /* application/x-www-form-urlencoded: what curl -d says of anything */
    MEDIA_OTHER,
};

/* Judges a Content-Type header; NULL is MEDIA_NONE. */
enum media media_of_content(const char *content_type);

/* Whether an Accept header allows application/json; NULL does. */
bool media_accepts_json(const char *accept);

#endif
