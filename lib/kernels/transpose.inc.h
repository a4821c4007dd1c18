/* Vectors transposed; after lib/kernels/vectors.inc.h, with zip_low and zip_high. */

/* Rows to columns, of as many vectors as lanes: each step moves the number of a lane by one bit towards that of its
 * vector. */
static inline __attribute__((always_inline)) void NAME(transpose)(NAME(vec) *v) {
    _Pragma("GCC unroll 4") for (int bit = 1; bit < NAME(LANES); bit *= 2) {
        NAME(vec) zipped[NAME(LANES)];
        _Pragma("GCC unroll 8") for (int i = 0; i < NAME(LANES) / 2; i++) {
            zipped[2 * i] = NAME(zip_low)(v[i], v[i + NAME(LANES) / 2]);
            zipped[2 * i + 1] = NAME(zip_high)(v[i], v[i + NAME(LANES) / 2]);
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < NAME(LANES); i++) v[i] = zipped[i];
    }
}
