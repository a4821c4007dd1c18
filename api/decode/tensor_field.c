#include "api/decode/tensor_field.h"

#include "api/forms/convert.h"
#include "api/forms/npz.h"
#include "api/forms/picture_tensor.h"
#include "api/json/text.h"
#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdio.h>

/* A refusal whose place is deeper than the reduced document knows: `tail` is a pointer inside the cut. */
static bool refuse_inside(const struct fields *fields, const char *name, const char *member, const char *tail,
                          enum problem problem, const char *detail) {
    char *pointer = arena_printf(fields->decode->arena, "%s/%s%s%s", fields->pointer, name, member, tail);
    return decode_refuse(fields->decode, problem, pointer, "%s", detail);
}

/* What the scan found in the tensor's text. */
static bool refuse_cut(const struct fields *fields, const char *name, const struct tensor_source *source) {
    return refuse_inside(fields, name, source->form == FORM_FLAT ? "/data" : "", source->cut->pointer,
                         PROBLEM_INVALID_TENSOR, source->cut->detail);
}

static bool open_nested(const struct fields *fields, const char *name, const struct cut *cut,
                        struct tensor_source *source) {
    if (cut->refused)
        return refuse_inside(fields, name, "", cut->pointer, PROBLEM_INVALID_TENSOR, cut->detail);
    source->form = FORM_NESTED;
    source->shape = cut->shape;
    source->cut = cut;
    return true;
}

static bool check_count(const struct fields *fields, const struct tensor_source *source) {
    char shape[SHAPE_TEXT_BYTES];
    const struct cut *cut = source->cut;
    if (cut->shape.dim[0] == source->elems)
        return true;
    return fields_refuse(fields, PROBLEM_INVALID_TENSOR, "data",
                         "shape %s is invalid for data of size %" PRId64 ": it has %" PRId64 " elements",
                         shape_text(&source->shape, shape), cut->shape.dim[0], source->elems);
}

static bool open_data(const struct fields *fields, struct tensor_source *source) {
    const json_t *data = fields_get(fields, "data");
    source->form = FORM_FLAT;
    source->cut = json_is_array(data) ? document_cut(&fields->decode->document, data) : NULL;
    if (source->cut == NULL)
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, "data", "data must be a flat list of numbers");
    if (source->cut->refused)
        return refuse_inside(fields, "data", "", source->cut->pointer, PROBLEM_INVALID_TENSOR,
                             source->cut->detail);
    if (source->cut->shape.rank != 1)
        return refuse_inside(
            fields, "data", "", "/0", PROBLEM_INVALID_TENSOR,
            "data must be a flat list of numbers in C order, but its first element is a list");
    return check_count(fields, source);
}

static bool open_base64(const struct fields *fields, struct tensor_source *source) {
    const json_t *text = fields_get(fields, "base64");
    source->form = FORM_BASE64;
    source->cut = json_is_string(text) ? document_cut(&fields->decode->document, text) : NULL;
    if (source->cut == NULL)
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, "base64", "base64 must be a string");
    return true;
}

/* {"shape": …, "data": …} or {"shape": …, "dtype": …, "base64": …} */
static bool open_object(const struct fields *outer, const char *name, const json_t *object,
                        struct tensor_source *source) {
    static const char *const known[] = {"shape", "dtype", "data", "base64", NULL};
    char *pointer = arena_printf(outer->decode->arena, "%s/%s", outer->pointer, name);
    struct fields fields = {
        .decode = outer->decode, .object = object, .pointer = pointer != NULL ? pointer : ""};
    bool has_data = json_object_get(object, "data") != NULL,
         has_base64 = json_object_get(object, "base64") != NULL;
    if (!fields_known(&fields, known, "a tensor"))
        return false;
    if (!fields_has(&fields, "shape"))
        return fields_missing(&fields, "shape", "a tensor given as an object");
    if (!fields_shape(&fields, "shape", &source->shape) ||
        !fields_dtype(&fields, "dtype", &source->dtype, NULL))
        return false;
    if (has_data && has_base64)
        return fields_refuse(&fields, PROBLEM_INVALID_TENSOR, "base64",
                             "a tensor has either data or base64, not both");
    if (!has_data && !has_base64)
        return fields_missing(&fields, "data", "a tensor given as an object");
    char shape[SHAPE_TEXT_BYTES];
    size_t bytes;
    if (!shape_elems(&source->shape, &source->elems) || !checked_bytes(source->elems, sizeof(double), &bytes))
        return fields_refuse(&fields, PROBLEM_LIMIT_EXCEEDED, "shape",
                             "the size of a tensor of %s does not fit into 63 bits",
                             shape_text(&source->shape, shape));
    return has_data ? open_data(&fields, source) : open_base64(&fields, source);
}

/* Nested arrays or an object. */
static bool open_json(const struct fields *fields, const char *name, const json_t *value,
                      struct tensor_source *source) {
    if (json_is_object(value))
        return open_object(fields, name, value, source);
    const struct cut *cut = json_is_array(value) ? document_cut(&fields->decode->document, value) : NULL;
    if (cut == NULL)
        return fields_wrong_type(
            fields, name,
            "a tensor: nested arrays, {\"shape\", \"data\"} or {\"shape\", \"dtype\", \"base64\"}", value);
    return open_nested(fields, name, cut, source) &&
           (shape_elems(&source->shape, &source->elems) || decode_no_memory(fields->decode));
}

/* A parameter cannot be a tensor. */
static bool open_stored(const struct fields *fields, const char *name, struct tensor_field *field) {
    field->stored = form_find(&fields->decode->form, name);
    if (field->stored == NULL)
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, name,
                             "%s is a tensor: it comes in the body, not as a parameter", name);
    field->form = FORM_NESTED;
    field->shape = field->stored->shape;
    return true;
}

bool tensor_field_open(const struct fields *fields, const char *name, enum dtype default_dtype, bool nullable,
                       struct tensor_field *field, bool *present) {
    const json_t *value = fields_get(fields, name);
    *field = (struct tensor_field){.source.dtype = default_dtype};
    *present = value != NULL && !(nullable && json_is_null(value));
    if (!*present)
        return true;
    struct decode *part = decode_of_part(fields->decode, name);
    if (fields->decode->media != MEDIA_JSON && part == NULL)
        return open_stored(fields, name, field);
    struct fields home = *fields;
    home.decode = part != NULL ? part : fields->decode;
    if (!open_json(&home, name, value, &field->source))
        return false;
    field->form = field->source.form;
    field->shape = field->source.shape;
    return true;
}

bool tensor_field_dtype(const struct fields *fields, enum dtype *dtype) {
    bool given;
    *dtype = DTYPE_FLOAT32;
    if (!fields_dtype(fields, "dtype", dtype, &given))
        return false;
    const struct stored_tensor *stored = form_find(&fields->decode->form, "input");
    if (!given && stored != NULL && stored->dtype == STORED_FLOAT64)
        *dtype = DTYPE_FLOAT64;
    const json_t *input = fields_get(fields, "input");
    if (given || !json_is_object(input))
        return true;
    char *pointer = arena_printf(fields->decode->arena, "%s/input", fields->pointer);
    struct fields inner = {
        .decode = fields->decode, .object = input, .pointer = pointer != NULL ? pointer : ""};
    return fields_dtype(&inner, "dtype", dtype, NULL);
}

/* "/0/2/1" for the flat position in a nested tensor, "/data/9" in a flat one. */
static void position_pointer(const struct tensor_source *source, int64_t position, char *out,
                             size_t capacity) {
    int64_t index[SHAPE_MAX_RANK];
    size_t at = 0;
    out[0] = '\0';
    if (source->form == FORM_BASE64)
        snprintf(out, capacity, "/base64");
    if (source->form == FORM_FLAT)
        snprintf(out, capacity, "/data/%" PRId64, position);
    if (source->form != FORM_NESTED)
        return;
    for (int i = source->shape.rank - 1; i >= 0; i--) {
        index[i] = position % source->shape.dim[i];
        position /= source->shape.dim[i];
    }
    for (int i = 0; i < source->shape.rank && at < capacity; i++)
        at += (size_t)snprintf(out + at, capacity - at, "/%" PRId64, index[i]);
}

static bool read_json(const struct fields *fields, const char *name, const struct tensor_source *source,
                      enum dtype dtype, struct tensor *tensor) {
    struct decode *decode = fields->decode;
    struct workers *workers = decode->context->workers;
    struct tensor_refusal refusal;
    char tail[SHAPE_MAX_RANK * 21];
    size_t scratch_bytes = tensor_read_scratch_bytes(source, dtype), bytes;
    void *scratch = NULL;
    if (!checked_bytes(source->elems, dtype_bytes(dtype), &bytes))
        return decode_no_memory(decode);
    /* base64 of another length than the shape's says so before memory is taken for what is not there */
    if (source->form == FORM_BASE64 && bytes > (size_t)(source->cut->end - source->cut->begin) * 2)
        return refuse_inside(fields, name, "", "/base64", PROBLEM_INVALID_TENSOR,
                             "base64 is too short for the tensor's shape and dtype");
    if (scratch_bytes > 0 && (scratch = decode_alloc(decode, scratch_bytes, name)) == NULL)
        return false;
    if ((tensor->data = decode_alloc(decode, bytes, name)) == NULL)
        return false;
    bool read = tensor_read(source, dtype, tensor->data, scratch, workers, decode->slot, &refusal);
    if (!read && refusal.unproven) { /* who looks closer can tell what is wrong, and where */
        if (!decode_prove(decode))
            return false;
        if (source->cut->refused)
            return refuse_cut(fields, name, source);
        read = tensor_read(source, dtype, tensor->data, scratch, workers, decode->slot, &refusal);
    }
    if (read)
        return true;
    position_pointer(source, refusal.position, tail, sizeof tail);
    return refuse_inside(fields, name, "", tail,
                         refusal.position >= 0 ? PROBLEM_NUMBER_OUT_OF_RANGE : PROBLEM_INVALID_TENSOR,
                         refusal.detail);
}

/* Values of a file are pointed at as if they stood there nested. */
static bool refuse_value(const struct fields *fields, const struct stored_tensor *stored,
                         const struct convert_refusal *refusal) {
    struct tensor_source place = {.form = FORM_NESTED, .shape = stored->shape};
    char tail[SHAPE_MAX_RANK * 21];
    position_pointer(&place, refusal->position, tail, sizeof tail);
    return refuse_inside(fields, stored->name, "", tail, refusal->problem, refusal->detail);
}

static bool read_stored(const struct fields *fields, struct stored_tensor *stored, enum dtype dtype,
                        struct tensor *tensor) {
    struct decode *decode = fields->decode;
    struct convert_refusal refusal;
    size_t bytes;
    if (!checked_bytes(stored->elems, dtype_bytes(dtype), &bytes))
        return decode_no_memory(decode);
    if (!npz_load(&decode->form, stored) || !picture_load(&decode->form, stored))
        return decode_refuse_form(decode);
    if (convert_is_none(stored, dtype)) {
        tensor->data = (void *)(uintptr_t)stored->data; /* inputs are not written to */
        return true;
    }
    tensor->data = decode_alloc(decode, bytes, stored->name);
    return tensor->data != NULL &&
           (convert(stored, dtype, tensor->data, &refusal) || refuse_value(fields, stored, &refusal));
}

bool tensor_field_read(const struct fields *fields, const char *name, const struct tensor_field *field,
                       enum dtype dtype, struct tensor *tensor) {
    *tensor = (struct tensor){.dtype = dtype, .shape = field->shape};
    return field->stored != NULL ? read_stored(fields, field->stored, dtype, tensor)
                                 : read_json(fields, name, &field->source, dtype, tensor);
}
