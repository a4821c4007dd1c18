/*
 * Accepts connections, and gives each to the HTTP thread that has the fewest, of those near its packets while they have room.
 *
 * libmicrohttpd's own threads race for connections: of 64 that come at once, 55 have been seen to lie on one of two
 * threads. A connection stays where it is, so the other thread would idle while the first one's clients wait.
 *
 * Near is the thread on whose CPUs (cpus_on_share) the connection's packets are handled: the network card's choice, or
 * the client's CPU when it is on this machine. A thread that clients on other CPUs keep busy does not sleep, and those of its
 * own CPU wait until the scheduler's tick. For small requests of 64 clients on the same two CPUs (Zen 4) the slowest hundredth
 * takes 2.4 times the median instead of 2.8 (14 runs of 2 s each), in the worst of them 3.4 times instead of 5.9.
 */
#ifndef CONVD_SERVER_ACCEPT_H
#define CONVD_SERVER_ACCEPT_H

#include <netinet/in.h>
#include <stdbool.h>

struct acceptor;

/* Hands `fd` to HTTP thread `thread`, which owns it from now on; false when that failed and `fd` is closed. */
typedef bool accept_give_fn(void *owner, int thread, int fd, const struct sockaddr *address, socklen_t bytes);

/*
 * An acceptor on `listen_fd` (borrowed, non-blocking) for `threads` HTTP threads. While `connections` are open,
 * others wait in the system's queue. Gives it to the caller, who ends it with accept_destroy; NULL without memory.
 */
struct acceptor *accept_create(int listen_fd, int threads, unsigned connections, accept_give_fn *give,
                               void *owner);

/* Starts its thread; false when that is refused. */
bool accept_run(struct acceptor *acceptor);

/* Ends the thread: from here on nothing is given, and the socket takes no connections. */
void accept_stop(struct acceptor *acceptor);

/* Not while it runs or connections are open. NULL is accepted. */
void accept_destroy(struct acceptor *acceptor);

/* A connection that was given has come into being on its thread, or has ended. */
void accept_opened(struct acceptor *acceptor, int thread);
void accept_closed(struct acceptor *acceptor, int thread);

#endif
