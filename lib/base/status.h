/*
 * What can go wrong in lib, and how it is told.
 *
 * A function that can fail returns an `enum status` and, when it was given a `struct fault`, fills it
 * with the place and a sentence. lib knows nothing of HTTP: api maps each status to a problem type.
 */
#ifndef CONVD_LIB_BASE_STATUS_H
#define CONVD_LIB_BASE_STATUS_H

/* X(NAME, text): the one list of statuses; the enum, the names and the texts come from it. */
#define STATUS_MAP(X)                                                                                        \
    X(OK, "ok")                                                                                              \
    X(INVALID_VALUE, "a parameter has a value that is refused")                                              \
    X(SHAPE_MISMATCH, "tensor shapes do not fit")                                                            \
    X(TOO_LARGE, "a size passes a limit")                                                                    \
    X(UNSUPPORTED, "the algorithm asked for cannot do this layer")                                           \
    X(NO_MEMORY, "memory could not be allocated")                                                            \
    X(CANCELLED, "the work was cancelled")

enum status {
#define STATUS_ENUM(name, text) STATUS_##name,
    STATUS_MAP(STATUS_ENUM)
#undef STATUS_ENUM
};

/*
 * One refusal. `place` is a path from the layer's or the request's own root, without a leading slash:
 * "stride/1", "padding/0/1", "input"; empty when nothing can be pointed at. Axes are counted from the
 * outermost (height is 0 and width is 1 in two dimensions), whether the user wrote a pair or one number:
 * the caller who knows the text shortens the path to what is there.
 */
struct fault {
    enum status status;
    char place[64];
    char detail[640];
};

/* "INVALID_VALUE" and the like; never NULL. */
const char *status_name(enum status status);

/* The one-line text of a status; never NULL. */
const char *status_text(enum status status);

/*
 * Fills `fault` (borrowed, may be NULL) and returns `status`, so that a refusal is one line:
 *     return fault_set(fault, STATUS_INVALID_VALUE, "stride/1", "stride[1] is %lld; ...", s);
 * Text that is too long is cut.
 */
enum status fault_set(struct fault *fault, enum status status, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
