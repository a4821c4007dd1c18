/*
 * Vectors of AVX-512 (F, DQ, BW, VL): 64 bytes, 32 registers, masks for parts.
 */
#ifndef CONVD_LIB_KERNELS_VECTORS_AVX512_H
#define CONVD_LIB_KERNELS_VECTORS_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef float vec_f32 __attribute__((vector_size(64)));
typedef double vec_f64 __attribute__((vector_size(64)));

static inline vec_f32 load_part_f32(const float *p, int64_t n) {
    return (vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

static inline void store_part_f32(float *p, int64_t n, vec_f32 v) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

static inline vec_f32 even_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

static inline vec_f64 load_part_f64(const double *p, int64_t n) {
    return (vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}

static inline void store_part_f64(double *p, int64_t n, vec_f64 v) {
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}

static inline vec_f64 even_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

/* Lane by lane the larger one of `most` and the magnitude of v; NaN has none. */
static inline vec_f32 larger_f32(vec_f32 most, vec_f32 v) {
    return (vec_f32)_mm512_max_ps(_mm512_abs_ps((__m512)v), (__m512)most);
}

static inline vec_f64 larger_f64(vec_f64 most, vec_f64 v) {
    return (vec_f64)_mm512_max_pd(_mm512_abs_pd((__m512d)v), (__m512d)most);
}

static inline vec_f32 odd_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

static inline vec_f32 load_between_f32(const float *p, int64_t first, int64_t end) {
    return (vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << end) - (1u << first)), p);
}

static inline vec_f32 zip_low_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

static inline vec_f32 zip_high_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

static inline vec_f64 odd_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}

static inline vec_f64 load_between_f64(const double *p, int64_t first, int64_t end) {
    return (vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << end) - (1u << first)), p);
}

static inline vec_f64 zip_low_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline vec_f64 zip_high_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
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
