/*
 * The base64 kernels for AVX2: vectors of two lanes. Compiled with that flag; nothing here may run before
 * kernels_init has asked the CPU.
 */
#include "lib/kernels/base64_kernels.h"

#include <immintrin.h>
#include <string.h>

typedef uint8_t vec_u8 __attribute__((vector_size(32)));
typedef int8_t vec_i8 __attribute__((vector_size(32)));
typedef uint16_t vec_u16 __attribute__((vector_size(32)));
typedef uint32_t vec_u32 __attribute__((vector_size(32)));

enum { ENCODE_READS = 12 + 16, DECODE_WRITES = 32 };

static inline vec_u8 broadcast(const uint8_t *t) {
    return (vec_u8)_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)t));
}

static inline vec_u8 look_up(vec_u8 table, vec_u8 index) {
    return (vec_u8)_mm256_shuffle_epi8((__m256i)table, (__m256i)index);
}

static inline vec_u8 above(vec_u8 v, char n) {
    return (vec_u8)_mm256_subs_epu8((__m256i)v, _mm256_set1_epi8(n));
}

static inline vec_u16 high_halves(vec_u16 a, vec_u16 b) {
    return (vec_u16)_mm256_mulhi_epu16((__m256i)a, (__m256i)b);
}

static inline vec_u16 add_pairs(vec_u8 a, vec_u8 b) {
    return (vec_u16)_mm256_maddubs_epi16((__m256i)a, (__m256i)b);
}

static inline vec_u32 add_word_pairs(vec_u16 a, vec_u16 b) {
    return (vec_u32)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}

static inline bool any_bit(vec_u8 v) {
    return !_mm256_testz_si256((__m256i)v, (__m256i)v);
}

static inline vec_u8 gather_data(const uint8_t *p) {
    return (vec_u8)_mm256_loadu2_m128i((const __m128i *)(p + 12), (const __m128i *)p);
}

static inline void scatter_data(uint8_t *p, vec_u8 v) {
    v = (vec_u8)_mm256_permutevar8x32_epi32((__m256i)v, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
    memcpy(p, &v, sizeof v);
}

#include "lib/kernels/base64.inc.h"

const struct base64_kernels base64_kernels_avx2 = {.encode = encode, .decode = decode};
