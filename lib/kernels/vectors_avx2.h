/*
 * Vectors of AVX2 and FMA: 32 bytes, 16 registers.
 */
#ifndef CONVD_LIB_KERNELS_VECTORS_AVX2_H
#define CONVD_LIB_KERNELS_VECTORS_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef float vec_f32 __attribute__((vector_size(32)));
typedef double vec_f64 __attribute__((vector_size(32)));

static inline __m256i mask_f32(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vec_f32 load_part_f32(const float *p, int64_t n) {
    return (vec_f32)_mm256_maskload_ps(p, mask_f32(n));
}

/* Piece by piece: a masked store takes AMD's cores some 20 cycles. */
static inline void store_part_f32(float *p, int64_t n, vec_f32 v) {
    __m128 low = _mm256_castps256_ps128((__m256)v);
    if (n >= 8) {
        _mm256_storeu_ps(p, (__m256)v);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, low);
        low = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, low);
        low = _mm_movehl_ps(low, low);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, low);
}

static inline vec_f32 even_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

static inline __m256i mask_f64(int64_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

static inline vec_f64 load_part_f64(const double *p, int64_t n) {
    return (vec_f64)_mm256_maskload_pd(p, mask_f64(n));
}

static inline void store_part_f64(double *p, int64_t n, vec_f64 v) {
    __m128d low = _mm256_castpd256_pd128((__m256d)v);
    if (n >= 4) {
        _mm256_storeu_pd(p, (__m256d)v);
        return;
    }
    if (n & 2) {
        _mm_storeu_pd(p, low);
        low = _mm256_extractf128_pd((__m256d)v, 1);
        p += 2;
    }
    if (n & 1)
        _mm_store_sd(p, low);
}

static inline vec_f64 even_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6);
}

/* Lane by lane the larger one of `most` and the magnitude of v; NaN has none. */
static inline vec_f32 larger_f32(vec_f32 most, vec_f32 v) {
    return (vec_f32)_mm256_max_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), (__m256)v), (__m256)most);
}

static inline vec_f64 larger_f64(vec_f64 most, vec_f64 v) {
    return (vec_f64)_mm256_max_pd(_mm256_andnot_pd(_mm256_set1_pd(-0.0), (__m256d)v), (__m256d)most);
}

static inline vec_f32 odd_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}

static inline vec_f32 load_between_f32(const float *p, int64_t first, int64_t end) {
    return (vec_f32)_mm256_maskload_ps(p, _mm256_andnot_si256(mask_f32(first), mask_f32(end)));
}

static inline vec_f32 zip_low_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline vec_f32 zip_high_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

static inline vec_f64 odd_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7);
}

static inline vec_f64 load_between_f64(const double *p, int64_t first, int64_t end) {
    return (vec_f64)_mm256_maskload_pd(p, _mm256_andnot_si256(mask_f64(first), mask_f64(end)));
}

static inline vec_f64 zip_low_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}

static inline vec_f64 zip_high_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/kernels/vectors.inc.h"

#include "lib/kernels/transpose.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/kernels/vectors.inc.h"

#include "lib/kernels/transpose.inc.h"
#undef REAL
#undef NAME

#endif
