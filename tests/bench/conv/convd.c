/*
 * All that bench_conv knows of convd's inside.
 *
 * Concurrency: with several threads a measurement is a task of the pool, as a request is; `lock` protects its `done`,
 * and the caller sleeps on `finished` until then. The clock is read inside the task.
 */
#include "lib/conv/conv.h"
#include "lib/kernels/kernels.h"
#include "lib/threads/workers.h"
#include "tests/bench/conv/peers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    struct conv_plan plan;
    struct bench_tensors tensors;
    bool prepared;
    void *packed, *workspace;
    struct workers *workers;
};

struct measurement {
    struct state *state;
    int times;
    double ms;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool done;
};

static struct conv_options options;

/* NULL for no bytes, too: nobody reads it then. */
static void *allocate(size_t bytes) {
    return bytes == 0 ? NULL : aligned_alloc(64, (bytes / 64 + 1) * 64);
}

static void run(struct state *state, int slot) {
    struct run_context context = {.workers = state->workers, .slot = slot, .workspace = state->workspace};
    const void *weights = state->tensors.weight;
    if (state->plan.packed_bytes > 0) {
        if (!state->prepared)
            conv_prepare(&state->plan, state->tensors.weight, state->packed, &context);
        weights = state->packed;
    }
    conv_run(&state->plan, state->tensors.input, weights, NULL, state->tensors.output, &context);
}

/* ---- on one thread, or as a task ---- */

static double measure_here(struct state *state, int times, int slot) {
    double from = bench_now_ms();
    for (int i = 0; i < times; i++)
        run(state, slot);
    return bench_now_ms() - from;
}

static void measure_task(void *argument, int slot) {
    struct measurement *measurement = argument;
    measurement->ms = measure_here(measurement->state, measurement->times, slot);
    pthread_mutex_lock(&measurement->lock);
    measurement->done = true;
    pthread_cond_signal(&measurement->finished);
    pthread_mutex_unlock(&measurement->lock);
}

static double convd_run_ms(void *opened, int times) {
    struct state *state = opened;
    struct measurement measurement = {.state = state, .times = times};
    if (state->workers == NULL)
        return measure_here(state, times, 0);
    pthread_mutex_init(&measurement.lock, NULL);
    pthread_cond_init(&measurement.finished, NULL);
    pthread_mutex_lock(&measurement.lock);
    workers_submit(state->workers, measure_task, &measurement);
    while (!measurement.done)
        pthread_cond_wait(&measurement.finished, &measurement.lock);
    pthread_mutex_unlock(&measurement.lock);
    pthread_cond_destroy(&measurement.finished);
    pthread_mutex_destroy(&measurement.lock);
    return measurement.ms;
}

/* ---- life ---- */

static void fill_layer(const struct bench_layer *from, struct layer *layer) {
    layer_init(layer, LAYER_CONV2D);
    layer->conv.in_channels = from->c;
    layer->conv.out_channels = from->k;
    layer->conv.groups = from->groups;
    layer->conv.bias = false;
    for (int i = 0; i < 2; i++) {
        layer->conv.kernel[i] = from->kernel[i];
        layer->conv.stride[i] = from->stride;
        layer->conv.dilation[i] = from->dilation;
        layer->conv.padding.begin[i] = layer->conv.padding.end[i] = from->pad[i];
    }
}

static void convd_close(void *opened) {
    struct state *state = opened;
    workers_destroy(state->workers);
    free(state->packed);
    free(state->workspace);
    free(state);
}

static bool plan(struct state *state, const struct bench_layer *from) {
    struct layer layer;
    struct shape input = {.rank = 4, .dim = {from->n, from->c, from->h, from->w}};
    struct conv_options wanted = options;
    struct fault fault = {0};
    fill_layer(from, &layer);
    wanted.prepared = state->prepared;
    if (conv_plan(&state->plan, &layer, &input, DTYPE_FLOAT32, &wanted, &fault) == STATUS_OK)
        return true;
    fprintf(stderr, "bench_conv: %s: %s\n", from->name, fault.detail);
    return false;
}

static bool make_ready(struct state *state, int threads) {
    if (threads > 1 && (state->workers = workers_create(threads, 1, NULL)) == NULL)
        return false;
    size_t bytes = (size_t)threads * state->plan.workspace_bytes_per_slot;
    state->workspace = allocate(bytes);
    state->packed = allocate(state->plan.packed_bytes);
    if ((bytes > 0 && state->workspace == NULL) || (state->plan.packed_bytes > 0 && state->packed == NULL))
        return false;
    struct run_context alone = {.workspace = state->workspace};
    if (state->packed != NULL)
        conv_prepare(&state->plan, state->tensors.weight, state->packed, &alone);
    return true;
}

static void *convd_open(const struct bench_layer *layer, const struct bench_tensors *tensors, int threads,
                        bool prepared) {
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL)
        return NULL;
    state->tensors = *tensors;
    state->prepared = prepared;
    if (plan(state, layer) && make_ready(state, threads))
        return state;
    convd_close(state);
    return NULL;
}

const struct conv_peer convd_peer = {"convd", convd_open, convd_run_ms, convd_close};

void convd_algorithm(const void *state, char *algorithm, int capacity) {
    conv_plan_describe(&((const struct state *)state)->plan, algorithm, (size_t)capacity);
}

bool convd_init(const char *precision, const char *algorithm) {
    const char *error = NULL, *wanted = getenv("CONVD_CPU");
    if (!kernels_init(wanted, &error)) {
        fprintf(stderr, "bench_conv: CONVD_CPU is '%s'; %s\n", wanted, error);
        return false;
    }
    if ((precision == NULL || conv_precision_find(precision, &options.precision)) &&
        (algorithm == NULL || conv_algorithm_find(algorithm, &options.algorithm)))
        return true;
    fprintf(stderr, "bench_conv: there is no such precision or algorithm\n");
    return false;
}
