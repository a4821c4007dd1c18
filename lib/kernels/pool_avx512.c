/*
 * The pooling kernels for AVX-512. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/pool_kernels.h"
#include "lib/kernels/vectors_avx512.h"

#include <math.h>
#include <stddef.h>

typedef int32_t place_f32, places_f32 __attribute__((vector_size(64)));
typedef int64_t place_f64, places_f64 __attribute__((vector_size(64)));

/* The lanes l < 16 with 0 <= at + l < n, in integer registers: the others have enough to do. */
static inline uint32_t lanes_inside(int64_t at, int64_t n) {
    uint32_t lanes = n - at >= 16 ? 0xffff : n <= at ? 0 : (1u << (n - at)) - 1;
    return at >= 0 ? lanes : at <= -16 ? 0 : lanes & (0xffffu << -at);
}

/* ---- float ---- */

typedef __mmask16 lanes_f32;

static inline lanes_f32 lanes_inside_f32(int64_t at, int64_t n) {
    return (lanes_f32)lanes_inside(at, n);
}

static inline vec_f32 load_lanes_f32(const float *p, lanes_f32 lanes, float fill) {
    return (vec_f32)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), lanes, p);
}

static inline __attribute__((always_inline)) vec_f32 third_f32(vec_f32 a, vec_f32 b, vec_f32 c, const int p) {
    if (p == 0)
        return __builtin_shufflevector(
            __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0), c, 0, 1, 2,
            3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
    if (p == 1)
        return __builtin_shufflevector(
            __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0), c, 0, 1, 2,
            3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
    return __builtin_shufflevector(
        __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0), c, 0, 1, 2, 3,
        4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
}

/* vmaxps gives its second operand unless the first is larger; a NaN that is the cell must come by itself. */
static inline vec_f32 better_f32(vec_f32 cell, vec_f32 best) {
    __mmask16 number = _mm512_cmp_ps_mask((__m512)cell, (__m512)cell, _CMP_ORD_Q);
    return (vec_f32)_mm512_mask_max_ps((__m512)cell, number, (__m512)cell, (__m512)best);
}

static inline void better_place_f32(vec_f32 cell, vec_f32 *best, places_f32 place, places_f32 *places) {
    __mmask16 wins = _mm512_cmp_ps_mask((__m512)cell, (__m512)*best, _CMP_GT_OQ) |
                     _mm512_cmp_ps_mask((__m512)cell, (__m512)cell, _CMP_UNORD_Q);
    *best = (vec_f32)_mm512_mask_mov_ps((__m512)*best, wins, (__m512)cell);
    *places = (places_f32)_mm512_mask_mov_epi32((__m512i)*places, wins, (__m512i)place);
}

static inline void store_places_f32(int64_t *p, int64_t n, places_f32 v) {
    uint32_t mask = (1u << n) - 1;
    __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256((__m512i)v));
    __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64((__m512i)v, 1));
    _mm512_mask_storeu_epi64(p, (__mmask8)mask, low);
    _mm512_mask_storeu_epi64(p + 8, (__mmask8)(mask >> 8), high);
}

struct sums_f32 {
    vec_f64 low, high;
};

static inline struct sums_f32 load_sums_f32(const double *p) {
    return (struct sums_f32){load_f64(p), load_f64(p + 8)};
}

static inline void store_sums_f32(double *p, struct sums_f32 sums) {
    store_f64(p, sums.low);
    store_f64(p + 8, sums.high);
}

static inline struct sums_f32 add_sums_f32(struct sums_f32 a, struct sums_f32 b) {
    return (struct sums_f32){a.low + b.low, a.high + b.high};
}

static inline struct sums_f32 add_to_f32(struct sums_f32 sums, vec_f32 v) {
    return (struct sums_f32){sums.low + (vec_f64)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v)),
                             sums.high + (vec_f64)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1))};
}

static inline vec_f32 mean_of_f32(struct sums_f32 sums, const double *factor) {
    __m256 low = _mm512_cvtpd_ps((__m512d)(sums.low * load_f64(factor)));
    __m256 high = _mm512_cvtpd_ps((__m512d)(sums.high * load_f64(factor + 8)));
    return (vec_f32)_mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

static inline double total_f32(struct sums_f32 sums) {
    return _mm512_reduce_add_pd((__m512d)(sums.low + sums.high));
}

#define REAL       float
#define NAME(stem) stem##_f32
#define SHARE_SUMS 1
#include "lib/kernels/pool.inc.h"
#undef REAL
#undef NAME
#undef SHARE_SUMS

/* ---- double ---- */

typedef __mmask8 lanes_f64;

static inline lanes_f64 lanes_inside_f64(int64_t at, int64_t n) {
    return (lanes_f64)lanes_inside(at, n);
}

static inline vec_f64 load_lanes_f64(const double *p, lanes_f64 lanes, double fill) {
    return (vec_f64)_mm512_mask_loadu_pd(_mm512_set1_pd(fill), lanes, p);
}

static inline __attribute__((always_inline)) vec_f64 third_f64(vec_f64 a, vec_f64 b, vec_f64 c, const int p) {
    if (p == 0)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 0, 0), c, 0, 1, 2, 3,
                                       4, 5, 10, 13);
    if (p == 1)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 0, 0, 0), c, 0, 1, 2, 3,
                                       4, 8, 11, 14);
    return __builtin_shufflevector(__builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 0, 0, 0), c, 0, 1, 2, 3, 4,
                                   9, 12, 15);
}

static inline vec_f64 better_f64(vec_f64 cell, vec_f64 best) {
    __mmask8 number = _mm512_cmp_pd_mask((__m512d)cell, (__m512d)cell, _CMP_ORD_Q);
    return (vec_f64)_mm512_mask_max_pd((__m512d)cell, number, (__m512d)cell, (__m512d)best);
}

static inline void better_place_f64(vec_f64 cell, vec_f64 *best, places_f64 place, places_f64 *places) {
    __mmask8 wins = _mm512_cmp_pd_mask((__m512d)cell, (__m512d)*best, _CMP_GT_OQ) |
                    _mm512_cmp_pd_mask((__m512d)cell, (__m512d)cell, _CMP_UNORD_Q);
    *best = (vec_f64)_mm512_mask_mov_pd((__m512d)*best, wins, (__m512d)cell);
    *places = (places_f64)_mm512_mask_mov_epi64((__m512i)*places, wins, (__m512i)place);
}

static inline void store_places_f64(int64_t *p, int64_t n, places_f64 v) {
    _mm512_mask_storeu_epi64(p, (__mmask8)((1u << n) - 1), (__m512i)v);
}

struct sums_f64 {
    vec_f64 all;
};

static inline struct sums_f64 add_to_f64(struct sums_f64 sums, vec_f64 v) {
    return (struct sums_f64){sums.all + v};
}

static inline struct sums_f64 load_sums_f64(const double *p) {
    return (struct sums_f64){load_f64(p)};
}

static inline void store_sums_f64(double *p, struct sums_f64 sums) {
    store_f64(p, sums.all);
}

static inline struct sums_f64 add_sums_f64(struct sums_f64 a, struct sums_f64 b) {
    return (struct sums_f64){a.all + b.all};
}

static inline vec_f64 mean_of_f64(struct sums_f64 sums, const double *factor) {
    return sums.all / load_f64(factor);
}

#define REAL       double
#define NAME(stem) stem##_f64
#define SHARE_SUMS 0
#include "lib/kernels/pool.inc.h"

const struct pool_kernels pool_kernels_avx512 = {
    .max_f32 = pool_max_f32,
    .max_f64 = pool_max_f64,
    .mean_f32 = pool_mean_f32,
    .mean_f64 = pool_mean_f64,
    .sum_runs_f32 = sum_runs_f32,
    .max_run_f32 = max_run_f32,
    .max_run_f64 = max_run_f64,
};
