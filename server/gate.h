/*
 * The header gate: what a request's line and headers must be before anyone else looks at them. libmicrohttpd
 * lets through what proxies and servers have been known to read differently (request smuggling), so framing
 * is judged here, by RFC 9112. Pure functions: no sockets, no memory.
 */
#ifndef CONVD_SERVER_GATE_H
#define CONVD_SERVER_GATE_H

#include "api/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, name, may it be given more than once): the headers that this server reads. */
#define GATE_HEADER_MAP(X)                                                                                   \
    X(HOST, "Host", false)                                                                                   \
    X(CONTENT_LENGTH, "Content-Length", false)                                                               \
    X(TRANSFER_ENCODING, "Transfer-Encoding", false)                                                         \
    X(CONTENT_TYPE, "Content-Type", false)                                                                   \
    X(CONTENT_ENCODING, "Content-Encoding", true)                                                            \
    X(ACCEPT, "Accept", true)                                                                                \
    X(ACCEPT_ENCODING, "Accept-Encoding", true)                                                              \
    X(IF_NONE_MATCH, "If-None-Match", true)                                                                  \
    X(EXPECT, "Expect", true)                                                                                \
    X(REQUEST_ID, "X-Request-Id", true)                                                                      \
    X(ORIGIN, "Origin", false)                                                                               \
    X(PREFLIGHT_METHOD, "Access-Control-Request-Method", true)

enum gate_header {
#define GATE_HEADER_ENUM(NAME, name, repeatable) GATE_##NAME,
    GATE_HEADER_MAP(GATE_HEADER_ENUM)
#undef GATE_HEADER_ENUM
        GATE_HEADERS
};

/*
 * What the request line and the headers may take of a connection's memory, with GATE_ENTRY_BYTES for each header,
 * argument and cookie, and a cookie's text twice: libmicrohttpd keeps all of it there, and the answer's headers must
 * find room beside it.
 */
enum { GATE_HEAD_BYTES = 24 * 1024, GATE_ENTRY_BYTES = 64 };

/* All Accept headers together, when there are several; clients send some hundred bytes. */
enum { GATE_ACCEPT_BYTES = 2048 };

/* The first value of each header (of Accept: all of them as one list), without blanks around it; not
 * NUL-terminated, borrowed. */
struct gate_value {
    const char *text; /* NULL when absent */
    size_t bytes;
    int times;
};

/* Zero-initialised it has seen nothing. Not to be copied: it may point into itself. */
struct gate_headers {
    struct gate_value value[GATE_HEADERS];
    bool malformed_name, malformed_value;
    bool coded; /* some Content-Encoding is not identity */
    bool accept_too_long;
    size_t memory_bytes;            /* about what all headers take of the connection's memory */
    char accept[GATE_ACCEPT_BYTES]; /* the joined list; value[GATE_ACCEPT] points here then */
};

struct gate_fault {
    enum problem problem;
    char detail[200];
};

/* What the request line and all headers noted take, to be held against GATE_HEAD_BYTES. */
size_t gate_head_bytes(const struct gate_headers *headers, const char *target);

/* Notes one header as it came. */
void gate_note(struct gate_headers *headers, const char *name, size_t name_bytes, const char *value,
               size_t value_bytes);

/*
 * Judges a whole head; false and `fault` filled when it must not be served. After such a fault nobody can say
 * where the next request begins: the connection is closed.
 */
bool gate_pass(const struct gate_headers *headers, const char *method, const char *target,
               const char *version, struct gate_fault *fault);

/* The Content-Length, -1 without one, INT64_MAX when it is larger. Only for headers that passed. */
int64_t gate_content_length(const struct gate_headers *headers);

/* A body is announced: a Transfer-Encoding, or a Content-Length above 0. */
bool gate_has_body(const struct gate_headers *headers);

/* "Expect: 100-continue": the client waits for a word before it sends the body. */
bool gate_expects_continue(const struct gate_headers *headers);

/*
 * Splits a request target ("/a%20b?c=d", "http://host/a", "*") in place: `path` percent-decoded, `query` as
 * it came or NULL. false for broken percent signs and for %00.
 */
bool gate_split_target(char *target, const char **path, const char **query);

/* A request id is echoed when it is 1 to 128 printable ASCII characters. */
bool gate_request_id_ok(const struct gate_value *id);

/* The `number`th id of the process whose random start is `seed`: 32 hexadecimal digits that do not repeat. */
enum { GATE_ID_BYTES = 33 };
void gate_make_id(uint64_t seed, uint64_t number, char id[GATE_ID_BYTES]);

#endif
