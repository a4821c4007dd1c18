/*
 * bench_pool: how fast poolings are computed. tests/bench/pool/torch_peer.py measures PyTorch the same way.
 *
 *   bench_pool [--threads 1,2] [--repeat R] [FILE.tsv]
 *
 * FILE.tsv (tests/bench/pool/layers.tsv unless given) has the header `name mode N C H W kernel stride pad indices`; of
 * an adaptive mode `kernel` is the output's size. TSV on standard output, a line for each layer and number of threads:
 *
 *   peer layer threads min_ms median_ms gb_per_s
 *
 * gb_per_s follows from the median: the bytes of input, output and indices, each moved once. A round of a short layer
 * is as many runs as fill a fifth of a millisecond.
 *
 * Concurrency: with several threads a round is a task of the pool, as a request is; `lock` protects its `done`, and
 * the caller sleeps on `finished` until then. The clock is read inside the task.
 */
#include "lib/kernels/kernels.h"
#include "lib/pooling/pooling.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXIT_WRONG_USAGE = 2, MOST_REPEAT = 100000, MOST_THREADS = 1024, MOST_LIST = 16, LINE_BYTES = 1024 };

static const double ROUND_MS = 0.2;

struct options {
    const char *layers;
    int threads[MOST_LIST], thread_counts;
    int repeat;
};

struct bench_layer {
    char name[128], mode[64];
    int64_t n, c, h, w, kernel, stride, pad;
    int indices;
};

struct bench {
    const struct options *options;
    struct bench_layer layer;
    struct pooling_plan plan;
    size_t inputs, outputs;
    float *input, *output;
    int64_t *indices; /* NULL: none */
    double *times_ms; /* [round] */
    struct workers *workers;
};

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool fail(const char *layer, const char *text) {
    fprintf(stderr, "bench_pool: %s: %s\n", layer, text);
    return false;
}

/* ---- layers ---- */

static bool read_layer(const char *line, struct bench_layer *l) {
    *l = (struct bench_layer){.n = 0};
    /* NOLINTNEXTLINE(cert-err34-c): what is no number ends the reading, and counts as missing */
    return sscanf(line,
                  "%127s %63s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
                  " %" SCNd64 " %d",
                  l->name, l->mode, &l->n, &l->c, &l->h, &l->w, &l->kernel, &l->stride, &l->pad,
                  &l->indices) == 10;
}

static bool find_type(const char *mode, enum layer_type *type) {
    static const struct {
        const char *mode;
        enum layer_type type;
    } types[] = {{"max", LAYER_MAX_POOL2D},
                 {"avg", LAYER_AVG_POOL2D},
                 {"adaptive_max", LAYER_ADAPTIVE_MAX_POOL2D},
                 {"adaptive_avg", LAYER_ADAPTIVE_AVG_POOL2D}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(mode, types[i].mode) == 0) {
            *type = types[i].type;
            return true;
        }
    return false;
}

static bool plan_layer(struct bench *bench) {
    const struct bench_layer *from = &bench->layer;
    enum layer_type type;
    struct layer layer;
    struct fault fault = {0};
    struct shape input = {.rank = 4, .dim = {from->n, from->c, from->h, from->w}};
    int64_t inputs, outputs;
    if (!find_type(from->mode, &type))
        return fail(from->name, "there is no such mode");
    layer_init(&layer, type);
    layer.pooling.has_stride = true;
    for (int i = 0; i < 2; i++) {
        layer.pooling.kernel[i] = layer.pooling.output_size[i] = from->kernel;
        layer.pooling.stride[i] = from->stride;
        layer.pooling.padding.begin[i] = layer.pooling.padding.end[i] = from->pad;
    }
    if (pooling_plan(&bench->plan, &layer, &input, DTYPE_FLOAT32, &fault) != STATUS_OK)
        return fail(from->name, fault.detail);
    if (!shape_elems(&input, &inputs) || !shape_elems(&bench->plan.sizes.output, &outputs))
        return fail(from->name, "it is too large");
    bench->inputs = (size_t)inputs;
    bench->outputs = (size_t)outputs;
    return true;
}

/* ---- one round, on this thread or as a task ---- */

struct round {
    struct bench *bench;
    int times;
    double ms;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool done;
};

static double round_here(struct bench *bench, int times, int slot) {
    struct run_context context = {.workers = bench->workers, .slot = slot};
    double from = now_ms();
    for (int i = 0; i < times; i++)
        pooling_run(&bench->plan, bench->input, bench->output, bench->indices, &context);
    return now_ms() - from;
}

static void round_task(void *argument, int slot) {
    struct round *round = argument;
    round->ms = round_here(round->bench, round->times, slot);
    pthread_mutex_lock(&round->lock);
    round->done = true;
    pthread_cond_signal(&round->finished);
    pthread_mutex_unlock(&round->lock);
}

static double run_ms(struct bench *bench, int times) {
    struct round round = {.bench = bench, .times = times};
    if (bench->workers == NULL)
        return round_here(bench, times, 0);
    pthread_mutex_init(&round.lock, NULL);
    pthread_cond_init(&round.finished, NULL);
    pthread_mutex_lock(&round.lock);
    workers_submit(bench->workers, round_task, &round);
    while (!round.done)
        pthread_cond_wait(&round.finished, &round.lock);
    pthread_mutex_unlock(&round.lock);
    pthread_cond_destroy(&round.finished);
    pthread_mutex_destroy(&round.lock);
    return round.ms;
}

/* ---- one layer ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(struct bench *bench, int threads) {
    int repeat = bench->options->repeat, middle = repeat / 2;
    double *times = bench->times_ms;
    size_t bytes = (bench->inputs + bench->outputs) * sizeof(float) +
                   (bench->indices != NULL ? bench->outputs * sizeof(int64_t) : 0);
    qsort(times, (size_t)repeat, sizeof(*times), ascending);
    double median = repeat % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
    printf("convd\t%s\t%d\t%.6f\t%.6f\t%.2f\n", bench->layer.name, threads, times[0], median,
           (double)bytes / median / 1e6);
    fflush(stdout);
}

static bool run_threads(struct bench *bench, int threads) {
    bench->workers = NULL;
    if (threads > 1 && (bench->workers = workers_create(threads, 1, NULL)) == NULL)
        return fail(bench->layer.name, "there are not enough threads");
    run_ms(bench, 1);
    double ms = run_ms(bench, 1);
    int times = ms >= ROUND_MS ? 1 : (int)ceil(ROUND_MS / fmax(ms, 1e-5));
    for (int i = 0; i < bench->options->repeat; i++)
        bench->times_ms[i] = run_ms(bench, times) / times;
    print_row(bench, threads);
    workers_destroy(bench->workers);
    return true;
}

static void *block(size_t bytes) {
    return aligned_alloc(64, (bytes / 64 + 1) * 64);
}

/* Numbers between -1 and 1, the same in every run. */
static void fill(float *numbers, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223; /* Numerical Recipes */
        numbers[i] = (float)(int32_t)state * 0x1p-31f;
    }
}

static bool run_layer(const struct options *options, const struct bench_layer *layer) {
    struct bench bench = {.options = options, .layer = *layer};
    if (!plan_layer(&bench))
        return false;
    bench.input = block(bench.inputs * sizeof(float));
    bench.output = block(bench.outputs * sizeof(float));
    bench.indices = layer->indices ? block(bench.outputs * sizeof(int64_t)) : NULL;
    bench.times_ms = calloc((size_t)options->repeat, sizeof(double));
    bool good = bench.input != NULL && bench.output != NULL && bench.times_ms != NULL &&
                (bench.indices != NULL || !layer->indices);
    if (good) {
        fill(bench.input, bench.inputs);
        for (int t = 0; t < options->thread_counts; t++)
            good = run_threads(&bench, options->threads[t]) && good;
    } else {
        fail(layer->name, "there is not enough memory");
    }
    free(bench.input), free(bench.output), free(bench.indices), free(bench.times_ms);
    return good;
}

static int run_file(const struct options *options) {
    char line[LINE_BYTES];
    struct bench_layer layer;
    bool good = true;
    FILE *file = fopen(options->layers, "r");
    if (file == NULL) {
        fail(options->layers, strerror(errno));
        return EXIT_FAILURE;
    }
    printf("peer\tlayer\tthreads\tmin_ms\tmedian_ms\tgb_per_s\n");
    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        if (number == 1 || line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (read_layer(line, &layer)) {
            good = run_layer(options, &layer) && good;
        } else {
            fprintf(stderr, "bench_pool: %s:%d: this is no layer\n", options->layers, number);
            good = false;
        }
    }
    fclose(file);
    return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the command ---- */

static int usage(void) {
    fprintf(stderr, "usage: bench_pool [--threads 1,2] [--repeat R] [FILE.tsv]\n");
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

static bool read_arguments(int argc, char **argv, struct options *options) {
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            if (!read_threads(argv[++i], options))
                return false;
        } else if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc) {
            if (!read_count(argv[++i], MOST_REPEAT, &options->repeat))
                return false;
        } else if (argv[i][0] == '-' || files++ > 0) {
            return false;
        } else {
            options->layers = argv[i];
        }
    }
    return true;
}

int main(int argc, char **argv) {
    struct options options = {
        .layers = "tests/bench/pool/layers.tsv", .threads = {1}, .thread_counts = 1, .repeat = 15};
    const char *error = NULL, *wanted = getenv("CONVD_CPU");
    if (!read_arguments(argc, argv, &options))
        return usage();
    if (!kernels_init(wanted, &error)) {
        fprintf(stderr, "bench_pool: CONVD_CPU is '%s'; %s\n", wanted, error);
        return EXIT_WRONG_USAGE;
    }
    return run_file(&options);
}
