/*
 * Matrix products. The only file that includes cblas.h is blas.c.
 *
 *   C = A * B + beta * C,   A [m, k] with row stride lda, B [k, n] with row stride ldb, C [m, n] with row
 * stride ldc
 *
 * row major; beta is 0 (C is not read) or 1. Runs on the calling thread alone. Sizes are at most INT32_MAX:
 * the caller's tiles see to that. Subnormal inputs and results may be taken as zero between float_flush_begin
 * and float_flush_end (a subnormal costs a factor of 150 in a product).
 */
#ifndef CONVD_LIB_CONV_BLAS_H
#define CONVD_LIB_CONV_BLAS_H

#include <stdint.h>

void blas_sgemm(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                float beta, float *c, int64_t ldc);
void blas_dgemm(int64_t m, int64_t n, int64_t k, const double *a, int64_t lda, const double *b, int64_t ldb,
                double beta, double *c, int64_t ldc);

/* Once, before any thread: OpenBLAS keeps to the thread that calls it. */
void blas_init(void);

/* Once on each thread that will multiply: OpenBLAS maps its buffers now and not in a request. */
void blas_warm_up(void);

/* "OpenBLAS 0.3.21 …": the library's own words about itself. */
const char *blas_description(void);

#endif
