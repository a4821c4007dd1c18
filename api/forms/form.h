/*
 * Reading a body that is not JSON: the tensors that a reader (npy, npz, safetensors, a multipart form) finds in it.
 *
 * A reader opens: it proves the file's structure and tells each tensor's dtype, shape and place, and converts
 * nothing, so that a layer is validated and priced before a number is looked at. Every function here and in the
 * readers that can refuse returns false when it did; `refusal` says why.
 */
#ifndef CONVD_API_FORMS_FORM_H
#define CONVD_API_FORMS_FORM_H

#include "api/forms/stored.h"
#include "api/problem.h"
#include "lib/base/arena.h"

/* As many tensors as any endpoint knows by name. */
enum { FORM_MAX_TENSORS = 4 };

struct form_refusal {
    enum problem problem;
    const char *pointer; /* a JSON Pointer as if the tensors stood in a document, or NULL */
    char detail[400];
};

struct form {
    /* what the reader is given; borrowed */
    struct arena *arena;          /* for what is not in the body */
    const char *const *names;     /* the tensors that the endpoint knows, NULL-terminated */
    int64_t max_unpacked_bytes;   /* what an archive's members, or a form's pictures, may weigh unpacked */
    int64_t max_header_bytes;     /* of a safetensors' JSON */
    const atomic_bool *cancelled; /* becomes true when nobody waits any more; may be NULL */
    /* what it finds */
    struct stored_tensor tensor[FORM_MAX_TENSORS];
    int count;
    int64_t picture_bytes; /* what its pictures weigh, unpacked */
    const char *unknown;   /* the first name that is not in `names`, or NULL: refused by the caller */
    struct form_refusal refusal;
};

/* Fills a refusal that points at nothing; returns false. */
bool form_refusal_set(struct form_refusal *refusal, enum problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The JSON Pointer of a name, as if it stood in a document; NULL for none, and for one of more than 256 bytes. */
const char *form_pointer(struct arena *arena, const char *name);

/* Refuses; `name` is the tensor that the refusal points at, or NULL. Returns false. */
bool form_refuse(struct form *form, enum problem problem, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether nobody waits any more: then it has refused. */
bool form_cancelled(struct form *form);

/* Memory for `what` ("the tensor 'input'") from the arena; NULL when it refused, with 413 or 503. */
void *form_alloc(struct form *form, size_t bytes, const char *what);

/*
 * A place for the tensor whose name is the `length` bytes at `name`, zeroed but for its name. *tensor is NULL when
 * the endpoint knows no such tensor: it is noted in `unknown`, and what the file says of it is skipped. Refuses a
 * name that was there before.
 */
bool form_add(struct form *form, const char *name, size_t length, struct stored_tensor **tensor);

/* The tensor of that name, or NULL. */
struct stored_tensor *form_find(struct form *form, const char *name);

#endif
