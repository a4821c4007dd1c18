/*
 * The fields of one JSON object, read by name and type. A value of the wrong type is refused with a pointer
 * at it and a sentence that says what the field takes. An absent field leaves its variable as it was.
 */
#ifndef CONVD_API_DECODE_FIELDS_H
#define CONVD_API_DECODE_FIELDS_H

#include "api/decode/decode.h"
#include "lib/layers/layer.h"

struct fields {
    struct decode *decode;
    const json_t *object;
    const char *pointer; /* of the object: "" for the document, "/layers/3" */
    const char
        *pooling; /* "max_pool2d" when a pooling is read: its sentences on lists are not a convolution's */
};

/* Refuses any key that is not in `known` (NULL-terminated), naming the nearest; `what` says whose fields they
 * are
 * ("a conv2d layer"). */
bool fields_known(const struct fields *fields, const char *const *known, const char *what);

/* The value, or NULL when absent. */
const json_t *fields_get(const struct fields *fields, const char *name);

bool fields_has(const struct fields *fields, const char *name);

/* Refuses the field: `place` is its name, or a place in it ("stride/1"); the pointer goes as deep as the
 * document does, so that a pair written as one number is pointed at as a whole. */
bool fields_refuse(const struct fields *fields, enum problem problem, const char *place, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* What lib says of a fault, "stride[0] is 0; …", in the words of the request: "stride is 0; …" where one number stands for
 * all axes. */
const char *fields_fault_detail(const struct fields *fields, const struct fault *fault);

/* Refuses what lib refused. */
bool fields_refuse_fault(const struct fields *fields, const struct fault *fault);

/* Refuses a value of another type than the field takes, saying what came. */
bool fields_wrong_type(const struct fields *fields, const char *place, const char *takes, const json_t *got);

/* Refuses the document for lacking `name`. */
bool fields_missing(const struct fields *fields, const char *name, const char *what);

/* An integer, or a number without a fraction (2.0: JSON does not tell it from 2). */
bool fields_int(const struct fields *fields, const char *name, int64_t *value);

/* A finite number. */
bool fields_number(const struct fields *fields, const char *name, double *value);

bool fields_bool(const struct fields *fields, const char *name, bool *value);

/* One integer for all axes, or a list of `axes` of them, or of one; with `keep` not 0, null in a place stands
 * for it. */
bool fields_axes(const struct fields *fields, const char *name, int axes, int64_t keep, int64_t *values);

/* A list of at most SHAPE_MAX_RANK sizes. */
bool fields_shape(const struct fields *fields, const char *name, struct shape *shape);

/* One of `choices` (NULL-terminated); `*index` is which. */
bool fields_choice(const struct fields *fields, const char *name, const char *const *choices, int *index);

/* As a convolution's or a pooling's `padding`: numbers, sides or a word. */
bool fields_padding(const struct fields *fields, const char *name, int axes, struct padding *padding);

/* "float32" or "float64"; `*given` (may be NULL) says whether it was there. */
bool fields_dtype(const struct fields *fields, const char *name, enum dtype *dtype, bool *given);

/* `device`: "cpu" or nothing. */
bool fields_device(const struct fields *fields);

#endif
