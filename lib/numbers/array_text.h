/*
 * Nested arrays of numbers as text, [[1, 2.5], [-3e-2, 4]], read in two passes:
 *
 *   structure   where the array ends, its shape, how many numbers it has; proves brackets, commas and blanks
 *   numbers     each number proven against the grammar of RFC 8259, section 6, and rounded once
 *
 * The first pass costs a tenth of the second. It is needed since an array's dtype and the memory for it are
 * known at the end of its document only, and it says where the second may be cut into ranges for several
 * threads.
 *
 * Both are optimists: what they do not take (an array without numbers or with quoted words, a ragged one, one
 * that is broken) they refuse without saying where, and the caller goes through it again with more care. What
 * they take is right.
 */
#ifndef CONVD_LIB_NUMBERS_ARRAY_TEXT_H
#define CONVD_LIB_NUMBERS_ARRAY_TEXT_H

#include "lib/base/tensor.h"

#include <stddef.h>
#include <stdint.h>

/* ---- structure ---- */

/*
 * Where the pass is. Zero-initialised with `at` at the array's '[' and `end` behind the text (which is not
 * read), it is carried from call to call.
 */
struct array_structure {
    const char *at, *end;
    int64_t numbers; /* that begin before `at` */
    int max_depth;   /* levels that the array may have, at most SHAPE_MAX_RANK */

    /* Out, when done: `at` is behind the closing bracket. */
    struct shape shape;

    /* For the pass itself. */
    uint64_t in_number;                   /* 1: the byte before belongs to a number */
    uint64_t after_number;                /* 1: a comma or a bracket has to come */
    int depth;                            /* arrays that are open */
    bool opened;                          /* the last bracket was '[' */
    int64_t numbers_before;               /* the last bracket */
    int64_t children[SHAPE_MAX_RANK + 1]; /* arrays so far in the open array of each depth */
};

enum array_verdict { ARRAY_MORE, ARRAY_DONE, ARRAY_REFUSED };

/* Goes on for about `bytes` bytes, or to the array's end. */
enum array_verdict array_structure_walk(struct array_structure *structure, size_t bytes);

/* ---- numbers ---- */

/* The numbers that begin in [begin, ...), `count` of them, in an array whose structure is proven. */
struct array_range {
    const char *begin;
    int64_t count;
    const char *floor; /* the text from here on may be read: the array's own begin or any byte before it */
    const char *end;   /* behind the array's closing bracket; nothing here or behind is read */
};

/*
 * Reads range->count numbers, and the words NaN, Infinity and -Infinity, into `out`. Returns how many there
 * are before the first that is no number or beyond the dtype's range.
 */
int64_t array_read_f32(const struct array_range *range, float *out);
int64_t array_read_f64(const struct array_range *range, double *out);

/* One number or word in [begin, end), which is not empty; false for anything else or out of range. */
bool array_number_f32(const char *begin, const char *end, float *value);
bool array_number_f64(const char *begin, const char *end, double *value);

/* How many bytes from `begin` on are ASCII without quotes, backslashes and controls. */
size_t array_plain_bytes(const char *begin, const char *end);

#endif
