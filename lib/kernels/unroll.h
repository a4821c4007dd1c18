/*
 * UNROLL: the loop behind it, of constant length, becomes straight code, so that the vectors that it counts live in registers.
 *
 * Builds with AddressSanitizer or UndefinedBehaviorSanitizer, which look at every access anyway, define NO_UNROLL: the kernels
 * compile in half the time, which is most of such a build, and the tests take no longer. (ThreadSanitizer would look at the
 * vectors in memory, too.)
 */
#ifndef CONVD_LIB_KERNELS_UNROLL_H
#define CONVD_LIB_KERNELS_UNROLL_H

#if defined(NO_UNROLL)
#define UNROLL
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#endif
