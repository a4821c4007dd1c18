/*
 * Folding by carry-less multiplication: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction" (Intel, 2009), for reflected bits. Modulo the polynomial P, 16 bytes may be taken away if d bits further on
 *
 *   first half * (x^(d + 32) mod P)  +  second half * (x^(d - 32) mod P)
 *
 * is added. (The halves stand d + 64 and d bits from there; 32 of them are in the place of the constants' bits.) Four
 * lanes hide the multiplication's latency. For CPUs of this level that have PCLMULQDQ: all but the very first.
 */
#include "lib/kernels/crc32_kernels.h"

#include <immintrin.h>

static inline __m128i load(const unsigned char *data) {
    return _mm_loadu_si128((const __m128i *)(const void *)data);
}

/* `value` moved to where `there` stands, and added. */
static inline __m128i fold(__m128i value, __m128i constants, __m128i there) {
    __m128i low = _mm_clmulepi64_si128(value, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

void crc32_fold_sse4(uint32_t state, const unsigned char *data, size_t bytes,
                     unsigned char folded[CRC32_FOLDED_BYTES]) {
    /* x^(d - 32) and x^(d + 32) modulo P, reflected, in 33 bits: for d = 512 and d = 128 */
    const __m128i far = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i near = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    __m128i lane[4];
    for (int i = 0; i < 4; i++)
        lane[i] = load(data + 16 * i);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128((int)state));
    for (size_t at = CRC32_FOLD_BYTES; at < bytes; at += CRC32_FOLD_BYTES) {
        for (int i = 0; i < 4; i++)
            lane[i] = fold(lane[i], far, load(data + at + 16 * (size_t)i));
    }
    for (int i = 0; i < 3; i++)
        lane[i + 1] = fold(lane[i], near, lane[i + 1]);
    _mm_storeu_si128((__m128i *)(void *)folded, lane[3]);
}
