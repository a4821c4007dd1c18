/*
 * Bodies other than JSON: parameters from the query, tensors from the file.
 */
#include "api/decode/decode.h"
#include "api/decode/nearest.h"
#include "api/forms/npy.h"
#include "api/forms/npz.h"
#include "api/forms/safetensors.h"
#include "api/json/text.h"

#include <string.h>

bool decode_refuse_form(struct decode *decode) {
    const struct form_refusal *refusal = &decode->form.refusal;
    return decode_refuse(decode, refusal->problem, refusal->pointer, "%s", refusal->detail);
}

/* What the endpoint does not take is refused as an unknown field is. */
static bool refuse_unknown(struct decode *decode, const char *name) {
    struct form *form = &decode->form;
    const char *nearest = nearest_name(name, form->names), *path = decode->request->path;
    const char *shown = decode_shown(decode, name);
    struct text list = text_open(decode->arena, 128);
    if (nearest != NULL) {
        form_refuse(form, PROBLEM_UNKNOWN_FIELD, name, "%s takes no tensor '%s'; did you mean '%s'?", path,
                    shown, nearest);
        return decode_refuse_form(decode);
    }
    for (int i = 0; form->names[i] != NULL; i++)
        text_printf(&list, "%s%s", i > 0 ? ", " : "", form->names[i]);
    text_add(&list, "", 1);
    form_refuse(form, PROBLEM_UNKNOWN_FIELD, name,
                "%s takes no tensor '%s'; its tensors are: %s (parameters stand in the query%s)", path, shown,
                list.failed ? "" : list.data, decode->media == MEDIA_MULTIPART ? " or in parts of text" : "");
    return decode_refuse_form(decode);
}

/* Each tensor takes its place among the fields, so that they are judged as one document. */
bool decode_add_tensor(struct decode *decode, const char *name, json_t *value) {
    if (json_object_get(decode->document.root, name) != NULL)
        return decode_refuse(decode, PROBLEM_REPEATED_KEY, arena_printf(decode->arena, "/%s", name),
                             "'%s' is given twice: as a parameter and as a tensor", name);
    return json_object_set(decode->document.root, name, value) == 0 || decode_no_memory(decode);
}

static bool add_tensors(struct decode *decode) {
    const struct form *form = &decode->form;
    if (form->unknown != NULL)
        return refuse_unknown(decode, form->unknown);
    for (int i = 0; i < form->count; i++) {
        if (!decode_add_tensor(decode, form->tensor[i].name, json_true()))
            return false;
    }
    return true;
}

/* A lone array is the first tensor that the endpoint knows. */
static bool open_npy(struct form *form, const unsigned char *data, size_t bytes) {
    struct stored_tensor *tensor;
    return form_add(form, form->names[0], strlen(form->names[0]), &tensor) &&
           npy_open(form, data, bytes, tensor);
}

static bool open_form(struct decode *decode) {
    struct form *form = &decode->form;
    const unsigned char *data = (const unsigned char *)decode->request->body;
    size_t bytes = decode->request->body_bytes;
    switch (decode->media) {
    case MEDIA_NPZ:
    case MEDIA_ZIP: return npz_open(form, data, bytes);
    case MEDIA_NPY: return open_npy(form, data, bytes);
    case MEDIA_SAFETENSORS: return safetensors_open(form, data, bytes);
    default:
        return form_refuse(form, PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL, "the body's form is not read here");
    }
}

bool decode_request(struct decode *decode, const char *const *tensor_fields) {
    const struct api_limits *limits = &decode->context->limits;
    if (decode->media == MEDIA_JSON)
        return decode_body(decode, tensor_fields);
    decode->form = (struct form){.arena = decode->arena,
                                 .names = tensor_fields,
                                 .max_unpacked_bytes = limits->max_body_bytes,
                                 .max_header_bytes = limits->max_document_bytes,
                                 .cancelled = decode->request->cancelled};
    if (!decode_query(decode))
        return false;
    if (decode->media == MEDIA_MULTIPART)
        return decode_parts(decode) && add_tensors(decode);
    if (!open_form(decode))
        return decode_refuse_form(decode);
    return add_tensors(decode);
}
