/*
 * A request's JSON document: jansson's tree for everything but the tensors, whose text stays where it is.
 */
#ifndef CONVD_API_JSON_DOCUMENT_H
#define CONVD_API_JSON_DOCUMENT_H

#include "api/json/scan.h"

#include <jansson.h>

struct document {
    json_t *root;     /* an object; owned, freed by document_close */
    struct scan scan; /* the cuts */
};

/* A refusal that document_open found. `pointer` is NULL or lies in the document. */
struct document_refusal {
    enum problem problem;
    const char *pointer;
    char detail[320];
};

/*
 * Reads `bytes` bytes at `body` (borrowed: the cuts point into it; the byte behind them must be 0). Tensors
 * are the values of the `tensor_fields` (NULL-terminated, may be NULL). The text that jansson has to read,
 * without the tensors, may have `max_document_bytes`.
 */
bool document_open(struct document *document, struct arena *arena, const char *body, size_t bytes,
                   const char *const *tensor_fields, int64_t max_document_bytes,
                   struct document_refusal *refusal);

/*
 * Reads [text, text + bytes) (borrowed; no digit is behind it), which is one value, the tensor `name`, and nothing else, as if
 * it were the only member of a document: `root` is {name: value}. Positions in a refusal count from the beginning of
 * the text. Nothing in it is left unproven.
 */
bool document_open_tensor(struct document *document, struct arena *arena, const char *name, const char *text,
                          size_t bytes, int64_t max_document_bytes, struct document_refusal *refusal);

/*
 * Proves the grammar of what document_open left unproven (see scan.h), at the cost of a scan; false when the
 * body is no JSON after all. The cuts say afterwards what a careful scan says of them. Does nothing when
 * nothing is unproven, also for a zeroed document.
 */
bool document_prove(struct document *document, struct document_refusal *refusal);

/* Frees the tree. A zeroed document is accepted. */
void document_close(struct document *document);

/* The cut that a placeholder stands for; NULL when `value` is none (only values of tensor fields can be). */
const struct cut *document_cut(const struct document *document, const json_t *value);

#endif
