/*
 * The choice: which algorithm computes a layer, and by which method. The thresholds are measured; each says where.
 */
#include "lib/conv/depthwise.h"
#include "lib/conv/plan.h"
#include "lib/conv/winograd.h"
#include "lib/conv/zones.h"
#include "lib/kernels/kernels.h"

enum {
    /* Up to here WINOGRAD's transformed tiles fit into the workspace: channels of a group, by parts of 3 x 3. */
    WINOGRAD_MOST_CHANNELS = 2048,
    /* A row of the input is copied for each phase of the rows; beyond this a few outputs would copy long rows. */
    WINOGRAD_MOST_DILATION = 64,
    IMPLICIT_MOST_WEIGHTS = 3 << 20, /* inline */
};

bool conv_is_pointwise(const struct layer_sizes *sizes) {
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &sizes->axis[i];
        if (a->kernel != 1 || a->stride != 1 || a->pad_begin != 0 || a->pad_end != 0)
            return false;
    }
    return true;
}

bool conv_gemm_fits(const struct layer_sizes *sizes, int64_t groups) {
    return conv_outs(sizes) <= INT32_MAX && conv_depth(sizes, groups) <= INT32_MAX &&
           conv_positions(sizes) <= INT32_MAX;
}

/* The 3 x 3 kernels that a kernel is made of. */
static int64_t winograd_parts(const struct layer_sizes *sizes) {
    return div_ceil_i64(sizes->axis[0].kernel, 3) * div_ceil_i64(sizes->axis[1].kernel, 3);
}

/* Whether WINOGRAD can do the layer at all: its formulas, and a workspace within bounds. */
static bool winograd_fits(const struct layer_sizes *sizes, int64_t groups) {
    int64_t channels = sizes->channels / groups, tiles;
    for (int i = 0; i < 2; i++) {
        const struct window_axis *a = &sizes->axis[i];
        channels = saturating_mul(channels, div_ceil_i64(a->kernel, 3));
        if (a->kernel < 3 || a->kernel > WINOGRAD_MOST_KERNEL || a->stride > 2 ||
            a->stride != sizes->axis[0].stride || (a->stride == 2 && (a->kernel != 3 || a->dilation != 1)) ||
            a->dilation > WINOGRAD_MOST_DILATION || a->output > INT32_MAX)
            return false;
    }
    return channels > 0 && channels <= WINOGRAD_MOST_CHANNELS && conv_outs(sizes) <= INT32_MAX &&
           checked_mul(conv_positions(sizes), sizes->batch, &tiles);
}

/* Of a block's size: there IMPLICIT is as fast as GEMM's own tiles (1 x 1 with stride 2: 1.0; with AVX2 0.8 to 0.94). */
static bool has_wide_vectors(const struct kernels *kernels) {
    return (kernels != NULL ? kernels : kernels_get())->gemm->cols_f32 >= 3 * GEMM_BLOCK;
}

/* Output channels fill blocks of GEMM's rows, or nearly. */
static bool fills_blocks(int64_t outs) {
    return 8 * div_ceil_i64(outs, GEMM_BLOCK) * GEMM_BLOCK <= 9 * outs;
}

/*
 * From how many positions of an image on WINOGRAD pays for 16 to 47 channels, with AVX-512; in brackets its time over the
 * best of the others. The inputs' transform is shared by the output channels: 16 to 16 at 24 x 24 1.02, 32 x 32 0.86; 32 to
 * 32 at 22 x 22 1.0, 24 x 24 0.91; 32 to 48 at 18 x 18 0.95; 32 to 64 at 14 x 14 1.03, 16 x 16 0.85, inline 1.02, at 20 x
 * 20 0.86; 32 to 128 at 12 x 12 0.97, 14 x 14 0.73, inline 0.88; 16 to 48 at 24 x 24 0.88, 16 to 128 at 16 x 16 0.75. 24
 * outputs leave blocks of the others half empty: 16 x 16 0.9.
 */
static int64_t winograd_few_least(int64_t ins, int64_t outs, bool prepared) {
    if (!fills_blocks(outs))
        return 16 * 16;
    if (outs < 32)
        return 26 * 26;
    if (outs < 48 || (outs < 64 && ins < 24))
        return 24 * 24;
    if (outs < 64)
        return prepared ? 18 * 18 : 22 * 22;
    if (outs < 128)
        return prepared ? 16 * 16 : 20 * 20;
    return prepared ? 14 * 14 : 16 * 16;
}

/*
 * The same for any number, where the transforms are shared by `channels`, the fewer of those in and out. With as many in as
 * out: 48 at 14 x 14 1.08, 16 x 16 0.92; 64 at 10 x 10 1.15, 14 x 14 0.9; 96 at 9 x 9
 * 1.2, 10 x 10 0.97; 128 at 9 x 9 1.06, 10 x 10 0.87; 256 at 7 x 7 0.77. The weights' transform, inline, is paid by
 * positions: 64 at 14 x 14 1.0; 128 at 10 x 10 1.03, 14 x 14 0.78; 256 at 9 x 9 1.12, 10 x 10 0.92. 8 at 56 x 56: 1.3. Many to few: 32 to 8 at 28 x 28 0.95, to 12 0.87; 64 to 8 at
 * 20 x 20 1.23, 28 x 28 0.64, to 12 0.65; 256 to 9 at 20 x 20 0.75, 56 x 56 0.6; with AVX2 0.6 to 0.8.
 */
static int64_t winograd_least(int64_t ins, int64_t outs, const struct conv_options *options) {
    bool prepared = options->prepared;
    int64_t channels = min_i64(ins, outs);
    if (channels < 16 && ins >= 32 && outs < 16)
        return ins >= 64 ? 24 * 24 : 28 * 28;
    if (!has_wide_vectors(options->kernels)) /* 32 channels at 26 x 26: 0.74, where AVX-512 has 1.0 */
        return channels >= 128  ? (prepared ? 7 * 7 : 9 * 9)
               : channels >= 64 ? 10 * 10
               : channels >= 16 ? 16 * 16
                                : 112 * 112;
    if (channels < 16)
        return 112 * 112;
    if (channels < 48)
        return winograd_few_least(ins, outs, prepared);
    if (channels < 64)
        return 16 * 16;
    if (channels < 128)
        return prepared ? (channels < 96 ? 13 * 13 : 10 * 10) : 14 * 14;
    if (channels < 256)
        return prepared ? 10 * 10 : 12 * 12;
    return prepared ? 7 * 7 : 10 * 10;
}

/*
 * The same for kernels in parts, which are transformed once more for each and pay by how far the weights fill them: 9 x 9 all of
 * them, 5 x 5 25 of 36, 7 x 7 49 of 81. F(4 x 4, 3 x 3), which all but `highest` take, multiplies half as often. In brackets
 * is the time of inline weights.
 *
 *     9 x 9    32 at 20 x 20 1.06, at 28 x 28 0.7; 64 at 20 x 20 0.7 (0.83)
 *     5 x 5    16 to 16 at 56 x 56 1.12, to 64 0.8; 32 at 40 x 40 0.95, at 56 x 56 0.89; 64 at 20 x 20 1.07, at 28 x 28 0.83
 *              (0.92); 128 at 28 x 28 0.79; 256 at 28 x 28 1.04, at 40 x 40 0.88 (0.94). F(4 x 4): 32 at 40 x 40 1.2, at
 *              56 x 56 0.73; 64 at 20 x 20 1.36, at 28 x 28 0.78; 256 at 28 x 28 0.85
 *     7 x 7    32 at 80 x 80 1.0; 64 at 40 x 40 0.98, at 56 x 56 0.94 (0.97); 128 at 40 x 40 1.03, at 56 x 56 0.96 (1.09), at
 *              80 x 80 0.88 (AVX2 with 512 KiB of L2 cache: at 28 x 28 1.29, at 80 x 80 1.22; 64 at 56 x 56 0.91). F(4 x 4):
 *              32 at 28 x 28 0.99, at 40 x 40 0.86; 64 at 28 x 28 0.74; 128 at 28 x 28 1.08, at 40 x 40 0.92
 */
static int64_t winograd_parts_least(const struct layer_sizes *sizes, int64_t channels, int64_t outs,
                                    const struct conv_options *options) {
    int64_t taps = sizes->axis[0].kernel * sizes->axis[1].kernel, room = 9 * winograd_parts(sizes);
    bool few_products = options->precision != CONV_HIGHEST;
    if (channels < 16 || (channels < 32 && outs < 64))
        return INT64_MAX;
    if (10 * taps > 9 * room)
        return channels < 48 ? 26 * 26 : 20 * 20;
    if (3 * taps > 2 * room) {
        if (channels < 48)
            return 48 * 48;
        return few_products || channels < 192 ? 26 * 26 : 36 * 36;
    }
    if (!has_wide_vectors(options->kernels) && channels >= 96 && !few_products)
        return INT64_MAX;
    if (few_products)
        return channels >= 48 && channels < 96 ? 26 * 26 : 40 * 40;
    return channels < 48 ? INT64_MAX : options->prepared ? 56 * 56 : 80 * 80;
}

/*
 * The same for a stride of 2, where 25 products stand for 36, in positions of the output: 64 channels at 56 x 56 0.87,
 * but with an error of up to 1.3 of the bound where kernels are checkerboards, which is 0.9 from 96 on; 128 at 14 x 14 1.12, at 28 x 28 0.82; 256 at 7 x 7 1.2, 13 x 13 1.05, 14 x 14 0.9 (inline 1.0), at 28 x 28 0.74.
 */
static int64_t winograd_strided_least(int64_t channels, bool prepared) {
    if (channels < 96)
        return INT64_MAX;
    if (channels < 128)
        return 32 * 32;
    return channels < 256 ? 24 * 24 : prepared ? 14 * 14 : 20 * 20;
}

/*
 * The same with dilations, whose planes are as many smaller ones, in each of which tiles begin anew, by `dilation`, how many.
 * In brackets the time over GEMM's; with AVX2 the same to 0.05.
 *
 *     highest     32 at 64 x 64 1.3 to 1.6, 48 at 80 x 80 1.04 to 1.27; 64, d = 2 at 28 x 28 1.03, 32 x 32 0.92, d = 3 and more
 *                 0.92 to 1.2; 96, d = 2 at 24 x 24 1.06, 32 x 32 0.95, d = 3 at 32 x 32 1.16, 40 x 40 0.95; 128, d = 2 at 18 x 18
 *                 1.16, 24 x 24 0.93, d = 4 at 28 x 28 1.07, 40 x 40 0.82; 256, d = 2 at 12 x 12 0.94, d = 4 at 24 x 24 0.76, d = 6 at 33 x 33 0.84
 *     the others  32 at 64 x 64 0.86 to 1.2, 96 x 96 0.8 to 0.9; 48 at 64 x 64 0.85 to 1.02; 64 at 40 x 40 0.87 to 1.13, 48 x 48
 *                 0.8; 96 at 40 x 40 0.74 to 1.0; 128 at 28 x 28 0.8 to 1.0; 256 at 14 x 14 0.83, 20 x 20 0.8
 */
static int64_t winograd_dilated_least(int64_t channels, int64_t dilation,
                                      const struct conv_options *options) {
    if (options->precision != CONV_HIGHEST)
        return channels < 32    ? INT64_MAX
               : channels < 48  ? 80 * 80
               : channels < 64  ? 60 * 60
               : channels < 96  ? 48 * 48
               : channels < 128 ? 40 * 40
               : channels < 256 ? 30 * 30
                                : 20 * 20;
    if (channels < 64 || (channels < 96 && dilation > 2 * 2))
        return INT64_MAX;
    int64_t side = channels < 96 ? 16 : channels < 128 ? 14 : channels < 256 ? 10 : 5;
    return side * side * dilation;
}

/* From how many positions of an image on WINOGRAD is the fastest where rows are long. */
static int64_t winograd_least_of(const struct layer_sizes *sizes, int64_t groups,
                                 const struct conv_options *options) {
    int64_t ins = sizes->channels / groups, outs = conv_outs(sizes) / groups, channels = min_i64(ins, outs);
    int64_t dilation = sizes->axis[0].dilation * sizes->axis[1].dilation;
    if (sizes->axis[0].stride > 1)
        return winograd_strided_least(channels, options->prepared);
    if (winograd_parts(sizes) > 1)
        return saturating_mul(winograd_parts_least(sizes, channels, outs, options), dilation);
    /* Down alone dilation costs nothing: rows are as long (64 at 24 x 24, d = 4 and 1: 0.76, d = 1 and 4: 1.13). */
    return sizes->axis[1].dilation > 1 ? winograd_dilated_least(channels, dilation, options)
                                       : winograd_least(ins, outs, options);
}

/*
 * Whether rows are long enough. The tiles of a row are transformed side by side, few of them in vectors that are half empty, so
 * what pays in a square may not in a strip: 16 channels at 200 x 14 1.5, x 18 1.2, x 24 1.0; 32 at 200 x 10 1.1, x 14 0.95; 48 at 200 x 8
 * 1.0, x 12 0.83, at 43 x 12 1.12; 64 at 29 x 12 0.97, 57 x 6 1.38; 96 at 100 x 6 1.1, x 8 0.97; with 5 x 5 windows 48 at 185 x 11
 * 1.2, x 15 1.05; with stride 2 128 at 42 x 14 1.12, 124 x 14 0.92.
 */
static bool winograd_has_rows(const struct layer_sizes *sizes, int64_t channels, int64_t least) {
    int64_t cols = sizes->axis[1].output, positions = conv_positions(sizes);
    if (saturating_mul(cols, cols) >= least)
        return true;
    return channels >= 32 && saturating_mul(25, saturating_mul(cols, cols)) >= 9 * least &&
           positions / 3 >= least;
}

/* Whether WINOGRAD is the fastest. */
static bool winograd_pays(const struct layer_sizes *sizes, int64_t groups,
                          const struct conv_options *options) {
    int64_t channels = min_i64(sizes->channels, conv_outs(sizes)) / groups;
    if (!winograd_fits(sizes, groups) || channels < 8)
        return false;
    for (int i = 0; i < 2; i++) {
        /* Every weight must meet most of the input: what it does not meet is rounded like what it does. */
        const struct window_axis *a = &sizes->axis[i];
        if (a->input < (a->kernel + 3) * a->dilation - a->dilation / 2)
            return false;
    }
    /* Parts that are filled up multiply zeros: 4 multiplications a part and output beside one a weight. */
    int64_t taps = sizes->axis[0].kernel * sizes->axis[1].kernel;
    if (4 * 4 * winograd_parts(sizes) > 3 * taps)
        return false;
    /* Of one image: the choice, and so the bits, do not depend on the others. */
    int64_t least = winograd_least_of(sizes, groups, options);
    return least < INT64_MAX && conv_positions(sizes) >= least && winograd_has_rows(sizes, channels, least);
}

/*
 * Whether DEPTHWISE is as fast as ROWS where it can be had: by 1.1 to 2.4 from 2 to 32 channels of a group with 3 x 3
 * windows at sizes from 2 x 2 to 56 x 56, by 3 to 14 in depthwise layers. Not with larger windows where the columns
 * leave vectors half empty, which one long row does not (5 x 5, 8 channels: 0.5 at 4 columns, 0.8 at 10, 1.0 at 12), nor
 * GEMM's columns (3 x 3, 32 channels: 0.7 at 9 columns), nor where few products make a large output of rows too long for its
 * workspace (3 channels to 64, 144 columns: 1.03, 160: 0.81; 2 channels, 224: 1.05, 288: 0.8; stride 2, 112: 0.75).
 */
static bool depthwise_pays(const struct layer_sizes *sizes, int64_t groups) {
    const struct window_axis *ax = &sizes->axis[1];
    if (!depthwise_takes(sizes, groups))
        return false;
    if (sizes->channels / groups <= 1)
        return true;
    int64_t lanes = ax->output <= 8 ? 8 : div_ceil_i64(ax->output, 16) * 16;
    if ((ax->kernel > 3 || sizes->channels / groups > 16) && ax->output < lanes / 4 * 3)
        return false;
    if (conv_depth(sizes, groups) > 27)
        return true;
    return ax->stride > 1 ? conv_positions(sizes) < 112 * 112 : sizes->channels / groups * ax->output <= 456;
}

/* Whether IMPLICIT has enough products an output to pay for writing them, which costs wide rows more: see
 * implicit_pays. */
static bool implicit_has_depth(const struct layer_sizes *sizes, int64_t groups) {
    return conv_depth(sizes, groups) >= (sizes->axis[1].output >= 48 ? 256 : 128);
}

/*
 * Whether DEPTHWISE is faster than GEMM, in brackets its time over GEMM's for a group with 3 x 3 windows, of 16. With
 * IMPLICIT beside it only at 7 x 7, which is its tile, where IMPLICIT packs the weights in the call (16 to 16 0.93, 32 to 32
 * 0.98, packed before 1.08 and 1.14; at 5 x 5, 8 x 8, 14 x 14 and 28 x 28 1.1 to 1.9); else where vectors are not half empty
 * (4 to 16 at 7 x 7 0.7, 8 to 32 0.87, at 8 x 8 1.12, at 10 x 10 1.25, at 14 x 14 0.95). Narrower vectors have fewer
 * registers for it: AVX2, 4 to 32 channels to 16 and more 1.0 to 1.7, with stride 2 1.8 to 4 (to 8 1.3 to 1.9, to 4 0.7 to 1.4).
 */
static bool planes_pay(const struct layer_sizes *sizes, int64_t groups, const struct conv_options *options) {
    const struct window_axis *ax = &sizes->axis[1];
    int64_t outs = conv_outs(sizes) / groups;
    bool implicit = fills_blocks(outs) && implicit_has_depth(sizes, groups);
    if (!depthwise_pays(sizes, groups))
        return false;
    if (sizes->channels / groups <= 1)
        return true;
    if (!has_wide_vectors(options->kernels))
        return outs < (ax->stride > 1 ? 4 : GEMM_BLOCK);
    if (outs < GEMM_BLOCK)
        return true;
    if (ax->output <= 8)
        return implicit ? ax->output == 7 && !options->prepared : ax->output == 7 || outs <= 16;
    return !implicit && ax->output >= div_ceil_i64(ax->output, 16) * 16 / 4 * 3;
}

/*
 * Whether DIRECT is faster than GEMM in first layers, whose sums are short: 16 to 27 products. In brackets GEMM's time over
 * DIRECT's for 3 x 3 windows: 3 channels to 16 at 20 x 20 0.95, from 28 x 28 on 1.05 to 1.35; to 32 at 28 x 28 0.96, 32 x
 * 32 1.06, from 48 x 48 on 1.05 to 1.17; to 64 at 40 x 40 0.95, from 48 x 48 on 1.0 to 1.07; at 288 x 288 0.8 to 0.88;
 * with stride 2 0.8 to 1.0, to 64 at 224 x 224 1.3. AVX2: 0.8 to 1.0 everywhere.
 */
static bool direct_pays_first(const struct layer_sizes *sizes, int64_t groups,
                              const struct conv_options *options) {
    int64_t outs = conv_outs(sizes) / groups, depth = conv_depth(sizes, groups),
            positions = conv_positions(sizes);
    const struct window_axis *ay = &sizes->axis[0], *ax = &sizes->axis[1];
    if (depth < 16 || depth > 27)
        return false;
    bool wide = has_wide_vectors(options->kernels), strides = ay->stride > 1 || ax->stride > 1;
    if (ay->kernel != 3 || ax->kernel != 3) /* 5 x 5 over one channel; not 2 x 2 over four (2.1) */
        return ay->kernel * ax->kernel > 16 && (outs <= 32 || positions >= 112 * 112) && (wide || !strides);
    if (!wide)
        return false;
    if (strides)
        return outs > 32 && positions >= 200 * 200;
    int64_t least = outs <= 16 ? 24 : outs <= 32 ? 32 : 48;
    return ax->output >= least && (outs <= 16 || ax->output < 256);
}

/*
 * Up to how many output channels of a group ROWS is faster than GEMM. In brackets its time over GEMM's, the mean of some dozen layers of
 * 1 to 128 channels and windows of 3 x 3 to 9 x 9; rows of 33 to 63 outputs leave a part of its four vectors empty.
 *
 *     AVX-512    4 outputs in rows of 8 1.19, 14 0.96, 20 to 28 0.7, 56 0.9, 112 0.67; 6 of 14 1.13, 20 to 56 0.9; 8 of 14 1.2, 20 and 28 0.92, 33
 *                1.4, 48 1.2, 64 0.85, 224 0.77; 12 of 20 to 28 1.05, 56 1.4, 64 to 112 0.88 to 1.0, 224 0.83
 *     AVX2       4 of 8 1.7, 14 0.95, 28 0.7; 6 of 14 1.07, 20 1.0, 56 0.83; 8 of 20 1.05, 28 to 40 0.95, 48 0.8; 12 of 28 1.1, 40 1.0, 64 0.9
 *     strided    gathers each tap by itself: with 2 1.9 to 4 in rows of up to 16, else 9 x 9 1.4, 11 x 11 and more 2 to 9, 3 x 3 and 5 x 5 0.9 for one
 *                output (AVX2, depthwise with dilations: 1.2 to 2.7), 1.1 for others; across alone 3 x 3 and 5 x 5 0.6, 9 x 1 and 31 x 1 0.2 to 0.4, for up to 4 outputs; with 3 3 x 3 0.65 to 0.85, 5 x 5 0.7 to 0.8, for 8 outputs 1.0, 7 x 7 1.1 to 1.5, 9 x 9 1.7
 */
static int64_t rows_most_outs(const struct layer_sizes *sizes, int64_t groups,
                              const struct conv_options *options) {
    const struct window_axis *ay = &sizes->axis[0], *ax = &sizes->axis[1];
    bool wide = has_wide_vectors(options->kernels);
    if (ax->stride == 3)
        return ax->kernel <= 3 ? 12 : ax->kernel <= 5 ? 6 : 0;
    if (ax->stride > 1 && (ax->kernel == 1 || (ax->kernel <= 5 && ay->stride < ax->stride)))
        return 4;
    if (ax->stride > 1)
        return ax->kernel <= 5 && ax->output > 16 && (wide || groups < sizes->channels) ? 1 : 0;
    if (ax->output < 16)
        return ax->output <= 8 ? 3 : 4;
    if (ax->output >= (wide ? 64 : 48))
        return 12;
    if (wide)
        return ax->output <= 32 ? 8 : 6;
    return ax->output < 28 ? 6 : 8;
}

/*
 * The thresholds are where one overtook the other on one core with AVX-512, float32; in brackets GEMM's time over
 * DIRECT's there.
 */
enum conv_algorithm conv_choose(const struct layer_sizes *sizes, int64_t groups, enum dtype dtype,
                                const struct conv_options *options) {
    if (!conv_gemm_fits(sizes, groups))
        return CONV_DIRECT;
    int64_t outs = conv_outs(sizes) / groups, positions = conv_positions(sizes);
    bool narrow = sizes->axis[1].output <= 8;
    /* One tap: nothing to reuse, and the columns are the input itself or a sample of it (0.1 to 0.9). */
    if (sizes->axis[0].kernel == 1 && sizes->axis[1].kernel == 1)
        return CONV_GEMM;
    /* Few channels in narrow planes do not pay for transforms. */
    bool strides = sizes->axis[0].stride > 1 || sizes->axis[1].stride > 1;
    if (sizes->channels / groups <= 16 && outs <= (strides && !narrow ? 16 : 64) && positions <= 16 * 16 &&
        planes_pay(sizes, groups, options))
        return CONV_DIRECT;
    if (dtype == DTYPE_FLOAT32 && winograd_pays(sizes, groups, options))
        return CONV_WINOGRAD;
    /* Small windows over few channels: a padded copy of the planes is enough, and columns only cost (3 x 3 over 8
     * channels, to 16: 1.0 to 1.4). The groups of a layer share nothing, so there they pay for more, as do larger windows
     * (7 x 7 over 3 channels, to 64: 1.0). */
    bool one_group = groups == 1 && sizes->axis[0].kernel == 3;
    if (outs <= (!one_group ? 64 : narrow ? 32 : 16) && planes_pay(sizes, groups, options))
        return CONV_DIRECT;
    /* Few output channels do not pay for the columns. */
    if (outs <= rows_most_outs(sizes, groups, options) || direct_pays_first(sizes, groups, options))
        return CONV_DIRECT;
    return CONV_GEMM;
}

/* ---- the method ---- */

/* Whether MEDIUM's products of bfloat16 are to be had. */
static bool has_pairs(const struct conv_options *options, enum dtype dtype) {
    return options->precision == CONV_MEDIUM && dtype == DTYPE_FLOAT32 &&
           kernels_bf16(options->kernels != NULL ? options->kernels : kernels_get()) != NULL;
}

/*
 * Whether IMPLICIT is faster than COLUMNS (it sums the window's rows outermost, so that bits differ): by 1.03 to 1.25 where the products of an
 * output are many, or rows are short (7 x 7 windows over 3 channels, 147 products, rows of 112: 0.95; 3 x 3 over 3
 * channels: 0.8). It packs the weights, which takes longer than it gains where they are larger than a cache and not packed
 * unit by unit (1024 of 512 channels, inline: 0.9). In pointwise layers it is for what else would leave vectors half empty, if it is a large part
 * (7 x 7: 1.03 to 1.09, 13 x 13: 1.04; 14 x 14: 0.97), or where the pipes are wide, in planes of 14 x 14 to 40 x 40 from 192
 * channels on (1.05 to 1.10 in the mean of 120 layers, 0.99 to 1.20; of 96 to 160 channels 0.8 to 1.0, inline 0.9 to 1.09).
 */
static bool implicit_pays(const struct conv_plan *plan, const struct conv_options *options) {
    int64_t depth = conv_depth(&plan->sizes, plan->groups), positions = conv_positions(&plan->sizes);
    int64_t weights = saturating_mul(saturating_mul(depth, plan->group_outs), plan->groups);
    if (!fills_blocks(plan->group_outs) || positions == 0 || !conv_implicit_fits(plan))
        return false;
    if (!options->prepared && weights > IMPLICIT_MOST_WEIGHTS && positions >= 14 * 14)
        return false;
    if (conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel == 1 && !has_wide_vectors(plan->kernels))
        return false;
    if (conv_is_pointwise(&plan->sizes))
        return options->prepared && (positions < 14 * 14 ? depth >= 128 && positions % 16 != 0
                                                         : depth >= 192 && positions < 40 * 40 &&
                                                               kernels_wide_pipes(plan->kernels));
    return implicit_has_depth(&plan->sizes, plan->groups);
}

/* And weights that came inline meet enough positions to be paired. */
static bool pairs_weights(const struct conv_plan *plan, const struct conv_options *options) {
    return has_pairs(options, plan->dtype) && (options->prepared || conv_positions(&plan->sizes) >= 7 * 7);
}

static enum conv_method gemm_method(const struct conv_plan *plan, const struct conv_options *options) {
    /* Products of bfloat16 take half the time, so that ZONES, which has none, must have half of them. */
    if (zones_pay(plan, pairs_weights(plan, options) ? 0.45 : 0.8))
        return CONV_METHOD_ZONES;
    if (implicit_pays(plan, options))
        return CONV_METHOD_IMPLICIT;
    return conv_columns_fit(plan) ? CONV_METHOD_COLUMNS : CONV_METHOD_BLAS;
}

/* Portable C has registers for one channel only (4 to 32 channels: 0.6 to 1.0 of ROWS' speed). */
static enum conv_method direct_method(const struct conv_plan *plan) {
    bool level_pays = plan->group_channels <= plan->kernels->depthwise->pays_channels;
    return level_pays && depthwise_pays(&plan->sizes, plan->groups) ? CONV_METHOD_DEPTHWISE
                                                                    : CONV_METHOD_ROWS;
}

/*
 * Whether GEMM with products of bfloat16, two channels at once, is faster than what was chosen without; in brackets its
 * time over that. F(4 x 4, 3 x 3) needs a quarter of the products and overtakes it in large planes, where kernels fill
 * its parts: 16 channels at 40 x 40 0.9, 56 x 56 1.0 to 1.3; 32 at 40 x 40 0.75, 56 x 56 1.1 to 1.2; 64 at 28 x 28 0.8,
 * 40 x 40 1.0; 96 at 32 x 32 1.2; 128 at 20 x 20 0.85 to 0.94, 24 x 24 1.2, 28 x 28 1.1; 512 at 20 x 20 0.85, 28 x 28
 * 1.1; 8 at 112 x 112 0.8; 9 x 9 kernels a little earlier (64 at 28 x 28 1.1). Transforms are shared by the channels in
 * and out, so with many of either it does so as their mean says (32 to 128 at 27 x 27 1.0, at 36 x 36 1.15; 64 to 256 at
 * 30 x 30 1.29; 96 to 256 at 24 x 24 1.32). Dilated planes are as many smaller ones (128, d = 2, at 64 x 64 1.27; 256 at
 * 28 x 28 0.85, 33 x 33 0.8, 56 x 56 1.1; d = 4 0.85). It has no such lead with strides (0.5 to 0.6) nor with 5 x 5 and
 * 7 x 7 kernels (0.4 to 1.0).
 *
 * DIRECT keeps what is so small that pairing costs more than it gains, an odd channel counting as two. 3 x 3, 2 channels to
 * 8 at 28 x 28 1.0, to 12 0.8; 3 to 12 1.0, to 16 0.94; 5 to 8 1.0, to 12 0.9; 6 to 4 0.7; 7 x 7 planes: 6 to 8 0.85, 8 to
 * 8 1.1 to 1.4, 3 to 32 1.2, 6 to 16 0.65. Groups of 8 channels at 14 x 14 0.76, 7 x 7 1.16; of 4 at 28 x 28 1.0.
 */
static bool pairs_beat(enum conv_algorithm chosen, const struct layer_sizes *sizes, int64_t groups) {
    const struct window_axis *ay = &sizes->axis[0], *ax = &sizes->axis[1];
    int64_t channels = sizes->channels / groups, outs = conv_outs(sizes) / groups,
            positions = conv_positions(sizes);
    if (channels < 2 || !conv_gemm_fits(sizes, groups))
        return false;
    if (chosen == CONV_WINOGRAD) {
        int64_t parts = winograd_parts(sizes), sharing = (channels + outs) / 2;
        bool fills = 20 * ay->kernel * ax->kernel > 16 * 9 * parts && ay->stride == 1;
        int64_t side = parts > 1 ? 28 : max_i64(22, 54 - max_i64(32, sharing) / 4);
        return !fills || channels < 16 || positions < side * side * ay->dilation * ax->dilation;
    }
    if (groups > 1)
        return channels >= 8 && outs >= 8 && positions >= 14 * 14;
    return saturating_mul(channels, outs) >= (channels % 2 != 0 ? 60 : 24) * (positions < 100 ? 4 : 1);
}

/*
 * Whether the method multiplies bfloat16. In brackets its time over that of what runs without. Pairing the columns of
 * pointwise layers costs what it gains where few output channels share them (8: 0.9 to 1.1), and pairing weights that came
 * inline where few positions do (3 x 3 over 512 channels: 7 x 7 0.9, 1 x 1 2.6; 256 at 2 x 2 1.2 to 1.45; 1 x 1 over 2048
 * at 4 x 4 1.3; 5 x 5 over 512 at 5 x 5 1.3).
 */
static bool takes_pairs(const struct conv_plan *plan, const struct conv_options *options) {
    bool has_columns = plan->method == CONV_METHOD_COLUMNS || plan->method == CONV_METHOD_IMPLICIT;
    return pairs_weights(plan, options) && has_columns && plan->group_channels > 1 &&
           (plan->group_outs > 8 || !conv_is_pointwise(&plan->sizes));
}

static enum conv_method method_of(const struct conv_plan *plan, const struct conv_options *options) {
    switch (plan->algorithm) {
    case CONV_DIRECT: return direct_method(plan);
    case CONV_GEMM: return gemm_method(plan, options);
    case CONV_WINOGRAD: return CONV_METHOD_WINOGRAD;
    default: return CONV_METHOD_REFERENCE;
    }
}

/* Makes it GEMM with pairs where that is faster than what was chosen without. */
static void choose_pairs(struct conv_plan *plan, const struct conv_options *options) {
    struct conv_plan paired = *plan;
    if (!has_pairs(options, plan->dtype) || !pairs_beat(plan->algorithm, &plan->sizes, plan->groups))
        return;
    paired.algorithm = CONV_GEMM;
    paired.method = method_of(&paired, options);
    if (takes_pairs(&paired, options))
        plan->algorithm = CONV_GEMM;
}

static void choose_method(struct conv_plan *plan, const struct conv_options *options) {
    plan->algorithm = options->algorithm;
    if (plan->algorithm == CONV_AUTO) {
        plan->algorithm = conv_choose(&plan->sizes, plan->groups, plan->dtype, options);
        choose_pairs(plan, options);
    }
    plan->method = method_of(plan, options);
    plan->pairs = takes_pairs(plan, options);
}

static enum status check_algorithm(const struct conv_plan *plan, struct fault *fault) {
    if (plan->algorithm == CONV_WINOGRAD && !winograd_fits(&plan->sizes, plan->groups))
        return fault_set(
            fault, STATUS_UNSUPPORTED, "algorithm",
            "algorithm \"winograd\" takes kernels of 3 to %d rows and columns with stride 1 and dilations up to %d, or of 3 x "
            "3 with stride 2 and dilation 1, and 1 to %d input channels a group, counted once for each 3 x 3 weights of a kernel; ask for \"auto\", \"gemm\" "
            "or \"direct\"",
            WINOGRAD_MOST_KERNEL, WINOGRAD_MOST_DILATION, WINOGRAD_MOST_CHANNELS);
    if (plan->algorithm == CONV_GEMM && !conv_gemm_fits(&plan->sizes, plan->groups))
        return fault_set(
            fault, STATUS_UNSUPPORTED, "algorithm",
            "algorithm \"gemm\" takes matrices of up to 2147483647 rows and columns, and this layer's "
            "output planes, channels or kernels are larger; ask for \"auto\" or \"direct\"");
    return STATUS_OK;
}

enum status conv_plan_choose(struct conv_plan *plan, const struct conv_options *options,
                             struct fault *fault) {
    choose_method(plan, options);
    return check_algorithm(plan, fault);
}
