/*
 * The tokens of JSON: strings with their escapes, numbers, the not-a-number words.
 */
#include "api/escapes.h"
#include "api/json/scanner.h"
#include "api/json/utf8.h"
#include "lib/numbers/array_text.h"

#include <math.h>
#include <string.h>

/* Longer runs of blanks are one in the reduced copy: they are no part of the document that is limited. */
enum { LONG_BLANKS = 64 };

void scan_position(const char *body, const char *at, int64_t *line, int64_t *column) {
    const char *line_start = body;
    *line = 1;
    for (const char *p = body; p < at && (p = memchr(p, '\n', (size_t)(at - p))) != NULL; p++) {
        line_start = p + 1;
        ++*line;
    }
    *column = at - line_start + 1;
}

/* "expected a value but found '}'", with what is there shown safely. */
bool scanner_refuse_here(struct scanner *s, const char *expected) {
    if (s->at >= s->scan->end)
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "expected %s but the text ends", expected);
    unsigned char c = (unsigned char)*s->at;
    size_t length = utf8_sequence_bytes(s->at, s->scan->end);
    if (length == 0)
        return scanner_refuse(s, PROBLEM_MALFORMED_UTF8, s->at, "byte 0x%02X is not UTF-8", c);
    if (c < 0x20 || c == 0x7F)
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "expected %s but found byte 0x%02X", expected,
                              c);
    return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "expected %s but found '%.*s'", expected,
                          (int)length, s->at);
}

void scanner_skip_blanks(struct scanner *s) {
    const char *begin = s->at, *at = begin, *end = s->scan->end;
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    s->at = at;
    if (at - begin > LONG_BLANKS)
        scanner_replace(s, begin, " ");
}

bool scanner_enter(struct scanner *s) {
    if (s->depth == SCAN_MAX_DEPTH)
        return scanner_refuse(s, PROBLEM_NESTING_TOO_DEEP, s->at,
                              "arrays and objects are nested deeper than %d levels", SCAN_MAX_DEPTH);
    s->depth++;
    s->path[s->depth] = (struct scan_step){.index = 0};
    s->at++;
    scanner_skip_blanks(s);
    return true;
}

bool scanner_next(struct scanner *s, char close, bool *more) {
    scanner_skip_blanks(s);
    if (s->at < s->scan->end && (*s->at == ',' || *s->at == close)) {
        *more = *s->at++ == ',';
        scanner_skip_blanks(s);
        return true;
    }
    return scanner_refuse_here(s, close == ']' ? "',' or ']'" : "',' or '}'");
}

/* The code unit of the four hex digits at `text`, or -1. */
static int32_t hex_unit(const char *text, const char *end) {
    int32_t unit = 0;
    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high(int32_t unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(int32_t unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

/* At a backslash in a string: steps over the escape. */
static bool scan_escape(struct scanner *s) {
    const char *end = s->scan->end;
    if (end - s->at >= 2 && s->at[1] != 'u') {
        if (s->at[1] == '\0' || strchr("\"\\/bfnrt", s->at[1]) == NULL)
            return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "there is no such escape in a string");
        s->at += 2;
        return true;
    }
    int32_t unit = end - s->at >= 2 ? hex_unit(s->at + 2, end) : -1;
    if (unit < 0)
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "an escape in a string is not complete");
    const char *next = s->at + 6;
    if (unit == 0)
        scanner_note_unfit(s, PROBLEM_INVALID_VALUE,
                           "a string contains \\u0000; no field takes that character");
    if (is_high(unit) && end - next >= 6 && next[0] == '\\' && next[1] == 'u' &&
        is_low(hex_unit(next + 2, end)))
        next += 6;
    else if (is_high(unit) || is_low(unit))
        scanner_note_unfit(s, PROBLEM_INVALID_VALUE,
                           "a string contains half of a surrogate pair, which is no character");
    s->at = next;
    return true;
}

bool scanner_string(struct scanner *s) {
    const char *end = s->scan->end;
    s->at++;
    while ((s->at += array_plain_bytes(s->at, end)) < end) {
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s))
                return false;
        } else if (c < 0x20) {
            return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "byte 0x%02X in a string must be escaped",
                                  c);
        } else {
            size_t length = utf8_sequence_bytes(s->at, end);
            if (length == 0)
                return scanner_refuse(s, PROBLEM_MALFORMED_UTF8, s->at, "byte 0x%02X is not UTF-8", c);
            s->at += length;
        }
    }
    return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at, "the text ends inside a string");
}

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

bool scanner_number(struct scanner *s, bool *is_integer) {
    const char *end = s->scan->end, *digits;
    if (*s->at == '-')
        s->at++;
    digits = s->at;
    s->at = skip_digits(s->at, end);
    if (s->at == digits)
        return scanner_refuse_here(s, "a digit");
    if (*digits == '0' && s->at - digits > 1)
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, digits, "a number must not start with a zero");
    *is_integer = true;
    if (s->at < end && *s->at == '.') {
        *is_integer = false;
        digits = ++s->at;
        if ((s->at = skip_digits(s->at, end)) == digits)
            return scanner_refuse_here(s, "a digit behind the decimal point");
    }
    if (s->at < end && (*s->at == 'e' || *s->at == 'E')) {
        *is_integer = false;
        s->at++;
        if (s->at < end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        digits = s->at;
        if ((s->at = skip_digits(s->at, end)) == digits)
            return scanner_refuse_here(s, "a digit in the exponent");
    }
    return true;
}

bool scan_word(const char *word, size_t length, double *value) {
    static const struct {
        const char *name;
        size_t length;
        double value;
    } words[] = {{"NaN", 3, NAN}, {"Infinity", 8, INFINITY}, {"-Infinity", 9, -INFINITY}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (length == words[i].length && memcmp(word, words[i].name, length) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

bool scanner_bare_word(struct scanner *s) {
    const char *p = s->at;
    double value;
    while (p < s->scan->end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '-'))
        p++;
    if (!scan_word(s->at, (size_t)(p - s->at), &value))
        return false;
    s->at = p;
    return true;
}

/* The character of the escape at `*at` (a backslash), which is stepped over. */
static uint32_t unescape_one(const char **at, const char *end) {
    char kind = (*at)[1];
    if (kind != 'u') {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        *at += 2;
        return (unsigned char)to[strchr(from, kind) - from];
    }
    int32_t unit = hex_unit(*at + 2, end);
    *at += 6;
    if (is_high(unit) && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
        is_low(hex_unit(*at + 2, end))) {
        int32_t low = hex_unit(*at + 2, end);
        *at += 6;
        return (uint32_t)(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
    }
    return is_high(unit) || is_low(unit) ? 0xFFFD : (uint32_t)unit;
}

size_t scan_unescape(const char *begin, const char *end, char *out, size_t capacity) {
    size_t length = 0;
    while (begin < end) {
        char one[4];
        size_t count = 1;
        if (*begin == '\\') {
            uint32_t c = unescape_one(&begin, end);
            count = utf8_encode(one, c != 0 ? c : 0xFFFD);
        } else {
            one[0] = *begin++;
        }
        if (length + count >= capacity)
            return SIZE_MAX;
        memcpy(out + length, one, count);
        length += count;
    }
    out[length] = '\0';
    return length;
}
