#include "server/idle.h"

#include "lib/base/pages.h"

#include <malloc.h>

void idle_tick(struct service *service) {
    static int quiet_ticks = IDLE_TRIM_TICKS;
    quiet_ticks = pages_age(service->budget.pages) ? 0 : quiet_ticks + 1;
    if (quiet_ticks == IDLE_TRIM_TICKS)
        malloc_trim(0);
}
