/*
 * POST /conv2d. What is refused, is refused in this order: the document (400), its fields and types, the
 * layer, the limits, and last the numbers of its tensors, since they cost most to look at.
 */
#include "api/decode/layer_fields.h"
#include "api/decode/tensor_field.h"
#include "api/endpoints/answer.h"
#include "api/endpoints/endpoints.h"
#include "lib/base/checked.h"
#include "lib/conv/conv.h"

#include <inttypes.h>
#include <string.h>

static const char *const known[] = {"input",        "weight",   "bias",      "stride",      "padding",
                                    "padding_mode", "dilation", "groups",    "in_channels", "out_channels",
                                    "kernel_size",  "device",   "precision", "algorithm",   "dtype",
                                    "format",       "range",    NULL};
static const char *const tensor_names[] = {"input", "weight", "bias", NULL};

struct conv_request {
    struct fields fields;
    enum dtype dtype;
    struct answer answer;
    struct tensor_field input, weight, bias;
    bool has_bias;
    struct conv_options options;
    struct layer layer;
    struct conv_plan plan;
};

static bool required_tensor(const struct fields *fields, const char *name, enum dtype dtype,
                            struct tensor_field *field) {
    bool present;
    if (!tensor_field_open(fields, name, dtype, false, field, &present))
        return false;
    return present || fields_missing(fields, name, "/conv2d");
}

/* The channels and the kernel are the weight's: (C_out, C_in/groups, kH, kW). */
static bool take_weight_shape(struct conv_request *r) {
    struct layer_conv *conv = &r->layer.conv;
    const struct shape *weight = &r->weight.shape;
    char text[SHAPE_TEXT_BYTES];
    if (weight->rank != 4)
        return fields_refuse(
            &r->fields, PROBLEM_SHAPE_MISMATCH, "weight",
            "expected 4-dimensional weight (out_channels, in_channels/groups, kernel height, kernel "
            "width), but got weight of size %s",
            shape_text(weight, text));
    conv->out_channels = weight->dim[0];
    if (conv->groups > 0 && !checked_mul(weight->dim[1], conv->groups, &conv->in_channels))
        return fields_refuse(&r->fields, PROBLEM_LIMIT_EXCEEDED, "groups",
                             "groups is %" PRId64 "; in_channels = groups * %" PRId64
                             " does not fit into 63 bits",
                             conv->groups, weight->dim[1]);
    conv->kernel[0] = weight->dim[2];
    conv->kernel[1] = weight->dim[3];
    conv->bias = r->has_bias;
    return true;
}

static bool agree(const struct fields *fields, const char *name, int64_t given, int64_t in_weight,
                  const struct shape *weight) {
    char text[SHAPE_TEXT_BYTES];
    const char *field = name[0] == 'k' ? "kernel_size" : name;
    if (!fields_has(fields, field) || given == in_weight)
        return true;
    return fields_refuse(fields, PROBLEM_SHAPE_MISMATCH, name,
                         "%s is %" PRId64 " but weight of size %s says %" PRId64, field, given,
                         shape_text(weight, text), in_weight);
}

/* in_channels, out_channels and kernel_size say nothing new here; they must not contradict. */
static bool check_agreement(struct conv_request *r) {
    const struct layer_conv *conv = &r->layer.conv;
    int64_t in_channels, out_channels, kernel[LAYER_MAX_AXES] = {0};
    return layer_fields_read_count(&r->fields, "in_channels", &in_channels) &&
           layer_fields_read_count(&r->fields, "out_channels", &out_channels) &&
           fields_axes(&r->fields, "kernel_size", 2, 0, kernel) &&
           agree(&r->fields, "in_channels", in_channels, conv->in_channels, &r->weight.shape) &&
           agree(&r->fields, "out_channels", out_channels, conv->out_channels, &r->weight.shape) &&
           agree(&r->fields, "kernel_size/0", kernel[0], conv->kernel[0], &r->weight.shape) &&
           agree(&r->fields, "kernel_size/1", kernel[1], conv->kernel[1], &r->weight.shape);
}

static bool check_bias(struct conv_request *r) {
    char weight[SHAPE_TEXT_BYTES], bias[SHAPE_TEXT_BYTES];
    if (!r->has_bias || (r->bias.shape.rank == 1 && r->bias.shape.dim[0] == r->weight.shape.dim[0]))
        return true;
    return fields_refuse(&r->fields, PROBLEM_SHAPE_MISMATCH, "bias",
                         "Given weight of size %s, expected bias to be 1-dimensional with %" PRId64
                         " elements, but got bias of size %s instead",
                         shape_text(&r->weight.shape, weight), r->weight.shape.dim[0],
                         shape_text(&r->bias.shape, bias));
}

static bool read_options(struct conv_request *r) {
    const char *algorithms[CONV_ALGORITHMS + 1] = {0}, *precisions[CONV_PRECISIONS + 1] = {0};
    int precision = (int)r->fields.decode->context->precision, algorithm = CONV_AUTO;
    for (int i = 0; i < CONV_ALGORITHMS; i++)
        algorithms[i] = conv_algorithm_name((enum conv_algorithm)i);
    for (int i = 0; i < CONV_PRECISIONS; i++)
        precisions[i] = conv_precision_name((enum conv_precision)i);
    if (!fields_choice(&r->fields, "precision", precisions, &precision) ||
        !fields_choice(&r->fields, "algorithm", algorithms, &algorithm))
        return false;
    r->options.algorithm = (enum conv_algorithm)algorithm;
    r->options.precision = (enum conv_precision)precision;
    return true;
}

static bool read_request(struct conv_request *r) {
    const struct fields *fields = &r->fields;
    if (!fields_known(fields, known, "/conv2d") || !tensor_field_dtype(fields, &r->dtype) ||
        !required_tensor(fields, "input", r->dtype, &r->input) ||
        !required_tensor(fields, "weight", r->dtype, &r->weight) ||
        !tensor_field_open(fields, "bias", r->dtype, true, &r->bias, &r->has_bias))
        return false;
    layer_init(&r->layer, LAYER_CONV2D);
    return layer_fields_read_conv(fields, 2, &r->layer.conv) && read_options(r) &&
           answer_choose(fields, r->input.form, false, &r->answer) && take_weight_shape(r);
}

/* Channels and kernel came from the weight: what is wrong with them is wrong there. */
static bool refuse_plan(const struct conv_request *r, struct fault *fault) {
    static const char *const of_weight[] = {"kernel_size", "in_channels", "out_channels"};
    for (size_t i = 0; i < sizeof of_weight / sizeof of_weight[0]; i++) {
        if (strncmp(fault->place, of_weight[i], strlen(of_weight[i])) == 0)
            strcpy(fault->place, "weight");
    }
    return fields_refuse_fault(&r->fields, fault);
}

/* Asked for only where it could make a difference: small requests need not be planned twice. */
static int64_t copies_of(const struct conv_request *r) {
    if (r->plan.sizes.macs < r->fields.decode->context->limits.max_macs / CONV_MOST_COPIES)
        return 0;
    return conv_copies(&r->layer, &r->input.shape, r->dtype, &r->options);
}

static bool plan_request(struct conv_request *r) {
    struct fault fault = {0};
    int64_t elems;
    enum status status = conv_plan(&r->plan, &r->layer, &r->input.shape, r->dtype, &r->options, &fault);
    if (status != STATUS_OK)
        return refuse_plan(r, &fault);
    if (!check_agreement(r) || !check_bias(r))
        return false;
    if (!shape_elems(&r->plan.sizes.output, &elems))
        elems = INT64_MAX;
    bool reference = r->plan.algorithm == CONV_REFERENCE;
    const struct answer_work work = {.steps = r->plan.sizes.macs,
                                     .weight = reference ? WEIGHT_REFERENCE_MAC : WEIGHT_MAC,
                                     .name = "multiply-accumulates",
                                     .beside = copies_of(r),
                                     .beside_name = "its copies, transforms and empty lanes"};
    return answer_within_limits(&r->fields, elems, dtype_bytes(r->dtype), &work) &&
           answer_fits(&r->fields, &r->answer, &r->plan.sizes.output);
}

static bool read_tensors(struct conv_request *r, struct tensor *input, struct tensor *weight,
                         struct tensor *bias) {
    *bias = (struct tensor){.dtype = r->dtype};
    return tensor_field_read(&r->fields, "input", &r->input, r->dtype, input) &&
           tensor_field_read(&r->fields, "weight", &r->weight, r->dtype, weight) &&
           (!r->has_bias || tensor_field_read(&r->fields, "bias", &r->bias, r->dtype, bias));
}

/* The weights as the plan wants them: packed, or as they came. NULL when there is no memory for that. */
static const void *prepare(struct conv_request *r, const void *weight, const struct run_context *context) {
    if (r->plan.packed_bytes == 0)
        return weight;
    void *packed = decode_alloc(r->fields.decode, r->plan.packed_bytes, "the packed weights");
    if (packed != NULL)
        conv_prepare(&r->plan, weight, packed, context);
    return packed;
}

static bool run(struct conv_request *r, double decode_start_ms) {
    struct decode *decode = r->fields.decode;
    struct tensor input, weight, bias;
    if (!read_tensors(r, &input, &weight, &bias) || answer_cancelled(decode))
        return false;
    struct answer_starts starts = {decode_start_ms, answer_clock_ms()};
    struct run_context context = {
        .workers = decode->context->workers, .slot = decode->slot, .cancelled = decode->request->cancelled};
    size_t workspace_bytes = (size_t)workers_slots(context.workers) * r->plan.workspace_bytes_per_slot;
    if (!answer_open(decode, r->dtype, &r->plan.sizes.output, false, &r->answer))
        return false;
    context.workspace = decode_alloc(decode, workspace_bytes, "the workspace");
    const void *weights = context.workspace != NULL ? prepare(r, weight.data, &context) : NULL;
    if (weights == NULL)
        return false;
    conv_run(&r->plan, input.data, weights, bias.data, r->answer.output.data, &context);
    if (!answer_computed(decode, &starts, &r->answer))
        return false;
    answer_header(decode, "X-Convd-Algorithm", conv_algorithm_name(r->plan.algorithm));
    return true;
}

void endpoint_conv2d(struct decode *decode) {
    struct conv_request r = {0};
    double start_ms = answer_clock_ms();
    if (decode_request(decode, tensor_names)) {
        r.fields = (struct fields){.decode = decode, .object = decode->document.root, .pointer = ""};
        if (read_request(&r) && plan_request(&r))
            run(&r, start_ms);
    }
    answer_timed(decode, start_ms);
}
