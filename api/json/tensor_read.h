/*
 * Tensors from JSON: nested arrays, {"shape", "data"} and {"shape", "dtype", "base64"}.
 *
 * Opening finds form, dtype and shape and allocates nothing, so that a layer is validated and priced before a
 * number is converted; reading then converts into a buffer of the dtype that the request computes in.
 */
#ifndef CONVD_API_JSON_TENSOR_READ_H
#define CONVD_API_JSON_TENSOR_READ_H

#include "api/json/scan.h"
#include "lib/base/tensor.h"
#include "lib/threads/workers.h"

#include <stdbool.h>

enum tensor_form { FORM_NESTED, FORM_FLAT, FORM_BASE64 };

struct tensor_source {
    enum tensor_form form;
    struct shape shape;
    int64_t elems;
    enum dtype dtype;      /* the tensor's own: what its text or bytes are read in */
    const struct cut *cut; /* the numbers' text */
};

/* The first number that cannot be read: which (by its flat position), and why. */
struct tensor_refusal {
    bool
        unproven; /* of an unproven cut: document_prove, and when that passes look at the cut and read again */
    int64_t position; /* -1: the text as a whole */
    char detail[200];
};

/*
 * Converts all elements into `out` (`source->elems` of dtype `dtype`): read in the tensor's own dtype, then
 * converted. False when a finite number does not fit, or base64 is not what RFC 4648 says. `scratch` holds
 * tensor_read_scratch_bytes(). Long texts are shared with idle `workers` (may be NULL); `slot` is the calling
 * task's.
 */
bool tensor_read(const struct tensor_source *source, enum dtype dtype, void *out, void *scratch,
                 struct workers *workers, int slot, struct tensor_refusal *refusal);

/* Bytes of `scratch` that tensor_read needs for this source. */
size_t tensor_read_scratch_bytes(const struct tensor_source *source, enum dtype dtype);

#endif
