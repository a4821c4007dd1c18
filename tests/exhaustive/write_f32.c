/*
 * Every float32 there is, written by the widest level of this CPU (or by CONVD_CPU's): the text is
 * decimal_write_f32's and reads back to the same bits. On all cores; some four minutes of CPU time.
 */
#include "tests/unit/lib/write_back.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Parts of 2^22 values: 1,024 in all. */
enum { PART_BITS = 22, MAX_THREADS = 256 };

static const uint32_t parts = UINT32_C(1) << (32 - PART_BITS);
static _Atomic uint32_t next_part;
static _Atomic uint32_t parts_done;
static _Atomic bool failed;

static void check_part(uint32_t part) {
    uint32_t bits[WRITE_BLOCK], wrong;
    for (uint32_t at = 0; at < UINT32_C(1) << PART_BITS && !failed; at += WRITE_BLOCK) {
        for (uint32_t i = 0; i < WRITE_BLOCK; i++)
            bits[i] = (part << PART_BITS) + at + i;
        if (!write_back_block(kernels_get()->write, bits, WRITE_BLOCK, true, &wrong)) {
            failed = true;
            printf("float32 %08" PRIx32 " is not written as it must be\n", wrong);
        }
    }
}

static void *check_parts(void *unused) {
    (void)unused;
    for (uint32_t part; !failed && (part = next_part++) < parts;) {
        check_part(part);
        uint32_t done = ++parts_done;
        if (done % (parts / 16) == 0)
            printf("%" PRIu32 " of %" PRIu32 " parts\n", done, parts);
        fflush(stdout);
    }
    return NULL;
}

int main(void) {
    const char *error;
    if (!kernels_init(getenv("CONVD_CPU"), &error)) {
        fprintf(stderr, "CONVD_CPU is %s; %s\n", getenv("CONVD_CPU"), error);
        return 2;
    }
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = cpus < 1 ? 1 : cpus > MAX_THREADS ? MAX_THREADS : (int)cpus;
    pthread_t thread[MAX_THREADS];
    printf("all float32, level %s, %d threads\n", kernels_get()->name, threads);
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&thread[i], NULL, check_parts, NULL) != 0) {
            perror("pthread_create");
            return 2;
        }
    }
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    puts(failed ? "FAILED" : "every float32 is written as it must be and reads back");
    return failed ? 1 : 0;
}
