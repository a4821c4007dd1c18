/*
 * The row kernels for AVX-512. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/kernels/row_kernels.h"
#include "lib/kernels/vectors_avx512.h"

#include <stddef.h>

#define WIDE_VECS 8
#define TALL_VECS 4

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/kernels/rows.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/kernels/rows.inc.h"

const struct row_kernels row_kernels_avx512 = {
    .rows_f32 = rows_f32,
    .rows_f64 = rows_f64,
    .every_second_f32 = every_second_f32,
    .every_second_f64 = every_second_f64,
    .split_f32 = split_f32,
    .split_f64 = split_f64,
};
