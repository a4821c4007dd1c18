/*
 * The first pass over a JSON body: strict grammar (RFC 8259) with positions, and the tensors cut out.
 *
 * The numbers of a tensor never become JSON values. The scan walks the whole text once, proves its grammar,
 * and leaves a small copy in which every tensor's array or base64 string is replaced by a placeholder that
 * names a `struct cut`; that copy goes to jansson, the cuts to tensor_read. While it walks through a tensor's
 * array it infers the shape and finds what is ragged, so that reading the numbers afterwards needs no
 * structure.
 *
 * Most arrays are well formed, and for those lib/numbers/array_text.h finds end and shape many times faster,
 * but without a look at the single numbers. Such a cut is `unproven`: the numbers are proven when they are
 * read. Whoever refuses the document before that scans it once more with `careful` set, since what is broken
 * JSON is told before anything else.
 *
 * A text that is valid JSON but that no field can take (an integer of twenty digits, 1e999, a NUL or a lone
 * surrogate in a string) is told apart from a broken one: `unfit`.
 */
#ifndef CONVD_API_JSON_SCAN_H
#define CONVD_API_JSON_SCAN_H

#include "api/problem.h"
#include "lib/base/arena.h"
#include "lib/base/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_MAX_CUTS = 4096,     /* tensors in one document */
    SCAN_MAX_DEPTH = 32,      /* levels of arrays and objects */
    SCAN_POINTER_BYTES = 320, /* a JSON Pointer into the document, cut at a whole token */
    SCAN_LONG_VALUE_BYTES =
        4096, /* other arrays and strings above this are replaced too: no field takes them */
};

/* A place in an array's text and how many of its numbers begin before it. */
struct cut_mark {
    const char *at;
    int64_t numbers;
};

/* A tensor's text: the array `[…]` or the string `"…"` in [begin, end) of the body. */
struct cut {
    const char *begin, *end;
    bool is_string;
    bool unproven;                /* the grammar of its numbers has not been looked at */
    const struct cut_mark *marks; /* of an unproven array: about every 64 KiB, none at its ends */
    int mark_count;
    struct shape shape; /* of an array; of a string empty */

    /* The first thing in an array that makes it no tensor; pointer relative to the array ("/1/0"). */
    bool refused;
    char pointer[SCAN_POINTER_BYTES];
    char detail[160];
};

/* From byte `reduced` of the copy on, it is the body from byte `body` on. */
struct scan_splice {
    size_t reduced, body;
};

struct scan {
    /* In: */
    const char *body, *end;
    struct arena *arena;
    const char *const *tensor_fields; /* NULL-terminated names whose values are tensors */
    const char *only; /* NULL, or the tensor whose value is the whole text: the copy is {"only": value} */
    size_t max_reduced_bytes; /* limit of the copy without tensors */
    bool careful;             /* no cut may be unproven */
    const char *locate;       /* NULL, or: stop at the first key that ends here or later, and say its path */

    /* Out: */
    struct cut *cuts;
    int cut_count;
    bool unproven;       /* one of the cuts is */
    const char *reduced; /* the copy without tensors, for jansson */
    size_t reduced_bytes;
    struct scan_splice *splices; /* where the copy goes on behind each replaced value */
    int splice_count;
    /* What `locate` asked for: the key with its quotes, and its path as far as whole tokens fit. */
    const char *located, *located_end;
    bool located_replaced; /* the copy has another key for it, or this is one that may look like such a key */
    char located_pointer[SCAN_POINTER_BYTES];

    /* The refusal, when scan_json returned false. `at` is where in the body, or NULL. */
    enum problem problem;
    const char *at;
    char detail[240];

    /* Valid JSON that nothing can take: the first place. */
    bool unfit;
    enum problem unfit_problem;
    char unfit_pointer[SCAN_POINTER_BYTES];
    char unfit_detail[160];
};

/* Runs the scan; false when the text is not JSON or memory ran out (problem OVERLOADED). */
bool scan_json(struct scan *scan);

/* Where in the body the copy's byte `reduced` comes from. */
const char *scan_origin(const struct scan *scan, size_t reduced);

/*
 * The text that a string's bytes [begin, end) between its quotes stand for, escapes resolved, into `out` with
 * a NUL; its length, or SIZE_MAX when it does not fit into `capacity`. The string is known to be well formed.
 */
size_t scan_unescape(const char *begin, const char *end, char *out, size_t capacity);

/* "NaN", "Infinity" or "-Infinity" as a number; false for any other text. */
bool scan_word(const char *word, size_t length, double *value);

/* The line and column, both from 1, the column in bytes, of `at` in the body. */
void scan_position(const char *body, const char *at, int64_t *line, int64_t *column);

#endif
