/*
 * The HTTP server: libmicrohttpd's threads and what they call.
 */
#ifndef CONVD_SERVER_HTTP_H
#define CONVD_SERVER_HTTP_H

#include "server/service.h"

#include <stdbool.h>

struct http;

/*
 * Serves on `listen_fd`, which it takes when it succeeds, with `threads` threads and at most `connections`
 * connections. Borrows `service`. Gives the server to the caller, who ends it with http_stop; NULL on
 * failure.
 */
struct http *http_start(struct service *service, int listen_fd, int threads, unsigned connections);

/* Closes everything. No request may be with a worker any more. NULL is accepted. */
void http_stop(struct http *http);

#endif
