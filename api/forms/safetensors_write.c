#include "api/forms/bytes.h"
#include "api/forms/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Two tensors of 32 dimensions take less. */
enum { LENGTH_BYTES = 8, HEADER_BYTES = 2048, ALIGN_BYTES = 64 };

static const char *dtype_of(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_FLOAT32: return "F32";
    case DTYPE_FLOAT64: return "F64";
    case DTYPE_INT64: return "I64";
    }
    return "";
}

/*
 * The tensors' order in the file: from the last to the first. The data follow each other without holes, so int64
 * indices go before the output that may be float32, and both are aligned to their elements.
 */
static int tensor_at(const struct packing *packing, int place) {
    return packing->count - 1 - place;
}

/* The header's text; returns its length, without what it is padded with. */
static int write_header(const struct packing *packing, char text[HEADER_BYTES]) {
    int at = snprintf(text, HEADER_BYTES, "{");
    size_t begin = 0, bytes = 0;
    for (int place = 0; place < packing->count; place++, begin += bytes) {
        int i = tensor_at(packing, place);
        const struct shape *shape = &packing->tensor[i].shape;
        pack_data_bytes(packing, i, &bytes);
        at += snprintf(text + at, HEADER_BYTES - (size_t)at, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                       place > 0 ? "," : "", packing->name[i], dtype_of(packing->tensor[i].dtype));
        for (int k = 0; k < shape->rank; k++)
            at +=
                snprintf(text + at, HEADER_BYTES - (size_t)at, "%s%" PRId64, k > 0 ? "," : "", shape->dim[k]);
        at += snprintf(text + at, HEADER_BYTES - (size_t)at, "],\"data_offsets\":[%zu,%zu]}", begin,
                       begin + bytes);
    }
    return at + snprintf(text + at, HEADER_BYTES - (size_t)at, "}");
}

bool safetensors_plan(struct packing *packing) {
    char text[HEADER_BYTES];
    size_t at = 0, bytes;
    for (int i = 0; i < packing->count; i++) {
        if (!pack_data_bytes(packing, i, &bytes) || __builtin_add_overflow(at, bytes, &at))
            return false;
    }
    at = (LENGTH_BYTES + (size_t)write_header(packing, text) + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    for (int place = 0; place < packing->count; place++) {
        int i = tensor_at(packing, place);
        packing->data_at[i] = at;
        if (!pack_data_bytes(packing, i, &bytes) || __builtin_add_overflow(at, bytes, &at))
            return false;
    }
    packing->bytes = at;
    return true;
}

void safetensors_finish(const struct packing *packing, unsigned char *body) {
    char text[HEADER_BYTES];
    size_t used = (size_t)write_header(packing, text);
    size_t length = packing->data_at[tensor_at(packing, 0)] - LENGTH_BYTES;
    bytes_put(body, length, LENGTH_BYTES);
    memcpy(body + LENGTH_BYTES, text, used);
    memset(body + LENGTH_BYTES + used, ' ', length - used);
}
