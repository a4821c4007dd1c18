/*
 * 2-D pooling: max, average, lp, adaptive max and average, with PyTorch's semantics.
 *
 *   max   out[n, c, y, x] = max over the window's cells inside the input; NaN wins, the last NaN gives the index,
 *         else the first of equal values; a window in padding alone gives -Infinity with index -1
 *   avg   sum of the window's cells inside the input / divisor; the divisor is divisor_override, or the window's
 *         cells inside the padded input (count_include_pad), or those inside the input; in padding alone 0
 *   lp    (k * avg(x^p))^(1/p) with k the full window, as torch.nn.functional.lp_pool2d writes it
 *   adaptive: cell i of an axis reads [floor(i * in / out), ceil((i + 1) * in / out))
 *
 * Averages and powers of float32 are summed in double. Results do not depend on the number of threads nor on
 * the other images of the batch, bit by bit; max gives PyTorch's bits.
 *
 * Source: aten/src/ATen/native/{MaxPooling,AveragePool2d,AdaptiveAveragePooling,AdaptiveMaxPooling2d}.cpp and
 * torch/nn/functional.py.
 */
#ifndef CONVD_LIB_POOLING_POOLING_H
#define CONVD_LIB_POOLING_POOLING_H

#include "lib/base/status.h"
#include "lib/base/tensor.h"
#include "lib/layers/layer.h"
#include "lib/threads/run_context.h"

#include <stdint.h>

struct pooling_plan {
    enum dtype dtype;
    struct layer_pooling layer;
    struct layer_sizes sizes;
};

/* Plans `layer` (of family POOLING, two axes). Refusals: those of layer_sizes; TOO_LARGE when an adaptive
 * window's bounds cannot be computed in 63 bits (place "output_size/0"). A pooling needs no workspace. */
enum status pooling_plan(struct pooling_plan *plan, const struct layer *layer, const struct shape *input,
                         enum dtype dtype, struct fault *fault);

/*
 * input [N, C, H, W], output [N, C, outH, outW] of the plan's dtype; indices (may be NULL) of the output's
 * shape: flat positions y * W + x in each plane. context->workspace is not used. When *context->cancelled
 * becomes true the output is unfinished.
 */
void pooling_run(const struct pooling_plan *plan, const void *input, void *output, int64_t *indices,
                 const struct run_context *context);

/*
 * Work for the operation limit: input cells that are looked at, as if no window reached into the padding.
 * False when it does not fit into 63 bits.
 */
bool pooling_operations(const struct pooling_plan *plan, int64_t *operations);

/* Whether a maximum takes its cells one by one, which is many times as slow: windows whose cells are no neighbours or few,
 * and that do not go abreast. */
bool pooling_looks_alone(const struct pooling_plan *plan, bool indexed);

/* What the way that it takes through a plane costs at least, in multiply-accumulates that take as long: lanes that stay empty,
 * taps in the padding, powers, windows by themselves. The same on every CPU; INT64_MAX when it does not fit. */
int64_t pooling_cost(const struct pooling_plan *plan, bool indexed);

#endif
