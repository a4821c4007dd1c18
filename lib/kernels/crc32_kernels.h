/*
 * CRC-32, the checksum of zip, gzip and PNG (ISO 3309; polynomial 0x04C11DB7, bits reflected), by folding.
 */
#ifndef CONVD_LIB_KERNELS_CRC32_KERNELS_H
#define CONVD_LIB_KERNELS_CRC32_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { CRC32_FOLD_BYTES = 64, CRC32_FOLDED_BYTES = 16 };

/*
 * Shrinks `bytes` bytes, a multiple of CRC32_FOLD_BYTES and not 0, to CRC32_FOLDED_BYTES that have from a register of 0
 * the checksum that the data have from `state`, the register's value (the complement of a checksum so far). Nothing
 * needs to be aligned.
 */
typedef void crc32_fold_kernel(uint32_t state, const unsigned char *data, size_t bytes,
                               unsigned char folded[CRC32_FOLDED_BYTES]);

#if defined(__x86_64__)
crc32_fold_kernel crc32_fold_sse4; /* for CPUs of that level with PCLMULQDQ */
#endif

#endif
