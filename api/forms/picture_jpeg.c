/*
 * JPEG in, through libjpeg-turbo. Its memory comes from malloc and cannot come from the arena, so what it will need
 * is charged to the budget while it works; every way out passes jpeg_destroy_decompress.
 */
#include "api/forms/picture_codec.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */

#include <jerror.h>
#include <jpeglib.h>

/*
 * A progressive picture is decoded in up to a dozen scans in practice. Each may cost time for the whole picture in a
 * few bytes, so their number is bounded, as libjpeg-turbo's authors advise (its doc/libjpeg.txt, "progress monitoring").
 */
enum { MAX_SCANS = 100 };

/* What libjpeg-turbo 2.1 takes before and besides the rows is 24 kB. */
enum { TABLES_BYTES = 64 * 1024 };

struct jpeg_source {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    struct arena *arena;
    struct form_refusal *refusal;
    size_t charged_bytes;
    struct picture *picture;             /* opening: to be filled */
    const struct picture_planes *planes; /* decoding: to be filled */
    const unsigned char *data;
    size_t bytes;
};

static void leave(struct jpeg_source *source) __attribute__((noreturn));

static void leave(struct jpeg_source *source) {
    longjmp(source->jump, 1);
}

static void on_error(j_common_ptr library) __attribute__((noreturn));

static void on_error(j_common_ptr library) {
    struct jpeg_source *source = library->client_data;
    char message[JMSG_LENGTH_MAX];
    if (library->err->msg_code == JERR_OUT_OF_MEMORY || library->err->msg_code == JERR_NO_BACKING_STORE) {
        form_refusal_set(source->refusal, PROBLEM_OVERLOADED,
                         "memory for reading the picture is not to be had now");
    } else {
        library->err->format_message(library, message);
        form_refusal_set(source->refusal, PROBLEM_MALFORMED_BODY, "the JPEG is broken: %s", message);
    }
    leave(source);
}

/* A warning says that samples were made up, except for these, which are common in pictures from cameras. */
static void on_message(j_common_ptr library, int level) {
    int code = library->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
        on_error(library);
}

static void say_nothing(j_common_ptr library) {
    (void)library;
}

static void on_progress(j_common_ptr library) {
    struct jpeg_source *source = library->client_data;
    if (source->library.input_scan_number > MAX_SCANS) {
        form_refusal_set(
            source->refusal, PROBLEM_LIMIT_EXCEEDED,
            "the JPEG has more than %d scans, which is the limit; save it with fewer, or as baseline",
            MAX_SCANS);
        leave(source);
    }
    if (source->planes != NULL && picture_cancelled(source->planes)) {
        form_refusal_set(source->refusal, PROBLEM_DRAINING, "the request was cancelled");
        leave(source);
    }
}

static void read_header(struct jpeg_source *source) {
    struct jpeg_decompress_struct *library = &source->library;
    library->err = jpeg_std_error(&source->errors);
    library->client_data = source;
    source->errors.error_exit = on_error;
    source->errors.emit_message = on_message;
    source->errors.output_message = say_nothing;
    source->progress.progress_monitor = on_progress;
    jpeg_create_decompress(library); /* keeps err and client_data */
    library->progress = &source->progress;
    jpeg_mem_src(library, source->data, source->bytes);
    jpeg_read_header(library, TRUE);
}

static void refuse_kind(struct jpeg_source *source, const char *what) {
    form_refusal_set(source->refusal, PROBLEM_UNSUPPORTED_TENSOR,
                     "the JPEG %s, which is not read; save it as RGB or grey, 8 bits", what);
    leave(source);
}

static void open_steps(struct jpeg_source *source) {
    struct picture *picture = source->picture;
    read_header(source);
    J_COLOR_SPACE space = source->library.jpeg_color_space;
    if (space == JCS_CMYK || space == JCS_YCCK)
        refuse_kind(source, "is CMYK");
    if (space != JCS_GRAYSCALE && space != JCS_RGB && space != JCS_YCbCr)
        refuse_kind(source, "has an unknown colour space");
    if (source->library.data_precision != 8)
        refuse_kind(source, "has samples of other than 8 bits");
    picture->channels = space == JCS_GRAYSCALE ? 1 : 3;
    picture->sample_bytes = 1;
    picture->height = source->library.image_height;
    picture->width = source->library.image_width;
}

/* Takes `bytes` more from the budget until the end of the reading. */
static bool charge(struct jpeg_source *source, size_t bytes) {
    if (!budget_take(source->arena->budget, bytes))
        return form_refusal_set(source->refusal, PROBLEM_OVERLOADED,
                                "memory for reading the picture is not to be had now");
    source->charged_bytes += bytes;
    return true;
}

/*
 * What libjpeg allocates beyond its tables: rows of MCUs and their upsampled and converted copies (11 bytes a sample
 * across with 2x2 subsampling; 64 leave room for 4x4), and for a picture of several scans all its coefficients
 * (jdcoefct.c), in whole blocks of 64, each of two bytes. Sizes are below 2¹⁶ each, so nothing overflows.
 */
static size_t rows_bytes(struct jpeg_decompress_struct *library) {
    size_t bytes = (size_t)library->image_width * (size_t)library->num_components * 64;
    if (!jpeg_has_multiple_scans(library))
        return bytes;
    for (int i = 0; i < library->num_components; i++) {
        const jpeg_component_info *component = &library->comp_info[i];
        size_t across = component->width_in_blocks + (size_t)component->h_samp_factor;
        size_t down = component->height_in_blocks + (size_t)component->v_samp_factor;
        bytes += across * down * sizeof(JBLOCK);
    }
    return bytes;
}

static void decode_steps(struct jpeg_source *source) {
    const struct picture_planes *planes = source->planes;
    struct jpeg_decompress_struct *library = &source->library;
    read_header(source);
    if (!charge(source, rows_bytes(library)))
        leave(source);
    library->mem->max_memory_to_use = (long)source->charged_bytes;
    library->out_color_space = planes->picture->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(library);
    unsigned char *between =
        arena_alloc(source->arena, (size_t)planes->picture->width * (size_t)planes->picture->channels);
    if (between == NULL)
        ERREXIT1(library, JERR_OUT_OF_MEMORY, 0);
    while (library->output_scanline < library->output_height) {
        int64_t y = library->output_scanline;
        unsigned char *row = picture_row(planes, y) != NULL ? picture_row(planes, y) : between;
        on_progress((j_common_ptr)library);
        jpeg_read_scanlines(library, &row, 1);
        if (row == between)
            picture_put_row(planes, y, row);
    }
    jpeg_finish_decompress(library);
}

static bool guarded(struct jpeg_source *source, void (*steps)(struct jpeg_source *)) {
    if (setjmp(source->jump) != 0)
        return false;
    steps(source);
    return true;
}

static bool run(struct jpeg_source *source, void (*steps)(struct jpeg_source *)) {
    if (!charge(source, TABLES_BYTES))
        return false;
    bool done = guarded(source, steps);
    jpeg_destroy_decompress(&source->library);
    budget_release(source->arena->budget, source->charged_bytes);
    return done;
}

bool jpeg_open(struct picture *picture, struct arena *arena, struct form_refusal *refusal) {
    struct jpeg_source source = {.arena = arena,
                                 .refusal = refusal,
                                 .picture = picture,
                                 .data = picture->data,
                                 .bytes = picture->bytes};
    return run(&source, open_steps);
}

bool jpeg_decode(const struct picture_planes *planes, struct arena *arena, struct form_refusal *refusal) {
    struct jpeg_source source = {.arena = arena,
                                 .refusal = refusal,
                                 .planes = planes,
                                 .data = planes->picture->data,
                                 .bytes = planes->picture->bytes};
    return run(&source, decode_steps);
}
