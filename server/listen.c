#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_one(const struct addrinfo *address) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void name_of(int fd, char text[LISTEN_TEXT_BYTES]) {
    struct sockaddr_storage taken = {0};
    socklen_t bytes = sizeof(taken);
    char address[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    getsockname(fd, (struct sockaddr *)&taken, &bytes);
    getnameinfo((struct sockaddr *)&taken, bytes, address, sizeof(address), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(text, LISTEN_TEXT_BYTES, taken.ss_family == AF_INET6 ? "[%.60s]:%.5s" : "%.60s:%.5s", address,
             port);
}

static int refuse(const char *host, const char *service, const char *reason, char *error,
                  size_t error_bytes) {
    bool brackets = strchr(host, ':') != NULL;
    snprintf(error, error_bytes, "cannot listen on %s%s%s:%s: %s", brackets ? "[" : "", host,
             brackets ? "]" : "", service, reason);
    return -1;
}

int listen_open(const char *host, int64_t port, char url_host[LISTEN_TEXT_BYTES], char *error,
                size_t error_bytes) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    char service[8];
    snprintf(service, sizeof(service), "%u", (unsigned)port & 0xffffu);
    int failure = getaddrinfo(host, service, &hints, &found);
    if (failure != 0)
        return refuse(host, service, failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure), error,
                      error_bytes);
    int fd = -1;
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next)
        fd = open_one(one);
    if (fd < 0)
        refuse(host, service, strerror(errno), error, error_bytes);
    else
        name_of(fd, url_host);
    freeaddrinfo(found);
    return fd;
}

int64_t listen_raise_files(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 1024;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 1024;
    return files.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)files.rlim_cur;
}
