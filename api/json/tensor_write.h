/*
 * Tensors to JSON, in the three forms, straight into a buffer whose size is bounded beforehand.
 *
 * Not-a-number and the infinities become quoted words, so that every answer is valid JSON.
 */
#ifndef CONVD_API_JSON_TENSOR_WRITE_H
#define CONVD_API_JSON_TENSOR_WRITE_H

#include "api/json/tensor_read.h"
#include "api/json/text.h"

/* No text of this tensor in this form is longer; false when that does not fit into size_t. */
bool tensor_write_bound(const struct tensor *tensor, enum tensor_form form, size_t *bytes);

/* Appends the tensor's text; room is reserved at once. */
void tensor_write(struct text *text, const struct tensor *tensor, enum tensor_form form);

#endif
