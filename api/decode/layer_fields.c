#include "api/decode/layer_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- names ---- */

static const char *const conv_names[] = {"in_channels",  "out_channels", "kernel_size", "stride",
                                         "padding",      "dilation",     "groups",      "bias",
                                         "padding_mode", "device",       "dtype",       NULL};
static const char *const conv_transpose_names[] = {
    "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias",
    "dilation",    "padding_mode", "device",      "dtype",  NULL};
static const char *const max_pool_names[] = {"kernel_size",    "stride",    "padding", "dilation",
                                             "return_indices", "ceil_mode", NULL};
static const char *const avg_pool1d_names[] = {"kernel_size",       "stride", "padding", "ceil_mode",
                                               "count_include_pad", NULL};
static const char *const avg_pool_names[] = {"kernel_size",       "stride",           "padding", "ceil_mode",
                                             "count_include_pad", "divisor_override", NULL};
static const char *const lp_pool_names[] = {"norm_type", "kernel_size", "stride", "ceil_mode", NULL};
static const char *const adaptive_max_names[] = {"output_size", "return_indices", NULL};
static const char *const adaptive_avg_names[] = {"output_size", NULL};
static const char *const linear_names[] = {"in_features", "out_features", "bias", "device", "dtype", NULL};
static const char *const flatten_names[] = {"start_dim", "end_dim", NULL};
static const char *const batch_norm_names[] = {"num_features",        "eps",    "momentum", "affine",
                                               "track_running_stats", "device", "dtype",    NULL};
static const char *const softmax_names[] = {"dim", NULL};
static const char *const pad_names[] = {"padding", NULL};
static const char *const upsample_names[] = {"size",          "scale_factor",           "mode",
                                             "align_corners", "recompute_scale_factor", NULL};
static const char *const dropout_names[] = {"p", "inplace", NULL};
static const char *const inplace_names[] = {"inplace", NULL};
static const char *const leaky_relu_names[] = {"negative_slope", "inplace", NULL};
static const char *const elu_names[] = {"alpha", "inplace", NULL};
static const char *const gelu_names[] = {"approximate", NULL};
static const char *const no_names[] = {NULL};

static const char *const *pooling_names(enum layer_type type) {
    switch (type) {
    case LAYER_MAX_POOL1D:
    case LAYER_MAX_POOL2D:
    case LAYER_MAX_POOL3D: return max_pool_names;
    case LAYER_AVG_POOL1D: return avg_pool1d_names;
    case LAYER_AVG_POOL2D:
    case LAYER_AVG_POOL3D: return avg_pool_names;
    case LAYER_LP_POOL1D:
    case LAYER_LP_POOL2D: return lp_pool_names;
    case LAYER_ADAPTIVE_MAX_POOL1D:
    case LAYER_ADAPTIVE_MAX_POOL2D:
    case LAYER_ADAPTIVE_MAX_POOL3D: return adaptive_max_names;
    default: return adaptive_avg_names;
    }
}

static const char *const *elementwise_names(enum layer_type type) {
    switch (type) {
    case LAYER_DROPOUT: return dropout_names;
    case LAYER_LEAKY_RELU: return leaky_relu_names;
    case LAYER_ELU: return elu_names;
    case LAYER_GELU: return gelu_names;
    case LAYER_SIGMOID:
    case LAYER_TANH: return no_names;
    default: return inplace_names;
    }
}

static const char *const *names_of(enum layer_type type) {
    switch (layer_type_family(type)) {
    case FAMILY_CONV: return conv_names;
    case FAMILY_CONV_TRANSPOSE: return conv_transpose_names;
    case FAMILY_POOLING: return pooling_names(type);
    case FAMILY_LINEAR: return linear_names;
    case FAMILY_FLATTEN: return flatten_names;
    case FAMILY_BATCH_NORM: return batch_norm_names;
    case FAMILY_ELEMENTWISE: return elementwise_names(type);
    case FAMILY_SOFTMAX: return softmax_names;
    case FAMILY_PAD: return pad_names;
    case FAMILY_UPSAMPLE: return upsample_names;
    }
    return no_names;
}

void layer_field_names(enum layer_type type, const char *const *extra, const char *names[LAYER_FIELDS_MAX]) {
    int count = 0;
    for (const char *const *name = names_of(type); *name != NULL; name++)
        names[count++] = *name;
    for (; *extra != NULL && count < LAYER_FIELDS_MAX - 1; extra++) {
        int same = 0;
        while (same < count && strcmp(names[same], *extra) != 0)
            same++;
        if (same == count)
            names[count++] = *extra;
    }
    names[count] = NULL;
}

/* ---- what several families have ---- */

bool layer_fields_read_count(const struct fields *fields, const char *name, int64_t *value) {
    *value = -1;
    if (!fields_int(fields, name, value))
        return false;
    if (fields_has(fields, name) && *value < 0)
        return fields_refuse(fields, PROBLEM_INVALID_VALUE, name, "%s is %" PRId64 "; it must be at least 0",
                             name, *value);
    return true;
}

static bool required_count(const struct fields *fields, const char *name, enum layer_type type,
                           int64_t *value) {
    if (!fields_has(fields, name))
        return fields_missing(fields, name, layer_type_name(type));
    return layer_fields_read_count(fields, name, value);
}

static bool required_axes(const struct fields *fields, const char *name, enum layer_type type, int64_t keep,
                          int64_t *values) {
    if (!fields_has(fields, name))
        return fields_missing(fields, name, layer_type_name(type));
    return fields_axes(fields, name, layer_type_axes(type), keep, values);
}

static bool own_dtype(const struct fields *fields, enum dtype dtype) {
    enum dtype own = dtype;
    if (!fields_dtype(fields, "dtype", &own, NULL))
        return false;
    if (own != dtype)
        return fields_refuse(
            fields, PROBLEM_INVALID_VALUE, "dtype",
            "dtype is %s but the chain computes in %s; expected m1 and m2 to have the same dtype",
            dtype_name(own), dtype_name(dtype));
    return true;
}

/* ---- families ---- */

bool layer_fields_read_conv(const struct fields *fields, int axes, struct layer_conv *conv) {
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular", NULL};
    int mode = (int)conv->padding_mode;
    if (!fields_axes(fields, "stride", axes, 0, conv->stride) ||
        !fields_padding(fields, "padding", axes, &conv->padding) ||
        !fields_axes(fields, "dilation", axes, 0, conv->dilation) ||
        !fields_int(fields, "groups", &conv->groups) ||
        !fields_choice(fields, "padding_mode", modes, &mode) || !fields_device(fields))
        return false;
    conv->padding_mode = (enum padding_mode)mode;
    return true;
}

static bool read_conv(const struct fields *fields, enum layer_type type, enum dtype dtype,
                      struct layer_conv *conv) {
    int axes = layer_type_axes(type);
    return layer_fields_read_count(fields, "in_channels", &conv->in_channels) &&
           required_count(fields, "out_channels", type, &conv->out_channels) &&
           required_axes(fields, "kernel_size", type, 0, conv->kernel) &&
           layer_fields_read_conv(fields, axes, conv) && fields_bool(fields, "bias", &conv->bias) &&
           own_dtype(fields, dtype);
}

/* Transposed convolutions take numbers only. */
static bool read_conv_transpose(const struct fields *fields, enum layer_type type, enum dtype dtype,
                                struct layer_conv *conv) {
    const json_t *padding = fields_get(fields, "padding");
    if (json_is_string(padding) || json_is_array(json_array_get(padding, 0)))
        return fields_refuse(
            fields, PROBLEM_WRONG_TYPE, "padding",
            "padding of a transposed convolution must be an integer or one integer per axis");
    return read_conv(fields, type, dtype, conv) &&
           fields_axes(fields, "output_padding", layer_type_axes(type), 0, conv->output_padding);
}

/* An absent or null stride is kernel_size. */
static bool read_window(const struct fields *fields, enum layer_type type, struct layer_pooling *pooling) {
    const json_t *stride = fields_get(fields, "stride");
    pooling->has_stride = stride != NULL && !json_is_null(stride);
    return required_axes(fields, "kernel_size", type, 0, pooling->kernel) &&
           (!pooling->has_stride ||
            fields_axes(fields, "stride", layer_type_axes(type), 0, pooling->stride)) &&
           fields_bool(fields, "ceil_mode", &pooling->ceil_mode);
}

static bool read_divisor(const struct fields *fields, struct layer_pooling *pooling) {
    const json_t *divisor = fields_get(fields, "divisor_override");
    pooling->has_divisor = divisor != NULL && !json_is_null(divisor);
    return !pooling->has_divisor || fields_int(fields, "divisor_override", &pooling->divisor_override);
}

static bool read_norm_type(const struct fields *fields, enum layer_type type, struct layer_pooling *pooling) {
    const json_t *norm = fields_get(fields, "norm_type");
    if (norm == NULL)
        return fields_missing(fields, "norm_type", layer_type_name(type));
    if (json_is_string(norm) && strcasestr(json_string_value(norm), "inf") != NULL)
        return fields_refuse(
            fields, PROBLEM_INVALID_VALUE, "norm_type",
            "norm_type must be a finite number other than 0; the infinity norm is max pooling "
            "(mode \"max\" of absolute values)");
    return fields_number(fields, "norm_type", &pooling->norm_type);
}

static bool read_pooling(const struct fields *fields, enum layer_type type, struct layer_pooling *pooling) {
    int axes = layer_type_axes(type);
    switch (pooling->mode) {
    case POOLING_MAX:
        return read_window(fields, type, pooling) &&
               fields_padding(fields, "padding", axes, &pooling->padding) &&
               fields_axes(fields, "dilation", axes, 0, pooling->dilation) &&
               fields_bool(fields, "return_indices", &pooling->return_indices);
    case POOLING_AVG:
        return read_window(fields, type, pooling) &&
               fields_padding(fields, "padding", axes, &pooling->padding) &&
               fields_bool(fields, "count_include_pad", &pooling->count_include_pad) &&
               read_divisor(fields, pooling);
    case POOLING_LP: return read_norm_type(fields, type, pooling) && read_window(fields, type, pooling);
    case POOLING_ADAPTIVE_MAX:
        return required_axes(fields, "output_size", type, LAYER_KEEP, pooling->output_size) &&
               fields_bool(fields, "return_indices", &pooling->return_indices);
    case POOLING_ADAPTIVE_AVG:
        return required_axes(fields, "output_size", type, LAYER_KEEP, pooling->output_size);
    }
    return true;
}

static bool read_linear(const struct fields *fields, enum layer_type type, enum dtype dtype,
                        struct layer_linear *linear) {
    return layer_fields_read_count(fields, "in_features", &linear->in_features) &&
           required_count(fields, "out_features", type, &linear->out_features) &&
           fields_bool(fields, "bias", &linear->bias) && fields_device(fields) && own_dtype(fields, dtype);
}

static bool read_batch_norm(const struct fields *fields, enum dtype dtype, struct layer_batch_norm *norm) {
    double number = 0;
    bool track = true;
    return layer_fields_read_count(fields, "num_features", &norm->num_features) &&
           fields_number(fields, "eps", &number) && fields_number(fields, "momentum", &number) &&
           fields_bool(fields, "affine", &norm->affine) &&
           fields_bool(fields, "track_running_stats", &track) && fields_device(fields) &&
           own_dtype(fields, dtype);
}

/* Numbers that change values but no sizes are checked for their type, and dropout's p for its range too. */
static bool read_elementwise(const struct fields *fields, enum layer_type type) {
    static const char *const approximations[] = {"none", "tanh", NULL};
    double number = 0;
    bool inplace = false;
    int index = 0;
    if (!fields_bool(fields, "inplace", &inplace) || !fields_number(fields, "negative_slope", &number) ||
        !fields_number(fields, "alpha", &number) ||
        !fields_choice(fields, "approximate", approximations, &index))
        return false;
    number = 0.5;
    if (type != LAYER_DROPOUT || !fields_number(fields, "p", &number))
        return type != LAYER_DROPOUT;
    if (number < 0 || number > 1)
        return fields_refuse(fields, PROBLEM_INVALID_VALUE, "p",
                             "dropout probability has to be between 0 and 1, but got %.17g", number);
    return true;
}

static bool read_softmax(const struct fields *fields, struct layer_softmax *softmax) {
    softmax->has_dim = fields_has(fields, "dim");
    return fields_int(fields, "dim", &softmax->dim);
}

/* torch.nn.ZeroPad2d and its like: one number, or left, right, top, bottom. */
static bool read_pad(const struct fields *fields, enum layer_type type, struct layer_pad *pad) {
    const json_t *padding = fields_get(fields, "padding");
    int64_t sides[4];
    if (padding == NULL)
        return fields_missing(fields, "padding", layer_type_name(type));
    if (json_is_array(padding) && json_array_size(padding) != 4)
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, "padding",
                             "padding of %s must be an integer or [left, right, top, bottom]",
                             layer_type_name(type));
    if (!fields_axes(fields, "padding", 4, 0, sides))
        return false;
    pad->begin[0] = sides[2];
    pad->end[0] = sides[3];
    pad->begin[1] = sides[0];
    pad->end[1] = sides[1];
    return true;
}

/* size and scale_factor: one number for all axes, or a list of up to three. */
static bool read_places(const struct fields *fields, const char *name, struct layer_upsample *upsample) {
    const json_t *got = fields_get(fields, name);
    size_t places = json_is_array(got) ? json_array_size(got) : 1;
    if (places < 1 || places > LAYER_MAX_AXES)
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, name,
                             "%s must be a number or a list of one number per axis", name);
    upsample->places = json_is_array(got) ? (int)places : 0;
    for (size_t i = 0; i < places; i++) {
        const json_t *value = json_is_array(got) ? json_array_get(got, i) : got;
        bool is_size = strcmp(name, "size") == 0;
        double number = json_number_value(value);
        if (!json_is_number(value) ||
            (is_size && (number > 9e15 || number < -9e15 || number != (double)(int64_t)number)))
            return fields_refuse(fields, PROBLEM_WRONG_TYPE, name, "%s must be %s", name,
                                 is_size ? "an integer or a list of integers"
                                         : "a number or a list of numbers");
        if (is_size)
            upsample->size[i] = (int64_t)number;
        else
            upsample->scale_factor[i] = number;
    }
    return true;
}

static bool read_upsample(const struct fields *fields, struct layer_upsample *upsample) {
    static const char *const modes[] = {"nearest",   "linear",        "bilinear", "bicubic",
                                        "trilinear", "nearest-exact", "area",     NULL};
    int mode = (int)upsample->mode;
    upsample->has_size = fields_has(fields, "size");
    upsample->has_scale = fields_has(fields, "scale_factor");
    upsample->has_align_corners = fields_has(fields, "align_corners");
    if ((upsample->has_size && !read_places(fields, "size", upsample)) ||
        (upsample->has_scale && !read_places(fields, "scale_factor", upsample)) ||
        !fields_choice(fields, "mode", modes, &mode) ||
        !fields_bool(fields, "align_corners", &upsample->align_corners) ||
        !fields_bool(fields, "recompute_scale_factor", &upsample->recomputes))
        return false;
    upsample->mode = (enum upsample_mode)mode;
    return true;
}

bool layer_fields_read(const struct fields *fields, enum layer_type type, enum dtype dtype,
                       struct layer *layer) {
    struct fields named = *fields;
    layer_init(layer, type);
    named.pooling = layer_type_name(type);
    switch (layer_type_family(type)) {
    case FAMILY_CONV: return read_conv(fields, type, dtype, &layer->conv);
    case FAMILY_CONV_TRANSPOSE: return read_conv_transpose(fields, type, dtype, &layer->conv);
    case FAMILY_POOLING: return read_pooling(&named, type, &layer->pooling);
    case FAMILY_LINEAR: return read_linear(fields, type, dtype, &layer->linear);
    case FAMILY_FLATTEN:
        return fields_int(fields, "start_dim", &layer->flatten.start_dim) &&
               fields_int(fields, "end_dim", &layer->flatten.end_dim);
    case FAMILY_BATCH_NORM: return read_batch_norm(fields, dtype, &layer->batch_norm);
    case FAMILY_ELEMENTWISE: return read_elementwise(fields, type);
    case FAMILY_SOFTMAX: return read_softmax(fields, &layer->softmax);
    case FAMILY_PAD: return read_pad(fields, type, &layer->pad);
    case FAMILY_UPSAMPLE: return read_upsample(fields, &layer->upsample);
    }
    return true;
}
