/*
 * Upsample. Source of the rules: torch/nn/functional.py (interpolate) and aten/src/ATen/native/UpSample.h.
 */
#include "lib/layers/sizing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const struct {
    const char *name;
    int axes; /* that it needs; 0: any */
} modes[] = {
    [UPSAMPLE_NEAREST] = {"nearest", 0},     [UPSAMPLE_LINEAR] = {"linear", 1},
    [UPSAMPLE_BILINEAR] = {"bilinear", 2},   [UPSAMPLE_BICUBIC] = {"bicubic", 2},
    [UPSAMPLE_TRILINEAR] = {"trilinear", 3}, [UPSAMPLE_NEAREST_EXACT] = {"nearest-exact", 0},
    [UPSAMPLE_AREA] = {"area", 0},
};

static enum status check_options(const struct sizing *at) {
    const struct layer_upsample *upsample = &at->layer->upsample;
    if (upsample->has_align_corners &&
        (upsample->mode == UPSAMPLE_NEAREST || upsample->mode == UPSAMPLE_NEAREST_EXACT ||
         upsample->mode == UPSAMPLE_AREA))
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, "align_corners",
            "align_corners option can only be set with the interpolating modes: linear | bilinear | "
            "bicubic | trilinear");
    if (upsample->has_size && upsample->has_scale)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "scale_factor",
                         "only one of size or scale_factor should be defined");
    if (!upsample->has_size && !upsample->has_scale)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "size",
                         "either size or scale_factor should be defined");
    if (upsample->has_size && upsample->recomputes)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "recompute_scale_factor",
                         "recompute_scale_factor is not meaningful with an explicit size");
    return STATUS_OK;
}

static enum status take_input(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    enum upsample_mode mode = at->layer->upsample.mode;
    int rank = at->input->rank, axes = modes[mode].axes;
    bool has_axes = rank >= 3 && rank <= 5;
    if (has_axes && (axes == 0 || rank == axes + 2))
        return take_axes(at, rank - 2) ? STATUS_OK : STATUS_SHAPE_MISMATCH;
    shape_text(at->input, text);
    if (has_axes && mode != UPSAMPLE_BICUBIC)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "Got %dD input, but %s mode needs %dD input; the input is of size %s", rank,
                         modes[mode].name, axes + 2, text);
    return fault_set(
        at->fault, STATUS_SHAPE_MISMATCH, "input",
        "Input Error: Only 3D, 4D and 5D input Tensors supported (got %dD) for the modes: nearest | linear "
        "| bilinear | bicubic | trilinear | area | nearest-exact (got %s%s); the input is of size %s",
        rank, modes[mode].name, mode == UPSAMPLE_BICUBIC ? ", which needs 4D" : "", text);
}

/* One number, given alone or as a list of one, stands for all axes. */
static bool is_for_all(const struct layer_upsample *upsample) {
    return upsample->places <= 1;
}

static enum status check_places(const struct sizing *at) {
    char spatial[AXES_TEXT_BYTES];
    const struct layer_upsample *upsample = &at->layer->upsample;
    int64_t inputs[LAYER_MAX_AXES];
    if (is_for_all(upsample) || upsample->places == at->sizes->axes)
        return STATUS_OK;
    axis_inputs(at, inputs);
    axes_text(spatial, inputs, at->sizes->axes, ", ");
    if (upsample->has_size)
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, "size",
            "Input and output must have the same number of spatial dimensions, but got input with spatial "
            "dimensions of [%s] and output size of %d numbers. Please provide input tensor in (N, C, d1, "
            "d2, ...,dK) format and output size in (o1, o2, ...,oK) format.",
            spatial, upsample->places);
    return fault_set(
        at->fault, STATUS_INVALID_VALUE, "scale_factor",
        "Input and scale_factor must have the same number of spatial dimensions, but got input with "
        "spatial dimensions of [%s] and scale_factor of %d numbers. Please provide input tensor in (N, C, "
        "d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format.",
        spatial, upsample->places);
}

/* The product of the input and the factor in double, cut (UpSample.cpp, compute_output_size). */
static enum status scale(const struct sizing *at, int i, double factor) {
    struct window_axis *axis = &at->sizes->axis[i];
    char place[32];
    snprintf(place, sizeof place, "scale_factor/%d", i);
    if (!isfinite(factor) || factor <= 0)
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, place,
            "scale_factor[%d] is %g; it must be a finite number greater than 0 (Input and output sizes "
            "should be greater than 0)",
            i, factor);
    double size = (double)axis->input * factor;
    if (size >= 0x1p63)
        return fault_set(
            at->fault, STATUS_TOO_LARGE, place,
            "scale_factor[%d] is %g and the input has %" PRId64
            " cells along that axis; their product does not fit into 63 bits: it is more than " LIMIT_TEXT,
            i, factor, axis->input);
    axis->output = (int64_t)size;
    return STATUS_OK;
}

static enum status compute_output(const struct sizing *at) {
    const struct layer_upsample *upsample = &at->layer->upsample;
    enum status status = STATUS_OK;
    for (int i = 0; i < at->sizes->axes && status == STATUS_OK; i++) {
        int place = is_for_all(upsample) ? 0 : i;
        if (upsample->has_scale)
            status = scale(at, i, upsample->scale_factor[place]);
        else
            at->sizes->axis[i].output = upsample->size[place];
    }
    return status;
}

static enum status check_sizes(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES], input_text[AXES_TEXT_BYTES], output_text[AXES_TEXT_BYTES];
    int64_t inputs[LAYER_MAX_AXES], outputs[LAYER_MAX_AXES];
    int axes = at->sizes->axes;
    axis_inputs(at, inputs);
    axis_outputs(at, outputs);
    /* `area` is an adaptive average pooling, whose outputs and channels may be none. */
    bool is_area = at->layer->upsample.mode == UPSAMPLE_AREA;
    int bad = axis_below(outputs, axes, is_area && at->layer->upsample.has_scale ? 0 : 1);
    if (bad >= 0 || axis_below(inputs, axes, 1) >= 0) {
        bool at_size = bad >= 0 && at->layer->upsample.has_size;
        char place[32];
        snprintf(place, sizeof place, "size/%d", bad);
        return fault_set(
            at->fault, at_size ? STATUS_INVALID_VALUE : STATUS_SHAPE_MISMATCH, at_size ? place : "input",
            "Input and output sizes should be greater than 0, but got input (%s)%s output (%s)",
            named_axes_text(input_text, NAMES_DHW, "", ", ", inputs, axes), axes == 1 ? " and" : "",
            named_axes_text(output_text, NAMES_DHW, "", ", ", outputs, axes));
    }
    if (at->sizes->channels == 0 && !is_area)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "Non-empty %dD data tensor expected but got a tensor with sizes %s", axes + 2,
                         shape_text(at->input, text));
    set_output(at, at->sizes->channels);
    return at->layer->upsample.has_size ? check_int32(at, "size", outputs, axes) : STATUS_OK;
}

enum status sizes_of_upsample(const struct sizing *at) {
    static sizing_step *const steps[] = {check_options, take_input, check_places, compute_output,
                                         check_sizes};
    return SIZING_RUN(at, steps);
}
