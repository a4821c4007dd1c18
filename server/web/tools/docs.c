/*
 * docs FILE: the reference page, made of an OpenAPI document, on standard output. The page is static, without scripts.
 *
 * reference/ has the parts: document.h reads, html.h writes, fields.h describes what fields take, operations.h has the
 * operations. Beyond OpenAPI the document has
 *
 *   x-section   of a schema: its place on the page, to which fields of that type link: a heading of its own among the
 *               "types", or the heading of that id
 *   x-default   of a schema: words for a default that is no constant
 *   x-flag      of a limit: the flag that sets it
 *   x-status    of a limit and a problem type: the HTTP status, or words for it
 *
 * and what operations.c says of examples.
 */
#include "server/web/tools/reference/document.h"
#include "server/web/tools/reference/fields.h"
#include "server/web/tools/reference/html.h"
#include "server/web/tools/reference/operations.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>Reference – convd</title>\n"
    "<meta name=\"description\" content=\"Every endpoint, field, limit and error of convd's HTTP API\">\n"
    "<link rel=\"icon\" href=\"@ASSETS@/icon.svg\" type=\"image/svg+xml\">\n"
    "<link rel=\"stylesheet\" href=\"@ASSETS@/style.css\">\n"
    "<link rel=\"stylesheet\" href=\"@ASSETS@/docs.css\">\n"
    "</head>\n"
    "<body class=\"docs\">\n"
    "<a class=\"skip\" href=\"#main\">Skip to the reference</a>\n"
    "<header class=\"site\"><a class=\"brand\" href=\"/\">convd</a>"
    "<nav aria-label=\"Site\"><a href=\"/\">Playground</a>"
    "<a href=\"/docs\" aria-current=\"page\">Reference</a><a href=\"/openapi.json\">OpenAPI</a></nav></header>\n"
    "<div class=\"page\">\n";

static void begin_heading(int level, const char *id) {
    html_raw("<section>\n<h%d id=\"", level);
    html_id(id);
    html_raw("\">");
}

static void heading(int level, const char *id, const char *title) {
    begin_heading(level, id);
    html_inline(title);
    html_raw("</h%d>\n", level);
}

static void end_section(void) {
    html_raw("</section>\n");
}

/* ---- what there is ---- */

/* The layer types: the names that the document's schema of all layers lists. */
static void each_layer(void (*take)(const char *name)) {
    const json_t *any = document_component("schemas", "AnyLayer");
    json_t *node;
    size_t i;
    EACH_ITEM(document_member(any, "oneOf", JSON_ARRAY, "AnyLayer"), i, node) {
        const char *name = document_schema_name(node);
        if (name == NULL)
            document_fail("AnyLayer", "oneOf[%zu] is no reference to a layer", i);
        take(name);
    }
}

static void each_type(void (*take)(const char *name, const json_t *schema)) {
    const char *name;
    json_t *schema;
    EACH(document_components("schemas"), name, schema) {
        if (fields_is_type(schema))
            take(name, document_resolve(schema));
    }
}

static bool has_tag(const struct operation *operation, const char *tag) {
    return document_lists(document_member(operation->node, "tags", JSON_ARRAY, operation->path), tag);
}

/* ---- the table of contents ---- */

static void entry(const char *id, const char *title) {
    html_raw("<li><a href=\"#");
    html_id(id);
    html_raw("\">");
    html_inline(title);
    html_raw("</a></li>\n");
}

static void operation_entry(const struct operation *operation, const void *tag) {
    if (!has_tag(operation, tag))
        return;
    html_raw("<li><a href=\"#");
    html_id(operation->id);
    html_raw("\">");
    operation_name(operation);
    html_raw("</a></li>\n");
}

static void layer_entry(const char *name) {
    html_raw("<li><a href=\"#layer-");
    html_id(name);
    html_raw("\"><code>");
    html_text(name);
    html_raw("</code></a></li>\n");
}

static void contents(const json_t *document) {
    json_t *tag;
    size_t i;
    html_raw("<nav class=\"contents\" aria-label=\"Contents\">\n<ul>\n");
    entry("overview", "Overview");
    EACH_ITEM(document_member(document, "tags", JSON_ARRAY, "the document"), i, tag) {
        const char *name = document_string(tag, "name", "tags");
        html_raw("<li><a href=\"#tag-");
        html_id(name);
        html_raw("\">");
        html_text(name);
        html_raw("</a>\n<ul>\n");
        operations_each(document, operation_entry, name);
        html_raw("</ul>\n</li>\n");
    }
    entry("layers", "Layer types");
    entry("types", "Types of fields");
    entry("headers", "Headers");
    entry("limits", "Limits");
    entry("errors", "Errors");
    html_raw("</ul>\n</nav>\n");
}

/* ---- sections ---- */

/* "Fields: flat tensor": a table's caption. */
static struct name fields_of(const json_t *schema, const char *name) {
    struct name caption;
    snprintf(caption.text, sizeof caption.text, "Fields: %s", document_string(schema, "title", name));
    return caption;
}

static void operation_of_tag(const struct operation *operation, const void *tag) {
    if (has_tag(operation, tag))
        operation_section(operation);
}

static void tags(const json_t *document) {
    json_t *tag;
    size_t i;
    EACH_ITEM(json_object_get(document, "tags"), i, tag) {
        const char *name = document_string(tag, "name", "tags");
        html_raw("<section>\n<h2 id=\"tag-");
        html_id(name);
        html_raw("\">");
        html_text(name);
        html_raw("</h2>\n");
        html_blocks(document_string(tag, "description", name));
        operations_each(document, operation_of_tag, name);
        end_section();
    }
}

static void layer_section(const char *name) {
    const json_t *schema = document_component("schemas", name);
    char id[64];
    snprintf(id, sizeof id, "layer-%s", name);
    begin_heading(3, id);
    html_raw("<code>");
    html_text(document_string(schema, "title", name));
    html_raw("</code></h3>\n");
    html_blocks(document_string(schema, "description", name));
    fields_table(schema, fields_of(schema, name).text, id, false);
    end_section();
}

static void layers(void) {
    heading(2, "layers", "Layer types");
    html_raw(
        "<p>What <code>type</code> may be in a layer of <code>/shape</code>, each with the fields of its "
        "<code>torch.nn</code> class.</p>\n<ul class=\"names\">\n");
    each_layer(layer_entry);
    html_raw("</ul>\n");
    each_layer(layer_section);
    end_section();
}

static void examples_of_type(const json_t *examples) {
    json_t *example;
    size_t i;
    html_raw(json_array_size(examples) > 1 ? "<p>Examples: " : "<p>Example: ");
    EACH_ITEM(examples, i, example) {
        html_raw(i > 0 ? ", <code>" : "<code>");
        fields_value(example);
        html_raw("</code>");
    }
    html_raw("</p>\n");
}

/* Requests take the fields that they know and no others; answers may come to have more. */
static bool is_answer(const json_t *schema) {
    return !json_is_false(json_object_get(schema, "additionalProperties"));
}

static void type_section(const char *name, const json_t *schema) {
    char id[64];
    snprintf(id, sizeof id, "type-%s", name);
    heading(3, id, document_string(schema, "title", name));
    html_blocks(document_string(schema, "description", name));
    if (json_object_get(schema, "properties") != NULL) {
        fields_table(schema, fields_of(schema, name).text, id, is_answer(schema));
    } else if (json_object_get(schema, "discriminator") == NULL) {
        html_raw("<p>Takes: ");
        fields_definition(schema);
        html_raw(".</p>\n");
    }
    if (json_array_size(json_object_get(schema, "examples")) > 0)
        examples_of_type(json_object_get(schema, "examples"));
    end_section();
}

static void types(void) {
    heading(2, "types", "Types of fields");
    each_type(type_section);
    end_section();
}

static void headers(void) {
    static const char *const columns[] = {"Header", "Description", NULL};
    const char *name;
    json_t *header;
    heading(2, "headers", "Headers");
    fields_table_begin("Headers of answers", "headers", columns);
    EACH(document_components("headers"), name, header) {
        fields_row_begin("headers", name);
        fields_cell_text(document_string(header, "description", name));
        fields_row_end();
    }
    fields_table_end();
    end_section();
}

static void limit_row(const char *name, const json_t *limit) {
    const json_t *status = json_object_get(limit, "x-status");
    fields_row_begin("limits", name);
    html_raw("<td><code>");
    html_text(document_string(limit, "x-flag", name));
    html_raw("</code></td>");
    fields_cell_default(limit, NULL);
    html_raw("<td>");
    if (json_is_string(status))
        html_inline(json_string_value(status));
    else if (status != NULL)
        fields_value(status);
    html_raw("</td>");
    fields_cell_text(document_string(limit, "description", name));
    fields_row_end();
}

static void limits(void) {
    static const char *const columns[] = {"Limit", "Flag", "Default", "Beyond it", "Description", NULL};
    const json_t *schema = document_component("schemas", "Limits");
    const char *name;
    json_t *limit;
    heading(2, "limits", "Limits");
    html_blocks(document_string(schema, "description", "Limits"));
    fields_table_begin("Limits, as `GET /version` names them", "limits", columns);
    EACH(document_member(schema, "properties", JSON_OBJECT, "Limits"), name, limit) {
        limit_row(name, limit);
    }
    fields_table_end();
    end_section();
}

static void problem_row(const json_t *type) {
    const char *path = document_string(type, "const", "ProblemType");
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    html_raw("<tr id=\"problem-");
    html_id(name);
    html_raw("\"><th scope=\"row\"><a href=\"");
    html_text(path);
    html_raw("\">");
    html_text(name);
    html_raw("</a></th><td>");
    fields_value(document_member(type, "x-status", JSON_INTEGER, path));
    html_raw("</td>");
    fields_cell_text(document_string(type, "title", path));
    fields_cell_text(document_string(type, "description", path));
    fields_row_end();
}

static void problem_table(void) {
    static const char *const columns[] = {"Type", "Status", "Title", "What it means, and how to mend it",
                                          NULL};
    const json_t *schema = document_component("schemas", "ProblemType");
    json_t *type;
    size_t i;
    fields_table_begin("Types of error", "problems", columns);
    EACH_ITEM(document_member(schema, "oneOf", JSON_ARRAY, "ProblemType"), i, type) {
        problem_row(type);
    }
    fields_table_end();
}

static void errors(void) {
    const json_t *schema = document_component("schemas", "Problem");
    const char *name;
    json_t *response;
    heading(2, "errors", "Errors");
    html_blocks(document_string(schema, "description", "Problem"));
    fields_table(schema, "Fields of an error", "error", true);
    heading(3, "problems", "Types of error");
    problem_table();
    end_section();
    heading(3, "errors.examples", "Examples");
    EACH(document_components("responses"), name, response) {
        operation_examples_of_component(name, response, 4);
    }
    end_section();
    end_section();
}

static void overview(const json_t *info) {
    html_raw("<h1>The HTTP API of convd ");
    html_text(document_string(info, "version", "info"));
    html_raw("</h1>\n<p class=\"lead\">");
    html_inline(document_string(info, "summary", "info"));
    html_raw("</p>\n");
    heading(2, "overview", "Overview");
    html_blocks(document_string(info, "description", "info"));
    end_section();
}

static void page(const json_t *document) {
    html_raw("%s", head);
    contents(document);
    html_raw("<main id=\"main\">\n");
    overview(document_member(document, "info", JSON_OBJECT, "the document"));
    tags(document);
    layers();
    types();
    headers();
    limits();
    errors();
    html_raw("</main>\n</div>\n</body>\n</html>\n");
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("usage: docs openapi.json > docs.html\n", stderr);
        return 2;
    }
    page(document_open(argv[1]));
    document_close();
    if (html_finish())
        return 0;
    perror("docs: standard output");
    return 1;
}
