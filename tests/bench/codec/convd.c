/*
 * All that bench_codec knows of convd's inside.
 *
 * Concurrency: `lock` protects each job's `done`; the caller sleeps on `finished` until its own job is.
 */
#include "api/json/document.h"
#include "api/json/tensor_read.h"
#include "api/json/tensor_write.h"
#include "lib/kernels/kernels.h"
#include "lib/threads/workers.h"
#include "tests/bench/codec/peers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DOCUMENT_BYTES = 1 << 20 }; /* --max-document's default */

struct request {
    struct arena arena;
    struct document document;
    struct tensor_source source;
};

static bool request_open(struct request *request, const char *text, size_t bytes, enum dtype dtype) {
    static const char *const tensor_fields[] = {"input", NULL};
    struct document_refusal refusal;
    *request = (struct request){.source = {.form = FORM_NESTED, .dtype = dtype}};
    if (!document_open(&request->document, &request->arena, text, bytes, tensor_fields, MAX_DOCUMENT_BYTES,
                       &refusal))
        return false;
    const json_t *input = json_object_get(request->document.root, "input");
    const struct cut *cut = json_is_array(input) ? document_cut(&request->document, input) : NULL;
    if (cut == NULL || cut->refused)
        return false;
    request->source.cut = cut;
    request->source.shape = cut->shape;
    return shape_elems(&cut->shape, &request->source.elems);
}

static void request_close(struct request *request) {
    document_close(&request->document);
    arena_release(&request->arena);
}

/* What tensor_read cannot read at once is no text for a bench, so nothing is proven and read again. */
static int64_t read_with(struct workers *workers, int slot, const char *text, size_t bytes, enum dtype dtype,
                         void *out, int64_t capacity) {
    struct request request;
    struct tensor_refusal refusal;
    bool done = request_open(&request, text, bytes, dtype) && request.source.elems <= capacity &&
                tensor_read(&request.source, dtype, out, NULL, workers, slot, &refusal);
    int64_t elems = done ? request.source.elems : -1;
    request_close(&request);
    return elems;
}

static int64_t convd_read(const char *text, size_t bytes, enum dtype dtype, void *out, int64_t capacity) {
    return read_with(NULL, 0, text, bytes, dtype, out, capacity);
}

/* ---- with several threads: as a request, which is a task of the pool ---- */

struct job {
    const char *text;
    size_t bytes;
    enum dtype dtype;
    void *out;
    int64_t capacity, count;
    bool done;
};

static struct workers *pool;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;

static void run_job(void *argument, int slot) {
    struct job *job = argument;
    job->count = read_with(pool, slot, job->text, job->bytes, job->dtype, job->out, job->capacity);
    pthread_mutex_lock(&lock);
    job->done = true;
    pthread_cond_signal(&finished);
    pthread_mutex_unlock(&lock);
}

static int64_t convd_read_threads(const char *text, size_t bytes, enum dtype dtype, void *out,
                                  int64_t capacity) {
    struct job job = {.text = text, .bytes = bytes, .dtype = dtype, .out = out, .capacity = capacity};
    if (!workers_submit(pool, run_job, &job))
        return -1;
    pthread_mutex_lock(&lock);
    while (!job.done)
        pthread_cond_wait(&finished, &lock);
    pthread_mutex_unlock(&lock);
    return job.count;
}

static size_t convd_write(const struct tensor *tensor, char *room, size_t capacity) {
    struct arena unused = {0};
    struct text text = {.arena = &unused, .data = room, .capacity = capacity};
    tensor_write(&text, tensor, FORM_NESTED, NULL);
    bool in_place = !text.failed && text.data == room;
    arena_release(&unused);
    return in_place ? text.length : 0;
}

const struct reader convd_reader = {
    .name = "convd", .before = "{\"input\":", .after = "}", .read = convd_read};
const struct writer convd_writer = {.name = "convd", .write = convd_write};

static char threads_name[32];
const struct reader convd_threads_reader = {
    .name = threads_name, .before = "{\"input\":", .after = "}", .read = convd_read_threads};

bool convd_init(int threads) {
    const char *error = NULL, *wanted = getenv("CONVD_CPU");
    if (!kernels_init(wanted, &error)) {
        fprintf(stderr, "bench_codec: CONVD_CPU is '%s'; %s\n", wanted, error);
        return false;
    }
    if (threads == 1)
        return true;
    snprintf(threads_name, sizeof(threads_name), "convd-%d-threads", threads);
    pool = workers_create(threads, 1, NULL);
    if (pool == NULL)
        fprintf(stderr, "bench_codec: %d threads could not be started\n", threads);
    return pool != NULL;
}

void convd_end(void) {
    workers_destroy(pool);
}

bool convd_shape(const char *text, size_t bytes, struct shape *shape) {
    struct request request;
    bool opened = request_open(&request, text, bytes, DTYPE_FLOAT32);
    if (opened)
        *shape = request.source.shape;
    request_close(&request);
    return opened;
}

size_t convd_text_bound(const struct tensor *tensor) {
    size_t bytes;
    return tensor_write_bound(tensor, FORM_NESTED, &bytes) ? bytes : 0;
}
