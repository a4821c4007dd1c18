/*
 * Where Winograd's tiles lie, and how its workspace and its packed weights are laid out: what the planner and the
 * method share. The formulas are in lib/kernels/winograd_kernels.h.
 *
 * With a dilation of d, every d-th row and column of an output sees every d-th of the input: d * d convolutions without
 * dilation, which share the weights. In what follows a plane has the rows of one of d phases, and an image d planes.
 *
 *   tile t of row y of plane p:  t = x * d + q, phase q of the columns varying fastest
 *   its output [i, j]:           row p + d * (m * y + i), column q + d * (m * x + j)
 *
 * So the tiles in a vector have neighbouring columns for every d.
 *
 * A kernel larger than 3 x 3 is cut into parts of 3 x 3, those at its end filled up with zeros. Each part is a channel
 * more, which sees the input 3 rows or columns further on: the products of all are summed under the same tile.
 *
 * With a stride of 2 a kernel is 3 x 3, and a tile of 2 x 2 outputs sees 5 x 5 inputs, the next tile 4 on.
 *
 * The planes of all images are covered with tiles of m x m outputs, counted row by row and plane by plane. A
 * unit is a run of these tiles and a block of output channels: it transforms what its tiles see of every channel,
 * multiplies, a block of outputs at a time, and transforms back, and all that stays in cache. Sums do not depend on
 * the unit that a tile falls into, so neither do results.
 *
 * Infinities, NaN and numbers near the largest float would spread over a whole tile; tiles where any shows in one of a
 * block of output channels are computed once more for that block, as products with the weights that came.
 *
 * So are tiles at the ends of the planes where rounding would show (winograd_ends.h), and all tiles of a block in which an
 * output has few weights that are not 0 (an identity, a shift): a plain sum of these rounds a few times, but a tile takes the
 * inputs between them in, too, which is up to 3.5 times the error bound of `highest` for one weight, 1.35 for two, 0.9 for three.
 */
#ifndef CONVD_LIB_CONV_WINOGRAD_H
#define CONVD_LIB_CONV_WINOGRAD_H

#include "lib/conv/plan.h"

/* The largest kernels, in rows and in columns. */
enum { WINOGRAD_MOST_KERNEL = 9 };

struct winograd_grid {
    int64_t m;                 /* outputs of a tile in each direction */
    int64_t n, step;           /* inputs of a tile, and from one to the next */
    int64_t points, matrices;  /* n * n; of weights: as many, or 4 * 4 with a stride of 2 */
    int64_t dilation[2];       /* of rows and columns */
    int64_t planes;            /* of one image: the phases of rows that there are */
    int64_t phases;            /* of columns */
    int64_t rows, cols, tiles; /* tiles of one plane: rows * cols, cols a multiple of phases */
    int64_t parts[2];          /* of the kernel, in rows and columns */
    int64_t
        depth; /* channels of a group, by parts: number (c * parts[1] + part of columns) * parts[0] + of rows */
};

struct winograd_grid winograd_grid(const struct conv_plan *plan);

/* Elements of the parts of the workspace, in their order. */
struct winograd_memory {
    int64_t v_step, v;             /* transformed inputs: [points] v_step apart, each [depth, tiles.cols] */
    int64_t s_step, s;             /* sums of products, alike: [tiles.outs_at_once, tiles.cols] */
    int64_t suspect_step, suspect; /* [tiles.outs / GEMM_BLOCK] suspect_step apart, each [tiles.cols] */
    int64_t row;                   /* a row of the input, with a padding that is not zero or a dilation */
    int64_t split, split_step;     /* all rows of one channel, each in m runs split_step apart */
    int64_t out, out_step;         /* [m, out_step] outputs of a run of tiles, when columns have phases */
    int64_t total;
};

struct winograd_memory winograd_memory(const struct conv_plan *plan);

/* What the weights are packed into, in elements: where each part begins, and all of them. */
enum winograd_again { AGAIN_NONE, AGAIN_ENDS, AGAIN_ALL };

struct winograd_packing {
    /* Transformed weights, packed blocks of [G, matrices, K/G, depth], are at 0. */
    int64_t plain; /* those that came, [K, C/G, kH, kW] */
    int64_t
        largest; /* [G, blocks of K/G, C/G, kH, kW]: their largest magnitudes in a block of output channels */
    int64_t
        again; /* [G, blocks of K/G]: which of a block's outputs are computed once more, enum winograd_again */
    int64_t total;
};

struct winograd_packing winograd_packing(const struct conv_plan *plan);

/* Packs block number `index` of all groups' blocks of GEMM_BLOCK output channels. */
void winograd_prepare_f32(const struct conv_plan *plan, const float *weight, float *packed, int64_t index);
void winograd_prepare_f64(const struct conv_plan *plan, const double *weight, double *packed, int64_t index);

#endif
