/*
 * The service itself: what there is, how it is, which version.
 */
#include "api/endpoints/answer.h"
#include "api/endpoints/endpoints.h"
#include "api/problem_page.h"
#include "lib/conv/blas.h"
#include "lib/conv/conv.h"
#include "lib/kernels/kernels.h"
#include "lib/version.h"

#include <inttypes.h>
#include <string.h>

/* The page for whoever asks for one; a tool gets a list. */
void endpoint_index(struct decode *decode) {
    if (decode->answer == MEDIA_HTML) {
        endpoint_file(decode);
        return;
    }
    struct text text = text_open(decode->arena, 1024);
    text_puts(
        &text,
        "{\"name\":\"convd\",\"version\":\"" CONVD_VERSION "\","
        "\"description\":\"2-D convolutions and poolings over HTTP, with PyTorch's semantics\","
        "\"endpoints\":{"
        "\"GET /\":\"the playground for a browser, this list for others\","
        "\"GET /docs\":\"the reference, for people\","
        "\"GET /openapi.json\":\"the same for tools, as OpenAPI 3.1\","
        "\"POST /conv2d\":\"2-D convolution of input and weight\","
        "\"POST /pool2d\":\"max, average, lp and adaptive pooling\","
        "\"POST /shape\":\"output sizes of a layer or a chain, without data\","
        "\"GET /shape\":\"the same for one layer, from the query\","
        "\"GET /livez\":\"whether the process lives\","
        "\"GET /readyz\":\"whether it takes requests\","
        "\"GET /healthz\":\"the same as /livez\","
        "\"GET /version\":\"version, kernels, threads and limits\","
        "\"GET /problems/{name}\":\"what an error type means\"},"
        "\"example\":\"curl http://HOST:PORT/conv2d --json "
        "'{\\\"input\\\": [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], \\\"weight\\\": [[[[1, 0], [0, 1]]]]}'\"}\n");
    answer_text(decode, &text);
}

static void answer_state(struct decode *decode, const char *state) {
    struct text text = text_open(decode->arena, 64);
    text_printf(&text, "{\"status\":\"%s\"}\n", state);
    answer_text(decode, &text);
}

void endpoint_health(struct decode *decode) {
    answer_state(decode, "ok");
}

void endpoint_ready(struct decode *decode) {
    if (atomic_load(decode->context->draining))
        decode_refuse(decode, PROBLEM_DRAINING, NULL, "the server is shutting down");
    else
        answer_state(decode, "ready");
}

void endpoint_version(struct decode *decode) {
    const struct api_limits *limits = &decode->context->limits;
    struct text text = text_open(decode->arena, 1024);
    text_puts(&text, "{\"name\":\"convd\",\"version\":\"" CONVD_VERSION "\",\"build\":{\"compiler\":");
    text_json_string(&text, __VERSION__);
    text_puts(&text, ",\"blas\":");
    text_json_string(&text, blas_description());
    text_puts(&text, "},\"kernels\":");
    text_json_string(&text, kernels_get()->name);
    text_printf(&text, ",\"bfloat16\":%s", kernels_bf16(kernels_get()) != NULL ? "true" : "false");
    text_puts(&text, ",\"precision\":");
    text_json_string(&text, conv_precision_name(decode->context->precision));
    text_printf(&text, ",\"threads\":%d,\"limits\":{", workers_slots(decode->context->workers));
    text_printf(&text, "\"max_body\":%" PRId64 ",\"max_document\":%" PRId64 ",\"max_output\":%" PRId64,
                limits->max_body_bytes, limits->max_document_bytes, limits->max_output_bytes);
    text_printf(&text, ",\"max_macs\":%" PRId64 ",\"max_queue\":%" PRId64 ",\"body_timeout_ms\":%" PRId64,
                limits->max_macs, limits->max_queue, limits->body_timeout_ms);
    text_printf(&text, ",\"memory_budget\":%" PRId64 "}}\n", limits->memory_bytes);
    answer_text(decode, &text);
}

static void answer_problem_page(struct decode *decode, enum problem problem) {
    struct text text = text_open(decode->arena, 8192);
    problem_page(&text, problem, decode->context->site);
    if (!answer_text(decode, &text))
        return;
    decode->response->content_type = "text/html; charset=utf-8";
    answer_header(decode, "Cache-Control", "no-cache");
    endpoint_page_headers(decode);
}

void endpoint_problem(struct decode *decode) {
    const char *name = decode->request->path + strlen("/problems/");
    enum problem problem;
    if (decode->answer == MEDIA_HTML && problem_find(name, &problem))
        answer_problem_page(decode, problem);
    else
        problem_describe(decode->arena, decode->request, name, decode->response);
}
