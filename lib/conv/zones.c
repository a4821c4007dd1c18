#include "lib/conv/zones.h"

#include "lib/kernels/kernels.h"

#include <string.h>

/* The zone that begins at output `begin`. */
static struct zone zone_from(const struct window_axis *axis, int64_t begin) {
    /* Tap t sees the input when 0 <= y + t * d - pad < input: the taps first .. last - 1. */
    int64_t before = axis->pad_begin - begin, left = axis->input + axis->pad_begin - begin;
    int64_t first = before > 0 ? min_i64(axis->kernel, div_ceil_i64(before, axis->dilation)) : 0;
    int64_t last = left > 0 ? min_i64(axis->kernel, div_ceil_i64(left, axis->dilation)) : 0;
    struct zone zone = {begin, axis->output, first, max_i64(0, last - first)};
    if (first > 0)
        zone.end = min_i64(zone.end, axis->pad_begin - axis->dilation * (first - 1));
    if (last > 0)
        zone.end = min_i64(zone.end, axis->input + axis->pad_begin - axis->dilation * (last - 1));
    return zone;
}

struct zone zone_of(const struct window_axis *axis, int64_t position) {
    struct zone zone = zone_from(axis, 0);
    while (position >= zone.end)
        zone = zone_from(axis, zone.end);
    return zone;
}

int zones_of(const struct window_axis *axis, struct zone zones[ZONES_MOST]) {
    int count = 0;
    for (int64_t at = 0; at < axis->output; at = zones[count++].end)
        zones[count] = zone_from(axis, at);
    return count;
}

int64_t zones_blocks(const struct window_axis *axis, int64_t most) {
    struct zone zones[ZONES_MOST];
    int64_t blocks = 0;
    for (int i = 0, count = zones_of(axis, zones); i < count; i++)
        blocks += div_ceil_i64(zones[i].end - zones[i].begin, most);
    return blocks;
}

void zones_block(const struct window_axis *axis, int64_t most, int64_t index, int64_t *begin,
                 int64_t *count) {
    struct zone zone = zone_from(axis, 0);
    for (int64_t blocks; (blocks = div_ceil_i64(zone.end - zone.begin, most)) <= index; index -= blocks)
        zone = zone_from(axis, zone.end);
    *begin = zone.begin + index * most;
    *count = min_i64(most, zone.end - *begin);
}

int64_t zones_widest(const struct window_axis *axis) {
    struct zone zones[ZONES_MOST];
    int64_t widest = 0;
    for (int i = 0, count = zones_of(axis, zones); i < count; i++)
        widest = max_i64(widest, zones[i].end - zones[i].begin);
    return widest;
}

/* ---- the choice ---- */

enum {
    MOST_OUTPUTS = 1024, /* of an axis */
    LEAST_CHANNELS = 32,
    VECTOR = 16,
};

/* Products of all zones, each in whole vectors of outputs. */
static int64_t products(const struct window_axis *ay, const struct window_axis *ax) {
    struct zone rows[ZONES_MOST], cols[ZONES_MOST];
    int64_t sum = 0;
    int height = zones_of(ay, rows), width = zones_of(ax, cols);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int64_t outputs = (rows[y].end - rows[y].begin) * (cols[x].end - cols[x].begin);
            sum += div_ceil_i64(outputs, VECTOR) * VECTOR * rows[y].taps * cols[x].taps;
        }
    return sum;
}

bool zones_pay(const struct conv_plan *plan, double most) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &plan->sizes.axis[i];
        if (a->stride != 1 || a->kernel > ZONES_MOST_TAPS || a->output > MOST_OUTPUTS ||
            a->input > MOST_OUTPUTS)
            return false;
    }
    if (plan->padding_mode != PADDING_ZEROS || plan->group_channels < LEAST_CHANNELS ||
        plan->group_outs < GEMM_BLOCK)
        return false;
    double all = (double)(ay->kernel * ax->kernel) * (double)conv_positions(&plan->sizes);
    return (double)products(ay, ax) <= most * all;
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
