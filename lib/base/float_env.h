/*
 * Flush-to-zero around multiply-add kernels, and nowhere else: subnormals cost a factor of 150 in a GEMM and
 * are a cheap attack, but the codec, conversions and max pooling keep them. On CPUs without such a switch
 * both are empty.
 *
 *     float_env saved = float_flush_begin();
 *     … multiply-adds …
 *     float_flush_end(saved);
 *
 * Both are barriers for memory, so that no load or store of the kernels moves across the switch.
 */
#ifndef CONVD_LIB_BASE_FLOAT_ENV_H
#define CONVD_LIB_BASE_FLOAT_ENV_H

#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>

typedef uint32_t float_env; /* MXCSR */

static inline float_env float_flush_begin(void) {
    float_env saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040u); /* FTZ is bit 15, DAZ bit 6 */
    __asm__ volatile("" ::: "memory");
    return saved;
}

/* The sticky exception flags that the kernels raised go too: what is restored is exactly what was found. */
static inline void float_flush_end(float_env saved) {
    __asm__ volatile("" ::: "memory");
    _mm_setcsr(saved);
}
#elif defined(__aarch64__)
typedef uint64_t float_env; /* FPCR */

static inline float_env float_flush_begin(void) {
    float_env saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(saved | (UINT64_C(1) << 24)) : "memory"); /* FZ */
    return saved;
}

static inline void float_flush_end(float_env saved) {
    __asm__ volatile("msr fpcr, %0" : : "r"(saved) : "memory");
}
#else
typedef uint32_t float_env;

static inline float_env float_flush_begin(void) {
    return 0;
}

static inline void float_flush_end(float_env saved) {
    (void)saved;
}
#endif

#endif
