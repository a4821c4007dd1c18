/*
 * Reading the input through its padding.
 *
 * Nothing is ever copied into a padded plane: source coordinates are computed where they are needed, and only
 * those beyond the edges go through the padding mode. So a padding of 10^9 costs nothing where no output
 * looks at it.
 */
#ifndef CONVD_LIB_CONV_GATHER_H
#define CONVD_LIB_CONV_GATHER_H

#include "lib/layers/layer.h"

/*
 * The input index that `position` (from -pad_begin to size + pad_end - 1) stands for, or -1 for a zero.
 * reflect and circular expect the paddings that layer_sizes lets pass: below and up to `size`.
 */
int64_t gather_index(int64_t position, int64_t size, enum padding_mode mode);

/*
 * dst[t] = row[gather_index(start + t * step, size, mode)] for 0 <= t < count, zeros where the index is -1 or
 * where `row`, which has `size` elements, is NULL. Positions inside the row are streamed.
 */
void gather_row_f32(float *dst, const float *row, int64_t size, enum padding_mode mode, int64_t start,
                    int64_t step, int64_t count);
void gather_row_f64(double *dst, const double *row, int64_t size, enum padding_mode mode, int64_t start,
                    int64_t step, int64_t count);

/* dst[t] = row[t * step] for 0 <= t < count. */
void gather_inside_f32(float *restrict dst, const float *restrict row, int64_t step, int64_t count);
void gather_inside_f64(double *restrict dst, const double *restrict row, int64_t step, int64_t count);

/*
 * How the positions that `outs` outputs by `taps` taps of an axis look at are laid out in scratch memory:
 * output o's tap t is at o * out_step + t * tap_step.
 *
 *   dense    one after another, as in the input, shared between neighbouring outputs
 *   spread   one run of `outs` for each tap, where the dense run would be longer (large dilations, strides
 * that skip) or where outputs must be neighbours (`unit_step`) and the stride is not 1
 */
struct gather_layout {
    bool dense;
    int64_t count, out_step, tap_step;
};

struct gather_layout gather_layout(const struct window_axis *axis, int64_t outs, int64_t taps,
                                   bool unit_step);

#endif
