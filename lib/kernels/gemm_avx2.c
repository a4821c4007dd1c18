/*
 * The GEMM kernels for AVX2 and FMA. Compiled with -mavx2 -mfma; nothing here may run before kernels_init has
 * asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/gemm_kernels.h"
#include "lib/kernels/vectors_avx2.h"

#include <stddef.h>

#define ROWS          4
#define VECS          3
#define TALL_ROWS     ROWS
#define FETCHES_AHEAD 0
#define TURNED_VECS   12

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/kernels/gemm.inc.h"

#include "lib/kernels/gemm_moves.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/kernels/gemm.inc.h"

#include "lib/kernels/gemm_moves.inc.h"

const struct gemm_kernels gemm_kernels_avx2 = {
    .cols_f32 = VECS * LANES_f32,
    .cols_f64 = VECS * LANES_f64,
    .gemm_f32 = gemm_f32,
    .gemm_f64 = gemm_f64,
    .fill_f32 = fill_f32,
    .fill_f64 = fill_f64,
    .implicit_f32 = implicit_f32,
    .implicit_f64 = implicit_f64,
    .pack_f32 = pack_f32,
    .pack_f64 = pack_f64,
};
