/*
 * Problem types: everything a request can be refused for (RFC 9457).
 */
#ifndef CONVD_API_PROBLEM_H
#define CONVD_API_PROBLEM_H

#include "api/api.h"
#include "lib/base/status.h"

/*
 * X(NAME, name, HTTP status, title, what it means, how to mend it): the one list. `type` on the wire is
 * "/problems/<name>", and GET of that path answers with these texts.
 */
#define PROBLEM_MAP(X)                                                                                                 \
    X(MALFORMED_JSON, "malformed-json", 400, "The body is not valid JSON",                                             \
      "The body breaks the JSON grammar (RFC 8259) at the line and column that the detail names.",                     \
      "Check the body with a JSON parser; NaN and Infinity are allowed only inside tensors.")                          \
    X(MALFORMED_UTF8, "malformed-utf8", 400, "The body is not valid UTF-8",                                            \
      "JSON text is UTF-8 without a byte order mark.", "Send the text as UTF-8, without a byte order mark.")           \
    X(REPEATED_KEY, "repeated-key", 400, "A key is given twice",                                                       \
      "A JSON object, a query or a file names the same key more than once, so that it is not clear which one counts.", \
      "Give each key once.")                                                                                           \
    X(NESTING_TOO_DEEP, "nesting-too-deep", 400, "The JSON is nested too deeply",                                      \
      "Arrays and objects may be nested 32 levels deep.", "Flatten the document.")                                     \
    X(MALFORMED_BODY, "malformed-body", 400, "The body is not a well-formed file",                                     \
      "The body breaks the rules of the form that its Content-Type names, or a file in it breaks its own.",            \
      "Have a library (numpy, safetensors, libpng, curl -F) write it, and send all of its bytes unchanged.")           \
    X(MALFORMED_REQUEST, "malformed-request", 400, "The HTTP request is malformed",                                    \
      "The request's framing, headers or query break the rules of HTTP.", "Mend what the detail names.")               \
    X(UNAUTHORIZED, "unauthorized", 401, "An API key is needed",                                                       \
      "This server asks for an API key and the request's is missing or wrong.",                                        \
      "Send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.")                                              \
    X(NOT_FOUND, "not-found", 404, "There is nothing at this path", "The path is none of this server's.",              \
      "GET / lists the endpoints.")                                                                                    \
    X(METHOD_NOT_ALLOWED, "method-not-allowed", 405, "The path does not take this method",                             \
      "The path exists but not for this method.", "Use one of the methods in the Allow header.")                       \
    X(NOT_ACCEPTABLE, "not-acceptable", 406, "No such response form",                                                  \
      "The Accept header names only media types that this endpoint cannot answer in.",                                 \
      "Leave Accept out, or name application/json or another form that the detail names.")                             \
    X(REQUEST_TIMEOUT, "request-timeout", 408, "The body did not arrive in time",                                      \
      "The request's body was not complete within the server's body timeout (--body-timeout).",                        \
      "Send again over a faster connection, or send less.")                                                            \
    X(LIMIT_EXCEEDED, "limit-exceeded", 413, "A limit of this server is exceeded",                                     \
      "The body, a tensor, the output, the scratch memory or the work passes a limit; the detail gives both numbers.", \
      "Send less, split the batch, or have the operator raise the limit (GET /version shows all of them).")            \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, "The body's form is not supported",                       \
      "The Content-Type or Content-Encoding is not one that this endpoint reads.",                                     \
      "Send JSON with 'Content-Type: application/json', or a form that the detail names; no Content-Encoding.")        \
    X(NOT_AN_OBJECT, "not-an-object", 422, "The document is not a JSON object",                                        \
      "The top level of every request is a JSON object.", "Put the fields into {…}.")                                  \
    X(UNKNOWN_FIELD, "unknown-field", 422, "There is no such field",                                                   \
      "The request has a field that this endpoint, mode or layer does not know.",                                      \
      "Check the spelling against the fields that the detail names.")                                                  \
    X(MISSING_FIELD, "missing-field", 422, "A required field is missing",                                              \
      "The request lacks a field that has no default.", "Add the field at the pointer.")                               \
    X(WRONG_TYPE, "wrong-type", 422, "A field has the wrong type",                                                     \
      "A field's JSON type is not one that it takes.", "Give the value in the form that the detail names.")            \
    X(INVALID_VALUE, "invalid-value", 422, "A parameter has a value that is refused",                                  \
      "A parameter has the right type and a value that the operation does not allow.",                                 \
      "Choose a value within the rule that the detail names.")                                                         \
    X(NUMBER_OUT_OF_RANGE, "number-out-of-range", 422, "A number does not fit",                                        \
      "A number is beyond the range of its type; it is never turned into infinity or wrapped.",                        \
      "Give a number that fits; for tensors, dtype float64 reaches further.")                                          \
    X(INVALID_TENSOR, "invalid-tensor", 422, "A tensor is not well formed",                                            \
      "A tensor is ragged, holds something other than numbers, or its shape and data disagree.",                       \
      "Send nested arrays of equal lengths, {\"shape\", \"data\"} or {\"shape\", \"dtype\", \"base64\"}.")             \
    X(UNSUPPORTED_TENSOR, "unsupported-tensor", 422, "A tensor is stored in a way that is not read",                   \
      "A file holds a tensor in a dtype, version or compression that this server does not read.",                      \
      "Store it as float16, bfloat16, float32, float64, an integer or bool, a picture as PNG or RGB JPEG.")            \
    X(SHAPE_MISMATCH, "shape-mismatch", 422, "Tensor shapes do not fit",                                               \
      "The input, the weight, the bias and the parameters do not fit together.",                                       \
      "Compare the shapes in the detail; POST /shape computes sizes without data.")                                    \
    X(UNSUPPORTED_ALGORITHM, "unsupported-algorithm", 422, "The algorithm cannot do this layer",                       \
      "The algorithm that was asked for does not exist here or cannot compute this layer.",                            \
      "Leave algorithm out, or ask for \"auto\".")                                                                     \
    X(HEADERS_TOO_LARGE, "headers-too-large", 431, "The request's headers are too large",                              \
      "The headers together pass what the server keeps for them.", "Send fewer or shorter headers.")                   \
    X(INTERNAL_ERROR, "internal-error", 500, "The server failed",                                                      \
      "Something went wrong that the request is not to blame for.", "Report it with the request id.")                  \
    X(NOT_IMPLEMENTED, "not-implemented", 501, "The transfer coding is not supported",                                 \
      "The request uses a transfer coding other than chunked.", "Send a Content-Length, or chunked.")                  \
    X(OVERLOADED, "overloaded", 503, "The server is overloaded",                                                       \
      "The queue or the memory for requests is full.", "Send again after the seconds in Retry-After.")                 \
    X(DRAINING, "draining", 503, "The server is shutting down",                                                        \
      "The server finishes what it has and takes nothing new.", "Send again, to another instance.")

enum problem {
#define PROBLEM_ENUM(NAME, name, http, title, meaning, mend) PROBLEM_##NAME,
    PROBLEM_MAP(PROBLEM_ENUM)
#undef PROBLEM_ENUM
        PROBLEMS /* how many there are */
};

struct problem_words {
    const char *name, *title, *meaning, *mend;
    int http_status;
};

const struct problem_words *problem_words(enum problem problem);
const char *problem_name(enum problem problem);
int problem_http_status(enum problem problem);

/* The problem of that name; false when there is none. */
bool problem_find(const char *name, enum problem *problem);

/* The problem type that a status of lib stands for. */
enum problem problem_from_status(enum status status);

/*
 * Fills `response` with a problem+json body. `pointer` is a JSON Pointer or NULL. When not even the text can be
 * allocated the answer is a static one: 503, overloaded.
 */
void problem_respond(struct arena *arena, const struct api_request *request, enum problem problem,
                     const char *pointer, const char *detail, struct api_response *response);

/* GET /problems/{name}: fills `response` with the texts of the list, as JSON, or 404. */
void problem_describe(struct arena *arena, const struct api_request *request, const char *name,
                      struct api_response *response);

#endif
