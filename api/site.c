#include "api/site.h"

#include <string.h>

const struct site_file *site_find(const struct site *site, const char *path) {
    for (size_t i = 0; site != NULL && i < site->count; i++)
        if (strcmp(site->files[i].path, path) == 0)
            return &site->files[i];
    return NULL;
}
