/*
 * Products of bfloat16, summed in float32: what CPUs with AVX512-BF16 do two of in the time of one float32 product.
 *
 * The matrices of a product are those of lib/kernels/gemm_kernels.h with two neighbours in depth in each element, the
 * first in the low half: an element of a times one of b adds two products to the sum, the second half's first. Each is
 * exact and each addition is rounded once, to nearest even; subnormal factors and sums count as zero, whatever the flags
 * say (Intel SDM, VDPBF16PS).
 */
#ifndef CONVD_LIB_KERNELS_BF16_KERNELS_H
#define CONVD_LIB_KERNELS_BF16_KERNELS_H

#include "lib/kernels/gemm_kernels.h"

#include <stdint.h>

/* Two bfloat16, in the type of what they are moved and stored as: no arithmetic is done with it. */
typedef float bf16_pair;

/*
 * to[i] = (low[i], high[i]) for 0 <= i < count, each rounded to the nearest bfloat16, ties to even; zeros for `high` NULL. What
 * is beyond 3.39 * 10^38 becomes infinite and what is subnormal zero. Returns 0, or NaN when one of them is infinite or NaN.
 */
typedef float bf16_pair_rows(bf16_pair *to, const float *low, const float *high, int64_t count);

/* The same for neighbours: to[i] = (from[2 * i], from[2 * i + 1]). */
typedef float bf16_pair_neighbours(bf16_pair *to, const float *from, int64_t count);

struct bf16_kernels {
    bf16_pair_rows *pair_rows;
    bf16_pair_neighbours *pair_neighbours;
    struct gemm_kernels gemm; /* those of float32: their a and b are pairs, `pack` and `fill` move them */
};

#if defined(__x86_64__)
extern const struct bf16_kernels bf16_kernels_avx512bf16;
#endif

#endif
