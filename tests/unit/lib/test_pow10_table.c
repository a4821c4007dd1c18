/*
 * Every entry of the table of powers of ten against schoolbook arithmetic, and the logarithm beside it.
 */
#include "lib/numbers/pow10_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* 1,280 bits: 10^342 has 1,137. */
enum { LIMBS = 40 };

/* The sum of limb[i] * 2^(32 i). */
struct number {
    uint32_t limb[LIMBS];
};

static struct number of_entry(const struct pow10 *entry) {
    return (struct number){{(uint32_t)entry->low, (uint32_t)(entry->low >> 32), (uint32_t)entry->high,
                            (uint32_t)(entry->high >> 32)}};
}

static struct number times_small(struct number n, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)n.limb[i] * factor;
        n.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
    return n;
}

static struct number times_power(struct number n, uint32_t base, int exponent) {
    while (exponent-- > 0) {
        n = times_small(n, base);
    }
    return n;
}

static struct number plus_one(struct number n) {
    for (int i = 0; i < LIMBS && ++n.limb[i] == 0; i++) {
    }
    return n;
}

static int compare(const struct number *a, const struct number *b) {
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

/* entry <= 10^q * 2^(127 - log2) < entry + 1, with what is negative moved to the other side. */
static bool is_floor(const struct pow10 *entry, int q, int log2) {
    int scale = 127 - log2;
    struct number one = {{1}};
    struct number value = times_power(times_power(one, 10, q > 0 ? q : 0), 2, scale > 0 ? scale : 0);
    struct number low = of_entry(entry), high = plus_one(low);
    low = times_power(times_power(low, 10, q < 0 ? -q : 0), 2, scale < 0 ? -scale : 0);
    high = times_power(times_power(high, 10, q < 0 ? -q : 0), 2, scale < 0 ? -scale : 0);
    return compare(&low, &value) <= 0 && compare(&value, &high) < 0;
}

/* Together with is_floor, a normalised entry proves that pow10_floor_log2 is right too. */
static void test_every_entry_is_the_floor(void **state) {
    (void)state;
    for (int q = POW10_MIN; q <= POW10_MAX; q++) {
        const struct pow10 *entry = pow10_entry(q);
        if (entry->high >> 63 != 1 || !is_floor(entry, q, pow10_floor_log2(q))) {
            fail_msg("10^%d: %016llx %016llx is not the floor", q, (unsigned long long)entry->high,
                     (unsigned long long)entry->low);
        }
    }
}

static void test_a_wrong_entry_is_found(void **state) {
    (void)state;
    for (int q = POW10_MIN; q <= POW10_MAX; q += 37) {
        struct pow10 less = *pow10_entry(q), more = less;
        less.high -= less.low-- == 0;
        more.high += ++more.low == 0;
        assert_false(is_floor(&less, q, pow10_floor_log2(q)));
        assert_false(is_floor(&more, q, pow10_floor_log2(q)));
    }
}

/* Writing adds one to an entry, or to its upper half. */
static void test_adding_one_does_not_overflow(void **state) {
    (void)state;
    for (int q = POW10_MIN; q <= POW10_MAX; q++) {
        assert_true(pow10_entry(q)->high != UINT64_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_entry_is_the_floor),
        cmocka_unit_test(test_a_wrong_entry_is_found),
        cmocka_unit_test(test_adding_one_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
