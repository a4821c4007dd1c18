/*
 * What bytes of text are, where a shuffle looks 16 entries up, for one level. The including file defines
 *
 *   struct block               64 bytes
 *   load_block(p)              those at p
 *   kinds_of(text, lower, upper)
 *                              lower[c % 16] & upper[c / 16] for each byte c, and 0 for what is not ASCII
 *   has_bit(bytes, below)      which bytes have bit 7 - below; which are not ASCII, of text
 *   has_none(bytes, bits)      which have none of `bits`
 *   any_has(bytes, bits)       whether there is one that has
 *
 * So a kind of byte is where some rows and some columns of the table of ASCII cross, and there are eight of them.
 */

/* ---- structure ---- */

enum {
    COMMA = 1 << 7,     /* 2c */
    OPEN = 1 << 6,      /* 5b, and the backslash, 5c */
    CLOSE = 1 << 5,     /* 5d, and the backslash */
    BLANK = 1 << 4,     /* 20 */
    BREAK = 1 << 3,     /* 09, 0a, 0d */
    QUOTE = 1 << 2,     /* 22 */
    CONTROL_0 = 1 << 1, /* 00 to 0f, but for breaks */
    CONTROL_1 = 1,      /* 10 to 1f */
    CONTROL = CONTROL_0 | CONTROL_1,
    STRANGER = QUOTE | CONTROL,
};

_Alignas(16) static const uint8_t structure_lower[16] = {
    BLANK | CONTROL,   CONTROL,           QUOTE | CONTROL,  CONTROL, /* 0 to 3 */
    CONTROL,           CONTROL,           CONTROL,          CONTROL,
    CONTROL,           BREAK | CONTROL_1, BREAK | CONTROL_1, OPEN | CONTROL, /* 8 to b */
    COMMA | OPEN | CLOSE | CONTROL, BREAK | CLOSE | CONTROL_1, CONTROL, CONTROL,
};
_Alignas(16) static const uint8_t structure_upper[16] = {
    BREAK | CONTROL_0, CONTROL_1, BLANK | QUOTE | COMMA, [5] = OPEN | CLOSE};

static inline struct text_masks text_masks(const char *p) {
    struct block text = load_block(p), kinds = kinds_of(text, structure_lower, structure_upper);
    struct text_masks m = {.numbers = has_none(kinds, 0xff), .commas = has_bit(kinds, 0)};
    if (any_has(kinds, OPEN | CLOSE | STRANGER) || any_has(text, 0x80)) {
        uint64_t opens = has_bit(kinds, 1), closes = has_bit(kinds, 2);
        m.opens = opens & ~closes;
        m.closes = closes & ~opens;
        m.strangers = (opens & closes) | ~has_none(kinds, STRANGER) | has_bit(text, 0);
    }
    return m;
}

static inline uint64_t text_plain(const char *p) {
    struct block text = load_block(p), kinds = kinds_of(text, structure_lower, structure_upper);
    return has_none(kinds, STRANGER | BREAK) & ~(has_bit(kinds, 1) & has_bit(kinds, 2)) & ~has_bit(text, 0);
}

/* ---- the insides of numbers ---- */

enum {
    DIGIT = 1 << 7,    /* 30 to 39 */
    POINT = 1 << 6,    /* 2e */
    MINUS = 1 << 5,    /* 2d */
    ZERO = 1 << 4,     /* 30 */
    SEPARATOR = 1 << 3, /* 2c and 20 */
    BRACKET = 1 << 2,  /* 5b and 5d */
    BELOW = 1 << 1,    /* 00 to 1f */
    BETWEEN = SEPARATOR | BRACKET | BELOW,
};

_Alignas(16) static const uint8_t number_lower[16] = {
    DIGIT | ZERO | SEPARATOR | BELOW, DIGIT | BELOW, DIGIT | BELOW, DIGIT | BELOW, /* 0 to 3 */
    DIGIT | BELOW, DIGIT | BELOW, DIGIT | BELOW, DIGIT | BELOW,
    DIGIT | BELOW, DIGIT | BELOW, BELOW, BRACKET | BELOW, /* 8 to b */
    SEPARATOR | BELOW, MINUS | BRACKET | BELOW, POINT | BELOW, BELOW,
};
_Alignas(16) static const uint8_t number_upper[16] = {
    BELOW, BELOW, SEPARATOR | MINUS | POINT, DIGIT | ZERO, [5] = BRACKET};

static inline struct number_masks text_kinds(const char *p) {
    struct block kinds = kinds_of(load_block(p), number_lower, number_upper);
    return (struct number_masks){
        .numbers = has_none(kinds, BETWEEN),
        .digits = has_bit(kinds, 0),
        .points = has_bit(kinds, 1),
        .minuses = has_bit(kinds, 2),
        .zeros = has_bit(kinds, 3),
    };
}
