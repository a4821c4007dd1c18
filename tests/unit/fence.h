/*
 * Memory between two unmapped pages: reading or writing one byte too far ends the test.
 */
#ifndef CONVD_TESTS_UNIT_FENCE_H
#define CONVD_TESTS_UNIT_FENCE_H

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* [begin, end) is usable; the bytes before and behind it are not. */
struct fence {
    char *begin, *end;
};

/* A fence around at least `bytes` bytes, which stays until the process ends. */
static inline struct fence fence_make(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    char *all = mmap(NULL, inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(all != MAP_FAILED);
    int refused = mprotect(all, page, PROT_NONE) | mprotect(all + page + inner, page, PROT_NONE);
    assert(refused == 0);
    (void)refused;
    return (struct fence){all + page, all + page + inner};
}

/* A copy of `bytes` bytes that ends where the fence ends. */
static inline char *fence_copy_to_end(const struct fence *fence, const void *data, size_t bytes) {
    return memcpy(fence->end - bytes, data, bytes);
}

/* A copy that begins where the fence begins. */
static inline char *fence_copy_to_begin(const struct fence *fence, const void *data, size_t bytes) {
    return memcpy(fence->begin, data, bytes);
}

#endif
