#include "server/drain.h"

#include "server/clock.h"
#include "server/log.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How often the drain looks whether all is answered, and how long cancelled work has to notice. */
enum { LOOK_MS = 10, CANCEL_MS = 2000 };

/*
 * A handler, and not a blocked mask with sigwait: OpenBLAS starts threads before main, which no mask of ours
 * reaches, and a signal that one of them gets would end the process.
 */
static volatile sig_atomic_t first_signal;
static sem_t told;

static void on_signal(int number) {
    int saved = errno;
    if (first_signal != 0)
        _exit(128 + number); /* the status that shells give for it */
    first_signal = number;
    sem_post(&told);
    errno = saved;
}

void drain_catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sem_init(&told, 0, 0);
    sigfillset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static bool all_answered(struct service *service, int64_t patience_ms) {
    int64_t deadline_ms = clock_ms() + patience_ms;
    while (atomic_load(&service->in_flight) > 0) {
        if (clock_ms() >= deadline_ms)
            return false;
        usleep(LOOK_MS * 1000);
    }
    return true;
}

bool drain_when_told(struct service *service) {
    const struct config *config = service->config;
    while (sem_wait(&told) != 0)
        continue;
    atomic_store(&service->draining, true);
    log_message(LOG_LEVEL_INFO, "drain", "%s: draining, %d requests in flight", strsignal(first_signal),
                atomic_load(&service->in_flight));
    if (all_answered(service, config->drain_timeout_ms))
        return true;
    log_message(LOG_LEVEL_ERROR, "drain", "%d requests are cut off after %lld ms (--drain-timeout)",
                atomic_load(&service->in_flight), (long long)config->drain_timeout_ms);
    watchdog_cancel_all(service->watchdog);
    all_answered(service, CANCEL_MS);
    return false;
}
