/*
 * What the compute endpoints share: time, limits, and the answer.
 */
#ifndef CONVD_API_ENDPOINTS_ANSWER_H
#define CONVD_API_ENDPOINTS_ANSWER_H

#include "api/decode/fields.h"
#include "api/json/tensor_write.h"

/* Milliseconds on the monotonic clock. */
double answer_clock_ms(void);

/* `format`, which wins over the form that input came in. */
bool answer_form(const struct fields *fields, enum tensor_form *form);

/* Holds an output of `elems` elements and `elem_bytes` bytes each, and the work, against the limits. */
bool answer_within_limits(const struct fields *fields, int64_t elems, size_t elem_bytes, int64_t operations,
                          const char *operation_name);

/* True, with nothing more to say to anyone, when the request was cancelled while it ran. */
bool answer_cancelled(const struct decode *decode);

/* {"output": …, "indices": …, "shape": …, "dtype": …}; `indices` may be NULL. False when it was refused. */
bool answer_tensors(struct decode *decode, const struct tensor *output, const struct tensor *indices,
                    enum tensor_form form);

/* Makes `text` the 200 answer; refuses with 503 when it failed. */
bool answer_text(struct decode *decode, const struct text *text);

/* Adds a header; name and value are static or in the arena. */
void answer_header(struct decode *decode, const char *name, const char *value);

#endif
