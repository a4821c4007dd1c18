/*
 * JSON by the book (RFC 8259), one character after the other: what the document reader of api/json is held against,
 * and itself held against jansson. It shares no code with either.
 *
 * What convd's contract adds is judged here too: depth, repeated keys, the bare not-a-number words, and values that are
 * JSON and fit nothing. Where the contract leaves open what a text is, it is `unclear`.
 */
#ifndef CONVD_TESTS_FUZZ_REFERENCE_JSON_H
#define CONVD_TESTS_FUZZ_REFERENCE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ref_kind { REF_LITERAL, REF_NUMBER, REF_WORD, REF_STRING, REF_ARRAY, REF_OBJECT };

/* Where a value stands, which decides whether bare words are allowed there. */
enum ref_place {
    REF_PLAIN,         /* no tensor */
    REF_TENSOR_OBJECT, /* the object that is the value of a tensor field of the document */
    REF_TENSOR,        /* in an array that is such a value, or the "data" of such an object */
    REF_UNCLEAR,       /* in an object inside a tensor's array, or at a tensor field's name deeper down */
};

struct ref_node {
    enum ref_kind kind;
    enum ref_place place;
    size_t begin, end; /* of the text */
    size_t key_begin;  /* of a member's key, with its quote */
    size_t key_end;    /* 0: no member */
    char *key;         /* its text, owned; NULL when no field can have it */
    char *string;      /* a string's text with a NUL, owned; NULL when it is unfit */
    size_t string_bytes;
    bool unfit;    /* JSON, but nothing can take it */
    bool infinite; /* a number beyond the range of float64 */
    int parent, first_child, next;
    int64_t children, index; /* index: the place in the parent */
};

enum ref_verdict { REF_WELL_FORMED, REF_BROKEN, REF_TOO_DEEP };

struct ref_json {
    const char *text;
    size_t bytes;
    enum ref_verdict verdict;
    size_t token, fault; /* the broken token's first byte, and the first byte that cannot go on */
    int fault_field;     /* the tensor field of the document whose numbers are broken; -1 for anything else */
    size_t bad_utf8;     /* the first byte that is not UTF-8; SIZE_MAX when all is */
    bool repeated;       /* an object has a key twice */
    bool unclear;        /* the contract does not say what this is */
    int unfit;           /* the first value that nothing can take, or -1 */
    struct ref_node *nodes;
    int count, capacity; /* the root is node 0 */
};

/* Parses `bytes` bytes of `text`, which are followed by a NUL and stay the caller's. */
void ref_json_open(struct ref_json *json, const char *text, size_t bytes, const char *const *tensor_fields);
void ref_json_close(struct ref_json *json);

/* The child of `object` with that key; -1 when there is none. */
int ref_json_member(const struct ref_json *json, int object, const char *key);

/* The JSON Pointer of a node into `out`; false when it does not fit. */
bool ref_json_pointer(const struct ref_json *json, int node, char *out, size_t capacity);

/* "NaN", "Infinity" or "-Infinity" as a number; false for any other text. */
bool ref_json_word(const char *text, size_t bytes, double *value);

#endif
