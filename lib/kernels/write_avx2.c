/*
 * Writing numbers with AVX2: eight at a time. Compiled with those flags; nothing here may run before
 * kernels_init has asked the CPU.
 */
#include "lib/kernels/write_kernels.h"
#include "lib/kernels/write_tables.h"
#include "lib/numbers/shortest.h"

#include <immintrin.h>
#include <string.h>

typedef __m256i vec, choice;

enum { LANES = 8 };

#define OP(name) _mm256_##name

static inline choice equal(vec a, vec b) {
    return _mm256_cmpeq_epi32(a, b);
}

static inline choice above(vec a, vec b) {
    return _mm256_cmpgt_epi32(a, b);
}

static inline vec either(choice c, vec a, vec b) {
    return _mm256_blendv_epi8(b, a, c);
}

static inline vec add_where(choice c, vec a, vec b) {
    return _mm256_add_epi32(a, c & b);
}

static inline uint32_t choice_bits(choice c) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(c));
}

static inline vec each64(uint64_t x) {
    return _mm256_set1_epi64x((int64_t)x);
}

static inline vec merge(vec even, vec odd) {
    return _mm256_blend_epi32(even, odd, 0xaa);
}

static inline vec load_part(const void *p, int n) {
    vec all = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    return _mm256_maskload_epi32(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), all));
}

/* (Not by gathering, which is slower since the microcode that keeps it from leaking.) */
static inline void load_scales(vec index, vec *even, vec *odd) {
    _Alignas(32) uint32_t i[LANES];
    memcpy(i, &index, sizeof i);
    const int64_t *scale = (const int64_t *)write_scale_f32;
    *even = _mm256_set_epi64x(scale[i[6]], scale[i[4]], scale[i[2]], scale[i[0]]);
    *odd = _mm256_set_epi64x(scale[i[7]], scale[i[5]], scale[i[3]], scale[i[1]]);
}

static inline vec float_exponent(vec v) {
    return _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(v)), 23);
}

/* The highest bit tells the count or one less, at most 8: the lower three bits of which choose from eight. */
static inline vec to_nine(vec digits, vec *count) {
    const vec thresholds = _mm256_set_epi32(10000000, 1000000, 100000, 10000, 1000, 100, 10, 100000000);
    const vec factors = _mm256_set_epi32(10, 100, 1000, 10000, 100000, 1000000, 10000000, 1);
    const vec one = _mm256_set1_epi32(1);
    vec top = _mm256_sub_epi32(_mm256_max_epi32(float_exponent(digits), _mm256_set1_epi32(127)),
                               _mm256_set1_epi32(127));
    vec guess = _mm256_add_epi32(_mm256_srli_epi32(_mm256_madd_epi16(top, _mm256_set1_epi32(1233)), 12), one);
    guess = _mm256_min_epi32(guess, _mm256_set1_epi32(8));
    vec fewer = _mm256_cmpgt_epi32(_mm256_permutevar8x32_epi32(thresholds, guess), digits);
    *count = _mm256_add_epi32(_mm256_add_epi32(guess, one), fewer);
    vec number = _mm256_mullo_epi32(digits, _mm256_permutevar8x32_epi32(factors, guess));
    vec tenfold = _mm256_add_epi32(_mm256_slli_epi32(number, 3), _mm256_slli_epi32(number, 1));
    return _mm256_blendv_epi8(number, tenfold, fewer);
}

/* The digits are made half, so that none looks like a sign, but for the lowest bit of all. */
static inline vec last_nibble(vec v) {
    vec half = _mm256_srli_epi32(v, 1) | (v & _mm256_set1_epi32(1));
    vec top = _mm256_add_epi32(float_exponent(half), _mm256_set1_epi32(2)); /* 128 + the highest bit of v */
    return _mm256_sub_epi32(_mm256_srli_epi32(top, 2), _mm256_set1_epi32(31));
}

static inline void store_digits(unsigned char (*to)[16], const vec part[4]) {
    _mm256_storeu_si256((vec *)(void *)(to + 0), _mm256_permute2x128_si256(part[0], part[1], 0x20));
    _mm256_storeu_si256((vec *)(void *)(to + 2), _mm256_permute2x128_si256(part[2], part[3], 0x20));
    _mm256_storeu_si256((vec *)(void *)(to + 4), _mm256_permute2x128_si256(part[0], part[1], 0x31));
    _mm256_storeu_si256((vec *)(void *)(to + 6), _mm256_permute2x128_si256(part[2], part[3], 0x31));
}

static inline void store_marks(unsigned char (*to)[8], const vec part[2]) {
    _mm256_storeu_si256((vec *)(void *)(to + 0), _mm256_permute2x128_si256(part[0], part[1], 0x20));
    _mm256_storeu_si256((vec *)(void *)(to + 4), _mm256_permute2x128_si256(part[0], part[1], 0x31));
}

typedef __m256i wide_choice;

static inline wide_choice wide_equal(vec a, vec b) {
    return _mm256_cmpeq_epi64(a, b);
}

static inline wide_choice wide_above(vec a, vec b) {
    return _mm256_cmpgt_epi64(a, b);
}

static inline vec wide_either(wide_choice c, vec a, vec b) {
    return _mm256_blendv_epi8(b, a, c);
}

static inline uint32_t wide_bits(wide_choice c) {
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(c));
}

/* Two entries in each register, of lanes 0 and 2, and of 1 and 3: each has its high half first. */
static inline void load_powers(vec index, vec *high, vec *low) {
    _Alignas(32) uint64_t i[LANES / 2];
    memcpy(i, &index, sizeof i);
    const __m128i *power = (const __m128i *)(const void *)pow10_table;
    vec even = _mm256_loadu2_m128i(power + i[2], power + i[0]);
    vec odd = _mm256_loadu2_m128i(power + i[3], power + i[1]);
    *high = _mm256_unpacklo_epi64(even, odd);
    *low = _mm256_unpackhi_epi64(even, odd);
}

static inline void store_low(uint32_t *to, vec v) {
    vec low = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0));
    _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(low));
}

#define FIND_F64_IN_VECTORS

#include "lib/kernels/write_put256.inc.h"

#include "lib/kernels/write.inc.h"

const struct write_kernels write_kernels_avx2 = {
    .convert_f32 = convert_f32,
    .convert_f64 = convert_f64,
    .convert_i64 = convert_i64,
    .put_f32 = put_f32,
    .put_f64 = put_f64,
    .put_i64 = put_f32,
};
