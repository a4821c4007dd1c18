/*
 * Reading numbers (lib/numbers/array_text.h) for one level. The including file defines
 *
 *   text_kinds(p)               which of the 64 bytes at p are what in numbers: struct number_masks
 *   text_digits(p)              which of the 32 bytes at p are digits
 *   text_groups(p, point, kept, *upper, *lower)
 *                               the digits of the 32 bytes at p as four numbers of eight digits: the first in
 *                               the lower half of *upper, the last in the upper half of *lower; lanes from
 *                               `point` on are taken from one byte further right, lanes from `kept` on count
 *                               as 0
 *   text_long_groups(text, first, point, kept, upper, lower, negative)
 *                               the same for eight numbers, at text + first[i]; and negative[i] = whether a minus
 *                               stands in front of it (without AVX2 one by one, here)
 *   text_short_groups(text, first, point, kept, upper, negative)
 *                               the same for eight numbers of at most 14 digits, of which *lower would be 0
 *   join_words(words, values)   values[i] = the number of the eight digits of words[i], bytes of 0 to 9 of which the
 *                               lowest is the first, for eight
 *   append_places(list, place, bits)
 *                               with VBMI2: writes `place` plus the number of each bit of `bits`, of which there are at
 *                               most 32, to `list`, and returns how many; 32 entries may be overwritten
 *   look_up(table, index, out)  out[i] = table[index[i]] for eight; most often 16 <= index[i] < 32
 *
 * Mispredicted branches cost more than arithmetic here, since nobody can guess a number's sign and length. So
 * a segment of the text is first turned into lists of where its numbers begin, have their point and end, while
 * its grammar is proven for 64 bytes at a time. Then each number is converted by the same instructions: its first
 * 32 digits are loaded; those behind the point move one lane to the left, over the point; pairs, fours and
 * eights of digits are summed by multiplications: the number is these 32 digits times a power of ten that the
 * place of the point says. Where no number of a segment has more than 14 digits, as float32 are written, half of that
 * is enough. A segment of digits alone, as pixels are, is shorter work still: a number is a word of eight bytes, and
 * eight words are a vector.
 *
 * A segment ends in front of a number that is not that plain, and the next, a short one, is odd: there each number is
 * looked at; one with an exponent is read the same way, and its exponent by hand. What is left over (words, longer
 * numbers, broken ones) is noted and read one by one afterwards.
 */

enum {
    SEGMENT_BLOCKS = 48,
    LEAST_ODD_BLOCKS = 2, /* of odd segments, the longer the more of them follow each other */
    MOST_ODD_BLOCKS = 16,
    SEGMENT_NUMBERS = SEGMENT_BLOCKS * 32,
    LIST_ENTRIES = SEGMENT_NUMBERS + 32,
    LANES = 8,         /* numbers finished at once */
    DIGITS = 32,       /* of a number */
    SHORT_DIGITS = 14, /* of a short one */
    LOADED_BYTES = 34, /* from a number's first byte on: a sign, 32 digits, a point */
    WORD_DIGITS = 8,
};

/* 10^0 ... 10^63, exact up to 10^22 and rounded once above; and 10^-31 ... in front of them. */
enum { LEAST_POWER = -31, MOST_POWER = 63 };
static const double power_of_ten[MOST_POWER - LEAST_POWER + 1] = {
    1e-31, 1e-30, 1e-29, 1e-28, 1e-27, 1e-26, 1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18,
    1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9,  1e-8,  1e-7,  1e-6,  1e-5,  1e-4,
    1e-3,  1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,   1e5,   1e6,   1e7,   1e8,   1e9,   1e10,
    1e11,  1e12,  1e13,  1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,  1e21,  1e22,  1e23,  1e24,
    1e25,  1e26,  1e27,  1e28,  1e29,  1e30,  1e31,  1e32,  1e33,  1e34,  1e35,  1e36,  1e37,  1e38,
    1e39,  1e40,  1e41,  1e42,  1e43,  1e44,  1e45,  1e46,  1e47,  1e48,  1e49,  1e50,  1e51,  1e52,
    1e53,  1e54,  1e55,  1e56,  1e57,  1e58,  1e59,  1e60,  1e61,  1e62,  1e63,
};

typedef uint8_t lanes_u8 __attribute__((vector_size(LANES)));
typedef uint16_t lanes_u16 __attribute__((vector_size(2 * LANES)));
typedef uint64_t lanes_u64 __attribute__((vector_size(8 * LANES)));

/* As many of the LANES as a register has: compilers compare wider vectors one lane at a time. */
#if defined(__AVX512F__)
enum { PART = 8 };
#elif defined(__AVX__)
enum { PART = 4 };
#else
enum { PART = 2 };
#endif
typedef uint64_t part_u64 __attribute__((vector_size(8 * PART)));
typedef double part_f64 __attribute__((vector_size(8 * PART)));
typedef uint32_t part_u32 __attribute__((vector_size(4 * PART)));
typedef float part_f32 __attribute__((vector_size(4 * PART)));

/* The numbers of one segment: where they are, counted in bytes from `base`, and what they are. */
struct segment {
    const char *base;
    /* The first digit (of an odd segment the first byte), where the digits in front of a point end, the byte behind
     * the last. */
    _Alignas(64) uint16_t first[LIST_ENTRIES], point[LIST_ENTRIES], end[LIST_ENTRIES];
    uint8_t whole[LIST_ENTRIES], kept[LIST_ENTRIES]; /* digits in front of the point, and in all */

    /* An integer of 32 digits, of which the power of ten takes some behind the point again. */
    bool is_short; /* `upper` has all the digits that are not 0, and `lower` is not set */
    uint64_t upper[SEGMENT_NUMBERS + 2], lower[SEGMENT_NUMBERS + 2]; /* as text_groups gives them */
    int8_t power[LIST_ENTRIES];
    uint32_t negative[LIST_ENTRIES]; /* 0 or 1 */

    uint16_t special[SEGMENT_NUMBERS + 1]; /* which have to be read one by one */
    int specials;
};

/* ---- where numbers begin and end, and whether they are numbers ---- */

#if !defined(__AVX512VBMI2__)
#if defined(__BMI__)
#define LOWEST_BIT(bits) _tzcnt_u64(bits)
#else
#define LOWEST_BIT(bits) __builtin_ctzll((bits) | UINT64_C(1) << 63)
#endif

/* The places of four bits, whether there are as many or not. Compilers would rather gather them in a register first,
 * which takes longer than to store each. */
static inline uint64_t append_four(volatile uint16_t *list, int place, uint64_t bits) {
    for (int i = 0; i < 4; i++, bits &= bits - 1)
        list[i] = (uint16_t)(place + (int)LOWEST_BIT(bits));
    return bits;
}

static inline int append_places(uint16_t *list, int place, uint64_t bits) {
    int count = __builtin_popcountll(bits);
    bits = append_four(list, place, bits);
    if (count > 4)
        bits = append_four(list + 4, place, bits);
    for (int done = 8; done < count; done += 8) {
        bits = append_four(list + done, place, bits);
        bits = append_four(list + done + 4, place, bits);
    }
    return count;
}

#undef LOWEST_BIT
#endif

/* What one block of text leaves for the next, as bit 0, and what is known of the segment so far. */
struct block_carry {
    uint64_t number, point, minus, zero, digits;
    uint64_t odd, others; /* not 0: some number is not plain; some byte of a number is no digit */
};

/* Where in each block are the numbers' first digits, the bytes behind the digits in front of a point, those behind all. */
struct places {
    uint64_t first[SEGMENT_BLOCKS], point[SEGMENT_BLOCKS], end[SEGMENT_BLOCKS];
};

#if defined(__AVX512VBMI2__)
#include "lib/kernels/find_numbers_vbmi.inc.h"
#else
/*
 * A block is odd unless every number in it is -?(0|[1-9][0-9]*)(.[0-9]+)?: other bytes are digits but for a minus in
 * front, and a point between digits, which is where the first of them end. The sum carries from a number's first digit
 * to the byte behind those.
 */
static inline __attribute__((always_inline)) void find_numbers(const char *text, struct places *places, int block,
                                                               struct block_carry *c) {
    struct number_masks masks = text_kinds(text), *m = &masks;
    uint64_t before = m->numbers << 1 | c->number, begins = m->numbers & ~before;
    uint64_t behind_point = m->points << 1 | c->point, behind_minus = m->minuses << 1 | c->minus, sum;
    uint64_t first = (begins | behind_minus) & m->digits, zero = first & m->zeros;
    uint64_t carry = __builtin_add_overflow(m->digits, first, &sum);
    carry |= __builtin_add_overflow(sum, c->digits, &sum);
    uint64_t point = sum & ~m->digits;
    uint64_t odd = (m->numbers & ~(m->digits | m->points | m->minuses)) | (m->minuses & ~begins) |
                   (m->points & ~point) | ((behind_point | behind_minus) & ~m->digits) |
                   ((zero << 1 | c->zero) & m->digits);
    places->first[block] = first;
    places->point[block] = point;
    places->end[block] = before & ~m->numbers;
    *c = (struct block_carry){.number = m->numbers >> 63,
                              .point = m->points >> 63,
                              .minus = m->minuses >> 63,
                              .zero = zero >> 63,
                              .digits = carry,
                              .odd = c->odd | odd,
                              .others = c->others | (m->numbers & ~m->digits)};
}
#endif

/* The same where numbers are odd: their first bytes and ends only. */
static inline void find_odd_numbers(const char *text, struct places *places, int block, uint64_t *number) {
    uint64_t numbers = text_kinds(text).numbers, before = numbers << 1 | *number;
    places->first[block] = numbers & ~before;
    places->end[block] = before & ~numbers;
    *number = numbers >> 63;
}

/* ---- one number ---- */

/*
 * Digits: `kept` of them, the first `whole` in front of the point.
 *
 *      lane    0  1  2  3  4  5  6  7
 *      text    1  2  3  .  1  4  1  ,
 *      moved   1  2  3  1  4  1  0  0      whole 3, kept 6
 *
 * Number `i`, of an odd segment, in [begin, end) behind the sign, if these are digits with at most one point between.
 */
static inline bool take_checked(struct segment *s, int i, const char *begin, const char *end, int exponent) {
    int64_t bytes = end - begin;
    if (bytes < 1 || bytes > DIGITS)
        return false;
    uint32_t others = (uint32_t)(~(uint64_t)text_digits(begin) & ((UINT64_C(1) << bytes) - 1));
    int point = others != 0 ? __builtin_ctz(others) : (int)bytes;
    bool has_point = others != 0;
    if (has_point && (begin[point] != '.' || point == 0 || point == bytes - 1 || (others & (others - 1)) != 0))
        return false;
    if (*begin == '0' && point > 1)
        return false;
    text_groups(begin, point, (int)bytes - has_point, &s->upper[i], &s->lower[i]);
    s->power[i] = (int8_t)(DIGITS - point - exponent);
    return true;
}

/* Where the exponent of [begin, end) begins ("e-05"), and its value; NULL when it has none of at most two digits. */
static inline const char *find_exponent(const char *begin, const char *end, int *value) {
    const char *at = end;
    int digits = 0, power = 1;
    for (*value = 0; digits < 2 && at > begin && (unsigned)(at[-1] - '0') < 10; digits++, power *= 10)
        *value += power * (*--at - '0');
    bool negative = at > begin && at[-1] == '-';
    at -= negative || (at > begin && at[-1] == '+');
    *value = negative ? -*value : *value;
    return digits > 0 && at - begin > 1 && (at[-1] | 0x20) == 'e' ? at - 1 : NULL;
}

static inline void clear_number(struct segment *s, int i) {
    s->upper[i] = s->lower[i] = 0;
    s->power[i] = 0;
    s->negative[i] = 0;
}

/* Number `i` of a segment that is not plain. */
static inline void take_odd_number(struct segment *s, int i) {
    const char *begin = s->base + s->first[i], *end = s->base + s->end[i], *stop;
    int exponent;
    s->negative[i] = *begin == '-';
    begin += s->negative[i];
    if (take_checked(s, i, begin, end, 0))
        return;
    stop = find_exponent(begin, end, &exponent);
    if (stop == NULL || exponent >= DIGITS || exponent <= -DIGITS || !take_checked(s, i, begin, stop, exponent)) {
        clear_number(s, i);
        s->special[s->specials++] = (uint16_t)i;
    }
}

/* All numbers are to be read one by one. */
static inline void take_none(struct segment *s, int count) {
    for (int i = 0; i < count; i++)
        s->special[s->specials++] = (uint16_t)i;
}

/* Notes the numbers of more than `most` digits, which are rare: the longest has `longest`. */
static inline void note_long_numbers(struct segment *s, int count, int longest, int most) {
    for (int i = 0; longest > most && i < count; i++)
        if (s->kept[i] > most)
            s->special[s->specials++] = (uint16_t)i;
}

#if !defined(__AVX2__)
static inline void text_long_groups(const char *text, const uint16_t *first, const uint8_t *point,
                                    const uint8_t *kept, uint64_t *upper, uint64_t *lower,
                                    uint32_t *negative) {
    for (int i = 0; i < LANES; i++) {
        const char *p = text + first[i];
        negative[i] = p[-1] == '-';
        text_groups(p, point[i], kept[i], &upper[i], &lower[i]);
    }
}
#endif

/* Fills the last LANES up with copies of the first entry. */
static inline void fill_lanes(uint16_t *list, int count) {
    lanes_u16 same = (lanes_u16){0} + list[0];
    memcpy(list + count, &same, sizeof same);
}

static inline lanes_u16 greater(lanes_u16 a, lanes_u16 b) {
    lanes_u16 is_a = (lanes_u16)(a > b);
    return (a & is_a) | (b & ~is_a);
}

static inline lanes_u16 lesser(lanes_u16 a, lanes_u16 b) {
    lanes_u16 is_b = (lanes_u16)(a > b);
    return (a & ~is_b) | (b & is_b);
}

static inline int greatest(lanes_u16 of) {
    for (int i = 1; i < LANES; i++)
        of[0] = of[i] > of[0] ? of[i] : of[0];
    return of[0];
}

static inline void narrow_to(void *to, lanes_u16 from) {
    lanes_u8 narrow = __builtin_convertvector(from, lanes_u8);
    memcpy(to, &narrow, sizeof narrow);
}

/* How many digits the numbers have in front of the point and in all; the most that one has. */
static inline int measure_numbers(struct segment *s, int count) {
    lanes_u16 first, point, end, longest = {0}, most = (lanes_u16){0} + UINT8_MAX;
    fill_lanes(s->first, count);
    fill_lanes(s->point, count);
    fill_lanes(s->end, count);
    for (int i = 0; i < count; i += LANES) {
        memcpy(&first, s->first + i, sizeof first);
        memcpy(&point, s->point + i, sizeof point);
        memcpy(&end, s->end + i, sizeof end);
        lanes_u16 whole = point - first, kept = end - first + (lanes_u16)(point < end); /* "true" is -1 */
        longest = greater(longest, kept);
        narrow_to(s->whole + i, lesser(whole, most));
        narrow_to(s->kept + i, lesser(kept, most));
        narrow_to(s->power + i, DIGITS - (whole & 63)); /* longer ones are special; their look-up stays in the table */
    }
    return greatest(longest);
}

static inline void take_plain_numbers(struct segment *s, int count) {
    int longest = measure_numbers(s, count);
    s->is_short = longest <= SHORT_DIGITS;
    if (s->is_short) {
        for (int i = 0; i < count; i += LANES)
            text_short_groups(s->base, s->first + i, s->whole + i, s->kept + i, s->upper + i, s->negative + i);
        return;
    }
    for (int i = 0; i < count; i += LANES)
        text_long_groups(s->base, s->first + i, s->whole + i, s->kept + i, s->upper + i, s->lower + i, s->negative + i);
    note_long_numbers(s, count, longest, DIGITS);
}

/* The first eight bytes of integers, and how many they have in all. */
static inline void take_integers(struct segment *s, int count) {
    lanes_u16 first, end, longest = {0}, most = (lanes_u16){0} + UINT8_MAX;
    fill_lanes(s->first, count);
    fill_lanes(s->end, count);
    for (int i = 0; i < count; i += LANES) {
        memcpy(&first, s->first + i, sizeof first);
        memcpy(&end, s->end + i, sizeof end);
        longest = greater(longest, end - first);
        narrow_to(s->kept + i, lesser(end - first, most));
        for (int j = 0; j < LANES; j++)
            memcpy(&s->upper[i + j], s->base + s->first[i + j], WORD_DIGITS);
    }
    note_long_numbers(s, count, greatest(longest), WORD_DIGITS);
}

/* ---- eight numbers ---- */

#define UPPER_HALF(x) ((x) >> 32)
#define LOWER_HALF(x) ((x)&0xffffffff)

/* Integers below 2^52 as doubles: they are the fraction of 2^52 + x. */
#define AS_F64(x) ((part_f64)((x) | 0x4330000000000000) - 0x1p52)

/*
 * PART numbers from number `i` on, as floats. A double q stands for digits / 10^power. Of the seven operations
 * that make it (three where numbers are short) the first product is exact; the others, and the power of ten, are
 * rounded by at most 2^-53 of the value each, so that q is wrong by less than 8 units of its last place. Unless it is
 * near to a tie of two floats (16 units), it rounds to the same float as the number itself does. Says otherwise in
 * *doubt, and when the float would be subnormal, whose ties are elsewhere, or beyond the range: those are read one by
 * one, exactly.
 */
static inline __attribute__((always_inline)) void finish_part_f32(const struct segment *s, int i, bool is_short,
                                                                  const double *powers, float *out,
                                                                  part_u64 *doubt) {
    part_u64 upper, lower, bits;
    part_f64 divisor, q;
    part_u32 negative, result;

    memcpy(&upper, s->upper + i, sizeof upper);
    memcpy(&divisor, powers, sizeof divisor);
    memcpy(&negative, s->negative + i, sizeof negative);
    q = AS_F64(LOWER_HALF(upper)) * 1e8 + AS_F64(UPPER_HALF(upper));
    if (!is_short) {
        memcpy(&lower, s->lower + i, sizeof lower);
        q = (q * 1e8 + AS_F64(LOWER_HALF(lower))) * 1e8 + AS_F64(UPPER_HALF(lower));
    }
    q /= divisor;
    memcpy(&bits, &q, sizeof bits);
    *doubt |= (part_u64)(((bits - (0x10000000 - 16)) & 0x1fffffe0) == 0) | (part_u64)(q > 0x1.fffffep127) |
              (part_u64)((q < 0x1p-126) & (q > 0));
    part_f32 rounded = __builtin_convertvector(q, part_f32);
    memcpy(&result, &rounded, sizeof result);
    result |= negative << 31;
    memcpy(out, &result, sizeof result);
}

/* LANES numbers. */
static inline __attribute__((always_inline)) void finish_f32(const struct segment *s, int i, bool is_short,
                                                             float *out, part_u64 *doubt) {
    const double *powers_of_ten = power_of_ten - LEAST_POWER - (is_short ? DIGITS / 2 : 0);
    double powers[LANES];
    look_up(powers_of_ten, s->power + i, powers);
    for (int j = 0; j < LANES; j += PART)
        finish_part_f32(s, i + j, is_short, powers + j, out + j, doubt);
}

static inline bool any_lane(const part_u64 *lanes) {
    uint64_t any = 0;
    for (int i = 0; i < PART; i++)
        any |= (*lanes)[i];
    return any != 0;
}

/* LANES integers from number `i` on. */
static inline __attribute__((always_inline)) void join_integers(const struct segment *s, int i,
                                                                int32_t values[LANES]) {
    lanes_u64 words, missing;
    lanes_u8 digits;
    memcpy(&words, s->upper + i, sizeof words);
    memcpy(&digits, s->kept + i, sizeof digits);
    missing = __builtin_convertvector((64 - 8 * digits) & 63, lanes_u64);
    words = (words ^ 0x3030303030303030) << missing;
    join_words((const uint64_t *)&words, values);
}

/* The first byte, also of a number whose first digit is known only. */
static inline const char *number_begin(const struct segment *s, int i) {
    const char *first = s->base + s->first[i];
    return first - (first[-1] == '-');
}

/* One by one: the special numbers, or all. Returns how many were read before the first that cannot be. */
static inline int finish_specials_f32(const struct segment *s, int count, bool all, float *out) {
    for (int j = 0; j < (all ? count : s->specials); j++) {
        int i = all ? j : s->special[j];
        if (!array_number_f32(number_begin(s, i), s->base + s->end[i], &out[i]))
            return i;
    }
    return count;
}

static inline int finish_specials_f64(const struct segment *s, int count, bool all, double *out) {
    for (int j = 0; j < (all ? count : s->specials); j++) {
        int i = all ? j : s->special[j];
        if (!array_number_f64(number_begin(s, i), s->base + s->end[i], &out[i]))
            return i;
    }
    return count;
}

static inline int finish_integers_f32(const struct segment *s, int count, float *out) {
    for (int i = 0; i < count; i += LANES) {
        int32_t values[LANES];
        join_integers(s, i, values);
        if (i + LANES <= count)
            for (int j = 0; j < LANES; j++)
                out[i + j] = (float)values[j];
        else
            for (int j = 0; i + j < count; j++)
                out[i + j] = (float)values[j];
    }
    return finish_specials_f32(s, count, false, out);
}

static inline int finish_integers_f64(const struct segment *s, int count, double *out) {
    for (int i = 0; i < count; i += LANES) {
        int32_t values[LANES];
        join_integers(s, i, values);
        if (i + LANES <= count)
            for (int j = 0; j < LANES; j++)
                out[i + j] = (double)values[j];
        else
            for (int j = 0; i + j < count; j++)
                out[i + j] = (double)values[j];
    }
    return finish_specials_f64(s, count, false, out);
}

static inline __attribute__((always_inline)) bool finish_all_f32(const struct segment *s, int count, bool is_short,
                                                                 float *out) {
    part_u64 doubt = {0};
    float last[LANES];
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        finish_f32(s, i, is_short, out + i, &doubt);
    if (i < count) {
        finish_f32(s, i, is_short, last, &doubt);
        memcpy(out + i, last, (size_t)(count - i) * sizeof *out);
    }
    return any_lane(&doubt);
}

/* Returns how many were read before the first that cannot be. */
static inline int finish_segment_f32(const struct segment *s, int count, float *out) {
    bool doubt = s->is_short ? finish_all_f32(s, count, true, out) : finish_all_f32(s, count, false, out);
    return finish_specials_f32(s, count, doubt, out);
}

/*
 * The 32 digits of number `i` as an integer of 64 bits times 10^*power; false when they are more than that holds.
 * Digits end in zeros when there are not so many, and begin with zeros behind "0.".
 */
static inline bool fold_digits(const struct segment *s, int i, uint64_t *digits, int *power) {
    uint64_t first = LOWER_HALF(s->upper[i]) * 100000000 + UPPER_HALF(s->upper[i]);
    uint64_t lower = s->is_short ? 0 : s->lower[i], third = LOWER_HALF(lower), fourth = UPPER_HALF(lower);
    bool sixteen = third == 0, more = first <= UINT64_MAX / 100000000 - 1;
    *digits = sixteen ? first : more ? first * 100000000 + third : first * 1000 + third / 100000;
    *power = DIGITS - (sixteen ? 16 : more ? 24 : 19) - s->power[i];
    return fourth == 0 && (sixteen || more || third % 100000 == 0);
}

/* Doubles are rounded from exact integers, one by one. */
static inline int finish_segment_f64(struct segment *s, int count, double *out) {
    int next = 0;
    s->special[s->specials] = UINT16_MAX;
    for (int i = 0; i < count; i++) {
        uint64_t digits;
        int power;
        double value;
        bool special = s->special[next] == i;
        next += special;
        if (!special && fold_digits(s, i, &digits, &power) && decimal_scale_f64(digits, power, &value))
            out[i] = s->negative[i] ? -value : value;
        else if (!array_number_f64(number_begin(s, i), s->base + s->end[i], &out[i]))
            return i;
    }
    return count;
}

/* ---- a range ---- */

/* Where the pass through a range is. */
struct reading {
    const char *at, *floor, *end;
    int64_t left;       /* numbers */
    bool odd, integers; /* of the segment: some number is not plain; all are digits only */
    bool last;          /* of the segment: none can be loaded */
    int odd_blocks;     /* of the next odd segment */
};

/*
 * The 64 bytes at `at`, with two before them. What lies outside the text is blanks, which say nothing: a segment begins
 * with a number or between two, and not right behind one.
 */
static inline const char *block_at(const struct reading *r, const char *at, char copy[2 + 64]) {
    if (at - r->floor >= 2 && r->end - at >= 64)
        return at;
    int64_t before = at - r->floor < 2 ? at - r->floor : 2, behind = r->end - at < 64 ? r->end - at : 64;
    memset(copy, ' ', 2 + 64);
    memcpy(copy + 2 - before, at - before, (size_t)(before + behind));
    return copy + 2;
}

/* Returns how many places there are. */
static inline int list_places(uint16_t *list, const uint64_t *places, int blocks) {
    int count = 0;
    for (int i = 0; i < blocks; i++)
        count += append_places(list + count, i * 64, places[i]);
    return count;
}

static inline int list_odd_segment(struct reading *r, struct segment *s) {
    struct places places;
    uint64_t number = 0;
    char copy[2 + 64];
    int blocks = 0;
    for (r->at = s->base; blocks < r->odd_blocks && r->at < r->end; r->at += 64)
        find_odd_numbers(block_at(r, r->at, copy), &places, blocks++, &number);
    r->odd_blocks = r->odd_blocks < MOST_ODD_BLOCKS ? 2 * r->odd_blocks : MOST_ODD_BLOCKS;
    list_places(s->first, places.first, blocks);
    return list_places(s->end, places.end, blocks);
}

/*
 * Up to the block in which a number is not plain. Numbers that are complete before it are plain: what is wrong with one
 * shows at the byte behind it at the latest. Of integers alone no points are listed.
 */
static inline int list_plain_segment(struct reading *r, struct segment *s) {
    struct places places;
    struct block_carry carry = {0};
    char copy[2 + 64];
    const char *at = s->base, *stop = r->end - at < SEGMENT_BLOCKS * 64 ? r->end : at + SEGMENT_BLOCKS * 64;
    uint64_t others = 0;
    int blocks = 0;
    for (; at < stop; at += 64) {
        find_numbers(block_at(r, at, copy), &places, blocks, &carry);
        if (carry.odd != 0)
            break;
        others = carry.others;
        blocks++;
    }
    list_places(s->first, places.first, blocks);
    int count = list_places(s->end, places.end, blocks);
    r->at = at;
    r->odd = carry.odd != 0 && count == 0;
    r->integers = others == 0 && !r->odd;
    if (!r->integers)
        list_places(s->point, places.point, blocks);
    return count;
}

/* How many of the numbers have so much text behind them that each can be loaded. */
static inline int loadable_numbers(const struct segment *s, int count, const char *end) {
    while (count > 0 && end - s->base < s->first[count - 1] + LOADED_BYTES)
        count--;
    return count;
}

/*
 * Lists the numbers of the next blocks of text; how many are complete. The next segment begins where the last of
 * them ends, or with the one that is not complete. What is too near to the text's end to be loaded is a segment of its
 * own, whose numbers are all special.
 */
static inline int list_segment(struct reading *r, struct segment *s) {
    s->base = r->at;
    int count = list_plain_segment(r, s);
    if (r->odd)
        count = list_odd_segment(r, s);
    else
        r->odd_blocks = LEAST_ODD_BLOCKS;
    if (r->at > r->end)
        r->at = r->end;
    while (r->at > s->base && is_number_byte(r->at[-1]))
        r->at--;
    count = r->left < count ? (int)r->left : count;
    int loadable = loadable_numbers(s, count, r->end);
    r->last = loadable == 0;
    if (r->last || loadable == count)
        return count;
    r->at = number_begin(s, loadable);
    return loadable;
}

static inline void take_segment(struct segment *s, int count, const struct reading *r) {
    s->specials = 0;
    s->is_short = false;
    for (int i = r->last ? 0 : count; i < count || i % LANES != 0; i++)
        clear_number(s, i);
    if (r->last)
        take_none(s, count);
    else if (r->odd)
        for (int i = 0; i < count; i++)
            take_odd_number(s, i);
    else if (r->integers)
        take_integers(s, count);
    else
        take_plain_numbers(s, count);
}

static inline struct reading reading_begin(const struct array_range *range) {
    struct reading r = {.at = range->begin,
                        .floor = range->floor,
                        .end = range->end,
                        .left = range->count,
                        .odd_blocks = LEAST_ODD_BLOCKS};
    /* a number that began before the range belongs to the one before */
    while (r.at > range->floor && r.at < r.end && is_number_byte(r.at[-1]))
        r.at++;
    return r;
}

/* Behind a number that is longer than a segment. */
static inline const char *long_number_end(const struct reading *r) {
    const char *end = r->at;
    while (end < r->end && is_number_byte(*end))
        end++;
    return end;
}

static int64_t read_f32(const struct array_range *range, float *out) {
    struct segment s;
    struct reading r = reading_begin(range);
    while (r.left > 0 && r.at < r.end) {
        float *to = out + (range->count - r.left);
        int count = list_segment(&r, &s);
        if (count == 0 && r.at == s.base) {
            const char *stop = long_number_end(&r);
            if (!array_number_f32(r.at, stop, to))
                return to - out;
            r.at = stop + (stop < r.end);
            r.left--;
            continue;
        }
        take_segment(&s, count, &r);
        int done = r.integers ? finish_integers_f32(&s, count, to) : finish_segment_f32(&s, count, to);
        if (done < count)
            return to - out + done;
        r.left -= count;
    }
    return range->count - r.left;
}

static int64_t read_f64(const struct array_range *range, double *out) {
    struct segment s;
    struct reading r = reading_begin(range);
    while (r.left > 0 && r.at < r.end) {
        double *to = out + (range->count - r.left);
        int count = list_segment(&r, &s);
        if (count == 0 && r.at == s.base) {
            const char *stop = long_number_end(&r);
            if (!array_number_f64(r.at, stop, to))
                return to - out;
            r.at = stop + (stop < r.end);
            r.left--;
            continue;
        }
        take_segment(&s, count, &r);
        int done = r.integers ? finish_integers_f64(&s, count, to) : finish_segment_f64(&s, count, to);
        if (done < count)
            return to - out + done;
        r.left -= count;
    }
    return range->count - r.left;
}
