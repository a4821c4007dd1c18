/*
 * Reading arrays of numbers with AVX2. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/kernels/read_kernels.h"

#include <immintrin.h>
#include <string.h>

struct block {
    __m256i low, high;
};

static inline struct block load_block(const char *p) {
    return (struct block){_mm256_loadu_si256((const __m256i *)p),
                          _mm256_loadu_si256((const __m256i *)(p + 32))};
}

static inline uint64_t mask_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline uint64_t has_bit(struct block bytes, int below) {
    return mask_of(_mm256_slli_epi16(bytes.low, below), _mm256_slli_epi16(bytes.high, below));
}

static inline uint64_t has_none(struct block bytes, int bits) {
    __m256i these = _mm256_set1_epi8((char)bits), zero = _mm256_setzero_si256();
    return mask_of(_mm256_cmpeq_epi8(_mm256_and_si256(bytes.low, these), zero),
                   _mm256_cmpeq_epi8(_mm256_and_si256(bytes.high, these), zero));
}

static inline bool any_has(struct block bytes, int bits) {
    return !_mm256_testz_si256(_mm256_or_si256(bytes.low, bytes.high), _mm256_set1_epi8((char)bits));
}

static inline __m256i look_up_nibbles(__m256i text, __m128i lower, __m128i upper) {
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(text, 4), _mm256_set1_epi8(0x0f));
    return _mm256_and_si256(_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(lower), text),
                            _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(upper), high));
}

static inline struct block kinds_of(struct block text, const uint8_t lower[16], const uint8_t upper[16]) {
    __m128i by_lower = _mm_load_si128((const __m128i *)lower),
            by_upper = _mm_load_si128((const __m128i *)upper);
    return (struct block){look_up_nibbles(text.low, by_lower, by_upper),
                          look_up_nibbles(text.high, by_lower, by_upper)};
}

#include "lib/kernels/read_nibbles.inc.h"

static inline uint32_t text_digits(const char *p) {
    __m256i values = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi8('0'));
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_min_epu8(values, _mm256_set1_epi8(9)), values));
}

/* Numbers of four digits. */
static inline __m256i join_fours(__m256i digits) {
    const __m256i tens = _mm256_set1_epi16(1 << 8 | 10), hundreds = _mm256_set1_epi32(1 << 16 | 100);
    return _mm256_madd_epi16(_mm256_maddubs_epi16(digits, tens), hundreds);
}

/* The 32 bytes at p as eight numbers of four digits. */
static inline __m256i long_fours(const char *p, uint8_t point, uint8_t kept) {
    const __m256i lane = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                                          19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    __m256i left = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)point), lane);
    __m256i lanes = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)kept), lane);
    __m256i text = _mm256_blendv_epi8(_mm256_loadu_si256((const __m256i *)(p + 1)),
                                      _mm256_loadu_si256((const __m256i *)p), left);
    text = _mm256_and_si256(_mm256_sub_epi8(text, _mm256_set1_epi8('0')), lanes);
    return join_fours(text);
}

/* Numbers of eight: in the lower half the upper two of `a`, then of `b`; in the upper half the lower two. */
static inline __m256i join_eights(__m256i a, __m256i b) {
    return _mm256_madd_epi16(_mm256_packus_epi32(a, b), _mm256_set1_epi32(1 << 16 | 10000));
}

static inline void text_groups(const char *p, int point, int kept, uint64_t *upper, uint64_t *lower) {
    __m256i fours = long_fours(p, (uint8_t)point, (uint8_t)kept), eights = join_eights(fours, fours);
    *upper = (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights));
    *lower = (uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1));
}

/* Whether a minus stands in front of each of eight. */
static inline void find_minuses(const char *text, const uint16_t *first, uint32_t *negative) {
    for (int i = 0; i < 8; i++)
        negative[i] = text[first[i] - 1] == '-';
}

static inline void text_long_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                    const uint8_t *kept, uint64_t *upper, uint64_t *lower,
                                    uint32_t *negative) {
    for (int i = 0; i < 8; i += 2) {
        __m256i eights = join_eights(long_fours(text + first[i], point[i], kept[i]),
                                     long_fours(text + first[i + 1], point[i + 1], kept[i + 1]));
        _mm_storeu_si128((__m128i *)(upper + i), _mm256_castsi256_si128(eights));
        _mm_storeu_si128((__m128i *)(lower + i), _mm256_extracti128_si256(eights, 1));
    }
    find_minuses(text, first, negative);
}

/* Each of two bytes in 16 bytes. */
static inline __m256i spread_two(const uint8_t bytes[2]) {
    const __m256i places = _mm256_setr_epi64x(0, 0, INT64_C(0x0101010101010101), INT64_C(0x0101010101010101));
    uint16_t two;
    memcpy(&two, bytes, sizeof two);
    return _mm256_shuffle_epi8(_mm256_set1_epi16((short)two), places);
}

/* Numbers of four digits, of two numbers, whose bytes begin with the one in front of the digits. */
static inline __m256i short_fours(__m256i text, const uint8_t *point, const uint8_t *kept) {
    const __m256i lane =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    __m256i left = _mm256_cmpgt_epi8(spread_two(point), lane),
            lanes = _mm256_cmpgt_epi8(spread_two(kept), lane);
    __m256i from = _mm256_add_epi8(_mm256_add_epi8(lane, _mm256_set1_epi8(2)), left);
    __m256i digits = _mm256_sub_epi8(_mm256_shuffle_epi8(text, from), _mm256_set1_epi8('0'));
    return join_fours(_mm256_and_si256(digits, lanes));
}

static inline __m256i load_two(const char *text, const uint16_t first[2]) {
    __m256i two = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(text + first[0])));
    return _mm256_inserti128_si256(two, _mm_loadu_si128((const __m128i *)(text + first[1])), 1);
}

static inline void text_short_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                     const uint8_t *kept, uint64_t *upper, uint32_t *negative) {
    for (int i = 0; i < 8; i += 4) {
        __m256i low = load_two(text - 1, first + i), high = load_two(text - 1, first + i + 2);
        __m256i eights = join_eights(short_fours(low, point + i, kept + i),
                                     short_fours(high, point + i + 2, kept + i + 2));
        _mm256_storeu_si256((__m256i *)(upper + i),
                            _mm256_permute4x64_epi64(eights, _MM_SHUFFLE(3, 1, 2, 0)));
    }
    find_minuses(text, first, negative);
}

static inline void join_words(const uint64_t words[8], int32_t values[8]) {
    __m256i low = join_fours(_mm256_loadu_si256((const __m256i *)words)),
            high = join_fours(_mm256_loadu_si256((const __m256i *)(words + 4)));
    _mm256_storeu_si256((__m256i *)values,
                        _mm256_permute4x64_epi64(join_eights(low, high), _MM_SHUFFLE(3, 1, 2, 0)));
}

static inline void look_up(const double *table, const int8_t *index, double *out) {
    for (int i = 0; i < 8; i++)
        out[i] = table[index[i]];
}

#include "lib/kernels/plain.inc.h"
#include "lib/kernels/read.inc.h"
#include "lib/kernels/structure.inc.h"

const struct read_kernels read_kernels_avx2 = {
    .structure_walk = structure_walk,
    .read_f32 = read_f32,
    .read_f64 = read_f64,
    .plain_bytes = plain_bytes,
};
