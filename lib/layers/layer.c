#include "lib/layers/layer.h"

#include "lib/layers/sizing.h"

#include <string.h>

/* ---- types ---- */

struct type_facts {
    const char *name, *torch_name;
    enum layer_family family;
    int axes;
};

static const struct type_facts facts[LAYER_TYPES] = {
#define LAYER_FACTS(NAME, name, torch, family, axes) [LAYER_##NAME] = {name, torch, FAMILY_##family, axes},
    LAYER_MAP(LAYER_FACTS)
#undef LAYER_FACTS
};

const char *layer_type_name(enum layer_type type) {
    return facts[type].name;
}

const char *layer_type_torch_name(enum layer_type type) {
    return facts[type].torch_name;
}

enum layer_family layer_type_family(enum layer_type type) {
    return facts[type].family;
}

int layer_type_axes(enum layer_type type) {
    return facts[type].axes;
}

bool layer_type_find(const char *name, enum layer_type *type) {
    for (int i = 0; i < LAYER_TYPES; i++)
        if (strcmp(name, facts[i].name) == 0) {
            *type = (enum layer_type)i;
            return true;
        }
    return false;
}

/* ---- defaults ---- */

static void fill(int64_t values[LAYER_MAX_AXES], int64_t value) {
    for (int i = 0; i < LAYER_MAX_AXES; i++)
        values[i] = value;
}

static void init_conv(struct layer_conv *conv) {
    *conv = (struct layer_conv){.in_channels = -1, .out_channels = -1, .groups = 1, .bias = true};
    fill(conv->stride, 1);
    fill(conv->dilation, 1);
}

static enum pooling_mode mode_of(enum layer_type type) {
    switch (type) {
    case LAYER_AVG_POOL1D:
    case LAYER_AVG_POOL2D:
    case LAYER_AVG_POOL3D: return POOLING_AVG;
    case LAYER_LP_POOL1D:
    case LAYER_LP_POOL2D: return POOLING_LP;
    case LAYER_ADAPTIVE_AVG_POOL1D:
    case LAYER_ADAPTIVE_AVG_POOL2D:
    case LAYER_ADAPTIVE_AVG_POOL3D: return POOLING_ADAPTIVE_AVG;
    case LAYER_ADAPTIVE_MAX_POOL1D:
    case LAYER_ADAPTIVE_MAX_POOL2D:
    case LAYER_ADAPTIVE_MAX_POOL3D: return POOLING_ADAPTIVE_MAX;
    default: return POOLING_MAX;
    }
}

static void init_pooling(struct layer_pooling *pooling, enum layer_type type) {
    *pooling = (struct layer_pooling){.mode = mode_of(type), .count_include_pad = true};
    fill(pooling->dilation, 1);
    fill(pooling->output_size, -1);
}

void layer_init(struct layer *layer, enum layer_type type) {
    memset(layer, 0, sizeof *layer);
    layer->type = type;
    switch (layer_type_family(type)) {
    case FAMILY_CONV:
    case FAMILY_CONV_TRANSPOSE: init_conv(&layer->conv); break;
    case FAMILY_POOLING: init_pooling(&layer->pooling, type); break;
    case FAMILY_LINEAR: layer->linear = (struct layer_linear){-1, -1, true}; break;
    case FAMILY_FLATTEN: layer->flatten = (struct layer_flatten){1, -1}; break;
    case FAMILY_BATCH_NORM: layer->batch_norm = (struct layer_batch_norm){-1, true}; break;
    case FAMILY_ELEMENTWISE:
    case FAMILY_SOFTMAX:
    case FAMILY_PAD:
    case FAMILY_UPSAMPLE: break; /* zeros are their defaults */
    }
}

/* ---- sizes ---- */

static sizing_step *const steps_of_family[] = {
    [FAMILY_CONV] = sizes_of_conv,
    [FAMILY_CONV_TRANSPOSE] = sizes_of_conv_transpose,
    [FAMILY_POOLING] = sizes_of_pooling,
    [FAMILY_LINEAR] = sizes_of_linear,
    [FAMILY_FLATTEN] = sizes_of_flatten,
    [FAMILY_BATCH_NORM] = sizes_of_batch_norm,
    [FAMILY_ELEMENTWISE] = sizes_of_elementwise,
    [FAMILY_SOFTMAX] = sizes_of_softmax,
    [FAMILY_PAD] = sizes_of_pad,
    [FAMILY_UPSAMPLE] = sizes_of_upsample,
};

enum status layer_sizes(const struct layer *layer, const struct shape *input, struct layer_sizes *sizes,
                        struct fault *fault) {
    struct sizing at = {layer, input, sizes, fault};
    int64_t elems;
    char text[SHAPE_TEXT_BYTES];
    memset(sizes, 0, sizeof *sizes);
    if (!shape_elems(input, &elems))
        return fault_set(fault, STATUS_TOO_LARGE, "input",
                         "the input of size %s has more elements than 63 bits can count, " LIMIT_TEXT,
                         shape_text(input, text));
    enum status status = steps_of_family[layer_type_family(layer->type)](&at);
    if (status == STATUS_OK && !shape_elems(&sizes->output, &elems))
        return fault_set(fault, STATUS_TOO_LARGE, "",
                         "the output of size %s has more elements than 63 bits can count, " LIMIT_TEXT,
                         shape_text(&sizes->output, text));
    return status;
}
