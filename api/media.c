#include "api/media.h"

#include "api/json/text.h"
#include "api/weight.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const types[MEDIA_END] = {
#define MEDIA_TYPE(NAME, type) [MEDIA_##NAME] = type,
    MEDIA_MAP(MEDIA_TYPE)
#undef MEDIA_TYPE
};

const char *media_type(enum media media) {
    return types[media] != NULL ? types[media] : "";
}

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
    for (int i = 0; i < MEDIA_END; i++) {
        if (types[i] != NULL && is_type(content_type, length, types[i]))
            return (enum media)i;
    }
    return MEDIA_OTHER;
}

bool media_is_undeclared(enum media media) {
    return media == MEDIA_NONE || media == MEDIA_URLENCODED;
}

/* How closely a range names a type: 3 exactly, 2 by its first half, 1 by the wildcard, 0 not at all. */
static int range_closeness(const char *range, size_t length, const char *type) {
    size_t half = strcspn(type, "/") + 1;
    if (is_type(range, length, type))
        return 3;
    if (length == half + 1 && range[half] == '*' && strncasecmp(range, type, half) == 0)
        return 2;
    return is_type(range, length, "*/*") ? 1 : 0;
}

struct wish {
    int closeness;
    double weight;
};

/* What the range that names `type` most closely says of it; a later one of the same closeness does not count. */
static struct wish wish_for(const char *accept, const char *type) {
    struct wish wish = {0, 0};
    while (*accept != '\0') {
        accept += strspn(accept, " \t,");
        size_t length = type_length(accept);
        int closeness = range_closeness(accept, length, type);
        if (closeness > wish.closeness)
            wish = (struct wish){closeness, weight_of(accept + length)};
        accept += strcspn(accept, ",");
    }
    return wish;
}

enum media media_negotiate(const char *accept, unsigned offers) {
    enum media best = MEDIA_NONE;
    struct wish most = {0, 0};
    bool any = accept == NULL || accept[strspn(accept, " \t,")] == '\0' || strcmp(accept, "*/*") == 0;
    for (int i = 0; i < MEDIA_END; i++) {
        if (!media_in((enum media)i, offers))
            continue;
        const char *type = media_type((enum media)i);
        if (any || strcmp(accept, type) == 0) /* one type and nothing else: no other can do better */
            return (enum media)i;
        struct wish wish = wish_for(accept, type);
        if (wish.weight > most.weight ||
            (wish.weight > 0 && wish.weight >= most.weight && wish.closeness > most.closeness)) {
            most = wish;
            best = (enum media)i;
        }
    }
    return best;
}

const char *media_names(struct arena *arena, unsigned set) {
    struct text text = text_open(arena, 256);
    for (int i = 0; i < MEDIA_END; i++) {
        if (media_in((enum media)i, set))
            text_printf(&text, "%s%s", text.length > 0 ? ", " : "", media_type((enum media)i));
    }
    text_add(&text, "", 1);
    return text.failed ? "" : text.data;
}
