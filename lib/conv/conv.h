/*
 * 2-D convolution (cross-correlation, as in every deep-learning framework):
 *
 *   out[n, k, y, x] = bias[k] + sum over c, i, j of
 *                     weight[k, c, i, j] * in[n, g * C/G + c, y * sH + i * dH - pad_top, x * sW + j * dW - pad_left]
 *
 * with g = k / (K / G), C input channels, K output channels, G groups; what lies outside the input is what the
 * padding mode says. Life of a convolution: plan (validated, sizes, algorithm, workspace) → prepare (the weights, where
 * the plan says so; once for many runs or as a part of each) → run. Neither can fail and neither allocates. Results
 * do not depend on the number of threads nor on the other images of the batch, bit by bit.
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
 * X(NAME, name on the wire): how products may be computed, as torch.set_float32_matmul_precision names it.
 * Only HIGHEST counts for float64.
 */
#define CONV_PRECISION_MAP(X)                                                                                \
    X(HIGHEST, "highest")                                                                                    \
    X(HIGH, "high")                                                                                          \
    X(MEDIUM, "medium")

enum conv_precision {
#define CONV_PRECISION_ENUM(NAME, name) CONV_##NAME,
    CONV_PRECISION_MAP(CONV_PRECISION_ENUM)
#undef CONV_PRECISION_ENUM
        CONV_PRECISIONS
};

const char *conv_precision_name(enum conv_precision precision);
bool conv_precision_find(const char *name, enum conv_precision *precision);

/* What a caller wants; zero-initialised it is the default of a request with its weights inline. */
struct conv_options {
    enum conv_algorithm algorithm;
    enum conv_precision precision;
    bool prepared; /* conv_prepare runs once for many runs, so its time does not count */
    const struct kernels
        *kernels; /* whose plan it is; NULL: that of the level in use, the only one that may run */
};

/* What computes an algorithm: several for some, none for AUTO. */
enum conv_method {
    CONV_METHOD_REFERENCE,
    CONV_METHOD_ROWS,     /* direct: row kernels over the input itself */
    CONV_METHOD_BLAS,     /* gemm: unrolled columns for OpenBLAS */
    CONV_METHOD_COLUMNS,  /* gemm: columns for the GEMM kernels of lib/kernels */
    CONV_METHOD_IMPLICIT, /* gemm: the same, by kernels that find the columns in a copy of the input */
    CONV_METHOD_ZONES,    /* gemm: columns of one tap, in rectangles whose taps all see the input */
    CONV_METHOD_WINOGRAD,
    CONV_METHOD_DEPTHWISE, /* direct: depthwise kernels over padded copies of few channels' planes */
};

/*
 * How the output is cut. A unit is what is computed at once: a block of `outs` output channels of one group, or all
 * output channels of some groups, by `rows` by `cols` output positions of one image (BLAS, COLUMNS and IMPLICIT
 * count an image's positions as one row, WINOGRAD the tiles of all images); those at the edges, and of ZONES in
 * smaller zones, are smaller. Units depend on the layer, the dtype and the method alone, and no sum on the unit that
 * it falls into, so neither threads nor other images change a bit of the result.
 */
struct conv_tiles {
    int64_t outs, rows, cols;
    int64_t groups; /* DEPTHWISE: groups in a unit; else 1 */
    /* How many of them a group, or block of groups, of one image has. */
    int64_t out_blocks, row_blocks, col_blocks;
    int64_t group_blocks;
    int64_t units;           /* in the whole batch */
    int64_t units_per_piece; /* units that one thread takes at once */
    int64_t planes;          /* DEPTHWISE: padded planes that are in the workspace at once */
    int64_t depth;           /* BLAS, COLUMNS, IMPLICIT: products of an output that are summed at once */
    /* ROWS: the part of the sum that one kernel call takes; COLUMNS, IMPLICIT: channels. */
    int64_t channels, tap_rows, taps;
    int64_t gathered; /* ROWS, COLUMNS, IMPLICIT: elements of the gathered input, for the largest unit */
    int64_t
        columns; /* BLAS, COLUMNS, ZONES: elements of a unit's columns; 0 where the input itself is read */
    int64_t unpaired;      /* with `pairs`: elements of two channels before they are paired */
    bool flat;             /* ROWS: a unit's rows are computed as one long row */
    int64_t sums;          /* elements of the largest unit's sums; 0 where kernel calls add to the output */
    int64_t calls_per_sum; /* kernel calls that are summed there before they are added to the output */
    int64_t winograd_m;    /* WINOGRAD: outputs of a tile in each direction, 2 or 4 */
    /* WINOGRAD: output channels whose sums are in the workspace. IMPLICIT: whose weights are packed there; 0 where
     * conv_prepare has packed them. */
    int64_t outs_at_once;
};

struct conv_plan {
    enum dtype dtype;
    enum conv_algorithm algorithm; /* what will run: not AUTO */
    enum conv_method method;
    enum padding_mode padding_mode;
    int64_t groups;
    int64_t group_channels; /* C / G */
    int64_t group_outs;     /* K / G */
    bool
        pairs; /* COLUMNS, IMPLICIT: bfloat16 are multiplied, those of two channels in an element of the matrices */
    struct layer_sizes sizes;
    struct conv_tiles tiles;
    const struct kernels *kernels;
    size_t packed_bytes; /* what conv_prepare makes of the weights; 0: they are used as they are */
    size_t workspace_bytes_per_slot; /* what conv_run needs for each slot of its workers; a multiple of 64 */
};

/*
 * Plans `layer` (a conv2d) for an input of shape `input`. Refusals: those of layer_sizes; UNSUPPORTED (place
 * "algorithm") when the algorithm that `options` names cannot do this layer; INVALID_VALUE (place "dtype") for
 * anything but floats. The workspace is bounded, whatever the sizes: CONV_MOST_WORKSPACE_BYTES a slot.
 */
enum { CONV_MOST_WORKSPACE_BYTES = 8 << 20 };

enum status conv_plan(struct conv_plan *plan, const struct layer *layer, const struct shape *input,
                      enum dtype dtype, const struct conv_options *options, struct fault *fault);

/*
 * What a layer that conv_plan takes costs for the operation limit beside its products: copies and transforms of the input,
 * empty lanes, the beginning of units. In multiply-accumulates that take as long; INT64_MAX when that does not fit. It is
 * that of portable kernels' plan, so that the same layer passes a limit on every CPU. At most CONV_MOST_COPIES for each of
 * its multiply-accumulates (21,064 is the most that was found: a tap that is read for one output from every eighth place, once
 * for each block of columns).
 */
enum { CONV_MOST_COPIES = 1 << 15 };

int64_t conv_copies(const struct layer *layer, const struct shape *input, enum dtype dtype,
                    const struct conv_options *options);

/* "columns: 256 x 1 x 192, depth 512, …": the method and how it cuts the output, for people. */
void conv_plan_describe(const struct conv_plan *plan, char *text, size_t capacity);

/* Packs weight [K, C/G, kH, kW] into packed_bytes bytes at `packed`, aligned to 64. Only where packed_bytes is not
 * 0. */
void conv_prepare(const struct conv_plan *plan, const void *weight, void *packed,
                  const struct run_context *context);

/*
 * input [N, C, H, W], weights as conv_prepare has left them or, where packed_bytes is 0, [K, C/G, kH, kW], bias [K]
 * or NULL, output [N, K, outH, outW]: plain C order, of the plan's dtype, no overlap. When *cancelled becomes true
 * the output is unfinished.
 */
void conv_run(const struct conv_plan *plan, const void *input, const void *weights, const void *bias,
              void *output, const struct run_context *context);

#endif
