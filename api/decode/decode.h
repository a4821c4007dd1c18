/*
 * Reading one request: what it came as, where memory comes from, and the first refusal.
 *
 * Every function here and in fields.h that can refuse returns false when it did; the response is filled then
 * and the caller only has to get out.
 */
#ifndef CONVD_API_DECODE_DECODE_H
#define CONVD_API_DECODE_DECODE_H

#include "api/api.h"
#include "api/forms/form.h"
#include "api/json/document.h"
#include "api/media.h"
#include "api/problem.h"

/* A tensor that is JSON in a part of a form. */
struct decode_part;

struct decode {
    const struct api_context *context;
    const struct api_request *request;
    struct api_response *response;
    struct arena *arena;
    int slot;
    enum media media;  /* what the body is */
    unsigned answers;  /* what the endpoint can answer in: a set of media */
    enum media answer; /* what of that Accept asks for */
    bool from_query;
    struct document
        document;     /* from a JSON body, or made of parameters; a tensor of `form` is `true` in it */
    struct form form; /* the tensors of a body that is not JSON */
    struct decode_part *parts; /* those that are JSON in parts of a form */
};

/* Refuses: fills the response and returns false. `pointer` is absolute ("/stride/1") or NULL. */
bool decode_refuse(struct decode *decode, enum problem problem, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* `text` as an error shows it: at most 80 bytes, whole characters. In the arena. */
const char *decode_shown(struct decode *decode, const char *text);

/* Refuses for memory that the arena refused: with 503, or as decode_no_memory_for does. (So does decode_refuse for PROBLEM_OVERLOADED.) */
bool decode_no_memory(struct decode *decode);

/* The same for `what` ("the output"): with 413 when the server's memory for requests could never hold what was refused
 * beside what this request holds, so that it need not come again. */
bool decode_no_memory_for(struct decode *decode, const char *what);

/* Memory for `what` from the request's arena; NULL when it refused, as decode_no_memory_for does. */
void *decode_alloc(struct decode *decode, size_t bytes, const char *what);

/* Refuses the body as no JSON when that has not been looked at yet and is so (see document_prove). */
bool decode_prove(struct decode *decode);

/* Reads the body as JSON into decode->document, tensors cut out. */
bool decode_body(struct decode *decode, const char *const *tensor_fields);

/*
 * Reads the body as what decode->media says: JSON as decode_body does, any other form into decode->form, with its
 * parameters in decode->document. `tensor_fields` are the tensors that the endpoint knows, NULL-terminated and static.
 */
bool decode_request(struct decode *decode, const char *const *tensor_fields);

/* Reads a multipart/form-data body: its tensors into decode->form and decode->parts, the rest into decode->document. */
bool decode_parts(struct decode *decode);

/* Where the JSON tensor `name` of a form is to be read from, or NULL when there is none. */
struct decode *decode_of_part(const struct decode *decode, const char *name);

/* Puts a tensor's `value` (borrowed) among the fields. */
bool decode_add_tensor(struct decode *decode, const char *name, json_t *value);

/* Frees what is not in the arena. */
void decode_close(struct decode *decode);

/* Refuses what a reader of api/forms refused. */
bool decode_refuse_form(struct decode *decode);

/* Reads the query into decode->document, as if its parameters stood in a JSON document. */
bool decode_query(struct decode *decode);

/*
 * The same from another source: begin, then each parameter, then end. `value` is text as a query has it behind its
 * percent-decoding ("2,1", "same", "null,5") and is cut up; both are UTF-8.
 */
bool decode_parameters_begin(struct decode *decode);
bool decode_parameter(struct decode *decode, const char *name, char *value);
bool decode_parameters_end(struct decode *decode);

/* "/name" or "/name/2" (`place` below 0: no list), with ~ and / escaped; NULL where there is no memory. */
const char *decode_parameter_pointer(struct decode *decode, const char *name, int place);

#endif
