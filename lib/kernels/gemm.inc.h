/*
 * The GEMM kernels of one level and one type; the contract is in lib/kernels/gemm_kernels.h. The including file has
 * included the level's vectors, and defines
 *
 *   ROWS, VECS      a tile: rows (a power of two up to 8), and vectors side by side (3)
 *   TALL_ROWS       rows of a tile that is one vector wide (ROWS or twice as many)
 *   FETCHES_AHEAD   whether the next tile's columns are fetched, which may be on other pages than these: where a row of
 *                   products leaves time for it
 *   TURNED_VECS     sums that the registers hold beside a few vectors, at least GEMM_BLOCK's
 *
 *   MULTIPLY_ADD(sum, a, b)   sum + a * b for vectors of sums, an element of one matrix and vectors of the other's, and
 *   MULTIPLY(a, b)            the same of no sum; where they are not defined, elements are numbers
 */
#include "lib/kernels/unroll.h"

#define MOST_TURNED 6 /* columns that are done the other way round rather than by a masked vector */
#define VEC NAME(vec)
#define GEMM_INLINE static inline __attribute__((always_inline))
#ifndef MULTIPLY_ADD
#define MULTIPLY_ADD(sum, a, b) ((sum) + (a) * (b))
#define MULTIPLY(a, b)          ((a) * (b))
#endif

/* A row of b. */
GEMM_INLINE void NAME(gemm_load)(VEC *in, const REAL *b, const int vecs, const int masked, const int64_t part) {
    UNROLL for (int v = 0; v < vecs; v++) {
        in[v] = NAME(load_at)(b, v, masked, part);
        if (FETCHES_AHEAD)
            __builtin_prefetch(b + (vecs + v) * NAME(LANES));
    }
}

/*
 * Adds to the `sums` sums of chain number n those that wait for it, one row of `kept` for each level: the sums of pairs,
 * of pairs of pairs and so on, as a binary counter carries; after the last chain all that wait. Where the sums go next.
 */
GEMM_INLINE int64_t NAME(gemm_join)(VEC *acc, const VEC *kept, const int row, const int sums, const int64_t n,
                                    const bool last) {
    int64_t level = 0;
    for (; (n >> level & 1) != 0; level++)
        UNROLL for (int y = 0; y < sums; y++)
            acc[y] += kept[level * row + y];
    for (int64_t rest = level; last && n >> rest != 0; rest++)
        if ((n >> rest & 1) != 0)
            UNROLL for (int y = 0; y < sums; y++)
                acc[y] += kept[rest * row + y];
    return level;
}

/*
 * One register tile: `rows` x `vecs` sums, where vector number `masked` (-1: none) has `part` elements. All but
 * `part` are constants where this is inlined, so that the loops over them unroll and `acc` lives in registers.
 */
GEMM_INLINE void NAME(gemm_tile)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias,
                                 const int rows, const int vecs, const int masked, const int64_t part,
                                 const bool packed) {
    VEC in[VECS], acc[TALL_ROWS > ROWS * VECS ? TALL_ROWS : ROWS * VECS], kept[GEMM_LEVELS][sizeof acc / sizeof(VEC)];
    const int64_t row_step = packed ? 1 : s->a_step, depth_step = packed ? GEMM_BLOCK : 1;
    __asm__("" : "=m"(kept)); /* nothing is read before it is written, which the compiler does not see */
    UNROLL for (int y = 0; y < rows * vecs; y++)
        acc[y] = (VEC){0}; /* so the first chain's sum is never -0, and what it is added to is not either */
    for (int64_t left = s->depth, count = min_i64(left, s->chain), n = 0;; n++) {
        left -= count;
        for (; count > 0; count--, a += depth_step, b += s->b_step) {
            NAME(gemm_load)(in, b, vecs, masked, part);
            UNROLL for (int r = 0; r < rows; r++)
                UNROLL for (int v = 0; v < vecs; v++)
                    acc[r * vecs + v] = MULTIPLY_ADD(acc[r * vecs + v], a[r * row_step], in[v]);
        }
        const int64_t level = NAME(gemm_join)(acc, kept[0], sizeof kept[0] / sizeof(VEC), rows * vecs, n, left == 0);
        if (left == 0)
            break;
        /* A chain's sums are kept between the first products of the next: all at once, stores and zeros hold up the products
         * (AVX2 on Zen 3, of its peak: chains of 16 0.79 and 0.89, of 32 0.86 and 0.94, of 64 0.92 and 0.95). */
        count = min_i64(left, s->chain) - 1;
        left--;
        NAME(gemm_load)(in, b, vecs, masked, part);
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vecs; v++) {
                kept[level][r * vecs + v] = acc[r * vecs + v];
                acc[r * vecs + v] = MULTIPLY(a[r * row_step], in[v]);
            }
        a += depth_step;
        b += s->b_step;
    }
    if (s->add) {
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vecs; v++)
                acc[r * vecs + v] += NAME(load_at)(out + r * s->out_step, v, masked, part);
    }
    if (bias != NULL) {
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vecs; v++)
                acc[r * vecs + v] += bias[r];
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vecs; v++)
            NAME(store_at)(out + r * s->out_step, v, masked, part, acc[r * vecs + v]);
}

/* `cols` columns of `rows` rows, which are `vecs` vectors and the last of them perhaps a part. */
GEMM_INLINE void NAME(gemm_strip)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias,
                                  const int64_t cols, const int rows, const int vecs, const bool packed) {
    int64_t part = cols - (vecs - 1) * NAME(LANES);
    if (part == NAME(LANES))
        NAME(gemm_tile)(s, out, a, b, bias, rows, vecs, -1, 0, packed);
    else
        NAME(gemm_tile)(s, out, a, b, bias, rows, vecs, vecs - 1, part, packed);
}

/* How many of `cols` columns the next tile takes: four vectors are two and two, since one alone is slow. */
GEMM_INLINE int64_t NAME(gemm_next)(int64_t cols) {
    const int64_t whole = VECS * NAME(LANES);
    return cols > whole && cols <= whole + NAME(LANES) ? 2 * NAME(LANES) : min_i64(cols, whole);
}

/* All columns of `rows` rows. */
#define GEMM_ROWS(STEM, COUNT, PACKED)                                                                              \
    static void NAME(STEM)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias) { \
        for (int64_t x = 0, cols; x < s->cols; x += cols) {                                                         \
            cols = NAME(gemm_next)(s->cols - x);                                                                    \
            if (cols > 2 * NAME(LANES))                                                                             \
                NAME(gemm_strip)(s, out + x, a, b + x, bias, cols, COUNT, VECS, PACKED);                            \
            else if (cols > NAME(LANES))                                                                            \
                NAME(gemm_strip)(s, out + x, a, b + x, bias, cols, COUNT, 2, PACKED);                               \
            else                                                                                                    \
                NAME(gemm_strip)(s, out + x, a, b + x, bias, cols, COUNT, 1, PACKED);                               \
        }                                                                                                           \
    }

GEMM_ROWS(gemm_plain_all, ROWS, false)
GEMM_ROWS(gemm_packed_all, ROWS, true)
#if ROWS > 4
GEMM_ROWS(gemm_plain_4, 4, false)
GEMM_ROWS(gemm_packed_4, 4, true)
#endif
GEMM_ROWS(gemm_plain_2, 2, false)
GEMM_ROWS(gemm_packed_2, 2, true)
GEMM_ROWS(gemm_plain_1, 1, false)
GEMM_ROWS(gemm_packed_1, 1, true)
#undef GEMM_ROWS

typedef void NAME(gemm_rows)(const struct gemm_shape *, REAL *, const REAL *, const REAL *, const REAL *);

static void NAME(gemm_plain)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias) {
    for (int64_t r = 0, rows; r < s->rows; r += rows) {
        NAME(gemm_rows) *run = NAME(gemm_plain_all);
        rows = ROWS;
        if (s->rows - r < ROWS) {
            rows = s->rows - r >= 4 && ROWS > 4 ? 4 : s->rows - r >= 2 ? 2 : 1;
#if ROWS > 4
            run = rows == 4 ? NAME(gemm_plain_4) : run;
#endif
            run = rows == 2 ? NAME(gemm_plain_2) : rows == 1 ? NAME(gemm_plain_1) : run;
        }
        run(s, out + r * s->out_step, a + r * s->a_step, b, bias != NULL ? bias + r : NULL);
    }
}

/* ---- packed ---- */

#include "lib/kernels/turned.inc.h"

/* A block of rows, or what is left of the last. */
static void NAME(gemm_packed_block)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b,
                                    const REAL *bias, int64_t rows) {
#if TALL_ROWS > ROWS
    if (rows == TALL_ROWS && s->cols <= NAME(LANES)) {
        NAME(gemm_strip)(s, out, a, b, bias, s->cols, TALL_ROWS, 1, true);
        return;
    }
#endif
    for (int64_t r = 0, some; r < rows; r += some) {
        NAME(gemm_rows) *run = NAME(gemm_packed_all);
        some = ROWS;
        if (rows - r < ROWS) {
            some = rows - r >= 4 && ROWS > 4 ? 4 : rows - r >= 2 ? 2 : 1;
#if ROWS > 4
            run = some == 4 ? NAME(gemm_packed_4) : run;
#endif
            run = some == 2 ? NAME(gemm_packed_2) : some == 1 ? NAME(gemm_packed_1) : run;
        }
        run(s, out + r * s->out_step, a + r, b, bias != NULL ? bias + r : NULL);
    }
}

enum { NAME(ROWS_AT_ONCE) = 4 * GEMM_BLOCK }; /* of a, which is the larger matrix in narrow layers: read once */

static void NAME(gemm_packed)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias) {
    struct gemm_shape most = *s, some = *s;
    int64_t rest = s->cols % NAME(LANES);
    if (rest > MOST_TURNED || 3 * rest > NAME(LANES))
        rest = 0;
    most.cols -= rest;
    const struct gemm_piece run = {.from = (int32_t)most.cols, .to = (int32_t)most.cols, .length = (int32_t)rest};
    for (int64_t r = 0; r < s->rows; r += NAME(ROWS_AT_ONCE)) {
        some.rows = min_i64(NAME(ROWS_AT_ONCE), s->rows - r);
        const REAL *some_a = a + r / GEMM_BLOCK * s->a_step, *some_bias = bias != NULL ? bias + r : NULL;
        REAL *some_out = out + r * s->out_step;
        for (int64_t k = 0; k < some.rows && most.cols > 0; k += GEMM_BLOCK)
            NAME(gemm_packed_block)(&most, some_out + k * s->out_step, some_a + k / GEMM_BLOCK * s->a_step, b,
                                    some_bias != NULL ? some_bias + k : NULL, min_i64(GEMM_BLOCK, some.rows - k));
        if (rest > 0)
            NAME(implicit)(&some, some_out, some_a, b, NULL, &run, 1, some_bias);
    }
}

/* A sum of nothing. */
static void NAME(gemm_start)(const struct gemm_shape *s, REAL *out, const REAL *bias) {
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t x = 0; x < s->cols; x++) {
            REAL *to = out + r * s->out_step + x;
            *to = (s->add ? *to : 0) + (bias != NULL ? bias[r] : 0);
        }
}

static void NAME(gemm)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias) {
    if (s->depth == 0)
        NAME(gemm_start)(s, out, bias);
    else if (s->packed)
        NAME(gemm_packed)(s, out, a, b, bias);
    else
        NAME(gemm_plain)(s, out, a, b, bias);
}

#undef MOST_TURNED
#undef VEC
#undef GEMM_INLINE
