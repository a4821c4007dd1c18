/*
 * A few threads, for what is shared among them.
 */
#ifndef CONVD_TESTS_FUZZ_ON_WORKER_H
#define CONVD_TESTS_FUZZ_ON_WORKER_H

#include "lib/threads/workers.h"

/* Runs a task on one of three workers, which `*workers` names before it begins, and waits for its end. */
void on_worker(workers_task_fn *run, void *argument, struct workers **workers);

#endif
