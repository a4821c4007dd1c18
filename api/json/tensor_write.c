#include "api/json/tensor_write.h"

#include "api/json/number_lists.h"
#include "lib/base/checked.h"
#include "lib/numbers/base64.h"

/* What stands around the numbers: keys, dtype, shape. */
enum { AROUND_BYTES = SHAPE_TEXT_BYTES + 128 };

/* The flat form's data are one list. */
static struct tensor flattened(const struct tensor *tensor, int64_t elems) {
    return (struct tensor){.dtype = tensor->dtype, .shape = SHAPE(elems), .data = tensor->data};
}

bool tensor_write_bound(const struct tensor *tensor, enum tensor_form form, size_t *bytes) {
    int64_t elems;
    size_t numbers = 0;
    bool fits = shape_elems(&tensor->shape, &elems);
    switch (form) {
    case FORM_NESTED: fits = fits && number_lists_bound(&tensor->shape, tensor->dtype, &numbers); break;
    case FORM_FLAT: fits = fits && number_lists_bound(&SHAPE(elems), tensor->dtype, &numbers); break;
    case FORM_BASE64:
        fits = fits && checked_bytes(elems, dtype_bytes(tensor->dtype), &numbers) && numbers <= SIZE_MAX / 4;
        numbers = fits ? base64_text_bytes(numbers) : 0;
        break;
    }
    return fits && !__builtin_add_overflow(numbers, AROUND_BYTES, bytes);
}

static void add_shape(struct text *text, const struct tensor *tensor) {
    text_puts(text, "{\"shape\":");
    text_json_shape(text, &tensor->shape);
}

static char *write_base64(char *to, const struct tensor *tensor, int64_t elems) {
    size_t bytes = (size_t)elems * dtype_bytes(tensor->dtype);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return base64_encode(to, tensor->data, bytes);
#else
    /* three elements at a time are whole groups of three bytes */
    const unsigned char *data = tensor->data;
    size_t elem_bytes = dtype_bytes(tensor->dtype);
    for (size_t at = 0; at < bytes; at += 3 * elem_bytes) {
        unsigned char group[24];
        size_t count = bytes - at < 3 * elem_bytes ? bytes - at : 3 * elem_bytes;
        for (size_t i = 0; i < count; i++)
            group[i] = data[at + i / elem_bytes * elem_bytes + (elem_bytes - 1 - i % elem_bytes)];
        to = base64_encode(to, group, count);
    }
    return to;
#endif
}

void tensor_write(struct text *text, const struct tensor *tensor, enum tensor_form form,
                  const struct run_context *context) {
    size_t bound;
    int64_t elems = 0;
    if (!shape_elems(&tensor->shape, &elems) || !tensor_write_bound(tensor, form, &bound)) {
        text->failed = true;
        return;
    }
    if (text_reserve(text, bound) == NULL)
        return;
    if (form == FORM_FLAT) {
        add_shape(text, tensor);
        text_puts(text, ",\"data\":");
    } else if (form == FORM_BASE64) {
        add_shape(text, tensor);
        text_printf(text, ",\"dtype\":\"%s\",\"base64\":\"", dtype_name(tensor->dtype));
    }
    char *to = text->data + text->length;
    struct tensor flat = flattened(tensor, elems);
    switch (form) {
    case FORM_NESTED: to = number_lists_write(to, tensor, context); break;
    case FORM_FLAT: to = number_lists_write(to, &flat, context); break;
    case FORM_BASE64: to = write_base64(to, tensor, elems); break;
    }
    text->length = (size_t)(to - text->data);
    text_puts(text, form == FORM_FLAT ? "}" : form == FORM_BASE64 ? "\"}" : "");
}
