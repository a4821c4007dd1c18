#include "server/web/tools/reference/html.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void html_raw(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

static void put_char(char c) {
    switch (c) {
    case '&': fputs("&amp;", stdout); break;
    case '<': fputs("&lt;", stdout); break;
    case '>': fputs("&gt;", stdout); break;
    case '"': fputs("&quot;", stdout); break;
    case '\'': fputs("&#39;", stdout); break;
    default: putchar(c);
    }
}

static void put_range(const char *begin, const char *end) {
    for (; begin < end; begin++)
        put_char(*begin);
}

void html_text(const char *text) {
    put_range(text, text + strlen(text));
}

void html_id(const char *text) {
    for (; *text != '\0'; text++)
        putchar(isalnum((unsigned char)*text) || *text == '.' || *text == '_' ? *text : '-');
}

/* ---- inside a line ---- */

static const char *find(const char *begin, const char *end, const char *words) {
    size_t bytes = strlen(words);
    for (; begin + bytes <= end; begin++)
        if (memcmp(begin, words, bytes) == 0)
            return begin;
    return NULL;
}

static void put_line(const char *at, const char *end);

/* Each writes what begins at `at` and returns where it ends; NULL when nothing of its kind begins there. */

static const char *put_code(const char *at, const char *end) {
    const char *close = *at == '`' ? find(at + 1, end, "`") : NULL;
    if (close == NULL)
        return NULL;
    fputs("<code>", stdout);
    put_range(at + 1, close);
    fputs("</code>", stdout);
    return close + 1;
}

static const char *put_bold(const char *at, const char *end) {
    const char *close = find(at, end, "**") == at ? find(at + 2, end, "**") : NULL;
    if (close == NULL)
        return NULL;
    fputs("<strong>", stdout);
    put_line(at + 2, close);
    fputs("</strong>", stdout);
    return close + 2;
}

static const char *put_link(const char *at, const char *end) {
    const char *middle = *at == '[' ? find(at, end, "](") : NULL;
    const char *close = middle != NULL ? find(middle, end, ")") : NULL;
    if (close == NULL || memchr(at + 1, '[', (size_t)(middle - at - 1)) != NULL)
        return NULL;
    fputs("<a href=\"", stdout);
    put_range(middle + 2, close);
    fputs("\">", stdout);
    put_line(at + 1, middle);
    fputs("</a>", stdout);
    return close + 1;
}

static void put_line(const char *at, const char *end) {
    while (at < end) {
        const char *next = put_code(at, end);
        next = next != NULL ? next : put_bold(at, end);
        next = next != NULL ? next : put_link(at, end);
        if (next == NULL) {
            put_char(*at);
            next = at + 1;
        }
        at = next;
    }
}

void html_inline(const char *text) {
    put_line(text, text + strlen(text));
}

/* ---- blocks ---- */

static void put_list(const char *at, const char *end) {
    fputs("<ul>\n", stdout);
    while (at < end) {
        const char *line_end = find(at, end, "\n");
        line_end = line_end != NULL ? line_end : end;
        fputs("<li>", stdout);
        put_line(at + 2, line_end);
        fputs("</li>\n", stdout);
        at = line_end < end ? line_end + 1 : end;
    }
    fputs("</ul>\n", stdout);
}

void html_blocks(const char *text) {
    const char *end = text + strlen(text);
    while (text < end) {
        const char *block_end = find(text, end, "\n\n");
        block_end = block_end != NULL ? block_end : end;
        if (strncmp(text, "- ", 2) == 0) {
            put_list(text, block_end);
        } else {
            fputs("<p>", stdout);
            put_line(text, block_end);
            fputs("</p>\n", stdout);
        }
        text = block_end + strspn(block_end, "\n");
    }
}

int html_finish(void) {
    return fflush(stdout) == 0 && !ferror(stdout);
}
