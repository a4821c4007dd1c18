/*
 * Compute kernels, one set for each instruction set behind one table.
 *
 * The file <what>_<level>.c has a level's kernels of one kind, <what>_kernels.h says what they do. A set is
 * complete: portable C has every kernel, and a level that has nothing better of a kind takes the narrower one's.
 * Kernels that move or convert give the same bytes on every level; those that sum agree within rounding (the
 * wider ones use fused multiply-add), so one process keeps to one level: kernels_init() picks it once at start.
 */
#ifndef CONVD_LIB_KERNELS_KERNELS_H
#define CONVD_LIB_KERNELS_KERNELS_H

#include "lib/kernels/base64_kernels.h"
#include "lib/kernels/bf16_kernels.h"
#include "lib/kernels/crc32_kernels.h"
#include "lib/kernels/depthwise_kernels.h"
#include "lib/kernels/gemm_kernels.h"
#include "lib/kernels/pool_kernels.h"
#include "lib/kernels/read_kernels.h"
#include "lib/kernels/row_kernels.h"
#include "lib/kernels/winograd_kernels.h"
#include "lib/kernels/write_kernels.h"

#include <stdbool.h>

struct kernels {
    const char *name; /* "portable", "sse4", "avx2", "avx512" */
    const struct row_kernels *rows;
    const struct gemm_kernels *gemm;
    const struct depthwise_kernels *depthwise;
    const struct winograd_kernels *winograd;
    const struct pool_kernels *pool;
    const struct read_kernels *read;
    const struct base64_kernels *base64;
    const struct write_kernels *write;
};

/*
 * Picks the level, once, before any thread: the widest that this CPU has when `wanted` is NULL or empty, else
 * the one of that name (the value of the environment variable CONVD_CPU). False, and the choice unchanged,
 * when there is no such level or the CPU lacks it: *error is then a static sentence to follow the value ("it
 * must be …").
 */
bool kernels_init(const char *wanted, const char **error);

/* The level in use; portable before kernels_init. */
const struct kernels *kernels_get(void);

/* The level that every CPU has. */
const struct kernels *kernels_portable(void);

/*
 * Whether the CPU begins two products of the level's vectors in a cycle. Of those with AVX-512 the ones with AVX-VNNI are known to
 * (Zen 5, Sapphire Rapids); Zen 4 begins one. False before kernels_init.
 */
bool kernels_wide_pipes(const struct kernels *kernels);

/* Products of bfloat16 beside a level's kernels; NULL where the level or the CPU has none. */
const struct bf16_kernels *kernels_bf16(const struct kernels *kernels);

/* NULL where nothing beats the tables of zlib, which lib does not have. */
crc32_fold_kernel *kernels_crc32_fold(void);

#endif
