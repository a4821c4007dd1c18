/*
 * Convolution of planes in groups of few channels, by small square windows: what the files depthwise_<level>.c give.
 */
#ifndef CONVD_LIB_KERNELS_DEPTHWISE_KERNELS_H
#define CONVD_LIB_KERNELS_DEPTHWISE_KERNELS_H

#include "lib/kernels/chains.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a depthwise kernel computes, all steps in elements:
 *
 *   out[p, k, y, x] = sum over c, i, j of weight[p, k, c, i, j] * src[p, c, y * stride + i, x * stride + j] +
 *                     start[p, k, y, x] + bias[p * outs + k]
 *
 *   out[p, k, y, x]       = out[(p * outs + k) * out_plane_step + y * out_row_step + x]
 *                                         0 <= p < groups, 0 <= k < outs, 0 <= y < rows, 0 <= x < cols
 *   weight[p, k, c, i, j] = weight[(p * outs + k) * weight_out_step + (c * window + i) * window + j]
 *                                         0 <= c < channels, 0 <= i, j < window
 *   src[p, c, r, q]       = src[(p * channels + c) * src_plane_step + r * src_row_step +
 *                               q % stride * src_phase_step + q / stride]
 *   start[p, k, y, x]     = out[p, k, y, x] as it was when `add`, else 0; bias[…] is 0 when bias is NULL
 *
 * src has padded planes whose rows are split into the phases of the stride, so that what neighbouring outputs see
 * under one tap are neighbours:
 *
 *    row r, stride 2:   | 0 2 4 6 8 …      | 1 3 5 7 9 …      |     out x sees tap 0 at 2x, 1 at 2x + 1, 2 at 2x + 2:
 *                       |<-phase_step->    |                        the runs from 0 of phase 0, 0 of phase 1, 1 of 0
 *
 * window is 3, 5 or 7, stride 1 or 2 (depthwise_has). A tile is a block of output rows by one vector, of one or two
 * output channels: each row of src that is loaded serves several output rows. src is read as if there were
 * depthwise_height(rows) rows of outputs, and up to DEPTHWISE_SLACK elements behind what the last of them sees. There are 1
 * to DEPTHWISE_CHANNELS channels. An output's products are summed from zero in chains of 18 (two channels of 3 x 3), 15
 * and 10 (5 x 5) or 28 and 21 (7 x 7), c in order, column by column of the window, the chains in pairs, pairs of pairs
 * and so on, and start is added, then the bias; nothing of that depends on the tile. Callers give a bias, which may be much larger than the sum, with the last channels. Of `out` exactly the
 * outputs are written, and without `add` nothing is read. Nothing needs to be aligned, but loads that cross cache lines
 * take twice as long with AVX-512.
 */
enum { DEPTHWISE_SLACK = 16 };

struct depthwise_shape {
    int64_t window, stride;
    int64_t groups, outs, rows, cols, channels;
    int64_t src_plane_step, src_row_step, src_phase_step;
    int64_t weight_out_step;
    int64_t out_plane_step, out_row_step;
    bool add;
};

static inline bool depthwise_has(int64_t window, int64_t stride) {
    return (window == 3 || window == 5 || window == 7) && (stride == 1 || stride == 2);
}

/* Rows of the lowest tile of any level. */
static inline int64_t depthwise_height(int64_t rows) {
    return rows < 3 ? 3 : rows;
}

typedef void depthwise_sums_kernel_f32(const struct depthwise_shape *shape, float *out, const float *src,
                                       const float *weight, const float *bias);
typedef void depthwise_sums_kernel_f64(const struct depthwise_shape *shape, double *out, const double *src,
                                       const double *weight, const double *bias);

/*
 * Fills rows of such planes. When odd is NULL,
 *
 *   even[p * dst_plane_step + y * dst_row_step + t] = src[p, y, t]         0 <= p < planes, 0 <= y < rows, 0 <= t < cols
 *
 * and else the same with src[p, y, 2 * t] for 2 * t < cols, and src[p, y, 2 * t + 1] in `odd` for 2 * t + 1 < cols;
 * src[p, y, t] = src[p * src_plane_step + y * src_row_step + t]. Exactly those are read and written.
 */
struct depthwise_rows {
    int64_t planes, rows, cols;
    int64_t dst_plane_step, dst_row_step;
    int64_t src_plane_step, src_row_step;
};

typedef void depthwise_fill_kernel_f32(const struct depthwise_rows *rows, float *even, float *odd,
                                       const float *src);
typedef void depthwise_fill_kernel_f64(const struct depthwise_rows *rows, double *even, double *odd,
                                       const double *src);

struct depthwise_kernels {
    int64_t pays_channels; /* up to how many channels the row kernels of the level are no faster */
    depthwise_sums_kernel_f32 *sums_f32;
    depthwise_sums_kernel_f64 *sums_f64;
    depthwise_fill_kernel_f32 *fill_f32;
    depthwise_fill_kernel_f64 *fill_f64;
};

extern const struct depthwise_kernels depthwise_kernels_portable;
#if defined(__x86_64__)
extern const struct depthwise_kernels depthwise_kernels_avx2, depthwise_kernels_avx512;
#endif

#endif
