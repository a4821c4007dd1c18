#include "api/endpoints/answer.h"

#include "lib/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double answer_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Forms of an answer that hold the output and nothing else. */
static bool holds_indices(enum media media) {
    return media == MEDIA_JSON || pack_holds_several(media);
}

static unsigned holding_indices(unsigned answers) {
    unsigned holding = 0;
    for (int i = 0; i < MEDIA_END; i++) {
        if (media_in((enum media)i, answers) && holds_indices((enum media)i))
            holding |= 1u << i;
    }
    return holding;
}

/*
 * Indices were asked for: an answer that silently lacked them would be taken for one that has them. So Accept chooses
 * again among the forms that hold both tensors; the request is sound, so it is Accept that is refused, with 406.
 */
static bool choose_for_indices(struct decode *decode, enum media *media) {
    unsigned holding = holding_indices(decode->answers);
    *media = media_negotiate(decode->request->accept, holding);
    if (*media != MEDIA_NONE)
        return true;
    return decode_refuse(
        decode, PROBLEM_NOT_ACCEPTABLE, NULL,
        "Accept is '%.80s', which holds one tensor, but return_indices asks for two; this endpoint "
        "answers with both in %s",
        decode->request->accept, media_names(decode->arena, holding));
}

/* A field that the answer does not use is refused, as everywhere: who sent it expects something else. */
static bool refuse_unused(const struct fields *fields, const char *name, const char *of, enum media media) {
    return fields_refuse(fields, PROBLEM_UNKNOWN_FIELD, name,
                         "%s is given, which goes with an answer in %s only, but Accept asks for %s", name,
                         of, media_type(media));
}

/* lo,hi: two finite numbers, the first below the second. */
static bool read_bounds(const struct fields *fields, const json_t *bounds, struct picture_range *range) {
    range->fixed = true;
    range->lo = json_number_value(json_array_get(bounds, 0));
    range->hi = json_number_value(json_array_get(bounds, 1));
    return range->lo < range->hi ||
           fields_refuse(fields, PROBLEM_INVALID_VALUE, "range",
                         "range is %.17g,%.17g; its first number must be less than its second", range->lo,
                         range->hi);
}

/* "auto", or black and white. (JSON has no numbers that are not finite.) */
static bool read_range(const struct fields *fields, struct picture_range *range) {
    const json_t *value = fields_get(fields, "range");
    const char *word = json_string_value(value);
    if (value == NULL || (word != NULL && strcmp(word, "auto") == 0))
        return true;
    if (json_array_size(value) == 2 && json_is_number(json_array_get(value, 0)) &&
        json_is_number(json_array_get(value, 1)))
        return read_bounds(fields, value, range);
    return fields_refuse(
        fields, PROBLEM_WRONG_TYPE, "range",
        "range must be auto or two finite numbers, which become black and white (range=0,1)");
}

bool answer_choose(const struct fields *fields, enum tensor_form form, bool indices, struct answer *answer) {
    static const char *const names[] = {"nested", "flat", "base64", NULL};
    int index = (int)form;
    answer->media = fields->decode->answer;
    if (!fields_choice(fields, "format", names, &index) ||
        (indices && !choose_for_indices(fields->decode, &answer->media)))
        return false;
    answer->form = (enum tensor_form)index;
    if (answer->media != MEDIA_JSON && fields_has(fields, "format"))
        return refuse_unused(fields, "format", media_type(MEDIA_JSON), answer->media);
    if (answer->media != MEDIA_PNG && fields_has(fields, "range"))
        return refuse_unused(fields, "range", media_type(MEDIA_PNG), answer->media);
    return read_range(fields, &answer->range);
}

bool answer_fits(const struct fields *fields, const struct answer *answer, const struct shape *shape) {
    struct form_refusal refusal;
    if (answer->media != MEDIA_PNG ||
        picture_write_check(shape, fields->decode->context->limits.max_output_bytes, &refusal))
        return true;
    return fields_refuse(fields, refusal.problem, "", "%s", refusal.detail);
}

/* A tensor of its own. */
static bool make(struct decode *decode, struct tensor *tensor) {
    int64_t elems = 0;
    size_t bytes;
    if (!shape_elems(&tensor->shape, &elems) || !checked_bytes(elems, dtype_bytes(tensor->dtype), &bytes))
        return decode_no_memory(decode);
    tensor->data = decode_alloc(decode, bytes, "the output");
    return tensor->data != NULL;
}

/* The tensors' places in a file. */
static bool make_file(struct decode *decode, bool indices, struct answer *answer) {
    struct packing *packing = &answer->packing;
    *packing = (struct packing){.media = answer->media,
                                .count = indices ? 2 : 1,
                                .name = {"output", "indices"},
                                .tensor = {answer->output, answer->indices}};
    if (!pack_plan(packing))
        return decode_no_memory(decode);
    answer->body = decode_alloc(decode, packing->bytes, "the output");
    if (answer->body == NULL)
        return false;
    answer->output.data = answer->body + packing->data_at[0];
    if (indices)
        answer->indices.data = answer->body + packing->data_at[1];
    return true;
}

bool answer_open(struct decode *decode, enum dtype dtype, const struct shape *shape, bool indices,
                 struct answer *answer) {
    answer->output = (struct tensor){.dtype = dtype, .shape = *shape};
    answer->indices = (struct tensor){.dtype = DTYPE_INT64, .shape = *shape};
    if (pack_takes(answer->media))
        return make_file(decode, indices, answer);
    return make(decode, &answer->output) && (!indices || make(decode, &answer->indices));
}

bool answer_within_limits(const struct fields *fields, int64_t elems, size_t elem_bytes,
                          const struct answer_work *work) {
    const struct api_limits *limits = &fields->decode->context->limits;
    int64_t bytes;
    char each[64] = "", beside[128] = "";
    if (!checked_mul(elems, (int64_t)elem_bytes, &bytes))
        bytes = INT64_MAX;
    if (bytes > limits->max_output_bytes)
        return fields_refuse(fields, PROBLEM_LIMIT_EXCEEDED, "",
                             "the output would take %" PRId64 " bytes; the limit is %" PRId64
                             " (--max-output)",
                             bytes, limits->max_output_bytes);
    int64_t cost, total;
    if (!checked_mul(work->steps, work->weight, &cost))
        cost = INT64_MAX;
    if (!checked_add(cost, work->beside, &total))
        total = INT64_MAX;
    if (total <= limits->max_macs)
        return true;
    if (work->weight > 1)
        snprintf(each, sizeof each, ", each of which counts as %d: %" PRId64, work->weight, cost);
    if (cost <= limits->max_macs)
        snprintf(beside, sizeof beside, ", and %s count as %" PRId64 " more", work->beside_name,
                 work->beside);
    return fields_refuse(fields, PROBLEM_LIMIT_EXCEEDED, "",
                         "the layer would take %" PRId64 " %s%s%s; the limit is %" PRId64 " (--max-macs)",
                         work->steps, work->name, each, beside, limits->max_macs);
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

/* {"output": …, "indices": …, "shape": …, "dtype": …} */
static bool write_json(struct decode *decode, const struct answer *answer) {
    const struct tensor *output = &answer->output,
                        *indices = answer->indices.data != NULL ? &answer->indices : NULL;
    size_t bound, indices_bound = 0, total;
    if (!tensor_write_bound(output, answer->form, &bound) ||
        (indices != NULL && !tensor_write_bound(indices, answer->form, &indices_bound)) ||
        __builtin_add_overflow(bound, indices_bound, &total) || total > SIZE_MAX - 1024)
        return decode_no_memory(decode);
    if (!check_text(decode, output, bound))
        return false;
    const struct run_context context = {.workers = decode->context->workers, .slot = decode->slot};
    struct text text = text_open(decode->arena, total + 256);
    if (text.failed)
        return decode_no_memory_for(decode, "the answer's text");
    text_puts(&text, "{\"output\":");
    tensor_write(&text, output, answer->form, &context);
    if (indices != NULL) {
        text_puts(&text, ",\"indices\":");
        tensor_write(&text, indices, answer->form, &context);
    }
    text_puts(&text, ",\"shape\":");
    text_json_shape(&text, &output->shape);
    text_puts(&text, ",\"dtype\":\"");
    text_puts(&text, dtype_name(output->dtype));
    text_puts(&text, "\"}\n");
    return answer_text(decode, &text);
}

/* 1,6,30,30 */
static const char *header_shape(struct arena *arena, const struct shape *shape) {
    struct text text = text_open(arena, 128);
    for (int i = 0; i < shape->rank; i++)
        text_printf(&text, "%s%" PRId64, i > 0 ? "," : "", shape->dim[i]);
    text_add(&text, "", 1);
    return text.failed ? NULL : text.data;
}

static bool write_file(struct decode *decode, struct answer *answer) {
    struct api_response *response = decode->response;
    if (answer->media == MEDIA_RAW) {
        const char *shape = header_shape(decode->arena, &answer->output.shape);
        if (shape == NULL)
            return decode_no_memory(decode);
        answer_header(decode, "X-Tensor-Shape", shape);
        answer_header(decode, "X-Tensor-Dtype", dtype_name(answer->output.dtype));
    }
    pack_finish(&answer->packing, answer->body);
    response->status = 200;
    response->content_type = media_type(answer->media);
    response->body = (const char *)answer->body;
    response->body_bytes = answer->packing.bytes;
    return true;
}

static bool write_picture(struct decode *decode, const struct answer *answer) {
    struct api_response *response = decode->response;
    struct form_refusal refusal;
    unsigned char *body;
    if (!picture_write(&answer->output, &answer->range, decode->arena, decode->request->cancelled, &body,
                       &response->body_bytes, &refusal))
        return decode_refuse(decode, refusal.problem, NULL, "%s", refusal.detail);
    response->status = 200;
    response->content_type = media_type(MEDIA_PNG);
    response->body = (const char *)body;
    return true;
}

static bool write_answer(struct decode *decode, struct answer *answer) {
    if (answer->media == MEDIA_PNG)
        return write_picture(decode, answer);
    return answer->body != NULL ? write_file(decode, answer) : write_json(decode, answer);
}

bool answer_computed(struct decode *decode, const struct answer_starts *starts, struct answer *answer) {
    struct api_response *response = decode->response;
    double encode_start_ms = answer_clock_ms();
    if (answer_cancelled(decode) || !write_answer(decode, answer))
        return false;
    response->decode_ms = starts->compute_ms - starts->decode_ms;
    response->compute_ms = encode_start_ms - starts->compute_ms;
    response->encode_ms = answer_clock_ms() - encode_start_ms;
    return true;
}
