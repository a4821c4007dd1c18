/*
 * The register tile of the depthwise kernels for one width of vectors; the contract is in
 * lib/kernels/depthwise_kernels.h. The including file has included lib/kernels/vectors.inc.h for the type, and defines
 *
 *   MOST_ROWS       output rows of the tallest tile
 *   KEEP(v)         says that v is worth a register: compilers would rather load it again for each product
 */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

enum { NAME(MOST_SUMS) = 2 * MOST_ROWS };

/*
 * acc = what columns begin .. end - 1 of the windows of `outs` output channels see. All but `s` and the pointers are
 * constants where this is inlined, so that the loops unroll and `in` and `acc` live in registers.
 */
static inline __attribute__((always_inline)) void
NAME(depthwise_columns)(const struct depthwise_shape *s, NAME(vec) * acc, const REAL *src, const REAL *weight,
                        const int begin, const int end, const int outs, const int rows, const int window,
                        const int stride) {
    const int64_t row_step = s->src_row_step, phase_step = s->src_phase_step,
                  weight_step = s->weight_out_step;
    UNROLL for (int n = 0; n < outs * rows; n++) acc[n] = (NAME(vec)){0};
    for (int64_t c = 0; c < s->channels; c++, src += s->src_plane_step, weight += window * window)
        for (int j = begin; j < end; j++) {
            NAME(vec) in[2 * (MOST_ROWS - 1) + 7];
            const REAL *from = src + j % stride * phase_step + j / stride;
            UNROLL for (int r = 0; r < (rows - 1) * stride + window; r++) {
                in[r] = NAME(load)(from + r * row_step);
                KEEP(in[r]);
            }
            UNROLL for (int i = 0; i < window; i++) UNROLL for (int k = 0; k < outs; k++) {
                REAL w = weight[k * weight_step + i * window + j];
                UNROLL for (int y = 0; y < rows; y++) acc[k * rows + y] += w * in[y * stride + i];
            }
        }
}

/*
 * out = sums + start + bias for the rows from `skip` to `end` - 1 of a tile, the first `part` elements of each. All is loaded
 * before any is stored: a load that touches a store before it waits until that has reached the cache, and the rows of
 * narrow planes share vectors.
 */
static __attribute__((noinline)) void NAME(depthwise_store)(const struct depthwise_shape *s, REAL *out,
                                                            NAME(vec) * sums, REAL bias, int64_t skip,
                                                            int64_t end, int64_t part) {
    const int64_t row_step = s->out_row_step;
    if (s->add)
        for (int64_t y = skip; y < end; y++)
            sums[y] += part == NAME(LANES) ? NAME(load)(out + y * row_step)
                                           : NAME(load_part)(out + y * row_step, part);
    for (int64_t y = skip; y < end; y++)
        sums[y] += bias;
    if (part == NAME(LANES))
        for (int64_t y = skip; y < end; y++)
            NAME(store)(out + y * row_step, sums[y]);
    else
        for (int64_t y = skip; y < end; y++)
            NAME(store_part)(out + y * row_step, part, sums[y]);
}

/*
 * `rows` rows of one vector for `outs` output channels, of which rows below `skip` or from `end` on and elements from
 * `part` on are not written.
 */
static inline __attribute__((always_inline)) void
NAME(depthwise_tile)(const struct depthwise_shape *s, REAL *out, const REAL *src, const REAL *weight,
                     const REAL *bias, const int64_t skip, const int64_t end, const int64_t part,
                     const int outs, const int rows, const int window, const int stride) {
    NAME(vec) acc[NAME(MOST_SUMS)], first[NAME(MOST_SUMS)];
    const int half = window == 7 ? 4 : 0; /* one chain of 49 would lose some accuracy */
    if (half > 0)
        NAME(depthwise_columns)(s, first, src, weight, 0, half, outs, rows, window, stride);
    NAME(depthwise_columns)(s, acc, src, weight, half, window, outs, rows, window, stride);
    if (half > 0)
        UNROLL for (int n = 0; n < outs * rows; n++) acc[n] += first[n];
    if (s->add || skip > 0 || end < rows) {
        NAME(vec) sums[NAME(MOST_SUMS)]; /* in memory, where acc shall not be */
        UNROLL for (int n = 0; n < outs * rows; n++) sums[n] = acc[n];
        for (int k = 0; k < outs; k++)
            NAME(depthwise_store)
            (s, out + k * s->out_plane_step, sums + k * rows, bias != NULL ? bias[k] : 0, skip, end, part);
        return;
    }
    UNROLL for (int k = 0; k < outs; k++) UNROLL for (int y = 0; y < rows; y++) acc[k * rows + y] +=
        bias != NULL ? bias[k] : 0;
    const int64_t row_step = s->out_row_step, plane_step = s->out_plane_step;
    if (part == NAME(LANES))
        UNROLL for (int k = 0; k < outs; k++) UNROLL for (int y = 0; y < rows; y++)
            NAME(store)(out + k * plane_step + y * row_step, acc[k * rows + y]);
    else
        UNROLL for (int k = 0; k < outs; k++) UNROLL for (int y = 0; y < rows; y++)
            NAME(store_part)(out + k * plane_step + y * row_step, part, acc[k * rows + y]);
}

#undef UNROLL
