/*
 * The log: one JSON object a line on standard error.
 *
 * A write for each line would cost a small request a tenth of its time, so lines below WARN wait in a buffer of 64 KiB,
 * or 16 where it is no file that they go to: until it is full, 50 ms have passed, a warning or an error comes, or the
 * process ends by whatever way but a crash. What a crash (SIGKILL, SIGSEGV) can lose is that buffer: the lines of the last
 * 50 ms.
 */
#ifndef CONVD_SERVER_LOG_H
#define CONVD_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, name): from the most to the least talkative. */
#define LOG_LEVEL_MAP(X)                                                                                     \
    X(DEBUG, "debug")                                                                                        \
    X(INFO, "info")                                                                                          \
    X(WARN, "warn")                                                                                          \
    X(ERROR, "error")                                                                                        \
    X(NONE, "none")

enum log_level {
#define LOG_LEVEL_ENUM(NAME, name) LOG_LEVEL_##NAME,
    LOG_LEVEL_MAP(LOG_LEVEL_ENUM)
#undef LOG_LEVEL_ENUM
};

/* false when there is no such level. */
bool log_level_find(const char *name, enum log_level *level);

/*
 * Lines below `level` are not written, and from here on lines wait as said above; until then everything from INFO
 * is written, at once. Once, with the signals blocked that are not for its thread; without that thread every line
 * is written at once.
 */
void log_start(enum log_level level);

/* Writes what waits and ends the thread. */
void log_stop(void);

/* Writes what waits, for whoever is about to call _exit. */
void log_flush(void);
bool log_wants(enum log_level level);

/*
 * A line under construction. Fields longer than their cap are cut. It is below PIPE_BUF (4096 bytes), and pipes
 * are written to in whole lines of at most that together, which is atomic: lines of several processes on one pipe
 * do not mix.
 */
struct log_line {
    enum log_level level;
    size_t used;
    char text[3072];
};

/* Starts with the time, the level and the event's name. */
void log_begin(struct log_line *line, enum log_level level, const char *event);
/*
 * The name of a field is a literal, so that its quotes and commas are put around it by the compiler. A `value` NULL
 * leaves the field out; at most `cap` bytes of it are taken.
 */
#define log_text(line, name, value, cap) log_put_text(line, ",\"" name "\":\"", sizeof(name) + 4, value, cap)
#define log_int(line, name, value)       log_put_int(line, ",\"" name "\":", sizeof(name) + 3, value)
#define log_ms(line, name, ms)           log_put_ms(line, ",\"" name "\":", sizeof(name) + 3, ms)
void log_put_text(struct log_line *line, const char *name, size_t name_bytes, const char *value, size_t cap);
void log_put_int(struct log_line *line, const char *name, size_t name_bytes, int64_t value);
void log_put_ms(struct log_line *line, const char *name, size_t name_bytes, double ms);

/* Takes the line for the log. Never waits for a reader: when a pipe and the buffer are full the line is dropped,
 * and the next one that fits is preceded by one that counts the dropped. */
void log_end(struct log_line *line);

/* A line with nothing but a message. */
void log_message(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
