/*
 * A tensor as a PNG, 8 bits a sample; picture_grid.h says how it lies in it.
 *
 *     level(v) = floor((v - lo) / (hi - lo) · 255 + 1/2), clamped to 0 … 255
 *
 * NaN is 0 (black), as -Infinity is; Infinity is 255. The automatic range reaches from the smallest to the largest
 * finite value of the whole tensor; when these are equal, their level is 128.
 */
#ifndef CONVD_API_FORMS_PICTURE_WRITE_H
#define CONVD_API_FORMS_PICTURE_WRITE_H

#include "api/forms/picture.h"
#include "lib/base/tensor.h"

struct picture_range {
    bool fixed;    /* lo and hi are given: finite, lo < hi */
    double lo, hi; /* else they are found */
};

/*
 * Judges by its shape alone (rank 3 or 4) what can be said before anything is computed: an output without elements
 * is no picture (422), one that with its gaps and labels has more than `max_bytes` bytes of samples is too large (413).
 */
bool picture_write_check(const struct shape *shape, int64_t max_bytes, struct form_refusal *refusal);

/* Writes a float32 or float64 tensor that was checked; *out, of *bytes bytes, lies in the arena. `cancelled` may be
 * NULL. */
bool picture_write(const struct tensor *tensor, const struct picture_range *range, struct arena *arena,
                   const atomic_bool *cancelled, unsigned char **out, size_t *bytes,
                   struct form_refusal *refusal);

#endif
