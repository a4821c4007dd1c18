#include "api/forms/multipart.h"

#include "api/forms/disposition.h"
#include "api/json/utf8.h"

#include <stdio.h>
#include <string.h>

struct parser {
    const char *body, *end;
    const char *at; /* what was read so far ends here */
    struct arena *arena;
    struct multipart *form;
    struct form_refusal *refusal;
    char delimiter[2 + 2 + MULTIPART_MAX_BOUNDARY_BYTES + 1]; /* CRLF "--" boundary */
    size_t delimiter_bytes;
};

/* The part that is read now counts from 1. */
static bool refuse_at(const struct parser *p, const char *at, const char *what) {
    return form_refusal_set(p->refusal, PROBLEM_MALFORMED_BODY,
                            "%s (part %d of the form, byte %zu of the body)", what, p->form->parts + 1,
                            (size_t)(at - p->body));
}

static bool refuse_memory(struct form_refusal *refusal) {
    return form_refusal_set(refusal, PROBLEM_OVERLOADED,
                            "memory for reading the form could not be allocated");
}

/* ---- the boundary ---- */

/* bchars of RFC 2046; the last must not be a blank. */
static bool is_boundary(const char *begin, const char *end) {
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
    size_t bytes = (size_t)(end - begin);
    return bytes > 0 && bytes <= MULTIPART_MAX_BOUNDARY_BYTES && strspn(begin, allowed) >= bytes &&
           end[-1] != ' ';
}

bool multipart_boundary(const char *content_type, char boundary[MULTIPART_MAX_BOUNDARY_BYTES + 1],
                        struct form_refusal *refusal) {
    const char *at = content_type + strcspn(content_type, ";"), *end = at + strlen(at);
    struct mime_parameter parameter;
    enum mime_next next;
    boundary[0] = '\0';
    while ((next = mime_next_parameter(&at, end, &parameter)) == MIME_FOUND) {
        if (!mime_is(parameter.name, parameter.name_end, "boundary"))
            continue;
        size_t bytes = (size_t)(parameter.value_end - parameter.value);
        if (boundary[0] != '\0')
            return form_refusal_set(refusal, PROBLEM_MALFORMED_REQUEST,
                                    "the Content-Type names its boundary twice");
        if (!is_boundary(parameter.value, parameter.value_end))
            return form_refusal_set(
                refusal, PROBLEM_MALFORMED_REQUEST,
                "the Content-Type's boundary must be 1 to %d letters, digits, blanks and '()+_,-./:=?, "
                "the last no blank (RFC 2046)",
                MULTIPART_MAX_BOUNDARY_BYTES);
        memcpy(boundary, parameter.value, bytes);
        boundary[bytes] = '\0';
    }
    if (next == MIME_BROKEN)
        return form_refusal_set(refusal, PROBLEM_MALFORMED_REQUEST,
                                "the Content-Type's parameters are broken at byte %zu",
                                (size_t)(at - content_type));
    if (boundary[0] == '\0')
        return form_refusal_set(
            refusal, PROBLEM_MALFORMED_REQUEST,
            "the Content-Type names no boundary; a client that makes the form also makes this header: do "
            "not set it by hand");
    return true;
}

/* ---- the headers of a part ---- */

/* What the headers of a part said. */
struct part_headers {
    bool has_disposition;
    struct disposition disposition;
};

/* Bytes of a header that are none: controls but the tab. */
static const char *find_control(const char *at, const char *end) {
    while (at < end && ((unsigned char)*at >= ' ' || *at == '\t') && *at != 0x7f)
        at++;
    return at < end ? at : NULL;
}

/* The contents would have to be decoded before they mean anything; RFC 7578 (4.7) has clients send bytes. */
static bool check_transfer_encoding(const struct parser *p, const char *begin, const char *end) {
    begin = mime_skip_blanks(begin, end);
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (mime_is(begin, end, "binary") || mime_is(begin, end, "8bit") || mime_is(begin, end, "7bit"))
        return true;
    return form_refusal_set(p->refusal, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                            "part %d of the form has a Content-Transfer-Encoding; send its bytes as they are",
                            p->form->parts + 1);
}

static bool take_disposition(const struct parser *p, const char *begin, const char *end,
                             struct part_headers *headers) {
    const char *why, *at;
    if (headers->has_disposition)
        return refuse_at(p, begin, "the part has a second Content-Disposition");
    headers->has_disposition = true;
    if (disposition_read(begin, end, p->arena, &headers->disposition, &why, &at))
        return true;
    return why != NULL ? refuse_at(p, at, why) : refuse_memory(p->refusal);
}

/* One header line without its CRLF. */
static bool take_header(const struct parser *p, const char *begin, const char *end,
                        struct part_headers *headers) {
    const char *name_end = mime_token_end(begin, end), *control = find_control(begin, end);
    if (control != NULL)
        return refuse_at(p, control, "a control character stands in a header");
    if (*begin == ' ' || *begin == '\t')
        return refuse_at(p, begin, "a header goes on in a second line, which is not taken");
    if (name_end == begin || name_end == end || *name_end != ':')
        return refuse_at(p, begin, "the line is no header ('Name: value')");
    if (mime_is(begin, name_end, "content-disposition"))
        return take_disposition(p, name_end + 1, end, headers);
    if (mime_is(begin, name_end, "content-transfer-encoding"))
        return check_transfer_encoding(p, name_end + 1, end);
    return true;
}

/* Reads the headers at p->at, all in front of `end`, and the empty line; p->at is then where the content begins.
 * Without an empty line there is no content (RFC 2046: body-part := MIME-part-headers [CRLF *OCTET]). */
static bool read_headers(struct parser *p, const char *end, struct part_headers *headers) {
    const char *limit = end - p->at > MULTIPART_MAX_HEADER_BYTES ? p->at + MULTIPART_MAX_HEADER_BYTES : end;
    *headers = (struct part_headers){0};
    while (p->at < end) {
        const char *line = p->at, *feed = memchr(line, '\n', (size_t)(limit - line));
        if (feed == NULL)
            return refuse_at(
                p, line, limit < end ? "the part's headers pass 8192 bytes" : "a header's line does not end");
        if (feed == line || feed[-1] != '\r')
            return refuse_at(p, feed, "a header's line ends with a bare LF instead of CRLF");
        p->at = feed + 1;
        if (feed - 1 == line)
            return true;
        if (!take_header(p, line, feed - 1, headers))
            return false;
    }
    return true;
}

/* ---- the parts ---- */

static bool check_name(const struct parser *p, const char *at, const struct disposition *disposition) {
    const char *name = disposition->name, *end = name + disposition->name_bytes;
    if (disposition->name_bytes > MULTIPART_MAX_NAME_BYTES)
        return refuse_at(p, at, "the part's name passes 256 bytes");
    for (const char *next = name; next < end;) {
        size_t bytes = utf8_sequence_bytes(next, end);
        if (bytes == 0)
            return form_refusal_set(p->refusal, PROBLEM_MALFORMED_UTF8,
                                    "the name of part %d of the form is not UTF-8", p->form->parts + 1);
        next += bytes;
    }
    for (int i = 0; i < p->form->parts; i++) {
        if (strcmp(p->form->part[i].name, name) != 0)
            continue;
        form_refusal_set(p->refusal, PROBLEM_REPEATED_KEY,
                         "parts %d and %d of the form have the same name, '%.*s'", i + 1, p->form->parts + 1,
                         utf8_cut(name, end, 80), name);
        p->refusal->pointer = form_pointer(p->arena, name);
        return false;
    }
    return true;
}

/* The part that begins at p->at and ends in front of `end`. */
static bool take_part(struct parser *p, const char *end) {
    struct part_headers headers;
    const char *begin = p->at;
    if (p->form->parts == MULTIPART_MAX_PARTS)
        return refuse_at(p, begin, "a form may have 64 parts");
    if (!read_headers(p, end, &headers))
        return false;
    if (!headers.has_disposition)
        return refuse_at(p, begin, "the part has no Content-Disposition, and so no name");
    if (!check_name(p, begin, &headers.disposition))
        return false;
    p->form->part[p->form->parts++] = (struct multipart_part){
        .name = headers.disposition.name,
        .no_file = headers.disposition.is_file && headers.disposition.filename_empty && p->at == end,
        .data = p->at,
        .bytes = (size_t)(end - p->at),
    };
    return true;
}

static bool begins_with(const struct parser *p, const char *at, const char *text) {
    size_t bytes = strlen(text);
    return (size_t)(p->end - at) >= bytes && memcmp(at, text, bytes) == 0;
}

/* What stands behind a boundary: "--" when it is the last, blanks, and the line's end. */
static bool finish_delimiter(struct parser *p, bool *last) {
    *last = begins_with(p, p->at, "--");
    p->at += *last ? 2 : 0;
    p->at = mime_skip_blanks(p->at, p->end);
    if (*last && p->at == p->end)
        return true;
    if (begins_with(p, p->at, "\r\n")) {
        p->at += 2;
        return true;
    }
    if (begins_with(p, p->at, "\n"))
        return refuse_at(p, p->at, "the boundary's line ends with a bare LF instead of CRLF");
    return refuse_at(p, p->at, "neither CRLF nor '--' follows the boundary");
}

/* Puts p->at behind the first boundary: at the beginning of the body, or behind one empty line. */
static bool find_first(struct parser *p) {
    const char *dashes = p->delimiter + 2;
    const char *begin = begins_with(p, p->body, "\r\n") ? p->body + 2 : p->body;
    if (begins_with(p, begin, dashes)) {
        p->at = begin + strlen(dashes);
        return true;
    }
    if (memmem(p->body, (size_t)(p->end - p->body), dashes, strlen(dashes)) == NULL)
        return refuse_at(p, p->body, "no line begins with '--' and the boundary that the Content-Type names");
    return refuse_at(p, begin, "something stands in front of the first boundary");
}

/* Behind the last boundary's line: empty lines at most. */
static bool check_end(struct parser *p) {
    while (begins_with(p, p->at, "\r\n"))
        p->at += 2;
    return p->at == p->end || refuse_at(p, p->at, "something stands behind the last boundary");
}

static bool parse(struct parser *p) {
    bool last;
    if (!find_first(p) || !finish_delimiter(p, &last))
        return false;
    while (!last) {
        const char *end = memmem(p->at, (size_t)(p->end - p->at), p->delimiter, p->delimiter_bytes);
        if (end == NULL)
            return refuse_at(p, p->end, "the body ends without a final boundary ('--', the boundary, '--')");
        if (!take_part(p, end))
            return false;
        p->at = end + p->delimiter_bytes;
        if (!finish_delimiter(p, &last))
            return false;
    }
    return check_end(p);
}

bool multipart_parse(const char *body, size_t bytes, const char *boundary, struct arena *arena,
                     struct multipart *form, struct form_refusal *refusal) {
    struct parser p = {
        .body = body, .end = body + bytes, .at = body, .arena = arena, .form = form, .refusal = refusal};
    form->parts = 0;
    p.delimiter_bytes = (size_t)snprintf(p.delimiter, sizeof p.delimiter, "\r\n--%s", boundary);
    return parse(&p);
}
