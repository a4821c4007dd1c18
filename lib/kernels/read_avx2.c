/*
 * Reading arrays of numbers with AVX2. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/kernels/read_kernels.h"

#include <immintrin.h>
#include <string.h>

/* 64 bytes of text. */
struct pair {
    __m256i low, high;
};

static inline struct pair load_pair(const char *p) {
    return (struct pair){_mm256_loadu_si256((const __m256i *)p),
                         _mm256_loadu_si256((const __m256i *)(p + 32))};
}

static inline uint64_t mask_pair(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline uint64_t equal(struct pair text, char c) {
    __m256i wanted = _mm256_set1_epi8(c);
    return mask_pair(_mm256_cmpeq_epi8(text.low, wanted), _mm256_cmpeq_epi8(text.high, wanted));
}

/* Bytes of at most `c`, without sign. */
static inline uint64_t at_most(struct pair text, char c) {
    __m256i most = _mm256_set1_epi8(c);
    return mask_pair(_mm256_cmpeq_epi8(_mm256_min_epu8(text.low, most), text.low),
                     _mm256_cmpeq_epi8(_mm256_min_epu8(text.high, most), text.high));
}

static inline struct text_masks text_masks(const char *p) {
    struct pair text = load_pair(p);
    uint64_t breaks = equal(text, '\n') | equal(text, '\r') | equal(text, '\t'),
             blanks = equal(text, ' ') | breaks;
    uint64_t commas = equal(text, ','), opens = equal(text, '['), closes = equal(text, ']');
    return (struct text_masks){
        .starts = first_of_runs(~(blanks | commas | opens | closes), p[-1]),
        .commas = commas,
        .opens = opens,
        .closes = closes,
        .strangers = mask_pair(text.low, text.high) | (at_most(text, ' ' - 1) & ~breaks) | equal(text, '"') |
                     equal(text, '\\'),
    };
}

static inline struct number_masks text_kinds(const char *p) {
    struct pair text = load_pair(p);
    return (struct number_masks){
        .numbers = ~(at_most(text, ' ') | equal(text, ',') | equal(text, '[') | equal(text, ']')),
        .digits = at_most(text, '9') & ~at_most(text, '0' - 1),
        .points = equal(text, '.'),
        .minuses = equal(text, '-'),
        .zeros = equal(text, '0'),
    };
}

static inline uint32_t text_digits(const char *p) {
    __m256i values = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi8('0'));
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_min_epu8(values, _mm256_set1_epi8(9)), values));
}

static inline void text_groups(const char *p, int point, int kept, uint64_t *upper, uint64_t *lower) {
    const __m256i tens = _mm256_set1_epi16(1 << 8 | 10), hundreds = _mm256_set1_epi32(1 << 16 | 100),
                  myriads = _mm256_set1_epi32(1 << 16 | 10000);
    const __m256i lane = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                                          19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    __m256i right = _mm256_cmpgt_epi8(lane, _mm256_set1_epi8((char)(point - 1)));
    __m256i lanes = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)kept), lane);
    __m256i text = _mm256_blendv_epi8(_mm256_loadu_si256((const __m256i *)p),
                                      _mm256_loadu_si256((const __m256i *)(p + 1)), right);
    text = _mm256_and_si256(_mm256_sub_epi8(text, _mm256_set1_epi8('0')), lanes);
    __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(text, tens), hundreds);
    __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), myriads);
    *upper = (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights));
    *lower = (uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1));
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
    const __m256i tens = _mm256_set1_epi16(1 << 8 | 10), hundreds = _mm256_set1_epi32(1 << 16 | 100);
    const __m256i lane =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    __m256i left = _mm256_cmpgt_epi8(spread_two(point), lane),
            lanes = _mm256_cmpgt_epi8(spread_two(kept), lane);
    __m256i from = _mm256_add_epi8(_mm256_add_epi8(lane, _mm256_set1_epi8(2)), left);
    __m256i digits = _mm256_sub_epi8(_mm256_shuffle_epi8(text, from), _mm256_set1_epi8('0'));
    return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_and_si256(digits, lanes), tens), hundreds);
}

static inline __m256i load_two(const char *text, const uint16_t first[2]) {
    __m256i two = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(text + first[0])));
    return _mm256_inserti128_si256(two, _mm_loadu_si128((const __m128i *)(text + first[1])), 1);
}

static inline void text_short_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                     const uint8_t *kept, uint64_t *upper, uint32_t *negative) {
    const __m256i myriads = _mm256_set1_epi32(1 << 16 | 10000);
    for (int i = 0; i < 8; i += 4) {
        __m256i low = load_two(text - 1, first + i), high = load_two(text - 1, first + i + 2);
        __m256i fours = _mm256_packus_epi32(short_fours(low, point + i, kept + i),
                                            short_fours(high, point + i + 2, kept + i + 2));
        __m256i eights = _mm256_permute4x64_epi64(_mm256_madd_epi16(fours, myriads), _MM_SHUFFLE(3, 1, 2, 0));
        _mm256_storeu_si256((__m256i *)(upper + i), eights);
    }
    for (int i = 0; i < 8; i++)
        negative[i] = text[first[i] - 1] == '-';
}

/* Eight at a time, whether there are as many or not. */
static inline int append_places(uint16_t *list, int place, uint64_t bits) {
    int count = __builtin_popcountll(bits);
    for (int done = 0; done < count; done += 8)
        for (int i = 0; i < 8; i++, bits &= bits - 1)
            list[done + i] = (uint16_t)(place + (int)_tzcnt_u64(bits));
    return count;
}

static inline void look_up(const double *table, const int8_t *index, double *out) {
    for (int i = 0; i < 8; i++)
        out[i] = table[index[i]];
}

static inline uint64_t text_plain(const char *p) {
    struct pair text = load_pair(p);
    return ~(mask_pair(text.low, text.high) | at_most(text, ' ' - 1) | equal(text, '"') | equal(text, '\\'));
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
