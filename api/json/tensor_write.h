/*
 * Tensors to JSON, in the three forms, straight into a buffer whose size is bounded beforehand.
 */
#ifndef CONVD_API_JSON_TENSOR_WRITE_H
#define CONVD_API_JSON_TENSOR_WRITE_H

#include "api/json/tensor_read.h"
#include "api/json/text.h"
#include "lib/threads/run_context.h"

/* No text of this tensor in this form is longer; false when that does not fit into size_t. */
bool tensor_write_bound(const struct tensor *tensor, enum tensor_form form, size_t *bytes);

/*
 * Appends the tensor's text; room is reserved at once. Idle workers of `context`, which may be NULL, help
 * with a large one.
 */
void tensor_write(struct text *text, const struct tensor *tensor, enum tensor_form form,
                  const struct run_context *context);

#endif
