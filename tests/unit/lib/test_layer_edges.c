/*
 * Numbers at their edges: an answer or a refusal, never an overflow (which the sanitizer would see).
 */
#include "lib/base/checked.h"
#include "lib/layers/layer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* xorshift (Marsaglia 2003). */
static uint32_t draw(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static int64_t edge(uint32_t *state) {
    static const int64_t edges[] = {
        INT64_MIN, -1, 0, INT32_MAX, (int64_t)INT32_MAX + 1, INT64_MAX - 1, INT64_MAX, INT32_MIN, 3, 2, 1, 1};
    return edges[draw(state) % (sizeof edges / sizeof edges[0])];
}

static void edge_padding(uint32_t *state, struct padding *padding) {
    padding->kind = (enum padding_kind)(draw(state) % 5);
    padding->four_sided = draw(state) % 2 == 0;
    for (int i = 0; i < LAYER_MAX_AXES; i++) {
        padding->begin[i] = edge(state);
        padding->end[i] = padding->four_sided ? edge(state) : padding->begin[i];
    }
}

static void edge_conv(uint32_t *state, struct layer_conv *conv) {
    conv->in_channels = draw(state) % 4 == 0 ? edge(state) : -1;
    conv->out_channels = edge(state);
    conv->groups = draw(state) % 4 == 0 ? edge(state) : 1;
    conv->padding_mode = (enum padding_mode)(draw(state) % 4);
    edge_padding(state, &conv->padding);
    for (int i = 0; i < LAYER_MAX_AXES; i++) {
        conv->kernel[i] = edge(state);
        conv->stride[i] = edge(state);
        conv->dilation[i] = edge(state);
        conv->output_padding[i] = draw(state) % 2 == 0 ? edge(state) : 0;
    }
}

static void edge_pooling(uint32_t *state, struct layer_pooling *pooling) {
    pooling->has_stride = draw(state) % 2 == 0;
    pooling->ceil_mode = draw(state) % 2 == 0;
    pooling->norm_type = 2;
    edge_padding(state, &pooling->padding);
    for (int i = 0; i < LAYER_MAX_AXES; i++) {
        pooling->kernel[i] = edge(state);
        pooling->stride[i] = edge(state);
        pooling->dilation[i] = edge(state);
        pooling->output_size[i] = edge(state);
    }
}

static void edge_upsample(uint32_t *state, struct layer_upsample *upsample) {
    static const double factors[] = {0, -1, 1e-300, 0.5, 2, 1e18, 1e300, HUGE_VAL, NAN};
    upsample->has_scale = draw(state) % 2 == 0;
    upsample->has_size = !upsample->has_scale;
    upsample->places = (int)(draw(state) % 4);
    for (int i = 0; i < LAYER_MAX_AXES; i++) {
        upsample->size[i] = edge(state);
        upsample->scale_factor[i] = factors[draw(state) % (sizeof factors / sizeof factors[0])];
    }
}

static void edge_layer(uint32_t *state, enum layer_type type, struct layer *layer) {
    layer_init(layer, type);
    switch (layer_type_family(type)) {
    case FAMILY_CONV:
    case FAMILY_CONV_TRANSPOSE: edge_conv(state, &layer->conv); break;
    case FAMILY_POOLING: edge_pooling(state, &layer->pooling); break;
    case FAMILY_UPSAMPLE: edge_upsample(state, &layer->upsample); break;
    case FAMILY_LINEAR: layer->linear = (struct layer_linear){edge(state), edge(state), true}; break;
    case FAMILY_FLATTEN: layer->flatten = (struct layer_flatten){edge(state), edge(state)}; break;
    case FAMILY_BATCH_NORM: layer->batch_norm = (struct layer_batch_norm){edge(state), true}; break;
    case FAMILY_SOFTMAX: layer->softmax = (struct layer_softmax){true, edge(state)}; break;
    case FAMILY_PAD:
        layer->pad = (struct layer_pad){{edge(state), edge(state)}, {edge(state), edge(state)}};
        break;
    case FAMILY_ELEMENTWISE: break;
    }
}

static struct shape edge_shape(uint32_t *state) {
    struct shape shape = {.rank = (int)(draw(state) % 7)};
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = draw(state) % 3 == 0 ? max_i64(edge(state), 0) : (int64_t)(draw(state) % 12);
    return shape;
}

static void no_number_overflows(void **unused) {
    (void)unused;
    uint32_t state = 2463534242u;
    int answers = 0;
    for (int type = 0; type < LAYER_TYPES; type++)
        for (int i = 0; i < 5000; i++) {
            struct layer layer;
            struct layer_sizes sizes;
            struct fault fault = {0};
            struct shape input = edge_shape(&state);
            int64_t elems;
            edge_layer(&state, (enum layer_type)type, &layer);
            enum status status = layer_sizes(&layer, &input, &sizes, &fault);
            if (status != STATUS_OK && (fault.status != status || fault.detail[0] == '\0'))
                fail_msg("%s refuses without a word", layer_type_name(layer.type));
            if (status == STATUS_OK &&
                (!shape_elems(&sizes.output, &elems) || elems < 0 || sizes.parameters < 0 || sizes.macs < 0))
                fail_msg("%s gives a size that is none", layer_type_name(layer.type));
            answers += status == STATUS_OK;
        }
    assert_true(answers > 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_number_overflows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
