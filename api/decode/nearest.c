#include "api/decode/nearest.h"

#include <stddef.h>
#include <string.h>

enum { MAX_EDITS = 2, MAX_NAME = 40 };

static size_t least(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Optimal string alignment: Levenshtein's recurrence with swaps of neighbours as one edit. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][MAX_NAME + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1, row[j]);
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_length];
}

const char *nearest_name(const char *name, const char *const *known) {
    const char *nearest = NULL;
    size_t fewest = MAX_EDITS + 1, length = strlen(name);
    if (length > MAX_NAME)
        return NULL;
    for (; *known != NULL; known++) {
        size_t known_length = strlen(*known);
        if (known_length > MAX_NAME)
            continue;
        size_t edits = edit_distance(name, length, *known, known_length);
        if (edits < fewest) {
            fewest = edits;
            nearest = *known;
        }
    }
    return nearest;
}
