/*
 * Concurrency: `lock` protects the lists and the tick. It is taken last; the system is never called under it.
 * `waiting_bytes` is written under it and read without as a hint; `taken` is a flag that anyone raises and pages_age
 * lowers. Each thread keeps one block of the smallest class for itself (`spare`), which needs no lock: nearly every
 * request takes one, and what the same processor has just used is in its cache. It goes with its thread.
 *
 * Blocks come in classes, eight to each power of two, so that a request finds what a similar one gave back and no
 * block is more than an eighth larger than asked for. The last block that was given is the next that is taken (its
 * pages are the likeliest to be in the cache); the longest unused are at the other end, and go first.
 *
 * Blocks of MAPPED_BYTES and more are mappings of their own, which the system gets back at once and whole. Smaller
 * ones are malloc's: ten thousand connections with a mapping each would come near the system's limit of 65,530.
 */
#include "lib/base/pages.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* AddressSanitizer watches what waits and what lies behind the bytes asked for, and finds what is never given back
 * when it comes from its own malloc. */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#define MAPPED_BYTES SIZE_MAX
#else
#define MAPPED_BYTES                           ((size_t)128 * 1024)
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { ALIGN_BYTES = 64, STEPS_LOG2 = 3, STEPS = 1 << STEPS_LOG2, CLASSES = 64 * STEPS };
enum { HIDDEN_BYTES = sizeof(void *) };

/* A block that waits; it lies in the block itself. */
struct waiting {
    struct waiting *newer, *older;           /* of all */
    struct waiting *newer_same, *older_same; /* of its class */
    size_t bytes;                            /* of the block */
    unsigned tick;                           /* when it was given back */
    int class;
};

struct pages {
    pthread_mutex_t lock;
    size_t most_bytes;
    _Atomic size_t waiting_bytes;
    struct waiting *newest, *oldest;
    struct waiting *newest_of[CLASSES];
    unsigned tick;
    atomic_bool taken; /* since the last tick */
};

static _Thread_local void *spare;
static pthread_key_t spare_key; /* for its destructor alone */
static bool has_spare_key;
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;

/* ---- sizes ---- */

/* The bytes of the class that `bytes` (at least PAGES_LEAST_BYTES) belong to, 0 when they are too many. */
static size_t class_bytes(size_t bytes, int *class) {
    int log2 = 63 - __builtin_clzll(bytes - 1); /* 2^log2 <= bytes - 1 */
    size_t step = (size_t)1 << (log2 - STEPS_LOG2);
    size_t steps = ((bytes - 1) >> (log2 - STEPS_LOG2)) + 1; /* from STEPS + 1 to 2 * STEPS */
    size_t rounded;
    *class = log2 * STEPS + (int)(steps - STEPS - 1);
    return __builtin_mul_overflow(steps, step, &rounded) ? 0 : rounded;
}

/* ---- the system ---- */

/* malloc is asked and not aligned_alloc, which in glibc (2.36) takes nothing from the thread's own cache. What malloc
 * gave stands in front of the block. */
static void *small_take(size_t bytes) {
    char *given = malloc(bytes + HIDDEN_BYTES + ALIGN_BYTES - 1);
    if (given == NULL)
        return NULL;
    uintptr_t at = (uintptr_t)given + HIDDEN_BYTES;
    void **block = (void **)(given + HIDDEN_BYTES + (ALIGN_BYTES - at % ALIGN_BYTES) % ALIGN_BYTES);
    block[-1] = given;
    return block;
}

static void small_give(void *block) {
    free(((void **)block)[-1]);
}

static void *system_take(size_t bytes) {
    if (bytes < MAPPED_BYTES)
        return aligned_alloc(ALIGN_BYTES, bytes);
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block != MAP_FAILED ? block : NULL;
}

static void system_give(void *block, size_t bytes) {
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    if (bytes < MAPPED_BYTES)
        free(block);
    else
        munmap(block, bytes);
}

/* A chain through `older`. */
static void system_give_all(struct waiting *first) {
    while (first != NULL) {
        struct waiting *next = first->older;
        system_give(first, first->bytes);
        first = next;
    }
}

/* ---- the lists; all under the lock ---- */

static void wait_in_line(struct pages *pages, struct waiting *block) {
    struct waiting **same = &pages->newest_of[block->class];
    block->newer = NULL;
    block->older = pages->newest;
    *(block->older != NULL ? &block->older->newer : &pages->oldest) = block;
    pages->newest = block;
    block->newer_same = NULL;
    block->older_same = *same;
    if (*same != NULL)
        (*same)->newer_same = block;
    *same = block;
    pages->waiting_bytes += block->bytes;
}

static void leave_the_line(struct pages *pages, struct waiting *block) {
    *(block->newer != NULL ? &block->newer->older : &pages->newest) = block->older;
    *(block->older != NULL ? &block->older->newer : &pages->oldest) = block->newer;
    *(block->newer_same != NULL ? &block->newer_same->older_same : &pages->newest_of[block->class]) =
        block->older_same;
    if (block->older_same != NULL)
        block->older_same->newer_same = block->newer_same;
    pages->waiting_bytes -= block->bytes;
}

/* Moves the longest unused block to a chain for system_give_all. */
static void drop_oldest(struct pages *pages, struct waiting **chain) {
    struct waiting *block = pages->oldest;
    assert(block != NULL); /* what waits has bytes, and the other way round */
    leave_the_line(pages, block);
    assert(pages->oldest != block);
    block->older = *chain;
    *chain = block;
}

static struct waiting *drop_beyond(struct pages *pages, size_t most_bytes) {
    struct waiting *chain = NULL;
    while (pages->waiting_bytes > most_bytes)
        drop_oldest(pages, &chain);
    return chain;
}

/* ---- the thread's own block ---- */

static void free_spare(void *place) {
    void **block = place;
    system_give(*block, PAGES_LEAST_BYTES);
    *block = NULL;
}

static void make_spare_key(void) {
    has_spare_key = pthread_key_create(&spare_key, free_spare) == 0;
}

static void *take_spare(void) {
    void *block = spare;
    spare = NULL;
    return block;
}

/* False when the thread has one already, or could not free it at its end. */
static bool keep_spare(void *block) {
    pthread_once(&spare_once, make_spare_key);
    if (spare != NULL || !has_spare_key || pthread_setspecific(spare_key, &spare) != 0)
        return false;
    ASAN_POISON_MEMORY_REGION(block, PAGES_LEAST_BYTES);
    spare = block;
    return true;
}

/* ---- what others call ---- */

struct pages *pages_create(size_t most_bytes) {
    struct pages *pages = calloc(1, sizeof(*pages));
    if (pages == NULL)
        return NULL;
    pages->most_bytes = most_bytes;
    pthread_mutex_init(&pages->lock, NULL);
    return pages;
}

void pages_destroy(struct pages *pages) {
    if (pages == NULL)
        return;
    pages_shrink(pages, 0);
    pthread_mutex_destroy(&pages->lock);
    free(pages);
}

size_t pages_waiting_bytes(const struct pages *pages) {
    return pages != NULL ? atomic_load_explicit(&pages->waiting_bytes, memory_order_relaxed) : 0;
}

void pages_shrink(struct pages *pages, size_t most_bytes) {
    if (pages == NULL)
        return;
    pthread_mutex_lock(&pages->lock);
    struct waiting *chain = drop_beyond(pages, most_bytes);
    pthread_mutex_unlock(&pages->lock);
    system_give_all(chain);
}

bool pages_age(struct pages *pages) {
    struct waiting *chain = NULL;
    if (pages == NULL)
        return false;
    pthread_mutex_lock(&pages->lock);
    bool taken = atomic_exchange(&pages->taken, false);
    pages->tick++;
    while (pages->oldest != NULL && pages->tick - pages->oldest->tick >= PAGES_TICKS)
        drop_oldest(pages, &chain);
    pthread_mutex_unlock(&pages->lock);
    system_give_all(chain);
    return taken;
}

/* The last block of that class that was given back, or NULL. */
static void *take_waiting(struct pages *pages, size_t whole_bytes, int class) {
    if (!atomic_load_explicit(&pages->taken, memory_order_relaxed))
        atomic_store(&pages->taken, true);
    if (whole_bytes == PAGES_LEAST_BYTES && spare != NULL)
        return take_spare();
    pthread_mutex_lock(&pages->lock);
    struct waiting *block = pages->newest_of[class];
    if (block != NULL)
        leave_the_line(pages, block);
    pthread_mutex_unlock(&pages->lock);
    return block;
}

void *pages_take(struct pages *pages, size_t bytes) {
    if (bytes < PAGES_LEAST_BYTES)
        return small_take(bytes);
    int class;
    size_t whole_bytes = class_bytes(bytes, &class);
    void *block = pages != NULL && whole_bytes > 0 ? take_waiting(pages, whole_bytes, class) : NULL;
    if (block == NULL && whole_bytes > 0)
        block = system_take(whole_bytes);
    if (block == NULL && whole_bytes > 0 && pages_waiting_bytes(pages) > 0) {
        pages_shrink(pages, 0);
        block = system_take(whole_bytes);
    }
    if (block == NULL)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    ASAN_POISON_MEMORY_REGION((char *)block + bytes, whole_bytes - bytes);
    return block;
}

void pages_give(struct pages *pages, void *block, size_t bytes) {
    int class;
    if (bytes < PAGES_LEAST_BYTES) {
        small_give(block);
        return;
    }
    size_t whole_bytes = class_bytes(bytes, &class);
    if (pages == NULL || whole_bytes > pages->most_bytes) {
        system_give(block, whole_bytes);
        return;
    }
    if (whole_bytes == PAGES_LEAST_BYTES && keep_spare(block))
        return;
    struct waiting *waiting = block;
    *waiting = (struct waiting){.bytes = whole_bytes, .class = class};
    ASAN_POISON_MEMORY_REGION((char *)block + sizeof(*waiting), whole_bytes - sizeof(*waiting));
    pthread_mutex_lock(&pages->lock);
    waiting->tick = pages->tick;
    wait_in_line(pages, waiting);
    struct waiting *chain = drop_beyond(pages, pages->most_bytes);
    pthread_mutex_unlock(&pages->lock);
    system_give_all(chain);
}

void *pages_resize(struct pages *pages, void *block, size_t old_bytes, size_t kept_bytes, size_t bytes) {
    int class;
    assert(kept_bytes <= old_bytes && kept_bytes <= bytes);
    size_t old_whole = old_bytes < PAGES_LEAST_BYTES ? 0 : class_bytes(old_bytes, &class);
    size_t whole = bytes < PAGES_LEAST_BYTES ? 0 : class_bytes(bytes, &class);
    if (old_whole >= MAPPED_BYTES && whole >= MAPPED_BYTES) {
        void *moved = mremap(block, old_whole, whole, MREMAP_MAYMOVE);
        return moved != MAP_FAILED ? moved : NULL;
    }
    void *copy = pages_take(pages, bytes);
    if (copy == NULL)
        return NULL;
    memcpy(copy, block, kept_bytes);
    pages_give(pages, block, old_bytes);
    return copy;
}
