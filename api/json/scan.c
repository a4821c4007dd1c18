#include "api/json/scan.h"

#include "api/json/scanner.h"
#include "lib/numbers/array_text.h"
#include "lib/numbers/decimal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- refusals and positions ---- */

bool scanner_refuse(struct scanner *s, enum problem problem, const char *at, const char *format, ...) {
    s->scan->problem = problem;
    s->scan->at = at;
    va_list args;
    va_start(args, format);
    vsnprintf(s->scan->detail, sizeof s->scan->detail, format, args);
    va_end(args);
    return false;
}

static bool refuse_memory(struct scanner *s) {
    return scanner_refuse(s, PROBLEM_OVERLOADED, NULL,
                          "memory for reading the request could not be allocated");
}

/* ---- the path, as a JSON Pointer ---- */

/* Appends `step`; false, and nothing appended, when it does not fit. */
static bool pointer_step(char *pointer, size_t *length, const struct scan_step *step) {
    char token[SCAN_POINTER_BYTES], escaped[2 * SCAN_POINTER_BYTES];
    size_t count, out = 0;
    if (step->key == NULL)
        count = (size_t)snprintf(token, sizeof token, "%" PRId64, step->index);
    else
        count = scan_unescape(step->key, step->key_end, token, sizeof token);
    if (count == SIZE_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (token[i] == '~' || token[i] == '/') {
            escaped[out++] = '~';
            escaped[out++] = token[i] == '~' ? '0' : '1';
        } else {
            escaped[out++] = token[i];
        }
    }
    if (*length + 1 + out >= SCAN_POINTER_BYTES)
        return false;
    pointer[(*length)++] = '/';
    memcpy(pointer + *length, escaped, out);
    *length += out;
    return true;
}

static void pointer_here(const struct scanner *s, char pointer[SCAN_POINTER_BYTES]) {
    size_t length = 0;
    for (int d = 1; d <= s->depth; d++) {
        if (!pointer_step(pointer, &length, &s->path[d]))
            break;
    }
    pointer[length] = '\0';
}

void scanner_note_unfit(struct scanner *s, enum problem problem, const char *what) {
    s->unfit_values++;
    if (s->scan->unfit)
        return;
    s->scan->unfit = true;
    s->scan->unfit_problem = problem;
    pointer_here(s, s->scan->unfit_pointer);
    snprintf(s->scan->unfit_detail, sizeof s->scan->unfit_detail, "%s", what);
}

/* ---- the reduced copy ---- */

/* Room for one more element of an array in the arena, which may move; false when memory ran out. */
static bool grow(struct arena *arena, void **array, int count, int *capacity, size_t elem_bytes) {
    if (count < *capacity)
        return true;
    int wanted = *capacity > 0 ? 2 * *capacity : 4;
    void *grown = arena_alloc(arena, (size_t)wanted * elem_bytes);
    if (grown == NULL)
        return false;
    assert(count == 0 || *array != NULL);
    if (count > 0)
        memcpy(grown, *array, (size_t)count * elem_bytes);
    *array = grown;
    *capacity = wanted;
    return true;
}

/* The copy is held against its limit as it grows, so that a long document is refused before it costs memory. */
static bool check_length(struct scanner *s, size_t length) {
    if (length <= s->scan->max_reduced_bytes)
        return true;
    return scanner_refuse(
        s, PROBLEM_LIMIT_EXCEEDED, NULL,
        "the document without its tensors has at least %zu bytes; the limit is %zu (--max-document)", length,
        s->scan->max_reduced_bytes);
}

void scanner_replace(struct scanner *s, const char *begin, const char *placeholder) {
    struct scan *scan = s->scan;
    void *splices = scan->splices;
    text_add(&s->reduced, s->copied, (size_t)(begin - s->copied));
    text_puts(&s->reduced, placeholder);
    s->copied = s->at;
    if (!grow(scan->arena, &splices, scan->splice_count, &s->splice_capacity, sizeof *scan->splices)) {
        s->reduced.failed = true;
        return;
    }
    scan->splices = splices;
    scan->splices[scan->splice_count++] =
        (struct scan_splice){s->reduced.length, (size_t)(s->at - scan->body)};
}

void scanner_rewind(struct scanner *s, size_t length, const char *copied) {
    struct scan *scan = s->scan;
    s->reduced.length = length;
    s->copied = copied;
    while (scan->splice_count > 0 && scan->splices[scan->splice_count - 1].reduced > length)
        scan->splice_count--;
}

const char *scan_origin(const struct scan *scan, size_t reduced) {
    int i = scan->splice_count;
    while (i > 0 && scan->splices[i - 1].reduced > reduced)
        i--;
    if (i == 0)
        return scan->body + reduced;
    return scan->body + scan->splices[i - 1].body + (reduced - scan->splices[i - 1].reduced);
}

/* Room for one more cut; NULL when it was refused. */
static struct cut *new_cut(struct scanner *s) {
    void *cuts = s->scan->cuts;
    if (s->scan->cut_count == SCAN_MAX_CUTS) {
        scanner_refuse(s, PROBLEM_LIMIT_EXCEEDED, s->at, "the document has more tensors than the limit of %d",
                       SCAN_MAX_CUTS);
        return NULL;
    }
    if (!grow(s->scan->arena, &cuts, s->scan->cut_count, &s->cut_capacity, sizeof(struct cut))) {
        refuse_memory(s);
        return NULL;
    }
    s->scan->cuts = cuts;
    return &s->scan->cuts[s->scan->cut_count++];
}

/* ---- values outside tensors ---- */

/* As the query says it: "1e999 does not fit into a float64"; of a long number its begin. */
static void note_unfit_number(struct scanner *s, const char *begin, const char *room) {
    enum { SHOWN = 48 };
    char what[128] = "";
    size_t length = (size_t)(s->at - begin);
    if (!s->scan->unfit) /* only the first is told; there may be millions */
        snprintf(what, sizeof what, "%.*s%s does not fit into %s", (int)(length < SHOWN ? length : SHOWN),
                 begin, length > SHOWN ? "…" : "", room);
    scanner_note_unfit(s, PROBLEM_NUMBER_OUT_OF_RANGE, what);
}

/* A number that no field can hold is replaced, since jansson would call the whole text broken. */
static bool plain_number(struct scanner *s) {
    const char *begin = s->at;
    bool is_integer, fits;
    double value = 0;
    if (!scanner_number(s, &is_integer))
        return false;
    if (is_integer && s->at - begin <= 18)
        return true;
    if (is_integer) {
        /* what follows a number cannot be taken for a digit: strtoll ends where it does */
        errno = 0;
        (void)strtoll(begin, NULL, 10);
        fits = errno == 0;
    } else {
        fits = decimal_read_f64(begin, s->at, &value);
    }
    if (!fits) {
        note_unfit_number(s, begin, is_integer ? "64 bits" : "a float64");
        scanner_replace(s, begin, "null");
    } else if (s->at - begin > SCAN_LONG_VALUE_BYTES) {
        char shorter[40];
        snprintf(shorter, sizeof shorter, "%.17g", value);
        scanner_replace(s, begin, shorter);
    }
    return true;
}

static bool plain_string(struct scanner *s) {
    const char *begin = s->at;
    int unfit_values = s->unfit_values;
    if (!scanner_string(s))
        return false;
    if (s->unfit_values > unfit_values)
        scanner_replace(s, begin, "null");
    else if (s->at - begin > SCAN_LONG_VALUE_BYTES)
        scanner_replace(s, begin, "\"(a text of more than 4096 bytes)\"");
    return true;
}

static bool plain_literal(struct scanner *s) {
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(literals[i]);
        if ((size_t)(s->scan->end - s->at) >= length && memcmp(s->at, literals[i], length) == 0) {
            s->at += length;
            return true;
        }
    }
    return scanner_refuse_here(s, "a value");
}

#define ZEROS_11 "0,0,0,0,0,0,0,0,0,0,0"

/*
 * An array that no tensor is: small ones stay, since parameters are lists of a few numbers, and shapes of as many as a shape may have; what
 * is long in them has been replaced. What takes the place of others has more numbers than any field takes.
 */
static bool plain_array(struct scanner *s, bool keep) {
    enum { FEW = 8 };
    static const char others[] = "[" ZEROS_11 "," ZEROS_11 "," ZEROS_11 "]";
    static_assert(3 * 11 > SHAPE_MAX_RANK, "a shape could have so many");
    const char *begin = s->at, *copied = s->copied;
    size_t length = s->reduced.length;
    int64_t count = 0;
    bool more = true, flat = true, goes = false;
    if (!scanner_enter(s))
        return false;
    if (s->at < s->scan->end && *s->at == ']') {
        s->at++;
        more = false;
    }
    while (more) {
        flat = flat && s->at < s->scan->end && *s->at != '[' && *s->at != '{';
        if (!scanner_value(s, false) || !scanner_next(s, ']', &more))
            return false;
        s->path[s->depth].index++;
        count++;
        goes = !keep && count > (flat ? SHAPE_MAX_RANK : FEW) && s->at - begin > SCAN_LONG_VALUE_BYTES;
        if (goes)
            scanner_rewind(s, length, s->at); /* what was replaced inside goes with the whole */
        else if (!check_length(s, s->reduced.length))
            return false;
    }
    s->depth--;
    if (goes) {
        scanner_rewind(s, length, copied);
        scanner_replace(s, begin, others);
    }
    return true;
}

/* A well-formed array of numbers, quickly; false, and nothing done, when it may be something else. */
static bool cut_well_formed(struct scanner *s, struct cut *cut) {
    enum { MARK_BYTES = 64 * 1024 };
    struct array_structure structure = {
        .at = s->at, .end = s->scan->end, .max_depth = SCAN_MAX_DEPTH - s->depth};
    enum array_verdict verdict;
    void *marks = NULL;
    int capacity = 0;
    if (s->scan->careful)
        return false;
    while ((verdict = array_structure_walk(&structure, MARK_BYTES)) == ARRAY_MORE) {
        if (!grow(s->scan->arena, &marks, cut->mark_count, &capacity, sizeof(struct cut_mark)))
            return false;
        assert(marks != NULL);
        ((struct cut_mark *)marks)[cut->mark_count++] = (struct cut_mark){structure.at, structure.numbers};
    }
    if (verdict != ARRAY_DONE)
        return false;
    cut->marks = marks;
    cut->shape = structure.shape;
    cut->unproven = s->scan->unproven = true;
    s->at = structure.at;
    return true;
}

/* The placeholder that names cut `number`: [7] or "7". */
static void replace_by_number(struct scanner *s, const char *begin, char open, int number, char close) {
    char placeholder[DECIMAL_I64_BYTES + 3], *to = placeholder;
    *to++ = open;
    to = decimal_write_i64(to, number);
    *to++ = close;
    *to = '\0';
    scanner_replace(s, begin, placeholder);
}

/* Inside the array new cuts may come and go, so this one is written when it is complete. */
static bool cut_array(struct scanner *s) {
    int number = s->scan->cut_count;
    struct cut cut = {.begin = s->at};
    if (new_cut(s) == NULL)
        return false;
    if (!cut_well_formed(s, &cut) && !scan_tensor_array(s, &cut))
        return false;
    cut.end = s->at;
    s->scan->cuts[number] = cut;
    replace_by_number(s, cut.begin, '[', number, ']');
    return true;
}

static bool cut_string(struct scanner *s) {
    struct cut *cut = new_cut(s);
    if (cut == NULL)
        return false;
    *cut = (struct cut){.begin = s->at, .is_string = true};
    if (!scanner_string(s))
        return false;
    cut->end = s->at;
    replace_by_number(s, cut->begin, '"', s->scan->cut_count - 1, '"');
    return true;
}

static bool is_one_of(const char *const *names, const char *name) {
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

/* The value of key `name`; an empty name stands for one that is too long to be a field. */
static bool member_value(struct scanner *s, const char *name, bool in_tensor) {
    char first = s->at < s->scan->end ? *s->at : '\0';
    if (in_tensor && first == '[' && strcmp(name, "data") == 0)
        return cut_array(s);
    if (in_tensor && first == '"' && strcmp(name, "base64") == 0)
        return cut_string(s);
    bool is_tensor = !in_tensor && is_one_of(s->scan->tensor_fields, name);
    if (is_tensor && first == '[')
        return cut_array(s);
    if (first == '[')
        return plain_array(s, strcmp(name, "layers") == 0);
    return scanner_value(s, is_tensor);
}

/* What a key begins with that stands for one that jansson would refuse; a number follows, so that no two are the same. */
static const char replaced_key[] = "\\u001a";

/*
 * A client may write such a key, too, which then seems to be repeated. Bodies with keys that had to be replaced are refused anyway,
 * so it is enough to know.
 */
static bool may_be_replaced(const char *begin, const char *end) {
    size_t bytes = sizeof replaced_key - 1;
    return (size_t)(end - begin) > bytes && strncasecmp(begin + 1, replaced_key, bytes) == 0;
}

static bool member_key(struct scanner *s, char name[32]) {
    if (s->at >= s->scan->end || *s->at != '"')
        return scanner_refuse_here(s, "a key in double quotes");
    const char *begin = s->at;
    bool was_unfit = s->scan->unfit;
    int unfit_values = s->unfit_values;
    if (!scanner_string(s))
        return false;
    bool unfit_here = s->unfit_values > unfit_values;
    s->path[s->depth] = (struct scan_step){.key = begin + 1, .key_end = s->at - 1};
    if (s->scan->locate != NULL && s->at >= s->scan->locate) {
        pointer_here(s, s->scan->located_pointer);
        s->scan->located = begin;
        s->scan->located_end = s->at;
        s->scan->located_replaced = unfit_here || may_be_replaced(begin, s->at);
        return false;
    }
    name[0] = '\0';
    if (unfit_here) {
        char key[32];
        if (!was_unfit)
            pointer_here(s, s->scan->unfit_pointer);
        snprintf(key, sizeof key, "\"%s%d\"", replaced_key, s->unfit_keys++);
        scanner_replace(s, begin, key);
    } else if (scan_unescape(begin + 1, s->at - 1, name, 32) == SIZE_MAX) {
        name[0] = '\0';
    }
    return true;
}

static bool plain_object(struct scanner *s, bool in_tensor) {
    char name[32];
    bool more = true;
    if (!scanner_enter(s))
        return false;
    if (s->at < s->scan->end && *s->at == '}') {
        s->at++;
        more = false;
    }
    while (more) {
        if (!member_key(s, name))
            return false;
        scanner_skip_blanks(s);
        if (s->at >= s->scan->end || *s->at != ':')
            return scanner_refuse_here(s, "':'");
        s->at++;
        scanner_skip_blanks(s);
        if (!member_value(s, name, in_tensor) || !check_length(s, s->reduced.length) ||
            !scanner_next(s, '}', &more))
            return false;
    }
    s->depth--;
    return true;
}

bool scanner_value(struct scanner *s, bool in_tensor) {
    if (s->at >= s->scan->end)
        return scanner_refuse_here(s, "a value");
    switch (*s->at) {
    case '{': return plain_object(s, in_tensor);
    case '[': return plain_array(s, false);
    case '"': return plain_string(s);
    case 't':
    case 'f':
    case 'n': return plain_literal(s);
    default: break;
    }
    const char *word = s->at;
    if (scanner_bare_word(s))
        return scanner_refuse(s, PROBLEM_MALFORMED_JSON, word,
                              "NaN, Infinity and -Infinity are allowed only inside a tensor");
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return plain_number(s);
    return scanner_refuse_here(s, "a value");
}

/* The value of the tensor `only`, as if it were the one member of an object. */
static bool only_value(struct scanner *s) {
    const char *name = s->scan->only;
    char member[64];
    snprintf(member, sizeof member, "{\"%s\":", name);
    scanner_replace(s, s->at, member);
    s->path[++s->depth] = (struct scan_step){.key = name, .key_end = name + strlen(name)};
    if (!member_value(s, name, false))
        return false;
    s->depth--;
    scanner_replace(s, s->at, "}");
    return true;
}

bool scan_json(struct scan *scan) {
    struct scanner s = {.scan = scan, .at = scan->body, .copied = scan->body};
    s.reduced = text_open(scan->arena, 1024);
    if (scan->end - scan->body >= 3 && memcmp(scan->body, "\xEF\xBB\xBF", 3) == 0)
        return scanner_refuse(&s, PROBLEM_MALFORMED_UTF8, scan->body,
                              "the text starts with a byte order mark, which JSON does not have");
    scanner_skip_blanks(&s);
    if (scan->only != NULL ? !only_value(&s) : !scanner_value(&s, false))
        return false;
    scanner_skip_blanks(&s);
    if (s.at < scan->end)
        return scanner_refuse_here(&s, "the end of the text");
    scanner_replace(&s, s.at, "");
    if (s.reduced.failed)
        return refuse_memory(&s);
    if (!check_length(&s, s.reduced.length))
        return false;
    scan->reduced = s.reduced.data;
    scan->reduced_bytes = s.reduced.length;
    return true;
}
