/*
 * Writing numbers one at a time: the digits are shortest.h's, the layout is ECMAScript's.
 */
#include "lib/numbers/decimal.h"

#include "lib/numbers/shortest.h"
#include "lib/numbers/words.h"

#include <assert.h>
#include <string.h>

/* ---- digits ---- */

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

static char *write_u64(char *text, uint64_t value) {
    char *end = text + digit_count(value | 1), *p = end;
    while (value >= 100) {
        p -= 2;
        memcpy(p, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(p - 2, digit_pairs + value * 2, 2);
    } else {
        p[-1] = (char)('0' + value);
    }
    return end;
}

char *decimal_write_i64(char *text, int64_t value) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *text = '-';
    return write_u64(text + (value < 0), magnitude);
}

/* ---- layout ---- */

/* 17 digits are the most a value needs. */
enum { MAX_DIGITS = 17 };

/* The first of 17 digits, and eight and eight more, each word's lowest byte first; trailing ones are '0'. */
struct digits {
    char first;
    uint64_t upper, lower;
    int count; /* without trailing zeros; at least 1 */
};

/* The eight digits of value < 10^8, the first one in the lowest byte, as 0 … 9: halved to fours, pairs and
 * ones, by multiplications that are exact below 10^4 (10486 / 2^20) and below 100 (103 / 2^10). */
static uint64_t spread_eight(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = fours * 10486 >> 20 & 0x0000007f0000007f;
    uint64_t pairs = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = pairs * 103 >> 10 & 0x000f000f000f000f;
    return tens | (pairs - tens * 10) << 8;
}

/* Always 9 or 17 digits: a loop over as many as there are costs more in mispredictions. */
static struct digits spread(uint64_t value, int count) {
    const uint64_t zeros = 0x3030303030303030;
    value *= powers_of_ten[MAX_DIGITS - count];
    uint64_t head = value / 100000000;
    uint64_t upper = spread_eight((uint32_t)(head % 100000000)), lower = 0;
    int significant = upper == 0 ? 1 : 9 - __builtin_clzll(upper) / 8;
    if (value % 100000000 != 0) { /* never for a float32 */
        lower = spread_eight((uint32_t)(value % 100000000));
        significant = 17 - __builtin_clzll(lower) / 8;
    }
    return (struct digits){(char)('0' + head / 100000000), upper | zeros, lower | zeros, significant};
}

static inline void put_sixteen(char *text, const struct digits *digits) {
    uint64_t upper = first_byte_lowest(digits->upper), lower = first_byte_lowest(digits->lower);
    memcpy(text, &upper, 8);
    memcpy(text + 8, &lower, 8);
}

static inline void put_digits(char *text, const struct digits *digits) {
    text[0] = digits->first;
    put_sixteen(text + 1, digits);
}

static char *write_scientific(char *text, const struct digits *digits, int exponent) {
    text[0] = digits->first;
    text[1] = '.';
    put_sixteen(text + 2, digits);
    text += digits->count > 1 ? 1 + digits->count : 1;
    *text++ = 'e';
    return decimal_write_i64(text, exponent);
}

/*
 * ECMAScript's Number::toString, with n = point and k = count there. All 17 digits are stored whatever the
 * count: what is too much is within DECIMAL_F64_BYTES less the sign.
 */
static char *write_layout(char *text, struct shortest number) {
    int length = digit_count(number.digits);
    int point = length + number.exponent; /* how many digits are before the point */
    struct digits digits = spread(number.digits, length);
    if (point < -5 || point > 21) {
        return write_scientific(text, &digits, point - 1);
    }
    if (point <= 0) {
        memcpy(text, "0.00000", 7);
        put_digits(text + 2 - point, &digits);
        return text + 2 - point + digits.count;
    }
    if (digits.count <= point) {
        put_digits(text, &digits);
        memcpy(text + MAX_DIGITS, "0000", 4);
        return text + point;
    }
    put_digits(text + 1, &digits);
    for (int i = 0; i < point; i++) {
        text[i] = text[i + 1];
    }
    text[point] = '.';
    return text + digits.count + 1;
}

/* ---- values ---- */

char *decimal_write_f32(char *text, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    *text = '-';
    text += bits >> 31;
    uint32_t fraction = bits & 0x7fffff, field = bits >> 23 & 0xff;
    assert(field != 0xff);
    if (field == 0 && fraction == 0) {
        *text = '0';
        return text + 1;
    }
    uint64_t c = field == 0 ? fraction : fraction | 0x800000;
    int q = (int)(field == 0 ? 1 : field) - 150;
    if (is_small_integer(c, q, 24)) {
        return write_u64(text, c >> -q);
    }
    return write_layout(text, shortest_f32(c, q, fraction == 0 && field > 1));
}

char *decimal_write_f64(char *text, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    *text = '-';
    text += bits >> 63;
    uint64_t fraction = bits & 0xfffffffffffff, field = bits >> 52 & 0x7ff;
    assert(field != 0x7ff);
    if (field == 0 && fraction == 0) {
        *text = '0';
        return text + 1;
    }
    uint64_t c = field == 0 ? fraction : fraction | 0x10000000000000;
    int q = (int)(field == 0 ? 1 : field) - 1075;
    if (is_small_integer(c, q, 53)) {
        return write_u64(text, c >> -q);
    }
    return write_layout(text, shortest_f64(c, q, fraction == 0 && field > 1));
}
