#include "server/reply.h"

#include "server/cors.h"
#include "server/digits.h"
#include "server/watchdog.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct headers {
    struct api_header header[REQUEST_MAX_HEADERS];
    int count;
};

static void add(struct headers *headers, const char *name, const char *value) {
    if (value != NULL && headers->count < REQUEST_MAX_HEADERS)
        headers->header[headers->count++] = (struct api_header){name, value};
}

static const char *allowed_methods(const struct api_response *response) {
    for (int i = 0; i < response->headers; i++)
        if (strcmp(response->header[i].name, "Allow") == 0)
            return response->header[i].value;
    return "";
}

static char *put_duration(char *to, const char *name, double ms) {
    size_t bytes = strlen(name);
    memcpy(to, name, bytes);
    return to + bytes + digits_ms(to + bytes, ms);
}

static const char *server_timing(struct request *request) {
    const struct api_response *response = &request->response;
    if (!response->timed)
        return NULL;
    char *to = request->timing;
    to = put_duration(to, "decode;dur=", response->decode_ms);
    to = put_duration(to, ", queue;dur=", request->queue_ms);
    to = put_duration(to, ", compute;dur=", response->compute_ms);
    to = put_duration(to, ", encode;dur=", response->encode_ms);
    *to = '\0';
    return request->timing;
}

/* Everything but Date and Content-Length. */
static void collect(struct request *request, struct headers *headers) {
    const struct api_response *response = &request->response;
    const struct cors *cors = &request->service->config->cors;
    add(headers, "Content-Type", response->content_type);
    add(headers, "X-Request-Id", request->id);
    add(headers, "Server-Timing", server_timing(request));
    add(headers, "Connection", request->close ? "close" : NULL);
    for (int i = 0; i < response->headers; i++)
        add(headers, response->header[i].name, response->header[i].value);
    struct api_header cross[CORS_MAX_HEADERS];
    int count = request->preflight ? cors_preflight(cors, request->origin, allowed_methods(response), cross)
                                   : cors_headers(cors, request->origin, cross);
    for (int i = 0; i < count; i++)
        add(headers, cross[i].name, cross[i].value);
}

/* ---- through libmicrohttpd ---- */

/* libmicrohttpd takes a writable pointer and does not write through it. */
static void *writable(const void *data) {
    return (void *)(uintptr_t)data;
}

bool reply_queue(struct request *request) {
    const struct api_response *response = &request->response;
    struct MHD_Response *mhd = MHD_create_response_from_buffer(
        response->body_bytes, writable(response->body_bytes > 0 ? response->body : ""),
        MHD_RESPMEM_PERSISTENT);
    if (mhd == NULL)
        return false;
    if (atomic_load(&request->service->draining))
        request->close = true;
    struct headers headers = {.count = 0};
    collect(request, &headers);
    bool complete = true;
    for (int i = 0; i < headers.count; i++)
        complete &= MHD_add_response_header(mhd, headers.header[i].name, headers.header[i].value) == MHD_YES;
    /* An answer without its headers would say something else: no answer is better. */
    complete =
        complete && MHD_queue_response(request->connection, (unsigned)response->status, mhd) == MHD_YES;
    MHD_destroy_response(mhd);
    return complete;
}

/* ---- as text ---- */

struct writer {
    char *text;
    size_t used, capacity;
    bool failed;
};

static void write_bytes(struct writer *writer, const char *data, size_t bytes) {
    if (bytes > writer->capacity - writer->used) {
        writer->failed = true;
        return;
    }
    memcpy(writer->text + writer->used, data, bytes);
    writer->used += bytes;
}

static void write_header(struct writer *writer, const char *name, const char *value) {
    write_bytes(writer, name, strlen(name));
    write_bytes(writer, ": ", 2);
    write_bytes(writer, value, strlen(value));
    write_bytes(writer, "\r\n", 2);
}

/* RFC 9110, section 5.6.7; not strftime, whose names of days follow the locale. */
static void write_date(struct writer *writer) {
    static const char day[] = "SunMonTueWedThuFriSat", month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[64];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    snprintf(text, sizeof(text), "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", &day[utc.tm_wday * 3], utc.tm_mday,
             &month[utc.tm_mon * 3], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    write_header(writer, "Date", text);
}

size_t reply_text(struct request *request, char *text, size_t capacity_bytes) {
    const struct api_response *response = &request->response;
    struct writer writer = {.text = text, .capacity = capacity_bytes};
    struct headers headers = {.count = 0};
    char line[64];
    request->close = true;
    collect(request, &headers);
    const char *reason = MHD_get_reason_phrase_for((unsigned)response->status);
    int bytes = snprintf(line, sizeof(line), "HTTP/1.1 %d %.40s\r\n", response->status, reason);
    write_bytes(&writer, line, (size_t)bytes);
    write_date(&writer);
    for (int i = 0; i < headers.count; i++)
        write_header(&writer, headers.header[i].name, headers.header[i].value);
    snprintf(line, sizeof(line), "%zu", response->body_bytes);
    write_header(&writer, "Content-Length", line);
    write_bytes(&writer, "\r\n", 2);
    if (!request->is_head)
        write_bytes(&writer, response->body, response->body_bytes);
    return writer.failed ? 0 : writer.used;
}
