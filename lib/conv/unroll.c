/*
 * GEMM: an image's group is a product of matrices,
 *
 *   out [K/G, outH * outW] = weight [K/G, depth] * columns [depth, outH * outW],   depth = C/G * kH * kW
 *
 * where row (c, i, j) of `columns` holds what each output position sees under tap (i, j) of channel c. The
 * columns are never there as a whole: a unit unrolls a block of `tiles.depth` rows by its own positions into
 * the slot's workspace, which stays in cache, multiplies, and adds the next block of rows to the product. A 1
 * x 1 layer's columns are the input itself.
 *
 * Cutting the depth also keeps sums accurate: the error of a sum of n products in blocks of b grows with b +
 * n / b and not with n.
 */
#include "lib/conv/blas.h"
#include "lib/conv/gather.h"
#include "lib/conv/plan.h"

#include "lib/base/checked.h"

#include <stddef.h>

#define REAL       float
#define NAME(stem) stem##_f32
#define BLAS_GEMM  blas_sgemm
#include "lib/conv/unroll.inc.h"
#undef REAL
#undef NAME
#undef BLAS_GEMM

#define REAL       double
#define NAME(stem) stem##_f64
#define BLAS_GEMM  blas_dgemm
#include "lib/conv/unroll.inc.h"
