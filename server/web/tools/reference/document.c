#include "server/web/tools/reference/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *file = "";
static json_t *document;
static json_t *merged; /* objects made of a reference's target and what stands beside it */

void document_fail(const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "docs: %s: %s: ", file, place);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void need(bool done) {
    if (!done)
        document_fail("memory", "there is not enough");
}

const json_t *document_open(const char *file_name) {
    json_error_t error;
    file = file_name;
    document = json_load_file(file_name, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL)
        document_fail("the document", "%s, line %d, column %d", error.text, error.line, error.column);
    if (!json_is_object(document))
        document_fail("the document", "is no JSON object");
    merged = json_array();
    need(merged != NULL);
    return document;
}

void document_close(void) {
    json_decref(merged);
    json_decref(document);
}

struct name id_of(const char *whole, const char *part) {
    struct name id;
    snprintf(id.text, sizeof id.text, "%s.%s", whole, part);
    return id;
}

static const char *type_text(json_type type) {
    switch (type) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a string";
    default: return "of another type";
    }
}

const json_t *document_member(const json_t *object, const char *key, json_type type, const char *place) {
    const json_t *value = json_object_get(object, key);
    if (value == NULL)
        document_fail(place, "%s is missing", key);
    if (json_typeof(value) != type)
        document_fail(place, "%s must be %s", key, type_text(type));
    return value;
}

const char *document_string(const json_t *object, const char *key, const char *place) {
    const char *text = json_string_value(document_member(object, key, JSON_STRING, place));
    if (text[0] == '\0')
        document_fail(place, "%s is empty", key);
    return text;
}

const char *document_optional(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

const json_t *document_components(const char *kind) {
    const json_t *components = document_member(document, "components", JSON_OBJECT, "the document");
    return document_member(components, kind, JSON_OBJECT, "components");
}

const json_t *document_component(const char *kind, const char *name) {
    return document_member(document_components(kind), name, JSON_OBJECT, kind);
}

/* ---- references ---- */

static const json_t *target(const char *reference) {
    char kind[32], name[64];
    if (sscanf(reference, "#/components/%31[^/]/%63s", kind, name) != 2)
        document_fail(reference, "is no reference to a component");
    return document_component(kind, name);
}

/* The target with the members of `node` put over its own. A reference of the target's own stays one. */
static const json_t *merge(const json_t *under, const json_t *node) {
    json_t *both = json_copy((json_t *)(uintptr_t)under), *next = json_object_get(under, "$ref");
    need(both != NULL && json_array_append_new(merged, both) == 0);
    need(json_object_update(both, (json_t *)(uintptr_t)node) == 0);
    need((next != NULL ? json_object_set(both, "$ref", next) : json_object_del(both, "$ref")) == 0);
    return both;
}

const json_t *document_resolve(const json_t *node) {
    for (int i = 0; i < DEPTH; i++) {
        const json_t *reference = json_object_get(node, "$ref");
        if (reference == NULL)
            return node;
        if (!json_is_string(reference))
            document_fail("$ref", "must be a string");
        node = merge(target(json_string_value(reference)), node);
    }
    document_fail(document_optional(node, "$ref"), "references lead to each other");
}

const char *document_schema_name(const json_t *node) {
    static const char begin[] = "#/components/schemas/";
    const char *reference = document_optional(node, "$ref");
    return strncmp(reference, begin, sizeof begin - 1) == 0 ? reference + sizeof begin - 1 : NULL;
}

bool document_lists(const json_t *list, const char *text) {
    json_t *item;
    size_t i;
    EACH_ITEM(list, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}
