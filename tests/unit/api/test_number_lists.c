/*
 * A tensor's numbers as lists: against a writer that goes one bracket and one number at a time, on every
 * level of kernels and any number of threads, into memory that ends where the bound says.
 */
#include "api/json/number_lists.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/lib/decimal_help.h"

static struct fence room;

enum { MOST_ELEMS = 60000, MOST_BYTES = MOST_ELEMS * 96 };

static double data_f64[MOST_ELEMS];
static float data_f32[MOST_ELEMS];
static int64_t data_i64[MOST_ELEMS];
static char expected[MOST_BYTES];

static const void *data_of(enum dtype dtype) {
    return dtype == DTYPE_FLOAT32   ? (const void *)data_f32
           : dtype == DTYPE_FLOAT64 ? (const void *)data_f64
                                    : data_i64;
}

/* One in `rare` is not finite, or too large for the vectors; 0: none. */
static void fill(int rare) {
    static const double words[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < MOST_ELEMS; i++) {
        bool odd = rare > 0 && random_below(rare) == 0;
        float unit = (float)(int32_t)random_u64() / 2147483648.0f;
        data_f32[i] = odd ? (float)words[random_below(3)] : i % 5 == 0 ? (float)random_below(300) : unit;
        data_f64[i] = odd ? words[random_below(3)] : i % 5 == 0 ? random_below(300) : (double)unit * 1e-3;
        data_i64[i] = odd ? (int64_t)random_u64() : random_below(50000) - 1;
    }
}

static char *expected_number(char *to, enum dtype dtype, int64_t i) {
    if (dtype == DTYPE_INT64)
        return to + sprintf(to, "%" PRId64, data_i64[i]);
    double value = dtype == DTYPE_FLOAT32 ? (double)data_f32[i] : data_f64[i];
    if (isnan(value))
        return to + sprintf(to, "\"NaN\"");
    if (isinf(value))
        return to + sprintf(to, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return dtype == DTYPE_FLOAT32 ? decimal_write_f32(to, data_f32[i]) : decimal_write_f64(to, data_f64[i]);
}

static char *expected_lists(char *to, const struct shape *shape, enum dtype dtype, int level,
                            int64_t *element) {
    if (level == shape->rank)
        return expected_number(to, dtype, (*element)++);
    *to++ = '[';
    for (int64_t i = 0; i < shape->dim[level]; i++) {
        if (i > 0)
            *to++ = ',';
        to = expected_lists(to, shape, dtype, level + 1, element);
    }
    *to++ = ']';
    return to;
}

struct job {
    struct tensor tensor;
    struct run_context context;
    char *to, *end;
};

static void run_job(void *argument, int slot) {
    struct job *job = argument;
    job->context.slot = slot;
    job->end = number_lists_write(job->to, &job->tensor, &job->context);
}

/* With 0 threads, on this one. */
static void expect_lists(const struct shape *shape, enum dtype dtype, int threads, const char *level) {
    int64_t element = 0;
    size_t length = (size_t)(expected_lists(expected, shape, dtype, 0, &element) - expected), bound;
    assert_true(number_lists_bound(shape, dtype, &bound) && length <= bound && bound <= MOST_BYTES);
    struct job job = {.tensor = {dtype, *shape, (void *)(uintptr_t)data_of(dtype)}, .to = room.end - bound};
    memset(job.to, '#', bound);
    if (threads == 0) {
        job.end = number_lists_write(job.to, &job.tensor, NULL);
    } else {
        job.context.workers = workers_create(threads, 1, NULL);
        assert_true(workers_submit(job.context.workers, run_job, &job));
        workers_destroy(job.context.workers); /* waits for the task */
    }
    if (job.end != job.to + length || memcmp(job.to, expected, length) != 0)
        fail_msg("%s, %s, %d threads, rank %d, rows of %d", level, dtype_name(dtype), threads, shape->rank,
                 (int)shape->dim[shape->rank - 1]);
}

/* Rows shorter and longer than a block and a piece, and those that end with them; sizes of 1 anywhere. */
static const struct shape shapes[] = {
    {1, {1}},
    {1, {63}},
    {1, {64}},
    {1, {65}},
    {1, {50021}},
    {2, {1, 1}},
    {2, {7001, 1}},
    {2, {5003, 7}},
    {2, {257, 64}},
    {2, {3, 9001}},
    {3, {2, 1, 3}},
    {3, {1, 1, 20011}},
    {4, {1, 3, 97, 101}},
    {4, {11, 13, 5, 3}},
    {5, {2, 1, 41, 1, 67}},
    {6, {1, 1, 4001, 1, 1, 1}},
    {32, {1, 2, 1, 1, 1, 3, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 7, 1, 1, 1, 1, 1, 1, 11, 1, 1, 1, 1, 1, 1, 1}},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static void test_levels(void **state) {
    (void)state;
    static const char *const levels[] = {"portable", "sse4", "avx2", "avx512"};
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        const char *error;
        if (!kernels_init(levels[l], &error))
            continue;
        random_state = 5;
        for (int rare = 0; rare <= 20; rare += 10) {
            fill(rare);
            for (int i = 0; i < SHAPES; i++)
                for (int dtype = DTYPE_FLOAT32; dtype <= DTYPE_INT64; dtype++)
                    expect_lists(&shapes[i], (enum dtype)dtype, 0, levels[l]);
        }
    }
}

static void test_threads(void **state) {
    (void)state;
    const char *error;
    assert_true(kernels_init(NULL, &error));
    random_state = 6;
    fill(50);
    for (int threads = 1; threads <= 7; threads += threads < 3 ? 1 : 4)
        for (int turn = 0; turn < 8; turn++)
            for (int i = 0; i < SHAPES; i++)
                expect_lists(&shapes[i], turn % 2 ? DTYPE_FLOAT64 : DTYPE_FLOAT32, threads, "widest");
}

/* Nothing but words, and words at every place of a block. */
static void test_words(void **state) {
    (void)state;
    random_state = 7;
    fill(1);
    expect_lists(&SHAPE(3, 1001), DTYPE_FLOAT32, 0, "words");
    expect_lists(&SHAPE(3, 1001), DTYPE_FLOAT64, 0, "words");
    fill(0);
    for (int place = 0; place < 70; place++) {
        data_f32[place] = -INFINITY;
        data_f64[place] = NAN;
        data_i64[place] = INT64_MIN;
        for (int dtype = DTYPE_FLOAT32; dtype <= DTYPE_INT64; dtype++) {
            expect_lists(&SHAPE(70), (enum dtype)dtype, 0, "a word");
            expect_lists(&SHAPE(10, 7), (enum dtype)dtype, 0, "a word");
        }
        data_f32[place] = 0.5f;
        data_f64[place] = 0.5;
        data_i64[place] = 5;
    }
}

static void test_no_elements(void **state) {
    (void)state;
    const struct shape empty[] = {SHAPE(0), SHAPE(0, 5), SHAPE(2, 0), SHAPE(2, 0, 5), SHAPE(2, 3, 0)};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        expect_lists(&empty[i], DTYPE_FLOAT32, 0, "empty");
}

static void test_bounds_that_do_not_fit(void **state) {
    (void)state;
    size_t bytes;
    assert_false(number_lists_bound(&SHAPE(INT64_MAX, 2), DTYPE_FLOAT32, &bytes));
    assert_false(number_lists_bound(&SHAPE(INT64_MAX), DTYPE_FLOAT32, &bytes));
    assert_false(number_lists_bound(&SHAPE(INT64_MAX / 2, 0, 3), DTYPE_FLOAT64, &bytes));
}

int main(void) {
    room = fence_make(MOST_BYTES);
    fence = room;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_no_elements),
        cmocka_unit_test(test_bounds_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
