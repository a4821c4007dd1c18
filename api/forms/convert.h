/*
 * From a file's bytes to a tensor that can be computed on: byte order, index order and dtype.
 */
#ifndef CONVD_API_FORMS_CONVERT_H
#define CONVD_API_FORMS_CONVERT_H

#include "api/forms/stored.h"
#include "api/problem.h"

/* Whether the tensor's bytes are, where they lie, what a tensor of `dtype` holds: nothing has to be done. */
bool convert_is_none(const struct stored_tensor *stored, enum dtype dtype);

/* The first value that cannot be had in the dtype. */
struct convert_refusal {
    enum problem problem;
    int64_t position; /* its flat position in C order */
    char detail[160];
};

/*
 * Writes all elements, in C order, to `out` (stored->elems of float32 or float64). Values are exact or rounded once,
 * to nearest-even; NaN and infinities stay. False for a finite float64 beyond float32, and for a bool other than 0
 * and 1. stored->data must be loaded.
 */
bool convert(const struct stored_tensor *stored, enum dtype dtype, void *out,
             struct convert_refusal *refusal);

/* Turns the byte order of `count` elements around; one byte has none. */
void convert_swap_bytes(void *data, int64_t count, size_t elem_bytes);

#endif
