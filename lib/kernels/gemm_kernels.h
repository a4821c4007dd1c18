/*
 * Products of matrices whose right factor lies in panels: what the files gemm_<level>.c give.
 */
#ifndef CONVD_LIB_KERNELS_GEMM_KERNELS_H
#define CONVD_LIB_KERNELS_GEMM_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a GEMM kernel computes, all steps in elements:
 *
 *   out[r, x] = start[r, x] + sum over d of a[r, d] * b[d, x]       0 <= r < rows, 0 <= x < cols, 0 <= d < depth
 *
 *   out[r, x]   = out[r * out_step + x]
 *   a[r, d]     = a[r / ROWS * a_block_step + r % ROWS * a_row_step + d * a_depth_step]
 *   b[d, x]     = b[x / COLS * b_panel_step + d * b_depth_step + x % COLS]
 *   start[r, x] = out[r, x] as it was when `add`; else bias[r], or 0 when bias is NULL
 *
 * ROWS and COLS are the table's: a tile of ROWS x COLS sums stays in registers while d runs.
 *
 *                   b: COLS neighbouring columns in whole vectors
 *                  +--------+--------+--------+
 *                d |        |        |        |  read once for ROWS rows; rows b_depth_step apart
 *     a: ROWS      +--------+--------+--------+
 *    +---+  r 0  | acc    | acc    | acc    |
 *    | w | ->  1   | acc    | acc    | acc    |  a weight is broadcast to all columns
 *    +---+         +--------+--------+--------+
 *
 * a may be a plain matrix (a_depth_step 1) or packed in blocks (a_row_step 1, a_depth_step ROWS: lib/conv/pack.h);
 * b may be packed panels, or a plain matrix with b_panel_step COLS. Of b exactly the columns below `cols` are
 * read. The products of a column are summed from zero in one chain, d in order, by fused multiply-add where the
 * level has it, and the chain is added to start once: neither the tile nor the panel that a column falls into
 * changes a bit. Without `add`, out is not read. Nothing needs to be aligned.
 */
struct gemm_shape {
    int64_t rows, cols, depth;
    int64_t a_block_step, a_row_step, a_depth_step;
    int64_t b_panel_step, b_depth_step;
    int64_t out_step;
    bool add;
};

typedef void gemm_kernel_f32(const struct gemm_shape *shape, float *out, const float *a, const float *b,
                             const float *bias);
typedef void gemm_kernel_f64(const struct gemm_shape *shape, double *out, const double *a, const double *b,
                             const double *bias);

/*
 * Fills a panel: for each d < depth and each piece s, in order,
 *
 *   panel[d * step + to_s .. + length_s) = src[offset[d] + from_s .. + length_s)
 *
 * Of src exactly the pieces are read. Whole vectors are written: up to GEMM_SLACK elements behind a piece, and so
 * behind the last row of the panel, become 0.
 */
struct gemm_piece {
    int32_t from, to, length;
};
enum { GEMM_SLACK = 16, GEMM_MAX_COLS = 48 };

typedef void gemm_fill_f32(float *panel, int64_t step, const float *src, const int32_t *offset, int64_t depth,
                           const struct gemm_piece *pieces, int64_t count);
typedef void gemm_fill_f64(double *panel, int64_t step, const double *src, const int32_t *offset, int64_t depth,
                           const struct gemm_piece *pieces, int64_t count);

struct gemm_kernels {
    int64_t rows;               /* ROWS */
    int64_t cols_f32, cols_f64; /* COLS, at most GEMM_MAX_COLS */
    gemm_kernel_f32 *gemm_f32;
    gemm_kernel_f64 *gemm_f64;
    gemm_fill_f32 *fill_f32;
    gemm_fill_f64 *fill_f64;
};

extern const struct gemm_kernels gemm_kernels_portable;
#if defined(__x86_64__)
extern const struct gemm_kernels gemm_kernels_avx2, gemm_kernels_avx512;
#endif

#endif
