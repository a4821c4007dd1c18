/* Tensors as PNGs: levels, grids and labels, read back by libpng. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/picture_grid.h"
#include "api/forms/picture_write.h"

#include <float.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct picture_range automatic = {0};

/* What libpng's simplified API reads of a PNG, whose colour type is kept. */
struct read_back {
    unsigned width, height, samples;
    unsigned char *pixels;
};

static struct read_back read_back(const unsigned char *data, size_t bytes) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, data, bytes))
        fail_msg("%s", image.message);
    assert_true(image.format == PNG_FORMAT_GRAY || image.format == PNG_FORMAT_RGB);
    struct read_back picture = {image.width, image.height, image.format == PNG_FORMAT_RGB ? 3 : 1,
                                malloc(PNG_IMAGE_SIZE(image))};
    if (!png_image_finish_read(&image, NULL, picture.pixels, 0, NULL))
        fail_msg("%s", image.message);
    return picture;
}

static struct read_back write_and_read(const struct tensor *tensor, const struct picture_range *range) {
    struct arena arena = {0};
    struct form_refusal refusal = {0};
    unsigned char *data;
    size_t bytes = 0;
    if (!picture_write_check(&tensor->shape, INT64_MAX, &refusal) ||
        !picture_write(tensor, range, &arena, NULL, &data, &bytes, &refusal))
        fail_msg("%s", refusal.detail);
    struct read_back picture = read_back(data, bytes);
    arena_release(&arena);
    return picture;
}

/* ---- levels ---- */

static void values_become_levels(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct picture_range range;
        double values[4];
        unsigned char levels[4];
    } rows[] = {
        {"automatic", {0}, {-1, 0, 1, 3}, {0, 64, 128, 255}},
        {"automatic, bytes", {0}, {0, 1, 254, 255}, {0, 1, 254, 255}},
        {"automatic, infinities do not count", {0}, {-INFINITY, 1, 2, INFINITY}, {0, 0, 255, 255}},
        {"automatic, NaN does not count", {0}, {NAN, 1, 2, 1.5}, {0, 0, 255, 128}},
        {"automatic, one value", {0}, {7, 7, 7, 7}, {128, 128, 128, 128}},
        {"automatic, one finite value", {0}, {0, NAN, INFINITY, -INFINITY}, {128, 0, 255, 0}},
        {"automatic, nothing finite", {0}, {NAN, INFINITY, -INFINITY, NAN}, {0, 255, 0, 0}},
        {"automatic, only -0 and 0", {0}, {-0.0, 0.0, -0.0, 0.0}, {128, 128, 128, 128}},
        {"automatic, all of float64", {0}, {-DBL_MAX, 0, DBL_MAX / 2, DBL_MAX}, {0, 128, 191, 255}},
        {"automatic, subnormal", {0}, {0, 0x1p-1074, 0x2p-1074, 0x4p-1074}, {0, 64, 128, 255}},
        {"automatic, near 1", {0}, {1, 1 + 0x1p-52, 1 + 0x2p-52, 1 + 0x4p-52}, {0, 64, 128, 255}},
        {"given", {true, 0, 1}, {-0.5, 0, 0.5, 2}, {0, 0, 128, 255}},
        {"given, halves", {true, 0, 255}, {0.49, 0.5, 254.49, 254.5}, {0, 1, 254, 255}},
        {"given, no numbers", {true, -1, 1}, {NAN, INFINITY, -INFINITY, 0}, {0, 255, 0, 128}},
        {"given, far away", {true, 1e300, 1e301}, {-1e308, 0, 1e308, 1e301}, {0, 0, 255, 255}},
        {"given, all of float64",
         {true, -DBL_MAX, DBL_MAX},
         {-INFINITY, -DBL_MAX, 0, INFINITY},
         {0, 0, 128, 255}},
        {"given, subnormal", {true, 0, 0x1p-1074}, {1e308, -1e308, 0, 0x1p-1074}, {255, 0, 0, 255}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double values[4];
        memcpy(values, rows[i].values, sizeof values);
        struct tensor tensor = {.dtype = DTYPE_FLOAT64, .shape = SHAPE(1, 1, 2, 2), .data = values};
        struct read_back picture = write_and_read(&tensor, &rows[i].range);
        assert_int_equal(picture.samples, 1);
        assert_int_equal(picture.width, 2);
        assert_int_equal(picture.height, 2);
        for (int k = 0; k < 4; k++) {
            if (picture.pixels[k] != rows[i].levels[k])
                fail_msg("%s: %g is %d, not %d", rows[i].name, rows[i].values[k], picture.pixels[k],
                         rows[i].levels[k]);
        }
        free(picture.pixels);
    }
}

static void three_channels_are_a_colour(void **state) {
    (void)state;
    float values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 11, 12, 13, 14, 15, 16, 17};
    struct tensor tensor = {.dtype = DTYPE_FLOAT32, .shape = SHAPE(3, 2, 3), .data = values};
    struct read_back picture = write_and_read(&tensor, &automatic);
    assert_int_equal(picture.samples, 3);
    assert_int_equal(picture.width, 3);
    assert_int_equal(picture.height, 2);
    for (int p = 0; p < 6; p++) {
        for (int c = 0; c < 3; c++)
            assert_int_equal(picture.pixels[p * 3 + c], (int)values[c * 6 + p]);
    }
    free(picture.pixels);
}

/* ---- grids: '.' is background, '#' ink, a digit the tile's level ---- */

static char symbol(const unsigned char *pixel, unsigned samples) {
    bool grey = samples == 1 || (pixel[0] == pixel[1] && pixel[1] == pixel[2]);
    if (!grey)
        return '?';
    return pixel[0] == GRID_BACKGROUND ? '.' : pixel[0] == GRID_INK ? '#' : (char)('0' + pixel[0]);
}

/* The picture of a tensor whose tiles are filled with 0, 1, 2 …, a line for each row. */
static void draw_grid(const struct shape *shape, char *out, size_t capacity) {
    int64_t elems = 0, channels = shape->dim[shape->rank - 3];
    int64_t plane = shape->dim[shape->rank - 1] * shape->dim[shape->rank - 2];
    int64_t tile_elems = channels == 3 ? 3 * plane : plane;
    shape_elems(shape, &elems);
    double *values = malloc((size_t)elems * sizeof *values);
    for (int64_t i = 0; i < elems; i++)
        values[i] = (double)(i / tile_elems % 10);
    const struct tensor tensor = {.dtype = DTYPE_FLOAT64, .shape = *shape, .data = values};
    const struct picture_range range = {true, 0, 255};
    struct read_back picture = write_and_read(&tensor, &range);
    assert_int_equal(picture.samples, channels == 3 ? 3 : 1);
    assert_true((picture.width + 1) * picture.height < capacity);
    for (unsigned y = 0; y < picture.height; y++, *out++ = '\n') {
        for (unsigned x = 0; x < picture.width; x++)
            *out++ = symbol(picture.pixels + (y * picture.width + x) * picture.samples, picture.samples);
    }
    *out = '\0';
    free(picture.pixels);
    free(values);
}

static void grids_are_laid_out(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct shape shape;
        const char *picture;
    } cases[] = {
        {"two channels",
         {4, {1, 2, 2, 3}},
         "............\n"
         "..###...#...\n"
         "..#.#..##...\n"
         "..#.#...#...\n"
         "..#.#...#...\n"
         "..###..###..\n"
         "............\n"
         "..000..111..\n"
         "..000..111..\n"
         "............\n"
         "............\n"},
        {"five channels, wider than their labels, no batch",
         {3, {5, 1, 4}},
         "....................\n"
         "..###....#....###...\n"
         "..#.#...##......#...\n"
         "..#.#....#....###...\n"
         "..#.#....#....#.....\n"
         "..###...###...###...\n"
         "....................\n"
         "..0000..1111..2222..\n"
         "....................\n"
         "..###...#.#.........\n"
         "....#...#.#.........\n"
         "...##...###.........\n"
         "....#.....#.........\n"
         "..###.....#.........\n"
         "....................\n"
         "..3333..4444........\n"
         "....................\n"
         "....................\n"},
        {"a batch of two with three rows",
         {4, {2, 5, 1, 1}},
         "......................................................\n"
         "..###...#.###..###...#..#...###...#.###..###...#.###..\n"
         "..#.#...#.#.#..#.#...#.##...#.#...#...#..#.#...#...#..\n"
         "..#.#..#..#.#..#.#..#...#...#.#..#..###..#.#..#...##..\n"
         "..#.#.#...#.#..#.#.#....#...#.#.#...#....#.#.#.....#..\n"
         "..###.#...###..###.#...###..###.#...###..###.#...###..\n"
         "......................................................\n"
         "..0............1............2............3............\n"
         "......................................................\n"
         "..###...#.#.#.........................................\n"
         "..#.#...#.#.#.........................................\n"
         "..#.#..#..###.........................................\n"
         "..#.#.#.....#.........................................\n"
         "..###.#.....#.........................................\n"
         "......................................................\n"
         "..4...................................................\n"
         "......................................................\n"
         "...#....#.###...#....#..#....#....#.###...#....#.###..\n"
         "..##....#.#.#..##....#.##...##....#...#..##....#...#..\n"
         "...#...#..#.#...#...#...#....#...#..###...#...#...##..\n"
         "...#..#...#.#...#..#....#....#..#...#.....#..#.....#..\n"
         "..###.#...###..###.#...###..###.#...###..###.#...###..\n"
         "......................................................\n"
         "..5............6............7............8............\n"
         "......................................................\n"
         "...#....#.#.#.........................................\n"
         "..##....#.#.#.........................................\n"
         "...#...#..###.........................................\n"
         "...#..#.....#.........................................\n"
         "..###.#.....#.........................................\n"
         "......................................................\n"
         "..9...................................................\n"
         "......................................................\n"
         "......................................................\n"},
        {"a batch of grey planes",
         {4, {2, 1, 1, 1}},
         "............\n"
         "..###...#...\n"
         "..#.#..##...\n"
         "..#.#...#...\n"
         "..#.#...#...\n"
         "..###..###..\n"
         "............\n"
         "..0....1....\n"
         "............\n"
         "............\n"},
        {"a batch of colours",
         {4, {3, 3, 1, 2}},
         "............\n"
         "..###...#...\n"
         "..#.#..##...\n"
         "..#.#...#...\n"
         "..#.#...#...\n"
         "..###..###..\n"
         "............\n"
         "..00...11...\n"
         "............\n"
         "..###.......\n"
         "....#.......\n"
         "..###.......\n"
         "..#.........\n"
         "..###.......\n"
         "............\n"
         "..22........\n"
         "............\n"
         "............\n"},
        {"every digit",
         {3, {12, 1, 1}},
         "......................................\n"
         "..###.......#.......###......###......\n"
         "..#.#......##.........#........#......\n"
         "..#.#.......#.......###.......##......\n"
         "..#.#.......#.......#..........#......\n"
         "..###......###......###......###......\n"
         "......................................\n"
         "..0........1........2........3........\n"
         "......................................\n"
         "..#.#......###......###......###......\n"
         "..#.#......#........#..........#......\n"
         "..###......###......###........#......\n"
         "....#........#......#.#........#......\n"
         "....#......###......###........#......\n"
         "......................................\n"
         "..4........5........6........7........\n"
         "......................................\n"
         "..###......###.......#..###...#...#...\n"
         "..#.#......#.#......##..#.#..##..##...\n"
         "..###......###.......#..#.#...#...#...\n"
         "..#.#........#.......#..#.#...#...#...\n"
         "..###......###......###.###..###.###..\n"
         "......................................\n"
         "..8........9........0........1........\n"
         "......................................\n"
         "......................................\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char picture[8192];
        draw_grid(&cases[i].shape, picture, sizeof picture);
        if (strcmp(picture, cases[i].picture) != 0)
            fail_msg("%s:\n%s", cases[i].name, picture);
    }
}

/* ---- limits ---- */

static void sizes_are_judged_by_the_shape(void **state) {
    (void)state;
    const int64_t far = INT64_C(1) << 40;
    const struct {
        struct shape shape;
        int64_t max_bytes;
        int problem; /* -1: fine */
        const char *detail;
    } rows[] = {
        {{4, {1, 1, 10, 10}}, 100, -1, NULL},
        {{4, {1, 1, 10, 10}},
         99,
         PROBLEM_LIMIT_EXCEEDED,
         "would take 100 bytes; the limit is 99 (--max-output)"},
        {{3, {3, 10, 10}}, 300, -1, NULL},
        {{3, {3, 10, 10}}, 299, PROBLEM_LIMIT_EXCEEDED, "300 bytes"},
        {{3, {2, 2, 3}}, 132, -1, NULL},
        {{3, {2, 2, 3}}, 131, PROBLEM_LIMIT_EXCEEDED, "132 bytes"},
        {{4, {0, 1, 10, 10}}, far, PROBLEM_INVALID_VALUE, "[0, 1, 10, 10] has no elements"},
        {{3, {1, 10, 0}}, far, PROBLEM_INVALID_VALUE, "no elements"},
        {{3, {0, 1, 1}}, far, PROBLEM_INVALID_VALUE, "no elements"},
        {{3, {1, 1, 1000000}}, far, -1, NULL},
        {{3, {1, 1, 1000001}}, far, PROBLEM_LIMIT_EXCEEDED, "1000001 x 1 pixels"},
        {{3, {1, INT64_C(0x80000000), 1}}, far, PROBLEM_LIMIT_EXCEEDED, "1 x 2147483648 pixels"},
        {{3, {INT64_C(1) << 62, 1, 1}}, far, PROBLEM_LIMIT_EXCEEDED, "bytes"},
        {{4, {INT64_C(1) << 30, INT64_C(1) << 30, 1, 1}}, far, PROBLEM_LIMIT_EXCEEDED, "bytes"},
        {{4, {1, 2, 1, INT64_MAX / 4}}, far, PROBLEM_LIMIT_EXCEEDED, "bytes"},
        {{4, {1, 2, INT64_MAX / 4, 1}}, far, PROBLEM_LIMIT_EXCEEDED, "bytes"},
        {{4, {INT64_MAX, 3, 1, 1}}, far, PROBLEM_LIMIT_EXCEEDED, "bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct form_refusal refusal = {0};
        bool fine = picture_write_check(&rows[i].shape, rows[i].max_bytes, &refusal);
        if (fine != (rows[i].problem < 0) || (!fine && ((int)refusal.problem != rows[i].problem ||
                                                        strstr(refusal.detail, rows[i].detail) == NULL)))
            fail_msg("row %zu: %s", i, fine ? "fine" : refusal.detail);
    }
}

/* Noise cannot be made smaller: the file is as large as it ever gets for its pixels. */
static void noise_fits_into_the_bound(void **state) {
    (void)state;
    static const struct shape shapes[] = {{3, {1, 1, 1}},     {3, {3, 1, 1}},      {3, {1, 300, 401}},
                                          {3, {3, 300, 401}}, {3, {1, 1, 100003}}, {3, {1, 100003, 1}},
                                          {3, {7, 211, 97}}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int64_t elems = 0;
        shape_elems(&shapes[i], &elems);
        float *values = malloc((size_t)elems * sizeof *values);
        uint32_t random = 1;
        for (int64_t k = 0; k < elems; k++) {
            random = random * 1664525u + 1013904223u;
            values[k] = (float)(random >> 24);
        }
        values[0] = 0;
        values[elems - 1] = 255;
        struct tensor tensor = {.dtype = DTYPE_FLOAT32, .shape = shapes[i], .data = values};
        struct read_back picture = write_and_read(&tensor, &automatic);
        if (shapes[i].dim[0] == 1 && elems > 1) {
            for (int64_t k = 0; k < elems; k++)
                assert_int_equal(picture.pixels[k], (int)values[k]);
        }
        free(picture.pixels);
        free(values);
    }
}

static void survives_every_budget(void **state) {
    (void)state;
    float values[6] = {1, 2, 3, 4, 5, 6};
    const struct tensor tensor = {.dtype = DTYPE_FLOAT32, .shape = SHAPE(6, 1, 1), .data = values};
    bool written = false;
    for (size_t limit = 64; !written; limit += limit / 64 + 64) {
        struct budget budget = {.limit_bytes = limit};
        struct arena arena = {.budget = &budget};
        struct form_refusal refusal = {0};
        unsigned char *data;
        size_t bytes;
        written = picture_write(&tensor, &automatic, &arena, NULL, &data, &bytes, &refusal);
        if (!written)
            assert_int_equal(refusal.problem, PROBLEM_OVERLOADED);
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
        assert_true(limit < 1 << 24);
    }
}

static void a_cancelled_writing_ends(void **state) {
    (void)state;
    atomic_bool cancelled = true;
    float value = 1;
    const struct tensor tensor = {.dtype = DTYPE_FLOAT32, .shape = SHAPE(1, 1, 1), .data = &value};
    struct arena arena = {0};
    struct form_refusal refusal = {0};
    unsigned char *data;
    size_t bytes;
    assert_false(picture_write(&tensor, &automatic, &arena, &cancelled, &data, &bytes, &refusal));
    assert_int_equal(refusal.problem, PROBLEM_DRAINING);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_levels),      cmocka_unit_test(three_channels_are_a_colour),
        cmocka_unit_test(grids_are_laid_out),        cmocka_unit_test(sizes_are_judged_by_the_shape),
        cmocka_unit_test(noise_fits_into_the_bound), cmocka_unit_test(survives_every_budget),
        cmocka_unit_test(a_cancelled_writing_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
