/*
 * What the picture readers share: rows that become planes.
 */
#ifndef CONVD_API_FORMS_PICTURE_CODEC_H
#define CONVD_API_FORMS_PICTURE_CODEC_H

#include "api/forms/picture.h"

/* Where a decoder puts its rows. */
struct picture_planes {
    const struct picture *picture;
    unsigned char *data;
    const atomic_bool *cancelled;
};

/* Where a decoder may put row `y` at once, or NULL when it has to go through picture_put_row. */
unsigned char *picture_row(const struct picture_planes *planes, int64_t y);

/* Takes row `y` with its channels interleaved. */
void picture_put_row(const struct picture_planes *planes, int64_t y, const unsigned char *row);

bool picture_cancelled(const struct picture_planes *planes);

/* The two libraries. Fills channels, height, width and sample_bytes; reads into `planes`. */
bool png_open(struct picture *picture, struct arena *arena, struct form_refusal *refusal);
bool png_decode(const struct picture_planes *planes, struct arena *arena, struct form_refusal *refusal);
bool jpeg_open(struct picture *picture, struct arena *arena, struct form_refusal *refusal);
bool jpeg_decode(const struct picture_planes *planes, struct arena *arena, struct form_refusal *refusal);

#endif
