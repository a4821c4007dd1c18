#include "lib/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *status_name(enum status status) {
    switch (status) {
#define STATUS_CASE(name, text)                                                                              \
    case STATUS_##name: return #name;
        STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "UNKNOWN";
}

const char *status_text(enum status status) {
    switch (status) {
#define STATUS_CASE(name, text)                                                                              \
    case STATUS_##name: return text;
        STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

/* Drops what is left of a character of UTF-8 that was cut in two: a fault's text may quote the user's. */
static void drop_cut_character(char *text) {
    size_t length = strlen(text), tail = 0;
    while (tail < length && tail < 3 && ((unsigned char)text[length - 1 - tail] & 0xC0) == 0x80)
        tail++;
    if (tail == length)
        return;
    unsigned char lead = (unsigned char)text[length - 1 - tail];
    size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (tail < wanted)
        text[length - 1 - tail] = '\0';
}

enum status fault_set(struct fault *fault, enum status status, const char *place, const char *format, ...) {
    if (fault == NULL)
        return status;
    fault->status = status;
    int length = snprintf(fault->place, sizeof fault->place, "%s", place);
    if (length >= (int)sizeof fault->place)
        drop_cut_character(fault->place);
    va_list args;
    va_start(args, format);
    length = vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
    if (length >= (int)sizeof fault->detail)
        drop_cut_character(fault->detail);
    return status;
}
