#include "api/forms/disposition.h"

#include <string.h>
#include <strings.h>

const char *mime_skip_blanks(const char *begin, const char *end) {
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    return begin;
}

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

const char *mime_token_end(const char *begin, const char *end) {
    while (begin < end && (is_alnum(*begin) || (*begin != '\0' && strchr("!#$%&'*+-.^_`|~", *begin) != NULL)))
        begin++;
    return begin;
}

bool mime_is(const char *begin, const char *end, const char *word) {
    return (size_t)(end - begin) == strlen(word) && strncasecmp(begin, word, strlen(word)) == 0;
}

/* RFC 2045 wants quotes around these; boundaries with them are sent without, and they are not ambiguous. */
static const char *bare_end(const char *begin, const char *end) {
    const char *at = begin;
    while (at < end && (mime_token_end(at, at + 1) > at || (*at != '\0' && strchr("(),/:=?", *at) != NULL)))
        at++;
    return at;
}

/* The closing quote of the text that begins behind the opening one, or NULL. A backslash escapes a quote and
 * itself; before anything else it is one, as browsers send it in a file's name. */
static const char *closing_quote(const char *at, const char *end) {
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 && (at[1] == '"' || at[1] == '\\') ? 2 : 1;
    return at < end ? at : NULL;
}

static bool read_value(const char **at, const char *end, struct mime_parameter *parameter) {
    parameter->quoted = *at < end && **at == '"';
    parameter->value = *at + parameter->quoted;
    parameter->value_end =
        parameter->quoted ? closing_quote(parameter->value, end) : bare_end(parameter->value, end);
    if (parameter->value_end == NULL || (!parameter->quoted && parameter->value_end == parameter->value))
        return false;
    *at = parameter->value_end + parameter->quoted;
    return true;
}

/* parameters = *( OWS ";" OWS [ parameter ] ) (RFC 9110, section 5.6.6) */
enum mime_next mime_next_parameter(const char **at, const char *end, struct mime_parameter *parameter) {
    *at = mime_skip_blanks(*at, end);
    if (*at == end)
        return MIME_END;
    if (**at != ';')
        return MIME_BROKEN;
    while (*at < end && **at == ';')
        *at = mime_skip_blanks(*at + 1, end);
    if (*at == end)
        return MIME_END;
    parameter->name = *at;
    parameter->name_end = mime_token_end(*at, end);
    *at = parameter->name_end;
    if (parameter->name_end == parameter->name || *at == end || **at != '=')
        return MIME_BROKEN;
    ++*at;
    return read_value(at, end, parameter) ? MIME_FOUND : MIME_BROKEN;
}

/* Escapes resolved: a backslash's (RFC 9110), and %22, which is how browsers write a quote (WHATWG HTML,
 * "multipart form data"). In the arena; NULL when there is no memory. */
static char *resolve(const struct mime_parameter *parameter, struct arena *arena, size_t *bytes) {
    const char *at = parameter->value, *end = parameter->value_end;
    char *text = arena_alloc(arena, (size_t)(end - at) + 1);
    size_t length = 0;
    while (text != NULL && at < end) {
        bool escape = parameter->quoted && *at == '\\' && end - at > 1 && (at[1] == '"' || at[1] == '\\');
        bool quote = parameter->quoted && end - at > 2 && memcmp(at, "%22", 3) == 0;
        text[length++] = quote ? '"' : at[escape];
        at += quote ? 3 : escape ? 2 : 1;
    }
    if (text != NULL)
        text[length] = '\0';
    *bytes = length;
    return text;
}

/* One parameter; *why says what is wrong with it. */
static bool take(const struct mime_parameter *parameter, struct arena *arena, struct disposition *out,
                 const char **why) {
    bool is_name = mime_is(parameter->name, parameter->name_end, "name");
    bool is_filename = mime_is(parameter->name, parameter->name_end, "filename");
    *why = NULL;
    if ((is_name && out->name != NULL) || (is_filename && out->is_file)) {
        *why = "Content-Disposition has a parameter twice";
        return false;
    }
    /* filename* (RFC 8187), which RFC 7578 forbids and some clients send, says the same once more. */
    if (is_filename) {
        out->is_file = true;
        out->filename_empty = parameter->value == parameter->value_end;
    }
    if (is_name)
        out->name = resolve(parameter, arena, &out->name_bytes);
    return !is_name || out->name != NULL;
}

bool disposition_read(const char *begin, const char *end, struct arena *arena, struct disposition *out,
                      const char **why, const char **at) {
    struct mime_parameter parameter;
    enum mime_next next;
    *out = (struct disposition){0};
    *at = mime_skip_blanks(begin, end);
    const char *type_end = mime_token_end(*at, end);
    *why = "Content-Disposition must be form-data";
    if (!mime_is(*at, type_end, "form-data"))
        return false;
    *at = type_end;
    while ((next = mime_next_parameter(at, end, &parameter)) == MIME_FOUND) {
        if (!take(&parameter, arena, out, why))
            return false;
    }
    *why = "Content-Disposition is broken";
    if (next == MIME_BROKEN)
        return false;
    *why = "Content-Disposition has no name";
    return out->name != NULL && out->name_bytes > 0;
}
