/*
 * Matrix products against naive loops: sizes around OpenBLAS's small-matrix limit, leading dimensions, empty
 * sizes.
 */
#include "lib/conv/blas.h"
#include "tests/unit/conv_case.h"

struct product {
    int64_t m, n, k, lda, ldb, ldc;
};

static const struct product products[] = {
    {1, 1, 1, 1, 1, 1},
    {7, 5, 3, 3, 5, 5},
    {7, 5, 3, 11, 13, 17},
    {1, 13, 17, 17, 13, 13},
    {13, 1, 17, 17, 1, 1},
    {13, 17, 1, 1, 17, 17},
    {1, 1, 300, 1, 1, 1},
    {64, 49, 128, 130, 49, 53},
    {97, 89, 101, 101, 89, 89},
    {101, 103, 107, 107, 103, 103},
    {131, 137, 139, 149, 151, 157},
    {0, 5, 3, 3, 5, 5},
    {7, 0, 3, 3, 0, 0},
    {7, 5, 0, 0, 5, 5},
    {0, 0, 0, 0, 0, 0},
};

enum { MOST = 160 * 160 };

static double a[MOST], b[MOST], c[MOST], before[MOST];
static float a32[MOST], b32[MOST], c32[MOST];

/* c[i, j] for k products of numbers below 1: at most k roundings of half a unit at magnitude k. */
static void expect_product(const struct product *p, double beta, double unit, const double *got) {
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            long double sum = beta != 0 ? before[i * p->ldc + j] : 0;
            for (int64_t r = 0; r < p->k; r++)
                sum += (long double)a[i * p->lda + r] * b[r * p->ldb + j];
            double tolerance = unit * (double)(p->k + 1) * sqrt((double)p->k + 1);
            assert_true(fabs(got[i * p->ldc + j] - (double)sum) <= tolerance);
        }
}

/* What lies between the rows of C is not C's. */
static void expect_gaps(const struct product *p, const double *got) {
    for (int64_t i = 0; i + 1 < p->m; i++)
        for (int64_t j = p->n; j < p->ldc; j++)
            assert_true(got[i * p->ldc + j] == before[i * p->ldc + j]);
}

static void check(const struct product *p, float beta) {
    uint64_t state = 5;
    case_random_fill(&state, a, MOST);
    case_random_fill(&state, b, MOST);
    case_random_fill(&state, before, MOST);
    for (int64_t i = 0; i < MOST; i++) {
        a32[i] = (float)a[i];
        b32[i] = (float)b[i];
        c32[i] = (float)before[i];
    }
    /* With beta = 0 the product's place may hold anything. */
    for (int64_t i = 0; i < p->m && beta == 0; i++)
        for (int64_t j = 0; j < p->n; j++)
            c32[i * p->ldc + j] = NAN;
    for (int64_t i = 0; i < MOST; i++)
        c[i] = (double)c32[i];
    blas_dgemm(p->m, p->n, p->k, a, p->lda, b, p->ldb, (double)beta, c, p->ldc);
    expect_product(p, (double)beta, 0x1p-53, c);
    expect_gaps(p, c);
    blas_sgemm(p->m, p->n, p->k, a32, p->lda, b32, p->ldb, beta, c32, p->ldc);
    for (int64_t i = 0; i < MOST; i++)
        c[i] = (double)c32[i];
    expect_product(p, (double)beta, 0x1p-24, c);
    expect_gaps(p, c);
}

static void test_products(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        check(&products[i], 0);
        check(&products[i], 1);
    }
}

/* A sum of nothing is 0 with beta = 0, whatever was there. */
static void test_no_depth(void **unused) {
    (void)unused;
    float c4[4] = {NAN, NAN, NAN, NAN};
    blas_sgemm(2, 1, 0, a32, 0, b32, 1, 0, c4, 2);
    assert_true(c4[0] == 0 && c4[2] == 0 && isnan(c4[1]) && isnan(c4[3]));
    double d4[4] = {1, 2, 3, 4};
    blas_dgemm(2, 1, 0, a, 0, b, 1, 1, d4, 2);
    assert_true(d4[0] == 1 && d4[2] == 3);
}

static void test_not_finite(void **unused) {
    (void)unused;
    const float zero_inf[2] = {0, 1}, column[2] = {INFINITY, 1};
    float out = 0;
    blas_sgemm(1, 1, 2, zero_inf, 2, column, 1, 0, &out, 1);
    assert_true(isnan(out));
}

static void test_description(void **unused) {
    (void)unused;
    assert_non_null(strstr(blas_description(), "OpenBLAS"));
}

int main(void) {
    blas_init();
    blas_warm_up();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_no_depth),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
