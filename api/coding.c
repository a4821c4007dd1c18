#include "api/coding.h"

#include "api/weight.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The weight of the first entry of that name or its other one, or `otherwise` when there is none. */
static double weight_in(const char *list, const char *name, const char *other, double otherwise) {
    while (*list != '\0') {
        list += strspn(list, " \t,");
        size_t length = strcspn(list, " \t;,");
        if ((length == strlen(name) && strncasecmp(list, name, length) == 0) ||
            (length == strlen(other) && strncasecmp(list, other, length) == 0))
            return weight_of(list + length);
        list += strcspn(list, ",");
    }
    return otherwise;
}

/* What is not named counts as the wildcard does; without that, gzip is not allowed and the plain form a last resort. */
bool coding_wants_gzip(const char *accept_encoding) {
    if (accept_encoding == NULL)
        return false;
    double others = weight_in(accept_encoding, "*", "*", 0);
    double gzip = weight_in(accept_encoding, "gzip", "x-gzip", others);
    double plain = weight_in(accept_encoding, "identity", "identity", others);
    return gzip > 0 && gzip >= plain;
}
