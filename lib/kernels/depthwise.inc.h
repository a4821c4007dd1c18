/*
 * The depthwise kernels of one level and one type; the contract is in lib/kernels/depthwise_kernels.h. The including
 * file has included lib/kernels/depthwise_tile.inc.h for the type, and defines
 *
 *   NAME(even)(a, b)    a[0], a[2], …, b[0], b[2], …
 *   NAME(odd)(a, b)     a[1], a[3], …, b[1], b[3], …
 *   MOST_ROWS           output rows of the tallest tile
 *   STRIDED_PAIRS       where the registers hold what two output channels see with stride 2; else undefined
 *   HALF(stem)          the stem for vectors of half the width, where tiles of those are no slower for half as many
 *                       columns; else undefined
 */

/* One block of rows, of which `skip` have been computed and those from `end` on are not wanted. */
static inline __attribute__((always_inline)) void
NAME(depthwise_block)(const struct depthwise_shape *s, REAL *out, const REAL *src, const REAL *weight,
                      const REAL *bias, const int64_t skip, const int64_t end, const int outs, const int rows,
                      const int window, const int stride) {
    for (int64_t x = 0; x < s->cols; x += NAME(LANES), out += NAME(LANES), src += NAME(LANES)) {
        int64_t part = min_i64(NAME(LANES), s->cols - x);
#if defined(HALF)
        if (part <= HALF(LANES)) {
            HALF(depthwise_tile)(s, out, src, weight, bias, skip, end, part, outs, rows, window, stride);
            return;
        }
#endif
        NAME(depthwise_tile)(s, out, src, weight, bias, skip, end, part, outs, rows, window, stride);
    }
}

/*
 * `outs` output channels of one group, in blocks of rows, low ones where few are left. A block that is too high for
 * what is left is moved up to end with the plane.
 */
static inline __attribute__((always_inline)) void
NAME(depthwise_outs)(const struct depthwise_shape *s, REAL *out, const REAL *src, const REAL *weight,
                     const REAL *bias, const int outs, const int window, const int stride) {
    for (int64_t y = 0, height; y < s->rows; y += height) {
        bool low = s->rows < MOST_ROWS || s->rows - y <= MOST_ROWS / 2;
        height = low ? MOST_ROWS / 2 : MOST_ROWS;
        int64_t at = max_i64(0, min_i64(y, s->rows - height)), end = min_i64(height, s->rows - at);
        REAL *to = out + at * s->out_row_step;
        const REAL *from = src + at * stride * s->src_row_step;
        if (low)
            NAME(depthwise_block)(s, to, from, weight, bias, y - at, end, outs, MOST_ROWS / 2, window, stride);
        else
            NAME(depthwise_block)(s, to, from, weight, bias, y - at, end, outs, MOST_ROWS, window, stride);
    }
}

/* All groups, `at_once` output channels at a time. */
static inline __attribute__((always_inline)) void
NAME(depthwise_groups)(const struct depthwise_shape *s, REAL *out, const REAL *src, const REAL *weight,
                       const REAL *bias, const int at_once, const int window, const int stride) {
    for (int64_t p = 0; p < s->groups; p++, src += s->channels * s->src_plane_step) {
        int64_t k = 0;
        for (; k + at_once <= s->outs; k += at_once) {
            NAME(depthwise_outs)(s, out, src, weight, bias, at_once, window, stride);
            out += at_once * s->out_plane_step;
            weight += at_once * s->weight_out_step;
            bias = bias != NULL ? bias + at_once : NULL;
        }
        if (k < s->outs) {
            NAME(depthwise_outs)(s, out, src, weight, bias, 1, window, stride);
            out += s->out_plane_step;
            weight += s->weight_out_step;
            bias = bias != NULL ? bias + 1 : NULL;
        }
    }
}

#define DEPTHWISE(AT_ONCE, WINDOW, STRIDE)                                                                           \
    static void NAME(depthwise_##AT_ONCE##_##WINDOW##_##STRIDE)(const struct depthwise_shape *s, REAL *out,           \
                                                                const REAL *src, const REAL *weight,                  \
                                                                const REAL *bias) {                                   \
        NAME(depthwise_groups)(s, out, src, weight, bias, AT_ONCE, WINDOW, STRIDE);                                   \
    }

DEPTHWISE(1, 3, 1)
DEPTHWISE(1, 3, 2)
DEPTHWISE(2, 3, 1)
#if defined(STRIDED_PAIRS)
DEPTHWISE(2, 3, 2)
#endif
DEPTHWISE(1, 5, 1)
DEPTHWISE(1, 5, 2)
DEPTHWISE(1, 7, 1)
DEPTHWISE(1, 7, 2)
#undef DEPTHWISE

static void NAME(depthwise_sums)(const struct depthwise_shape *s, REAL *out, const REAL *src, const REAL *weight,
                                 const REAL *bias) {
    const bool one = s->outs == 1;
    switch (s->window * 2 + s->stride) {
    case 3 * 2 + 1: (one ? NAME(depthwise_1_3_1) : NAME(depthwise_2_3_1))(s, out, src, weight, bias); break;
#if defined(STRIDED_PAIRS)
    case 3 * 2 + 2: (one ? NAME(depthwise_1_3_2) : NAME(depthwise_2_3_2))(s, out, src, weight, bias); break;
#else
    case 3 * 2 + 2: NAME(depthwise_1_3_2)(s, out, src, weight, bias); break;
#endif
    case 5 * 2 + 1: NAME(depthwise_1_5_1)(s, out, src, weight, bias); break;
    case 5 * 2 + 2: NAME(depthwise_1_5_2)(s, out, src, weight, bias); break;
    case 7 * 2 + 1: NAME(depthwise_1_7_1)(s, out, src, weight, bias); break;
    default: NAME(depthwise_1_7_2)(s, out, src, weight, bias); break;
    }
}

/* ---- filling ---- */

#if defined(HALF)
enum { NAME(HALF_LANES) = HALF(LANES) };
#else
enum { NAME(HALF_LANES) = 0 };
#endif

/* What is left of a row behind whole vectors, or all of a short one: at most HALF_LANES elements if `half`. */
static inline __attribute__((always_inline)) void NAME(copy_part)(REAL *dst, const REAL *src, int64_t cols,
                                                                  const bool half) {
#if defined(HALF)
    if (half) {
        HALF(store_part)(dst, cols, HALF(load_part)(src, cols));
        return;
    }
#endif
    (void)half;
    NAME(store_part)(dst, cols, NAME(load_part)(src, cols));
}

/* The same for up to twice as many, which are split; at most LANES of them if `half`. */
static inline __attribute__((always_inline)) void NAME(split_part)(REAL *even, REAL *odd, const REAL *src,
                                                                   int64_t cols, const bool half) {
    int64_t evens = (cols + 1) / 2, odds = cols / 2;
    NAME(vec) a = NAME(load_part)(src, min_i64(cols, NAME(LANES))), b = a;
    if (!half && cols > NAME(LANES))
        b = NAME(load_part)(src + NAME(LANES), cols - NAME(LANES));
    NAME(store_part)(even, evens, NAME(even)(a, b));
    if (odds > 0)
        NAME(store_part)(odd, odds, NAME(odd)(a, b));
}

static void NAME(copy_row)(REAL *dst, const REAL *src, int64_t cols) {
    int64_t t = 0;
    for (; t + NAME(LANES) <= cols; t += NAME(LANES))
        NAME(store)(dst + t, NAME(load)(src + t));
    if (t < cols)
        NAME(copy_part)(dst + t, src + t, cols - t, cols - t <= NAME(HALF_LANES));
}

static void NAME(split_row)(REAL *even, REAL *odd, const REAL *src, int64_t cols) {
    int64_t t = 0;
    for (; 2 * (t + NAME(LANES)) <= cols; t += NAME(LANES)) {
        NAME(vec) a = NAME(load)(src + 2 * t), b = NAME(load)(src + 2 * t + NAME(LANES));
        NAME(store)(even + t, NAME(even)(a, b));
        NAME(store)(odd + t, NAME(odd)(a, b));
    }
    if (2 * t < cols)
        NAME(split_part)(even + t, odd + t, src + 2 * t, cols - 2 * t, false);
}

/* All rows, of `kind`: one part of a vector that is a half (0) or not (1), or any number (2). */
static inline __attribute__((always_inline)) void NAME(fill_rows)(const struct depthwise_rows *s, REAL *even,
                                                                  REAL *odd, const REAL *src, const int kind) {
    const int64_t dst_step = s->dst_row_step, src_step = s->src_row_step, cols = s->cols;
    for (int64_t p = 0; p < s->planes; p++)
        for (int64_t y = 0; y < s->rows; y++) {
            int64_t at = p * s->dst_plane_step + y * dst_step;
            const REAL *from = src + p * s->src_plane_step + y * src_step;
            if (odd == NULL && kind == 2)
                NAME(copy_row)(even + at, from, cols);
            else if (odd == NULL)
                NAME(copy_part)(even + at, from, cols, kind == 0);
            else if (kind == 2)
                NAME(split_row)(even + at, odd + at, from, cols);
            else
                NAME(split_part)(even + at, odd + at, from, cols, kind == 0);
        }
}

static void NAME(depthwise_fill)(const struct depthwise_rows *s, REAL *even, REAL *odd, const REAL *src) {
    if (odd == NULL) {
        if (s->cols <= NAME(HALF_LANES))
            NAME(fill_rows)(s, even, NULL, src, 0);
        else if (s->cols <= NAME(LANES))
            NAME(fill_rows)(s, even, NULL, src, 1);
        else
            NAME(fill_rows)(s, even, NULL, src, 2);
        return;
    }
    if (s->cols <= NAME(LANES))
        NAME(fill_rows)(s, even, odd, src, 0);
    else if (s->cols <= 2 * NAME(LANES))
        NAME(fill_rows)(s, even, odd, src, 1);
    else
        NAME(fill_rows)(s, even, odd, src, 2);
}
