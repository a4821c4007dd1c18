/*
 * Concurrency: `output` protects everything here but the bytes of `leaving`, which belong to whoever has set `busy`. He
 * writes them without it: a thread that loses its CPU in the middle of a write keeps nobody waiting but those who find
 * `filling` full as well, and they wait on `idle`. `output` is taken last. Neither poll nor write blocks, because a pipe
 * that poll calls writable takes PIPE_BUF bytes at once and nobody else in this process writes to it in between. Who
 * finds `filling` full writes it out himself; the thread does so in time for all others: it waits on `awake` until there
 * is a first line, then FLUSH_MS for more. Shutdown sets `stopping`, and the thread's last act is a flush.
 */
#include "server/log.h"

#include "server/digits.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of each of the two buffers; for a pipe both together are half of what it takes. */
enum { BUFFER_BYTES = 64 * 1024, PIPE_BUFFER_BYTES = 16 * 1024, REPORT_BYTES = 256, FLUSH_MS = 50 };

static enum log_level threshold = LOG_LEVEL_INFO;

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t awake, idle = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static bool buffered; /* the thread is there */
static bool asleep;   /* the thread waits for a first line */
static bool stopping;
static bool to_file; /* a regular file takes any number of bytes in one write */
static char buffers[2][BUFFER_BYTES];
static char *filling = buffers[0], *leaving = buffers[1];
static size_t filled;            /* of `filling` */
static size_t left_at, left_end; /* what is not written yet of `leaving` */
static bool busy;                /* somebody writes `leaving` out */
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

bool log_wants(enum log_level level) {
    return level >= threshold;
}

/* ---- a line ---- */

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

static bool is_plain(char c) {
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void put_escape(struct log_line *line, unsigned char byte) {
    static const char hex[] = "0123456789abcdef";
    if (byte == '"' || byte == '\\')
        put(line, (char[]){'\\', (char)byte}, 2);
    else
        put(line, (char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

/*
 * `bytes` of a JSON string, for which there is room. Bytes beyond ASCII are written as the code points of the same
 * number (Latin-1): what comes from clients need not be UTF-8, and the log always is.
 */
static void put_escaped(struct log_line *line, const char *text, size_t bytes) {
    char *to = line->text + line->used;
    for (size_t i = 0; i < bytes; i++) {
        if (is_plain(text[i])) {
            *to++ = text[i];
            continue;
        }
        line->used = (size_t)(to - line->text);
        put_escape(line, (unsigned char)text[i]);
        to = line->text + line->used;
    }
    line->used = (size_t)(to - line->text);
}

/* `,"name":value`, or nothing when that does not fit: half a field would break the line's JSON. */
static void put_field(struct log_line *line, const char *name, size_t name_bytes, const char *value,
                      size_t value_bytes) {
    if (name_bytes + value_bytes > room(line))
        return;
    put(line, name, name_bytes);
    put(line, value, value_bytes);
}

/* The calendar is asked once a second. */
static void put_time(struct log_line *line) {
    static _Thread_local time_t second = -1;
    static _Thread_local char date[32];
    static _Thread_local size_t date_bytes;
    struct timespec now;
    char ms[DIGITS_INT_BYTES] = ".";
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        date_bytes = strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
        second = now.tv_sec;
    }
    put(line, date, date_bytes);
    put(line, ms, 1 + digits_padded(ms + 1, (uint64_t)now.tv_nsec / 1000000, 3));
}

static void put_string(struct log_line *line, const char *text) {
    put(line, text, strlen(text));
}

void log_begin(struct log_line *line, enum log_level level, const char *event) {
    line->level = level;
    line->used = 0;
    put_string(line, "{\"time\":\"");
    put_time(line);
    put_string(line, "Z\",\"level\":\"");
    put_string(line, level_name[level]);
    put_string(line, "\",\"event\":\"");
    put_string(line, event);
    put_string(line, "\"");
}

void log_put_text(struct log_line *line, const char *name, size_t name_bytes, const char *value, size_t cap) {
    if (value == NULL || room(line) < name_bytes + 1)
        return;
    size_t bytes = strnlen(value, cap);
    size_t most = (room(line) - name_bytes - 1) / 6; /* escaping makes up to six bytes of one */
    put(line, name, name_bytes);
    put_escaped(line, value, bytes < most ? bytes : most);
    put(line, "\"", 1);
}

void log_put_int(struct log_line *line, const char *name, size_t name_bytes, int64_t value) {
    char text[DIGITS_INT_BYTES];
    put_field(line, name, name_bytes, text, digits_int(text, value));
}

void log_put_ms(struct log_line *line, const char *name, size_t name_bytes, double ms) {
    char text[DIGITS_MS_BYTES];
    put_field(line, name, name_bytes, text, digits_ms(text, ms));
}

static void finish(struct log_line *line) {
    line->text[line->used++] = '}';
    line->text[line->used++] = '\n';
}

/* ---- on its way out ---- */

/* As many whole lines as one write(2) takes without being cut. */
static size_t portion(const char *text, size_t bytes) {
    if (to_file || bytes <= PIPE_BUF)
        return bytes;
    const char *end = memrchr(text, '\n', PIPE_BUF);
    return end != NULL ? (size_t)(end - text) + 1 : PIPE_BUF;
}

static int64_t lines_of(const char *text, size_t bytes) {
    int64_t lines = 0;
    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    return lines;
}

/* One write(2), which an interrupted one stays: a log line is never worth waiting for. Returns how many bytes are
 * done with, 0 when nobody takes them now; lines that nobody will take are counted in *lost. */
static size_t write_some(const char *text, size_t bytes, int64_t *lost) {
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return 0;
    bytes = portion(text, bytes);
    ssize_t written = write(STDERR_FILENO, text, bytes);
    if (written >= 0)
        return (size_t)written;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    *lost += lines_of(text, bytes); /* a full disk, a reader that has gone */
    return bytes;
}

/* All below under `output`, which write_out lets go of while it writes. */

static bool is_empty(void) {
    return filled == 0 && left_at == left_end;
}

/* `leaving` must be empty, and nobody busy. */
static void turn(void) {
    char *full = filling;
    filling = leaving;
    leaving = full;
    left_at = 0;
    left_end = filled;
    filled = 0;
}

/* Writes out `leaving`, or `filling` where that is empty; `all` that there is, whoever is at it meanwhile. */
static void write_out(bool all) {
    while (all && busy)
        pthread_cond_wait(&idle, &output);
    if (busy)
        return;
    busy = true;
    bool more = true;
    if (left_at == left_end)
        turn();
    while (more && left_at < left_end) {
        int64_t lost = 0;
        pthread_mutex_unlock(&output);
        size_t done = write_some(leaving + left_at, left_end - left_at, &lost);
        pthread_mutex_lock(&output);
        left_at += done;
        dropped += lost;
        more = done > 0;
        if (all && left_at == left_end)
            turn();
    }
    busy = false;
    pthread_cond_broadcast(&idle);
}

static bool fits(size_t bytes) {
    return bytes <= (to_file ? BUFFER_BYTES : PIPE_BUFFER_BYTES) - filled;
}

/* False when nobody takes what is in front of it. */
static bool make_room(size_t bytes) {
    while (!fits(bytes)) {
        size_t before = left_at;
        if (busy)
            pthread_cond_wait(&idle, &output);
        else if (left_at == left_end)
            turn();
        else {
            write_out(false);
            if (!busy && left_at == before && left_at < left_end && !fits(bytes))
                return false;
        }
    }
    return true;
}

static void append(const struct log_line *line) {
    memcpy(filling + filled, line->text, line->used);
    filled += line->used;
}

/* The dropped are counted in front of the line that fits again. */
static void append_or_drop(const struct log_line *line) {
    if (!make_room(REPORT_BYTES + line->used)) {
        dropped++;
        return;
    }
    if (dropped > 0) {
        struct log_line report;
        log_begin(&report, LOG_LEVEL_WARN, "log");
        log_int(&report, "dropped_lines", dropped);
        finish(&report);
        append(&report);
        dropped = 0;
    }
    append(line);
}

void log_end(struct log_line *line) {
    int saved = errno;
    finish(line);
    pthread_mutex_lock(&output);
    append_or_drop(line);
    if (!buffered || line->level >= LOG_LEVEL_WARN)
        write_out(true);
    else if (left_at < left_end && dropped == 0)
        write_out(false);
    if (!is_empty() && asleep) {
        pthread_cond_signal(&awake);
        asleep = false;
    }
    pthread_mutex_unlock(&output);
    errno = saved;
}

void log_flush(void) {
    pthread_mutex_lock(&output);
    write_out(true);
    pthread_mutex_unlock(&output);
}

/* ---- the thread ---- */

static void wait_a_moment(void) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += FLUSH_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!stopping && pthread_cond_timedwait(&awake, &output, &until) == 0)
        continue;
}

static void *flush_in_time(void *argument) {
    pthread_setname_np(pthread_self(), "convd-log");
    pthread_mutex_lock(&output);
    while (!stopping) {
        if (is_empty()) {
            asleep = true;
            pthread_cond_wait(&awake, &output);
            continue;
        }
        wait_a_moment();
        write_out(false);
    }
    pthread_mutex_unlock(&output);
    return argument;
}

void log_start(enum log_level level) {
    struct stat status;
    pthread_condattr_t clock;
    threshold = level;
    to_file = fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&awake, &clock);
    pthread_condattr_destroy(&clock);
    buffered = pthread_create(&thread, NULL, flush_in_time, NULL) == 0;
}

void log_stop(void) {
    pthread_mutex_lock(&output);
    bool started = buffered;
    buffered = false;
    stopping = true;
    pthread_cond_signal(&awake);
    pthread_mutex_unlock(&output);
    if (started)
        pthread_join(thread, NULL);
    log_flush();
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
