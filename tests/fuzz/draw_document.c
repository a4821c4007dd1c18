#include "tests/fuzz/draw.h"

#include <math.h>

const char *const draw_tokens[] = {"[",
                                   "]",
                                   "{",
                                   "}",
                                   ",",
                                   ":",
                                   "\"",
                                   "\\",
                                   "-",
                                   "+",
                                   ".",
                                   "e",
                                   "E",
                                   "0",
                                   "1",
                                   "9",
                                   "00",
                                   " ",
                                   "\n",
                                   "\t",
                                   "\r",
                                   "\r\n",
                                   "NaN",
                                   "Infinity",
                                   "-Infinity",
                                   "\"NaN\"",
                                   "null",
                                   "true",
                                   "false",
                                   "[]",
                                   "{}",
                                   "[[",
                                   "]]",
                                   "],[",
                                   "1e999",
                                   "1e-999",
                                   "-0",
                                   "0.0",
                                   "12345678901234567890",
                                   "\\u0000",
                                   "\\ud800",
                                   "\\ud83d\\ude00",
                                   "\\u0041",
                                   "\\/",
                                   "\x7f",
                                   "\x1f",
                                   "\x80",
                                   "\xc3\xa4",
                                   "\xff",
                                   "\xed\xa0\x80",
                                   "\xf0\x9f\x98\x80",
                                   "\xef\xbb\xbf",
                                   "\"input\":",
                                   "\"weight\":",
                                   "\"bias\":",
                                   "\"shape\":",
                                   "\"data\":",
                                   "\"base64\":",
                                   "\"dtype\":",
                                   "\"float64\"",
                                   "AAAA",
                                   "=",
                                   "==",
                                   "/",
                                   "0.1234567,",
                                   "255,",
                                   "1.5e-7",
                                   "                                                                ",
                                   "0000000000000000000000000000000000000000",
                                   "9999999999999999",
                                   "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                   NULL};

struct drawing {
    struct fuzz_random *random;
    struct fuzz_text *out;
    int blanks; /* none, after commas, lines, anything */
    enum draw_number kind;
    size_t leaf, fault; /* the leaf that comes next, and the one that is none */
    size_t damage;      /* so many tokens of a tensor from here one is damaged; 0: none */
};

static bool one_in(const struct drawing *d, size_t times) {
    return fuzz_one_in(d->random, times);
}

static size_t below(const struct drawing *d, size_t limit) {
    return fuzz_below(d->random, limit);
}

static void put_blanks(const struct drawing *d, bool after_comma) {
    if (d->blanks == 1 && after_comma)
        fuzz_puts(d->out, " ");
    if (d->blanks == 2 && (after_comma || one_in(d, 4)))
        fuzz_puts(d->out, "\n    ");
    if (d->blanks != 3)
        return;
    for (size_t i = below(d, one_in(d, 30) ? 150 : 3); i > 0; i--)
        fuzz_put(d->out, &" \n\r\t"[below(d, 4)], 1);
}

static void put(const struct drawing *d, const char *token) {
    put_blanks(d, false);
    fuzz_puts(d->out, token);
    put_blanks(d, token[0] == ',' || token[0] == ':');
}

/* ---- tensors ---- */

/* A bracket or a comma of a tensor; one of them may be missing, doubled or another. */
static void put_structure(struct drawing *d, const char *token) {
    static const char *const others[] = {"[", "]", ",", ":", "{", "}", " ", "0", "\"", "\n", "],[", "[]"};
    if (d->damage == 0 || --d->damage > 0) {
        put(d, token);
        return;
    }
    if (one_in(d, 2))
        put(d, token);
    if (one_in(d, 2))
        put(d, one_in(d, 2) ? token : others[below(d, sizeof others / sizeof others[0])]);
}

static void put_no_leaf(const struct drawing *d) {
    static const char *const none[] = {"[1]",
                                       "[[2]]",
                                       "[]",
                                       "null",
                                       "true",
                                       "\"x\"",
                                       "1, 2",
                                       "{\"data\": [NaN]}",
                                       "{\"a\": 1, \"a\": 2}",
                                       "\"\\ud800\"",
                                       "{}",
                                       "\"NaN\\u0000\"",
                                       "[1, 2, 3]"};
    if (one_in(d, 2))
        draw_damaged_number(d->random, d->kind, d->out);
    else if (one_in(d, 2))
        draw_number(d->random, DRAW_NO_NUMBER, d->out);
    else
        fuzz_puts(d->out, none[below(d, sizeof none / sizeof none[0])]);
}

static void put_leaf(struct drawing *d) {
    if (d->leaf++ == d->fault)
        put_no_leaf(d);
    else
        draw_number(d->random, d->kind != DRAW_ANY && one_in(d, 200) ? DRAW_ANY : d->kind, d->out);
}

static void put_nested(struct drawing *d, const size_t *dim, int rank) {
    put_structure(d, "[");
    size_t children = dim[0];
    if (rank > 1 && d->fault < SIZE_MAX && one_in(d, 40)) /* ragged in its lengths */
        children += 1;
    for (size_t i = 0; i < children; i++) {
        if (i > 0)
            put_structure(d, ",");
        if (rank > 1)
            put_nested(d, dim + 1, rank - 1);
        else
            put_leaf(d);
    }
    put_structure(d, "]");
}

enum { MOST_SIZES = 40 };

/* Sizes with a product of at most `most`; often prime, rarely 0 or many dimensions. */
static int draw_sizes(const struct drawing *d, size_t *dim, size_t most, size_t *elems) {
    int rank = 1 + (int)below(d, one_in(d, 20) ? MOST_SIZES : 4);
    *elems = 1;
    for (int i = 0; i < rank; i++) {
        size_t left = most / (*elems > 0 ? *elems : 1);
        dim[i] = 1 + below(d, left < 1 ? 1 : left < 9 || i + 1 == rank ? left : 9);
        if (one_in(d, 40))
            dim[i] = 0;
        *elems *= dim[i];
    }
    return rank;
}

/* Most tensors are small, so that many are tried; some are long enough to be read by several threads. */
static size_t draw_most(const struct drawing *d) {
    size_t room = (d->out->capacity - d->out->bytes) / 32;
    size_t most = one_in(d, 400) ? 30000 : one_in(d, 10) ? 400 : 60;
    return most < room ? most : room + 1;
}

static void begin_numbers(struct drawing *d, size_t elems) {
    d->kind = (enum draw_number)below(d, DRAW_NO_NUMBER);
    if (elems > 1000 && d->kind > DRAW_SHORT)
        d->kind = (enum draw_number)below(d, DRAW_INTEGERS);
    d->leaf = 0;
    d->fault = elems > 0 && one_in(d, 8) ? below(d, elems) : SIZE_MAX;
    d->damage = one_in(d, 16) ? 1 + below(d, 2 * elems + 4) : 0;
}

static void put_base64(const struct drawing *d, size_t bytes) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = (bytes * 8 + 5) / 6, bad = one_in(d, 5) ? below(d, length + 1) : SIZE_MAX;
    uint64_t same = fuzz_u64(d->random); /* 0, NaN and so on are likelier than chance has them */
    bool uniform = one_in(d, 4);
    for (size_t i = 0; i < length; i++) {
        unsigned value = (unsigned)(uniform ? same : fuzz_u64(d->random)) & 63;
        if (i + 1 == length && bytes % 3 != 0)
            value &= bytes % 3 == 1 ? 48u : 60u;
        if (i == bad)
            fuzz_puts(d->out, draw_tokens[below(d, 60)]);
        if (alphabet[value] == '/' && one_in(d, 3))
            fuzz_puts(d->out, "\\");
        if (one_in(d, 300))
            fuzz_printf(d->out, "\\u%04X", (unsigned)alphabet[value]);
        else
            fuzz_put(d->out, &alphabet[value], 1);
    }
    fuzz_puts(d->out, bytes % 3 == 1 ? "==" : bytes % 3 == 2 ? "=" : "");
}

static void put_shape(const struct drawing *d, const size_t *dim, int rank) {
    put(d, "\"shape\"");
    put(d, ":");
    put(d, "[");
    for (int i = 0; i < rank; i++) {
        if (i > 0)
            put(d, ",");
        fuzz_printf(d->out, one_in(d, 40) ? "%zu.0" : "%zu", dim[i] + one_in(d, 80));
    }
    put(d, "]");
}

/* {"shape", "dtype", "data" or "base64"}, in any order. */
static void put_object(struct drawing *d) {
    size_t dim[MOST_SIZES], elems, first = below(d, 3);
    int rank = draw_sizes(d, dim, draw_most(d), &elems), dtype = (int)below(d, 3);
    bool base64 = one_in(d, 2);
    begin_numbers(d, elems);
    put(d, "{");
    for (size_t i = 0; i < 3; i++) {
        size_t member = (first + i) % 3;
        if (i > 0)
            put(d, ",");
        if (member == 0) {
            put_shape(d, dim, rank);
        } else if (member == 1) {
            static const char *const dtypes[] = {"float32", "float64", "float16"};
            fuzz_printf(d->out, "\"dtype\": \"%s\"", dtypes[one_in(d, 20) ? 2 : dtype > 0]);
        } else if (base64) {
            fuzz_puts(d->out, "\"base64\":\"");
            put_base64(d, elems * (dtype > 0 ? 8 : 4));
            fuzz_puts(d->out, "\"");
        } else {
            put(d, "\"data\"");
            put(d, ":");
            put_nested(d, &elems, 1);
        }
    }
    put(d, "}");
}

static void put_tensor(struct drawing *d) {
    size_t dim[MOST_SIZES], elems;
    if (one_in(d, 3)) {
        put_object(d);
        return;
    }
    int rank = draw_sizes(d, dim, draw_most(d), &elems);
    begin_numbers(d, elems);
    put_nested(d, dim, rank);
}

/* ---- everything else ---- */

static void put_deep(const struct drawing *d) {
    size_t levels = 25 + below(d, 10);
    for (size_t i = 0; i < levels; i++)
        fuzz_puts(d->out, i % 3 == 2 ? "{\"a\":" : "[");
    fuzz_puts(d->out, "1");
    for (size_t i = levels; i-- > 0;)
        fuzz_puts(d->out, i % 3 == 2 ? "}" : "]");
}

static void put_value(const struct drawing *d) {
    static const char *const values[] = {
        "null", "true", "false", "1", "[1, 2]", "\"max\"", "\"\"", "{}", "[]", "[[1, 0], [0, 1]]", "2.50",
        "-0", "\"a\\n\\\"\\\\\\/\\b\"", "{\"a\": {\"b\": [1, {\"c\": null}]}, \"d\": \"e\"}", "\"]}\"",
        "\"\\\\\"", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\\u00e4\\u20AC\"",
        /* what the contract refuses or leaves open */
        "\"\\ud83d\"", "\"\\u0000\"", "1e999", "123456789012345678901", "-1e-999", "{\"a\": 1, \"a\": 2}",
        "[{\"weight\": [[1, NaN]]}, {\"type\": \"relu\"}]", "NaN", "[Infinity]", "{\"x/y~z\": 1e400}",
        "\"float64\""};
    enum { PLAIN = 18 };
    if (one_in(d, 40))
        put_deep(d);
    else if (one_in(d, 3))
        draw_number(d->random, (enum draw_number)below(d, DRAW_WORDS), d->out);
    else
        fuzz_puts(d->out, values[below(d, one_in(d, 4) ? sizeof values / sizeof values[0] : PLAIN)]);
}

/* A member whose key is not among the `used`, but for one in many. */
static void put_member(struct drawing *d, unsigned *used) {
    enum { TENSORS = 3, NAMES = 14 };
    static const char *const names[NAMES] = {"\"input\"", "\"weight\"", "\"bias\"",           "\"stride\"",
                                             "\"mode\"",  "\"dtype\"",  "\"layers\"",         "\"x\"",
                                             "\"\"",      "\"a/b~\"",   "\"\\ud83d\\ude00\"", "\"\xc3\xa4\"",
                                             "\"inpu\"",  "\"data\""};
    static const char *const escaped[TENSORS] = {"\"\\u0069nput\"", "\"we\\u0069ght\"", "\"b\\u0069as\""};
    bool tensor = !one_in(d, 3);
    size_t name = tensor ? below(d, TENSORS) : TENSORS + below(d, NAMES - TENSORS);
    while ((*used & 1u << name) != 0 && !one_in(d, 100))
        name = (name + 1) % NAMES;
    *used |= 1u << name;
    put(d, name < TENSORS && one_in(d, 20) ? escaped[name] : names[name]);
    put(d, ":");
    if (name < TENSORS && !one_in(d, 20))
        put_tensor(d);
    else
        put_value(d);
}

void draw_document(struct fuzz_random *random, struct fuzz_text *out) {
    struct drawing d = {.random = random, .out = out, .blanks = (int)fuzz_below(random, 4)};
    unsigned used = 0;
    for (size_t i = one_in(&d, 4) ? below(&d, 70) : 0; i > 0; i--)
        fuzz_puts(out, " ");
    put(&d, "{");
    for (size_t i = 0, members = 1 + below(&d, 4); i < members; i++) {
        if (i > 0)
            put(&d, ",");
        put_member(&d, &used);
    }
    put(&d, "}");
    if (one_in(&d, 40))
        fuzz_puts(out, draw_tokens[below(&d, 60)]);
}
