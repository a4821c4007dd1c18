/*
 * A tensor as a file holds it: what npy, npz, safetensors and pictures say of their bytes, before anything is
 * converted.
 */
#ifndef CONVD_API_FORMS_STORED_H
#define CONVD_API_FORMS_STORED_H

#include "lib/base/tensor.h"

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, name, bytes of one element, name in safetensors) */
#define STORED_MAP(X)                                                                                        \
    X(BOOL, "bool", 1, "BOOL") /* 0 or 1 */                                                                  \
    X(INT8, "int8", 1, "I8")                                                                                 \
    X(UINT8, "uint8", 1, "U8")                                                                               \
    X(INT16, "int16", 2, "I16")                                                                              \
    X(UINT16, "uint16", 2, "U16")                                                                            \
    X(INT32, "int32", 4, "I32")                                                                              \
    X(UINT32, "uint32", 4, "U32")                                                                            \
    X(INT64, "int64", 8, "I64")                                                                              \
    X(UINT64, "uint64", 8, "U64")                                                                            \
    X(FLOAT16, "float16", 2, "F16")    /* IEEE 754 binary16 */                                               \
    X(BFLOAT16, "bfloat16", 2, "BF16") /* the upper half of a float32 */                                     \
    X(FLOAT32, "float32", 4, "F32")                                                                          \
    X(FLOAT64, "float64", 8, "F64")

enum stored_dtype {
#define STORED_ENUM(NAME, name, bytes, safetensors) STORED_##NAME,
    STORED_MAP(STORED_ENUM)
#undef STORED_ENUM
        STORED_DTYPES
};

struct npz_member;
struct picture;

struct stored_tensor {
    const char *name; /* of the field that it is, as "input" */
    enum stored_dtype dtype;
    bool big_endian;
    bool fortran; /* the first index runs fastest */
    struct shape shape;
    int64_t elems;
    bool unit; /* a picture's samples: each is divided by the largest of its dtype, uint8 or uint16 */
    /* elems values, at any alignment; borrowed from the body or the arena. NULL while they are packed. */
    const unsigned char *data;
    struct npz_member *member; /* in an npz: checked, and unpacked, by npz_load before `data` is read */
    struct picture *picture;   /* a PNG or a JPEG: decoded by picture_load before `data` is read */
};

/* "float16" and the like. */
const char *stored_dtype_name(enum stored_dtype dtype);

/* Bytes of one element. */
size_t stored_dtype_bytes(enum stored_dtype dtype);

#endif
