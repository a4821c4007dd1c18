/*
 * What every fuzz target gives and gets.
 *
 * A target is a struct fuzz_target: it checks one input and, since random bytes are hardly ever JSON, draws inputs of
 * its own kind. Two programs are made of each target: with driver.c a plain one that replays the corpus and then
 * checks a fixed number of inputs, drawn or mutated, each from the seed and its number alone; with libfuzzer.c one
 * that clang's libFuzzer leads by coverage.
 */
#ifndef CONVD_TESTS_FUZZ_FUZZ_H
#define CONVD_TESTS_FUZZ_FUZZ_H

#include "tests/unit/fence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64: reproducible, and every bit is random. */
struct fuzz_random {
    uint64_t state;
};

uint64_t fuzz_u64(struct fuzz_random *random);
size_t fuzz_below(struct fuzz_random *random, size_t limit);
bool fuzz_one_in(struct fuzz_random *random, size_t times);

/* Text of limited length: what does not fit is left out. */
struct fuzz_text {
    char *data; /* borrowed */
    size_t bytes, capacity;
};

void fuzz_put(struct fuzz_text *text, const void *data, size_t bytes);
void fuzz_puts(struct fuzz_text *text, const char *string);
void fuzz_printf(struct fuzz_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct fuzz_target {
    const char *name;
    long runs;                 /* inputs that `make test` draws */
    const char *const *tokens; /* NULL-terminated: what mutations insert */
    void (*start)(void);       /* once; may be NULL */
    void (*draw)(struct fuzz_random *random, struct fuzz_text *out);
    void (*check)(const uint8_t *data, size_t bytes); /* returns, or ends the process by fuzz_fail */
};

/* Each target's file defines it. */
extern const struct fuzz_target fuzz_target;

/* No input is longer. */
enum { FUZZ_MAX_BYTES = 1 << 20 };

/* One to four small changes: bits, bytes, ranges moved, doubled or dropped, tokens put in. */
void fuzz_mutate(struct fuzz_random *random, const char *const *tokens, struct fuzz_text *text);

/* Says what is wrong and ends the process; the driver adds the input. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As fuzz_fail when `condition` is false. */
#define FUZZ_CHECK(condition, ...) ((condition) ? (void)0 : fuzz_fail(__VA_ARGS__))

/* The levels of kernels that this CPU has: their names, portable first, NULL behind the last. */
const char *const *fuzz_levels(void);

/* Takes `level` into use. */
void fuzz_use_level(const char *level);

/* A number of the data, for choices that must not depend on anything else. */
uint64_t fuzz_hash(const void *data, size_t bytes);

#endif
