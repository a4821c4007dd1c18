/*
 * A layer's output size as a line of arithmetic with its numbers put in.
 */
#ifndef CONVD_API_ENDPOINTS_FORMULA_H
#define CONVD_API_ENDPOINTS_FORMULA_H

#include "api/json/text.h"
#include "lib/layers/layer.h"

/* Whether layers of this type have a line an axis: those with a window of one size, and those that pad or
 * scale. */
bool formula_exists(enum layer_type type);

/* {"height": "floor((32 + 2*0 - 1*(3 - 1) - 1) / 1) + 1 = 30", …}: what stands left of = evaluates to what
 * stands right. */
void formula_write(struct text *text, const struct layer *layer, const struct layer_sizes *sizes);

#endif
