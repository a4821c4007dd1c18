/*
 * Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,sched-bwc} of the
 * kernel.
 *
 * Inside a container the path in /proc/self/cgroup may be the host's while /sys/fs/cgroup shows the
 * container's group as its root: directories that are not there are passed over on the way up, and the root
 * is always read.
 */
#include "lib/threads/cpus.h"

#include "lib/base/checked.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

enum { PATH_BYTES = 4096, LINE_BYTES = 4096 };

/* Far beyond any kernel's: where growing the set ends. */
static const size_t MAX_CPUS = 1 << 20;

/* The calling thread's affinity mask of *bytes bytes, for CPU_FREE; NULL when it cannot be had. */
static cpu_set_t *affinity_mask(size_t *bytes) {
    /* The kernel answers EINVAL when the set is smaller than its own. */
    for (size_t cpus = 1024; cpus <= MAX_CPUS; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (set == NULL)
            return NULL;
        *bytes = CPU_ALLOC_SIZE(cpus);
        if (sched_getaffinity(0, *bytes, set) == 0)
            return set;
        bool small = errno == EINVAL;
        CPU_FREE(set);
        if (!small)
            return NULL;
    }
    return NULL;
}

int cpus_affinity(void) {
    size_t bytes;
    cpu_set_t *mask = affinity_mask(&bytes);
    int count = mask != NULL ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    return count > 0 ? count : 1;
}

/* The share of number `part` of `count` CPUs is those of the numbers first <= number < end in the mask. */
struct share {
    int64_t first, end;
};

static struct share share_of(int64_t count, int part, int parts) {
    int64_t first = count >= parts ? part * count / parts : part % count;
    return (struct share){first, count >= parts ? (part + 1) * count / parts : first + 1};
}

/* Leaves of `mask` the CPUs that belong to `part`. */
static void cut_mask(cpu_set_t *mask, size_t bytes, int part, int parts) {
    const struct share share = share_of(CPU_COUNT_S(bytes, mask), part, parts);
    int64_t number = 0;
    for (size_t cpu = 0; cpu < bytes * CHAR_BIT; cpu++) {
        if (!CPU_ISSET_S(cpu, bytes, mask))
            continue;
        if (number < share.first || number >= share.end)
            CPU_CLR_S(cpu, bytes, mask);
        number++;
    }
}

void cpus_on_share(int part, int parts, void (*run)(void *), void *argument) {
    size_t bytes, share_bytes;
    cpu_set_t *whole = affinity_mask(&bytes), *share = affinity_mask(&share_bytes);
    bool cut = whole != NULL && share != NULL && CPU_COUNT_S(share_bytes, share) > 0;
    if (cut) {
        cut_mask(share, share_bytes, part, parts);
        cut = sched_setaffinity(0, share_bytes, share) == 0;
    }
    run(argument);
    if (cut)
        (void)sched_setaffinity(0, bytes, whole);
    CPU_FREE(whole);
    CPU_FREE(share);
}

int cpus_number(int cpu) {
    size_t bytes;
    cpu_set_t *mask = affinity_mask(&bytes);
    int number = -1;
    if (mask != NULL && cpu >= 0 && CPU_ISSET_S((size_t)cpu, bytes, mask)) {
        for (size_t below = 0; below <= (size_t)cpu; below++)
            number += CPU_ISSET_S(below, bytes, mask);
    }
    CPU_FREE(mask);
    return number;
}

bool cpus_share_has(int part, int parts, int count, int number) {
    const struct share share = share_of(count, part, parts);
    return number >= share.first && number < share.end;
}

/* Reads the first line of the file "root/a/b/c" without its line feed; false when there is none. */
static bool read_line(char line[LINE_BYTES], const char *root, const char *a, const char *b, const char *c) {
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/%s/%s/%s", root, a, b, c);
    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(line, LINE_BYTES, file) != NULL;
    fclose(file);
    if (read)
        line[strcspn(line, "\n")] = '\0';
    return read;
}

/* The positive number at the start of `text`, which a blank or the end of the text follows; 0 for everything
 * else. */
static int64_t read_number(const char *text, const char **end) {
    if (*text < '0' || *text > '9')
        return 0;
    char *stop;
    errno = 0;
    long long number = strtoll(text, &stop, 10);
    if (errno != 0 || (*stop != '\0' && *stop != ' '))
        return 0;
    *end = *stop == ' ' ? stop + 1 : stop;
    return number;
}

static int64_t cpus_of(int64_t quota, int64_t period) {
    if (quota <= 0 || period <= 0)
        return INT64_MAX;
    return div_ceil_i64(quota, period);
}

/* What one directory of a hierarchy allows; INT64_MAX where it sets no limit. */
typedef int64_t limit_fn(const char *root, const char *mount, const char *group);

static int64_t cpu_limit_v2(const char *root, const char *mount, const char *group) {
    char line[LINE_BYTES];
    if (!read_line(line, root, mount, group, "cpu.max"))
        return INT64_MAX;
    const char *end = "";
    int64_t quota = read_number(line, &end);
    return cpus_of(quota, read_number(end, &end));
}

static int64_t cpu_limit_v1(const char *root, const char *mount, const char *group) {
    char quota[LINE_BYTES], period[LINE_BYTES];
    if (!read_line(quota, root, mount, group, "cpu.cfs_quota_us") ||
        !read_line(period, root, mount, group, "cpu.cfs_period_us"))
        return INT64_MAX;
    const char *end;
    return cpus_of(read_number(quota, &end), read_number(period, &end));
}

static int64_t memory_limit(const char *root, const char *mount, const char *group, const char *name) {
    char line[LINE_BYTES];
    if (!read_line(line, root, mount, group, name))
        return INT64_MAX;
    const char *end;
    int64_t bytes = read_number(line, &end);
    return bytes > 0 ? bytes : INT64_MAX;
}

static int64_t memory_limit_v2(const char *root, const char *mount, const char *group) {
    return memory_limit(root, mount, group, "memory.max");
}

static int64_t memory_limit_v1(const char *root, const char *mount, const char *group) {
    return memory_limit(root, mount, group, "memory.limit_in_bytes");
}

/* Whether a component of `group` is "..": a group outside the name space's root is shown that way. */
static bool climbs(const char *group) {
    for (const char *at = strstr(group, "/.."); at != NULL; at = strstr(at + 1, "/..")) {
        if (at[3] == '/' || at[3] == '\0')
            return true;
    }
    return false;
}

/* The smallest limit from `group` up to the root of the hierarchy mounted at /sys/fs/cgroup/`mount`. */
static int64_t smallest_upwards(limit_fn *limit, const char *root, const char *mount, const char *group) {
    char directory[PATH_BYTES], path[LINE_BYTES];
    snprintf(directory, sizeof directory, "sys/fs/cgroup/%.2000s", mount);
    snprintf(path, sizeof path, "%s", climbs(group) ? "" : group); /* nothing below the root is ours then */
    int64_t smallest = INT64_MAX;
    for (;;) {
        smallest = min_i64(smallest, limit(root, directory, path));
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            return smallest;
        *slash = '\0';
    }
}

/* Whether the comma-separated `list` names `controller`. */
static bool list_names(const char *list, const char *controller) {
    size_t length = strlen(controller);
    for (const char *at = list;; at++) {
        if (strncmp(at, controller, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
        at = strchr(at, ',');
        if (at == NULL)
            return false;
    }
}

/* The smallest limit of one line of /proc/self/cgroup, "number:controllers:group"; `line` is cut up. */
static int64_t smallest_of_line(char *line, const char *root, const char *controller, limit_fn *v1,
                                limit_fn *v2) {
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL)
        return INT64_MAX;
    controllers++;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (*controllers == '\0') /* version 2, alone or beside version 1 */
        return min_i64(smallest_upwards(v2, root, "", group), smallest_upwards(v2, root, "unified", group));
    if (!list_names(controllers, controller))
        return INT64_MAX;
    /* Mounted under the whole list ("cpu,cpuacct") or under the one name. */
    return min_i64(smallest_upwards(v1, root, controllers, group),
                   smallest_upwards(v1, root, controller, group));
}

static int64_t smallest_limit(const char *root, const char *controller, limit_fn *v1, limit_fn *v2) {
    char path[PATH_BYTES], line[LINE_BYTES];
    int length = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = length < 0 || (size_t)length >= sizeof path ? NULL : fopen(path, "re");
    if (file == NULL)
        return INT64_MAX;
    int64_t smallest = INT64_MAX;
    while (fgets(line, sizeof line, file) != NULL)
        smallest = min_i64(smallest, smallest_of_line(line, root, controller, v1, v2));
    fclose(file);
    return smallest;
}

int cpus_quota(const char *root) {
    return (int)min_i64(smallest_limit(root, "cpu", cpu_limit_v1, cpu_limit_v2), INT_MAX);
}

int cpus_usable(const char *root) {
    int affinity = cpus_affinity(), quota = cpus_quota(root);
    return quota < affinity ? quota : affinity;
}

/* MemTotal of /proc/meminfo; where there is none, what sysinfo(2) says. */
static int64_t machine_memory_bytes(const char *root) {
    char path[PATH_BYTES], line[LINE_BYTES];
    int length = snprintf(path, sizeof path, "%s/proc/meminfo", root);
    FILE *file = length < 0 || (size_t)length >= sizeof path ? NULL : fopen(path, "re");
    int64_t bytes = 0;
    while (bytes == 0 && file != NULL && fgets(line, sizeof line, file) != NULL) {
        static const char NAME[] = "MemTotal:";
        if (strncmp(line, NAME, sizeof NAME - 1) != 0)
            continue;
        const char *text = line + sizeof NAME - 1, *end;
        if (!checked_mul(read_number(text + strspn(text, " "), &end), 1024, &bytes))
            bytes = 0;
    }
    if (file != NULL)
        fclose(file);
    struct sysinfo info;
    if (bytes == 0 && (sysinfo(&info) != 0 || !checked_mul((int64_t)info.totalram, info.mem_unit, &bytes)))
        bytes = INT64_MAX;
    return bytes;
}

size_t memory_usable_bytes(const char *root) {
    int64_t limit = smallest_limit(root, "memory", memory_limit_v1, memory_limit_v2);
    return (size_t)min_i64(limit, machine_memory_bytes(root));
}
