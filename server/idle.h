/*
 * What the process gives back to the system when nobody needs it any more.
 */
#ifndef CONVD_SERVER_IDLE_H
#define CONVD_SERVER_IDLE_H

#include "server/service.h"

/* How often idle_tick is to be called. */
enum { IDLE_TICK_MS = 1000 };

/* Once, before there are threads: how much of what a burst takes can be given back. */
void idle_init(void);

/*
 * Large memory that has waited for PAGES_TICKS ticks goes at any time; what malloc keeps for itself and code that few requests need go when there
 * was nothing to do for IDLE_TRIM_TICKS ticks, and as long after that when connections have ended since. So some seven
 * seconds after a burst, or after its last connections, the process is as small as before.
 * For one thread, which calls it every IDLE_TICK_MS.
 */
enum { IDLE_TRIM_TICKS = 6 };
void idle_tick(struct service *service);

#endif
