/*
 * Memory of one request: everything is allocated from an arena and goes in one piece.
 *
 * A budget is shared by all arenas of a process: what they hold together never passes it. An allocation
 * that the budget or the system refuses returns NULL and changes nothing.
 */
#ifndef CONVD_LIB_BASE_ARENA_H
#define CONVD_LIB_BASE_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct pages;

/* Bytes that all who share it hold, and may hold at most. Zero `limit_bytes` means no limit. */
struct budget {
    _Atomic size_t used_bytes;
    size_t limit_bytes;
    struct pages *pages; /* borrowed: where large blocks come from; NULL: from the system, each time */
};

/* Charges `bytes`; false, and nothing charged, when the limit would be passed. NULL budgets have no limit. */
bool budget_take(struct budget *budget, size_t bytes);
void budget_release(struct budget *budget, size_t bytes);

/*
 * Charged memory: `bytes` bytes aligned to 64, not zeroed, the caller's until budget_free with the same `bytes`.
 * NULL when the budget or the system refuses. What waits in the pages' pool is not charged; it makes room when
 * both together would pass the limit.
 */
void *budget_alloc(struct budget *budget, size_t bytes);
void budget_free(struct budget *budget, void *block, size_t bytes);

/* A block of `bytes` instead of one of `old_bytes`, with its first `kept_bytes`. NULL, and the old one as before,
 * when it is refused. */
void *budget_resize(struct budget *budget, void *block, size_t old_bytes, size_t kept_bytes, size_t bytes);

struct arena_block;

/* Zero-initialised it is valid and without a budget. */
struct arena {
    struct arena_block *blocks; /* newest first */
    struct budget *budget;      /* borrowed, may be NULL */
    size_t refused_bytes;       /* that it was asked for last and had not */
};

/*
 * Lends an empty arena `bytes` bytes at `memory` (borrowed, aligned to 64) to begin with; they are not charged, and
 * outlive the arena's next release. Not worth it below some hundred bytes.
 */
void arena_lend(struct arena *arena, void *memory, size_t bytes);

/* `bytes` bytes aligned to 64, not zeroed, valid until arena_release. NULL when there is no memory. Zero
 * bytes give a valid pointer that must not be read through. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* How many bytes arena_alloc gives without asking anyone. */
size_t arena_room(const struct arena *arena);

/* What it holds of its budget. */
size_t arena_charged_bytes(const struct arena *arena);

/* As arena_alloc for `count` elements of `elem_bytes`, zeroed; NULL when the product overflows too. */
void *arena_calloc(struct arena *arena, size_t count, size_t elem_bytes);

/* A NUL-terminated copy of `bytes` bytes of `text`. */
char *arena_strndup(struct arena *arena, const char *text, size_t bytes);

/* The text of `format`; NULL when there is no memory. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees everything and leaves the arena empty and usable; what it was lent is the lender's again. */
void arena_release(struct arena *arena);

#endif
