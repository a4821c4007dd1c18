/*
 * The structure pass of lib/numbers/array_text.h for one level, 64 bytes of text at a time. The including file
 * defines
 *
 *   text_masks(p)   which of the 64 bytes at p are what; where numbers begin; the byte at p - 1 may be read
 *
 * Numbers and commas alternate in a well-formed array whatever brackets stand between them, so one bit of
 * state, "a number has been seen since the last comma", proves the grammar: with `events` the first bytes of
 * numbers and the commas, the state at each byte is the parity of the events up to it, which is a prefix sum
 * over GF(2) (Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019, use one for quotes). Only
 * brackets are looked at one by one.
 */

/* Bit i is the exclusive or of bits 0 … i: the product with all ones, without carries. */
static inline uint64_t prefix_parity(uint64_t bits) {
#if defined(__PCLMUL__)
    __m128i ones = _mm_set1_epi8(-1), factor = _mm_cvtsi64_si128((int64_t)bits);
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(factor, ones, 0));
#else
    for (int step = 1; step < 64; step *= 2)
        bits ^= bits << step;
    return bits;
#endif
}

/* '[' after `numbers` numbers; false when no tensor has it there. */
static inline bool structure_open(struct array_structure *s, int64_t numbers) {
    if (numbers != s->numbers_before || s->depth == s->max_depth)
        return false;
    s->children[s->depth]++;
    s->children[++s->depth] = 0;
    s->opened = true;
    return true;
}

/* ']': the first array of each depth says how long all others are, and the first of numbers how deep. */
static inline bool structure_close(struct array_structure *s, int64_t numbers) {
    int level = s->depth - 1;
    int64_t length = s->opened ? numbers - s->numbers_before : s->children[s->depth];
    if (s->opened) {
        if (length == 0 || (s->shape.rank != 0 && s->shape.rank != s->depth))
            return false;
        s->shape.rank = s->depth;
    } else if (numbers != s->numbers_before || s->depth >= s->shape.rank) {
        return false;
    }
    if (s->shape.dim[level] == 0)
        s->shape.dim[level] = length;
    s->depth--;
    s->opened = false;
    s->numbers_before = numbers;
    return s->shape.dim[level] == length;
}

/* The brackets of a block; *bytes is cut to what belongs to the array when it ends here. */
static inline bool structure_brackets(struct array_structure *s, const struct text_masks *m, int64_t *bytes) {
    for (uint64_t left = m->opens | m->closes; left != 0; left &= left - 1) {
        uint64_t bit = left & -left;
        int64_t numbers = s->numbers + __builtin_popcountll(m->starts & (bit - 1));
        if (!(m->opens & bit ? structure_open(s, numbers) : structure_close(s, numbers)))
            return false;
        if (s->depth == 0) {
            *bytes = __builtin_ctzll(bit) + 1;
            return true;
        }
    }
    return true;
}

static inline enum array_verdict structure_block(struct array_structure *s, const char *block,
                                                 int64_t bytes) {
    struct text_masks m = text_masks(block);
    int64_t taken = bytes;
    uint64_t after = prefix_parity(m.starts | m.commas) ^ s->after_number;
    uint64_t wrong = ((m.starts | m.closes) & ~after) | ((m.commas | m.opens) & after) | m.strangers;
    if ((m.opens | m.closes) != 0 && !structure_brackets(s, &m, &taken))
        return ARRAY_REFUSED;
    uint64_t mine = ~UINT64_C(0) >> (64 - taken);
    if (wrong & mine)
        return ARRAY_REFUSED;
    s->at += taken;
    s->numbers += __builtin_popcountll(m.starts & mine);
    s->after_number = 0 - (after >> 63);
    return s->depth == 0 ? ARRAY_DONE : ARRAY_MORE;
}

static enum array_verdict structure_walk(struct array_structure *state, size_t bytes) {
    struct array_structure s = *state;
    enum array_verdict verdict = ARRAY_MORE;
    for (size_t done = 0; verdict == ARRAY_MORE && done < bytes; done += 64) {
        char copy[1 + 64];
        const char *block = s.at;
        int64_t left = s.end - s.at;
        if (left <= 0)
            return ARRAY_REFUSED;
        if (left < 64 || s.depth == 0) { /* blanks, which say nothing, in front of the array and behind the text */
            memset(copy, ' ', sizeof copy);
            memcpy(copy + 1, s.at, (size_t)(left < 64 ? left : 64));
            copy[0] = s.depth == 0 ? ' ' : s.at[-1];
            block = copy + 1;
        }
        verdict = structure_block(&s, block, left < 64 ? left : 64);
    }
    *state = s;
    return verdict;
}
