/*
 * Layers without windows: linear, flatten, batch norm, element-wise, softmax.
 *
 * Source of the rules: aten/src/ATen/native/{Linear,LinearAlgebra,TensorShape,Normalization,SoftMax}.cpp,
 * c10/core/WrapDimMinimal.h and torch/nn/modules/batchnorm.py.
 */
#include "lib/layers/sizing.h"

#include <inttypes.h>

/* ---- linear ---- */

static enum status check_features(const struct sizing *at) {
    const struct layer_linear *linear = &at->layer->linear;
    if (linear->out_features < 0)
        return fault_set(at->fault, STATUS_INVALID_VALUE, "out_features",
                         "out_features is %" PRId64
                         "; it must be at least 0 (Trying to create tensor with negative "
                         "dimension %" PRId64 ")",
                         linear->out_features, linear->out_features);
    if (at->input->rank == 0)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "both arguments to matmul need to be at least 1D, but they are 0D and 2D");
    return STATUS_OK;
}

enum status sizes_of_linear(const struct sizing *at) {
    const struct layer_linear *linear = &at->layer->linear;
    const struct shape *input = at->input;
    enum status status = check_features(at);
    if (status != STATUS_OK)
        return status;
    int64_t got = input->dim[input->rank - 1], out = linear->out_features, rows;
    int64_t in = linear->in_features < 0 ? got : linear->in_features;
    if (!product_of(input->dim, input->rank - 1, &rows))
        return refuse_product(at, "input", "the number of rows", input->dim, input->rank - 1, 0);
    if (in != got)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "mat1 and mat2 shapes cannot be multiplied (%" PRId64 "x%" PRId64 " and %" PRId64
                         "x%" PRId64 ")",
                         rows, got, in, out);
    at->sizes->output = *input;
    at->sizes->output.dim[input->rank - 1] = out;
    if (!checked_mul(in, out, &at->sizes->parameters) ||
        !checked_add(at->sizes->parameters, linear->bias ? out : 0, &at->sizes->parameters))
        return refuse_product(at, "", "the number of parameters", (int64_t[]){out, in}, 2,
                              linear->bias ? out : 0);
    const int64_t factors[] = {rows, in, out};
    if (!product_of(factors, 3, &at->sizes->macs))
        return refuse_product(at, "", "the number of multiply-accumulates", factors, 3, 0);
    return STATUS_OK;
}

/* ---- dimensions by number ---- */

/* The dimension that `dim` names, counted from the end when negative; a scalar has one for this purpose. */
static enum status wrap_dimension(const struct sizing *at, const char *field, int64_t dim, int *wrapped) {
    int rank = at->input->rank > 0 ? at->input->rank : 1;
    if (dim < -rank || dim >= rank)
        return fault_set(at->fault, STATUS_INVALID_VALUE, field,
                         "Dimension out of range (expected to be in range of [%d, %d], but got %" PRId64 ")",
                         -rank, rank - 1, dim);
    *wrapped = (int)(dim < 0 ? dim + rank : dim);
    return STATUS_OK;
}

enum status sizes_of_flatten(const struct sizing *at) {
    const struct shape *input = at->input;
    struct shape *output = &at->sizes->output;
    int start = 0, end = 0;
    enum status status = wrap_dimension(at, "start_dim", at->layer->flatten.start_dim, &start);
    if (status == STATUS_OK)
        status = wrap_dimension(at, "end_dim", at->layer->flatten.end_dim, &end);
    if (status != STATUS_OK)
        return status;
    if (start > end)
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, "start_dim",
            "flatten() has invalid args: start_dim cannot come after end_dim; they are dimensions %d and "
            "%d",
            start, end);
    int flat = input->rank == 0 ? 0 : end - start + 1;
    if (!product_of(input->dim + start, flat, &output->dim[start]))
        return refuse_product(at, "input", "the product of the flattened dimensions", input->dim + start,
                              flat, 0);
    for (int i = 0; i < start; i++)
        output->dim[i] = input->dim[i];
    for (int i = start + flat; i < input->rank; i++)
        output->dim[i - flat + 1] = input->dim[i];
    output->rank = input->rank - flat + 1;
    return STATUS_OK;
}

enum status sizes_of_softmax(const struct sizing *at) {
    const struct layer_softmax *softmax = &at->layer->softmax;
    int dim;
    at->sizes->output = *at->input;
    return softmax->has_dim ? wrap_dimension(at, "dim", softmax->dim, &dim) : STATUS_OK;
}

/* ---- as it came ---- */

enum status sizes_of_elementwise(const struct sizing *at) {
    at->sizes->output = *at->input;
    return STATUS_OK;
}

static enum status check_batch_norm_rank(const struct sizing *at) {
    char text[SHAPE_TEXT_BYTES];
    int rank = at->input->rank, axes = layer_type_axes(at->layer->type);
    if (rank == axes + 2 || (axes == 1 && rank == 2))
        return STATUS_OK;
    return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                     axes == 1   ? "expected 2D or 3D input (got %dD input); the input is of size %s"
                     : axes == 2 ? "expected 4D input (got %dD input); the input is of size %s"
                                 : "expected 5D input (got %dD input); the input is of size %s",
                     rank, shape_text(at->input, text));
}

/*
 * An input without elements is passed on before its channels are compared, with its first weight read on the
 * way
 * (_batch_norm_impl_index).
 */
enum status sizes_of_batch_norm(const struct sizing *at) {
    const struct layer_batch_norm *norm = &at->layer->batch_norm;
    enum status status = check_batch_norm_rank(at);
    if (status != STATUS_OK)
        return status;
    int64_t channels = at->input->dim[1], elems = 0;
    int64_t features = norm->num_features < 0 ? channels : norm->num_features;
    (void)shape_elems(at->input, &elems); /* layer_sizes has seen it fit */
    if (elems == 0 && features == 0 && norm->affine)
        return fault_set(
            at->fault, STATUS_INVALID_VALUE, "num_features",
            "num_features is 0; an affine batch norm must have at least 1 (select(): index 0 out of range "
            "for tensor of size [0] at dimension 0)");
    if (elems != 0 && features != channels)
        return fault_set(at->fault, STATUS_SHAPE_MISMATCH, "input",
                         "running_mean should contain %" PRId64 " elements not %" PRId64
                         "; the input has %" PRId64 " channels",
                         channels, features, channels);
    at->sizes->output = *at->input;
    if (norm->affine && !checked_mul(2, features, &at->sizes->parameters))
        return refuse_product(at, "", "the number of parameters", (int64_t[]){2, features}, 2, 0);
    return STATUS_OK;
}
