/*
 * A plan: the sizes of a layer, the choice (choice.c), the cut (cut.c).
 */
#include "lib/conv/plan.h"

#include "lib/kernels/kernels.h"

#include <stdio.h>

enum status conv_plan(struct conv_plan *plan, const struct layer *layer, const struct shape *input,
                      enum dtype dtype, const struct conv_options *options, struct fault *fault) {
    *plan = (struct conv_plan){.dtype = dtype,
                               .kernels = options->kernels != NULL ? options->kernels : kernels_get()};
    enum status status = layer_sizes(layer, input, &plan->sizes, fault);
    if (status != STATUS_OK)
        return status;
    if (dtype != DTYPE_FLOAT32 && dtype != DTYPE_FLOAT64)
        return fault_set(fault, STATUS_INVALID_VALUE, "dtype",
                         "dtype is %s; a convolution takes float32 and float64", dtype_name(dtype));
    plan->padding_mode = layer->conv.padding_mode;
    plan->groups = layer->conv.groups;
    plan->group_channels = plan->sizes.channels / plan->groups;
    plan->group_outs = conv_outs(&plan->sizes) / plan->groups;
    status = conv_plan_choose(plan, options, fault);
    if (status != STATUS_OK || plan->group_outs == 0)
        return status; /* without output channels there are no units */
    if (!conv_plan_cut(plan, options))
        return fault_set(fault, STATUS_TOO_LARGE, "input",
                         "the output has more elements than 63 bits can count");
    return STATUS_OK;
}

void conv_plan_describe(const struct conv_plan *plan, char *text, size_t capacity) {
    static const char *const methods[] = {"reference", "rows",  "blas",     "columns",
                                          "implicit",  "zones", "winograd", "depthwise"};
    const struct conv_tiles *t = &plan->tiles;
    snprintf(text, capacity, "%s%s: %lld x %lld x %lld, depth %lld, m %lld, %lld units",
             methods[plan->method], plan->pairs ? " of bfloat16" : "", (long long)t->outs, (long long)t->rows,
             (long long)t->cols, (long long)t->depth, (long long)t->winograd_m, (long long)t->units);
}
