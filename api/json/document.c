#include "api/json/document.h"

#include "api/json/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(struct document_refusal *refusal, enum problem problem, const char *pointer,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

static bool refuse(struct document_refusal *refusal, enum problem problem, const char *pointer,
                   const char *format, ...) {
    refusal->problem = problem;
    refusal->pointer = pointer;
    va_list args;
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    return false;
}

static bool refuse_scan(const struct scan *scan, struct document_refusal *refusal) {
    int64_t line, column;
    if (scan->at == NULL)
        return refuse(refusal, scan->problem, NULL, "%s", scan->detail);
    scan_position(scan->body, scan->at, &line, &column);
    return refuse(refusal, scan->problem, NULL, "%s at line %" PRId64 ", column %" PRId64, scan->detail, line,
                  column);
}

static bool refuse_unfit(const struct scan *scan, struct document_refusal *refusal) {
    return refuse(refusal, scan->unfit_problem, scan->unfit_pointer, "%s", scan->unfit_detail);
}

/* jansson says where in the reduced copy; a second scan says which key of the body that is. */
static bool refuse_repeated(const struct scan *scan, const json_error_t *error,
                            struct document_refusal *refusal) {
    struct arena *arena = scan->arena;
    struct scan again = {.body = scan->body,
                         .end = scan->end,
                         .arena = arena,
                         .tensor_fields = scan->tensor_fields,
                         .only = scan->only,
                         .max_reduced_bytes = scan->max_reduced_bytes};
    int64_t line, column;
    again.locate = scan_origin(scan, (size_t)error->position);
    (void)scan_json(&again);
    if (again.located == NULL)
        return refuse(refusal, PROBLEM_REPEATED_KEY, NULL, "an object has a key twice");
    if (scan->unfit && again.located_replaced)
        return refuse_unfit(scan, refusal);
    const char *pointer = again.located_pointer[0] == '\0'
                              ? NULL
                              : arena_strndup(arena, again.located_pointer, strlen(again.located_pointer));
    scan_position(scan->body, again.located, &line, &column);
    return refuse(refusal, PROBLEM_REPEATED_KEY, pointer,
                  "the object has the key %.*s already; it is repeated at line %" PRId64 ", column %" PRId64,
                  utf8_cut(again.located, again.located_end, 80), again.located, line, column);
}

/* The grammar is proven: what jansson still refuses is a repeated key, else memory, of which it does not
 * always speak. */
static bool refuse_jansson(const struct scan *scan, const json_error_t *error,
                           struct document_refusal *refusal) {
    if (json_error_code(error) == json_error_duplicate_key)
        return refuse_repeated(scan, error, refusal);
    return refuse(refusal, PROBLEM_OVERLOADED, NULL, "memory for reading the request could not be allocated");
}

/* Runs document->scan, which is set up, and reads what it leaves. */
static bool open_scan(struct document *document, struct document_refusal *refusal) {
    json_error_t error;
    if (!scan_json(&document->scan))
        return refuse_scan(&document->scan, refusal);
    const struct scan *scan = &document->scan;
    document->root =
        json_loadb(scan->reduced, scan->reduced_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (document->root == NULL)
        return refuse_jansson(scan, &error, refusal);
    if (scan->unfit)
        return refuse_unfit(scan, refusal);
    if (!json_is_object(document->root))
        return refuse(refusal, PROBLEM_NOT_AN_OBJECT, NULL,
                      "the top level of the document must be an object, {…}");
    return true;
}

bool document_open(struct document *document, struct arena *arena, const char *body, size_t bytes,
                   const char *const *tensor_fields, int64_t max_document_bytes,
                   struct document_refusal *refusal) {
    document->scan = (struct scan){.body = body,
                                   .end = body + bytes,
                                   .arena = arena,
                                   .tensor_fields = tensor_fields,
                                   .max_reduced_bytes = (size_t)max_document_bytes};
    return open_scan(document, refusal);
}

bool document_open_tensor(struct document *document, struct arena *arena, const char *name, const char *text,
                          size_t bytes, int64_t max_document_bytes, struct document_refusal *refusal) {
    const char *const fields[] = {name, NULL};
    document->scan = (struct scan){.body = text,
                                   .end = text + bytes,
                                   .arena = arena,
                                   .tensor_fields = fields,
                                   .only = name,
                                   .max_reduced_bytes = (size_t)max_document_bytes,
                                   .careful = true};
    bool opened = open_scan(document, refusal);
    document->scan.tensor_fields = NULL;
    return opened;
}

bool document_prove(struct document *document, struct document_refusal *refusal) {
    struct scan *scan = &document->scan;
    if (!scan->unproven)
        return true;
    struct scan careful = {.body = scan->body,
                           .end = scan->end,
                           .arena = scan->arena,
                           .tensor_fields = scan->tensor_fields,
                           .max_reduced_bytes = scan->max_reduced_bytes,
                           .careful = true};
    scan->unproven = false;
    if (!scan_json(&careful))
        return refuse_scan(&careful, refusal);
    /* the same text has the same cuts, to which sources point already; a scan that ended early has no sources */
    for (int i = 0; i < scan->cut_count && i < careful.cut_count; i++)
        scan->cuts[i] = careful.cuts[i];
    return true;
}

void document_close(struct document *document) {
    json_decref(document->root);
    document->root = NULL;
}

const struct cut *document_cut(const struct document *document, const json_t *value) {
    json_int_t number = -1;
    if (json_is_array(value) && json_array_size(value) == 1)
        number = json_integer_value(json_array_get(value, 0));
    else if (json_is_string(value))
        number = strtoll(json_string_value(value), NULL, 10);
    return number >= 0 && number < document->scan.cut_count ? &document->scan.cuts[number] : NULL;
}
