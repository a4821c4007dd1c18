/*
 * What reading does with VBMI, whose shuffle looks all of ASCII up: 64 bytes in one instruction.
 *
 * What may follow what is what the grammar of arrays and numbers says, so two tables hold a bit for each question;
 * the answer is yes where both the byte's entry and its predecessor's have the bit. The shuffle ignores a byte's upper
 * bit: text_masks refuses what is not ASCII.
 */

static inline __m512i look_up_ascii(const uint8_t table[128], __m512i text) {
    return _mm512_permutex2var_epi8(_mm512_load_si512(table), text, _mm512_load_si512(table + 64));
}

static inline uint64_t have_bits(__m512i entries, int bits) {
    return _mm512_test_epi8_mask(entries, _mm512_set1_epi8((char)bits));
}

#define TWO(x)   x, x
#define NINE(x)  TWO(x), TWO(x), TWO(x), TWO(x), x
#define TEN(x)   NINE(x), x
#define THIRTY(x) TEN(x), TEN(x), TEN(x)

/* ---- structure ---- */

enum { IS_COMMA = 1, IS_OPEN = 2, IS_CLOSE = 4, IS_STRANGER = 8, IS_NUMBER = 128 };

/* 128 entries: nine controls, tab and newline, two controls, return, 18 controls, blank; then "!" and the quote, "#" to
 * "+", the comma, "-" to "Z", the brackets around the backslash, "^" and so on. */
_Alignas(64) static const uint8_t in_structure[128] = {
    NINE(IS_STRANGER), TWO(0), TWO(IS_STRANGER), 0, NINE(IS_STRANGER), NINE(IS_STRANGER), 0, IS_NUMBER, IS_STRANGER,
    NINE(IS_NUMBER), IS_COMMA, THIRTY(IS_NUMBER), TEN(IS_NUMBER), TWO(IS_NUMBER), TWO(IS_NUMBER), TWO(IS_NUMBER), IS_OPEN,
    IS_STRANGER, IS_CLOSE, THIRTY(IS_NUMBER), TWO(IS_NUMBER), TWO(IS_NUMBER)};

static inline struct text_masks text_masks(const char *p) {
    __m512i text = _mm512_loadu_si512(p), is = look_up_ascii(in_structure, text);
    struct text_masks m = {
        .numbers = _mm512_movepi8_mask(is),
        .commas = have_bits(is, IS_COMMA),
        .strangers = have_bits(is, IS_STRANGER) | _mm512_movepi8_mask(text),
    };
    if (have_bits(is, IS_OPEN | IS_CLOSE) != 0) {
        m.opens = have_bits(is, IS_OPEN);
        m.closes = have_bits(is, IS_CLOSE);
    }
    return m;
}

/* ---- numbers ---- */

/*
 *   bit      byte        predecessor
 *   WRONG    what it is  what must not stand behind it: behind a point or a minus only a digit, behind a digit no minus
 *   ENDS     between     of a number                          here a number has ended
 *   FIRST    digit       between, or a minus                  here a number's digits begin
 */
enum {
    BETWEEN = 1,
    DIGIT = 2,
    POINT = 4,
    MINUS = 8,
    OTHER = 16, /* must not be there at all */
    WRONG = BETWEEN | DIGIT | POINT | MINUS | OTHER,
    ENDS = 64,
    FIRST = 128,
};

/* 128 entries: controls and blank, "!" to "+", comma, minus, point, slash, digits, ":" to "Z", the brackets, and so on. */
#define NUMBER_TABLE(between, digit, point, minus, other)                                                         \
    {                                                                                                             \
        THIRTY(between), TWO(between), between, TEN(other), other, between, minus, point, other, TEN(digit),      \
            THIRTY(other), TWO(other), other, between, other, between, THIRTY(other), TWO(other), TWO(other)      \
    }

_Alignas(64) static const uint8_t in_number[128] = NUMBER_TABLE(BETWEEN | ENDS, DIGIT | FIRST, POINT, MINUS, OTHER);
_Alignas(64) static const uint8_t in_front_of_number[128] =
    NUMBER_TABLE(POINT | OTHER | FIRST, MINUS | OTHER | ENDS, BETWEEN | POINT | MINUS | OTHER | ENDS,
                 BETWEEN | POINT | MINUS | OTHER | ENDS | FIRST, OTHER | ENDS);

#undef TWO
#undef NINE
#undef TEN
#undef THIRTY
