/*
 * The base64 kernels for AVX-512 (F, BW): vectors of four lanes. Compiled with those flags; nothing here may run
 * before kernels_init has asked the CPU.
 */
#include "lib/kernels/base64_kernels.h"

#include <immintrin.h>
#include <string.h>

typedef uint8_t vec_u8 __attribute__((vector_size(64)));
typedef int8_t vec_i8 __attribute__((vector_size(64)));
typedef uint16_t vec_u16 __attribute__((vector_size(64)));
typedef uint32_t vec_u32 __attribute__((vector_size(64)));

enum { ENCODE_READS = 48, DECODE_WRITES = 48 };

static inline vec_u8 broadcast(const uint8_t *t) {
    return (vec_u8)_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)t));
}

static inline vec_u8 look_up(vec_u8 table, vec_u8 index) {
    return (vec_u8)_mm512_shuffle_epi8((__m512i)table, (__m512i)index);
}

static inline vec_u8 above(vec_u8 v, char n) {
    return (vec_u8)_mm512_subs_epu8((__m512i)v, _mm512_set1_epi8(n));
}

static inline vec_u16 high_halves(vec_u16 a, vec_u16 b) {
    return (vec_u16)_mm512_mulhi_epu16((__m512i)a, (__m512i)b);
}

static inline vec_u16 add_pairs(vec_u8 a, vec_u8 b) {
    return (vec_u16)_mm512_maddubs_epi16((__m512i)a, (__m512i)b);
}

static inline vec_u32 add_word_pairs(vec_u16 a, vec_u16 b) {
    return (vec_u32)_mm512_madd_epi16((__m512i)a, (__m512i)b);
}

static inline bool any_bit(vec_u8 v) {
    return _mm512_test_epi8_mask((__m512i)v, (__m512i)v) != 0;
}

static inline vec_u8 gather_data(const uint8_t *p) {
    __m512i spread = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    return (vec_u8)_mm512_permutexvar_epi32(spread, _mm512_maskz_loadu_epi32(0x0fff, p));
}

static inline void scatter_data(uint8_t *p, vec_u8 v) {
    __m512i dense = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
    _mm512_mask_storeu_epi32(p, 0x0fff, _mm512_permutexvar_epi32(dense, (__m512i)v));
}

#include "lib/kernels/base64.inc.h"

const struct base64_kernels base64_kernels_avx512 = {.encode = encode, .decode = decode};
