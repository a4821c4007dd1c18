/*
 * An operation of the document as a section of the page.
 */
#ifndef CONVD_SERVER_WEB_TOOLS_REFERENCE_OPERATIONS_H
#define CONVD_SERVER_WEB_TOOLS_REFERENCE_OPERATIONS_H

#include "server/web/tools/reference/document.h"

/* An operation and where it stands: the path, its item in the document, the method in small letters. */
struct operation {
    const char *path, *method, *id;
    const json_t *item, *node;
};

/* Calls `take` for each operation, in the document's order. */
void operations_each(const json_t *document,
                     void (*take)(const struct operation *operation, const void *with), const void *with);

/* "POST /conv2d" in markup. */
void operation_name(const struct operation *operation);

void operation_section(const struct operation *operation);

/* The examples of a response of components/responses, under headings of that level. */
void operation_examples_of_component(const char *name, const json_t *response, int level);

#endif
