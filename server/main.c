/*
 * convd: the composition root. Everything is made here, in the order in which it is needed, and ended in
 * reverse.
 */
#include "lib/base/checked.h"
#include "lib/base/pages.h"
#include "lib/conv/blas.h"
#include "lib/kernels/kernels.h"
#include "lib/threads/cpus.h"
#include "lib/threads/workers.h"
#include "lib/version.h"
#include "server/config.h"
#include "server/drain.h"
#include "server/health.h"
#include "server/http.h"
#include "server/idle.h"
#include "server/intake.h"
#include "server/jobs.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/service.h"
#include "server/site.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    EXIT_WRONG_USAGE = 2,
    START_SECONDS = 60,
    /* Descriptors that are not connections: standard streams, the socket, epoll and event descriptors, files.
     */
    RESERVED_FILES = 32,
    /*
     * Twice the CPUs, because a client on the same machine competes: the scheduler gives its thread as much time as an
     * HTTP thread, but it needs less. With one HTTP thread to a CPU it sleeps for each answer, and waking it takes the
     * CPU from the server (tiny requests: 0.3 switches and 3 µs of kernel time each, against 0.02 with two).
     */
    HTTP_THREADS_PER_CPU = 2,
    MOST_HTTP_THREADS = 8,
    /* The rest is for connections, packed code and what malloc keeps. */
    MEMORY_SHARE_PERCENT = 60,
    LONGEST_SEND_WINDOW_MS = 10000,
    /* What of the budget may wait for the next request, and how much at most: 64 image-size bodies. */
    WAITING_SHARE = 4,
    MOST_WAITING_BYTES = 256 << 20,
};

/* OpenBLAS tries for ever to map its buffers when there is no memory: better a late end than a hung start. */
static void start_took_too_long(int number) {
    static const char text[] = "convd: the start takes too long; is there enough memory?\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_FAILURE);
}

/*
 * Maps the program's own pages, which are read already or soon will be: the first request of each kind would wait for
 * them, and the process would seem to have kept memory after it. A kernel before 5.14 does without.
 */
extern const char __executable_start[], edata[];

static void map_program(void) {
#if defined(MADV_POPULATE_READ)
    uintptr_t from = (uintptr_t)__executable_start, to = (uintptr_t)edata;
    (void)madvise((void *)from, to - from, MADV_POPULATE_READ);
#endif
}

/* The number of a standard stream that came closed would go to the next socket, and log lines to a client. */
static bool open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
            return false;
    return true;
}

static int64_t http_threads(const struct config *config) {
    if (config->http_threads > 0)
        return config->http_threads;
    int64_t threads = (int64_t)HTTP_THREADS_PER_CPU * cpus_usable("");
    return min_i64(threads, MOST_HTTP_THREADS);
}

/* Open files bound what can be promised; each HTTP thread has some of its own. */
static int64_t connections(const struct config *config, int64_t threads) {
    int64_t possible = listen_raise_files() - RESERVED_FILES - 4 * threads;
    int64_t wanted = config->max_connections;
    if (possible < wanted) {
        log_message(LOG_LEVEL_WARN, "start", "open files allow %lld connections of %lld (--max-connections)",
                    (long long)possible, (long long)wanted);
        wanted = possible;
    }
    return wanted > 0 ? wanted : 1;
}

static void describe_service(struct service *service, const struct config *config, struct workers *workers) {
    size_t memory = (size_t)config->memory_budget_bytes;
    if (memory == 0)
        memory = memory_usable_bytes("") / 100 * MEMORY_SHARE_PERCENT;
    service->config = config;
    service->workers = workers;
    service->budget.limit_bytes = memory;
    service->budget.pages = pages_create(memory / WAITING_SHARE < MOST_WAITING_BYTES ? memory / WAITING_SHARE
                                                                                     : MOST_WAITING_BYTES);
    service->api = (struct api_context){
        .limits = {.max_body_bytes = config->max_body_bytes,
                   .max_document_bytes = config->max_document_bytes,
                   .max_output_bytes = config->max_output_bytes,
                   .max_macs = config->max_macs,
                   .max_queue = config->max_queue,
                   .body_timeout_ms = config->body_timeout_ms,
                   .memory_bytes = (int64_t)memory},
        .workers = workers,
        .budget = &service->budget,
        .draining = &service->draining,
        .site = &server_site,
        .precision = config->precision,
    };
    service->tiny = jobs_tiny_context(&service->api);
    if (getrandom(&service->id_seed, sizeof(service->id_seed), 0) != (ssize_t)sizeof(service->id_seed))
        service->id_seed = (uint64_t)getpid() << 32;
}

static int fail(const char *reason) {
    fprintf(stderr, "convd: %s\n", reason);
    return EXIT_FAILURE;
}

/*
 * Scripts read the first line, people paste the second. Nobody connects to a wildcard, so its loopback stands
 * there; the quotes keep shells from taking the brackets for a pattern.
 */
static void announce(const char *url_host) {
    const char *port = strrchr(url_host, ':') + 1, *quote = url_host[0] == '[' ? "'" : "";
    int host_bytes = (int)(port - url_host);
    const char *host = strncmp(url_host, "0.0.0.0:", 8) == 0 ? "127.0.0.1:"
                       : strncmp(url_host, "[::]:", 5) == 0  ? "[::1]:"
                                                             : NULL;
    printf("convd listening on http://%s\n", url_host);
    printf("try: curl %shttp://%.*s%s/conv2d%s -d "
           "'{\"input\": [[[1,2,3],[4,5,6],[7,8,9]]], \"weight\": [[[[1,0],[0,1]]]]}'\n",
           quote, host != NULL ? (int)strlen(host) : host_bytes, host != NULL ? host : url_host, port, quote);
    fflush(stdout);
}

static int serve(struct service *service, int fd, const char *url_host) {
    const struct config *config = service->config;
    int64_t threads = http_threads(config);
    struct http *http = NULL;
    int status = EXIT_FAILURE;
    service->watchdog =
        watchdog_create(intake_tell, min_i64(config->idle_timeout_ms, LONGEST_SEND_WINDOW_MS));
    if (service->watchdog != NULL)
        http = http_start(service, fd, (int)threads, (unsigned)connections(config, threads));
    if (http == NULL) {
        watchdog_destroy(service->watchdog);
        close(fd);
        return fail("the HTTP threads could not be started");
    }
    alarm(0);
    map_program();
    announce(url_host);
    if (drain_when_told(service))
        status = EXIT_SUCCESS;
    /* libmicrohttpd cannot stop over a suspended connection: what still runs now dies with the process. */
    if (service_in_flight(service) > 0) {
        log_flush();
        _exit(EXIT_FAILURE);
    }
    http_stop(http);
    watchdog_destroy(service->watchdog);
    return status;
}

static int run(const struct config *config) {
    static struct service service;
    char error[512], url_host[LISTEN_TEXT_BYTES];
    const char *wanted = getenv("CONVD_CPU"), *kernels_error = NULL;
    if (!kernels_init(wanted, &kernels_error)) {
        fprintf(stderr, "convd: CONVD_CPU is '%s'; %s\n", wanted, kernels_error);
        return EXIT_WRONG_USAGE;
    }
    int fd = listen_open(config->host, config->port, url_host, error, sizeof(error));
    if (fd < 0)
        return fail(error);
    signal(SIGALRM, start_took_too_long);
    alarm(START_SECONDS);
    blas_init();
    api_init();
    int threads = config->threads > 0 ? (int)config->threads : cpus_usable("");
    struct workers *workers = workers_create(threads, (size_t)config->max_queue, blas_warm_up);
    if (workers == NULL) {
        close(fd);
        return fail("the compute threads could not be started");
    }
    describe_service(&service, config, workers);
    int status = serve(&service, fd, url_host);
    workers_destroy(workers);
    pages_destroy(service.budget.pages);
    return status;
}

int main(int argc, char **argv) {
    static struct config config;
    if (!open_standard_streams())
        return EXIT_FAILURE;
    switch (config_read(&config, argc, argv)) {
    case CONFIG_DONE: return EXIT_SUCCESS;
    case CONFIG_WRONG: return EXIT_WRONG_USAGE;
    case CONFIG_RUN: break;
    }
    if (config.check_health)
        return health_check(config.host, config.port);
    drain_catch_signals();
    idle_init();
    log_start(config.log_level);
    int status = run(&config);
    log_stop();
    return status;
}
