/*
 * Beyond OpenAPI, an example of an answer has the request that it answers in "x-request": method, path, query,
 * headers, and one of body (a JSON document), text, base64 (of the file named by file) and form. An answer that is no
 * JSON stands in "x-headers" and "x-base64".
 */
#include "server/web/tools/reference/operations.h"

#include "server/web/tools/reference/fields.h"
#include "server/web/tools/reference/html.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST        "http://127.0.0.1:8080"
#define JSON_MEDIA  "application/json"
#define ERROR_MEDIA "application/problem+json"

static void section_begin(int level, struct name id, const char *title) {
    html_raw("<section>\n<h%d id=\"", level);
    html_id(id.text);
    html_raw("\">");
    html_inline(title);
    html_raw("</h%d>\n", level);
}

static void section_end(void) {
    html_raw("</section>\n");
}

static struct name name_of(const struct operation *operation) {
    struct name name;
    char method[16] = "";
    for (size_t i = 0; i + 1 < sizeof method && operation->method[i] != '\0'; i++)
        method[i] = (char)toupper((unsigned char)operation->method[i]);
    snprintf(name.text, sizeof name.text, "%s %s", method, operation->path);
    return name;
}

/* "Fields of POST /conv2d": tables are told apart by their captions. */
static struct name caption_of(const char *what, const struct operation *operation) {
    struct name caption;
    snprintf(caption.text, sizeof caption.text, "%s of %.120s", what, name_of(operation).text);
    return caption;
}

/* ---- the request ---- */

/* A layer of its own: its type's fields stand beside these. */
static void note_layers(const json_t *schema) {
    if (json_object_get(schema, "discriminator") != NULL)
        html_raw(
            "<p>Also <code>type</code> and the fields of that <a href=\"#layers\">layer type</a>.</p>\n");
}

static void request_form(const struct operation *operation, const json_t *node) {
    const json_t *schema = document_resolve(node);
    const char *title = document_string(schema, "title", operation->path);
    struct name form = id_of(operation->id, title);
    section_begin(5, form, title);
    html_blocks(document_optional(schema, "description"));
    fields_table(schema, caption_of(title, operation).text, form.text, false);
    note_layers(schema);
    section_end();
}

static void request_fields(const struct operation *operation, const json_t *content) {
    const char *id = operation->id;
    const json_t *media = json_object_get(content, JSON_MEDIA);
    json_t *node;
    size_t i;
    if (media == NULL)
        return;
    const json_t *schema = document_resolve(document_member(media, "schema", JSON_OBJECT, id));
    section_begin(4, id_of(id, "fields"), "Fields of the JSON document");
    html_blocks(document_optional(schema, "description"));
    if (json_object_get(schema, "properties") != NULL)
        fields_table(schema, caption_of("Fields", operation).text, id, false);
    EACH_ITEM(json_object_get(schema, "oneOf"), i, node) {
        request_form(operation, node);
    }
    section_end();
}

static void media_table(const json_t *content, const char *caption, struct name id) {
    static const char *const columns[] = {"Media type", "Content", NULL};
    const char *name;
    json_t *media;
    fields_table_begin(caption, id.text, columns);
    EACH(content, name, media) {
        const char *text = document_optional(json_object_get(media, "schema"), "description");
        fields_row_begin(id.text, name);
        fields_cell_text(text[0] != '\0' && strcmp(name, JSON_MEDIA) != 0 ? text
                                                                          : "The fields in the table.");
        fields_row_end();
    }
    fields_table_end();
}

static void parameter_rows(const json_t *parameters, const char *id) {
    json_t *node;
    size_t i;
    EACH_ITEM(parameters, i, node) {
        const json_t *parameter = document_resolve(node);
        const char *name = document_string(parameter, "name", id);
        const json_t *schema = document_member(parameter, "schema", JSON_OBJECT, name);
        fields_row_begin(id, name);
        fields_cell_text(document_string(parameter, "in", name));
        fields_cell_kind(schema);
        fields_cell_default(document_resolve(schema),
                            json_is_true(json_object_get(parameter, "required")) ? "required" : NULL);
        fields_cell_text(document_string(parameter, "description", name));
        fields_row_end();
    }
}

static void parameters(const struct operation *operation) {
    static const char *const columns[] = {"Name", "In", "Type", "Default", "Description", NULL};
    const json_t *own = json_object_get(operation->node, "parameters");
    struct name id = id_of(operation->id, "parameters");
    section_begin(4, id, "Parameters");
    if (json_object_get(operation->node, "requestBody") != NULL && json_array_size(own) > 0)
        html_raw("<p>A query goes with a file as body; a form may have its parameters there, too.</p>\n");
    fields_table_begin(caption_of("Parameters", operation).text, id.text, columns);
    parameter_rows(own, id.text);
    parameter_rows(json_object_get(operation->item, "parameters"), id.text);
    fields_table_end();
    section_end();
}

static void request(const struct operation *operation) {
    const json_t *content = json_object_get(json_object_get(operation->node, "requestBody"), "content");
    request_fields(operation, content);
    if (json_object_size(content) > 1) {
        section_begin(4, id_of(operation->id, "bodies"), "Request bodies");
        media_table(content, caption_of("Request bodies", operation).text, id_of(operation->id, "reads"));
        section_end();
    }
    parameters(operation);
}

/* ---- the responses ---- */

static void cell_headers(const json_t *headers) {
    const char *name, *before = "";
    json_t *header;
    html_raw("<td>");
    EACH(headers, name, header) {
        html_raw("%s<a href=\"#headers.", before);
        html_id(name);
        html_raw("\"><code>");
        html_text(name);
        html_raw("</code></a>");
        before = ", ";
    }
    html_raw("</td>");
}

static void media_names(const json_t *content) {
    const char *name, *before = "<code>";
    json_t *media;
    EACH(content, name, media) {
        html_raw("%s", before);
        html_text(name);
        html_raw("</code>");
        before = ", <code>";
    }
}

static void problem_link(const char *type) {
    const char *slash = strrchr(type, '/');
    html_raw("<a href=\"");
    html_text(type);
    html_raw("\">");
    html_text(slash != NULL ? slash + 1 : type);
    html_raw("</a>");
}

/* An error's types; of another answer its media types. */
static void cell_content(const json_t *content) {
    const json_t *schema = json_object_get(json_object_get(content, ERROR_MEDIA), "schema");
    const json_t *type = json_object_get(json_object_get(schema, "properties"), "type");
    json_t *name;
    size_t i;
    html_raw("<td>");
    if (type == NULL)
        media_names(content);
    EACH_ITEM(json_object_get(type, "enum"), i, name) {
        html_raw(i > 0 ? ", " : "");
        problem_link(json_is_string(name) ? json_string_value(name) : "");
    }
    html_raw("</td>");
}

static void response_table(const struct operation *operation, const json_t *all, const char *id) {
    static const char *const columns[] = {"Status", "When", "Types of error, or media types", "Headers",
                                          NULL};
    const char *status;
    json_t *node;
    fields_table_begin(caption_of("Responses", operation).text, id, columns);
    EACH(all, status, node) {
        const json_t *response = document_resolve(node);
        fields_row_begin(id, status);
        fields_cell_text(document_string(response, "description", id));
        cell_content(json_object_get(response, "content"));
        cell_headers(json_object_get(response, "headers"));
        fields_row_end();
    }
    fields_table_end();
}

static void responses(const struct operation *operation) {
    const char *id = operation->id;
    const json_t *all = document_member(operation->node, "responses", JSON_OBJECT, id);
    const json_t *good = document_resolve(document_member(all, "200", JSON_OBJECT, id));
    const json_t *content = document_member(good, "content", JSON_OBJECT, id);
    const json_t *schema = json_object_get(json_object_get(content, JSON_MEDIA), "schema");
    section_begin(4, id_of(id, "responses"), "Responses");
    if (json_object_size(content) > 1)
        media_table(content, caption_of("Media types of the answer", operation).text, id_of(id, "answers"));
    if (schema != NULL)
        fields_table(document_resolve(schema), caption_of("JSON answer", operation).text,
                     id_of(id, "answer").text, true);
    response_table(operation, all, id_of(id, "status").text);
    section_end();
}

/* ---- examples ---- */

/* A box of code, which scrolls within itself and so takes the keyboard's focus. */
static void code_begin(const char *what, const char *summary) {
    html_raw("<pre role=\"group\" tabindex=\"0\" aria-label=\"%s: ", what);
    html_text(summary);
    html_raw("\"><code>");
}

static void code_end(void) {
    html_raw("</code></pre>\n");
}

/* In single quotes, as a shell takes any text. */
static void shell_quoted(const char *text) {
    char one[2] = "";
    html_raw("&#39;");
    for (; *text != '\0'; text++) {
        one[0] = *text;
        if (*text == '\'')
            html_raw("&#39;\\&#39;&#39;");
        else
            html_text(one);
    }
    html_raw("&#39;");
}

static void curl_headers(const json_t *headers) {
    const char *name;
    json_t *value;
    EACH(headers, name, value) {
        const char *text = json_is_string(value) ? json_string_value(value) : "";
        html_raw(" -H &#39;");
        html_text(name);
        html_raw(": ");
        html_text(text);
        html_raw("&#39;");
    }
}

static void curl_form(const json_t *form) {
    const char *name;
    json_t *value;
    EACH(form, name, value) {
        html_raw(" \\\n  -F &#39;");
        html_text(name);
        html_raw("=");
        html_text(json_is_string(value) ? json_string_value(value) : "");
        html_raw("&#39;");
    }
}

/* A document goes into quotes as it is laid out; an example can do without quotes of its own. */
static void refuse_quotes(const json_t *body) {
    char *text = json_dumps(body, JSON_ENCODE_ANY);
    if (text == NULL || strchr(text, '\'') != NULL)
        document_fail("an example's body", "holds a single quote, which a shell's command cannot show");
    free(text);
}

static void curl_body(const json_t *asked) {
    const json_t *body = json_object_get(asked, "body");
    if (body != NULL) {
        refuse_quotes(body);
        html_raw(" -d &#39;");
        fields_document(body);
        html_raw("&#39;");
    } else if (json_object_get(asked, "text") != NULL) {
        html_raw(" --data-binary ");
        shell_quoted(document_optional(asked, "text"));
    } else if (json_object_get(asked, "base64") != NULL) {
        html_raw(" --data-binary @");
        html_text(document_string(asked, "file", "x-request"));
    }
    curl_form(json_object_get(asked, "form"));
}

/* The command; where it sends a file, one that makes the file goes before. */
static void curl(const struct operation *operation, const json_t *asked, const json_t *example) {
    const char *path = document_optional(asked, "path"), *query = document_optional(asked, "query");
    if (json_object_get(asked, "base64") != NULL) {
        html_raw("echo ");
        html_text(document_optional(asked, "base64"));
        html_raw(" | base64 -d &gt; ");
        html_text(document_string(asked, "file", "x-request"));
        html_raw("\n");
    }
    html_raw(query[0] != '\0' ? "curl &#39;" HOST : "curl " HOST);
    html_text(path[0] != '\0' ? path : operation->path);
    if (query[0] != '\0') {
        html_raw("?");
        html_text(query);
        html_raw("&#39;");
    }
    curl_headers(json_object_get(asked, "headers"));
    curl_body(asked);
    if (json_object_get(example, "x-base64") != NULL)
        html_raw(" | base64");
}

static void answer(const json_t *example, const char *summary) {
    const char *name, *bytes = document_optional(example, "x-base64");
    json_t *value;
    code_begin("Answer", summary);
    EACH(json_object_get(example, "x-headers"), name, value) {
        html_text(name);
        html_raw(": ");
        html_text(json_is_string(value) ? json_string_value(value) : "");
        html_raw("\n");
    }
    if (bytes[0] != '\0')
        html_text(bytes);
    else
        fields_document(json_object_get(example, "value"));
    code_end();
}

/* The request of an example: its own, or that of the same name among the examples of requests. Gives. */
static json_t *request_of(const char *name, const json_t *example, const json_t *bodies) {
    const json_t *own = json_object_get(example, "x-request");
    json_t *body = json_object_get(json_object_get(bodies, name), "value");
    json_t *asked = own != NULL ? json_incref((json_t *)(uintptr_t)own) : json_object();
    if (asked == NULL || (own == NULL && body != NULL && json_object_set(asked, "body", body) != 0))
        document_fail("memory", "there is not enough");
    return asked;
}

static void example_section(const struct operation *operation, struct name id, const json_t *example,
                            json_t *asked, int level) {
    const char *summary = document_string(example, "summary", id.text);
    section_begin(level, id, summary);
    code_begin("Request", summary);
    curl(operation, asked, example);
    code_end();
    answer(example, summary);
    section_end();
    json_decref(asked);
}

static void examples_of_response(const struct operation *operation, const char *status,
                                 const json_t *response, const json_t *bodies, int level) {
    const char *media, *name;
    json_t *content, *example;
    EACH(json_object_get(response, "content"), media, content) {
        EACH(json_object_get(content, "examples"), name, example) {
            struct name id = id_of(id_of(operation->id, status).text, name);
            example_section(operation, id, example, request_of(name, example, bodies), level);
        }
    }
}

/* Those of shared responses stand among the errors. */
static void examples(const struct operation *operation) {
    const json_t *content = json_object_get(json_object_get(operation->node, "requestBody"), "content");
    const json_t *bodies = json_object_get(json_object_get(content, JSON_MEDIA), "examples");
    const char *status;
    json_t *response;
    section_begin(4, id_of(operation->id, "examples"), "Examples");
    EACH(json_object_get(operation->node, "responses"), status, response) {
        examples_of_response(operation, status, response, bodies, 5);
    }
    section_end();
}

void operation_examples_of_component(const char *name, const json_t *response, int level) {
    const struct operation none = {.path = "", .method = "", .id = "errors"};
    examples_of_response(&none, name, response, NULL, level);
}

/* ---- the whole ---- */

static bool is_method(const char *key) {
    static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(key, methods[i]) == 0)
            return true;
    return false;
}

void operations_each(const json_t *document,
                     void (*take)(const struct operation *operation, const void *with), const void *with) {
    const char *path, *key;
    json_t *item, *node;
    EACH(document_member(document, "paths", JSON_OBJECT, "the document"), path, item) {
        EACH(item, key, node) {
            if (!is_method(key))
                continue;
            struct operation operation = {.path = path, .method = key, .item = item, .node = node};
            operation.id = document_string(node, "operationId", path);
            take(&operation, with);
        }
    }
}

void operation_name(const struct operation *operation) {
    html_raw("<code>");
    html_text(name_of(operation).text);
    html_raw("</code>");
}

void operation_section(const struct operation *operation) {
    html_raw("<section>\n<h3 id=\"");
    html_id(operation->id);
    html_raw("\">");
    operation_name(operation);
    html_raw(" ");
    html_text(document_string(operation->node, "summary", operation->path));
    html_raw("</h3>\n");
    html_blocks(document_string(operation->node, "description", operation->path));
    request(operation);
    responses(operation);
    examples(operation);
    section_end();
}
