/*
 * The end of the process: SIGTERM or SIGINT asks for it, and requests in flight are answered first.
 */
#ifndef CONVD_SERVER_DRAIN_H
#define CONVD_SERVER_DRAIN_H

#include "server/service.h"

#include <stdbool.h>

/* From here on the signals wait for drain_when_told, and SIGPIPE is ignored. Before any thread of ours. */
void drain_catch_signals(void);

/*
 * Waits for the first signal, then drains: /readyz and what would be computed get 503; returns when no
 * request is in flight, false when --drain-timeout passed before that. A second signal ends the process at
 * once. The socket goes on listening meanwhile, so that probes and balancers see the 503 and not a refused
 * connection.
 */
bool drain_when_told(struct service *service);

#endif
