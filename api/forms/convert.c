#include "api/forms/convert.h"

#include "lib/numbers/decimal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- runs: `count` values in this machine's byte order, at any alignment ---- */

/* Converts a run; the index of the first value that cannot be had, or -1. */
typedef int64_t run_fn(const unsigned char *in, void *out, int64_t count);

/* A cast rounds once, to nearest-even, from every integer and from float64. */
#define CAST_RUN(name, from, to)                                                                             \
    static int64_t name(const unsigned char *in, void *out, int64_t count) {                                 \
        to *values = out;                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                \
            from value;                                                                                      \
            memcpy(&value, in + (size_t)i * sizeof value, sizeof value);                                     \
            values[i] = (to)value;                                                                           \
        }                                                                                                    \
        return -1;                                                                                           \
    }
#define CAST_RUNS(name, from)                                                                                \
    CAST_RUN(name##_to_f32, from, float)                                                                     \
    CAST_RUN(name##_to_f64, from, double)

CAST_RUNS(i8, int8_t)
CAST_RUNS(u8, uint8_t)
CAST_RUNS(i16, int16_t)
CAST_RUNS(u16, uint16_t)
CAST_RUNS(i32, int32_t)
CAST_RUNS(u32, uint32_t)
CAST_RUNS(i64, int64_t)
CAST_RUNS(u64, uint64_t)
CAST_RUN(f32_to_f64, float, double)

/* A picture's sample as a part of the largest: one division of values that are exact, so rounded once. */
#define UNIT_RUN(name, from, to, most)                                                                       \
    static int64_t name(const unsigned char *in, void *out, int64_t count) {                                 \
        to *values = out;                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                \
            from value;                                                                                      \
            memcpy(&value, in + (size_t)i * sizeof value, sizeof value);                                     \
            values[i] = (to)value / (to)(most);                                                              \
        }                                                                                                    \
        return -1;                                                                                           \
    }

UNIT_RUN(u8_to_unit_f32, uint8_t, float, UINT8_MAX)
UNIT_RUN(u8_to_unit_f64, uint8_t, double, UINT8_MAX)
UNIT_RUN(u16_to_unit_f32, uint16_t, float, UINT16_MAX)
UNIT_RUN(u16_to_unit_f64, uint16_t, double, UINT16_MAX)

static int64_t f32_to_f32(const unsigned char *in, void *out, int64_t count) {
    memcpy(out, in, (size_t)count * sizeof(float));
    return -1;
}

static int64_t f64_to_f64(const unsigned char *in, void *out, int64_t count) {
    memcpy(out, in, (size_t)count * sizeof(double));
    return -1;
}

static bool overflows(double value) {
    return isfinite(value) && isinf((float)value);
}

static int64_t f64_to_f32(const unsigned char *in, void *out, int64_t count) {
    float *values = out;
    int any = 0;
    double value;
    for (int64_t i = 0; i < count; i++) {
        memcpy(&value, in + (size_t)i * sizeof value, sizeof value);
        values[i] = (float)value;
        any |= (fabsf(values[i]) > FLT_MAX) & (fabs(value) <= DBL_MAX);
    }
    for (int64_t i = 0; any && i < count; i++) {
        memcpy(&value, in + (size_t)i * sizeof value, sizeof value);
        if (overflows(value))
            return i;
    }
    return -1;
}

static int64_t first_above_1(const unsigned char *in, int64_t count) {
    unsigned char all = 0;
    for (int64_t i = 0; i < count; i++)
        all |= in[i];
    for (int64_t i = 0; all > 1 && i < count; i++) {
        if (in[i] > 1)
            return i;
    }
    return -1;
}

static int64_t bool_to_f32(const unsigned char *in, void *out, int64_t count) {
    u8_to_f32(in, out, count);
    return first_above_1(in, count);
}

static int64_t bool_to_f64(const unsigned char *in, void *out, int64_t count) {
    u8_to_f64(in, out, count);
    return first_above_1(in, count);
}

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/*
 * IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits; bias 15) in the format of binary32 (8 and 23 bits; bias 127).
 * The exponent moves by 112; that of infinities and NaN, 31, becomes 255, which is 112 further. A subnormal half is a
 * count of 2^-24. Both are computed and masks keep one, since compilers do not vectorise what branches; neither meets a
 * subnormal float, which costs CPUs a hundred cycles.
 */
static float float_of_half(uint16_t half) {
    int32_t magnitude = half & 0x7FFF;
    uint32_t sign = (half & 0x8000u) << 16;
    uint32_t is_subnormal = 0u - (magnitude < 0x0400), is_special = 0u - (magnitude >= 0x7C00);
    uint32_t subnormal = bits_of_float((float)magnitude * 0x1p-24f);
    uint32_t normal = ((uint32_t)magnitude << 13) + (112u << 23) + (is_special & (112u << 23));
    return float_of_bits((subnormal & is_subnormal) | (normal & ~is_subnormal) | sign);
}

/* bfloat16 is the upper half of a float32. */
static float float_of_bfloat(uint16_t bits) {
    return float_of_bits((uint32_t)bits << 16);
}

#define HALF_RUN(name, function, to)                                                                         \
    static int64_t name(const unsigned char *in, void *out, int64_t count) {                                 \
        to *values = out;                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                \
            uint16_t bits;                                                                                   \
            memcpy(&bits, in + (size_t)i * sizeof bits, sizeof bits);                                        \
            values[i] = (to)function(bits);                                                                  \
        }                                                                                                    \
        return -1;                                                                                           \
    }

HALF_RUN(f16_to_f32, float_of_half, float)
HALF_RUN(f16_to_f64, float_of_half, double)
HALF_RUN(bf16_to_f32, float_of_bfloat, float)
HALF_RUN(bf16_to_f64, float_of_bfloat, double)

static run_fn *const runs[STORED_DTYPES][2] = {
    [STORED_BOOL] = {bool_to_f32, bool_to_f64},     [STORED_INT8] = {i8_to_f32, i8_to_f64},
    [STORED_UINT8] = {u8_to_f32, u8_to_f64},        [STORED_INT16] = {i16_to_f32, i16_to_f64},
    [STORED_UINT16] = {u16_to_f32, u16_to_f64},     [STORED_INT32] = {i32_to_f32, i32_to_f64},
    [STORED_UINT32] = {u32_to_f32, u32_to_f64},     [STORED_INT64] = {i64_to_f32, i64_to_f64},
    [STORED_UINT64] = {u64_to_f32, u64_to_f64},     [STORED_FLOAT16] = {f16_to_f32, f16_to_f64},
    [STORED_BFLOAT16] = {bf16_to_f32, bf16_to_f64}, [STORED_FLOAT32] = {f32_to_f32, f32_to_f64},
    [STORED_FLOAT64] = {f64_to_f32, f64_to_f64},
};

static run_fn *find_run(const struct stored_tensor *stored, enum dtype dtype) {
    static run_fn *const unit_runs[2][2] = {{u8_to_unit_f32, u8_to_unit_f64},
                                            {u16_to_unit_f32, u16_to_unit_f64}};
    bool wide = dtype == DTYPE_FLOAT64;
    return stored->unit ? unit_runs[stored->dtype == STORED_UINT16][wide] : runs[stored->dtype][wide];
}

/* ---- byte order ---- */

static bool is_foreign(const struct stored_tensor *stored) {
    bool native_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return stored_dtype_bytes(stored->dtype) > 1 && stored->big_endian != native_is_big;
}

#define SWAP_RUN(bits)                                                                                       \
    static void swap_##bits(unsigned char *data, int64_t count) {                                            \
        for (int64_t i = 0; i < count; i++) {                                                                \
            uint##bits##_t value;                                                                            \
            memcpy(&value, data + (size_t)i * sizeof value, sizeof value);                                   \
            value = __builtin_bswap##bits(value);                                                            \
            memcpy(data + (size_t)i * sizeof value, &value, sizeof value);                                   \
        }                                                                                                    \
    }
SWAP_RUN(16)
SWAP_RUN(32)
SWAP_RUN(64)

void convert_swap_bytes(void *data, int64_t count, size_t elem_bytes) {
    switch (elem_bytes) {
    case 2: swap_16(data, count); break;
    case 4: swap_32(data, count); break;
    case 8: swap_64(data, count); break;
    default: break;
    }
}

/* ---- index order ---- */

/* Values that are converted at once: they and what becomes of them stay in the L1 cache. */
enum { TILE = 32, BLOCK = TILE * TILE };

struct conversion {
    const struct stored_tensor *stored;
    run_fn *run;
    size_t in_bytes, out_bytes; /* of an element */
    bool foreign;
    unsigned char *out;
    int64_t refused; /* the first position in C order that was, or -1 */
};

static void note_refused(struct conversion *c, int64_t position) {
    if (c->refused < 0 || position < c->refused)
        c->refused = position;
}

static void convert_in_order(struct conversion *c) {
    unsigned char block[BLOCK * sizeof(double)];
    int64_t step = c->foreign ? BLOCK : c->stored->elems;
    for (int64_t at = 0; at < c->stored->elems && c->refused < 0; at += step) {
        int64_t count = c->stored->elems - at < step ? c->stored->elems - at : step;
        const unsigned char *in = c->stored->data + (size_t)at * c->in_bytes;
        if (c->foreign) {
            memcpy(block, in, (size_t)count * c->in_bytes);
            convert_swap_bytes(block, count, c->in_bytes);
            in = block;
        }
        int64_t refused = c->run(in, c->out + (size_t)at * c->out_bytes, count);
        if (refused >= 0)
            note_refused(c, at + refused);
    }
}

/* to[i][j] = from[j][i] for 0 <= i < rows, 0 <= j < cols; the columns lie `step` bytes apart in `from`. */
static inline __attribute__((always_inline)) void
turn(unsigned char *to, const unsigned char *from, int64_t rows, int64_t cols, size_t step, size_t bytes) {
    for (int64_t j = 0; j < cols; j++) {
        for (int64_t i = 0; i < rows; i++)
            memcpy(to + (size_t)(i * cols + j) * bytes, from + (size_t)j * step + (size_t)i * bytes, bytes);
    }
}

static void turn_tile(unsigned char *to, const unsigned char *from, int64_t rows, int64_t cols, size_t step,
                      size_t bytes) {
    switch (bytes) {
    case 1: turn(to, from, rows, cols, step, 1); break;
    case 2: turn(to, from, rows, cols, step, 2); break;
    case 4: turn(to, from, rows, cols, step, 4); break;
    default: turn(to, from, rows, cols, step, 8); break;
    }
}

/* Sizes other than 1, and how far their neighbours lie apart: in the file (the first index runs fastest) and in C
 * order. All in elements. */
struct axes {
    int rank;
    int64_t size[SHAPE_MAX_RANK], in_step[SHAPE_MAX_RANK], out_step[SHAPE_MAX_RANK];
};

static struct axes find_axes(const struct shape *shape) {
    struct axes axes = {.rank = 0};
    int64_t in_step = 1, out_step = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == 1)
            continue;
        axes.size[axes.rank] = shape->dim[i];
        axes.in_step[axes.rank++] = in_step;
        in_step *= shape->dim[i];
    }
    for (int i = axes.rank - 1; i >= 0; i--) {
        axes.out_step[i] = out_step;
        out_step *= axes.size[i];
    }
    return axes;
}

/* The tile of `rows` first and `cols` last indices whose corner lies at `in_at` in the file and `out_at` in C order. */
static void convert_tile(struct conversion *c, const struct axes *axes, int64_t in_at, int64_t out_at,
                         int64_t rows, int64_t cols) {
    unsigned char turned[BLOCK * sizeof(double)];
    int64_t out_step = axes->out_step[0];
    turn_tile(turned, c->stored->data + (size_t)in_at * c->in_bytes, rows, cols,
              (size_t)axes->in_step[axes->rank - 1] * c->in_bytes, c->in_bytes);
    if (c->foreign)
        convert_swap_bytes(turned, rows * cols, c->in_bytes);
    for (int64_t i = 0; i < rows; i++) {
        int64_t position = out_at + i * out_step;
        int64_t refused =
            c->run(turned + (size_t)(i * cols) * c->in_bytes, c->out + (size_t)position * c->out_bytes, cols);
        if (refused >= 0)
            note_refused(c, position + refused);
    }
}

/* For one tile of the first and last axis, all indices of those between, the second running fastest: so the lines of
 * the cache that a narrow first axis fills only in part are used up before they are lost. */
static void convert_tiles_between(struct conversion *c, const struct axes *axes, int64_t first,
                                  int64_t last) {
    int64_t index[SHAPE_MAX_RANK] = {0};
    int end = axes->rank - 1;
    int64_t rows = axes->size[0] - first < TILE ? axes->size[0] - first : TILE;
    int64_t cols = axes->size[end] - last < TILE ? axes->size[end] - last : TILE;
    int64_t in_at = first + last * axes->in_step[end], out_at = first * axes->out_step[0] + last;
    for (int axis = 0; axis < end;) {
        convert_tile(c, axes, in_at, out_at, rows, cols);
        for (axis = 1; axis < end; axis++) {
            in_at += axes->in_step[axis];
            out_at += axes->out_step[axis];
            if (++index[axis] < axes->size[axis])
                break;
            in_at -= axes->size[axis] * axes->in_step[axis];
            out_at -= axes->size[axis] * axes->out_step[axis];
            index[axis] = 0;
        }
    }
}

static void convert_turned(struct conversion *c) {
    struct axes axes = find_axes(&c->stored->shape);
    for (int64_t last = 0; last < axes.size[axes.rank - 1]; last += TILE) {
        for (int64_t first = 0; first < axes.size[0]; first += TILE)
            convert_tiles_between(c, &axes, first, last);
    }
}

/* With one axis, or without elements, both orders are the same. */
static bool is_turned(const struct stored_tensor *stored) {
    int wide = 0;
    for (int i = 0; i < stored->shape.rank; i++)
        wide += stored->shape.dim[i] != 1;
    return stored->fortran && wide > 1 && stored->elems > 0;
}

/* ---- the whole ---- */

/* Where the element of a C-order position lies in the file. */
static int64_t file_position(const struct stored_tensor *stored, int64_t position) {
    const struct shape *shape = &stored->shape;
    int64_t at = 0;
    if (!stored->fortran)
        return position;
    for (int i = shape->rank - 1; i >= 0; i--) {
        at = position % shape->dim[i] + shape->dim[i] * at;
        position /= shape->dim[i];
    }
    return at;
}

/* Only values of these two dtypes are refused. */
static bool refuse(const struct conversion *c, struct convert_refusal *refusal) {
    unsigned char element[sizeof(double)];
    char text[DECIMAL_F64_BYTES + 1];
    double value;
    refusal->position = c->refused;
    memcpy(element, c->stored->data + (size_t)file_position(c->stored, c->refused) * c->in_bytes,
           c->in_bytes);
    if (c->stored->dtype == STORED_BOOL) {
        refusal->problem = PROBLEM_INVALID_TENSOR;
        snprintf(refusal->detail, sizeof refusal->detail, "the byte %d is no bool, which is 0 or 1",
                 element[0]);
        return false;
    }
    if (c->foreign)
        convert_swap_bytes(element, 1, c->in_bytes);
    memcpy(&value, element, sizeof value);
    *decimal_write_f64(text, value) = '\0';
    refusal->problem = PROBLEM_NUMBER_OUT_OF_RANGE;
    snprintf(refusal->detail, sizeof refusal->detail,
             "%s is beyond the range of float32 (largest finite value 3.4028235e38)", text);
    return false;
}

bool convert_is_none(const struct stored_tensor *stored, enum dtype dtype) {
    enum stored_dtype same = dtype == DTYPE_FLOAT64 ? STORED_FLOAT64 : STORED_FLOAT32;
    return stored->dtype == same && !is_foreign(stored) && !is_turned(stored) &&
           (uintptr_t)stored->data % dtype_bytes(dtype) == 0;
}

bool convert(const struct stored_tensor *stored, enum dtype dtype, void *out,
             struct convert_refusal *refusal) {
    struct conversion c = {.stored = stored,
                           .run = find_run(stored, dtype),
                           .in_bytes = stored_dtype_bytes(stored->dtype),
                           .out_bytes = dtype_bytes(dtype),
                           .foreign = is_foreign(stored),
                           .out = out,
                           .refused = -1};
    if (is_turned(stored))
        convert_turned(&c);
    else
        convert_in_order(&c);
    return c.refused < 0 || refuse(&c, refusal);
}
