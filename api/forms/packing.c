#include "api/forms/packing.h"

#include "api/forms/convert.h"
#include "api/forms/npy.h"
#include "api/forms/npz.h"
#include "api/forms/safetensors.h"
#include "lib/base/checked.h"

bool pack_takes(enum media media) {
    return media_in(media, MEDIA_SET(NPZ) | MEDIA_SET(ZIP) | MEDIA_SET(SAFETENSORS) | MEDIA_SET(NPY) |
                               MEDIA_SET(RAW));
}

bool pack_holds_several(enum media media) {
    return media_in(media, MEDIA_SET(NPZ) | MEDIA_SET(ZIP) | MEDIA_SET(SAFETENSORS));
}

bool pack_data_bytes(const struct packing *packing, int i, size_t *bytes) {
    int64_t elems;
    return shape_elems(&packing->tensor[i].shape, &elems) &&
           checked_bytes(elems, dtype_bytes(packing->tensor[i].dtype), bytes);
}

/* One tensor behind a header of that length. */
static bool plan_behind(struct packing *packing, size_t header_bytes) {
    size_t bytes;
    packing->data_at[0] = header_bytes;
    return pack_data_bytes(packing, 0, &bytes) &&
           !__builtin_add_overflow(header_bytes, bytes, &packing->bytes);
}

bool pack_plan(struct packing *packing) {
    switch (packing->media) {
    case MEDIA_NPZ:
    case MEDIA_ZIP: return npz_plan(packing);
    case MEDIA_SAFETENSORS: return safetensors_plan(packing);
    case MEDIA_NPY: return plan_behind(packing, npy_write_header(NULL, &packing->tensor[0]));
    default: return plan_behind(packing, 0);
    }
}

/* An npy says its byte order; safetensors and raw bytes are little-endian. */
static void make_little_endian(const struct packing *packing, unsigned char *body) {
    int64_t elems;
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        return;
    for (int i = 0; i < packing->count; i++) {
        if (shape_elems(&packing->tensor[i].shape, &elems))
            convert_swap_bytes(body + packing->data_at[i], elems, dtype_bytes(packing->tensor[i].dtype));
    }
}

void pack_finish(const struct packing *packing, unsigned char *body) {
    switch (packing->media) {
    case MEDIA_NPZ:
    case MEDIA_ZIP: npz_finish(packing, body); break;
    case MEDIA_NPY: npy_write_header(body, &packing->tensor[0]); break;
    case MEDIA_SAFETENSORS:
        make_little_endian(packing, body);
        safetensors_finish(packing, body);
        break;
    default: make_little_endian(packing, body); break;
    }
}
