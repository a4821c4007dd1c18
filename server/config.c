#include "server/config.h"

#include "lib/version.h"
#include "server/values.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNT, BYTES, DURATION, HOST, ORIGINS, PRECISION, LEVEL, SWITCH, HELP, VERSION };

/* One row says all of an option: --help, the parser, the environment and the errors come from it. */
struct option {
    const char *flag; /* "--max-body", and so the variable CONVD_MAX_BODY */
    const char *metavar;
    const char *standard; /* read by the same parser as an operator's value; NULL: nothing */
    enum kind kind;
    size_t offset; /* in struct config */
    int64_t min, max;
    const char *help;
};

#define DAY_MS     (24LL * 3600 * 1000)
#define MOST_BYTES (1LL << 50)
#define AT(field)  offsetof(struct config, field)

static const struct option options[] = {
    {"--host", "ADDRESS", "127.0.0.1", HOST, AT(host), 0, 0,
     "listen on this name or address; 0.0.0.0 or :: for all"},
    {"--port", "N", "8080", COUNT, AT(port), 0, 65535, "listen on this TCP port; 0 takes a free one"},
    {"--threads", "N", "0", COUNT, AT(threads), 0, 1024, "compute threads; 0: as many as usable CPUs"},
    {"--http-threads", "N", "0", COUNT, AT(http_threads), 0, 256, "threads that move bytes; 0: up to 8"},
    {"--max-body", "SIZE", "256M", BYTES, AT(max_body_bytes), 1, MOST_BYTES, "largest request body"},
    {"--max-document", "SIZE", "1M", BYTES, AT(max_document_bytes), 1, MOST_BYTES,
     "largest JSON text without its tensors' numbers"},
    {"--max-output", "SIZE", "256M", BYTES, AT(max_output_bytes), 1, MOST_BYTES,
     "largest output tensor, in memory"},
    {"--max-macs", "N", "200000000000", COUNT, AT(max_macs), 1, VALUE_MOST,
     "most multiply-accumulates that a request may ask for"},
    {"--max-queue", "N", "1024", COUNT, AT(max_queue), 1, 1000000, "most requests that wait for a thread"},
    {"--max-connections", "N", "10000", COUNT, AT(max_connections), 1, 1000000, "most open connections"},
    {"--memory-budget", "SIZE", "0", BYTES, AT(memory_budget_bytes), 0, MOST_BYTES,
     "memory of all requests together; 0: 60 % of what is usable"},
    {"--body-timeout", "TIME", "30s", DURATION, AT(body_timeout_ms), 1, DAY_MS,
     "a request's body is there by then, or it gets 408"},
    {"--header-timeout", "TIME", "10s", DURATION, AT(header_timeout_ms), 1, DAY_MS,
     "a request's headers are there by then, or it is closed"},
    {"--idle-timeout", "TIME", "60s", DURATION, AT(idle_timeout_ms), 1, DAY_MS,
     "a connection without requests, or whose reader stalls, is closed"},
    {"--drain-timeout", "TIME", "30s", DURATION, AT(drain_timeout_ms), 0, DAY_MS,
     "on SIGTERM, requests in flight get so long to finish"},
    {"--precision", "NAME", "highest", PRECISION, AT(precision), 0, 0,
     "of requests that name none: highest, high or medium"},
    {"--cors-origin", "ORIGIN", NULL, ORIGINS, AT(cors), 0, 0,
     "let pages of this origin call; repeatable, a comma list, or *"},
    {"--log-level", "LEVEL", "info", LEVEL, AT(log_level), 0, 0, "debug, info, warn, error or none"},
    {"--check-health", NULL, NULL, SWITCH, AT(check_health), 0, 0,
     "ask a running server at this host and port; exit 0 if it is well"},
    {"--version", NULL, NULL, VERSION, 0, 0, 0, "print the version and exit"},
    {"--help", NULL, NULL, HELP, 0, 0, 0, "print this and exit"},
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]), NAME_BYTES = 40 };

/* "--max-body" → "CONVD_MAX_BODY" */
static const char *variable_name(const struct option *option, char name[NAME_BYTES]) {
    snprintf(name, NAME_BYTES, "CONVD_%s", option->flag + 2);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return name;
}

static void print_help(void) {
    printf("convd %s: 2-D convolutions and poolings over HTTP\n\nusage: convd [OPTION]...\n\n",
           CONVD_VERSION);
    for (int i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        char name[NAME_BYTES];
        snprintf(name, sizeof(name), "%s %s", option->flag, option->metavar != NULL ? option->metavar : "");
        printf("  %-26s %s", name, option->help);
        if (option->standard != NULL)
            printf(" [%s]", option->standard);
        putchar('\n');
    }
    char name[NAME_BYTES];
    printf("\nSIZE: 1000, 64K, 256M, 1G (powers of 1024; also KiB, MiB, GiB). TIME: 30s, 500ms, 2m.\n"
           "Each option with a value can also be set in the environment: --max-body as %s, and so on;\n"
           "a flag wins. CONVD_CPU names the instruction set of the kernels.\n",
           variable_name(&options[4], name));
}

/* ---- one value ---- */

static bool read_number(const struct option *option, const char *text, int64_t *value) {
    bool (*read)(const char *, int64_t *) = option->kind == BYTES      ? value_bytes
                                            : option->kind == DURATION ? value_duration_ms
                                                                       : value_count;
    return read(text, value) && *value >= option->min && *value <= option->max;
}

/* Brackets belong to URLs; people copy them all the same. */
static bool read_host(const char *text, const char **host) {
    size_t bytes = strlen(text);
    bool brackets = bytes > 2 && text[0] == '[' && text[bytes - 1] == ']';
    *host = brackets ? strndup(text + 1, bytes - 2) : text; /* lives as long as the process */
    return bytes > 0 && *host != NULL;
}

static bool read_value(struct config *config, const struct option *option, const char *text) {
    void *place = (char *)config + option->offset;
    switch (option->kind) {
    case HOST: return read_host(text, place);
    case ORIGINS: return cors_allow(place, text);
    case PRECISION: return conv_precision_find(text, place);
    case LEVEL: return log_level_find(text, place);
    default: return read_number(option, text, place);
    }
}

/* What a value of this option has to be, for the error. */
static const char *rule(const struct option *option, char text[96]) {
    char low[VALUE_TEXT_BYTES], high[VALUE_TEXT_BYTES];
    switch (option->kind) {
    case HOST: return "a host name or an address";
    case ORIGINS: return "origins such as https://example.org, without a path, or *";
    case PRECISION: return "highest, high or medium";
    case LEVEL: return "debug, info, warn, error or none";
    case BYTES:
        snprintf(text, 96, "a size such as 256M, from %s to %s", value_bytes_text(option->min, low),
                 value_bytes_text(option->max, high));
        return text;
    case DURATION:
        snprintf(text, 96, "a time such as 30s or 500ms, from %lldms to 24h", (long long)option->min);
        return text;
    default:
        snprintf(text, 96, "a whole number from %lld to %lld", (long long)option->min,
                 (long long)option->max);
        return text;
    }
}

static bool set(struct config *config, const struct option *option, const char *source, const char *text) {
    if (read_value(config, option, text))
        return true;
    char buffer[96];
    fprintf(stderr, "convd: %s is '%s'; it must be %s\n", source, text, rule(option, buffer));
    return false;
}

/* ---- where values come from ---- */

static bool read_defaults(struct config *config) {
    for (int i = 0; i < OPTIONS; i++)
        if (options[i].standard != NULL && !set(config, &options[i], options[i].flag, options[i].standard))
            return false;
    return true;
}

/* An empty variable counts as unset: that is how compose files and unit files write "no value". */
static bool read_environment(struct config *config) {
    for (int i = 0; i < OPTIONS; i++) {
        char name[NAME_BYTES];
        const char *text = options[i].metavar != NULL ? getenv(variable_name(&options[i], name)) : NULL;
        if (text != NULL && text[0] != '\0' && !set(config, &options[i], name, text))
            return false;
    }
    return true;
}

static const struct option *find(const char *flag, size_t bytes) {
    for (int i = 0; i < OPTIONS; i++)
        if (strlen(options[i].flag) == bytes && memcmp(options[i].flag, flag, bytes) == 0)
            return &options[i];
    return NULL;
}

/* Flags that name origins replace the environment's list instead of adding to it. */
static void forget_origins_of_environment(struct config *config, const struct option *option,
                                          bool *forgotten) {
    if (option->kind == ORIGINS && !*forgotten) {
        config->cors = (struct cors){0};
        *forgotten = true;
    }
}

static enum config_verdict wrong(const char *before, const char *flag, const char *after) {
    fprintf(stderr, "convd: %s%s%s\n", before, flag, after);
    return CONFIG_WRONG;
}

static enum config_verdict read_switch(struct config *config, const struct option *option) {
    switch (option->kind) {
    case HELP: print_help(); return CONFIG_DONE;
    case VERSION: printf("convd %s\n", CONVD_VERSION); return CONFIG_DONE;
    default: *(bool *)((char *)config + option->offset) = true; return CONFIG_RUN;
    }
}

static enum config_verdict read_flags(struct config *config, int argc, char **argv) {
    bool forgotten = false;
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        size_t bytes = equals != NULL ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        const struct option *option = find(argv[i], bytes);
        if (option == NULL)
            return wrong("there is no option '", argv[i], "'; convd --help lists them");
        if (option->metavar == NULL) {
            if (equals != NULL)
                return wrong("", option->flag, " takes no value");
            enum config_verdict verdict = read_switch(config, option);
            if (verdict != CONFIG_RUN)
                return verdict;
            continue;
        }
        const char *text = equals != NULL ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (text == NULL)
            return wrong("", option->flag, " needs a value");
        forget_origins_of_environment(config, option, &forgotten);
        if (!set(config, option, option->flag, text))
            return CONFIG_WRONG;
    }
    return CONFIG_RUN;
}

/* A wrong environment does not hide --help and --version; a wrong flag in front of them does. */
static bool wants(int argc, char **argv, const char *flag) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], flag) == 0)
            return true;
    return false;
}

enum config_verdict config_read(struct config *config, int argc, char **argv) {
    *config = (struct config){0};
    if (!read_defaults(config))
        return CONFIG_WRONG;
    bool informs = wants(argc, argv, "--help") || wants(argc, argv, "--version");
    if (!informs && !read_environment(config))
        return CONFIG_WRONG;
    return read_flags(config, argc, argv);
}
