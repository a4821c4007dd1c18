/*
 * Which level of kernels this process uses. Written once, by kernels_init before any thread; read only from
 * then on.
 */
#include "lib/kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stddef.h>
#include <string.h>

/* Widest first. */
static const struct kernels levels[] = {
#if defined(__x86_64__)
    {
        .name = "avx512vbmi",
        .rows = &row_kernels_avx512,
        .gemm = &gemm_kernels_avx512,
        .depthwise = &depthwise_kernels_avx512,
        .winograd = &winograd_kernels_avx512,
        .pool = &pool_kernels_avx512,
        .read = &read_kernels_avx512vbmi,
        .base64 = &base64_kernels_avx512vbmi,
        .write = &write_kernels_avx512,
    },
    {
        .name = "avx512",
        .rows = &row_kernels_avx512,
        .gemm = &gemm_kernels_avx512,
        .depthwise = &depthwise_kernels_avx512,
        .winograd = &winograd_kernels_avx512,
        .pool = &pool_kernels_avx512,
        .read = &read_kernels_avx512,
        .base64 = &base64_kernels_avx512,
        .write = &write_kernels_avx512,
    },
    {
        .name = "avx2",
        .rows = &row_kernels_avx2,
        .gemm = &gemm_kernels_avx2,
        .depthwise = &depthwise_kernels_avx2,
        .winograd = &winograd_kernels_avx2,
        .pool = &pool_kernels_avx2,
        .read = &read_kernels_avx2,
        .base64 = &base64_kernels_avx2,
        .write = &write_kernels_avx2,
    },
    {
        .name = "sse4",
        .rows = &row_kernels_portable,
        .gemm = &gemm_kernels_portable,
        .depthwise = &depthwise_kernels_portable,
        .winograd = &winograd_kernels_portable,
        .pool = &pool_kernels_portable,
        .read = &read_kernels_sse4,
        .base64 = &base64_kernels_sse4,
        .write = &write_kernels_sse4,
    },
#endif
    {
        .name = "portable",
        .rows = &row_kernels_portable,
        .gemm = &gemm_kernels_portable,
        .depthwise = &depthwise_kernels_portable,
        .winograd = &winograd_kernels_portable,
        .pool = &pool_kernels_portable,
        .read = &read_kernels_portable,
        .base64 = &base64_kernels_portable,
        .write = &write_kernels_portable,
    },
};

enum { LEVELS = sizeof levels / sizeof levels[0] };

static const struct kernels *in_use = &levels[LEVELS - 1];
static bool has_vnni; /* AVX-VNNI; asked once, since virtual machines answer slowly */

/* The features that the Makefile lets the compiler use in the level's files. */
static bool cpu_has(const char *level) {
#if defined(__x86_64__)
    if (strcmp(level, "avx512vbmi") == 0) /* the second generation of AVX-512 */
        return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
               cpu_has("avx512");
    if (strcmp(level, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && cpu_has("avx2");
    if (strcmp(level, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && cpu_has("sse4");
    if (strcmp(level, "sse4") == 0)
        return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
#endif
    return strcmp(level, "portable") == 0;
}

/* Not __builtin_cpu_supports, which knows the name in newer compilers only. */
static bool cpu_has_vnni(void) {
#if defined(__x86_64__)
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1) != 0;
#else
    return false;
#endif
}

bool kernels_init(const char *wanted, const char **error) {
    has_vnni = cpu_has_vnni();
    bool any = wanted == NULL || *wanted == '\0';
    *error = "it must be portable, sse4, avx2, avx512 or avx512vbmi (the last four on x86-64 only)";
    for (int i = 0; i < LEVELS; i++) {
        if (!any && strcmp(wanted, levels[i].name) != 0)
            continue;
        if (cpu_has(levels[i].name)) {
            in_use = &levels[i];
            *error = NULL;
            return true;
        }
        *error = "it names instructions that this CPU does not have; leave it unset to use the best there is";
    }
    return false;
}

const struct kernels *kernels_get(void) {
    return in_use;
}

const struct kernels *kernels_portable(void) {
    return &levels[LEVELS - 1];
}

bool kernels_wide_pipes(const struct kernels *kernels) {
#if defined(__x86_64__)
    return has_vnni && kernels->gemm == &gemm_kernels_avx512;
#else
    return kernels != NULL && has_vnni;
#endif
}

/* Beside the levels of AVX-512: of its second generation some CPUs have it and some have not. */
const struct bf16_kernels *kernels_bf16(const struct kernels *kernels) {
#if defined(__x86_64__)
    if (kernels->gemm == &gemm_kernels_avx512 && __builtin_cpu_supports("avx512bf16"))
        return &bf16_kernels_avx512bf16;
#else
    (void)kernels;
#endif
    return NULL;
}

/* Not a matter of levels: virtual machines hide PCLMULQDQ from guests that have AVX2. */
crc32_fold_kernel *kernels_crc32_fold(void) {
#if defined(__x86_64__)
    if (strcmp(in_use->name, "portable") != 0 && __builtin_cpu_supports("pclmul"))
        return crc32_fold_sse4;
#endif
    return NULL;
}
