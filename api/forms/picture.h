/*
 * Pictures as tensors: a PNG or a JPEG is (1, C, H, W), its samples divided by the largest that their depth has.
 *
 *   grey 1, grey with alpha 2, colour 3, colour with alpha 4 channels, as torchvision.io.read_image counts them.
 *   PNG: a palette is colour, transparency (tRNS) is an alpha channel, 1, 2 and 4 bits are expanded to 8, 16 bits
 *   stay; samples are what the file stores: gamma, colour profiles and orientation change nothing.
 *   JPEG: grey or RGB, 8 bits; CMYK is refused.
 *
 * Opening reads the header, so that the picture is priced before memory is taken for it; reading decodes.
 */
#ifndef CONVD_API_FORMS_PICTURE_H
#define CONVD_API_FORMS_PICTURE_H

#include "api/forms/form.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum picture_type { PICTURE_NONE, PICTURE_PNG, PICTURE_JPEG };

struct picture {
    enum picture_type type;
    const unsigned char *data; /* the file; borrowed */
    size_t bytes;
    int channels;          /* 1 to 4 */
    int64_t height, width; /* at least 1, below 2³¹ */
    size_t sample_bytes;   /* 1, or 2, big-endian */
};

/* What the file is by its first bytes; whether it is well formed is another question. */
enum picture_type picture_type(const void *data, size_t bytes);

/* Reads the header of the PNG or JPEG at `data` (borrowed). Small memory comes from the arena. */
bool picture_open(const void *data, size_t bytes, struct arena *arena, struct picture *picture,
                  struct form_refusal *refusal);

/* Bytes of all samples; false when they do not fit into 63 bits. */
bool picture_plane_bytes(const struct picture *picture, int64_t *bytes);

/*
 * Decodes into `planes` (picture_plane_bytes of them): channel by channel, row by row. What the libraries need is
 * charged to the arena's budget. `cancelled` may be NULL.
 */
bool picture_read(const struct picture *picture, struct arena *arena, const atomic_bool *cancelled,
                  unsigned char *planes, struct form_refusal *refusal);

#endif
