/*
 * DIRECT: the row kernels over the input itself. A unit walks the sum in blocks of at most DIRECT_PRODUCTS
 * products (channels x kernel rows x taps); for each block it hands the kernel a view of the input under
 * those taps: the input in place where the view lies inside it and the horizontal stride is 1, else a
 * gathered copy in the slot's workspace.
 */
#include "lib/conv/gather.h"
#include "lib/conv/plan.h"

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"

#include <stddef.h>

/* A block of the sum: channels c .., kernel rows i .., taps j .. */
struct block {
    int64_t c, channels, i, tap_rows, j, taps;
};

/* Steps from a zeroed block to the first, and on in memory order of the weights; false behind the last. */
static bool next_block(const struct conv_plan *plan, struct block *b) {
    const struct conv_tiles *t = &plan->tiles;
    int64_t tap_rows = conv_axis_y(plan)->kernel, taps = conv_axis_x(plan)->kernel;
    b->j += b->taps;
    if (b->j == taps) {
        b->j = 0;
        b->i += b->tap_rows;
        if (b->i == tap_rows) {
            b->i = 0;
            b->c += b->channels;
        }
    }
    b->channels = min_i64(t->channels, plan->group_channels - b->c);
    b->tap_rows = min_i64(t->tap_rows, tap_rows - b->i);
    b->taps = min_i64(t->taps, taps - b->j);
    return b->c < plan->group_channels;
}

/* Whether the sum is whole with it. */
static bool is_last_block(const struct conv_plan *plan, const struct block *b) {
    return b->c + b->channels == plan->group_channels && b->i + b->tap_rows == conv_axis_y(plan)->kernel &&
           b->j + b->taps == conv_axis_x(plan)->kernel;
}

/* Where the output's first row or column finds the block's first tap. */
static int64_t first_position(const struct window_axis *axis, int64_t out, int64_t tap) {
    return out * axis->stride + tap * axis->dilation - axis->pad_begin;
}

/* Whether all that `outs` outputs see under `taps` taps from `first` on lies inside the input. */
static bool lies_inside(const struct window_axis *axis, int64_t first, int64_t outs, int64_t taps) {
    return first >= 0 && first + (outs - 1) * axis->stride + (taps - 1) * axis->dilation < axis->input;
}

/*
 * From one row of the slot's sums to the next. A flat unit's sums have the gathered rows' width: output (y,
 * x) is then at the same offset as what it sees under the first tap, and the kernel runs over all rows as
 * over one. What it computes between the rows' ends is not used. Short rows would leave most lanes of a
 * vector empty.
 */
static int64_t sums_width(const struct conv_plan *plan, const struct conv_unit *unit) {
    if (!plan->tiles.flat)
        return unit->cols;
    return gather_layout(conv_axis_x(plan), unit->cols, plan->tiles.taps, true).count;
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/rows.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/rows.inc.h"
