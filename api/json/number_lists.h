/*
 * The numbers of a tensor as JSON lists, one in another: [[1,2.5],["NaN",-0]].
 *
 * Not-a-number and the infinities become quoted words, so that the text is valid JSON. A size of 0 ends the
 * nesting: of shape [2, 0, 5] are the lists [[],[]].
 */
#ifndef CONVD_API_JSON_NUMBER_LISTS_H
#define CONVD_API_JSON_NUMBER_LISTS_H

#include "lib/base/tensor.h"
#include "lib/threads/run_context.h"

#include <stdbool.h>
#include <stddef.h>

/* What number_lists_write needs room for; false when that does not fit into size_t. Of rank 1 at least. */
bool number_lists_bound(const struct shape *shape, enum dtype dtype, size_t *bytes);

/*
 * Writes the lists, no NUL, and returns the end; what is behind it, up to the bound, may be overwritten. A
 * large tensor is written by idle workers too: the text is the same for any number of them. `context` lends
 * workers and slot; NULL means this thread alone.
 */
char *number_lists_write(char *to, const struct tensor *tensor, const struct run_context *context);

#endif
