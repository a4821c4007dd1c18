#include "tests/fuzz/fuzz.h"

#include "lib/kernels/kernels.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- random numbers ---- */

uint64_t fuzz_u64(struct fuzz_random *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

size_t fuzz_below(struct fuzz_random *random, size_t limit) {
    return (size_t)(fuzz_u64(random) % limit);
}

bool fuzz_one_in(struct fuzz_random *random, size_t times) {
    return fuzz_below(random, times) == 0;
}

/* FNV-1a */
uint64_t fuzz_hash(const void *data, size_t bytes) {
    const uint8_t *at = data;
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* ---- text ---- */

void fuzz_put(struct fuzz_text *text, const void *data, size_t bytes) {
    if (bytes > text->capacity - text->bytes)
        bytes = text->capacity - text->bytes;
    if (bytes > 0)
        memcpy(text->data + text->bytes, data, bytes);
    text->bytes += bytes;
}

void fuzz_puts(struct fuzz_text *text, const char *string) {
    fuzz_put(text, string, strlen(string));
}

void fuzz_printf(struct fuzz_text *text, const char *format, ...) {
    char line[4096];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length > 0)
        fuzz_put(text, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

/* ---- mutation ---- */

/* `bytes` bytes at `at` instead of the `gone` that are there, as far as the capacity allows. */
static void splice(struct fuzz_text *text, size_t at, size_t gone, const char *with, size_t bytes) {
    if (text->bytes - gone + bytes > text->capacity)
        return;
    memmove(text->data + at + bytes, text->data + at + gone, text->bytes - at - gone);
    memcpy(text->data + at, with, bytes);
    text->bytes = text->bytes - gone + bytes;
}

/* A range of the text, mostly short. */
static size_t draw_range(struct fuzz_random *random, const struct fuzz_text *text, size_t *bytes) {
    size_t at = fuzz_below(random, text->bytes), most = text->bytes - at;
    size_t wanted = 1 + fuzz_below(random, fuzz_one_in(random, 4) ? 200 : 8);
    *bytes = wanted < most ? wanted : most;
    return at;
}

static void put_token(struct fuzz_random *random, const char *const *tokens, struct fuzz_text *text) {
    size_t count = 0;
    while (tokens[count] != NULL)
        count++;
    const char *token = tokens[fuzz_below(random, count)];
    size_t at = fuzz_below(random, text->bytes + 1), gone = 0;
    if (fuzz_one_in(random, 2) && at < text->bytes)
        gone = 1;
    splice(text, at, gone, token, strlen(token));
}

/* A range of the text once more, somewhere. */
static void copy_range(struct fuzz_random *random, struct fuzz_text *text) {
    char copy[256];
    size_t bytes, at = draw_range(random, text, &bytes);
    memcpy(copy, text->data + at, bytes);
    splice(text, fuzz_below(random, text->bytes + 1), 0, copy, bytes);
}

static void mutate_once(struct fuzz_random *random, const char *const *tokens, struct fuzz_text *text) {
    size_t kind = fuzz_below(random, 8), bytes;
    if (text->bytes == 0 || kind >= 6) {
        put_token(random, tokens, text);
        return;
    }
    size_t at = draw_range(random, text, &bytes);
    char byte = (char)fuzz_u64(random);
    switch (kind) {
    case 0: text->data[at] = (char)(text->data[at] ^ 1 << fuzz_below(random, 8)); break;
    case 1: text->data[at] = byte; break;
    case 2: splice(text, at, 0, &byte, 1); break;
    case 3: splice(text, at, bytes, "", 0); break;
    case 4: copy_range(random, text); break;
    default:
        if (fuzz_one_in(random, 4))
            text->bytes = at;
        else
            splice(text, at, 1, "", 0);
        break;
    }
}

void fuzz_mutate(struct fuzz_random *random, const char *const *tokens, struct fuzz_text *text) {
    for (size_t i = 1 + fuzz_below(random, 4); i > 0; i--)
        mutate_once(random, tokens, text);
}

/* ---- ends ---- */

void fuzz_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("fuzz: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

/* ---- levels ---- */

const char *const *fuzz_levels(void) {
    static const char *const all[] = {"portable", "sse4", "avx2", "avx512", "avx512vbmi"};
    static const char *has[sizeof all / sizeof all[0] + 1];
    static bool asked;
    size_t count = 0;
    for (size_t i = 0; !asked && i < sizeof all / sizeof all[0]; i++) {
        const char *error;
        if (kernels_init(all[i], &error))
            has[count++] = all[i];
    }
    asked = true;
    return has;
}

void fuzz_use_level(const char *level) {
    const char *error;
    FUZZ_CHECK(kernels_init(level, &error), "%s: %s", level, error);
}
