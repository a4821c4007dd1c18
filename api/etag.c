#include "api/etag.h"

#include <stddef.h>
#include <string.h>

bool etag_is_listed(const char *if_none_match, const char *etag) {
    const char *at = if_none_match != NULL ? if_none_match + strspn(if_none_match, " \t,") : "";
    if (*at == '*')
        return at[1 + strspn(at + 1, " \t")] == '\0';
    for (;;) {
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (end == NULL)
            return false;
        size_t bytes = (size_t)(end + 1 - at);
        if (bytes == strlen(etag) && memcmp(at, etag, bytes) == 0)
            return true;
        at = end + 1 + strspn(end + 1, " \t");
        if (*at != ',')
            return false;
        at += strspn(at, " \t,");
    }
}
