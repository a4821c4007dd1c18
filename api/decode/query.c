/*
 * A query string read as if its parameters stood in a JSON document: stride=2,1 is [2, 1], ceil_mode=true is
 * true, output_size=null,5 is [null, 5], padding=same is "same".
 */
#include "api/decode/decode.h"
#include "api/escapes.h"
#include "api/json/text.h"
#include "api/json/utf8.h"
#include "lib/layers/layer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The text of [begin, end) in the arena, + as a blank and %XX decoded; refuses what is no text. */
static char *decode_part(struct decode *decode, const char *begin, const char *end) {
    size_t length = (size_t)(end - begin);
    char *text = decode_alloc(decode, length + 1, "the query");
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++)
        text[i] = begin[i] == '+' ? ' ' : begin[i];
    text[length] = '\0';
    if (!percent_decode(text)) {
        decode_refuse(decode, PROBLEM_MALFORMED_REQUEST, NULL,
                      "the query has a '%%' that two hexadecimal digits other than 00 do not follow");
        return NULL;
    }
    end = text + strlen(text);
    for (const char *at = text; at < end;) {
        size_t bytes = utf8_sequence_bytes(at, end);
        if (bytes == 0) {
            decode_refuse(decode, PROBLEM_MALFORMED_UTF8, NULL, "the query is not UTF-8");
            return NULL;
        }
        at += bytes;
    }
    return text;
}

/* True when all of `text` is a number as JSON writes it; zeros in front do no harm here. */
static bool is_number(const char *text, bool *is_integer) {
    text += *text == '-';
    size_t digits = strspn(text, "0123456789");
    if (digits == 0)
        return false;
    text += digits;
    *is_integer = *text == '\0';
    if (*text == '.') {
        digits = strspn(text + 1, "0123456789");
        if (digits == 0)
            return false;
        text += 1 + digits;
    }
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '+' || text[1] == '-');
        digits = strspn(text, "0123456789");
        if (digits == 0)
            return false;
        text += digits;
    }
    return *text == '\0';
}

const char *decode_parameter_pointer(struct decode *decode, const char *name, int place) {
    struct text text = text_open(decode->arena, 64);
    text_pointer_step(&text, name);
    if (place >= 0)
        text_printf(&text, "/%d", place);
    text_add(&text, "", 1);
    return text.failed ? NULL : text.data;
}

/* One value without commas; NULL when it was refused. */
static json_t *scalar(struct decode *decode, const char *name, int place, const char *text) {
    bool is_integer;
    if (strcmp(text, "null") == 0)
        return json_null();
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return json_boolean(text[0] == 't');
    if (!is_number(text, &is_integer))
        return json_string(text);
    errno = 0;
    json_int_t integer = is_integer ? strtoll(text, NULL, 10) : 0;
    double real = is_integer ? 0 : strtod(text, NULL);
    if ((is_integer && errno != 0) || isinf(real)) {
        decode_refuse(decode, PROBLEM_NUMBER_OUT_OF_RANGE, decode_parameter_pointer(decode, name, place),
                      "%.80s does not fit into %s", text, is_integer ? "64 bits" : "a float64");
        return NULL;
    }
    return is_integer ? json_integer(integer) : json_real(real);
}

/* A value with commas, or of a parameter that is always a list. `text` is cut up. */
static json_t *list(struct decode *decode, const char *name, char *text) {
    json_t *values = json_array();
    int place = 0;
    for (char *rest = text; values != NULL && rest != NULL; place++) {
        char *comma = strchr(rest, ',');
        if (comma != NULL)
            *comma = '\0';
        json_t *value = scalar(decode, name, place, rest);
        if (value == NULL || json_array_append_new(values, value) != 0) {
            json_decref(values);
            return NULL;
        }
        rest = comma != NULL ? comma + 1 : NULL;
    }
    return values;
}

bool decode_parameter(struct decode *decode, const char *name, char *value) {
    if (json_object_get(decode->document.root, name) != NULL)
        return decode_refuse(decode, PROBLEM_REPEATED_KEY, decode_parameter_pointer(decode, name, -1),
                             "the parameter '%s' is given twice", decode_shown(decode, name));
    bool is_list = strchr(value, ',') != NULL || (strcmp(name, "input_shape") == 0 && value[0] != '\0');
    json_t *parsed = is_list ? list(decode, name, value) : scalar(decode, name, -1, value);
    if (parsed == NULL)
        return decode->response->status != 0 ? false : decode_no_memory(decode);
    if (json_object_set_new(decode->document.root, name, parsed) != 0)
        return decode_no_memory(decode);
    return true;
}

/* One name=value of the query, from `begin` to `end`. */
static bool add_part(struct decode *decode, const char *begin, const char *end) {
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    char *name = decode_part(decode, begin, equals != NULL ? equals : end);
    char *value = name == NULL ? NULL : decode_part(decode, equals != NULL ? equals + 1 : end, end);
    return value != NULL && decode_parameter(decode, name, value);
}

bool decode_parameters_begin(struct decode *decode) {
    decode->document.root = json_object();
    return decode->document.root != NULL || decode_no_memory(decode);
}

/* Of the layers that a query names by their type, some take a padding of four numbers as it is. */
bool decode_parameters_end(struct decode *decode) {
    json_t *root = decode->document.root, *padding = json_object_get(root, "padding");
    const char *name = json_string_value(json_object_get(root, "type"));
    enum layer_type type;
    if (json_array_size(padding) != 4)
        return true;
    if (name != NULL && (!layer_type_find(name, &type) || layer_type_axes(type) != 2 ||
                         layer_type_family(type) == FAMILY_PAD))
        return true;
    json_t *sides = json_pack("[[OO][OO]]", json_array_get(padding, 0), json_array_get(padding, 1),
                              json_array_get(padding, 2), json_array_get(padding, 3));
    return json_object_set_new(root, "padding", sides) == 0 || decode_no_memory(decode);
}

bool decode_query(struct decode *decode) {
    const char *at = decode->request->query != NULL ? decode->request->query : "";
    decode->from_query = true;
    if (!decode_parameters_begin(decode))
        return false;
    while (*at != '\0') {
        const char *end = at + strcspn(at, "&");
        if (end > at && !add_part(decode, at, end))
            return false;
        at = end + (*end == '&');
    }
    return decode_parameters_end(decode);
}
