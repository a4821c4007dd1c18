/*
 * GEMM the other way round, for one level and one type: a vector holds neighbouring rows of packed blocks, and what is
 * broadcast is an element of b. Included by gemm.inc.h. The including file of that defines
 *
 *   TURNED_VECS     sums that the registers hold
 */

enum {
    NAME(BLOCK_VECS) = GEMM_BLOCK / NAME(LANES),
    /* Columns of a tile of 1, 2 and 4 blocks; the tile is transposed when it is written. */
    NAME(TURNED_1) = TURNED_VECS / NAME(BLOCK_VECS) < NAME(LANES) ? TURNED_VECS / NAME(BLOCK_VECS) : NAME(LANES),
    NAME(TURNED_2) = TURNED_VECS / NAME(BLOCK_VECS) / 2 < NAME(LANES) ? TURNED_VECS / NAME(BLOCK_VECS) / 2 : NAME(LANES),
    NAME(TURNED_4) = TURNED_VECS / NAME(BLOCK_VECS) / 4,
};

/* What all tiles of a product share. */
struct NAME(turned) {
    const struct gemm_shape *shape;
    const int32_t *offset; /* where b's row d begins; NULL: at d * b_step */
    const REAL *bias;      /* of the tile's first row */
    int64_t rows;          /* that are wanted of the tile */
};

/* sum[x * vecs + v], lane l, to row v * LANES + l of column x: to out, with what is added to it. */
static void NAME(turned_write)(const struct NAME(turned) *t, REAL *out, const VEC *sum, int vecs, int cols) {
    const struct gemm_shape *s = t->shape;
    for (int64_t v = 0, left = t->rows; v < vecs && left > 0; v++, left -= NAME(LANES)) {
        VEC row[NAME(LANES)];
        for (int x = 0; x < NAME(LANES); x++)
            row[x] = x < cols ? sum[x * vecs + v] : (VEC){0};
        NAME(transpose)(row);
        for (int64_t r = v * NAME(LANES), end = r + min_i64(left, NAME(LANES)), l = 0; r < end; r++, l++) {
            REAL *to = out + r * s->out_step;
            VEC value = row[l];
            if (s->add)
                value += NAME(load_part)(to, cols);
            if (t->bias != NULL)
                value += t->bias[r];
            NAME(store_part)(to, cols, value);
        }
    }
}

/* An element of all rows of a. */
GEMM_INLINE void NAME(turned_load)(const struct gemm_shape *s, VEC *in, const REAL *a, const int vecs) {
    UNROLL for (int v = 0; v < vecs; v++)
        in[v] = NAME(load)(a + v / NAME(BLOCK_VECS) * s->a_step + v % NAME(BLOCK_VECS) * NAME(LANES));
}

/* `blocks` x `cols` sums from b to out; the chains as in gemm_tile. */
GEMM_INLINE void NAME(turned_tile)(const struct NAME(turned) *t, REAL *out, const REAL *a, const REAL *b, const int blocks,
                                   const int cols) {
    const struct gemm_shape *s = t->shape;
    const int vecs = blocks * NAME(BLOCK_VECS);
    VEC kept[GEMM_LEVELS][TURNED_VECS];
    __asm__("" : "=m"(kept)); /* nothing is read before it is written, which the compiler does not see */
    VEC acc[TURNED_VECS], in[4 * NAME(BLOCK_VECS)];
    const int32_t *const offset = t->offset;
    int64_t at = 0, i = 0;
    UNROLL for (int y = 0; y < cols * vecs; y++)
        acc[y] = (VEC){0};
    for (int64_t left = s->depth, count = min_i64(left, s->chain), n = 0;; n++) {
        left -= count;
        for (const int64_t end = i + count; i < end; i++) {
            const REAL *from = b + (offset != NULL ? offset[i] : at);
            NAME(turned_load)(s, in, a, vecs);
            UNROLL for (int x = 0; x < cols; x++)
                UNROLL for (int v = 0; v < vecs; v++)
                    acc[x * vecs + v] = MULTIPLY_ADD(acc[x * vecs + v], from[x], in[v]);
            a += GEMM_BLOCK;
            at += s->b_step;
        }
        const int64_t level = NAME(gemm_join)(acc, kept[0], sizeof kept[0] / sizeof(VEC), cols * vecs, n, left == 0);
        if (left == 0)
            break;
        count = min_i64(left, s->chain) - 1;
        left--;
        const REAL *from = b + (offset != NULL ? offset[i] : at);
        i++;
        NAME(turned_load)(s, in, a, vecs);
        UNROLL for (int x = 0; x < cols; x++)
            UNROLL for (int v = 0; v < vecs; v++) {
                kept[level][x * vecs + v] = acc[x * vecs + v];
                acc[x * vecs + v] = MULTIPLY(from[x], in[v]);
            }
        a += GEMM_BLOCK;
        at += s->b_step;
    }
    UNROLL for (int y = 0; y < cols * vecs; y++)
        kept[0][y] = acc[y];
    NAME(turned_write)(t, out, kept[0], vecs, cols);
}

typedef void NAME(turned_fn)(const struct NAME(turned) *, REAL *, const REAL *, const REAL *);

/* A function for each tile that the level has; the others are never called. */
#define TURNED(BLOCKS, COLS)                                                                                            \
    static void NAME(turned_##BLOCKS##_##COLS)(const struct NAME(turned) *t, REAL *out, const REAL *a, const REAL *b) { \
        if (COLS <= NAME(TURNED_##BLOCKS))                                                                              \
            NAME(turned_tile)(t, out, a, b, BLOCKS, COLS <= NAME(TURNED_##BLOCKS) ? COLS : 1);                          \
    }
#define TURNED_TO_7(BLOCKS)                                                                                     \
    TURNED(BLOCKS, 1) TURNED(BLOCKS, 2) TURNED(BLOCKS, 3) TURNED(BLOCKS, 4) TURNED(BLOCKS, 5) TURNED(BLOCKS, 6) \
    TURNED(BLOCKS, 7)
#define TURNED_TO_14(BLOCKS)                                                                                      \
    TURNED(BLOCKS, 8) TURNED(BLOCKS, 9) TURNED(BLOCKS, 10) TURNED(BLOCKS, 11) TURNED(BLOCKS, 12) TURNED(BLOCKS, 13) \
    TURNED(BLOCKS, 14)
/* NOLINTNEXTLINE(bugprone-branch-clone): of one column */
TURNED_TO_7(1) TURNED_TO_7(2) TURNED_TO_7(4) TURNED_TO_14(1) TURNED_TO_14(2) TURNED(1, 15) TURNED(1, 16)

#define NAMES_TO_7(B) \
    NAME(turned_##B##_1), NAME(turned_##B##_2), NAME(turned_##B##_3), NAME(turned_##B##_4), NAME(turned_##B##_5), \
    NAME(turned_##B##_6), NAME(turned_##B##_7)
#define NAMES_TO_14(B) \
    NAME(turned_##B##_8), NAME(turned_##B##_9), NAME(turned_##B##_10), NAME(turned_##B##_11), NAME(turned_##B##_12), \
    NAME(turned_##B##_13), NAME(turned_##B##_14)
static NAME(turned_fn) *const NAME(turned_1)[] = {NAMES_TO_7(1), NAMES_TO_14(1), NAME(turned_1_15), NAME(turned_1_16)};
static NAME(turned_fn) *const NAME(turned_2)[] = {NAMES_TO_7(2), NAMES_TO_14(2)};
static NAME(turned_fn) *const NAME(turned_4)[] = {NAMES_TO_7(4)};
#undef TURNED
#undef TURNED_TO_7
#undef TURNED_TO_14
#undef NAMES_TO_7
#undef NAMES_TO_14

/* How many blocks a tile has where `left` are left and columns come in runs of `cols`. */
static int NAME(turned_blocks)(int64_t left, int64_t cols) {
    if (left >= 4 && cols <= NAME(TURNED_4))
        return 4;
    return left >= 2 && (cols <= NAME(TURNED_2) || NAME(TURNED_2) >= 8) ? 2 : 1;
}

/* A run of columns, in tiles as alike as can be. */
static void NAME(turned_run)(const struct NAME(turned) *t, REAL *out, const REAL *a, const REAL *b, int64_t cols,
                             int blocks) {
    int64_t most = blocks == 4 ? NAME(TURNED_4) : blocks == 2 ? NAME(TURNED_2) : NAME(TURNED_1);
    NAME(turned_fn) *const *tile = blocks == 4 ? NAME(turned_4) : blocks == 2 ? NAME(turned_2) : NAME(turned_1);
    int64_t tiles = (cols + most - 1) / most;
    for (int64_t x = 0, next; tiles > 0; tiles--, x = next) {
        next = x + (cols - x + tiles - 1) / tiles;
        tile[next - x - 1](t, out + x, a, b + x);
    }
}

/* All rows of `count` runs. */
static void NAME(implicit)(const struct gemm_shape *s, REAL *out, const REAL *a, const REAL *b, const int32_t *offset,
                           const struct gemm_piece *runs, int64_t count, const REAL *bias) {
    int64_t longest = 0;
    for (int64_t i = 0; i < count; i++)
        longest = longest > runs[i].length ? longest : runs[i].length;
    for (int64_t r = 0; r < s->rows;) {
        int blocks = NAME(turned_blocks)((s->rows - r + GEMM_BLOCK - 1) / GEMM_BLOCK, longest);
        struct NAME(turned) t = {s, offset, bias != NULL ? bias + r : NULL, s->rows - r};
        for (int64_t i = 0; i < count; i++)
            NAME(turned_run)(&t, out + r * s->out_step + runs[i].to, a, b + runs[i].from, runs[i].length, blocks);
        a += blocks * s->a_step;
        r += blocks * GEMM_BLOCK;
    }
}
