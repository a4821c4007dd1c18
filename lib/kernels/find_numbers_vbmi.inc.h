/* find_numbers of read.inc.h with the tables of read_vbmi.inc.h. */

/* The same places, and odd for the same numbers. The byte at text - 1 may be read. */
static inline __attribute__((always_inline)) void find_numbers(const char *text, struct places *places, int block,
                                                               struct block_carry *c) {
    __m512i bytes = _mm512_loadu_si512(text), is = look_up_ascii(in_number, bytes);
    __m512i both = _mm512_and_si512(is, look_up_ascii(in_front_of_number, _mm512_loadu_si512(text - 1)));
    uint64_t first = _mm512_movepi8_mask(both), wrong = have_bits(both, WRONG);
    uint64_t digits = have_bits(is, DIGIT), points = have_bits(is, POINT), sum;
    /* from a number's first digit the sum carries to the byte behind the digits */
    uint64_t carry = __builtin_add_overflow(digits, first, &sum);
    carry |= __builtin_add_overflow(sum, c->digits, &sum);
    uint64_t stops = sum & ~digits;
    uint64_t zeros = first & _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('0'));
    places->first[block] = first;
    places->point[block] = stops;
    places->end[block] = have_bits(both, ENDS);
    c->odd |= wrong | (points & ~stops) | ((zeros << 1 | c->zero) & digits);
    c->others |= have_bits(is, POINT | MINUS);
    c->zero = zeros >> 63;
    c->digits = carry;
}
