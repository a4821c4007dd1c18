/*
 * Concurrency: `lock` protects the counts and `stopping`; it is taken last, and nothing blocks under it but the wait
 * for room. The thread waits in poll for a client, which shutting the socket down ends, or on `room` for a
 * connection to close.
 *
 * A connection counts from the moment it is given. libmicrohttpd may drop one before it has opened it, for want of
 * memory, and tells nobody: such losses are forgotten when the thread has waited for room for FORGET_MS, in which
 * time everything that was given has been opened.
 */
#include "server/accept.h"

#include "lib/threads/cpus.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { FORGET_MS = 1000, PAUSE_MS = 50 };

/*
 * The near threads are preferred while they together have at most so much more than their part of all connections: a client
 * that speaks from one CPU is to keep all threads busy. (Two more for each near thread, of which there are several on a CPU,
 * cost such a client with two to eight connections up to a third of its rate.)
 */
enum { NEAR_MORE_NUMERATOR = 9, NEAR_MORE_DENOMINATOR = 8 };

/* Connections of one HTTP thread, since the start; `near` is the accepting thread's own, of the last connection's CPU. */
struct share {
    int64_t given, opened, closed;
    bool near;
};

struct acceptor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t room;
    accept_give_fn *give;
    void *owner;
    int listen_fd;
    int64_t connections;
    int cpus, near_cpu;
    bool stopping;
    int threads;
    struct share share[];
};

/* ---- the counts; under the lock ---- */

static int64_t open_of(const struct share *share) {
    return share->given - share->closed;
}

static int64_t open_now(const struct acceptor *acceptor) {
    int64_t open = 0;
    for (int i = 0; i < acceptor->threads; i++)
        open += open_of(&acceptor->share[i]);
    return open;
}

static void forget_losses(struct acceptor *acceptor) {
    for (int i = 0; i < acceptor->threads; i++)
        acceptor->share[i].given = acceptor->share[i].opened;
}

/* The thread with the fewest connections, of all or of the near ones; -1 when none is near. */
static int least_busy(const struct acceptor *acceptor, bool near) {
    int best = -1;
    for (int i = 0; i < acceptor->threads; i++) {
        const struct share *share = &acceptor->share[i];
        if ((share->near || !near) && (best < 0 || open_of(share) < open_of(&acceptor->share[best])))
            best = i;
    }
    return best;
}

static bool near_have_room(const struct acceptor *acceptor) {
    int64_t connections = 0, threads = 0;
    for (int i = 0; i < acceptor->threads; i++) {
        connections += acceptor->share[i].near ? open_of(&acceptor->share[i]) : 0;
        threads += acceptor->share[i].near;
    }
    return threads > 0 && connections * acceptor->threads * NEAR_MORE_DENOMINATOR <=
                              open_now(acceptor) * threads * NEAR_MORE_NUMERATOR;
}

/* ---- the thread ---- */

/* Waits until there is room for a connection, and for a client; false at the end. */
static bool wait_for_client(struct acceptor *acceptor) {
    pthread_mutex_lock(&acceptor->lock);
    while (!acceptor->stopping && open_now(acceptor) >= acceptor->connections) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += FORGET_MS / 1000;
        if (pthread_cond_timedwait(&acceptor->room, &acceptor->lock, &until) == ETIMEDOUT)
            forget_losses(acceptor);
    }
    bool stopping = acceptor->stopping;
    pthread_mutex_unlock(&acceptor->lock);
    struct pollfd client = {.fd = acceptor->listen_fd, .events = POLLIN};
    if (!stopping)
        poll(&client, 1, -1);
    return !stopping;
}

/* Without descriptors or memory every try fails at once: clients wait, and so does this thread. */
static void pause_when_short(int error) {
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
        nanosleep(&pause, NULL);
}

/* Marks the threads that are near the CPU which handled the connection's last packet. */
static void find_near(struct acceptor *acceptor, int fd) {
    int cpu = -1;
    socklen_t bytes = sizeof(cpu);
    (void)getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &bytes);
    if (cpu == acceptor->near_cpu)
        return;
    acceptor->near_cpu = cpu;
    int number = cpus_number(cpu);
    for (int i = 0; i < acceptor->threads; i++)
        acceptor->share[i].near = cpus_share_has(i, acceptor->threads, acceptor->cpus, number);
}

static void give(struct acceptor *acceptor, int fd, const struct sockaddr *address, socklen_t bytes) {
    find_near(acceptor, fd);
    pthread_mutex_lock(&acceptor->lock);
    int thread = least_busy(acceptor, near_have_room(acceptor));
    acceptor->share[thread].given++;
    pthread_mutex_unlock(&acceptor->lock);
    if (acceptor->give(acceptor->owner, thread, fd, address, bytes))
        return;
    pthread_mutex_lock(&acceptor->lock);
    acceptor->share[thread].given--;
    pthread_mutex_unlock(&acceptor->lock);
}

static void *accept_all(void *argument) {
    struct acceptor *acceptor = argument;
    pthread_setname_np(pthread_self(), "convd-accept");
    while (wait_for_client(acceptor)) {
        struct sockaddr_storage address = {0};
        socklen_t bytes = sizeof(address);
        int fd =
            accept4(acceptor->listen_fd, (struct sockaddr *)&address, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            give(acceptor, fd, (struct sockaddr *)&address, bytes);
        else
            pause_when_short(errno);
    }
    return NULL;
}

/* ---- life ---- */

struct acceptor *accept_create(int listen_fd, int threads, unsigned connections, accept_give_fn *give_fn,
                               void *owner) {
    size_t shares_bytes = (size_t)threads * sizeof(struct share);
    struct acceptor *acceptor = calloc(1, sizeof(*acceptor) + shares_bytes);
    if (acceptor == NULL)
        return NULL;
    acceptor->listen_fd = listen_fd;
    acceptor->threads = threads;
    acceptor->cpus = cpus_affinity();
    acceptor->near_cpu = -1;
    acceptor->connections = connections;
    acceptor->give = give_fn;
    acceptor->owner = owner;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&acceptor->room, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&acceptor->lock, NULL);
    return acceptor;
}

bool accept_run(struct acceptor *acceptor) {
    return pthread_create(&acceptor->thread, NULL, accept_all, acceptor) == 0;
}

void accept_stop(struct acceptor *acceptor) {
    pthread_mutex_lock(&acceptor->lock);
    acceptor->stopping = true;
    pthread_cond_signal(&acceptor->room);
    pthread_mutex_unlock(&acceptor->lock);
    shutdown(acceptor->listen_fd, SHUT_RDWR);
    pthread_join(acceptor->thread, NULL);
}

void accept_destroy(struct acceptor *acceptor) {
    if (acceptor == NULL)
        return;
    pthread_cond_destroy(&acceptor->room);
    pthread_mutex_destroy(&acceptor->lock);
    free(acceptor);
}

void accept_opened(struct acceptor *acceptor, int thread) {
    pthread_mutex_lock(&acceptor->lock);
    acceptor->share[thread].opened++;
    pthread_mutex_unlock(&acceptor->lock);
}

void accept_closed(struct acceptor *acceptor, int thread) {
    pthread_mutex_lock(&acceptor->lock);
    acceptor->share[thread].closed++;
    pthread_cond_signal(&acceptor->room);
    pthread_mutex_unlock(&acceptor->lock);
}
