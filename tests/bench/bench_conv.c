/*
 * bench_conv: how fast layers are computed, beside other libraries.
 *
 *   bench_conv --layers FILE.tsv [--threads 1,2] [--mode prepared,inline] [--repeat R] [--peers convd,onednn,im2col]
 *              [--precision highest|high|medium] [--algorithm A] [--match TEXT] [--describe]
 *
 * FILE.tsv has the header `name N C H W K kh kw stride pad dil groups family`; pad is one number or `h,w`. TSV on
 * standard output, a line for each layer, number of threads, mode and peer:
 *
 *   peer layer threads mode min_ms median_ms gflops
 *
 * gflops follows from the median, at two operations a multiply-accumulate of the layer as its definition has them,
 * whatever an algorithm saves of them. `prepared`: the weights were seen before, as in a stored network; `inline`:
 * packing or transforming them is part of the time. The peers take turns, R rounds of them; a round of a short layer
 * is as many runs as fill a fifth of a millisecond. Before anything is timed all must have computed the same, or the
 * exit status is 1. --describe adds a column with the algorithm that convd chose.
 */
#include "lib/conv/blas.h"
#include "tests/bench/conv/peers.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_WRONG_USAGE = 2, MOST_REPEAT = 100000, MOST_THREADS = 1024, MOST_LIST = 16, LINE_BYTES = 1024 };

static const double ROUND_MS = 0.2, MOST_ERROR = 1e-3;

/* OpenMP's threads spin for some milliseconds when their work is done, on CPUs that the next peer needs; and a sleeping
 * machine takes so long to wake. */
enum { SPIN_MS = 25, WAKE_MS = 4 };

/* The first is what the others are held against: the plainest. */
static const struct conv_peer *const peers[] = {&im2col_peer, &convd_peer, &onednn_peer};
enum { PEERS = sizeof(peers) / sizeof(peers[0]) };

struct options {
    const char *layers, *peers, *match, *precision, *algorithm;
    int threads[MOST_LIST], thread_counts;
    bool prepared, inlined, describe;
    int repeat;
};

double bench_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int fail(const char *layer, const char *text) {
    fprintf(stderr, "bench_conv: %s: %s\n", layer, text);
    return EXIT_FAILURE;
}

/* ---- layers ---- */

static bool finish_layer(struct bench_layer *l) {
    const int64_t size[2] = {l->h, l->w};
    bool sane = l->n > 0 && l->c > 0 && l->k > 0 && l->stride > 0 && l->dilation > 0 && l->groups > 0 &&
                l->c % l->groups == 0 && l->k % l->groups == 0;
    for (int i = 0; i < 2 && sane; i++) {
        int64_t room = size[i] + 2 * l->pad[i] - l->dilation * (l->kernel[i] - 1) - 1;
        l->out[i] = room / l->stride + 1;
        sane = l->kernel[i] > 0 && l->pad[i] >= 0 && room >= 0;
    }
    return sane;
}

static bool read_layer(const char *line, struct bench_layer *l) {
    char pad[64];
    *l = (struct bench_layer){.n = 0};
    /* NOLINTNEXTLINE(cert-err34-c): what is no number ends the reading, and counts as missing */
    if (sscanf(line,
               "%127s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
               " %" SCNd64 " %63s %" SCNd64 " %" SCNd64 " %63s",
               l->name, &l->n, &l->c, &l->h, &l->w, &l->k, &l->kernel[0], &l->kernel[1], &l->stride, pad,
               &l->dilation, &l->groups, l->family) != 13)
        return false;
    /* NOLINTNEXTLINE(cert-err34-c) */
    int read = sscanf(pad, "%" SCNd64 ",%" SCNd64, &l->pad[0], &l->pad[1]);
    if (read == 1)
        l->pad[1] = l->pad[0];
    return read >= 1 && finish_layer(l);
}

/* ---- one layer ---- */

struct bench {
    const struct options *options;
    struct bench_layer layer;
    struct bench_tensors tensors;
    size_t outputs;
    float *expected;
    double *times_ms; /* [peer][round] */
};

static float *floats(size_t count) {
    return aligned_alloc(64, (count * sizeof(float) / 64 + 1) * 64);
}

/* Numbers between -1 and 1, the same in every run. */
static void fill(float *numbers, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223; /* Numerical Recipes */
        numbers[i] = (float)(int32_t)state * 0x1p-31f;
    }
}

static bool is_wanted(const struct bench *bench, const struct conv_peer *peer) {
    const char *list = bench->options->peers, *at = list == NULL ? NULL : strstr(list, peer->name);
    return list == NULL || at != NULL;
}

/* Relative to the sum's magnitude, which of products of numbers below 1 is the root of their count. */
static bool agrees(const struct bench *bench, const char *name) {
    const struct bench_layer *l = &bench->layer;
    int64_t depth = l->c / l->groups * l->kernel[0] * l->kernel[1];
    double scale =
        sqrt((double)depth) * MOST_ERROR *
        (bench->options->precision != NULL && strcmp(bench->options->precision, "medium") == 0 ? 20 : 1);
    for (size_t i = 0; i < bench->outputs; i++)
        if (!(fabs((double)bench->tensors.output[i] - (double)bench->expected[i]) <= scale)) {
            fprintf(stderr, "bench_conv: %s: %s has %g at %zu where %s has %g\n", l->name, name,
                    (double)bench->tensors.output[i], i, peers[0]->name, (double)bench->expected[i]);
            return false;
        }
    return true;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(const struct bench *bench, int peer, int threads, bool prepared,
                      const char *algorithm) {
    const struct bench_layer *l = &bench->layer;
    int repeat = bench->options->repeat, middle = repeat / 2;
    double *times = &bench->times_ms[peer * repeat];
    int64_t depth = l->c / l->groups * l->kernel[0] * l->kernel[1];
    double macs = (double)bench->outputs * (double)depth;
    qsort(times, (size_t)repeat, sizeof(*times), ascending);
    double median = repeat % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
    printf("%s\t%s\t%d\t%s\t%.6f\t%.6f\t%.2f%s%s\n", peers[peer]->name, l->name, threads,
           prepared ? "prepared" : "inline", times[0], median, 2 * macs / median / 1e6,
           algorithm[0] != '\0' ? "\t" : "", algorithm);
    fflush(stdout);
}

/* How many runs make a round. */
static int runs_of(const struct conv_peer *peer, void *state) {
    peer->run_ms(state, 1);
    double ms = peer->run_ms(state, 1);
    return ms >= ROUND_MS ? 1 : (int)ceil(ROUND_MS / fmax(ms, 1e-5));
}

/* Waits until what the peer before has left behind is idle, and this one's threads are awake. */
static void settle(const struct conv_peer *peer, void *state, int threads) {
    const struct timespec pause = {.tv_nsec = SPIN_MS * 1000000L};
    if (threads == 1)
        return;
    nanosleep(&pause, NULL);
    for (double from = bench_now_ms(); bench_now_ms() - from < WAKE_MS;)
        peer->run_ms(state, 1);
}

static bool run_mode(struct bench *bench, int threads, bool prepared) {
    void *state[PEERS] = {NULL};
    int runs[PEERS] = {0}, repeat = bench->options->repeat;
    bool good = true;
    char algorithm[128] = "";
    for (int i = 0; i < PEERS; i++) {
        if (!is_wanted(bench, peers[i]))
            continue;
        state[i] = peers[i]->open(&bench->layer, &bench->tensors, threads, prepared);
        if (state[i] == NULL) {
            fprintf(stderr, "bench_conv: %s: %s cannot do it\n", bench->layer.name, peers[i]->name);
            good = good && peers[i] != &convd_peer;
            continue;
        }
        memset(bench->tensors.output, 0xff, bench->outputs * sizeof(float));
        runs[i] = runs_of(peers[i], state[i]);
        good = agrees(bench, peers[i]->name) && good;
        if (peers[i] == &convd_peer && bench->options->describe)
            convd_algorithm(state[i], algorithm, sizeof(algorithm));
    }
    for (int round = 0; round < repeat; round++)
        for (int i = 0; i < PEERS; i++)
            if (state[i] != NULL) {
                settle(peers[i], state[i], threads);
                bench->times_ms[i * repeat + round] = peers[i]->run_ms(state[i], runs[i]) / runs[i];
            }
    for (int i = 0; i < PEERS; i++)
        if (state[i] != NULL) {
            print_row(bench, i, threads, prepared, peers[i] == &convd_peer ? algorithm : "");
            peers[i]->close(state[i]);
        }
    return good;
}

static bool compute_expected(struct bench *bench) {
    void *state = peers[0]->open(&bench->layer, &bench->tensors, 1, true);
    if (state == NULL)
        return false;
    peers[0]->run_ms(state, 1);
    peers[0]->close(state);
    memcpy(bench->expected, bench->tensors.output, bench->outputs * sizeof(float));
    return true;
}

static bool run_modes(struct bench *bench) {
    const struct options *options = bench->options;
    bool good = true;
    for (int t = 0; t < options->thread_counts; t++) {
        if (options->prepared)
            good = run_mode(bench, options->threads[t], true) && good;
        if (options->inlined)
            good = run_mode(bench, options->threads[t], false) && good;
    }
    return good;
}

static bool run_layer(const struct options *options, const struct bench_layer *layer) {
    struct bench bench = {.options = options, .layer = *layer};
    size_t inputs = (size_t)(layer->n * layer->c * layer->h * layer->w);
    size_t weights = (size_t)(layer->k * (layer->c / layer->groups) * layer->kernel[0] * layer->kernel[1]);
    bench.outputs = (size_t)(layer->n * layer->k * layer->out[0] * layer->out[1]);
    float *input = floats(inputs), *weight = floats(weights);
    bench.tensors = (struct bench_tensors){input, weight, floats(bench.outputs)};
    bench.expected = floats(bench.outputs);
    bench.times_ms = calloc((size_t)options->repeat * PEERS, sizeof(double));
    bool good = input != NULL && weight != NULL && bench.tensors.output != NULL && bench.expected != NULL &&
                bench.times_ms != NULL;
    if (good) {
        fill(input, inputs);
        fill(weight, weights);
        good = compute_expected(&bench) && run_modes(&bench);
    } else {
        fail(layer->name, "there is not enough memory");
    }
    free(input), free(weight), free(bench.tensors.output), free(bench.expected), free(bench.times_ms);
    return good;
}

static int run_file(const struct options *options) {
    char line[LINE_BYTES];
    struct bench_layer layer;
    bool good = true;
    FILE *file = fopen(options->layers, "r");
    if (file == NULL)
        return fail(options->layers, strerror(errno));
    printf("peer\tlayer\tthreads\tmode\tmin_ms\tmedian_ms\tgflops%s\n",
           options->describe ? "\talgorithm" : "");
    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        if (number == 1 || line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (!read_layer(line, &layer)) {
            fprintf(stderr, "bench_conv: %s:%d: this is no layer\n", options->layers, number);
            good = false;
        } else if (options->match == NULL || strstr(layer.name, options->match) != NULL ||
                   strcmp(layer.family, options->match) == 0) {
            good = run_layer(options, &layer) && good;
        }
    }
    fclose(file);
    return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the command ---- */

static int usage(void) {
    fprintf(
        stderr,
        "usage: bench_conv --layers FILE.tsv [--threads 1,2] [--mode prepared,inline] [--repeat R]\n"
        "                  [--peers convd,onednn,im2col] [--precision P] [--algorithm A] [--match TEXT] [--describe]\n");
    return EXIT_WRONG_USAGE;
}

static bool read_count(const char *text, int most, int *count) {
    char *end;
    long number = strtol(text, &end, 10);
    *count = (int)number;
    return end != text && (*end == '\0' || *end == ',') && number >= 1 && number <= most;
}

static bool read_threads(const char *text, struct options *options) {
    options->thread_counts = 0;
    for (; text != NULL; text = strchr(text, ',') != NULL ? strchr(text, ',') + 1 : NULL)
        if (options->thread_counts == MOST_LIST ||
            !read_count(text, MOST_THREADS, &options->threads[options->thread_counts++]))
            return false;
    return true;
}

static bool read_modes(const char *text, struct options *options) {
    options->prepared = strcmp(text, "prepared") == 0 || strcmp(text, "prepared,inline") == 0 ||
                        strcmp(text, "inline,prepared") == 0;
    options->inlined = strcmp(text, "prepared") != 0;
    return options->prepared || strcmp(text, "inline") == 0;
}

static bool read_option(const char *flag, const char *value, struct options *options) {
    const struct {
        const char *flag, **value;
    } texts[] = {{"--layers", &options->layers},
                 {"--peers", &options->peers},
                 {"--match", &options->match},
                 {"--precision", &options->precision},
                 {"--algorithm", &options->algorithm}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(flag, texts[i].flag) == 0) {
            *texts[i].value = value;
            return true;
        }
    if (strcmp(flag, "--threads") == 0)
        return read_threads(value, options);
    if (strcmp(flag, "--mode") == 0)
        return read_modes(value, options);
    return strcmp(flag, "--repeat") == 0 && read_count(value, MOST_REPEAT, &options->repeat);
}

/*
 * OpenBLAS's threads spin for seconds, unless the environment says otherwise before the library is loaded: 2^20 ticks
 * are less than a millisecond, and more than what lies between two runs of a round.
 */
static void keep_blas_from_spinning(char **argv) {
    static const char variable[] = "OPENBLAS_THREAD_TIMEOUT";
    if (getenv(variable) == NULL && setenv(variable, "20", 1) == 0)
        execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
    keep_blas_from_spinning(argv);
    struct options options = {
        .threads = {1}, .thread_counts = 1, .prepared = true, .inlined = true, .repeat = 15};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--describe") == 0)
            options.describe = true;
        else if (i + 1 == argc || !read_option(argv[i], argv[i + 1], &options))
            return usage();
        else
            i++;
    }
    if (options.layers == NULL || !convd_init(options.precision, options.algorithm))
        return usage();
    blas_init();
    return run_file(&options);
}
