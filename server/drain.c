#include "server/drain.h"

#include "server/clock.h"
#include "server/idle.h"
#include "server/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often the drain looks whether all is answered, and how long cancelled work has to notice. */
enum { LOOK_MS = 10, CANCEL_MS = 2000 };

/*
 * Our threads have the signals blocked, and main takes them with sigwait. But OpenBLAS starts threads before
 * main, which no mask of ours reaches: a signal that one of them gets would end the process, so its handler
 * passes it on to main.
 */
static pthread_t main_thread;
static atomic_bool draining; /* lock-free, as a signal handler needs it */

static sigset_t ending_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* The status is the one that shells give for a signal. log_flush, which takes a lock, is safe here: the threads
 * that this runs on never log. */
static void on_signal(int number) {
    int saved = errno;
    if (atomic_load(&draining)) {
        log_flush();
        _exit(128 + number);
    }
    pthread_kill(main_thread, number);
    errno = saved;
}

void drain_catch_signals(void) {
    sigset_t set = ending_signals();
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    main_thread = pthread_self();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Until then this thread has nothing better to do than to tidy up. */
static int wait_for_signal(struct service *service) {
    const struct timespec tick = {.tv_sec = IDLE_TICK_MS / 1000, .tv_nsec = IDLE_TICK_MS % 1000 * 1000000L};
    sigset_t set = ending_signals();
    int number;
    while ((number = sigtimedwait(&set, NULL, &tick)) <= 0)
        idle_tick(service);
    atomic_store(&draining, true);
    return number;
}

/* A short sleep; a second signal is the end. */
static void look_later(void) {
    sigset_t set = ending_signals();
    struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    int number = sigtimedwait(&set, NULL, &pause);
    if (number <= 0)
        return;
    log_message(LOG_LEVEL_WARN, "drain", "%s again: stopping at once", strsignal(number));
    _exit(128 + number);
}

static bool all_answered(struct service *service, int64_t patience_ms) {
    int64_t deadline_ms = clock_ms() + patience_ms;
    while (service_in_flight(service) > 0) {
        if (clock_ms() >= deadline_ms)
            return false;
        look_later();
    }
    return true;
}

bool drain_when_told(struct service *service) {
    const struct config *config = service->config;
    int number = wait_for_signal(service);
    atomic_store(&service->draining, true);
    log_message(LOG_LEVEL_INFO, "drain", "%s: draining, %d requests in flight", strsignal(number),
                service_in_flight(service));
    if (all_answered(service, config->drain_timeout_ms))
        return true;
    log_message(LOG_LEVEL_ERROR, "drain", "%d requests are cut off after %lld ms (--drain-timeout)",
                service_in_flight(service), (long long)config->drain_timeout_ms);
    watchdog_cancel_all(service->watchdog);
    all_answered(service, CANCEL_MS);
    return false;
}
