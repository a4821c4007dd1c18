/*
 * Sums on their way to the output, for one type; included by the methods with REAL and NAME. A kernel call sums some of an
 * output's products; what it adds its sum to is the output itself, or, where there are many calls, a buffer of the
 * unit's size in the slot's workspace, which is added to the output after every `tiles.calls_per_sum` of them.
 */
struct NAME(sums) {
    const struct conv_plan *plan;
    const struct conv_unit *unit;
    REAL *out;          /* the unit's first output */
    REAL *kept;         /* [outs, rows, kept_width]; NULL: there are few calls */
    int64_t kept_width; /* at least the unit's columns */
    const REAL *bias;   /* of the unit's first output channel, or NULL */
    int64_t pending;    /* calls whose sums are in `kept` */
    bool begun;         /* the output has been written to */
};

/* What the next call writes, whether it adds to what is there, and the bias that it adds where it is the last. */
static inline REAL *NAME(sums_to)(const struct NAME(sums) * s) {
    return s->kept != NULL ? s->kept : s->out;
}

static inline bool NAME(sums_add)(const struct NAME(sums) * s) {
    return s->kept != NULL ? s->pending > 0 : s->begun;
}

static inline const REAL *NAME(sums_bias)(const struct NAME(sums) * s, bool last) {
    return s->kept == NULL && last ? s->bias : NULL;
}

/* out = start + kept + bias (or 0), where start is 0 the first time and the output itself later. */
static void NAME(sums_flush)(const struct NAME(sums) * s, const REAL *bias) {
    int64_t width = conv_axis_x(s->plan)->output, plane = conv_axis_y(s->plan)->output * width;
    const REAL *from = s->kept;
    for (int64_t k = 0; k < s->unit->outs; k++)
        for (int64_t y = 0; y < s->unit->rows; y++, from += s->kept_width) {
            REAL *to = s->out + k * plane + y * width;
            for (int64_t x = 0; x < s->unit->cols; x++)
                to[x] = (s->begun ? to[x] + from[x] : from[x]) + (bias != NULL ? bias[k] : 0);
        }
}

/* After each call. */
static void NAME(sums_called)(struct NAME(sums) * s, bool last) {
    if (s->kept != NULL) {
        if (++s->pending < s->plan->tiles.calls_per_sum && !last)
            return;
        NAME(sums_flush)(s, last ? s->bias : NULL);
        s->pending = 0;
    }
    s->begun = true;
}
