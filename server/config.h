/*
 * What an operator can set: flags, and environment variables of the same names. A flag wins over the
 * environment, that over the default.
 */
#ifndef CONVD_SERVER_CONFIG_H
#define CONVD_SERVER_CONFIG_H

#include "lib/conv/conv.h"
#include "server/cors.h"
#include "server/log.h"

#include <stdbool.h>
#include <stdint.h>

struct config {
    const char *host;     /* a name or an address, an IPv6 address without brackets */
    int64_t port;         /* 0: any free one */
    int64_t threads;      /* compute threads; 0: as many as there are CPUs */
    int64_t http_threads; /* 0: chosen by the number of CPUs */
    int64_t max_body_bytes;
    int64_t max_document_bytes;
    int64_t max_output_bytes;
    int64_t max_macs;
    int64_t max_queue;
    int64_t max_connections;
    int64_t memory_budget_bytes; /* 0: a share of the memory that this process may use */
    int64_t body_timeout_ms;
    int64_t header_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t drain_timeout_ms;
    enum conv_precision precision;
    struct cors cors;
    enum log_level log_level;
    bool check_health; /* ask the server that runs with this host and port, and exit */
};

enum config_verdict {
    CONFIG_RUN,
    CONFIG_DONE,  /* --help or --version has been printed: exit 0 */
    CONFIG_WRONG, /* one line on standard error says what: exit 2 */
};

/* Fills `config`; it borrows the arguments and the environment for as long as it lives. */
enum config_verdict config_read(struct config *config, int argc, char **argv);

#endif
