/*
 * PNG in, through libpng. Everything that it allocates lies in the request's arena, so that leaving it by longjmp
 * leaks nothing. All ancillary chunks but tRNS are skipped unread (their CRC is checked all the same): they change
 * no sample, and their decompression is what attacks on PNG readers aim at.
 */
#include "api/forms/picture_codec.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

struct png_source {
    jmp_buf jump;
    const unsigned char *at, *end;
    struct arena *arena;
    struct form_refusal *refusal;
    bool no_memory;
    struct picture *picture;             /* opening: to be filled */
    const struct picture_planes *planes; /* decoding: to be filled */
    png_structp png;
    png_infop info;
};

static void on_error(png_structp png, png_const_charp message) __attribute__((noreturn));

static void on_error(png_structp png, png_const_charp message) {
    struct png_source *source = png_get_error_ptr(png);
    if (source->planes != NULL && picture_cancelled(source->planes))
        form_refusal_set(source->refusal, PROBLEM_DRAINING, "the request was cancelled");
    else if (source->no_memory)
        form_refusal_set(source->refusal, PROBLEM_OVERLOADED,
                         "memory for reading the picture is not to be had now");
    else
        form_refusal_set(source->refusal, PROBLEM_MALFORMED_BODY, "the PNG is broken: %s", message);
    longjmp(source->jump, 1);
}

/* What libpng only warns of changes no sample; what does is an error (png_set_benign_errors). */
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t bytes) {
    struct png_source *source = png_get_mem_ptr(png);
    void *memory = arena_alloc(source->arena, bytes);
    source->no_memory = memory == NULL;
    return memory;
}

/* It goes with the arena. */
static void let_go(png_structp png, png_voidp memory) {
    (void)png;
    (void)memory;
}

static void feed(png_structp png, png_bytep out, size_t bytes) {
    struct png_source *source = png_get_io_ptr(png);
    if (bytes > (size_t)(source->end - source->at))
        png_error(png, "it ends too soon");
    if (source->planes != NULL && picture_cancelled(source->planes)) /* rows may be long in coming */
        png_error(png, "nobody waits for it");
    memcpy(out, source->at, bytes);
    source->at += bytes;
}

/* Up to the first chunk of samples. */
static void read_header(struct png_source *source) {
    png_structp png = source->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, source, on_error,
                                                             on_warning, source, allocate, let_go);
    source->info = png != NULL ? png_create_info_struct(png) : NULL;
    if (source->info == NULL) {
        form_refusal_set(source->refusal, PROBLEM_OVERLOADED, "libpng could not be set up");
        longjmp(source->jump, 1);
    }
    png_set_benign_errors(png, 0);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* the caller's limit is on bytes */
    png_set_read_fn(png, source, feed);
    png_read_info(png, source->info);
}

static void open_steps(struct png_source *source) {
    struct picture *picture = source->picture;
    read_header(source);
    png_byte colour = png_get_color_type(source->png, source->info);
    bool alpha =
        (colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(source->png, source->info, PNG_INFO_tRNS) != 0;
    picture->channels = ((colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1) + alpha;
    picture->sample_bytes = png_get_bit_depth(source->png, source->info) == 16 ? 2 : 1;
    picture->height = png_get_image_height(source->png, source->info);
    picture->width = png_get_image_width(source->png, source->info);
}

static unsigned char *allocate_or_leave(struct png_source *source, size_t bytes) {
    unsigned char *memory = arena_alloc(source->arena, bytes);
    source->no_memory = memory == NULL;
    if (memory == NULL)
        png_error(source->png, "no memory");
    return memory;
}

static void decode_rows(struct png_source *source, size_t row_bytes) {
    const struct picture_planes *planes = source->planes;
    unsigned char *between = picture_row(planes, 0) == NULL ? allocate_or_leave(source, row_bytes) : NULL;
    for (int64_t y = 0; y < planes->picture->height && !picture_cancelled(planes); y++) {
        unsigned char *row = between != NULL ? between : picture_row(planes, y);
        png_read_row(source->png, row, NULL);
        if (between != NULL)
            picture_put_row(planes, y, row);
    }
}

/* Each pass fills in pixels of all rows, so the whole picture has to be there. */
static void decode_interlaced(struct png_source *source, size_t row_bytes, int passes) {
    const struct picture_planes *planes = source->planes;
    int64_t height = planes->picture->height;
    unsigned char *rows = picture_row(planes, 0);
    bool between = rows == NULL;
    if (between)
        rows = allocate_or_leave(source, row_bytes * (size_t)height);
    for (int pass = 0; pass < passes; pass++) {
        for (int64_t y = 0; y < height && !picture_cancelled(planes); y++)
            png_read_row(source->png, rows + (size_t)y * row_bytes, NULL);
    }
    for (int64_t y = 0; between && y < height; y++)
        picture_put_row(planes, y, rows + (size_t)y * row_bytes);
}

static void decode_steps(struct png_source *source) {
    const struct picture *picture = source->planes->picture;
    size_t row_bytes = (size_t)picture->width * (size_t)picture->channels * picture->sample_bytes;
    read_header(source);
    png_set_expand(source->png);
    int passes = png_set_interlace_handling(source->png);
    png_read_update_info(source->png, source->info);
    if (png_get_rowbytes(source->png, source->info) != row_bytes)
        png_error(source->png, "its rows have another size than its header says");
    if (passes > 1)
        decode_interlaced(source, row_bytes, passes);
    else
        decode_rows(source, row_bytes);
    if (picture_cancelled(source->planes))
        png_error(source->png, "nobody waits for it");
    png_read_end(source->png, NULL);
}

/* The one place that libpng's errors come back to. Nothing that the steps change lives in its own frame. */
static bool guarded(struct png_source *source, void (*steps)(struct png_source *)) {
    if (setjmp(source->jump) != 0)
        return false;
    steps(source);
    return true;
}

bool png_open(struct picture *picture, struct arena *arena, struct form_refusal *refusal) {
    struct png_source source = {.at = picture->data,
                                .end = picture->data + picture->bytes,
                                .arena = arena,
                                .refusal = refusal,
                                .picture = picture};
    return guarded(&source, open_steps);
}

bool png_decode(const struct picture_planes *planes, struct arena *arena, struct form_refusal *refusal) {
    struct png_source source = {.at = planes->picture->data,
                                .end = planes->picture->data + planes->picture->bytes,
                                .arena = arena,
                                .refusal = refusal,
                                .planes = planes};
    return guarded(&source, decode_steps);
}
