/*
 * The clock that deadlines and durations are measured with: it never jumps.
 */
#ifndef CONVD_SERVER_CLOCK_H
#define CONVD_SERVER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_ms(void) {
    return clock_ns() / 1000000;
}

/* Milliseconds from one reading of clock_ns() to another. */
static inline double clock_elapsed_ms(int64_t from_ns, int64_t to_ns) {
    return (double)(to_ns - from_ns) / 1e6;
}

#endif
