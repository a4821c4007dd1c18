#include "server/idle.h"

#include "lib/base/pages.h"

#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of malloc's, whose holes a trim cannot always return: with one for each thread a burst of mixed forms left 17 % above
 * the idle process, with two 9 %, at the same rate of small requests. */
enum { ARENAS = 2 };

/*
 * Up to here pieces are used again like smaller ones, instead of being mapped anew each time: what a progressive JPEG or a long chain of
 * layers takes from malloc. Otherwise that grows by itself with what is freed, and the ends of arenas that stay with it.
 */
enum { LARGEST_PIECE = 32 << 20, LARGEST_END = 2 * LARGEST_PIECE };

void idle_init(void) {
    mallopt(M_ARENA_MAX, ARENAS);
    mallopt(M_MMAP_THRESHOLD, LARGEST_PIECE);
    mallopt(M_TRIM_THRESHOLD, LARGEST_END);
}

/* A thread's first piece is of the arena after the one that the thread before began with; it is large enough that malloc looks at the arena's end. */
static void *free_a_piece(void *unused) {
    enum { PIECE = 128 << 10 };
    (void)unused;
    void *volatile piece = malloc(PIECE);
    free(piece);
    return NULL;
}

/*
 * The end of an arena other than the first goes back only when a piece is freed in it, not by malloc_trim: after 256 connections 2.8 MB
 * stayed for ever, one time in five.
 */
static void trim_ends(void) {
    pthread_t thread;
    mallopt(M_TRIM_THRESHOLD, 0);
    for (int i = 0; i < ARENAS; i++)
        if (pthread_create(&thread, NULL, free_a_piece, NULL) == 0)
            pthread_join(thread, NULL);
    mallopt(M_TRIM_THRESHOLD, LARGEST_END);
}

/* Of libraries that some requests use much of: pictures, deflated archives, powers. */
static int release_library(struct dl_phdr_info *library, size_t bytes, void *unused) {
    static const char *const some[] = {"/libjpeg.", "/libpng", "/libz.", "/libm."};
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    bool is_one = false;
    (void)bytes, (void)unused;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        is_one |= strstr(library->dlpi_name, some[i]) != NULL;
    for (int i = 0; is_one && i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        uintptr_t from = (library->dlpi_addr + part->p_vaddr) / page * page;
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0 && (part->p_flags & PF_W) == 0)
            (void)madvise((void *)from, library->dlpi_addr + part->p_vaddr + part->p_memsz - from,
                          MADV_DONTNEED);
    }
    return 0;
}

/*
 * What malloc has no use for goes back to the system, and so does the code of such libraries (nearly 1 MB after requests of all kinds):
 * the system has it in its files, and the next request that needs it there.
 */
static void trim(void) {
    malloc_trim(0);
    trim_ends();
    dl_iterate_phdr(release_library, NULL);
}

void idle_tick(struct service *service) {
    static int quiet_ticks = IDLE_TRIM_TICKS; /* up to twice as many */
    static uint64_t ended_before;             /* connections, when malloc was trimmed last */
    uint64_t ended = atomic_load(&service->connections_ended);
    if (pages_age(service->budget.pages))
        quiet_ticks = 0;
    else if (quiet_ticks < 2 * IDLE_TRIM_TICKS)
        quiet_ticks++;
    if (quiet_ticks == IDLE_TRIM_TICKS || (quiet_ticks == 2 * IDLE_TRIM_TICKS && ended != ended_before)) {
        trim();
        ended_before = ended;
        quiet_ticks = IDLE_TRIM_TICKS;
    }
}
