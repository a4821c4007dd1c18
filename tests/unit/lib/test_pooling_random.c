/*
 * Random poolings against the definition, taken tap by tap in double, and against themselves on other numbers
 * of threads. The seed is fixed: a failure is found again by its number.
 */
#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"
#include "tests/unit/pooling_case.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { CASES = 2400 }; /* at each level of kernels */

static const char *const LEVELS[] = {"portable", "avx2", "avx512"};

static double input[CASE_MAX_CELLS], output[CASE_MAX_CELLS], other[CASE_MAX_CELLS];
static int64_t indices[CASE_MAX_CELLS], other_indices[CASE_MAX_CELLS];

static uint64_t random_state;

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t random_bits(void) {
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int64_t random_int(int64_t low, int64_t high) {
    return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1));
}

static bool random_chance(int percent) {
    return random_int(1, 100) <= percent;
}

static double random_real(double low, double high) {
    return low + (high - low) * (double)(random_bits() >> 11) * 0x1p-53;
}

/* ---- the definition ---- */

/* What one window sees. */
struct seen {
    double best;
    int64_t index;
    double sum, magnitude; /* of the cells, or of their powers, and of their absolute values */
    int64_t cells, padded;
    int64_t tall, wide; /* cells inside along each axis */
};

static void see_cell(struct seen *seen, const struct pooling_case *row, double cell, int64_t index) {
    if (seen->cells == 0 || cell > seen->best || isnan(cell)) {
        seen->best = cell;
        seen->index = index;
    }
    double term = row->mode == POOLING_LP ? pow(cell, row->norm) : cell;
    seen->sum += term;
    seen->magnitude += fabs(term);
    seen->cells++;
}

/* The position of tap `tap` of window `at`, or the range of an adaptive window, one position a tap. */
static int64_t tap_position(const struct pooling_case *row, int axis, int64_t at, int64_t tap) {
    if (case_is_adaptive(row))
        return (int64_t)floor((double)(at * row->in[axis]) / (double)row->out[axis]) + tap;
    int64_t stride = row->stride[axis] ? row->stride[axis] : 1,
            dilation = row->dilation[axis] ? row->dilation[axis] : 1;
    return at * stride - row->begin[axis] + tap * dilation;
}

static int64_t tap_count(const struct pooling_case *row, int axis, int64_t at) {
    if (!case_is_adaptive(row))
        return row->kernel[axis];
    return (int64_t)ceil((double)((at + 1) * row->in[axis]) / (double)row->out[axis]) -
           tap_position(row, axis, at, 0);
}

static struct seen see_window(const struct pooling_case *row, const double *plane, int64_t y, int64_t x) {
    struct seen seen = {.best = -INFINITY, .index = -1};
    for (int64_t i = 0; i < tap_count(row, 0, y); i++) {
        for (int64_t j = 0; j < tap_count(row, 1, x); j++) {
            int64_t at_y = tap_position(row, 0, y, i), at_x = tap_position(row, 1, x, j);
            if (at_y < row->in[0] + row->end[0] && at_x < row->in[1] + row->end[1])
                seen.padded++;
            if (at_y >= 0 && at_y < row->in[0] && at_x >= 0 && at_x < row->in[1])
                see_cell(&seen, row, plane[at_y * row->in[1] + at_x], at_y * row->in[1] + at_x);
        }
    }
    return seen;
}

static double expected(const struct pooling_case *row, const struct seen *seen) {
    switch (row->mode) {
    case POOLING_MAX:
    case POOLING_ADAPTIVE_MAX: return seen->best;
    case POOLING_LP:
        return pow(seen->sum / (double)seen->cells * (double)(row->kernel[0] * row->kernel[1]),
                   1 / row->norm);
    case POOLING_ADAPTIVE_AVG: return seen->sum / (double)seen->cells;
    case POOLING_AVG: break;
    }
    if (seen->cells == 0)
        return 0;
    double counted = (double)(row->exclude_pad ? seen->cells : seen->padded);
    return seen->sum / (row->divisor != 0 ? (double)row->divisor : counted);
}

/*
 * How far a result may be from the definition. max: nothing. Averages: one rounding to the dtype, and the
 * sum's own error in double where terms cancel. lp: a power is rounded up to twice, the mean and its product
 * once each; the root divides what they add up to by the norm and rounds twice itself (the norm's inverse is
 * rounded too).
 */
static double tolerance(const struct pooling_case *row, enum dtype dtype, const struct seen *seen,
                        double want) {
    double unit = dtype == DTYPE_FLOAT32 ? (double)FLT_EPSILON : DBL_EPSILON;
    if (row->mode == POOLING_MAX || row->mode == POOLING_ADAPTIVE_MAX)
        return 0;
    if (row->mode == POOLING_LP)
        return fabs(want) * (3 + 4 / fabs(row->norm)) * unit;
    double mean = seen->cells == 0 ? 0 : seen->magnitude / fabs(seen->sum) * fabs(want);
    return fabs(want) * unit + (seen->sum == 0 ? seen->magnitude : mean) * (double)seen->cells * DBL_EPSILON;
}

/* ---- random rows ---- */

static void random_window(struct pooling_case *row, int i, bool large) {
    row->kernel[i] = random_int(1, min_i64(row->in[i] + 1, large ? 45 : 5));
    row->stride[i] = random_chance(60) ? random_int(1, 2) : random_int(1, 6);
    if (row->mode == POOLING_MAX && random_chance(30))
        row->dilation[i] = random_int(1, 4);
    int64_t reach = (row->dilation[i] ? row->dilation[i] : 1) * (row->kernel[i] - 1);
    if (row->mode == POOLING_LP || random_chance(30))
        return;
    bool four_sided =
        random_chance(50); /* each side smaller than the effective kernel, else both at most half */
    row->begin[i] = random_int(0, four_sided ? reach : (reach + 1) / 2);
    row->end[i] = four_sided ? random_int(0, reach) : row->begin[i];
}

static struct pooling_case random_case(void) {
    static const double NORMS[] = {1, 2, 3, 4, 0.5, -1, -2, -0.5, 1.5, 2.5, -3, 7};
    struct pooling_case row = {.mode = (enum pooling_mode)random_int(POOLING_MAX, POOLING_ADAPTIVE_AVG),
                               .n = random_int(1, 2),
                               .c = random_int(1, 3),
                               .norm = NORMS[random_int(0, sizeof NORMS / sizeof NORMS[0] - 1)]};
    bool large = random_chance(6);
    for (int i = 0; i < 2; i++) {
        row.in[i] = large ? random_int(30, 67) : random_int(1, 17);
        if (i == 1 && !large && random_chance(25)) /* several vectors, and more than one block of them */
            row.in[i] = random_int(18, random_chance(20) ? 600 : 80);
        row.out[i] = random_chance(30) ? random_int(1, 3) : random_int(1, row.in[i] + 4);
        if (!case_is_adaptive(&row))
            random_window(&row, i, large);
    }
    row.ceil_mode = random_chance(50);
    if (row.mode == POOLING_AVG) {
        row.exclude_pad = random_chance(50);
        row.divisor = random_chance(20) ? random_int(1, 7) - 8 * random_int(0, 1) : 0;
    }
    return row;
}

/* The row as a layer: what lib/layers makes of it is what the row's own formula says. */
static void check_plan(const struct pooling_case *row, enum dtype dtype) {
    static const enum layer_type TYPES[] = {LAYER_MAX_POOL2D, LAYER_AVG_POOL2D, LAYER_LP_POOL2D,
                                            LAYER_ADAPTIVE_MAX_POOL2D, LAYER_ADAPTIVE_AVG_POOL2D};
    struct pooling_plan want = case_plan(row, dtype), plan;
    struct layer layer;
    struct fault fault;
    layer_init(&layer, TYPES[row->mode]);
    layer.pooling.has_stride = true;
    layer.pooling.ceil_mode = row->ceil_mode;
    layer.pooling.norm_type = row->norm;
    layer.pooling.padding.four_sided = true;
    for (int i = 0; i < 2; i++) {
        layer.pooling.kernel[i] = row->kernel[i];
        layer.pooling.stride[i] = want.sizes.axis[i].stride;
        layer.pooling.dilation[i] = want.sizes.axis[i].dilation;
        layer.pooling.padding.begin[i] = row->begin[i];
        layer.pooling.padding.end[i] = row->end[i];
        layer.pooling.output_size[i] = row->out[i];
    }
    struct shape shape = SHAPE(row->n, row->c, row->in[0], row->in[1]);
    if (pooling_plan(&plan, &layer, &shape, dtype, &fault) != STATUS_OK)
        fail_msg("%s: %s", fault.place, fault.detail);
    if (!shape_equal(&plan.sizes.output, &want.sizes.output))
        fail_msg("input %lldx%lld, kernel %lldx%lld: lib/layers says %lldx%lld, not %lldx%lld",
                 (long long)row->in[0], (long long)row->in[1], (long long)row->kernel[0],
                 (long long)row->kernel[1], (long long)plan.sizes.axis[0].output,
                 (long long)plan.sizes.axis[1].output, (long long)want.sizes.axis[0].output,
                 (long long)want.sizes.axis[1].output);
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &plan.sizes.axis[i], *b = &want.sizes.axis[i];
        assert_true(a->input == b->input && a->output == b->output);
        if (!case_is_adaptive(row))
            assert_true(a->kernel == b->kernel && a->stride == b->stride && a->dilation == b->dilation &&
                        a->pad_begin == b->pad_begin && a->pad_end == b->pad_end);
    }
}

/* A NaN that is told from others, in float32 too. */
static double nan_of(uint64_t bits) {
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    return nan;
}

/* Small whole numbers make ties; poolings that choose also get NaN, infinities, both zeros and subnormals. lp
 * gets positive numbers, whose sums of powers do not cancel. */
static void random_input(const struct pooling_case *row) {
    const double odd[] = {nan_of(0x7FFC000000000000u),
                          nan_of(0xFFFA000000000000u),
                          INFINITY,
                          -INFINITY,
                          0.0,
                          -0.0,
                          0x1p-140,
                          -0x1p-140};
    bool max = row->mode == POOLING_MAX || row->mode == POOLING_ADAPTIVE_MAX;
    bool ties = random_chance(30);
    int odd_percent = !max ? 0 : random_chance(30) ? 90 : random_chance(50) ? 5 : 0;
    for (size_t i = 0; i < case_inputs(row); i++) {
        double low = row->mode == POOLING_LP ? 0.25 : -4;
        input[i] = ties ? floor(random_real(1 + low, 5)) : (double)(float)random_real(low, 4);
        if (random_chance(odd_percent))
            input[i] = odd[random_int(0, sizeof odd / sizeof odd[0] - 1)];
    }
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static void check(int number, const struct pooling_case *row, enum dtype dtype, const int64_t *index) {
    int64_t tall = case_output(row, 0), wide = case_output(row, 1);
    for (int64_t i = 0; i < (int64_t)case_outputs(row); i++) {
        const double *plane = input + i / (tall * wide) * row->in[0] * row->in[1];
        struct seen seen = see_window(row, plane, i / wide % tall, i % wide);
        double want = expected(row, &seen), room = tolerance(row, dtype, &seen, want);
        bool right = room == 0 ? same_bits(output[i], want) : fabs(output[i] - want) <= room;
        if (right && (index == NULL || index[i] == seen.index))
            continue;
        fail_msg(
            "case %d, %s, mode %d, input %lldx%lld, kernel %lldx%lld, norm %g, output %lld of %lldx%lld: %.17g "
            "(index %lld), not %.17g (%lld)",
            number, dtype_name(dtype), (int)row->mode, (long long)row->in[0], (long long)row->in[1],
            (long long)row->kernel[0], (long long)row->kernel[1], row->norm, (long long)i, (long long)tall,
            (long long)wide, output[i], index == NULL ? 0LL : (long long)index[i], want,
            (long long)seen.index);
    }
}

/* ---- tests ---- */

static struct workers *pools[4]; /* NULL, 1, 2 and 5 threads */

static int start_pools(void **state) {
    (void)state;
    static const int THREADS[4] = {0, 1, 2, 5};
    for (int i = 1; i < 4; i++) {
        pools[i] = workers_create(THREADS[i], 4, NULL);
        if (pools[i] == NULL)
            return 1;
    }
    return 0;
}

static int stop_pools(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++)
        workers_destroy(pools[i]);
    return 0;
}

/* Runs the row again, on another pool and flush against the other page: the same bits. */
static void check_again(const struct pooling_case *row, enum dtype dtype, bool indexed,
                        struct workers *workers) {
    memset(other, 0, sizeof(double) * case_outputs(row));
    case_run(row, dtype, input, other, indexed ? other_indices : NULL, workers, CASE_BEGIN);
    for (size_t i = 0; i < case_outputs(row); i++)
        assert_true(same_bits(output[i], other[i]));
    if (indexed)
        assert_memory_equal(indices, other_indices, case_outputs(row) * sizeof indices[0]);
}

static void check_random(uint64_t seed) {
    random_state = seed;
    int modes[5] = {0};
    for (int number = 0; number < CASES;) {
        struct pooling_case row = random_case();
        if (case_output(&row, 0) <= 0 || case_output(&row, 1) <= 0)
            continue; /* PyTorch refuses it, and so does layer_sizes */
        assert_true(case_inputs(&row) <= CASE_MAX_CELLS && case_outputs(&row) <= CASE_MAX_CELLS);
        enum dtype dtype = random_chance(50) ? DTYPE_FLOAT32 : DTYPE_FLOAT64;
        bool indexed = (row.mode == POOLING_MAX || row.mode == POOLING_ADAPTIVE_MAX) && random_chance(50);
        check_plan(&row, dtype);
        random_input(&row);
        case_run(&row, dtype, input, output, indexed ? indices : NULL, NULL, CASE_END);
        check(number, &row, dtype, indexed ? indices : NULL);
        check_again(&row, dtype, indexed, pools[number % 4]);
        modes[row.mode]++;
        number++;
    }
    for (int mode = 0; mode < 5; mode++)
        assert_true(modes[mode] > CASES / 10);
}

static void test_against_definition(void **state) {
    (void)state;
    const char *error;
    for (size_t level = 0; level < sizeof LEVELS / sizeof LEVELS[0]; level++)
        if (kernels_init(LEVELS[level], &error))
            check_random(20240229 + level);
    assert_true(kernels_init(NULL, &error));
}

/* Layers of many tiles: rows in groups, single rows, rows in parts, whole planes as one window. */
static void test_threads_do_not_show(void **state) {
    (void)state;
    static const struct pooling_case ROWS[] = {
        {.mode = POOLING_MAX,
         .n = 2,
         .c = 3,
         .in = {67, 131},
         .kernel = {3, 3},
         .begin = {1, 1},
         .end = {1, 1}},
        {.mode = POOLING_MAX, .n = 1, .c = 3, .in = {307, 271}, .kernel = {3, 2}, .stride = {2, 1}},
        {.mode = POOLING_AVG,
         .n = 3,
         .c = 1,
         .in = {307, 271},
         .kernel = {3, 3},
         .begin = {1, 1},
         .end = {1, 1}},
        {.mode = POOLING_MAX, .n = 1, .c = 2, .in = {101, 149}, .kernel = {37, 41}, .dilation = {2, 3}},
        {.mode = POOLING_MAX, .n = 1, .c = 1, .in = {173, 191}, .kernel = {150, 160}, .stride = {2, 1}},
        {.mode = POOLING_AVG, .n = 1, .c = 2, .in = {97, 89}, .kernel = {29, 31}, .begin = {14, 0}},
        {.mode = POOLING_LP, .n = 1, .c = 2, .in = {97, 89}, .kernel = {13, 17}, .norm = 1.5},
        {.mode = POOLING_ADAPTIVE_MAX, .n = 1, .c = 2, .in = {251, 257}, .out = {1, 1}},
        {.mode = POOLING_ADAPTIVE_AVG, .n = 1, .c = 2, .in = {251, 257}, .out = {3, 2}},
    };
    random_state = 7;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_true(case_inputs(&ROWS[i]) <= CASE_MAX_CELLS && case_outputs(&ROWS[i]) <= CASE_MAX_CELLS);
        for (int dtype = DTYPE_FLOAT32; dtype <= DTYPE_FLOAT64; dtype++) {
            bool indexed = ROWS[i].mode == POOLING_MAX || ROWS[i].mode == POOLING_ADAPTIVE_MAX;
            random_input(&ROWS[i]);
            case_run(&ROWS[i], (enum dtype)dtype, input, output, indexed ? indices : NULL, NULL, CASE_END);
            for (int p = 1; p < 4; p++)
                check_again(&ROWS[i], (enum dtype)dtype, indexed, pools[p]);
            if (i < 3 || i >= 7) /* the others are slow tap by tap */
                check((int)i, &ROWS[i], (enum dtype)dtype, indexed ? indices : NULL);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_threads_do_not_show),
    };
    return cmocka_run_group_tests(tests, start_pools, stop_pools);
}
