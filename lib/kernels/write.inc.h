/*
 * Converting and putting for one level; the contract is in lib/kernels/write_kernels.h. The including file
 * defines
 *
 *   vec, LANES                       an integer vector, and how many 32-bit lanes it has
 *   OP(add_epi32)                    the intrinsic of that name for its width
 *   choice                           what a comparison of 32-bit lanes gives
 *   equal(a, b), above(a, b)         comparisons; above is signed a > b
 *   either(c, a, b)                  a where c, else b
 *   add_where(c, a, b)               a + b where c, else a
 *   choice_bits(c)                   a bit for each lane
 *   each64(x)                        x in all 64-bit lanes
 *   merge(even, odd)                 the lower halves of even's 64-bit lanes with the upper ones of odd's
 *   load_part(p, n)                  n < LANES numbers of 32 bits at p, then zeros; reads nothing behind them
 *   load_scales(index, &even, &odd)  write_scale_f32[index[2 i]] and write_scale_f32[index[2 i + 1]]
 *   to_nine(digits, &count)          digits * 10^(9 - count) for digits < 2^28, `count` of them; 0 has one
 *   last_nibble(v)                   of nibbles 0 … 9: 1 + the number of the highest that is not 0; none: < 0
 *   store_digits(to, part)           in order: part[j] has of each four groups of 128 bits number j
 *   store_marks(to, part)            in order: part[j] has of each four groups of 64 bits numbers 2 j, 2 j + 1
 *   put_one_f32(text, digits, masks)         32 bytes of text by one mask of write_layout_f32
 *   put_one_f64(text, digits, marks, masks)  32 bytes of text by two masks of write_layout_f64
 *
 * Lanes have 32 bits unless said otherwise. What is exact only for some values says for which.
 */

#define INLINED static inline __attribute__((always_inline))

static inline vec each(int32_t x) {
    return OP(set1_epi32)(x);
}

static inline vec each16(int16_t x) {
    return OP(set1_epi16)(x);
}

static inline vec load(const void *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(void *p, vec v) {
    memcpy(p, &v, sizeof v);
}

static inline vec greater_of(vec a, vec b) {
    return OP(max_epi32)(a, b);
}

/* a * 10 */
static inline vec tenfold(vec a) {
    return OP(add_epi32)(OP(slli_epi32)(a, 3), OP(slli_epi32)(a, 1));
}

/* ---- digits ---- */

/*
 * The digits of 8-digit numbers, as 0 … 9: eight bytes for each, the first digit first. part[0] has the
 * numbers 0 and 1 of each four, part[1] the others.
 */
struct eight {
    vec part[2];
};

/* n / 10^4 for every unsigned n: 3518437209 / 2^45 */
static inline vec divided_by_10000(vec n) {
    const vec factor = each64(3518437209);
    vec even = OP(srli_epi64)(OP(mul_epu32)(n, factor), 45);
    vec odd = OP(srli_epi64)(OP(mul_epu32)(OP(srli_epi64)(n, 32), factor), 13);
    return merge(even, odd);
}

/*
 * Each lane is upper + lower * 2^16, both below 10^4. Halved to pairs and digits by multiplications that
 * are exact for fours (5243 / 2^19) and pairs (6554 / 2^16).
 */
static inline struct eight spread(vec fours) {
    struct eight eight;
    vec hundreds = OP(srli_epi16)(OP(mulhi_epu16)(fours, each16(5243)), 3);
    vec rest = OP(sub_epi16)(fours, OP(mullo_epi16)(hundreds, each16(100)));
    vec pairs = hundreds | OP(slli_epi16)(rest, 8);
    eight.part[0] = OP(unpacklo_epi8)(pairs, each(0));
    eight.part[1] = OP(unpackhi_epi8)(pairs, each(0));
    for (int i = 0; i < 2; i++) {
        vec pair = eight.part[i], tens = OP(mulhi_epu16)(pair, each16(6554));
        /* tens + 2^8 (pair - 10 tens) */
        eight.part[i] = OP(sub_epi16)(OP(slli_epi16)(pair, 8), OP(mullo_epi16)(tens, each16(10 * 256 - 1)));
    }
    return eight;
}

/* number < 10^8 */
static inline struct eight spread_eight(vec number) {
    vec upper = divided_by_10000(number);
    vec lower = OP(sub_epi32)(number, OP(mullo_epi32)(upper, each(10000)));
    return spread(upper | OP(slli_epi32)(lower, 16));
}

/* number < 10^9; its first digit is given apart. */
static inline struct eight spread_nine(vec number, vec *first) {
    vec upper = divided_by_10000(number);
    vec lower = OP(sub_epi32)(number, OP(mullo_epi32)(upper, each(10000)));
    /* upper / 10^4 = upper / 16 / 625: 6711 / 2^22, exact below 10^5 / 16 */
    *first = OP(srli_epi32)(OP(mulhi_epu16)(OP(srli_epi32)(upper, 4), each(6711)), 6);
    upper = OP(sub_epi32)(upper, OP(madd_epi16)(*first, each(10000)));
    return spread(upper | OP(slli_epi32)(lower, 16));
}

/* How many digits there are up to the last that is not 0; below 0 when all are. */
static inline vec significant(struct eight digits) {
    vec nibbles[2];
    for (int i = 0; i < 2; i++)
        nibbles[i] = OP(maddubs_epi16)(digits.part[i], each16(0x1001)); /* first + 16 second */
    return last_nibble(OP(packus_epi16)(nibbles[0], nibbles[1]));
}

static inline struct eight characters(struct eight digits) {
    for (int i = 0; i < 2; i++)
        digits.part[i] = digits.part[i] | OP(set1_epi8)('0');
    return digits;
}

/* ---- layout ---- */

/* A number's value is its digits read as d.ddd… times 10^(point - 1). */
struct laid {
    vec layout, bytes; /* as in struct write_block */
    vec characters;    /* the first digit, and the exponent's hundreds, tens and ones */
};

/* Exponents and what they change, where `scientific`. */
static inline void lay_out_exponents(struct laid *laid, choice scientific, vec count, vec exponent,
                                     int longest) {
    const vec one = each(1);
    vec magnitude = OP(abs_epi32)(exponent);
    vec hundreds = OP(mulhi_epu16)(magnitude, each(656)); /* / 2^16, exact below 400 */
    vec rest = OP(sub_epi32)(magnitude, OP(madd_epi16)(hundreds, each(100)));
    vec tens = OP(mulhi_epu16)(rest, each(6554)); /* / 2^16 */
    vec ones = OP(sub_epi32)(rest, tenfold(tens));
    vec digits = OP(slli_epi32)(hundreds, 8) | (OP(slli_epi32)(tens, 16) | OP(slli_epi32)(ones, 24));
    laid->characters = laid->characters | either(scientific, digits, each(0));

    choice negative = above(each(0), exponent);
    vec length = add_where(above(magnitude, each(99)), add_where(above(magnitude, each(9)), one, one), one);
    vec bytes = OP(add_epi32)(OP(add_epi32)(count, one), length); /* and e */
    bytes = add_where(negative, add_where(above(count, one), bytes, one), one);
    laid->bytes = either(scientific, bytes, laid->bytes);

    /* The forms of write_tables.h: those of positive exponents, the shortest of which has two digits,
     * come last. */
    vec form = OP(sub_epi32)(length, either(negative, one, each(longest == 9 ? 0 : -1)));
    vec layout = OP(add_epi32)(OP(madd_epi16)(form, each(longest)), count);
    layout = OP(add_epi32)(layout, each(WRITE_LAYOUTS_PLAIN - 1));
    laid->layout = either(scientific, layout, laid->layout);
}

/*
 * ECMAScript's Number::toString, with n = point and k = count there, which is at most `longest`. Exponents
 * are rare, or everywhere: the one branch on what the numbers are.
 */
static inline struct laid lay_out(vec first, vec count, vec point, vec sign, int longest, int layout_bytes) {
    const vec zero = each(0), one = each(1);
    vec plain = OP(add_epi32)(OP(add_epi32)(count, one), greater_of(OP(sub_epi32)(one, point), zero));
    struct laid laid = {
        .layout = OP(add_epi32)(point, each(5)),
        .bytes = either(above(count, point), plain, point),
        .characters = first | each(0x30303030),
    };
    choice scientific = above(point, each(21)) | above(each(-5), point);
    if (choice_bits(scientific) != 0)
        lay_out_exponents(&laid, scientific, count, OP(sub_epi32)(point, one), longest);
    laid.bytes = OP(add_epi32)(laid.bytes, OP(add_epi32)(sign, one));
    laid.layout = OP(add_epi32)(OP(add_epi32)(laid.layout, laid.layout), sign);
    laid.layout = OP(madd_epi16)(laid.layout, each(layout_bytes));
    return laid;
}

/* The number's characters beside its digits, eight for each, in the order of struct eight. */
static inline struct eight with_constants(vec marks) {
    const vec constants = each('.' | '-' << 8 | 'e' << 16 | ',' << 24);
    return (struct eight){{OP(unpacklo_epi32)(marks, constants), OP(unpackhi_epi32)(marks, constants)}};
}

/* Sixteen characters for each number: its eight of a, then those of b. */
static inline void store_joined(unsigned char (*to)[16], struct eight a, struct eight b) {
    const vec part[4] = {
        OP(unpacklo_epi64)(a.part[0], b.part[0]),
        OP(unpackhi_epi64)(a.part[0], b.part[0]),
        OP(unpacklo_epi64)(a.part[1], b.part[1]),
        OP(unpackhi_epi64)(a.part[1], b.part[1]),
    };
    store_digits(to, part);
}

/* ---- float32 and small integers ---- */

/* Nine digits, the first of them not 0 unless the number is. */
INLINED void finish_nine(struct write_block *block, int at, vec number, vec point, vec sign) {
    vec first;
    struct eight digits = spread_nine(number, &first);
    vec count = OP(add_epi32)(greater_of(significant(digits), each(0)), each(1));
    struct laid laid = lay_out(first, count, point, sign, 9, 32);
    store_joined(block->digits + at, characters(digits), with_constants(laid.characters));
    store(block->layout + at, laid.layout);
    store(block->bytes + at, laid.bytes);
}

/* In 64-bit lanes, with the integer's part from bit 36 on. */
struct scaled {
    vec tens; /* of the highest integer in the interval, from bit 39 on */
    vec lowest, nearest;
};

/*
 * The interval of c * 2^q, in units of 10^k: from (c - 1/2) * scale to (c + 1/2) * scale, where `twice` is
 * (2 c + 1) * 2^7 and scale is 2^q * 10^-k with 60 bits behind the point, rounded up. The ends and the
 * middle are cut off to units of 2^-36, which makes errors of less than two units. No end that is not an
 * integer, and no middle that is not half of one, is nearer to such a number than four (pow10_table.py
 * --prove). So the ends are moved by one or two units: inwards when c is odd, for they round to the
 * neighbours then, else outwards if they must be. A middle that is half of an integer is exact, and the
 * even one of two is taken.
 */
static inline struct scaled scale_interval(vec twice, vec scale) {
    vec low = OP(srli_epi64)(OP(mul_epu32)(twice, scale), 32);
    vec upper = OP(add_epi64)(OP(mul_epu32)(twice, OP(srli_epi64)(scale, 32)), low);
    vec open = OP(srli_epi64)(twice, 7) & each64(2); /* 2 when c is odd */
    vec inside = OP(sub_epi64)(upper, open);
    vec lower = OP(sub_epi64)(upper, OP(srli_epi64)(scale, 24));
    vec middle = OP(sub_epi64)(upper, OP(srli_epi64)(scale, 25));
    vec even = OP(srli_epi64)(middle, 36) & each64(1); /* 0 when a tie goes down */
    return (struct scaled){
        .tens = OP(mul_epu32)(OP(srli_epi64)(inside, 32), each64(0xcccccccd)), /* / 160, exact below 2^32 */
        .lowest = OP(add_epi64)(lower, OP(add_epi64)(open, each64((UINT64_C(1) << 36) - 2))),
        .nearest = OP(add_epi64)(OP(add_epi64)(middle, even), each64((UINT64_C(1) << 35) - 1)),
    };
}

/*
 * Schubfach as in lib/numbers/shortest.h, by one product for each number: the multiple of ten in the
 * interval when there is one, else the nearest integer. Powers of two, whose interval is another, have a
 * scale of their own (write_tables.py) that leads to their digits.
 */
INLINED uint32_t convert_lanes_f32(struct write_block *block, int at, vec bits) {
    vec fraction = bits & each(0x7fffff), field = OP(srli_epi32)(bits, 23) & each(0xff);
    choice power_of_two = equal(fraction, each(0));
    vec c = fraction | OP(slli_epi32)(OP(min_epi32)(field, each(1)), 23);
    c = either(power_of_two, each(0xfffffe), c);
    vec twice = OP(add_epi32)(OP(slli_epi32)(c, 8), each(1 << 7));
    /* floor(log10(2^q)), or of 3/4 of it, for q = max(field, 1) - 150: log10(2) = 1233.01… / 2^12 */
    vec k = OP(sub_epi32)(OP(madd_epi16)(greater_of(field, each(1)), each(1233)), each(150 * 1233));
    k = OP(srai_epi32)(add_where(power_of_two, k, each(-512)), 12);

    vec scale_even, scale_odd;
    load_scales(add_where(power_of_two, field, each(256)), &scale_even, &scale_odd);
    struct scaled even = scale_interval(twice, scale_even);
    struct scaled odd = scale_interval(OP(srli_epi64)(twice, 32), scale_odd);
    vec tens = merge(OP(srli_epi64)(even.tens, 39), OP(srli_epi64)(odd.tens, 7));
    vec lowest = merge(OP(srli_epi64)(even.lowest, 36), OP(srli_epi64)(odd.lowest, 4));
    vec nearest = merge(OP(srli_epi64)(even.nearest, 36), OP(srli_epi64)(odd.nearest, 4));
    tens = tenfold(tens);
    vec digits = either(above(lowest, tens), nearest, tens);

    vec count, number = to_nine(digits, &count);
    vec point = either(equal(digits, each(0)), each(1), OP(add_epi32)(count, k));
    finish_nine(block, at, number, point, OP(srli_epi32)(bits, 31));
    return choice_bits(equal(field, each(0xff)));
}

static uint64_t convert_f32(struct write_block *block, const float *values, int count) {
    uint64_t left_out = 0;
    for (int at = 0; at < count; at += LANES) {
        vec bits = count - at >= LANES ? load(values + at) : load_part(values + at, count - at);
        left_out |= (uint64_t)convert_lanes_f32(block, at, bits) << at;
    }
    return left_out;
}

/* Positions in a plane are small: those of 2^28 and more are left out. */
static uint64_t convert_i64(struct write_block *block, const int64_t *values, int count) {
    _Alignas(64) uint32_t magnitudes[WRITE_BLOCK], signs[WRITE_BLOCK];
    uint64_t left_out = 0;
    for (int i = 0; i < count; i++) {
        uint64_t magnitude = values[i] < 0 ? 0 - (uint64_t)values[i] : (uint64_t)values[i];
        bool large = magnitude >> 28 != 0;
        left_out |= (uint64_t)large << i;
        magnitudes[i] = large ? 0 : (uint32_t)magnitude;
        signs[i] = values[i] < 0;
    }
    for (int at = 0; at < count; at += LANES) {
        int rest = count - at;
        vec magnitude = rest >= LANES ? load(magnitudes + at) : load_part(magnitudes + at, rest);
        vec sign = rest >= LANES ? load(signs + at) : load_part(signs + at, rest);
        vec point, number = to_nine(magnitude, &point);
        finish_nine(block, at, number, point, sign);
    }
    return left_out;
}

static char *put_f32(char *text, const struct write_block *block, int first, int end) {
    for (int i = first; i < end; i++) {
        put_one_f32(text, block->digits[i], (const char *)write_layout_f32 + block->layout[i]);
        text += block->bytes[i];
    }
    return text;
}

/* ---- float64 ---- */

/* What is found before the digits are spread: 17 of them as nine and eight. */
struct seventeen {
    _Alignas(64) uint32_t upper[WRITE_BLOCK], lower[WRITE_BLOCK], point[WRITE_BLOCK], sign[WRITE_BLOCK];
};

/* One number by lib/numbers/shortest.h. False when it is not finite. */
static inline bool find_seventeen(struct seventeen *digits, int i, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & 0xfffffffffffff, field = bits >> 52 & 0x7ff;
    uint64_t c = fraction | (uint64_t)(field != 0) << 52;
    int q = (int)(field + (field == 0)) - 1075;
    struct shortest number;
    bool zero = c == 0;
    if (is_small_integer(c, q, 53))
        number = (struct shortest){c >> -q, 0};
    else
        number = shortest_f64(c, q, (fraction == 0) & (field > 1));
    int count = digit_count(number.digits | zero);
    uint64_t all = number.digits * powers_of_ten[17 - count], upper = all / 100000000;
    digits->upper[i] = zero ? 0 : (uint32_t)upper;
    digits->lower[i] = zero ? 0 : (uint32_t)(all - upper * 100000000);
    digits->point[i] = zero ? 1 : (uint32_t)(count + number.exponent);
    digits->sign[i] = (uint32_t)(bits >> 63);
    return field != 0x7ff;
}

INLINED void finish_seventeen(struct write_block *block, int at, const struct seventeen *from) {
    vec first;
    struct eight upper = spread_nine(load(from->upper + at), &first);
    struct eight lower = spread_eight(load(from->lower + at));
    vec count = greater_of(significant(upper), OP(add_epi32)(significant(lower), each(8)));
    count = OP(add_epi32)(greater_of(count, each(0)), each(1));
    struct laid laid = lay_out(first, count, load(from->point + at), load(from->sign + at), 17, 64);
    store_joined(block->digits + at, characters(upper), characters(lower));
    store_marks(block->marks + at, with_constants(laid.characters).part);
    store(block->layout + at, laid.layout);
    store(block->bytes + at, laid.bytes);
}

#if defined(FIND_F64_IN_VECTORS)
#include "lib/kernels/write_f64.inc.h"
#else
static uint64_t find_block_f64(struct seventeen *to, const double *values, int count) {
    uint64_t left_out = 0;
    for (int i = 0; i < count; i++)
        left_out |= (uint64_t)!find_seventeen(to, i, values[i]) << i;
    return left_out;
}
#endif

static uint64_t convert_f64(struct write_block *block, const double *values, int count) {
    struct seventeen digits;
    uint64_t left_out = find_block_f64(&digits, values, count);
    for (int i = count; i % LANES != 0; i++) { /* nobody asks for these */
        digits.upper[i] = digits.lower[i] = digits.sign[i] = 0;
        digits.point[i] = 1;
    }
    for (int at = 0; at < count; at += LANES)
        finish_seventeen(block, at, &digits);
    return left_out;
}

static char *put_f64(char *text, const struct write_block *block, int first, int end) {
    for (int i = first; i < end; i++) {
        const char *masks = (const char *)write_layout_f64 + block->layout[i];
        put_one_f64(text, block->digits[i], block->marks[i], masks);
        text += block->bytes[i];
    }
    return text;
}
