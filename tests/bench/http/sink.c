/*
 * bench_sink: what libmicrohttpd alone does with a request, the upper bound for convd over HTTP.
 *
 * It reads each body, forgets it, and answers as many bytes as the query asks for (POST /any/path?answer=1234),
 * with the libmicrohttpd options of server/http.c and as many threads as convd has for HTTP.
 *
 *   bench_sink [--port N] [--threads N]      port 0 (the default) takes a free one; 1 thread
 *
 * The first line on standard output names the address; SIGTERM or SIGINT ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EXIT_WRONG_USAGE = 2,
    MOST_THREADS = 256,
    CONNECTIONS = 10000,
    CONNECTION_MEMORY_BYTES = 32 * 1024, /* as in server/http.c */
    MOST_ANSWER_BYTES = 64 << 20,
};

/* Every answer is the beginning of this text. It is written once, before the first request. */
static char *answer_text;

static enum MHD_Result answer(struct MHD_Connection *connection) {
    const char *wanted = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "answer");
    unsigned long bytes = wanted != NULL ? strtoul(wanted, NULL, 10) : 0;
    if (bytes > MOST_ANSWER_BYTES)
        bytes = MOST_ANSWER_BYTES;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(bytes, answer_text, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_add_response_header(response, "Content-Type", "application/json");
    if (queued == MHD_YES)
        queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

/* Called when the headers are there, for each piece of the body, and when the request is complete. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_bytes, void **context) {
    static char seen;
    (void)cls, (void)url, (void)method, (void)version, (void)data;
    if (*context == NULL) {
        *context = &seen;
        return MHD_YES;
    }
    if (*data_bytes == 0)
        return answer(connection);
    *data_bytes = 0;
    return MHD_YES;
}

static int fail(const char *what) {
    fprintf(stderr, "bench_sink: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* A listening socket on 127.0.0.1 as server/listen.c opens it; *port becomes the one that was taken. -1: errno
 * says why. */
static int listen_open(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)*port)};
    socklen_t bytes = sizeof(address);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, bytes) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static struct MHD_Daemon *start(int fd, int threads) {
    struct MHD_OptionItem pool[] = {
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
                            NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
                            MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_MEMORY_BYTES,
                            MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

static bool read_number(const char *text, int most, int *value) {
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > most)
        return false;
    *value = (int)number;
    return true;
}

static bool read_arguments(int argc, char **argv, int *port, int *threads) {
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool known = (strcmp(argv[i], "--port") == 0 && read_number(value, 65535, port)) ||
                     (strcmp(argv[i], "--threads") == 0 && read_number(value, MOST_THREADS, threads));
        if (!known)
            return false;
    }
    return *threads > 0;
}

/* Blocked before the first thread is started, so that none but main's sigwait gets them. */
static void block_signals(sigset_t *ending) {
    sigemptyset(ending);
    sigaddset(ending, SIGTERM);
    sigaddset(ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, ending, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv) {
    int port = 0, threads = 1, received;
    sigset_t ending;
    if (!read_arguments(argc, argv, &port, &threads)) {
        fprintf(stderr, "usage: bench_sink [--port N] [--threads N]\n");
        return EXIT_WRONG_USAGE;
    }
    answer_text = malloc(MOST_ANSWER_BYTES);
    if (answer_text == NULL)
        return fail("the answer's text");
    memset(answer_text, '8', MOST_ANSWER_BYTES);
    block_signals(&ending);
    int fd = listen_open(&port);
    struct MHD_Daemon *daemon = fd >= 0 ? start(fd, threads) : NULL;
    if (daemon == NULL)
        return fail("cannot listen");
    printf("bench_sink listening on http://127.0.0.1:%d\n", port);
    fflush(stdout);
    sigwait(&ending, &received);
    MHD_stop_daemon(daemon);
    free(answer_text);
    return EXIT_SUCCESS;
}
