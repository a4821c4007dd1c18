#include "api/forms/picture_tensor.h"

#include "lib/base/checked.h"

#include <inttypes.h>

/* What the reader refused, said of the tensor. */
static bool refuse(struct form *form, const char *name, const struct form_refusal *refusal) {
    return form_refuse(form, refusal->problem, name, "%s: %s", name, refusal->detail);
}

/* A picture of a hundred bytes can say that it has gigabytes of samples. */
static bool check_size(struct form *form, const char *name, const struct picture *picture) {
    int64_t bytes;
    bool fits =
        picture_plane_bytes(picture, &bytes) && checked_add(form->picture_bytes, bytes, &form->picture_bytes);
    if (fits && form->picture_bytes <= form->max_unpacked_bytes)
        return true;
    return form_refuse(form, PROBLEM_LIMIT_EXCEEDED, name,
                       "%s: the picture has %" PRId64 " x %" PRId64
                       " pixels of %d channels, with which all pictures "
                       "take %" PRId64 " bytes unpacked; the limit is %" PRId64 " (--max-body)",
                       name, picture->width, picture->height, picture->channels,
                       fits ? form->picture_bytes : INT64_MAX, form->max_unpacked_bytes);
}

bool picture_open_tensor(struct form *form, const unsigned char *data, size_t bytes,
                         struct stored_tensor *tensor) {
    struct form_refusal refusal;
    struct picture *picture = form_alloc(form, sizeof *picture, tensor->name);
    if (picture == NULL)
        return false;
    if (!picture_open(data, bytes, form->arena, picture, &refusal))
        return refuse(form, tensor->name, &refusal);
    if (!check_size(form, tensor->name, picture))
        return false;
    tensor->dtype = picture->sample_bytes == 2 ? STORED_UINT16 : STORED_UINT8;
    tensor->big_endian = true;
    tensor->unit = true;
    tensor->shape = SHAPE(1, picture->channels, picture->height, picture->width);
    tensor->picture = picture;
    return shape_elems(&tensor->shape, &tensor->elems);
}

bool picture_load(struct form *form, struct stored_tensor *tensor) {
    struct form_refusal refusal;
    int64_t bytes;
    if (tensor->picture == NULL || tensor->data != NULL)
        return true;
    picture_plane_bytes(tensor->picture, &bytes);
    unsigned char *planes = form_alloc(form, (size_t)bytes, tensor->name);
    if (planes == NULL)
        return false;
    if (!picture_read(tensor->picture, form->arena, form->cancelled, planes, &refusal))
        return refuse(form, tensor->name, &refusal);
    tensor->data = planes;
    return true;
}
