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
    static int quiet_ticks = IDLE_TRIM_TICKS;
    quiet_ticks = pages_age(service->budget.pages) ? 0 : quiet_ticks + 1;
    if (quiet_ticks == IDLE_TRIM_TICKS)
        malloc_trim(0);
}
