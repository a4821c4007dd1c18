/*
 * A picture among the tensors of a body.
 */
#ifndef CONVD_API_FORMS_PICTURE_TENSOR_H
#define CONVD_API_FORMS_PICTURE_TENSOR_H

#include "api/forms/picture.h"

/* Opens the PNG or JPEG of `bytes` bytes at `data` (borrowed) as `tensor`, whose name is set: shape (1, C, H, W). Its
 * samples stay packed until picture_load. */
bool picture_open_tensor(struct form *form, const unsigned char *data, size_t bytes,
                         struct stored_tensor *tensor);

/* Makes tensor->data readable. Nothing to do for a tensor that is no picture. */
bool picture_load(struct form *form, struct stored_tensor *tensor);

#endif
