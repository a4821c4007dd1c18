/*
 * Requests that compute: on the compute threads, or in place when that is quicker.
 */
#ifndef CONVD_SERVER_JOBS_H
#define CONVD_SERVER_JOBS_H

#include "server/request.h"

/* The context that jobs_try_in_place needs: no workers, and limits within which an answer takes microseconds.
 */
struct api_context jobs_tiny_context(const struct api_context *api);

/*
 * Answers a tiny request on the calling thread; false, and nothing done, when it is not tiny. Handing one to a
 * worker and back costs some 30 µs of processor time, most of it for waking threads.
 */
bool jobs_try_in_place(struct request *request);

/*
 * Suspends the request's connection and queues the request. When its response is there, or at once when the
 * queue is full, the connection is resumed and libmicrohttpd calls for it again. Until then the caller leaves
 * it alone.
 */
void jobs_start(struct request *request);

#endif
