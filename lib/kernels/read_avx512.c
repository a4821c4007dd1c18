/*
 * Reading arrays of numbers with AVX-512 (F, DQ, BW, VL). Nothing here may run before kernels_init has asked
 * the CPU.
 */
#include "lib/kernels/read_kernels.h"

#include <immintrin.h>
#include <string.h>

static inline struct text_masks text_masks(const char *p) {
    __m512i text = _mm512_loadu_si512(p);
    uint64_t spaces = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(' '));
    uint64_t controls = _mm512_cmplt_epu8_mask(text, _mm512_set1_epi8(' '));
    uint64_t breaks = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n')) |
                      _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\r')) |
                      _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\t'));
    return (struct text_masks){
        .blanks = spaces | breaks,
        .commas = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(',')),
        .opens = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('[')),
        .closes = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(']')),
        .strangers = (controls & ~breaks) | _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('"')) |
                     _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\\')),
    };
}

static inline uint64_t text_numbers(const char *p, uint64_t *digits) {
    __m512i text = _mm512_loadu_si512(p);
    *digits = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(text, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
    return ~(_mm512_cmple_epu8_mask(text, _mm512_set1_epi8(' ')) |
             _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(',')) |
             _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('[')) |
             _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(']')));
}

static inline uint32_t text_digits(const char *p, uint32_t *points) {
    __m256i text = _mm256_loadu_si256((const __m256i *)p);
    *points = _mm256_cmpeq_epi8_mask(text, _mm256_set1_epi8('.'));
    return _mm256_cmplt_epu8_mask(_mm256_sub_epi8(text, _mm256_set1_epi8('0')), _mm256_set1_epi8(10));
}

static inline void text_groups(const char *p, int moved, int first, uint64_t *upper, uint64_t *lower) {
    const __m256i tens = _mm256_set1_epi16(1 << 8 | 10), hundreds = _mm256_set1_epi32(1 << 16 | 100),
                  myriads = _mm256_set1_epi32(1 << 16 | 10000);
    __mmask32 left = (__mmask32)((UINT64_C(1) << moved) - 1);
    __mmask32 kept = (__mmask32)(UINT64_C(0xffffffff) << (first & 63));
    __m256i text = _mm256_loadu_si256((const __m256i *)p);
    text = _mm256_mask_loadu_epi8(text, left, p - 1);
    text = _mm256_maskz_sub_epi8(kept, text, _mm256_set1_epi8('0'));
    __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(text, tens), hundreds);
    __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), myriads);
    *upper = (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights));
    *lower = (uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1));
}

static inline uint64_t text_plain(const char *p) {
    __m512i text = _mm512_loadu_si512(p);
    return _mm512_cmpge_epi8_mask(text, _mm512_set1_epi8(' ')) &
           _mm512_cmpneq_epi8_mask(text, _mm512_set1_epi8('"')) &
           _mm512_cmpneq_epi8_mask(text, _mm512_set1_epi8('\\'));
}

#include "lib/kernels/plain.inc.h"
#include "lib/kernels/read.inc.h"
#include "lib/kernels/structure.inc.h"

const struct read_kernels read_kernels_avx512 = {
    .structure_walk = structure_walk,
    .read_f32 = read_f32,
    .read_f64 = read_f64,
    .plain_bytes = plain_bytes,
};
