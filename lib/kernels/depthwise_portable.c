/*
 * The depthwise kernels in portable C.
 */
#include "lib/base/checked.h"
#include "lib/kernels/depthwise_kernels.h"
#include "lib/kernels/vectors_portable.h"

#include <stddef.h>

#define MOST_ROWS 4
#define KEEP(v)   (void)(v)

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

const struct depthwise_kernels depthwise_kernels_portable = {
    .pays_channels = 1,
    .sums_f32 = depthwise_sums_f32,
    .sums_f64 = depthwise_sums_f64,
    .fill_f32 = depthwise_fill_f32,
    .fill_f64 = depthwise_fill_f64,
};
