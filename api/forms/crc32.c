/*
 * zlib 1.2.13 sums 4 GB/s, folding 14, and an npz's checksums are the one pass over its tensors that is not the
 * convolution's own. zlib ends what folding leaves.
 */
#include "api/forms/crc32.h"

#include "lib/kernels/kernels.h"

#include <zlib.h>

/* Shorter data are not worth the way. */
enum { SHORT_BYTES = 4 * CRC32_FOLD_BYTES };

uint32_t crc32_add(uint32_t crc, const unsigned char *data, size_t bytes) {
    crc32_fold_kernel *fold = kernels_crc32_fold();
    if (fold != NULL && bytes >= SHORT_BYTES) {
        unsigned char folded[CRC32_FOLDED_BYTES];
        size_t whole = bytes / CRC32_FOLD_BYTES * CRC32_FOLD_BYTES;
        fold(~crc, data, whole, folded);
        crc = (uint32_t)crc32_z(0xFFFFFFFFu, folded, sizeof folded); /* a register of 0 */
        data += whole;
        bytes -= whole;
    }
    return (uint32_t)crc32_z(crc, data, bytes);
}
