/*
 * Reading numbers (lib/numbers/array_text.h) for one level. The including file defines
 *
 *   text_numbers(p, *digits)    which of the 64 bytes at p belong to numbers (not blank, comma or bracket), and
 *                               which are digits
 *   text_digits(p, *points)     which of the 32 bytes at p are digits, and which are '.'
 *   text_groups(p, moved, first, *upper, *lower)
 *                               the digits of the 32 bytes at p as four numbers of eight digits: the first in
 *                               the lower half of *upper, the last in the upper half of *lower; lanes below
 *                               `moved` are taken from one byte further left, lanes below `first` count as 0
 *
 * Mispredicted branches cost more than arithmetic here, since nobody can guess a number's sign and length. So
 * a segment of the text is first turned into a list of its numbers' edges, and then each number is converted
 * by the same instructions: its last 32 bytes are loaded, so that its digits end where the vector ends; the
 * digits before the point move one lane to the right, over the point; pairs, fours and eights of digits are
 * summed by multiplications. What an exponent follows is read the same way, and its exponent by hand. A segment
 * of digits alone, as pixels are, is shorter work: a number's last eight bytes are a word, and eight words are
 * a vector. What is left over (words, longer numbers, broken ones) is noted and read one by one afterwards.
 */

enum {
    SEGMENT_BLOCKS = 16,
    SEGMENT_EDGES = SEGMENT_BLOCKS * 64 + 16,
    SEGMENT_NUMBERS = SEGMENT_EDGES / 2,
    LANES = 8,         /* numbers finished at once */
    LOADED_BYTES = 33, /* before a number's end */
    WORD_DIGITS = 8,
};

/* 10^-31 … 10^31, exact from 10^0 to 10^22 and rounded once elsewhere. */
enum { MOST_POWER = 31 };
static const double power_of_ten[2 * MOST_POWER + 1] = {
    1e-31, 1e-30, 1e-29, 1e-28, 1e-27, 1e-26, 1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19,
    1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9,  1e-8,  1e-7,  1e-6,
    1e-5,  1e-4,  1e-3,  1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,   1e5,   1e6,   1e7,
    1e8,   1e9,   1e10,  1e11,  1e12,  1e13,  1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,
    1e21,  1e22,  1e23,  1e24,  1e25,  1e26,  1e27,  1e28,  1e29,  1e30,  1e31,
};

/* The numbers of one segment as integers over powers of ten. */
struct segment {
    _Alignas(64) uint64_t upper[SEGMENT_NUMBERS], lower[SEGMENT_NUMBERS]; /* as text_groups gives them */
    double divisor[SEGMENT_NUMBERS];
    uint32_t negative[SEGMENT_NUMBERS]; /* 0 or 1 */
    int8_t exponent[SEGMENT_NUMBERS]; /* of ten; the divisor is 10^-exponent */
    const char *edge[SEGMENT_EDGES];       /* first byte, byte behind the last, first byte, ... */
    uint16_t special[SEGMENT_NUMBERS + 1]; /* which have to be read one by one */
    int specials;
};

/* Appends where numbers begin and end, eight at a time whether there are as many or not. */
static inline int list_edges(const char **edge, const char *block, uint64_t edges) {
    int count = __builtin_popcountll(edges);
    for (int done = 0; done < count; done += 8)
        for (int i = 0; i < 8; i++, edges &= edges - 1)
            edge[done + i] = block + __builtin_ctzll(edges | UINT64_C(1) << 63);
    return count;
}

/*
 * The digits of number `i`, in [begin, end), times 10^exponent; false when they are not of that kind. Lanes count
 * from 0 (31 bytes before the last one) to 31, and so do bits of masks.
 *
 *      text    ? ? -  1  2  3  .  1  4  1  6
 *      lane           first       lane       31
 *      moved             1  2  3  1  4  1  6
 */
static inline __attribute__((always_inline)) bool take_digits(struct segment *s, int i, const char *begin,
                                                              const char *end, int exponent) {
    uint64_t negative = *begin == '-', first = 32 - (uint64_t)(end - begin) + negative;
    uint32_t points, digits = text_digits(end - 32, &points);
    uint32_t inside = (uint32_t)(UINT64_C(0xffffffff) << (first & 63));
    uint32_t other = inside & ~digits, has_point = other != 0;
    int lane = __builtin_ctz(other | UINT32_C(1) << 31);
    /* one point or none, and between digits; no zero in front of a digit */
    bool odd = (first > 31) | (other != (points & inside)) | ((other & (other - 1)) != 0) | ((other >> 31) != 0) |
               ((other >> (first & 31) & 1) != 0) |
               ((begin[negative] == '0') & (digits >> (first & 31) >> 1));
    text_groups(end - 32, has_point ? lane + 1 : 0, (int)((first & 63) + has_point), &s->upper[i],
                &s->lower[i]);
    exponent -= 31 - lane;
    odd |= exponent < -MOST_POWER;
    s->exponent[i] = (int8_t)exponent;
    s->divisor[i] = power_of_ten[(MOST_POWER - exponent) & 63];
    s->negative[i] = (uint32_t)negative;
    return !odd;
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

static inline void take_number(struct segment *s, int i, const char *floor) {
    const char *begin = s->edge[2 * i], *end = s->edge[2 * i + 1], *stop;
    int exponent;
    if (__builtin_expect(take_digits(s, i, begin, end, 0), 1))
        return;
    stop = find_exponent(begin, end, &exponent);
    if (stop == NULL || stop - floor < LOADED_BYTES || exponent > MOST_POWER || exponent < -MOST_POWER ||
        !take_digits(s, i, begin, stop, exponent))
        s->special[s->specials++] = (uint16_t)i;
}

typedef uint64_t lanes_u64 __attribute__((vector_size(8 * LANES)));
typedef double lanes_f64 __attribute__((vector_size(8 * LANES)));
typedef uint32_t lanes_u32 __attribute__((vector_size(4 * LANES)));
typedef float lanes_f32 __attribute__((vector_size(4 * LANES)));

#define UPPER_HALF(x) ((x) >> 32)
#define LOWER_HALF(x) ((x)&0xffffffff)

/* Integers below 2^52 as doubles: they are the fraction of 2^52 + x. */
#define AS_F64(x) ((lanes_f64)((x) | 0x4330000000000000) - 0x1p52)

/*
 * LANES numbers from number `i` on, as floats. A double q stands for digits * 10^exponent. Of the seven
 * operations that make it the first product is exact; the others, and the power of ten, are rounded by at most
 * 2^-53 of the value each, so that q is wrong by less than 8 units of its last place. Unless it is that close to a tie of two floats, it rounds to the same float as the
 * number itself does. Says otherwise in *doubt, and when a float may be too small for it.
 */
static inline __attribute__((always_inline)) void finish_f32(const struct segment *s, int i, float *out,
                                                             lanes_u64 *doubt) {
    lanes_u64 upper, lower, bits;
    lanes_f64 divisor, q;
    lanes_u32 negative, result;
    memcpy(&upper, s->upper + i, sizeof upper);
    memcpy(&lower, s->lower + i, sizeof lower);
    memcpy(&divisor, s->divisor + i, sizeof divisor);
    memcpy(&negative, s->negative + i, sizeof negative);
    q = AS_F64(LOWER_HALF(upper)) * 1e8 + AS_F64(UPPER_HALF(upper));
    q = (q * 1e8 + AS_F64(LOWER_HALF(lower))) * 1e8 + AS_F64(UPPER_HALF(lower));
    q /= divisor;
    memcpy(&bits, &q, sizeof bits);
    *doubt |= (lanes_u64)((bits & 0x1fffffff) - (0x10000000 - 8) <= 16) | (lanes_u64)(q > 0x1.fffffep127);
    lanes_f32 rounded = __builtin_convertvector(q, lanes_f32);
    memcpy(&result, &rounded, sizeof result);
    result |= negative << 31;
    memcpy(out, &result, sizeof result);
}

static inline bool any_lane(const lanes_u64 *lanes) {
    uint64_t any = 0;
    for (int i = 0; i < LANES; i++)
        any |= (*lanes)[i];
    return any != 0;
}

/* The eight digits of each word, the first in its lowest byte: neighbours are joined to pairs, pairs to fours. */
static inline __attribute__((always_inline)) void join_digits(lanes_u64 *words) {
    lanes_u64 x = *words;
    x = ((x << 3) + (x << 1) + (x >> 8)) & 0x00ff00ff00ff00ff;
    x = ((x << 6) + (x << 5) + (x << 2) + (x >> 16)) & 0x0000ffff0000ffff;
    *words = LOWER_HALF(x) * 10000 + UPPER_HALF(x);
}

/* The last bytes of integer `i`, and how many bits of them belong to what stands before it. */
static inline void take_integer(struct segment *s, int i) {
    const char *begin = s->edge[2 * i], *end = s->edge[2 * i + 1];
    uint64_t bytes = (uint64_t)(end - begin);
    memcpy(&s->lower[i], end - WORD_DIGITS, WORD_DIGITS);
    s->upper[i] = (64 - 8 * bytes) & 63;
    s->special[s->specials] = (uint16_t)i;
    s->specials += (bytes > WORD_DIGITS) | ((bytes > 1) & (*begin == '0'));
}

/* LANES integers from number `i` on. */
static inline __attribute__((always_inline)) void join_integers(const struct segment *s, int i,
                                                                lanes_u64 *values) {
    lanes_u64 words, foreign;
    memcpy(&words, s->lower + i, sizeof words);
    memcpy(&foreign, s->upper + i, sizeof foreign);
    words = (words ^ 0x3030303030303030) >> foreign << foreign;
    join_digits(&words);
    *values = words;
}

/* One by one: the special numbers, or all. Returns how many were read before the first that cannot be. */
static inline int finish_specials_f32(const struct segment *s, int count, bool all, float *out) {
    for (int j = 0; j < (all ? count : s->specials); j++) {
        int i = all ? j : s->special[j];
        if (!array_number_f32(s->edge[2 * i], s->edge[2 * i + 1], &out[i]))
            return i;
    }
    return count;
}

static inline int finish_specials_f64(const struct segment *s, int count, bool all, double *out) {
    for (int j = 0; j < (all ? count : s->specials); j++) {
        int i = all ? j : s->special[j];
        if (!array_number_f64(s->edge[2 * i], s->edge[2 * i + 1], &out[i]))
            return i;
    }
    return count;
}

static inline int finish_integers_f32(const struct segment *s, int count, float *out) {
    for (int i = 0; i < count; i += LANES) {
        lanes_u64 values;
        join_integers(s, i, &values);
        lanes_f32 result = __builtin_convertvector(AS_F64(values), lanes_f32);
        memcpy(out + i, &result, (size_t)(count - i < LANES ? count - i : LANES) * sizeof *out);
    }
    return finish_specials_f32(s, count, false, out);
}

static inline int finish_integers_f64(const struct segment *s, int count, double *out) {
    for (int i = 0; i < count; i += LANES) {
        lanes_u64 values;
        join_integers(s, i, &values);
        lanes_f64 result = AS_F64(values);
        memcpy(out + i, &result, (size_t)(count - i < LANES ? count - i : LANES) * sizeof *out);
    }
    return finish_specials_f64(s, count, false, out);
}

/* Returns how many were read before the first that cannot be. */
static inline int finish_segment_f32(struct segment *s, int count, float *out) {
    lanes_u64 doubt = {0};
    float last[LANES];
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        finish_f32(s, i, out + i, &doubt);
    if (i < count) {
        finish_f32(s, i, last, &doubt);
        memcpy(out + i, last, (size_t)(count - i) * sizeof *out);
    }
    return finish_specials_f32(s, count, any_lane(&doubt), out);
}

/* The same for doubles, whose digits are exact in 64 bits or read one by one. */
static inline int finish_segment_f64(struct segment *s, int count, double *out) {
    int next = 0;
    s->special[s->specials] = UINT16_MAX;
    for (int i = 0; i < count; i++) {
        uint64_t high = UPPER_HALF(s->upper[i]);
        uint64_t digits = (high * 100000000 + LOWER_HALF(s->lower[i])) * 100000000 + UPPER_HALF(s->lower[i]);
        bool special = s->special[next] == i;
        double value;
        next += special;
        if (special || LOWER_HALF(s->upper[i]) != 0 || high > 1000 ||
            !decimal_scale_f64(digits, s->exponent[i], &value)) {
            if (!array_number_f64(s->edge[2 * i], s->edge[2 * i + 1], &out[i]))
                return i;
        } else {
            out[i] = s->negative[i] ? -value : value;
        }
    }
    return count;
}

/* Where the pass through a range is. */
struct reading {
    const char *at, *floor, *end;
    uint64_t in_number;
    int64_t left;  /* numbers */
    int edges;     /* in the segment already: 1 when a number goes on from the one before */
    bool integers; /* the segment has digits only */
};

/* Lists the numbers of the next blocks of text; how many are complete. */
static inline int list_segment(struct reading *r, struct segment *s) {
    uint64_t others = r->edges != 0 && !r->integers; /* what goes on from the segment before */
    for (int block = 0; block < SEGMENT_BLOCKS && r->at < r->end; block++, r->at += 64) {
        char last[64];
        const char *text = r->at;
        if (r->end - text < 64) {
            memset(last, ' ', sizeof last);
            text = memcpy(last, text, (size_t)(r->end - text));
        }
        uint64_t digits, numbers = text_numbers(text, &digits);
        r->edges += list_edges(s->edge + r->edges, r->at, numbers ^ (numbers << 1 | r->in_number));
        r->in_number = numbers >> 63;
        others |= numbers & ~digits;
    }
    r->integers = others == 0;
    return r->left < r->edges / 2 ? (int)r->left : r->edges / 2;
}

static inline void clear_number(struct segment *s, int i) {
    s->upper[i] = s->lower[i] = 0;
    s->divisor[i] = 1;
    s->exponent[i] = 0;
    s->negative[i] = 0;
}

/* The numbers whose last bytes cannot be loaded whole are left to be read one by one; how many there are. */
static inline int leave_first(struct segment *s, int count, const char *floor) {
    int i = 0;
    s->specials = 0;
    for (; i < count && s->edge[2 * i + 1] - floor < LOADED_BYTES; i++) {
        clear_number(s, i);
        s->special[s->specials++] = (uint16_t)i;
    }
    return i;
}

static inline struct reading reading_begin(const struct array_range *range) {
    struct reading r = {.at = range->begin, .floor = range->floor, .end = range->end, .left = range->count};
    /* a number that began before the range belongs to the one before */
    while (r.at > r.floor && r.at < r.end && is_number_byte(r.at[-1]) && is_number_byte(r.at[0]))
        r.at++;
    return r;
}

static inline void reading_next(struct reading *r, struct segment *s, int count) {
    r->left -= count;
    if (r->edges % 2 != 0)
        s->edge[0] = s->edge[r->edges - 1];
    r->edges %= 2;
}

static inline void take_segment(struct segment *s, int count, const struct reading *r) {
    int i = leave_first(s, count, r->floor);
    if (r->integers)
        for (; i < count; i++)
            take_integer(s, i);
    else
        for (; i < count; i++)
            take_number(s, i, r->floor);
    for (; i % LANES != 0; i++)
        clear_number(s, i);
}

static int64_t read_f32(const struct array_range *range, float *out) {
    struct segment s;
    struct reading r = reading_begin(range);
    s.specials = 0;
    while (r.left > 0 && r.at < r.end) {
        float *to = out + (range->count - r.left);
        int count = list_segment(&r, &s);
        take_segment(&s, count, &r);
        int done = r.integers ? finish_integers_f32(&s, count, to) : finish_segment_f32(&s, count, to);
        if (done < count)
            return range->count - r.left + done;
        reading_next(&r, &s, count);
    }
    return range->count - r.left;
}

static int64_t read_f64(const struct array_range *range, double *out) {
    struct segment s;
    struct reading r = reading_begin(range);
    s.specials = 0;
    while (r.left > 0 && r.at < r.end) {
        double *to = out + (range->count - r.left);
        int count = list_segment(&r, &s);
        take_segment(&s, count, &r);
        int done = r.integers ? finish_integers_f64(&s, count, to) : finish_segment_f64(&s, count, to);
        if (done < count)
            return range->count - r.left + done;
        reading_next(&r, &s, count);
    }
    return range->count - r.left;
}
