/*
 * Writing numbers in plain C: one at a time, by lib/numbers/decimal_write.c. Converting only keeps them.
 */
#include "lib/kernels/write_kernels.h"
#include "lib/numbers/decimal.h"

#include <string.h>

/* All ones are set in an exponent that is not finite. */
static uint64_t convert_f32(struct write_block *block, const float *values, int count) {
    uint64_t left_out = 0;
    memcpy(block->f32, values, (size_t)count * sizeof *values);
    for (int i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        left_out |= (uint64_t)((bits >> 23 & 0xff) == 0xff) << i;
    }
    return left_out;
}

static uint64_t convert_f64(struct write_block *block, const double *values, int count) {
    uint64_t left_out = 0;
    memcpy(block->f64, values, (size_t)count * sizeof *values);
    for (int i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, values + i, sizeof bits);
        left_out |= (uint64_t)((bits >> 52 & 0x7ff) == 0x7ff) << i;
    }
    return left_out;
}

static uint64_t convert_i64(struct write_block *block, const int64_t *values, int count) {
    memcpy(block->i64, values, (size_t)count * sizeof *values);
    return 0;
}

static char *put_f32(char *text, const struct write_block *block, int first, int end) {
    for (int i = first; i < end; i++) {
        *text = ',';
        text = decimal_write_f32(text + 1, block->f32[i]);
    }
    return text;
}

static char *put_f64(char *text, const struct write_block *block, int first, int end) {
    for (int i = first; i < end; i++) {
        *text = ',';
        text = decimal_write_f64(text + 1, block->f64[i]);
    }
    return text;
}

static char *put_i64(char *text, const struct write_block *block, int first, int end) {
    for (int i = first; i < end; i++) {
        *text = ',';
        text = decimal_write_i64(text + 1, block->i64[i]);
    }
    return text;
}

const struct write_kernels write_kernels_portable = {
    .convert_f32 = convert_f32,
    .convert_f64 = convert_f64,
    .convert_i64 = convert_i64,
    .put_f32 = put_f32,
    .put_f64 = put_f64,
    .put_i64 = put_i64,
};
