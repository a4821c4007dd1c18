#include "server/health.h"

#include "server/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000 };

/* Whoever listens on every address listens on the loopback one. */
static const char *reachable(const char *host) {
    if (strcmp(host, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

static bool wait_for(int fd, short events, int64_t deadline_ms) {
    int64_t left = deadline_ms - clock_ms();
    struct pollfd ready = {.fd = fd, .events = events};
    return left > 0 && poll(&ready, 1, (int)left) == 1;
}

static int connect_to(const struct addrinfo *address, int64_t deadline_ms) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        socklen_t bytes = sizeof(error);
        error = ETIMEDOUT;
        if (wait_for(fd, POLLOUT, deadline_ms))
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    }
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* The answer's first bytes, or an empty text. */
static const char *ask(int fd, int64_t deadline_ms, char *answer, size_t capacity) {
    static const char question[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    size_t used = 0;
    if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(question) - 1)
        while (used < capacity - 1 && wait_for(fd, POLLIN, deadline_ms)) {
            ssize_t got = recv(fd, answer + used, capacity - 1 - used, 0);
            if (got <= 0)
                break;
            used += (size_t)got;
        }
    answer[used] = '\0';
    return answer;
}

static int complain(const char *host, int64_t port, const char *reason) {
    fprintf(stderr, "convd: no healthy server at %s port %lld: %s\n", host, (long long)port, reason);
    return 1;
}

int health_check(const char *host, int64_t port) {
    int64_t deadline_ms = clock_ms() + PATIENCE_MS;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    char service[8], answer[16];
    snprintf(service, sizeof(service), "%u", (unsigned)port & 0xffffu);
    int failure = getaddrinfo(reachable(host), service, &hints, &found);
    if (failure != 0)
        return complain(host, port, gai_strerror(failure));
    int fd = -1;
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next)
        fd = connect_to(one, deadline_ms);
    freeaddrinfo(found);
    if (fd < 0)
        return complain(host, port, strerror(errno));
    ask(fd, deadline_ms, answer, sizeof("HTTP/1.1 200"));
    close(fd);
    if (strcmp(answer, "HTTP/1.1 200") == 0)
        return 0;
    return complain(host, port, answer[0] == '\0' ? "no answer within two seconds" : answer);
}
