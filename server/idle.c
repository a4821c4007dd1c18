#include "server/idle.h"

#include "lib/base/pages.h"

#include <malloc.h>

/* Of malloc's, whose holes a trim cannot always return: with one for each thread a burst of mixed forms left 17 % above
 * the idle process, with two 9 %, at the same rate of small requests. */
enum { ARENAS = 2 };

void idle_init(void) {
    mallopt(M_ARENA_MAX, ARENAS);
}

void idle_tick(struct service *service) {
    static int quiet_ticks = IDLE_TRIM_TICKS; /* up to twice as many */
    static uint64_t ended_before;             /* connections, when malloc was trimmed last */
    uint64_t ended = atomic_load(&service->connections_ended);
    if (pages_age(service->budget.pages))
        quiet_ticks = 0;
    else if (quiet_ticks < 2 * IDLE_TRIM_TICKS)
        quiet_ticks++;
    if (quiet_ticks == IDLE_TRIM_TICKS || (quiet_ticks == 2 * IDLE_TRIM_TICKS && ended != ended_before)) {
        malloc_trim(0);
        ended_before = ended;
        quiet_ticks = IDLE_TRIM_TICKS;
    }
}
