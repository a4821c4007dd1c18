/*
 * The names of algorithms and precisions, as requests and answers spell them.
 */
#include "lib/conv/conv.h"

#include <string.h>

static const char *const algorithm_names[] = {
#define CONV_ALGORITHM_NAME(NAME, name) [CONV_##NAME] = name,
    CONV_ALGORITHM_MAP(CONV_ALGORITHM_NAME)
#undef CONV_ALGORITHM_NAME
};

static const char *const precision_names[] = {
#define CONV_PRECISION_NAME(NAME, name) [CONV_##NAME] = name,
    CONV_PRECISION_MAP(CONV_PRECISION_NAME)
#undef CONV_PRECISION_NAME
};

static bool find_name(const char *const *names, int count, const char *name, int *found) {
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) {
            *found = i;
            return true;
        }
    return false;
}

const char *conv_algorithm_name(enum conv_algorithm algorithm) {
    return algorithm_names[algorithm];
}

bool conv_algorithm_find(const char *name, enum conv_algorithm *algorithm) {
    int found;
    bool known = find_name(algorithm_names, CONV_ALGORITHMS, name, &found);
    if (known)
        *algorithm = (enum conv_algorithm)found;
    return known;
}

const char *conv_precision_name(enum conv_precision precision) {
    return precision_names[precision];
}

bool conv_precision_find(const char *name, enum conv_precision *precision) {
    int found;
    bool known = find_name(precision_names, CONV_PRECISIONS, name, &found);
    if (known)
        *precision = (enum conv_precision)found;
    return known;
}
