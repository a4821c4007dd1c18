/*
 * Reading arrays of numbers with SSE4.2. Nothing here may run before kernels_init has asked the CPU.
 */
#include "lib/kernels/read_kernels.h"

#include <nmmintrin.h>
#include <string.h>

/* 64 bytes of text. */
struct quad {
    __m128i part[4];
};

static inline __m128i load(const char *p) {
    return _mm_loadu_si128((const __m128i *)p);
}

static inline struct quad load_quad(const char *p) {
    return (struct quad){{load(p), load(p + 16), load(p + 32), load(p + 48)}};
}

static inline uint64_t mask_of(__m128i part, int number) {
    return (uint64_t)(uint32_t)_mm_movemask_epi8(part) << (16 * number);
}

static inline uint64_t equal(struct quad text, char c) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= mask_of(_mm_cmpeq_epi8(text.part[i], _mm_set1_epi8(c)), i);
    return mask;
}

/* Bytes of at most `c`, without sign. */
static inline uint64_t at_most(struct quad text, char c) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= mask_of(_mm_cmpeq_epi8(_mm_min_epu8(text.part[i], _mm_set1_epi8(c)), text.part[i]), i);
    return mask;
}

static inline uint64_t not_ascii(struct quad text) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= mask_of(text.part[i], i);
    return mask;
}

static inline struct text_masks text_masks(const char *p) {
    struct quad text = load_quad(p);
    uint64_t breaks = equal(text, '\n') | equal(text, '\r') | equal(text, '\t'),
             blanks = equal(text, ' ') | breaks;
    uint64_t commas = equal(text, ','), opens = equal(text, '['), closes = equal(text, ']');
    return (struct text_masks){
        .starts = first_of_runs(~(blanks | commas | opens | closes), p[-1]),
        .commas = commas,
        .opens = opens,
        .closes = closes,
        .strangers =
            not_ascii(text) | (at_most(text, ' ' - 1) & ~breaks) | equal(text, '"') | equal(text, '\\'),
    };
}

static inline struct number_masks text_kinds(const char *p) {
    struct quad text = load_quad(p);
    return (struct number_masks){
        .numbers = ~(at_most(text, ' ') | equal(text, ',') | equal(text, '[') | equal(text, ']')),
        .digits = at_most(text, '9') & ~at_most(text, '0' - 1),
        .points = equal(text, '.'),
        .minuses = equal(text, '-'),
        .zeros = equal(text, '0'),
    };
}

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

/* Eight at a time, whether there are as many or not. */
static inline int append_places(uint16_t *list, int place, uint64_t bits) {
    int count = __builtin_popcountll(bits);
    for (int done = 0; done < count; done += 8)
        for (int i = 0; i < 8; i++, bits &= bits - 1)
            list[done + i] = (uint16_t)(place + (int)__builtin_ctzll(bits | UINT64_C(1) << 63));
    return count;
}

static inline void look_up(const double *table, const int8_t *index, double *out) {
    for (int i = 0; i < 8; i++)
        out[i] = table[index[i]];
}

static inline uint64_t text_plain(const char *p) {
    struct quad text = load_quad(p);
    return ~(not_ascii(text) | at_most(text, ' ' - 1) | equal(text, '"') | equal(text, '\\'));
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
