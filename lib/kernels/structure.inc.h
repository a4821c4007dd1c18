/*
 * The structure pass of lib/numbers/array_text.h for one level, 64 bytes of text at a time. The including file
 * defines
 *
 *   text_masks(p)   which of the 64 bytes at p are what
 *
 * Numbers and commas alternate in a well-formed array whatever brackets stand between them, so one bit of
 * state, "a number has been seen since the last comma", proves the grammar. With the first bytes of numbers and the
 * commas as integers of 64 bits, that state of each byte is their difference: 2^j - 2^i has ones from the number at i
 * up to the comma at j. A second number without a comma between has a zero there, and a second comma a one; what is
 * lower does not depend on what is higher, so the first of them shows. Only brackets are looked at one by one.
 */

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
static inline bool structure_brackets(struct array_structure *s, const struct text_masks *m, uint64_t starts,
                                      int64_t *bytes) {
    for (uint64_t left = m->opens | m->closes; left != 0; left &= left - 1) {
        uint64_t bit = left & -left;
        int64_t numbers = s->numbers + __builtin_popcountll(starts & (bit - 1));
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
    uint64_t starts = m.numbers & ~(m.numbers << 1 | s->in_number);
    uint64_t after = m.commas - starts - s->after_number;
    uint64_t wrong = ((starts | m.closes) & ~after) | ((m.commas | m.opens) & after) | m.strangers;
    if ((m.opens | m.closes) != 0 && !structure_brackets(s, &m, starts, &taken))
        return ARRAY_REFUSED;
    uint64_t mine = ~UINT64_C(0) >> (64 - taken);
    if (wrong & mine)
        return ARRAY_REFUSED;
    s->at += taken;
    s->numbers += __builtin_popcountll(starts & mine);
    s->in_number = m.numbers >> (taken - 1) & 1;
    s->after_number = after >> 63;
    return s->depth == 0 ? ARRAY_DONE : ARRAY_MORE;
}

static enum array_verdict structure_walk(struct array_structure *state, size_t bytes) {
    struct array_structure s = *state;
    enum array_verdict verdict = ARRAY_MORE;
    for (size_t done = 0; verdict == ARRAY_MORE && done < bytes; done += 64) {
        char copy[64];
        const char *block = s.at;
        int64_t left = s.end - s.at;
        if (left <= 0)
            return ARRAY_REFUSED;
        if (left < 64) { /* blanks, which say nothing, behind the text */
            memset(copy, ' ', sizeof copy);
            memcpy(copy, s.at, (size_t)(left < 64 ? left : 64));
            block = copy;
        }
        verdict = structure_block(&s, block, left < 64 ? left : 64);
    }
    *state = s;
    return verdict;
}
