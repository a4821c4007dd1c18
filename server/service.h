/*
 * What all requests share. Set before the first one and read only from then on, but for the counters and
 * flags.
 */
#ifndef CONVD_SERVER_SERVICE_H
#define CONVD_SERVER_SERVICE_H

#include "api/api.h"
#include "server/config.h"
#include "server/watchdog.h"

#include <stdatomic.h>
#include <stdint.h>

struct service {
    const struct config *config; /* borrowed */
    struct api_context api;
    struct api_context tiny; /* for what is answered without a worker: no workers, and narrow limits */
    struct budget budget;
    struct workers *workers;   /* borrowed */
    struct watchdog *watchdog; /* borrowed */
    atomic_bool draining;      /* nothing new is computed, connections are closed after their answer */
    atomic_int in_flight;      /* requests whose headers have arrived and whose answer is not out */
    uint64_t id_seed;
    _Atomic uint64_t ids_made;
};

#endif
