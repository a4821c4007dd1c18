/*
 * Concurrency: `list_lock` protects the list, and with it the life of every watch and its descriptor:
 * libmicrohttpd closes a descriptor only after watch_close has returned. A watch's own lock protects its
 * phase, deadline and, while it is told, its request. Order: list_lock, then one watch's lock. Nothing under
 * either lock blocks: sockets are written to with MSG_DONTWAIT. Shutdown sets `stopping` under list_lock and
 * joins.
 */
#include "server/watchdog.h"

#include "server/clock.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    TICK_MS = 100,
    SURVEY_TICKS = 5, /* idle connections are looked at less often: there may be ten thousand */
    /* How long a client that was told may go on sending, so that its system does not drop the answer unread.
     */
    LINGER_MS = 2000,
    MIN_BYTES_PER_SECOND = 8192, /* slower than any network still in use */
    ANSWER_BYTES = 8192,
    POLL_BATCH = 64,
};

struct watchdog {
    pthread_t thread;
    watch_tell_fn *tell;
    int64_t send_window_ms;
    pthread_mutex_t list_lock;
    pthread_cond_t wake;
    struct watch *first;
    bool stopping;
};

/* The last word on a connection: reading and writing end at the deadline. */
static void give_up(struct watch *watch, int64_t deadline_ms) {
    watch->phase = WATCH_TOLD;
    watch->deadline_ms = deadline_ms;
}

/* The write side is closed at once, so that the client sees the answer's end; the read side stays open for a
 * while: closing it with unread bytes would reset the connection and may destroy the answer on its way. */
static void tell_locked(struct watchdog *watchdog, struct watch *watch, int64_t now_ms) {
    char text[ANSWER_BYTES];
    size_t bytes = watchdog->tell(watch->owner, watch->phase, text, sizeof(text));
    if (bytes > 0)
        (void)!send(watch->fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(watch->fd, SHUT_WR);
    give_up(watch, now_ms + LINGER_MS);
}

static int64_t acked_bytes(int fd) {
    struct tcp_info info = {0};
    socklen_t bytes = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0)
        return 0;
    return (int64_t)info.tcpi_bytes_acked;
}

/* The first window only takes the measure. */
static bool reads_too_slowly(struct watch *watch, int64_t now_ms, int64_t window_ms) {
    int64_t acked = acked_bytes(watch->fd);
    bool slow =
        watch->acked_bytes >= 0 && acked - watch->acked_bytes < MIN_BYTES_PER_SECOND * window_ms / 1000;
    watch->acked_bytes = acked;
    watch->deadline_ms = now_ms + window_ms;
    return slow;
}

static void close_both_ways(struct watch *watch) {
    shutdown(watch->fd, SHUT_RDWR);
    give_up(watch, INT64_MAX);
}

static void judge(struct watchdog *watchdog, struct watch *watch, int64_t now_ms) {
    if (now_ms < watch->deadline_ms)
        return;
    switch (watch->phase) {
    case WATCH_HELD:
    case WATCH_WORK: break;
    case WATCH_BODY:
    case WATCH_REFUSED: tell_locked(watchdog, watch, now_ms); break;
    case WATCH_SEND:
        if (reads_too_slowly(watch, now_ms, watchdog->send_window_ms))
            close_both_ways(watch);
        break;
    case WATCH_HEADERS:
    case WATCH_TOLD: close_both_ways(watch); break;
    }
}

/* ---- clients that leave ---- */

struct batch {
    struct pollfd fd[POLL_BATCH];
    struct watch *watch[POLL_BATCH];
    nfds_t count;
};

/*
 * The client has stopped sending (POLLRDHUP), all that it sent has been read, and more is needed. Seen twice
 * in a row, because libmicrohttpd's thread may be about to find a whole request in what it has just read.
 */
static void judge_ended(struct watch *watch) {
    int unread_bytes = 0;
    pthread_mutex_lock(&watch->lock);
    bool awaited = watch->phase == WATCH_HEADERS || watch->phase == WATCH_BODY;
    if (awaited && ioctl(watch->fd, FIONREAD, &unread_bytes) == 0 && unread_bytes == 0) {
        if (watch->ended_before) {
            atomic_store(&watch->gone, true);
            close_both_ways(watch);
        }
        watch->ended_before = true;
    }
    pthread_mutex_unlock(&watch->lock);
}

/* A half-closed socket is a client that waits for its answer; one that hung up has been reset. */
static void look_who_left(struct batch *batch) {
    if (batch->count > 0 && poll(batch->fd, batch->count, 0) > 0)
        for (nfds_t i = 0; i < batch->count; i++) {
            if (batch->fd[i].revents & (POLLERR | POLLHUP))
                atomic_store(&batch->watch[i]->gone, true);
            else if (batch->fd[i].revents & POLLRDHUP)
                judge_ended(batch->watch[i]);
        }
    batch->count = 0;
}

static void scan(struct watchdog *watchdog, bool survey) {
    struct batch batch = {.count = 0};
    int64_t now_ms = clock_ms();
    for (struct watch *watch = watchdog->first; watch != NULL; watch = watch->next) {
        pthread_mutex_lock(&watch->lock);
        judge(watchdog, watch, now_ms);
        bool works = watch->phase == WATCH_WORK;
        bool awaited = watch->phase == WATCH_HEADERS || watch->phase == WATCH_BODY;
        pthread_mutex_unlock(&watch->lock);
        if (!works && !(awaited && survey))
            continue;
        batch.fd[batch.count] = (struct pollfd){.fd = watch->fd, .events = works ? 0 : POLLRDHUP};
        batch.watch[batch.count++] = watch;
        if (batch.count == POLL_BATCH)
            look_who_left(&batch);
    }
    look_who_left(&batch);
}

static void *watch_all(void *argument) {
    struct watchdog *watchdog = argument;
    pthread_mutex_lock(&watchdog->list_lock);
    for (unsigned tick = 0; !watchdog->stopping; tick++) {
        if (watchdog->first == NULL) {
            pthread_cond_wait(&watchdog->wake, &watchdog->list_lock);
            continue;
        }
        scan(watchdog, tick % SURVEY_TICKS == 0);
        int64_t next_ns = clock_ns() + TICK_MS * 1000000LL;
        struct timespec until = {.tv_sec = next_ns / 1000000000, .tv_nsec = next_ns % 1000000000};
        while (!watchdog->stopping &&
               pthread_cond_timedwait(&watchdog->wake, &watchdog->list_lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&watchdog->list_lock);
    return NULL;
}

/* ---- life ---- */

struct watchdog *watchdog_create(watch_tell_fn *tell, int64_t send_window_ms) {
    struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
    if (watchdog == NULL)
        return NULL;
    watchdog->tell = tell;
    watchdog->send_window_ms = send_window_ms;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->wake, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&watchdog->list_lock, NULL);
    if (pthread_create(&watchdog->thread, NULL, watch_all, watchdog) == 0)
        return watchdog;
    pthread_mutex_destroy(&watchdog->list_lock);
    pthread_cond_destroy(&watchdog->wake);
    free(watchdog);
    return NULL;
}

void watchdog_destroy(struct watchdog *watchdog) {
    if (watchdog == NULL)
        return;
    pthread_mutex_lock(&watchdog->list_lock);
    watchdog->stopping = true;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->list_lock);
    pthread_join(watchdog->thread, NULL);
    pthread_mutex_destroy(&watchdog->list_lock);
    pthread_cond_destroy(&watchdog->wake);
    free(watchdog);
}

void watchdog_cancel_all(struct watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->list_lock);
    for (struct watch *watch = watchdog->first; watch != NULL; watch = watch->next)
        atomic_store(&watch->gone, true);
    pthread_mutex_unlock(&watchdog->list_lock);
}

void watch_open(struct watchdog *watchdog, struct watch *watch, int fd, void *owner, int64_t deadline_ms) {
    watch->fd = fd;
    watch->owner = owner;
    watch->phase = WATCH_HEADERS;
    watch->deadline_ms = deadline_ms;
    watch->ended_before = false;
    atomic_init(&watch->gone, false);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_mutex_lock(&watchdog->list_lock);
    watch->previous = NULL;
    watch->next = watchdog->first;
    if (watch->next != NULL)
        watch->next->previous = watch;
    else
        pthread_cond_signal(&watchdog->wake);
    watchdog->first = watch;
    pthread_mutex_unlock(&watchdog->list_lock);
}

void watch_close(struct watchdog *watchdog, struct watch *watch) {
    pthread_mutex_lock(&watchdog->list_lock);
    if (watch->previous != NULL)
        watch->previous->next = watch->next;
    else
        watchdog->first = watch->next;
    if (watch->next != NULL)
        watch->next->previous = watch->previous;
    pthread_mutex_unlock(&watchdog->list_lock);
    pthread_mutex_destroy(&watch->lock);
}

bool watch_enter(struct watch *watch, enum watch_phase phase, int64_t deadline_ms) {
    pthread_mutex_lock(&watch->lock);
    bool ours = watch->phase != WATCH_TOLD;
    if (ours) {
        watch->phase = phase;
        watch->deadline_ms = deadline_ms;
        watch->acked_bytes = -1;
        watch->ended_before = false;
    }
    pthread_mutex_unlock(&watch->lock);
    return ours;
}

void watch_tell(struct watchdog *watchdog, struct watch *watch) {
    pthread_mutex_lock(&watch->lock);
    if (watch->phase != WATCH_TOLD)
        tell_locked(watchdog, watch, clock_ms());
    pthread_mutex_unlock(&watch->lock);
}
