#include "lib/base/arena.h"

#include "lib/base/pages.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ALIGN_BYTES = 64 };

struct arena_block {
    struct arena_block *next;
    size_t charged_bytes; /* of the whole block, header and padding included; 0 when it was lent */
    size_t used_bytes;    /* of the part behind the header */
    size_t size_bytes;    /* of the part behind the header */
    _Alignas(ALIGN_BYTES) unsigned char data[];
};

/* With its header a small block is the least that the pages' pool keeps. */
enum { SMALL_BLOCK_BYTES = PAGES_LEAST_BYTES - (int)sizeof(struct arena_block) };

/* Added only when it fits: a huge request that is refused must not make a small one beside it fail too. */
bool budget_take(struct budget *budget, size_t bytes) {
    if (budget == NULL)
        return true;
    size_t limit = budget->limit_bytes != 0 ? budget->limit_bytes : SIZE_MAX;
    size_t used = atomic_load(&budget->used_bytes);
    do {
        if (used > limit || bytes > limit - used)
            return false;
    } while (!atomic_compare_exchange_weak(&budget->used_bytes, &used, used + bytes));
    return true;
}

void budget_release(struct budget *budget, size_t bytes) {
    if (budget != NULL)
        atomic_fetch_sub(&budget->used_bytes, bytes);
}

/* What is charged and what waits never pass the limit together. */
static struct pages *pages_with_room(struct budget *budget) {
    struct pages *pages = budget != NULL ? budget->pages : NULL;
    size_t waiting = pages_waiting_bytes(pages);
    if (pages != NULL && waiting > 0 && budget->limit_bytes != 0) {
        size_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
        size_t left = used < budget->limit_bytes ? budget->limit_bytes - used : 0;
        if (waiting > left)
            pages_shrink(pages, left);
    }
    return pages;
}

void *budget_alloc(struct budget *budget, size_t bytes) {
    if (!budget_take(budget, bytes))
        return NULL;
    void *block = pages_take(pages_with_room(budget), bytes);
    if (block == NULL)
        budget_release(budget, bytes);
    return block;
}

void budget_free(struct budget *budget, void *block, size_t bytes) {
    pages_give(budget != NULL ? budget->pages : NULL, block, bytes);
    budget_release(budget, bytes);
}

void *budget_resize(struct budget *budget, void *block, size_t old_bytes, size_t kept_bytes, size_t bytes) {
    size_t more = bytes > old_bytes ? bytes - old_bytes : 0;
    if (!budget_take(budget, more))
        return NULL;
    void *resized = pages_resize(pages_with_room(budget), block, old_bytes, kept_bytes, bytes);
    budget_release(budget, resized == NULL ? more : bytes < old_bytes ? old_bytes - bytes : 0);
    return resized;
}

static struct arena_block *block_create(struct budget *budget, size_t size_bytes) {
    size_t total_bytes;
    if (__builtin_add_overflow(size_bytes, sizeof(struct arena_block), &total_bytes))
        return NULL;
    struct arena_block *block = budget_alloc(budget, total_bytes);
    if (block != NULL)
        *block = (struct arena_block){.charged_bytes = total_bytes, .size_bytes = size_bytes};
    return block;
}

void arena_lend(struct arena *arena, void *memory, size_t bytes) {
    assert(arena->blocks == NULL && (uintptr_t)memory % ALIGN_BYTES == 0);
    assert(bytes > sizeof(struct arena_block));
    struct arena_block *block = memory;
    size_t size_bytes = (bytes - sizeof(*block)) / ALIGN_BYTES * ALIGN_BYTES;
    *block = (struct arena_block){.size_bytes = size_bytes};
    arena->blocks = block;
}

void *arena_alloc(struct arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX - ALIGN_BYTES) {
        arena->refused_bytes = bytes;
        return NULL;
    }
    size_t rounded = (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    struct arena_block *top = arena->blocks;
    if (top != NULL && rounded <= top->size_bytes - top->used_bytes) {
        void *data = top->data + top->used_bytes;
        top->used_bytes += rounded;
        return data;
    }
    /* A large piece gets a block of its own behind the newest, so that the rest of that one is not lost. */
    bool large = rounded >= SMALL_BLOCK_BYTES / 2;
    struct arena_block *block = block_create(arena->budget, large ? rounded : SMALL_BLOCK_BYTES);
    if (block == NULL) {
        arena->refused_bytes = bytes;
        return NULL;
    }
    block->used_bytes = rounded;
    if (large && top != NULL) {
        block->next = top->next;
        top->next = block;
    } else {
        block->next = top;
        arena->blocks = block;
    }
    return block->data;
}

size_t arena_room(const struct arena *arena) {
    const struct arena_block *top = arena->blocks;
    return top != NULL ? top->size_bytes - top->used_bytes : 0;
}

size_t arena_charged_bytes(const struct arena *arena) {
    size_t bytes = 0;
    for (const struct arena_block *block = arena->blocks; block != NULL; block = block->next)
        bytes += block->charged_bytes;
    return bytes;
}

void *arena_calloc(struct arena *arena, size_t count, size_t elem_bytes) {
    size_t bytes;
    if (__builtin_mul_overflow(count, elem_bytes, &bytes))
        return NULL;
    void *data = arena_alloc(arena, bytes);
    if (data != NULL)
        memset(data, 0, bytes);
    return data;
}

char *arena_strndup(struct arena *arena, const char *text, size_t bytes) {
    char *copy = bytes < SIZE_MAX ? arena_alloc(arena, bytes + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_release(struct arena *arena) {
    struct arena_block *block = arena->blocks;
    arena->blocks = NULL;
    arena->refused_bytes = 0;
    while (block != NULL) {
        struct arena_block *next = block->next;
        if (block->charged_bytes > 0)
            budget_free(arena->budget, block, block->charged_bytes);
        block = next;
    }
}
