/*
 * Deadlines of connections. libmicrohttpd's own timeout is idle-only (a byte a second lives for ever), says
 * nothing to the client, and does not exist while a connection is suspended. So one thread watches all of
 * them:
 *
 *   WATCH_HEADERS  a request's headers are awaited     late: closed
 *   WATCH_BODY     its body is awaited                 late: told (408), then closed
 *   WATCH_REFUSED  the body of a refused request is    late: told the refusal, then closed
 *                  read and thrown away
 *   WATCH_HELD     its owner is busy with it           never late
 *   WATCH_WORK     it waits for or runs on a worker    never late; a client that leaves sets `gone`
 *   WATCH_SEND     the answer is on its way            a reader slower than the minimum rate: closed
 *   WATCH_TOLD     has been told or given up; for good late: closed
 *
 * libmicrohttpd (0.9.75, epoll) also misses a client's end of stream that came together with its last bytes;
 * so a connection that awaits headers or a body from a client that has stopped sending is closed here.
 *
 * What is told is written to the socket by the watchdog itself: libmicrohttpd cannot answer before the body's
 * end.
 */
#ifndef CONVD_SERVER_WATCHDOG_H
#define CONVD_SERVER_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum watch_phase {
    WATCH_HEADERS,
    WATCH_BODY,
    WATCH_REFUSED,
    WATCH_HELD,
    WATCH_WORK,
    WATCH_SEND,
    WATCH_TOLD,
};

/* One connection; embedded in what its owner keeps of it. */
struct watch {
    struct watch *next, *previous;
    void *owner;
    int fd;
    atomic_bool
        gone; /* the client has left: nobody will read the answer, or nobody will finish the request */
    pthread_mutex_t lock;
    enum watch_phase phase;
    bool ended_before; /* the client had stopped sending when last looked at */
    int64_t deadline_ms;
    int64_t acked_bytes; /* by the client when WATCH_SEND was last looked at; -1 before */
};

/*
 * Writes a whole HTTP answer for the owner's request, in phase WATCH_BODY or WATCH_REFUSED, into `text` and
 * returns its length; 0 when there is none. Until it returns nobody else touches that request but to drop
 * body bytes.
 */
typedef size_t watch_tell_fn(void *owner, enum watch_phase phase, char *text, size_t capacity_bytes);

struct watchdog;

/* Starts the thread; a reader's rate is judged over windows of `send_window_ms`. Gives the watchdog to the
 * caller, who ends it with watchdog_destroy. NULL when refused. */
struct watchdog *watchdog_create(watch_tell_fn *tell, int64_t send_window_ms);

/* Only when nothing is watched any more. NULL is accepted. */
void watchdog_destroy(struct watchdog *watchdog);

/* Sets `gone` of all. */
void watchdog_cancel_all(struct watchdog *watchdog);

/* Starts to watch, in WATCH_HEADERS; borrows `watch` and `fd` until watch_close, which precedes their end. */
void watch_open(struct watchdog *watchdog, struct watch *watch, int fd, void *owner, int64_t deadline_ms);
void watch_close(struct watchdog *watchdog, struct watch *watch);

/* Changes the phase. false when the connection has been told or closed meanwhile: then it is lost for the
 * owner. The deadline is a reading of clock_ms(); phases that are never late ignore it. */
bool watch_enter(struct watch *watch, enum watch_phase phase, int64_t deadline_ms);

/* Tells now instead of at the deadline. */
void watch_tell(struct watchdog *watchdog, struct watch *watch);

#endif
