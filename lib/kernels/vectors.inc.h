/*
 * Vectors of one level and one type, whole and in part, for the templates of kernels. The including file defines
 *
 *   REAL                        float or double
 *   NAME(stem)                  the stem with the type's suffix
 *   NAME(vec)                   a GNU vector of REAL
 *   NAME(load_part)(p, n)       the first n elements at p, 1 <= n <= lanes, the rest 0; reads nothing behind them
 *   NAME(store_part)(p, n, v)   writes the first n elements and nothing behind them
 *
 *
 * and, where a template asks for it,
 *
 *   NAME(load_between)(p, n, e) elements n .. e - 1 at p, 0 <= n <= e <= lanes, the rest 0; reads nothing else
 *   NAME(even)(a, b)            a[0], a[2], …, b[0], b[2], …
 *   NAME(odd)(a, b)             a[1], a[3], …, b[1], b[3], …
 *   NAME(zip_low)(a, b)         a[0], b[0], a[1], b[1], …, the first halves
 *   NAME(zip_high)(a, b)        the second halves alike
 */

enum { NAME(LANES) = sizeof(NAME(vec)) / sizeof(REAL) };

static inline NAME(vec) NAME(load)(const REAL *p) {
    NAME(vec) v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void NAME(store)(REAL *p, NAME(vec) v) {
    memcpy(p, &v, sizeof v);
}

/* Vector v of a tile at p: whole, or the tile's last one with `part` elements. */
static inline __attribute__((always_inline)) NAME(vec)
    NAME(load_at)(const REAL *p, int v, int masked, int64_t part) {
    p += v * NAME(LANES);
    return v == masked ? NAME(load_part)(p, part) : NAME(load)(p);
}

static inline __attribute__((always_inline)) void NAME(store_at)(REAL *p, int v, int masked, int64_t part,
                                                                 NAME(vec) value) {
    p += v * NAME(LANES);
    if (v == masked)
        NAME(store_part)(p, part, value);
    else
        NAME(store)(p, value);
}
