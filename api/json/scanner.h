/*
 * The inside of the scan, shared by scan.c (documents) and scan_tensor.c (arrays of numbers).
 */
#ifndef CONVD_API_JSON_SCANNER_H
#define CONVD_API_JSON_SCANNER_H

#include "api/json/scan.h"
#include "api/json/text.h"

/* One step of the path to where the scanner is: a key (its raw bytes) or an index. */
struct scan_step {
    const char *key, *key_end; /* NULL in an array */
    int64_t index;
};

struct scanner {
    struct scan *scan;
    const char *at;
    const char *copied; /* the body up to here is in `reduced` already */
    struct text reduced;
    int cut_capacity, splice_capacity;
    int unfit_values, unfit_keys;
    int depth;
    struct scan_step path[SCAN_MAX_DEPTH + 1]; /* path[d] is the step taken inside the d-th open container */
};

/* Ends the scan: sets the refusal and returns false. */
bool scanner_refuse(struct scanner *s, enum problem problem, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Refuses what stands at `at` where `expected` ("a value") should. */
bool scanner_refuse_here(struct scanner *s, const char *expected);

/* Remembers the first value that is JSON and that no field can take. */
void scanner_note_unfit(struct scanner *s, enum problem problem, const char *what);

void scanner_skip_blanks(struct scanner *s);

/* At '[' or '{': enters it, refusing what is nested too deeply. */
bool scanner_enter(struct scanner *s);

/* A string, a number, true, false or null, or any value, from `at`; `at` is behind it afterwards. */
bool scanner_string(struct scanner *s);
bool scanner_number(struct scanner *s, bool *is_integer);
bool scanner_value(struct scanner *s, bool in_tensor);

/* At a bare NaN, Infinity or -Infinity: steps over it. */
bool scanner_bare_word(struct scanner *s);

/* After a value: ',' (true, *more) or `close` (true, not *more). */
bool scanner_next(struct scanner *s, char close, bool *more);

/* Puts `placeholder` into the copy where [begin, at) stands in the body. */
void scanner_replace(struct scanner *s, const char *begin, const char *placeholder);

/* Takes the copy back to where it was `length` bytes long and had come to `copied` of the body. */
void scanner_rewind(struct scanner *s, size_t length, const char *copied);

/* The array of a tensor, from '[' on: fills `cut`. */
bool scan_tensor_array(struct scanner *s, struct cut *cut);

#endif
