/*
 * A tensor as a file holds it: what npy, npz, safetensors and pictures say of their bytes, before anything is
 * converted.
 */
#ifndef CONVD_API_FORMS_STORED_H
#define CONVD_API_FORMS_STORED_H

#include "lib/base/tensor.h"

#include <stdbool.h>
#include <stdint.h>

enum stored_dtype {
    STORED_BOOL, /* one byte, 0 or 1 */
    STORED_INT8,
    STORED_UINT8,
    STORED_INT16,
    STORED_UINT16,
    STORED_INT32,
    STORED_UINT32,
    STORED_INT64,
    STORED_UINT64,
    STORED_FLOAT16,  /* IEEE 754 binary16 */
    STORED_BFLOAT16, /* the upper half of a float32 */
    STORED_FLOAT32,
    STORED_FLOAT64,
};

struct stored_tensor {
    const char *name; /* of the member, as "input"; NULL in a lone npy */
    enum stored_dtype dtype;
    bool big_endian;
    bool fortran; /* the first index runs fastest */
    struct shape shape;
    int64_t elems;
    uint32_t divisor; /* a picture's: each value is divided by it and rounded once (255 or 65535); 0: none */
    const unsigned char *data; /* elems values, at any alignment; borrowed from the body or the arena */
};

/* Bytes of one element. */
size_t stored_dtype_bytes(enum stored_dtype dtype);

#endif
