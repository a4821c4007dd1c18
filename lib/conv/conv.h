/*
 * 2-D convolution (cross-correlation, as in every deep-learning framework):
 *
 *   out[n, k, y, x] = bias[k] + sum over c, i, j of
 *                     weight[k, c, i, j] * in[n, g * C/G + c, y * sH + i * dH - pad_top, x * sW + j * dW - pad_left]
 *
 * with g = k / (K / G), C input channels, K output channels, G groups; what lies outside the input is what the
 * padding mode says. Life of a convolution: plan (validated, sizes, algorithm, workspace) → run. Running a plan
 * cannot fail and allocates nothing. Results do not depend on the number of threads nor on the other images of
 * the batch, bit by bit.
 *
 * A zero of the padding is multiplied like any other number, so an infinite or NaN weight over it gives NaN. PyTorch
 * does the same wherever it unrolls (float64, small float32 layers) and skips the padding where oneDNN takes over:
 * the same layer may go either way there, here it is one rule for all algorithms and sizes.
 *
 * Subnormal inputs, weights and results may count as zero (lib/base/float_env.h); the flags are the caller's again
 * when conv_run returns.
 */
#ifndef CONVD_LIB_CONV_CONV_H
#define CONVD_LIB_CONV_CONV_H

#include "lib/base/status.h"
#include "lib/base/tensor.h"
#include "lib/layers/layer.h"
#include "lib/threads/run_context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, name on the wire): what a request may ask for, and what ran. AUTO never runs. */
#define CONV_ALGORITHM_MAP(X)                                                                                \
    X(AUTO, "auto")                                                                                          \
    X(GEMM, "gemm")                                                                                          \
    X(DIRECT, "direct")                                                                                      \
    X(WINOGRAD, "winograd")                                                                                  \
    X(REFERENCE, "reference")

enum conv_algorithm {
#define CONV_ALGORITHM_ENUM(NAME, name) CONV_##NAME,
    CONV_ALGORITHM_MAP(CONV_ALGORITHM_ENUM)
#undef CONV_ALGORITHM_ENUM
        CONV_ALGORITHMS
};

const char *conv_algorithm_name(enum conv_algorithm algorithm);
bool conv_algorithm_find(const char *name, enum conv_algorithm *algorithm);

/*
 * How the output is cut. A unit is what is computed at once: a block of `outs` output channels of one group
 * by `rows` by `cols` output positions of one image (GEMM counts an image's positions as one row). Units
 * depend on the layer, the dtype and the algorithm alone, so neither threads nor other images change a bit of
 * the result.
 */
struct conv_tiles {
    int64_t outs, rows, cols;                   /* extent of a unit; those at the edges are smaller */
    int64_t out_blocks, row_blocks, col_blocks; /* how many of them a group of one image has */
    int64_t units;                              /* in the whole batch */
    int64_t units_per_piece;                    /* units that one thread takes at once */
    int64_t depth;                    /* GEMM: rows of the column matrix that are unrolled at once */
    int64_t channels, tap_rows, taps; /* DIRECT: the part of the sum that one kernel call takes */
    int64_t gathered;                 /* DIRECT: elements of the gathered input, for the largest unit */
    bool flat;                        /* DIRECT: a unit's rows are computed as one long row */
    bool two_level;                   /* DIRECT: long sums are kept in a buffer of the unit's size first */
    int64_t calls_per_sum;            /* DIRECT, two_level: kernel calls that are summed there */
};

struct conv_plan {
    enum dtype dtype;
    enum conv_algorithm algorithm; /* what will run: not AUTO */
    enum padding_mode padding_mode;
    int64_t groups;
    int64_t group_channels; /* C / G */
    int64_t group_outs;     /* K / G */
    struct layer_sizes sizes;
    struct conv_tiles tiles;
    size_t workspace_bytes_per_slot; /* what conv_run needs for each slot of its workers; a multiple of 64 */
};

/*
 * Plans `layer` (a conv2d) for an input of shape `input`. Refusals: those of layer_sizes; UNSUPPORTED (place
 * "algorithm") when `wanted` cannot do this layer; INVALID_VALUE (place "dtype") for anything but floats. The
 * workspace is a few hundred KiB at most, whatever the sizes.
 */
enum status conv_plan(struct conv_plan *plan, const struct layer *layer, const struct shape *input,
                      enum dtype dtype, enum conv_algorithm wanted, struct fault *fault);

/*
 * input [N, C, H, W], weight [K, C/G, kH, kW], bias [K] or NULL, output [N, K, outH, outW]: plain C order, of
 * the plan's dtype, no overlap. When *cancelled becomes true the output is unfinished.
 */
void conv_run(const struct conv_plan *plan, const void *input, const void *weight, const void *bias,
              void *output, const struct run_context *context);

#endif
