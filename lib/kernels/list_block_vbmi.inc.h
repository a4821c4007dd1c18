/*
 * list_block of lib/kernels/read.inc.h with VBMI, whose shuffle looks all of ASCII up: 64 bytes in one instruction.
 *
 * What may follow what decides a number's grammar, so two tables hold a bit for each rule; it is broken, or what
 * it looks for is there, where both the byte's and its predecessor's entry have the bit:
 *
 *   bit         byte                 predecessor
 *   PLAIN_xxx   what the byte is     what must not stand in front of it
 *   ENDS        between numbers      of a number           here a number has ended
 *   FIRST       digit                between, minus        here a number's digits begin
 *
 * The structure pass has seen to it that the text is ASCII.
 */

enum {
    BETWEEN = 1,
    DIGIT = 2,
    POINT = 4,
    MINUS = 8,
    OTHER = 16, /* must not be there at all */
    ENDS = 64,
    FIRST = 128,
    WRONG = BETWEEN | DIGIT | POINT | MINUS | OTHER,
};

#define BETWEEN_IS (BETWEEN | ENDS)
#define DIGIT_IS   (DIGIT | FIRST)
/* In front of ... must not stand what these name: after a point or a minus only a digit, after a digit no minus. */
#define AFTER_BETWEEN (POINT | OTHER | FIRST)
#define AFTER_DIGIT   (MINUS | OTHER | ENDS)
#define AFTER_POINT   (BETWEEN | POINT | MINUS | OTHER | ENDS)
#define AFTER_MINUS   (BETWEEN | POINT | MINUS | OTHER | ENDS | FIRST)
#define AFTER_OTHER   (OTHER | ENDS)

#define TEN(x)   x, x, x, x, x, x, x, x, x, x
#define TIMES(x) TEN(x), TEN(x), TEN(x), x, x, x
/* The 128 entries for controls and blank, then ! to +, comma, minus, point, slash, digits, the rest around brackets. */
#define ASCII_TABLE(between, digit, point, minus, other)                                                        \
    {                                                                                                           \
        TIMES(between), TEN(other), other, between, minus, point, other, TEN(digit), TEN(other), TEN(other),    \
            TEN(other), other, other, other, between, other, between, TEN(other), TEN(other),       \
            TEN(other), other, other, other, other                                                              \
    }

_Alignas(64) static const uint8_t what_is[128] = ASCII_TABLE(BETWEEN_IS, DIGIT_IS, POINT, MINUS, OTHER);
_Alignas(64) static const uint8_t what_must_not_follow[128] =
    ASCII_TABLE(AFTER_BETWEEN, AFTER_DIGIT, AFTER_POINT, AFTER_MINUS, AFTER_OTHER);

static inline __m512i look_up_ascii(const uint8_t table[128], const char *text) {
    return _mm512_permutex2var_epi8(_mm512_load_si512(table), _mm512_loadu_si512(text), _mm512_load_si512(table + 64));
}

/* See read.inc.h: the same lists, and odd for the same numbers. */
static inline __attribute__((always_inline)) void list_block(struct segment *s, const char *text, int place,
                                                             struct listed *listed, struct block_carry *c) {
    __m512i is = look_up_ascii(what_is, text), after = look_up_ascii(what_must_not_follow, text - 1);
    __m512i both = _mm512_and_si512(is, after), zero = _mm512_set1_epi8('0');
    uint64_t first = _mm512_movepi8_mask(both), digits = _mm512_test_epi8_mask(is, _mm512_set1_epi8(DIGIT)), sum;
    uint64_t ends = _mm512_test_epi8_mask(both, _mm512_set1_epi8(ENDS));
    uint64_t signs = _mm512_test_epi8_mask(is, _mm512_set1_epi8(POINT | MINUS));
    uint64_t points = _mm512_test_epi8_mask(is, _mm512_set1_epi8(POINT));
    uint64_t wrong = _mm512_test_epi8_mask(both, _mm512_set1_epi8(WRONG));
    /* from a number's first digit the sum carries to the byte behind the digits */
    uint64_t carry = __builtin_add_overflow(digits, first, &sum);
    carry |= __builtin_add_overflow(sum, c->digits, &sum);
    uint64_t stops = sum & ~digits;
    uint64_t zeros = first & _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(text), zero);
    c->odd |= wrong | (points & ~stops) | ((zeros << 1 | c->zero) & digits);
    c->others |= signs;
    c->zero = zeros >> 63;
    c->digits = carry;
    listed->first += append_places(s->first + listed->first, place, first);
    listed->point += append_places(s->point + listed->point, place, stops);
    listed->end += append_places(s->end + listed->end, place, ends);
}
