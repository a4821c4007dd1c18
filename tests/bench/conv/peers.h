/*
 * The peers of bench_conv: ways to compute one layer from plain NCHW to plain NCHW, float32.
 */
#ifndef CONVD_BENCH_CONV_PEERS_H
#define CONVD_BENCH_CONV_PEERS_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stdbool.h>
#include <stdint.h>

/* A row of a layers file. Padding is symmetric, [h, w]; stride and dilation count for both axes. */
struct bench_layer {
    char name[128], family[64];
    int64_t n, c, h, w, k, kernel[2], stride, pad[2], dilation, groups;
    int64_t out[2]; /* outH, outW */
};

/* All borrowed, aligned to 64: input [N, C, H, W], weight [K, C/groups, kH, kW], output [N, K, outH, outW]. */
struct bench_tensors {
    const float *input, *weight;
    float *output;
};

struct conv_peer {
    const char *name;
    /*
     * Makes ready to compute the layer on `threads` threads. With `prepared` the weights may be packed now; without,
     * that is part of each run. NULL when the peer cannot do the layer. Given to the caller, who ends it with close.
     */
    void *(*open)(const struct bench_layer *layer, const struct bench_tensors *tensors, int threads,
                  bool prepared);
    /* Milliseconds that `times` runs take, one after another. */
    double (*run_ms)(void *state, int times);
    void (*close)(void *state);
};

/* conv_plan, conv_prepare, conv_run of lib; as a task of a pool when there are several threads. */
extern const struct conv_peer convd_peer;

/* Fills `algorithm` with what convd's planner chose. */
void convd_algorithm(const void *state, char *algorithm, int capacity);

/* Picks the kernels, as the server does at its start; false after a line on standard error. `precision` and
 * `algorithm` as in a request, or NULL. */
bool convd_init(const char *precision, const char *algorithm);

/* Threads for a peer whose library ThreadSanitizer does not see into: the hand-over between that library's threads would
 * pass for a race, so there it gets one. */
static inline int library_threads(int threads) {
#if defined(__SANITIZE_THREAD__)
    (void)threads;
    return 1;
#else
    return threads;
#endif
}

/* oneDNN, with the layouts that it chooses and reordering from and to NCHW, or on NCHW itself where that is faster. */
extern const struct conv_peer onednn_peer;

/* The columns of the whole image, then one SGEMM of OpenBLAS for each group. */
extern const struct conv_peer im2col_peer;

double bench_now_ms(void);

#ifdef __cplusplus
}
#endif

#endif
