/*
 * CPU quotas and memory limits, read from made-up /proc and /sys trees: control groups of version 1, version
 * 2 and both, nested, unlimited, broken and missing.
 */
#include "lib/threads/cpus.h"

#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_FILES = 8 };

static const size_t MIB = 1024 * 1024;

#define V2      "/sys/fs/cgroup"
#define V1_CPU  "/sys/fs/cgroup/cpu"
#define V1_BOTH "/sys/fs/cgroup/cpu,cpuacct"
#define V1_MEM  "/sys/fs/cgroup/memory"
#define SELF    "/proc/self/cgroup"
#define MEMINFO "/proc/meminfo"

struct tree {
    const char *what;
    struct {
        const char *path, *text;
    } file[MAX_FILES];
    int cpus;   /* 0: not looked at; INT_MAX: no quota */
    size_t mib; /* 0: not looked at */
};

static const struct tree TREES[] = {
    /* ---- CPUs, version 2 ---- */
    {"two CPUs", {{SELF, "0::/\n"}, {V2 "/cpu.max", "200000 100000\n"}}, 2, 0},
    {"half a core is one worker", {{SELF, "0::/\n"}, {V2 "/cpu.max", "50000 100000\n"}}, 1, 0},
    {"a hundredth of a core", {{SELF, "0::/\n"}, {V2 "/cpu.max", "1000 100000\n"}}, 1, 0},
    {"one and a half", {{SELF, "0::/\n"}, {V2 "/cpu.max", "150000 100000\n"}}, 2, 0},
    {"exactly one", {{SELF, "0::/\n"}, {V2 "/cpu.max", "100000 100000\n"}}, 1, 0},
    {"another period", {{SELF, "0::/\n"}, {V2 "/cpu.max", "35000 10000\n"}}, 4, 0},
    {"no quota", {{SELF, "0::/\n"}, {V2 "/cpu.max", "max 100000\n"}}, INT_MAX, 0},
    {"the group's own quota", {{SELF, "0::/a/b\n"}, {V2 "/a/b/cpu.max", "300000 100000\n"}}, 3, 0},
    {"the parent's is smaller",
     {{SELF, "0::/a/b\n"}, {V2 "/a/b/cpu.max", "800000 100000\n"}, {V2 "/a/cpu.max", "200000 100000\n"}},
     2,
     0},
    {"the parent's is larger",
     {{SELF, "0::/a/b\n"}, {V2 "/a/b/cpu.max", "200000 100000\n"}, {V2 "/a/cpu.max", "800000 100000\n"}},
     2,
     0},
    {"only the grandparent has one",
     {{SELF, "0::/a/b/c\n"}, {V2 "/a/b/c/cpu.max", "max 100000\n"}, {V2 "/a/cpu.max", "500000 100000\n"}},
     5,
     0},
    {"a sibling's does not count", {{SELF, "0::/a\n"}, {V2 "/ab/cpu.max", "100000 100000\n"}}, INT_MAX, 0},
    {"a child's does not count", {{SELF, "0::/a\n"}, {V2 "/a/b/cpu.max", "100000 100000\n"}}, INT_MAX, 0},
    {"the host's path, the container's root",
     {{SELF, "0::/system.slice/docker-1.scope\n"}, {V2 "/cpu.max", "400000 100000\n"}},
     4,
     0},
    {"a group outside the name space does not leave the tree",
     {{SELF, "0::/../../x\n"}, {"/sys/x/cpu.max", "100000 100000\n"}, {V2 "/cpu.max", "300000 100000\n"}},
     3,
     0},
    {"a name that begins with dots", {{SELF, "0::/...a\n"}, {V2 "/...a/cpu.max", "300000 100000\n"}}, 3, 0},
    {"a name with a colon", {{SELF, "0::/a:b\n"}, {V2 "/a:b/cpu.max", "300000 100000\n"}}, 3, 0},
    {"no line feed", {{SELF, "0::/a"}, {V2 "/a/cpu.max", "300000 100000"}}, 3, 0},

    /* ---- CPUs, version 1 and both ---- */
    {"version 1",
     {{SELF, "4:memory:/\n2:cpu:/j\n"},
      {V1_CPU "/j/cpu.cfs_quota_us", "250000\n"},
      {V1_CPU "/j/cpu.cfs_period_us", "100000\n"}},
     3,
     0},
    {"version 1, mounted under its list",
     {{SELF, "2:cpu,cpuacct:/j\n"},
      {V1_BOTH "/cpu.cfs_quota_us", "50000\n"},
      {V1_BOTH "/cpu.cfs_period_us", "100000\n"}},
     1,
     0},
    {"version 1, mounted under one name of the list",
     {{SELF, "2:cpuacct,cpu:/j\n"},
      {V1_CPU "/cpu.cfs_quota_us", "600000\n"},
      {V1_CPU "/cpu.cfs_period_us", "100000\n"}},
     6,
     0},
    {"version 1 without a quota",
     {{SELF, "2:cpu:/\n"}, {V1_CPU "/cpu.cfs_quota_us", "-1\n"}, {V1_CPU "/cpu.cfs_period_us", "100000\n"}},
     INT_MAX,
     0},
    {"version 1 without a period",
     {{SELF, "2:cpu:/\n"}, {V1_CPU "/cpu.cfs_quota_us", "100000\n"}},
     INT_MAX,
     0},
    {"cpuset and cpuacct are not cpu",
     {{SELF, "3:cpuset:/\n2:cpuacct:/\n"},
      {V1_CPU "/cpu.cfs_quota_us", "100000\n"},
      {V1_CPU "/cpu.cfs_period_us", "100000\n"}},
     INT_MAX,
     0},
    {"the smaller of both versions",
     {{SELF, "1:cpu:/j\n0::/j\n"},
      {V1_CPU "/j/cpu.cfs_quota_us", "700000\n"},
      {V1_CPU "/j/cpu.cfs_period_us", "100000\n"},
      {"/sys/fs/cgroup/unified/j/cpu.max", "600000 100000\n"}},
     6,
     0},

    /* ---- broken and missing ---- */
    {"nothing at all", {{NULL, NULL}}, INT_MAX, 0},
    {"no files", {{SELF, "0::/\n"}}, INT_MAX, 0},
    {"an empty file", {{SELF, "0::/\n"}, {V2 "/cpu.max", ""}}, INT_MAX, 0},
    {"a word", {{SELF, "0::/\n"}, {V2 "/cpu.max", "many 100000\n"}}, INT_MAX, 0},
    {"a negative quota", {{SELF, "0::/\n"}, {V2 "/cpu.max", "-5 100000\n"}}, INT_MAX, 0},
    {"a quota of 0", {{SELF, "0::/\n"}, {V2 "/cpu.max", "0 100000\n"}}, INT_MAX, 0},
    {"a period of 0", {{SELF, "0::/\n"}, {V2 "/cpu.max", "100000 0\n"}}, INT_MAX, 0},
    {"no period", {{SELF, "0::/\n"}, {V2 "/cpu.max", "100000\n"}}, INT_MAX, 0},
    {"letters behind the number", {{SELF, "0::/\n"}, {V2 "/cpu.max", "100000us 100000\n"}}, INT_MAX, 0},
    {"a number beyond 63 bits",
     {{SELF, "0::/\n"}, {V2 "/cpu.max", "99999999999999999999 9223372036854775807\n"}},
     INT_MAX,
     0},
    {"more CPUs than an int counts",
     {{SELF, "0::/\n"}, {V2 "/cpu.max", "9223372036854775807 1\n"}},
     INT_MAX,
     0},
    {"lines that are none", {{SELF, "\nx\n0:\n:\n0::/a\n"}, {V2 "/a/cpu.max", "300000 100000\n"}}, 3, 0},

    /* ---- memory ---- */
    {"the machine's", {{SELF, "0::/\n"}, {MEMINFO, "MemTotal:        2097152 kB\nMemFree: 1 kB\n"}}, 0, 2048},
    {"not the first line", {{SELF, "0::/\n"}, {MEMINFO, "MemFree:  1 kB\nMemTotal: 3072 kB\n"}}, 0, 3},
    {"version 2",
     {{SELF, "0::/a\n"}, {V2 "/a/memory.max", "104857600\n"}, {MEMINFO, "MemTotal: 2097152 kB\n"}},
     0,
     100},
    {"version 2, the parent's",
     {{SELF, "0::/a/b\n"},
      {V2 "/a/b/memory.max", "max\n"},
      {V2 "/a/memory.max", "52428800\n"},
      {MEMINFO, "MemTotal: 2097152 kB\n"}},
     0,
     50},
    {"version 2 without a limit",
     {{SELF, "0::/\n"}, {V2 "/memory.max", "max\n"}, {MEMINFO, "MemTotal: 1048576 kB\n"}},
     0,
     1024},
    {"version 1",
     {{SELF, "4:memory:/j\n"},
      {V1_MEM "/j/memory.limit_in_bytes", "73400320\n"},
      {MEMINFO, "MemTotal: 2097152 kB\n"}},
     0,
     70},
    {"version 1 says no limit with a huge number",
     {{SELF, "4:memory:/\n"},
      {V1_MEM "/memory.limit_in_bytes", "9223372036854771712\n"},
      {MEMINFO, "MemTotal: 1048576 kB\n"}},
     0,
     1024},
    {"a broken limit",
     {{SELF, "0::/\n"}, {V2 "/memory.max", "1e9\n"}, {MEMINFO, "MemTotal: 1048576 kB\n"}},
     0,
     1024},
    {"a limit of 0",
     {{SELF, "0::/\n"}, {V2 "/memory.max", "0\n"}, {MEMINFO, "MemTotal: 1048576 kB\n"}},
     0,
     1024},
    {"a limit without /proc/meminfo", {{SELF, "0::/\n"}, {V2 "/memory.max", "1048576\n"}}, 0, 1},
};

static char root[64];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void write_file(const char *path, const char *text) {
    char full[PATH_MAX];
    assert_true(snprintf(full, sizeof full, "%s%s", root, path) < (int)sizeof full);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_root(void **state) {
    (void)state;
    strcpy(root, "/tmp/convd-test-cpus-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state) {
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_trees(void **state) {
    for (size_t i = 0; i < sizeof TREES / sizeof TREES[0]; i++) {
        const struct tree *tree = &TREES[i];
        assert_int_equal(make_root(state), 0);
        for (int f = 0; f < MAX_FILES && tree->file[f].path != NULL; f++)
            write_file(tree->file[f].path, tree->file[f].text);
        int cpus = cpus_quota(root);
        size_t bytes = memory_usable_bytes(root);
        int usable = cpus_usable(root), affinity = cpus_affinity();
        assert_int_equal(remove_root(state), 0);

        if (tree->cpus != 0 && cpus != tree->cpus)
            fail_msg("%s: %d CPUs, not %d", tree->what, cpus, tree->cpus);
        if (tree->mib != 0 && bytes != tree->mib * MIB)
            fail_msg("%s: %zu bytes, not %zu MiB", tree->what, bytes, tree->mib);
        assert_int_equal(usable, cpus < affinity ? cpus : affinity);
    }
}

static void test_memory_of_the_machine_itself(void **state) {
    assert_int_equal(make_root(state), 0);
    size_t bytes = memory_usable_bytes(root); /* no files: what the kernel says */
    assert_int_equal(remove_root(state), 0);
    assert_true(bytes >= 16 * MIB && bytes < SIZE_MAX / 2);
    assert_true(memory_usable_bytes("") <= bytes);
    assert_true(memory_usable_bytes("") >= MIB);
}

static void test_roots_that_are_not_there(void **state) {
    (void)state;
    static char deep[3 * PATH_MAX];
    memset(deep, 'x', sizeof deep - 1);
    assert_int_equal(cpus_quota("/nonexistent"), INT_MAX);
    assert_int_equal(cpus_quota(deep), INT_MAX);
    assert_true(memory_usable_bytes(deep) > 0);
}

static void test_affinity(void **state) {
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(cpus_affinity(), CPU_COUNT(&all));
    size_t cpu = 0;
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int alone = cpus_affinity(), usable = cpus_usable("");
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(alone, 1);
    assert_int_equal(usable, 1);
}

static void *mask_of_thread(void *mask) {
    sched_getaffinity(0, sizeof(cpu_set_t), mask);
    return NULL;
}

/* What a thread that is started on a share may use. */
static void start_on_share(void *mask) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, mask_of_thread, mask), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_shares(void **state) {
    (void)state;
    cpu_set_t all, after;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    int count = CPU_COUNT(&all), number[CPU_SETSIZE];
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        number[cpu] = cpus_number(cpu);
    assert_int_equal(cpus_number(-1), -1);
    assert_int_equal(cpus_number(CPU_SETSIZE), -1);
    for (int parts = 1; parts <= 2 * count + 1; parts++) {
        cpu_set_t together, share[CPU_SETSIZE];
        int smallest = count, largest = 0, sum = 0;
        CPU_ZERO(&together);
        for (int part = 0; part < parts && part < CPU_SETSIZE; part++) {
            cpus_on_share(part, parts, start_on_share, &share[part]);
            int size = CPU_COUNT(&share[part]);
            smallest = size < smallest ? size : smallest;
            largest = size > largest ? size : largest;
            sum += size;
            CPU_OR(&together, &together, &share[part]);
            if (part >= count)
                assert_true(CPU_EQUAL(&share[part], &share[part - count]));
            for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                bool has = CPU_ISSET((size_t)cpu, &share[part]);
                assert_int_equal(cpus_share_has(part, parts, count, number[cpu]), has);
            }
            assert_false(cpus_share_has(part, parts, count, -1));
        }
        assert_true(CPU_EQUAL(&together, &all));
        assert_true(smallest >= 1 && largest - smallest <= 1);
        assert_int_equal(sum, parts > count ? parts : count);
        assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
        assert_true(CPU_EQUAL(&after, &all));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_memory_of_the_machine_itself),
        cmocka_unit_test(test_roots_that_are_not_there),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
