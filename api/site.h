/*
 * The pages for people and what they load: files in static memory, each plain and, where that is smaller, in gzip. The
 * server's build makes them (server/web); here is how they are found, and api/endpoints/site.c answers with them.
 */
#ifndef CONVD_API_SITE_H
#define CONVD_API_SITE_H

#include <stddef.h>

struct site_form {
    const unsigned char *data;
    size_t bytes;
    const char *etag; /* with its quotes; these bytes' own */
};

struct site_file {
    const char *path;  /* what a request asks for: "/docs" */
    const char *type;  /* its Content-Type */
    const char *cache; /* its Cache-Control */
    struct site_form plain;
    struct site_form gzip; /* without data when it is no smaller */
};

struct site {
    const char *assets; /* the path of the folder that style.css and icon.svg are in */
    const struct site_file *files;
    size_t count;
};

/* The file at `path`, or NULL; a NULL site has none. */
const struct site_file *site_find(const struct site *site, const char *path);

#endif
