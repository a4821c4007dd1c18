/*
 * Poolings over rows of planes, many outputs abreast: what the files pool_<level>.c give.
 */
#ifndef CONVD_LIB_KERNELS_POOL_KERNELS_H
#define CONVD_LIB_KERNELS_POOL_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where the windows of a pooling lie along one axis, all in elements:
 *
 *   tap i of window at = first + at * stride + i * step          0 <= at < outputs, 0 <= i < taps
 *
 * Taps outside [0, cells) lie in padding and are not read. Every window has a tap inside. An average counts the
 * places of the window, whose step is 1, in [counted_begin, counted_end).
 */
struct pool_axis {
    int64_t cells, outputs;
    int64_t taps, step;
    int64_t stride, first;
    int64_t counted_begin, counted_end;
};

struct pool_shape {
    struct pool_axis down, across;
    double divisor; /* of averages; 0: what the axes count, multiplied */
};

/*
 * Computes the rows of outputs [begin, end), counted through planes one behind the other; in each of them:
 *
 *   out[y, x]     = out[y * across.outputs + x]             0 <= y < down.outputs, 0 <= x < across.outputs
 *   cell[r, c]    = plane[r * across.cells + c]             0 <= r < down.cells, 0 <= c < across.cells
 *   max:  the last NaN of the window, else the first of its largest cells, in the order of rows; indices[y, x] is
 *         that cell's r * across.cells + c. indices may be NULL; with them a plane of float32 has at most
 *         POOL_MOST_INDEXED cells
 *   mean: sum of the window's cells / divisor. float32 is summed in double, in any order, and multiplied with the
 *         divisor's inverse, in double too; float64 is summed in the order of rows from +0 and divided
 *
 *        x ->   one vector holds neighbouring outputs, `stride` cells apart
 *       +------+------+---+
 *   r 0 | part | part |...|   where windows overlap from above, the part of a window that lies in one row of cells is
 *     1 | part | part |...|   found once and kept for the windows below
 *     2 | part | part |...|   -> out[y] = part[r 0] with part[r 1] with part[r 2]
 *       +------+------+---+
 *
 * Nothing outside those rows' planes is read and nothing but those rows written; nothing needs to be aligned.
 * Which rows one call computes does not change a bit of them.
 */
enum { POOL_MOST_INDEXED = 1 << 30 };

typedef void pool_max_kernel_f32(const struct pool_shape *shape, int64_t begin, int64_t end, float *out,
                                 int64_t *indices, const float *planes);
typedef void pool_max_kernel_f64(const struct pool_shape *shape, int64_t begin, int64_t end, double *out,
                                 int64_t *indices, const double *planes);
typedef void pool_mean_kernel_f32(const struct pool_shape *shape, int64_t begin, int64_t end, float *out,
                                  const float *planes);
typedef void pool_mean_kernel_f64(const struct pool_shape *shape, int64_t begin, int64_t end, double *out,
                                  const double *planes);

/* sums[i] = the sum of cells[i * count .. (i + 1) * count) in double, in any order; 0 <= i < runs. */
typedef void pool_sum_runs_kernel_f32(double *sums, const float *cells, int64_t count, int64_t runs);

/* The maximum of so many cells: NaN if one is, and of zeros or NaNs any one; of no cells -Infinity. */
typedef float pool_max_run_kernel_f32(const float *cells, int64_t count);
typedef double pool_max_run_kernel_f64(const double *cells, int64_t count);

struct pool_kernels {
    pool_max_kernel_f32 *max_f32;
    pool_max_kernel_f64 *max_f64;
    pool_mean_kernel_f32 *mean_f32;
    pool_mean_kernel_f64 *mean_f64;
    pool_sum_runs_kernel_f32 *sum_runs_f32;
    pool_max_run_kernel_f32 *max_run_f32;
    pool_max_run_kernel_f64 *max_run_f64;
};

extern const struct pool_kernels pool_kernels_portable;
#if defined(__x86_64__)
extern const struct pool_kernels pool_kernels_avx2, pool_kernels_avx512;
#endif

#endif
