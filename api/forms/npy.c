#include "api/forms/npy.h"

#include "api/forms/bytes.h"
#include "api/json/utf8.h"
#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The header's text, a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
struct literal {
    struct form *form;
    struct stored_tensor *tensor;
    const char *begin, *at, *end;
    bool old; /* version 1.0 or 2.0, in which Python 2 wrote sizes as 3L */
};

enum { KEY_DESCR = 1, KEY_ORDER = 2, KEY_SHAPE = 4, KEYS = KEY_DESCR | KEY_ORDER | KEY_SHAPE };

__attribute__((format(printf, 2, 3))) static bool refuse(const struct literal *l, const char *format, ...) {
    char what[120];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return form_refuse(
        l->form, PROBLEM_MALFORMED_BODY, l->tensor->name,
        "the npy header of '%s' is no dictionary of 'descr', 'fortran_order' and 'shape': %s at "
        "character %td of it",
        l->tensor->name, what, l->at - l->begin + 1);
}

static void skip_blanks(struct literal *l) {
    while (l->at < l->end && strchr(" \t\r\n", *l->at) != NULL && *l->at != '\0')
        l->at++;
}

/* Takes `c` and the blanks around it, if it is next. */
static bool take(struct literal *l, char c) {
    skip_blanks(l);
    if (l->at == l->end || *l->at != c)
        return false;
    l->at++;
    skip_blanks(l);
    return true;
}

/* 'text' or "text", without escapes, of which no header has need. */
static bool read_string(struct literal *l, const char **text, size_t *length) {
    char quote = l->at < l->end ? *l->at : '\0';
    if (quote != '\'' && quote != '"')
        return refuse(l, "a string is missing");
    const char *begin = ++l->at;
    while (l->at < l->end && *l->at != quote && *l->at != '\\' && *l->at != '\n')
        l->at++;
    if (l->at == l->end || *l->at != quote)
        return refuse(l, "a string does not end");
    *text = begin;
    *length = (size_t)(l->at++ - begin);
    return true;
}

static bool take_word(struct literal *l, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(l->end - l->at) < length || memcmp(l->at, word, length) != 0)
        return false;
    l->at += length;
    return true;
}

/* ---- descr ---- */

/* numpy's type codes behind the sign of the byte order. A bfloat16 has none: numpy writes it as two bytes without a
 * meaning, V2, and nothing else of that size is a number. */
static const struct {
    const char *code;
    enum stored_dtype dtype;
} codes[] = {{"b1", STORED_BOOL},    {"?", STORED_BOOL},     {"i1", STORED_INT8},    {"u1", STORED_UINT8},
             {"i2", STORED_INT16},   {"u2", STORED_UINT16},  {"i4", STORED_INT32},   {"u4", STORED_UINT32},
             {"i8", STORED_INT64},   {"u8", STORED_UINT64},  {"f2", STORED_FLOAT16}, {"f4", STORED_FLOAT32},
             {"f8", STORED_FLOAT64}, {"V2", STORED_BFLOAT16}};

static bool refuse_dtype(const struct literal *l, const char *text, size_t length) {
    int shown_text = utf8_cut(text, text + length, 40);
    if (memchr(text, '\0', length) != NULL)
        return form_refuse(l->form, PROBLEM_UNSUPPORTED_TENSOR, l->tensor->name,
                           "'%s' has an npy dtype with a NUL in it, '%.*s\\0…'", l->tensor->name, shown_text,
                           text);
    return form_refuse(
        l->form, PROBLEM_UNSUPPORTED_TENSOR, l->tensor->name,
        "'%s' has the npy dtype '%.*s'; read are bool, int8 to int64, uint8 to uint64, float16, "
        "bfloat16, float32 and float64, as '<f4', '>f4' or '|u1'",
        l->tensor->name, shown_text, text);
}

static bool find_code(const char *text, size_t length, enum stored_dtype *dtype) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strlen(codes[i].code) == length && memcmp(codes[i].code, text, length) == 0) {
            *dtype = codes[i].dtype;
            return true;
        }
    }
    return false;
}

/* '=' and no sign at all mean the byte order of whoever reads, so they say nothing here. */
static bool read_descr(struct literal *l) {
    const char *text = NULL;
    size_t length = 0;
    struct stored_tensor *tensor = l->tensor;
    if (l->at < l->end && strchr("[({", *l->at) != NULL && *l->at != '\0')
        return form_refuse(l->form, PROBLEM_UNSUPPORTED_TENSOR, tensor->name,
                           "'%s' is a structured array; a tensor has elements of one dtype", tensor->name);
    if (!read_string(l, &text, &length))
        return false;
    if (length == 8 && memcmp(text, "bfloat16", 8) == 0) {
        tensor->dtype = STORED_BFLOAT16;
        return true;
    }
    size_t sign = length > 0 && memchr("<>|=", text[0], 4) != NULL;
    if (!find_code(text + sign, length - sign, &tensor->dtype))
        return refuse_dtype(l, text, length);
    bool ordered = sign > 0 && (text[0] == '<' || text[0] == '>');
    if (!ordered && stored_dtype_bytes(tensor->dtype) > 1 && tensor->dtype != STORED_BFLOAT16)
        return form_refuse(
            l->form, PROBLEM_UNSUPPORTED_TENSOR, tensor->name,
            "'%s' has the npy dtype '%.*s', which does not say its byte order; write '<%.*s' or '>%.*s'",
            tensor->name, (int)length, text, (int)(length - sign), text + sign, (int)(length - sign),
            text + sign);
    tensor->big_endian = sign > 0 && text[0] == '>';
    return true;
}

/* ---- shape ---- */

static bool read_size(struct literal *l, int64_t *size) {
    const char *begin = l->at;
    *size = 0;
    for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++) {
        if (!checked_mul(*size, 10, size) || !checked_add(*size, *l->at - '0', size))
            return refuse(l, "a size does not fit into 63 bits");
    }
    if (l->at == begin || (*begin == '0' && l->at > begin + 1))
        return refuse(l, "'%.*s' is no size", utf8_cut(begin, l->end, 20), begin);
    if (l->old)
        take_word(l, "L");
    return true;
}

/* (3, 4), (3,) or (): a lone (3) is a number in parentheses and no tuple. */
static bool read_shape(struct literal *l) {
    struct shape *shape = &l->tensor->shape;
    bool comma = true;
    if (!take(l, '('))
        return refuse(l, "a tuple of sizes is missing");
    while (!take(l, ')')) {
        if (!comma)
            return refuse(l, "',' or ')' is missing");
        if (shape->rank == SHAPE_MAX_RANK)
            return form_refuse(l->form, PROBLEM_INVALID_TENSOR, l->tensor->name,
                               "'%s' has more than %d dimensions", l->tensor->name, SHAPE_MAX_RANK);
        if (!read_size(l, &shape->dim[shape->rank++]))
            return false;
        comma = take(l, ',');
    }
    return shape->rank != 1 || comma || refuse(l, "a tuple of one size needs a comma");
}

/* ---- the dictionary ---- */

static bool read_value(struct literal *l, unsigned key) {
    if (key == KEY_DESCR)
        return read_descr(l);
    if (key == KEY_SHAPE)
        return read_shape(l);
    l->tensor->fortran = take_word(l, "True");
    return l->tensor->fortran || take_word(l, "False") || refuse(l, "True or False is missing");
}

static bool read_entry(struct literal *l, unsigned *keys) {
    static const struct {
        const char *name;
        unsigned key;
    } names[] = {{"descr", KEY_DESCR}, {"fortran_order", KEY_ORDER}, {"shape", KEY_SHAPE}};
    const char *text = NULL;
    size_t length = 0;
    unsigned key = 0;
    if (!read_string(l, &text, &length))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == length && memcmp(names[i].name, text, length) == 0)
            key = names[i].key;
    }
    if (key == 0)
        return refuse(l, "there is another key, '%.*s',", utf8_cut(text, text + length, 40), text);
    if ((*keys & key) != 0)
        return refuse(l, "the key '%.*s' is repeated", (int)length, text);
    *keys |= key;
    return take(l, ':') ? read_value(l, key) : refuse(l, "':' is missing");
}

static bool read_dictionary(struct literal *l) {
    unsigned keys = 0;
    bool comma = true;
    if (!take(l, '{'))
        return refuse(l, "'{' is missing");
    while (!take(l, '}')) {
        if (!comma)
            return refuse(l, "',' or '}' is missing");
        if (!read_entry(l, &keys))
            return false;
        comma = take(l, ',');
    }
    if (l->at < l->end)
        return refuse(l, "something stands behind it");
    return keys == KEYS || refuse(l, "a key is missing");
}

/* ---- the file ---- */

static bool refuse_short(struct form *form, const char *name, uint64_t bytes) {
    return form_refuse(form, PROBLEM_MALFORMED_BODY, name,
                       "'%s' is an npy file of %" PRIu64 " bytes, which ends inside its header", name, bytes);
}

bool npy_header_bytes(struct form *form, const char *name, const unsigned char *data, uint64_t bytes,
                      size_t *header_bytes) {
    size_t compared = bytes < sizeof magic ? (size_t)bytes : sizeof magic;
    if (compared == 0 || memcmp(data, magic, compared) != 0)
        return form_refuse(form, PROBLEM_MALFORMED_BODY, name,
                           "'%s' is no npy file: it does not begin with \\x93NUMPY", name);
    if (bytes < NPY_LEAD_BYTES)
        return refuse_short(form, name, bytes);
    int major = data[6], minor = data[7];
    if (major < 1 || major > 3 || minor != 0)
        return form_refuse(form, PROBLEM_UNSUPPORTED_TENSOR, name,
                           "'%s' is of npy version %d.%d; versions 1.0, 2.0 and 3.0 are read", name, major,
                           minor);
    size_t text_bytes = (size_t)bytes_get(data + 8, major == 1 ? 2 : 4);
    *header_bytes = (major == 1 ? 10 : 12) + text_bytes;
    if (text_bytes > NPY_MAX_HEADER_BYTES)
        return form_refuse(form, PROBLEM_MALFORMED_BODY, name,
                           "the npy header of '%s' has %zu bytes; a header has %d at the most", name,
                           text_bytes, NPY_MAX_HEADER_BYTES);
    if (*header_bytes < NPY_LEAD_BYTES || *header_bytes > bytes)
        return refuse_short(form, name, bytes);
    return true;
}

/* The shape must account for every byte behind the header. */
static bool check_size(struct form *form, struct stored_tensor *tensor, uint64_t data_bytes) {
    char shape[SHAPE_TEXT_BYTES];
    size_t expected;
    if (shape_elems(&tensor->shape, &tensor->elems) &&
        checked_bytes(tensor->elems, stored_dtype_bytes(tensor->dtype), &expected) && expected == data_bytes)
        return true;
    return form_refuse(form, PROBLEM_MALFORMED_BODY, tensor->name,
                       "'%s' has %" PRIu64 " bytes of data, which is not what shape %s of %s takes",
                       tensor->name, data_bytes, shape_text(&tensor->shape, shape),
                       stored_dtype_name(tensor->dtype));
}

bool npy_read_header(struct form *form, const unsigned char *data, uint64_t bytes,
                     struct stored_tensor *tensor, size_t *data_at) {
    if (!npy_header_bytes(form, tensor->name, data, bytes, data_at))
        return false;
    const char *text = (const char *)data + (data[6] == 1 ? 10 : 12);
    struct literal literal = {.form = form,
                              .tensor = tensor,
                              .begin = text,
                              .at = text,
                              .end = (const char *)data + *data_at,
                              .old = data[6] < 3};
    return read_dictionary(&literal) && check_size(form, tensor, bytes - *data_at);
}

bool npy_open(struct form *form, const unsigned char *data, size_t bytes, struct stored_tensor *tensor) {
    size_t data_at = 0;
    if (!npy_read_header(form, data, bytes, tensor, &data_at))
        return false;
    tensor->data = data + data_at;
    return true;
}

/* ---- writing ---- */

static const char *descr_of(enum dtype dtype) {
    bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    switch (dtype) {
    case DTYPE_FLOAT32: return big ? ">f4" : "<f4";
    case DTYPE_FLOAT64: return big ? ">f8" : "<f8";
    case DTYPE_INT64: return big ? ">i8" : "<i8";
    }
    return "";
}

/* Padded with blanks and ended by a newline, so that the data begin at a multiple of 64. */
size_t npy_write_header(unsigned char *out, const struct tensor *tensor) {
    char text[NPY_WRITTEN_BYTES];
    const struct shape *shape = &tensor->shape;
    int at = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                      descr_of(tensor->dtype));
    for (int i = 0; i < shape->rank; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%" PRId64 "%s", i > 0 ? " " : "",
                       shape->dim[i], i + 1 < shape->rank || i == 0 ? "," : "");
    at += snprintf(text + at, sizeof text - (size_t)at, "), }");
    size_t length = (10 + (size_t)at + 1 + 63) / 64 * 64;
    if (out == NULL)
        return length;
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    bytes_put(out + 8, length - 10, 2);
    memcpy(out + 10, text, (size_t)at);
    memset(out + 10 + at, ' ', length - 10 - (size_t)at);
    out[length - 1] = '\n';
    return length;
}
