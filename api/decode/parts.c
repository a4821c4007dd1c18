/*
 * multipart/form-data: parts named as tensors are npy, PNG, JPEG or JSON, by their content; the others are parameters,
 * written as in a query.
 */
#include "api/decode/decode.h"
#include "api/forms/multipart.h"
#include "api/forms/npy.h"
#include "api/forms/picture_tensor.h"
#include "api/json/utf8.h"

#include <inttypes.h>
#include <string.h>

/* It reads its text with a document of its own; everything else it shares with the request. */
struct decode_part {
    const char *name;
    struct decode decode;
    struct decode_part *next;
};

struct decode *decode_of_part(const struct decode *decode, const char *name) {
    for (struct decode_part *part = decode->parts; part != NULL; part = part->next) {
        if (strcmp(part->name, name) == 0)
            return &part->decode;
    }
    return NULL;
}

void decode_close(struct decode *decode) {
    for (struct decode_part *part = decode->parts; part != NULL; part = part->next)
        document_close(&part->decode.document);
    decode->parts = NULL;
    document_close(&decode->document);
}

/* ---- what a part is ---- */

enum content { CONTENT_TEXT, CONTENT_JSON, CONTENT_NPY, CONTENT_PICTURE, CONTENT_NPZ, CONTENT_OTHER };

/* Where a part is no text, but for a byte order mark; NULL where it is. */
static const char *no_text(const struct multipart_part *part) {
    for (const char *at = part->data, *end = at + part->bytes; at < end;) {
        size_t bytes = *at != '\0' ? utf8_sequence_bytes(at, end) : 0;
        if (bytes == 0)
            return at;
        at += bytes;
    }
    return NULL;
}

static bool begins_with(const struct multipart_part *part, const char *magic) {
    return part->bytes >= strlen(magic) && memcmp(part->data, magic, strlen(magic)) == 0;
}

/* Which no text may have here. */
static bool has_byte_order_mark(const struct multipart_part *part) {
    return begins_with(part, "\xEF\xBB\xBF");
}

/* JSON's grammar, and that it is text at all, are its reader's to judge, a byte order mark too. */
static bool looks_like_json(const struct multipart_part *part) {
    if (has_byte_order_mark(part))
        return true;
    for (size_t i = 0; i < part->bytes; i++) {
        char c = part->data[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return c == '[' || c == '{';
    }
    return false;
}

static enum content content_of(const struct multipart_part *part) {
    if (begins_with(part, "\x93NUMPY"))
        return CONTENT_NPY;
    if (picture_type(part->data, part->bytes) != PICTURE_NONE)
        return CONTENT_PICTURE;
    if (begins_with(part, "PK\3\4"))
        return CONTENT_NPZ;
    if (looks_like_json(part))
        return CONTENT_JSON;
    return no_text(part) == NULL ? CONTENT_TEXT : CONTENT_OTHER;
}

/* ---- parameters ---- */

static bool take_parameter(struct decode *decode, const struct multipart_part *part) {
    int64_t limit = decode->context->limits.max_document_bytes;
    if (part->bytes > (size_t)limit)
        return decode_refuse(decode, PROBLEM_LIMIT_EXCEEDED, NULL,
                             "the parameter '%s' has %zu bytes; the limit is %" PRId64,
                             decode_shown(decode, part->name), part->bytes, limit);
    char *value = arena_strndup(decode->arena, part->data, part->bytes);
    return value != NULL ? decode_parameter(decode, part->name, value) : decode_no_memory(decode);
}

/* ---- tensors ---- */

static bool take_json(struct decode *decode, const struct multipart_part *part) {
    struct decode_part *own = decode_alloc(decode, sizeof *own, part->name);
    struct document_refusal refusal;
    if (own == NULL)
        return false;
    *own = (struct decode_part){.name = part->name, .decode = *decode, .next = decode->parts};
    own->decode.document = (struct document){0};
    decode->parts = own;
    if (!document_open_tensor(&own->decode.document, decode->arena, part->name, part->data, part->bytes,
                              decode->context->limits.max_document_bytes, &refusal))
        return decode_refuse(decode, refusal.problem,
                             refusal.pointer != NULL ? refusal.pointer
                                                     : arena_printf(decode->arena, "/%s", part->name),
                             "in the part '%s': %s", part->name, refusal.detail);
    return decode_add_tensor(decode, part->name, json_object_get(own->decode.document.root, part->name));
}

static bool take_file(struct decode *decode, const struct multipart_part *part, enum content content) {
    struct form *form = &decode->form;
    struct stored_tensor *tensor;
    const unsigned char *data = (const unsigned char *)part->data;
    bool taken = form_add(form, part->name, strlen(part->name), &tensor) &&
                 (content == CONTENT_NPY ? npy_open(form, data, part->bytes, tensor)
                                         : picture_open_tensor(form, data, part->bytes, tensor));
    return taken || decode_refuse_form(decode);
}

static bool refuse_content(struct decode *decode, const struct multipart_part *part, enum content content) {
    return decode_refuse(
        decode, content == CONTENT_TEXT ? PROBLEM_WRONG_TYPE : PROBLEM_UNSUPPORTED_TENSOR,
        arena_printf(decode->arena, "/%s", part->name),
        "the part '%s' must be a tensor: an npy, PNG or JPEG file, or JSON ([[1, 2], [3, 4]])%s", part->name,
        content == CONTENT_NPZ ? "; an npz holds several, and is sent alone as application/x-npz" : "");
}

static bool take_tensor(struct decode *decode, const struct multipart_part *part) {
    enum content content = content_of(part);
    switch (content) {
    case CONTENT_JSON: return take_json(decode, part);
    case CONTENT_NPY:
    case CONTENT_PICTURE: return take_file(decode, part, content);
    case CONTENT_TEXT:
        if (part->bytes == 4 && begins_with(part, "null"))
            return take_parameter(decode, part); /* a bias that is not there */
        break;
    case CONTENT_NPZ:
    case CONTENT_OTHER: break;
    }
    return refuse_content(decode, part, content);
}

static bool is_tensor(const struct decode *decode, const char *name) {
    for (const char *const *known = decode->form.names; *known != NULL; known++) {
        if (strcmp(*known, name) == 0)
            return true;
    }
    return false;
}

/* `at` is where it is no text; NULL: it is, behind a byte order mark. */
static bool refuse_text(struct decode *decode, const struct multipart_part *part, const char *at) {
    const char *shown = decode_shown(decode, part->name),
               *pointer = decode_parameter_pointer(decode, part->name, -1);
    int64_t line, column;
    if (at == NULL)
        return decode_refuse(decode, PROBLEM_MALFORMED_UTF8, pointer,
                             "in the part '%s': the text starts with a byte order mark; send it without one",
                             shown);
    scan_position(part->data, at, &line, &column);
    if (*at == '\0')
        return decode_refuse(decode, PROBLEM_INVALID_VALUE, pointer,
                             "the part '%s' contains a NUL at line %" PRId64 ", column %" PRId64
                             "; no field takes that character",
                             shown, line, column);
    return decode_refuse(decode, PROBLEM_MALFORMED_UTF8, pointer,
                         "in the part '%s': the bytes are not UTF-8 at line %" PRId64 ", column %" PRId64,
                         shown, line, column);
}

/* What is a file is none of the tensors that the path takes, and its reader says so. */
static bool take_part(struct decode *decode, const struct multipart_part *part) {
    struct stored_tensor *none;
    if (part->no_file)
        return true;
    if (is_tensor(decode, part->name))
        return take_tensor(decode, part);
    enum content content = content_of(part);
    if (content == CONTENT_NPY || content == CONTENT_PICTURE || content == CONTENT_NPZ)
        return form_add(&decode->form, part->name, strlen(part->name), &none) || decode_refuse_form(decode);
    const char *at = no_text(part);
    return at == NULL && !has_byte_order_mark(part) ? take_parameter(decode, part)
                                                    : refuse_text(decode, part, at);
}

bool decode_parts(struct decode *decode) {
    const struct api_request *request = decode->request;
    struct form_refusal refusal;
    struct multipart form;
    char boundary[MULTIPART_MAX_BOUNDARY_BYTES + 1];
    if (!multipart_boundary(request->content_type, boundary, &refusal) ||
        !multipart_parse(request->body, request->body_bytes, boundary, decode->arena, &form, &refusal))
        return decode_refuse(decode, refusal.problem, refusal.pointer, "%s", refusal.detail);
    for (int i = 0; i < form.parts; i++) {
        if (!take_part(decode, &form.part[i]))
            return false;
    }
    return decode_parameters_end(decode);
}
