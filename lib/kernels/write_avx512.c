/*
 * Writing numbers with AVX-512 (F, DQ, BW, VL): sixteen at a time. Compiled with those flags; nothing here
 * may run before kernels_init has asked the CPU.
 */
#include "lib/kernels/write_kernels.h"
#include "lib/kernels/write_tables.h"
#include "lib/numbers/shortest.h"

#include <immintrin.h>
#include <string.h>

typedef __m512i vec;
typedef __mmask16 choice;

enum { LANES = 16 };

#define OP(name) _mm512_##name

static inline choice equal(vec a, vec b) {
    return _mm512_cmpeq_epi32_mask(a, b);
}

static inline choice above(vec a, vec b) {
    return _mm512_cmpgt_epi32_mask(a, b);
}

static inline vec either(choice c, vec a, vec b) {
    return _mm512_mask_mov_epi32(b, c, a);
}

static inline vec add_where(choice c, vec a, vec b) {
    return _mm512_mask_add_epi32(a, c, a, b);
}

static inline uint32_t choice_bits(choice c) {
    return c;
}

static inline vec each64(uint64_t x) {
    return _mm512_set1_epi64((int64_t)x);
}

static inline vec merge(vec even, vec odd) {
    return _mm512_mask_mov_epi32(even, 0xaaaa, odd);
}

static inline vec load_part(const void *p, int n) {
    return _mm512_maskz_loadu_epi32((__mmask16)((1u << n) - 1), p);
}

/* (Not by gathering, which is slower since the microcode that keeps it from leaking.) */
static inline void load_scales(vec index, vec *even, vec *odd) {
    _Alignas(64) uint32_t i[LANES];
    memcpy(i, &index, sizeof i);
    const int64_t *scale = (const int64_t *)write_scale_f32;
    *even = _mm512_set_epi64(scale[i[14]], scale[i[12]], scale[i[10]], scale[i[8]], scale[i[6]], scale[i[4]],
                             scale[i[2]], scale[i[0]]);
    *odd = _mm512_set_epi64(scale[i[15]], scale[i[13]], scale[i[11]], scale[i[9]], scale[i[7]], scale[i[5]],
                            scale[i[3]], scale[i[1]]);
}

static inline vec float_exponent(vec v) {
    return _mm512_srli_epi32(_mm512_castps_si512(_mm512_cvtepi32_ps(v)), 23);
}

/*
 * With t the highest bit and d the count of digits of 2^t, 2^28 (d + 1) - 10^d + digits has the count in
 * its upper bits: the sum carries where there is a digit more. The lower five bits of the biased exponent,
 * 127 + t, choose from 32.
 */
static inline vec to_nine(vec digits, vec *count) {
#define COUNT(d, power) (((d) + 1) * (UINT32_C(1) << 28) - (power))
#define ONE             COUNT(1, 10)
#define TWO             COUNT(2, 100)
#define THREE           COUNT(3, 1000)
#define FOUR            COUNT(4, 10000)
#define FIVE            COUNT(5, 100000)
#define SIX             COUNT(6, 1000000)
#define SEVEN           COUNT(7, 10000000)
#define EIGHT           COUNT(8, 100000000)
#define NINE            COUNT(8, 0)
    static const _Alignas(64) uint32_t counts[32] = {
        [31] = ONE,   [0] = ONE,    [1] = ONE,    [2] = ONE, /* t = 0 … 3 (and the number 0) */
        [3] = TWO,    [4] = TWO,    [5] = TWO,    [6] = THREE,  [7] = THREE,  [8] = THREE,  [9] = FOUR,
        [10] = FOUR,  [11] = FOUR,  [12] = FOUR,  [13] = FIVE,  [14] = FIVE,  [15] = FIVE,  [16] = SIX,
        [17] = SIX,   [18] = SIX,   [19] = SEVEN, [20] = SEVEN, [21] = SEVEN, [22] = SEVEN, [23] = EIGHT,
        [24] = EIGHT, [25] = EIGHT, [26] = NINE,  [27] = NINE, /* t = 27, and 28 where 2^28 - 1 is rounded */
    };
    static const _Alignas(64)
        uint32_t factors[16] = {0, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
    vec chosen = _mm512_permutex2var_epi32(_mm512_load_si512(counts), float_exponent(digits),
                                           _mm512_load_si512(counts + 16));
    *count = _mm512_srli_epi32(_mm512_add_epi32(digits, chosen), 28);
    return _mm512_mullo_epi32(digits, _mm512_permutexvar_epi32(*count, _mm512_load_si512(factors)));
}

static inline vec last_nibble(vec v) {
    vec top = _mm512_srli_epi32(_mm512_castps_si512(_mm512_cvtepu32_ps(v)), 23);
    top = _mm512_add_epi32(top, _mm512_set1_epi32(1)); /* 128 + the highest bit of v */
    return _mm512_sub_epi32(_mm512_srli_epi32(top, 2), _mm512_set1_epi32(31));
}

/* A transposition of four by four groups. */
static inline void store_digits(unsigned char (*to)[16], const vec part[4]) {
    vec a = _mm512_shuffle_i32x4(part[0], part[1], 0x44), b = _mm512_shuffle_i32x4(part[2], part[3], 0x44);
    vec c = _mm512_shuffle_i32x4(part[0], part[1], 0xee), d = _mm512_shuffle_i32x4(part[2], part[3], 0xee);
    _mm512_storeu_si512(to + 0, _mm512_shuffle_i32x4(a, b, 0x88));
    _mm512_storeu_si512(to + 4, _mm512_shuffle_i32x4(a, b, 0xdd));
    _mm512_storeu_si512(to + 8, _mm512_shuffle_i32x4(c, d, 0x88));
    _mm512_storeu_si512(to + 12, _mm512_shuffle_i32x4(c, d, 0xdd));
}

static inline void store_marks(unsigned char (*to)[8], const vec part[2]) {
    vec a = _mm512_shuffle_i32x4(part[0], part[1], 0x44), b = _mm512_shuffle_i32x4(part[0], part[1], 0xee);
    _mm512_storeu_si512(to + 0, _mm512_shuffle_i32x4(a, a, 0xd8));
    _mm512_storeu_si512(to + 8, _mm512_shuffle_i32x4(b, b, 0xd8));
}

typedef __mmask8 wide_choice;

static inline wide_choice wide_equal(vec a, vec b) {
    return _mm512_cmpeq_epi64_mask(a, b);
}

static inline wide_choice wide_above(vec a, vec b) {
    return _mm512_cmpgt_epi64_mask(a, b);
}

static inline vec wide_either(wide_choice c, vec a, vec b) {
    return _mm512_mask_mov_epi64(b, c, a);
}

static inline uint32_t wide_bits(wide_choice c) {
    return c;
}

/* Four entries, each with its high half first. */
static inline vec load_four(const __m128i *power, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    __m256i lower = _mm256_loadu2_m128i(power + b, power + a),
            upper = _mm256_loadu2_m128i(power + d, power + c);
    return _mm512_inserti64x4(_mm512_castsi256_si512(lower), upper, 1);
}

static inline void load_powers(vec index, vec *high, vec *low) {
    _Alignas(64) uint64_t i[LANES / 2];
    memcpy(i, &index, sizeof i);
    const __m128i *power = (const __m128i *)(const void *)pow10_table;
    vec even = load_four(power, i[0], i[2], i[4], i[6]), odd = load_four(power, i[1], i[3], i[5], i[7]);
    *high = _mm512_unpacklo_epi64(even, odd);
    *low = _mm512_unpackhi_epi64(even, odd);
}

static inline void store_low(uint32_t *to, vec v) {
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtepi64_epi32(v));
}

#define FIND_F64_IN_VECTORS

#include "lib/kernels/write_put256.inc.h"

#include "lib/kernels/write.inc.h"

const struct write_kernels write_kernels_avx512 = {
    .convert_f32 = convert_f32,
    .convert_f64 = convert_f64,
    .convert_i64 = convert_i64,
    .put_f32 = put_f32,
    .put_f64 = put_f64,
    .put_i64 = put_f32,
};
