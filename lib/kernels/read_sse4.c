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

static inline struct text_masks text_masks(const char *p) {
    struct quad text = load_quad(p);
    uint64_t breaks = equal(text, '\n') | equal(text, '\r') | equal(text, '\t');
    return (struct text_masks){
        .blanks = equal(text, ' ') | breaks,
        .commas = equal(text, ','),
        .opens = equal(text, '['),
        .closes = equal(text, ']'),
        .strangers = (at_most(text, ' ' - 1) & ~breaks) | equal(text, '"') | equal(text, '\\'),
    };
}

static inline uint64_t text_numbers(const char *p, uint64_t *digits) {
    struct quad text = load_quad(p);
    *digits = at_most(text, '9') & ~at_most(text, '0' - 1);
    return ~(at_most(text, ' ') | equal(text, ',') | equal(text, '[') | equal(text, ']'));
}

static inline uint32_t text_digits(const char *p, uint32_t *points) {
    uint32_t digits = 0;
    *points = 0;
    for (int i = 0; i < 2; i++) {
        __m128i text = load(p + 16 * i), values = _mm_sub_epi8(text, _mm_set1_epi8('0'));
        *points |= (uint32_t)mask_of(_mm_cmpeq_epi8(text, _mm_set1_epi8('.')), i);
        digits |= (uint32_t)mask_of(_mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values), i);
    }
    return digits;
}

/* Two numbers of eight digits from lanes `lane` of the 32. */
static inline uint64_t half_groups(const char *p, __m128i lane, int moved, int first) {
    const __m128i tens = _mm_set1_epi16(1 << 8 | 10), hundreds = _mm_set1_epi32(1 << 16 | 100),
                  myriads = _mm_set1_epi32(1 << 16 | 10000);
    __m128i left = _mm_cmpgt_epi8(_mm_set1_epi8((char)moved), lane);
    __m128i kept = _mm_cmpgt_epi8(lane, _mm_set1_epi8((char)(first - 1)));
    __m128i text = _mm_blendv_epi8(load(p), load(p - 1), left);
    text = _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8('0')), kept);
    __m128i fours = _mm_madd_epi16(_mm_maddubs_epi16(text, tens), hundreds);
    return (uint64_t)_mm_cvtsi128_si64(_mm_madd_epi16(_mm_packus_epi32(fours, fours), myriads));
}

static inline void text_groups(const char *p, int moved, int first, uint64_t *upper, uint64_t *lower) {
    const __m128i lane = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    *upper = half_groups(p, lane, moved, first);
    *lower = half_groups(p + 16, _mm_add_epi8(lane, _mm_set1_epi8(16)), moved, first);
}

static inline uint64_t text_plain(const char *p) {
    struct quad text = load_quad(p);
    uint64_t above = 0;
    for (int i = 0; i < 4; i++)
        above |= mask_of(text.part[i], i);
    return ~(above | at_most(text, ' ' - 1) | equal(text, '"') | equal(text, '\\'));
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
