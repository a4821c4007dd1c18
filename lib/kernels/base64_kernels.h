/*
 * What the files base64_<level>.c give.
 */
#ifndef CONVD_LIB_KERNELS_BASE64_KERNELS_H
#define CONVD_LIB_KERNELS_BASE64_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * base64 (RFC 4648, the standard alphabet) of whole groups: three bytes of `data`, four characters of `text`, no
 * padding. Both return how many groups they did, from the first on. Encoding leaves fewer than BASE64_KERNEL_REST;
 * decoding leaves as few before the end, or before the first group that has a character outside the alphabet, and never
 * does that one. The portable kernels leave none: the caller goes on with them. Nothing outside `groups` groups is read
 * or written, what is left of the output may hold anything, and data and text do not overlap.
 */
enum { BASE64_KERNEL_REST = 16 };

typedef size_t base64_encode_kernel(char *text, const uint8_t *data, size_t groups);
typedef size_t base64_decode_kernel(uint8_t *data, const char *text, size_t groups);

struct base64_kernels {
    base64_encode_kernel *encode;
    base64_decode_kernel *decode;
};

extern const struct base64_kernels base64_kernels_portable;
#if defined(__x86_64__)
extern const struct base64_kernels base64_kernels_sse4, base64_kernels_avx2, base64_kernels_avx512;
extern const struct base64_kernels base64_kernels_avx512vbmi;
#endif

#endif
