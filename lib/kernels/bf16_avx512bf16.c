/*
 * Products of bfloat16 for AVX512-BF16. Nothing here may run before kernels_bf16 has asked the CPU.
 */
#include "lib/base/checked.h"
#include "lib/kernels/bf16_kernels.h"
#include "lib/kernels/vectors_avx512.h"

#include <math.h>
#include <stddef.h>

#define ROWS          8
#define VECS          3
#define TALL_ROWS     16
#define FETCHES_AHEAD 1
#define TURNED_VECS   28

static inline vec_f32 multiply_add(vec_f32 sum, bf16_pair a, vec_f32 b) {
    return (vec_f32)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_ps(a), (__m512bh)b);
}

#define MULTIPLY_ADD   multiply_add
#define MULTIPLY(a, b) multiply_add((vec_f32){0}, a, b)
#define REAL           float
#define NAME(stem)     stem##_f32
#include "lib/kernels/gemm.inc.h"

#include "lib/kernels/gemm_moves.inc.h"

/* ---- rounding ---- */

enum { EXPONENTS = 0x7f807f80 };

static inline __m512i round_to_bf16(vec_f32 v) {
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)v));
}

/* Whether one of the pairs' halves is infinite or NaN. */
static inline __mmask32 not_finite(__m512i pairs) {
    const __m512i exponents = _mm512_set1_epi32(EXPONENTS);
    return _mm512_cmpeq_epi16_mask(_mm512_and_si512(pairs, exponents), exponents);
}

static inline __m512i pair_up(vec_f32 low, vec_f32 high) {
    return _mm512_or_si512(round_to_bf16(low), _mm512_slli_epi32(round_to_bf16(high), 16));
}

static float pair_rows(bf16_pair *to, const float *low, const float *high, int64_t count) {
    __mmask32 bad = 0;
    int64_t i = 0;
    for (; i + LANES_f32 <= count; i += LANES_f32) {
        __m512i pairs = pair_up(load_f32(low + i), high != NULL ? load_f32(high + i) : (vec_f32){0});
        bad |= not_finite(pairs);
        store_f32(to + i, (vec_f32)pairs);
    }
    if (i < count) {
        int64_t part = count - i;
        __m512i pairs = pair_up(load_part_f32(low + i, part),
                                high != NULL ? load_part_f32(high + i, part) : (vec_f32){0});
        bad |= not_finite(pairs);
        store_part_f32(to + i, part, (vec_f32)pairs);
    }
    return bad != 0 ? NAN : 0;
}

static float pair_neighbours(bf16_pair *to, const float *from, int64_t count) {
    __mmask32 bad = 0;
    for (int64_t i = 0; i < count; i += LANES_f32, from += 2 * LANES_f32) {
        int64_t part = min_i64(LANES_f32, count - i), more = 2 * part - LANES_f32;
        vec_f32 first = load_part_f32(from, min_i64(LANES_f32, 2 * part));
        vec_f32 second = more > 0 ? load_part_f32(from + LANES_f32, more) : (vec_f32){0};
        __m512i pairs = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
        bad |= not_finite(pairs);
        store_part_f32(to + i, part, (vec_f32)pairs);
    }
    return bad != 0 ? NAN : 0;
}

const struct bf16_kernels bf16_kernels_avx512bf16 = {
    .pair_rows = pair_rows,
    .pair_neighbours = pair_neighbours,
    .gemm =
        {
            .cols_f32 = VECS * LANES_f32,
            .gemm_f32 = gemm_f32,
            .fill_f32 = fill_f32,
            .implicit_f32 = implicit_f32,
            .pack_f32 = pack_f32,
        },
};
