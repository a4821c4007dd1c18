/* What a server in C does without second thoughts: a tree of values for every tensor, both ways. */
#include "tests/bench/codec/peers.h"

#include <jansson.h>

struct sink {
    enum dtype dtype;
    float *f32;
    double *f64;
    int64_t count, capacity;
};

static bool take_number(struct sink *sink, const json_t *value) {
    if (!json_is_number(value) || sink->count == sink->capacity)
        return false;
    double number = json_number_value(value);
    if (sink->dtype == DTYPE_FLOAT32)
        sink->f32[sink->count++] = (float)number;
    else
        sink->f64[sink->count++] = number;
    return true;
}

static bool take(struct sink *sink, const json_t *value) {
    if (!json_is_array(value))
        return take_number(sink, value);
    size_t size = json_array_size(value);
    for (size_t i = 0; i < size; i++)
        if (!take(sink, json_array_get(value, i)))
            return false;
    return true;
}

static int64_t jansson_read(const char *text, size_t bytes, enum dtype dtype, void *out, int64_t capacity) {
    struct sink sink = {.dtype = dtype, .f32 = out, .f64 = out, .capacity = capacity};
    json_t *root = json_loadb(text, bytes, 0, NULL);
    bool done = root != NULL && take(&sink, root);
    json_decref(root);
    return done ? sink.count : -1;
}

static json_t *number(const struct tensor *tensor, int64_t at) {
    const float *f32 = tensor->data;
    const double *f64 = tensor->data;
    return json_real(tensor->dtype == DTYPE_FLOAT32 ? (double)f32[at] : f64[at]);
}

/* The list of dimension `axis` whose first element is *at; NULL when there is no memory. */
static json_t *list(const struct tensor *tensor, int axis, int64_t *at) {
    json_t *array = json_array();
    for (int64_t i = 0; array != NULL && i < tensor->shape.dim[axis]; i++) {
        bool innermost = axis + 1 == tensor->shape.rank;
        json_t *item = innermost ? number(tensor, (*at)++) : list(tensor, axis + 1, at);
        if (json_array_append_new(array, item) == 0)
            continue;
        json_decref(array);
        return NULL;
    }
    return array;
}

/* As many digits as the dtype needs; the standard would be 17 for both. */
static size_t jansson_write(const struct tensor *tensor, char *room, size_t capacity) {
    size_t digits = tensor->dtype == DTYPE_FLOAT32 ? JSON_REAL_PRECISION(9) : JSON_REAL_PRECISION(17);
    int64_t at = 0;
    json_t *root = list(tensor, 0, &at);
    size_t bytes = root != NULL ? json_dumpb(root, room, capacity, JSON_COMPACT | digits) : 0;
    json_decref(root);
    return bytes <= capacity ? bytes : 0;
}

const struct reader jansson_reader = {
    .name = "jansson", .before = "", .after = "", .most_ulps = 1, .read = jansson_read};
const struct writer jansson_writer = {.name = "jansson", .write = jansson_write};
