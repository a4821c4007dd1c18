/* What winograd_ends.h promises for one type; included by winograd_ends.c with REAL and NAME. */

static REAL NAME(largest_of)(const REAL *values, const uint8_t *which, int count) {
    REAL largest = 0;
    for (int i = 0; i < count; i++)
        largest = values[which[i]] > largest ? values[which[i]] : largest;
    return largest;
}

/* Whether the largest weights of one input channel are such that some input meets only what is small beside what it is taken
 * together with. */
static bool NAME(is_apart)(const struct cells *cells, int count, const REAL *largest) {
    for (int i = 0; i < count; i++)
        if (NAME(largest_of)(largest, cells[i].taken, cells[i].taken_count) >
            MOST_APART * NAME(largest_of)(largest, cells[i].met, cells[i].met_count))
            return true;
    return false;
}

void NAME(winograd_judge)(const struct conv_plan *plan, REAL *packed) {
    struct cells cells[MOST_TAPS * MOST_TAPS];
    int64_t taps = conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel, row = plan->group_channels * taps;
    struct winograd_packing packing = winograd_packing(plan);
    REAL *largest = packed + packing.largest;
    int64_t blocks = div_ceil_i64(plan->group_outs, GEMM_BLOCK);
    int count = find_cells(plan, cells);
    for (int64_t group = 0; group < plan->groups; group++, largest += blocks * row) {
        for (int64_t block = 1; block < blocks; block++)
            for (int64_t i = 0; i < row; i++)
                largest[i] = largest[block * row + i] > largest[i] ? largest[block * row + i] : largest[i];
        bool apart = false;
        for (int64_t c = 0; c < plan->group_channels && !apart; c++)
            apart = NAME(is_apart)(cells, count, largest + c * taps);
        for (int64_t block = 0; block < blocks && apart; block++) {
            REAL *again = packed + packing.again + group * blocks + block;
            *again = *again == AGAIN_NONE ? AGAIN_ENDS : *again;
        }
    }
}
