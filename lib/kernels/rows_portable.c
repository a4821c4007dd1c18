/*
 * The row kernels in portable C: 16-byte vectors, which every 64-bit CPU has (SSE2, NEON) and compilers turn
 * into scalars elsewhere.
 */
#include "lib/kernels/row_kernels.h"

#include <stddef.h>
#include <string.h>

#define WIDE_VECS 4
#define TALL_VECS 2

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

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/kernels/rows.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/kernels/rows.inc.h"

const struct row_kernels row_kernels_portable = {
    .rows_f32 = rows_f32,
    .rows_f64 = rows_f64,
    .every_second_f32 = every_second_f32,
    .every_second_f64 = every_second_f64,
};
