/*
 * Vectors in portable C: 16 bytes, which every 64-bit CPU has (SSE2, NEON) and compilers turn into scalars elsewhere.
 */
#ifndef CONVD_LIB_KERNELS_VECTORS_PORTABLE_H
#define CONVD_LIB_KERNELS_VECTORS_PORTABLE_H

#include <stdint.h>
#include <string.h>

typedef float vec_f32 __attribute__((vector_size(16)));
typedef double vec_f64 __attribute__((vector_size(16)));

static inline vec_f32 load_part_f32(const float *p, int64_t n) {
    return (vec_f32){p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0};
}

static inline void store_part_f32(float *p, int64_t n, vec_f32 v) {
    for (int64_t i = 0; i < n; i++)
        p[i] = v[i];
}

static inline vec_f32 even_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6);
}

static inline vec_f64 load_part_f64(const double *p, int64_t n) {
    return (vec_f64){p[0], n > 1 ? p[1] : 0};
}

static inline void store_part_f64(double *p, int64_t n, vec_f64 v) {
    for (int64_t i = 0; i < n; i++)
        p[i] = v[i];
}

static inline vec_f64 even_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 0, 2);
}

/* Lane by lane the larger one of `most` and the magnitude of v; NaN has none. */
static inline vec_f32 larger_f32(vec_f32 most, vec_f32 v) {
    for (int l = 0; l < 4; l++)
        most[l] = v[l] > most[l] ? v[l] : -v[l] > most[l] ? -v[l] : most[l];
    return most;
}

static inline vec_f64 larger_f64(vec_f64 most, vec_f64 v) {
    for (int l = 0; l < 2; l++)
        most[l] = v[l] > most[l] ? v[l] : -v[l] > most[l] ? -v[l] : most[l];
    return most;
}

static inline vec_f32 odd_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7);
}

static inline vec_f32 load_between_f32(const float *p, int64_t first, int64_t end) {
    vec_f32 v = {0};
    for (int64_t i = first; i < end; i++)
        v[i] = p[i];
    return v;
}

static inline vec_f32 zip_low_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}

static inline vec_f32 zip_high_f32(vec_f32 a, vec_f32 b) {
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

static inline vec_f64 odd_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 1, 3);
}

static inline vec_f64 load_between_f64(const double *p, int64_t first, int64_t end) {
    vec_f64 v = {0};
    for (int64_t i = first; i < end; i++)
        v[i] = p[i];
    return v;
}

static inline vec_f64 zip_low_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 0, 2);
}

static inline vec_f64 zip_high_f64(vec_f64 a, vec_f64 b) {
    return __builtin_shufflevector(a, b, 1, 3);
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
