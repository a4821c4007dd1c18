/*
 * The compute threads. Nothing here measures time; waits have a deadline only so that a deadlock fails.
 */
#include "lib/threads/workers.h"
#include "tests/unit/sanitizers.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 20000, MAX_SLOTS = 8 };

static bool wait_until(const atomic_int *counter, int value) {
    for (int ms = 0; ms < DEADLINE_MS * 10; ms++) {
        if (atomic_load(counter) >= value)
            return true;
        usleep(100);
    }
    return false;
}

/* ---- tasks ---- */

static atomic_int tasks_run, gate_open;

static void count_task(void *argument, int slot) {
    (void)argument;
    (void)slot;
    atomic_fetch_add(&tasks_run, 1);
}

static atomic_int tasks_waiting;

static void gate_task(void *argument, int slot) {
    (void)argument;
    (void)slot;
    atomic_fetch_add(&tasks_waiting, 1);
    wait_until(&gate_open, 1);
    atomic_fetch_add(&tasks_run, 1);
}

static int reset(void **state) {
    (void)state;
    tasks_run = tasks_waiting = gate_open = 0;
    return 0;
}

static void test_destroy_waits_for_the_queue(void **state) {
    (void)state;
    enum { TASKS = 1000 };
    struct workers *workers = workers_create(3, TASKS, NULL);
    assert_non_null(workers);
    assert_int_equal(workers_slots(workers), 3);
    for (int i = 0; i < TASKS; i++)
        assert_true(workers_submit(workers, count_task, NULL));
    workers_destroy(workers);
    assert_int_equal(tasks_run, TASKS);
}

static void nothing(void *argument, int64_t index, int slot) {
    (void)argument, (void)index, (void)slot;
    usleep(100);
}

struct late_range {
    struct workers *workers;
    cpu_set_t cpus; /* of the worker, behind its range */
};

/* By then the pool is being destroyed, and the other workers have ended. */
static void range_late(void *argument, int slot) {
    struct late_range *late = argument;
    usleep(20000);
    workers_range(late->workers, slot, 8, nothing, NULL);
    pthread_getaffinity_np(pthread_self(), sizeof late->cpus, &late->cpus);
}

static void test_range_while_the_pool_ends(void **state) {
    (void)state;
    cpu_set_t cpus;
    pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus);
    for (int threads = 2; threads <= 4; threads++) {
        struct late_range late = {.workers = workers_create(threads, 1, NULL)};
        assert_non_null(late.workers);
        usleep(2000);
        assert_true(workers_submit(late.workers, range_late, &late));
        workers_destroy(late.workers);
        assert_true(CPU_EQUAL(&late.cpus, &cpus));
    }
}

static void test_destroy_and_slots_accept_null(void **state) {
    (void)state;
    workers_destroy(NULL);
    assert_int_equal(workers_slots(NULL), 1);
}

static void test_queue_is_bounded(void **state) {
    (void)state;
    struct workers *workers = workers_create(1, 3, NULL);
    for (int round = 1; round <= 5; round++) { /* the ring turns */
        gate_open = tasks_waiting = tasks_run = 0;
        assert_true(workers_submit(workers, gate_task, NULL));
        assert_true(wait_until(&tasks_waiting, 1));
        assert_int_equal(workers_queued(workers), 0);
        for (size_t i = 0; i < 3; i++) {
            assert_true(workers_submit(workers, count_task, NULL));
            assert_int_equal(workers_queued(workers), i + 1);
        }
        assert_false(workers_submit(workers, count_task, NULL));
        gate_open = 1;
        assert_true(wait_until(&tasks_run, 4));
    }
    workers_destroy(workers);
    assert_int_equal(tasks_run, 4);
}

static int order[16];
static atomic_int order_count;

static void order_task(void *argument, int slot) {
    (void)slot;
    order[atomic_fetch_add(&order_count, 1)] = *(const int *)argument;
}

static void test_queue_is_first_in_first_out(void **state) {
    (void)state;
    static const int NUMBER[5] = {0, 1, 2, 3, 4};
    struct workers *workers = workers_create(1, 5, NULL);
    order_count = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++) {
            while (!workers_submit(workers, order_task, (void *)(uintptr_t)&NUMBER[i]))
                usleep(10);
        }
    }
    workers_destroy(workers);
    assert_int_equal(order_count, 15);
    for (int i = 0; i < 15; i++)
        assert_int_equal(order[i], i % 5);
}

static void test_queue_of_none_refuses(void **state) {
    (void)state;
    struct workers *workers = workers_create(1, 0, NULL);
    assert_non_null(workers);
    assert_false(workers_submit(workers, count_task, NULL));
    workers_destroy(workers);
}

struct submitter {
    struct workers *workers;
    int accepted;
};

static void *submit_many(void *argument) {
    struct submitter *submitter = argument;
    for (int i = 0; i < 5000; i++)
        submitter->accepted += workers_submit(submitter->workers, count_task, NULL);
    return NULL;
}

static void test_every_accepted_task_runs_once(void **state) {
    (void)state;
    enum { SUBMITTERS = 4 };
    struct workers *workers = workers_create(2, 7, NULL);
    struct submitter submitter[SUBMITTERS];
    pthread_t thread[SUBMITTERS];
    for (int i = 0; i < SUBMITTERS; i++) {
        submitter[i] = (struct submitter){.workers = workers};
        assert_int_equal(pthread_create(&thread[i], NULL, submit_many, &submitter[i]), 0);
    }
    int accepted = 0;
    for (int i = 0; i < SUBMITTERS; i++) {
        pthread_join(thread[i], NULL);
        accepted += submitter[i].accepted;
    }
    workers_destroy(workers);
    assert_true(accepted > 0);
    assert_int_equal(tasks_run, accepted);
}

/* ---- ranges ---- */

enum { MAX_PIECES = 5000 };

/* A range that counts who did what; plain memory where the pool promises that nobody else writes. */
struct ledger {
    struct workers *workers;
    int64_t count;
    int done[MAX_PIECES];          /* how often each piece ran */
    int64_t by_slot[MAX_SLOTS];    /* pieces, written by the slot's own thread without a lock */
    atomic_int in_slot[MAX_SLOTS]; /* pieces that run with that slot now */
    atomic_int clashes;            /* more than one at once */
    atomic_int finished;
};

static void ledger_piece(void *argument, int64_t index, int slot) {
    struct ledger *ledger = argument;
    if (atomic_fetch_add(&ledger->in_slot[slot], 1) != 0)
        atomic_fetch_add(&ledger->clashes, 1);
    ledger->done[index]++;
    ledger->by_slot[slot]++;
    if (index % 64 == 0)
        usleep(50); /* lets others come in */
    atomic_fetch_sub(&ledger->in_slot[slot], 1);
}

static void ledger_task(void *argument, int slot) {
    struct ledger *ledger = argument;
    workers_range(ledger->workers, slot, ledger->count, ledger_piece, ledger);
    for (int64_t i = 0; i < ledger->count; i++) /* all are done, and seen, when the range returns */
        ledger->done[i] += 10;
    ledger->finished = 1;
}

static void ledger_check(struct ledger *ledger) {
    assert_true(wait_until(&ledger->finished, 1));
    int64_t total = 0;
    for (int64_t i = 0; i < MAX_PIECES; i++)
        assert_int_equal(ledger->done[i], i < ledger->count ? 11 : 0);
    for (int i = 0; i < MAX_SLOTS; i++)
        total += ledger->by_slot[i];
    assert_int_equal(total, ledger->count);
    assert_int_equal(ledger->clashes, 0);
}

static void test_range_does_each_piece_once(void **state) {
    (void)state;
    static const int64_t COUNTS[] = {0, 1, 2, 3, 5, 64, 1000, MAX_PIECES};
    for (int threads = 1; threads <= 5; threads += 2) {
        struct workers *workers = workers_create(threads, 4, NULL);
        for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
            struct ledger ledger = {.workers = workers, .count = COUNTS[i]};
            assert_true(workers_submit(workers, ledger_task, &ledger));
            ledger_check(&ledger);
        }
        workers_destroy(workers);
    }
}

static void test_ranges_side_by_side(void **state) {
    (void)state;
    enum { RANGES = 6, ROUNDS = 20 };
    static struct ledger ledger[RANGES];
    struct workers *workers = workers_create(3, RANGES, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        memset(ledger, 0, sizeof ledger);
        for (int i = 0; i < RANGES; i++) {
            ledger[i].workers = workers;
            ledger[i].count = 1 + (i * 577 + round * 31) % 900;
            assert_true(workers_submit(workers, ledger_task, &ledger[i]));
        }
        for (int i = 0; i < RANGES; i++)
            ledger_check(&ledger[i]);
    }
    workers_destroy(workers);
}

static void in_order_piece(void *argument, int64_t index, int slot) {
    int64_t *next = argument;
    assert_int_equal(slot, 4);
    assert_int_equal(index, (*next)++);
}

static void test_range_without_workers_is_a_loop(void **state) {
    (void)state;
    int64_t next = 0;
    workers_range(NULL, 4, 100, in_order_piece, &next);
    assert_int_equal(next, 100);
    workers_range(NULL, 4, 0, in_order_piece, &next);
    assert_int_equal(next, 100);
}

/* Every piece waits for all others: the range ends only if as many threads as pieces are inside at once. */
struct meeting {
    struct workers *workers;
    int pieces;
    atomic_int inside, met, finished;
};

static void meeting_piece(void *argument, int64_t index, int slot) {
    (void)index;
    (void)slot;
    struct meeting *meeting = argument;
    atomic_fetch_add(&meeting->inside, 1);
    atomic_fetch_add(&meeting->met, wait_until(&meeting->inside, meeting->pieces));
}

static void meeting_task(void *argument, int slot) {
    struct meeting *meeting = argument;
    workers_range(meeting->workers, slot, meeting->pieces, meeting_piece, meeting);
    meeting->finished = 1;
}

static void test_idle_workers_join(void **state) {
    (void)state;
    struct workers *workers = workers_create(4, 4, NULL);
    struct meeting meeting = {.workers = workers, .pieces = 4};
    usleep(2000); /* most likely all are idle by now; if not, they join later */
    assert_true(workers_submit(workers, meeting_task, &meeting));
    assert_true(wait_until(&meeting.finished, 1));
    assert_int_equal(meeting.met, 4);
    workers_destroy(workers);
}

/* A worker that is busy when a range begins joins it when it is free. */
struct late {
    struct workers *workers;
    atomic_int slots[2];
    atomic_int begun, both, finished;
};

static void late_piece(void *argument, int64_t index, int slot) {
    (void)index;
    struct late *late = argument;
    late->slots[slot] = 1;
    if (late->slots[0] && late->slots[1])
        late->both = 1;
    late->begun = 1;
    for (int i = 0; i < 10 && !late->both; i++)
        usleep(100);
}

static void late_task(void *argument, int slot) {
    struct late *late = argument;
    workers_range(late->workers, slot, DEADLINE_MS, late_piece, late);
    late->finished = 1;
}

static void test_busy_workers_join_later(void **state) {
    (void)state;
    struct workers *workers = workers_create(2, 4, NULL);
    struct late late = {.workers = workers};
    assert_true(workers_submit(workers, gate_task, NULL));
    assert_true(wait_until(&tasks_waiting, 1));
    assert_true(workers_submit(workers, late_task, &late));
    assert_true(wait_until(&late.begun, 1));
    assert_int_equal(late.both, 0);
    gate_open = 1;
    assert_true(wait_until(&late.finished, 1));
    assert_int_equal(late.both, 1);
    workers_destroy(workers);
}

/* A helper leaves a long range for a task that waits. */
struct interrupted {
    struct workers *workers;
    atomic_int helped[2];
    atomic_int both, finished;
    atomic_int pieces_after; /* whether pieces were left when the task had run */
};

static void interrupted_piece(void *argument, int64_t index, int slot) {
    (void)index;
    struct interrupted *range = argument;
    range->helped[slot] = 1;
    if (range->helped[0] && range->helped[1])
        range->both = 1;
    if (tasks_run == 0)
        usleep(100);
    else
        range->pieces_after = 1;
}

static void interrupted_task(void *argument, int slot) {
    struct interrupted *range = argument;
    workers_range(range->workers, slot, DEADLINE_MS * 10, interrupted_piece, range);
    range->finished = 1;
}

static void test_tasks_come_before_ranges(void **state) {
    (void)state;
    struct workers *workers = workers_create(2, 4, NULL);
    struct interrupted range = {.workers = workers};
    assert_true(workers_submit(workers, interrupted_task, &range));
    assert_true(wait_until(&range.both, 1));
    assert_true(workers_submit(workers, count_task, NULL));
    assert_true(wait_until(&range.finished, 1));
    assert_int_equal(tasks_run, 1);
    assert_int_equal(range.pieces_after, 1);
    workers_destroy(workers);
}

/* Ranges within pieces. */
static atomic_int inner_pieces;
static struct workers *nest_workers;

static void inner_piece(void *argument, int64_t index, int slot) {
    (void)argument;
    (void)index;
    (void)slot;
    atomic_fetch_add(&inner_pieces, 1);
}

static void outer_piece(void *argument, int64_t index, int slot) {
    (void)index;
    workers_range(nest_workers, slot, 50, inner_piece, argument);
}

static void outer_task(void *argument, int slot) {
    workers_range(nest_workers, slot, 40, outer_piece, NULL);
    *(atomic_int *)argument = 1;
}

static void test_ranges_nest(void **state) {
    (void)state;
    atomic_int finished = 0;
    inner_pieces = 0;
    nest_workers = workers_create(3, 4, NULL);
    assert_true(workers_submit(nest_workers, outer_task, &finished));
    assert_true(wait_until(&finished, 1));
    assert_int_equal(inner_pieces, 2000);
    workers_destroy(nest_workers);
}

/* ---- life ---- */

static atomic_int warmed;

static void warm_up(void) {
    usleep(1000);
    atomic_fetch_add(&warmed, 1);
}

static void test_create_waits_for_every_warm_up(void **state) {
    (void)state;
    warmed = 0;
    struct workers *workers = workers_create(5, 1, warm_up);
    assert_int_equal(warmed, 5);
    workers_destroy(workers);
    assert_int_equal(warmed, 5);
}

struct inspection {
    char name[16];
    int unblocked;
    atomic_int done;
};

static void inspect_task(void *argument, int slot) {
    (void)slot;
    struct inspection *inspection = argument;
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGCHLD, SIGALRM};
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++)
        inspection->unblocked += !sigismember(&blocked, SIGNALS[i]);
    pthread_getname_np(pthread_self(), inspection->name, sizeof inspection->name);
    inspection->done = 1;
}

static void test_threads_are_named_and_block_signals(void **state) {
    (void)state;
    sigset_t before, after;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    struct workers *workers = workers_create(1, 1, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number < 32; number++) /* the caller's mask is as it was */
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    struct inspection inspection = {.done = 0};
    assert_true(workers_submit(workers, inspect_task, &inspection));
    assert_true(wait_until(&inspection.done, 1));
    assert_string_equal(inspection.name, "convd-compute");
    assert_int_equal(inspection.unblocked, 0);
    workers_destroy(workers);
}

static void test_sizes_that_cannot_be(void **state) {
    (void)state;
    assert_null(workers_create(0, 1, NULL));
    assert_null(workers_create(-1, 1, NULL));
    assert_null(workers_create(1, SIZE_MAX, NULL));
    assert_null(workers_create(1, SIZE_MAX / 16, NULL));
}

/* Every place at which a thread may be refused. */
#if !defined(SANITIZED)
static int threads_left = -1; /* until one is refused; -1: never */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
    typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static create_fn *next;
    if (next == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&next, &symbol, sizeof next);
    }
    if (threads_left == 0)
        return EAGAIN;
    if (threads_left > 0)
        threads_left--;
    return next(thread, attributes, run, argument);
}

static void test_refused_threads_unwind(void **state) {
    (void)state;
    for (int granted = 0; granted < 4; granted++) {
        warmed = 0;
        threads_left = granted;
        assert_null(workers_create(4, 1, warm_up));
        assert_int_equal(threads_left, 0);
        assert_int_equal(warmed, granted); /* they have ended */
    }
    threads_left = 4;
    struct workers *workers = workers_create(4, 1, warm_up);
    threads_left = -1;
    assert_non_null(workers);
    workers_destroy(workers);
}
#else
static void test_refused_threads_unwind(void **state) {
    (void)state;
    skip();
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_destroy_waits_for_the_queue, reset),
        cmocka_unit_test_setup(test_range_while_the_pool_ends, reset),
        cmocka_unit_test_setup(test_destroy_and_slots_accept_null, reset),
        cmocka_unit_test_setup(test_queue_is_bounded, reset),
        cmocka_unit_test_setup(test_queue_is_first_in_first_out, reset),
        cmocka_unit_test_setup(test_queue_of_none_refuses, reset),
        cmocka_unit_test_setup(test_every_accepted_task_runs_once, reset),
        cmocka_unit_test_setup(test_range_does_each_piece_once, reset),
        cmocka_unit_test_setup(test_ranges_side_by_side, reset),
        cmocka_unit_test_setup(test_range_without_workers_is_a_loop, reset),
        cmocka_unit_test_setup(test_idle_workers_join, reset),
        cmocka_unit_test_setup(test_busy_workers_join_later, reset),
        cmocka_unit_test_setup(test_tasks_come_before_ranges, reset),
        cmocka_unit_test_setup(test_ranges_nest, reset),
        cmocka_unit_test_setup(test_create_waits_for_every_warm_up, reset),
        cmocka_unit_test_setup(test_threads_are_named_and_block_signals, reset),
        cmocka_unit_test_setup(test_sizes_that_cannot_be, reset),
        cmocka_unit_test_setup(test_refused_threads_unwind, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
