/*
 * Text on its way into a page: everything that comes from elsewhere is escaped here, and nowhere else.
 */
#ifndef CONVD_SERVER_WEB_TOOLS_REFERENCE_HTML_H
#define CONVD_SERVER_WEB_TOOLS_REFERENCE_HTML_H

#include <stddef.h>

/* Markup of our own, as printf writes it. */
void html_raw(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `text` with the characters escaped that mean something in markup and in quoted attributes. */
void html_text(const char *text);

/*
 * The Markdown that descriptions are written in: `code`, **bold**, [words](address); in html_blocks also paragraphs,
 * with an empty line between them, and lists of lines that begin with "- ".
 */
void html_inline(const char *text);
void html_blocks(const char *text);

/* `text` as an id: letters, digits, dots and hyphens stay, all else becomes a hyphen. */
void html_id(const char *text);

/* Whether everything reached standard output. */
int html_finish(void);

#endif
