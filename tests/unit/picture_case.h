/*
 * Reading a picture in a test: a file made in memory, and what comes of it.
 */
#ifndef CONVD_TESTS_UNIT_PICTURE_CASE_H
#define CONVD_TESTS_UNIT_PICTURE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/forms/picture.h"
#include "tests/unit/fence.h"

#include <stdio.h>
#include <stdlib.h>

/* Of the pictures, unless a test says otherwise. */
enum { WIDTH = 13, HEIGHT = 11, FILE_BYTES = 1 << 19 };

struct file {
    unsigned char data[FILE_BYTES];
    size_t bytes;
};

struct reading {
    struct arena arena;
    struct picture picture;
    struct form_refusal refusal;
    unsigned char *planes; /* NULL: refused */
};

static inline void read_picture(struct reading *r, const void *data, size_t bytes, struct budget *budget) {
    int64_t plane_bytes;
    *r = (struct reading){.arena = {.budget = budget}};
    if (!picture_open(data, bytes, &r->arena, &r->picture, &r->refusal))
        return;
    assert_true(picture_plane_bytes(&r->picture, &plane_bytes));
    r->planes = arena_alloc(&r->arena, (size_t)plane_bytes);
    if (r->planes == NULL)
        r->refusal = (struct form_refusal){.problem = PROBLEM_OVERLOADED};
    else if (!picture_read(&r->picture, &r->arena, NULL, r->planes, &r->refusal))
        r->planes = NULL;
}

/* Sample [c, y, x] of a picture of HEIGHT and WIDTH. */
static inline unsigned decoded(const struct reading *r, int c, int y, int x) {
    size_t at = ((size_t)c * HEIGHT + (size_t)y) * WIDTH + (size_t)x;
    return r->picture.sample_bytes == 2 ? (unsigned)r->planes[at * 2] << 8 | r->planes[at * 2 + 1]
                                        : r->planes[at];
}

/* Memory is refused at ever later points: each reading ends, and nothing stays charged. */
static inline void survives_every_budget(const unsigned char *data, size_t bytes) {
    bool read = false;
    for (size_t limit = 64; !read; limit += limit / 64 + 64) {
        struct budget budget = {.limit_bytes = limit};
        struct reading r;
        read_picture(&r, data, bytes, &budget);
        read = r.planes != NULL;
        if (!read)
            assert_int_equal(r.refusal.problem, PROBLEM_OVERLOADED);
        arena_release(&r.arena);
        assert_int_equal(budget.used_bytes, 0);
        assert_true(limit < 1 << 24);
    }
}

/* Asked to end before it began. */
static inline void a_cancelled_reading_ends_for(const struct file *file) {
    atomic_bool cancelled = true;
    struct reading r = {0};
    unsigned char planes[HEIGHT * WIDTH * 4];
    assert_true(picture_open(file->data, file->bytes, &r.arena, &r.picture, &r.refusal));
    assert_false(picture_read(&r.picture, &r.arena, &cancelled, planes, &r.refusal));
    assert_int_equal(r.refusal.problem, PROBLEM_DRAINING);
    arena_release(&r.arena);
}

#endif
