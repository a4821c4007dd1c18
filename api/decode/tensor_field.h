/*
 * A tensor among the fields of a request.
 */
#ifndef CONVD_API_DECODE_TENSOR_FIELD_H
#define CONVD_API_DECODE_TENSOR_FIELD_H

#include "api/decode/fields.h"
#include "api/json/tensor_read.h"

/* What a request computes in: its own "dtype", else that of its `input`, else float32. */
bool tensor_field_dtype(const struct fields *fields, enum dtype *dtype);

/*
 * Opens the tensor `name`, whose text is read in `default_dtype` unless it says another. `*present` is false
 * when the field is absent or, with `nullable`, null.
 */
bool tensor_field_open(const struct fields *fields, const char *name, enum dtype default_dtype, bool nullable,
                       struct tensor_source *source, bool *present);

/* Reads an opened tensor into memory of the request's arena, as `dtype`. */
bool tensor_field_read(const struct fields *fields, const char *name, const struct tensor_source *source,
                       enum dtype dtype, struct tensor *tensor);

#endif
