/*
 * bench_codec: how fast tensors become numbers and numbers become tensors' text, beside other libraries.
 *
 *   bench_codec [--repeat R] [--dtype float32|float64] [--threads N] FILE.json …
 *
 * Each FILE.json holds one tensor as nested or flat lists of numbers. TSV on standard output, a line for each file,
 * operation (read; write, of the same numbers with the fewest digits) and peer:
 *
 *   peer file op min_ms median_ms mb_per_s ns_per_number
 *
 * The last two follow from the minimum; a megabyte is 10^6 bytes of the text that this peer read or wrote. The
 * peers take turns, R rounds of them, so that the machine's noise meets all. Before anything is timed, all must
 * have read the same numbers and all texts must read back to the same; else the exit status is 1. All peers have one
 * thread; with --threads above 1 there is one more, convd reading with so many.
 */
#include "tests/bench/codec/peers.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    EXIT_WRONG_USAGE = 2,
    STANDARD_REPEAT = 25,
    MOST_REPEAT = 100000,
    MOST_THREADS = 1024,
    ALIGNMENT = 64,
    LARGE_MALLOC_BYTES = 1 << 16,
};

/* The first is what the others are held against: it rounds once. The last needs threads. */
static const struct reader *const readers[] = {&charconv_reader, &convd_reader, &jansson_reader,
                                               &simdjson_reader, &convd_threads_reader};
static const struct writer *const writers[] = {&charconv_writer, &convd_writer, &jansson_writer};

enum {
    READERS = sizeof(readers) / sizeof(readers[0]),
    WRITERS = sizeof(writers) / sizeof(writers[0]),
};

/* A text with PEER_PADDING_BYTES zeros behind it. */
struct text {
    char *data;
    size_t bytes;
};

struct bench {
    const char *file;
    int repeat, readers;
    struct text texts[READERS]; /* the file, as each reader wants it */
    struct tensor tensor;       /* what is in it */
    int64_t elems;
    void *out; /* as large as the tensor */
    char *room;
    size_t room_bytes;
    double *times_ms; /* [peer][round] */
};

static bool fail(const struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(const struct bench *bench, const char *format, ...) {
    va_list args;
    fprintf(stderr, "bench_codec: %s: ", bench->file);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

/* ---- memory and texts ---- */

static void *allocate(size_t bytes) {
    void *memory =
        bytes <= SIZE_MAX - ALIGNMENT ? aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT) : NULL;
    if (memory == NULL) {
        fprintf(stderr, "bench_codec: %zu bytes could not be allocated\n", bytes);
        exit(EXIT_FAILURE);
    }
    memset(memory, 0, bytes);
    return memory;
}

static bool load(const char *path, struct text *text) {
    FILE *file = fopen(path, "rb");
    long bytes = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        bytes = ftell(file);
    if (bytes < 0 || bytes == LONG_MAX || fseek(file, 0, SEEK_SET) != 0) {
        if (file != NULL)
            fclose(file);
        return false;
    }
    text->bytes = (size_t)bytes;
    text->data = allocate(text->bytes + PEER_PADDING_BYTES);
    bool whole = fread(text->data, 1, text->bytes, file) == text->bytes;
    fclose(file);
    return whole;
}

static struct text enclose(const struct text *text, const char *before, const char *after) {
    size_t head = strlen(before), tail = strlen(after);
    struct text enclosed = {.bytes = head + text->bytes + tail};
    enclosed.data = allocate(enclosed.bytes + PEER_PADDING_BYTES);
    memcpy(enclosed.data, before, head);
    memcpy(enclosed.data + head, text->data, text->bytes);
    memcpy(enclosed.data + head + text->bytes, after, tail);
    return enclosed;
}

static const struct text *text_of(const struct bench *bench, const struct reader *reader) {
    for (int i = 0; i < READERS; i++)
        if (readers[i] == reader)
            return &bench->texts[i];
    return NULL;
}

/* ---- agreement ---- */

/* Floats in the order of their values, -0 before 0, as integers without gaps: distances are units in the last place. */
static int64_t ordered(const struct bench *bench, const void *numbers, int64_t at) {
    int32_t narrow;
    int64_t wide;
    if (bench->tensor.dtype == DTYPE_FLOAT32) {
        memcpy(&narrow, (const float *)numbers + at, sizeof(narrow));
        return narrow < 0 ? (int64_t)INT32_MIN - narrow - 1 : narrow;
    }
    memcpy(&wide, (const double *)numbers + at, sizeof(wide));
    return wide < 0 ? INT64_MIN - wide - 1 : wide;
}

static bool agree(const struct bench *bench, const char *peer, const void *numbers, int64_t most_ulps) {
    for (int64_t i = 0; i < bench->elems; i++) {
        int64_t distance, is = ordered(bench, numbers, i), expected = ordered(bench, bench->tensor.data, i);
        if (__builtin_sub_overflow(is, expected, &distance) || distance > most_ulps || distance < -most_ulps)
            return fail(bench, "%s differs from %s at number %" PRId64 " by more than %" PRId64 " ulp", peer,
                        readers[0]->name, i, most_ulps);
    }
    return true;
}

static bool check_reader(const struct bench *bench, int peer) {
    const struct reader *reader = readers[peer];
    const struct text *text = &bench->texts[peer];
    memset(bench->out, 0xff, (size_t)bench->elems * dtype_bytes(bench->tensor.dtype));
    int64_t read = reader->read(text->data, text->bytes, bench->tensor.dtype, bench->out, bench->elems);
    if (read != bench->elems)
        return fail(bench, "%s read %" PRId64 " numbers of %" PRId64, reader->name, read, bench->elems);
    return agree(bench, reader->name, bench->out, reader->most_ulps);
}

static bool check_writer(const struct bench *bench, int peer) {
    const struct writer *writer = writers[peer];
    size_t bytes = writer->write(&bench->tensor, bench->room, bench->room_bytes);
    if (bytes == 0)
        return fail(bench, "%s could not write the tensor", writer->name);
    int64_t read = readers[0]->read(bench->room, bytes, bench->tensor.dtype, bench->out, bench->elems);
    if (read != bench->elems)
        return fail(bench, "%s wrote %" PRId64 " numbers of %" PRId64, writer->name, read, bench->elems);
    return agree(bench, writer->name, bench->out, 0);
}

/* ---- time ---- */

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/*
 * What the peer before left is no merit and no fault of this one: each begins with its input and output touched,
 * and with an allocator that has sorted what was freed (glibc does so at the next large malloc, and jansson's
 * 200,000 values cost 2 ms).
 */
static void settle(const void *input, size_t bytes, void *output, size_t output_bytes) {
    void *volatile large = malloc(LARGE_MALLOC_BYTES);
    free(large);
    const volatile char *from = input;
    for (size_t i = 0; i < bytes; i += ALIGNMENT)
        (void)from[i];
    memset(output, 0, output_bytes);
}

static double time_reader(const struct bench *bench, int peer, size_t *bytes) {
    const struct text *text = &bench->texts[peer];
    *bytes = text->bytes;
    settle(text->data, text->bytes, bench->out, (size_t)bench->elems * dtype_bytes(bench->tensor.dtype));
    double from = now_ms();
    (void)readers[peer]->read(text->data, text->bytes, bench->tensor.dtype, bench->out, bench->elems);
    return now_ms() - from;
}

/* *bytes: as many as the round before wrote. */
static double time_writer(const struct bench *bench, int peer, size_t *bytes) {
    settle(bench->tensor.data, (size_t)bench->elems * dtype_bytes(bench->tensor.dtype), bench->room, *bytes);
    double from = now_ms();
    *bytes = writers[peer]->write(&bench->tensor, bench->room, bench->room_bytes);
    return now_ms() - from;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(const struct bench *bench, const char *peer, const char *op, double *times_ms,
                      size_t bytes) {
    int middle = bench->repeat / 2;
    qsort(times_ms, (size_t)bench->repeat, sizeof(*times_ms), ascending);
    double median = bench->repeat % 2 == 1 ? times_ms[middle] : (times_ms[middle - 1] + times_ms[middle]) / 2;
    printf("%s\t%s\t%s%s\t%.5f\t%.5f\t%.3f\t%.3f\n", peer, bench->file, op,
           bench->tensor.dtype == DTYPE_FLOAT64 ? "_f64" : "", times_ms[0], median,
           (double)bytes / times_ms[0] / 1e3, times_ms[0] * 1e6 / (double)bench->elems);
}

static void run(const struct bench *bench, const char *op, int peers, const char *(*name)(int),
                double (*time_one)(const struct bench *, int, size_t *)) {
    size_t bytes[READERS + WRITERS] = {0};
    for (int round = 0; round < bench->repeat; round++)
        for (int peer = 0; peer < peers; peer++)
            bench->times_ms[peer * bench->repeat + round] = time_one(bench, peer, &bytes[peer]);
    for (int peer = 0; peer < peers; peer++)
        print_row(bench, name(peer), op, &bench->times_ms[peer * bench->repeat], bytes[peer]);
    fflush(stdout);
}

static const char *reader_name(int peer) {
    return readers[peer]->name;
}

static const char *writer_name(int peer) {
    return writers[peer]->name;
}

/* ---- one file ---- */

struct options {
    int repeat, threads;
    enum dtype dtype;
};

/* The tensor and its numbers, as the first reader has them; the shape comes from convd, which checks it. */
static bool open_tensor(struct bench *bench) {
    struct tensor *tensor = &bench->tensor;
    const struct text *enclosed = text_of(bench, &convd_reader);
    if (!convd_shape(enclosed->data, enclosed->bytes, &tensor->shape) ||
        !shape_elems(&tensor->shape, &bench->elems) || bench->elems == 0)
        return fail(bench, "this is not one tensor of at least one number, as nested or flat lists");
    size_t bytes = (size_t)bench->elems * dtype_bytes(tensor->dtype); /* less than the file's */
    tensor->data = allocate(bytes);
    bench->out = allocate(bytes);
    int64_t read = readers[0]->read(bench->texts[0].data, bench->texts[0].bytes, tensor->dtype, tensor->data,
                                    bench->elems);
    if (read != bench->elems)
        return fail(bench, "%s read %" PRId64 " numbers of %" PRId64, readers[0]->name, read, bench->elems);
    bench->room_bytes = convd_text_bound(tensor);
    bench->room = allocate(bench->room_bytes + PEER_PADDING_BYTES);
    bench->times_ms = allocate((size_t)bench->repeat * (READERS + WRITERS) * sizeof(double));
    return true;
}

static bool check_all(const struct bench *bench) {
    bool agreed = true;
    for (int peer = 0; peer < bench->readers; peer++)
        agreed &= check_reader(bench, peer);
    for (int peer = 0; peer < WRITERS; peer++)
        agreed &= check_writer(bench, peer);
    return agreed;
}

static bool run_file(const char *path, const struct options *options) {
    struct bench bench = {.file = path,
                          .repeat = options->repeat,
                          .readers = options->threads > 1 ? READERS : READERS - 1,
                          .tensor = {.dtype = options->dtype}};
    struct text file = {.data = NULL};
    bool done = load(path, &file);
    if (!done)
        fail(&bench, "%s", strerror(errno));
    for (int i = 0; i < READERS && done; i++)
        bench.texts[i] = enclose(&file, readers[i]->before, readers[i]->after);
    done = done && open_tensor(&bench) && check_all(&bench);
    if (done) {
        run(&bench, "read", bench.readers, reader_name, time_reader);
        run(&bench, "write", WRITERS, writer_name, time_writer);
    }
    for (int i = 0; i < READERS; i++)
        free(bench.texts[i].data);
    free(file.data), free(bench.tensor.data), free(bench.out), free(bench.room), free(bench.times_ms);
    return done;
}

/* ---- the command ---- */

static int usage(void) {
    fprintf(stderr, "usage: bench_codec [--repeat R] [--dtype float32|float64] [--threads N] FILE.json …\n");
    return EXIT_WRONG_USAGE;
}

static bool read_count(const char *text, int most, int *count) {
    char *end;
    long number = strtol(text, &end, 10);
    *count = (int)number;
    return end != text && *end == '\0' && number >= 1 && number <= most;
}

static bool read_dtype(const char *text, enum dtype *dtype) {
    *dtype = strcmp(text, "float64") == 0 ? DTYPE_FLOAT64 : DTYPE_FLOAT32;
    return strcmp(text, dtype_name(*dtype)) == 0;
}

static bool read_option(const char *flag, const char *value, struct options *options) {
    if (strcmp(flag, "--repeat") == 0)
        return read_count(value, MOST_REPEAT, &options->repeat);
    if (strcmp(flag, "--threads") == 0)
        return read_count(value, MOST_THREADS, &options->threads);
    return strcmp(flag, "--dtype") == 0 && read_dtype(value, &options->dtype);
}

int main(int argc, char **argv) {
    struct options options = {.repeat = STANDARD_REPEAT, .threads = 1, .dtype = DTYPE_FLOAT32};
    int first = 1;
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first += 2)
        if (!read_option(argv[first], first + 1 < argc ? argv[first + 1] : "", &options))
            return usage();
    if (first >= argc)
        return usage();
    if (!convd_init(options.threads))
        return EXIT_WRONG_USAGE;
    bool done = true;
    printf("peer\tfile\top\tmin_ms\tmedian_ms\tmb_per_s\tns_per_number\n");
    for (int i = first; i < argc; i++)
        done &= run_file(argv[i], &options);
    convd_end();
    return done && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
