/*
 * How many CPUs and how much memory this process may really use.
 *
 * `root` is the directory that stands for "/" ("" in production): tests bring their own /proc and /sys.
 * Control groups are read as they stand at the call, of version 2, of version 1, or both (systemd's hybrid
 * layout); a file that is missing or makes no sense sets no limit.
 */
#ifndef CONVD_LIB_THREADS_CPUS_H
#define CONVD_LIB_THREADS_CPUS_H

#include <stdbool.h>
#include <stddef.h>

/* The smaller of the affinity mask's CPUs and the control group's CPU quota, at least 1. */
int cpus_usable(const char *root);

/* The CPUs in the calling thread's affinity mask, at least 1. */
int cpus_affinity(void);

/*
 * Calls run(argument), in which the calling thread, and those that it starts there for good, may use only its share of the
 * caller's CPUs: of `parts` neighbouring shares of about the same size number `part`, 0 <= part < parts, or of fewer CPUs than
 * parts one in turn. Where the system refuses, it is called with all.
 */
void cpus_on_share(int part, int parts, void (*run)(void *argument), void *argument);

/* The calling thread's CPUs are numbered from 0 in the system's order: the number of `cpu`, -1 when it is none of them. */
int cpus_number(int cpu);

/* Whether the share of number `part` of `count` CPUs has the one of number `number`. */
bool cpus_share_has(int part, int parts, int count, int number);

/*
 * The smallest CPU quota from the process's control group up to the root, in CPUs, rounded up: cpu.max (v2)
 * or cpu.cfs_quota_us / cpu.cfs_period_us (v1). INT_MAX where none is set.
 */
int cpus_quota(const char *root);

/* The smallest memory limit from the control group up to the root (memory.max, memory.limit_in_bytes) and the
 * machine's memory (MemTotal of /proc/meminfo); bytes. */
size_t memory_usable_bytes(const char *root);

#endif
