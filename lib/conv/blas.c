#include "lib/conv/blas.h"

#include <cblas.h>

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

_Static_assert(sizeof(blasint) == sizeof(int32_t), "INT32_MAX is the largest size that BLAS takes");

/* Nothing to multiply: C = beta * C, which OpenBLAS is not asked for. */
#define DEFINE_SCALE(NAME, REAL)                                                                             \
    static void NAME(int64_t m, int64_t n, REAL beta, REAL *c, int64_t ldc) {                                \
        if (beta != 0)                                                                                       \
            return;                                                                                          \
        for (int64_t i = 0; i < m; i++)                                                                      \
            for (int64_t j = 0; j < n; j++)                                                                  \
                c[i * ldc + j] = 0;                                                                          \
    }

DEFINE_SCALE(scale_f32, float)
DEFINE_SCALE(scale_f64, double)

static bool blas_fits(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t ldc) {
    return m <= INT32_MAX && n <= INT32_MAX && k <= INT32_MAX && lda <= INT32_MAX && ldb <= INT32_MAX &&
           ldc <= INT32_MAX;
}

/* OpenBLAS refuses a leading dimension of 0 and one below the row's length, even where there is one row only.
 */
static blasint leading(int64_t step, int64_t row) {
    return (blasint)(step < row ? row : step);
}

void blas_sgemm(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                float beta, float *c, int64_t ldc) {
    assert(blas_fits(m, n, k, lda, ldb, ldc));
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        scale_f32(m, n, beta, c, ldc);
        return;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, a,
                leading(lda, k), b, leading(ldb, n), beta, c, leading(ldc, n));
}

void blas_dgemm(int64_t m, int64_t n, int64_t k, const double *a, int64_t lda, const double *b, int64_t ldb,
                double beta, double *c, int64_t ldc) {
    assert(blas_fits(m, n, k, lda, ldb, ldc));
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        scale_f64(m, n, beta, c, ldc);
        return;
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0, a,
                leading(lda, k), b, leading(ldb, n), beta, c, leading(ldc, n));
}

void blas_init(void) {
    openblas_set_num_threads(1);
}

void blas_warm_up(void) {
    /* Just above the 10^6 products below which OpenBLAS takes its small-matrix path, which maps nothing;
     * zeros of 101 x 101 touch few pages of the 128 MiB that each thread's buffer reserves. */
    enum { SIDE = 101 };
    const size_t elems = (size_t)SIDE * SIDE;
    double *f64 = calloc(3 * elems, sizeof *f64);
    float *f32 = calloc(3 * elems, sizeof *f32);
    if (f64 != NULL && f32 != NULL) { /* else the first request maps the buffer */
        blas_dgemm(SIDE, SIDE, SIDE, f64, SIDE, f64 + elems, SIDE, 0, f64 + 2 * elems, SIDE);
        blas_sgemm(SIDE, SIDE, SIDE, f32, SIDE, f32 + elems, SIDE, 0, f32 + 2 * elems, SIDE);
    }
    free(f64);
    free(f32);
}

const char *blas_description(void) {
    return openblas_get_config();
}
