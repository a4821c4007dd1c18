/*
 * The depthwise kernels for AVX-512. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/depthwise_kernels.h"
#include "lib/kernels/vectors_avx512.h"

#include <stddef.h>

/* Divides the heights of common planes: 7, 14, 28, 56, 112. */
#define MOST_ROWS 7
#define STRIDED_PAIRS
#define KEEP(v) __asm__("" : "+v"(v))

/* ---- vectors of half the width, for what is left of a row ---- */

typedef float vec_half_f32 __attribute__((vector_size(32)));
typedef double vec_half_f64 __attribute__((vector_size(32)));

static inline vec_half_f32 load_part_half_f32(const float *p, int64_t n) {
    return (vec_half_f32)_mm256_maskz_loadu_ps((__mmask8)((1u << n) - 1), p);
}

static inline void store_part_half_f32(float *p, int64_t n, vec_half_f32 v) {
    _mm256_mask_storeu_ps(p, (__mmask8)((1u << n) - 1), (__m256)v);
}

static inline vec_half_f64 load_part_half_f64(const double *p, int64_t n) {
    return (vec_half_f64)_mm256_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}

static inline void store_part_half_f64(double *p, int64_t n, vec_half_f64 v) {
    _mm256_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m256d)v);
}

#define REAL       float
#define NAME(stem) stem##_half_f32
#include "lib/kernels/vectors.inc.h"

#include "lib/kernels/depthwise_tile.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_half_f64
#include "lib/kernels/vectors.inc.h"

#include "lib/kernels/depthwise_tile.inc.h"
#undef REAL
#undef NAME

/* ---- the kernels ---- */

#define REAL       float
#define NAME(stem) stem##_f32
#define HALF(stem) stem##_half_f32
#include "lib/kernels/depthwise_tile.inc.h"

#include "lib/kernels/depthwise.inc.h"
#undef REAL
#undef NAME
#undef HALF

#define REAL       double
#define NAME(stem) stem##_f64
#define HALF(stem) stem##_half_f64
#include "lib/kernels/depthwise_tile.inc.h"

#include "lib/kernels/depthwise.inc.h"

const struct depthwise_kernels depthwise_kernels_avx512 = {
    .pays_channels = 32,
    .sums_f32 = depthwise_sums_f32,
    .sums_f64 = depthwise_sums_f64,
    .fill_f32 = depthwise_fill_f32,
    .fill_f64 = depthwise_fill_f64,
};
