#include "lib/conv/winograd_ends.h"

#include "lib/base/checked.h"
#include "lib/conv/winograd.h"
#include "lib/kernels/kernels.h"

/*
 * The error grows with how many times larger weights are that a tile takes in beside those that its input meets: where the input is
 * 10^5 times larger, too, to 0.4 of the bound for each. Weights of networks reach a few times; of heavy tails (Student's t with
 * 3 degrees of freedom, 256 to 256 channels) 13 % of layers pass 16 and 50 % pass 8.
 */
enum { MOST_APART = 16 };

/* Sets of taps along an axis, bit i for tap i. */
struct taps {
    unsigned taken, met;
};

enum { MOST_TAPS = 4 };

/*
 * What the rows (or columns) of an input are taken together with, by sums and differences, and what they meet in outputs. Those
 * with the fewest: a row in the middle meets all taps, one at an end not those that would lie over it in outputs that there are
 * not. A tile takes its first row together with the first tap alone, and its last with the last, where it ends with the output.
 * Gives their number.
 */
static int find_taps_apart(const struct window_axis *axis, int64_t m, struct taps *rows) {
    int64_t reach = axis->kernel - 1;
    unsigned all = (2u << reach) - 1, last = 1u << reach;
    int64_t before = min_i64(reach, axis->pad_begin / axis->dilation);
    int64_t behind = min_i64(reach, axis->pad_end / axis->dilation);
    bool whole = axis->dilation == 1 && axis->kernel % 3 == 0 && axis->output % m == 0;
    if (axis->output < reach * axis->dilation) { /* some rows are at both ends */
        rows[0] = (struct taps){all, 0};
        return 1;
    }
    int count = 0;
    rows[count++] = (struct taps){all, all >> (reach - max_i64(before, 1))};
    rows[count++] = (struct taps){all, all & all << (reach - max_i64(behind, whole))};
    if (before == 0)
        rows[count++] = (struct taps){1, 1};
    if (behind == 0 && whole)
        rows[count++] = (struct taps){last, last};
    return count;
}

/*
 * The same with a stride of 2: odd rows meet the middle tap alone, even ones the two others. The first is taken together with the
 * first tap alone, and the last with the last, but for a last tile with one output.
 */
static int find_taps_apart_strided(const struct window_axis *axis, struct taps *rows) {
    bool ends = 2 * axis->output - axis->pad_begin < axis->input, whole = axis->output % 2 == 0;
    int count = 0;
    rows[count++] = (struct taps){2, 2};
    rows[count++] = (struct taps){1 | 4, ends && !whole ? 4 : 1 | 4};
    if (axis->pad_begin == 0)
        rows[count++] = (struct taps){1, 1};
    if (ends && whole)
        rows[count++] = (struct taps){4, 4};
    return count;
}

/* A padding that is not zeros is as much an input as any other: what it is a copy of may meet more, but need not. */
static int find_taps(const struct conv_plan *plan, const struct window_axis *axis, struct taps *rows) {
    struct window_axis padded = *axis;
    if (plan->padding_mode != PADDING_ZEROS) {
        padded.input += axis->pad_begin + axis->pad_end;
        padded.pad_begin = padded.pad_end = 0;
    }
    return axis->stride == 1 ? find_taps_apart(&padded, plan->tiles.winograd_m, rows)
                             : find_taps_apart_strided(&padded, rows);
}

/* The same for the cells of an input, by the numbers of the taps in a kernel. */
struct cells {
    uint8_t taken[WINOGRAD_MOST_KERNEL * WINOGRAD_MOST_KERNEL],
        met[WINOGRAD_MOST_KERNEL * WINOGRAD_MOST_KERNEL];
    int taken_count, met_count;
};

static int list_taps(uint8_t *list, int64_t width, unsigned rows, unsigned cols) {
    int count = 0;
    for (int64_t i = 0; rows >> i != 0; i++)
        for (int64_t j = 0; cols >> j != 0; j++)
            if ((rows >> i & cols >> j & 1) != 0)
                list[count++] = (uint8_t)(i * width + j);
    return count;
}

static int find_cells(const struct conv_plan *plan, struct cells *cells) {
    struct taps rows[MOST_TAPS], cols[MOST_TAPS];
    int of_rows = find_taps(plan, conv_axis_y(plan), rows);
    int of_cols = find_taps(plan, conv_axis_x(plan), cols);
    for (int i = 0; i < of_rows * of_cols; i++) {
        struct taps y = rows[i / of_cols], x = cols[i % of_cols];
        cells[i].taken_count = list_taps(cells[i].taken, conv_axis_x(plan)->kernel, y.taken, x.taken);
        cells[i].met_count = list_taps(cells[i].met, conv_axis_x(plan)->kernel, y.met, x.met);
    }
    return of_rows * of_cols;
}

bool winograd_sees_end(const struct window_axis *axis, int64_t at, int64_t count) {
    int64_t reach = (axis->kernel - 1) * axis->dilation;
    int64_t first = at + axis->dilation, last = at + (count - 2) * axis->dilation;
    return first < reach - axis->pad_begin || last > axis->input - 1 - (reach - axis->pad_end);
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/winograd_ends.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/winograd_ends.inc.h"
