#include "api/forms/form.h"

#include "api/json/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} dtypes[STORED_DTYPES] = {
#define STORED_ROW(NAME, name, bytes, safetensors) [STORED_##NAME] = {name, bytes},
    STORED_MAP(STORED_ROW)
#undef STORED_ROW
};

const char *stored_dtype_name(enum stored_dtype dtype) {
    return dtypes[dtype].name;
}

size_t stored_dtype_bytes(enum stored_dtype dtype) {
    return dtypes[dtype].bytes;
}

const char *form_pointer(struct arena *arena, const char *name) {
    enum { MOST_BYTES = 256 };
    if (name == NULL || strlen(name) > MOST_BYTES)
        return NULL;
    struct text text = text_open(arena, 64);
    text_pointer_step(&text, name);
    text_add(&text, "", 1);
    return text.failed ? NULL : text.data;
}

bool form_refusal_set(struct form_refusal *refusal, enum problem problem, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    refusal->problem = problem;
    refusal->pointer = NULL;
    return false;
}

bool form_refuse(struct form *form, enum problem problem, const char *name, const char *format, ...) {
    struct form_refusal *refusal = &form->refusal;
    va_list args;
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    refusal->problem = problem;
    refusal->pointer = form_pointer(form->arena, name);
    return false;
}

bool form_cancelled(struct form *form) {
    bool cancelled = form->cancelled != NULL && atomic_load(form->cancelled);
    if (cancelled)
        form_refuse(form, PROBLEM_DRAINING, NULL, "the request was cancelled");
    return cancelled;
}

void *form_alloc(struct form *form, size_t bytes, const char *what) {
    const struct budget *budget = form->arena->budget;
    void *memory = arena_alloc(form->arena, bytes);
    if (memory != NULL)
        return memory;
    if (budget != NULL && budget->limit_bytes != 0 && bytes > budget->limit_bytes)
        form_refuse(form, PROBLEM_LIMIT_EXCEEDED, NULL,
                    "%s would take %zu bytes; all requests together may hold %zu (--memory-budget)", what,
                    bytes, budget->limit_bytes);
    else
        form_refuse(form, PROBLEM_OVERLOADED, NULL, "memory for this request is not to be had now");
    return NULL;
}

struct stored_tensor *form_find(struct form *form, const char *name) {
    for (int i = 0; i < form->count; i++) {
        if (strcmp(form->tensor[i].name, name) == 0)
            return &form->tensor[i];
    }
    return NULL;
}

/* The endpoint's own text for those bytes, or NULL. */
static const char *known_name(const struct form *form, const char *name, size_t length) {
    for (const char *const *known = form->names; *known != NULL; known++) {
        if (strlen(*known) == length && memcmp(*known, name, length) == 0)
            return *known;
    }
    return NULL;
}

bool form_add(struct form *form, const char *name, size_t length, struct stored_tensor **tensor) {
    const char *known = known_name(form, name, length);
    *tensor = NULL;
    if (known == NULL) {
        if (form->unknown == NULL)
            form->unknown = arena_strndup(form->arena, name, length);
        return form->unknown != NULL ||
               form_refuse(form, PROBLEM_OVERLOADED, NULL, "memory for this request is not to be had now");
    }
    if (form_find(form, known) != NULL)
        return form_refuse(form, PROBLEM_REPEATED_KEY, known, "the body holds the tensor '%s' twice", known);
    assert(form->count < FORM_MAX_TENSORS);
    *tensor = &form->tensor[form->count++];
    **tensor = (struct stored_tensor){.name = known};
    return true;
}
