#include "api/media.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_type(const char *text, size_t length, const char *type) {
    return length == strlen(type) && strncasecmp(text, type, length) == 0;
}

/* The length of the media type at `text`, without blanks and parameters. */
static size_t type_length(const char *text) {
    return strcspn(text, " \t;,");
}

enum media media_of_content(const char *content_type) {
    if (content_type == NULL)
        return MEDIA_NONE;
    content_type += strspn(content_type, " \t");
    size_t length = type_length(content_type);
    if (length == 0)
        return MEDIA_NONE;
    if (is_type(content_type, length, "application/json"))
        return MEDIA_JSON;
    if (is_type(content_type, length, "application/x-www-form-urlencoded"))
        return MEDIA_FORM;
    return MEDIA_OTHER;
}

/* The weight of one range's parameters, up to the next comma: 1 unless q says otherwise. */
static double range_weight(const char *parameters) {
    const char *end = parameters + strcspn(parameters, ",");
    for (const char *at = parameters; (at = memchr(at, ';', (size_t)(end - at))) != NULL;) {
        at++;
        at += strspn(at, " \t");
        if (end - at > 2 && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=')
            return strtod(at + 2, NULL);
    }
    return 1;
}

/* How closely a range names application/json: 3 exactly, 2 by its type, 1 by the wildcard, 0 not at all. */
static int range_closeness(const char *range, size_t length) {
    if (is_type(range, length, "application/json"))
        return 3;
    if (is_type(range, length, "application/*"))
        return 2;
    return is_type(range, length, "*/*") ? 1 : 0;
}

bool media_accepts_json(const char *accept) {
    int closest = 0;
    double weight = 0;
    if (accept == NULL || accept[strspn(accept, " \t,")] == '\0')
        return true;
    while (*accept != '\0') {
        accept += strspn(accept, " \t,");
        size_t length = type_length(accept);
        int closeness = range_closeness(accept, length);
        if (closeness > closest) {
            closest = closeness;
            weight = range_weight(accept + length);
        }
        accept += strcspn(accept, ",");
    }
    return closest > 0 && weight > 0;
}
