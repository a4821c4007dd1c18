/*
 * POST /pool2d: the same order of refusals as /conv2d.
 */
#include "api/decode/layer_fields.h"
#include "api/decode/tensor_field.h"
#include "api/endpoints/answer.h"
#include "api/endpoints/endpoints.h"
#include "lib/base/checked.h"
#include "lib/pooling/pooling.h"

static const char *const tensor_names[] = {"input", NULL};
static const char *const own_names[] = {"input", "mode", "dtype", "format", "range", NULL};
static const char *const mode_names[] = {"max", "avg", "lp", "adaptive_max", "adaptive_avg", NULL};
static const enum layer_type mode_types[] = {LAYER_MAX_POOL2D, LAYER_AVG_POOL2D, LAYER_LP_POOL2D,
                                             LAYER_ADAPTIVE_MAX_POOL2D, LAYER_ADAPTIVE_AVG_POOL2D};
static const char *const mode_texts[] = {"/pool2d with mode 'max'", "/pool2d with mode 'avg'",
                                         "/pool2d with mode 'lp'", "/pool2d with mode 'adaptive_max'",
                                         "/pool2d with mode 'adaptive_avg'"};

struct pool_request {
    struct fields fields;
    enum dtype dtype;
    struct answer answer;
    struct tensor_field input;
    struct layer layer;
    struct pooling_plan plan;
};

static bool read_request(struct pool_request *r) {
    const struct fields *fields = &r->fields;
    const char *names[LAYER_FIELDS_MAX];
    int mode = 0;
    bool present;
    if (!fields_choice(fields, "mode", mode_names, &mode))
        return false;
    layer_field_names(mode_types[mode], own_names, names);
    if (!fields_known(fields, names, mode_texts[mode]) || !tensor_field_dtype(fields, &r->dtype) ||
        !tensor_field_open(fields, "input", r->dtype, false, &r->input, &present))
        return false;
    if (!present)
        return fields_missing(fields, "input", "/pool2d");
    return layer_fields_read(fields, mode_types[mode], r->dtype, &r->layer) &&
           answer_choose(fields, r->input.form, r->layer.pooling.return_indices, &r->answer);
}

static bool plan_request(struct pool_request *r) {
    struct fault fault = {0};
    int64_t elems;
    size_t elem_bytes = dtype_bytes(r->dtype) + (r->layer.pooling.return_indices ? sizeof(int64_t) : 0);
    if (pooling_plan(&r->plan, &r->layer, &r->input.shape, r->dtype, &fault) != STATUS_OK)
        return fields_refuse_fault(&r->fields, &fault);
    if (!shape_elems(&r->plan.sizes.output, &elems))
        elems = INT64_MAX;
    struct answer_work work = {.weight = WEIGHT_POOLED_CELL,
                               .name = "reads of input cells",
                               .beside_name =
                                   "its powers, wide maxima, empty lanes and windows in the padding"};
    if (!pooling_operations(&r->plan, &work.steps))
        work.steps = INT64_MAX;
    if (pooling_looks_alone(&r->plan, r->layer.pooling.return_indices))
        work.weight = WEIGHT_LONE_CELL;
    work.beside = max_i64(0, pooling_cost(&r->plan, r->layer.pooling.return_indices) -
                                 saturating_mul(work.steps, work.weight));
    return answer_within_limits(&r->fields, elems, elem_bytes, &work) &&
           answer_fits(&r->fields, &r->answer, &r->plan.sizes.output);
}

static bool run(struct pool_request *r, double decode_start_ms) {
    struct decode *decode = r->fields.decode;
    bool with_indices = r->layer.pooling.return_indices;
    struct tensor input;
    if (!tensor_field_read(&r->fields, "input", &r->input, r->dtype, &input) || answer_cancelled(decode))
        return false;
    struct answer_starts starts = {decode_start_ms, answer_clock_ms()};
    struct run_context context = {
        .workers = decode->context->workers, .slot = decode->slot, .cancelled = decode->request->cancelled};
    if (!answer_open(decode, r->dtype, &r->plan.sizes.output, with_indices, &r->answer))
        return false;
    pooling_run(&r->plan, input.data, r->answer.output.data, r->answer.indices.data, &context);
    return answer_computed(decode, &starts, &r->answer);
}

void endpoint_pool2d(struct decode *decode) {
    struct pool_request r = {0};
    double start_ms = answer_clock_ms();
    if (decode_request(decode, tensor_names)) {
        r.fields = (struct fields){.decode = decode, .object = decode->document.root, .pointer = ""};
        if (read_request(&r) && plan_request(&r))
            run(&r, start_ms);
    }
    answer_timed(decode, start_ms);
}
