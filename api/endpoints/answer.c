#include "api/endpoints/answer.h"

#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

double answer_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

bool answer_form(const struct fields *fields, enum tensor_form *form) {
    static const char *const names[] = {"nested", "flat", "base64", NULL};
    int index = (int)*form;
    if (!fields_choice(fields, "format", names, &index))
        return false;
    *form = (enum tensor_form)index;
    return true;
}

bool answer_within_limits(const struct fields *fields, int64_t elems, size_t elem_bytes, int64_t steps,
                          int weight, const char *step_name) {
    const struct api_limits *limits = &fields->decode->context->limits;
    int64_t bytes;
    char each[64] = "";
    if (!checked_mul(elems, (int64_t)elem_bytes, &bytes))
        bytes = INT64_MAX;
    if (bytes > limits->max_output_bytes)
        return fields_refuse(fields, PROBLEM_LIMIT_EXCEEDED, "",
                             "the output would take %" PRId64 " bytes; the limit is %" PRId64
                             " (--max-output)",
                             bytes, limits->max_output_bytes);
    int64_t cost;
    if (!checked_mul(steps, weight, &cost))
        cost = INT64_MAX;
    if (cost <= limits->max_macs)
        return true;
    if (weight > 1)
        snprintf(each, sizeof each, ", each of which counts as %d: %" PRId64, weight, cost);
    return fields_refuse(fields, PROBLEM_LIMIT_EXCEEDED, "",
                         "the layer would take %" PRId64 " %s%s; the limit is %" PRId64 " (--max-macs)",
                         steps, step_name, each, limits->max_macs);
}

void answer_timed(struct decode *decode, double start_ms) {
    struct api_response *response = decode->response;
    response->timed = true;
    if (response->status != 200)
        response->decode_ms = answer_clock_ms() - start_ms;
}

bool answer_cancelled(const struct decode *decode) {
    const atomic_bool *cancelled = decode->request->cancelled;
    if (cancelled == NULL || !atomic_load(cancelled))
        return false;
    decode_refuse((struct decode *)(uintptr_t)decode, PROBLEM_DRAINING, NULL, "the request was cancelled");
    return true;
}

void answer_header(struct decode *decode, const char *name, const char *value) {
    struct api_response *response = decode->response;
    if (response->headers < API_MAX_HEADERS)
        response->header[response->headers++] = (struct api_header){name, value};
}

bool answer_text(struct decode *decode, const struct text *text) {
    if (text->failed)
        return decode_no_memory(decode);
    decode->response->status = 200;
    decode->response->content_type = "application/json";
    decode->response->body = text->data;
    decode->response->body_bytes = text->length;
    return true;
}

/* Empty lists cost text though they hold no elements: [1000000000, 0, 1] nested is 3 GB of brackets. */
static bool check_text(struct decode *decode, const struct tensor *output, size_t bound) {
    int64_t limit = decode->context->limits.max_output_bytes, elems;
    if (!shape_elems(&output->shape, &elems) || elems > 0 || bound < 65536 || bound <= (size_t)limit)
        return true;
    return decode_refuse(decode, PROBLEM_LIMIT_EXCEEDED, NULL,
                         "the output's empty lists would take %zu bytes of text; the limit is %" PRId64
                         " (--max-output): ask for \"format\": \"flat\"",
                         bound, limit);
}

bool answer_tensors(struct decode *decode, const struct tensor *output, const struct tensor *indices,
                    enum tensor_form form) {
    size_t bound, indices_bound = 0, total;
    if (!tensor_write_bound(output, form, &bound) ||
        (indices != NULL && !tensor_write_bound(indices, form, &indices_bound)) ||
        __builtin_add_overflow(bound, indices_bound, &total) || total > SIZE_MAX - 1024)
        return decode_no_memory(decode);
    if (!check_text(decode, output, bound))
        return false;
    const struct run_context context = {.workers = decode->context->workers, .slot = decode->slot};
    struct text text = text_open(decode->arena, total + 256);
    text_puts(&text, "{\"output\":");
    tensor_write(&text, output, form, &context);
    if (indices != NULL) {
        text_puts(&text, ",\"indices\":");
        tensor_write(&text, indices, form, &context);
    }
    text_puts(&text, ",\"shape\":");
    text_json_shape(&text, &output->shape);
    text_printf(&text, ",\"dtype\":\"%s\"}\n", dtype_name(output->dtype));
    return answer_text(decode, &text);
}

bool answer_computed(struct decode *decode, const struct answer_starts *starts, const struct tensor *output,
                     const struct tensor *indices, enum tensor_form form) {
    struct api_response *response = decode->response;
    double encode_start_ms = answer_clock_ms();
    if (answer_cancelled(decode) || !answer_tensors(decode, output, indices, form))
        return false;
    response->decode_ms = starts->compute_ms - starts->decode_ms;
    response->compute_ms = encode_start_ms - starts->compute_ms;
    response->encode_ms = answer_clock_ms() - encode_start_ms;
    return true;
}
