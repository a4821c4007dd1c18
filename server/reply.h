/*
 * An answer on its way out: through libmicrohttpd, or as text for the watchdog.
 */
#ifndef CONVD_SERVER_REPLY_H
#define CONVD_SERVER_REPLY_H

#include "server/request.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Queues the request's response; call it on the connection's own thread. The body is not copied: the
 * request's arenas outlive it. false when the connection has to be closed instead.
 */
bool reply_queue(struct request *request);

/* The whole answer, status line to body, with Connection: close; returns its length, or 0 when it does not
 * fit. */
size_t reply_text(struct request *request, char *text, size_t capacity_bytes);

#endif
