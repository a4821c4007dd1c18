/*
 * Requests on the compute threads.
 */
#ifndef CONVD_SERVER_JOBS_H
#define CONVD_SERVER_JOBS_H

#include "server/request.h"

/*
 * Suspends the request's connection and queues the request. When its response is there, or at once when the queue is
 * full, the connection is resumed and libmicrohttpd calls for it again. Until then the caller leaves it alone.
 */
void jobs_start(struct request *request);

#endif
