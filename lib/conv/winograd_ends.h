/*
 * Where WINOGRAD's rounding would show at the ends of the planes: there plain sums take the place of its tiles.
 *
 * The sums of a tile hold all of its inputs beside all weights of a kernel, and what does not belong to an output cancels. That is
 * harmless where an input meets all of these weights in some output or other, whose magnitudes bound the error. An input at
 * an end does not: the last row of a plane padded by 1 never meets the first row of a kernel. If it is huge (a border of no
 * data), and so are these weights beside those that it meets, outputs are lost in the rounding of products that are not theirs:
 * 10^5 times for both left 8 bits of the largest sum. So where, in one of the input's channels, the largest weight of all output
 * channels that some input is taken together with is more than 16 times the largest that it meets, all tiles of the group that
 * see such inputs are computed once more. That is for masked kernels and the like, and found out when weights are prepared. To
 * ask in each run whether inputs are larger there took longer than it saved: each unit would have to look at whole planes.
 */
#ifndef CONVD_LIB_CONV_WINOGRAD_ENDS_H
#define CONVD_LIB_CONV_WINOGRAD_ENDS_H

#include "lib/conv/plan.h"

/* Judges by the `largest` of the packed weights (winograd.h), when all blocks are packed, and notes it in `again`. */
void winograd_judge_f32(const struct conv_plan *plan, float *packed);
void winograd_judge_f64(const struct conv_plan *plan, double *packed);

/* Whether a tile that sees `count` rows (or columns) of the input, from `at` on, `dilation` apart, takes one together with others that
 * does not meet all taps. */
bool winograd_sees_end(const struct window_axis *axis, int64_t at, int64_t count);

#endif
