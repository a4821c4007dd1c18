/*
 * The digits of float64, LANES / 2 at a time, for the levels that shift each lane by its own count. Lanes
 * are 64 bits here. Besides what lib/kernels/write.inc.h asks for, the including file defines
 *
 *   wide_choice, wide_equal(a, b), wide_above(a, b), wide_either(c, a, b), wide_bits(c)   as without "wide_"
 *   load_powers(index, &high, &low)   the halves of pow10_table[index]
 *   store_low(to, v)                  the lower half of each lane
 */

/* The 63 bits of a fraction's lower word: the bit above is free for a borrow. */
#define LOWER_BITS each64(INT64_MAX)

/* An unsigned number in units of 2^-70: upper in units of 2^-7, 0 <= lower < 2^63 in units of 2^-70. */
struct fixed {
    vec upper, lower;
};

/* a - b - units, for 0 <= units <= 16 */
static inline struct fixed fixed_less(struct fixed a, struct fixed b, vec units) {
    vec lower = OP(sub_epi64)(OP(sub_epi64)(a.lower, b.lower), units);
    vec upper = OP(sub_epi64)(OP(sub_epi64)(a.upper, b.upper), OP(srli_epi64)(lower, 63));
    return (struct fixed){upper, lower & LOWER_BITS};
}

/*
 * m * (high * 2^64 + low) / 2^128 in units of 2^-7, and `units` of 2^-70 more; two units less at most, since
 * the carry from the lowest products is not looked for.
 */
static inline struct fixed fixed_product(vec m, vec high, vec low, vec units) {
    const vec word = each64(UINT32_MAX);
    vec m1 = OP(srli_epi64)(m, 32), g1 = OP(srli_epi64)(low, 32), g3 = OP(srli_epi64)(high, 32);
    vec m0g1 = OP(mul_epu32)(m, g1), m1g0 = OP(mul_epu32)(m1, low);
    vec m1g1 = OP(mul_epu32)(m1, g1), m0g2 = OP(mul_epu32)(m, high);
    vec m1g2 = OP(mul_epu32)(m1, high), m0g3 = OP(mul_epu32)(m, g3);
    vec third = OP(add_epi64)(m1g1 & word, m0g2 & word);
    third = OP(add_epi64)(third, OP(add_epi64)(OP(srli_epi64)(m0g1, 32), OP(srli_epi64)(m1g0, 32)));
    third = OP(add_epi64)(third, OP(add_epi64)(units, units));
    vec second = OP(add_epi64)(OP(srli_epi64)(m1g1, 32), OP(srli_epi64)(m0g2, 32));
    second = OP(add_epi64)(second, OP(add_epi64)(m1g2 & word, m0g3 & word));
    second = OP(add_epi64)(second, OP(srli_epi64)(third, 32));
    vec upper = OP(add_epi64)(OP(srli_epi64)(m1g2, 32), OP(srli_epi64)(m0g3, 32));
    upper = OP(add_epi64)(upper, OP(add_epi64)(OP(mul_epu32)(m1, g3), OP(srli_epi64)(second, 32)));
    vec lower = OP(slli_epi64)(second, 32) | (third & word);
    return (struct fixed){upper, OP(srli_epi64)(lower, 1)};
}

static inline struct fixed fixed_half(struct fixed a) {
    vec carried = OP(slli_epi64)(a.upper & each64(1), 62);
    return (struct fixed){OP(srli_epi64)(a.upper, 1), OP(srli_epi64)(a.lower, 1) | carried};
}

/* n < 2^57 without its last digit, that is, with 0 there: 2^28 is 6 modulo ten. */
static inline vec without_last_digit(vec n) {
    vec folded = OP(mul_epu32)(OP(srli_epi64)(n, 28), each64(6));
    folded = OP(add_epi64)(folded, n & each64((1 << 28) - 1));
    vec tenth = OP(srli_epi64)(OP(mul_epu32)(folded, each64(0xcccccccd)), 35);
    return OP(sub_epi64)(n, OP(sub_epi64)(folded, OP(mul_epu32)(tenth, each64(10))));
}

/* Sixteen or seventeen digits, made 17, as nine and eight. */
static inline void split_seventeen(vec digits, vec *upper, vec *lower, vec *count) {
    wide_choice sixteen = wide_above(each64(10000000000000000), digits);
    vec tenfold_digits = OP(add_epi64)(OP(slli_epi64)(digits, 3), OP(slli_epi64)(digits, 1));
    digits = wide_either(sixteen, tenfold_digits, digits);
    *count = wide_either(sixteen, each64(16), each64(17));
    /* 2882303761 / 2^58 is 10^-8, not quite: the quotient is right or one too small */
    *upper = OP(srli_epi64)(OP(mul_epu32)(OP(srli_epi64)(digits, 25), each64(2882303761)), 33);
    *lower = OP(sub_epi64)(digits, OP(mul_epu32)(*upper, each64(100000000)));
    wide_choice small = wide_above(*lower, each64(99999999));
    *upper = wide_either(small, OP(add_epi64)(*upper, each64(1)), *upper);
    *lower = wide_either(small, OP(sub_epi64)(*lower, each64(100000000)), *lower);
}

/*
 * The multiple of ten in the interval when there is one, else the nearest integer: lib/numbers/shortest.h
 * by one product. `above_end` is the interval's upper end and eight units more, `half` its half, in units
 * of 10^k; below a power of two only half of that belongs to it. The ends lack four units at most, for
 * entries are cut off too, and none that is not an integer is nearer to one than 2^-66, sixteen units
 * (pow10_table.py --prove). So they are moved by eight: inwards when c is odd, for they round to the
 * neighbours then, else outwards. A middle that is half of an integer is exact, as all of 10^-k is in its
 * entry's upper half then, and the even one of two is taken.
 */
static inline vec shortest_digits(struct fixed above_end, struct fixed half, vec is_odd,
                                  wide_choice power_of_two) {
    const vec zero = each64(0), one = each64(1);
    vec odd_units = OP(slli_epi64)(is_odd, 4), even_units = OP(sub_epi64)(each64(16), odd_units);
    struct fixed inside = fixed_less(above_end, (struct fixed){zero, zero}, odd_units);
    vec tens = without_last_digit(OP(srli_epi64)(inside.upper, 7));

    struct fixed middle = fixed_less(above_end, half, zero); /* and eight units */
    vec parity = OP(srli_epi64)(middle.upper, 7) & one;
    vec up = wide_either(wide_equal(middle.lower, each64(8)), parity, one);
    vec nearest = OP(srli_epi64)(OP(add_epi64)(middle.upper, OP(add_epi64)(up, each64(63))), 7);

    struct fixed quarter = fixed_half(half);
    half.upper = wide_either(power_of_two, quarter.upper, half.upper);
    half.lower = wide_either(power_of_two, quarter.lower, half.lower);
    struct fixed below_end = fixed_less(middle, half, even_units);
    vec below = OP(srli_epi64)(below_end.upper, 7); /* the highest integer that is too low */
    nearest = wide_either(wide_above(nearest, below), nearest, OP(add_epi64)(below, one));
    return wide_either(wide_above(tens, below), tens, nearest);
}

/* Returns a bit for each lane that is subnormal and not done, from the lowest on; for each not finite,
 * from bit 16 on. */
INLINED uint32_t find_lanes_f64(struct seventeen *to, int at, vec bits) {
    vec fraction = bits & each64(0xfffffffffffff), field = OP(srli_epi64)(bits, 52) & each64(0x7ff);
    wide_choice power_of_two = wide_equal(fraction, each64(0)), small = wide_equal(field, each64(0));
    /* floor_log10_pow2 and floor_log10_three_quarters_pow2 of shortest.h, and 400 to be positive */
    const uint64_t log10_start = (UINT64_C(400) << 22) - UINT64_C(1075) * 1262611;
    vec log10 = OP(add_epi64)(OP(mul_epu32)(field, each64(1262611)), each64(log10_start));
    log10 = wide_either(power_of_two, OP(sub_epi64)(log10, each64(524031)), log10);
    vec k400 = OP(srli_epi64)(log10, 22);
    vec index = OP(sub_epi64)(each64(400 - POW10_MIN), k400), high, low;
    load_powers(index, &high, &low);
    /* pow10_floor_log2(-k), and 1200 to be positive; then 2^q * 10^-k = entry(-k) * 2^(shift - 134) */
    const uint64_t log2_start = (UINT64_C(1200) << 16) - (uint64_t)-POW10_MIN * 217706;
    vec log2 = OP(add_epi64)(OP(mul_epu32)(index, each64(217706)), each64(log2_start));
    vec shift = OP(add_epi64)(field, OP(sub_epi64)(OP(srli_epi64)(log2, 16), each64(1200 + 1075 - 7)));

    vec twice = OP(slli_epi64)(fraction, 1) | each64(UINT64_C(1) << 53 | 1); /* 2 c + 1 */
    struct fixed above_end = fixed_product(OP(sllv_epi64)(twice, shift), high, low, each64(8));
    vec back = OP(sub_epi64)(each64(64), shift);
    vec half_lower = OP(sllv_epi64)(high, OP(sub_epi64)(shift, each64(1)));
    half_lower = half_lower | OP(srlv_epi64)(low, OP(add_epi64)(back, each64(1)));
    struct fixed half = {OP(srlv_epi64)(high, back), half_lower & LOWER_BITS};

    vec upper, lower, count;
    vec digits = shortest_digits(above_end, half, bits & each64(1), power_of_two);
    split_seventeen(digits, &upper, &lower, &count);
    vec point = OP(add_epi64)(k400, OP(sub_epi64)(count, each64(400)));
    store_low(to->upper + at, wide_either(small, each64(0), upper));
    store_low(to->lower + at, wide_either(small, each64(0), lower));
    store_low(to->point + at, wide_either(small, each64(1), point));
    store_low(to->sign + at, OP(srli_epi64)(bits, 63));
    uint32_t zero = wide_bits(power_of_two), not_done = wide_bits(small) & ~zero;
    return not_done | wide_bits(wide_equal(field, each64(0x7ff))) << 16;
}

static uint64_t find_block_f64(struct seventeen *to, const double *values, int count) {
    uint64_t left_out = 0;
    for (int at = 0; at < count; at += LANES / 2) {
        int rest = count - at < LANES / 2 ? count - at : LANES / 2;
        vec bits = rest == LANES / 2 ? load(values + at) : load_part(values + at, 2 * rest);
        uint32_t found = find_lanes_f64(to, at, bits);
        left_out |= (uint64_t)(found >> 16) << at;
        for (uint32_t not_done = found & 0xffff; not_done != 0; not_done &= not_done - 1) {
            int i = at + __builtin_ctz(not_done);
            find_seventeen(to, i, values[i]);
        }
    }
    return left_out;
}
