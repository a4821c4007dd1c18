/*
 * Winograd's transforms for AVX-512. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/gemm_kernels.h"
#include "lib/kernels/vectors_avx512.h"
#include "lib/kernels/winograd_kernels.h"

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/kernels/winograd.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/kernels/winograd.inc.h"

const struct winograd_kernels winograd_kernels_avx512 = {
    .m2_f32 = {input_2_f32, filter_2_f32, output_2_f32},
    .m4_f32 = {input_4_f32, filter_4_f32, output_4_f32},
    .m2s2_f32 = {input_2s2_f32, filter_2s2_f32, output_2s2_f32},
    .m2_f64 = {input_2_f64, filter_2_f64, output_2_f64},
    .m4_f64 = {input_4_f64, filter_4_f64, output_4_f64},
    .m2s2_f64 = {input_2s2_f64, filter_2s2_f64, output_2s2_f64},
    .keep_f32 = keep_f32,
    .keep_f64 = keep_f64,
};
