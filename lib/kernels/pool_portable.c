/*
 * The pooling kernels in portable C.
 */
#include "lib/base/checked.h"
#include "lib/kernels/pool_kernels.h"
#include "lib/kernels/vectors_portable.h"

#include <math.h>
#include <stddef.h>

typedef int32_t place_f32, places_f32 __attribute__((vector_size(16)));
typedef int64_t place_f64, places_f64 __attribute__((vector_size(16)));

/* ---- float ---- */

typedef struct {
    int64_t begin, end;
} lanes_f32;

static inline lanes_f32 lanes_inside_f32(int64_t at, int64_t n) {
    return (lanes_f32){-at, n - at};
}

static __attribute__((noinline)) vec_f32 load_lanes_f32(const float *p, lanes_f32 lanes, float fill) {
    vec_f32 v = {0};
    for (int64_t l = 0; l < LANES_f32; l++)
        v[l] = l >= lanes.begin && l < lanes.end ? p[l] : fill;
    return v;
}

static inline __attribute__((always_inline)) vec_f32 third_f32(vec_f32 a, vec_f32 b, vec_f32 c, const int p) {
    if (p == 0)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 0, 3, 6, 0), c, 0, 1, 2, 5);
    if (p == 1)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 1, 4, 7, 0), c, 0, 1, 2, 6);
    return __builtin_shufflevector(__builtin_shufflevector(a, b, 2, 5, 0, 0), c, 0, 1, 4, 7);
}

static inline vec_f32 select_f32(places_f32 mask, vec_f32 yes, vec_f32 no) {
    return (vec_f32)((mask & (places_f32)yes) | (~mask & (places_f32)no));
}

static inline vec_f32 better_f32(vec_f32 cell, vec_f32 best) {
    places_f32 wins = (cell > best) | (cell != cell); /* NOLINT(misc-redundant-expression): NaN */
    return select_f32(wins, cell, best);
}

static inline void better_place_f32(vec_f32 cell, vec_f32 *best, places_f32 place, places_f32 *places) {
    places_f32 wins = (cell > *best) | (cell != cell); /* NOLINT(misc-redundant-expression): NaN */
    *best = select_f32(wins, cell, *best);
    *places = (wins & place) | (~wins & *places);
}

static inline void store_places_f32(int64_t *p, int64_t n, places_f32 v) {
    for (int64_t l = 0; l < n; l++)
        p[l] = v[l];
}

struct sums_f32 {
    vec_f64 low, high;
};

static inline struct sums_f32 load_sums_f32(const double *p) {
    return (struct sums_f32){load_f64(p), load_f64(p + 2)};
}

static inline void store_sums_f32(double *p, struct sums_f32 sums) {
    store_f64(p, sums.low);
    store_f64(p + 2, sums.high);
}

static inline struct sums_f32 add_sums_f32(struct sums_f32 a, struct sums_f32 b) {
    return (struct sums_f32){a.low + b.low, a.high + b.high};
}

static inline struct sums_f32 add_to_f32(struct sums_f32 sums, vec_f32 v) {
    return (struct sums_f32){sums.low + __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1), vec_f64),
                             sums.high +
                                 __builtin_convertvector(__builtin_shufflevector(v, v, 2, 3), vec_f64)};
}

static inline vec_f32 mean_of_f32(struct sums_f32 sums, const double *factor) {
    vec_f64 low = sums.low * load_f64(factor), high = sums.high * load_f64(factor + 2);
    return (vec_f32){(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
}

static inline double total_f32(struct sums_f32 sums) {
    vec_f64 all = sums.low + sums.high;
    return all[0] + all[1];
}

#define REAL       float
#define NAME(stem) stem##_f32
#define SHARE_SUMS 1
#include "lib/kernels/pool.inc.h"
#undef REAL
#undef NAME
#undef SHARE_SUMS

/* ---- double ---- */

typedef struct {
    int64_t begin, end;
} lanes_f64;

static inline lanes_f64 lanes_inside_f64(int64_t at, int64_t n) {
    return (lanes_f64){-at, n - at};
}

static __attribute__((noinline)) vec_f64 load_lanes_f64(const double *p, lanes_f64 lanes, double fill) {
    vec_f64 v = {0};
    for (int64_t l = 0; l < LANES_f64; l++)
        v[l] = l >= lanes.begin && l < lanes.end ? p[l] : fill;
    return v;
}

static inline __attribute__((always_inline)) vec_f64 third_f64(vec_f64 a, vec_f64 b, vec_f64 c, const int p) {
    if (p == 0)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 0, 3), c, 0, 1);
    if (p == 1)
        return __builtin_shufflevector(__builtin_shufflevector(a, b, 1, 0), c, 0, 2);
    return __builtin_shufflevector(__builtin_shufflevector(a, b, 2, 0), c, 0, 3);
}

static inline vec_f64 select_f64(places_f64 mask, vec_f64 yes, vec_f64 no) {
    return (vec_f64)((mask & (places_f64)yes) | (~mask & (places_f64)no));
}

static inline vec_f64 better_f64(vec_f64 cell, vec_f64 best) {
    places_f64 wins = (cell > best) | (cell != cell); /* NOLINT(misc-redundant-expression): NaN */
    return select_f64(wins, cell, best);
}

static inline void better_place_f64(vec_f64 cell, vec_f64 *best, places_f64 place, places_f64 *places) {
    places_f64 wins = (cell > *best) | (cell != cell); /* NOLINT(misc-redundant-expression): NaN */
    *best = select_f64(wins, cell, *best);
    *places = (wins & place) | (~wins & *places);
}

static inline void store_places_f64(int64_t *p, int64_t n, places_f64 v) {
    for (int64_t l = 0; l < n; l++)
        p[l] = v[l];
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

const struct pool_kernels pool_kernels_portable = {
    .max_f32 = pool_max_f32,
    .max_f64 = pool_max_f64,
    .mean_f32 = pool_mean_f32,
    .mean_f64 = pool_mean_f64,
    .sum_runs_f32 = sum_runs_f32,
    .max_run_f32 = max_run_f32,
    .max_run_f64 = max_run_f64,
};
