/* JPEGs, made here by the library's own writer, damaged, and short of memory. */
#include "tests/unit/picture_case.h"
#include "tests/unit/sanitizers.h"

#include <jpeglib.h>

/* ---- what libjpeg allocates: counted, and refused ---- */

static long mallocs_left = -1; /* before one is refused; negative: none is */
static const struct budget *watched;
static size_t malloc_bytes, most_uncharged_bytes;

#if !defined(SANITIZED)
void *__libc_malloc(size_t bytes);

void *malloc(size_t bytes) {
    if (mallocs_left == 0)
        return NULL;
    if (mallocs_left > 0)
        mallocs_left--;
    if (watched != NULL) {
        malloc_bytes += bytes;
        size_t charged = atomic_load(&watched->used_bytes);
        if (malloc_bytes > charged && malloc_bytes - charged > most_uncharged_bytes)
            most_uncharged_bytes = malloc_bytes - charged;
    }
    return __libc_malloc(bytes);
}
#endif

/* ---- making files ---- */

struct jpeg_kind {
    const char *name;
    J_COLOR_SPACE in, stored;
    int channels;
    bool progressive;
    int down; /* how often colour is sampled more coarsely */
};

static const struct jpeg_kind jpeg_kinds[] = {
    {"grey", JCS_GRAYSCALE, JCS_GRAYSCALE, 1, false, 1},
    {"grey progressive", JCS_GRAYSCALE, JCS_GRAYSCALE, 1, true, 1},
    {"YCbCr 4:4:4", JCS_RGB, JCS_YCbCr, 3, false, 1},
    {"YCbCr 4:2:0", JCS_RGB, JCS_YCbCr, 3, false, 2},
    {"YCbCr 4:2:0 progressive", JCS_RGB, JCS_YCbCr, 3, true, 2},
    {"RGB", JCS_RGB, JCS_RGB, 3, false, 1},
    {"CMYK", JCS_CMYK, JCS_CMYK, 4, false, 1},
    {"YCCK", JCS_CMYK, JCS_YCCK, 4, false, 1},
};
enum { READABLE_JPEGS = 6 };

static struct file *make_jpeg(const struct jpeg_kind *kind, unsigned width, unsigned height) {
    struct file *file = calloc(1, sizeof *file);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *out = file->data, *row = malloc((size_t)width * 4);
    unsigned long bytes = sizeof file->data;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out, &bytes);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = kind->channels;
    jpeg.in_color_space = kind->in;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, kind->stored);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = kind->down;
    if (kind->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned i = 0; i < width * (unsigned)kind->channels; i++)
            row[i] = (unsigned char)(i * 5 + y * 11 + (i * y) % 17);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    file->bytes = bytes;
    assert_ptr_equal(out, file->data);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return file;
}

/* The library with its defaults, which are PIL's and torchvision's, without any of our own. */
static void decode_plainly(const struct file *file, unsigned char *out) {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file->data, file->bytes);
    jpeg_read_header(&jpeg, TRUE);
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
        unsigned char *row =
            out + (size_t)jpeg.output_scanline * jpeg.output_width * (unsigned)jpeg.output_components;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

static void reads_jpegs(void **state) {
    (void)state;
    struct fence fence = fence_make(FILE_BYTES);
    for (size_t i = 0; i < READABLE_JPEGS; i++) {
        const struct jpeg_kind *kind = &jpeg_kinds[i];
        struct file *file = make_jpeg(kind, WIDTH, HEIGHT);
        unsigned char plain[HEIGHT * WIDTH * 3];
        struct reading r;
        decode_plainly(file, plain);
        read_picture(&r, fence_copy_to_end(&fence, file->data, file->bytes), file->bytes, NULL);
        if (r.planes == NULL)
            fail_msg("%s: %s", kind->name, r.refusal.detail);
        assert_int_equal(r.picture.channels, kind->channels);
        assert_int_equal(r.picture.height, HEIGHT);
        assert_int_equal(r.picture.width, WIDTH);
        for (int p = 0; p < HEIGHT * WIDTH * kind->channels; p++) {
            if (decoded(&r, p % kind->channels, p / kind->channels / WIDTH, p / kind->channels % WIDTH) !=
                plain[p])
                fail_msg("%s: sample %d", kind->name, p);
        }
        arena_release(&r.arena);
        free(file);
    }
}

static void refuses_other_jpegs(void **state) {
    (void)state;
    for (size_t i = READABLE_JPEGS; i < sizeof jpeg_kinds / sizeof jpeg_kinds[0]; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i], WIDTH, HEIGHT);
        struct reading r;
        read_picture(&r, file->data, file->bytes, NULL);
        assert_null(r.planes);
        assert_int_equal(r.refusal.problem, PROBLEM_UNSUPPORTED_TENSOR);
        assert_non_null(strstr(r.refusal.detail, "CMYK"));
        arena_release(&r.arena);
        free(file);
    }
}

static void refuses_every_beginning_of_a_jpeg(void **state) {
    (void)state;
    struct fence fence = fence_make(FILE_BYTES);
    for (size_t i = 0; i < READABLE_JPEGS; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i], WIDTH, HEIGHT);
        for (size_t bytes = 0; bytes <= file->bytes + 3; bytes++) {
            struct reading r;
            read_picture(&r, fence_copy_to_end(&fence, file->data, bytes), bytes, NULL);
            if ((r.planes != NULL) != (bytes >= file->bytes))
                fail_msg("%s, %zu of %zu bytes: %s", jpeg_kinds[i].name, bytes, file->bytes,
                         r.refusal.detail);
            if (r.planes == NULL)
                assert_int_equal(r.refusal.problem, PROBLEM_MALFORMED_BODY);
            arena_release(&r.arena);
        }
        free(file);
    }
}

/* A JPEG has no checksum: what is not noticed gives a picture, of a size that was told before. */
static void survives_every_flipped_byte_of_a_jpeg(void **state) {
    (void)state;
    struct fence fence = fence_make(FILE_BYTES);
    int refused = 0;
    for (size_t i = 0; i < READABLE_JPEGS; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i], WIDTH, HEIGHT);
        for (size_t at = 0; at < file->bytes; at++) {
            for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
                struct budget budget = {.limit_bytes = 1 << 22};
                struct reading r;
                file->data[at] ^= (unsigned char)flip;
                read_picture(&r, fence_copy_to_end(&fence, file->data, file->bytes), file->bytes, &budget);
                file->data[at] ^= (unsigned char)flip;
                refused += r.planes == NULL;
                arena_release(&r.arena);
                assert_int_equal(budget.used_bytes, 0);
            }
        }
        free(file);
    }
    assert_true(refused > 1000);
}

static void a_jpeg_survives_every_budget(void **state) {
    (void)state;
    for (size_t i = 0; i < READABLE_JPEGS; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i], WIDTH, HEIGHT);
        survives_every_budget(file->data, file->bytes);
        free(file);
    }
}

/* What libjpeg takes from malloc is charged: at no time does it hold more than the budget says. */
static void what_libjpeg_holds_is_charged(void **state) {
    (void)state;
    static const unsigned sides[][2] = {{1, 1}, {13, 11}, {300, 200}, {1500, 9}, {16, 4000}, {4000, 9}};
    const size_t sizes = sizeof sides / sizeof sides[0];
    for (size_t i = 0; i < READABLE_JPEGS * sizes; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i / sizes], sides[i % sizes][0], sides[i % sizes][1]);
        struct budget budget = {0};
        struct reading r = {.arena = {.budget = &budget}};
        int64_t bytes;
        malloc_bytes = most_uncharged_bytes = 0;
        watched = &budget;
        bool read = picture_open(file->data, file->bytes, &r.arena, &r.picture, &r.refusal);
        watched = NULL;
        assert_true(read);
        picture_plane_bytes(&r.picture, &bytes);
        r.planes = calloc(1, (size_t)bytes);
        malloc_bytes = 0;
        watched = &budget;
        read = picture_read(&r.picture, &r.arena, NULL, r.planes, &r.refusal);
        watched = NULL;
        if (!read)
            fail_msg("%s: %s", jpeg_kinds[i / sizes].name, r.refusal.detail);
        if (most_uncharged_bytes > 0)
            fail_msg("%s, %u x %u: %zu bytes more than were charged", jpeg_kinds[i / sizes].name,
                     sides[i % sizes][0], sides[i % sizes][1], most_uncharged_bytes);
        free(r.planes);
        arena_release(&r.arena);
        assert_int_equal(budget.used_bytes, 0);
        free(file);
    }
}

static void survives_every_failure_of_malloc(void **state) {
    (void)state;
#if defined(SANITIZED)
    skip();
#endif
    for (size_t i = 0; i < READABLE_JPEGS; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i], WIDTH, HEIGHT);
        bool read = false;
        for (long failing = 0; !read; failing++) {
            struct budget budget = {0};
            struct reading r;
            mallocs_left = failing;
            read_picture(&r, file->data, file->bytes, &budget);
            mallocs_left = -1;
            read = r.planes != NULL;
            if (!read)
                assert_int_equal(r.refusal.problem, PROBLEM_OVERLOADED);
            arena_release(&r.arena);
            assert_int_equal(budget.used_bytes, 0);
            assert_true(failing < 200);
        }
        free(file);
    }
}

/* A picture in three scans, the last of which is there `times` times. */
static size_t repeat_last_scan(const struct file *file, int times, unsigned char *out) {
    size_t scan = 0, at = 0;
    for (size_t i = 2; i + 1 < file->bytes; i++)
        scan = file->data[i] == 0xff && file->data[i + 1] == 0xda ? i : scan;
    memcpy(out, file->data, scan);
    at = scan;
    for (int i = 0; i < times; i++, at += file->bytes - 2 - scan)
        memcpy(out + at, file->data + scan, file->bytes - 2 - scan);
    memcpy(out + at, "\xff\xd9", 2);
    return at + 2;
}

static struct file *make_scans(void) {
    static const jpeg_scan_info scans[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    struct file *file = calloc(1, sizeof *file);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *out = file->data, row[8 * 3] = {1, 2, 3}, *rows = row;
    unsigned long bytes = sizeof file->data;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out, &bytes);
    jpeg.image_width = jpeg.image_height = 8;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg.scan_info = scans;
    jpeg.num_scans = 3;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 8; y++)
        jpeg_write_scanlines(&jpeg, &rows, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    file->bytes = bytes;
    return file;
}

static void the_number_of_scans_is_bounded(void **state) {
    (void)state;
    static const struct {
        int times;
        bool taken;
    } rows[] = {{1, true}, {98, true}, {99, false}, {1000, false}};
    struct file *file = make_scans();
    unsigned char *many = malloc(FILE_BYTES * 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reading r;
        size_t bytes = repeat_last_scan(file, rows[i].times, many);
        assert_true(bytes <= FILE_BYTES * 4);
        read_picture(&r, many, bytes, NULL);
        if ((r.planes != NULL) != rows[i].taken)
            fail_msg("%d scans: %s", rows[i].times + 2, r.refusal.detail);
        if (!rows[i].taken)
            assert_int_equal(r.refusal.problem, PROBLEM_LIMIT_EXCEEDED);
        arena_release(&r.arena);
    }
    free(many);
    free(file);
}

static void a_cancelled_reading_ends(void **state) {
    (void)state;
    for (size_t i = 0; i < READABLE_JPEGS; i++) {
        struct file *file = make_jpeg(&jpeg_kinds[i], WIDTH, HEIGHT);
        a_cancelled_reading_ends_for(file);
        free(file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_jpegs),
        cmocka_unit_test(refuses_other_jpegs),
        cmocka_unit_test(refuses_every_beginning_of_a_jpeg),
        cmocka_unit_test(survives_every_flipped_byte_of_a_jpeg),
        cmocka_unit_test(a_jpeg_survives_every_budget),
        cmocka_unit_test(what_libjpeg_holds_is_charged),
        cmocka_unit_test(survives_every_failure_of_malloc),
        cmocka_unit_test(the_number_of_scans_is_bounded),
        cmocka_unit_test(a_cancelled_reading_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
