/*
 * A tensor among the fields of a request.
 */
#ifndef CONVD_API_DECODE_TENSOR_FIELD_H
#define CONVD_API_DECODE_TENSOR_FIELD_H

#include "api/decode/fields.h"
#include "api/json/tensor_read.h"

/* A tensor that was opened and not yet read, whatever form it came in. */
struct tensor_field {
    struct shape shape;
    enum tensor_form form;        /* nested, unless JSON says otherwise */
    struct stored_tensor *stored; /* NULL: in JSON, */
    struct tensor_source source;  /* there */
};

/* What a request computes in: its own "dtype", else that of its `input`, else float32. */
bool tensor_field_dtype(const struct fields *fields, enum dtype *dtype);

/*
 * Opens the tensor `name`, whose text is read in `default_dtype` unless it says another. `*present` is false
 * when the field is absent or, with `nullable`, null.
 */
bool tensor_field_open(const struct fields *fields, const char *name, enum dtype default_dtype, bool nullable,
                       struct tensor_field *field, bool *present);

/* Makes an opened tensor one of `dtype` that can be computed on: where it lies in the body when nothing has to be
 * done, else in memory of the request's arena. */
bool tensor_field_read(const struct fields *fields, const char *name, const struct tensor_field *field,
                       enum dtype dtype, struct tensor *tensor);

#endif
