#include "api/json/text.h"

#include "api/json/utf8.h"
#include "lib/numbers/decimal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text text_open(struct arena *arena, size_t expected_bytes) {
    struct text text = {.arena = arena};
    text_reserve(&text, expected_bytes);
    return text;
}

char *text_reserve(struct text *text, size_t bytes) {
    if (text->failed)
        return NULL;
    if (bytes <= text->capacity - text->length)
        return text->data + text->length;
    size_t capacity;
    if (__builtin_add_overflow(text->length, bytes, &capacity) ||
        __builtin_add_overflow(capacity, text->capacity, &capacity)) {
        text->failed = true;
        return NULL;
    }
    char *data = arena_alloc(text->arena, capacity);
    if (data == NULL) {
        text->failed = true;
        return NULL;
    }
    if (text->length > 0)
        memcpy(data, text->data, text->length);
    text->data = data;
    text->capacity = capacity;
    return data + text->length;
}

void text_add(struct text *text, const char *bytes, size_t count) {
    char *to = text_reserve(text, count);
    if (to == NULL)
        return;
    memcpy(to, bytes, count);
    text->length += count;
}

void text_puts(struct text *text, const char *string) {
    text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = length < 0 ? NULL : text_reserve(text, (size_t)length + 1);
    if (to != NULL) {
        vsnprintf(to, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

static void add_escaped(struct text *text, unsigned char c) {
    switch (c) {
    case '"': text_puts(text, "\\\""); break;
    case '\\': text_puts(text, "\\\\"); break;
    case '\n': text_puts(text, "\\n"); break;
    case '\r': text_puts(text, "\\r"); break;
    case '\t': text_puts(text, "\\t"); break;
    default: text_printf(text, "\\u%04x", c); break;
    }
}

void text_json_string(struct text *text, const char *string) {
    const char *end = string + strlen(string);
    text_puts(text, "\"");
    while (string < end) {
        unsigned char c = (unsigned char)*string;
        size_t length = utf8_sequence_bytes(string, end);
        if (length == 0)
            text_puts(text, "\xEF\xBF\xBD");
        else if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
            add_escaped(text, c);
        else
            text_add(text, string, length);
        string += length > 0 ? length : 1;
    }
    text_puts(text, "\"");
}

void text_pointer_step(struct text *text, const char *token) {
    text_puts(text, "/");
    for (; *token != '\0'; token++)
        text_puts(text, *token == '~' ? "~0" : *token == '/' ? "~1" : (char[]){*token, '\0'});
}

void text_json_int(struct text *text, int64_t value) {
    char *to = text_reserve(text, DECIMAL_I64_BYTES);
    if (to != NULL)
        text->length += (size_t)(decimal_write_i64(to, value) - to);
}

void text_json_shape(struct text *text, const struct shape *shape) {
    text_puts(text, "[");
    for (int i = 0; i < shape->rank; i++) {
        text_puts(text, i > 0 ? "," : "");
        text_json_int(text, shape->dim[i]);
    }
    text_puts(text, "]");
}
