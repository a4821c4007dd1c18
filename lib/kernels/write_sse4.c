/*
 * Writing numbers with SSE4: four at a time. Compiled with those flags; nothing here may run before
 * kernels_init has asked the CPU.
 */
#include "lib/kernels/write_kernels.h"
#include "lib/kernels/write_tables.h"
#include "lib/numbers/shortest.h"

#include <nmmintrin.h>
#include <string.h>

typedef __m128i vec, choice;

enum { LANES = 4 };

#define OP(name) _mm_##name

static inline choice equal(vec a, vec b) {
    return _mm_cmpeq_epi32(a, b);
}

static inline choice above(vec a, vec b) {
    return _mm_cmpgt_epi32(a, b);
}

static inline vec either(choice c, vec a, vec b) {
    return _mm_blendv_epi8(b, a, c);
}

static inline vec add_where(choice c, vec a, vec b) {
    return _mm_add_epi32(a, c & b);
}

static inline uint32_t choice_bits(choice c) {
    return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(c));
}

static inline vec each64(uint64_t x) {
    return _mm_set1_epi64x((int64_t)x);
}

static inline vec merge(vec even, vec odd) {
    return _mm_blend_epi16(even, odd, 0xcc);
}

static inline vec load_part(const void *p, int n) {
    vec part = _mm_setzero_si128();
    memcpy(&part, p, (size_t)n * 4);
    return part;
}

static inline void load_scales(vec index, vec *even, vec *odd) {
    _Alignas(16) uint32_t i[LANES];
    memcpy(i, &index, sizeof i);
    const int64_t *scale = (const int64_t *)write_scale_f32;
    *even = _mm_set_epi64x(scale[i[2]], scale[i[0]]);
    *odd = _mm_set_epi64x(scale[i[3]], scale[i[1]]);
}

static inline vec float_exponent(vec v) {
    return _mm_srli_epi32(_mm_castps_si128(_mm_cvtepi32_ps(v)), 23);
}

/* *number * factor where that has no more digits than nine: `limit` is 10^9 / factor. */
static inline void multiply(vec *number, vec *count, int32_t limit, int32_t factor, int32_t digits) {
    choice fits = above(_mm_set1_epi32(limit), *number);
    *number = either(fits, _mm_mullo_epi32(*number, _mm_set1_epi32(factor)), *number);
    *count = add_where(fits, *count, _mm_set1_epi32(-digits));
}

static inline vec to_nine(vec digits, vec *count) {
    *count = _mm_set1_epi32(9);
    multiply(&digits, count, 100000, 10000, 4);
    multiply(&digits, count, 10000000, 100, 2);
    multiply(&digits, count, 100000000, 10, 1);
    multiply(&digits, count, 100000000, 10, 1);
    return digits;
}

/* The digits are made half, so that none looks like a sign, but for the lowest bit of all. */
static inline vec last_nibble(vec v) {
    vec half = _mm_srli_epi32(v, 1) | (v & _mm_set1_epi32(1));
    vec top = _mm_add_epi32(float_exponent(half), _mm_set1_epi32(2)); /* 128 + the highest bit of v */
    return _mm_sub_epi32(_mm_srli_epi32(top, 2), _mm_set1_epi32(31));
}

static inline void store_digits(unsigned char (*to)[16], const vec part[4]) {
    memcpy(to, part, 4 * sizeof *part);
}

static inline void store_marks(unsigned char (*to)[8], const vec part[2]) {
    memcpy(to, part, 2 * sizeof *part);
}

static inline vec load16(const void *p) {
    return _mm_loadu_si128(p);
}

static inline void put_one_f32(char *text, const unsigned char digits[16], const char *masks) {
    vec from = load16(digits);
    _mm_storeu_si128((vec *)(void *)text, _mm_shuffle_epi8(from, load16(masks)));
    _mm_storeu_si128((vec *)(void *)(text + 16), _mm_shuffle_epi8(from, load16(masks + 16)));
}

static inline void put_one_f64(char *text, const unsigned char digits[16], const unsigned char marks[8],
                               const char *masks) {
    vec from = load16(digits), beside = _mm_loadl_epi64((const vec *)(const void *)marks);
    for (int i = 0; i < 32; i += 16) {
        vec all =
            _mm_shuffle_epi8(from, load16(masks + i)) | _mm_shuffle_epi8(beside, load16(masks + 32 + i));
        _mm_storeu_si128((vec *)(void *)(text + i), all);
    }
}

#include "lib/kernels/write.inc.h"

const struct write_kernels write_kernels_sse4 = {
    .convert_f32 = convert_f32,
    .convert_f64 = convert_f64,
    .convert_i64 = convert_i64,
    .put_f32 = put_f32,
    .put_f64 = put_f64,
    .put_i64 = put_f32,
};
