/*
 * lib/base/pages: large memory that is used again, alone and behind a budget.
 */
#include "lib/base/arena.h"
#include "lib/base/pages.h"
#include "tests/unit/sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

/* On both sides of each way in which a block comes about. */
static const size_t sizes[] = {0,
                               1,
                               63,
                               64,
                               1000,
                               PAGES_LEAST_BYTES - 1,
                               16 * KIB,
                               16 * KIB + 1,
                               18 * KIB,
                               100003,
                               128 * KIB - 1,
                               128 * KIB,
                               128 * KIB + 1,
                               300 * KIB,
                               1000003,
                               4 * MIB,
                               4 * MIB + 1,
                               9999999};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static bool holds(const unsigned char *block, size_t bytes, unsigned char value) {
    for (size_t i = 0; i < bytes; i++)
        if (block[i] != value)
            return false;
    return true;
}

static void test_blocks_are_aligned_and_apart(void **state) {
    (void)state;
    struct pages *pools[] = {NULL, pages_create(64 * MIB)};
    for (int p = 0; p < 2; p++)
        for (int round = 0; round < 3; round++) {
            unsigned char *block[SIZES];
            for (int i = 0; i < SIZES; i++) {
                block[i] = pages_take(pools[p], sizes[i]);
                assert_non_null(block[i]);
                assert_int_equal((uintptr_t)block[i] % 64, 0);
                memset(block[i], i + round, sizes[i]);
            }
            for (int i = 0; i < SIZES; i++) {
                assert_true(holds(block[i], sizes[i], (unsigned char)(i + round)));
                pages_give(pools[p], block[i], sizes[i]);
            }
        }
    pages_destroy(pools[1]);
    pages_destroy(NULL);
}

static void test_a_block_is_used_again(void **state) {
    (void)state;
    struct pages *pages = pages_create(64 * MIB);
    for (int i = 0; i < SIZES; i++) {
        if (sizes[i] <= PAGES_LEAST_BYTES)
            continue;
        void *first = pages_take(pages, sizes[i]), *second = pages_take(pages, sizes[i]);
        assert_ptr_not_equal(first, second);
        pages_give(pages, second, sizes[i]);
        pages_give(pages, first, sizes[i]);
        assert_ptr_equal(pages_take(pages, sizes[i]), first); /* the last one is the warmest */
        assert_ptr_equal(pages_take(pages, sizes[i]), second);
        assert_int_equal(pages_waiting_bytes(pages), 0);
        pages_give(pages, first, sizes[i]);
        pages_give(pages, second, sizes[i]);
        assert_true(pages_waiting_bytes(pages) >= 2 * sizes[i]);
        assert_true(pages_waiting_bytes(pages) <= 2 * sizes[i] + sizes[i] / 4); /* an eighth each, at most */
        pages_shrink(pages, 0);
    }
    pages_destroy(pages);
}

/* One block of the smallest class is the thread's own. */
static void test_a_thread_keeps_a_small_block(void **state) {
    (void)state;
    struct pages *pages = pages_create(64 * MIB);
    void *first = pages_take(pages, PAGES_LEAST_BYTES), *second = pages_take(pages, PAGES_LEAST_BYTES);
    pages_give(pages, first, PAGES_LEAST_BYTES);
    assert_int_equal(pages_waiting_bytes(pages), 0);
    pages_give(pages, second, PAGES_LEAST_BYTES);
    assert_int_equal(pages_waiting_bytes(pages), PAGES_LEAST_BYTES);
    pages_age(pages);
    assert_ptr_equal(pages_take(pages, PAGES_LEAST_BYTES), first);
    assert_int_equal(pages_waiting_bytes(pages), PAGES_LEAST_BYTES);
    assert_true(pages_age(pages)); /* that counts, too */
    pages_give(pages, first, PAGES_LEAST_BYTES);
    pages_destroy(pages);
}

static void test_what_waits_is_bounded(void **state) {
    (void)state;
    struct pages *pages = pages_create(1 * MIB);
    void *block[8];
    for (int i = 0; i < 8; i++)
        block[i] = pages_take(pages, 256 * KIB);
    for (int i = 0; i < 8; i++) {
        pages_give(pages, block[i], 256 * KIB);
        assert_true(pages_waiting_bytes(pages) <= 1 * MIB);
    }
    assert_int_equal(pages_waiting_bytes(pages), 1 * MIB);
    for (int i = 7; i >= 4; i--) /* the four that were given last have stayed */
        assert_ptr_equal(pages_take(pages, 256 * KIB), block[i]);
    for (int i = 7; i >= 4; i--)
        pages_give(pages, block[i], 256 * KIB);

    /* a block of another size sends the longest unused away, one beyond the bound nobody */
    void *other = pages_take(pages, 512 * KIB), *huge = pages_take(pages, 2 * MIB);
    pages_give(pages, other, 512 * KIB);
    pages_give(pages, huge, 2 * MIB);
    assert_int_equal(pages_waiting_bytes(pages), 1 * MIB);
    assert_ptr_equal(pages_take(pages, 512 * KIB), other);
    assert_ptr_equal(pages_take(pages, 256 * KIB), block[4]);
    pages_give(pages, block[4], 256 * KIB);
    pages_give(pages, other, 512 * KIB);
    pages_shrink(pages, 600 * KIB);
    assert_int_equal(pages_waiting_bytes(pages), 512 * KIB);
    pages_destroy(pages);
}

static void test_what_waits_long_goes(void **state) {
    (void)state;
    struct pages *pages = pages_create(64 * MIB);
    assert_false(pages_age(pages));
    void *often = pages_take(pages, 20 * KIB), *once = pages_take(pages, 5 * MIB);
    pages_give(pages, often, 20 * KIB);
    pages_give(pages, once, 5 * MIB);
    for (int tick = 1; tick < PAGES_TICKS; tick++) {
        assert_true(pages_age(pages)); /* something was taken since the last */
        assert_ptr_equal(pages_take(pages, 20 * KIB), often);
        pages_give(pages, often, 20 * KIB);
        assert_true(pages_waiting_bytes(pages) > 5 * MIB);
    }
    assert_true(pages_age(pages));
    assert_int_equal(pages_waiting_bytes(pages), 20 * KIB);
    for (int tick = 1; tick < PAGES_TICKS - 1; tick++) {
        assert_false(pages_age(pages));
        assert_int_equal(pages_waiting_bytes(pages), 20 * KIB);
    }
    assert_false(pages_age(pages));
    assert_int_equal(pages_waiting_bytes(pages), 0);
    pages_destroy(pages);
}

static void test_resize_keeps_what_it_should(void **state) {
    (void)state;
    struct pages *pools[] = {NULL, pages_create(64 * MIB)};
    for (int p = 0; p < 2; p++)
        for (int from = 0; from < SIZES; from++)
            for (int to = 0; to < SIZES; to++) {
                size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
                unsigned char *block = pages_take(pools[p], sizes[from]);
                memset(block, from + 1, sizes[from]);
                block = pages_resize(pools[p], block, sizes[from], kept, sizes[to]);
                assert_non_null(block);
                assert_int_equal((uintptr_t)block % 64, 0);
                assert_true(holds(block, kept, (unsigned char)(from + 1)));
                memset(block, 0, sizes[to]);
                pages_give(pools[p], block, sizes[to]);
            }
    pages_destroy(pools[1]);
}

static void test_sizes_that_no_system_has(void **state) {
    (void)state;
    struct pages *pages = pages_create(SIZE_MAX);
    pages_give(pages, pages_take(pages, 1 * MIB), 1 * MIB);
    for (size_t less = 0; less < 300; less += 31)
        assert_null(pages_take(pages, SIZE_MAX - less));
    assert_null(pages_take(pages, SIZE_MAX / 2));
    assert_int_equal(pages_waiting_bytes(pages), 0); /* what waited was offered to the system first */
    assert_null(pages_take(NULL, SIZE_MAX / 2));
    char *block = pages_take(pages, 1 * MIB);
    memset(block, 7, 1 * MIB);
    assert_null(pages_resize(pages, block, 1 * MIB, 1 * MIB, SIZE_MAX / 2));
    assert_true(holds((unsigned char *)block, 1 * MIB, 7));
    pages_give(pages, block, 1 * MIB);
    pages_destroy(pages);
}

/* ---- behind a budget ---- */

static void test_the_budget_is_charged_for_what_is_held(void **state) {
    (void)state;
    struct budget budget = {.limit_bytes = 10 * MIB, .pages = pages_create(10 * MIB)};
    char *block = budget_alloc(&budget, 3 * MIB);
    assert_int_equal(budget.used_bytes, 3 * MIB);
    assert_null(budget_alloc(&budget, 8 * MIB));
    assert_null(budget_resize(&budget, block, 3 * MIB, 3 * MIB, 11 * MIB));
    assert_int_equal(budget.used_bytes, 3 * MIB);
    block = budget_resize(&budget, block, 3 * MIB, 100, 5 * MIB);
    assert_int_equal(budget.used_bytes, 5 * MIB);
    block = budget_resize(&budget, block, 5 * MIB, 100, 2 * MIB);
    assert_int_equal(budget.used_bytes, 2 * MIB);
    budget_free(&budget, block, 2 * MIB);
    assert_int_equal(budget.used_bytes, 0);
    assert_true(pages_waiting_bytes(budget.pages) >= 2 * MIB);
    pages_destroy(budget.pages);
}

/* What requests hold and what waits for them never pass the limit together. */
static void test_what_waits_makes_room(void **state) {
    (void)state;
    struct budget budget = {.limit_bytes = 10 * MIB, .pages = pages_create(10 * MIB)};
    void *first = budget_alloc(&budget, 6 * MIB);
    budget_free(&budget, first, 6 * MIB);
    assert_int_equal(pages_waiting_bytes(budget.pages), 6 * MIB);
    void *second = budget_alloc(&budget, 3 * MIB); /* room for both */
    assert_int_equal(pages_waiting_bytes(budget.pages), 6 * MIB);
    void *third = budget_alloc(&budget, 2 * MIB);
    assert_int_equal(pages_waiting_bytes(budget.pages), 0);
    budget_free(&budget, second, 3 * MIB);
    budget_free(&budget, third, 2 * MIB);
    pages_destroy(budget.pages);
}

static void test_an_arena_takes_its_blocks_there(void **state) {
    (void)state;
    struct budget budget = {.pages = pages_create(64 * MIB)};
    struct arena arena = {.budget = &budget};
    for (int round = 0; round < 3; round++) {
        char *small = arena_alloc(&arena, 100), *large = arena_alloc(&arena, 5 * MIB);
        memset(small, 1, 100);
        memset(large, 2, 5 * MIB);
        assert_int_equal(pages_waiting_bytes(budget.pages), 0);
        arena_release(&arena);
        assert_true(pages_waiting_bytes(budget.pages) >= 5 * MIB + 16 * KIB);
        assert_true(pages_waiting_bytes(budget.pages) <= 6 * MIB); /* the same ones each time */
        assert_int_equal(budget.used_bytes, 0);
    }
    pages_destroy(budget.pages);
}

static void test_an_arena_begins_with_what_it_was_lent(void **state) {
    (void)state;
    static _Alignas(64) unsigned char memory[1000];
    struct budget budget = {0};
    struct arena arena = {.budget = &budget};
    assert_int_equal(arena_room(&arena), 0);
    for (int round = 0; round < 2; round++) {
        arena_lend(&arena, memory, sizeof memory);
        assert_true(arena_room(&arena) >= 14 * 64);
        for (int i = 0; i < 10; i++) {
            unsigned char *piece = arena_alloc(&arena, 64);
            assert_true(piece > memory && piece + 64 <= memory + sizeof memory);
            memset(piece, i, 64);
        }
        assert_int_equal(budget.used_bytes, 0);
        assert_true(arena_room(&arena) < 640);
        unsigned char *beyond = arena_alloc(&arena, 640);
        assert_true(beyond < memory || beyond >= memory + sizeof memory);
        assert_true(budget.used_bytes > 640);
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
    }
    assert_non_null(arena_alloc(&arena, 1)); /* nothing is lent for longer than to the release */
    assert_true(budget.used_bytes > 0);
    arena_release(&arena);
}

/* ---- many threads ---- */

enum { THREADS = 4, STEPS = 20000, HELD = 8 };

static void *take_and_give(void *argument) {
    struct pages *pages = argument;
    unsigned char *block[HELD] = {NULL};
    size_t bytes[HELD] = {0};
    static atomic_uint threads;
    unsigned dice = atomic_fetch_add(&threads, 1);
    uintptr_t wrong = 0;
    for (int step = 0; step < STEPS; step++) {
        dice = dice * 1664525 + 1013904223;
        int at = (int)(dice >> 20) % HELD;
        if (block[at] != NULL) {
            wrong += block[at][0] != (unsigned char)at || block[at][bytes[at] - 1] != (unsigned char)at;
            pages_give(pages, block[at], bytes[at]);
            block[at] = NULL;
        } else {
            bytes[at] = 10 * KIB + (dice >> 8) % (200 * KIB);
            block[at] = pages_take(pages, bytes[at]);
            block[at][0] = block[at][bytes[at] - 1] = (unsigned char)at;
        }
        if (step % 1000 == 0)
            pages_age(pages);
    }
    for (int i = 0; i < HELD; i++)
        if (block[i] != NULL)
            pages_give(pages, block[i], bytes[i]);
    return (void *)wrong;
}

static void test_threads_do_not_share_a_block(void **state) {
    (void)state;
    struct pages *pages = pages_create(1 * MIB);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_and_give, pages), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
    assert_true(pages_waiting_bytes(pages) <= 1 * MIB);
    pages_destroy(pages);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_apart),
        cmocka_unit_test(test_a_block_is_used_again),
        cmocka_unit_test(test_a_thread_keeps_a_small_block),
        cmocka_unit_test(test_what_waits_is_bounded),
        cmocka_unit_test(test_what_waits_long_goes),
        cmocka_unit_test(test_resize_keeps_what_it_should),
        cmocka_unit_test(test_sizes_that_no_system_has),
        cmocka_unit_test(test_the_budget_is_charged_for_what_is_held),
        cmocka_unit_test(test_what_waits_makes_room),
        cmocka_unit_test(test_an_arena_takes_its_blocks_there),
        cmocka_unit_test(test_an_arena_begins_with_what_it_was_lent),
        cmocka_unit_test(test_threads_do_not_share_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
