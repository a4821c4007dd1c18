/*
 * The HTTP API without HTTP: requests come as bytes and leave as bytes. No sockets here; the server calls
 *
 *   api_head()    when a request's headers are known: is there such a path, does it take this method, this body,
 *                 this Accept? what may the body weigh? (nothing is read or stored for a refused request)
 *   api_handle()  when its body is there: decode, validate, compute, encode
 *
 * Both are re-entrant; the context is read only. Whatever goes wrong comes back as a problem (RFC 9457).
 */
#ifndef CONVD_API_API_H
#define CONVD_API_API_H

#include "lib/base/arena.h"
#include "lib/conv/conv.h"
#include "lib/threads/workers.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct site;

/* What a request may cost; each has a flag of the same name (max_body_bytes: --max-body). */
struct api_limits {
    int64_t max_body_bytes;     /* a request's body */
    int64_t max_document_bytes; /* its JSON without the tensors' numbers */
    int64_t max_output_bytes;   /* the output tensor, the indices included, in memory */
    int64_t max_macs;           /* multiply-accumulates, or cells that a pooling reads */
    int64_t max_queue;          /* requests that wait (shown by /version) */
    int64_t body_timeout_ms;    /* (shown by /version) */
    int64_t memory_bytes;       /* all requests together (shown by /version) */
};

/* Set before the first request, read only from then on; all borrowed. */
struct api_context {
    struct api_limits limits;
    struct workers *workers;
    struct budget *budget;         /* charged by each request's arena */
    const atomic_bool *draining;   /* /readyz says 503 while true */
    const struct site *site;       /* the pages for people; NULL: there are none */
    enum conv_precision precision; /* of requests that name none */
    /* A request beyond a limit will be handled once more, by another context: nothing is said of it but the status. */
    bool asks_again;
};

/* What is known of a request when its headers have arrived. Absent headers are NULL. */
struct api_request {
    const char *method;
    const char *path;  /* percent-decoded, without the query */
    const char *query; /* raw text behind '?', or NULL */
    const char *content_type;
    const char *accept;
    const char *accept_encoding, *if_none_match; /* of GET and HEAD; others leave them NULL */
    const char *id;                              /* X-Request-Id as checked or made by the server */
    bool has_body;          /* a Content-Length above 0 or a Transfer-Encoding was sent */
    int64_t content_length; /* -1 when unknown */

    /* Known when the body is there. The byte at body[body_bytes] is readable and 0. */
    const char *body;
    size_t body_bytes;
    size_t body_held_bytes; /* what holding it takes of the budget, which may be more */

    const atomic_bool *cancelled; /* becomes true when the answer is no longer wanted; may be NULL */
};

struct api_header {
    const char *name, *value;
};

/* A page has the most: two of caches, the coding, Vary, and four that browsers obey. */
enum { API_MAX_HEADERS = 8 };

/* Everything it points to belongs to the arena that api_head or api_handle was given, or is static. */
struct api_response {
    int status;
    const char *content_type; /* NULL: no body */
    const char *body;         /* of a 304 only its length is sent: it says what a 200 would have had */
    size_t body_bytes;
    struct api_header header[API_MAX_HEADERS]; /* Allow, X-Convd-Algorithm, ETag, … */
    int headers;
    bool timed;                              /* a compute response: carries Server-Timing */
    double decode_ms, compute_ms, encode_ms; /* (the server knows how long it waited in the queue) */
    const char *problem;                     /* the problem's name for the log ("shape-mismatch"), or NULL */
};

/* What the server does next with a request whose headers it has. */
enum api_verdict {
    API_REFUSED, /* `response` is the answer */
    API_HANDLE,  /* read the body, then api_handle */
    API_OPTIONS, /* `response` is a 204 with Allow; the server may make it a CORS preflight */
};

/*
 * Judges a request by its headers. The body's own checks come later: `*max_body_bytes` is what it may weigh.
 * `*computes` says whether api_handle belongs on the workers (true) or is quick enough for the calling
 * thread.
 */
enum api_verdict api_head(const struct api_context *context, const struct api_request *request,
                          struct arena *arena, struct api_response *response, int64_t *max_body_bytes,
                          bool *computes);

/*
 * Answers a request that api_head let pass; always fills `response`. `slot` is the worker's slot. A caller that is
 * no worker brings a context without workers, and slot 0.
 */
void api_handle(const struct api_context *context, const struct api_request *request, int slot,
                struct arena *arena, struct api_response *response);

/* Once, before any thread. */
void api_init(void);

#endif
