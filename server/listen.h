/*
 * The listening socket.
 */
#ifndef CONVD_SERVER_LISTEN_H
#define CONVD_SERVER_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "[" + the longest IPv6 address with a zone + "]:65535" + NUL */
enum { LISTEN_TEXT_BYTES = INET6_ADDRSTRLEN + 32 };

/*
 * A non-blocking, listening socket on `host` and `port` (0: a free one), or -1 with `error` filled: "cannot
 * listen on 127.0.0.1:8080: Address already in use". "::" takes IPv4 as well. `url_host` becomes
 * "127.0.0.1:8080" or
 * "[::1]:8080": what was really taken.
 */
int listen_open(const char *host, int64_t port, char url_host[LISTEN_TEXT_BYTES], char *error,
                size_t error_bytes);

/* Raises the soft limit of open files to the hard one and returns it. */
int64_t listen_raise_files(void);

#endif
