/*
 * The pooling kernels for AVX2. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/pool_kernels.h"
#include "lib/kernels/vectors_avx2.h"

#include <math.h>
#include <stddef.h>

typedef int32_t place_f32, places_f32 __attribute__((vector_size(32)));
typedef int64_t place_f64, places_f64 __attribute__((vector_size(32)));

/* ---- float ---- */

/* All bits of a lane, or none. */
typedef __m256i lanes_f32;

static inline lanes_f32 lanes_inside_f32(int64_t at, int64_t n) {
    return _mm256_andnot_si256(mask_f32(min_i64(max_i64(-at, 0), 8)),
                               mask_f32(min_i64(max_i64(n - at, 0), 8)));
}

static inline vec_f32 load_lanes_f32(const float *p, lanes_f32 lanes, float fill) {
    return (vec_f32)_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, lanes), (__m256)lanes);
}

static inline __attribute__((always_inline)) vec_f32 third_f32(vec_f32 a, vec_f32 b, vec_f32 c, const int p) {
    if (p == 0)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 0, 0), c, 0, 1, 2, 3,
                                       4, 5, 10, 13);
    if (p == 1)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 0, 0, 0), c, 0, 1, 2, 3,
                                       4, 8, 11, 14);
    return __builtin_shufflevector(__builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 0, 0, 0), c, 0, 1, 2, 3, 4,
                                   9, 12, 15);
}

/* vmaxps gives its second operand unless the first is larger; a NaN that is the cell must come by itself. */
static inline vec_f32 better_f32(vec_f32 cell, vec_f32 best) {
    __m256 nan = _mm256_cmp_ps((__m256)cell, (__m256)cell, _CMP_UNORD_Q);
    return (vec_f32)_mm256_blendv_ps(_mm256_max_ps((__m256)cell, (__m256)best), (__m256)cell, nan);
}

static inline void better_place_f32(vec_f32 cell, vec_f32 *best, places_f32 place, places_f32 *places) {
    __m256 wins = _mm256_or_ps(_mm256_cmp_ps((__m256)cell, (__m256)*best, _CMP_GT_OQ),
                               _mm256_cmp_ps((__m256)cell, (__m256)cell, _CMP_UNORD_Q));
    *best = (vec_f32)_mm256_blendv_ps((__m256)*best, (__m256)cell, wins);
    *places = (places_f32)_mm256_blendv_ps((__m256)*places, (__m256)place, wins);
}

static inline void store_places_f64(int64_t *p, int64_t n, places_f64 v) {
    if (n >= 4)
        memcpy(p, &v, sizeof v);
    else
        _mm256_maskstore_epi64((long long *)p, mask_f64(n), (__m256i)v);
}

static inline void store_places_f32(int64_t *p, int64_t n, places_f32 v) {
    store_places_f64(p, n, (places_f64)_mm256_cvtepi32_epi64(_mm256_castsi256_si128((__m256i)v)));
    if (n > 4)
        store_places_f64(p + 4, n - 4,
                         (places_f64)_mm256_cvtepi32_epi64(_mm256_extracti128_si256((__m256i)v, 1)));
}

struct sums_f32 {
    vec_f64 low, high;
};

static inline struct sums_f32 load_sums_f32(const double *p) {
    return (struct sums_f32){load_f64(p), load_f64(p + 4)};
}

static inline void store_sums_f32(double *p, struct sums_f32 sums) {
    store_f64(p, sums.low);
    store_f64(p + 4, sums.high);
}

static inline struct sums_f32 add_sums_f32(struct sums_f32 a, struct sums_f32 b) {
    return (struct sums_f32){a.low + b.low, a.high + b.high};
}

static inline struct sums_f32 add_to_f32(struct sums_f32 sums, vec_f32 v) {
    return (struct sums_f32){sums.low + (vec_f64)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v)),
                             sums.high + (vec_f64)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1))};
}

static inline vec_f32 mean_of_f32(struct sums_f32 sums, const double *factor) {
    __m128 low = _mm256_cvtpd_ps((__m256d)(sums.low * load_f64(factor)));
    __m128 high = _mm256_cvtpd_ps((__m256d)(sums.high * load_f64(factor + 4)));
    return (vec_f32)_mm256_set_m128(high, low);
}

static inline double total_f32(struct sums_f32 sums) {
    vec_f64 all = sums.low + sums.high;
    return all[0] + all[1] + (all[2] + all[3]);
}

#define REAL       float
#define NAME(stem) stem##_f32
#define SHARE_SUMS 1
#include "lib/kernels/pool.inc.h"
#undef REAL
#undef NAME
#undef SHARE_SUMS

/* ---- double ---- */

typedef __m256i lanes_f64;

static inline lanes_f64 lanes_inside_f64(int64_t at, int64_t n) {
    return _mm256_andnot_si256(mask_f64(max_i64(-at, 0)), mask_f64(n - at));
}

static inline vec_f64 load_lanes_f64(const double *p, lanes_f64 lanes, double fill) {
    return (vec_f64)_mm256_blendv_pd(_mm256_set1_pd(fill), _mm256_maskload_pd(p, lanes), (__m256d)lanes);
}

static inline __attribute__((always_inline)) vec_f64 third_f64(vec_f64 a, vec_f64 b, vec_f64 c, const int p) {
    if (p == 0)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 0, 3, 6, 0), c, 0, 1, 2, 5);
    if (p == 1)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 1, 4, 7, 0), c, 0, 1, 2, 6);
    return __builtin_shufflevector(__builtin_shufflevector(a, b, 2, 5, 0, 0), c, 0, 1, 4, 7);
}

static inline vec_f64 better_f64(vec_f64 cell, vec_f64 best) {
    __m256d nan = _mm256_cmp_pd((__m256d)cell, (__m256d)cell, _CMP_UNORD_Q);
    return (vec_f64)_mm256_blendv_pd(_mm256_max_pd((__m256d)cell, (__m256d)best), (__m256d)cell, nan);
}

static inline void better_place_f64(vec_f64 cell, vec_f64 *best, places_f64 place, places_f64 *places) {
    __m256d wins = _mm256_or_pd(_mm256_cmp_pd((__m256d)cell, (__m256d)*best, _CMP_GT_OQ),
                                _mm256_cmp_pd((__m256d)cell, (__m256d)cell, _CMP_UNORD_Q));
    *best = (vec_f64)_mm256_blendv_pd((__m256d)*best, (__m256d)cell, wins);
    *places = (places_f64)_mm256_blendv_pd((__m256d)*places, (__m256d)place, wins);
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

const struct pool_kernels pool_kernels_avx2 = {
    .max_f32 = pool_max_f32,
    .max_f64 = pool_max_f64,
    .mean_f32 = pool_mean_f32,
    .mean_f64 = pool_mean_f64,
    .sum_runs_f32 = sum_runs_f32,
    .max_run_f32 = max_run_f32,
    .max_run_f64 = max_run_f64,
};
