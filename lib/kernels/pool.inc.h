/*
 * The pooling kernels of one level and one type; the contract is in lib/kernels/pool_kernels.h. The including file has
 * included lib/kernels/vectors.inc.h for the type, and defines
 *
 *   NAME(place), NAME(places)               a signed integer as wide as REAL, and a GNU vector of as many as vec has
 *   NAME(lanes), NAME(lanes_inside)(at, n)  a set of lanes: those with 0 <= at + l < n
 *   NAME(load_lanes)(p, lanes, fill)        p[l] in those lanes, fill in the others, where nothing is read
 *   NAME(third)(a, b, c, p)                 every third element of a, b and c from the p-th on; p is a constant
 *   NAME(better)(cell, best)                PyTorch's rule: cell where it is larger or NaN, else best
 *   NAME(better_place)(cell, best, place, places)   the same in both of a pair (*best, *places)
 *   NAME(store_places)(p, n, places)        widens the first n to int64_t
 *   NAME(sums)                              struct of vectors of double, as many lanes as vec in all
 *   NAME(load_sums)(p), NAME(store_sums)(p, sums)
 *   NAME(add_to)(sums, vec)                 sums + vec
 *   NAME(add_sums)(a, b)                    a + b
 *   NAME(total)(sums)                       the lanes' sum; for float alone
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

/* A block of columns of outputs of one plane; what is kept of row r of cells lies in slot r % SLOTS. */
struct rows {
    struct pool_axis down, across;
    double divisor;
    int64_t begin, end;   /* rows of outputs */
    int64_t column, cols; /* the block's first column, and how many */
    bool shared;          /* the parts of windows are kept */
};

static inline bool shares_parts(const struct pool_axis *down) {
    return down->step == 1 && down->stride < down->taps && down->taps <= SLOTS;
}
#endif

struct NAME(strip) {
    struct rows at;
    const REAL *plane;
    REAL *out; /* of the plane, as indices */
    int64_t *indices;
};

struct NAME(max_parts) {
    _Alignas(64) REAL best[SLOTS][BLOCK];
    _Alignas(64) NAME(place) place[SLOTS][BLOCK]; /* only with indices */
};

struct NAME(sum_parts) {
    _Alignas(64) double sum[SLOTS][BLOCK];
    /* A row's divisors, or their inverses: where all of a window's rows count, and where `down` of them do. */
    _Alignas(64) double factor[2][BLOCK];
    double down[2]; /* 0: not made yet */
};

/* The taps of window `at` that lie inside: the first cell, and how many. */
INLINE int64_t NAME(taps_inside)(const struct pool_axis *axis, int64_t at, int64_t *count) {
    int64_t start = axis->first + at * axis->stride, skipped = 0, taps = axis->taps;
    if (start < 0)
        skipped = axis->step == 1 ? -start : div_ceil_i64(-start, axis->step);
    if (start + (taps - 1) * axis->step >= axis->cells)
        taps = axis->step == 1 ? axis->cells - start : div_ceil_i64(axis->cells - start, axis->step);
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

/* The first cell behind what NAME(take) reads for one vector, from the first tap of the first window on. */
INLINE int64_t NAME(span)(const struct NAME(reach) g) {
    int64_t last = (g.taps - 1) / NAME(group)(g) * NAME(group)(g);
    return last * g.step + g.stride * NAME(LANES);
}

/*
 * Where a vector of windows lies: wholly inside the row from left to right; or some of its lanes outside, which are
 * told for each load when it comes; or the same for each row, and told beforehand for at most KNOWN loads.
 */
enum NAME(side) { NAME(WHOLE), NAME(EDGE), NAME(NARROW) };
enum { NAME(KNOWN) = 4 };

struct NAME(known) {
    NAME(lanes) lanes[NAME(KNOWN)];
};

/*
 * The cells under a group of taps, the first of which is tap j, of as many windows as there are lanes: cell[p] has
 * row[at + (j + p) * step + l * stride] in lane l, or `fill` where that is outside.
 */
INLINE void NAME(take)(const struct NAME(reach) g, const REAL *row, int64_t at, int64_t j, enum NAME(side) side,
                       const struct NAME(known) *known, REAL fill, NAME(vec) cell[4]) {
    NAME(vec) v[4] = {{0}};
    const int64_t load = j / NAME(group)(g) * g.stride;
    at += j * g.step;
    for (int64_t p = 0; p < g.stride; p++, at += NAME(LANES))
        v[p] = side == NAME(WHOLE)  ? NAME(load)(row + at)
               : side == NAME(EDGE) ? NAME(load_lanes)(row + at, NAME(lanes_inside)(at, g.cells), fill)
                                    : NAME(load_lanes)(row + at, known->lanes[load + p], fill);
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

INLINE struct NAME(known) NAME(know)(const struct NAME(reach) g, int64_t at) {
    struct NAME(known) known = {0};
    for (int64_t j = 0; j < g.taps; j += NAME(group)(g))
        for (int64_t p = 0; p < g.stride; p++)
            known.lanes[j / NAME(group)(g) * g.stride + p] =
                NAME(lanes_inside)(at + j * g.step + p * NAME(LANES), g.cells);
    return known;
}

/* ---- max ---- */

struct NAME(found) {
    NAME(vec) best;
    NAME(places) place;
};

/* Before the first row of windows that reach into the padding: the place of the first cell inside, and -Infinity. */
INLINE struct NAME(found) NAME(none_found)(const struct NAME(reach) g, int64_t at, NAME(places) apart,
                                           int64_t origin) {
    NAME(places) column = apart + (NAME(place))at;
    for (int64_t left = -at; left > 0; left -= g.step)
        column += (column < 0) & (NAME(place))g.step;
    return (struct NAME(found)){.best = (NAME(vec)){0} + (REAL)-INFINITY, .place = column + (NAME(place))origin};
}

/* The best of `rows` rows of taps, `down` rows of cells apart, from row `r` on; the first window begins at `at`. */
INLINE struct NAME(found) NAME(find)(const struct NAME(reach) g, const REAL *plane, int64_t r, int64_t rows,
                                     int64_t down, int64_t at, enum NAME(side) side, const struct NAME(known) *known,
                                     bool indexed) {
    struct NAME(found) found = {0};
    NAME(places) apart = {0};
    NAME(vec) cell[4];
    if (indexed)
        for (int l = 0; l < NAME(LANES); l++)
            apart[l] = (NAME(place))(l * g.stride);
    const bool whole = side == NAME(WHOLE);
    if (indexed && !whole)
        found = NAME(none_found)(g, at, apart, r * g.cells);
    for (int64_t i = 0; i < rows; i++, r += down) {
        for (int64_t j = 0; j < g.taps; j += NAME(group)(g)) {
            NAME(take)(g, plane + r * g.cells, at, j, side, known, (REAL)-INFINITY, cell);
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
    }
    return found;
}

/* The windows from column x of the block on. */
INLINE struct NAME(found) NAME(find_at)(const struct NAME(strip) *s, const struct NAME(reach) g, int64_t r,
                                        int64_t rows, int64_t x, const struct NAME(known) *known, bool indexed, bool narrow) {
    int64_t at = s->at.across.first + (s->at.column + x) * g.stride, down = s->at.down.step;
    if (narrow)
        return NAME(find)(g, s->plane, r, rows, down, at, NAME(NARROW), known, indexed);
    if (at >= 0 && at + NAME(span)(g) <= g.cells)
        return NAME(find)(g, s->plane, r, rows, down, at, NAME(WHOLE), NULL, indexed);
    return NAME(find)(g, s->plane, r, rows, down, at, NAME(EDGE), NULL, indexed);
}

INLINE void NAME(put)(REAL *out, int64_t left, NAME(vec) values) {
    if (left >= NAME(LANES))
        NAME(store)(out, values);
    else
        NAME(store_part)(out, left, values);
}

INLINE void NAME(put_found)(const struct NAME(strip) *s, int64_t y, int64_t x, struct NAME(found) found,
                            bool indexed) {
    int64_t to = y * s->at.across.outputs + s->at.column + x, left = s->at.cols - x;
    NAME(put)(s->out + to, left, found.best);
    if (indexed)
        NAME(store_places)(s->indices + to, left < NAME(LANES) ? left : NAME(LANES), found.place);
}

INLINE void NAME(keep_found)(struct NAME(max_parts) *parts, int64_t r, int64_t x, struct NAME(found) found,
                             bool indexed) {
    NAME(store)(&parts->best[r % SLOTS][x], found.best);
    if (indexed)
        memcpy(&parts->place[r % SLOTS][x], &found.place, sizeof found.place);
}

INLINE struct NAME(found) NAME(kept_found)(const struct NAME(max_parts) *parts, int64_t r, int64_t x, bool indexed) {
    struct NAME(found) found = {.best = NAME(load)(&parts->best[r % SLOTS][x])};
    if (indexed)
        memcpy(&found.place, &parts->place[r % SLOTS][x], sizeof found.place);
    return found;
}

/* The best of the parts of rows r, r + 1, … */
INLINE struct NAME(found) NAME(join_found)(const struct NAME(max_parts) *parts, int64_t r, int64_t rows, int64_t x,
                                           bool indexed) {
    struct NAME(found) found = NAME(kept_found)(parts, r, x, indexed);
    for (int64_t i = r + 1; i < r + rows; i++) {
        struct NAME(found) below = NAME(kept_found)(parts, i, x, indexed);
        if (indexed)
            NAME(better_place)(below.best, &found.best, below.place, &found.place);
        else
            found.best = NAME(better)(below.best, found.best);
    }
    return found;
}

#define EACH_VECTOR(X) for (int64_t X = 0; narrow ? X == 0 : X < s->at.cols; X += NAME(LANES))

INLINE void NAME(max_rows)(const struct NAME(strip) *strip, const struct NAME(reach) g, struct NAME(max_parts) *parts,
                           bool shared, bool indexed, bool narrow) {
    const struct NAME(strip) own = *strip, *s = &own; /* which no store can change: so it stays in registers */
    int64_t next = 0;                                 /* below it, rows have their parts */
    struct NAME(known) known = {0};
    if (narrow)
        known = NAME(know)(g, own.at.across.first + own.at.column * g.stride);
    for (int64_t y = s->at.begin; y < s->at.end; y++) {
        int64_t rows, r = NAME(taps_inside)(&s->at.down, y, &rows);
        if (!shared) {
            EACH_VECTOR(x)
                NAME(put_found)(s, y, x, NAME(find_at)(s, g, r, rows, x, &known, indexed, narrow), indexed);
            continue;
        }
        for (next = next > r ? next : r; next < r + rows; next++)
            EACH_VECTOR(x)
                NAME(keep_found)(parts, next, x, NAME(find_at)(s, g, next, 1, x, &known, indexed, narrow),
                                 indexed);
        if (rows == 3) /* a loop less in the most frequent case */
            EACH_VECTOR(x)
                NAME(put_found)(s, y, x, NAME(join_found)(parts, r, 3, x, indexed), indexed);
        else
            EACH_VECTOR(x)
                NAME(put_found)(s, y, x, NAME(join_found)(parts, r, rows, x, indexed), indexed);
    }
}

/* ---- averages ---- */

/* The sums of `rows` rows of taps from row `r` on. */
INLINE struct NAME(sums) NAME(sum)(const struct NAME(reach) g, const REAL *plane, int64_t r, int64_t rows, int64_t at,
                                   enum NAME(side) side, const struct NAME(known) *known) {
    struct NAME(sums) sums = {0};
    NAME(vec) cell[4];
    for (int64_t i = 0; i < rows; i++, r++) {
        for (int64_t j = 0; j < g.taps; j += NAME(group)(g)) {
            NAME(take)(g, plane + r * g.cells, at, j, side, known, 0, cell);
            for (int64_t p = 0; p < NAME(group)(g) && j + p < g.taps; p++)
                sums = NAME(add_to)(sums, cell[p]);
        }
    }
    return sums;
}

INLINE struct NAME(sums) NAME(sum_at)(const struct NAME(strip) *s, const struct NAME(reach) g, int64_t r, int64_t rows,
                                      int64_t x, const struct NAME(known) *known, bool narrow) {
    int64_t at = s->at.across.first + (s->at.column + x) * g.stride;
    if (narrow)
        return NAME(sum)(g, s->plane, r, rows, at, NAME(NARROW), known);
    if (at >= 0 && at + NAME(span)(g) <= g.cells)
        return NAME(sum)(g, s->plane, r, rows, at, NAME(WHOLE), NULL);
    return NAME(sum)(g, s->plane, r, rows, at, NAME(EDGE), NULL);
}

INLINE void NAME(put_means)(const struct NAME(strip) *s, int64_t y, int64_t x, struct NAME(sums) sums,
                            const double *factor) {
    REAL *out = s->out + y * s->at.across.outputs + s->at.column + x;
    NAME(put)(out, s->at.cols - x, NAME(mean_of)(sums, factor + x));
}

/* The parts of rows r, r + 1, … together. */
INLINE struct NAME(sums) NAME(join_sums)(const struct NAME(sum_parts) *parts, int64_t r, int64_t rows, int64_t x) {
    struct NAME(sums) sums = NAME(load_sums)(&parts->sum[r % SLOTS][x]);
    for (int64_t i = r + 1; i < r + rows; i++)
        sums = NAME(add_sums)(sums, NAME(load_sums)(&parts->sum[i % SLOTS][x]));
    return sums;
}

INLINE int64_t NAME(counted)(const struct pool_axis *axis, int64_t at) {
    int64_t start = axis->first + at * axis->stride;
    return min_i64(start + axis->taps, axis->counted_end) - max_i64(start, axis->counted_begin);
}

/* The factors of the means in row y. */
INLINE const double *NAME(factors)(const struct NAME(strip) *s, struct NAME(sum_parts) *parts, int64_t y) {
    double down = s->at.divisor != 0 ? s->at.divisor : (double)NAME(counted)(&s->at.down, y);
    int part = s->at.divisor == 0 && down != (double)s->at.down.taps;
    if (down == parts->down[part])
        return parts->factor[part];
    parts->down[part] = down;
    for (int64_t x = 0; x < div_ceil_i64(s->at.cols, NAME(LANES)) * NAME(LANES); x++) { /* whole vectors are read */
        double across = s->at.divisor != 0 ? 1 : (double)NAME(counted)(&s->at.across, s->at.column + x);
        parts->factor[part][x] = SHARE_SUMS ? 1 / (down * across) : down * across;
    }
    return parts->factor[part];
}

INLINE void NAME(mean_rows)(const struct NAME(strip) *strip, const struct NAME(reach) g, struct NAME(sum_parts) *parts,
                            bool shared, bool narrow) {
    const struct NAME(strip) own = *strip, *s = &own;
    int64_t next = 0;
    struct NAME(known) known = {0};
    if (narrow)
        known = NAME(know)(g, own.at.across.first + own.at.column * g.stride);
    for (int64_t y = s->at.begin; y < s->at.end; y++) {
        int64_t rows, r = NAME(taps_inside)(&s->at.down, y, &rows);
        const double *factor = NAME(factors)(s, parts, y);
        if (!SHARE_SUMS || !shared) {
            EACH_VECTOR(x)
                NAME(put_means)(s, y, x, NAME(sum_at)(s, g, r, rows, x, &known, narrow), factor);
            continue;
        }
        for (next = next > r ? next : r; next < r + rows; next++)
            EACH_VECTOR(x)
                NAME(store_sums)(&parts->sum[next % SLOTS][x], NAME(sum_at)(s, g, next, 1, x, &known, narrow));
        if (rows == 3)
            EACH_VECTOR(x)
                NAME(put_means)(s, y, x, NAME(join_sums)(parts, r, 3, x), factor);
        else
            EACH_VECTOR(x)
                NAME(put_means)(s, y, x, NAME(join_sums)(parts, r, rows, x), factor);
    }
}

/* ---- windows with code of their own ---- */

typedef void NAME(max_strip)(const struct NAME(strip) *s, struct NAME(max_parts) *parts);
typedef void NAME(mean_strip)(const struct NAME(strip) *s, struct NAME(sum_parts) *parts);

#define STRIPS(STEM, TAPS, STEP, STRIDE, SHARED, NARROW)                                                          \
    static void NAME(max_##STEM)(const struct NAME(strip) *s, struct NAME(max_parts) *parts) {                    \
        const struct pool_axis *axis = &s->at.across;                                                             \
        const struct NAME(reach) g = {TAPS, STEP, STRIDE, axis->cells};                                           \
        if (s->indices != NULL && (NARROW))                                                                       \
            NAME(max_rows)(s, g, parts, SHARED, true, true);                                                      \
        else if (s->indices != NULL)                                                                              \
            NAME(max_rows)(s, g, parts, SHARED, true, false);                                                     \
        else if (NARROW)                                                                                          \
            NAME(max_rows)(s, g, parts, SHARED, false, true);                                                     \
        else                                                                                                      \
            NAME(max_rows)(s, g, parts, SHARED, false, false);                                                    \
    }                                                                                                             \
    static void NAME(mean_##STEM)(const struct NAME(strip) *s, struct NAME(sum_parts) *parts) {                   \
        const struct pool_axis *axis = &s->at.across;                                                             \
        const struct NAME(reach) g = {TAPS, STEP, STRIDE, axis->cells};                                           \
        if (NARROW)                                                                                               \
            NAME(mean_rows)(s, g, parts, SHARED, true);                                                           \
        else                                                                                                      \
            NAME(mean_rows)(s, g, parts, SHARED, false);                                                          \
    }

#if SHARE_SUMS /* float; double, which few ask for, is left with the general ones */
STRIPS(2_by_2, 2, 1, 2, false, s->at.cols <= NAME(LANES))
STRIPS(3_by_2, 3, 1, 2, true, s->at.cols <= NAME(LANES))
STRIPS(3_by_1, 3, 1, 1, true, s->at.cols <= NAME(LANES))
#endif
STRIPS(by_1, axis->taps, axis->step, 1, s->at.shared, false)
STRIPS(by_2, axis->taps, 1, 2, s->at.shared, false)
STRIPS(by_3, axis->taps, 1, 3, s->at.shared, false)
STRIPS(by_4, axis->taps, 1, 4, s->at.shared, false)
STRIPS(any, axis->taps, axis->step, axis->stride, s->at.shared, false)

static const struct NAME(strips) {
    int64_t taps;         /* 0: any, and any from above; else of both axes, as step and stride */
    int64_t step, stride; /* 0: any */
    NAME(max_strip) *max;
    NAME(mean_strip) *mean;
} NAME(strips)[] = {
#if SHARE_SUMS
    {2, 1, 2, NAME(max_2_by_2), NAME(mean_2_by_2)},
    {3, 1, 2, NAME(max_3_by_2), NAME(mean_3_by_2)},
    {3, 1, 1, NAME(max_3_by_1), NAME(mean_3_by_1)},
#endif
    {0, 0, 1, NAME(max_by_1), NAME(mean_by_1)},
    {0, 1, 2, NAME(max_by_2), NAME(mean_by_2)},
    {0, 1, 3, NAME(max_by_3), NAME(mean_by_3)},
    {0, 1, 4, NAME(max_by_4), NAME(mean_by_4)},
    {0, 0, 0, NAME(max_any), NAME(mean_any)},
};

INLINE bool NAME(suits)(const struct NAME(strips) *s, const struct pool_axis *axis) {
    return (s->taps == 0 || s->taps == axis->taps) && (s->step == 0 || s->step == axis->step) &&
           (s->stride == 0 || s->stride == axis->stride);
}

static const struct NAME(strips) *NAME(choose)(const struct pool_shape *shape) {
    const struct NAME(strips) *s = NAME(strips);
    while (!NAME(suits)(s, &shape->across) || (s->taps != 0 && !NAME(suits)(s, &shape->down)))
        s++;
    return s;
}

/* The strip from row `row` of outputs and column `column` on, as far as row `end` of outputs or the plane's end. */
static struct NAME(strip) NAME(strip_at)(const struct pool_shape *shape, int64_t row, int64_t end, int64_t column,
                                         REAL *out, int64_t *indices, const REAL *planes) {
    const int64_t rows = shape->down.outputs, cols = shape->across.outputs, plane = row / rows;
    return (struct NAME(strip)){
        .at = {.down = shape->down,
               .across = shape->across,
               .divisor = shape->divisor,
               .begin = row % rows,
               .end = min_i64(end - plane * rows, rows),
               .column = column,
               .cols = min_i64(BLOCK, cols - column),
               .shared = shares_parts(&shape->down)},
        .plane = planes + plane * shape->down.cells * shape->across.cells,
        .out = out + plane * rows * cols,
        .indices = indices == NULL ? NULL : indices + plane * rows * cols,
    };
}

static void NAME(pool_max)(const struct pool_shape *shape, int64_t begin, int64_t end, REAL *out, int64_t *indices,
                           const REAL *planes) {
    const struct NAME(strips) *strips = NAME(choose)(shape);
    struct NAME(max_parts) parts;
    for (int64_t row = begin; row < end; row += shape->down.outputs - row % shape->down.outputs)
        for (int64_t column = 0; column < shape->across.outputs; column += BLOCK) {
            struct NAME(strip) strip = NAME(strip_at)(shape, row, end, column, out, indices, planes);
            strips->max(&strip, &parts);
        }
}

static void NAME(pool_mean)(const struct pool_shape *shape, int64_t begin, int64_t end, REAL *out,
                            const REAL *planes) {
    const struct NAME(strips) *strips = NAME(choose)(shape);
    struct NAME(sum_parts) parts;
    parts.down[0] = parts.down[1] = 0;
    for (int64_t row = begin; row < end; row += shape->down.outputs - row % shape->down.outputs)
        for (int64_t column = 0; column < shape->across.outputs; column += BLOCK) {
            struct NAME(strip) strip = NAME(strip_at)(shape, row, end, column, out, NULL, planes);
            strips->mean(&strip, &parts);
            if (shape->across.outputs > BLOCK) /* the next block has factors of its own */
                parts.down[0] = parts.down[1] = 0;
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
        best[0] = NAME(better)(NAME(load_lanes)(cells + i, NAME(lanes_inside)(i, count), (REAL)-INFINITY), best[0]);
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
    for (; i + NAME(LANES) <= count; i += NAME(LANES))
        even = NAME(add_to)(even, NAME(load)(cells + i));
    if (i < count)
        odd = NAME(add_to)(odd, NAME(load_part)(cells + i, count - i));
    return NAME(total)(NAME(add_sums)(even, odd));
}

static void NAME(sum_runs)(double *sums, const REAL *cells, int64_t count, int64_t runs) {
    for (int64_t i = 0; i < runs; i++)
        sums[i] = NAME(sum_run)(cells + i * count, count);
}
#endif

#undef STRIPS
#undef EACH_VECTOR
#undef INLINE
