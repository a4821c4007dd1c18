#include "tests/bench/conv/peers.h"

#include <cblas.h>

#include <stdlib.h>
#include <string.h>

struct im2col {
    const struct bench_layer *layer;
    const struct bench_tensors *tensors;
    int threads;
    float *columns;
};

static bool is_pointwise(const struct bench_layer *l) {
    return l->kernel[0] == 1 && l->kernel[1] == 1 && l->stride == 1 && l->pad[0] == 0 && l->pad[1] == 0;
}

static int64_t depth_of(const struct bench_layer *l) {
    return l->c / l->groups * l->kernel[0] * l->kernel[1];
}

static void *im2col_open(const struct bench_layer *layer, const struct bench_tensors *tensors, int threads,
                         bool prepared) {
    (void)prepared; /* the weights are multiplied as they are */
    struct im2col *state = malloc(sizeof(*state));
    if (state == NULL)
        return NULL;
    *state = (struct im2col){layer, tensors, library_threads(threads), NULL};
    size_t elems = is_pointwise(layer) ? 0 : (size_t)(depth_of(layer) * layer->out[0] * layer->out[1]);
    state->columns = aligned_alloc(64, (elems * sizeof(float) / 64 + 1) * 64);
    if (state->columns == NULL) {
        free(state);
        return NULL;
    }
    return state;
}

/* The row of the columns for one tap: zeros where it lies in the padding. */
static float *unroll_tap(const struct bench_layer *l, const float *plane, int64_t i, int64_t j, float *to) {
    for (int64_t y = 0; y < l->out[0]; y++, to += l->out[1]) {
        int64_t row = y * l->stride + i * l->dilation - l->pad[0], first = j * l->dilation - l->pad[1];
        if (row < 0 || row >= l->h) {
            memset(to, 0, (size_t)l->out[1] * sizeof(*to));
            continue;
        }
        const float *from = plane + row * l->w;
        for (int64_t x = 0; x < l->out[1]; x++) {
            int64_t col = first + x * l->stride;
            to[x] = col >= 0 && col < l->w ? from[col] : 0;
        }
    }
    return to;
}

static void unroll(const struct bench_layer *l, const float *planes, float *columns) {
    for (int64_t c = 0; c < l->c / l->groups; c++)
        for (int64_t i = 0; i < l->kernel[0]; i++)
            for (int64_t j = 0; j < l->kernel[1]; j++)
                columns = unroll_tap(l, planes + c * l->h * l->w, i, j, columns);
}

static void run(const struct im2col *state) {
    const struct bench_layer *l = state->layer;
    int64_t channels = l->c / l->groups, outs = l->k / l->groups, depth = depth_of(l);
    int64_t plane = l->h * l->w, positions = l->out[0] * l->out[1];
    for (int64_t n = 0; n < l->n; n++)
        for (int64_t g = 0; g < l->groups; g++) {
            const float *input = state->tensors->input + (n * l->c + g * channels) * plane, *columns = input;
            if (!is_pointwise(l)) {
                unroll(l, input, state->columns);
                columns = state->columns;
            }
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)outs, (int)positions, (int)depth,
                        1.0f, state->tensors->weight + g * outs * depth, (int)depth, columns, (int)positions,
                        0.0f, state->tensors->output + (n * l->k + g * outs) * positions, (int)positions);
        }
}

static double im2col_run_ms(void *opened, int times) {
    struct im2col *state = opened;
    openblas_set_num_threads(state->threads);
    double from = bench_now_ms();
    for (int i = 0; i < times; i++)
        run(state);
    double ms = bench_now_ms() - from;
    openblas_set_num_threads(1);
    return ms;
}

static void im2col_close(void *opened) {
    struct im2col *state = opened;
    free(state->columns);
    free(state);
}

const struct conv_peer im2col_peer = {"im2col", im2col_open, im2col_run_ms, im2col_close};
