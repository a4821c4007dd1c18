/*
 * The nearest known name, for "did you mean".
 */
#ifndef CONVD_API_DECODE_NEAREST_H
#define CONVD_API_DECODE_NEAREST_H

/* The name of the NULL-terminated list `known` that is nearest to `name` and at most 2 edits (insertions,
 * deletions, replacements, swaps of neighbours) away; the first of equals; NULL when there is none. */
const char *nearest_name(const char *name, const char *const *known);

#endif
