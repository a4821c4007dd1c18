/*
 * The transforms of Winograd's minimal filtering F(m x m, 3 x 3): what the files winograd_<level>.c give.
 *
 * A tile of m x m outputs of a 3 x 3 convolution is Y = A^T [(G g G^T) . (B^T d B)] A, with g the 3 x 3 weights, d the
 * n x n inputs under the tile, n = m + 2, and . the product of elements, which are summed over the channels as n * n
 * products of matrices (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). With the points 0,
 * a, -a and infinity (m = 2, a = 1), or 0, a, -a, b, -b and infinity (m = 4):
 *
 *   B^T, m = 2:  1  0 -1  0      m = 4:  a²b²  0     -(a²+b²)  0          1  0
 *                0  1  1  0              0    -ab²   -b²       a          1  0
 *                0 -1  1  0              0     ab²   -b²      -a          1  0
 *                0  1  0 -1              0    -a²b   -a²       b          1  0
 *                                        0     a²b   -a²      -b          1  0
 *                                        0     a²b²   0       -(a²+b²)    0  1
 *
 * a row of G for the point p is (1, p, p²) over the product of p's distances to the other finite points, that of
 * infinity (0, 0, 1); column i of A is (p_i^0, …, p_i^(m-1)), that of infinity (0, …, 0, 1) (for m = 2 the last rows of
 * B^T and A are negated both). m = 4 has a = 3/4 and b = 3/2, whose error is half of that of 1 and 2 (8.5 times the
 * direct sum's for 10 to 22), and all of whose numbers in B and A are exact.
 *
 * With a stride of 2 (m2s2), two outputs in a row see five inputs: w0 and w2 meet the even ones, as the two weights of
 * F(2, 2), and w1 each odd one alone, five products for six:
 *
 *   y0 = (d0 - d2) w0 + d2 (w0 + w2) + d1 w1        y1 = d2 (w0 + w2) + (d4 - d2) w2 + d3 w1
 *
 *   B^T d = (d0 - d2, d2, d4 - d2, d1, d3)          G g = (w0, w0 + w2, w2, w1), the last for both of the last
 *
 * so of two dimensions 25 products for 36, n = 5, and 16 matrices of weights.
 */
#ifndef CONVD_LIB_KERNELS_WINOGRAD_KERNELS_H
#define CONVD_LIB_KERNELS_WINOGRAD_KERNELS_H

#include <stdint.h>

/* Elements behind what a kernel is told to read or write that it may read or write too: a vector less one. */
enum { WINOGRAD_SLACK = 16 };

/* Elements of the transformed tiles: n * n. */
enum { WINOGRAD_2_POINTS = 16, WINOGRAD_4_POINTS = 36, WINOGRAD_2S2_POINTS = 25 };

/*
 * v[i * n + j, t] = (B^T d B)[i, j] of tile t, 0 <= t < tiles, where column x of row y of tile t's inputs is
 *
 *   d[y, x] = src[y * row_step + x % m * phase_step + x / m * tile_step + t]      v[xi, t] = v[xi * xi_step + t]
 *
 * and of m2s2, 4 for m (a row of the input in m runs, one for each phase of the columns; tile t + tile_step is the next to the right of t).
 */
typedef void winograd_input_f32(float *v, int64_t xi_step, const float *src, int64_t row_step,
                                int64_t phase_step, int64_t tile_step, int64_t tiles);
typedef void winograd_input_f64(double *v, int64_t xi_step, const double *src, int64_t row_step,
                                int64_t phase_step, int64_t tile_step, int64_t tiles);

/*
 * u[i * n + j, c, k] = (G g G^T)[i, j] of channel c of output channel k, whose weights are g + k * k_step + 9 * c, for
 * 0 <= c < channels and 0 <= k < outs (1 .. GEMM_BLOCK), i and j < n (of m2s2: u[4 * i + j], i and j < 4); 0 for outs <= k < GEMM_BLOCK. A packed block of a GEMM for
 * each point: u[xi, c, k] = u[xi * xi_step + c * GEMM_BLOCK + k].
 */
typedef void winograd_filter_f32(float *u, int64_t xi_step, const float *g, int64_t k_step, int64_t outs,
                                 int64_t channels);
typedef void winograd_filter_f64(double *u, int64_t xi_step, const double *g, int64_t k_step, int64_t outs,
                                 int64_t channels);

/* to[k, i] = g[k, i], and largest[i] = the largest magnitude of g[k, i] of all k < outs, NaN being none; i < elems. */
typedef void winograd_keep_f32(float *to, float *largest, const float *g, int64_t outs, int64_t elems);
typedef void winograd_keep_f64(double *to, double *largest, const double *g, int64_t outs, int64_t elems);

/*
 * out[y * out_step + m * t + x] = bias + Y[y, x] of tile t, for y < rows (1 .. m) and m * t + x < cols
 * ((tiles - 1) * m < cols <= tiles * m); nothing else of out is written. s[xi, t] = s[xi * xi_step + t] are the sums
 * of products. Where one of all m x m outputs of tile t is infinite or NaN, suspect[t] becomes NaN.
 */
typedef void winograd_output_f32(float *out, int64_t out_step, int64_t rows, int64_t cols, const float *s,
                                 int64_t xi_step, int64_t tiles, float bias, float *suspect);
typedef void winograd_output_f64(double *out, int64_t out_step, int64_t rows, int64_t cols, const double *s,
                                 int64_t xi_step, int64_t tiles, double bias, double *suspect);

struct winograd_set_f32 {
    winograd_input_f32 *input;
    winograd_filter_f32 *filter;
    winograd_output_f32 *output;
};

struct winograd_set_f64 {
    winograd_input_f64 *input;
    winograd_filter_f64 *filter;
    winograd_output_f64 *output;
};

struct winograd_kernels {
    struct winograd_set_f32 m2_f32, m4_f32, m2s2_f32; /* m2s2: m = 2 with a stride of 2 */
    struct winograd_set_f64 m2_f64, m4_f64, m2s2_f64;
    winograd_keep_f32 *keep_f32;
    winograd_keep_f64 *keep_f64;
};

extern const struct winograd_kernels winograd_kernels_portable;
#if defined(__x86_64__)
extern const struct winograd_kernels winograd_kernels_avx2, winograd_kernels_avx512;
#endif

#endif
