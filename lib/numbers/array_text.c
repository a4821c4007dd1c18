#include "lib/numbers/array_text.h"

#include "lib/kernels/kernels.h"
#include "lib/numbers/decimal.h"

#include <math.h>
#include <string.h>

enum array_verdict array_structure_walk(struct array_structure *structure, size_t bytes) {
    return kernels_get()->read->structure_walk(structure, bytes);
}

/* Of a range without numbers nothing is looked at: it may lie in the middle of one that is megabytes long, with many others. */
int64_t array_read_f32(const struct array_range *range, float *out) {
    return range->count > 0 ? kernels_get()->read->read_f32(range, out) : 0;
}

int64_t array_read_f64(const struct array_range *range, double *out) {
    return range->count > 0 ? kernels_get()->read->read_f64(range, out) : 0;
}

size_t array_plain_bytes(const char *begin, const char *end) {
    return kernels_get()->read->plain_bytes(begin, end);
}

/* ---- one number ---- */

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* RFC 8259, section 6. */
static bool is_number(const char *at, const char *end) {
    const char *digits;
    at += *at == '-';
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    return at == end;
}

static bool is_word(const char *begin, const char *end, const char *word) {
    size_t length = strlen(word);
    return (size_t)(end - begin) == length && memcmp(begin, word, length) == 0;
}

static bool read_word(const char *begin, const char *end, double *value) {
    if (is_word(begin, end, "NaN"))
        *value = (double)NAN;
    else if (is_word(begin, end, "Infinity"))
        *value = (double)INFINITY;
    else if (is_word(begin, end, "-Infinity"))
        *value = -(double)INFINITY;
    else
        return false;
    return true;
}

bool array_number_f32(const char *begin, const char *end, float *value) {
    double word;
    if (is_number(begin, end))
        return decimal_read_f32(begin, end, value);
    if (!read_word(begin, end, &word))
        return false;
    *value = (float)word;
    return true;
}

bool array_number_f64(const char *begin, const char *end, double *value) {
    return is_number(begin, end) ? decimal_read_f64(begin, end, value) : read_word(begin, end, value);
}
