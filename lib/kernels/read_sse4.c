/*
 * Reading arrays of numbers with SSE4.2. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/kernels/read_kernels.h"

#include <nmmintrin.h>
#include <string.h>

struct block {
    __m128i part[4];
};

static inline __m128i load(const char *p) {
    return _mm_loadu_si128((const __m128i *)p);
}

static inline struct block load_block(const char *p) {
    return (struct block){{load(p), load(p + 16), load(p + 32), load(p + 48)}};
}

static inline uint64_t mask_of(__m128i part, int number) {
    return (uint64_t)(uint32_t)_mm_movemask_epi8(part) << (16 * number);
}

static inline uint64_t has_bit(struct block bytes, int below) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= mask_of(_mm_slli_epi16(bytes.part[i], below), i);
    return mask;
}

static inline uint64_t has_none(struct block bytes, int bits) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i these = _mm_and_si128(bytes.part[i], _mm_set1_epi8((char)bits));
        mask |= mask_of(_mm_cmpeq_epi8(these, _mm_setzero_si128()), i);
    }
    return mask;
}

static inline bool any_has(struct block bytes, int bits) {
    __m128i all =
        _mm_or_si128(_mm_or_si128(bytes.part[0], bytes.part[1]), _mm_or_si128(bytes.part[2], bytes.part[3]));
    return !_mm_testz_si128(all, _mm_set1_epi8((char)bits));
}

static inline struct block kinds_of(struct block text, const uint8_t lower[16], const uint8_t upper[16]) {
    __m128i by_lower = _mm_load_si128((const __m128i *)lower),
            by_upper = _mm_load_si128((const __m128i *)upper);
    struct block kinds;
    for (int i = 0; i < 4; i++) {
        __m128i high = _mm_and_si128(_mm_srli_epi16(text.part[i], 4), _mm_set1_epi8(0x0f));
        kinds.part[i] =
            _mm_and_si128(_mm_shuffle_epi8(by_lower, text.part[i]), _mm_shuffle_epi8(by_upper, high));
    }
    return kinds;
}

#include "lib/kernels/read_nibbles.inc.h"

static inline uint32_t text_digits(const char *p) {
    uint32_t digits = 0;
    for (int i = 0; i < 2; i++) {
        __m128i values = _mm_sub_epi8(load(p + 16 * i), _mm_set1_epi8('0'));
        digits |= (uint32_t)mask_of(_mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values), i);
    }
    return digits;
}

/* Two numbers of eight digits from lanes `lane` of the 32. */
static inline uint64_t half_groups(const char *p, __m128i lane, int point, int kept) {
    const __m128i tens = _mm_set1_epi16(1 << 8 | 10), hundreds = _mm_set1_epi32(1 << 16 | 100),
                  myriads = _mm_set1_epi32(1 << 16 | 10000);
    __m128i right = _mm_cmpgt_epi8(lane, _mm_set1_epi8((char)(point - 1)));
    __m128i lanes = _mm_cmpgt_epi8(_mm_set1_epi8((char)kept), lane);
    __m128i text = _mm_blendv_epi8(load(p), load(p + 1), right);
    text = _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8('0')), lanes);
    __m128i fours = _mm_madd_epi16(_mm_maddubs_epi16(text, tens), hundreds);
    return (uint64_t)_mm_cvtsi128_si64(_mm_madd_epi16(_mm_packus_epi32(fours, fours), myriads));
}

static inline void text_groups(const char *p, int point, int kept, uint64_t *upper, uint64_t *lower) {
    const __m128i lane = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    *upper = half_groups(p, lane, point, kept);
    *lower = half_groups(p + 16, _mm_add_epi8(lane, _mm_set1_epi8(16)), point, kept);
}

static inline void text_short_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                     const uint8_t *kept, uint64_t *upper, uint32_t *negative) {
    const __m128i lane = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int i = 0; i < 8; i++) {
        upper[i] = half_groups(text + first[i], lane, point[i], kept[i]);
        negative[i] = text[first[i] - 1] == '-';
    }
}

static inline void join_words(const uint64_t words[8], int32_t values[8]) {
    const __m128i tens = _mm_set1_epi16(1 << 8 | 10), hundreds = _mm_set1_epi32(1 << 16 | 100),
                  myriads = _mm_set1_epi32(1 << 16 | 10000);
    for (int i = 0; i < 8; i += 4) {
        __m128i low = _mm_loadu_si128((const __m128i *)(words + i)),
                high = _mm_loadu_si128((const __m128i *)(words + i + 2));
        __m128i low_fours = _mm_madd_epi16(_mm_maddubs_epi16(low, tens), hundreds),
                high_fours = _mm_madd_epi16(_mm_maddubs_epi16(high, tens), hundreds);
        _mm_storeu_si128((__m128i *)(values + i),
                         _mm_madd_epi16(_mm_packus_epi32(low_fours, high_fours), myriads));
    }
}

static inline void look_up(const double *table, const int8_t *index, double *out) {
    for (int i = 0; i < 8; i++)
        out[i] = table[index[i]];
}

#include "lib/kernels/plain.inc.h"
#include "lib/kernels/read.inc.h"
#include "lib/kernels/structure.inc.h"

const struct read_kernels read_kernels_sse4 = {
    .structure_walk = structure_walk,
    .read_f32 = read_f32,
    .read_f64 = read_f64,
    .plain_bytes = plain_bytes,
};
