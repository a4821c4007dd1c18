/*
 * A tensor's array: grammar, shape and raggedness in one walk.
 *
 * Ragged is told at the first child, in the order of the text, whose kind or length differs from its first
 * sibling's. An array's length is known at its end, but it is told at its beginning: so the fault that starts
 * first wins, and a fault inside a child gives way to the child's own. An array can also disagree with a
 * cousin only ([[1, 2], [[3], [4]]]); that is told when no sibling disagrees.
 */
#include "api/json/scanner.h"
#include "api/json/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 48 }; /* of what is no number */

enum kind { KIND_NONE, KIND_NUMBER, KIND_ARRAY, KIND_OTHER };

struct fault_at {
    const char *start; /* of the value in the body; NULL when there is none */
    int rank;          /* how many steps the path has */
    int64_t index[SCAN_MAX_DEPTH];
    char detail[160];
};

struct tensor_scan {
    struct scanner *s;
    struct fault_at sibling, cousin;
    int64_t index[SCAN_MAX_DEPTH];       /* the path from the tensor's root */
    int64_t length[SCAN_MAX_DEPTH];      /* of the first array of each level; -1 before its end */
    enum kind level[SCAN_MAX_DEPTH + 1]; /* what the first value of each level was */
};

static void note(struct tensor_scan *t, struct fault_at *fault, const char *start, int rank,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void note(struct tensor_scan *t, struct fault_at *fault, const char *start, int rank,
                 const char *format, ...) {
    if (fault->start != NULL && fault->start <= start)
        return;
    fault->start = start;
    fault->rank = rank;
    memcpy(fault->index, t->index, (size_t)rank * sizeof t->index[0]);
    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
}

static bool scan_level(struct tensor_scan *t, int level, int64_t *length);

/* A quoted word is a number when it is one of the three. */
static bool scan_quoted(struct tensor_scan *t, enum kind *kind) {
    const char *begin = t->s->at;
    char word[16];
    double value;
    bool was_unfit = t->s->scan->unfit;
    t->s->scan->unfit = true; /* nothing is noted of it: it is refused as no number anyway */
    if (!scanner_string(t->s))
        return false;
    t->s->scan->unfit = was_unfit;
    size_t length = scan_unescape(begin + 1, t->s->at - 1, word, sizeof word);
    *kind = length != SIZE_MAX && scan_word(word, length, &value) ? KIND_NUMBER : KIND_OTHER;
    return true;
}

/* One child; `*length` is set for arrays. */
static bool scan_child(struct tensor_scan *t, int level, enum kind *kind, int64_t *length) {
    struct scanner *s = t->s;
    bool is_integer;
    char c = s->at < s->scan->end ? *s->at : '\0';
    *kind = KIND_NUMBER;
    if (c >= '0' && c <= '9')
        return scanner_number(s, &is_integer);
    if (c == '[') {
        *kind = KIND_ARRAY;
        return scan_level(t, level + 1, length);
    }
    if (c == '"')
        return scan_quoted(t, kind);
    if ((c == 'N' || c == 'I' || c == '-') && scanner_bare_word(s))
        return true;
    if (c == '-')
        return scanner_number(s, &is_integer);
    *kind = KIND_OTHER;
    return scanner_value(s, true);
}

static const char *const kind_names[] = {"nothing", "a number", "an array", "neither"};

/* A child that is neither an array nor a number; it ends where the scanner is. */
static void note_other(struct tensor_scan *t, int level, const char *start) {
    static const char object[] = "an object";
    bool is_object = *start == '{';
    int shown = utf8_cut(start, t->s->at, SHOWN_BYTES);
    note(t, &t->sibling, start, level + 1,
         "a tensor holds numbers, \"NaN\", \"Infinity\" and \"-Infinity\" only, but this is %.*s%s",
         is_object ? (int)strlen(object) : shown, is_object ? object : start,
         !is_object && start + shown < t->s->at ? "…" : "");
}

/* Holds a child against its first sibling (`first`, `first_length`) and against the level's first value. */
static void check_child(struct tensor_scan *t, int level, const char *start, enum kind kind, int64_t length,
                        enum kind first, int64_t first_length) {
    if (kind == KIND_OTHER)
        note_other(t, level, start);
    else if (kind != first)
        note(t, &t->sibling, start, level + 1, "the tensor is ragged: this is %s but its first sibling is %s",
             kind_names[kind], kind_names[first]);
    else if (kind == KIND_ARRAY && length != first_length)
        note(t, &t->sibling, start, level + 1,
             "the tensor is ragged: expected sequence of length %" PRId64 " at dim %d (got %" PRId64 ")",
             first_length, level + 1, length);
    else if (kind != t->level[level + 1])
        note(t, &t->cousin, start, level + 1,
             "the tensor is ragged: this is %s but others at its depth are %s", kind_names[kind],
             kind_names[t->level[level + 1]]);
    else if (kind == KIND_ARRAY && length != t->length[level + 1])
        note(t, &t->cousin, start, level + 1,
             "the tensor is ragged: expected sequence of length %" PRId64 " at dim %d (got %" PRId64 ")",
             t->length[level + 1], level + 1, length);
}

/* The array at `at`; level 0 is the tensor itself. */
static bool scan_level(struct tensor_scan *t, int level, int64_t *length) {
    struct scanner *s = t->s;
    enum kind first = KIND_NONE;
    int64_t first_length = 0, count = 0;
    bool more = true;
    if (!scanner_enter(s))
        return false;
    if (s->at < s->scan->end && *s->at == ']') {
        s->at++;
        more = false;
    }
    while (more) {
        const char *start = s->at;
        enum kind kind;
        int64_t child_length = 0;
        t->index[level] = count;
        s->path[s->depth].index = count;
        if (!scan_child(t, level, &kind, &child_length))
            return false;
        if (count == 0) {
            first = kind;
            first_length = child_length;
        }
        if (t->level[level + 1] == KIND_NONE)
            t->level[level + 1] = kind;
        check_child(t, level, start, kind, child_length, first, first_length);
        count++;
        if (!scanner_next(s, ']', &more))
            return false;
    }
    s->depth--;
    if (t->length[level] < 0)
        t->length[level] = count;
    *length = count;
    return true;
}

static void tell(struct cut *cut, const struct fault_at *fault) {
    size_t at = 0;
    cut->refused = true;
    for (int i = 0; i < fault->rank && at < sizeof cut->pointer; i++)
        at += (size_t)snprintf(cut->pointer + at, sizeof cut->pointer - at, "/%" PRId64, fault->index[i]);
    snprintf(cut->detail, sizeof cut->detail, "%s", fault->detail);
}

bool scan_tensor_array(struct scanner *s, struct cut *cut) {
    struct tensor_scan t = {.s = s};
    int64_t length;
    int depth = s->depth;
    int cuts = s->scan->cut_count;
    const char *copied = s->copied;
    size_t reduced_length = s->reduced.length;
    *cut = (struct cut){.begin = s->at};
    for (int i = 0; i < SCAN_MAX_DEPTH; i++)
        t.length[i] = -1;
    if (!scan_level(&t, 0, &length))
        return false;
    /* whatever an object inside left behind goes with the whole */
    s->depth = depth;
    s->scan->cut_count = cuts;
    scanner_rewind(s, reduced_length, copied);

    if (t.sibling.start != NULL)
        tell(cut, &t.sibling);
    else if (t.cousin.start != NULL)
        tell(cut, &t.cousin);
    while (cut->shape.rank < SCAN_MAX_DEPTH && t.length[cut->shape.rank] >= 0) {
        cut->shape.dim[cut->shape.rank] = t.length[cut->shape.rank];
        cut->shape.rank++;
    }
    return true;
}
