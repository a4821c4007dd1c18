#include "api/forms/safetensors.h"

#include "api/forms/bytes.h"
#include "api/json/document.h"
#include "api/json/utf8.h"
#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

/* The format's names. */
static const char *const dtype_names[STORED_DTYPES] = {
#define SAFETENSORS_NAME(NAME, name, bytes, safetensors) [STORED_##NAME] = safetensors,
    STORED_MAP(SAFETENSORS_NAME)
#undef SAFETENSORS_NAME
};

/* Where a tensor's data lie, behind the header. */
struct range {
    uint64_t begin, end;
    const char *name;
};

struct file {
    struct form *form;
    const unsigned char *data; /* behind the header */
    uint64_t data_bytes;
    struct range *ranges; /* of all tensors, those that the endpoint does not know included */
    size_t count;
};

/* How much of a text is shown: `most` bytes of whole characters. */
static int shown(const char *text, int most) {
    return text != NULL ? utf8_cut(text, text + strlen(text), most) : 0;
}

__attribute__((format(printf, 3, 4))) static bool refuse(struct form *form, const char *name,
                                                         const char *format, ...) {
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return form_refuse(form, PROBLEM_MALFORMED_BODY, name, "%s%.*s%s: %s",
                       name != NULL ? "the entry of '" : "the body is no sound safetensors file",
                       shown(name, 60), name != NULL ? name : "",
                       name != NULL ? "' in the safetensors header" : "", what);
}

/* ---- one tensor ---- */

static bool read_dtype(struct form *form, const char *name, const json_t *value, enum stored_dtype *dtype) {
    const char *text = json_string_value(value);
    if (text == NULL)
        return refuse(form, name, "it has no 'dtype'");
    for (int i = 0; i < STORED_DTYPES; i++) {
        if (strcmp(dtype_names[i], text) == 0) {
            *dtype = (enum stored_dtype)i;
            return true;
        }
    }
    return form_refuse(
        form, PROBLEM_UNSUPPORTED_TENSOR, name,
        "'%.*s' has the safetensors dtype '%.*s'; read are BOOL, I8, U8, I16, U16, I32, U32, I64, "
        "U64, F16, BF16, F32 and F64",
        shown(name, 60), name, shown(text, 40), text);
}

static bool read_shape(struct form *form, const char *name, const json_t *value, struct shape *shape) {
    if (!json_is_array(value))
        return refuse(form, name, "it has no 'shape'");
    if (json_array_size(value) > SHAPE_MAX_RANK)
        return form_refuse(form, PROBLEM_INVALID_TENSOR, name,
                           "'%.*s' has %zu dimensions; at most %d are allowed", shown(name, 60), name,
                           json_array_size(value), SHAPE_MAX_RANK);
    shape->rank = (int)json_array_size(value);
    for (int i = 0; i < shape->rank; i++) {
        const json_t *size = json_array_get(value, (size_t)i);
        shape->dim[i] = json_integer_value(size);
        if (!json_is_integer(size) || shape->dim[i] < 0)
            return refuse(form, name, "a size in its 'shape' is no integer of at least 0");
    }
    return true;
}

static bool read_range(struct form *form, const char *name, const json_t *value, struct range *range) {
    const json_t *first = json_array_get(value, 0), *second = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return refuse(form, name, "its 'data_offsets' are not two integers, begin and end");
    int64_t begin = json_integer_value(first), end = json_integer_value(second);
    if (begin < 0 || end < begin)
        return refuse(form, name,
                      "its 'data_offsets' are [%" PRId64 ", %" PRId64 "]; they are to be 0 <= begin <= end",
                      begin, end);
    *range = (struct range){(uint64_t)begin, (uint64_t)end, name};
    return true;
}

/* The data's length is what dtype and shape take. */
static bool check_size(struct form *form, const char *name, struct stored_tensor *tensor,
                       const struct range *range) {
    char shape[SHAPE_TEXT_BYTES];
    size_t bytes;
    if (shape_elems(&tensor->shape, &tensor->elems) &&
        checked_bytes(tensor->elems, stored_dtype_bytes(tensor->dtype), &bytes) &&
        bytes == range->end - range->begin)
        return true;
    return form_refuse(form, PROBLEM_MALFORMED_BODY, name,
                       "'%.*s' has %" PRIu64 " bytes of data, which is not what shape %s of %s takes",
                       shown(name, 60), name, range->end - range->begin, shape_text(&tensor->shape, shape),
                       stored_dtype_name(tensor->dtype));
}

static bool check_keys(struct form *form, const char *name, const json_t *entry) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)entry, key, value) {
        if (strcmp(key, "dtype") != 0 && strcmp(key, "shape") != 0 && strcmp(key, "data_offsets") != 0)
            return refuse(form, name,
                          "it has the key '%.*s', which is none of 'dtype', 'shape' and 'data_offsets'",
                          shown(key, 60), key);
    }
    return true;
}

/* {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]} and nothing else. */
static bool read_tensor(struct file *file, const char *name, const json_t *entry) {
    struct form *form = file->form;
    struct stored_tensor read = {.name = name}, *tensor;
    struct range *range = &file->ranges[file->count];
    if (!json_is_object(entry))
        return refuse(form, name, "it is no object");
    if (!read_dtype(form, name, json_object_get(entry, "dtype"), &read.dtype) ||
        !read_shape(form, name, json_object_get(entry, "shape"), &read.shape) ||
        !read_range(form, name, json_object_get(entry, "data_offsets"), range) ||
        !check_keys(form, name, entry))
        return false;
    if (range->end > file->data_bytes)
        return refuse(form, name,
                      "its 'data_offsets' end at %" PRIu64 "; the file has %" PRIu64 " bytes of data",
                      range->end, file->data_bytes);
    if (!check_size(form, name, &read, range))
        return false;
    file->count++;
    if (!form_add(form, name, strlen(name), &tensor))
        return false;
    if (tensor == NULL)
        return true;
    read.name = tensor->name;
    read.data = file->data + range->begin;
    *tensor = read;
    return true;
}

/* Text by text. */
static bool check_metadata(struct form *form, const json_t *metadata) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return refuse(form, NULL, "its '__metadata__' is no object");
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value) {
        if (!json_is_string(value))
            return refuse(form, NULL, "the value of '%.*s' in its '__metadata__' is no string",
                          shown(key, 60), key);
    }
    return true;
}

/* ---- the whole ---- */

static int compare_ranges(const void *a, const void *b) {
    const struct range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorted, each range begins where the one before ends; the last ends with the file. */
static bool check_cover(const struct file *file) {
    uint64_t at = 0;
    const char *before = NULL;
    qsort(file->ranges, file->count, sizeof file->ranges[0], compare_ranges);
    for (size_t i = 0; i < file->count; i++) {
        const struct range *range = &file->ranges[i];
        if (range->begin < at)
            return refuse(file->form, range->name,
                          "its data begin at %" PRIu64 ", before those of '%.*s' end at %" PRIu64,
                          range->begin, shown(before, 60), before, at);
        if (range->begin > at)
            return refuse(file->form, range->name,
                          "its data begin at %" PRIu64 ", and those before end at %" PRIu64, range->begin,
                          at);
        at = range->end;
        before = range->name;
    }
    return at == file->data_bytes ||
           refuse(file->form, NULL, "its tensors end at %" PRIu64 " of its %" PRIu64 " bytes of data", at,
                  file->data_bytes);
}

static bool read_header(struct file *file, const json_t *header) {
    const char *name;
    json_t *entry;
    file->ranges = form_alloc(file->form, json_object_size(header) * sizeof file->ranges[0], "the header");
    if (file->ranges == NULL)
        return false;
    json_object_foreach((json_t *)(uintptr_t)header, name, entry) {
        bool read = strcmp(name, "__metadata__") == 0 ? check_metadata(file->form, entry)
                                                      : read_tensor(file, name, entry);
        if (!read)
            return false;
    }
    return check_cover(file);
}

/* What the JSON reader refuses is told with its words, but it is the file that is broken: an integer that does not
 * fit, and keys that repeat, included. */
static bool parse_header(struct form *form, const unsigned char *text, size_t bytes,
                         struct document *document) {
    struct document_refusal refusal;
    char *copy = form_alloc(form, bytes + 1, "the header"); /* the reader wants a 0 behind it */
    if (copy == NULL)
        return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    if (document_open(document, form->arena, copy, bytes, NULL, form->max_header_bytes, &refusal))
        return true;
    bool is_ours = refusal.problem == PROBLEM_OVERLOADED || refusal.problem == PROBLEM_LIMIT_EXCEEDED ||
                   refusal.problem == PROBLEM_REPEATED_KEY;
    const char *name =
        refusal.pointer != NULL && strpbrk(refusal.pointer + 1, "/~") == NULL ? refusal.pointer + 1 : NULL;
    return form_refuse(form, is_ours ? refusal.problem : PROBLEM_MALFORMED_BODY, name,
                       "the safetensors header: %s", refusal.detail);
}

static bool header_length(struct form *form, const unsigned char *data, size_t bytes, size_t *length) {
    if (bytes < LENGTH_BYTES)
        return refuse(form, NULL, "it has %zu bytes, fewer than the eight of its header's length", bytes);
    uint64_t stated = bytes_get64(data);
    if (stated > bytes - LENGTH_BYTES)
        return refuse(form, NULL,
                      "its first eight bytes announce a header of %" PRIu64 " bytes, and %zu follow", stated,
                      bytes - LENGTH_BYTES);
    if (stated > (uint64_t)form->max_header_bytes)
        return form_refuse(form, PROBLEM_LIMIT_EXCEEDED, NULL,
                           "the safetensors header has %" PRIu64 " bytes; the limit is %" PRId64
                           " (--max-document)",
                           stated, form->max_header_bytes);
    *length = (size_t)stated;
    return (stated > 0 && data[LENGTH_BYTES] == '{') ||
           refuse(form, NULL, "its header does not begin with {");
}

bool safetensors_open(struct form *form, const unsigned char *data, size_t bytes) {
    struct document document = {0};
    size_t length = 0;
    if (!header_length(form, data, bytes, &length))
        return false;
    struct file file = {
        .form = form, .data = data + LENGTH_BYTES + length, .data_bytes = bytes - LENGTH_BYTES - length};
    bool opened =
        parse_header(form, data + LENGTH_BYTES, length, &document) && read_header(&file, document.root);
    document_close(&document);
    return opened;
}
