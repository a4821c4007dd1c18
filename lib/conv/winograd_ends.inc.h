/* What winograd_ends.h promises for one type; included by winograd_ends.c with REAL, NAME and KERNELS. */

/* ---- weights ---- */

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
        for (int64_t c = 0; c < plan->group_channels; c++)
            packed[packing.apart + group * plan->group_channels + c] = NAME(is_apart)(cells, count, largest + c * taps);
    }
}

/* ---- inputs ---- */

/*
 * Whether what lies around the middle of a plane is by far larger than what lies in it; with a stride of 2, than it is in each of the
 * four phases of the middle, which meet different taps.
 */
static bool NAME(stands_out)(const struct conv_plan *plan, const REAL *plane) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct middle rows = middle_of(ay), cols = middle_of(ax);
    NAME(winograd_largest) *largest = KERNELS.largest;
    REAL in[2][2] = {{0}}, around[2] = {0};
    for (int64_t y = 0; y < ay->input; y++, plane += ax->input) {
        if (y < rows.first || y >= rows.end) {
            largest(around, plane, ax->input);
            continue;
        }
        largest(around, plane, cols.first);
        largest(in[(y - rows.first) % 2], plane + cols.first, cols.end - cols.first);
        largest(around, plane + cols.end, ax->input - cols.end);
    }
    REAL most = around[0] > around[1] ? around[0] : around[1];
    bool beyond[4];
    for (int i = 0; i < 4; i++)
        beyond[i] = most > MOST_APART * in[i / 2][i % 2];
    return ay->stride == 2 ? beyond[0] || beyond[1] || beyond[2] || beyond[3]
                           : beyond[0] && beyond[1] && beyond[2] && beyond[3];
}

bool NAME(winograd_ends_show)(const struct conv_call *call, int64_t group, int64_t image) {
    const struct conv_plan *plan = call->plan;
    int64_t plane = conv_axis_y(plan)->input * conv_axis_x(plan)->input, first = group * plan->group_channels;
    const REAL *apart = (const REAL *)call->weight + winograd_packing(plan).apart + first;
    const REAL *planes = (const REAL *)call->input + (image * plan->sizes.channels + first) * plane;
    for (int64_t c = 0; c < plan->group_channels; c++)
        if (apart[c] != 0 && NAME(stands_out)(plan, planes + c * plane))
            return true;
    return false;
}
