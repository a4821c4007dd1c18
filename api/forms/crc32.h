/*
 * CRC-32, as zip has it.
 */
#ifndef CONVD_API_FORMS_CRC32_H
#define CONVD_API_FORMS_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum `crc` of what came before, 0 for nothing, with `bytes` bytes more. */
uint32_t crc32_add(uint32_t crc, const unsigned char *data, size_t bytes);

#endif
