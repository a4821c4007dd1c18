/*
 * Reading arrays of numbers in portable C: a byte and a number at a time.
 */
#include "lib/kernels/read_kernels.h"

#include <string.h>

enum { NUMBER = 0, BLANK = 1, COMMA = 2, OPEN = 4, CLOSE = 8, STRANGER = 16 };

#define TIMES_8(x) x, x, x, x, x, x, x, x
#define TIMES_64(x)                                                                                          \
    TIMES_8(x), TIMES_8(x), TIMES_8(x), TIMES_8(x), TIMES_8(x), TIMES_8(x), TIMES_8(x), TIMES_8(x)
#define TIMES_128(x) TIMES_64(x), TIMES_64(x)

static const uint8_t kind_of[256] = {
    TIMES_8(STRANGER),
    STRANGER,
    BLANK,
    BLANK,
    STRANGER,
    STRANGER,
    BLANK,
    STRANGER,
    STRANGER,
    TIMES_8(STRANGER),
    TIMES_8(STRANGER),
    [' '] = BLANK,
    [','] = COMMA,
    ['['] = OPEN,
    [']'] = CLOSE,
    ['"'] = STRANGER,
    ['\\'] = STRANGER,
    [128] = TIMES_128(STRANGER),
};

/* The lowest bits of eight bytes, the first byte's lowest: each is multiplied to its place in the uppermost byte. */
static uint64_t lowest_bits(uint64_t bytes) {
    return ((bytes & 0x0101010101010101) * 0x0102040810204080) >> 56;
}

static struct text_masks text_masks(const char *p) {
    struct text_masks m = {0};
    uint64_t blanks = 0;
    for (int i = 0; i < 64; i += 8) {
        uint64_t kinds = 0;
        for (int j = 0; j < 8; j++)
            kinds |= (uint64_t)kind_of[(unsigned char)p[i + j]] << (8 * j);
        blanks |= lowest_bits(kinds) << i;
        m.commas |= lowest_bits(kinds >> 1) << i;
        m.opens |= lowest_bits(kinds >> 2) << i;
        m.closes |= lowest_bits(kinds >> 3) << i;
        m.strangers |= lowest_bits(kinds >> 4) << i;
    }
    m.numbers = ~(blanks | m.commas | m.opens | m.closes);
    return m;
}

#include "lib/kernels/structure.inc.h"

/* The next number from *at on, or false at the end. */
static bool next_number(const struct array_range *range, const char **begin, const char **at) {
    const char *p = *at;
    while (p < range->end && !is_number_byte(*p))
        p++;
    *begin = p;
    while (p < range->end && is_number_byte(*p))
        p++;
    *at = p;
    return *begin < p;
}

/* A number that began before the range belongs to the one before. */
static const char *range_start(const struct array_range *range) {
    const char *at = range->begin;
    while (at > range->floor && at < range->end && is_number_byte(at[-1]) && is_number_byte(at[0]))
        at++;
    return at;
}

static int64_t read_f32(const struct array_range *range, float *out) {
    const char *at = range_start(range), *begin;
    int64_t i = 0;
    while (i < range->count && next_number(range, &begin, &at) && array_number_f32(begin, at, &out[i]))
        i++;
    return i;
}

static int64_t read_f64(const struct array_range *range, double *out) {
    const char *at = range_start(range), *begin;
    int64_t i = 0;
    while (i < range->count && next_number(range, &begin, &at) && array_number_f64(begin, at, &out[i]))
        i++;
    return i;
}

static size_t plain_bytes(const char *begin, const char *end) {
    const char *at = begin;
    while (at < end && (unsigned char)*at >= ' ' && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - begin);
}

const struct read_kernels read_kernels_portable = {
    .structure_walk = structure_walk,
    .read_f32 = read_f32,
    .read_f64 = read_f64,
    .plain_bytes = plain_bytes,
};
