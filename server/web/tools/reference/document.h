/*
 * The OpenAPI document, as its readers want it: what must be there is there, and references are followed. Where that
 * cannot be, the program ends with 1 and a message that names the place.
 *
 * The program reads one document and writes one page, so the document is the file's own and all is borrowed from it.
 */
#ifndef CONVD_SERVER_WEB_TOOLS_REFERENCE_DOCUMENT_H
#define CONVD_SERVER_WEB_TOOLS_REFERENCE_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* json_object_foreach and json_array_foreach for what is borrowed. */
#define EACH(object, key, value)      json_object_foreach((json_t *)(uintptr_t)(object), key, value)
#define EACH_ITEM(list, index, value) json_array_foreach((json_t *)(uintptr_t)(list), index, value)

enum { DEPTH = 16 }; /* of references that lead to references, and of schemas in schemas */

/* A short text: the id of a heading or a row, a caption. */
struct name {
    char text[192];
};

struct name id_of(const char *whole, const char *part); /* the id "conv2d.stride" */

__attribute__((noreturn, format(printf, 2, 3))) void document_fail(const char *place, const char *format,
                                                                   ...);

/* Reads the file; document_close frees it and all that was made on the way. */
const json_t *document_open(const char *file_name);
void document_close(void);

/* The member, which must be there and of that type; `place` says whose it is. */
const json_t *document_member(const json_t *object, const char *key, json_type type, const char *place);
const char *document_string(const json_t *object, const char *key, const char *place);

/* The string, or "". */
const char *document_optional(const json_t *object, const char *key);

/* components/kind/name, or all of a kind. */
const json_t *document_component(const char *kind, const char *name);
const json_t *document_components(const char *kind);

/* The node with its references followed. What stands beside a reference wins. */
const json_t *document_resolve(const json_t *node);

/* The name of the schema that the node refers to, or NULL. */
const char *document_schema_name(const json_t *node);

/* Whether a list holds that string. */
bool document_lists(const json_t *list, const char *text);

#endif
