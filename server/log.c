/*
 * Concurrency: `output` orders the writers and protects `dropped`. It is taken last and held across poll and
 * write alone; neither blocks, because a pipe that poll calls writable takes PIPE_BUF bytes at once and
 * nobody else in this process writes to it in between.
 */
#include "server/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level threshold = LOG_LEVEL_INFO;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static int64_t dropped;

static const char *const level_name[] = {
#define LOG_LEVEL_NAME(NAME, name) name,
    LOG_LEVEL_MAP(LOG_LEVEL_NAME)
#undef LOG_LEVEL_NAME
};

bool log_level_find(const char *name, enum log_level *level) {
    for (size_t i = 0; i < sizeof(level_name) / sizeof(level_name[0]); i++)
        if (strcmp(level_name[i], name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

void log_init(enum log_level level) {
    threshold = level;
}

bool log_wants(enum log_level level) {
    return level >= threshold;
}

/* The closing "}\n" always finds room. */
static size_t room(const struct log_line *line) {
    return sizeof(line->text) - 2 - line->used;
}

static void put(struct log_line *line, const char *text, size_t bytes) {
    if (bytes <= room(line)) {
        memcpy(line->text + line->used, text, bytes);
        line->used += bytes;
    }
}

/*
 * `bytes` of a JSON string. Bytes beyond ASCII are written as the code points of the same number (Latin-1):
 * what comes from clients need not be UTF-8, and the log always is.
 */
static void put_escaped(struct log_line *line, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)text[i];
        char escaped[8];
        if (byte == '"' || byte == '\\')
            put(line, (char[]){'\\', (char)byte}, 2);
        else if (byte >= ' ' && byte < 0x7f)
            put(line, &text[i], 1);
        else
            put(line, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", byte));
    }
}

/* `,"name":value`, or nothing when that does not fit: half a field would break the line's JSON. */
static void put_field(struct log_line *line, const char *name, const char *value) {
    char field[96];
    int bytes = snprintf(field, sizeof(field), ",\"%s\":%s", name, value);
    if (bytes > 0 && (size_t)bytes < sizeof(field))
        put(line, field, (size_t)bytes);
}

void log_begin(struct log_line *line, enum log_level level, const char *event) {
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    char date[32];
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    line->used = (size_t)snprintf(line->text, sizeof(line->text),
                                  "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\"", date,
                                  now.tv_nsec / 1000000, level_name[level], event);
}

void log_text(struct log_line *line, const char *name, const char *value, size_t cap) {
    /* Escaping makes up to six bytes of one; 8 are the quotes and the punctuation around a name. */
    size_t overhead = strlen(name) + 8;
    if (value == NULL || room(line) < overhead)
        return;
    size_t bytes = strnlen(value, cap);
    size_t fits = (room(line) - overhead) / 6;
    put(line, ",\"", 2);
    put(line, name, strlen(name));
    put(line, "\":\"", 3);
    put_escaped(line, value, bytes < fits ? bytes : fits);
    put(line, "\"", 1);
}

void log_int(struct log_line *line, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    put_field(line, name, text);
}

void log_ms(struct log_line *line, const char *name, double ms) {
    char text[32];
    snprintf(text, sizeof(text), "%.3f", ms);
    put_field(line, name, text);
}

/* One write(2), which an interrupted or refused one stays: a log line is never worth waiting for. */
static bool write_now(const char *text, size_t bytes) {
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return false;
    return write(STDERR_FILENO, text, bytes) == (ssize_t)bytes;
}

static void report_dropped(void) {
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARN, "log");
    log_int(&line, "dropped_lines", dropped);
    line.text[line.used++] = '}';
    line.text[line.used++] = '\n';
    if (write_now(line.text, line.used))
        dropped = 0;
}

void log_end(struct log_line *line) {
    line->text[line->used++] = '}';
    line->text[line->used++] = '\n';
    int saved = errno;
    pthread_mutex_lock(&output);
    if (dropped > 0)
        report_dropped();
    if (dropped > 0 || !write_now(line->text, line->used))
        dropped++;
    pthread_mutex_unlock(&output);
    errno = saved;
}

void log_message(enum log_level level, const char *event, const char *format, ...) {
    if (!log_wants(level))
        return;
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct log_line line;
    log_begin(&line, level, event);
    log_text(&line, "message", message, sizeof(message));
    log_end(&line);
}
