/*
 * Where a plan, of a convolution or a pooling, runs.
 */
#ifndef CONVD_LIB_THREADS_RUN_CONTEXT_H
#define CONVD_LIB_THREADS_RUN_CONTEXT_H

#include "lib/threads/workers.h"

#include <stdatomic.h>

/* All borrowed. */
struct run_context {
    struct workers *workers;      /* NULL: on this thread alone */
    int slot;                     /* of the calling task */
    void *workspace;              /* workers_slots(workers) * workspace_bytes_per_slot bytes, aligned to 64 */
    const atomic_bool *cancelled; /* looked at between tiles; may be NULL */
};

#endif
