/*
 * Concurrency
 *
 * `lock` protects the queue, the list of published ranges, the count of helpers in each range, `warmed` and
 * `stopping`. It is the only lock, so there is no order of locks; it is never held while a task, a piece or
 * the warm-up runs. `queued`, `published`, `in_tasks` and a range's `helpers` are written under the lock and also
 * read without it, as hints: who acts on one takes the lock and looks again.
 *
 * A worker looks for a task, then for a range to join, and only then enters `idle` and waits, all under the lock:
 * whoever adds work takes it from there and signals its `wake`, or it sees the work. As many are woken as there are
 * both idle workers and pieces for them.
 *
 * A range lives on its caller's stack. It is published when a worker has no task and so may join it (a busy pool never
 * touches the lock for a range), and its pieces are handed out by atomic counters: to the caller from the front, to
 * helpers from the back, because neighbouring pieces often write to neighbouring memory, which two cores had better not
 * do at once. The caller withdraws it
 * under the lock, so that nobody joins any more, and waits on `left` until no helper is inside: the helpers'
 * results are visible to it through the lock, and nothing points to its stack. A helper leaves a range
 * between two pieces when a task waits: requests come before more speed for one of them.
 *
 * To sleep and be woken takes longer than what is left of a range at its end, or than what lies between two ranges of
 * one request. So its caller, and a worker that has just helped, look out for SPINS turns before they sleep; a worker
 * that comes from a task does not, for there the next one may be far away.
 *
 * Shutdown: `stopping` is set and all are woken; a worker ends when it finds neither task nor range. Tasks
 * queued before are run. workers_create unwinds the same way when a thread is refused.
 */
#include "lib/threads/workers.h"

#include "lib/base/checked.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* 50 µs where a pause takes 60 to 100 cycles. */
enum { SPINS = 2000 };

/* In pools of so many threads move_elsewhere helps. */
enum { FEW_THREADS = 4 };

struct task {
    workers_task_fn *run;
    void *argument;
};

struct range {
    workers_piece_fn *piece;
    void *argument;
    int64_t count;
    _Atomic int64_t taken, taken_by_helpers; /* pieces; the caller's from the front, theirs from the back */
    int64_t taken_by_caller;
    _Atomic int helpers; /* inside, besides the caller */
    pthread_cond_t left; /* the last helper is out */
    struct range *older;
};

struct worker {
    struct workers *workers;
    int slot;
    pthread_t thread;
    pthread_cond_t wake;
    bool waiting; /* in `idle` */
    struct worker *next_idle;
    bool moved; /* `cpus` is to be restored */
    cpu_set_t cpus;
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t ready; /* the last worker has warmed up */
    struct task *queue;   /* a ring of queue_limit tasks */
    size_t queue_limit;
    size_t queue_first;
    _Atomic size_t queued;
    _Atomic int in_tasks;       /* workers */
    struct worker *idle;        /* the last that came first */
    struct range *ranges;       /* newest first */
    _Atomic unsigned published; /* how many ranges were, so far */
    void (*warm_up)(void);
    int threads;
    int warmed;
    bool stopping;
    struct worker worker[];
};

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Takes a piece; false when all are taken. */
static bool range_take(struct range *range) {
    return atomic_fetch_add_explicit(&range->taken, 1, memory_order_relaxed) < range->count;
}

/* Does the caller's next piece; false when all are taken. */
static bool range_step(struct range *range, int slot) {
    if (!range_take(range))
        return false;
    range->piece(range->argument, range->taken_by_caller++, slot);
    return true;
}

/* Does a helper's next piece; false when all are taken. */
static bool range_step_back(struct range *range, int slot) {
    if (!range_take(range))
        return false;
    int64_t before = atomic_fetch_add_explicit(&range->taken_by_helpers, 1, memory_order_relaxed);
    range->piece(range->argument, range->count - 1 - before, slot);
    return true;
}

static int64_t range_rest(struct range *range) {
    return range->count - atomic_load_explicit(&range->taken, memory_order_relaxed);
}

/* Of the ranges that have pieces left the one with the fewest helpers, or NULL. Under the lock. */
static struct range *range_to_join(struct workers *workers) {
    struct range *best = NULL;
    for (struct range *range = workers->ranges; range != NULL; range = range->older) {
        if (range_rest(range) > 0 && (best == NULL || range->helpers < best->helpers))
            best = range;
    }
    return best;
}

/* Called and left with the lock held. */
static void range_help(struct workers *workers, struct range *range, int slot) {
    range->helpers++;
    pthread_mutex_unlock(&workers->lock);
    while (atomic_load_explicit(&workers->queued, memory_order_relaxed) == 0 && range_step_back(range, slot))
        continue;
    pthread_mutex_lock(&workers->lock);
    range->helpers--;
    if (range->helpers == 0)
        pthread_cond_signal(&range->left); /* under the lock: the caller's stack is gone once it is free */
}

/* Takes a worker out of `idle`; NULL when there is none, or all have been woken to end. Under the lock. */
static struct worker *idle_take(struct workers *workers) {
    struct worker *worker = workers->stopping ? NULL : workers->idle;
    if (worker != NULL) {
        workers->idle = worker->next_idle;
        worker->waiting = false;
    }
    return worker;
}

/*
 * Lets a waiting worker wake on any CPU but this one. With two CPUs, one of them busy, Linux (6.18) does not look for an
 * idle one: in 36 % of ranges the worker woke on this one and waited there for its caller, 2 ms and more; so, in 1 %.
 * Under the lock.
 */
static void move_elsewhere(struct worker *worker) {
    cpu_set_t others;
    int here = sched_getcpu();
    if (here < 0 || pthread_getaffinity_np(worker->thread, sizeof worker->cpus, &worker->cpus) != 0)
        return;
    others = worker->cpus;
    CPU_CLR((size_t)here, &others);
    worker->moved = CPU_COUNT(&others) > 0 && CPU_COUNT(&others) < CPU_COUNT(&worker->cpus) &&
                    pthread_setaffinity_np(worker->thread, sizeof others, &others) == 0;
}

static void range_publish(struct workers *workers, struct range *range) {
    pthread_cond_init(&range->left, NULL);
    pthread_mutex_lock(&workers->lock);
    range->older = workers->ranges;
    workers->ranges = range;
    workers->published++;
    struct worker *worker;
    for (int64_t pieces = range_rest(range) - 1; pieces > 0; pieces--) { /* the caller takes one itself */
        if ((worker = idle_take(workers)) == NULL)
            break;
        if (workers->threads <= FEW_THREADS)
            move_elsewhere(worker);
        pthread_cond_signal(&worker->wake);
    }
    pthread_mutex_unlock(&workers->lock);
}

static void range_withdraw(struct workers *workers, struct range *range) {
    pthread_mutex_lock(&workers->lock);
    struct range **link = &workers->ranges;
    while (*link != range)
        link = &(*link)->older;
    *link = range->older;
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < SPINS && atomic_load_explicit(&range->helpers, memory_order_relaxed) > 0; i++)
        pause_briefly();
    pthread_mutex_lock(&workers->lock);
    while (range->helpers > 0)
        pthread_cond_wait(&range->left, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    pthread_cond_destroy(&range->left);
}

void workers_range(struct workers *workers, int slot, int64_t count, workers_piece_fn *piece,
                   void *argument) {
    struct range range = {.piece = piece, .argument = argument, .count = count};
    bool published = false;
    do {
        if (workers != NULL && !published && range_rest(&range) > 1 &&
            atomic_load_explicit(&workers->in_tasks, memory_order_relaxed) < workers->threads) {
            range_publish(workers, &range);
            published = true;
        }
    } while (range_step(&range, slot));
    if (published)
        range_withdraw(workers, &range);
}

bool workers_submit(struct workers *workers, workers_task_fn *run, void *argument) {
    pthread_mutex_lock(&workers->lock);
    bool room = workers->queued < workers->queue_limit;
    struct worker *worker = room ? idle_take(workers) : NULL;
    if (room) {
        size_t to_end = workers->queue_limit - workers->queue_first;
        size_t at =
            workers->queued < to_end ? workers->queue_first + workers->queued : workers->queued - to_end;
        workers->queue[at] = (struct task){.run = run, .argument = argument};
        workers->queued++;
    }
    pthread_mutex_unlock(&workers->lock);
    if (worker != NULL)
        pthread_cond_signal(&worker->wake);
    return room;
}

static struct task task_take(struct workers *workers) {
    struct task task = workers->queue[workers->queue_first];
    workers->queue_first++;
    if (workers->queue_first == workers->queue_limit)
        workers->queue_first = 0;
    workers->queued--;
    return task;
}

/* Returns when there may be something to do, or after a while. Called and left with the lock held. */
static void look_out(struct workers *workers) {
    unsigned seen = workers->published;
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&workers->queued, memory_order_relaxed) > 0 ||
            atomic_load_explicit(&workers->published, memory_order_relaxed) != seen)
            break;
        pause_briefly();
    }
    pthread_mutex_lock(&workers->lock);
}

/* Called and left with the lock held. */
static void wait_for_work(struct worker *worker) {
    struct workers *workers = worker->workers;
    worker->next_idle = workers->idle;
    worker->waiting = true;
    workers->idle = worker;
    while (worker->waiting && !workers->stopping)
        pthread_cond_wait(&worker->wake, &workers->lock);
    if (worker->moved)
        pthread_setaffinity_np(pthread_self(), sizeof worker->cpus, &worker->cpus);
    worker->moved = false;
}

/* Does one thing, or waits for one; false when the worker should end. Called and left with the lock held. */
static bool worker_step(struct worker *worker) {
    struct workers *workers = worker->workers;
    int slot = worker->slot;
    if (workers->queued > 0) {
        struct task task = task_take(workers);
        workers->in_tasks++;
        pthread_mutex_unlock(&workers->lock);
        task.run(task.argument, slot);
        pthread_mutex_lock(&workers->lock);
        workers->in_tasks--;
        return true;
    }
    struct range *range = range_to_join(workers);
    if (range != NULL) {
        range_help(workers, range, slot);
        look_out(workers);
        return true;
    }
    if (workers->stopping)
        return false;
    wait_for_work(worker);
    return true;
}

/*
 * The part of the stack that tasks use, up to 52 KiB in image-size requests, is there from the beginning: the first ones need not wait
 * for it, and a burst leaves no more memory than there was.
 */
static __attribute__((noinline)) void touch_stack(void) {
    volatile char stack[56 * 1024];
    for (size_t i = 0; i < sizeof stack; i += 4096)
        stack[i] = 0;
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct workers *workers = worker->workers;
    pthread_setname_np(pthread_self(), "convd-compute");
    if (workers->warm_up != NULL)
        workers->warm_up();
    touch_stack();
    pthread_mutex_lock(&workers->lock);
    workers->warmed++;
    if (workers->warmed == workers->threads)
        pthread_cond_signal(&workers->ready);
    while (worker_step(worker))
        continue;
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* Ends the first `started` threads and frees everything. */
static void workers_end(struct workers *workers, int started) {
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < started; i++)
        pthread_cond_signal(&workers->worker[i].wake);
    for (int i = 0; i < started; i++)
        pthread_join(workers->worker[i].thread, NULL);
    for (int i = 0; i < started; i++)
        pthread_cond_destroy(&workers->worker[i].wake);
    pthread_cond_destroy(&workers->ready);
    pthread_mutex_destroy(&workers->lock);
    free(workers->queue);
    free(workers);
}

/* Starts the threads with every signal blocked, so that the process's signals go to those who wait for them;
 * returns how many could be started. */
static int workers_start(struct workers *workers) {
    sigset_t all, saved;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    int started = 0;
    for (; started < workers->threads; started++) {
        struct worker *worker = &workers->worker[started];
        *worker = (struct worker){.workers = workers, .slot = started};
        pthread_cond_init(&worker->wake, NULL);
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            pthread_cond_destroy(&worker->wake);
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return started;
}

static struct workers *workers_alloc(int threads, size_t queue_limit) {
    size_t bytes;
    if (threads < 1 || !checked_bytes(threads, sizeof(struct worker), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct workers), &bytes))
        return NULL;
    struct workers *workers = calloc(1, bytes);
    struct task *queue = calloc(queue_limit > 0 ? queue_limit : 1, sizeof *queue);
    if (workers == NULL || queue == NULL) {
        free(queue);
        free(workers);
        return NULL;
    }
    workers->queue = queue;
    workers->queue_limit = queue_limit;
    workers->threads = threads;
    return workers;
}

struct workers *workers_create(int threads, size_t queue_limit, void (*warm_up)(void)) {
    struct workers *workers = workers_alloc(threads, queue_limit);
    if (workers == NULL)
        return NULL;
    workers->warm_up = warm_up;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->ready, NULL);

    int started = workers_start(workers);
    if (started < threads) {
        workers_end(workers, started);
        return NULL;
    }
    pthread_mutex_lock(&workers->lock);
    while (workers->warmed < threads)
        pthread_cond_wait(&workers->ready, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    return workers;
}

void workers_destroy(struct workers *workers) {
    if (workers != NULL)
        workers_end(workers, workers->threads);
}

int workers_slots(const struct workers *workers) {
    return workers == NULL ? 1 : workers->threads;
}

size_t workers_queued(struct workers *workers) {
    return workers->queued;
}
