/*
 * The base64 kernels for the CPUs of the AVX-512 level that have VBMI too, whose shuffles take a table of 64 or 128
 * bytes: the whole alphabet, or all of ASCII. Compiled with those flags; nothing here may run before kernels_init has
 * asked the CPU.
 *
 * Source: W. Muła, D. Lemire, "Base64 encoding and decoding at almost the speed of a memory copy", Software:
 * Practice and Experience 50(2), 2020 (arXiv:1910.05109).
 */
#include "lib/kernels/base64_kernels.h"

#include <immintrin.h>

enum { VEC_GROUPS = 16 };

/* The bytes of 1 to VEC_GROUPS groups of `unit` bytes each. */
static inline __mmask64 mask_of(size_t groups, unsigned unit) {
    return ~UINT64_C(0) >> (64 - groups * unit);
}

/*
 * The bytes x, y, z of each group in the order y, x, z, y make the words x·256 + y and y·256 + z, where the four
 * numbers below 64 begin at bits 10, 4, 16 + 6 and 16. What stands above a number's six bits the look-up ignores.
 */
static inline __m512i encode_block(__m512i data) {
    static const uint8_t order[64] = {1,  0,  2,  1,  4,  3,  5,  4,  7,  6,  8,  7,  10, 9,  11, 10,
                                      13, 12, 14, 13, 16, 15, 17, 16, 19, 18, 20, 19, 22, 21, 23, 22,
                                      25, 24, 26, 25, 28, 27, 29, 28, 31, 30, 32, 31, 34, 33, 35, 34,
                                      37, 36, 38, 37, 40, 39, 41, 40, 43, 42, 44, 43, 46, 45, 47, 46};
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const __m512i shifts = _mm512_set1_epi64(0x3036242a1016040a);
    __m512i words = _mm512_permutexvar_epi8(_mm512_loadu_si512(order), data);
    return _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(shifts, words), _mm512_loadu_si512(alphabet));
}

static size_t encode(char *text, const uint8_t *data, size_t groups) {
    size_t done = 0;
    for (; groups - done >= VEC_GROUPS; done += VEC_GROUPS) {
        __m512i block = _mm512_maskz_loadu_epi8(mask_of(VEC_GROUPS, 3), data + done * 3);
        _mm512_storeu_si512(text + done * 4, encode_block(block));
    }
    if (done < groups) {
        size_t rest = groups - done;
        __m512i block = _mm512_maskz_loadu_epi8(mask_of(rest, 3), data + done * 3);
        _mm512_mask_storeu_epi8(text + done * 4, mask_of(rest, 4), encode_block(block));
    }
    return groups;
}

/* The value of each ASCII character, or X for a stranger. Bytes above 127 are looked up without bit 7. */
enum { X = 0x80 };
/* clang-format off */
static const uint8_t values[128] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  X,  X,  63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,
    X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  X,
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,
};
/* clang-format on */

/* The values of 64 characters; false when one of them is a stranger. */
static inline bool values_of(__m512i text, __m512i *out) {
    *out = _mm512_permutex2var_epi8(_mm512_loadu_si512(values), text, _mm512_loadu_si512(values + 64));
    return _mm512_movepi8_mask(_mm512_or_si512(*out, text)) == 0;
}

/* The numbers a, b, c, d of each group as ((a·64 + b)·64 + c)·64 + d, and the three bytes of each, the highest first,
 * to the front. */
static inline __m512i join_groups(__m512i numbers) {
    static const uint8_t order[64] = {2,  1,  0,  6,  5,  4,  10, 9,  8,  14, 13, 12, 18, 17, 16, 22,
                                      21, 20, 26, 25, 24, 30, 29, 28, 34, 33, 32, 38, 37, 36, 42, 41,
                                      40, 46, 45, 44, 50, 49, 48, 54, 53, 52, 58, 57, 56, 62, 61, 60};
    __m512i pairs = _mm512_maddubs_epi16(numbers, _mm512_set1_epi16(1 << 6 | 1 << 8));
    __m512i groups = _mm512_madd_epi16(pairs, _mm512_set1_epi32(1 << 12 | 1 << 16));
    return _mm512_permutexvar_epi8(_mm512_loadu_si512(order), groups);
}

static size_t decode(uint8_t *data, const char *text, size_t groups) {
    size_t done = 0;
    __m512i numbers;
    for (; groups - done >= VEC_GROUPS; done += VEC_GROUPS) {
        if (!values_of(_mm512_loadu_si512(text + done * 4), &numbers))
            return done;
        _mm512_mask_storeu_epi8(data + done * 3, mask_of(VEC_GROUPS, 3), join_groups(numbers));
    }
    if (done == groups)
        return groups;
    size_t rest = groups - done;
    __m512i block = _mm512_mask_loadu_epi8(_mm512_set1_epi8('A'), mask_of(rest, 4), text + done * 4);
    if (!values_of(block, &numbers))
        return done;
    _mm512_mask_storeu_epi8(data + done * 3, mask_of(rest, 3), join_groups(numbers));
    return groups;
}

const struct base64_kernels base64_kernels_avx512vbmi = {.encode = encode, .decode = decode};
