/*
 * Random JSON: what numbers look like on the wire and what they should not, and whole documents and requests around
 * them.
 */
#ifndef CONVD_TESTS_FUZZ_DRAW_H
#define CONVD_TESTS_FUZZ_DRAW_H

#include "tests/fuzz/fuzz.h"

/* What a tensor's numbers are like: most tensors have one kind. */
enum draw_number {
    DRAW_BYTES,     /* 0 to 255 */
    DRAW_FRACTIONS, /* 0.1234567 */
    DRAW_SHORT,     /* -12.75 */
    DRAW_FLOAT32,   /* any float32, in few or many digits */
    DRAW_FLOAT64,   /* any float64 */
    DRAW_INTEGERS,  /* 1 to 25 digits */
    DRAW_DIGITS,    /* 1 to 800 digits, a point and an exponent anywhere */
    DRAW_TIE32,     /* halfway between two neighbouring float32, exactly or nearly */
    DRAW_TIE64,     /* halfway between two neighbouring float64, exactly or nearly */
    DRAW_NEAR32,    /* a few steps of a float64 from such a place, in as many digits as people write */
    DRAW_NEAR64,    /* a few steps of 2^-64 from such a place */
    DRAW_EDGES,     /* where ranges begin and end */
    DRAW_ODD,       /* valid and rarely seen: -0.0e+00, 1E5, zeros without end */
    DRAW_WORDS,     /* NaN, "Infinity" */
    DRAW_ANY,       /* each number of another kind, of the above */
    DRAW_NO_NUMBER, /* 01, 1., .5, +1, 1e, nan, null */
    DRAW_NUMBERS,   /* how many there are */
};

void draw_number(struct fuzz_random *random, enum draw_number kind, struct fuzz_text *out);

/* A number of that kind with a character too many, too few or of another sort: most are none any more. */
void draw_damaged_number(struct fuzz_random *random, enum draw_number kind, struct fuzz_text *out);

/* A document with the fields input, weight, bias and others; most are valid. */
void draw_document(struct fuzz_random *random, struct fuzz_text *out);

/* A request of an endpoint, as target_handler.c reads it. */
void draw_request(struct fuzz_random *random, struct fuzz_text *out);

/* What JSON is made of, and what requests are, for mutations. */
extern const char *const draw_tokens[], *const draw_request_tokens[];

#endif
