/* PNGs of every kind, made here by the library's own writer, damaged, and short of memory. */
#include "tests/unit/picture_case.h"

#include <png.h>

/* ---- making files ---- */

static void append(png_structp png, png_bytep data, size_t bytes) {
    struct file *file = png_get_io_ptr(png);
    assert_true(bytes <= sizeof file->data - file->bytes);
    memcpy(file->data + file->bytes, data, bytes);
    file->bytes += bytes;
}

struct png_kind {
    const char *name;
    int colour, depth;
    bool interlaced, transparent;
    int channels; /* of the tensor */
};

static const struct png_kind kinds[] = {
    {"grey 1", PNG_COLOR_TYPE_GRAY, 1, false, false, 1},
    {"grey 2", PNG_COLOR_TYPE_GRAY, 2, false, false, 1},
    {"grey 4", PNG_COLOR_TYPE_GRAY, 4, false, false, 1},
    {"grey 8", PNG_COLOR_TYPE_GRAY, 8, false, false, 1},
    {"grey 16", PNG_COLOR_TYPE_GRAY, 16, false, false, 1},
    {"grey 1 interlaced", PNG_COLOR_TYPE_GRAY, 1, true, false, 1},
    {"grey 8 interlaced", PNG_COLOR_TYPE_GRAY, 8, true, false, 1},
    {"grey 16 interlaced", PNG_COLOR_TYPE_GRAY, 16, true, false, 1},
    {"grey 2 with tRNS", PNG_COLOR_TYPE_GRAY, 2, false, true, 2},
    {"grey 8 with tRNS", PNG_COLOR_TYPE_GRAY, 8, false, true, 2},
    {"grey 16 with tRNS", PNG_COLOR_TYPE_GRAY, 16, true, true, 2},
    {"grey and alpha 8", PNG_COLOR_TYPE_GRAY_ALPHA, 8, false, false, 2},
    {"grey and alpha 16", PNG_COLOR_TYPE_GRAY_ALPHA, 16, true, false, 2},
    {"RGB 8", PNG_COLOR_TYPE_RGB, 8, false, false, 3},
    {"RGB 8 interlaced", PNG_COLOR_TYPE_RGB, 8, true, false, 3},
    {"RGB 16", PNG_COLOR_TYPE_RGB, 16, false, false, 3},
    {"RGB 8 with tRNS", PNG_COLOR_TYPE_RGB, 8, false, true, 4},
    {"RGB 16 with tRNS", PNG_COLOR_TYPE_RGB, 16, false, true, 4},
    {"RGBA 8", PNG_COLOR_TYPE_RGB_ALPHA, 8, false, false, 4},
    {"RGBA 8 interlaced", PNG_COLOR_TYPE_RGB_ALPHA, 8, true, false, 4},
    {"RGBA 16", PNG_COLOR_TYPE_RGB_ALPHA, 16, false, false, 4},
    {"palette 1", PNG_COLOR_TYPE_PALETTE, 1, false, false, 3},
    {"palette 4 interlaced", PNG_COLOR_TYPE_PALETTE, 4, true, false, 3},
    {"palette 8", PNG_COLOR_TYPE_PALETTE, 8, false, false, 3},
    {"palette 8 with tRNS", PNG_COLOR_TYPE_PALETTE, 8, false, true, 4},
    {"palette 2 with tRNS, interlaced", PNG_COLOR_TYPE_PALETTE, 2, true, true, 4},
};

/* The stored sample: some of every value, the transparent one among them. */
static unsigned sample(const struct png_kind *kind, int y, int x, int c) {
    unsigned hash = (unsigned)(y * 977 + x * 131 + c * 37) * 2654435761u;
    return (x + y) % 5 == 0 ? 1u : (hash >> 11) & ((1u << kind->depth) - 1u);
}

static int stored_channels(const struct png_kind *kind) {
    bool alpha = (kind->colour & PNG_COLOR_MASK_ALPHA) != 0;
    return (kind->colour == PNG_COLOR_TYPE_RGB || kind->colour == PNG_COLOR_TYPE_RGB_ALPHA ? 3 : 1) + alpha;
}

static void write_rows(png_structp png, const struct png_kind *kind) {
    int channels = stored_channels(kind), sample_bytes = kind->depth == 16 ? 2 : 1;
    unsigned char rows[HEIGHT][WIDTH * 8], *pointers[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) {
        pointers[y] = rows[y];
        for (int i = 0; i < WIDTH * channels; i++) {
            unsigned value = sample(kind, y, i / channels, i % channels);
            rows[y][i * sample_bytes] = (unsigned char)(sample_bytes == 2 ? value >> 8 : value);
            rows[y][i * sample_bytes + sample_bytes - 1] = (unsigned char)value;
        }
    }
    png_write_image(png, pointers);
}

/* Gamma, a text and a profile say things that must change nothing. */
static void add_chunks(png_structp png, png_infop info, const struct png_kind *kind) {
    png_color palette[256];
    png_byte alphas[256];
    png_color_16 key = {.red = 1, .green = 1, .blue = 1, .gray = 1};
    for (unsigned i = 0; i < 256; i++) {
        palette[i] = (png_color){(png_byte)i, (png_byte)(255 - i), (png_byte)(i * 7)};
        alphas[i] = (png_byte)(i * 3);
    }
    bool is_palette = kind->colour == PNG_COLOR_TYPE_PALETTE;
    if (is_palette)
        png_set_PLTE(png, info, palette, 1 << kind->depth);
    if (kind->transparent)
        png_set_tRNS(png, info, is_palette ? alphas : NULL, is_palette ? 2 : 0, &key);
    char keyword[] = "Comment", none[] = "none";
    png_text text = {
        .compression = PNG_TEXT_COMPRESSION_NONE, .key = keyword, .text = none, .text_length = 4};
    png_set_text(png, info, &text, 1);
    png_set_gAMA(png, info, 1.0);
}

static struct file *make_png(const struct png_kind *kind) {
    struct file *file = calloc(1, sizeof *file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, file, append, NULL);
    png_set_IHDR(png, info, WIDTH, HEIGHT, kind->depth, kind->colour,
                 kind->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    add_chunks(png, info, kind);
    png_write_info(png, info);
    png_set_packing(png);
    write_rows(png, kind);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return file;
}

/* ---- reading them ---- */

/* The sample that the tensor has: expanded to 8 bits, or 16 as it is. */
static unsigned expected(const struct png_kind *kind, int c, int y, int x) {
    unsigned first = sample(kind, y, x, 0), most = kind->depth == 16 ? 65535 : 255;
    bool key = true;
    if (kind->colour == PNG_COLOR_TYPE_PALETTE) {
        const unsigned colours[] = {first, 255 - first, first * 7 & 255};
        unsigned alpha = first < 2 ? first * 3 : 255;
        return c < 3 ? colours[c] : alpha;
    }
    for (int i = 0; i < stored_channels(kind); i++)
        key = key && sample(kind, y, x, i) == 1;
    if (kind->transparent && c == kind->channels - 1)
        return key ? 0 : most;
    return sample(kind, y, x, c) * most / ((1u << kind->depth) - 1u);
}

static void reads_every_kind_of_png(void **state) {
    (void)state;
    struct fence fence = fence_make(FILE_BYTES);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct png_kind *kind = &kinds[i];
        struct file *file = make_png(kind);
        struct reading r;
        read_picture(&r, fence_copy_to_end(&fence, file->data, file->bytes), file->bytes, NULL);
        if (r.planes == NULL)
            fail_msg("%s: %s", kind->name, r.refusal.detail);
        if (r.picture.channels != kind->channels || r.picture.height != HEIGHT || r.picture.width != WIDTH ||
            r.picture.sample_bytes != (kind->depth == 16 ? 2 : 1))
            fail_msg("%s: another shape", kind->name);
        for (int c = 0; c < kind->channels; c++) {
            for (int p = 0; p < HEIGHT * WIDTH; p++) {
                unsigned is = decoded(&r, c, p / WIDTH, p % WIDTH),
                         should = expected(kind, c, p / WIDTH, p % WIDTH);
                if (is != should)
                    fail_msg("%s: [%d, %d, %d] is %u and should be %u", kind->name, c, p / WIDTH, p % WIDTH,
                             is, should);
            }
        }
        arena_release(&r.arena);
        free(file);
    }
}

/* A file that goes on behind its end is read (pictures from telephones do); one that ends sooner is not. */
static void refuses_every_beginning_of_a_png(void **state) {
    (void)state;
    struct fence fence = fence_make(FILE_BYTES);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct file *file = make_png(&kinds[i]);
        for (size_t bytes = 0; bytes <= file->bytes + 3; bytes++) {
            struct reading r;
            read_picture(&r, fence_copy_to_end(&fence, file->data, bytes), bytes, NULL);
            if ((r.planes != NULL) != (bytes >= file->bytes))
                fail_msg("%s, %zu of %zu bytes: %s", kinds[i].name, bytes, file->bytes, r.refusal.detail);
            if (r.planes == NULL)
                assert_int_equal(r.refusal.problem, PROBLEM_MALFORMED_BODY);
            arena_release(&r.arena);
        }
        free(file);
    }
}

/* Every byte of a PNG is under a checksum or part of a rule. */
static void refuses_every_flipped_byte_of_a_png(void **state) {
    (void)state;
    struct fence fence = fence_make(FILE_BYTES);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct file *file = make_png(&kinds[i]);
        for (size_t at = 0; at < file->bytes; at++) {
            static const unsigned char flips[] = {0x01, 0x20, 0x80, 0xff};
            for (size_t k = 0; k < sizeof flips; k++) {
                struct budget budget = {.limit_bytes = 1 << 24};
                struct reading r;
                file->data[at] ^= flips[k];
                read_picture(&r, fence_copy_to_end(&fence, file->data, file->bytes), file->bytes, &budget);
                file->data[at] ^= flips[k];
                if (r.planes != NULL)
                    fail_msg("%s: byte %zu flipped by %02x was not noticed", kinds[i].name, at, flips[k]);
                assert_true(r.refusal.detail[0] != '\0' || r.refusal.problem == PROBLEM_OVERLOADED);
                arena_release(&r.arena);
                assert_int_equal(budget.used_bytes, 0);
            }
        }
        free(file);
    }
}

static void a_png_survives_every_budget(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct file *file = make_png(&kinds[i]);
        survives_every_budget(file->data, file->bytes);
        free(file);
    }
}

/* Sizes are told before memory is taken. */
static void a_bomb_is_priced_before_it_goes_off(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        int64_t bytes; /* -1: refused at once */
    } rows[] = {
        {60000, 60000, INT64_C(3600000000)},
        {0x7fffffff, 0x7fffffff, INT64_C(4611686014132420609)},
        {0x80000000, 1, -1},
        {0, 1, -1},
        {1, 0, -1},
    };
    const struct png_kind kind = {"grey", PNG_COLOR_TYPE_GRAY, 8, false, false, 1};
    struct file *file = make_png(&kind);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct budget budget = {.limit_bytes = 1 << 20};
        struct reading r = {.arena = {.budget = &budget}};
        int64_t bytes;
        png_save_uint_32(file->data + 16, rows[i].width);
        png_save_uint_32(file->data + 20, rows[i].height);
        uint32_t crc = 0xffffffff;
        for (size_t at = 12; at < 29; at++) {
            crc ^= file->data[at];
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        png_save_uint_32(file->data + 29, ~crc);
        bool opened = picture_open(file->data, file->bytes, &r.arena, &r.picture, &r.refusal);
        assert_int_equal(opened, rows[i].bytes >= 0);
        if (opened) {
            assert_true(picture_plane_bytes(&r.picture, &bytes));
            assert_true(bytes == rows[i].bytes);
        }
        arena_release(&r.arena);
    }
    free(file);
}

static void a_cancelled_reading_ends(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct file *file = make_png(&kinds[i]);
        a_cancelled_reading_ends_for(file);
        free(file);
    }
}

static void knows_pictures_by_their_first_bytes(void **state) {
    (void)state;
    assert_int_equal(picture_type("\x89PNG\r\n\x1a\n", 8), PICTURE_PNG);
    assert_int_equal(picture_type("\x89PNG\r\n\x1a\n", 7), PICTURE_NONE);
    assert_int_equal(picture_type("\x89PNG\n\n\x1a\n", 8), PICTURE_NONE);
    assert_int_equal(picture_type("\xff\xd8\xff", 3), PICTURE_JPEG);
    assert_int_equal(picture_type("\xff\xd8", 2), PICTURE_NONE);
    assert_int_equal(picture_type("GIF89a", 6), PICTURE_NONE);
    assert_int_equal(picture_type("", 0), PICTURE_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_pictures_by_their_first_bytes),
        cmocka_unit_test(reads_every_kind_of_png),
        cmocka_unit_test(refuses_every_beginning_of_a_png),
        cmocka_unit_test(refuses_every_flipped_byte_of_a_png),
        cmocka_unit_test(a_png_survives_every_budget),
        cmocka_unit_test(a_bomb_is_priced_before_it_goes_off),
        cmocka_unit_test(a_cancelled_reading_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
