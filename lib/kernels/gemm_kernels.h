/*
 * Products of matrices: what the files gemm_<level>.c give.
 */
#ifndef CONVD_LIB_KERNELS_GEMM_KERNELS_H
#define CONVD_LIB_KERNELS_GEMM_KERNELS_H

#include "lib/kernels/chains.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a GEMM kernel computes, all steps in elements:
 *
 *   out[r, x] = sum over d of a[r, d] * b[d, x] + start[r, x] + bias[r]   0 <= r < rows, 0 <= x < cols, 0 <= d < depth
 *
 *   out[r, x]   = out[r * out_step + x]
 *   b[d, x]     = b[d * b_step + x]
 *   start[r, x] = out[r, x] as it was when `add`, else 0; bias[r] is 0 when bias is NULL
 *
 *   a[r, d]     = a[r * a_step + d]                                                 a plain matrix
 *               = a[r / GEMM_BLOCK * a_step + d * GEMM_BLOCK + r % GEMM_BLOCK]      `packed`
 *
 *                     b: neighbouring columns in whole vectors
 *                    +--------+--------+--------+
 *                  d |        |        |        |  read once for a tile's rows
 *     a: some rows   +--------+--------+--------+
 *      +---+    r  0 | acc    | acc    | acc    |
 *      | w | ->    1 | acc    | acc    | acc    |  a weight is broadcast to all columns
 *      +---+         +--------+--------+--------+
 *
 * The last columns, where few are left, are done the other way round when a is packed: a vector holds neighbouring
 * rows, and what is broadcast is an element of b.
 *
 * Of a, b and out exactly what is named is touched, but that packed blocks are read whole: their rows behind the last
 * are there. Products are summed in chains of `chain`, d in order, by fused multiply-add where the level has it; the
 * chains, at most 64, are summed in pairs (lib/kernels/chains.h), then start is added, then the bias: neither the tile nor
 * the way round changes a bit. (A bias may be much larger than the sum, so it is best added once, to the whole.) Without
 * `add`, out is not read. Nothing needs to be aligned.
 */
enum { GEMM_BLOCK = 16 };

struct gemm_shape {
    int64_t rows, cols, depth;
    int64_t chain; /* at least 1, and depth / 64 */
    int64_t a_step, b_step, out_step;
    bool packed, add;
};

typedef void gemm_kernel_f32(const struct gemm_shape *shape, float *out, const float *a, const float *b,
                             const float *bias);
typedef void gemm_kernel_f64(const struct gemm_shape *shape, double *out, const double *a, const double *b,
                             const double *bias);

/*
 * Fills rows of b: for each d < depth and each piece s
 *
 *   b[d * step + to_s .. + length_s) = src[offset[d] + from_s .. + length_s)
 *
 * Exactly that is read and written.
 */
struct gemm_piece {
    int32_t from, to, length;
};

typedef void gemm_fill_f32(float *b, int64_t step, const float *src, const int32_t *offset, int64_t depth,
                           const struct gemm_piece *pieces, int64_t count);
typedef void gemm_fill_f64(double *b, int64_t step, const double *src, const int32_t *offset, int64_t depth,
                           const struct gemm_piece *pieces, int64_t count);

/*
 * The product with columns that are nowhere made: b[d, to_s + x] = src[offset[d] + from_s + x] for each run s of columns,
 * 0 <= x < length_s, and nothing of the other columns. a is packed; b_step of the shape is 0 and its cols do not count.
 * Exactly what is named is touched, and the sums are those of a GEMM kernel, bit by bit.
 */
typedef void gemm_implicit_f32(const struct gemm_shape *shape, float *out, const float *a, const float *src,
                               const int32_t *offset, const struct gemm_piece *runs, int64_t count,
                               const float *bias);
typedef void gemm_implicit_f64(const struct gemm_shape *shape, double *out, const double *a,
                               const double *src, const int32_t *offset, const struct gemm_piece *runs,
                               int64_t count, const double *bias);

/*
 * Packs a block: to[place[d] * GEMM_BLOCK + r] = from[r * row_step + d] for r < rows (1 .. GEMM_BLOCK), 0 for the others;
 * place[d] is d when `place` is NULL. Returns 0, or NaN when one of the elements is infinite or NaN.
 */
typedef float gemm_pack_f32(float *to, const float *from, int64_t row_step, int64_t rows, int64_t depth,
                            const int32_t *place);
typedef double gemm_pack_f64(double *to, const double *from, int64_t row_step, int64_t rows, int64_t depth,
                             const int32_t *place);

struct gemm_kernels {
    int64_t cols_f32, cols_f64; /* columns of a tile: multiples of it leave no registers idle */
    gemm_kernel_f32 *gemm_f32;
    gemm_kernel_f64 *gemm_f64;
    gemm_fill_f32 *fill_f32;
    gemm_fill_f64 *fill_f64;
    gemm_implicit_f32 *implicit_f32;
    gemm_implicit_f64 *implicit_f64;
    gemm_pack_f32 *pack_f32;
    gemm_pack_f64 *pack_f64;
};

extern const struct gemm_kernels gemm_kernels_portable;
#if defined(__x86_64__)
extern const struct gemm_kernels gemm_kernels_avx2, gemm_kernels_avx512;
#endif

#endif
