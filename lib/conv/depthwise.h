/*
 * The padded plane of the DEPTHWISE method: what the planner and the method share.
 *
 * A unit copies its part of as many channels' planes as stay in the L1 cache into the slot's workspace, with the
 * padding resolved and the rows split into the phases of the horizontal stride (lib/kernels/depthwise_kernels.h), and
 * computes all output channels of those groups from there:
 *
 *        lead   padding    the row's cells            zeros
 *      +------+---------+--------------------------+-------+
 *    r |      | 0     0 | x x x x x x x x x x x x  | 0   0 |   phase_step elements; then the next phase
 *      +------+---------+--------------------------+-------+
 *             ^ origin  ^ on a 64-byte boundary, if the row is longer than one
 *
 * What stays the same from channel to channel, the zeros, is written once for a unit's channels.
 */
#ifndef CONVD_LIB_CONV_DEPTHWISE_H
#define CONVD_LIB_CONV_DEPTHWISE_H

#include "lib/conv/plan.h"

struct depthwise_layout {
    int64_t rows;       /* input rows, padding and all, that the outputs see */
    int64_t positions;  /* columns likewise */
    int64_t before;     /* those of them that are left of the input */
    int64_t inside;     /* and in it */
    int64_t lead;       /* elements from a phase's begin to its first position */
    int64_t phase_step; /* a multiple of half a cache line of float32, as row_step is */
    int64_t row_step;
    int64_t plane_step; /* at least `rows` of them: what low tiles see behind is zeros */
};

/* For `rows` by `cols` outputs from column x on. */
struct depthwise_layout depthwise_layout(const struct conv_plan *plan, int64_t x, int64_t rows, int64_t cols);

/* Whether the method can do a layer: few input channels in each group, a square window that the kernels have, and
 * padding that no window lies in. */
bool depthwise_takes(const struct layer_sizes *sizes, int64_t groups);

#endif
