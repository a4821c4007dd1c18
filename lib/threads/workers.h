/*
 * The compute threads: a bounded queue of tasks, and ranges that idle workers join.
 *
 * A task is one request. While it runs it may split its work with workers_range; workers that have no task of
 * their own join, so one request on an idle machine uses every core and many requests use one core each.
 * Which thread runs which index is not determined: work must give the same bits whoever runs it.
 */
#ifndef CONVD_LIB_THREADS_WORKERS_H
#define CONVD_LIB_THREADS_WORKERS_H

#include "lib/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workers;

/* Runs on a worker thread; `slot` is that thread's number, below workers_slots(). */
typedef void workers_task_fn(void *argument, int slot);

/* Does piece `index` of a range. No two pieces with the same `slot` run at once: scratch memory is per slot.
 */
typedef void workers_piece_fn(void *argument, int64_t index, int slot);

/*
 * Starts `threads` (at least 1) threads; the queue holds `queue_limit` waiting tasks. `warm_up` (may be NULL)
 * is called once on each thread before any task, and workers_create returns after all have done so. Gives the
 * pool to the caller, who ends it with workers_destroy. NULL when memory or threads are refused.
 */
struct workers *workers_create(int threads, size_t queue_limit, void (*warm_up)(void));

/* Waits for every queued and running task, then ends the threads. NULL is accepted. */
void workers_destroy(struct workers *workers);

/* Queues a task; false when the queue is full. Never blocks. */
bool workers_submit(struct workers *workers, workers_task_fn *run, void *argument);

/*
 * Runs piece(argument, 0 .. count - 1, slot) on this thread and on idle workers, and returns when all are
 * done. Call it from a task with that task's slot. With `workers` NULL everything runs on this thread, in
 * order.
 */
void workers_range(struct workers *workers, int slot, int64_t count, workers_piece_fn *piece, void *argument);

/* How many threads there are, and so how many slots; 1 for NULL. */
int workers_slots(const struct workers *workers);

/* Tasks that wait, not counting those that run. */
size_t workers_queued(struct workers *workers);

#endif
