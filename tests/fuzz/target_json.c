/*
 * Target: the reader of JSON documents and of the tensors in them.
 *
 * Each text is read as an endpoint reads it, on every level of kernels and flush against an unmapped page, and held
 * against the reference parser (reference_json.h), whose grammar is held against jansson, and the reference tensors
 * (reference_tensor.h), whose numbers are glibc's. What one level answers, bytes of tensors and words of refusals, every
 * other answers too.
 */
#include "tests/fuzz/draw.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/on_worker.h"
#include "tests/fuzz/reference_tensor.h"

#include "api/decode/tensor_field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const tensor_fields[] = {"input", "weight", "bias", NULL};

enum { FIELDS = 3, MODES = 4 };

/* The dtype that a tensor without one is read in, and the one that is asked for. */
static const struct mode {
    enum dtype own, dtype;
} modes[MODES] = {{DTYPE_FLOAT32, DTYPE_FLOAT32},
                  {DTYPE_FLOAT64, DTYPE_FLOAT64},
                  {DTYPE_FLOAT64, DTYPE_FLOAT32},
                  {DTYPE_FLOAT32, DTYPE_FLOAT64}};

/* Longer texts are read on several threads. */
enum { LONG_BYTES = 1 << 15 };

/* ---- what the reader says ---- */

/* One answer after the other, as bytes: so levels can be compared. */
struct record {
    char *data;
    size_t bytes, capacity;
};

static void record_put(struct record *record, const void *data, size_t bytes) {
    if (record->capacity - record->bytes < bytes) {
        record->capacity = 2 * (record->capacity + bytes);
        record->data = realloc(record->data, record->capacity);
        if (record->data == NULL)
            abort();
    }
    if (bytes > 0)
        memcpy(record->data + record->bytes, data, bytes);
    record->bytes += bytes;
}

/* A refusal as the wire has it. */
struct refusal {
    int status;
    char problem[64], pointer[400], detail[600];
};

static void copy_member(const json_t *body, const char *name, char *out, size_t capacity) {
    const char *value = json_string_value(json_object_get(body, name));
    snprintf(out, capacity, "%s", value != NULL ? value : "");
}

static struct refusal refusal_of(const struct api_response *response) {
    struct refusal refusal = {.status = response->status};
    json_t *body = json_loadb(response->body, response->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_CHECK(body != NULL, "a refusal is no JSON: %.*s", (int)response->body_bytes, response->body);
    snprintf(refusal.problem, sizeof refusal.problem, "%s", response->problem);
    copy_member(body, "pointer", refusal.pointer, sizeof refusal.pointer);
    copy_member(body, "detail", refusal.detail, sizeof refusal.detail);
    json_decref(body);
    return refusal;
}

/* What is expected of the text. */
struct expected {
    struct ref_json json;
    struct ref_tensor tensor[FIELDS];
    json_t *tree; /* jansson's of the text with everything left out that it does not take; or NULL */
    bool mode_used[MODES];
    void *values[FIELDS][MODES];
    int64_t read[FIELDS][MODES]; /* what ref_tensor_read said */
};

/* ---- broken texts ---- */

static bool is(const struct refusal *refusal, enum problem problem) {
    return strcmp(refusal->problem, problem_name(problem)) == 0;
}

/* The offset that "… at line 2, column 5" at the end of `detail` stands for; SIZE_MAX when there is none such. */
static size_t told_offset(const struct ref_json *json, const char *detail) {
    const char *words = NULL;
    size_t line, column, at = 0;
    for (const char *c = detail; (c = strstr(c, " at line ")) != NULL; c++)
        words = c;
    if (words == NULL || sscanf(words, " at line %zu, column %zu", &line, &column) != 2)
        return SIZE_MAX;
    for (; line > 1; line--) {
        const char *feed = memchr(json->text + at, '\n', json->bytes - at);
        if (feed == NULL)
            return SIZE_MAX;
        at = (size_t)(feed - json->text) + 1;
    }
    return at + column - 1;
}

/* Broken is told before anything else, at the first byte that cannot stand there or at its token's first. */
static void expect_broken(const struct ref_json *json, const struct refusal *refusal) {
    bool utf8 = json->bad_utf8 < SIZE_MAX || (json->bytes >= 3 && memcmp(json->text, "\xef\xbb\xbf", 3) == 0);
    bool deep = json->verdict == REF_TOO_DEEP;
    FUZZ_CHECK(is(refusal, deep ? PROBLEM_NESTING_TOO_DEEP : PROBLEM_MALFORMED_JSON) ||
                   (utf8 && is(refusal, PROBLEM_MALFORMED_UTF8)) || json->unclear,
               "%s at byte %zu is told as %s: %s", deep ? "nested too deeply" : "broken", json->fault,
               refusal->problem, refusal->detail);
    size_t told = told_offset(json, refusal->detail);
    FUZZ_CHECK(
        (told >= json->token && told <= json->fault) || (utf8 && told == json->bad_utf8) || json->unclear,
        "broken in bytes %zu to %zu, told at %zu: %s", json->token, json->fault, told, refusal->detail);
}

/* ---- well-formed documents ---- */

/* Whether the contract's order of refusals says what becomes of the document as a whole. */
static bool expect_document(const struct ref_json *json, const struct refusal *refusal, bool opened) {
    char pointer[400];
    if (json->repeated) {
        FUZZ_CHECK(!opened && is(refusal, PROBLEM_REPEATED_KEY), "a repeated key is told as %s: %s",
                   refusal->problem, refusal->detail);
        return false;
    }
    if (json->unfit >= 0) {
        const struct ref_node *node = &json->nodes[json->unfit];
        FUZZ_CHECK(!opened && is(refusal, node->kind == REF_NUMBER ? PROBLEM_NUMBER_OUT_OF_RANGE
                                                                   : PROBLEM_INVALID_VALUE),
                   "a value that nothing takes is told as %s: %s", refusal->problem, refusal->detail);
        FUZZ_CHECK(!ref_json_pointer(json, json->unfit, pointer, 300) ||
                       strcmp(pointer, refusal->pointer) == 0,
                   "%s is told at %s: %s", pointer, refusal->pointer, refusal->detail);
        return false;
    }
    if (json->nodes[0].kind != REF_OBJECT) {
        FUZZ_CHECK(!opened && is(refusal, PROBLEM_NOT_AN_OBJECT), "no object is told as %s: %s",
                   refusal->problem, refusal->detail);
        return false;
    }
    FUZZ_CHECK(opened, "a document is refused: %s: %s", refusal->problem, refusal->detail);
    return true;
}

/* Whether jansson's tree of that member is the reader's, or the reader may have shortened it. */
static bool comparable(const struct ref_json *json, int member) {
    const struct ref_node *nodes = json->nodes;
    if (nodes[member].end - nodes[member].begin > SCAN_LONG_VALUE_BYTES || nodes[member].place != REF_PLAIN)
        return false;
    for (int i = member; i < json->count && nodes[i].begin < nodes[member].end; i++) {
        if (nodes[i].place == REF_UNCLEAR)
            return false;
    }
    return true;
}

/* What is no tensor is jansson's. */
static void expect_plain_members(const struct expected *expected, const json_t *root) {
    const struct ref_json *json = &expected->json;
    for (int i = json->nodes[0].first_child; i >= 0; i = json->nodes[i].next) {
        const char *key = json->nodes[i].key;
        FUZZ_CHECK(key == NULL || !comparable(json, i) ||
                       json_equal(json_object_get(root, key), json_object_get(expected->tree, key)),
                   "the value of '%s' is another than jansson's", key);
    }
    FUZZ_CHECK(json_object_size(root) == json_object_size(expected->tree),
               "the document has %zu members, not %zu", json_object_size(root),
               json_object_size(expected->tree));
}

/* ---- tensors ---- */

static void expect_pointer(const struct ref_json *json, int node, const struct refusal *refusal) {
    char pointer[400];
    FUZZ_CHECK(!ref_json_pointer(json, node, pointer, 300) || strcmp(pointer, refusal->pointer) == 0,
               "what is wrong is at %s, told at %s: %s", pointer, refusal->pointer, refusal->detail);
}

static void expect_refused_tensor(const struct expected *expected, int field, const struct refusal *refusal) {
    const struct ref_tensor *tensor = &expected->tensor[field];
    FUZZ_CHECK(refusal->status == 422 || refusal->status == 413, "%s is refused with %d: %s",
               tensor_fields[field], refusal->status, refusal->detail);
    if (tensor->culprit >= 0)
        expect_pointer(&expected->json, tensor->culprit, refusal);
}

static void expect_unreadable(const struct expected *expected, int field, int64_t bad,
                              const struct refusal *refusal) {
    const struct ref_tensor *tensor = &expected->tensor[field];
    FUZZ_CHECK(is(refusal, bad < 0 ? PROBLEM_INVALID_TENSOR : PROBLEM_NUMBER_OUT_OF_RANGE),
               "%s cannot be read (%" PRId64 "), told as %s: %s", tensor_fields[field], bad, refusal->problem,
               refusal->detail);
    if (bad >= 0 && tensor->leaves != NULL)
        expect_pointer(&expected->json, tensor->leaves[bad], refusal);
}

static void expect_value(const struct expected *expected, int field, int64_t i, double got, double wanted) {
    const struct ref_tensor *tensor = &expected->tensor[field];
    const struct ref_node *node = tensor->leaves != NULL ? &expected->json.nodes[tensor->leaves[i]] : NULL;
    bool same = isnan(wanted) ? isnan(got) : got == wanted && signbit(got) == signbit(wanted);
    FUZZ_CHECK(same, "element %" PRId64 " of %s, %.*s, is read as %a and is %a", i, tensor_fields[field],
               node != NULL ? (int)(node->end - node->begin) : 6,
               node != NULL ? expected->json.text + node->begin : "base64", got, wanted);
}

static void expect_values(const struct expected *expected, int field, int mode, const struct tensor *tensor) {
    const struct ref_tensor *wanted = &expected->tensor[field];
    bool same = tensor->shape.rank == wanted->rank && tensor->dtype == modes[mode].dtype;
    for (int i = 0; same && i < wanted->rank; i++)
        same = tensor->shape.dim[i] == wanted->dim[i];
    char shape[SHAPE_TEXT_BYTES];
    FUZZ_CHECK(same, "%s has the shape %s", tensor_fields[field], shape_text(&tensor->shape, shape));
    for (int64_t i = 0; i < wanted->elems; i++) {
        const void *values = expected->values[field][mode];
        if (tensor->dtype == DTYPE_FLOAT64)
            expect_value(expected, field, i, ((double *)tensor->data)[i], ((const double *)values)[i]);
        else
            expect_value(expected, field, i, (double)((float *)tensor->data)[i],
                         (double)((const float *)values)[i]);
    }
}

/* ---- a run ---- */

/* The text on one level. Only the first level is held against what is expected; the others against the first. */
struct run {
    const struct expected *expected;
    struct decode begin, decode; /* as they are before a document is opened, and now */
    struct api_response response;
    struct record record;
    bool first, broken;
    bool spent; /* something of the document was refused */
};

/* After a refusal: notes it, and when the text is broken that it was told. */
static struct refusal refused(struct run *run) {
    struct refusal refusal = refusal_of(&run->response);
    run->spent = true;
    record_put(&run->record, run->response.body, run->response.body_bytes);
    if (run->broken && run->first)
        expect_broken(&run->expected->json, &refusal);
    return refusal;
}

/* Opens and reads a field; false when it was refused. */
static bool read_field(struct run *run, int field, const struct mode *mode, struct tensor *tensor,
                       bool *present) {
    struct fields fields = {.decode = &run->decode, .object = run->decode.document.root, .pointer = ""};
    struct tensor_field opened;
    *tensor = (struct tensor){0};
    return tensor_field_open(&fields, tensor_fields[field], mode->own, field == 2, &opened, present) &&
           (!*present || tensor_field_read(&fields, tensor_fields[field], &opened, mode->dtype, tensor));
}

static void record_tensor(struct run *run, const struct tensor *tensor) {
    int64_t elems;
    shape_elems(&tensor->shape, &elems);
    record_put(&run->record, &tensor->shape.rank, sizeof tensor->shape.rank);
    record_put(&run->record, tensor->shape.dim, (size_t)tensor->shape.rank * sizeof tensor->shape.dim[0]);
    record_put(&run->record, tensor->data, (size_t)elems * dtype_bytes(tensor->dtype));
}

/* Reads a field of a document that nothing was refused of yet, and holds it against what is expected. */
static void check_field(struct run *run, int field, int mode) {
    const struct expected *expected = run->expected;
    const struct ref_tensor *wanted = &expected->tensor[field];
    struct tensor tensor;
    bool present, read = read_field(run, field, &modes[mode], &tensor, &present);
    struct refusal refusal = {0};
    if (!read)
        refusal = refused(run);
    else if (present)
        record_tensor(run, &tensor);
    FUZZ_CHECK(!read || !run->broken || field != expected->json.fault_field, "%s is broken and was read",
               tensor_fields[field]);
    if (run->broken || !run->first || expected->json.unclear)
        return;
    if (wanted->present && wanted->refused) {
        FUZZ_CHECK(!read, "%s is no tensor and was read", tensor_fields[field]);
        expect_refused_tensor(expected, field, &refusal);
    } else if (wanted->present && expected->read[field][mode] < wanted->elems) {
        FUZZ_CHECK(!read, "%s cannot be read and was", tensor_fields[field]);
        expect_unreadable(expected, field, expected->read[field][mode], &refusal);
    } else {
        FUZZ_CHECK(read, "%s is refused: %s %s", tensor_fields[field], refusal.pointer, refusal.detail);
        FUZZ_CHECK(present == wanted->present, "%s is %s", tensor_fields[field],
                   present ? "there" : "missed");
        if (present)
            expect_values(expected, field, mode, &tensor);
    }
}

/* A refusal looks at the document more closely than reading does; so what comes after one begins anew. */
static bool open_document(struct run *run) {
    document_close(&run->decode.document);
    run->decode = run->begin;
    run->spent = false;
    return decode_request(&run->decode, tensor_fields);
}

static void open_again(struct run *run) {
    FUZZ_CHECK(!run->spent || open_document(run), "a document opens once and not again");
}

/* Where every tensor was read, the text was proven; what else may be in it is proven by refusing it for something
 * else. */
static void check_proof(struct run *run) {
    open_again(run);
    decode_refuse(&run->decode, PROBLEM_METHOD_NOT_ALLOWED, NULL, "nothing else was wrong");
    struct refusal refusal = refused(run);
    FUZZ_CHECK(run->broken || run->expected->json.unclear || is(&refusal, PROBLEM_METHOD_NOT_ALLOWED),
               "a document that was read is no JSON: %s", refusal.detail);
}

static void check_text(struct run *run) {
    const struct ref_json *json = &run->expected->json;
    bool opened = open_document(run);
    struct refusal refusal = {0};
    if (!opened)
        refusal = refused(run);
    if (!run->broken && run->first && !json->unclear && expect_document(json, &refusal, opened))
        expect_plain_members(run->expected, run->decode.document.root);
    for (int mode = 0; opened && mode < MODES; mode++) {
        for (int field = 0; field < FIELDS && run->expected->mode_used[mode]; field++) {
            open_again(run);
            check_field(run, field, mode);
        }
    }
    if (opened)
        check_proof(run);
}

/* ---- what is expected ---- */

/* The text as jansson takes it: without what it does not know or cannot hold. */
static json_t *parse_with_jansson(const struct ref_json *json, json_error_t *error) {
    struct record text = {0};
    size_t at = 0;
    for (int i = 0; i < json->count; i++) {
        const struct ref_node *node = &json->nodes[i];
        bool lost = node->kind == REF_WORD || node->unfit || node->infinite;
        char key[40];
        if (node->key_end > 0 && node->key == NULL) {
            record_put(&text, json->text + at, node->key_begin - at);
            record_put(&text, key, (size_t)snprintf(key, sizeof key, "\"\\u001a\\u001a%d\"", i));
            at = node->key_end;
        }
        if (lost) {
            record_put(&text, json->text + at, node->begin - at);
            record_put(&text, "0", 1);
            at = node->end;
        }
    }
    record_put(&text, json->text + at, json->bytes - at);
    json_t *tree = json_loadb(text.data, text.bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, error);
    free(text.data);
    return tree;
}

/* The reference agrees with jansson about the grammar. (jansson stops at a NUL and nests deeper.) */
static void check_grammar(struct expected *expected) {
    const struct ref_json *json = &expected->json;
    json_error_t error = {.line = 0};
    if (json->verdict == REF_TOO_DEEP || memchr(json->text, '\0', json->bytes) != NULL)
        return;
    if (json->verdict == REF_BROKEN) {
        json_t *tree = json_loadb(json->text, json->bytes, JSON_DECODE_ANY, &error);
        FUZZ_CHECK(tree == NULL, "jansson takes what the reference finds broken at byte %zu", json->fault);
        return;
    }
    expected->tree = parse_with_jansson(json, &error);
    bool repeated = expected->tree == NULL && json_error_code(&error) == json_error_duplicate_key;
    FUZZ_CHECK(expected->tree != NULL || repeated, "jansson refuses what the reference finds well formed: %s",
               error.text);
    FUZZ_CHECK(json->unclear || repeated == json->repeated, "jansson finds a key %s",
               repeated ? "repeated" : "once");
}

static void expect_tensors(struct expected *expected, uint64_t hash) {
    const struct ref_json *json = &expected->json;
    bool object = json->verdict == REF_WELL_FORMED && json->nodes[0].kind == REF_OBJECT;
    for (int mode = 0; mode < MODES; mode++)
        expected->mode_used[mode] = mode < 2 || hash % 4 == (uint64_t)mode;
    for (int field = 0; field < FIELDS; field++) {
        struct ref_tensor *tensor = &expected->tensor[field];
        if (object)
            ref_tensor_open(tensor, json, ref_json_member(json, 0, tensor_fields[field]), field == 2);
        for (int mode = 0; mode < MODES && tensor->present && !tensor->refused; mode++) {
            expected->read[field][mode] = -1;
            if ((size_t)tensor->elems > json->bytes) /* of base64 that is too short */
                continue;
            void *values = malloc((size_t)tensor->elems * sizeof(double) + 1);
            expected->values[field][mode] = values;
            expected->read[field][mode] = ref_tensor_read(tensor, json, modes[mode].own == DTYPE_FLOAT64,
                                                          modes[mode].dtype == DTYPE_FLOAT64, values);
        }
    }
}

static void forget(struct expected *expected) {
    for (int field = 0; field < FIELDS; field++) {
        for (int mode = 0; mode < MODES; mode++)
            free(expected->values[field][mode]);
        ref_tensor_close(&expected->tensor[field]);
    }
    json_decref(expected->tree);
    ref_json_close(&expected->json);
}

/* ---- the target ---- */

static struct fence fence;
static atomic_bool draining;

/* The text and the NUL behind it, against the page at one end. */
static const char *place(const char *text, size_t bytes, bool at_end) {
    char *body = at_end ? fence.end - bytes - 1 : fence.begin;
    memcpy(body, text, bytes);
    body[bytes] = '\0';
    return body;
}

struct task {
    const struct expected *expected;
    uint64_t hash;
    struct workers *workers;
};

static struct record run_level(const struct task *task, int slot, int level, bool first) {
    const struct ref_json *json = &task->expected->json;
    struct budget budget = {.limit_bytes = SIZE_MAX};
    struct arena arena = {.budget = &budget};
    struct api_context context = {.limits = {.max_document_bytes = INT64_MAX / 2},
                                  .workers = task->workers,
                                  .budget = &budget,
                                  .draining = &draining};
    struct api_request request = {
        .method = "POST", .path = "/conv2d", .content_length = -1, .has_body = true};
    struct run run = {.expected = task->expected, .first = first, .broken = json->verdict != REF_WELL_FORMED};
    request.body = place(json->text, json->bytes, (task->hash >> 8 ^ (uint64_t)level) & 1);
    request.body_bytes = json->bytes;
    run.begin = (struct decode){.context = &context,
                                .request = &request,
                                .response = &run.response,
                                .arena = &arena,
                                .slot = slot,
                                .media = MEDIA_JSON};
    check_text(&run);
    document_close(&run.decode.document);
    arena_release(&arena);
    FUZZ_CHECK(atomic_load(&budget.used_bytes) == 0, "%zu bytes stay charged",
               atomic_load(&budget.used_bytes));
    return run.record;
}

static void run_levels(void *argument, int slot) {
    const struct task *task = argument;
    struct record first = {0};
    for (int level = 0; fuzz_levels()[level] != NULL; level++) {
        fuzz_use_level(fuzz_levels()[level]);
        struct record record = run_level(task, slot, level, level == 0);
        if (level == 0) {
            first = record;
            continue;
        }
        FUZZ_CHECK(record.bytes == first.bytes && memcmp(record.data, first.data, first.bytes) == 0,
                   "%s answers otherwise than portable:\n%.*s\n%.*s", fuzz_levels()[level], (int)record.bytes,
                   record.data, (int)first.bytes, first.data);
        free(record.data);
    }
    free(first.data);
}

static void check(const uint8_t *data, size_t bytes) {
    struct expected expected = {.tree = NULL};
    char *text = malloc(bytes + 1);
    if (bytes > 0)
        memcpy(text, data, bytes);
    text[bytes] = '\0';
    struct task task = {.expected = &expected, .hash = fuzz_hash(data, bytes)};
    ref_json_open(&expected.json, text, bytes, tensor_fields);
    check_grammar(&expected);
    expect_tensors(&expected, task.hash);
    if (expected.json.repeated && bytes > SCAN_LONG_VALUE_BYTES)
        expected.json.unclear = true; /* the reader does not look into long values */
    if (bytes > LONG_BYTES)
        on_worker(run_levels, &task, &task.workers);
    else
        run_levels(&task, 0);
    forget(&expected);
    free(text);
}

static void start(void) {
    fence = fence_make(FUZZ_MAX_BYTES + 1);
    api_init();
}

const struct fuzz_target fuzz_target = {
    .name = "json",
    .runs = 10000,
    .tokens = draw_tokens,
    .start = start,
    .draw = draw_document,
    .check = check,
};
