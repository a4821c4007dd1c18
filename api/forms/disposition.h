/*
 * Parameters of MIME headers, and what a part's Content-Disposition says (RFC 7578, section 4.2).
 */
#ifndef CONVD_API_FORMS_DISPOSITION_H
#define CONVD_API_FORMS_DISPOSITION_H

#include "lib/base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* One `; name=value`. Of a quoted value [value, value_end) is what stands between the quotes. */
struct mime_parameter {
    const char *name, *name_end;
    const char *value, *value_end;
    bool quoted;
};

enum mime_next { MIME_FOUND, MIME_END, MIME_BROKEN };

/* Reads the next parameter of [*at, end), which begins behind the header's first word, and moves `*at` behind
 * it, or, of a broken one, to where it breaks. */
enum mime_next mime_next_parameter(const char **at, const char *end, struct mime_parameter *parameter);

/* Whether [begin, end) is the lower-case `word`, in any case. */
bool mime_is(const char *begin, const char *end, const char *word);

/* Behind the blanks and tabs at `begin`, at most at `end`. */
const char *mime_skip_blanks(const char *begin, const char *end);

/* The end of the token (RFC 9110) at `begin`. */
const char *mime_token_end(const char *begin, const char *end);

struct disposition {
    const char *name; /* in the arena; UTF-8 is not checked */
    size_t name_bytes;
    bool is_file, filename_empty;
};

/*
 * Reads the value [begin, end) of a Content-Disposition. False with `*why` and the place `*at`; when there is
 * no memory `*why` is NULL.
 */
bool disposition_read(const char *begin, const char *end, struct arena *arena, struct disposition *out,
                      const char **why, const char **at);

#endif
