/* GEMM for one type; included by unroll.c with REAL, NAME and BLAS_GEMM. */
#include "lib/conv/sums.inc.h"

/* columns[x .. x + cols) of row (c, i, j): position p is output (p / outW, p % outW). */
static void NAME(unroll_row)(const struct conv_plan *plan, const REAL *plane, int64_t i, int64_t j,
                             const struct conv_unit *unit, REAL *dst) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t y = unit->x / ax->output, x = unit->x % ax->output;
    for (int64_t left = unit->cols; left > 0; y++, x = 0) {
        int64_t run = min_i64(left, ax->output - x);
        int64_t row =
            gather_index(y * ay->stride + i * ay->dilation - ay->pad_begin, ay->input, plan->padding_mode);
        NAME(gather_row)(dst, row < 0 ? NULL : plane + row * ax->input, ax->input, plan->padding_mode,
                         x * ax->stride + j * ax->dilation - ax->pad_begin, ax->stride, run);
        dst += run;
        left -= run;
    }
}

/* Rows first .. first + depth - 1 of the columns, `cols` apart. */
static void NAME(unroll)(const struct conv_plan *plan, const REAL *group_input, int64_t first, int64_t depth,
                         const struct conv_unit *unit, REAL *columns) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t j = first % ax->kernel, i = first / ax->kernel % ay->kernel, c = first / ax->kernel / ay->kernel;
    for (int64_t row = 0; row < depth; row++) {
        NAME(unroll_row)(plan, group_input + c * ay->input * ax->input, i, j, unit, columns + row * unit->cols);
        if (++j == ax->kernel) {
            j = 0;
            if (++i == ay->kernel) {
                i = 0;
                c++;
            }
        }
    }
}

/* Once, to the whole sum: a bias may be much larger than it. */
static void NAME(add_bias)(REAL *out, int64_t out_step, const REAL *bias, const struct conv_unit *unit) {
    for (int64_t k = 0; k < unit->outs; k++)
        for (int64_t p = 0; p < unit->cols; p++)
            out[k * out_step + p] += bias[k];
}

void NAME(conv_blas)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_plan *plan = call->plan;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t positions = ay->output * ax->output, plane = ay->input * ax->input;
    int64_t depth = plan->group_channels * ay->kernel * ax->kernel;
    const REAL *input = (const REAL *)call->input +
                        (unit->image * plan->sizes.channels + unit->group * plan->group_channels) * plane;
    const REAL *weight = (const REAL *)call->weight + unit->k * depth;
    REAL *out = (REAL *)call->output + (unit->image * plan->groups * plan->group_outs + unit->k) * positions +
                unit->x;
    bool pointwise = conv_is_pointwise(&plan->sizes), keeps = plan->tiles.sums > 0;
    const REAL *bias = call->bias != NULL ? (const REAL *)call->bias + unit->k : NULL;
    struct NAME(sums) sums = {.plan = plan,
                              .unit = unit,
                              .out = out,
                              .kept = keeps ? (REAL *)workspace + plan->tiles.columns : NULL,
                              .kept_width = unit->cols,
                              .bias = bias};
    int64_t first = 0;
    do { /* once for a depth of 0 too: the product of nothing is zeros */
        int64_t rows = min_i64(plan->tiles.depth, depth - first);
        const REAL *columns = workspace;
        if (pointwise)
            columns = input + first * plane + unit->x;
        else
            NAME(unroll)(plan, input, first, rows, unit, workspace);
        BLAS_GEMM(unit->outs, unit->cols, rows, weight + first, depth, columns,
                  pointwise ? plane : unit->cols, NAME(sums_add)(&sums) ? 1 : 0, NAME(sums_to)(&sums),
                  keeps ? unit->cols : positions);
        first += rows;
        NAME(sums_called)(&sums, first == depth);
    } while (first < depth && !conv_cancelled(call));
    if (bias != NULL && !keeps)
        NAME(add_bias)(out, positions, bias, unit);
}
