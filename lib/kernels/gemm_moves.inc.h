/* What brings matrices into the order that the GEMM kernels read, for one level and one type; included behind gemm.inc.h. */

#define VEC NAME(vec)

static REAL NAME(pack)(REAL *to, const REAL *from, int64_t row_step, int64_t rows, int64_t depth, const int32_t *place) {
    VEC nothing = {0}; /* the sum of 0 * x */
    REAL sum = 0;
    int64_t d = 0;
    for (; d + NAME(LANES) <= depth; d += NAME(LANES))
        UNROLL for (int v = 0; v < NAME(BLOCK_VECS); v++) {
            VEC part[NAME(LANES)];
            for (int l = 0; l < NAME(LANES); l++)
                part[l] = v * NAME(LANES) + l < rows ? NAME(load)(from + (v * NAME(LANES) + l) * row_step + d) : (VEC){0};
            NAME(transpose)(part);
            UNROLL for (int l = 0; l < NAME(LANES); l++) {
                nothing += part[l] * 0;
                NAME(store)(to + (place != NULL ? place[d + l] : d + l) * GEMM_BLOCK + v * NAME(LANES), part[l]);
            }
        }
    for (; d < depth; d++) {
        REAL *at = to + (place != NULL ? place[d] : d) * GEMM_BLOCK;
        for (int64_t r = 0; r < GEMM_BLOCK; r++) {
            at[r] = r < rows ? from[r * row_step + d] : 0;
            sum += at[r] * 0;
        }
    }
    for (int l = 0; l < NAME(LANES); l++)
        sum += nothing[l];
    return sum;
}

static void NAME(fill)(REAL *b, int64_t step, const REAL *src, const int32_t *offset, int64_t depth,
                       const struct gemm_piece *pieces, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const REAL *from = src + pieces[i].from;
        REAL *to = b + pieces[i].to;
        int64_t left = pieces[i].length;
        for (; left >= NAME(LANES); left -= NAME(LANES), from += NAME(LANES), to += NAME(LANES))
            for (int64_t d = 0; d < depth; d++)
                NAME(store)(to + d * step, NAME(load)(from + offset[d]));
        if (left > 0)
            for (int64_t d = 0; d < depth; d++)
                NAME(store_part)(to + d * step, left, NAME(load_part)(from + offset[d], left));
    }
}

#undef VEC
