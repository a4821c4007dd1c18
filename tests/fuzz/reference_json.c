#include "tests/fuzz/reference_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32 };

struct parser {
    struct ref_json *json;
    const char *const *tensor_fields;
    size_t at;
    int depth;
    bool in_numbers; /* the fault is in a tensor's array */
};

/* ---- nodes ---- */

static int new_node(struct parser *p, enum ref_kind kind, enum ref_place place, int parent) {
    struct ref_json *json = p->json;
    if (json->count == json->capacity) {
        json->capacity = json->capacity > 0 ? 2 * json->capacity : 64;
        json->nodes = realloc(json->nodes, (size_t)json->capacity * sizeof *json->nodes);
        if (json->nodes == NULL)
            abort();
    }
    json->nodes[json->count] = (struct ref_node){
        .kind = kind, .place = place, .begin = p->at, .parent = parent, .first_child = -1, .next = -1};
    return json->count++;
}

/* Puts `child` behind `last`, the youngest child of `parent` so far or -1. */
static void link_child(struct ref_json *json, int parent, int last, int child) {
    struct ref_node *node = &json->nodes[parent];
    json->nodes[child].index = node->children++;
    if (last < 0)
        node->first_child = child;
    else
        json->nodes[last].next = child;
}

void ref_json_close(struct ref_json *json) {
    for (int i = 0; i < json->count; i++) {
        free(json->nodes[i].key);
        free(json->nodes[i].string);
    }
    free(json->nodes);
    *json = (struct ref_json){0};
}

int ref_json_member(const struct ref_json *json, int object, const char *key) {
    for (int i = json->nodes[object].first_child; i >= 0; i = json->nodes[i].next) {
        if (json->nodes[i].key != NULL && strcmp(json->nodes[i].key, key) == 0)
            return i;
    }
    return -1;
}

static size_t put_step(const struct ref_node *node, char *out) {
    size_t at = 0;
    out[at++] = '/';
    if (node->key_end == 0)
        return at + (size_t)sprintf(out + at, "%" PRId64, node->index);
    for (const char *c = node->key; *c != '\0'; c++) {
        if (*c == '~' || *c == '/')
            out[at++] = '~';
        out[at++] = *c == '~' ? '0' : *c == '/' ? '1' : *c;
    }
    return at;
}

bool ref_json_pointer(const struct ref_json *json, int node, char *out, size_t capacity) {
    size_t at = 0;
    if (node > 0) {
        const struct ref_node *n = &json->nodes[node];
        if (!ref_json_pointer(json, n->parent, out, capacity) || (n->key_end > 0 && n->key == NULL))
            return false;
        at = strlen(out);
        if (at + 2 * (n->key != NULL ? strlen(n->key) : 10) + 2 > capacity)
            return false;
        at += put_step(n, out + at);
    }
    out[at] = '\0';
    return true;
}

/* ---- UTF-8 (RFC 3629) ---- */

/* The length of the sequence at `at`; 0 when it is none. */
static size_t sequence_bytes(const struct ref_json *json, size_t at) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)json->text[at];
    size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    uint32_t c = length == 4 ? lead & 15u : length == 3 ? lead & 15u : lead & 31u;
    if (length == 1)
        return 1;
    if (length == 0 || lead >= 0xf8 || at + length > json->bytes)
        return 0;
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)json->text[at + i];
        if ((next & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (next & 63u);
    }
    return c >= least[length] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? length : 0;
}

static size_t first_bad_utf8(const struct ref_json *json) {
    for (size_t at = 0, length; at < json->bytes; at += length) {
        length = sequence_bytes(json, at);
        if (length == 0)
            return at;
    }
    return SIZE_MAX;
}

static size_t put_utf8(uint32_t c, char *out) {
    if (c < 0x80)
        return out[0] = (char)c, 1;
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 63));
    out[0] = (char)(c | (0xf00u >> length & 0xff));
    return length;
}

/* ---- tokens ---- */

static bool broken(struct parser *p, size_t token, size_t fault, enum ref_place place) {
    p->json->verdict = REF_BROKEN;
    p->json->token = token;
    p->json->fault = fault;
    p->in_numbers = place == REF_TENSOR;
    return false;
}

static int peek(const struct parser *p) {
    return p->at < p->json->bytes ? (unsigned char)p->json->text[p->at] : -1;
}

static void skip_blanks(struct parser *p) {
    while (peek(p) == ' ' || peek(p) == '\n' || peek(p) == '\r' || peek(p) == '\t')
        p->at++;
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

/* At least one digit. */
static bool digits(struct parser *p, size_t token, enum ref_place place) {
    if (!is_digit(peek(p)))
        return broken(p, token, p->at, place);
    while (is_digit(peek(p)))
        p->at++;
    return true;
}

static bool number(struct parser *p, enum ref_place place, bool *integer) {
    size_t token = p->at;
    *integer = true;
    if (peek(p) == '-')
        p->at++;
    if (peek(p) == '0') {
        p->at++;
        if (is_digit(peek(p)))
            return broken(p, token, p->at, place);
    } else if (!digits(p, token, place)) {
        return false;
    }
    if (peek(p) == '.') {
        *integer = false;
        p->at++;
        if (!digits(p, token, place))
            return false;
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        *integer = false;
        p->at++;
        if (peek(p) == '+' || peek(p) == '-')
            p->at++;
        return digits(p, token, place);
    }
    return true;
}

static int hex_value(int c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four hex digits at `at`, or -1 and `*fault` is the first that is none. */
static int32_t hex4(const struct parser *p, size_t at, size_t *fault) {
    int32_t unit = 0;
    for (size_t i = at; i < at + 4; i++) {
        int value = i < p->json->bytes ? hex_value((unsigned char)p->json->text[i]) : -1;
        *fault = i;
        if (value < 0)
            return -1;
        unit = unit * 16 + value;
    }
    return unit;
}

/* \uXXXX, with the other half of a pair when it follows. */
static bool unicode_escape(struct parser *p, size_t token, enum ref_place place, uint32_t *c, bool *unfit) {
    size_t fault;
    int32_t unit = hex4(p, p->at + 2, &fault), low = -1;
    if (unit < 0)
        return broken(p, token, fault, place);
    p->at += 6;
    *c = (uint32_t)unit;
    if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return *unfit = true;
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (p->at + 2 <= p->json->bytes && memcmp(p->json->text + p->at, "\\u", 2) == 0)
        low = hex4(p, p->at + 2, &fault);
    if (low < 0xdc00 || low > 0xdfff)
        return *unfit = true;
    p->at += 6;
    *c = 0x10000 + (((uint32_t)unit & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
    return true;
}

static bool escape(struct parser *p, size_t token, enum ref_place place, uint32_t *c, bool *unfit) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int kind = p->at + 1 < p->json->bytes ? (unsigned char)p->json->text[p->at + 1] : -1;
    if (kind == 'u')
        return unicode_escape(p, token, place, c, unfit);
    const char *found = kind > 0 ? strchr(from, kind) : NULL;
    if (found == NULL)
        return broken(p, token, p->at + 1, place);
    p->at += 2;
    *c = (unsigned char)to[found - from];
    return true;
}

/* One character of a string into `out`. */
static bool character(struct parser *p, size_t token, enum ref_place place, char *out, size_t *bytes,
                      bool *unfit) {
    uint32_t c = 0;
    int byte = peek(p);
    if (byte < 0x20)
        return broken(p, token, p->at, place);
    if (byte == '\\') {
        if (!escape(p, token, place, &c, unfit))
            return false;
        *bytes = *unfit ? 0 : put_utf8(c, out);
        return true;
    }
    *bytes = sequence_bytes(p->json, p->at);
    if (*bytes == 0)
        return broken(p, token, p->at, place);
    memcpy(out, p->json->text + p->at, *bytes);
    p->at += *bytes;
    return true;
}

/* A string from its quote on; `*text` is NULL when nothing can take it, else the caller's. */
static bool string(struct parser *p, enum ref_place place, char **text, size_t *bytes) {
    size_t token = p->at++, length = 0, capacity = 16;
    char *out = malloc(capacity);
    bool unfit = false;
    while (out != NULL && peek(p) != '"') {
        size_t more;
        if (!character(p, token, place, out + length, &more, &unfit)) {
            free(out);
            return false;
        }
        length += more;
        if (capacity - length < 8)
            out = realloc(out, capacity *= 2);
    }
    if (out == NULL)
        abort();
    p->at++;
    out[length] = '\0';
    *bytes = length;
    *text = out;
    if (unfit) {
        free(out);
        *text = NULL;
    }
    return true;
}

bool ref_json_word(const char *text, size_t bytes, double *value) {
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    static const double values[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        if (bytes == strlen(words[i]) && memcmp(text, words[i], bytes) == 0) {
            *value = values[i];
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static int value(struct parser *p, enum ref_place place, int parent);

/* What fits nothing: told first; unclear where it is unclear whether it counts. */
static void note_unfit(struct parser *p, int node) {
    struct ref_json *json = p->json;
    json->nodes[node].unfit = true;
    if (json->nodes[node].place == REF_UNCLEAR)
        json->unclear = true;
    else if (json->nodes[node].place != REF_TENSOR && json->unfit < 0)
        json->unfit = node;
}

static int number_value(struct parser *p, enum ref_place place, int parent) {
    int node = new_node(p, REF_NUMBER, place, parent);
    struct ref_node *n = &p->json->nodes[node];
    bool integer;
    if (!number(p, place, &integer))
        return -1;
    n->end = p->at;
    n->infinite = isinf(strtod(p->json->text + n->begin, NULL));
    errno = 0;
    if (integer)
        (void)strtoll(p->json->text + n->begin, NULL, 10);
    if (integer ? errno != 0 : n->infinite)
        note_unfit(p, node);
    return node;
}

static int string_value(struct parser *p, enum ref_place place, int parent) {
    int node = new_node(p, REF_STRING, place, parent);
    char *text;
    size_t bytes;
    if (!string(p, place, &text, &bytes))
        return -1;
    p->json->nodes[node].string = text;
    p->json->nodes[node].string_bytes = bytes;
    p->json->nodes[node].end = p->at;
    if (text == NULL)
        note_unfit(p, node);
    return node;
}

static int literal_value(struct parser *p, enum ref_place place, int parent) {
    static const char *const literals[] = {"true", "false", "null"};
    int node = new_node(p, REF_LITERAL, place, parent);
    const char *text = p->json->text + p->at;
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(literals[i]), same = 0;
        if (*text != literals[i][0])
            continue;
        while (same < length && p->at + same < p->json->bytes && text[same] == literals[i][same])
            same++;
        if (same < length)
            broken(p, p->at, p->at + same, place);
        p->at += length;
        p->json->nodes[node].end = p->at;
        return same < length ? -1 : node;
    }
    broken(p, p->at, p->at, place);
    return -1;
}

static bool is_word_character(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static int word_value(struct parser *p, enum ref_place place, int parent) {
    int node = new_node(p, REF_WORD, place, parent);
    double unused;
    size_t token = p->at;
    if (place == REF_UNCLEAR)
        p->json->unclear = true;
    if (place == REF_PLAIN || place == REF_TENSOR_OBJECT) {
        broken(p, token, token + (peek(p) == '-'), place);
        return -1;
    }
    while (is_word_character(peek(p)))
        p->at++;
    if (!ref_json_word(p->json->text + token, p->at - token, &unused)) {
        broken(p, token, p->at, place);
        return -1;
    }
    p->json->nodes[node].end = p->at;
    return node;
}

static bool enter(struct parser *p, enum ref_place place) {
    if (p->depth == MAX_DEPTH) {
        broken(p, p->at, p->at, place);
        p->json->verdict = REF_TOO_DEEP;
        return false;
    }
    p->depth++;
    p->at++;
    skip_blanks(p);
    return true;
}

/* Behind a value: a comma (*more) or `close`. */
static bool next(struct parser *p, char close, enum ref_place place, bool *more) {
    skip_blanks(p);
    int c = peek(p);
    if (c != ',' && c != close)
        return broken(p, p->at, p->at, place);
    *more = c == ',';
    p->at++;
    skip_blanks(p);
    return true;
}

static int array_value(struct parser *p, enum ref_place place, int parent) {
    int node = new_node(p, REF_ARRAY, place, parent), last = -1;
    if (!enter(p, place))
        return -1;
    bool more = peek(p) != ']';
    if (!more)
        p->at++;
    while (more) {
        int child = value(p, place == REF_TENSOR_OBJECT ? REF_PLAIN : place, node);
        if (child < 0)
            return -1;
        link_child(p->json, node, last, child);
        last = child;
        if (!next(p, ']', place, &more))
            return -1;
    }
    p->depth--;
    p->json->nodes[node].end = p->at;
    return node;
}

/* Which tensor field has that name; -1 for none. */
static int tensor_field(const struct parser *p, const char *key) {
    for (int i = 0; key != NULL && p->tensor_fields[i] != NULL; i++) {
        if (strcmp(key, p->tensor_fields[i]) == 0)
            return i;
    }
    return -1;
}

/* Where the value of `key`, whose first byte is `first`, stands in an object at `place`. */
static enum ref_place member_place(const struct parser *p, enum ref_place place, const char *key, int first) {
    if (place == REF_UNCLEAR || place == REF_TENSOR)
        return REF_UNCLEAR;
    if (place == REF_TENSOR_OBJECT)
        return key != NULL && strcmp(key, "data") == 0 && first == '[' ? REF_TENSOR : REF_PLAIN;
    if (tensor_field(p, key) < 0)
        return REF_PLAIN;
    if (p->depth > 1)
        return REF_UNCLEAR;
    return first == '[' ? REF_TENSOR : first == '{' ? REF_TENSOR_OBJECT : REF_PLAIN;
}

/* Whether an object whose member is `node` has its key already; keys that fit nothing are not compared. */
static void note_repeated(struct ref_json *json, int object, int node) {
    const struct ref_node *n = &json->nodes[node];
    if (n->key == NULL) {
        json->unclear = true;
        return;
    }
    if (ref_json_member(json, object, n->key) < 0)
        return;
    if (json->nodes[object].place == REF_UNCLEAR || json->nodes[object].place == REF_TENSOR)
        json->unclear = true;
    else
        json->repeated = true;
}

static int member(struct parser *p, enum ref_place place, int parent) {
    size_t key_begin = p->at, bytes;
    char *key;
    if (peek(p) != '"') {
        broken(p, p->at, p->at, place);
        return -1;
    }
    if (!string(p, place, &key, &bytes))
        return -1;
    size_t key_end = p->at;
    skip_blanks(p);
    int node = -1;
    if (peek(p) == ':') {
        p->at++;
        skip_blanks(p);
        node = value(p, member_place(p, place, key, peek(p)), parent);
    } else {
        broken(p, p->at, p->at, place);
    }
    if (node < 0) {
        if (parent == 0 && p->in_numbers)
            p->json->fault_field = tensor_field(p, key);
        free(key);
        return -1;
    }
    p->json->nodes[node].key = key;
    p->json->nodes[node].key_begin = key_begin;
    p->json->nodes[node].key_end = key_end;
    note_repeated(p->json, parent, node);
    return node;
}

static int object_value(struct parser *p, enum ref_place place, int parent) {
    int node = new_node(p, REF_OBJECT, place, parent), last = -1;
    if (!enter(p, place))
        return -1;
    bool more = peek(p) != '}';
    if (!more)
        p->at++;
    while (more) {
        int child = member(p, place, node);
        if (child < 0)
            return -1;
        link_child(p->json, node, last, child);
        last = child;
        if (!next(p, '}', place, &more))
            return -1;
    }
    p->depth--;
    p->json->nodes[node].end = p->at;
    return node;
}

/* The node of the value at `at`; -1 when it is broken. */
static int value(struct parser *p, enum ref_place place, int parent) {
    int c = peek(p);
    if (c == '{')
        return object_value(p, place, parent);
    if (c == '[')
        return array_value(p, place, parent);
    if (c == '"')
        return string_value(p, place, parent);
    bool infinity = c == '-' && p->at + 1 < p->json->bytes && p->json->text[p->at + 1] == 'I';
    if (c == 'N' || c == 'I' || infinity)
        return word_value(p, place, parent);
    if (c == '-' || is_digit(c))
        return number_value(p, place, parent);
    if (c < 0) {
        broken(p, p->at, p->at, place);
        return -1;
    }
    return literal_value(p, place, parent);
}

void ref_json_open(struct ref_json *json, const char *text, size_t bytes, const char *const *tensor_fields) {
    *json = (struct ref_json){.text = text, .bytes = bytes, .fault_field = -1, .unfit = -1};
    struct parser p = {.json = json, .tensor_fields = tensor_fields};
    json->bad_utf8 = first_bad_utf8(json);
    skip_blanks(&p);
    if (value(&p, REF_PLAIN, -1) < 0)
        return;
    skip_blanks(&p);
    if (p.at < bytes)
        broken(&p, p.at, p.at, REF_PLAIN);
}
