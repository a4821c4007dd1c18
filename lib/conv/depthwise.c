/*
 * DEPTHWISE: the depthwise kernels over padded copies of the planes of few channels, which stay in the L1 cache. A unit
 * is some groups, or some output channels of one, by a strip of rows.
 */
#include "lib/conv/depthwise.h"

#include "lib/base/checked.h"
#include "lib/conv/gather.h"
#include "lib/kernels/kernels.h"

#include <stddef.h>
#include <string.h>

static int64_t round_up(int64_t elems, int64_t align) {
    return div_ceil_i64(elems, align) * align;
}

struct depthwise_layout depthwise_layout(const struct conv_plan *plan, int64_t x, int64_t rows,
                                         int64_t cols) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t first = x * ax->stride - ax->pad_begin;
    struct depthwise_layout l = {.rows = (rows - 1) * ay->stride + ay->kernel,
                                 .positions = (cols - 1) * ax->stride + ax->kernel};
    l.before = min_i64(l.positions, max_i64(0, -first));
    l.inside = max_i64(0, min_i64(l.positions, ax->input - first) - l.before);
    /* Vectors begin on cache lines, of which half a one is enough for a narrow row: then nothing crosses lines. */
    int64_t align = cols <= 8 ? 8 : 16, skipped = l.before / ax->stride;
    if (cols > 8)
        l.lead = round_up(skipped, align) - skipped;
    l.phase_step = round_up(l.lead + cols + (ax->kernel - 1) / ax->stride, align);
    l.row_step = ax->stride * l.phase_step;
    l.plane_step = ((depthwise_height(rows) - 1) * ay->stride + ay->kernel) * l.row_step;
    return l;
}

bool depthwise_takes(const struct layer_sizes *sizes, int64_t groups) {
    const struct window_axis *ay = &sizes->axis[0], *ax = &sizes->axis[1];
    /* More channels of a group are for methods that save products or reuse what they load for more output channels. */
    return sizes->channels / groups <= DEPTHWISE_CHANNELS && ay->kernel == ax->kernel &&
           ay->stride == ax->stride && ay->dilation == 1 && ax->dilation == 1 &&
           depthwise_has(ax->kernel, ax->stride) && ay->pad_begin < ay->kernel && ax->pad_begin < ax->kernel;
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/depthwise.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/depthwise.inc.h"
