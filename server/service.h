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

/* Threads count in places of their own, so that they do not wait for each other's caches. */
enum { SERVICE_SHARDS = 16 };
struct in_flight {
    _Alignas(64) atomic_int requests;
};

struct service {
    const struct config *config; /* borrowed */
    struct api_context api;
    struct api_context tiny; /* for what is answered without a worker: no workers, and narrow limits */
    struct budget budget;
    struct workers *workers;   /* borrowed */
    struct watchdog *watchdog; /* borrowed */
    atomic_bool draining;      /* nothing new is computed, connections are closed after their answer */
    uint64_t id_seed;
    _Atomic uint64_t connections_made, connections_ended;
    struct in_flight in_flight[SERVICE_SHARDS];
};

/* A request's headers have arrived, its answer is out: both on the same thread. */
void service_enter(struct service *service);
void service_leave(struct service *service);

/* Requests whose headers have arrived and whose answer is not out. */
int service_in_flight(const struct service *service);

#endif
