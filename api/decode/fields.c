#include "api/decode/fields.h"

#include "api/decode/nearest.h"
#include "api/json/text.h"
#include "lib/numbers/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_TEXT_BYTES = 128 };

/* ---- refusals ---- */

/* Walks `place` ("stride/1", "padding/0/1") down the object as far as it goes; a list of one element stands
 * for all. */
static const char *resolve_place(const struct fields *fields, const char *place) {
    struct text text = text_open(fields->decode->arena, 128);
    const json_t *at = fields->object;
    text_puts(&text, fields->pointer);
    for (bool first = true; *place != '\0'; first = false) {
        size_t length = strcspn(place, "/");
        char token[64];
        snprintf(token, sizeof token, "%.*s", (int)length, place);
        if (json_is_array(at)) {
            size_t index = strtoul(token, NULL, 10), size = json_array_size(at);
            if (size == 1)
                index = 0;
            at = json_array_get(at, index);
            snprintf(token, sizeof token, "%zu", index);
        } else {
            at = json_object_get(at, token);
        }
        if (at == NULL && !first)
            break;
        text_puts(&text, "/");
        text_puts(&text, token);
        place += length + (place[length] == '/');
    }
    text_add(&text, "", 1);
    return text.failed ? NULL : text.data;
}

bool fields_refuse(const struct fields *fields, enum problem problem, const char *place, const char *format,
                   ...) {
    char detail[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    const char *pointer = place[0] == '\0' ? NULL : resolve_place(fields, place);
    return decode_refuse(fields->decode, problem, pointer, "%s", detail);
}

bool fields_missing(const struct fields *fields, const char *name, const char *what) {
    return fields_refuse(fields, PROBLEM_MISSING_FIELD, name, "%s needs the field '%s'", what, name);
}

/* What `value` is, with its value where that is short: 'the string "valid"', 'the number 1.5', 'a list'. */
static const char *value_text(const struct fields *fields, const json_t *value, char out[VALUE_TEXT_BYTES]) {
    struct text string = {.arena = fields->decode->arena};
    char number[DECIMAL_F64_BYTES];
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING:
        text_json_string(&string, decode_shown(fields->decode, json_string_value(value)));
        snprintf(out, VALUE_TEXT_BYTES, "the string %.*s", string.failed ? 0 : (int)string.length,
                 string.data);
        return out;
    case JSON_INTEGER:
        snprintf(out, VALUE_TEXT_BYTES, "the integer %" JSON_INTEGER_FORMAT, json_integer_value(value));
        return out;
    case JSON_REAL:
        snprintf(out, VALUE_TEXT_BYTES, "the number %.*s",
                 (int)(decimal_write_f64(number, json_real_value(value)) - number), number);
        return out;
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "something else";
}

/* "stride/1" as a person writes it: "stride[1]". */
static const char *spoken(const char *place, char out[96]) {
    size_t at = 0;
    bool open = false;
    for (; *place != '\0' && at < 90; place++) {
        if (*place == '/') {
            if (open)
                out[at++] = ']';
            out[at++] = '[';
            open = true;
        } else {
            out[at++] = *place;
        }
    }
    if (open)
        out[at++] = ']';
    out[at] = '\0';
    return out;
}

bool fields_wrong_type(const struct fields *fields, const char *place, const char *takes, const json_t *got) {
    char name[96], value[VALUE_TEXT_BYTES];
    return fields_refuse(fields, PROBLEM_WRONG_TYPE, place, "%s must be %s, but got %s", spoken(place, name),
                         takes, value_text(fields, got, value));
}

const char *fields_fault_detail(const struct fields *fields, const struct fault *fault) {
    char name[96], written[96];
    const char *pointer = resolve_place(fields, fault->place);
    size_t length = strlen(spoken(fault->place, name)), above = strlen(fields->pointer);
    if (pointer == NULL || pointer[above] != '/' || strncmp(fault->detail, name, length) != 0)
        return fault->detail;
    const char *detail = arena_printf(fields->decode->arena, "%s%s", spoken(pointer + above + 1, written),
                                      fault->detail + length);
    return detail != NULL ? detail : fault->detail;
}

bool fields_refuse_fault(const struct fields *fields, const struct fault *fault) {
    if (fault->status == STATUS_NO_MEMORY)
        return decode_no_memory(fields->decode);
    return fields_refuse(fields, problem_from_status(fault->status), fault->place, "%s",
                         fields_fault_detail(fields, fault));
}

/* ---- names ---- */

static bool refuse_unknown(const struct fields *fields, const char *key, const char *const *known,
                           const char *what) {
    const char *nearest = nearest_name(key, known);
    struct text list = text_open(fields->decode->arena, 256);
    struct text pointer = text_open(fields->decode->arena, 128);
    text_puts(&pointer, fields->pointer);
    text_pointer_step(&pointer, key);
    text_add(&pointer, "", 1);
    const char *at = pointer.failed || pointer.length > SCAN_POINTER_BYTES ? fields->pointer : pointer.data;
    if (nearest != NULL)
        return decode_refuse(fields->decode, PROBLEM_UNKNOWN_FIELD, at,
                             "%s has no field '%s'; did you mean '%s'?", what,
                             decode_shown(fields->decode, key), nearest);
    for (int i = 0; known[i] != NULL; i++)
        text_printf(&list, "%s%s", i > 0 ? ", " : "", known[i]);
    text_add(&list, "", 1);
    return decode_refuse(fields->decode, PROBLEM_UNKNOWN_FIELD, at,
                         "%s has no field '%s'; its fields are: %s", what, decode_shown(fields->decode, key),
                         list.failed ? "" : list.data);
}

static bool is_known(const char *key, const char *const *known) {
    for (; *known != NULL; known++) {
        if (strcmp(key, *known) == 0)
            return true;
    }
    return false;
}

bool fields_known(const struct fields *fields, const char *const *known, const char *what) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)fields->object, key, value) {
        if (!is_known(key, known))
            return refuse_unknown(fields, key, known, what);
    }
    return true;
}

const json_t *fields_get(const struct fields *fields, const char *name) {
    return json_object_get(fields->object, name);
}

bool fields_has(const struct fields *fields, const char *name) {
    return fields_get(fields, name) != NULL;
}

/* ---- scalars ---- */

/* Both kinds of JSON number count when there is no fraction; a double is exact below 2^53. */
static bool read_int(const json_t *value, int64_t *out) {
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    double number = json_real_value(value);
    if (!json_is_real(value) || number != floor(number) || fabs(number) > 9007199254740992.0)
        return false;
    *out = (int64_t)number;
    return true;
}

/* Refuses what is no integer: a number with its value, else by its type. */
static bool refuse_int(const struct fields *fields, const char *place, const char *takes, const json_t *got) {
    if (!json_is_real(got))
        return fields_wrong_type(fields, place, takes, got);
    char name[96], number[DECIMAL_F64_BYTES];
    return fields_refuse(fields, PROBLEM_WRONG_TYPE, place, "%s is %.*s; it must be %s", spoken(place, name),
                         (int)(decimal_write_f64(number, json_real_value(got)) - number), number, takes);
}

bool fields_int(const struct fields *fields, const char *name, int64_t *value) {
    const json_t *got = fields_get(fields, name);
    if (got == NULL || read_int(got, value))
        return true;
    return refuse_int(fields, name, "an integer", got);
}

bool fields_number(const struct fields *fields, const char *name, double *value) {
    const json_t *got = fields_get(fields, name);
    if (got == NULL)
        return true;
    if (!json_is_number(got))
        return fields_wrong_type(fields, name, "a number", got);
    *value = json_number_value(got);
    return true;
}

bool fields_bool(const struct fields *fields, const char *name, bool *value) {
    const json_t *got = fields_get(fields, name);
    if (got == NULL)
        return true;
    if (!json_is_boolean(got))
        return fields_wrong_type(fields, name, "true or false", got);
    *value = json_is_true(got);
    return true;
}

bool fields_choice(const struct fields *fields, const char *name, const char *const *choices, int *index) {
    const json_t *got = fields_get(fields, name);
    char list[512] = "";
    size_t at = 0;
    char value[VALUE_TEXT_BYTES];
    if (got == NULL)
        return true;
    for (int i = 0; choices[i] != NULL; i++) {
        if (json_is_string(got) && strcmp(json_string_value(got), choices[i]) == 0) {
            *index = i;
            return true;
        }
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s\"%s\"", i > 0 ? ", " : "", choices[i]);
    }
    if (!json_is_string(got))
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, name, "%s must be a string, one of %s, but got %s",
                             name, list, value_text(fields, got, value));
    const char *nearest = nearest_name(json_string_value(got), choices);
    return fields_refuse(fields, PROBLEM_INVALID_VALUE, name, "%s is \"%s\"; it must be one of %s%s%s%s",
                         name, decode_shown(fields->decode, json_string_value(got)), list,
                         nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                         nearest != NULL ? "\"?" : "");
}

bool fields_dtype(const struct fields *fields, const char *name, enum dtype *dtype, bool *given) {
    static const char *const names[] = {"float32", "float64", NULL};
    int index = -1;
    if (!fields_choice(fields, name, names, &index))
        return false;
    if (index >= 0)
        *dtype = index == 0 ? DTYPE_FLOAT32 : DTYPE_FLOAT64;
    if (given != NULL)
        *given = index >= 0;
    return true;
}

bool fields_device(const struct fields *fields) {
    static const char *const names[] = {"cpu", NULL};
    int index = 0;
    return fields_choice(fields, "device", names, &index);
}

/* ---- lists ---- */

static const char *const axes_takes[] = {"", "an integer or [length]", "an integer or [height, width]",
                                         "an integer or [depth, height, width]",
                                         "an integer or [left, right, top, bottom]"};

/* PyTorch's words for a list of the wrong length, each as its operation writes them. (Of those with more than 8 values not all is kept,
 * but 33: scan.c.) */
static bool refuse_length(const struct fields *fields, const char *name, int axes, const json_t *list) {
    static const char *const numbers[] = {"", "one", "two", "three"};
    char length[32] = "more than 8";
    if (json_array_size(list) <= SHAPE_MAX_RANK)
        snprintf(length, sizeof length, "%zu", json_array_size(list));
    bool is_max = fields->pooling != NULL && strncmp(fields->pooling, "max", 3) == 0;
    if (fields->pooling == NULL || axes > LAYER_MAX_AXES)
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, name,
                             "expected %s to be a single integer value or a list of %d values to match the "
                             "convolution dimensions, but got a list of %s values",
                             name, axes, length);
    if (strcmp(name, "output_size") == 0)
        return fields_refuse(
            fields, PROBLEM_WRONG_TYPE, name,
            "%s: output_size must be %d, but got a list of %s values (output_size.size() must be %d)",
            fields->pooling, axes, length, axes);
    return fields_refuse(fields, PROBLEM_WRONG_TYPE, name,
                         "%s: %s %s a single int, or a tuple of %s ints, but got a list of %s values",
                         fields->pooling, name,
                         strcmp(name, "stride") == 0              ? "must either be omitted,"
                         : is_max && strcmp(name, "padding") == 0 ? "must be either be"
                         : strcmp(name, "dilation") == 0          ? "must be either"
                                                                  : "must either be",
                         numbers[axes], length);
}

bool fields_axes(const struct fields *fields, const char *name, int axes, int64_t keep, int64_t *values) {
    const json_t *got = fields_get(fields, name);
    if (got == NULL)
        return true;
    size_t places = json_is_array(got) ? json_array_size(got) : 1;
    if (places != 1 && places != (size_t)axes)
        return refuse_length(fields, name, axes, got);
    for (int i = 0; i < axes; i++) {
        size_t place = places == 1 ? 0 : (size_t)i;
        const json_t *value = json_is_array(got) ? json_array_get(got, place) : got;
        char path[64];
        if (read_int(value, &values[i])) {
            values[i] += keep != 0 && values[i] == keep; /* that number written out is no null */
            continue;
        }
        if (keep != 0 && json_is_array(got) && json_is_null(value)) {
            values[i] = keep;
            continue;
        }
        snprintf(path, sizeof path, json_is_array(got) ? "%s/%zu" : "%s", name, place);
        return refuse_int(fields, path, json_is_array(got) ? "an integer" : axes_takes[axes], value);
    }
    return true;
}

bool fields_shape(const struct fields *fields, const char *name, struct shape *shape) {
    const json_t *got = fields_get(fields, name);
    if (got == NULL)
        return true;
    if (!json_is_array(got))
        return fields_wrong_type(fields, name, "a list of sizes", got);
    if (json_array_size(got) > SHAPE_MAX_RANK)
        return fields_refuse(fields, PROBLEM_INVALID_VALUE, name,
                             "%s has %zu dimensions; at most %d are allowed", name, json_array_size(got),
                             SHAPE_MAX_RANK);
    shape->rank = (int)json_array_size(got);
    for (int i = 0; i < shape->rank; i++) {
        const json_t *value = json_array_get(got, (size_t)i);
        char path[96];
        snprintf(path, sizeof path, "%s/%d", name, i);
        if (!read_int(value, &shape->dim[i]))
            return refuse_int(fields, path, "an integer", value);
        if (shape->dim[i] < 0)
            return fields_refuse(fields, PROBLEM_INVALID_VALUE, path,
                                 "%s[%d] is %" PRId64 "; a size must be at least 0", name, i, shape->dim[i]);
    }
    return true;
}

/* ---- padding ---- */

static bool padding_word(const struct fields *fields, const char *name, const char *word,
                         struct padding *padding) {
    static const char *const words[] = {"valid", "same", "same_upper", "same_lower", NULL};
    static const enum padding_kind kinds[] = {PADDING_VALID, PADDING_SAME, PADDING_SAME_UPPER,
                                              PADDING_SAME_LOWER};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(word, words[i]) == 0) {
            padding->kind = kinds[i];
            return true;
        }
    }
    return fields_refuse(
        fields, PROBLEM_INVALID_VALUE, name,
        "Invalid padding string '%s', should be one of 'valid', 'same', 'same_upper', 'same_lower'",
        decode_shown(fields->decode, word));
}

/* [[top, bottom], [left, right]] */
static bool padding_sides(const struct fields *fields, const char *name, int axes, const json_t *got,
                          struct padding *padding) {
    if (json_array_size(got) != (size_t)axes)
        return refuse_length(fields, name, axes, got);
    padding->four_sided = true;
    for (int i = 0; i < axes; i++) {
        const json_t *pair = json_array_get(got, (size_t)i);
        char path[64];
        snprintf(path, sizeof path, "%s/%d", name, i);
        if (!json_is_array(pair) || json_array_size(pair) != 2)
            return fields_wrong_type(fields, path, "a pair of integers, [begin, end]", pair);
        for (int side = 0; side < 2; side++) {
            const json_t *value = json_array_get(pair, (size_t)side);
            if (read_int(value, side == 0 ? &padding->begin[i] : &padding->end[i]))
                continue;
            snprintf(path, sizeof path, "%s/%d/%d", name, i, side);
            return refuse_int(fields, path, "an integer", value);
        }
    }
    return true;
}

bool fields_padding(const struct fields *fields, const char *name, int axes, struct padding *padding) {
    const json_t *got = fields_get(fields, name);
    if (got == NULL)
        return true;
    padding->kind = PADDING_EXPLICIT;
    if (json_is_string(got))
        return padding_word(fields, name, json_string_value(got), padding);
    if (json_is_array(json_array_get(got, 0)))
        return padding_sides(fields, name, axes, got, padding);
    if (!fields_axes(fields, name, axes, 0, padding->begin))
        return false;
    memcpy(padding->end, padding->begin, sizeof padding->end);
    return true;
}
