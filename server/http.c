#include "server/http.h"

#include "server/accept.h"
#include "server/access.h"
#include "server/clock.h"
#include "server/intake.h"
#include "server/log.h"
#include "server/receive.h"
#include "server/reply.h"
#include "server/request.h"

#include "lib/threads/cpus.h"

#include <arpa/inet.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Per connection. Headers must fit; half of it is what a read takes, and with the increment what headers leave free (long
 * bodies go past it: receive.c). One and a half of it is zeroed for each request and so stays in memory: 1 MiB costs nine
 * tenths of the rate of small requests, 64 KiB a tenth.
 */
enum { CONNECTION_MEMORY_BYTES = 32 * 1024 };

/* The acceptor keeps the limit: libmicrohttpd would close what is beyond it, and counts a connection for a while
 * after its end. */
static const unsigned NO_LIMIT = INT_MAX;

/*
 * Each thread is a daemon of libmicrohttpd's with one thread of its own, and not one of a daemon's pool: those race
 * for connections (accept.h).
 */
struct http_thread {
    struct http *http;
    struct MHD_Daemon *daemon; /* NULL when it did not start */
};

struct http {
    struct service *service;
    struct acceptor *acceptor;
    int listen_fd;
    int threads;
    struct http_thread thread[];
};

/* A connection carries one request at a time, so the request lives in it. */
struct connection {
    struct watch watch;
    struct request request;
    char remote[INET6_ADDRSTRLEN + 8];
    _Alignas(64) unsigned char head_memory[REQUEST_HEAD_BYTES];
};

/* ---- connections ---- */

static void write_address(struct MHD_Connection *mhd, char *text, size_t capacity) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[INET6_ADDRSTRLEN] = "";
    unsigned port = 0;
    if (info != NULL && info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in ip4;
        memcpy(&ip4, info->client_addr, sizeof(ip4));
        inet_ntop(AF_INET, &ip4.sin_addr, address, sizeof(address));
        port = ntohs(ip4.sin_port);
    } else if (info != NULL && info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 ip6;
        memcpy(&ip6, info->client_addr, sizeof(ip6));
        inet_ntop(AF_INET6, &ip6.sin6_addr, address, sizeof(address));
        port = ntohs(ip6.sin6_port);
    }
    snprintf(text, capacity, strchr(address, ':') != NULL ? "[%s]:%u" : "%s:%u", address, port);
}

static struct connection *connection_open(struct service *service, struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *connection =
        info != NULL ? aligned_alloc(_Alignof(struct connection), sizeof(*connection)) : NULL;
    if (connection == NULL)
        return NULL;
    memset(connection, 0, sizeof(*connection));
    /* Read before the next question: libmicrohttpd 1.0 keeps every answer in one place of the connection. */
    int fd = info->connect_fd;
    struct request *request = &connection->request;
    request->service = service;
    request->connection = mhd;
    request->watch = &connection->watch;
    request->remote = connection->remote;
    request->head_memory = connection->head_memory;
    request->number = atomic_fetch_add(&service->connections_made, 1) << 32;
    write_address(mhd, connection->remote, sizeof(connection->remote));
    receive_open(fd, request);
    watch_open(service->watchdog, &connection->watch, fd, request,
               clock_ms() + service->config->header_timeout_ms);
    return connection;
}

/* libmicrohttpd calls this for the last time before it closes the descriptor: from then on nobody may touch
 * it. */
static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    struct http_thread *thread = cls;
    struct http *http = thread->http;
    struct service *service = http->service;
    int number = (int)(thread - http->thread);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        accept_opened(http->acceptor, number);
        *context = connection_open(service, mhd);
        return;
    }
    accept_closed(http->acceptor, number);
    struct connection *connection = *context;
    if (connection == NULL)
        return;
    receive_close(connection->watch.fd);
    watch_close(service->watchdog, &connection->watch);
    request_end(&connection->request);
    free(connection);
    *context = NULL;
    atomic_fetch_add_explicit(&service->connections_ended, 1, memory_order_relaxed);
}

/* ---- requests ---- */

/* The request line is there: the one place where libmicrohttpd shows the target as it came. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd) {
    struct service *service = cls;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *connection = info != NULL ? info->socket_context : NULL;
    if (connection == NULL)
        return NULL;
    int64_t now_ns = clock_ns();
    /* A first request has the time that its connection got; a later one gets its own. */
    if (connection->request.begun_ns != 0)
        watch_enter(&connection->watch, WATCH_HEADERS, now_ns / 1000000 + service->config->header_timeout_ms);
    request_begin(&connection->request, target, now_ns);
    intake_target(&connection->request);
    return &connection->request;
}

static enum MHD_Result act(struct request *request, enum intake intake) {
    switch (intake) {
    case INTAKE_CONTINUE: return MHD_YES;
    case INTAKE_ANSWER: return reply_queue(request) ? MHD_YES : MHD_NO;
    case INTAKE_CLOSE: break;
    }
    return MHD_NO;
}

static void leave(struct request *request) {
    if (request->counted)
        service_leave(request->service);
    request->counted = false;
}

/* Called once when the headers are there, once for each piece of the body, and when the request is complete;
 * the last again each time that the connection is resumed. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_bytes, void **context) {
    struct service *service = cls;
    struct request *request = *context;
    (void)mhd, (void)url;
    if (request == NULL)
        return MHD_NO;
    if (request->stage == REQUEST_HEAD) {
        /* Before `draining` is read in there: whoever sets that and then sees no request in flight is right.
         */
        service_enter(service);
        request->counted = true;
        enum intake intake = intake_head(request, method, version);
        /* What is refused during a drain does not prolong it: clients that come again and again would for ever. */
        if (request->stage != REQUEST_BODY && atomic_load(&service->draining))
            leave(request);
        return act(request, intake);
    }
    if (*data_bytes == 0)
        return act(request, intake_finish(request));
    size_t bytes = *data_bytes;
    *data_bytes = 0;
    return act(request, intake_body(request, data, bytes));
}

static const char *ending(enum MHD_RequestTerminationCode code) {
    switch (code) {
    case MHD_REQUEST_TERMINATED_COMPLETED_OK: return NULL;
    case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED: return "timeout";
    case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN: return "shutdown";
    case MHD_REQUEST_TERMINATED_READ_ERROR: return "read error";
    case MHD_REQUEST_TERMINATED_CLIENT_ABORT: return "client abort";
    case MHD_REQUEST_TERMINATED_WITH_ERROR: break;
    }
    return "error";
}

/* The response still points into the request's arenas here, but nothing of it will be read any more. */
static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code) {
    struct service *service = cls;
    struct request *request = *context;
    (void)mhd;
    if (request == NULL)
        return;
    int64_t now_ns = clock_ns();
    watch_enter(request->watch, WATCH_HEADERS, now_ns / 1000000 + service->config->idle_timeout_ms);
    bool gone = atomic_load(&request->watch->gone);
    access_log(request, request->told_ns != 0 ? request->told_ns : now_ns,
               request->told_ns != 0 ? NULL
               : gone                ? "client abort"
                                     : ending(code));
    request_end(request);
    *context = NULL;
    leave(request);
}

/* ---- the daemon ---- */

__attribute__((format(printf, 2, 0))) static void on_message(void *cls, const char *format, va_list args) {
    char message[256];
    (void)cls;
    if (!log_wants(LOG_LEVEL_DEBUG))
        return;
    vsnprintf(message, sizeof(message), format, args);
    message[strcspn(message, "\n")] = '\0';
    log_message(LOG_LEVEL_DEBUG, "libmicrohttpd", "%s", message);
}

static void on_panic(void *cls, const char *file, unsigned line, const char *reason) {
    (void)cls;
    log_message(LOG_LEVEL_ERROR, "libmicrohttpd", "%s:%u: %s", file, line, reason != NULL ? reason : "");
    abort();
}

/* What on_target saw is decoded by the gate: libmicrohttpd's own decoding would hide a %00. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text) {
    (void)cls, (void)mhd;
    return text != NULL ? strlen(text) : 0;
}

static bool give(void *owner, int thread, int fd, const struct sockaddr *address, socklen_t bytes) {
    struct http *http = owner;
    return MHD_add_connection(http->thread[thread].daemon, fd, address, bytes) == MHD_YES;
}

static void start_thread(void *one) {
    struct http_thread *thread = one;
    struct service *service = thread->http->service;
    thread->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, service, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
        MHD_OPTION_CONNECTION_LIMIT, NO_LIMIT, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, thread,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, service, MHD_OPTION_URI_LOG_CALLBACK, on_target, service,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_END);
}

/* Threads that move about wait for each other on one CPU for a whole turn while another has room. */
static bool start_threads(struct http *http) {
    bool started = true;
    for (int i = 0; i < http->threads && started; i++) {
        http->thread[i].http = http;
        cpus_on_share(i, http->threads, start_thread, &http->thread[i]);
        started = http->thread[i].daemon != NULL;
    }
    return started;
}

/* What has been started is ended; the socket stays the caller's. */
static void end(struct http *http) {
    for (int i = 0; i < http->threads; i++)
        if (http->thread[i].daemon != NULL)
            MHD_stop_daemon(http->thread[i].daemon);
    accept_destroy(http->acceptor);
    free(http);
}

struct http *http_start(struct service *service, int listen_fd, int threads, unsigned connections) {
    struct http *http = calloc(1, sizeof(*http) + (size_t)threads * sizeof(http->thread[0]));
    if (http == NULL)
        return NULL;
    *http = (struct http){.service = service, .listen_fd = listen_fd, .threads = threads};
    http->acceptor = accept_create(listen_fd, threads, connections, give, http);
    MHD_set_panic_func(on_panic, NULL);
    if (http->acceptor != NULL && start_threads(http) && accept_run(http->acceptor))
        return http;
    end(http);
    return NULL;
}

void http_stop(struct http *http) {
    if (http == NULL)
        return;
    accept_stop(http->acceptor);
    close(http->listen_fd);
    end(http);
}
