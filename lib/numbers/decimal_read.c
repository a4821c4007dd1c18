/*
 * Reading in three steps, each taken when the one before cannot decide:
 *
 *   1. w * 10^q or w / 10^-q with both factors exact and one rounding (Clinger, "How to read floating point
 *      numbers accurately", 1990).
 *   2. The product of w and a 128-bit power of ten (after Lemire, "Number parsing at a gigabyte per second",
 * 2021). It is an interval here, not a value: it decides whenever the interval does not touch a tie, and so
 * needs no theorem on which ties can occur.
 *   3. The exact comparison with that tie (decimal_exact.c).
 *
 * Steps 2 and 3 use integers only: they do not depend on rounding modes or on subnormals being flushed.
 */
#include "lib/numbers/decimal.h"

#include "lib/numbers/decimal_exact.h"
#include "lib/numbers/pow10_table.h"
#include "lib/numbers/words.h"

#include <assert.h>
#include <float.h>
#include <string.h>

/* A JSON number's value without its sign: digits * 10^exponent, or a little more when `truncated`. */
struct scanned {
    uint64_t digits;
    int64_t exponent;
    bool negative;
    bool truncated; /* the value is between digits and digits + 1, times 10^exponent; digits >= 10^18 */

    /* For the exact comparison: where the digits (and the point) are, and the exponent as written. */
    const char *start, *stop;
    int64_t written_exponent;
};

/* 19 digits always fit 64 bits. */
enum { MAX_SCANNED_DIGITS = 19 };

static bool is_digit(char c) {
    return (unsigned)(c - '0') < 10;
}

static const char *read_digits(const char *p, const char *end, uint64_t *value) {
    for (; p < end && is_digit(*p); p++) {
        *value = *value * 10 + (uint64_t)(*p - '0');
    }
    return p;
}

/* Whether the eight bytes are digits: adding 0x46 carries out of what is above '9', subtracting 0x30 borrows
 * for what is below '0'. */
static bool is_eight_digits(uint64_t bytes) {
    return (((bytes + 0x4646464646464646) | (bytes - 0x3030303030303030)) & 0x8080808080808080) == 0;
}

/* Neighbours are joined to pairs, pairs to fours, fours to the value; the first digit is the lowest byte. */
static uint64_t eight_digits(uint64_t bytes) {
    bytes -= 0x3030303030303030;
    bytes = (bytes * 10 + (bytes >> 8)) & 0x00ff00ff00ff00ff;
    bytes = (bytes * 100 + (bytes >> 16)) & 0x0000ffff0000ffff;
    return (bytes * 10000 + (bytes >> 32)) & 0xffffffff;
}

static uint64_t load_eight(const char *p) {
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return first_byte_lowest(bytes);
}

/* As read_digits, eight at a time: for fractions, which are long. */
static const char *read_many_digits(const char *p, const char *end, uint64_t *value) {
    for (uint64_t bytes; end - p >= 8 && is_eight_digits(bytes = load_eight(p)); p += 8) {
        *value = *value * 100000000 + eight_digits(bytes);
    }
    return read_digits(p, end, value);
}

/* Reads [+-]?[0-9]+. Stops counting far beyond what the digits of any text could make up for. */
static int64_t read_exponent(const char *p, const char *end) {
    const int64_t enough = INT64_C(100000000000000000);
    bool negative = *p == '-';
    int64_t exponent = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++) {
        if (exponent < enough) {
            exponent = exponent * 10 + (*p - '0');
        }
    }
    return negative ? -exponent : exponent;
}

/* The first digit of [p, stop) that is not 0, or `stop`; *power is the power of ten it stands for. */
static const char *first_digit(const char *p, const char *stop, int64_t *power) {
    const char *point = memchr(p, '.', (size_t)(stop - p));
    if (point == NULL) {
        point = stop;
    }
    while (p < stop && (*p == '0' || *p == '.')) {
        p++;
    }
    *power = p < point ? point - p - 1 : point - p;
    return p;
}

/* Takes the first significant digits of a number that has more digits than 64 bits hold. */
static void scan_long(struct scanned *number) {
    int64_t power;
    const char *p = first_digit(number->start, number->stop, &power);
    int taken = 0;
    number->digits = 0;
    for (; p < number->stop && taken < MAX_SCANNED_DIGITS; p++) {
        if (*p != '.') {
            number->digits = number->digits * 10 + (uint64_t)(*p - '0');
            taken++;
        }
    }
    number->exponent = power - taken + 1;
    number->truncated = p < number->stop;
}

static struct scanned scan(const char *text, const char *end) {
    assert(text < end);
    struct scanned number = {.negative = *text == '-'};
    number.start = text + number.negative;
    const char *p = read_digits(number.start, end, &number.digits);
    ptrdiff_t count = p - number.start;
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        p = read_many_digits(fraction, end, &number.digits);
        number.exponent = fraction - p;
        count += p - fraction;
    }
    number.stop = p;
    if (count > MAX_SCANNED_DIGITS) {
        scan_long(&number);
    }
    if (p < end) {
        number.written_exponent = read_exponent(p + 1, end);
        number.exponent += number.written_exponent;
    }
    return number;
}

struct format {
    int fraction_bits;
    int min_exponent; /* of the smallest normal value, 2^min_exponent */
    int max_exponent;
    uint64_t infinity;
};

static const struct format format_f32 = {23, -126, 127, UINT64_C(0xff) << 23};
static const struct format format_f64 = {52, -1022, 1023, UINT64_C(0x7ff) << 52};

/* Whether the number is nearer to (mantissa + 1) * 2^exponent than to mantissa * 2^exponent, between which it
 * is. */
static bool rounds_up_exactly(const struct scanned *number, uint64_t mantissa, int exponent) {
    int64_t power;
    const char *first = first_digit(number->start, number->stop, &power);
    int order = decimal_compare(first, number->stop, (int)(power + number->written_exponent),
                                2 * mantissa + 1, exponent - 1);
    return order > 0 || (order == 0 && mantissa % 2 == 1);
}

/*
 * The bits of the nearest value, without a sign; false when that is an infinity.
 *
 * With w = digits * 2^leading (its top bit set) and t = entry(q), z = floor(w * t / 2^66) has 125 or 126 bits
 * and
 *
 *   z <= digits * 10^q * 2^(leading - floor(log2(10^q)) + 61) < z + slack
 *
 * where slack is 1 for the floor, less than 1 for the bits of 10^q behind t, and for truncated digits
 * 2^leading * 2^128 / 2^66. The mantissa is z without its last `shift` bits; these against one half say how
 * it rounds.
 */
static inline bool round_product(const struct format *format, const struct scanned *number, uint64_t *bits) {
    *bits = 0;
    if (number->digits == 0 || number->exponent < POW10_MIN) { /* 10^19 * 10^-343 is below half of 2^-1074 */
        return true;
    }
    if (number->exponent > DBL_MAX_10_EXP) {
        return false;
    }
    int q = (int)number->exponent;
    const struct pow10 *t = pow10_entry(q);
    int leading = __builtin_clzll(number->digits);
    uint64_t w = number->digits << leading;
    uint128 z = (mul_64x64(w, t->high) + (uint64_t)(mul_64x64(w, t->low) >> 64)) >> 2;
    int top = (int)(z >> 125);
    int exponent = pow10_floor_log2(q) + 63 - leading + top; /* floor(log2(value)) */
    if (exponent > format->max_exponent) {
        return false;
    }
    int lost = exponent < format->min_exponent ? format->min_exponent - exponent : 0; /* of a subnormal */
    int shift = 124 + top - format->fraction_bits + lost;
    if (shift > 127) { /* lost >= fraction_bits + 3: below a quarter of the smallest subnormal */
        return true;
    }
    exponent += lost;
    uint64_t mantissa = (uint64_t)(z >> shift);
    uint128 rest = z & (((uint128)1 << shift) - 1), half = (uint128)1 << (shift - 1);
    uint128 slack = 2 + (number->truncated ? (uint128)1 << (leading + 62) : 0);
    bool up = rest > half;
    if (!up && rest + slack > half) {
        if (number->start == NULL) {
            return false;
        }
        up = rounds_up_exactly(number, mantissa, exponent - format->fraction_bits);
    }
    /* The mantissa's top bit, and a carry out of the rounding, add 1 to the exponent's field. */
    *bits = ((uint64_t)(exponent - format->min_exponent) << format->fraction_bits) + mantissa + up;
    return *bits < format->infinity;
}

static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* One rounding of two exact doubles; false when they are not exact. */
static inline bool read_exact_factors(const struct scanned *number, double *value) {
    if (FLT_EVAL_METHOD != 0 || number->truncated || number->digits > UINT64_C(1) << 53 ||
        number->exponent < -22 || number->exponent > 22) {
        return false;
    }
    double w = (double)number->digits;
    *value = number->exponent < 0 ? w / exact_powers[-number->exponent] : w * exact_powers[number->exponent];
    return true;
}

/* Whether a double is halfway between two floats: the 29 bits that a float does not have are 100…0. */
static inline bool is_tie_of_f32(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1fffffff) == 0x10000000;
}

/*
 * A double rounded once more to a float is right unless it is a tie, for only then could the first rounding
 * have hidden on which side of the tie the number was.
 */
bool decimal_read_f32(const char *text, const char *end, float *value) {
    struct scanned number = scan(text, end);
    double wide;
    if (read_exact_factors(&number, &wide) && !is_tie_of_f32(wide)) {
        *value = (float)(number.negative ? -wide : wide);
        return true;
    }
    uint64_t bits;
    if (!round_product(&format_f32, &number, &bits)) {
        return false;
    }
    uint32_t signed_bits = (uint32_t)bits | (uint32_t)number.negative << 31;
    memcpy(value, &signed_bits, sizeof signed_bits);
    return true;
}

bool decimal_read_f64(const char *text, const char *end, double *value) {
    struct scanned number = scan(text, end);
    double exact;
    if (read_exact_factors(&number, &exact)) {
        *value = number.negative ? -exact : exact;
        return true;
    }
    uint64_t bits;
    if (!round_product(&format_f64, &number, &bits)) {
        return false;
    }
    bits |= (uint64_t)number.negative << 63;
    memcpy(value, &bits, sizeof bits);
    return true;
}

bool decimal_scale_f64(uint64_t digits, int exponent, double *value) {
    struct scanned number = {.digits = digits, .exponent = exponent};
    if (read_exact_factors(&number, value)) {
        return true;
    }
    uint64_t bits;
    bool decided = round_product(&format_f64, &number, &bits);
    memcpy(value, &bits, sizeof bits);
    return decided;
}
