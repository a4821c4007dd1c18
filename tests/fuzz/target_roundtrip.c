/*
 * Target: numbers through the whole service. The input's bytes are a tensor's; it is sent in one form and asked back in
 * another, by way of a max pooling of one cell, which changes nothing. What comes back is, bit by bit, what was sent:
 * decimal text is written here by printf and read by strtof and strtod. Long tensors are read and written by several
 * workers.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/on_worker.h"
#include "tests/fuzz/reference_tensor.h"

#include "api/api.h"
#include "lib/conv/blas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum form { NESTED, FLAT, BASE64, NPY, SAFETENSORS, RAW, SENT_FORMS = RAW, FORMS };

static const char *const types[FORMS] = {"application/json",          "application/json",
                                         "application/json",          "application/x-npy",
                                         "application/x-safetensors", "application/octet-stream"};
static const char *const formats[] = {"nested", "flat", "base64"};

struct tensor_bytes {
    bool wide;     /* float64 */
    size_t dim[3]; /* of a picture without a batch */
    size_t elems;
    uint8_t *bytes; /* owned */
};

/* The first bytes choose the forms, the dtype and the sizes, the others are the numbers. */
struct input {
    struct tensor_bytes tensor;
    enum form sent, asked;
    int digits; /* of decimal text: 0 for as many as it takes */
};

static size_t elem_bytes(const struct tensor_bytes *tensor) {
    return tensor->wide ? sizeof(double) : sizeof(float);
}

static bool read_input(struct input *input, const uint8_t *data, size_t bytes) {
    enum { HEAD = 4 };
    struct tensor_bytes *tensor = &input->tensor;
    if (bytes < HEAD)
        return false;
    input->sent = (enum form)(data[0] % SENT_FORMS);
    input->asked = (enum form)(data[1] % FORMS);
    *tensor = (struct tensor_bytes){.wide = data[2] & 1};
    input->digits = data[2] >> 1 & 15;
    tensor->dim[0] = 1 + data[3] % 3;
    tensor->dim[1] = 1 + (data[3] >> 2) % 5;
    tensor->dim[2] = (bytes - HEAD) / elem_bytes(tensor) / tensor->dim[0] / tensor->dim[1];
    tensor->elems = tensor->dim[0] * tensor->dim[1] * tensor->dim[2];
    if (tensor->elems == 0)
        return false;
    tensor->bytes = malloc(tensor->elems * elem_bytes(tensor));
    memcpy(tensor->bytes, data + HEAD, tensor->elems * elem_bytes(tensor));
    return true;
}

/* Element `i` as a float64. */
static double value_of(const struct tensor_bytes *tensor, size_t i) {
    double wide;
    float narrow;
    if (tensor->wide)
        return memcpy(&wide, tensor->bytes + i * sizeof wide, sizeof wide), wide;
    return memcpy(&narrow, tensor->bytes + i * sizeof narrow, sizeof narrow), (double)narrow;
}

static void set_value(struct tensor_bytes *tensor, size_t i, double value) {
    float narrow = (float)value;
    if (tensor->wide)
        memcpy(tensor->bytes + i * sizeof value, &value, sizeof value);
    else
        memcpy(tensor->bytes + i * sizeof narrow, &narrow, sizeof narrow);
}

/* ---- sending ---- */

static void put_base64(const struct tensor_bytes *tensor, struct fuzz_text *out) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bytes = tensor->elems * elem_bytes(tensor);
    for (size_t i = 0; i < bytes; i += 3) {
        unsigned group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (i + j < bytes ? tensor->bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            fuzz_put(out, i + j <= bytes ? &alphabet[group >> (18 - 6 * j) & 63] : "=", 1);
    }
}

/* A number in decimal. One of few digits is another number then: it takes the element's place. */
static void put_number(struct input *input, size_t i, struct fuzz_text *out) {
    struct tensor_bytes *tensor = &input->tensor;
    double value = value_of(tensor, i);
    char text[64];
    if (!isfinite(value)) {
        fuzz_puts(out, isnan(value) ? "\"NaN\"" : value > 0 ? "Infinity" : "\"-Infinity\"");
        return;
    }
    snprintf(text, sizeof text, "%.*g", input->digits, value);
    double written = tensor->wide ? strtod(text, NULL) : (double)strtof(text, NULL);
    if (input->digits == 0 || isinf(written)) {
        snprintf(text, sizeof text, "%.*g", tensor->wide ? 17 : 9 + (int)(i % 9), value);
        written = value;
    }
    set_value(tensor, i, written);
    fuzz_puts(out, text);
}

static void put_numbers(struct input *input, bool nested, struct fuzz_text *out) {
    const size_t *dim = input->tensor.dim;
    for (size_t i = 0; i < input->tensor.elems; i++) {
        bool row = nested && i % dim[2] == 0, plane = nested && i % (dim[1] * dim[2]) == 0;
        fuzz_puts(out, i == 0 ? "" : plane ? "]],[[" : row ? "],[" : ",");
        put_number(input, i, out);
    }
}

static void put_json(struct input *input, struct fuzz_text *out) {
    const struct tensor_bytes *tensor = &input->tensor;
    const char *dtype = tensor->wide ? "float64" : "float32";
    fuzz_printf(out, "{\"kernel_size\":1,\"dtype\":\"%s\",\"input\":", dtype);
    if (input->sent == NESTED) {
        fuzz_puts(out, "[[[");
        put_numbers(input, true, out);
        fuzz_puts(out, "]]]");
    } else {
        fuzz_printf(out, "{\"shape\":[%zu,%zu,%zu],", tensor->dim[0], tensor->dim[1], tensor->dim[2]);
        fuzz_printf(out, input->sent == FLAT ? "\"data\":[" : "\"dtype\":\"%s\",\"base64\":\"", dtype);
        if (input->sent == FLAT)
            put_numbers(input, false, out);
        else
            put_base64(tensor, out);
        fuzz_puts(out, input->sent == FLAT ? "]}" : "\"}");
    }
    if (input->asked <= BASE64)
        fuzz_printf(out, ",\"format\":\"%s\"", formats[input->asked]);
    fuzz_puts(out, "}");
}

/* Version 1.0: the header's length has two bytes. */
static void put_npy(const struct tensor_bytes *tensor, struct fuzz_text *out) {
    char header[256];
    int length = snprintf(header, sizeof header,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu, %zu), }\n",
                          tensor->wide ? "<f8" : "<f4", tensor->dim[0], tensor->dim[1], tensor->dim[2]);
    char lead[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)length, (char)(length >> 8)};
    fuzz_put(out, lead, sizeof lead);
    fuzz_put(out, header, (size_t)length);
    fuzz_put(out, tensor->bytes, tensor->elems * elem_bytes(tensor));
}

static void put_safetensors(const struct tensor_bytes *tensor, struct fuzz_text *out) {
    char header[256];
    size_t bytes = tensor->elems * elem_bytes(tensor);
    int length =
        snprintf(header, sizeof header,
                 "{\"input\":{\"dtype\":\"%s\",\"shape\":[%zu,%zu,%zu],\"data_offsets\":[0,%zu]}}",
                 tensor->wide ? "F64" : "F32", tensor->dim[0], tensor->dim[1], tensor->dim[2], bytes);
    char lead[8] = {(char)length, (char)(length >> 8)};
    fuzz_put(out, lead, sizeof lead);
    fuzz_put(out, header, (size_t)length);
    fuzz_put(out, tensor->bytes, bytes);
}

static void put_body(struct input *input, struct fuzz_text *out) {
    if (input->sent == NPY)
        put_npy(&input->tensor, out);
    else if (input->sent == SAFETENSORS)
        put_safetensors(&input->tensor, out);
    else
        put_json(input, out);
}

/* ---- what comes back ---- */

static void expect_element(const struct input *input, size_t i, double got, const char *level) {
    double sent = value_of(&input->tensor, i);
    FUZZ_CHECK(isnan(sent) ? isnan(got) : got == sent && signbit(got) == signbit(sent),
               "%s: element %zu was sent as %a and comes back as %a (form %d to %d)", level, i, sent, got,
               input->sent, input->asked);
}

static void expect_json(const struct input *input, const struct api_response *response, const char *level) {
    static const char *const fields[] = {"output", NULL};
    struct ref_json json;
    struct ref_tensor output;
    char *text = malloc(response->body_bytes + 1);
    memcpy(text, response->body, response->body_bytes);
    text[response->body_bytes] = '\0';
    ref_json_open(&json, text, response->body_bytes, fields);
    FUZZ_CHECK(json.verdict == REF_WELL_FORMED, "%s: the answer is broken at byte %zu: %s", level, json.fault,
               text);
    ref_tensor_open(&output, &json, ref_json_member(&json, 0, "output"), false);
    FUZZ_CHECK(output.present && !output.refused && (size_t)output.elems == input->tensor.elems &&
                   output.rank == 3 && (size_t)output.dim[2] == input->tensor.dim[2],
               "%s: the answer is another tensor: %.300s", level, text);
    double *values = malloc(input->tensor.elems * sizeof *values);
    float *narrow = (float *)values;
    FUZZ_CHECK(ref_tensor_read(&output, &json, input->tensor.wide, input->tensor.wide, values) ==
                   output.elems,
               "%s: the answer's numbers cannot be read: %.300s", level, text);
    for (size_t i = 0; i < input->tensor.elems; i++)
        expect_element(input, i, input->tensor.wide ? values[i] : (double)narrow[i], level);
    free(values);
    ref_tensor_close(&output);
    ref_json_close(&json);
    free(text);
}

/* The data are the last bytes of every file. */
static void expect_file(const struct input *input, const struct api_response *response, const char *level) {
    struct tensor_bytes back = input->tensor;
    size_t bytes = back.elems * elem_bytes(&back);
    FUZZ_CHECK(response->body_bytes >= bytes && (input->asked != RAW || response->body_bytes == bytes),
               "%s: the answer has %zu bytes", level, response->body_bytes);
    back.bytes = malloc(bytes);
    memcpy(back.bytes, response->body + response->body_bytes - bytes, bytes);
    for (size_t i = 0; i < back.elems; i++)
        expect_element(input, i, value_of(&back, i), level);
    free(back.bytes);
}

/* ---- the target ---- */

static struct fence fence;
static atomic_bool draining;

struct task {
    const struct input *input;
    const struct fuzz_text *body;
    const char *level;
    struct workers *workers;
};

static void run_task(void *argument, int slot) {
    const struct task *task = argument;
    const struct input *input = task->input;
    struct budget budget = {.limit_bytes = SIZE_MAX};
    struct arena arena = {.budget = &budget};
    struct api_response response = {0};
    struct api_context context = {.limits = {.max_body_bytes = INT64_MAX,
                                             .max_document_bytes = INT32_MAX,
                                             .max_output_bytes = INT32_MAX,
                                             .max_macs = INT64_MAX},
                                  .workers = task->workers,
                                  .budget = &budget,
                                  .draining = &draining};
    char *text = fence.end - task->body->bytes - 1;
    memcpy(text, task->body->data, task->body->bytes);
    text[task->body->bytes] = '\0';
    struct api_request request = {.method = "POST",
                                  .path = "/pool2d",
                                  .content_type = types[input->sent],
                                  .accept = types[input->asked],
                                  .content_length = (int64_t)task->body->bytes,
                                  .has_body = true,
                                  .body = text,
                                  .body_bytes = task->body->bytes};
    if (input->sent > BASE64) {
        static const char *const queries[] = {"kernel_size=1&format=nested", "kernel_size=1&format=flat",
                                              "kernel_size=1&format=base64"};
        request.query = input->asked <= BASE64 ? queries[input->asked] : "kernel_size=1";
    }
    fuzz_use_level(task->level);
    api_handle(&context, &request, slot, &arena, &response);
    FUZZ_CHECK(response.status == 200 && strcmp(response.content_type, types[input->asked]) == 0,
               "%s: %d: %.*s", task->level, response.status, (int)response.body_bytes, response.body);
    if (input->asked <= BASE64)
        expect_json(input, &response, task->level);
    else
        expect_file(input, &response, task->level);
    arena_release(&arena);
    FUZZ_CHECK(atomic_load(&budget.used_bytes) == 0, "%zu bytes stay charged",
               atomic_load(&budget.used_bytes));
}

static void check(const uint8_t *data, size_t bytes) {
    enum { LONG_ELEMS = 2000, ELEM_TEXT_BYTES = 40 };
    struct input input;
    if (!read_input(&input, data, bytes))
        return;
    struct fuzz_text body = {.capacity = input.tensor.elems * ELEM_TEXT_BYTES + 512};
    body.data = malloc(body.capacity);
    put_body(&input, &body);
    for (int level = 0; fuzz_levels()[level] != NULL; level++) {
        struct task task = {.input = &input, .body = &body, .level = fuzz_levels()[level]};
        if (input.tensor.elems > LONG_ELEMS)
            on_worker(run_task, &task, &task.workers);
        else
            run_task(&task, 0);
    }
    free(body.data);
    free(input.tensor.bytes);
}

static void draw(struct fuzz_random *random, struct fuzz_text *out) {
    size_t elems = 1 + fuzz_below(random, fuzz_one_in(random, 100) ? 40000 : 120),
           kind = fuzz_below(random, 5);
    uint64_t head = fuzz_u64(random);
    bool wide = head >> 16 & 1;
    fuzz_put(out, &head, 4);
    for (size_t i = 0; i < elems; i++) {
        uint64_t bits = fuzz_u64(random);
        double value = kind == 0   ? (double)(bits % 256)
                       : kind == 1 ? (double)(int)(bits % 20001) / 1000 - 10
                                   : 0;
        float narrow = (float)value;
        if (kind >= 2)
            fuzz_put(out, &bits, wide ? sizeof value : sizeof narrow);
        else
            fuzz_put(out, wide ? (void *)&value : (void *)&narrow, wide ? sizeof value : sizeof narrow);
    }
}

static void start(void) {
    fence = fence_make(4 * 1000 * 1000 * 3);
    blas_init();
    api_init();
}

/* Zeros, infinities and not-a-numbers of both widths. */
static const char *const tokens[] = {"\x80\x7f",
                                     "\x80\xff",
                                     "\xc0\x7f",
                                     "\xf0\x7f",
                                     "\xf0\xff",
                                     "\xf8\x7f",
                                     "\xff\xff\x7f\x7f",
                                     "\x80\x3f",
                                     "\xf0\x3f",
                                     "\x01",
                                     "\xff\xff\xff\xff\xff\xff\xef\x7f",
                                     "\x80",
                                     NULL};

const struct fuzz_target fuzz_target = {
    .name = "roundtrip",
    .runs = 6000,
    .tokens = tokens,
    .start = start,
    .draw = draw,
    .check = check,
};
