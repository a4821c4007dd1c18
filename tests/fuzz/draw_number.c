#include "tests/fuzz/draw.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_DIGITS = 1200 };

/* ---- exact decimals ---- */

/* A positive number in decimal: 0.d₁d₂d₃… · 10^point, exactly. */
struct decimal {
    char digits[MOST_DIGITS];
    int count, point;
};

/* All digits of m * 2^e, m below 2^64: no more than m's, and 0.7 for each step of a negative e or 0.3 of a positive. */
static struct decimal decimal_of(long double value) {
    char text[MOST_DIGITS + 32];
    struct decimal decimal = {.count = 0};
    int top;
    (void)frexpl(value, &top);
    int precision = 22 + abs(top - 64) * 7 / 10;
    snprintf(text, sizeof text, "%.*Le", precision < MOST_DIGITS - 50 ? precision : MOST_DIGITS - 50, value);
    const char *exponent = strchr(text, 'e');
    for (const char *c = text; c < exponent; c++) {
        if (*c != '.')
            decimal.digits[decimal.count++] = *c;
    }
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0')
        decimal.count--;
    decimal.point = atoi(exponent + 1) + 1;
    return decimal;
}

/* A hair above, a hair below, or cut short: what decides how a tie is rounded stands far behind. */
static void unsettle(struct fuzz_random *random, struct decimal *decimal) {
    int zeros = (int)fuzz_below(random, 30);
    switch (fuzz_below(random, 5)) {
    case 0: break;
    case 1:
    case 2: /* above */
        memset(decimal->digits + decimal->count, '0', (size_t)zeros);
        decimal->count += zeros;
        decimal->digits[decimal->count++] = (char)('1' + fuzz_below(random, 9));
        break;
    case 3: /* below: the last digit is not 0 */
        decimal->digits[decimal->count - 1]--;
        memset(decimal->digits + decimal->count, '9', (size_t)zeros);
        decimal->count += zeros;
        break;
    default: decimal->count = 1 + (int)fuzz_below(random, (size_t)decimal->count); break;
    }
}

/* In positional or exponential notation, the point anywhere. */
static void put_decimal(struct fuzz_random *random, const struct decimal *decimal, struct fuzz_text *out) {
    int point = decimal->point, count = decimal->count;
    if (fuzz_one_in(random, 2) || point > 400 || point < -400) {
        point = (int)fuzz_below(random, (size_t)count + 3);
        if (fuzz_one_in(random, 2))
            point = 1;
    }
    if (point <= 0) {
        fuzz_puts(out, "0.");
        for (int i = point; i < 0; i++)
            fuzz_puts(out, "0");
        fuzz_put(out, decimal->digits, (size_t)count);
    } else if (point > 1 && decimal->digits[0] == '0') {
        fuzz_puts(out, "0"); /* no number begins with 0 and goes on */
        return;
    } else {
        fuzz_put(out, decimal->digits, (size_t)(point < count ? point : count));
        for (int i = count; i < point; i++)
            fuzz_puts(out, "0");
        if (point < count) {
            fuzz_puts(out, ".");
            fuzz_put(out, decimal->digits + point, (size_t)(count - point));
        }
    }
    if (point != decimal->point)
        fuzz_printf(out, fuzz_one_in(random, 2) ? "e%d" : "E%+03d", decimal->point - point);
}

static void put_sign(struct fuzz_random *random, struct fuzz_text *out) {
    if (fuzz_one_in(random, 3))
        fuzz_puts(out, "-");
}

/* ---- kinds ---- */

static float random_float(struct fuzz_random *random) {
    uint32_t bits = (uint32_t)fuzz_u64(random) & 0x7fffffff;
    if (fuzz_one_in(random, 2)) /* near 1 */
        bits = (bits & 0x007fffff) | (uint32_t)(117 + fuzz_below(random, 20)) << 23;
    if (fuzz_one_in(random, 8)) /* subnormal */
        bits &= 0x007fffff >> fuzz_below(random, 23);
    float value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : FLT_MAX;
}

static double random_double(struct fuzz_random *random) {
    uint64_t bits = fuzz_u64(random) >> 1;
    if (fuzz_one_in(random, 2))
        bits = (bits & UINT64_C(0xfffffffffffff)) | (uint64_t)(1003 + fuzz_below(random, 40)) << 52;
    if (fuzz_one_in(random, 8))
        bits &= UINT64_C(0xfffffffffffff) >> fuzz_below(random, 52);
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : DBL_MAX;
}

static double random_tie32(struct fuzz_random *random) {
    float value = random_float(random), above = nextafterf(value, INFINITY);
    return ((double)value + (isinf(above) ? 0x1p128 : (double)above)) / 2;
}

/* A long double holds the halfway point exactly where it is longer than a double. */
static long double random_tie64(struct fuzz_random *random) {
    double value = random_double(random), above = nextafter(value, INFINITY);
    return ((long double)value + (isinf(above) ? 2 * (long double)0x1p1023 : (long double)above)) / 2;
}

static void draw_tie(struct fuzz_random *random, long double tie, struct fuzz_text *out) {
    struct decimal decimal = decimal_of(tie);
    unsettle(random, &decimal);
    put_sign(random, out);
    put_decimal(random, &decimal, out);
}

/* `tie` and up to 16 times `step` of it, in 15 to 24 digits. */
static void draw_near(struct fuzz_random *random, long double tie, long double step, struct fuzz_text *out) {
    char text[64];
    tie += tie * step * ((long double)fuzz_below(random, 257) - 128) / 8;
    put_sign(random, out);
    if (tie > 1e-5L && tie < 1e15L && fuzz_one_in(random, 2))
        snprintf(text, sizeof text, "%.*Lf", 6 + (int)fuzz_below(random, 18), tie);
    else
        snprintf(text, sizeof text, "%.*Le", 14 + (int)fuzz_below(random, 10), tie);
    fuzz_puts(out, text);
}

static void put_digits(struct fuzz_random *random, size_t count, struct fuzz_text *out) {
    char filling = fuzz_one_in(random, 4) ? "09"[fuzz_below(random, 2)] : '\0';
    for (size_t i = 0; i < count; i++) {
        char digit =
            filling != '\0' && !fuzz_one_in(random, 40) ? filling : (char)('0' + fuzz_below(random, 10));
        fuzz_put(out, &digit, 1);
    }
}

static void put_integer(struct fuzz_random *random, size_t count, struct fuzz_text *out) {
    char first = (char)('1' + fuzz_below(random, 9));
    fuzz_put(out, &first, 1);
    put_digits(random, count - 1, out);
}

static void draw_digits(struct fuzz_random *random, struct fuzz_text *out) {
    static const size_t most[] = {3, 10, 20, 40, 100, 800};
    size_t count = 1 + fuzz_below(random, most[fuzz_below(random, 6)]), whole = fuzz_below(random, count + 1);
    put_sign(random, out);
    if (whole == 0 || fuzz_one_in(random, 4)) {
        fuzz_puts(out, "0");
        whole = 0;
    } else {
        put_integer(random, whole, out);
    }
    if (count > whole) {
        fuzz_puts(out, ".");
        put_digits(random, count - whole, out);
    }
    if (fuzz_one_in(random, 50)) /* anything */
        fuzz_printf(out, "e%d", (int)fuzz_below(random, 700) - 350);
    else if (whole > 37 || fuzz_one_in(random, 2)) /* mostly in the range of float32 */
        fuzz_printf(out, "e%d",
                    (int)fuzz_below(random, 80) - 42 - (int)whole - (fuzz_one_in(random, 8) ? 270 : 0));
}

static void put_one_of(struct fuzz_random *random, const char *const *numbers, size_t count,
                       struct fuzz_text *out) {
    fuzz_puts(out, numbers[fuzz_below(random, count)]);
}

static void draw_edge(struct fuzz_random *random, struct fuzz_text *out) {
    static const char *const edges[] = {
        /* just below half a step beyond the largest float32 and float64, which is a tie that goes to infinity */
        "340282356779733661637539395458142568447.99", "3.4028235677973365e38", "3.4028234663852886e38",
        /* the smallest subnormals, and half of them: a tie that goes to 0 */
        "1.401298464324817e-45", "7.006492321624085354618e-46", "7.0064923216240854e-46",
        "7.0064923216240853e-46", "4.9406564584124654e-324", "2.4703282292062327208e-324",
        "2.4703282292062328e-324", "2.4703282292062327e-324",
        /* the smallest normal numbers */
        "1.1754943508222875e-38", "1.1754942807573643e-38", "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        /* where integers end to be exact, and where 64 bits end */
        "16777216", "16777217", "16777218.000000000000000000000001", "9007199254740992", "9007199254740993",
        "9007199254740993.0000000000000000000000000000000000000001", "18446744073709551615",
        "18446744073709551616", "9223372036854775807", "9223372036854775808", "9223372036854775809",
        "4294967295", "4294967296", "1e22", "1e23", "8.5e22", "1e-22", "1e10", "1e11",
        "123456789012345678e-20", "9999999999999999999e-19", "1e38", "1e-45", "1e-46", "1e-324", "1e-323",
        "0.1", "0.3", "2.5", "0.5", "1.5"};
    static const char *const beyond[] = {"340282356779733661637539395458142568448",
                                         "3.4028235677973366e38",
                                         "3.4028236e38",
                                         "1.797693134862315807e308",
                                         "1.797693134862315808e308",
                                         "1.7976931348623157e308",
                                         "1.7976931348623159e308",
                                         "1e39",
                                         "1e308",
                                         "1e309",
                                         "1e99999999999999999999",
                                         "1e400",
                                         "1e2147483648"};
    put_sign(random, out);
    if (fuzz_one_in(random, 40))
        put_one_of(random, beyond, sizeof beyond / sizeof beyond[0], out);
    else
        put_one_of(random, edges, sizeof edges / sizeof edges[0], out);
}

static void put_repeated(struct fuzz_text *out, const char *token, size_t times) {
    while (times-- > 0)
        fuzz_puts(out, token);
}

static void draw_odd(struct fuzz_random *random, struct fuzz_text *out) {
    static const char *const odd[] = {"-0",
                                      "0.0",
                                      "-0.0",
                                      "0e0",
                                      "-0e-0",
                                      "0E+00",
                                      "1E5",
                                      "1e+05",
                                      "1e00",
                                      "1E-005",
                                      "0.0e999",
                                      "0e-99999999999",
                                      "1e-99999999999999999999",
                                      "0.000e99999999999999999999",
                                      "10e-1",
                                      "1.0",
                                      "100000000000000000000000000000e-29",
                                      "0.00000000000000000000000000001e29",
                                      "-1e-2147483649"};
    size_t zeros = fuzz_below(random, 400);
    switch (fuzz_below(random, 6)) {
    case 0: /* zeros in front, and an exponent that undoes them */
        fuzz_puts(out, "0.");
        put_repeated(out, "0", zeros);
        fuzz_printf(out, "%ue%d", 1 + (unsigned)fuzz_below(random, 99999), (int)zeros + 1);
        break;
    case 1: /* zeros behind */
        put_integer(random, 1 + fuzz_below(random, 20), out);
        put_repeated(out, "0", zeros);
        fuzz_printf(out, "e-%d", (int)zeros);
        break;
    case 2: /* zeros behind the point */
        put_integer(random, 1 + fuzz_below(random, 20), out);
        fuzz_puts(out, ".");
        put_repeated(out, "0", zeros + 1);
        break;
    case 3: /* zeros in the exponent */
        put_integer(random, 1 + fuzz_below(random, 5), out);
        fuzz_puts(out, "e-");
        put_repeated(out, "0", zeros);
        fuzz_puts(out, "7");
        break;
    default: put_one_of(random, odd, sizeof odd / sizeof odd[0], out); break;
    }
}

static void draw_word(struct fuzz_random *random, struct fuzz_text *out) {
    static const char *const words[] = {"NaN",
                                        "Infinity",
                                        "-Infinity",
                                        "\"NaN\"",
                                        "\"Infinity\"",
                                        "\"-Infinity\"",
                                        "\"\\u004eaN\"",
                                        "\"N\\u0061\\u004E\"",
                                        "\"\\u002dInfinity\""};
    put_one_of(random, words, sizeof words / sizeof words[0], out);
}

static void draw_no_number(struct fuzz_random *random, struct fuzz_text *out) {
    static const char *const none[] = {"01",      "00",        "-01",
                                       "1.",      ".5",        "+1",
                                       "-",       "1e",        "1e+",
                                       "1E-",     "-.5",       "1.e5",
                                       "1.5.2",   "1e5.5",     "1e5e5",
                                       "0x10",    "1_0",       "1f",
                                       "nan",     "NAN",       "inf",
                                       "Inf",     "-Inf",      "--1",
                                       "-+1",     "1-",        "1+1",
                                       "1 2",     "1,,2",      "",
                                       "null",    "true",      "false",
                                       "\"1\"",   "\"nan\"",   "\"NaN ",
                                       "\"\"",    "{}",        "[]",
                                       "[1]",     "NaNN",      "-NaN",
                                       "NaN1",    "Infinity1", "0-",
                                       "1e1-",    "- 1",       "1 .5",
                                       "1. 5",    "1e 5",      "0.",
                                       "-0.",     "00.5",      "1/2",
                                       "1:2",     "12a",       "0e",
                                       "e5",      "E",         ".",
                                       "1\t2",    "\"1",       "1\"",
                                       "\\u0031", "'1'",       "\xd9\xa1",
                                       "1\x01",   "1\x80",     "\xef\xbb\xbf 1",
                                       "#",       "/**/1",     "1//",
                                       "Infinit", "NaN-",      "-Infinity-",
                                       "tru"};
    put_one_of(random, none, sizeof none / sizeof none[0], out);
}

void draw_number(struct fuzz_random *random, enum draw_number kind, struct fuzz_text *out) {
    if (kind == DRAW_ANY)
        kind = (enum draw_number)fuzz_below(random, DRAW_ANY);
    switch (kind) {
    case DRAW_BYTES: fuzz_printf(out, "%u", (unsigned)fuzz_below(random, 256)); break;
    case DRAW_FRACTIONS:
        put_sign(random, out);
        fuzz_puts(out, "0.");
        put_digits(random, 1 + fuzz_below(random, 10), out);
        break;
    case DRAW_SHORT:
        fuzz_printf(out, "%.*f", (int)fuzz_below(random, 5), (double)(int)fuzz_below(random, 2000) / 16 - 60);
        break;
    case DRAW_FLOAT32:
        put_sign(random, out);
        fuzz_printf(out, "%.*g", 1 + (int)fuzz_below(random, 12), (double)random_float(random));
        break;
    case DRAW_FLOAT64:
        put_sign(random, out);
        fuzz_printf(out, "%.*g", 6 + (int)fuzz_below(random, 16), random_double(random));
        break;
    case DRAW_INTEGERS:
        put_sign(random, out);
        put_integer(random, 1 + fuzz_below(random, 25), out);
        break;
    case DRAW_DIGITS: draw_digits(random, out); break;
    case DRAW_TIE32: draw_tie(random, (long double)random_tie32(random), out); break;
    case DRAW_TIE64: draw_tie(random, random_tie64(random), out); break;
    case DRAW_NEAR32: draw_near(random, (long double)random_tie32(random), 0x1p-53L, out); break;
    case DRAW_NEAR64: draw_near(random, random_tie64(random), 0x1p-64L, out); break;
    case DRAW_EDGES: draw_edge(random, out); break;
    case DRAW_ODD: draw_odd(random, out); break;
    case DRAW_WORDS: draw_word(random, out); break;
    default: draw_no_number(random, out); break;
    }
}

void draw_damaged_number(struct fuzz_random *random, enum draw_number kind, struct fuzz_text *out) {
    char buffer[2048];
    struct fuzz_text number = {.data = buffer, .capacity = sizeof buffer};
    draw_number(random, kind, &number);
    size_t at = fuzz_below(random, number.bytes + 1), sign = number.bytes > 0 && buffer[0] == '-';
    if (fuzz_one_in(random, 3)) { /* a zero in front */
        fuzz_put(out, buffer, sign);
        fuzz_puts(out, "0");
        at = sign;
    } else {
        fuzz_put(out, buffer, at);
        if (at < number.bytes && fuzz_one_in(random, 2)) /* one less, or the one that comes instead */
            at++;
        if (fuzz_one_in(random, 2))
            fuzz_put(out, &"0.-+eE 1ax\"]["[fuzz_below(random, 13)], 1);
    }
    fuzz_put(out, buffer + at, number.bytes - at);
}
