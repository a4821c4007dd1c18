/*
 * Large memory that is used again. Memory fresh from the system is zeroed and faulted in page by page, which costs
 * an image-size request as much time as its convolution; what one request gives back serves the next.
 *
 * What waits for its next use is bounded in bytes and goes back to the system when it has not been used for some
 * time (pages_age).
 */
#ifndef CONVD_LIB_BASE_PAGES_H
#define CONVD_LIB_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

struct pages;

/* Blocks of fewer bytes come from malloc and go back to it. */
enum { PAGES_LEAST_BYTES = 16 * 1024 };

/* At most `most_bytes` wait. Gives the pool to the caller, who ends it with pages_destroy; NULL without memory. */
struct pages *pages_create(size_t most_bytes);

/* Everything has been given back before. NULL is accepted. */
void pages_destroy(struct pages *pages);

/*
 * At least `bytes` bytes aligned to 64, of any content; NULL when the system refuses, even after what waits has
 * gone back to it. The caller owns them until pages_give with the same `bytes`. A NULL pool keeps nothing.
 */
void *pages_take(struct pages *pages, size_t bytes);
void pages_give(struct pages *pages, void *block, size_t bytes);

/*
 * A block of `bytes` bytes that begins with the first `kept_bytes` of `block`, which was taken with `old_bytes` and
 * is the pool's again; NULL, and `block` as before, when the system refuses. Large blocks are moved by their page
 * tables, not copied.
 */
void *pages_resize(struct pages *pages, void *block, size_t old_bytes, size_t kept_bytes, size_t bytes);

/* What waits, but for the one small block that each thread keeps for itself; a glance without a lock. */
size_t pages_waiting_bytes(const struct pages *pages);

/* Gives the system back what waits beyond `most_bytes`, the longest unused first. */
void pages_shrink(struct pages *pages, size_t most_bytes);

/*
 * A tick of the clock: what has waited for PAGES_TICKS of them goes back to the system. False when nothing was
 * taken since the tick before.
 */
enum { PAGES_TICKS = 5 };
bool pages_age(struct pages *pages);

#endif
