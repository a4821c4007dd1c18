/*
 * The base64 kernels for SSE4: vectors of one lane. Compiled with that flag; nothing here may run before
 * kernels_init has asked the CPU.
 */
#include "lib/kernels/base64_kernels.h"

#include <immintrin.h>
#include <string.h>

typedef uint8_t vec_u8 __attribute__((vector_size(16)));
typedef int8_t vec_i8 __attribute__((vector_size(16)));
typedef uint16_t vec_u16 __attribute__((vector_size(16)));
typedef uint32_t vec_u32 __attribute__((vector_size(16)));

enum { ENCODE_READS = 16, DECODE_WRITES = 16 };

static inline vec_u8 broadcast(const uint8_t *t) {
    return (vec_u8)_mm_loadu_si128((const __m128i *)t);
}

static inline vec_u8 look_up(vec_u8 table, vec_u8 index) {
    return (vec_u8)_mm_shuffle_epi8((__m128i)table, (__m128i)index);
}

static inline vec_u8 above(vec_u8 v, char n) {
    return (vec_u8)_mm_subs_epu8((__m128i)v, _mm_set1_epi8(n));
}

static inline vec_u16 high_halves(vec_u16 a, vec_u16 b) {
    return (vec_u16)_mm_mulhi_epu16((__m128i)a, (__m128i)b);
}

static inline vec_u16 add_pairs(vec_u8 a, vec_u8 b) {
    return (vec_u16)_mm_maddubs_epi16((__m128i)a, (__m128i)b);
}

static inline vec_u32 add_word_pairs(vec_u16 a, vec_u16 b) {
    return (vec_u32)_mm_madd_epi16((__m128i)a, (__m128i)b);
}

static inline bool any_bit(vec_u8 v) {
    return !_mm_testz_si128((__m128i)v, (__m128i)v);
}

static inline vec_u8 gather_data(const uint8_t *p) {
    return broadcast(p);
}

static inline void scatter_data(uint8_t *p, vec_u8 v) {
    memcpy(p, &v, sizeof v);
}

#include "lib/kernels/base64.inc.h"

const struct base64_kernels base64_kernels_sse4 = {.encode = encode, .decode = decode};
