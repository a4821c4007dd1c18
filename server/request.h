/*
 * One request from its first line to its log line, and the connection that it came on.
 */
#ifndef CONVD_SERVER_REQUEST_H
#define CONVD_SERVER_REQUEST_H

#include "api/api.h"
#include "api/problem.h"
#include "server/gate.h"
#include "server/service.h"
#include "server/watchdog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

enum request_stage {
    REQUEST_HEAD,     /* its headers are not judged yet */
    REQUEST_BODY,     /* its body is being read */
    REQUEST_ANSWERED, /* `response` is there; what still comes of the body is thrown away */
    REQUEST_TOLD,     /* `response` has been written to the socket by the watchdog */
};

/* Room for every header of an answer, here and in reply.c: the API's own, the server's five and those of
 * CORS. */
enum { REQUEST_MAX_HEADERS = API_MAX_HEADERS + 5 + CORS_MAX_HEADERS };

/* What of the head's memory lies in the connection: the strings of a usual request. */
enum { REQUEST_HEAD_BYTES = 1024 };

/* Behind a body so many bytes can be read, all 0: readers with vectors look ahead. (The API is promised one.) */
enum { REQUEST_SLACK_BYTES = 64 };

struct request {
    enum request_stage stage;
    struct service *service;           /* borrowed */
    struct MHD_Connection *connection; /* borrowed */
    struct watch *watch;               /* borrowed: the connection's */
    const char *remote;                /* borrowed: the client's address */
    void *head_memory;                 /* borrowed: REQUEST_HEAD_BYTES, aligned to 64, for `head` */
    uint64_t number;                   /* no other request of this process has it */

    struct arena
        head; /* what the headers become; not charged: it is small, and health must answer under load */
    struct arena arena; /* what the body becomes, and the answer; charged to the budget */
    struct api_request api;
    struct api_response response;
    const char *method; /* as it came */
    char *target;       /* as it came; NULL when there was no memory for it */
    const char *origin;
    bool is_head, preflight;
    bool computes; /* api_handle belongs on the workers */
    bool counted;  /* as one in flight, which a drain waits for */
    bool settled;  /* libmicrohttpd does not wait for input of this request any more */
    bool close;    /* the connection ends with this answer */
    char id[129];
    char timing[160];

    /* Aligned to 64; capacity + REQUEST_SLACK_BYTES bytes, charged to the budget unless it is so small that the
     * head's memory has room for it. */
    char *body;
    bool body_in_head;
    size_t body_bytes, capacity_bytes;
    /* Behind body_bytes lie, received in their place (receive.c), those that libmicrohttpd was told of and has not
     * delivered, and behind them those that it was not told of. */
    size_t told_bytes, ahead_bytes;
    bool undelivered; /* it may hold others, which come before what is received from now on */
    int64_t max_body_bytes;
    _Atomic int64_t received_bytes; /* the watchdog reads it while the body arrives */
    int64_t discarded_bytes;

    int64_t begun_ns, queued_ns, told_ns;
    double queue_ms;
};

/* Starts a request at `now_ns`; `target` is copied. What does not change between requests of a connection is set
 * already. */
void request_begin(struct request *request, const char *target, int64_t now_ns);

/* Frees all that it holds. */
void request_end(struct request *request);

/* `response` becomes a problem. The head's arena holds it: the body's may be what is too full. */
void request_refuse(struct request *request, enum problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum request_take {
    REQUEST_TAKEN,
    REQUEST_TOO_LARGE, /* more than max_body_bytes */
    REQUEST_NO_MEMORY, /* the budget or the system refuses */
};

/* Makes room for a body of `bytes`, once, when its length is known. */
enum request_take request_reserve(struct request *request, int64_t bytes);

/* Where more of the body can be received, and how much: nothing unless the body's length is known. What is put there counts
 * in ahead_bytes. */
char *request_room(const struct request *request, size_t *bytes);

/* Adds to the body; `data` is looked at behind the first told_bytes. The REQUEST_SLACK_BYTES behind a whole body are 0. */
enum request_take request_append(struct request *request, const char *data, size_t bytes);

/* The whole body: the bytes, aligned to 64, and 0s behind them. */
const char *request_body(const struct request *request);

void request_free_body(struct request *request);

#endif
