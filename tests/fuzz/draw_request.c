/*
 * Requests of all endpoints: most have parameters that their layer takes.
 */
#include "tests/fuzz/draw.h"

/* clang-format off */
const char *const draw_request_tokens[] = {
    "POST ", "GET ", "HEAD ", "OPTIONS ", "/conv2d", "/pool2d", "/shape", "/version", "/problems/", "?",
    "/docs", "/openapi.json", "/assets/", "Accept: text/html\n", "Accept-Encoding: ", "gzip", "identity", ";q=0.5",
    "If-None-Match: ", "\"a\"", "W/", "*",
    "&", "=", "%", "%2C", "\n", "\n\n", "Content-Type: application/json\n", "Accept: application/json\n",
    "Accept: application/x-npy\n", "Accept: application/x-npz\n", "Accept: application/x-safetensors\n",
    "Accept: application/octet-stream\n", "Accept: image/png\n", ";q=0", ", */*",
    "Content-Type: application/x-npy\n", "Content-Type: application/x-npz\n",
    "Content-Type: multipart/form-data; boundary=x\n", "[", "]", "{", "}", ",", ":", "\"", "0", "1", "-1",
    "2", "3", "1.5", "1e999", "null", "true", "false", "NaN", "\"input\":", "\"weight\":", "\"bias\":",
    "\"stride\":", "\"padding\":", "\"dilation\":", "\"groups\":", "\"kernel_size\":", "\"mode\":",
    "\"ceil_mode\":", "\"divisor_override\":", "\"output_size\":", "\"return_indices\":", "\"dtype\":",
    "\"format\":", "\"flat\"", "\"base64\"", "\"same\"", "\"valid\"", "\"reflect\"", "\"circular\"",
    "\"replicate\"", "\"algorithm\":", "\"gemm\"", "\"direct\"", "\"max\"", "\"avg\"", "\"lp\"",
    "\"adaptive_avg\"", "\"layers\":", "\"type\":", "\"conv2d\"", "\"input_shape\":", "9223372036854775807",
    "2147483648", "\"shape\":", "\"data\":", "\"float64\"", "\x93NUMPY", "'descr': '<f4'",
    "'fortran_order': True", "PK\3\4", "PK\1\2", "PK\5\6", "\"data_offsets\":", "\"F16\"", "\"BF16\"",
    "\xff\xff\xff\xff", "\x80", NULL,
};
/* clang-format on */

static const char *one_of(struct fuzz_random *random, const char *const *words) {
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    return words[fuzz_below(random, count)];
}

static void put_array(struct fuzz_random *random, const size_t *dim, int rank, struct fuzz_text *out) {
    if (rank == 0) {
        fuzz_printf(out, "%.*g", 1 + (int)fuzz_below(random, 9),
                    (double)(int)fuzz_below(random, 2000) / 64 - 15);
        return;
    }
    fuzz_puts(out, "[");
    for (size_t i = 0; i < dim[0]; i++) {
        if (i > 0)
            fuzz_puts(out, ",");
        put_array(random, dim + 1, rank - 1, out);
    }
    fuzz_puts(out, "]");
}

/* A field: values that a layer takes, and others; each list is separated by '|'. */
struct field {
    const char *name, *good, *bad;
};

static void put_one_of(struct fuzz_random *random, const char *list, struct fuzz_text *out) {
    size_t choices = 1;
    for (const char *c = list; *c != '\0'; c++)
        choices += *c == '|';
    for (size_t skip = fuzz_below(random, choices); skip > 0; skip--)
        list = strchr(list, '|') + 1;
    fuzz_put(out, list, strcspn(list, "|"));
}

static void put_field(struct fuzz_random *random, const struct field *field, struct fuzz_text *out) {
    fuzz_printf(out, ",\"%s\":", field->name);
    put_one_of(random, fuzz_one_in(random, 15) ? field->bad : field->good, out);
}

/* The first `needed` fields, and some of the others. */
static void put_fields(struct fuzz_random *random, const struct field *fields, size_t needed, size_t count,
                       struct fuzz_text *out) {
    for (size_t i = 0; i < count; i++) {
        if (i < needed || fuzz_one_in(random, 4))
            put_field(random, &fields[i], out);
    }
}

static const struct field conv_fields[] = {
    {"stride", "1|2|[2,1]|[1]|3", "0|-1|[1,2,3]|null|\"1\""},
    {"padding", "0|1|[1,2]|\"valid\"|\"same_upper\"|\"same_lower\"|[[1,0],[0,2]]|[[3,3],[3,3]]",
     "\"same\"|50|-1|\"x\""},
    {"padding_mode", "\"zeros\"|\"reflect\"|\"replicate\"|\"circular\"", "\"mirror\"|0"},
    {"dilation", "1|2|[2,1]|[1,3]", "0|4611686018427387904"},
    {"groups", "1", "2|3|0"},
    {"algorithm", "\"auto\"|\"gemm\"|\"direct\"|\"reference\"", "\"winograd\"|\"x\""},
    {"precision", "\"highest\"|\"high\"|\"medium\"", "\"low\""},
    {"dtype", "\"float32\"|\"float64\"", "\"float16\"|null"},
    {"format", "\"nested\"|\"flat\"|\"base64\"", "\"x\"|1"},
    {"device", "\"cpu\"", "\"cuda\""}};

/* Of all windows, and of each mode: a field of another mode is refused. */
static const struct field window_fields[] = {{"kernel_size", "1|2|3|[1,2]|[3,1]", "0|[1,2,3]|null"},
                                             {"stride", "1|2|null|[2,1]", "0"},
                                             {"ceil_mode", "true|false", "1"}};
static const struct field max_fields[] = {
    {"padding", "0|1|[1,0]|\"same\"|\"same_upper\"|\"same_lower\"|[[1,0],[0,1]]", "9"},
    {"dilation", "1|2|[1,2]", "0"},
    {"return_indices", "true|false", "null"}};
static const struct field avg_fields[] = {{"padding", "0|1|[1,0]|\"same\"|[[1,0],[0,1]]", "\"valid\"|2"},
                                          {"count_include_pad", "true|false", "0"},
                                          {"divisor_override", "null|3|-2", "0"}};
static const struct field lp_fields[] = {{"norm_type", "1|2|3|0.5|-1", "0|1e999|\"inf\""}};
static const struct field adaptive_fields[] = {
    {"output_size", "1|[2,null]|[3,2]|[null,null]", "0|-1|null|[1,2,3]"}};
static const struct field common_fields[] = {{"dtype", "\"float32\"|\"float64\"", "\"int8\""},
                                             {"format", "\"nested\"|\"flat\"|\"base64\"", "\"x\""}};

/* A layer's type, and what it needs. */
static const char *const layer_types[] = {"conv1d\",\"out_channels\":6,\"kernel_size\":3",
                                          "conv2d\",\"out_channels\":6,\"kernel_size\":[2,3]",
                                          "conv3d\",\"out_channels\":4,\"kernel_size\":1",
                                          "conv_transpose1d\",\"out_channels\":2,\"kernel_size\":2",
                                          "conv_transpose2d\",\"out_channels\":2,\"kernel_size\":3",
                                          "conv_transpose3d\",\"out_channels\":1,\"kernel_size\":2",
                                          "max_pool1d\",\"kernel_size\":2",
                                          "max_pool2d\",\"kernel_size\":2",
                                          "max_pool3d\",\"kernel_size\":1",
                                          "avg_pool1d\",\"kernel_size\":3",
                                          "avg_pool2d\",\"kernel_size\":[1,2]",
                                          "avg_pool3d\",\"kernel_size\":2",
                                          "lp_pool1d\",\"norm_type\":2,\"kernel_size\":2",
                                          "lp_pool2d\",\"norm_type\":1,\"kernel_size\":2",
                                          "adaptive_avg_pool1d\",\"output_size\":3",
                                          "adaptive_avg_pool2d\",\"output_size\":[2,null]",
                                          "adaptive_max_pool3d\",\"output_size\":1",
                                          "linear\",\"out_features\":10",
                                          "flatten",
                                          "batch_norm1d",
                                          "batch_norm2d",
                                          "batch_norm3d",
                                          "dropout",
                                          "relu",
                                          "relu6",
                                          "leaky_relu",
                                          "elu",
                                          "gelu",
                                          "silu",
                                          "hardswish",
                                          "sigmoid",
                                          "tanh",
                                          "softmax",
                                          "log_softmax",
                                          "zero_pad2d\",\"padding\":[1,0,2,1]",
                                          "reflection_pad2d\",\"padding\":1",
                                          "replication_pad2d\",\"padding\":2",
                                          "upsample\",\"scale_factor\":2",
                                          "none",
                                          NULL};

static const struct field layer_fields[] = {
    {"stride", "1|2", "[2,1]|9223372036854775807|0"},
    {"padding", "0|1|\"same\"", "[1,2]|[1,0,0,1]|4611686018427387904"},
    {"dilation", "1|2", "4611686018427387904"},
    {"output_padding", "0|1", "2"},
    {"groups", "1", "2|4611686018427387904"},
    {"ceil_mode", "true|false", "2"},
    {"start_dim", "1|-1", "0|9"},
    {"end_dim", "-1|2", "-9"},
    {"dim", "1|-2", "7"},
    {"size", "4|[3,5]", "0"},
    {"bias", "true|false", "null|1"},
    {"in_channels", "3", "1|0"}};

#define COUNT(table) (sizeof table / sizeof table[0])
#define ROWS(table)  table, COUNT(table)

static void draw_conv(struct fuzz_random *random, struct fuzz_text *out) {
    size_t channels = 1 + fuzz_below(random, 4), outs = 1 + fuzz_below(random, 4);
    size_t input[4] = {fuzz_below(random, 3), channels, 1 + fuzz_below(random, 8),
                       1 + fuzz_below(random, 12)};
    size_t weight[4] = {outs, channels, 1 + fuzz_below(random, 4), 1 + fuzz_below(random, 4)};
    int batched = fuzz_one_in(random, 2);
    if (fuzz_one_in(random, 10))
        weight[fuzz_below(random, 4)] = fuzz_below(random, 6);
    fuzz_puts(out, "{\"input\":");
    put_array(random, batched ? input : input + 1, 3 + batched, out);
    fuzz_puts(out, ",\"weight\":");
    put_array(random, weight, 4, out);
    if (fuzz_one_in(random, 3)) {
        fuzz_puts(out, ",\"bias\":");
        put_array(random, &outs, 1, out);
    }
    put_fields(random, conv_fields, 0, COUNT(conv_fields), out);
    fuzz_puts(out, "}");
}

static void put_pooling(struct fuzz_random *random, struct fuzz_text *out) {
    static const struct {
        const char *mode;
        size_t windows; /* 1: it has the fields of windows */
        size_t needed;  /* so many of its own fields have to be there */
        const struct field *fields;
        size_t count;
    } modes[] = {{"max", 1, 0, ROWS(max_fields)},
                 {"avg", 1, 0, ROWS(avg_fields)},
                 {"lp", 1, 1, ROWS(lp_fields)},
                 {"adaptive_max", 0, 1, ROWS(adaptive_fields)},
                 {"adaptive_avg", 0, 1, ROWS(adaptive_fields)},
                 {"median", 1, 0, ROWS(max_fields)}};
    size_t mode = fuzz_below(random, fuzz_one_in(random, 20) ? 6 : 5);
    fuzz_printf(out, ",\"mode\":\"%s\"", modes[mode].mode);
    put_fields(random, window_fields, modes[mode].windows, modes[mode].windows * 3, out);
    put_fields(random, modes[mode].fields, modes[mode].needed, modes[mode].count, out);
    put_fields(random, common_fields, 0, COUNT(common_fields), out);
}

static void draw_pool(struct fuzz_random *random, struct fuzz_text *out) {
    size_t input[4] = {1 + fuzz_below(random, 2), 1 + fuzz_below(random, 3), 1 + fuzz_below(random, 9),
                       1 + fuzz_below(random, fuzz_one_in(random, 200) ? 4000 : 12)};
    int batched = fuzz_one_in(random, 2);
    fuzz_puts(out, "{\"input\":");
    put_array(random, batched ? input : input + 1, 3 + batched, out);
    put_pooling(random, out);
    fuzz_puts(out, "}");
}

static void draw_shape(struct fuzz_random *random, struct fuzz_text *out) {
    static const char *const shapes[] = {"[1,3,32,32]", "[3,8,8]",   "[2,4,16]",
                                         "[1,1,5,5,5]", "[0,3,8,8]", "[1,4611686018427387904,2,2]",
                                         "[7]",         "[]",        NULL};
    fuzz_printf(out, "{\"input_shape\":%s,\"layers\":[", one_of(random, shapes));
    for (size_t i = 0, layers = 1 + fuzz_below(random, 4); i < layers; i++) {
        const char *type = one_of(random, layer_types);
        fuzz_printf(out, "%s{\"type\":\"%s%s", i > 0 ? "," : "", type, strchr(type, '"') != NULL ? "" : "\"");
        if (fuzz_one_in(random, 3))
            put_field(random, &layer_fields[fuzz_below(random, COUNT(layer_fields))], out);
        fuzz_puts(out, "}");
    }
    fuzz_puts(out, "]}");
}

/* A page, with headers of all kinds. */
static void draw_page(struct fuzz_random *random, struct fuzz_text *out) {
    static const char *const paths[] = {"/",
                                        "/docs",
                                        "/openapi.json",
                                        "/assets/0/a.js",
                                        "/assets/0/b.js",
                                        "/problems/not-found",
                                        "/problems/none",
                                        NULL};
    static const char *const headers[] = {"Accept: text/html\n",
                                          "Accept: text/html, */*;q=0.5\n",
                                          "Accept-Encoding: gzip, br\n",
                                          "Accept-Encoding: identity;q=0.5, *;q=0.5\n",
                                          "Accept-Encoding: gzip;q=0\n",
                                          "If-None-Match: *\n",
                                          "If-None-Match: \"a\", W/\"b\", \"c\"\n",
                                          "If-None-Match: W/\"d\" , \"\n",
                                          NULL};
    fuzz_printf(out, "%s %s\n", fuzz_one_in(random, 4) ? "HEAD" : "GET", one_of(random, paths));
    for (size_t count = fuzz_below(random, 4); count > 0; count--)
        fuzz_puts(out, one_of(random, headers));
    fuzz_puts(out, "\n");
}

void draw_request(struct fuzz_random *random, struct fuzz_text *out) {
    static const struct {
        const char *path;
        void (*draw)(struct fuzz_random *random, struct fuzz_text *out);
    } endpoints[] = {{"/conv2d", draw_conv}, {"/pool2d", draw_pool}, {"/shape", draw_shape}};
    static const char *const accepts[] = {"application/json",
                                          "*/*",
                                          "application/x-npy",
                                          "application/x-npz",
                                          "application/x-safetensors",
                                          "application/octet-stream",
                                          "image/png",
                                          "text/html",
                                          "application/x-npy;q=0.5, application/x-npz",
                                          NULL};
    if (fuzz_one_in(random, 10)) {
        draw_page(random, out);
        return;
    }
    size_t endpoint = fuzz_below(random, 3);
    fuzz_printf(out, "POST %s\n", endpoints[endpoint].path);
    if (!fuzz_one_in(random, 4))
        fuzz_puts(out, "Content-Type: application/json\n");
    if (fuzz_one_in(random, 6))
        fuzz_printf(out, "Accept: %s\n", one_of(random, accepts));
    fuzz_puts(out, "\n");
    endpoints[endpoint].draw(random, out);
}
