/*
 * The GEMM kernels of one level and one type; the contract is in lib/kernels/gemm_kernels.h. The including file has
 * included lib/kernels/vectors.inc.h for the type, and defines
 *
 *   ROWS, VECS      a tile: rows, and vectors side by side
 */

enum { NAME(COLS) = VECS * NAME(LANES) };

/*
 * One register tile: `rows` x `vecs` sums, where vector number `masked` (-1: none) has `part` elements. All but
 * `part` are constants where this is inlined, so that the loops over them unroll and `acc` lives in registers.
 * `packed`: the rows of a are neighbours.
 */
static inline __attribute__((always_inline)) void
NAME(gemm_tile)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias, const int rows,
                const int vecs, const int masked, const int64_t part, const bool packed) {
    NAME(vec) acc[ROWS][VECS];
    const int64_t row_step = packed ? 1 : s->a_row_step, depth_step = packed ? s->a_depth_step : 1;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++)
            acc[r][v] = (NAME(vec)){0};
    for (int64_t d = 0; d < s->depth; d++, a += depth_step, b += s->b_depth_step) {
        NAME(vec) in[VECS];
        for (int v = 0; v < vecs; v++)
            in[v] = NAME(load_at)(b, v, masked, part);
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vecs; v++)
                acc[r][v] += a[r * row_step] * in[v];
    }
    for (int r = 0; r < rows; r++, out += s->out_step)
        for (int v = 0; v < vecs; v++) {
            NAME(vec) start = (NAME(vec)){0} + (bias != NULL ? bias[r] : 0);
            if (s->add)
                start = NAME(load_at)(out, v, masked, part);
            NAME(store_at)(out, v, masked, part, start + acc[r][v]);
        }
}

/* Up to COLS columns of `rows` rows: whole vectors but the last. */
static inline __attribute__((always_inline)) void
NAME(gemm_panel)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias,
                 const int64_t cols, const int rows, const bool packed) {
    if (cols == NAME(COLS)) {
        NAME(gemm_tile)(s, out, a, b, bias, rows, VECS, -1, 0, packed);
        return;
    }
    int64_t vecs = (cols + NAME(LANES) - 1) / NAME(LANES), part = cols - (vecs - 1) * NAME(LANES);
    switch (vecs) {
    case 1: NAME(gemm_tile)(s, out, a, b, bias, rows, 1, 0, part, packed); break;
    case 2: NAME(gemm_tile)(s, out, a, b, bias, rows, 2, 1, part, packed); break;
    default: NAME(gemm_tile)(s, out, a, b, bias, rows, VECS, VECS - 1, part, packed); break;
    }
}

#define GEMM_ROWS(STEM, COUNT, PACKED)                                                                        \
    static void NAME(STEM)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias) { \
        for (int64_t x = 0; x < s->cols; x += NAME(COLS), b += s->b_panel_step)                                   \
            NAME(gemm_panel)(s, out + x, a, b, bias, min_i64(NAME(COLS), s->cols - x), COUNT, PACKED);           \
    }

GEMM_ROWS(gemm_plain_all, ROWS, false)
GEMM_ROWS(gemm_packed_all, ROWS, true)
#if ROWS > 4
GEMM_ROWS(gemm_plain_4, 4, false)
GEMM_ROWS(gemm_packed_4, 4, true)
#endif
GEMM_ROWS(gemm_plain_2, 2, false)
GEMM_ROWS(gemm_packed_2, 2, true)
GEMM_ROWS(gemm_plain_1, 1, false)
GEMM_ROWS(gemm_packed_1, 1, true)
#undef GEMM_ROWS

static void NAME(gemm)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const REAL *bias) {
    bool packed = s->a_row_step == 1;
    int64_t r = 0;
    for (; r + ROWS <= s->rows; r += ROWS, a += s->a_block_step)
        (packed ? NAME(gemm_packed_all) : NAME(gemm_plain_all))(s, out + r * s->out_step, a, b,
                                                                bias ? bias + r : NULL);
#if ROWS > 4
    for (; r + 4 <= s->rows; r += 4, a += 4 * s->a_row_step)
        (packed ? NAME(gemm_packed_4) : NAME(gemm_plain_4))(s, out + r * s->out_step, a, b, bias ? bias + r : NULL);
#endif
    for (; r + 2 <= s->rows; r += 2, a += 2 * s->a_row_step)
        (packed ? NAME(gemm_packed_2) : NAME(gemm_plain_2))(s, out + r * s->out_step, a, b, bias ? bias + r : NULL);
    if (r < s->rows)
        (packed ? NAME(gemm_packed_1) : NAME(gemm_plain_1))(s, out + r * s->out_step, a, b, bias ? bias + r : NULL);
}

static void NAME(fill)(REAL *panel, int64_t step, const REAL *src, const int32_t *offset, int64_t depth,
                            const struct gemm_piece *pieces, int64_t count) {
    for (int64_t d = 0; d < depth; d++, panel += step)
        for (int64_t i = 0; i < count; i++) {
            const REAL *from = src + offset[d] + pieces[i].from;
            REAL *to = panel + pieces[i].to;
            int64_t x = 0, last = pieces[i].length - NAME(LANES);
            for (; x < last; x += NAME(LANES))
                NAME(store)(to + x, NAME(load)(from + x));
            NAME(store)(to + x, NAME(load_part)(from + x, pieces[i].length - x));
        }
}
