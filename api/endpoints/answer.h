/*
 * What the compute endpoints share: time, limits, and the answer.
 */
#ifndef CONVD_API_ENDPOINTS_ANSWER_H
#define CONVD_API_ENDPOINTS_ANSWER_H

#include "api/decode/fields.h"
#include "api/forms/packing.h"
#include "api/forms/picture_write.h"
#include "api/json/tensor_write.h"

/* Milliseconds on the monotonic clock. */
double answer_clock_ms(void);

/* Marks a compute response, which says its times; a refusal has spent its time since `start_ms` on decoding. */
void answer_timed(struct decode *decode, double start_ms);

/* A compute answer on its way: what it is written in, and the tensors that are computed into it. */
struct answer {
    enum media media;
    enum tensor_form form;      /* when it is JSON */
    struct picture_range range; /* when it is a picture */
    struct tensor output;
    struct tensor indices; /* without data: there are none */
    struct packing packing;
    unsigned char *body; /* of a file: the tensors lie in it */
};

/*
 * Chooses what the answer is written in, from Accept and from the parameters that speak of it, `format` and `range`.
 * `form` is what JSON is written in unless `format` says another; `indices`: there will be some.
 */
bool answer_choose(const struct fields *fields, enum tensor_form form, bool indices, struct answer *answer);

/* Refuses an output of that shape when the answer is a picture that cannot hold it. */
bool answer_fits(const struct fields *fields, const struct answer *answer, const struct shape *shape);

/* Memory for an output of that dtype and shape, and for indices of the same shape if there are any. */
bool answer_open(struct decode *decode, enum dtype dtype, const struct shape *shape, bool indices,
                 struct answer *answer);

/*
 * What one step of work costs, in multiply-accumulates of the GEMM path, which does some 60 a nanosecond: a
 * cell that a pooling reads takes 0.2 to 1 ns, one that a maximum looks at alone 4 ns, a
 * step of the reference algorithm about 1 ns. With these weights --max-macs means about the same time for each.
 */
enum { WEIGHT_MAC = 1, WEIGHT_POOLED_CELL = 16, WEIGHT_LONE_CELL = 256, WEIGHT_REFERENCE_MAC = 64 };

/* What a layer takes: `steps` steps, which are `name` ("multiply-accumulates"), each of which counts as `weight`, and
 * `beside_name` ("its copies, transforms and empty lanes"), which count as `beside`. */
struct answer_work {
    int64_t steps;
    int weight;
    const char *name;
    int64_t beside;
    const char *beside_name;
};

/* Holds an output of `elems` elements and `elem_bytes` bytes each, and the work, against the limits. */
bool answer_within_limits(const struct fields *fields, int64_t elems, size_t elem_bytes,
                          const struct answer_work *work);

/* True, with nothing more to say to anyone, when the request was cancelled while it ran. */
bool answer_cancelled(const struct decode *decode);

/* When decoding and computing began, on answer_clock_ms. */
struct answer_starts {
    double decode_ms, compute_ms;
};

/* The end of a computation: answers with its tensors and its times, or refuses when it was cancelled. */
bool answer_computed(struct decode *decode, const struct answer_starts *starts, struct answer *answer);

/* Makes `text` the 200 answer; refuses with 503 when it failed. */
bool answer_text(struct decode *decode, const struct text *text);

/* Adds a header; name and value are static or in the arena. */
void answer_header(struct decode *decode, const char *name, const char *value);

#endif
