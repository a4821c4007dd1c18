/*
 * The base64 kernels of a level whose vectors are lanes of 16 bytes; the contract is in lib/kernels/kernels.h.
 *
 * Source: W. Muła, D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", ACM Transactions on
 * the Web 12(3), 2018: the alphabet is five ranges with an offset each, so that tables of 16 bytes, which a shuffle
 * looks up, do for both ways; multiplications move bits by a distance of each word's own. A group of three bytes or
 * four characters has 32 bits of a vector. The including file defines
 *
 *   vec_u8, vec_i8, vec_u16, vec_u32  GNU vectors of one size
 *   ENCODE_READS, DECODE_WRITES       bytes that gather_data reads and scatter_data writes
 *   broadcast(t)                      the 16 bytes at t in every lane
 *   look_up(t, i)                     t[i & 15] of the same lane; 0 where bit 7 of i is set
 *   above(v, n)                       v - n, or 0 where that is negative
 *   high_halves(a, b)                 a * b >> 16, by words
 *   add_pairs(a, b)                   a[2i] * b[2i] + a[2i + 1] * b[2i + 1] of bytes, as words
 *   add_word_pairs(a, b)              the same of words, as 32-bit numbers
 *   any_bit(v)                        whether a bit of v is set
 *   gather_data(p)                    vec_u8 with 12 bytes from p in each lane, and 4 of any value behind them
 *   scatter_data(p, v)                the reverse; from its last 12 bytes on, what it writes may have any value
 */

enum { VEC_BYTES = sizeof(vec_u8), VEC_GROUPS = VEC_BYTES / 4 };

static inline vec_u8 load_text(const char *p) {
    vec_u8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_text(char *p, vec_u8 v) {
    memcpy(p, &v, sizeof v);
}

/* The words `even` and `odd` in turn, the first in the low half of each group. */
static inline vec_u16 alternate(uint32_t even, uint32_t odd) {
    return (vec_u16)((vec_u32){0} + (even | odd << 16));
}

/*
 * The bytes x, y, z of each group as four numbers below 64. In the order y, x, z, y the even word is x·256 + y,
 * which has the first number in bits 10 to 15 and the second in 4 to 9, and the odd one y·256 + z, which has the third
 * in 6 to 11 and the fourth in 0 to 5.
 */
static inline vec_u8 split_groups(vec_u8 data) {
    static const uint8_t order[16] = {1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10};
    vec_u16 words = (vec_u16)look_up(data, broadcast(order));
    vec_u16 first_third = high_halves(words & alternate(0xfc00, 0x0fc0), alternate(1 << 6, 1 << 10));
    vec_u16 second_fourth = (words & alternate(0x03f0, 0x003f)) * alternate(1 << 4, 1 << 8);
    return (vec_u8)(first_third | second_fourth);
}

/* Offset 0 serves 26 to 51, 1 to 10 the digits' 52 to 61, 11 and 12 the signs, 13 serves 0 to 25. */
static inline vec_u8 characters_of(vec_u8 values) {
    enum { SMALL = 'a' - 26, DIGIT = 256 + '0' - 52, PLUS = 256 + '+' - 62, SLASH = 256 + '/' - 63 };
    static const uint8_t offsets[16] = {SMALL, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT,
                                        DIGIT, DIGIT, DIGIT, DIGIT, PLUS,  SLASH, 'A'};
    vec_u8 below_26 = (vec_u8)((vec_i8)values < 26);
    return values + look_up(broadcast(offsets), above(values, 51) | (below_26 & 13));
}

static size_t encode(char *text, const uint8_t *data, size_t groups) {
    size_t done = 0;
    for (; (groups - done) * 3 >= ENCODE_READS; done += VEC_GROUPS)
        store_text(text + done * 4, characters_of(split_groups(gather_data(data + done * 3))));
    return done;
}

/*
 * Not 0 where a character is none of the alphabet. A character's high half says which low halves do not fit: it
 * stands for one of these sets, and the low half for all sets that it is in.
 */
static inline vec_u8 faults_of(vec_u8 text) {
    enum {
        NO_SIGN = 1,   /* 2x: + and / do */
        NO_DIGIT = 2,  /* 3x: 0 to 9 do */
        NO_A_TO_O = 4, /* 4x and 6x: 1 to 15 do */
        NO_P_TO_Z = 8, /* 5x and 7x: 0 to 10 do */
        NOTHING = 16,  /* the others: none does */
        MIDDLE = NOTHING | NO_SIGN,
        LAST = NOTHING | NO_DIGIT | NO_P_TO_Z,
    };
    static const uint8_t of_high[16] = {NOTHING,   NOTHING,   NO_SIGN,   NO_DIGIT, NO_A_TO_O, NO_P_TO_Z,
                                        NO_A_TO_O, NO_P_TO_Z, NOTHING,   NOTHING,  NOTHING,   NOTHING,
                                        NOTHING,   NOTHING,   NOTHING,   NOTHING};
    static const uint8_t of_low[16] = {MIDDLE | NO_A_TO_O, MIDDLE,         MIDDLE,         MIDDLE,
                                       MIDDLE,             MIDDLE,         MIDDLE,         MIDDLE,
                                       MIDDLE,             MIDDLE,         MIDDLE | NO_DIGIT, LAST,
                                       LAST | NO_SIGN,     LAST | NO_SIGN, LAST | NO_SIGN, LAST};
    return look_up(broadcast(of_high), text >> 4) & look_up(broadcast(of_low), text & 15);
}

/* The offset is the high half's, but + and / have one in common: / takes the one before. */
static inline vec_u8 values_of(vec_u8 text) {
    enum { SMALL = 256 + 26 - 'a', DIGIT = 52 - '0', PLUS = 62 - '+', SLASH = 63 - '/', LARGE = 256 - 'A' };
    static const uint8_t offsets[16] = {0, SLASH, PLUS, DIGIT, LARGE, LARGE, SMALL, SMALL};
    vec_u8 is_slash = (vec_u8)(text == '/');
    return text + look_up(broadcast(offsets), (text >> 4) + is_slash);
}

/* The numbers a, b, c, d of each group as ((a·64 + b)·64 + c)·64 + d, and its three bytes, the highest first, to the
 * front of the lane. */
static inline vec_u8 join_groups(vec_u8 values) {
    static const uint8_t order[16] = {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 128, 128, 128, 128};
    vec_u16 pairs = add_pairs(values, (vec_u8)alternate(1 << 6 | 1 << 8, 1 << 6 | 1 << 8));
    return look_up((vec_u8)add_word_pairs(pairs, alternate(1 << 12, 1)), broadcast(order));
}

static size_t decode(uint8_t *data, const char *text, size_t groups) {
    size_t done = 0;
    for (; (groups - done) * 3 >= DECODE_WRITES; done += VEC_GROUPS) {
        vec_u8 characters = load_text(text + done * 4);
        if (any_bit(faults_of(characters)))
            break;
        scatter_data(data + done * 3, join_groups(values_of(characters)));
    }
    return done;
}
