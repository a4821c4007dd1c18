#include "lib/conv/zones.h"

#include "lib/kernels/kernels.h"

#include <string.h>

struct zone zone_of(const struct window_axis *axis, int64_t position) {
    struct zone zone = {.begin = 0};
    while (zone.begin < axis->output) {
        /* Tap t sees the input when 0 <= y + t * d - pad < input. */
        int64_t before = axis->pad_begin - zone.begin, left = axis->input + axis->pad_begin - zone.begin;
        int64_t first = before > 0 ? div_ceil_i64(before, axis->dilation) : 0;
        int64_t last = left > 0 ? min_i64(axis->kernel, div_ceil_i64(left, axis->dilation)) : 0;
        zone.end = axis->output;
        if (first > 0)
            zone.end = min_i64(zone.end, axis->pad_begin - axis->dilation * (first - 1));
        if (last > 0)
            zone.end = min_i64(zone.end, axis->input + axis->pad_begin - axis->dilation * (last - 1));
        zone.first = min_i64(first, axis->kernel);
        zone.taps = max_i64(0, last - zone.first);
        if (position < zone.end)
            break;
        zone.begin = zone.end;
    }
    return zone;
}

int64_t zones_blocks(const struct window_axis *axis, int64_t most) {
    int64_t blocks = 0;
    for (int64_t at = 0; at < axis->output;) {
        struct zone zone = zone_of(axis, at);
        blocks += div_ceil_i64(zone.end - zone.begin, most);
        at = zone.end;
    }
    return blocks;
}

void zones_block(const struct window_axis *axis, int64_t most, int64_t index, int64_t *begin,
                 int64_t *count) {
    for (int64_t at = 0; at < axis->output;) {
        struct zone zone = zone_of(axis, at);
        int64_t blocks = div_ceil_i64(zone.end - zone.begin, most);
        if (index < blocks) {
            *begin = zone.begin + index * most;
            *count = min_i64(most, zone.end - *begin);
            return;
        }
        index -= blocks;
        at = zone.end;
    }
}

int64_t zones_widest(const struct window_axis *axis) {
    int64_t widest = 0;
    for (int64_t at = 0; at < axis->output;) {
        struct zone zone = zone_of(axis, at);
        widest = max_i64(widest, zone.end - zone.begin);
        at = zone.end;
    }
    return widest;
}

/* ---- the choice ---- */

enum {
    MOST_OUTPUTS = 1024, /* of an axis, and taps of one: zones are looked for again and again */
    MOST_TAPS = 9,
    LEAST_CHANNELS = 32,
    VECTOR = 16,
};

/* Products of all zones, each in whole vectors of outputs. */
static int64_t products(const struct window_axis *ay, const struct window_axis *ax) {
    int64_t sum = 0;
    for (int64_t y = 0; y < ay->output;) {
        struct zone rows = zone_of(ay, y);
        for (int64_t x = 0; x < ax->output;) {
            struct zone cols = zone_of(ax, x);
            int64_t outputs = (rows.end - rows.begin) * (cols.end - cols.begin);
            sum += div_ceil_i64(outputs, VECTOR) * VECTOR * rows.taps * cols.taps;
            x = cols.end;
        }
        y = rows.end;
    }
    return sum;
}

/* By 4 of 5 products, which the copies and the smaller units cost. */
bool zones_pay(const struct conv_plan *plan) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &plan->sizes.axis[i];
        if (a->stride != 1 || a->kernel > MOST_TAPS || a->output > MOST_OUTPUTS || a->input > MOST_OUTPUTS)
            return false;
    }
    if (plan->padding_mode != PADDING_ZEROS || plan->group_channels < LEAST_CHANNELS ||
        plan->group_outs < GEMM_BLOCK)
        return false;
    return 5 * products(ay, ax) <= 4 * ay->kernel * ax->kernel * conv_positions(&plan->sizes);
}

/* ---- weights ---- */

static int64_t taps_of(const struct conv_plan *plan) {
    return conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel;
}

static int64_t blocks_of_group(const struct conv_plan *plan) {
    return div_ceil_i64(plan->group_outs, GEMM_BLOCK);
}

int64_t zones_packed(const struct conv_plan *plan) {
    return plan->groups * blocks_of_group(plan) * GEMM_BLOCK * taps_of(plan) * plan->group_channels;
}

int64_t zones_nothings(const struct conv_plan *plan) {
    return taps_of(plan) * plan->groups * plan->group_outs;
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/zones.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/zones.inc.h"
