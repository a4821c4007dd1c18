#include "api/json/tensor_read.h"

#include "api/json/utf8.h"
#include "lib/numbers/array_text.h"
#include "lib/numbers/base64.h"
#include "lib/numbers/decimal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static bool refuse(struct tensor_refusal *refusal, int64_t position, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct tensor_refusal *refusal, int64_t position, const char *format, ...) {
    refusal->position = position;
    va_list args;
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    return false;
}

static bool refuse_range(struct tensor_refusal *refusal, int64_t position, const char *text, const char *end,
                         enum dtype dtype) {
    int length = end - text > 60 ? 60 : (int)(end - text);
    return refuse(refusal, position, "%.*s%s is beyond the range of %s (largest finite value %s)", length,
                  text, end - text > 60 ? "…" : "", dtype_name(dtype),
                  dtype == DTYPE_FLOAT32 ? "3.4028235e38" : "1.7976931348623157e308");
}

/* A float64 as a float32, rounded once; false when a finite value would become an infinity. */
static bool narrow(double wide, float *out) {
    *out = (float)wide;
    return !isinf(*out) || isinf(wide);
}

/* ---- text ---- */

/* The scan has proven the array's grammar and shape: between here and the next number stand only blanks,
 * commas and brackets. */
static const char *next_number(const char *at) {
    while (*at == ',' || *at == '[' || *at == ']' || *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

static const char *number_end(const char *at) {
    while ((*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == '.' || *at == 'e' || *at == 'E')
        at++;
    return at;
}

/* NaN, "NaN", "\u004eaN", Infinity and so on, bare or quoted. */
static const char *read_word(const char *at, double *value) {
    char word[16];
    size_t length;
    const char *end = at;
    if (*at != '"') {
        while ((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z') || *end == '-')
            end++;
        scan_word(at, (size_t)(end - at), value);
        return end;
    }
    while (*++end != '"')
        ;
    length = scan_unescape(at + 1, end, word, sizeof word);
    scan_word(word, length, value);
    return end + 1;
}

static bool is_word(const char *at) {
    return *at == '"' || *at == 'N' || *at == 'I' || (*at == '-' && at[1] == 'I');
}

static bool read_text_f32(const struct tensor_source *source, float *out, struct tensor_refusal *refusal) {
    const char *at = source->cut->begin;
    for (int64_t i = 0; i < source->elems; i++) {
        at = next_number(at);
        if (is_word(at)) {
            double value = 0;
            at = read_word(at, &value);
            out[i] = (float)value;
            continue;
        }
        const char *end = number_end(at);
        if (!decimal_read_f32(at, end, &out[i]))
            return refuse_range(refusal, i, at, end, DTYPE_FLOAT32);
        at = end;
    }
    return true;
}

static bool read_text_f64(const struct tensor_source *source, enum dtype dtype, void *out,
                          struct tensor_refusal *refusal) {
    const char *at = source->cut->begin;
    double *wide = out;
    float *narrowed = out;
    for (int64_t i = 0; i < source->elems; i++) {
        double value = 0;
        at = next_number(at);
        const char *text = at;
        if (is_word(at)) {
            at = read_word(at, &value);
        } else {
            at = number_end(at);
            if (!decimal_read_f64(text, at, &value))
                return refuse_range(refusal, i, text, at, DTYPE_FLOAT64);
        }
        if (dtype == DTYPE_FLOAT64)
            wide[i] = value;
        else if (!narrow(value, &narrowed[i]))
            return refuse_range(refusal, i, text, at, DTYPE_FLOAT32);
    }
    return true;
}

/* From the last to the first, since the floats lie at the beginning of the buffer that the doubles will fill.
 */
static void widen_in_place(void *buffer, int64_t elems) {
    const unsigned char *floats = buffer;
    unsigned char *doubles = buffer;
    for (int64_t i = elems - 1; i >= 0; i--) {
        float narrow_value;
        memcpy(&narrow_value, floats + (size_t)i * sizeof narrow_value, sizeof narrow_value);
        double wide = (double)narrow_value;
        memcpy(doubles + (size_t)i * sizeof wide, &wide, sizeof wide);
    }
}

/* ---- unproven text ---- */

struct pieces {
    const struct tensor_source *source;
    void *out;
    atomic_bool failed;
};

/* Piece `index` is the text from one mark to the next. */
static void read_piece(void *argument, int64_t index, int slot) {
    struct pieces *pieces = argument;
    const struct cut *cut = pieces->source->cut;
    const struct cut_mark whole[] = {{cut->begin, 0}, {cut->end, pieces->source->elems}};
    const struct cut_mark *from = index == 0 ? &whole[0] : &cut->marks[index - 1],
                          *to = index == cut->mark_count ? &whole[1] : &cut->marks[index];
    struct array_range range = {
        .begin = from->at, .count = to->numbers - from->numbers, .floor = cut->begin, .end = cut->end};
    int64_t read;
    (void)slot;
    if (pieces->source->dtype == DTYPE_FLOAT64)
        read = array_read_f64(&range, (double *)pieces->out + from->numbers);
    else
        read = array_read_f32(&range, (float *)pieces->out + from->numbers);
    if (read < range.count)
        atomic_store(&pieces->failed, true);
}

static bool read_unproven(const struct tensor_source *source, void *out, struct workers *workers, int slot) {
    struct pieces pieces = {.source = source, .out = out};
    workers_range(workers, slot, source->cut->mark_count + 1, read_piece, &pieces);
    return !atomic_load(&pieces.failed);
}

static bool read_text(const struct tensor_source *source, enum dtype dtype, void *out,
                      struct workers *workers, int slot, struct tensor_refusal *refusal) {
    /* Doubles in a request that computes in float32 are rare: they are proven, and read one by one. */
    bool narrows = source->dtype == DTYPE_FLOAT64 && dtype == DTYPE_FLOAT32;
    if (source->cut->unproven && (narrows || !read_unproven(source, out, workers, slot))) {
        refusal->unproven = true;
        return refuse(refusal, -1, "the numbers' text is not proven");
    }
    if (source->cut->unproven) {
        if (source->dtype == DTYPE_FLOAT32 && dtype == DTYPE_FLOAT64)
            widen_in_place(out, source->elems);
        return true;
    }
    if (source->dtype == DTYPE_FLOAT64)
        return read_text_f64(source, dtype, out, refusal);
    if (!read_text_f32(source, out, refusal))
        return false;
    if (dtype == DTYPE_FLOAT64)
        widen_in_place(out, source->elems);
    return true;
}

/* ---- base64 ---- */

/* An escape in base64 text can only be that of a character of its alphabet, most likely \/. */
static size_t resolve_escapes(const char *begin, const char *end, char *out) {
    size_t length = 0;
    while (begin < end) {
        const char *run = memchr(begin, '\\', (size_t)(end - begin));
        size_t count = (size_t)((run != NULL ? run : end) - begin);
        memmove(out + length, begin, count);
        length += count;
        begin += count;
        if (run == NULL)
            break;
        char one[8];
        const char *next = begin + (begin[1] == 'u' ? 6 : 2);
        size_t written = scan_unescape(begin, next, one, sizeof one);
        memcpy(out + length, one, written);
        length += written;
        begin = next;
    }
    return length;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
static void swap_bytes(unsigned char *data, int64_t elems, size_t elem_bytes) {
    for (int64_t i = 0; i < elems; i++, data += elem_bytes) {
        for (size_t a = 0, b = elem_bytes - 1; a < b; a++, b--) {
            unsigned char c = data[a];
            data[a] = data[b];
            data[b] = c;
        }
    }
}
#endif

/* The first character that is none of base64's, or its length; the padding that may stand at the end counts as one. */
static size_t first_stray(const char *text, size_t length, size_t padding) {
    size_t at = 0;
    while (at < length - padding &&
           ((text[at] >= 'A' && text[at] <= 'Z') || (text[at] >= 'a' && text[at] <= 'z') ||
            (text[at] >= '0' && text[at] <= '9') || text[at] == '+' || text[at] == '/'))
        at++;
    return at < length - padding ? at : length;
}

static bool refuse_base64(const struct tensor_source *source, const char *text, size_t length, size_t bytes,
                          size_t bad, struct tensor_refusal *refusal) {
    size_t padding = length < 2 ? 0 : text[length - 2] == '=' ? 2 : text[length - 1] == '=' ? 1 : 0;
    size_t stray = first_stray(text, length, padding);
    if (stray < length)
        bad = stray;
    if (stray == length && length % 4 == 0 && length / 4 * 3 - padding != bytes)
        return refuse(refusal, -1, "base64 holds %zu bytes, but %" PRId64 " elements of %s are %zu bytes",
                      length / 4 * 3 - padding, source->elems, dtype_name(source->dtype), bytes);
    if (stray == length && length % 4 != 0)
        return refuse(refusal, -1, "base64 has %zu characters; with its padding it must have a multiple of 4",
                      length);
    int shown = bad < length ? (int)utf8_sequence_bytes(text + bad, text + length) : 0;
    return refuse(refusal, -1,
                  "base64 (RFC 4648, with padding, no stray bits) is broken at character %zu, '%.*s'",
                  bad + 1, shown, text + bad);
}

static bool decode_base64(const struct tensor_source *source, void *out, char *unescaped,
                          struct tensor_refusal *refusal) {
    const char *begin = source->cut->begin + 1, *end = source->cut->end - 1;
    size_t length = (size_t)(end - begin), bytes = (size_t)source->elems * dtype_bytes(source->dtype),
           bad = 0;
    if (unescaped != NULL && memchr(begin, '\\', length) != NULL) {
        length = resolve_escapes(begin, end, unescaped);
        begin = unescaped;
    }
    if (!base64_decode(out, bytes, begin, length, &bad))
        return refuse_base64(source, begin, length, bytes, bad, refusal);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    swap_bytes(out, source->elems, dtype_bytes(source->dtype));
#endif
    return true;
}

static bool narrow_all(const double *wide, float *out, int64_t elems, struct tensor_refusal *refusal) {
    for (int64_t i = 0; i < elems; i++) {
        if (!narrow(wide[i], &out[i]))
            return refuse(refusal, i, "element %" PRId64 " is %.17g, which is beyond the range of float32", i,
                          wide[i]);
    }
    return true;
}

/* scratch: first the doubles that are to be narrowed, then room for text with its escapes resolved. */
static bool read_base64(const struct tensor_source *source, enum dtype dtype, void *out, void *scratch,
                        struct tensor_refusal *refusal) {
    bool narrows = source->dtype == DTYPE_FLOAT64 && dtype == DTYPE_FLOAT32;
    size_t wide_bytes = narrows ? (size_t)source->elems * sizeof(double) : 0;
    char *unescaped = scratch != NULL ? (char *)scratch + wide_bytes : NULL;
    if (!decode_base64(source, narrows ? scratch : out, unescaped, refusal))
        return false;
    if (narrows)
        return narrow_all(scratch, out, source->elems, refusal);
    if (source->dtype == DTYPE_FLOAT32 && dtype == DTYPE_FLOAT64)
        widen_in_place(out, source->elems);
    return true;
}

size_t tensor_read_scratch_bytes(const struct tensor_source *source, enum dtype dtype) {
    size_t bytes = 0;
    if (source->form != FORM_BASE64)
        return 0;
    if (source->dtype == DTYPE_FLOAT64 && dtype == DTYPE_FLOAT32)
        bytes = (size_t)source->elems * sizeof(double);
    if (memchr(source->cut->begin, '\\', (size_t)(source->cut->end - source->cut->begin)) != NULL)
        bytes += (size_t)(source->cut->end - source->cut->begin);
    return bytes;
}

bool tensor_read(const struct tensor_source *source, enum dtype dtype, void *out, void *scratch,
                 struct workers *workers, int slot, struct tensor_refusal *refusal) {
    refusal->unproven = false;
    return source->form == FORM_BASE64 ? read_base64(source, dtype, out, scratch, refusal)
                                       : read_text(source, dtype, out, workers, slot, refusal);
}
