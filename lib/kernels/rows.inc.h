/*
 * The row kernels of one level and one type; the contract is in lib/kernels/row_kernels.h. The including file
 * has included lib/kernels/vectors.inc.h for the type, and defines
 *
 *   WIDE_VECS, TALL_VECS        vectors side by side for one and two, and for four output channels: as many
 *                               accumulators as the registers hold
 */

/*
 * One register tile: `outs` x `vecs` accumulators, where vector number `masked` (-1: none) has `part`
 * elements. All but `part` are constants where this is inlined, so that the loops over them unroll and `acc`
 * lives in registers.
 */
static inline __attribute__((always_inline)) void NAME(tile)(const struct row_shape *s, REAL *out,
                                                             const REAL *src, const REAL *weight,
                                                             const REAL *bias, const int outs, const int vecs,
                                                             const int masked, const int64_t part) {
    NAME(vec) acc[4][8], first[4][8];
    const int64_t rows = s->channels * s->tap_rows, half = row_chains(rows, s->taps) == 1 ? rows : (rows + 1) / 2;
    int64_t left = half;
    __asm__("" : "=m"(first)); /* nothing is read before it is written, which the compiler does not see */
    for (int k = 0; k < outs; k++)
        for (int v = 0; v < vecs; v++)
            acc[k][v] = (NAME(vec)){0};
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->tap_rows; i++) {
            const REAL *from = src + c * s->src_channel_step + i * s->src_tap_row_step;
            const REAL *w = weight + c * s->weight_channel_step + i * s->weight_tap_row_step;
            for (int64_t j = 0; j < s->taps; j++, from += s->src_tap_step, w++) {
                NAME(vec) in[8];
                for (int v = 0; v < vecs; v++)
                    in[v] = NAME(load_at)(from, v, masked, part);
                for (int k = 0; k < outs; k++)
                    for (int v = 0; v < vecs; v++)
                        acc[k][v] += w[k * s->weight_out_step] * in[v];
            }
            if (--left == 0 && half < rows)
                for (int k = 0; k < outs; k++)
                    for (int v = 0; v < vecs; v++) {
                        first[k][v] = acc[k][v];
                        acc[k][v] = (NAME(vec)){0};
                    }
        }
    if (half < rows)
        for (int k = 0; k < outs; k++)
            for (int v = 0; v < vecs; v++)
                acc[k][v] += first[k][v];
    for (int k = 0; k < outs; k++, out += s->out_step)
        for (int v = 0; v < vecs; v++) {
            if (s->add)
                acc[k][v] += NAME(load_at)(out, v, masked, part);
            NAME(store_at)(out, v, masked, part, acc[k][v] + (bias != NULL ? bias[k] : 0));
        }
}

/* One row of `outs` output channels: wide tiles, then one of up to four vectors with the rest, masked. */
static inline __attribute__((always_inline)) void NAME(row)(const struct row_shape *s, REAL *out,
                                                            const REAL *src, const REAL *weight,
                                                            const REAL *bias, const int outs,
                                                            const int vecs) {
    int64_t x = 0;
    for (; x + vecs * NAME(LANES) <= s->cols; x += vecs * NAME(LANES))
        NAME(tile)(s, out + x, src + x, weight, bias, outs, vecs, -1, 0);
    if (vecs > 4 && x + 4 * NAME(LANES) <= s->cols) {
        NAME(tile)(s, out + x, src + x, weight, bias, outs, 4, -1, 0);
        x += 4 * NAME(LANES);
    }
    int64_t left = (s->cols - x + NAME(LANES) - 1) / NAME(LANES),
            part = s->cols - x - (left - 1) * NAME(LANES);
    switch (left) {
    case 1: NAME(tile)(s, out + x, src + x, weight, bias, outs, 1, 0, part); break;
    case 2: NAME(tile)(s, out + x, src + x, weight, bias, outs, 2, 1, part); break;
    case 3: NAME(tile)(s, out + x, src + x, weight, bias, outs, 3, 2, part); break;
    case 4: NAME(tile)(s, out + x, src + x, weight, bias, outs, 4, 3, part); break;
    default: break;
    }
}

static void NAME(rows_of_4)(const struct row_shape *s, REAL *out, const REAL *src, const REAL *weight,
                            const REAL *bias) {
    for (int64_t y = 0; y < s->rows; y++)
        NAME(row)(s, out + y * s->out_row_step, src + y * s->src_row_step, weight, bias, 4, TALL_VECS);
}

static void NAME(rows_of_2)(const struct row_shape *s, REAL *out, const REAL *src, const REAL *weight,
                            const REAL *bias) {
    for (int64_t y = 0; y < s->rows; y++)
        NAME(row)(s, out + y * s->out_row_step, src + y * s->src_row_step, weight, bias, 2, WIDE_VECS);
}

static void NAME(rows_of_1)(const struct row_shape *s, REAL *out, const REAL *src, const REAL *weight,
                            const REAL *bias) {
    for (int64_t y = 0; y < s->rows; y++)
        NAME(row)(s, out + y * s->out_row_step, src + y * s->src_row_step, weight, bias, 1, WIDE_VECS);
}

static void NAME(rows)(const struct row_shape *s, REAL *out, const REAL *src, const REAL *weight,
                       const REAL *bias) {
    int64_t k = 0;
    for (; k + 4 <= s->outs; k += 4)
        NAME(rows_of_4)(s, out + k * s->out_step, src, weight + k * s->weight_out_step,
                        bias ? bias + k : NULL);
    for (; k + 2 <= s->outs; k += 2)
        NAME(rows_of_2)(s, out + k * s->out_step, src, weight + k * s->weight_out_step,
                        bias ? bias + k : NULL);
    if (k < s->outs)
        NAME(rows_of_1)(s, out + k * s->out_step, src, weight + k * s->weight_out_step,
                        bias ? bias + k : NULL);
}

static void NAME(every_second)(REAL *dst, const REAL *src, int64_t count) {
    int64_t t = 0;
    for (; t + NAME(LANES) < count; t += NAME(LANES))
        NAME(store)(dst + t, NAME(even)(NAME(load)(src + 2 * t), NAME(load)(src + 2 * t + NAME(LANES))));
    int64_t left = count - t,
            span = 2 * left - 1; /* span: from the first to the last element that is wanted */
    if (left <= 0)
        return;
    NAME(vec) a = NAME(load_part)(src + 2 * t, span < NAME(LANES) ? span : NAME(LANES)), b = a;
    if (span > NAME(LANES))
        b = NAME(load_part)(src + 2 * t + NAME(LANES), span - NAME(LANES));
    NAME(store_part)(dst + t, left, NAME(even)(a, b));
}

/* The vector at x .. of the row, which begins at x = 0 and is zero outside of it. */
static inline NAME(vec) NAME(load_padded)(const REAL *row, int64_t x, int64_t width) {
    if (x >= 0 && x + NAME(LANES) <= width)
        return NAME(load)(row + x);
    int64_t first = x < 0 ? (x < -NAME(LANES) ? NAME(LANES) : -x) : 0;
    int64_t end = x + NAME(LANES) > width ? (x > width ? 0 : width - x) : NAME(LANES);
    return first < end ? NAME(load_between)(row + x, first, end) : (NAME(vec)){0};
}

static void NAME(split)(REAL *to, int64_t run_step, const REAL *row, int64_t lead, int64_t width, int64_t runs,
                        int64_t count) {
    for (int64_t t = 0; t < count; t += NAME(LANES)) {
        NAME(vec) in[4];
        int64_t x = runs * t - lead;
        for (int64_t v = 0; v < runs; v++)
            in[v] = NAME(load_padded)(row, x + v * NAME(LANES), width);
        if (runs == 1) {
            NAME(store)(to + t, in[0]);
        } else if (runs == 2) {
            NAME(store)(to + t, NAME(even)(in[0], in[1]));
            NAME(store)(to + t + run_step, NAME(odd)(in[0], in[1]));
        } else {
            NAME(vec) even_low = NAME(even)(in[0], in[1]), even_high = NAME(even)(in[2], in[3]);
            NAME(vec) odd_low = NAME(odd)(in[0], in[1]), odd_high = NAME(odd)(in[2], in[3]);
            NAME(store)(to + t, NAME(even)(even_low, even_high));
            NAME(store)(to + t + run_step, NAME(even)(odd_low, odd_high));
            NAME(store)(to + t + 2 * run_step, NAME(odd)(even_low, even_high));
            NAME(store)(to + t + 3 * run_step, NAME(odd)(odd_low, odd_high));
        }
    }
}
