/*
 * How sums of products are kept accurate: how many products one chain has, for each kernel, and how chains are added.
 *
 * With `highest` the error of a float32 sum shall stay below 4 * 2^-24 of its magnitudes. What a sum of n numbers of one
 * sign loses is a random walk whose steps are roundings of all partial sums. In ninths of the square of 2^-24 of the sum
 *
 *     one chain of b numbers in n          b² / n          all n in one: n
 *     m chains, added one by one           b * m² / n      all m chains the sum: m
 *     chains added in pairs, pairs of pairs and so on      3 + 3 / 2 + 3 / 4 + …: less than 6, for any number of them
 *
 * and 144 is the square of the bound, that of 4 roundings. Products of random numbers in [0, 1), 200,000 sums each, how often
 * 2^-22 of the sum was passed (of a million), and by how much at most (PyTorch's own error, which is added to the bound
 * where it is larger, excuses six of seven of them):
 *
 *     products in a sum        27            32           64           144          256           512
 *     chains of 64             2,260, 1.45   4,840, 1.61                            540, 1.27      80, 1.19
 *     chains of 32             2,260, 1.45   4,840, 1.61  370, 1.23     10, 1.11      0, 0.98      20, 1.06
 *     … in pairs               2,260, 1.45   4,840, 1.61  370, 1.23      0, 0.98      0, 0.88       0, 0.82
 *     chains of 16 in pairs        0, 0.94      10, 1.04    0, 0.83      0, 0.85      0, 0.79       0, 0.70
 *
 * PyTorch sums some of these in the lanes of vectors, which excuses nothing: single chains of 32 passed the bound in 7 to
 * 16 of 1,500 layers of 32 products and one output. So no chain is longer than GEMM_CHAIN, the shorter a sum the shorter
 * its chains, and the kernels add chains in pairs, which takes no more additions than one by one; with numbers that are all
 * the same, whose roundings all go one way, it loses less than
 * n / b would. kept[l] is the sum of 2^l chains, where bit l of the number of chains that are done is set:
 *
 *     chain 0        kept[0] = 0
 *     chain 1        kept[1] = 1 + kept[0]
 *     chain 2        kept[0] = 2
 *     chain 3        kept[2] = (3 + kept[0]) + kept[1]
 *
 * The last chain adds all that is kept.
 */
#ifndef CONVD_LIB_KERNELS_CHAINS_H
#define CONVD_LIB_KERNELS_CHAINS_H

#include <stdint.h>

enum {
    /* GEMM: a chain's end costs about 1.5 % of 64 products. WINOGRAD takes chains of 32 where precision is highest. */
    GEMM_CHAIN = 64,
    GEMM_SHORT_CHAIN = 32,
    GEMM_SHORTEST_CHAIN = 16,
    GEMM_SHORT_DEPTH = 768, /* 193 to 256 products in chains of 64 passed the bound in 9 of 6,000 cases */
    GEMM_SHORTEST_DEPTH = 128,
    GEMM_LEVELS = 6, /* so up to 64 chains a call */

    /* Depthwise kernels: chains of 18 products of two channels (3 x 3), 15 and 10 (5 x 5) or 28 and 21 (7 x 7). */
    DEPTHWISE_CHANNELS = 32,
    DEPTHWISE_LEVELS = 6,

    /* DIRECT's row kernels: a call is up to two chains. See lib/conv/plan.h for what adds the calls. */
    DIRECT_PRODUCTS = 32,
    DIRECT_MOST_PRODUCTS = 512,
    DIRECT_CHAIN = 18,
};

/* The chain for sums of `depth` products, all calls together. */
static inline int64_t gemm_chain(int64_t depth) {
    return depth <= GEMM_SHORTEST_DEPTH ? GEMM_SHORTEST_CHAIN
           : depth <= GEMM_SHORT_DEPTH  ? GEMM_SHORT_CHAIN
                                        : GEMM_CHAIN;
}

/*
 * How many chains a row kernel makes of `rows` rows of `taps` products. 3 x 3 over 3 channels, the first layer of many
 * networks, stays one of 27: two take 1.15 times as long, and PyTorch, too, sums them so that none of 12,000 layers passed
 * the bound (25 of 5 x 5: 13 of 8,000).
 */
static inline int row_chains(int64_t rows, int64_t taps) {
    return rows > 1 && rows * taps > DIRECT_CHAIN && !(rows == 9 && taps == 3) ? 2 : 1;
}

#endif
