#include "server/access.h"

#include "server/clock.h"
#include "server/log.h"

enum { PATH_CAP_BYTES = 256, METHOD_CAP_BYTES = 16 };

/* A query may be as long as a header; the path is what people search for. */
static size_t path_bytes(const char *target) {
    size_t bytes = 0;
    while (bytes < PATH_CAP_BYTES && target[bytes] != '\0' && target[bytes] != '?')
        bytes++;
    return bytes;
}

void access_log(const struct request *request, int64_t end_ns, const char *ended) {
    const struct api_response *response = &request->response;
    if (!log_wants(LOG_LEVEL_INFO))
        return;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "request");
    log_text(&line, "id", request->id, sizeof(request->id));
    log_text(&line, "remote", request->remote, 64);
    log_text(&line, "method", request->method, METHOD_CAP_BYTES);
    if (request->target != NULL)
        log_text(&line, "path", request->target, path_bytes(request->target));
    log_int(&line, "status", response->status);
    log_int(&line, "bytes_in", atomic_load(&request->received_bytes));
    bool bodiless = request->is_head || response->status == 304;
    log_int(&line, "bytes_out", bodiless ? 0 : (int64_t)response->body_bytes);
    log_ms(&line, "duration_ms", clock_elapsed_ms(request->begun_ns, end_ns));
    if (request->queued_ns != 0)
        log_ms(&line, "queue_ms", request->queue_ms);
    if (response->timed)
        log_ms(&line, "compute_ms", response->compute_ms);
    log_text(&line, "problem", response->problem, 64);
    log_text(&line, "ended", ended, 32);
    log_end(&line);
}
