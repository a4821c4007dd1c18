/*
 * What a pooling costs: the cells that its windows read, and what the ways through a plane do beside that.
 */
#include "lib/pooling/window.h"

enum {
    /* In multiply-accumulates of the GEMM path, some 60 a nanosecond: a tap of one lane takes 0.2 to 1 ns, and kernels
     * take 16 lanes at the least; a cell of a window by itself 1.5 ns where it is in no run; to begin a row of taps of
     * powers takes 7 ns, a window by itself 20 ns; a power 20 ns, with one of the exponents below 1 ns. */
    READ = 16,
    READ_MAX_F64 = 64, /* on portable kernels, whose vectors have two of them and no maximum */
    LONE_READ = 96,
    LANES = 16,
    BEGIN_TAPS = 420,
    BEGIN_WINDOW = 1200,
    POWER = 1200,
    EASY_POWER = 64,
};

static int64_t gcd(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/*
 * Cells that all windows of an axis read. Adaptive windows cover the input once, and each of the output - gcd
 * bounds between them that is no whole number falls into a cell that two windows share.
 */
static bool axis_cells(const struct pooling_plan *plan, const struct window_axis *axis, int64_t *cells) {
    if (axis->output == 0) {
        *cells = 0;
        return true;
    }
    if (pooling_is_adaptive(plan))
        return checked_add(axis->input, axis->output - gcd(axis->input, axis->output), cells);
    return checked_mul(axis->output, pooling_widest_window(plan, axis), cells);
}

bool pooling_operations(const struct pooling_plan *plan, int64_t *operations) {
    int64_t outputs, down, across;
    if (!shape_elems(&plan->sizes.output, &outputs))
        return false;
    *operations = 0;
    if (outputs == 0)
        return true;
    return axis_cells(plan, &plan->sizes.axis[0], &down) && axis_cells(plan, &plan->sizes.axis[1], &across) &&
           checked_mul(plan->sizes.batch, plan->sizes.channels, operations) &&
           checked_mul(*operations, down, operations) && checked_mul(*operations, across, operations);
}

static bool is_max(const struct pooling_plan *plan) {
    return plan->layer.mode == POOLING_MAX || plan->layer.mode == POOLING_ADAPTIVE_MAX;
}

/* The most neighbours that a window is: a row of its cells, or all of them where it is as wide as the input. */
static int64_t longest_run(const struct pooling_plan *plan) {
    const struct window_axis *down = &plan->sizes.axis[0], *across = &plan->sizes.axis[1];
    int64_t row = pooling_widest_window(plan, across);
    bool whole =
        pooling_is_adaptive(plan) ? across->output == 1 : row == across->input && down->dilation == 1;
    return whole ? saturating_mul(row, pooling_widest_window(plan, down)) : row;
}

bool pooling_looks_alone(const struct pooling_plan *plan, bool indexed) {
    struct pool_shape shape;
    int64_t outputs;
    if (!is_max(plan) || !shape_elems(&plan->sizes.output, &outputs) || outputs == 0 ||
        pooling_planes_plan(plan, indexed, &shape))
        return false;
    bool spread = plan->layer.mode == POOLING_MAX && plan->sizes.axis[1].dilation > 1;
    return spread || longest_run(plan) < RUN_CELLS;
}

/* What `rows` rows of taps of the kernels look at, in the padding too. */
static int64_t cost_of_planes(const struct pooling_plan *plan, const struct pool_shape *shape, int64_t rows) {
    int64_t down = min_i64(shape->down.taps, div_ceil_i64(plan->sizes.axis[0].input, shape->down.step));
    int64_t taps = saturating_mul(down, shape->across.taps);
    int64_t read = is_max(plan) && plan->dtype == DTYPE_FLOAT64 ? READ_MAX_F64 : READ;
    return saturating_mul(saturating_mul(rows, taps),
                          saturating_mul(read, max_i64(LANES, shape->across.outputs)));
}

/* Exponents that take a multiplication, a division or a root: see rows_template.h. */
static bool is_easy(double exponent) {
    static const double easy[] = {1, 2, 3, 0.5, -0.5, -1, -2};
    for (size_t i = 0; i < sizeof easy / sizeof *easy; i++)
        if (exponent == easy[i])
            return true;
    return false;
}

/* Powers are shared by the outputs of a row where those go abreast. */
static int64_t cost_of_powers(const struct pooling_plan *plan, int64_t rows) {
    const struct window_axis *ay = &plan->sizes.axis[0], *ax = &plan->sizes.axis[1];
    int64_t power = is_easy(plan->layer.norm_type) ? EASY_POWER : POWER;
    int64_t rows_of_taps = saturating_mul(rows, pooling_widest_window(plan, ay));
    if (!pooling_powers_abreast(plan))
        return saturating_mul(rows_of_taps,
                              saturating_mul(saturating_mul(ax->output, pooling_widest_window(plan, ax)),
                                             max_i64(power, BEGIN_TAPS)));
    int64_t width =
        min_i64(ax->input, saturating_add(saturating_mul(ax->output - 1, ax->stride), ax->kernel));
    int64_t sums = saturating_mul(ax->kernel, saturating_mul(READ, max_i64(LANES, ax->output)));
    return saturating_mul(rows_of_taps,
                          saturating_add(saturating_add(saturating_mul(width, power), sums), BEGIN_TAPS));
}

int64_t pooling_cost(const struct pooling_plan *plan, bool indexed) {
    struct pool_shape shape;
    int64_t outputs, rows;
    if (!shape_elems(&plan->sizes.output, &outputs) || outputs == 0)
        return 0;
    rows = outputs / plan->sizes.axis[1].output;
    if (plan->layer.mode == POOLING_LP)
        return cost_of_powers(plan, rows);
    if (pooling_is_global_mean(plan))
        return 0;
    if (pooling_planes_plan(plan, indexed, &shape))
        return cost_of_planes(plan, &shape, rows);
    int64_t cells;
    bool runs = longest_run(plan) >= RUN_CELLS;
    if (!pooling_operations(plan, &cells) ||
        !checked_add(saturating_mul(outputs, BEGIN_WINDOW), saturating_mul(cells, runs ? READ : LONE_READ),
                     &cells))
        return INT64_MAX;
    return cells;
}
