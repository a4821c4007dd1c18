#include "lib/base/tensor.h"

#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *dtype_name(enum dtype dtype) {
    switch (dtype) {
#define DTYPE_CASE(NAME, name, type)                                                                         \
    case DTYPE_##NAME: return name;
        DTYPE_MAP(DTYPE_CASE)
#undef DTYPE_CASE
    }
    return "unknown";
}

size_t dtype_bytes(enum dtype dtype) {
    switch (dtype) {
#define DTYPE_CASE(NAME, name, type)                                                                         \
    case DTYPE_##NAME: return sizeof(type);
        DTYPE_MAP(DTYPE_CASE)
#undef DTYPE_CASE
    }
    return 0;
}

/* Zeros are looked for first: [0, 2^40, 2^40] has no elements, whatever its partial products are. */
bool shape_elems(const struct shape *shape, int64_t *elems) {
    int64_t product = 1;
    bool fits = true;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == 0) {
            *elems = 0;
            return true;
        }
        fits = fits && checked_mul(product, shape->dim[i], &product);
    }
    *elems = product;
    return fits;
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

const char *shape_text(const struct shape *shape, char text[SHAPE_TEXT_BYTES]) {
    size_t at = 0;
    text[at++] = '[';
    for (int i = 0; i < shape->rank; i++)
        at += (size_t)snprintf(text + at, SHAPE_TEXT_BYTES - at, "%s%" PRId64, i > 0 ? ", " : "",
                               shape->dim[i]);
    text[at++] = ']';
    text[at] = '\0';
    return text;
}
