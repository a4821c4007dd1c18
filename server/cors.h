/*
 * Cross-origin resource sharing (the Fetch standard): off unless the operator names origins.
 */
#ifndef CONVD_SERVER_CORS_H
#define CONVD_SERVER_CORS_H

#include "api/api.h"

#include <stdbool.h>
#include <stddef.h>

enum { CORS_MAX_ORIGINS = 32, CORS_ORIGIN_BYTES = 256, CORS_MAX_HEADERS = 6 };

/* Zero-initialised it allows nothing. */
struct cors {
    bool any; /* "*" was named */
    size_t origins;
    char origin[CORS_MAX_ORIGINS][CORS_ORIGIN_BYTES];
};

/*
 * Adds a comma-separated list of origins ("https://example.org", "http://localhost:3000") or "*". false when
 * one is not an origin (scheme://host[:port], nothing behind it) or there are too many.
 */
bool cors_allow(struct cors *cors, const char *list);

/*
 * Writes the headers that an answer to a request with this Origin (or NULL) carries, and returns how many.
 * The values are borrowed from `cors`, `origin` or static.
 */
int cors_headers(const struct cors *cors, const char *origin, struct api_header header[CORS_MAX_HEADERS]);

/*
 * As cors_headers for a preflight: `allow` is the path's methods ("GET, HEAD"). The caller has seen an Origin
 * and an Access-Control-Request-Method on an OPTIONS.
 */
int cors_preflight(const struct cors *cors, const char *origin, const char *allow,
                   struct api_header header[CORS_MAX_HEADERS]);

#endif
