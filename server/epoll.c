/*
 * epoll_wait as libmicrohttpd calls it. A program's own function goes before the C library's, for shared libraries, too.
 *
 * libmicrohttpd (0.9.75 to 1.0.1, MHD_epoll in daemon.c) takes 128 events at once. When it gets that many it asks for
 * more, before it looks at those it has, and waits for them as long as for the first: for ever. 128 clients of one
 * thread whose requests arrive in the same turn are so left unanswered until somebody else says something. One event
 * less than it has room for is never "that many": the rest, which epoll keeps, comes in the next turn.
 */
#include <stddef.h>
#include <sys/epoll.h>

int epoll_wait(int epoll_fd, struct epoll_event *events, int room, int timeout_ms) {
    return epoll_pwait(epoll_fd, events, room > 1 ? room - 1 : room, timeout_ms, NULL);
}
