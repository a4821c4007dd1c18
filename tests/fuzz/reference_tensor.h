/*
 * What a tensor of a parsed document is, by the README's words on tensors: its shape, or what is wrong with it, and its
 * numbers as strtof and strtod read them, which round to the nearest (glibc's manual, "Parsing of Floats"), bit by
 * bit.
 */
#ifndef CONVD_TESTS_FUZZ_REFERENCE_TENSOR_H
#define CONVD_TESTS_FUZZ_REFERENCE_TENSOR_H

#include "tests/fuzz/reference_json.h"

enum { REF_MAX_RANK = 32 };

struct ref_tensor {
    bool present; /* not absent, not a null that stands for absent */
    bool refused; /* no tensor, whatever its numbers are */
    int culprit;  /* of a ragged one, the node that the refusal points at; else -1 */
    bool own_float64, own_dtype;
    int rank;
    int64_t dim[REF_MAX_RANK], elems;
    int *leaves;        /* the nodes of the elements, owned; NULL for base64 */
    const char *base64; /* the text, with its escapes resolved; NULL for numbers */
};

/* Judges the value `node` of a tensor field; -1 is an absent one. */
void ref_tensor_open(struct ref_tensor *tensor, const struct ref_json *json, int node, bool nullable);
void ref_tensor_close(struct ref_tensor *tensor);

/*
 * The elements into `out` as float64 or float32, read in the tensor's own dtype, or, where it has none, in float64 when
 * `wide_default`. Returns elems, or the first element that cannot be read; of base64 that is no encoding of as many, -1.
 */
int64_t ref_tensor_read(const struct ref_tensor *tensor, const struct ref_json *json, bool wide_default,
                        bool wide, void *out);

#endif
