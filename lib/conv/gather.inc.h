/* gather_row for one type; included by gather.c with REAL and NAME. */

/* Positions outside the row: for none of them is the index -1 unless the mode is zeros. */
static void NAME(gather_edge)(REAL *dst, const REAL *row, int64_t size, enum padding_mode mode, int64_t start,
                              int64_t step, int64_t count) {
    if (mode == PADDING_ZEROS) {
        for (int64_t t = 0; t < count; t++)
            dst[t] = 0;
        return;
    }
    for (int64_t t = 0; t < count; t++) {
        int64_t index = gather_index(start + t * step, size, mode);
        dst[t] = row[index];
    }
}

static void NAME(gather_inside)(REAL *restrict dst, const REAL *restrict row, int64_t step, int64_t count) {
    if (step == 1)
        memcpy(dst, row, (size_t)count * sizeof(REAL));
    else if (step == 2) /* the one stride above 1 that networks use much */
        kernels_get()->rows->NAME(every_second)(dst, row, count);
    else
        for (int64_t t = 0; t < count; t++)
            dst[t] = row[t * step];
}

void NAME(gather_row)(REAL *dst, const REAL *row, int64_t size, enum padding_mode mode, int64_t start,
                      int64_t step, int64_t count) {
    if (row == NULL) {
        memset(dst, 0, (size_t)count * sizeof(REAL));
        return;
    }
    /* [from, to): those t with 0 <= start + t * step < size. */
    int64_t from = start >= 0 ? 0 : min_i64(count, steps(-start + step - 1, step));
    int64_t to = start >= size ? 0 : min_i64(count, steps(size - 1 - start, step) + 1);
    if (to <= from) {
        NAME(gather_edge)(dst, row, size, mode, start, step, count);
        return;
    }
    NAME(gather_edge)(dst, row, size, mode, start, step, from);
    NAME(gather_inside)(dst + from, row + (start + from * step), step, to - from);
    NAME(gather_edge)(dst + to, row, size, mode, start + to * step, step, count - to);
}
