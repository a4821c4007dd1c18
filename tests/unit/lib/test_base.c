/*
 * lib/base: arenas and their budget, checked arithmetic, shapes, faults.
 */
#include "lib/base/arena.h"
#include "lib/base/checked.h"
#include "lib/base/float_env.h"
#include "lib/base/status.h"
#include "lib/base/tensor.h"
#include "tests/unit/sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- budget ---- */

static void test_budget(void **state) {
    (void)state;
    struct budget budget = {.limit_bytes = 100};
    assert_true(budget_take(&budget, 60));
    assert_false(budget_take(&budget, 41));
    assert_int_equal(budget.used_bytes, 60); /* a refusal charges nothing */
    assert_false(budget_take(&budget, SIZE_MAX));
    assert_int_equal(budget.used_bytes, 60);
    assert_true(budget_take(&budget, 40));
    assert_true(budget_take(&budget, 0));
    assert_false(budget_take(&budget, 1));
    budget_release(&budget, 100);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_budget_without_limit(void **state) {
    (void)state;
    struct budget budget = {0};
    assert_true(budget_take(&budget, SIZE_MAX / 2));
    assert_int_equal(budget.used_bytes, SIZE_MAX / 2); /* it counts all the same */
    assert_false(budget_take(&budget, SIZE_MAX));      /* and does not wrap */
    assert_int_equal(budget.used_bytes, SIZE_MAX / 2);
    assert_true(budget_take(NULL, SIZE_MAX));
    budget_release(NULL, SIZE_MAX);
}

enum { BUDGET_LIMIT = 1000, BUDGET_ROUNDS = 20000 };

static void *take_and_release(void *argument) {
    struct budget *budget = argument;
    uintptr_t wrong = 0;
    for (int i = 0; i < BUDGET_ROUNDS; i++) {
        wrong += budget_take(budget, BUDGET_LIMIT + 1);
        if (!budget_take(budget, BUDGET_LIMIT / 2)) {
            wrong++; /* two threads share the budget: there is always room for a half each */
            continue;
        }
        wrong += atomic_load(&budget->used_bytes) > BUDGET_LIMIT;
        budget_release(budget, BUDGET_LIMIT / 2);
    }
    return (void *)wrong;
}

/* A request that is refused is never in the way of one that fits. */
static void test_budget_is_exact_between_threads(void **state) {
    (void)state;
    struct budget budget = {.limit_bytes = BUDGET_LIMIT};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_and_release, &budget), 0);
    void *theirs, *ours = take_and_release(&budget);
    pthread_join(thread, &theirs);
    assert_null(ours);
    assert_null(theirs);
    assert_int_equal(budget.used_bytes, 0);
}

/* ---- arena ---- */

static void test_arena_pieces_are_aligned_and_apart(void **state) {
    (void)state;
    static const size_t SIZES[] = {1, 63, 64, 65, 0, 4000, 8191, 8192, 8193, 16384, 100000, 7, 0, 16000, 300};
    enum { PIECES = sizeof SIZES / sizeof SIZES[0] };
    struct budget budget = {0};
    struct arena arena = {.budget = &budget};
    unsigned char *piece[3][PIECES];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < PIECES; i++) {
            piece[round][i] = arena_alloc(&arena, SIZES[i]);
            assert_non_null(piece[round][i]);
            assert_int_equal((uintptr_t)piece[round][i] % 64, 0);
            memset(piece[round][i], (int)(round * PIECES + (int)i), SIZES[i]);
        }
    }
    size_t held = 0;
    for (int round = 0; round < 3; round++) { /* nobody wrote into anybody else's */
        for (size_t i = 0; i < PIECES; i++) {
            for (size_t at = 0; at < SIZES[i]; at++)
                assert_int_equal(piece[round][i][at], round * PIECES + (int)i);
            held += SIZES[i];
        }
    }
    assert_true(budget.used_bytes >= held);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_arena_does_not_waste(void **state) {
    (void)state;
    struct budget budget = {0};
    struct arena arena = {.budget = &budget};
    for (int i = 0; i < 10; i++) { /* small pieces fill the blocks that large ones were put beside */
        assert_non_null(arena_alloc(&arena, 1000));
        assert_non_null(arena_alloc(&arena, 1000000));
    }
    assert_true(budget.used_bytes < 10 * 1000000 + 10 * 128 + 2 * 16384);
    arena_release(&arena);
}

static void test_arena_within_its_budget(void **state) {
    (void)state;
    struct budget budget = {.limit_bytes = 40000};
    struct arena arena = {.budget = &budget};
    assert_non_null(arena_alloc(&arena, 100));
    size_t used = budget.used_bytes;
    assert_null(arena_alloc(&arena, 40000));
    assert_int_equal(budget.used_bytes, used);
    assert_non_null(arena_alloc(&arena, 20000)); /* the arena is as good as before */
    assert_null(arena_alloc(&arena, 17000));
    assert_non_null(arena_alloc(&arena, 100)); /* in the block that is paid for */
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
    assert_non_null(arena_alloc(&arena, 30000)); /* and usable again */
    arena_release(&arena);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_arena_sizes_that_overflow(void **state) {
    (void)state;
    struct budget budget = {0};
    struct arena arena = {.budget = &budget};
    for (size_t less = 0; less < 300; less += 31)
        assert_null(arena_alloc(&arena, SIZE_MAX - less));
    assert_null(arena_alloc(&arena, SIZE_MAX / 2)); /* the system refuses */
    assert_null(arena_calloc(&arena, SIZE_MAX / 4, 8));
    assert_null(arena_strndup(&arena, "", SIZE_MAX));
    assert_int_equal(budget.used_bytes, 0);
}

static void test_arena_calloc(void **state) {
    (void)state;
    struct arena arena = {0};
    memset(arena_alloc(&arena, 3000), 0xFF, 3000);
    const unsigned char *zeros = arena_calloc(&arena, 1000, 3);
    assert_non_null(zeros);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(zeros[i], 0);
    assert_non_null(arena_calloc(&arena, 0, SIZE_MAX));
    arena_release(&arena);
}

static void test_arena_text(void **state) {
    (void)state;
    struct arena arena = {0};
    assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(&arena, "", 0), "");
    assert_memory_equal(arena_strndup(&arena, "a\0b", 3), "a\0b", 4);
    assert_string_equal(arena_printf(&arena, "%s is %d", "stride", 0), "stride is 0");
    assert_int_equal(strlen(arena_printf(&arena, "%100000d", 7)), 100000);
    arena_release(&arena);

    struct budget budget = {.limit_bytes = 1};
    struct arena poor = {.budget = &budget};
    assert_null(arena_printf(&poor, "%d", 1));
    assert_null(arena_strndup(&poor, "a", 1));
    assert_null(arena_calloc(&poor, 1, 1));
}

/* ---- checked arithmetic ---- */

static void test_checked(void **state) {
    (void)state;
    static const struct {
        char operation;
        int64_t a, b;
        bool fits;
        int64_t want;
    } ROWS[] = {
        {'*', 3, 4, true, 12},
        {'*', INT64_C(1) << 31, INT64_C(1) << 31, true, INT64_C(1) << 62},
        {'*', INT64_C(1) << 32, INT64_C(1) << 31, false, 0},
        {'*', INT64_C(1) << 62, INT64_C(1) << 62, false, 0},
        {'*', INT64_MAX, 0, true, 0},
        {'*', INT64_MAX, 1, true, INT64_MAX},
        {'*', INT64_MIN, -1, false, 0},
        {'+', INT64_MAX, 0, true, INT64_MAX},
        {'+', INT64_MAX, 1, false, 0},
        {'+', INT64_MIN, -1, false, 0},
        {'+', INT64_MAX, INT64_MIN, true, -1},
        {'-', INT64_MIN, 1, false, 0},
        {'-', 0, INT64_MIN, false, 0},
        {'-', -1, INT64_MAX, true, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        int64_t out = 0;
        bool fits = ROWS[i].operation == '*'   ? checked_mul(ROWS[i].a, ROWS[i].b, &out)
                    : ROWS[i].operation == '+' ? checked_add(ROWS[i].a, ROWS[i].b, &out)
                                               : checked_sub(ROWS[i].a, ROWS[i].b, &out);
        assert_int_equal(fits, ROWS[i].fits);
        if (fits)
            assert_true(out == ROWS[i].want);
    }
}

static void test_checked_bytes(void **state) {
    (void)state;
    size_t bytes = 1;
    assert_true(checked_bytes(5, 8, &bytes));
    assert_int_equal(bytes, 40);
    assert_true(checked_bytes(0, 8, &bytes));
    assert_int_equal(bytes, 0);
    assert_true(checked_bytes(INT64_MAX, 2, &bytes));
    assert_true(bytes == SIZE_MAX - 1);
    assert_false(checked_bytes(INT64_MAX, 3, &bytes));
    assert_false(checked_bytes(-1, 8, &bytes));
    assert_false(checked_bytes(-1, 0, &bytes));
}

static void test_small_helpers(void **state) {
    (void)state;
    assert_int_equal(min_i64(-2, 3), -2);
    assert_int_equal(max_i64(-2, 3), 3);
    assert_int_equal(div_ceil_i64(0, 3), 0);
    assert_int_equal(div_ceil_i64(1, 3), 1);
    assert_int_equal(div_ceil_i64(3, 3), 1);
    assert_int_equal(div_ceil_i64(4, 3), 2);
    assert_true(div_ceil_i64(INT64_MAX, 1) == INT64_MAX);
    assert_true(div_ceil_i64(INT64_MAX, 2) == INT64_MAX / 2 + 1);
    assert_int_equal(div_ceil_i64(INT64_MAX, INT64_MAX), 1);
}

/* ---- shapes ---- */

static void test_shape_elems(void **state) {
    (void)state;
    const struct {
        struct shape shape;
        bool fits;
        int64_t want;
    } rows[] = {
        {{.rank = 0}, true, 1},
        {SHAPE(7), true, 7},
        {SHAPE(2, 3, 5, 7), true, 210},
        {SHAPE(2, 0, 5), true, 0},
        {SHAPE(INT64_C(1) << 40, INT64_C(1) << 40, 0), true, 0},
        {SHAPE(0, INT64_C(1) << 40, INT64_C(1) << 40), true, 0},
        {SHAPE(INT64_C(1) << 40, INT64_C(1) << 40), false, 0},
        {SHAPE(INT64_C(1) << 31, INT64_C(1) << 32), false, 0},
        {SHAPE(INT64_C(1) << 31, INT64_C(1) << 31), true, INT64_C(1) << 62},
        {SHAPE(INT64_MAX, 1), true, INT64_MAX},
        {SHAPE(INT64_C(1) << 40, INT64_C(1) << 40, 1), false, 0}, /* a later factor does not mend it */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t elems = -1;
        assert_int_equal(shape_elems(&rows[i].shape, &elems), rows[i].fits);
        if (rows[i].fits)
            assert_true(elems == rows[i].want);
    }
}

static void test_shape_equal(void **state) {
    (void)state;
    assert_true(shape_equal(&SHAPE(1, 2), &SHAPE(1, 2)));
    assert_false(shape_equal(&SHAPE(1, 2), &SHAPE(1, 3)));
    assert_false(shape_equal(&SHAPE(1, 2), &SHAPE(1, 2, 1)));
    struct shape dirty = SHAPE(1, 2, 3);
    dirty.rank = 2; /* what lies beyond the rank does not count */
    assert_true(shape_equal(&dirty, &SHAPE(1, 2)));
    assert_true(shape_equal(&(struct shape){.rank = 0}, &(struct shape){.rank = 0}));
}

static void test_shape_text(void **state) {
    (void)state;
    char text[SHAPE_TEXT_BYTES];
    assert_string_equal(shape_text(&SHAPE(1, 3, 32, 32), text), "[1, 3, 32, 32]");
    assert_string_equal(shape_text(&SHAPE(0), text), "[0]");
    assert_string_equal(shape_text(&(struct shape){.rank = 0}, text), "[]");
    struct shape longest = {.rank = SHAPE_MAX_RANK};
    for (int i = 0; i < SHAPE_MAX_RANK; i++)
        longest.dim[i] = INT64_MIN; /* as long as a number can be */
    memset(text, 'x', sizeof text);
    assert_int_equal(strlen(shape_text(&longest, text)), SHAPE_MAX_RANK * 20 + (SHAPE_MAX_RANK - 1) * 2 + 2);
}

static void test_dtypes(void **state) {
    (void)state;
    assert_string_equal(dtype_name(DTYPE_FLOAT32), "float32");
    assert_string_equal(dtype_name(DTYPE_FLOAT64), "float64");
    assert_string_equal(dtype_name(DTYPE_INT64), "int64");
    assert_int_equal(dtype_bytes(DTYPE_FLOAT32), 4);
    assert_int_equal(dtype_bytes(DTYPE_FLOAT64), 8);
    assert_int_equal(dtype_bytes(DTYPE_INT64), 8);
}

/* ---- faults ---- */

static void test_statuses_have_names_and_texts(void **state) {
    (void)state;
    assert_string_equal(status_name(STATUS_OK), "OK");
    assert_string_equal(status_name(STATUS_CANCELLED), "CANCELLED");
    assert_string_equal(status_text(STATUS_SHAPE_MISMATCH), "tensor shapes do not fit");
    assert_string_equal(status_name((enum status)99), "UNKNOWN");
    assert_string_equal(status_text((enum status)99), "unknown status");
}

static void test_fault(void **state) {
    (void)state;
    struct fault fault;
    assert_int_equal(fault_set(&fault, STATUS_INVALID_VALUE, "stride/1", "stride[%d] is %d", 1, 0),
                     STATUS_INVALID_VALUE);
    assert_int_equal(fault.status, STATUS_INVALID_VALUE);
    assert_string_equal(fault.place, "stride/1");
    assert_string_equal(fault.detail, "stride[1] is 0");
    assert_int_equal(fault_set(NULL, STATUS_TOO_LARGE, "", "nobody reads this"), STATUS_TOO_LARGE);
}

/* Text that is too long is cut between two characters, wherever the cut falls. */
static void test_fault_is_cut(void **state) {
    (void)state;
    static const char *const CHARACTERS[] = {"a", "é", "€", "😀"};
    struct fault fault;
    for (size_t c = 0; c < 4; c++) {
        char text[2000] = "";
        size_t width = strlen(CHARACTERS[c]);
        for (size_t lead = 0; lead < 4; lead++) {
            memset(text, 'x', lead);
            for (size_t i = 0; lead + i + width < sizeof text; i += width)
                strcpy(text + lead + i, CHARACTERS[c]);
            fault_set(&fault, STATUS_INVALID_VALUE, text, "%s", text);
            size_t place = sizeof fault.place - 1, detail = sizeof fault.detail - 1;
            assert_int_equal(strlen(fault.place), place - (place - lead) % width);
            assert_int_equal(strlen(fault.detail), detail - (detail - lead) % width);
        }
    }
    char exact[sizeof fault.detail];
    memset(exact, 'x', sizeof exact);
    strcpy(exact + sizeof exact - 3, "é"); /* fits to the last byte: nothing is dropped */
    fault_set(&fault, STATUS_INVALID_VALUE, "", "%s", exact);
    assert_string_equal(fault.detail, exact);
}

/* ---- flush to zero ---- */

static void test_flush_is_undone(void **state) {
    (void)state;
    volatile float tiny = 0x1p-126f, half = 0.5f;
    assert_true(tiny * half > 0);
    __typeof__(float_flush_begin()) saved = float_flush_begin();
    volatile float flushed = tiny * half;
    float_flush_end(saved);
    assert_true(tiny * half > 0);
#if defined(__SSE2__) || defined(__aarch64__)
    assert_true(!(flushed > 0));
#else
    (void)flushed;
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_without_limit),
        cmocka_unit_test(test_budget_is_exact_between_threads),
        cmocka_unit_test(test_arena_pieces_are_aligned_and_apart),
        cmocka_unit_test(test_arena_does_not_waste),
        cmocka_unit_test(test_arena_within_its_budget),
        cmocka_unit_test(test_arena_sizes_that_overflow),
        cmocka_unit_test(test_arena_calloc),
        cmocka_unit_test(test_arena_text),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_checked_bytes),
        cmocka_unit_test(test_small_helpers),
        cmocka_unit_test(test_shape_elems),
        cmocka_unit_test(test_shape_equal),
        cmocka_unit_test(test_shape_text),
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_statuses_have_names_and_texts),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_fault_is_cut),
        cmocka_unit_test(test_flush_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
