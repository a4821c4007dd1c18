/* gather_inside and gather_row for one type; included by gather.c with REAL and NAME. */

void NAME(gather_inside)(REAL *restrict dst, const REAL *restrict row, int64_t step, int64_t count) {
    if (step == 1)
        memcpy(dst, row, (size_t)count * sizeof(REAL));
    else if (step == 2) /* the one stride above 1 that networks use much */
        kernels_get()->rows->NAME(every_second)(dst, row, count);
    else
        for (int64_t t = 0; t < count; t++)
            dst[t] = row[t * step];
}

static void NAME(fill)(REAL *dst, REAL value, int64_t count) {
    for (int64_t t = 0; t < count; t++)
        dst[t] = value;
}

/* Positions that are all in front of the row, or all behind it. With circular padding they are those of a row that lies
 * beside this one, with reflected padding those of one that runs the other way. */
static void NAME(gather_side)(REAL *restrict dst, const REAL *restrict row, int64_t size, enum padding_mode mode,
                              int64_t start, int64_t step, int64_t count) {
    if (count == 0)
        return;
    int64_t index = gather_index(start, size, mode);
    switch (mode) {
    case PADDING_ZEROS: memset(dst, 0, (size_t)count * sizeof(REAL)); break;
    case PADDING_REPLICATE: NAME(fill)(dst, row[index], count); break;
    case PADDING_CIRCULAR: NAME(gather_inside)(dst, row + index, step, count); break;
    case PADDING_REFLECT:
        if (step == 1)
            for (int64_t t = 0; t < count; t++)
                dst[t] = row[index - t];
        else
            for (int64_t t = 0; t < count; t++)
                dst[t] = row[index - t * step];
        break;
    }
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
    NAME(gather_side)(dst, row, size, mode, start, step, from);
    to = max_i64(from, to); /* where one step passes over the whole row, no t is inside */
    if (to > from)
        NAME(gather_inside)(dst + from, row + (start + from * step), step, to - from);
    NAME(gather_side)(dst + to, row, size, mode, start + to * step, step, count - to);
}
