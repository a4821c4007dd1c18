/*
 * Reading arrays of numbers with AVX-512 (F, DQ, BW, VL). Nothing here may run before kernels_init has asked
 * the CPU.
 */
#include "lib/kernels/read_kernels.h"

#include <immintrin.h>
#include <string.h>

#if defined(__AVX512VBMI2__)
#include "lib/kernels/read_vbmi.inc.h"
#else
static inline struct text_masks text_masks(const char *p) {
    __m512i text = _mm512_loadu_si512(p);
    uint64_t controls = _mm512_cmplt_epu8_mask(text, _mm512_set1_epi8(' '));
    uint64_t breaks = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n')) |
                      _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\r')) |
                      _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\t'));
    uint64_t blanks = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(' ')) | breaks;
    uint64_t commas = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(','));
    uint64_t opens = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('['));
    uint64_t closes = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(']'));
    return (struct text_masks){
        .numbers = ~(blanks | commas | opens | closes),
        .commas = commas,
        .opens = opens,
        .closes = closes,
        .strangers = _mm512_movepi8_mask(text) | (controls & ~breaks) |
                     _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('"')) |
                     _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\\')),
    };
}
#endif

static inline struct number_masks text_kinds(const char *p) {
    __m512i text = _mm512_loadu_si512(p);
    uint64_t between = _mm512_cmple_epu8_mask(text, _mm512_set1_epi8(' ')) |
                       _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(',')) |
                       _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('[')) |
                       _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(']'));
    return (struct number_masks){
        .numbers = ~between,
        .digits = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(text, _mm512_set1_epi8('0')), _mm512_set1_epi8(10)),
        .points = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('.')),
        .minuses = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('-')),
        .zeros = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('0')),
    };
}

static inline uint32_t text_digits(const char *p) {
    __m256i text = _mm256_loadu_si256((const __m256i *)p);
    return _mm256_cmplt_epu8_mask(_mm256_sub_epi8(text, _mm256_set1_epi8('0')), _mm256_set1_epi8(10));
}

static inline void text_groups(const char *p, int point, int kept, uint64_t *upper, uint64_t *lower) {
    const __m256i tens = _mm256_set1_epi16(1 << 8 | 10), hundreds = _mm256_set1_epi32(1 << 16 | 100),
                  myriads = _mm256_set1_epi32(1 << 16 | 10000);
    __mmask32 right = (__mmask32)(~UINT64_C(0) << (point & 63));
    __mmask32 lanes = (__mmask32)_bzhi_u64(~UINT64_C(0), (unsigned)kept);
    __m256i text = _mm256_loadu_si256((const __m256i *)p);
    text = _mm256_mask_loadu_epi8(text, right, p + 1);
    text = _mm256_maskz_sub_epi8(lanes, text, _mm256_set1_epi8('0'));
    __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(text, tens), hundreds);
    __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), myriads);
    *upper = (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights));
    *lower = (uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1));
}

#define EIGHT_BYTES INT64_C(0x0101010101010101)

/* Each of four bytes in 16 bytes. */
static inline __m512i spread_four(const uint8_t bytes[4]) {
    const __m512i places = _mm512_setr_epi64(0, 0, EIGHT_BYTES, EIGHT_BYTES, 2 * EIGHT_BYTES, 2 * EIGHT_BYTES,
                                             3 * EIGHT_BYTES, 3 * EIGHT_BYTES);
    uint32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm512_shuffle_epi8(_mm512_set1_epi32((int)four), places);
}

/* Each of two bytes in 32 bytes. */
static inline __m512i spread_two(const uint8_t bytes[2]) {
    const __m512i places = _mm512_setr_epi64(0, 0, 0, 0, EIGHT_BYTES, EIGHT_BYTES, EIGHT_BYTES, EIGHT_BYTES);
    uint16_t two;
    memcpy(&two, bytes, sizeof two);
    return _mm512_shuffle_epi8(_mm512_set1_epi16((short)two), places);
}

#undef EIGHT_BYTES

/* 16 bytes from each of four places. */
static inline __m512i load_four(const char *text, const uint16_t first[4]) {
    __m512i four = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(text + first[0])));
    four = _mm512_inserti32x4(four, _mm_loadu_si128((const __m128i *)(text + first[1])), 1);
    four = _mm512_inserti32x4(four, _mm_loadu_si128((const __m128i *)(text + first[2])), 2);
    return _mm512_inserti32x4(four, _mm_loadu_si128((const __m128i *)(text + first[3])), 3);
}

/* 32 bytes from each of two. */
static inline __m512i load_two(const char *text, const uint16_t first[2]) {
    __m512i two = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(text + first[0])));
    return _mm512_inserti64x4(two, _mm256_loadu_si256((const __m256i *)(text + first[1])), 1);
}

/* Numbers of four digits. */
static inline __m512i join_fours(__m512i digits, __mmask64 kept) {
    const __m512i tens = _mm512_set1_epi16(1 << 8 | 10), hundreds = _mm512_set1_epi32(1 << 16 | 100);
    digits = _mm512_maskz_sub_epi8(kept, digits, _mm512_set1_epi8('0'));
    return _mm512_madd_epi16(_mm512_maddubs_epi16(digits, tens), hundreds);
}

/* Numbers of eight: in each 128 bits two of `fours` and two of `next_fours`. */
static inline __m512i join_eights(__m512i fours, __m512i next_fours) {
    return _mm512_madd_epi16(_mm512_packus_epi32(fours, next_fours), _mm512_set1_epi32(1 << 16 | 10000));
}

/* Of four numbers, whose bytes begin with the one in front of the digits. */
static inline __m512i short_fours(__m512i text, const uint8_t *point, const uint8_t *kept) {
    const __m512i lane =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    __mmask64 right = _mm512_cmpge_epu8_mask(lane, spread_four(point));
    __m512i from =
        _mm512_mask_add_epi8(_mm512_add_epi8(lane, _mm512_set1_epi8(1)), right, lane, _mm512_set1_epi8(2));
    return join_fours(_mm512_shuffle_epi8(text, from), _mm512_cmplt_epu8_mask(lane, spread_four(kept)));
}

static inline void text_short_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                     const uint8_t *kept, uint64_t *upper, uint32_t *negative) {
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), minus = _mm512_set1_epi8('-');
    const uint64_t fronts = 0x0001000100010001;
    __m512i low = load_four(text - 1, first), high = load_four(text - 1, first + 4);
    uint64_t low_minuses = _pext_u64(_mm512_cmpeq_epi8_mask(low, minus), fronts),
             high_minuses = _pext_u64(_mm512_cmpeq_epi8_mask(high, minus), fronts);
    __m256i ones = _mm256_maskz_set1_epi32((__mmask8)(low_minuses | high_minuses << 4), 1);
    _mm256_storeu_si256((__m256i *)negative, ones);
    __m512i eights = join_eights(short_fours(low, point, kept), short_fours(high, point + 4, kept + 4));
    _mm512_storeu_si512(upper, _mm512_permutexvar_epi64(order, eights));
}

/* Of two numbers. */
static inline __m512i long_fours(const char *text, const uint16_t *first, const uint8_t *point,
                                 const uint8_t *kept) {
    const __m512i lane =
        _mm512_broadcast_i64x4(_mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
                                                18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31));
    __mmask64 right = _mm512_cmpge_epu8_mask(lane, spread_two(point));
    __m512i digits = _mm512_mask_blend_epi8(right, load_two(text, first), load_two(text + 1, first));
    return join_fours(digits, _mm512_cmplt_epu8_mask(lane, spread_two(kept)));
}

static inline void text_long_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                    const uint8_t *kept, uint64_t *upper, uint64_t *lower,
                                    uint32_t *negative) {
    const __m512i uppers = _mm512_setr_epi64(0, 4, 1, 5, 8, 12, 9, 13),
                  lowers = _mm512_setr_epi64(2, 6, 3, 7, 10, 14, 11, 15);
    __m512i eights[2];
    for (int i = 0; i < 2; i++, first += 4, point += 4, kept += 4)
        eights[i] = join_eights(long_fours(text, first, point, kept),
                                long_fours(text, first + 2, point + 2, kept + 2));
    _mm512_storeu_si512(upper, _mm512_permutex2var_epi64(eights[0], uppers, eights[1]));
    _mm512_storeu_si512(lower, _mm512_permutex2var_epi64(eights[0], lowers, eights[1]));
    for (int i = 0; i < 8; i++)
        negative[i] = text[first[i - 8] - 1] == '-';
}

static inline void join_words(const uint64_t words[8], int32_t values[8]) {
    const __m512i tens = _mm512_set1_epi16(1 << 8 | 10), hundreds = _mm512_set1_epi32(1 << 16 | 100),
                  myriads = _mm512_set1_epi64(INT64_C(1) << 32 | 10000);
    __m512i fours = _mm512_madd_epi16(_mm512_maddubs_epi16(_mm512_loadu_si512(words), tens), hundreds);
    __m512i parts = _mm512_madd_epi16(fours, myriads);
    __m512i eights = _mm512_add_epi64(parts, _mm512_srli_epi64(parts, 32));
    _mm256_storeu_si256((__m256i *)values, _mm512_cvtepi64_epi32(eights));
}

#if defined(__AVX512VBMI2__)
static inline int append_places(uint16_t *list, int place, uint64_t bits) {
    const __m512i numbers =
        _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
                        42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22,
                        21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i packed = _mm512_maskz_compress_epi8(bits, numbers);
    __m256i base = _mm256_set1_epi16((short)place),
            low = _mm256_cvtepu8_epi16(_mm512_castsi512_si128(packed));
    int count = __builtin_popcountll(bits);
    _mm256_storeu_si256((__m256i *)list, _mm256_add_epi16(low, base));
    if (count > 16) {
        __m256i high = _mm256_cvtepu8_epi16(_mm512_extracti32x4_epi32(packed, 1));
        _mm256_storeu_si256((__m256i *)(list + 16), _mm256_add_epi16(high, base));
    }
    return count;
}
#endif

static inline void look_up(const double *table, const int8_t *index, double *out) {
    __m512i places = _mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)index));
    __m512i rest = _mm512_sub_epi64(places, _mm512_set1_epi64(16));
    __m512d low = _mm512_loadu_pd(table + 16), high = _mm512_loadu_pd(table + 24);
    __m512d found = _mm512_permutex2var_pd(low, rest, high);
    if (_mm512_cmplt_epu64_mask(rest, _mm512_set1_epi64(16)) != 0xff)
        found = _mm512_i64gather_pd(places, table, sizeof *table);
    _mm512_storeu_pd(out, found);
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

#if defined(__AVX512VBMI2__)
const struct read_kernels read_kernels_avx512vbmi = {
#else
const struct read_kernels read_kernels_avx512 = {
#endif
    .structure_walk = structure_walk,
    .read_f32 = read_f32,
    .read_f64 = read_f64,
    .plain_bytes = plain_bytes,
};
