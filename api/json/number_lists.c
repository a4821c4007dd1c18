/*
 * Concurrency
 *
 * A tensor is cut into pieces, which workers_range hands out in order. Where a piece's text belongs is
 * known when all before it are written: `done` counts those, and `end` is where the last of them ended; who
 * raises `done` (release) has set `end` before, and who sees it (acquire) may read `end`. Only the writer
 * of piece number `done` raises it, so `end` has one writer at a time.
 *
 * A piece that comes when all before it are done is written where it belongs: so is everything when one
 * thread is alone. Any other is written to memory of its own, which stays in that core's cache, and copied
 * when its place is known; the next piece does not wait for the copy. Waiting ends because the pieces
 * before this one were taken before it, by threads that wait for nothing but still earlier ones.
 */
#include "api/json/number_lists.h"

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"
#include "lib/numbers/decimal.h"

#include <assert.h>
#include <math.h>
#include <sched.h>
#include <string.h>

/* As much of a stack as a piece's text takes at most: some 2,000 numbers, which take 7 microseconds and
 * more. */
enum { PIECE_BYTES = 48 * 1024 };

struct lists {
    const struct tensor *tensor;
    const struct write_kernels *kernels;
    int64_t elems, row; /* row: of numbers in the innermost lists */
    int64_t piece_elems;
    _Atomic int64_t done;
    char *end;
};

static size_t number_bytes(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_FLOAT32: return WRITE_F32_BYTES;
    case DTYPE_FLOAT64: return WRITE_F64_BYTES;
    case DTYPE_INT64: return WRITE_I64_BYTES;
    }
    return 0;
}

/* Brackets and commas: each list has two brackets and, at most, a comma. */
static bool punctuation(const struct shape *shape, int64_t *bytes) {
    int64_t lists = 1, total = 0;
    for (int i = 0; i < shape->rank; i++) {
        if (!checked_add(total, lists, &total) || !checked_mul(lists, shape->dim[i], &lists))
            return false;
        if (lists == 0)
            break;
    }
    return checked_mul(total, 3, bytes);
}

bool number_lists_bound(const struct shape *shape, enum dtype dtype, size_t *bytes) {
    int64_t elems, around;
    size_t numbers;
    return shape_elems(shape, &elems) && punctuation(shape, &around) &&
           checked_bytes(elems, number_bytes(dtype), &numbers) &&
           !__builtin_add_overflow(numbers, (size_t)around, &numbers) &&
           !__builtin_add_overflow(numbers, WRITE_SPARE_BYTES, bytes);
}

/* ---- a block of numbers ---- */

static uint64_t convert(const struct lists *lists, struct write_block *block, int64_t first, int count) {
    const void *data = lists->tensor->data;
    switch (lists->tensor->dtype) {
    case DTYPE_FLOAT32: return lists->kernels->convert_f32(block, (const float *)data + first, count);
    case DTYPE_FLOAT64: return lists->kernels->convert_f64(block, (const double *)data + first, count);
    case DTYPE_INT64: return lists->kernels->convert_i64(block, (const int64_t *)data + first, count);
    }
    return 0;
}

static write_put *put_of(const struct lists *lists) {
    switch (lists->tensor->dtype) {
    case DTYPE_FLOAT32: return lists->kernels->put_f32;
    case DTYPE_FLOAT64: return lists->kernels->put_f64;
    case DTYPE_INT64: return lists->kernels->put_i64;
    }
    return NULL;
}

static char *write_word(char *to, double value) {
    const char *word = isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    size_t length = strlen(word);
    memcpy(to, word, length);
    return to + length;
}

/* What the kernels leave out, with a comma in front as they write it. */
static char *write_left_out(const struct lists *lists, char *to, int64_t element) {
    const void *data = lists->tensor->data;
    *to++ = ',';
    switch (lists->tensor->dtype) {
    case DTYPE_FLOAT32: return write_word(to, (double)((const float *)data)[element]);
    case DTYPE_FLOAT64: return write_word(to, ((const double *)data)[element]);
    case DTYPE_INT64: return decimal_write_i64(to, ((const int64_t *)data)[element]);
    }
    return to;
}

/* Numbers i … end - 1 of the block, whose number 0 is element `first`. */
static char *write_part(const struct lists *lists, char *to, const struct write_block *block,
                        uint64_t left_out, int64_t first, int i, int end) {
    write_put *put = put_of(lists);
    while (i < end) {
        uint64_t rest = left_out >> i;
        if (rest & 1) {
            to = write_left_out(lists, to, first + i);
            i++;
            continue;
        }
        int stop = rest == 0 ? end : (int)min_i64(end, i + __builtin_ctzll(rest));
        to = put(to, block, i, stop);
        i = stop;
    }
    return to;
}

/* ---- lists ---- */

/* How many lists begin with `element`, the first of its row. */
static int lists_begun(const struct lists *lists, int64_t element) {
    const struct shape *shape = &lists->tensor->shape;
    int begun = 1;
    int64_t index = element / lists->row;
    for (int i = shape->rank - 2; i >= 0 && index % shape->dim[i] == 0; i--) {
        index /= shape->dim[i];
        begun++;
    }
    return begun;
}

static char *put_brackets(char *to, char bracket, int count) {
    for (int i = 0; i < count; i++)
        to[i] = bracket;
    return to + count;
}

/*
 * Ends the row before `element` and begins its own, but for one bracket: it takes the place of the comma
 * that every number has in front.
 */
static char *begin_row(const struct lists *lists, char *to, int64_t element) {
    int begun = lists_begun(lists, element);
    if (element > 0) {
        to = put_brackets(to, ']', begun);
        *to++ = ',';
    }
    return put_brackets(to, '[', begun - 1);
}

/* Elements first … end - 1 with all that stands in front of each. */
static char *write_span(const struct lists *lists, char *to, int64_t first, int64_t end) {
    struct write_block block;
    int64_t column = first % lists->row;
    while (first < end) {
        int count = (int)min_i64(WRITE_BLOCK, end - first), stop;
        uint64_t left_out = convert(lists, &block, first, count);
        for (int i = 0; i < count; i = stop) {
            stop = (int)min_i64(count, i + lists->row - column);
            if (column == 0)
                to = begin_row(lists, to, first + i);
            char *bracket = to;
            to = write_part(lists, to, &block, left_out, first, i, stop);
            if (column == 0)
                *bracket = '[';
            column += stop - i;
            if (column == lists->row)
                column = 0;
        }
        first += count;
    }
    return to;
}

static char *write_empty(char *to, const struct shape *shape, int level) {
    *to++ = '[';
    for (int64_t i = 0; i < shape->dim[level]; i++) {
        if (i > 0)
            *to++ = ',';
        to = write_empty(to, shape, level + 1);
    }
    *to++ = ']';
    return to;
}

/* ---- pieces ---- */

/* As many elements as surely take no more than PIECE_BYTES; rows that begin in a piece bring brackets. */
static int64_t piece_elems(const struct lists *lists) {
    int64_t brackets = 2 * lists->tensor->shape.rank;
    int64_t each = (int64_t)number_bytes(lists->tensor->dtype) + div_ceil_i64(brackets, lists->row);
    return (PIECE_BYTES - WRITE_SPARE_BYTES - brackets) / each;
}

static bool place_known(const struct lists *lists, int64_t piece) {
    return atomic_load_explicit(&lists->done, memory_order_acquire) == piece;
}

/* The others are at most a piece's time away, unless they were put to sleep. */
static void wait_for_place(const struct lists *lists, int64_t piece) {
    for (int turns = 0; !place_known(lists, piece); turns++) {
        if (turns > 1000)
            sched_yield();
    }
}

static void place(struct lists *lists, int64_t piece, char *end) {
    lists->end = end;
    atomic_store_explicit(&lists->done, piece + 1, memory_order_release);
}

static __attribute__((noinline)) void write_aside(struct lists *lists, int64_t piece, int64_t first,
                                                  int64_t end) {
    char text[PIECE_BYTES];
    size_t bytes = (size_t)(write_span(lists, text, first, end) - text);
    wait_for_place(lists, piece);
    char *to = lists->end;
    place(lists, piece, to + bytes);
    memcpy(to, text, bytes);
}

static void write_piece(void *argument, int64_t piece, int slot) {
    struct lists *lists = argument;
    int64_t first = piece * lists->piece_elems, end = min_i64(lists->elems, first + lists->piece_elems);
    (void)slot;
    if (place_known(lists, piece))
        place(lists, piece, write_span(lists, lists->end, first, end));
    else
        write_aside(lists, piece, first, end);
}

char *number_lists_write(char *to, const struct tensor *tensor, const struct run_context *context) {
    const struct shape *shape = &tensor->shape;
    assert(shape->rank > 0);
    struct lists lists = {
        .tensor = tensor, .kernels = kernels_get()->write, .row = shape->dim[shape->rank - 1], .end = to};
    if (!shape_elems(shape, &lists.elems) || lists.elems == 0)
        return write_empty(to, shape, 0);
    lists.piece_elems = piece_elems(&lists);
    workers_range(context == NULL ? NULL : context->workers, context == NULL ? 0 : context->slot,
                  div_ceil_i64(lists.elems, lists.piece_elems), write_piece, &lists);
    return put_brackets(lists.end, ']', shape->rank);
}
