/*
 * Reading decimal text: a table of what must come out, texts of a megabyte, random texts against the C
 * library, and ties with all their digits from schoolbook arithmetic.
 */
#include "tests/unit/lib/decimal_cases.h"
#include "tests/unit/lib/decimal_help.h"

enum { LONG_BYTES = 1 << 20 };

static void expect_read_as_libc(const char *text) {
    expect_read_f32(text, bits_of_f32(strtof(text, NULL)));
    expect_read_f64(text, bits_of_f64(strtod(text, NULL)));
}

static void test_read_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof read_cases / sizeof read_cases[0]; i++) {
        expect_read_f32(read_cases[i].text, read_cases[i].f32);
        expect_read_f64(read_cases[i].text, read_cases[i].f64);
        expect_read_as_libc(read_cases[i].text);
    }
}

/* head + LONG_BYTES times `fill` + tail, in a buffer of its own. */
static const char *long_text(const char *head, char fill, const char *tail) {
    static char text[LONG_BYTES + 64];
    size_t head_bytes = strlen(head);
    memcpy(text, head, head_bytes);
    memset(text + head_bytes, fill, LONG_BYTES);
    strcpy(text + head_bytes + LONG_BYTES, tail);
    return text;
}

static void test_read_long_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof long_cases / sizeof long_cases[0]; i++) {
        const struct long_case *c = &long_cases[i];
        const char *text = long_text(c->head, c->fill, c->tail);
        uint64_t got = read_f64(text, strlen(text)), expected = bits_of_f64(c->value);
        uint32_t got_f32 = read_f32(text, strlen(text));
        if (got != expected || got_f32 != bits_of_f32((float)c->value)) {
            fail_msg("%s'%c'...%s: got %016" PRIx64 " and %08" PRIx32, c->head, c->fill, c->tail, got,
                     got_f32);
        }
    }
}

/* Random digits with a point anywhere, an exponent or none. */
static void random_number(char *text) {
    int digits = 1 + random_below(random_below(50) == 0 ? 900 : 30), point = random_below(digits + 1);
    if (random_below(2) == 0) {
        *text++ = '-';
    }
    if (point == 0) {
        *text++ = '0';
    }
    for (int i = 0; i < digits; i++) {
        if (i == point) {
            *text++ = '.';
        }
        bool leading = i == 0 && point > 1;
        *text++ = (char)('0' + leading + random_below(leading ? 9 : 10));
    }
    *text = '\0';
    int range = random_below(2) == 0 ? 60 : 700, exponent = random_below(range) - range / 2;
    switch (random_below(4)) {
    case 0: break;
    case 1: sprintf(text, "e%d", exponent); break;
    case 2: sprintf(text, "E%+d", exponent); break;
    default: sprintf(text, "e%+05d", exponent);
    }
}

static void test_read_random_texts(void **state) {
    (void)state;
    random_state = 1;
    for (int i = 0; i < 400000; i++) {
        char text[1024];
        random_number(text);
        expect_read_as_libc(text);
    }
}

/* Long fractions are read eight digits at a time: every length, with every byte that may follow. */
static void test_read_every_length(void **state) {
    (void)state;
    static const char *const tails[] = {"", "e1", "E-3", "e+0"};
    for (int digits = 1; digits <= 60; digits++) {
        for (int tail = 0; tail < 4; tail++) {
            char text[80] = "0.";
            for (int i = 0; i < digits; i++) {
                text[2 + i] = (char)('0' + (i * 7 + digits) % 10);
            }
            strcpy(text + 2 + digits, tails[tail]);
            expect_read_as_libc(text);
        }
    }
}

/*
 * Sixteen digits next to a tie of float32: a double of them is the tie itself, and rounding that would be
 * rounding twice.
 */
static void test_read_short_of_f32_ties(void **state) {
    (void)state;
    random_state = 8;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = (96 + (uint32_t)random_below(62)) << 23 | (uint32_t)random_below(1 << 23);
        double low = (double)f32_of_bits(bits), tie = low + ((double)f32_of_bits(bits + 1) - low) / 2;
        char text[64];
        snprintf(text, sizeof text, "%.*e", 14 + i % 4, tie);
        expect_read_as_libc(text);
    }
}

/* ---- ties ---- */

/* mantissa * 2^exponent with every digit: the sum of limb[i] * 10^(9 i), times 10^exponent. */
struct exact {
    uint32_t limb[128];
    int count, exponent;
};

static void exact_times(struct exact *n, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < n->count; i++) {
        carry += (uint64_t)n->limb[i] * factor;
        n->limb[i] = (uint32_t)(carry % 1000000000);
        carry /= 1000000000;
    }
    if (carry != 0) {
        n->limb[n->count++] = (uint32_t)carry;
    }
}

/* Writes the digits, without leading zeros, and returns the power of ten of the last one. */
static int exact_digits(uint64_t mantissa, int exponent, char *digits) {
    struct exact n = {
        .limb = {(uint32_t)(mantissa % 1000000000), (uint32_t)(mantissa / 1000000000 % 1000000000)},
        .count = 2,
        .exponent = exponent < 0 ? exponent : 0};
    for (int left = abs(exponent); left > 0; left -= 12) {
        uint32_t factor = 1;
        for (int i = 0; i < 12 && i < left; i++) {
            factor *= exponent < 0 ? 5 : 2;
        }
        exact_times(&n, factor);
    }
    char *p = digits;
    for (int i = n.count - 1; i >= 0; i--) {
        p += sprintf(p, "%09" PRIu32, n.limb[i]);
    }
    size_t zeros = strspn(digits, "0");
    memmove(digits, digits + zeros, (size_t)(p - digits) - zeros + 1);
    return n.exponent;
}

/* The same number in the three shapes that a text can have. */
typedef void expect_fn(const char *text, uint64_t bits);

static void expect_in_all_layouts(const char *digits, int exponent, expect_fn *expect, uint64_t bits) {
    char text[4096];
    int count = (int)strlen(digits), point = count + exponent;
    sprintf(text, "%se%d", digits, exponent);
    expect(text, bits);
    sprintf(text, "%c.%s0e+%d", digits[0], digits + 1, point - 1);
    if (point < 1) {
        sprintf(text, "%c.%s0E%d", digits[0], digits + 1, point - 1);
    }
    expect(text, bits);
    if (point <= 0) {
        sprintf(text, "0.%0*d%s", -point + 1, 0, digits);
        sprintf(text + strlen(text), "e%d", 1);
    } else if (point < count) {
        sprintf(text, "%.*s.%s", point, digits, digits + point);
    } else {
        sprintf(text, "%s%0*d", digits, point - count + 1, 0);
        sprintf(text + strlen(text), "e%d", -1);
    }
    expect(text, bits);
}

/* A tie between the value of `bits` and the next, just above it and just below it, with up to 1,000 digits.
 */
static void expect_tie(uint64_t mantissa, int exponent, expect_fn *expect, uint64_t bits) {
    char digits[2048];
    int power = exact_digits(2 * mantissa + 1, exponent - 1, digits);
    size_t count = strlen(digits), wide = count < 990 ? 1000 : count + 10;
    expect_in_all_layouts(digits, power, expect, bits + (mantissa & 1));

    memset(digits + count, '0', wide - count);
    strcpy(digits + wide, "1");
    expect_in_all_layouts(digits, power - (int)(wide + 1 - count), expect, bits + 1);

    size_t last = count - 1;
    while (digits[last] == '0') {
        last--;
    }
    digits[last]--;
    memset(digits + last + 1, '9', wide - last - 1);
    digits[wide] = '\0';
    if (digits[0] != '0') {
        expect_in_all_layouts(digits, power - (int)(wide - count), expect, bits);
    }
}

static void expect_bits_f32(const char *text, uint64_t bits) {
    expect_read_f32(text, (uint32_t)bits);
}

/* `bits` is a positive finite value. */
static void expect_tie_f32(uint32_t bits) {
    uint32_t field = bits >> 23, fraction = bits & 0x7fffff;
    expect_tie(field == 0 ? fraction : fraction | 0x800000, (int)(field == 0 ? 1 : field) - 150,
               expect_bits_f32, bits);
}

static void expect_tie_f64(uint64_t bits) {
    uint64_t field = bits >> 52, fraction = bits & 0xfffffffffffff;
    expect_tie(field == 0 ? fraction : fraction | 0x10000000000000, (int)(field == 0 ? 1 : field) - 1075,
               expect_read_f64, bits);
}

/* Zero, the subnormals' ends, the normals' ends: the last tie of each is where a carry, a format or the range
 * ends. */
static void test_read_ties_at_borders(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        expect_tie_f32(i);
        expect_tie_f32(0x007ffffe + i);
        expect_tie_f32(0x00fffffe + i);
        expect_tie_f32(0x4b7ffffe + i); /* 2^24 */
        expect_tie_f32(0x7f7ffffc + i); /* the last one is the greatest: its tie is refused */
        expect_tie_f64(i);
        expect_tie_f64(0x000ffffffffffffe + i);
        expect_tie_f64(0x001ffffffffffffe + i); /* 768 digits, the most there are */
        expect_tie_f64(0x433ffffffffffffe + i); /* 2^53 */
        expect_tie_f64(0x7feffffffffffffc + i);
    }
}

static void test_read_random_ties(void **state) {
    (void)state;
    random_state = 2;
    for (int i = 0; i < 4000; i++) {
        expect_tie_f32((uint32_t)random_u64() % 0x7f800000);
        expect_tie_f32((100 + (uint32_t)random_below(54)) << 23 | (uint32_t)random_below(1 << 23));
        expect_tie_f64(random_u64() % 0x7ff0000000000000);
        expect_tie_f64((uint64_t)(980 + random_below(120)) << 52 | random_u64() >> 12);
    }
}

int main(void) {
    fence = fence_make(LONG_BYTES + 4096);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_table),
        cmocka_unit_test(test_read_long_texts),
        cmocka_unit_test(test_read_random_texts),
        cmocka_unit_test(test_read_every_length),
        cmocka_unit_test(test_read_short_of_f32_ties),
        cmocka_unit_test(test_read_ties_at_borders),
        cmocka_unit_test(test_read_random_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
