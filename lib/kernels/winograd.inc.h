/*
 * Winograd's transforms of one level and one type; the contract is in lib/kernels/winograd_kernels.h. The including
 * file has included the level's vectors.
 */
#include "lib/kernels/unroll.h"

#define VEC NAME(vec)
#define WINOGRAD_INLINE static inline __attribute__((always_inline))

/* ---- one dimension: n values, each `step` apart, to as many (B^T) or to m (A^T) ---- */

WINOGRAD_INLINE void NAME(input_1d_2)(VEC *to, const VEC *d, const int step) {
    to[0 * step] = d[0 * step] - d[2 * step];
    VEC d1 = d[1 * step], d2 = d[2 * step], d3 = d[3 * step];
    to[1 * step] = d1 + d2;
    to[2 * step] = d2 - d1;
    to[3 * step] = d1 - d3;
}

WINOGRAD_INLINE void NAME(output_1d_2)(VEC *to, const VEC *s, const int step) {
    VEC s0 = s[0 * step], s1 = s[1 * step], s2 = s[2 * step], s3 = s[3 * step];
    to[0 * step] = s0 + s1 + s2;
    to[1 * step] = s1 - s2 - s3;
}

/* m = 2 with a stride of 2: five values in, five out; G gives four, of which the last stands for two points. */
WINOGRAD_INLINE void NAME(input_1d_2s2)(VEC *to, const VEC *d, const int step) {
    VEC d1 = d[1 * step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    to[0 * step] = d[0 * step] - d2;
    to[1 * step] = d2;
    to[2 * step] = d4 - d2;
    to[3 * step] = d1;
    to[4 * step] = d3;
}

WINOGRAD_INLINE void NAME(output_1d_2s2)(VEC *to, const VEC *s, const int step) {
    VEC s0 = s[0 * step], s1 = s[1 * step], s2 = s[2 * step], s3 = s[3 * step], s4 = s[4 * step];
    to[0 * step] = s0 + s1 + s3;
    to[1 * step] = s1 + s2 + s4;
}

WINOGRAD_INLINE void NAME(filter_1d_2s2)(VEC *to, const int to_step, const VEC *w, const int step) {
    to[0 * to_step] = w[0];
    to[1 * to_step] = w[0] + w[2 * step];
    to[2 * to_step] = w[2 * step];
    to[3 * to_step] = w[step];
}

/* The points of m = 4, and what is made of them. */
#define WINOGRAD_A  ((REAL)0.75)
#define WINOGRAD_B  ((REAL)1.5)
#define WINOGRAD_A2 (WINOGRAD_A * WINOGRAD_A)
#define WINOGRAD_B2 (WINOGRAD_B * WINOGRAD_B)

WINOGRAD_INLINE void NAME(input_1d_4)(VEC *to, const VEC *d, const int step) {
    VEC d0 = d[0 * step], d1 = d[1 * step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    VEC even_a = d4 - WINOGRAD_B2 * d2, odd_a = d3 - WINOGRAD_B2 * d1;
    VEC even_b = d4 - WINOGRAD_A2 * d2, odd_b = d3 - WINOGRAD_A2 * d1;
    to[0 * step] = WINOGRAD_A2 * WINOGRAD_B2 * d0 - (WINOGRAD_A2 + WINOGRAD_B2) * d2 + d4;
    to[1 * step] = even_a + WINOGRAD_A * odd_a;
    to[2 * step] = even_a - WINOGRAD_A * odd_a;
    to[3 * step] = even_b + WINOGRAD_B * odd_b;
    to[4 * step] = even_b - WINOGRAD_B * odd_b;
    to[5 * step] = WINOGRAD_A2 * WINOGRAD_B2 * d1 - (WINOGRAD_A2 + WINOGRAD_B2) * d3 + d5;
}

WINOGRAD_INLINE void NAME(output_1d_4)(VEC *to, const VEC *s, const int step) {
    VEC sum_a = s[1 * step] + s[2 * step], difference_a = s[1 * step] - s[2 * step];
    VEC sum_b = s[3 * step] + s[4 * step], difference_b = s[3 * step] - s[4 * step];
    VEC s0 = s[0 * step], s5 = s[5 * step];
    to[0 * step] = s0 + sum_a + sum_b;
    to[1 * step] = WINOGRAD_A * difference_a + WINOGRAD_B * difference_b;
    to[2 * step] = WINOGRAD_A2 * sum_a + WINOGRAD_B2 * sum_b;
    to[3 * step] = WINOGRAD_A2 * WINOGRAD_A * difference_a + WINOGRAD_B2 * WINOGRAD_B * difference_b + s5;
}

/* G times three values, which are w[0], w[step], w[2 * step]. */
WINOGRAD_INLINE void NAME(filter_1d_2)(VEC *to, const int to_step, const VEC *w, const int step) {
    VEC ends = w[0] + w[2 * step], middle = w[step];
    to[0 * to_step] = w[0];
    to[1 * to_step] = (REAL)0.5 * (ends + middle);
    to[2 * to_step] = (REAL)0.5 * (ends - middle);
    to[3 * to_step] = w[2 * step];
}

WINOGRAD_INLINE void NAME(filter_1d_4)(VEC *to, const int to_step, const VEC *w, const int step) {
    const REAL at_0 = 1 / (WINOGRAD_A2 * WINOGRAD_B2);
    const REAL at_a = 1 / (2 * WINOGRAD_A2 * (WINOGRAD_A2 - WINOGRAD_B2));
    const REAL at_b = 1 / (2 * WINOGRAD_B2 * (WINOGRAD_B2 - WINOGRAD_A2));
    VEC ends_a = w[0] + WINOGRAD_A2 * w[2 * step], ends_b = w[0] + WINOGRAD_B2 * w[2 * step];
    to[0 * to_step] = at_0 * w[0];
    to[1 * to_step] = at_a * (ends_a + WINOGRAD_A * w[step]);
    to[2 * to_step] = at_a * (ends_a - WINOGRAD_A * w[step]);
    to[3 * to_step] = at_b * (ends_b + WINOGRAD_B * w[step]);
    to[4 * to_step] = at_b * (ends_b - WINOGRAD_B * w[step]);
    to[5 * to_step] = w[2 * step];
}

/* w[9 * c + i] = weight i of channel c of as many output channels as there are lanes, those behind the first `outs` 0;
 * of as many channels as there are lanes, too. */
static void NAME(load_weights)(VEC *w, const REAL *g, int64_t k_step, int64_t outs) {
    for (int i = 0; i < 9; i++, w += NAME(LANES), g += NAME(LANES)) {
        VEC v[NAME(LANES)];
        if (outs >= NAME(LANES))
            UNROLL for (int l = 0; l < NAME(LANES); l++) v[l] = NAME(load)(g + l * k_step);
        else
            for (int l = 0; l < NAME(LANES); l++)
                v[l] = l < outs ? NAME(load)(g + l * k_step) : (VEC){0};
        NAME(transpose)(v);
        UNROLL for (int l = 0; l < NAME(LANES); l++) w[l] = v[l];
    }
}

/* The same for fewer channels. */
static void NAME(load_last_weights)(VEC *w, const REAL *g, int64_t k_step, int64_t outs, int64_t channels) {
    for (int64_t i = 0; i < 9 * channels; i++) {
        REAL lanes[NAME(LANES)] = {0};
        for (int64_t l = 0; l < min_i64(outs, NAME(LANES)); l++)
            lanes[l] = g[l * k_step + i];
        w[i] = NAME(load)(lanes);
    }
}

/* VECS vectors of columns, or `part` columns of one. */
WINOGRAD_INLINE void NAME(keep_columns)(REAL *to, REAL *largest, const REAL *g, int64_t outs, int64_t elems, const int vecs,
                                        int64_t part) {
    VEC most[4] = {{0}};
    for (int64_t k = 0; k < outs; k++, g += elems, to += elems)
        UNROLL for (int v = 0; v < vecs; v++) {
            VEC w = part == NAME(LANES) ? NAME(load)(g + v * NAME(LANES)) : NAME(load_part)(g, part);
            most[v] = NAME(larger)(most[v], w);
            if (part == NAME(LANES))
                NAME(store)(to + v * NAME(LANES), w);
            else
                NAME(store_part)(to, part, w);
        }
    for (int v = 0; v < vecs; v++)
        if (part == NAME(LANES))
            NAME(store)(largest + v * NAME(LANES), most[v]);
        else
            NAME(store_part)(largest, part, most[v]);
}

static void NAME(keep)(REAL *to, REAL *largest, const REAL *g, int64_t outs, int64_t elems) {
    int64_t i = 0;
    for (; i + 4 * NAME(LANES) <= elems; i += 4 * NAME(LANES))
        NAME(keep_columns)(to + i, largest + i, g + i, outs, elems, 4, NAME(LANES));
    for (; i < elems; i += NAME(LANES))
        NAME(keep_columns)(to + i, largest + i, g + i, outs, elems, 1, min_i64(NAME(LANES), elems - i));
}

/* ---- outputs, from m vectors of every m-th to runs of neighbours ---- */

WINOGRAD_INLINE void NAME(interleave_2)(VEC *run) {
    VEC a = run[0], b = run[1];
    run[0] = NAME(zip_low)(a, b);
    run[1] = NAME(zip_high)(a, b);
}

WINOGRAD_INLINE void NAME(interleave_4)(VEC *run) {
    VEC even[2] = {run[0], run[2]}, odd[2] = {run[1], run[3]};
    NAME(interleave_2)(even);
    NAME(interleave_2)(odd);
    run[0] = NAME(zip_low)(even[0], odd[0]);
    run[1] = NAME(zip_high)(even[0], odd[0]);
    run[2] = NAME(zip_low)(even[1], odd[1]);
    run[3] = NAME(zip_high)(even[1], odd[1]);
}

/* The first `count` elements of `vecs` vectors. */
WINOGRAD_INLINE void NAME(store_run)(REAL *to, const VEC *run, const int vecs, int64_t count) {
    for (int v = 0; v < vecs; v++, to += NAME(LANES), count -= NAME(LANES)) {
        if (count >= NAME(LANES))
            NAME(store)(to, run[v]);
        else if (count > 0)
            NAME(store_part)(to, count, run[v]);
    }
}

/* ---- two dimensions ---- */

/* M outputs, N inputs and G matrices in each direction; from tile to tile the input goes on by STEP. */
#define WINOGRAD_TRANSFORMS(STEM, M, N, G, STEP)                                                                    \
    static void NAME(input_##STEM)(REAL *v, int64_t xi_step, const REAL *src, int64_t row_step, int64_t phase_step,     \
                                int64_t tile_step, int64_t tiles) {                                                  \
        for (int64_t t = 0; t < tiles; t += NAME(LANES)) {                                                           \
            VEC d[N * N];                                                                                            \
            for (int x = 0; x < N; x++) {                                                                            \
                for (int y = 0; y < N; y++)                                                                          \
                    d[y * N + x] = NAME(load)(src + y * row_step + x % STEP * phase_step + x / STEP * tile_step + t); \
                NAME(input_1d_##STEM)(d + x, d + x, N);                                                                 \
            }                                                                                                        \
            for (int y = 0; y < N; y++) {                                                                            \
                NAME(input_1d_##STEM)(d + y * N, d + y * N, 1);                                                         \
                for (int x = 0; x < N; x++)                                                                          \
                    NAME(store)(v + (y * N + x) * xi_step + t, d[y * N + x]);                                        \
            }                                                                                                        \
        }                                                                                                            \
    }                                                                                                                \
                                                                                                                     \
    static void NAME(output_##STEM)(REAL *out, int64_t out_step, int64_t rows, int64_t cols, const REAL *s,             \
                                 int64_t xi_step, int64_t tiles, REAL bias, REAL *suspect) {                         \
        for (int64_t t = 0; t < tiles; t += NAME(LANES)) {                                                           \
            VEC d[N * N], zero = NAME(load)(suspect + t);                                                            \
            for (int x = 0; x < N; x++) {                                                                            \
                for (int y = 0; y < N; y++)                                                                          \
                    d[y * N + x] = NAME(load)(s + (y * N + x) * xi_step + t);                                        \
                NAME(output_1d_##STEM)(d + x, d + x, N);                                                                \
            }                                                                                                        \
            for (int y = 0; y < M; y++) {                                                                            \
                VEC run[M];                                                                                          \
                NAME(output_1d_##STEM)(d + y * N, d + y * N, 1);                                                        \
                for (int x = 0; x < M; x++) {                                                                        \
                    run[x] = d[y * N + x] + bias;                                                                    \
                    zero += (REAL)0 * run[x];                                                                        \
                }                                                                                                    \
                NAME(interleave_##M)(run);                                                                           \
                if (y < rows)                                                                                        \
                    NAME(store_run)(out + y * out_step + M * t, run, M, cols - M * t);                               \
            }                                                                                                        \
            NAME(store)(suspect + t, zero);                                                                          \
        }                                                                                                            \
    }                                                                                                                \
                                                                                                                     \
    static void NAME(filter_##STEM)(REAL *u, int64_t xi_step, const REAL *g, int64_t k_step, int64_t outs,              \
                                 int64_t channels) {                                                                 \
        for (int64_t c = 0; c < channels; c += NAME(LANES), g += 9 * NAME(LANES))                                    \
            for (int k = 0; k < GEMM_BLOCK; k += NAME(LANES)) {                                                      \
                VEC w[9 * NAME(LANES)], half[3 * G], whole[G];                                                       \
                int64_t some = min_i64(NAME(LANES), channels - c);                                                   \
                if (some == NAME(LANES))                                                                             \
                    NAME(load_weights)(w, g + k * k_step, k_step, outs - k);                                         \
                else                                                                                                 \
                    NAME(load_last_weights)(w, g + k * k_step, k_step, outs - k, some);                              \
                for (int64_t i = 0; i < some; i++) {                                                                 \
                    REAL *to = u + (c + i) * GEMM_BLOCK + k;                                                         \
                    for (int x = 0; x < 3; x++)                                                                      \
                        NAME(filter_1d_##STEM)(half + x, 3, w + 9 * i + x, 3);                                          \
                    for (int y = 0; y < G; y++) {                                                                    \
                        NAME(filter_1d_##STEM)(whole, 1, half + 3 * y, 1);                                              \
                        for (int x = 0; x < G; x++)                                                                  \
                            NAME(store)(to + (y * G + x) * xi_step, whole[x]);                                       \
                    }                                                                                                \
                }                                                                                                    \
            }                                                                                                        \
    }

WINOGRAD_TRANSFORMS(2, 2, 4, 4, 2)
WINOGRAD_TRANSFORMS(4, 4, 6, 6, 4)
WINOGRAD_TRANSFORMS(2s2, 2, 5, 4, 4)

#undef VEC
#undef WINOGRAD_INLINE
#undef WINOGRAD_TRANSFORMS
#undef WINOGRAD_A
#undef WINOGRAD_B
#undef WINOGRAD_A2
#undef WINOGRAD_B2
