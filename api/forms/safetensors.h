/*
 * safetensors (https://github.com/huggingface/safetensors#format): eight bytes of length, a JSON header, the data.
 */
#ifndef CONVD_API_FORMS_SAFETENSORS_H
#define CONVD_API_FORMS_SAFETENSORS_H

#include "api/forms/form.h"
#include "api/forms/packing.h"

/* Opens a file; the tensors' data stay where they are. They must cover the bytes behind the header exactly, without
 * holes and overlaps. */
bool safetensors_open(struct form *form, const unsigned char *data, size_t bytes);

/* A file, for pack_plan and pack_finish. */
bool safetensors_plan(struct packing *packing);
void safetensors_finish(const struct packing *packing, unsigned char *body);

#endif
