#include "server/gate.h"

#include "api/escapes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    size_t bytes;
    bool repeatable;
} known[GATE_HEADERS] = {
#define GATE_HEADER_ROW(NAME, name, repeatable) {name, sizeof(name) - 1, repeatable},
    GATE_HEADER_MAP(GATE_HEADER_ROW)
#undef GATE_HEADER_ROW
};

/* RFC 9110, section 5.6.2: bit c of the 128 is set when c may stand in a word. */
static const uint64_t token_chars[2] = {
    0x03ff6cfa00000000, /* not the controls, the blank, " ( ) , / : ; < = > ? */
    0x57ffffffc7fffffe, /* not @ [ \ ] { } and DEL */
};

static bool is_token(const char *text, size_t bytes) {
    bool token = bytes > 0;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        token &= c < 0x80 && (token_chars[c / 64 & 1] >> c % 64 & 1);
    }
    return token;
}

/*
 * libmicrohttpd (0.9.75, process_broken_line in connection.c) joins a header's continuation line to its name: "Content-Length:
 * 5" and a line " x" are a header Content-Lengthx, and the body would be the next request. RFC 9112, section 5.2 has
 * continued lines refused; of those that tell where the body ends it is seen by the name.
 */
static bool is_continued(const char *name, size_t bytes) {
    static const enum gate_header framing[] = {GATE_CONTENT_LENGTH, GATE_TRANSFER_ENCODING};
    bool continued = false;
    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
        continued |= bytes > known[framing[i]].bytes &&
                     strncasecmp(known[framing[i]].name, name, known[framing[i]].bytes) == 0;
    return continued;
}

static bool has_controls(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return true;
    return false;
}

static bool value_is(const struct gate_value *value, const char *word) {
    return value->bytes == strlen(word) && strncasecmp(value->text, word, value->bytes) == 0;
}

static struct gate_value trimmed(const char *text, size_t bytes) {
    while (bytes > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        bytes--;
    }
    while (bytes > 0 && (text[bytes - 1] == ' ' || text[bytes - 1] == '\t'))
        bytes--;
    return (struct gate_value){.text = text, .bytes = bytes};
}

/* RFC 9110, section 5.2: several lines of a list are one list. */
static void join_accept(struct gate_headers *headers, const struct gate_value *more) {
    struct gate_value *accept = &headers->value[GATE_ACCEPT];
    size_t room = sizeof(headers->accept);
    if (accept->bytes > room || more->bytes > room || accept->bytes + 2 + more->bytes > room) {
        headers->accept_too_long = true;
        return;
    }
    if (accept->text != headers->accept)
        memcpy(headers->accept, accept->text, accept->bytes);
    memcpy(headers->accept + accept->bytes, ", ", 2);
    memcpy(headers->accept + accept->bytes + 2, more->text, more->bytes);
    accept->text = headers->accept;
    accept->bytes += 2 + more->bytes;
}

/* What a text of so many bytes takes that holds entries with `separator` between them. */
static size_t entries_bytes(const char *text, size_t bytes, char separator) {
    size_t entries = 1;
    for (size_t i = 0; i < bytes; i++)
        entries += text[i] == separator;
    return bytes + entries * GATE_ENTRY_BYTES;
}

size_t gate_head_bytes(const struct gate_headers *headers, const char *target) {
    return headers->memory_bytes + entries_bytes(target, strlen(target), '&');
}

void gate_note(struct gate_headers *headers, const char *name, size_t name_bytes, const char *value,
               size_t value_bytes) {
    headers->memory_bytes += name_bytes + value_bytes + GATE_ENTRY_BYTES;
    if (name_bytes == strlen("Cookie") && value != NULL && strncasecmp(name, "Cookie", name_bytes) == 0)
        headers->memory_bytes += entries_bytes(value, value_bytes, ';');
    if (!is_token(name, name_bytes) || is_continued(name, name_bytes))
        headers->malformed_name = true;
    if (value == NULL) { /* libmicrohttpd's word for an empty one */
        value = "";
        value_bytes = 0;
    }
    if (has_controls(value, value_bytes))
        headers->malformed_value = true;
    struct gate_value clean = trimmed(value, value_bytes);
    for (int i = 0; i < GATE_HEADERS; i++) {
        if (known[i].bytes != name_bytes || strncasecmp(known[i].name, name, name_bytes) != 0)
            continue;
        if (headers->value[i].times++ == 0) {
            headers->value[i].text = clean.text;
            headers->value[i].bytes = clean.bytes;
        } else if (i == GATE_ACCEPT) {
            join_accept(headers, &clean);
        }
        if (i == GATE_CONTENT_ENCODING && clean.bytes > 0 && !value_is(&clean, "identity"))
            headers->coded = true;
    }
}

/* ---- the rules ---- */

__attribute__((format(printf, 3, 4))) static bool refuse(struct gate_fault *fault, enum problem problem,
                                                         const char *format, ...) {
    va_list args;
    va_start(args, format);
    fault->problem = problem;
    vsnprintf(fault->detail, sizeof(fault->detail), format, args);
    va_end(args);
    return false;
}

/* The origin form, the absolute form that proxies send, and the asterisk of OPTIONS. */
static bool line_passes(const char *method, const char *target, const char *version,
                        struct gate_fault *fault) {
    if (!is_token(method, strlen(method)))
        return refuse(fault, PROBLEM_MALFORMED_REQUEST, "the request's method is not a word");
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                      "the request's version is '%.16s'; it must be HTTP/1.1 or HTTP/1.0", version);
    for (const char *c = target; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                          "the request's path holds a blank or a control character; percent-encode it");
    bool asterisk = strcmp(target, "*") == 0 && strcmp(method, "OPTIONS") == 0;
    bool absolute = strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0;
    if (target[0] != '/' && !asterisk && !absolute)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                      "the request's path is '%.40s'; it must begin with a slash", target);
    return true;
}

static bool host_passes(const struct gate_value *host, const char *version, struct gate_fault *fault) {
    if (host->times == 0 && strcmp(version, "HTTP/1.1") == 0)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST, "the Host header is missing; HTTP/1.1 requires it");
    for (size_t i = 0; i < host->bytes; i++)
        if (strchr(" \t/?#@\\\"<>{}|^`", host->text[i]) != NULL)
            return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                          "the Host header is '%.*s'; it must be a host and a port",
                          host->bytes < 80 ? (int)host->bytes : 80, host->text);
    return true;
}

/* One way, and only one, to tell where the body ends. */
static bool framing_passes(const struct gate_headers *headers, const char *version,
                           struct gate_fault *fault) {
    const struct gate_value *length = &headers->value[GATE_CONTENT_LENGTH];
    const struct gate_value *coding = &headers->value[GATE_TRANSFER_ENCODING];
    if (coding->times > 0 && length->times > 0)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                      "Transfer-Encoding and Content-Length are both given; a request has one of them");
    if (coding->times > 0 && strcmp(version, "HTTP/1.1") != 0)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST, "Transfer-Encoding is given; %s does not have it",
                      version);
    if (coding->times > 0 && !value_is(coding, "chunked"))
        return refuse(fault, PROBLEM_NOT_IMPLEMENTED, "Transfer-Encoding is '%.*s'; it must be chunked",
                      coding->bytes < 80 ? (int)coding->bytes : 80, coding->text);
    if (length->times > 0 && (length->bytes == 0 || strspn(length->text, "0123456789") < length->bytes))
        return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                      "Content-Length is '%.*s'; it must be a number of bytes",
                      length->bytes < 80 ? (int)length->bytes : 80, length->text);
    return true;
}

bool gate_pass(const struct gate_headers *headers, const char *method, const char *target,
               const char *version, struct gate_fault *fault) {
    if (!line_passes(method, target, version, fault))
        return false;
    if (headers->malformed_name)
        return refuse(
            fault, PROBLEM_MALFORMED_REQUEST,
            "a header's name holds a character that is not allowed there (a blank before the colon is one), or a header is continued on the next line");
    if (headers->malformed_value)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST, "a header's value holds a control character");
    for (int i = 0; i < GATE_HEADERS; i++)
        if (headers->value[i].times > 1 && !known[i].repeatable)
            return refuse(fault, PROBLEM_MALFORMED_REQUEST, "%s is given %d times; it may be given once",
                          known[i].name, headers->value[i].times);
    if (headers->accept_too_long)
        return refuse(fault, PROBLEM_MALFORMED_REQUEST,
                      "Accept is given %d times with more than %d bytes together; one header will do",
                      headers->value[GATE_ACCEPT].times, GATE_ACCEPT_BYTES);
    return host_passes(&headers->value[GATE_HOST], version, fault) && framing_passes(headers, version, fault);
}

/* ---- what the headers say ---- */

int64_t gate_content_length(const struct gate_headers *headers) {
    const struct gate_value *length = &headers->value[GATE_CONTENT_LENGTH];
    if (length->times == 0)
        return -1;
    int64_t value = 0;
    for (size_t i = 0; i < length->bytes; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, length->text[i] - '0', &value))
            return INT64_MAX;
    return value;
}

bool gate_has_body(const struct gate_headers *headers) {
    return headers->value[GATE_TRANSFER_ENCODING].times > 0 || gate_content_length(headers) > 0;
}

bool gate_expects_continue(const struct gate_headers *headers) {
    return headers->value[GATE_EXPECT].times > 0 && value_is(&headers->value[GATE_EXPECT], "100-continue");
}

bool gate_split_target(char *target, const char **path, const char **query) {
    char *mark = strchr(target, '?');
    if (mark != NULL)
        *mark = '\0';
    *query = mark != NULL ? mark + 1 : NULL;
    if (target[0] != '/' && target[0] != '*') {
        char *authority = strstr(target, "://");
        char *slash = authority != NULL ? strchr(authority + 3, '/') : NULL;
        *path = slash != NULL ? slash : "/";
        return slash == NULL || percent_decode(slash);
    }
    *path = target;
    return percent_decode(target);
}

bool gate_request_id_ok(const struct gate_value *id) {
    for (size_t i = 0; i < id->bytes; i++)
        if (id->text[i] < ' ' || id->text[i] > '~')
            return false;
    return id->bytes > 0 && id->bytes <= 128;
}

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014); a bijection, so ids differ. */
static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

void gate_make_id(uint64_t seed, uint64_t number, char id[GATE_ID_BYTES]) {
    static const char hex[] = "0123456789abcdef";
    uint64_t half[2] = {mix(seed + number), mix(mix(~seed) + number)};
    for (int i = 0; i < 32; i++)
        id[i] = hex[(half[i / 16] >> (60 - i % 16 * 4)) & 15];
    id[32] = '\0';
}
