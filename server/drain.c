#include "server/drain.h"

#include "server/clock.h"
#include "server/log.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often the drain looks whether all is answered, and how long cancelled work has to notice. */
enum { LOOK_MS = 10, CANCEL_MS = 2000 };

static sigset_t ending_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

void drain_block_signals(void) {
    sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int wait_for_signal(void) {
    sigset_t set = ending_signals();
    int number = 0;
    while (sigwait(&set, &number) != 0)
        continue;
    return number;
}

/* Sleeps; a second signal in that time is the end, with the status that shells give for it. */
static void sleep_or_die(int64_t ms) {
    sigset_t set = ending_signals();
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    int number = sigtimedwait(&set, NULL, &time);
    if (number <= 0)
        return;
    log_message(LOG_LEVEL_WARN, "stop", "%s again: stopping at once", strsignal(number));
    _exit(128 + number);
}

static bool all_answered(struct service *service, int64_t patience_ms) {
    int64_t deadline_ms = clock_ms() + patience_ms;
    while (atomic_load(&service->in_flight) > 0) {
        if (clock_ms() >= deadline_ms)
            return false;
        sleep_or_die(LOOK_MS);
    }
    return true;
}

bool drain_when_told(struct service *service) {
    const struct config *config = service->config;
    int number = wait_for_signal();
    atomic_store(&service->draining, true);
    log_message(LOG_LEVEL_INFO, "drain", "%s: draining, %d requests in flight", strsignal(number),
                atomic_load(&service->in_flight));
    if (all_answered(service, config->drain_timeout_ms))
        return true;
    log_message(LOG_LEVEL_ERROR, "drain", "%d requests are cut off after %lld ms (--drain-timeout)",
                atomic_load(&service->in_flight), (long long)config->drain_timeout_ms);
    watchdog_cancel_all(service->watchdog);
    all_answered(service, CANCEL_MS);
    return false;
}
