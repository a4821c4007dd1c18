/*
 * Layers and shapes written as text, for tables of tests: "kernel_size=3,2 stride=2,1 padding=same". A list
 * has one number for each axis; padding also two for each (four-sided: begin, end, begin, end …); pad is
 * [left, right, top, bottom]; k in output_size keeps the input's size.
 */
#ifndef CONVD_TESTS_UNIT_LAYER_ROWS_H
#define CONVD_TESTS_UNIT_LAYER_ROWS_H

#include "lib/layers/layer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads up to `most` numbers with commas between them; returns how many. */
static inline int row_numbers(const char *text, int64_t *numbers, int most) {
    int count = 0;
    while (*text != '\0' && *text != ' ' && count < most) {
        char *end = NULL;
        numbers[count++] = *text == 'k' ? LAYER_KEEP : strtoll(text, &end, 10);
        text = end == NULL ? text + 1 : end;
        text += *text == ',';
    }
    return count;
}

static inline struct shape row_shape(const char *text) {
    struct shape shape = {0};
    shape.rank = row_numbers(text, shape.dim, SHAPE_MAX_RANK);
    return shape;
}

/* The index of the word that `text` starts with, up to a blank or the end; -1 when it is none. */
static inline int row_word(const char *text, const char *const *words) {
    size_t length = strcspn(text, " ");
    for (int i = 0; words[i] != NULL; i++)
        if (strlen(words[i]) == length && strncmp(text, words[i], length) == 0)
            return i;
    return -1;
}

static inline void row_padding(const char *text, int axes, struct padding *padding) {
    static const char *const kinds[] = {"explicit", "valid", "same", "same_upper", "same_lower", NULL};
    int64_t numbers[2 * LAYER_MAX_AXES] = {0};
    int kind = row_word(text, kinds);
    *padding = (struct padding){.kind = kind < 0 ? PADDING_EXPLICIT : (enum padding_kind)kind};
    if (kind >= 0)
        return;
    padding->four_sided = row_numbers(text, numbers, 2 * axes) == 2 * axes;
    for (int i = 0; i < axes; i++) {
        padding->begin[i] = numbers[padding->four_sided ? 2 * i : i];
        padding->end[i] = numbers[padding->four_sided ? 2 * i + 1 : i];
    }
}

static inline bool row_conv_field(const char *key, const char *text, int axes, struct layer_conv *conv) {
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular", NULL};
    if (strcmp(key, "in_channels") == 0)
        row_numbers(text, &conv->in_channels, 1);
    else if (strcmp(key, "out_channels") == 0)
        row_numbers(text, &conv->out_channels, 1);
    else if (strcmp(key, "kernel_size") == 0)
        row_numbers(text, conv->kernel, axes);
    else if (strcmp(key, "stride") == 0)
        row_numbers(text, conv->stride, axes);
    else if (strcmp(key, "dilation") == 0)
        row_numbers(text, conv->dilation, axes);
    else if (strcmp(key, "output_padding") == 0)
        row_numbers(text, conv->output_padding, axes);
    else if (strcmp(key, "groups") == 0)
        row_numbers(text, &conv->groups, 1);
    else if (strcmp(key, "bias") == 0)
        conv->bias = *text == '1';
    else if (strcmp(key, "padding") == 0)
        row_padding(text, axes, &conv->padding);
    else if (strcmp(key, "padding_mode") == 0)
        conv->padding_mode = (enum padding_mode)row_word(text, modes);
    else
        return false;
    return true;
}

static inline bool row_pooling_field(const char *key, const char *text, int axes,
                                     struct layer_pooling *pooling) {
    if (strcmp(key, "kernel_size") == 0)
        row_numbers(text, pooling->kernel, axes);
    else if (strcmp(key, "stride") == 0)
        pooling->has_stride = row_numbers(text, pooling->stride, axes) > 0;
    else if (strcmp(key, "dilation") == 0)
        row_numbers(text, pooling->dilation, axes);
    else if (strcmp(key, "output_size") == 0)
        row_numbers(text, pooling->output_size, axes);
    else if (strcmp(key, "divisor_override") == 0)
        pooling->has_divisor = row_numbers(text, &pooling->divisor_override, 1) > 0;
    else if (strcmp(key, "norm_type") == 0)
        pooling->norm_type = strtod(text, NULL);
    else if (strcmp(key, "ceil_mode") == 0)
        pooling->ceil_mode = *text == '1';
    else if (strcmp(key, "padding") == 0)
        row_padding(text, axes, &pooling->padding);
    else
        return false;
    return true;
}

static inline bool row_upsample_field(const char *key, const char *text, struct layer_upsample *upsample) {
    static const char *const modes[] = {"nearest",   "linear",        "bilinear", "bicubic",
                                        "trilinear", "nearest-exact", "area",     NULL};
    if (strcmp(key, "size") == 0) {
        upsample->has_size = true;
        upsample->places = row_numbers(text, upsample->size, LAYER_MAX_AXES);
    } else if (strcmp(key, "scale_factor") == 0) {
        upsample->has_scale = true;
        for (char *end = NULL; *text != '\0' && *text != ' '; text = end + (*end == ','))
            upsample->scale_factor[upsample->places++] = strtod(text, &end);
    } else if (strcmp(key, "mode") == 0)
        upsample->mode = (enum upsample_mode)row_word(text, modes);
    else if (strcmp(key, "align_corners") == 0) {
        upsample->has_align_corners = true;
        upsample->align_corners = *text == '1';
    } else
        return false;
    return true;
}

static inline bool row_simple_field(const char *key, const char *text, struct layer *layer) {
    if (strcmp(key, "in_features") == 0)
        row_numbers(text, &layer->linear.in_features, 1);
    else if (strcmp(key, "out_features") == 0)
        row_numbers(text, &layer->linear.out_features, 1);
    else if (strcmp(key, "bias") == 0)
        layer->linear.bias = *text == '1';
    else if (strcmp(key, "start_dim") == 0)
        row_numbers(text, &layer->flatten.start_dim, 1);
    else if (strcmp(key, "end_dim") == 0)
        row_numbers(text, &layer->flatten.end_dim, 1);
    else if (strcmp(key, "num_features") == 0)
        row_numbers(text, &layer->batch_norm.num_features, 1);
    else if (strcmp(key, "affine") == 0)
        layer->batch_norm.affine = *text == '1';
    else if (strcmp(key, "dim") == 0)
        layer->softmax.has_dim = row_numbers(text, &layer->softmax.dim, 1) > 0;
    else if (strcmp(key, "pad") == 0) {
        int64_t sides[4] = {0};
        row_numbers(text, sides, 4);
        layer->pad = (struct layer_pad){.begin = {sides[2], sides[0]}, .end = {sides[3], sides[1]}};
    } else
        return false;
    return true;
}

static inline bool row_field(const char *key, const char *text, struct layer *layer) {
    int axes = layer_type_axes(layer->type);
    switch (layer_type_family(layer->type)) {
    case FAMILY_CONV:
    case FAMILY_CONV_TRANSPOSE: return row_conv_field(key, text, axes, &layer->conv);
    case FAMILY_POOLING: return row_pooling_field(key, text, axes, &layer->pooling);
    case FAMILY_UPSAMPLE: return row_upsample_field(key, text, &layer->upsample);
    default: return row_simple_field(key, text, layer);
    }
}

/* False when the row names a type or a field that there is not: a mistake in the table. */
static inline bool row_layer(const char *type_name, const char *fields, struct layer *layer) {
    enum layer_type type;
    if (!layer_type_find(type_name, &type))
        return false;
    layer_init(layer, type);
    while (*fields != '\0') {
        char key[32];
        size_t length = strcspn(fields, "=");
        if (length >= sizeof key || fields[length] != '=')
            return false;
        snprintf(key, sizeof key, "%.*s", (int)length, fields);
        if (!row_field(key, fields + length + 1, layer))
            return false;
        fields += strcspn(fields, " ");
        fields += strspn(fields, " ");
    }
    return true;
}

#endif
