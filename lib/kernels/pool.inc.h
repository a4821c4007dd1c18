/*
 * The pooling kernels of one level and one type; the contract is in lib/kernels/pool_kernels.h. The including file has
 * included lib/kernels/vectors.inc.h for the type, and defines
 *
 *   NAME(place), NAME(places)               a signed integer as wide as REAL, and a GNU vector of as many as vec has
 *   NAME(load_inside)(row, at, n, fill)     lane l is row[at + l] where 0 <= at + l < n, else fill; reads nothing else
 *   NAME(even)(a, b), NAME(odd)(a, b)       every second element of a and b, from the first or the second on
 *   NAME(third)(a, b, c, p)                 every third element of a, b and c from the p-th on; p is a constant
 *   NAME(better)(cell, best)                PyTorch's rule: cell where it is larger or NaN, else best
 *   NAME(better_place)(cell, best, place, places)   the same in both of a pair (*best, *places)
 *   NAME(store_places)(p, n, places)        widens the first n to int64_t
 *   NAME(sums)                              struct of vectors of double, as many lanes as vec in all
 *   NAME(add_to)(sums, vec)                 sums + vec
 *   NAME(add_sums)(a, b), NAME(total)(sums) a + b, and the lanes' sum; for float alone
 *   NAME(mean_of)(sums, factor)             sums * factor[0 .. lanes) of float, sums / factor[0 .. lanes) of double
 *   SHARE_SUMS                              whether a sum may be taken row by row
 */

#define INLINE static inline __attribute__((always_inline))

#ifndef POOL_BLOCK
#define POOL_BLOCK
enum {
    BLOCK = 128,  /* outputs of a row that are computed before the next row: what is kept for them stays in cache */
    SLOTS = 16    /* rows of parts; a power of two */
};
#endif

/* A block of columns of outputs; what is kept of row r lies in slot r % SLOTS. */
struct NAME(strip) {
    const struct pool_shape *shape;
    const REAL *plane;
    int64_t column, cols; /* the block's first output, and how many */
    bool shared;          /* the windows' parts are kept */
    int64_t next;         /* below it, rows have their parts */
};

struct NAME(max_parts) {
    REAL best[SLOTS][BLOCK];
    NAME(place) place[SLOTS][BLOCK]; /* only with indices */
};

struct NAME(sum_parts) {
    double sum[SLOTS][BLOCK];
    double factor[BLOCK]; /* of the averages in this row: divisors, or their inverses */
    double divisor_down;  /* that they were made for; 0: none yet */
};

/* The taps of window `at` that lie inside: the first cell, and how many. */
INLINE int64_t NAME(taps_inside)(const struct pool_axis *axis, int64_t at, int64_t *count) {
    int64_t start = axis->first + at * axis->stride, skipped = 0, taps = axis->taps;
    if (start < 0)
        skipped = axis->step == 1 ? -start : div_ceil_i64(-start, axis->step);
    if (start + (taps - 1) * axis->step >= axis->cells)
        taps = div_ceil_i64(axis->cells - start, axis->step);
    *count = taps - skipped;
    return start + skipped * axis->step;
}

/* How the windows of a row are read; constants where it is inlined, except in the last of all cases. */
struct NAME(reach) {
    int64_t taps, step, stride, cells;
};

/* Where taps are neighbours, as many as the stride find their cells in the same vectors. */
INLINE int64_t NAME(group)(const struct NAME(reach) g) {
    return g.step == 1 ? g.stride : 1;
}

/* The first cell behind what NAME(taps) reads for one vector, from the first tap of the first window on. */
INLINE int64_t NAME(span)(const struct NAME(reach) g) {
    int64_t last = (g.taps - 1) / NAME(group)(g) * NAME(group)(g);
    return last * g.step + g.stride * NAME(LANES);
}

/*
 * The cells under a group of taps, of as many windows as there are lanes: cell[p] has row[at + l * stride + p] in
 * lane l. What lies outside is `fill`; nothing does where they are `whole`.
 */
INLINE void NAME(take)(const struct NAME(reach) g, const REAL *row, int64_t at, bool whole, REAL fill, NAME(vec) cell[4]) {
    NAME(vec) v[4];
    for (int64_t p = 0; p < g.stride; p++, at += NAME(LANES))
        v[p] = whole ? NAME(load)(row + at) : NAME(load_inside)(row, at, g.cells, fill);
    if (g.stride == 1) {
        cell[0] = v[0];
    } else if (g.stride == 2) {
        cell[0] = NAME(even)(v[0], v[1]);
        cell[1] = NAME(odd)(v[0], v[1]);
    } else if (g.stride == 3) {
        cell[0] = NAME(third)(v[0], v[1], v[2], 0);
        cell[1] = NAME(third)(v[0], v[1], v[2], 1);
        cell[2] = NAME(third)(v[0], v[1], v[2], 2);
    } else {
        NAME(vec) even[2] = {NAME(even)(v[0], v[1]), NAME(even)(v[2], v[3])};
        NAME(vec) odd[2] = {NAME(odd)(v[0], v[1]), NAME(odd)(v[2], v[3])};
        cell[0] = NAME(even)(even[0], even[1]);
        cell[1] = NAME(even)(odd[0], odd[1]);
        cell[2] = NAME(odd)(even[0], even[1]);
        cell[3] = NAME(odd)(odd[0], odd[1]);
    }
}

/* ---- max ---- */

struct NAME(found) {
    NAME(vec) best;
    NAME(places) place;
};

/* Before the first row of windows that reach into the padding: the place of the first cell inside, and -Infinity. */
INLINE struct NAME(found) NAME(none_found)(const struct NAME(reach) g, int64_t at, NAME(places) apart, int64_t origin) {
    NAME(places) column = apart + (NAME(place))at;
    for (int64_t left = -at; left > 0; left -= g.step)
        column += (column < 0) & (NAME(place))g.step;
    return (struct NAME(found)){.best = (NAME(vec)){0} + (REAL)-INFINITY, .place = column + (NAME(place))origin};
}

/*
 * The best of `rows` rows of taps, `down` rows of cells apart, from row `r` on; `at` is the column of the first window's first tap.
 */
INLINE struct NAME(found) NAME(find)(const struct NAME(reach) g, const REAL *plane, int64_t r, int64_t rows, int64_t down,
                                     int64_t at, bool whole, bool indexed) {
    struct NAME(found) found = {0};
    NAME(places) apart = {0};
    NAME(vec) cell[4];
    if (indexed)
        for (int l = 0; l < NAME(LANES); l++)
            apart[l] = (NAME(place))(l * g.stride);
    if (indexed && !whole)
        found = NAME(none_found)(g, at, apart, r * g.cells);
    for (int64_t i = 0; i < rows; i++, r += down)
        for (int64_t j = 0; j < g.taps; j += NAME(group)(g)) {
            NAME(take)(g, plane + r * g.cells, at + j * g.step, whole, (REAL)-INFINITY, cell);
            for (int64_t p = 0; p < NAME(group)(g) && j + p < g.taps; p++) {
                NAME(places) place = apart + (NAME(place))(r * g.cells + at + j * g.step + p);
                if (i + j + p == 0 && (whole || !indexed))
                    found = (struct NAME(found)){cell[p], place};
                else if (indexed)
                    NAME(better_place)(cell[p], &found.best, place, &found.place);
                else
                    found.best = NAME(better)(cell[p], found.best);
            }
        }
    return found;
}

/* Parts, or whole windows, of a block's row: values to best[0 .. cols), and places. Of parts, whole vectors are stored. */
INLINE void NAME(find_row)(const struct NAME(strip) *s, const struct NAME(reach) g, int64_t r, int64_t rows, REAL *best,
                           NAME(place) *places, int64_t *indices, bool parts, bool indexed) {
    const int64_t start = s->shape->across.first + s->column * g.stride, span = NAME(span)(g);
    for (int64_t x = 0; x < s->cols; x += NAME(LANES)) {
        int64_t at = start + x * g.stride, left = s->cols - x, down = s->shape->down.step;
        struct NAME(found) found = at >= 0 && at + span <= g.cells
                                       ? NAME(find)(g, s->plane, r, rows, down, at, true, indexed)
                                       : NAME(find)(g, s->plane, r, rows, down, at, false, indexed);
        if (parts || left >= NAME(LANES))
            NAME(store)(best + x, found.best);
        else
            NAME(store_part)(best + x, left, found.best);
        if (indexed && parts)
            memcpy(places + x, &found.place, sizeof found.place);
        else if (indexed)
            NAME(store_places)(indices + x, left < NAME(LANES) ? left : NAME(LANES), found.place);
    }
}

/* The windows that most layers have get code of their own. */
#define EACH_REACH(AXIS, DO)                                                                                           \
    do {                                                                                                               \
        const struct pool_axis *a_ = (AXIS);                                                                           \
        const int64_t cells_ = a_->cells;                                                                              \
        if (a_->step == 1 && a_->taps == 2 && a_->stride == 2)                                                         \
            DO(((struct NAME(reach)){2, 1, 2, cells_}));                                                               \
        else if (a_->step == 1 && a_->taps == 3 && a_->stride == 2)                                                    \
            DO(((struct NAME(reach)){3, 1, 2, cells_}));                                                               \
        else if (a_->step == 1 && a_->taps == 3 && a_->stride == 1)                                                    \
            DO(((struct NAME(reach)){3, 1, 1, cells_}));                                                               \
        else if (a_->step == 1 && a_->taps == 2 && a_->stride == 1)                                                    \
            DO(((struct NAME(reach)){2, 1, 1, cells_}));                                                               \
        else if (a_->stride == 1)                                                                                      \
            DO(((struct NAME(reach)){a_->taps, a_->step, 1, cells_}));                                                 \
        else if (a_->stride == 2 && a_->step == 1)                                                                     \
            DO(((struct NAME(reach)){a_->taps, 1, 2, cells_}));                                                        \
        else if (a_->stride == 3 && a_->step == 1)                                                                     \
            DO(((struct NAME(reach)){a_->taps, 1, 3, cells_}));                                                        \
        else if (a_->stride == 4 && a_->step == 1)                                                                     \
            DO(((struct NAME(reach)){a_->taps, 1, 4, cells_}));                                                        \
        else                                                                                                           \
            DO(((struct NAME(reach)){a_->taps, a_->step, a_->stride, cells_}));                                        \
    } while (0)

static void NAME(max_row)(const struct NAME(strip) *s, int64_t r, int64_t rows, REAL *out, int64_t *indices) {
#define DO(REACH) NAME(find_row)(s, REACH, r, rows, out, NULL, NULL, false, false)
#define DO_INDEXED(REACH) NAME(find_row)(s, REACH, r, rows, out, NULL, indices, false, true)
    if (indices == NULL)
        EACH_REACH(&s->shape->across, DO);
    else
        EACH_REACH(&s->shape->across, DO_INDEXED);
#undef DO
#undef DO_INDEXED
}

static void NAME(max_part)(const struct NAME(strip) *s, int64_t r, REAL *best, NAME(place) *places, bool indexed) {
#define DO(REACH) NAME(find_row)(s, REACH, r, 1, best, NULL, NULL, true, false)
#define DO_INDEXED(REACH) NAME(find_row)(s, REACH, r, 1, best, places, NULL, true, true)
    if (!indexed)
        EACH_REACH(&s->shape->across, DO);
    else
        EACH_REACH(&s->shape->across, DO_INDEXED);
#undef DO
#undef DO_INDEXED
}

/* The best of the parts of rows r, r + 1, … */
INLINE void NAME(join_max)(const struct NAME(strip) *s, const struct NAME(max_parts) *parts, int64_t r, int64_t rows,
                           REAL *out, int64_t *indices, bool indexed) {
    for (int64_t x = 0; x < s->cols; x += NAME(LANES)) {
        int64_t left = s->cols - x;
        struct NAME(found) found = {.best = NAME(load)(&parts->best[r % SLOTS][x])};
        if (indexed)
            memcpy(&found.place, &parts->place[r % SLOTS][x], sizeof found.place);
        for (int64_t i = r + 1; i < r + rows; i++) {
            NAME(vec) cell = NAME(load)(&parts->best[i % SLOTS][x]);
            NAME(places) place;
            if (indexed) {
                memcpy(&place, &parts->place[i % SLOTS][x], sizeof place);
                NAME(better_place)(cell, &found.best, place, &found.place);
            } else {
                found.best = NAME(better)(cell, found.best);
            }
        }
        if (left >= NAME(LANES))
            NAME(store)(out + x, found.best);
        else
            NAME(store_part)(out + x, left, found.best);
        if (indexed)
            NAME(store_places)(indices + x, left < NAME(LANES) ? left : NAME(LANES), found.place);
    }
}

static void NAME(max_shared)(struct NAME(strip) *s, struct NAME(max_parts) *parts, int64_t r, int64_t rows, REAL *out,
                             int64_t *indices) {
    for (int64_t i = s->next > r ? s->next : r; i < r + rows; i++)
        NAME(max_part)(s, i, parts->best[i % SLOTS], parts->place[i % SLOTS], indices != NULL);
    s->next = r + rows;
    if (indices != NULL)
        NAME(join_max)(s, parts, r, rows, out, indices, true);
    else if (rows == 3)
        NAME(join_max)(s, parts, r, 3, out, NULL, false);
    else
        NAME(join_max)(s, parts, r, rows, out, NULL, false);
}

INLINE bool NAME(shares)(const struct pool_axis *down) {
    return down->step == 1 && down->stride < down->taps && down->taps <= SLOTS;
}

static void NAME(pool_max)(const struct pool_shape *shape, int64_t begin, int64_t end, REAL *out, int64_t *indices,
                           const REAL *plane) {
    struct NAME(max_parts) parts;
    const int64_t outputs = shape->across.outputs;
    for (int64_t column = 0; column < outputs; column += BLOCK) {
        struct NAME(strip) s = {shape, plane, column, min_i64(BLOCK, outputs - column), NAME(shares)(&shape->down), 0};
        for (int64_t y = begin; y < end; y++) {
            int64_t rows, r = NAME(taps_inside)(&shape->down, y, &rows), to = y * outputs + column;
            int64_t *places = indices == NULL ? NULL : indices + to;
            if (s.shared)
                NAME(max_shared)(&s, &parts, r, rows, out + to, places);
            else
                NAME(max_row)(&s, r, rows, out + to, places);
        }
    }
}

/* ---- averages ---- */

/* The sums of `rows` rows of taps from row `r` on. */
INLINE struct NAME(sums) NAME(sum)(const struct NAME(reach) g, const REAL *plane, int64_t r, int64_t rows, int64_t at,
                                   bool whole) {
    struct NAME(sums) sums = {0};
    NAME(vec) cell[4];
    for (int64_t i = 0; i < rows; i++, r++)
        for (int64_t j = 0; j < g.taps; j += NAME(group)(g)) {
            NAME(take)(g, plane + r * g.cells, at + j, whole, 0, cell);
            for (int64_t p = 0; p < NAME(group)(g) && j + p < g.taps; p++)
                sums = NAME(add_to)(sums, cell[p]);
        }
    return sums;
}

INLINE struct NAME(sums) NAME(sum_at)(const struct NAME(strip) *s, const struct NAME(reach) g, int64_t r, int64_t rows,
                                      int64_t x, int64_t span) {
    int64_t at = s->shape->across.first + (s->column + x) * g.stride;
    return at >= 0 && at + span <= g.cells ? NAME(sum)(g, s->plane, r, rows, at, true)
                                           : NAME(sum)(g, s->plane, r, rows, at, false);
}

INLINE void NAME(put_means)(REAL *out, int64_t left, struct NAME(sums) sums, const double *factor) {
    NAME(vec) means = NAME(mean_of)(sums, factor);
    if (left >= NAME(LANES))
        NAME(store)(out, means);
    else
        NAME(store_part)(out, left, means);
}

INLINE void NAME(sum_rows)(const struct NAME(strip) *s, const struct NAME(reach) g, int64_t r, int64_t rows, REAL *out,
                           const double *factor) {
    const int64_t span = NAME(span)(g);
    for (int64_t x = 0; x < s->cols; x += NAME(LANES))
        NAME(put_means)(out + x, s->cols - x, NAME(sum_at)(s, g, r, rows, x, span), factor + x);
}

static void NAME(mean_row)(const struct NAME(strip) *s, int64_t r, int64_t rows, REAL *out, const double *factor) {
#define DO(REACH) NAME(sum_rows)(s, REACH, r, rows, out, factor)
    EACH_REACH(&s->shape->across, DO);
#undef DO
}

INLINE int64_t NAME(counted)(const struct pool_axis *axis, int64_t at) {
    int64_t start = axis->first + at * axis->stride;
    return min_i64(start + axis->taps, axis->counted_end) - max_i64(start, axis->counted_begin);
}

/* The factors of the means in row y: rows share them where as many of their windows' rows count. */
static void NAME(set_factors)(const struct NAME(strip) *s, struct NAME(sum_parts) *parts, int64_t y) {
    const struct pool_shape *shape = s->shape;
    double down = shape->divisor != 0 ? shape->divisor : (double)NAME(counted)(&shape->down, y);
    if (down == parts->divisor_down)
        return;
    parts->divisor_down = down;
    for (int64_t x = 0; x < div_ceil_i64(s->cols, NAME(LANES)) * NAME(LANES); x++) { /* whole vectors are read */
        double across = shape->divisor != 0 ? 1 : (double)NAME(counted)(&shape->across, s->column + x);
        parts->factor[x] = SHARE_SUMS ? 1 / (down * across) : down * across;
    }
}

#if SHARE_SUMS
INLINE void NAME(sum_part_row)(const struct NAME(strip) *s, const struct NAME(reach) g, int64_t r, double *part) {
    const int64_t span = NAME(span)(g);
    for (int64_t x = 0; x < s->cols; x += NAME(LANES)) {
        struct NAME(sums) sums = NAME(sum_at)(s, g, r, 1, x, span);
        memcpy(part + x, &sums, sizeof sums);
    }
}

static void NAME(sum_part)(const struct NAME(strip) *s, int64_t r, double *part) {
#define DO(REACH) NAME(sum_part_row)(s, REACH, r, part)
    EACH_REACH(&s->shape->across, DO);
#undef DO
}

INLINE void NAME(join_sums)(const struct NAME(strip) *s, const struct NAME(sum_parts) *parts, int64_t r, int64_t rows,
                            REAL *out) {
    for (int64_t x = 0; x < s->cols; x += NAME(LANES)) {
        struct NAME(sums) sums, more;
        memcpy(&sums, &parts->sum[r % SLOTS][x], sizeof sums);
        for (int64_t i = r + 1; i < r + rows; i++) {
            memcpy(&more, &parts->sum[i % SLOTS][x], sizeof more);
            sums = NAME(add_sums)(sums, more);
        }
        NAME(put_means)(out + x, s->cols - x, sums, parts->factor + x);
    }
}

static void NAME(mean_shared)(struct NAME(strip) *s, struct NAME(sum_parts) *parts, int64_t r, int64_t rows, REAL *out) {
    for (int64_t i = s->next > r ? s->next : r; i < r + rows; i++)
        NAME(sum_part)(s, i, parts->sum[i % SLOTS]);
    s->next = r + rows;
    if (rows == 3)
        NAME(join_sums)(s, parts, r, 3, out);
    else
        NAME(join_sums)(s, parts, r, rows, out);
}
#endif

static void NAME(pool_mean)(const struct pool_shape *shape, int64_t begin, int64_t end, REAL *out, const REAL *plane) {
    struct NAME(sum_parts) parts;
    const int64_t outputs = shape->across.outputs;
    for (int64_t column = 0; column < outputs; column += BLOCK) {
        struct NAME(strip) s = {shape, plane, column, min_i64(BLOCK, outputs - column), NAME(shares)(&shape->down), 0};
        parts.divisor_down = 0;
        for (int64_t y = begin; y < end; y++) {
            int64_t rows, r = NAME(taps_inside)(&shape->down, y, &rows);
            NAME(set_factors)(&s, &parts, y);
#if SHARE_SUMS
            if (s.shared) {
                NAME(mean_shared)(&s, &parts, r, rows, out + y * outputs + column);
                continue;
            }
#endif
            NAME(mean_row)(&s, r, rows, out + y * outputs + column, parts.factor);
        }
    }
}

/* ---- runs ---- */

static REAL NAME(max_run)(const REAL *cells, int64_t count) {
    enum { STEP = 4 * NAME(LANES) };
    NAME(vec) best[4];
    for (int v = 0; v < 4; v++)
        best[v] = (NAME(vec)){0} + (REAL)-INFINITY;
    int64_t i = 0;
    for (; i + STEP <= count; i += STEP)
        for (int v = 0; v < 4; v++)
            best[v] = NAME(better)(NAME(load)(cells + i + v * NAME(LANES)), best[v]);
    for (; i < count; i += NAME(LANES))
        best[0] = NAME(better)(NAME(load_inside)(cells, i, count, (REAL)-INFINITY), best[0]);
    for (int v = 1; v < 4; v++)
        best[0] = NAME(better)(best[v], best[0]);
    REAL top = best[0][0];
    for (int l = 1; l < NAME(LANES); l++)
        top = best[0][l] > top || best[0][l] != best[0][l] ? best[0][l] : top;
    return top;
}

#if SHARE_SUMS
static double NAME(sum_run)(const REAL *cells, int64_t count) {
    struct NAME(sums) even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * NAME(LANES) <= count; i += 2 * NAME(LANES)) {
        even = NAME(add_to)(even, NAME(load)(cells + i));
        odd = NAME(add_to)(odd, NAME(load)(cells + i + NAME(LANES)));
    }
    for (; i < count; i += NAME(LANES))
        even = NAME(add_to)(even, NAME(load_inside)(cells, i, count, 0));
    return NAME(total)(NAME(add_sums)(even, odd));
}
#endif

#undef EACH_REACH
#undef INLINE
