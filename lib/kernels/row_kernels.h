/*
 * The sums of convolution over rows of an image: what the files rows_<level>.c give.
 */
#ifndef CONVD_LIB_KERNELS_ROW_KERNELS_H
#define CONVD_LIB_KERNELS_ROW_KERNELS_H

#include "lib/kernels/chains.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a row kernel computes, all steps in elements:
 *
 *   out[k, y, x] = sum over c, i, j of weight[k, c, i, j] * src[c, y, i, j, x] + start[k, y, x] + bias[k]
 *
 *   out[k, y, x]       = out[k * out_step + y * out_row_step + x]
 *                                                        0 <= k < outs, 0 <= y < rows, 0 <= x < cols
 *   src[c, y, i, j, x] = src[c * src_channel_step + y * src_row_step + i * src_tap_row_step + j * src_tap_step + x]
 *   weight[k, c, i, j] = weight[k * weight_out_step + c * weight_channel_step + i * weight_tap_row_step + j]
 *                                                        0 <= c < channels, 0 <= i < tap_rows, 0 <= j < taps
 *   start[k, y, x]     = out[k, y, x] as it was when `add`, else 0; bias[k] is 0 when bias is NULL
 *
 *          x ->  one vector holds neighbouring columns; a weight is broadcast to all of them
 *        +--------+--------+--------+--+
 *    k 0 | acc    | acc    | acc    |..|   <- the last vector is masked: nothing beyond `cols` is read or written
 *      1 | acc    | acc    | acc    |..|
 *        +--------+--------+--------+--+
 *
 * The products are summed from zero, (c, i, j) in order, in one chain, or in two of which each has half of the rows
 * (c, i) where row_chains says so; and start is added, then the bias: callers keep sums short for the sake of accuracy, and
 * give a bias, which may be much larger, with the last. Without `add`, out is
 * not read. Nothing needs to be aligned.
 */
struct row_shape {
    int64_t outs, rows, cols;
    int64_t channels, tap_rows, taps;
    int64_t out_step, out_row_step;
    int64_t src_channel_step, src_row_step, src_tap_row_step, src_tap_step;
    int64_t weight_out_step, weight_channel_step, weight_tap_row_step;
    bool add;
};

typedef void row_kernel_f32(const struct row_shape *shape, float *out, const float *src, const float *weight,
                            const float *bias);
typedef void row_kernel_f64(const struct row_shape *shape, double *out, const double *src,
                            const double *weight, const double *bias);

/* dst[t] = src[2 * t] for 0 <= t < count; nothing behind src[2 * count - 2] is read. */
typedef void every_second_kernel_f32(float *dst, const float *src, int64_t count);
typedef void every_second_kernel_f64(double *dst, const double *src, int64_t count);

/*
 * A row in `runs` (1, 2 or 4) runs, with zeros where it is padded: for 0 <= p < runs and 0 <= t < count
 *
 *   to[p * run_step + t] = row[x], or 0 where x is not in 0 .. width - 1;   x = runs * t + p - lead
 *
 * Whole vectors are written: run_step is at least `count` rounded up to ROW_RUN.
 */
enum { ROW_RUN = 16 };

typedef void split_kernel_f32(float *to, int64_t run_step, const float *row, int64_t lead, int64_t width,
                              int64_t runs, int64_t count);
typedef void split_kernel_f64(double *to, int64_t run_step, const double *row, int64_t lead, int64_t width,
                              int64_t runs, int64_t count);

struct row_kernels {
    row_kernel_f32 *rows_f32;
    row_kernel_f64 *rows_f64;
    every_second_kernel_f32 *every_second_f32;
    every_second_kernel_f64 *every_second_f64;
    split_kernel_f32 *split_f32;
    split_kernel_f64 *split_f64;
};

extern const struct row_kernels row_kernels_portable;
#if defined(__x86_64__)
extern const struct row_kernels row_kernels_avx2, row_kernels_avx512;
#endif

#endif
