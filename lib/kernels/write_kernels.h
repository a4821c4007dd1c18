/*
 * Numbers to JSON text, a block at a time, in two steps: convert finds the digits of up to 64 numbers side
 * by side and how they are laid out, put lays any of them down one behind the other.
 *
 *   values   0.5   -3   1e-9            convert: vectors of numbers; no number waits for another
 *   text     ,0.5,-3,1e-9               put: one store for each number, wherever the one before it ends
 *
 * The text of a number is what lib/numbers/decimal_write.c writes, byte for byte, on every level.
 */
#ifndef CONVD_LIB_KERNELS_WRITE_KERNELS_H
#define CONVD_LIB_KERNELS_WRITE_KERNELS_H

#include <stdint.h>

enum { WRITE_BLOCK = 64 };

/*
 * What convert leaves for put of the same level and type; its insides are theirs. It needs no
 * initialisation and may be used again and again.
 */
struct write_block {
    union {
        _Alignas(64) unsigned char digits[WRITE_BLOCK][16];
        float f32[WRITE_BLOCK];
        double f64[WRITE_BLOCK];
        int64_t i64[WRITE_BLOCK];
    };
    _Alignas(64) unsigned char marks[WRITE_BLOCK][8];
    uint32_t layout[WRITE_BLOCK], bytes[WRITE_BLOCK];
};

/*
 * What one number takes at most, with its comma; and how many bytes behind the end of what put returns it
 * may have overwritten. So `count` numbers need room for count * WRITE_F32_BYTES + WRITE_SPARE_BYTES.
 */
enum { WRITE_F32_BYTES = 23, WRITE_F64_BYTES = 26, WRITE_I64_BYTES = 21, WRITE_SPARE_BYTES = 32 };

/*
 * Converts values[0] … values[count - 1], 0 < count <= WRITE_BLOCK; nothing behind them is read. Returns a
 * bit for each, lowest first, that put cannot write: floats that are not finite, integers of more digits
 * than the level cares for.
 */
typedef uint64_t write_convert_f32(struct write_block *block, const float *values, int count);
typedef uint64_t write_convert_f64(struct write_block *block, const double *values, int count);
typedef uint64_t write_convert_i64(struct write_block *block, const int64_t *values, int count);

/*
 * Writes numbers first … end - 1 of the block, 0 <= first <= end, a comma in front of each and no NUL, and
 * returns the end.
 */
typedef char *write_put(char *text, const struct write_block *block, int first, int end);

/* What one file of an instruction set gives: write_<level>.c. */
struct write_kernels {
    write_convert_f32 *convert_f32;
    write_convert_f64 *convert_f64;
    write_convert_i64 *convert_i64;
    write_put *put_f32, *put_f64, *put_i64;
};

extern const struct write_kernels write_kernels_portable;
#if defined(__x86_64__)
extern const struct write_kernels write_kernels_sse4, write_kernels_avx2, write_kernels_avx512;
#endif

#endif
