/*
 * Concurrency: a request belongs to its connection's thread until workers_submit takes it, to one worker
 * until MHD_resume_connection, and from then on to the connection's thread again. So the connection is
 * suspended before the request is published, and the worker does not touch the request after it has resumed
 * it.
 */
#include "server/jobs.h"

#include "lib/base/checked.h"
#include "server/clock.h"

#include <microhttpd.h>

/*
 * What a thread may be kept busy with that serves other connections too. A LeNet layer of 12 to 24 KB of text (1×32×32 → 6)
 * is read, computed and written in 34 to 56 µs, 8 of them computing; handing it to a worker and back costs as much again. A
 * CIFAR layer of 82 KB takes 190 µs: there it gains a tenth, which is not worth other clients' wait. The work is counted
 * with what the limit counts beside the products (lib/conv/cost.c), 60 a nanosecond.
 */
enum {
    TINY_BODY_BYTES = 32 * 1024,
    TINY_UNPACKED_BYTES = 64 * 1024,
    TINY_MACS = 500000,
    TINY_OUTPUT_BYTES = 32 * 1024,
};

struct api_context jobs_tiny_context(const struct api_context *api) {
    struct api_context tiny = *api;
    tiny.workers = NULL;
    tiny.asks_again = true;
    tiny.limits.max_body_bytes = min_i64(tiny.limits.max_body_bytes, TINY_UNPACKED_BYTES); /* of an archive */
    tiny.limits.max_macs = min_i64(tiny.limits.max_macs, TINY_MACS);
    tiny.limits.max_output_bytes = min_i64(tiny.limits.max_output_bytes, TINY_OUTPUT_BYTES);
    return tiny;
}

/* A request that passes the narrow limits' size is asked for again, with the real ones, on a worker. */
bool jobs_try_in_place(struct request *request) {
    const struct service *service = request->service;
    if (request->body_bytes > TINY_BODY_BYTES)
        return false;
    api_handle(&service->tiny, &request->api, 0, &request->arena, &request->response);
    request->response.timed = true;
    if (request->response.status != problem_http_status(PROBLEM_LIMIT_EXCEEDED))
        return true;
    arena_release(&request->arena);
    request->response = (struct api_response){.status = 0};
    return false;
}

static void run(void *argument, int slot) {
    struct request *request = argument;
    request->queue_ms = clock_elapsed_ms(request->queued_ns, clock_ns());
    if (atomic_load(&request->watch->gone))
        request_refuse(request, PROBLEM_OVERLOADED, "the client left while the request waited");
    else
        api_handle(&request->service->api, &request->api, slot, &request->arena, &request->response);
    request_free_body(request);
    request->response.timed = true;
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
    request->response.timed = true;
    request->stage = REQUEST_ANSWERED;
    MHD_resume_connection(request->connection);
}
