/*
 * convd --check-health: asks a running server how it is, so that a container needs no curl for it.
 */
#ifndef CONVD_SERVER_HEALTH_H
#define CONVD_SERVER_HEALTH_H

#include <stdint.h>

/* 0 when GET /livez at `host` (0.0.0.0 and :: mean this machine) answers 200 within two seconds; else 1 and a
 * line on standard error. */
int health_check(const char *host, int64_t port);

#endif
