/*
 * npy, the file of one numpy array: versions 1.0, 2.0 and 3.0 (numpy.lib.format; NEP 1).
 */
#ifndef CONVD_API_FORMS_NPY_H
#define CONVD_API_FORMS_NPY_H

#include "api/forms/form.h"

enum {
    NPY_LEAD_BYTES = 12,         /* enough to tell the header's length */
    NPY_MAX_HEADER_BYTES = 10000 /* as numpy.load's max_header_size */
};

/*
 * Reads the header at the beginning of `bytes` bytes of file, of which at least min(`bytes`, the header) must be
 * readable at `data`, into `tensor` (dtype, order, shape, elems), and says where the data begin. The data must fill
 * the rest of the file exactly. `tensor->name` is what refusals point at.
 */
bool npy_read_header(struct form *form, const unsigned char *data, uint64_t bytes,
                     struct stored_tensor *tensor, size_t *data_at);

/* The header's whole length, at least NPY_LEAD_BYTES, by its first NPY_LEAD_BYTES (or `bytes`, when the file has
 * less). */
bool npy_header_bytes(struct form *form, const char *name, const unsigned char *data, uint64_t bytes,
                      size_t *header_bytes);

/* Opens a whole npy file as `tensor`, whose name is set; its data stay where they are. */
bool npy_open(struct form *form, const unsigned char *data, size_t bytes, struct stored_tensor *tensor);

/*
 * Writes a version 1.0 header for a C-order tensor (native byte order) to `out`, unless that is NULL, and returns its
 * length, a multiple of 64 that is at most NPY_WRITTEN_BYTES.
 */
enum { NPY_WRITTEN_BYTES = 1024 };
size_t npy_write_header(unsigned char *out, const struct tensor *tensor);

#endif
