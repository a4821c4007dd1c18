/*
 * How many cells of a chain's input one cell of its output sees, and how far apart neighbours see.
 *
 *   r_out = r_in + d * (k - 1) * j_in,   j_out = j_in * s
 *
 * with kernel k, dilation d, stride s (Araujo, Norris, Sim: "Computing Receptive Fields of Convolutional
 * Neural Networks", Distill 2019). Unclipped: padding does not count.
 */
#ifndef CONVD_API_ENDPOINTS_RECEPTIVE_FIELD_H
#define CONVD_API_ENDPOINTS_RECEPTIVE_FIELD_H

#include "api/json/text.h"
#include "lib/layers/layer.h"

struct receptive_field {
    bool known; /* false from the first layer on for which no single number holds */
    int axes;
    int64_t size[LAYER_MAX_AXES], stride[LAYER_MAX_AXES];
};

/* At a chain's input with `axes` spatial axes. */
struct receptive_field receptive_field_start(int axes);

/* Goes through one layer. */
void receptive_field_pass(struct receptive_field *field, const struct layer *layer,
                          const struct layer_sizes *sizes);

/* Adds "receptive_field": …, "effective_stride": …, lists or nulls. */
void receptive_field_write(struct text *text, const struct receptive_field *field);

#endif
