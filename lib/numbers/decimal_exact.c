#include "lib/numbers/decimal_exact.h"

#include "lib/numbers/words.h"

#include <assert.h>
#include <stdbool.h>

/*
 * A point halfway between two float64 is M * 2^-1075 or coarser with M < 2^54: at most 768 significant
 * digits, as many as 2^54 * 5^1075 has. A number is told from it by its first 768 digits and whether anything
 * but zeros follows.
 */
enum { MAX_DIGITS = 768 };

/* 769 digits are 2555 bits, 2^54 * 5^(342 + 768) are 2632; a shift that aligns two values of one magnitude
 * makes neither longer than the longer one is. */
enum { MAX_LIMBS = 48 };

/* The sum of limb[i] * 2^(64 i); limb[count - 1] is not 0. */
struct big {
    int count;
    uint64_t limb[MAX_LIMBS];
};

static void big_push(struct big *big, uint64_t limb) {
    if (limb != 0) {
        assert(big->count < MAX_LIMBS);
        big->limb[big->count++] = limb;
    }
}

/* big = big * factor + addend */
static void big_mul_add(struct big *big, uint64_t factor, uint64_t addend) {
    uint64_t carry = addend;
    for (int i = 0; i < big->count; i++) {
        uint128 product = mul_64x64(big->limb[i], factor) + carry;
        big->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    big_push(big, carry);
}

/* big = big * 5^n */
static void big_mul_pow5(struct big *big, int n) {
    const uint64_t pow5_27 = 7450580596923828125; /* the largest that fits 64 bits */
    for (; n >= 27; n -= 27) {
        big_mul_add(big, pow5_27, 0);
    }
    uint64_t rest = 1;
    for (; n > 0; n--) {
        rest *= 5;
    }
    big_mul_add(big, rest, 0);
}

/* big = big * 2^n */
static void big_mul_pow2(struct big *big, int n) {
    big_mul_add(big, UINT64_C(1) << (n % 64), 0);
    int limbs = n / 64;
    assert(big->count + limbs <= MAX_LIMBS);
    for (int i = big->count - 1; i >= 0; i--) {
        big->limb[i + limbs] = big->limb[i];
    }
    for (int i = 0; i < limbs; i++) {
        big->limb[i] = 0;
    }
    big->count += limbs;
}

static int big_compare(const struct big *a, const struct big *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

static bool only_zeros(const char *p, const char *stop) {
    while (p < stop && (*p == '0' || *p == '.')) {
        p++;
    }
    return p == stop;
}

/* Reads MAX_DIGITS digits, and one more that stands for all that follow; returns how many these are. */
static int big_read(struct big *big, const char *p, const char *stop) {
    const uint64_t pow10_19 = UINT64_C(10000000000000000000); /* the largest that fits 64 bits */
    int taken = 0;
    while (p < stop && taken < MAX_DIGITS) {
        uint64_t chunk = 0, scale = 1;
        for (; p < stop && taken < MAX_DIGITS && scale < pow10_19; p++) {
            if (*p != '.') {
                chunk = chunk * 10 + (uint64_t)(*p - '0');
                scale *= 10;
                taken++;
            }
        }
        big_mul_add(big, scale, chunk);
    }
    if (!only_zeros(p, stop)) {
        big_mul_add(big, 10, 1);
        taken++;
    }
    return taken;
}

/*
 * With the digits as an integer D and x = power - (how many) + 1, the sides are D * 5^x * 2^x and
 * mantissa * 2^exponent. A negative power of five moves to the other side, and so does the smaller power of
 * two.
 */
int decimal_compare(const char *digits, const char *stop, int power, uint64_t mantissa, int exponent) {
    struct big decimal = {.count = 0}, binary = {.count = 0};
    int x = power - big_read(&decimal, digits, stop) + 1;
    big_push(&binary, mantissa);
    big_mul_pow5(x > 0 ? &decimal : &binary, x > 0 ? x : -x);
    int shift = x - exponent;
    big_mul_pow2(shift > 0 ? &decimal : &binary, shift > 0 ? shift : -shift);
    return big_compare(&decimal, &binary);
}
