#include "api/forms/picture.h"

#include "api/forms/picture_codec.h"
#include "lib/base/checked.h"

#include <string.h>

enum picture_type picture_type(const void *data, size_t bytes) {
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const unsigned char jpeg[] = {0xff, 0xd8, 0xff};
    if (bytes >= sizeof png && memcmp(data, png, sizeof png) == 0)
        return PICTURE_PNG;
    return bytes >= sizeof jpeg && memcmp(data, jpeg, sizeof jpeg) == 0 ? PICTURE_JPEG : PICTURE_NONE;
}

bool picture_open(const void *data, size_t bytes, struct arena *arena, struct picture *picture,
                  struct form_refusal *refusal) {
    *picture = (struct picture){.type = picture_type(data, bytes), .data = data, .bytes = bytes};
    switch (picture->type) {
    case PICTURE_PNG: return png_open(picture, arena, refusal);
    case PICTURE_JPEG: return jpeg_open(picture, arena, refusal);
    case PICTURE_NONE: break;
    }
    return form_refusal_set(refusal, PROBLEM_MALFORMED_BODY, "the file is neither a PNG nor a JPEG");
}

bool picture_plane_bytes(const struct picture *picture, int64_t *bytes) {
    return checked_mul(picture->height, picture->width, bytes) &&
           checked_mul(*bytes, (int64_t)picture->sample_bytes * picture->channels, bytes);
}

bool picture_read(const struct picture *picture, struct arena *arena, const atomic_bool *cancelled,
                  unsigned char *planes, struct form_refusal *refusal) {
    const struct picture_planes out = {.picture = picture, .data = planes, .cancelled = cancelled};
    return picture->type == PICTURE_PNG ? png_decode(&out, arena, refusal)
                                        : jpeg_decode(&out, arena, refusal);
}

bool picture_cancelled(const struct picture_planes *planes) {
    return planes->cancelled != NULL && atomic_load(planes->cancelled);
}

unsigned char *picture_row(const struct picture_planes *planes, int64_t y) {
    const struct picture *picture = planes->picture;
    return picture->channels == 1 ? planes->data + (size_t)(y * picture->width) * picture->sample_bytes
                                  : NULL;
}

/* Inlined with a constant `channels`, so that the compiler can deal the samples out with shuffles. */
static inline __attribute__((always_inline)) void
deal_8(unsigned char *out, size_t plane, const unsigned char *row, int64_t width, int channels) {
    for (int c = 0; c < channels; c++) {
        for (int64_t x = 0; x < width; x++)
            out[(size_t)c * plane + (size_t)x] = row[x * channels + c];
    }
}

static void deal_16(unsigned char *out, size_t plane, const unsigned char *row, int64_t width, int channels) {
    for (int c = 0; c < channels; c++) {
        for (int64_t x = 0; x < width; x++)
            memcpy(out + ((size_t)c * plane + (size_t)x) * 2, row + (x * channels + c) * 2, 2);
    }
}

void picture_put_row(const struct picture_planes *planes, int64_t y, const unsigned char *row) {
    const struct picture *picture = planes->picture;
    size_t plane = (size_t)(picture->height * picture->width), first = (size_t)(y * picture->width);
    unsigned char *out = planes->data + first * picture->sample_bytes;
    if (picture->sample_bytes == 2)
        deal_16(out, plane, row, picture->width, picture->channels);
    else if (picture->channels == 3)
        deal_8(out, plane, row, picture->width, 3);
    else if (picture->channels == 4)
        deal_8(out, plane, row, picture->width, 4);
    else
        deal_8(out, plane, row, picture->width, picture->channels);
}
