/*
 * Where WINOGRAD's rounding would show at the ends of the planes: there plain sums take the place of its tiles.
 *
 * The sums of a tile hold all of its inputs beside all weights of a kernel, and what does not belong to an output cancels. That is
 * harmless where an input meets all of these weights in some output or other, whose magnitudes bound the error. An input at
 * an end does not: the last row of a plane padded by 1 never meets the first row of a kernel. If it is huge (a border of no
 * data), and so are these weights beside those that it meets, outputs are lost in the rounding of products that are not theirs:
 * 10^5 times for both left 8 bits of the largest sum. So an end shows where, in one of the input's channels,
 *
 *   weights   the largest of all output channels that some input is taken together with is more than twice the largest that it meets,
 *   inputs    and that channel of an image is more than twice as large around its middle as in it.
 *
 * The first is found out when weights are prepared, and mostly false, so that inputs need not be looked at. Neither depends
 * on the other images, nor on threads or the level of kernels.
 */
#ifndef CONVD_LIB_CONV_WINOGRAD_ENDS_H
#define CONVD_LIB_CONV_WINOGRAD_ENDS_H

#include "lib/conv/plan.h"

/* Fills `apart` of the packed weights (winograd.h) by their `largest`, when all blocks are packed. */
void winograd_judge_f32(const struct conv_plan *plan, float *packed);
void winograd_judge_f64(const struct conv_plan *plan, double *packed);

/* Whether an end shows in what a group sees of an image. */
bool winograd_ends_show_f32(const struct conv_call *call, int64_t group, int64_t image);
bool winograd_ends_show_f64(const struct conv_call *call, int64_t group, int64_t image);

/* Whether a tile that sees `count` rows (or columns) of the input, from `at` on, `dilation` apart, takes one together with others that
 * does not meet all taps. */
bool winograd_sees_end(const struct window_axis *axis, int64_t at, int64_t count);

#endif
