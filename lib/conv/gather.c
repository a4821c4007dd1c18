#include "lib/conv/gather.h"

#include "lib/base/checked.h"
#include "lib/kernels/kernels.h"

#include <stddef.h>
#include <string.h>

int64_t gather_index(int64_t position, int64_t size, enum padding_mode mode) {
    if (position >= 0 && position < size)
        return position;
    switch (mode) {
    case PADDING_REFLECT: return position < 0 ? -position : 2 * (size - 1) - position;
    case PADDING_REPLICATE: return position < 0 ? 0 : size - 1;
    case PADDING_CIRCULAR: return position < 0 ? position + size : position - size;
    case PADDING_ZEROS: break;
    }
    return -1;
}

struct gather_layout gather_layout(const struct window_axis *axis, int64_t outs, int64_t taps,
                                   bool unit_step) {
    /* At most input + paddings, which layer_sizes has seen to fit. */
    int64_t dense = (outs - 1) * axis->stride + (taps - 1) * axis->dilation + 1;
    if (dense <= outs * taps && (!unit_step || axis->stride == 1 || outs == 1))
        return (struct gather_layout){true, dense, axis->stride, axis->dilation};
    return (struct gather_layout){false, outs * taps, 1, outs};
}

/* floor(distance / step): most steps are 1 or 2, and a division takes longer than a short row. */
static int64_t steps(int64_t distance, int64_t step) {
    return step == 1 ? distance : step == 2 ? distance >> 1 : distance / step;
}

#define REAL       float
#define NAME(stem) stem##_f32
#include "lib/conv/gather.inc.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(stem) stem##_f64
#include "lib/conv/gather.inc.h"
