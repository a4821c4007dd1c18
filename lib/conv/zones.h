/*
 * ZONES: the GEMM of a layer with wide padding, without the products of what lies in the padding.
 *
 * Outputs near the edges see only some taps of the kernel; the others lie in the padding. Along an axis the outputs fall
 * into zones that see the same taps, which are neighbours. For 33 outputs, 3 taps 12 apart and a padding of 12:
 *
 *     output   0 ......... 11 12 ..... 20 21 ......... 32
 *     taps      .  1  2       0  1  2      0  1  .            75 of 99 products are left; of two axes 57 %
 *
 * A unit is a rectangle of outputs within one zone of each axis; all of its taps see the input. A tap at a time its
 * columns are copied and multiplied by the tap's weights.
 *
 * What an infinite weight makes of a zero, NaN, is kept: for each tap and output channel the sum of 0 * w is prepared, and
 * added where the tap is left out.
 */
#ifndef CONVD_LIB_CONV_ZONES_H
#define CONVD_LIB_CONV_ZONES_H

#include "lib/conv/plan.h"

/* Outputs begin .. end - 1 of an axis see the taps first .. first + taps - 1 (taps may be 0). */
struct zone {
    int64_t begin, end;
    int64_t first, taps;
};

/* Of each tap that an axis may have, begin and end change the zone once: so many are the most, whatever the padding. */
enum { ZONES_MOST_TAPS = 9, ZONES_MOST = 2 * ZONES_MOST_TAPS + 1 };

/* All zones of an axis with stride 1 and up to ZONES_MOST_TAPS taps, in order: returns how many. Outputs that see padding
 * alone are at most one zone before the input, one behind it, and one between two taps. */
int zones_of(const struct window_axis *axis, struct zone zones[ZONES_MOST]);

/* The one that output `position` is in. */
struct zone zone_of(const struct window_axis *axis, int64_t position);

/* How many blocks of up to `most` outputs the zones of an axis are cut into, and number `index` of them. */
int64_t zones_blocks(const struct window_axis *axis, int64_t most);
void zones_block(const struct window_axis *axis, int64_t most, int64_t index, int64_t *begin, int64_t *count);

/* The most outputs of a zone. */
int64_t zones_widest(const struct window_axis *axis);

/* Whether the layer is one for this method: stride 1, zeros in its padding, and so many products in it that at most `most`
 * of all (0 to 1) are left. Copies and smaller units cost a fifth. */
bool zones_pay(const struct conv_plan *plan, double most);

/* Elements of the packed weights, blocks of [G, K/G, taps, C/G], and of the sums of 0 * w behind them, [taps, K]. */
int64_t zones_packed(const struct conv_plan *plan);
int64_t zones_nothings(const struct conv_plan *plan);

/* Packs block number `index` of all groups' blocks of GEMM_BLOCK output channels. */
void zones_prepare_f32(const struct conv_plan *plan, const float *weight, float *packed, int64_t index);
void zones_prepare_f64(const struct conv_plan *plan, const double *weight, double *packed, int64_t index);

#endif
