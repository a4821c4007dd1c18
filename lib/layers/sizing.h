/*
 * What the families of layers share while they compute sizes. Internal to lib/layers.
 */
#ifndef CONVD_LIB_LAYERS_SIZING_H
#define CONVD_LIB_LAYERS_SIZING_H

#include "lib/base/checked.h"
#include "lib/layers/layer.h"

#include <stddef.h>

/* One call of layer_sizes; all borrowed. `sizes` starts zeroed. */
struct sizing {
    const struct layer *layer;
    const struct shape *input;
    struct layer_sizes *sizes;
    struct fault *fault;
};

/* One step of a validation; a family is a list of them, in the order in which PyTorch judges. */
typedef enum status sizing_step(const struct sizing *at);

sizing_step sizes_of_conv;
sizing_step sizes_of_conv_transpose;
sizing_step sizes_of_pooling;
sizing_step sizes_of_linear;
sizing_step sizes_of_flatten;
sizing_step sizes_of_batch_norm;
sizing_step sizes_of_elementwise;
sizing_step sizes_of_softmax;
sizing_step sizes_of_pad;
sizing_step sizes_of_upsample;

/* Takes the steps up to the first refusal, which it returns. */
enum status sizing_run(const struct sizing *at, sizing_step *const *steps, size_t count);

#define SIZING_RUN(at, steps) sizing_run(at, steps, sizeof(steps) / sizeof((steps)[0]))

/* ---- numbers ---- */

/* The product of `count` factors that are not negative, and 0 when one of them is, however large the others
 * are. */
bool product_of(const int64_t *factors, int count, int64_t *product);

/* The first axis whose value is below `least`; -1 when there is none. */
int axis_below(const int64_t *values, int axes, int64_t least);

/* d*(k - 1) + 1: the cells from a window's first to its last. Fits: both factors have passed check_int32. */
int64_t window_span(const struct window_axis *axis);

/* ---- text ---- */

enum { AXES_TEXT_BYTES = 3 * 64 };

/* "5 x 3" for " x ", in the order of the axes. */
const char *axes_text(char text[AXES_TEXT_BYTES], const int64_t *values, int axes, const char *separator);

/* How PyTorch calls the axes: depth, height, width; T, H, W; or D, H, W. */
enum axis_names { NAMES_LONG, NAMES_THW, NAMES_DHW };

/* "kH: 3 kW: 2" for prefix "k" and separator " ". */
const char *named_axes_text(char text[AXES_TEXT_BYTES], enum axis_names names, const char *prefix,
                            const char *separator, const int64_t *values, int axes);

/*
 * PyTorch computes one axis as two, of which the first has one cell, and its sentences show both.
 */
struct planes {
    int axes;
    int64_t values[LAYER_MAX_AXES];
};

/* Values of axes as its sentences have them; `height` is what the added axis has. */
struct planes as_planes(const int64_t *values, int axes, int64_t height);

/* The same for a shape that ends in `axes` spatial ones. */
struct shape planes_shape(const struct shape *shape, int axes);

/* ---- refusals ---- */

/* What 63 bits can count. */
#define LIMIT_TEXT "9223372036854775807 (2^63 - 1)"

/* INVALID_VALUE at "field/axis": "stride[1] is 0; <rule> (<torch>)". */
enum status refuse_axis(const struct sizing *at, const char *field, int axis, int64_t value, const char *rule,
                        const char *torch);

/* Refuses values beyond 32 bits, which no window and no memory can have: the arithmetic relies on it. */
enum status check_int32(const struct sizing *at, const char *field, const int64_t *values, int axes);

/* TOO_LARGE: "<what> does not fit into 63 bits: <how it is computed> is more than 9223372036854775807 …". */
enum status refuse_overflow(const struct sizing *at, const char *place, const char *what, const char *format,
                            ...) __attribute__((format(printf, 4, 5)));

/* The same for the product of `factors`, plus `more`. */
enum status refuse_product(const struct sizing *at, const char *place, const char *what,
                           const int64_t *factors, int count, int64_t more);

/* The same for an axis that window_output has refused. */
enum status refuse_padded(const struct sizing *at, int axis, bool ceil_mode);

/* ---- axes ---- */

/* Reads (N, C, spatial…) or (C, spatial…) off the input; false when its rank is neither. */
bool take_axes(const struct sizing *at, int axes);

/* The input with its N, which is 1 when it came without. */
struct shape batched_input(const struct sizing *at);

/* Spatial sizes of the input. */
void axis_inputs(const struct sizing *at, int64_t inputs[LAYER_MAX_AXES]);
void axis_outputs(const struct sizing *at, int64_t outputs[LAYER_MAX_AXES]);

/* Sets the output's shape: the input's N, `channels`, and what the axes have as output. */
void set_output(const struct sizing *at, int64_t channels);

/* Refuses numbers per side that are below 0 or beyond 32 bits; `torch` is PyTorch's sentence, %lld the
 * number. */
enum status check_padding(const struct sizing *at, const struct padding *padding, int axes,
                          const char *(*torch)(char text[AXES_TEXT_BYTES], int64_t value));

/* INVALID_VALUE at the side of an axis whose padding is refused. */
enum status refuse_padding(const struct sizing *at, const struct padding *padding, int axis, int side,
                           const char *rule, const char *torch);

/*
 * Fills pad_begin and pad_end of every axis, whose input, kernel, stride and dilation are there. PADDING_SAME
 * is PyTorch's d*(k - 1) for convolutions; `same_is_upper` makes it PADDING_SAME_UPPER.
 */
enum status resolve_padding(const struct sizing *at, const struct padding *padding, bool same_is_upper);

/*
 * output = floor((input + pads - span) / stride) + 1, or with ceil, less one when that last window would
 * start behind the input and its left padding (aten/src/ATen/native/Pool.h, pooling_output_shape_pad_lr). May
 * be 0 or negative. False when a number does not fit.
 */
bool window_output(struct window_axis *axis, bool ceil_mode);

#endif
