/*
 * What the planner and the methods share: a layer's numbers, the choice between methods, and units of work.
 */
#ifndef CONVD_LIB_CONV_PLAN_H
#define CONVD_LIB_CONV_PLAN_H

#include "lib/base/checked.h"
#include "lib/conv/conv.h"
#include "lib/kernels/chains.h"

/*
 * Sums are kept accurate by three levels: products in the chains of a kernel call, calls in one chain of the slot's
 * sums (lib/conv/sums.inc.h), and those in the output. m parts of n calls lose as m + n / m^2 does (lib/kernels/chains.h),
 * which is least where m is the cube root of 2 n. Up to so many calls go to the output directly. Layers of one output and
 * 4,000 to 250,000 products of one sign, how often 2^-22 of the sum was passed: calls added one by one GEMM 141 of 5,658,
 * by up to 2.0, DIRECT 33 of 7,747, by up to 1.75; like this 0 of 21,458 and of 29,417.
 */
enum { DIRECT_CALLS = 4, GEMM_CALLS = 8 };

/* ---- a layer's numbers ---- */

/* K of the output that will be written: PyTorch gives 0 channels for C = 0, whatever the weight says. */
static inline int64_t conv_outs(const struct layer_sizes *sizes) {
    return sizes->output.dim[sizes->output.rank - 3];
}

static inline int64_t conv_depth(const struct layer_sizes *sizes, int64_t groups) {
    int64_t taps = saturating_mul(sizes->axis[0].kernel, sizes->axis[1].kernel);
    return saturating_mul(sizes->channels / groups, taps);
}

/* Channels of a group as the GEMM kernels count them: a pair is one. */
static inline int64_t conv_gemm_channels(const struct conv_plan *plan) {
    return plan->pairs ? div_ceil_i64(plan->group_channels, 2) : plan->group_channels;
}

static inline int64_t conv_positions(const struct layer_sizes *sizes) {
    return saturating_mul(sizes->axis[0].output, sizes->axis[1].output);
}

/* Whether every size that GEMM hands to BLAS fits its 32-bit integers. */
bool conv_gemm_fits(const struct layer_sizes *sizes, int64_t groups);

/* Whether the input's planes already are the column matrix: 1 x 1, stride 1, no padding. */
bool conv_is_pointwise(const struct layer_sizes *sizes);

/* ---- the choice (choice.c) ---- */

/*
 * The algorithm for a layer, where none is asked for and products are not of bfloat16: a pure function of one image's numbers and of what the CPU has.
 * N is not looked at, so that an image is computed the same way in every batch.
 */
enum conv_algorithm conv_choose(const struct layer_sizes *sizes, int64_t groups, enum dtype dtype,
                                const struct conv_options *options);

/* Fills algorithm and method of a plan that has its sizes; STATUS_UNSUPPORTED when the algorithm asked for cannot do the
 * layer. */
enum status conv_plan_choose(struct conv_plan *plan, const struct conv_options *options, struct fault *fault);

/* ---- the cut (cut.c) ---- */

/* Fills the tiles and the memory of a plan that has its method; false when the units are more than 63 bits count. */
bool conv_plan_cut(struct conv_plan *plan, const struct conv_options *options);

/* Whether COLUMNS' gathered input stays in cache for at least one tile. */
bool conv_columns_fit(const struct conv_plan *plan);

/* Whether IMPLICIT's gathered input has room for whole rows of the output, and sums that are not too short. */
bool conv_implicit_fits(const struct conv_plan *plan);

/* The block of the output that a unit computes. */
struct conv_unit {
    int64_t image, group, groups;
    int64_t k, outs; /* output channels of the whole layer: k .. k + outs - 1 */
    int64_t y, rows;
    int64_t x,
        cols; /* BLAS, COLUMNS, IMPLICIT: flat positions in the plane; WINOGRAD: tiles, and `image` is 0 */
};

struct conv_unit conv_unit_at(const struct conv_plan *plan, int64_t index);

/* One conv_run, read by all of its pieces; everything borrowed. */
struct conv_call {
    const struct conv_plan *plan;
    const void *input, *weight, *bias;
    void *output;
    const struct run_context *context;
};

static inline bool conv_cancelled(const struct conv_call *call) {
    const atomic_bool *cancelled = call->context->cancelled;
    return cancelled != NULL && atomic_load_explicit(cancelled, memory_order_relaxed);
}

static inline const struct window_axis *conv_axis_y(const struct conv_plan *plan) {
    return &plan->sizes.axis[0];
}

static inline const struct window_axis *conv_axis_x(const struct conv_plan *plan) {
    return &plan->sizes.axis[1];
}

/*
 * Computes one unit into call->output; `workspace` is the slot's. Offsets are products of sizes, and safe:
 * each is below the number of elements of a tensor that exists, which layer_sizes and conv_plan have checked.
 */
typedef void conv_unit_fn(const struct conv_call *call, const struct conv_unit *unit, void *workspace);

conv_unit_fn conv_blas_f32, conv_blas_f64;
conv_unit_fn conv_columns_f32, conv_columns_f64;
conv_unit_fn conv_depthwise_f32, conv_depthwise_f64;
conv_unit_fn conv_rows_f32, conv_rows_f64;
conv_unit_fn conv_winograd_f32, conv_winograd_f64;
conv_unit_fn conv_zones_f32, conv_zones_f64;
conv_unit_fn conv_reference_f32, conv_reference_f64;

#endif
