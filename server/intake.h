/*
 * What becomes of a request: judged when its headers are there, fed with its body, finished when that is
 * complete. Each is called on the connection's own thread.
 */
#ifndef CONVD_SERVER_INTAKE_H
#define CONVD_SERVER_INTAKE_H

#include "server/request.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What the caller does next. A response that libmicrohttpd gets before it has asked for the body makes it
 * close the connection, so INTAKE_ANSWER is for requests that end with it; others are answered in
 * intake_finish.
 */
enum intake {
    INTAKE_CONTINUE, /* read on */
    INTAKE_ANSWER,   /* queue the response now */
    INTAKE_CLOSE,    /* close the connection without a word */
};

/* The target is there. One with so many arguments that libmicrohttpd's memory may not do for them, of which it says nothing and
 * waits (0.9.75), is refused before it sees them. */
void intake_target(struct request *request);

/* The headers are there. */
enum intake intake_head(struct request *request, const char *method, const char *version);

/* Some of the body is there. */
enum intake intake_body(struct request *request, const char *data, size_t bytes);

/* The request is complete. INTAKE_CONTINUE: it is suspended, and this is called again when its answer is
 * there. */
enum intake intake_finish(struct request *request);

/* watch_tell_fn: the answer to a request whose body is late, or whose refusal has waited for its body long
 * enough. */
size_t intake_tell(void *request, enum watch_phase phase, char *text, size_t capacity_bytes);

#endif
