#include "api/json/tensor_write.h"

#include "lib/base/checked.h"
#include "lib/numbers/base64.h"
#include "lib/numbers/decimal.h"

#include <math.h>
#include <string.h>

static size_t number_bytes(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_FLOAT32: return DECIMAL_F32_BYTES;
    case DTYPE_FLOAT64: return DECIMAL_F64_BYTES;
    case DTYPE_INT64: return DECIMAL_I64_BYTES;
    }
    return 0;
}

/* Brackets and commas of the nested form: each list has two brackets and, at most, a comma. A size of 0 ends
 * the nesting: [2, 0, 5] is [[],[]]. */
static bool nested_punctuation(const struct shape *shape, int64_t *bytes) {
    int64_t lists = 1, total = 0;
    for (int i = 0; i < shape->rank; i++) {
        if (!checked_add(total, lists, &total) || !checked_mul(lists, shape->dim[i], &lists))
            return false;
        if (lists == 0)
            break;
    }
    return checked_mul(total, 3, bytes);
}

bool tensor_write_bound(const struct tensor *tensor, enum tensor_form form, size_t *bytes) {
    int64_t elems, punctuation = 0;
    size_t numbers;
    if (!shape_elems(&tensor->shape, &elems))
        return false;
    if (form == FORM_BASE64) {
        if (!checked_bytes(elems, dtype_bytes(tensor->dtype), &numbers) || numbers > SIZE_MAX / 4)
            return false;
        numbers = base64_text_bytes(numbers);
    } else if (!checked_bytes(elems, number_bytes(tensor->dtype) + 1, &numbers)) {
        return false;
    }
    if (form == FORM_NESTED && !nested_punctuation(&tensor->shape, &punctuation))
        return false;
    /* what stands around: keys, dtype, shape */
    return !__builtin_add_overflow(numbers, (size_t)punctuation + SHAPE_TEXT_BYTES + 128, bytes);
}

static char *write_word(char *to, double value) {
    const char *word = isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    size_t length = strlen(word);
    memcpy(to, word, length);
    return to + length;
}

/* `count` numbers from element `first` on, with commas between. */
static char *write_row(char *to, const struct tensor *tensor, int64_t first, int64_t count) {
    const float *f32 = tensor->data;
    const double *f64 = tensor->data;
    const int64_t *i64 = tensor->data;
    for (int64_t i = first; i < first + count; i++) {
        if (i > first)
            *to++ = ',';
        switch (tensor->dtype) {
        case DTYPE_FLOAT32:
            to = isfinite(f32[i]) ? decimal_write_f32(to, f32[i]) : write_word(to, (double)f32[i]);
            break;
        case DTYPE_FLOAT64:
            to = isfinite(f64[i]) ? decimal_write_f64(to, f64[i]) : write_word(to, f64[i]);
            break;
        case DTYPE_INT64: to = decimal_write_i64(to, i64[i]); break;
        }
    }
    return to;
}

/* The nested lists of dimension `level` on; `*element` counts what was written. */
static char *write_nested(char *to, const struct tensor *tensor, int level, int64_t *element) {
    int64_t size = tensor->shape.dim[level];
    *to++ = '[';
    if (level == tensor->shape.rank - 1) {
        to = write_row(to, tensor, *element, size);
        *element += size;
    } else {
        for (int64_t i = 0; i < size; i++) {
            if (i > 0)
                *to++ = ',';
            to = write_nested(to, tensor, level + 1, element);
        }
    }
    *to++ = ']';
    return to;
}

static void add_shape(struct text *text, const struct tensor *tensor) {
    text_puts(text, "{\"shape\":");
    text_json_shape(text, &tensor->shape);
}

static char *write_base64(char *to, const struct tensor *tensor, int64_t elems) {
    size_t bytes = (size_t)elems * dtype_bytes(tensor->dtype);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return base64_encode(to, tensor->data, bytes);
#else
    /* three elements at a time are whole groups of three bytes */
    const unsigned char *data = tensor->data;
    size_t elem_bytes = dtype_bytes(tensor->dtype);
    for (size_t at = 0; at < bytes; at += 3 * elem_bytes) {
        unsigned char group[24];
        size_t count = bytes - at < 3 * elem_bytes ? bytes - at : 3 * elem_bytes;
        for (size_t i = 0; i < count; i++)
            group[i] = data[at + i / elem_bytes * elem_bytes + (elem_bytes - 1 - i % elem_bytes)];
        to = base64_encode(to, group, count);
    }
    return to;
#endif
}

void tensor_write(struct text *text, const struct tensor *tensor, enum tensor_form form) {
    size_t bound;
    int64_t elems = 0, written = 0;
    if (!shape_elems(&tensor->shape, &elems) || !tensor_write_bound(tensor, form, &bound)) {
        text->failed = true;
        return;
    }
    if (text_reserve(text, bound) == NULL)
        return;
    if (form == FORM_FLAT) {
        add_shape(text, tensor);
        text_puts(text, ",\"data\":[");
    } else if (form == FORM_BASE64) {
        add_shape(text, tensor);
        text_printf(text, ",\"dtype\":\"%s\",\"base64\":\"", dtype_name(tensor->dtype));
    }
    char *to = text->data + text->length;
    switch (form) {
    case FORM_NESTED: to = write_nested(to, tensor, 0, &written); break;
    case FORM_FLAT: to = write_row(to, tensor, 0, elems); break;
    case FORM_BASE64: to = write_base64(to, tensor, elems); break;
    }
    text->length = (size_t)(to - text->data);
    text_puts(text, form == FORM_FLAT ? "]}" : form == FORM_BASE64 ? "\"}" : "");
}
