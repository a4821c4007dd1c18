/*
 * A layer's fields: those of its torch.nn class, read into a description that lib validates.
 */
#ifndef CONVD_API_DECODE_LAYER_FIELDS_H
#define CONVD_API_DECODE_LAYER_FIELDS_H

#include "api/decode/fields.h"
#include "lib/layers/layer.h"

enum { LAYER_FIELDS_MAX = 24 };

/* The names of the layer type's fields, followed by those of `extra` (NULL-terminated): NULL-terminated, in
 * `names`. */
void layer_field_names(enum layer_type type, const char *const *extra, const char *names[LAYER_FIELDS_MAX]);

/*
 * Fills `layer` with its type's defaults and reads its fields. Types and presence are judged here, values by
 * lib (layer_sizes). `dtype` is what the layer computes in: a "dtype" of its own must be that.
 */
bool layer_fields_read(const struct fields *fields, enum layer_type type, enum dtype dtype,
                       struct layer *layer);

/* The parts of it that /conv2d shares: everything but channels, kernel_size and bias. */
bool layer_fields_read_conv(const struct fields *fields, int axes, struct layer_conv *conv);

/* A count that is at least 0 when it is given; -1 stays for "not given". */
bool layer_fields_read_count(const struct fields *fields, const char *name, int64_t *value);

#endif
