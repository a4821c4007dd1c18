/*
 * Concurrency: a request belongs to its connection's thread until workers_submit takes it, to one worker until
 * MHD_resume_connection, and from then on to the connection's thread again. So the connection is suspended before
 * the request is published, and the worker does not touch the request after it has resumed it.
 */
#include "server/jobs.h"

#include "server/clock.h"

#include <microhttpd.h>

static void run(void *argument, int slot) {
    struct request *request = argument;
    request->queue_ms = clock_elapsed_ms(request->queued_ns, clock_ns());
    if (atomic_load(&request->watch->gone))
        request_refuse(request, PROBLEM_OVERLOADED, "the client left while the request waited");
    else
        api_handle(&request->service->api, &request->api, slot, &request->arena, &request->response);
    request_free_body(request);
    request->stage = REQUEST_ANSWERED;
    MHD_resume_connection(request->connection);
}

void jobs_start(struct request *request) {
    MHD_suspend_connection(request->connection);
    watch_enter(request->watch, WATCH_WORK, 0);
    request->queued_ns = clock_ns();
    if (workers_submit(request->service->workers, run, request))
        return;
    request_refuse(request, PROBLEM_OVERLOADED, "%lld requests wait already (--max-queue)",
                   (long long)request->service->config->max_queue);
    request->stage = REQUEST_ANSWERED;
    MHD_resume_connection(request->connection);
}
