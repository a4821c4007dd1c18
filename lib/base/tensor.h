/*
 * Tensors: a dtype, a shape and a flat C-order buffer.
 */
#ifndef CONVD_LIB_BASE_TENSOR_H
#define CONVD_LIB_BASE_TENSOR_H

#include "lib/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, name, element type) */
#define DTYPE_MAP(X)                                                                                         \
    X(FLOAT32, "float32", float)                                                                             \
    X(FLOAT64, "float64", double)                                                                            \
    X(INT64, "int64", int64_t)

enum dtype {
#define DTYPE_ENUM(NAME, name, type) DTYPE_##NAME,
    DTYPE_MAP(DTYPE_ENUM)
#undef DTYPE_ENUM
};

/* "float32" and the like. */
const char *dtype_name(enum dtype dtype);

/* Bytes of one element. */
size_t dtype_bytes(enum dtype dtype);

/* As many dimensions as a request may nest arrays. */
enum { SHAPE_MAX_RANK = 32 };

/* Sizes from the outermost dimension to the innermost; each is at least 0. */
struct shape {
    int rank;
    int64_t dim[SHAPE_MAX_RANK];
};

/* A shape of the given sizes: SHAPE(1, 3, 32, 32). */
#define SHAPE(...)                                                                                           \
    ((struct shape){.rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}})

/* The number of elements, 1 for rank 0; false when it does not fit into 63 bits. */
bool shape_elems(const struct shape *shape, int64_t *elems);

bool shape_equal(const struct shape *a, const struct shape *b);

/* Enough for every shape: "[1, 3, 32, 32]". */
enum { SHAPE_TEXT_BYTES = SHAPE_MAX_RANK * 22 + 3 };

/* Writes "[1, 3, 32, 32]", as PyTorch prints sizes, into `text` and returns it. */
const char *shape_text(const struct shape *shape, char text[SHAPE_TEXT_BYTES]);

/*
 * `data` holds shape_elems(shape) elements in C order, aligned to at least 64 bytes when it comes from an
 * arena, and to its elements alone when it lies in a request's body. The tensor borrows it: whoever made the
 * buffer frees it.
 */
struct tensor {
    enum dtype dtype;
    struct shape shape;
    void *data;
};

#endif
