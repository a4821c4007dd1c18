/*
 * /shape: what layers make of an input's shape, without data. One layer by POST or GET, or a chain by POST.
 */
#include "api/decode/layer_fields.h"
#include "api/decode/nearest.h"
#include "api/endpoints/answer.h"
#include "api/endpoints/endpoints.h"
#include "api/endpoints/formula.h"
#include "api/endpoints/receptive_field.h"
#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct totals {
    int64_t parameters, macs, output_bytes;
};

struct shape_request {
    struct fields fields; /* of the document */
    enum dtype dtype;
    struct shape input;
    struct receptive_field field;
    struct totals total;
    struct text text;
};

static const char *const layer_names[] = {
#define LAYER_NAME(NAME, name, torch, family, axes) name,
    LAYER_MAP(LAYER_NAME)
#undef LAYER_NAME
        NULL};

/* ---- reading ---- */

static bool read_type(const struct fields *fields, enum layer_type *type) {
    const json_t *value = fields_get(fields, "type");
    if (value == NULL)
        return fields_missing(fields, "type", "a layer");
    if (!json_is_string(value))
        return fields_refuse(fields, PROBLEM_WRONG_TYPE, "type",
                             "type must be a string, the name of a layer");
    const char *name = json_string_value(value);
    if (layer_type_find(name, type))
        return true;
    const char *nearest = nearest_name(name, layer_names);
    if (nearest != NULL)
        return fields_refuse(fields, PROBLEM_INVALID_VALUE, "type",
                             "there is no layer type \"%s\"; did you mean \"%s\"?",
                             decode_shown(fields->decode, name), nearest);
    return fields_refuse(
        fields, PROBLEM_INVALID_VALUE, "type",
        "there is no layer type \"%s\"; the types are conv1d/2d/3d, conv_transpose1d/2d/3d, "
        "max_pool1d/2d/3d, avg_pool1d/2d/3d, lp_pool1d/2d, adaptive_avg_pool1d/2d/3d, "
        "adaptive_max_pool1d/2d/3d, linear, flatten, batch_norm1d/2d/3d, dropout, relu, relu6, "
        "leaky_relu, elu, gelu, silu, hardswish, sigmoid, tanh, softmax, log_softmax, zero_pad2d, "
        "reflection_pad2d, replication_pad2d and upsample",
        decode_shown(fields->decode, name));
}

static bool read_layer(const struct shape_request *r, const struct fields *fields, const char *const *extra,
                       struct layer *layer) {
    const char *names[LAYER_FIELDS_MAX];
    char what[64];
    enum layer_type type = LAYER_RELU;
    if (!read_type(fields, &type))
        return false;
    layer_field_names(type, extra, names);
    snprintf(what, sizeof what, "a %s layer", layer_type_name(type));
    return fields_known(fields, names, what) && layer_fields_read(fields, type, r->dtype, layer);
}

static bool read_input_shape(struct shape_request *r) {
    if (!fields_has(&r->fields, "input_shape"))
        return fields_missing(&r->fields, "input_shape", "/shape");
    return fields_shape(&r->fields, "input_shape", &r->input);
}

/* ---- one layer ---- */

/* The input that a layer cannot take is pointed at by the layer, in a chain, and by input_shape for a single
 * one. */
static bool refuse_layer(const struct shape_request *r, const struct fields *fields, int index,
                         const struct fault *fault, const struct layer *layer) {
    char shape[SHAPE_TEXT_BYTES];
    bool at_input = strncmp(fault->place, "input", 5) == 0 || fault->place[0] == '\0';
    const char *detail = fields_fault_detail(fields, fault);
    enum problem problem = problem_from_status(fault->status);
    if (index < 0)
        return fields_refuse(fields, problem, at_input ? "input_shape" : fault->place, "%s", detail);
    if (at_input)
        return decode_refuse(fields->decode, problem, fields->pointer,
                             "layer %d (%s) cannot take its input of shape %s: %s", index,
                             layer_type_name(layer->type), shape_text(&r->input, shape), detail);
    return fields_refuse(fields, problem, fault->place, "layer %d (%s), which gets an input of shape %s: %s",
                         index, layer_type_name(layer->type), shape_text(&r->input, shape), detail);
}

static bool add_totals(struct shape_request *r, const struct layer_sizes *sizes, int64_t *output_bytes) {
    int64_t elems;
    return shape_elems(&sizes->output, &elems) &&
           checked_mul(elems, (int64_t)dtype_bytes(r->dtype), output_bytes) &&
           checked_add(r->total.output_bytes, *output_bytes, &r->total.output_bytes) &&
           checked_add(r->total.parameters, sizes->parameters, &r->total.parameters) &&
           checked_add(r->total.macs, sizes->macs, &r->total.macs);
}

/* Computes and writes one layer's entry; r->input goes in and its output comes out. `index` is -1 for a
 * single layer. */
static bool pass_layer(struct shape_request *r, const struct fields *fields, int index,
                       const struct layer *layer) {
    struct layer_sizes sizes;
    struct fault fault = {0};
    int64_t output_bytes;
    struct text *text = &r->text;
    if (layer_sizes(layer, &r->input, &sizes, &fault) != STATUS_OK)
        return refuse_layer(r, fields, index, &fault, layer);
    if (!add_totals(r, &sizes, &output_bytes))
        return decode_refuse(fields->decode, PROBLEM_LIMIT_EXCEEDED, index < 0 ? NULL : fields->pointer,
                             "the sizes of this layer, or of the chain up to it, do not fit into 63 bits");
    receptive_field_pass(&r->field, layer, &sizes);
    text_printf(text, "%s{\"type\":\"%s\",\"input_shape\":", index > 0 ? "," : "",
                layer_type_name(layer->type));
    text_json_shape(text, &r->input);
    text_puts(text, ",\"output_shape\":");
    text_json_shape(text, &sizes.output);
    if (formula_exists(layer->type)) {
        text_puts(text, ",\"formula\":");
        formula_write(text, layer, &sizes);
    }
    text_printf(text, ",\"parameters\":%" PRId64 ",\"macs\":%" PRId64 ",\"output_bytes\":%" PRId64,
                sizes.parameters, sizes.macs, output_bytes);
    receptive_field_write(text, &r->field);
    text_puts(text, "}");
    r->input = sizes.output;
    return true;
}

/* A layer that keeps its input as it is says nothing of axes: an image has two, a signal one. */
static int axes_of_shape(const struct shape *input) {
    int axes = input->rank - 2;
    return axes < 0 ? 0 : axes > LAYER_MAX_AXES ? LAYER_MAX_AXES : axes;
}

static bool single_layer(struct shape_request *r) {
    static const char *const extra[] = {"type", "input_shape", "dtype", NULL};
    struct layer layer = {0};
    if (!read_layer(r, &r->fields, extra, &layer) || !read_input_shape(r))
        return false;
    int axes = layer_type_axes(layer.type);
    r->field = receptive_field_start(axes > 0 ? axes : axes_of_shape(&r->input));
    return pass_layer(r, &r->fields, -1, &layer);
}

/* ---- a chain ---- */

static bool open_layer(const struct shape_request *r, const json_t *layers, size_t index,
                       struct fields *fields) {
    const json_t *object = json_array_get(layers, index);
    char *pointer = arena_printf(r->fields.decode->arena, "/layers/%zu", index);
    if (pointer == NULL)
        return decode_no_memory(r->fields.decode);
    if (!json_is_object(object))
        return decode_refuse(r->fields.decode, PROBLEM_WRONG_TYPE, pointer,
                             "a layer must be an object, {\"type\": …}");
    *fields = (struct fields){.decode = r->fields.decode, .object = object, .pointer = pointer};
    return true;
}

/* The first layer with spatial axes says how many there are. */
static int axes_of_chain(const struct shape_request *r, const json_t *layers) {
    size_t index;
    json_t *object;
    json_array_foreach((json_t *)(uintptr_t)layers, index, object) {
        const char *name = json_string_value(json_object_get(object, "type"));
        enum layer_type type;
        if (name != NULL && layer_type_find(name, &type) && layer_type_axes(type) > 0)
            return layer_type_axes(type);
    }
    return axes_of_shape(&r->input);
}

static bool chain(struct shape_request *r) {
    static const char *const known[] = {"input_shape", "layers", "dtype", NULL};
    static const char *const extra[] = {"type", NULL};
    const json_t *layers = fields_get(&r->fields, "layers");
    if (!fields_known(&r->fields, known, "/shape with layers"))
        return false;
    if (!json_is_array(layers) || json_array_size(layers) == 0)
        return fields_refuse(&r->fields, PROBLEM_WRONG_TYPE, "layers",
                             "layers must be a list of at least one layer");
    if (!read_input_shape(r))
        return false;
    r->field = receptive_field_start(axes_of_chain(r, layers));
    for (size_t i = 0; i < json_array_size(layers); i++) {
        struct fields fields = {0};
        struct layer layer = {0};
        if (!open_layer(r, layers, i, &fields) || !read_layer(r, &fields, extra, &layer) ||
            !pass_layer(r, &fields, (int)i, &layer))
            return false;
    }
    return true;
}

/* ---- the answer ---- */

/* The output's shape stands first in the answer but is known last: the entries are written beside and put
 * behind it. */
static bool answer(struct shape_request *r) {
    struct text text = text_open(r->fields.decode->arena, r->text.length + 512);
    if (r->text.failed)
        return decode_no_memory(r->fields.decode);
    text_puts(&text, "{\"output_shape\":");
    text_json_shape(&text, &r->input);
    text_puts(&text, ",\"layers\":[");
    text_add(&text, r->text.data, r->text.length);
    text_printf(&text,
                "],\"total\":{\"parameters\":%" PRId64 ",\"macs\":%" PRId64 ",\"output_bytes\":%" PRId64
                "}}\n",
                r->total.parameters, r->total.macs, r->total.output_bytes);
    return answer_text(r->fields.decode, &text);
}

static void respond(struct decode *decode, double start_ms) {
    struct shape_request r = {.fields = {.decode = decode, .object = decode->document.root, .pointer = ""}};
    double compute_ms = answer_clock_ms();
    r.text = text_open(decode->arena, 2048);
    r.dtype = DTYPE_FLOAT32;
    if (!fields_dtype(&r.fields, "dtype", &r.dtype, NULL))
        return;
    bool is_chain = !decode->from_query && fields_has(&r.fields, "layers");
    if (!(is_chain ? chain(&r) : single_layer(&r)))
        return;
    double encode_ms = answer_clock_ms();
    if (!answer(&r))
        return;
    decode->response->decode_ms = compute_ms - start_ms;
    decode->response->compute_ms = encode_ms - compute_ms;
    decode->response->encode_ms = answer_clock_ms() - encode_ms;
}

void endpoint_shape_post(struct decode *decode) {
    double start_ms = answer_clock_ms();
    if (decode_body(decode, NULL))
        respond(decode, start_ms);
    answer_timed(decode, start_ms);
}

void endpoint_shape_get(struct decode *decode) {
    double start_ms = answer_clock_ms();
    if (decode_query(decode))
        respond(decode, start_ms);
    answer_timed(decode, start_ms);
}
