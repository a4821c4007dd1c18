/*
 * Which level of kernels this process uses. Written once, by kernels_init before any thread; read only from
 * then on.
 */
#include "lib/kernels/kernels.h"

#include <stddef.h>
#include <string.h>

static const struct kernels *in_use = &kernels_portable;

/* Widest first. */
static const struct kernels *const levels[] = {
#if defined(__x86_64__)
    &kernels_avx512,
    &kernels_avx2,
#endif
    &kernels_portable,
};

enum { LEVELS = sizeof levels / sizeof levels[0] };

static bool cpu_has(const struct kernels *level) {
#if defined(__x86_64__)
    /* The features that the Makefile lets the compiler use in the level's file. */
    if (level == &kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    if (level == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return level == &kernels_portable;
}

bool kernels_init(const char *wanted, const char **error) {
    bool any = wanted == NULL || *wanted == '\0';
    *error = "it must be portable, avx2 or avx512 (the last two on x86-64 only)";
    for (int i = 0; i < LEVELS; i++) {
        if (!any && strcmp(wanted, levels[i]->name) != 0)
            continue;
        if (cpu_has(levels[i])) {
            in_use = levels[i];
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
