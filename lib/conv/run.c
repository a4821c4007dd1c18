/*
 * Running a plan: its units in pieces, on this thread and on idle workers.
 */
#include "lib/conv/columns.h"
#include "lib/conv/plan.h"
#include "lib/conv/winograd.h"
#include "lib/conv/winograd_ends.h"
#include "lib/conv/zones.h"

#include "lib/base/checked.h"
#include "lib/base/float_env.h"
#include "lib/kernels/gemm_kernels.h"

static conv_unit_fn *unit_fn(const struct conv_plan *plan) {
    bool f32 = plan->dtype == DTYPE_FLOAT32;
    switch (plan->method) {
    case CONV_METHOD_BLAS: return f32 ? conv_blas_f32 : conv_blas_f64;
    case CONV_METHOD_COLUMNS:
    case CONV_METHOD_IMPLICIT: return f32 ? conv_columns_f32 : conv_columns_f64;
    case CONV_METHOD_DEPTHWISE: return f32 ? conv_depthwise_f32 : conv_depthwise_f64;
    case CONV_METHOD_ROWS: return f32 ? conv_rows_f32 : conv_rows_f64;
    case CONV_METHOD_WINOGRAD: return f32 ? conv_winograd_f32 : conv_winograd_f64;
    case CONV_METHOD_ZONES: return f32 ? conv_zones_f32 : conv_zones_f64;
    case CONV_METHOD_REFERENCE: break;
    }
    return f32 ? conv_reference_f32 : conv_reference_f64;
}

static void run_piece(void *argument, int64_t index, int slot) {
    const struct conv_call *call = argument;
    const struct conv_plan *plan = call->plan;
    char *workspace = call->context->workspace;
    if (plan->workspace_bytes_per_slot > 0)
        workspace += (size_t)slot * plan->workspace_bytes_per_slot;
    int64_t first = index * plan->tiles.units_per_piece;
    int64_t end = min_i64(plan->tiles.units, first + plan->tiles.units_per_piece);

    float_env saved = float_flush_begin();
    for (int64_t u = first; u < end && !conv_cancelled(call); u++) {
        struct conv_unit unit = conv_unit_at(plan, u);
        unit_fn(plan)(call, &unit, workspace);
    }
    float_flush_end(saved);
}

void conv_run(const struct conv_plan *plan, const void *input, const void *weights, const void *bias,
              void *output, const struct run_context *context) {
    if (plan->tiles.units == 0)
        return;
    struct conv_call call = {plan, input, weights, bias, output, context};
    int64_t pieces = div_ceil_i64(plan->tiles.units, plan->tiles.units_per_piece);
    workers_range(context->workers, context->slot, pieces, run_piece, &call);
}

/* ---- weights ---- */

/* One conv_prepare, read by all of its pieces. */
struct preparation {
    const struct conv_plan *plan;
    const void *weight;
    void *packed;
};

static void prepare_piece(void *argument, int64_t index, int slot) {
    (void)slot;
    const struct preparation *p = argument;
    bool f32 = p->plan->dtype == DTYPE_FLOAT32;
    switch (p->plan->method) {
    case CONV_METHOD_COLUMNS:
    case CONV_METHOD_IMPLICIT:
        (f32 ? columns_prepare_f32(p->plan, p->weight, p->packed, index)
             : columns_prepare_f64(p->plan, p->weight, p->packed, index));
        break;
    case CONV_METHOD_WINOGRAD:
        (f32 ? winograd_prepare_f32(p->plan, p->weight, p->packed, index)
             : winograd_prepare_f64(p->plan, p->weight, p->packed, index));
        break;
    case CONV_METHOD_ZONES:
        (f32 ? zones_prepare_f32(p->plan, p->weight, p->packed, index)
             : zones_prepare_f64(p->plan, p->weight, p->packed, index));
        break;
    default: break;
    }
}

void conv_prepare(const struct conv_plan *plan, const void *weight, void *packed,
                  const struct run_context *context) {
    struct preparation preparation = {plan, weight, packed};
    int64_t blocks = plan->groups * div_ceil_i64(plan->group_outs, GEMM_BLOCK);
    workers_range(context->workers, context->slot, blocks, prepare_piece, &preparation);
    if (plan->method == CONV_METHOD_WINOGRAD)
        (plan->dtype == DTYPE_FLOAT32 ? winograd_judge_f32(plan, packed) : winograd_judge_f64(plan, packed));
}
