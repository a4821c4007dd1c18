/*
 * What the files read_<level>.c give: the contracts are those of lib/numbers/array_text.h.
 */
#ifndef CONVD_LIB_KERNELS_READ_KERNELS_H
#define CONVD_LIB_KERNELS_READ_KERNELS_H

#include "lib/numbers/array_text.h"
#include "lib/numbers/decimal.h"

struct read_kernels {
    enum array_verdict (*structure_walk)(struct array_structure *structure, size_t bytes);
    int64_t (*read_f32)(const struct array_range *range, float *out);
    int64_t (*read_f64)(const struct array_range *range, double *out);
    size_t (*plain_bytes)(const char *begin, const char *end);
};

extern const struct read_kernels read_kernels_portable;
#if defined(__x86_64__)
extern const struct read_kernels read_kernels_sse4, read_kernels_avx2, read_kernels_avx512,
    read_kernels_avx512vbmi;
#endif

/* Which of 64 bytes are what, in an array whose structure is looked at: bit i is byte i. */
struct text_masks {
    uint64_t numbers; /* neither blanks nor commas nor brackets; strangers may be among them */
    uint64_t commas, opens, closes;
    uint64_t strangers; /* quotes, backslashes, controls that are no blanks, and what is not ASCII */
};

/* The same for the insides of numbers; all but `numbers` may have bits elsewhere too. */
struct number_masks {
    uint64_t numbers; /* neither blank nor comma nor bracket, in an array whose structure is proven */
    uint64_t digits, points, minuses, zeros;
};

/* What no blank, comma or bracket is, in an array whose structure is proven. */
static inline bool is_number_byte(char c) {
    return (unsigned char)c > ' ' && c != ',' && c != '[' && c != ']';
}

#endif
