#include "server/values.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    double factor;
};

/*
 * A decimal number in front of a unit. strtod alone would also take "inf", "0x10" and leading blanks, so the
 * first byte is a digit and no byte of the number is an x; "2e11" stays a number because no unit begins with
 * e.
 */
static bool number_with_unit(const char *text, const struct unit *units, size_t count, int64_t *out) {
    if (text[0] < '0' || text[0] > '9' || strpbrk(text, "xX") != NULL)
        return false;
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(end, units[i].name) != 0)
            continue;
        double value = number * units[i].factor;
        if (value > (double)VALUE_MOST || value != floor(value))
            return false;
        *out = (int64_t)value;
        return true;
    }
    return false;
}

#define UNITS(units) (units), sizeof(units) / sizeof((units)[0])

bool value_bytes(const char *text, int64_t *bytes) {
    static const struct unit units[] = {
        {"", 1},         {"B", 1},      {"K", 0x1p10},   {"KiB", 0x1p10}, {"M", 0x1p20},
        {"MiB", 0x1p20}, {"G", 0x1p30}, {"GiB", 0x1p30}, {"T", 0x1p40},   {"TiB", 0x1p40},
    };
    return number_with_unit(text, UNITS(units), bytes);
}

bool value_duration_ms(const char *text, int64_t *ms) {
    static const struct unit units[] = {{"", 1e3},  {"ms", 1},    {"s", 1e3},
                                        {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}};
    return number_with_unit(text, UNITS(units), ms);
}

bool value_count(const char *text, int64_t *count) {
    static const struct unit units[] = {{"", 1}};
    return number_with_unit(text, UNITS(units), count);
}

const char *value_bytes_text(int64_t bytes, char *text) {
    static const char suffix[] = "\0KMGT";
    int power = 0;
    while (power < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        power++;
    }
    snprintf(text, VALUE_TEXT_BYTES, "%lld%.1s", (long long)bytes, &suffix[power]);
    return text;
}
