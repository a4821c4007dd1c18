/*
 * The depthwise kernels for AVX2 and FMA. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/depthwise_kernels.h"
#include "lib/kernels/vectors_avx2.h"

#include <stddef.h>

#define MOST_ROWS 4
#define KEEP(v)   __asm__("" : "+x"(v))

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/kernels/depthwise_tile.inc.h"

#include "lib/kernels/depthwise.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/kernels/depthwise_tile.inc.h"

#include "lib/kernels/depthwise.inc.h"

const struct depthwise_kernels depthwise_kernels_avx2 = {
    .pays_channels = 32,
    .sums_f32 = depthwise_sums_f32,
    .sums_f64 = depthwise_sums_f64,
    .fill_f32 = depthwise_fill_f32,
    .fill_f64 = depthwise_fill_f64,
};
