/*
 * Writing: the tensors of an answer in one body, each computed where it will be sent from.
 *
 * Life: pack_plan (sizes and places, from shapes alone) → the caller allocates `bytes` and computes into the places
 * → pack_finish writes everything around the data.
 */
#ifndef CONVD_API_FORMS_PACKING_H
#define CONVD_API_FORMS_PACKING_H

#include "api/media.h"
#include "lib/base/tensor.h"

enum { PACK_MAX_TENSORS = 2 };

struct packing {
    enum media media;
    int count;
    const char *name[PACK_MAX_TENSORS]; /* "output", "indices"; borrowed */
    struct tensor tensor[PACK_MAX_TENSORS];
    size_t data_at
        [PACK_MAX_TENSORS]; /* in the body; the output's a multiple of 64, each a multiple of its elements */
    size_t bytes;           /* the body's */
};

/* Whether pack_plan knows this form. */
bool pack_takes(enum media media);

/* Whether it can hold more than one tensor. */
bool pack_holds_several(enum media media);

/* Bytes of the data of tensor `i`; false when that does not fit. */
bool pack_data_bytes(const struct packing *packing, int i, size_t *bytes);

/* Fills data_at and bytes from media, count, names, dtypes and shapes. False when the size does not fit. */
bool pack_plan(struct packing *packing);

/* Writes what stands around the data into `body`, of packing->bytes bytes, aligned to 64. */
void pack_finish(const struct packing *packing, unsigned char *body);

#endif
