/*
 * The register tile of the depthwise kernels for one width of vectors; the contract is in
 * lib/kernels/depthwise_kernels.h. The including file has included lib/kernels/vectors.inc.h for the type, and defines
 *
 *   MOST_ROWS       output rows of the tallest tile
 *   KEEP(v)         says that v is worth a register: compilers would rather load it again for each product
 */

#include "lib/kernels/unroll.h"

enum { NAME(MOST_SUMS) = 2 * MOST_ROWS };

/*
 * acc = what columns begin .. end - 1 of the windows of `outs` output channels see in `channels` channels, in one chain.
 * The last four are constants where this is inlined, so that the loops over them unroll and `in` and `acc` live in
 * registers.
 */
static inline __attribute__((always_inline)) void
NAME(depthwise_chain)(const struct depthwise_shape *s, NAME(vec) * acc, const REAL *src, const REAL *weight,
                      const int64_t channels, const int64_t begin, const int64_t end, const int outs,
                      const int rows, const int window, const int stride) {
    const int64_t row_step = s->src_row_step, phase_step = s->src_phase_step,
                  weight_step = s->weight_out_step;
    UNROLL for (int n = 0; n < outs * rows; n++) acc[n] = (NAME(vec)){0};
    for (int64_t c = 0; c < channels; c++, src += s->src_plane_step, weight += window * window)
        for (int64_t j = begin; j < end; j++) {
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
 * acc = the whole sum of two chains or more: chains of two channels' 9 products, or of the left or right columns of one
 * channel's 25 or 49, added in pairs (lib/kernels/chains.h).
 */
static inline __attribute__((always_inline)) void
NAME(depthwise_pairs)(const struct depthwise_shape *s, NAME(vec) * acc, const REAL *src, const REAL *weight,
                      const int outs, const int rows, const int window, const int stride) {
    NAME(vec) kept[DEPTHWISE_LEVELS][NAME(MOST_SUMS)];
    __asm__("" : "=m"(kept)); /* nothing is read before it is written, which the compiler does not see */
    const int64_t half = (window + 1) / 2, channels = s->channels;
    const int64_t chains = window == 3 ? (channels + 1) / 2 : 2 * channels;
    for (int64_t n = 0;; n++) {
        int64_t c = window == 3 ? 2 * n : n / 2, level = 0;
        NAME(depthwise_chain)
        (s, acc, src + c * s->src_plane_step, weight + c * window * window,
         window == 3 ? min_i64(2, channels - c) : 1, window == 3 || n % 2 == 0 ? 0 : half,
         window == 3 || n % 2 != 0 ? window : half, outs, rows, window, stride);
        for (; (n >> level & 1) != 0; level++)
            UNROLL for (int i = 0; i < outs * rows; i++) acc[i] += kept[level][i];
        if (n + 1 == chains) {
            for (; n >> level != 0; level++)
                if ((n >> level & 1) != 0)
                    UNROLL for (int i = 0; i < outs * rows; i++) acc[i] += kept[level][i];
            return;
        }
        UNROLL for (int i = 0; i < outs * rows; i++) kept[level][i] = acc[i];
    }
}

/* acc = the sum of one channel's products, which is a chain of 9, or two that stay in registers. */
static inline __attribute__((always_inline)) void
NAME(depthwise_one)(const struct depthwise_shape *s, NAME(vec) * acc, const REAL *src, const REAL *weight,
                    const int outs, const int rows, const int window, const int stride) {
    NAME(vec) first[NAME(MOST_SUMS)];
    const int half = window == 3 ? 0 : (window + 1) / 2;
    if (half > 0)
        NAME(depthwise_chain)(s, first, src, weight, 1, 0, half, outs, rows, window, stride);
    NAME(depthwise_chain)(s, acc, src, weight, 1, half, window, outs, rows, window, stride);
    if (half > 0)
        UNROLL for (int n = 0; n < outs * rows; n++) acc[n] += first[n];
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
    NAME(vec) acc[NAME(MOST_SUMS)];
    if (s->channels == 1)
        NAME(depthwise_one)(s, acc, src, weight, outs, rows, window, stride);
    else
        NAME(depthwise_pairs)(s, acc, src, weight, outs, rows, window, stride);
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
