/*
 * multipart/form-data (RFC 7578), its framing as RFC 2046, section 5.1.1, has it:
 *
 *     --boundary CRLF headers CRLF CRLF content CRLF --boundary CRLF … CRLF --boundary-- CRLF
 *
 * Strict: whatever breaks that grammar is refused with the byte of the body and the number of the part, for two
 * readers that mend the same broken body differently disagree about what was sent. The preamble and the epilogue, which
 * that section says to ignore, may be empty lines only: no client writes one, and a part that lost its boundary's CRLF
 * would be ignored with them. One pass, linear in the body.
 */
#ifndef CONVD_API_FORMS_MULTIPART_H
#define CONVD_API_FORMS_MULTIPART_H

#include "api/forms/form.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MULTIPART_MAX_BOUNDARY_BYTES = 70, /* RFC 2046 */
    MULTIPART_MAX_PARTS = 64,
    MULTIPART_MAX_HEADER_BYTES = 8192, /* all headers of a part */
    MULTIPART_MAX_NAME_BYTES = 256,
};

struct multipart_part {
    const char *name; /* UTF-8, not empty, escapes resolved; in the arena */
    bool no_file;     /* what a browser sends for a file input without a file: filename="" and no content */
    const char *data; /* the content, borrowed from the body */
    size_t bytes;
};

struct multipart {
    int parts;
    struct multipart_part part[MULTIPART_MAX_PARTS]; /* no two of the same name */
};

/* Takes the boundary from a Content-Type that is known to be multipart/form-data. */
bool multipart_boundary(const char *content_type, char boundary[MULTIPART_MAX_BOUNDARY_BYTES + 1],
                        struct form_refusal *refusal);

/* Cuts [body, body + bytes) (borrowed) into its parts; names go to the arena. A form may have none. */
bool multipart_parse(const char *body, size_t bytes, const char *boundary, struct arena *arena,
                     struct multipart *form, struct form_refusal *refusal);

#endif
