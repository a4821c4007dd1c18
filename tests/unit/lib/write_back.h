/*
 * Writing many float32 with the level in use and reading each text back: what the random sample of the unit
 * tests and the exhaustive test of all 2^32 share.
 */
#ifndef CONVD_TESTS_UNIT_LIB_WRITE_BACK_H
#define CONVD_TESTS_UNIT_LIB_WRITE_BACK_H

#include "lib/kernels/kernels.h"
#include "lib/numbers/decimal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Fills `*wrong` with the first of the values, as many as a block has at most, that is not written as it
 * must be, and returns false. With `reference` the text is also held against decimal_write_f32's.
 */
static inline bool write_back_block(const struct write_kernels *kernels, const uint32_t *bits, int count,
                                    bool reference, uint32_t *wrong) {
    struct write_block block;
    float values[WRITE_BLOCK];
    char text[WRITE_BLOCK * WRITE_F32_BYTES + WRITE_SPARE_BYTES], expected[DECIMAL_F32_BYTES];
    memcpy(values, bits, (size_t)count * sizeof *bits);
    uint64_t left_out = kernels->convert_f32(&block, values, count);
    for (int i = 0; i < count;) {
        *wrong = bits[i];
        bool finite = (bits[i] >> 23 & 0xff) != 0xff;
        if ((left_out >> i & 1) == finite)
            return false;
        if (!finite) {
            i++;
            continue;
        }
        uint64_t rest = left_out >> i;
        int stop = rest == 0 ? count : i + __builtin_ctzll(rest);
        stop = stop < count ? stop : count;
        char *end = kernels->put_f32(text, &block, i, stop), *p = text;
        *end = ','; /* (within the spare bytes) */
        for (; i < stop; i++) {
            float back;
            uint32_t back_bits;
            const char *comma = p + 2;
            while (*comma != ',')
                comma++;
            *wrong = bits[i];
            if (*p++ != ',' || !decimal_read_f32(p, comma, &back))
                return false;
            memcpy(&back_bits, &back, sizeof back);
            if (back_bits != bits[i])
                return false;
            if (reference) {
                size_t length = (size_t)(decimal_write_f32(expected, values[i]) - expected);
                if (length != (size_t)(comma - p) || memcmp(expected, p, length) != 0)
                    return false;
            }
            p += comma - p;
        }
        if (p != end)
            return false;
    }
    return true;
}

#endif
