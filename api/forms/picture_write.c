#include "api/forms/picture_write.h"

#include "api/forms/picture_codec.h"
#include "api/forms/picture_grid.h"
#include "lib/base/checked.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <zlib.h>

enum { MOST_SIDE = 1000000 }; /* PNG_USER_WIDTH_MAX and PNG_USER_HEIGHT_MAX of readers */

/* ---- levels ---- */

/*
 * level = (v · prescale - lo) · steps + 1/2. The prescale is 1 but for ranges whose width overflows or whose steps
 * would; it is a power of two, so that it rounds nothing.
 */
struct levels {
    const struct tensor *tensor;
    const struct picture_grid *grid;
    bool constant; /* lo is the only finite value */
    double prescale, lo, steps;
};

/* From the smallest to the largest finite value; lanes, since compilers vectorise no minimum of one variable. */
#define FIND_RANGE(name, type)                                                                               \
    static void name(const type *values, int64_t elems, double *lo, double *hi) {                            \
        enum { LANES = 16 };                                                                                 \
        type least[LANES], most[LANES];                                                                      \
        for (int k = 0; k < LANES; k++) {                                                                    \
            least[k] = (type)INFINITY;                                                                       \
            most[k] = -(type)INFINITY;                                                                       \
        }                                                                                                    \
        for (int64_t i = 0; i < elems; i += LANES) {                                                         \
            int count = elems - i < LANES ? (int)(elems - i) : LANES;                                        \
            for (int k = 0; k < count; k++) {                                                                \
                type value = values[i + k];                                                                  \
                type low = value > -(type)INFINITY ? value : (type)INFINITY;                                 \
                type high = value < (type)INFINITY ? value : -(type)INFINITY;                                \
                least[k] = low < least[k] ? low : least[k];                                                  \
                most[k] = high > most[k] ? high : most[k];                                                   \
            }                                                                                                \
        }                                                                                                    \
        for (int k = 0; k < LANES; k++) {                                                                    \
            *lo = least[k] < *lo ? (double)least[k] : *lo;                                                   \
            *hi = most[k] > *hi ? (double)most[k] : *hi;                                                     \
        }                                                                                                    \
    }
FIND_RANGE(find_range_f32, float)
FIND_RANGE(find_range_f64, double)

/* 0 to 0 when nothing is finite. */
static struct picture_range find_range(const struct tensor *tensor) {
    struct picture_range range = {.lo = INFINITY, .hi = -INFINITY};
    int64_t elems = 0;
    shape_elems(&tensor->shape, &elems);
    if (tensor->dtype == DTYPE_FLOAT32)
        find_range_f32(tensor->data, elems, &range.lo, &range.hi);
    else
        find_range_f64(tensor->data, elems, &range.lo, &range.hi);
    return range.lo <= range.hi ? range : (struct picture_range){.lo = 0, .hi = 0};
}

static void set_levels(struct levels *levels, const struct picture_range *range) {
    double width = range->hi - range->lo;
    levels->constant = range->lo == range->hi;
    levels->prescale = isinf(width) ? 0.5 : !levels->constant && width < 0x1p-900 ? 0x1p600 : 1;
    levels->lo = range->lo * levels->prescale;
    levels->steps = 255 / (range->hi * levels->prescale - levels->lo);
}

static unsigned char constant_level(const struct levels *levels, double value) {
    return value == levels->lo ? 128 : value > levels->lo ? 255 : 0;
}

static inline unsigned char level(double value, double prescale, double lo, double steps) {
    double scaled = (value * prescale - lo) * steps + 0.5;
    scaled = scaled > 0 ? scaled : 0; /* NaN too */
    return (unsigned char)(int)(scaled < 255 ? scaled : 255);
}

/* `pixels` levels, `stride` bytes from one to the next. */
#define WRITE_LEVELS(name, type)                                                                             \
    static void name(const struct levels *levels, const type *values, int64_t pixels, int stride,            \
                     unsigned char *out) {                                                                   \
        const double prescale = levels->prescale, lo = levels->lo, steps = levels->steps;                    \
        for (int64_t i = 0; levels->constant && i < pixels; i++)                                             \
            out[i * stride] = constant_level(levels, (double)values[i]);                                     \
        for (int64_t i = 0; !levels->constant && i < pixels; i++)                                            \
            out[i * stride] = level((double)values[i], prescale, lo, steps);                                 \
    }
WRITE_LEVELS(write_levels_f32, float)
WRITE_LEVELS(write_levels_f64, double)

static void draw_tile(const void *context, int64_t tile, int64_t y, unsigned char *out) {
    const struct levels *levels = context;
    const struct picture_grid *grid = levels->grid;
    for (int c = 0; c < grid->samples; c++) {
        int64_t at = ((tile * grid->samples + c) * grid->tile_height + y) * grid->tile_width;
        if (levels->tensor->dtype == DTYPE_FLOAT32)
            write_levels_f32(levels, (const float *)levels->tensor->data + at, grid->tile_width,
                             grid->samples, out + c);
        else
            write_levels_f64(levels, (const double *)levels->tensor->data + at, grid->tile_width,
                             grid->samples, out + c);
    }
}

/* ---- PNG ---- */

struct png_sink {
    jmp_buf jump;
    struct arena *arena;
    struct form_refusal *refusal;
    const struct picture_grid *grid;
    const struct levels *levels;
    const atomic_bool *cancelled;
    bool no_memory;
    unsigned char *data;
    size_t bytes, capacity;
};

static void on_error(png_structp png, png_const_charp message) __attribute__((noreturn));

static void on_error(png_structp png, png_const_charp message) {
    struct png_sink *sink = png_get_error_ptr(png);
    if (sink->no_memory)
        form_refusal_set(sink->refusal, PROBLEM_OVERLOADED, "memory for the picture is not to be had now");
    else
        form_refusal_set(sink->refusal, PROBLEM_INTERNAL_ERROR, "libpng: %s", message);
    longjmp(sink->jump, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t bytes) {
    struct png_sink *sink = png_get_mem_ptr(png);
    void *memory = arena_alloc(sink->arena, bytes);
    sink->no_memory = memory == NULL;
    return memory;
}

static void let_go(png_structp png, png_voidp memory) {
    (void)png;
    (void)memory;
}

static void drain(png_structp png, png_bytep data, size_t bytes) {
    struct png_sink *sink = png_get_io_ptr(png);
    if (bytes > sink->capacity - sink->bytes)
        png_error(png, "deflate passed its bound");
    memcpy(sink->data + sink->bytes, data, bytes);
    sink->bytes += bytes;
}

static void flush_nothing(png_structp png) {
    (void)png;
}

/*
 * The most that the file can have: zlib's bound for any window and level (deflateBound: 1/8 and 1/64 on top), twelve
 * bytes around each chunk of at least 8192, signature, IHDR and IEND.
 */
static bool file_bound(const struct picture_grid *grid, size_t *bound) {
    int64_t row, raw;
    if (!checked_mul(grid->width, grid->samples, &row) || !checked_add(row, 1, &row) ||
        !checked_mul(row, grid->height, &raw) || raw > INT64_MAX / 2)
        return false;
    size_t deflated = (size_t)raw + (size_t)raw / 8 + (size_t)raw / 64 + 64;
    *bound = deflated + (deflated / 8192 + 2) * 12 + 64;
    return true;
}

static png_structp begin(struct png_sink *sink) {
    png_structp png =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, sink, on_error, on_warning, sink, allocate, let_go);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    if (info == NULL) {
        form_refusal_set(sink->refusal, PROBLEM_OVERLOADED, "libpng could not be set up");
        longjmp(sink->jump, 1);
    }
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* bytes are limited, sides are not */
    png_set_write_fn(png, sink, drain, flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)sink->grid->width, (png_uint_32)sink->grid->height, 8,
                 sink->grid->samples == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    /* Runs and Huffman codes alone: on smooth, sparse and noisy megapixels 10 to 14 ms, where level 1 takes 16 to 26 and
     * level 6 with all filters 38 to 150, for files that are as small or at most a quarter larger. */
    png_set_compression_strategy(png, Z_RLE);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    png_write_info(png, info);
    return png;
}

static void write_steps(struct png_sink *sink) {
    const struct picture_grid *grid = sink->grid;
    sink->data = file_bound(grid, &sink->capacity) ? arena_alloc(sink->arena, sink->capacity) : NULL;
    unsigned char *row = arena_alloc(sink->arena, (size_t)(grid->width * grid->samples));
    if (sink->data == NULL || row == NULL) {
        form_refusal_set(sink->refusal, PROBLEM_OVERLOADED, "memory for the picture is not to be had now");
        longjmp(sink->jump, 1);
    }
    png_structp png = begin(sink);
    for (int64_t y = 0; y < grid->height; y++) {
        if (sink->cancelled != NULL && atomic_load(sink->cancelled)) {
            form_refusal_set(sink->refusal, PROBLEM_DRAINING, "the request was cancelled");
            longjmp(sink->jump, 1);
        }
        picture_grid_row(grid, y, draw_tile, sink->levels, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
}

static bool guarded(struct png_sink *sink) {
    if (setjmp(sink->jump) != 0)
        return false;
    write_steps(sink);
    return true;
}

bool picture_write_check(const struct shape *shape, int64_t max_bytes, struct form_refusal *refusal) {
    struct picture_grid grid;
    char text[SHAPE_TEXT_BYTES];
    int64_t elems, bytes;
    bool fits = shape_elems(shape, &elems);
    if (fits && elems == 0)
        return form_refusal_set(refusal, PROBLEM_INVALID_VALUE,
                                "the output of size %s has no elements and so no picture",
                                shape_text(shape, text));
    fits = fits && picture_grid_plan(shape, &grid) && checked_mul(grid.width, grid.height, &bytes) &&
           checked_mul(bytes, grid.samples, &bytes);
    if (!fits || bytes > max_bytes)
        return form_refusal_set(refusal, PROBLEM_LIMIT_EXCEEDED,
                                "the picture, with its labels, would take %" PRId64
                                " bytes; the limit is %" PRId64 " (--max-output)",
                                fits ? bytes : INT64_MAX, max_bytes);
    if (grid.width > MOST_SIDE || grid.height > MOST_SIDE)
        return form_refusal_set(refusal, PROBLEM_LIMIT_EXCEEDED,
                                "the picture would have %" PRId64 " x %" PRId64
                                " pixels; what reads PNG by libpng ends at %d a side",
                                grid.width, grid.height, MOST_SIDE);
    return true;
}

bool picture_write(const struct tensor *tensor, const struct picture_range *range, struct arena *arena,
                   const atomic_bool *cancelled, unsigned char **out, size_t *bytes,
                   struct form_refusal *refusal) {
    struct picture_grid grid;
    struct levels levels = {.tensor = tensor, .grid = &grid};
    struct picture_range found = range->fixed ? *range : find_range(tensor);
    bool fits = picture_grid_plan(&tensor->shape, &grid);
    assert(fits);
    (void)fits;
    set_levels(&levels, &found);
    struct png_sink sink = {
        .arena = arena, .refusal = refusal, .grid = &grid, .levels = &levels, .cancelled = cancelled};
    if (!guarded(&sink))
        return false;
    *out = sink.data;
    *bytes = sink.bytes;
    return true;
}
