#include "api/weight.h"

#include <stddef.h>
#include <string.h>

/* 0 or 1 with at most three decimals. */
static double quality(const char *text) {
    int thousandths = 0;
    if (*text < '0' || *text > '9')
        return 0;
    if (*text != '0')
        return 1;
    text += text[1] == '.' ? 2 : 1;
    for (int unit = 100; unit > 0 && *text >= '0' && *text <= '9'; unit /= 10, text++)
        thousandths += unit * (*text - '0');
    return thousandths / 1000.0;
}

double weight_of(const char *parameters) {
    const char *end = parameters + strcspn(parameters, ",");
    for (const char *at = parameters; (at = memchr(at, ';', (size_t)(end - at))) != NULL;) {
        at++;
        at += strspn(at, " \t");
        if (end - at > 2 && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=')
            return quality(at + 2);
    }
    return 1;
}
