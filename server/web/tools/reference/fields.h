/*
 * Schemas for people: what a value may be, in the words of Python's users, and tables of fields.
 */
#ifndef CONVD_SERVER_WEB_TOOLS_REFERENCE_FIELDS_H
#define CONVD_SERVER_WEB_TOOLS_REFERENCE_FIELDS_H

#include "server/web/tools/reference/document.h"

/* A JSON value: on one line, or a document with a line for each member. */
void fields_value(const json_t *value);
void fields_document(const json_t *document);

/* Whether the schema has a heading of its own among the types ("x-section": "types"). */
bool fields_is_type(const json_t *schema);

/* What a value may be: int ≥ 1 or list of 2 int; a link for what has a heading of its own. */
void fields_kind(const json_t *node);

/* The same of a schema without a look at its heading. */
void fields_definition(const json_t *schema);

/* Tables; `columns` is NULL-terminated. The rows' ids are "id.name"; `required` is the word in place of a default. */
void fields_table_begin(const char *caption, const char *id, const char *const *columns);
void fields_table_end(void);
void fields_row_begin(const char *id, const char *name);
void fields_row_end(void);
void fields_cell_text(const char *markdown);
void fields_cell_kind(const json_t *node);
void fields_cell_default(const json_t *schema, const char *required);

/* The properties of an object, which a request gives or an answer has. */
void fields_table(const json_t *schema, const char *caption, const char *id, bool answer);

#endif
