#include "api/json/scan.h"

#include "api/json/scanner.h"
#include "api/json/utf8.h"
#include "lib/numbers/decimal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- refusals and positions ---- */

void scan_position(const char *body, const char *at, int64_t *line, int64_t *column) {
    const char *line_start = body;
    *line = 1;
    for (const char *p = body; p < at && (p = memchr(p, '\n', (size_t)(at - p))) != NULL; p++) {
        line_start = p + 1;
        ++*line;
    }
    *column = at - line_start + 1;
}

bool scanner_refuse(struct scanner *s, enum problem problem, const char *at, const char *format, ...) {
    s->scan->problem = problem;
    s->scan->at = at;
    va_list args;
    va_start(args, format);
    vsnprintf(s->scan->detail, sizeof s->scan->detail, format, args);
    va_end(args);
    return false;
}

static bool refuse_memory(struct scanner *s) {
    return scanner_refuse(s, PROBLEM_OVERLOADED, NULL,
                          "memory for reading the request could not be allocated");
}

/* "expected a value but found '}'", with what is there shown safely. */
static bool refuse_here(struct scanner *s, const char *expected) {
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

/* ---- the path, as a JSON Pointer ---- */

/* Appends `step`; false, and nothing appended, when it does not fit. */
static bool pointer_step(char *pointer, size_t *length, const struct scan_step *step) {
    char token[SCAN_POINTER_BYTES], escaped[2 * SCAN_POINTER_BYTES];
    size_t count, out = 0;
    if (step->key == NULL)
        count = (size_t)snprintf(token, sizeof token, "%" PRId64, step->index);
    else
        count = scan_unescape(step->key, step->key_end, token, sizeof token);
    if (count == SIZE_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (token[i] == '~' || token[i] == '/') {
            escaped[out++] = '~';
            escaped[out++] = token[i] == '~' ? '0' : '1';
        } else {
            escaped[out++] = token[i];
        }
    }
    if (*length + 1 + out >= SCAN_POINTER_BYTES)
        return false;
    pointer[(*length)++] = '/';
    memcpy(pointer + *length, escaped, out);
    *length += out;
    return true;
}

static void pointer_here(const struct scanner *s, char pointer[SCAN_POINTER_BYTES]) {
    size_t length = 0;
    for (int d = 1; d <= s->depth; d++) {
        if (!pointer_step(pointer, &length, &s->path[d]))
            break;
    }
    pointer[length] = '\0';
}

/* Remembers the first value that is JSON and that no field can take. */
static void note_unfit(struct scanner *s, enum problem problem, const char *what) {
    s->unfit_values++;
    if (s->scan->unfit)
        return;
    s->scan->unfit = true;
    s->scan->unfit_problem = problem;
    pointer_here(s, s->scan->unfit_pointer);
    snprintf(s->scan->unfit_detail, sizeof s->scan->unfit_detail, "%s", what);
}

/* ---- the reduced copy ---- */

/* Room for one more element of an array in the arena, which may move; false when memory ran out. */
static bool grow(struct arena *arena, void **array, int count, int *capacity, size_t elem_bytes) {
    if (count < *capacity)
        return true;
    int wanted = *capacity > 0 ? 2 * *capacity : 8;
    void *grown = arena_calloc(arena, (size_t)wanted, elem_bytes);
    if (grown == NULL)
        return false;
    if (count > 0)
        memcpy(grown, *array, (size_t)count * elem_bytes);
    *array = grown;
    *capacity = wanted;
    return true;
}

/* Puts `placeholder` where [begin, at) stands in the body. */
static void replace(struct scanner *s, const char *begin, const char *placeholder) {
    struct scan *scan = s->scan;
    void *splices = scan->splices;
    text_add(&s->reduced, s->copied, (size_t)(begin - s->copied));
    text_puts(&s->reduced, placeholder);
    s->copied = s->at;
    if (!grow(scan->arena, &splices, scan->splice_count, &s->splice_capacity, sizeof *scan->splices)) {
        s->reduced.failed = true;
        return;
    }
    scan->splices = splices;
    scan->splices[scan->splice_count++] =
        (struct scan_splice){s->reduced.length, (size_t)(s->at - scan->body)};
}

void scanner_rewind(struct scanner *s, size_t length, const char *copied) {
    struct scan *scan = s->scan;
    s->reduced.length = length;
    s->copied = copied;
    while (scan->splice_count > 0 && scan->splices[scan->splice_count - 1].reduced > length)
        scan->splice_count--;
}

const char *scan_origin(const struct scan *scan, size_t reduced) {
    int i = scan->splice_count;
    while (i > 0 && scan->splices[i - 1].reduced > reduced)
        i--;
    if (i == 0)
        return scan->body + reduced;
    return scan->body + scan->splices[i - 1].body + (reduced - scan->splices[i - 1].reduced);
}

static struct cut *new_cut(struct scanner *s) {
    void *cuts = s->scan->cuts;
    if (!grow(s->scan->arena, &cuts, s->scan->cut_count, &s->cut_capacity, sizeof(struct cut)))
        return NULL;
    s->scan->cuts = cuts;
    return &s->scan->cuts[s->scan->cut_count++];
}

/* ---- tokens ---- */

void scanner_skip_blanks(struct scanner *s) {
    const char *at = s->at, *end = s->scan->end;
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    s->at = at;
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
    return refuse_here(s, close == ']' ? "',' or ']'" : "',' or '}'");
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of the four hex digits at `text`, or -1. */
static int32_t hex_unit(const char *text, const char *end) {
    int32_t unit = 0;
    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(text[i]);
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
        note_unfit(s, PROBLEM_INVALID_VALUE, "a string contains \\u0000; no field takes that character");
    if (is_high(unit) && end - next >= 6 && next[0] == '\\' && next[1] == 'u' &&
        is_low(hex_unit(next + 2, end)))
        next += 6;
    else if (is_high(unit) || is_low(unit))
        note_unfit(s, PROBLEM_INVALID_VALUE, "a string contains half of a surrogate pair, which is no character");
    s->at = next;
    return true;
}

bool scanner_string(struct scanner *s) {
    const char *end = s->scan->end;
    s->at++;
    while (s->at < end) {
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
        } else if (c < 0x80) {
            s->at++;
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
        return refuse_here(s, "a digit");
    if (*digits == '0' && s->at - digits > 1)
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, digits, "a number must not start with a zero");
    *is_integer = true;
    if (s->at < end && *s->at == '.') {
        *is_integer = false;
        digits = ++s->at;
        if ((s->at = skip_digits(s->at, end)) == digits)
            return refuse_here(s, "a digit behind the decimal point");
    }
    if (s->at < end && (*s->at == 'e' || *s->at == 'E')) {
        *is_integer = false;
        s->at++;
        if (s->at < end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        digits = s->at;
        if ((s->at = skip_digits(s->at, end)) == digits)
            return refuse_here(s, "a digit in the exponent");
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

/* ---- values outside tensors ---- */

static bool starts_bare_word(const struct scanner *s) {
    return *s->at == 'N' || *s->at == 'I' || (*s->at == '-' && s->at + 1 < s->scan->end && s->at[1] == 'I');
}

/* A number that no field can hold is replaced, since jansson would call the whole text broken. */
static bool plain_number(struct scanner *s) {
    const char *begin = s->at;
    bool is_integer, fits;
    double value = 0;
    if (!scanner_number(s, &is_integer))
        return false;
    if (is_integer && s->at - begin <= 18)
        return true;
    if (is_integer) {
        /* what follows a number cannot be taken for a digit: strtoll ends where it does */
        errno = 0;
        (void)strtoll(begin, NULL, 10);
        fits = errno == 0;
    } else {
        fits = decimal_read_f64(begin, s->at, &value);
    }
    if (!fits) {
        note_unfit(s, PROBLEM_NUMBER_OUT_OF_RANGE, is_integer ? "an integer does not fit into 64 bits"
                                 : "a number does not fit into a float64");
        replace(s, begin, "null");
    } else if (s->at - begin > SCAN_LONG_VALUE_BYTES) {
        char shorter[40];
        snprintf(shorter, sizeof shorter, "%.17g", value);
        replace(s, begin, shorter);
    }
    return true;
}

static bool plain_string(struct scanner *s) {
    const char *begin = s->at;
    int unfit_values = s->unfit_values;
    if (!scanner_string(s))
        return false;
    if (s->unfit_values > unfit_values)
        replace(s, begin, "null");
    else if (s->at - begin > SCAN_LONG_VALUE_BYTES)
        replace(s, begin, "\"(a text of more than 4096 bytes)\"");
    return true;
}

static bool plain_literal(struct scanner *s) {
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(literals[i]);
        if ((size_t)(s->scan->end - s->at) >= length && memcmp(s->at, literals[i], length) == 0) {
            s->at += length;
            return true;
        }
    }
    return refuse_here(s, "a value");
}

/* An array that no tensor is: small ones stay, since parameters are lists of a few numbers. */
static bool plain_array(struct scanner *s, bool keep) {
    const char *begin = s->at, *copied = s->copied;
    size_t length = s->reduced.length;
    bool more = true;
    if (!scanner_enter(s))
        return false;
    if (s->at < s->scan->end && *s->at == ']') {
        s->at++;
        more = false;
    }
    while (more) {
        if (!scanner_value(s, false) || !scanner_next(s, ']', &more))
            return false;
        s->path[s->depth].index++;
    }
    s->depth--;
    if (!keep && s->at - begin > SCAN_LONG_VALUE_BYTES) {
        scanner_rewind(s, length, copied); /* what was replaced inside goes with the whole */
        replace(s, begin, "[0,0,0,0,0,0,0,0,0]");
    }
    return true;
}

/* Inside the array new cuts may come and go, so this one is written when it is complete. */
static bool cut_array(struct scanner *s) {
    int number = s->scan->cut_count;
    struct cut cut = {.begin = s->at};
    char placeholder[24];
    if (new_cut(s) == NULL)
        return refuse_memory(s);
    if (!scan_tensor_array(s, &cut))
        return false;
    cut.end = s->at;
    s->scan->cuts[number] = cut;
    snprintf(placeholder, sizeof placeholder, "[%d]", number);
    replace(s, cut.begin, placeholder);
    return true;
}

static bool cut_string(struct scanner *s) {
    struct cut *cut = new_cut(s);
    char placeholder[24];
    if (cut == NULL)
        return refuse_memory(s);
    snprintf(placeholder, sizeof placeholder, "\"%d\"", s->scan->cut_count - 1);
    *cut = (struct cut){.begin = s->at, .is_string = true};
    if (!scanner_string(s))
        return false;
    cut->end = s->at;
    replace(s, cut->begin, placeholder);
    return true;
}

static bool is_one_of(const char *const *names, const char *name) {
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

/* The value of key `name`; an empty name stands for one that is too long to be a field. */
static bool member_value(struct scanner *s, const char *name, bool in_tensor) {
    char first = s->at < s->scan->end ? *s->at : '\0';
    if (in_tensor && first == '[' && strcmp(name, "data") == 0)
        return cut_array(s);
    if (in_tensor && first == '"' && strcmp(name, "base64") == 0)
        return cut_string(s);
    bool is_tensor = !in_tensor && is_one_of(s->scan->tensor_fields, name);
    if (is_tensor && first == '[')
        return cut_array(s);
    if (first == '[')
        return plain_array(s, strcmp(name, "layers") == 0);
    return scanner_value(s, is_tensor);
}

/* A key that jansson would refuse is replaced by one that nobody can have written twice. */
static bool member_key(struct scanner *s, char name[32]) {
    if (s->at >= s->scan->end || *s->at != '"')
        return refuse_here(s, "a key in double quotes");
    const char *begin = s->at;
    bool was_unfit = s->scan->unfit;
    int unfit_values = s->unfit_values;
    if (!scanner_string(s))
        return false;
    bool unfit_here = s->unfit_values > unfit_values;
    s->path[s->depth] = (struct scan_step){.key = begin + 1, .key_end = s->at - 1};
    if (s->scan->locate != NULL && s->at >= s->scan->locate) {
        pointer_here(s, s->scan->located);
        s->scan->at = begin;
        return false;
    }
    name[0] = '\0';
    if (unfit_here) {
        char key[32];
        if (!was_unfit)
            pointer_here(s, s->scan->unfit_pointer);
        snprintf(key, sizeof key, "\"\\u001a%d\"", s->unfit_keys++);
        replace(s, begin, key);
    } else if (scan_unescape(begin + 1, s->at - 1, name, 32) == SIZE_MAX) {
        name[0] = '\0';
    }
    return true;
}

static bool plain_object(struct scanner *s, bool in_tensor) {
    char name[32];
    bool more = true;
    if (!scanner_enter(s))
        return false;
    if (s->at < s->scan->end && *s->at == '}') {
        s->at++;
        more = false;
    }
    while (more) {
        if (!member_key(s, name))
            return false;
        scanner_skip_blanks(s);
        if (s->at >= s->scan->end || *s->at != ':')
            return refuse_here(s, "':'");
        s->at++;
        scanner_skip_blanks(s);
        if (!member_value(s, name, in_tensor) || !scanner_next(s, '}', &more))
            return false;
    }
    s->depth--;
    return true;
}

bool scanner_value(struct scanner *s, bool in_tensor) {
    if (s->at >= s->scan->end)
        return refuse_here(s, "a value");
    switch (*s->at) {
    case '{': return plain_object(s, in_tensor);
    case '[': return plain_array(s, false);
    case '"': return plain_string(s);
    case 't':
    case 'f':
    case 'n': return plain_literal(s);
    default: break;
    }
    if (starts_bare_word(s))
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, s->at,
                              "NaN, Infinity and -Infinity are allowed only inside a tensor");
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return plain_number(s);
    return refuse_here(s, "a value");
}

bool scan_json(struct scan *scan) {
    struct scanner s = {.scan = scan, .at = scan->body, .copied = scan->body};
    s.reduced = text_open(scan->arena, 1024);
    if (scan->end - scan->body >= 3 && memcmp(scan->body, "\xEF\xBB\xBF", 3) == 0)
        return scanner_refuse(&s, PROBLEM_MALFORMED_UTF8, scan->body,
                              "the text starts with a byte order mark, which JSON does not have");
    scanner_skip_blanks(&s);
    if (!scanner_value(&s, false))
        return false;
    scanner_skip_blanks(&s);
    if (s.at < scan->end)
        return refuse_here(&s, "the end of the text");
    replace(&s, s.at, "");
    if (s.reduced.failed)
        return refuse_memory(&s);
    scan->reduced = s.reduced.data;
    scan->reduced_bytes = s.reduced.length;
    return true;
}

/* ---- escapes ---- */

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
    if (is_high(unit) && end - *at >= 6 && is_low(hex_unit(*at + 2, end))) {
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
