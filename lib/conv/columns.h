/*
 * How a tile of the output finds its columns in the input: what the planner and the methods COLUMNS and
 * IMPLICIT share.
 *
 * A unit's part of the input is gathered first, with the padding resolved and one run of columns for each phase of
 * the horizontal stride. Every tap's columns are then runs of neighbours in there, and are unrolled without a look at
 * edges:
 *
 *   column (y, x) under tap (c, i, j) is at   c * channel_step + (y - y0) * out_row_step + i * tap_row_step
 *                                             + slot(j) * phase_step + shift(j) + (x - x0)
 */
#ifndef CONVD_LIB_CONV_COLUMNS_H
#define CONVD_LIB_CONV_COLUMNS_H

#include "lib/conv/gather.h"
#include "lib/conv/plan.h"
#include "lib/kernels/row_kernels.h"

enum {
    /* Products of an output that are summed at once: of one channel, or of some up to half as many. */
    COLUMNS_MOST_DEPTH = 1024,
    /* IMPLICIT: output channels whose weights stay in cache for all of a unit's columns. */
    COLUMNS_OUTS = 64,
};

/* A unit's positions are a part of one row, or whole rows but for the first's begin and the last's end. */
struct columns_span {
    int64_t y0, rows; /* output rows that it touches */
    int64_t x0, cols; /* output columns that it touches: all, when it touches several rows */
};

struct columns_layout {
    struct columns_span span;
    struct gather_layout rows;
    int64_t phases;     /* of the horizontal stride, those that a tap has */
    int64_t phase_step; /* elements of a phase's run */
    int64_t row_step;   /* phases * phase_step */
    int64_t channel_step;
    bool splits; /* a row's phases are what the split kernels make of it */
    bool fills;  /* and all rows of some channels, but for zeros, what the fill kernels make of them */
    bool takes;  /* one tap, no padding: what is wanted of a row is there, a stride apart */
};

/* Of positions first .. first + count - 1 of the output plane. */
struct columns_span columns_span(const struct conv_plan *plan, int64_t first, int64_t count);

/* The largest span of `count` positions. */
struct columns_span columns_widest_span(const struct conv_plan *plan, int64_t count);

/* The layout that a span is gathered into. */
struct columns_layout columns_layout(const struct conv_plan *plan, const struct columns_span *span);

/* The phase of tap j, by the order of first use, and how far it is shifted within its run. */
int64_t columns_slot(const struct window_axis *axis, int64_t tap);
int64_t columns_shift(const struct window_axis *axis, int64_t tap);

/* Elements of the packed weights: the GEMM's blocks of each group, and for each of all blocks and of the parts that its
 * channels are multiplied in 0, or NaN when one of its weights is not finite. */
int64_t columns_packed(const struct conv_plan *plan);

/* Packs block number `index` of all groups' blocks of GEMM_BLOCK output channels. */
void columns_prepare_f32(const struct conv_plan *plan, const float *weight, float *packed, int64_t index);
void columns_prepare_f64(const struct conv_plan *plan, const double *weight, double *packed, int64_t index);

#endif
