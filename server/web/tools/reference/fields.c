#include "server/web/tools/reference/fields.h"

#include "server/web/tools/reference/html.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static bool reads_back(const char *text, const json_t *value) {
    json_t *read = json_loads(text, JSON_DECODE_ANY, NULL);
    bool same = json_equal(read, value) == 1;
    json_decref(read);
    return same;
}

/* As few digits as read back: 17, which always do, would make 0.10000000000000001 of 0.1. */
void fields_value(const json_t *value) {
    char *text = NULL;
    for (size_t digits = 15; digits <= 17; digits++) {
        free(text);
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        if (text == NULL)
            document_fail("a value", "cannot be written");
        if (reads_back(text, value))
            break;
    }
    html_text(text);
    free(text);
}

static void objects(const json_t *list) {
    json_t *entry;
    size_t i;
    EACH_ITEM(list, i, entry) {
        html_raw(i == 0 ? "[" : ",\n   ");
        fields_value(entry);
    }
    html_raw("]");
}

/* Objects in a list have a line each, too: the layers of a chain. */
void fields_document(const json_t *document) {
    const char *key, *before = "{\n  ";
    json_t *item;
    if (!json_is_object(document) || json_object_size(document) == 0) {
        fields_value(document);
        return;
    }
    EACH(document, key, item) {
        html_raw("%s&quot;", before);
        html_text(key);
        html_raw("&quot;: ");
        if (json_is_object(json_array_get(item, 0)))
            objects(item);
        else
            fields_value(item);
        before = ",\n  ";
    }
    html_raw("\n}");
}

static void value_code(const json_t *value) {
    html_raw("<code>");
    fields_value(value);
    html_raw("</code>");
}

/* ---- kinds ---- */

static void kind(const json_t *node, int depth);

bool fields_is_type(const json_t *schema) {
    return strcmp(document_optional(schema, "x-section"), "types") == 0;
}

/* Those of 32-bit integers as what they are. `*before` stands before a bound: a blank, then a comma. */
static void bound(const char *sign, const json_t *number, const char **before) {
    if (number == NULL)
        return;
    html_raw("%s", *before);
    *before = ", ";
    if (json_is_integer(number) && json_integer_value(number) == INT32_MAX) {
        html_raw("&lt; 2³¹");
    } else if (json_is_integer(number) && json_integer_value(number) == INT32_MIN) {
        html_raw("≥ −2³¹");
    } else {
        html_raw("%s ", sign);
        fields_value(number);
    }
}

static void bounds(const json_t *schema) {
    const char *before = " ";
    bound("≥", json_object_get(schema, "minimum"), &before);
    bound("&gt;", json_object_get(schema, "exclusiveMinimum"), &before);
    bound("≤", json_object_get(schema, "maximum"), &before);
    bound("≠", json_object_get(json_object_get(schema, "not"), "const"), &before);
}

static void list_kind(const json_t *schema, int depth) {
    long long least = json_integer_value(json_object_get(schema, "minItems"));
    long long most = json_integer_value(json_object_get(schema, "maxItems"));
    const json_t *items = json_object_get(schema, "items");
    html_raw("list of ");
    if (most > 0 && least == most)
        html_raw("%lld ", most);
    else if (most > 0)
        html_raw("%lld to %lld ", least, most);
    if (items != NULL)
        kind(items, depth);
}

static void object_kind(const json_t *schema) {
    const char *name, *before = "object with ";
    json_t *field;
    if (json_object_get(schema, "properties") == NULL)
        html_raw("object");
    EACH(json_object_get(schema, "properties"), name, field) {
        html_raw("%s<code>", before);
        html_text(name);
        html_raw("</code>");
        before = ", ";
    }
}

static void type_kind(const char *type, const json_t *schema, int depth) {
    static const char *const python[][2] = {
        {"integer", "int"}, {"number", "float"}, {"boolean", "bool"}, {"string", "str"}};
    if (strcmp(type, "array") == 0) {
        list_kind(schema, depth);
    } else if (strcmp(type, "object") == 0) {
        object_kind(schema);
    } else {
        const char *word = type;
        for (size_t i = 0; i < sizeof python / sizeof python[0]; i++)
            word = strcmp(type, python[i][0]) == 0 ? python[i][1] : word;
        html_text(word);
        if (strcmp(word, "int") == 0 || strcmp(word, "float") == 0)
            bounds(schema);
    }
}

/* One type, or a list of types. */
static void types_kind(const json_t *schema, int depth) {
    const json_t *type = json_object_get(schema, "type");
    json_t *one;
    size_t i;
    if (type == NULL)
        html_raw("any");
    if (json_is_string(type))
        type_kind(json_string_value(type), schema, depth);
    EACH_ITEM(type, i, one) {
        html_raw(i > 0 ? " or " : "");
        type_kind(json_is_string(one) ? json_string_value(one) : "", schema, depth);
    }
}

static void words_kind(const json_t *words) {
    json_t *word;
    size_t i;
    EACH_ITEM(words, i, word) {
        html_raw(i > 0 ? ", " : "");
        value_code(word);
    }
}

static void choices_kind(const json_t *choices, int depth) {
    json_t *choice;
    size_t i;
    EACH_ITEM(choices, i, choice) {
        html_raw(i > 0 ? " or " : "");
        kind(choice, depth);
    }
}

static void definition(const json_t *schema, int depth) {
    const json_t *choices = json_object_get(schema, "oneOf");
    choices = choices != NULL ? choices : json_object_get(schema, "anyOf");
    if (depth > DEPTH)
        document_fail(document_optional(schema, "title"), "the schema holds itself");
    if (json_object_get(schema, "const") != NULL)
        value_code(json_object_get(schema, "const"));
    else if (json_object_get(schema, "enum") != NULL)
        words_kind(json_object_get(schema, "enum"));
    else if (choices != NULL)
        choices_kind(choices, depth + 1);
    else
        types_kind(schema, depth + 1);
}

void fields_definition(const json_t *schema) {
    definition(schema, 0);
}

/* A schema that has a place on the page is named by its title, which leads there. */
static void kind(const json_t *node, int depth) {
    const json_t *schema = document_resolve(node);
    const char *name = document_schema_name(node), *section = document_optional(schema, "x-section");
    if (name == NULL || section[0] == '\0') {
        definition(schema, depth);
        return;
    }
    html_raw(fields_is_type(schema) ? "<a href=\"#type-" : "<a href=\"#");
    html_id(fields_is_type(schema) ? name : section);
    html_raw("\">");
    html_text(document_string(schema, "title", name));
    html_raw("</a>");
}

void fields_kind(const json_t *node) {
    kind(node, 0);
}

/* ---- tables ---- */

/* The table scrolls within its own box where the window is narrow, so the box takes the keyboard's focus. */
void fields_table_begin(const char *caption, const char *id, const char *const *columns) {
    html_raw("<div class=\"table\" role=\"group\" tabindex=\"0\" aria-labelledby=\"");
    html_id(id);
    html_raw(".caption\">\n<table>\n<caption id=\"");
    html_id(id);
    html_raw(".caption\">");
    html_inline(caption);
    html_raw("</caption>\n<thead><tr>");
    for (; *columns != NULL; columns++)
        html_raw("<th scope=\"col\">%s</th>", *columns);
    html_raw("</tr></thead>\n<tbody>\n");
}

void fields_table_end(void) {
    html_raw("</tbody>\n</table>\n</div>\n");
}

void fields_row_begin(const char *id, const char *name) {
    html_raw("<tr id=\"");
    html_id(id);
    html_raw(".");
    html_id(name);
    html_raw("\"><th scope=\"row\"><code>");
    html_text(name);
    html_raw("</code></th>");
}

void fields_row_end(void) {
    html_raw("</tr>\n");
}

void fields_cell_text(const char *markdown) {
    html_raw("<td>");
    html_inline(markdown);
    html_raw("</td>");
}

void fields_cell_kind(const json_t *node) {
    html_raw("<td>");
    fields_kind(node);
    html_raw("</td>");
}

void fields_cell_default(const json_t *schema, const char *required) {
    const json_t *value = json_object_get(schema, "default");
    html_raw("<td>");
    if (required != NULL)
        html_raw("<em>%s</em>", required);
    else if (json_object_get(schema, "x-default") != NULL)
        html_inline(document_optional(schema, "x-default"));
    else if (value != NULL)
        value_code(value);
    html_raw("</td>");
}

void fields_table(const json_t *schema, const char *caption, const char *id, bool answer) {
    static const char *const given[] = {"Field", "Type", "Default", "Description", NULL};
    static const char *const answered[] = {"Field", "Type", "Present", "Description", NULL};
    const json_t *required = json_object_get(schema, "required");
    const char *name, *word = answer ? "always" : "required";
    json_t *node;
    fields_table_begin(caption, id, answer ? answered : given);
    EACH(document_member(schema, "properties", JSON_OBJECT, id), name, node) {
        const json_t *field = document_resolve(node);
        fields_row_begin(id, name);
        fields_cell_kind(node);
        fields_cell_default(field, document_lists(required, name) ? word : NULL);
        fields_cell_text(document_optional(field, "description"));
        fields_row_end();
    }
    fields_table_end();
}
