/* DEPTHWISE for one type; included by depthwise.c with REAL and NAME. */

/* The columns beside the input that are not zero. */
static void NAME(fill_sides)(const struct conv_plan *plan, const struct depthwise_layout *l, int64_t first,
                             const REAL *row, REAL *origin) {
    const struct window_axis *ax = conv_axis_x(plan);
    for (int64_t q = 0; q < l->positions; q++) {
        if (q == l->before)
            q += l->inside;
        if (q == l->positions)
            return;
        origin[q % ax->stride * l->phase_step + q / ax->stride] =
            row[gather_index(first + q, ax->input, plan->padding_mode)];
    }
}

/* `count` rows of each of `planes` planes, from neighbouring input rows. */
static void NAME(fill_rows)(const struct conv_plan *plan, const struct depthwise_layout *l, int64_t first,
                            const REAL *row, int64_t planes, int64_t count, REAL *origin) {
    const struct window_axis *ax = conv_axis_x(plan);
    const struct depthwise_rows rows = {.planes = planes,
                                        .rows = count,
                                        .cols = l->inside,
                                        .dst_plane_step = l->plane_step,
                                        .dst_row_step = l->row_step,
                                        .src_plane_step = conv_axis_y(plan)->input * ax->input,
                                        .src_row_step = ax->input};
    int64_t stride = ax->stride, phase = l->before % stride;
    if (l->inside > 0) {
        REAL *even = origin + phase * l->phase_step + l->before / stride;
        REAL *odd = stride == 1 ? NULL : origin + (1 - phase) * l->phase_step + (l->before + 1) / stride;
        kernels_get()->depthwise->NAME(fill)(&rows, even, odd, row + first + l->before);
    }
    if (plan->padding_mode == PADDING_ZEROS)
        return;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t r = 0; r < count; r++)
            NAME(fill_sides)(plan, l, first, row + p * rows.src_plane_step + r * ax->input,
                             origin + p * l->plane_step + r * l->row_step);
}

/* The unit's part of some planes; rows above and below the input are rows of it or, once zeroed, stay so. */
static void NAME(fill_planes)(const struct conv_plan *plan, const struct conv_unit *unit,
                              const struct depthwise_layout *l, const REAL *input, int64_t planes, REAL *origin) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t top = unit->y * ay->stride - ay->pad_begin, first = unit->x * ax->stride - ax->pad_begin;
    int64_t from = min_i64(l->rows, max_i64(0, -top)), to = max_i64(from, min_i64(l->rows, ay->input - top));
    if (to > from)
        NAME(fill_rows)(plan, l, first, input + (top + from) * ax->input, planes, to - from,
                        origin + from * l->row_step);
    if (plan->padding_mode == PADDING_ZEROS)
        return;
    for (int64_t r = 0; r < l->rows; r++) {
        if (r == from)
            r = to;
        if (r == l->rows)
            return;
        int64_t index = gather_index(top + r, ay->input, plan->padding_mode);
        NAME(fill_rows)(plan, l, first, input + index * ax->input, planes, 1, origin + r * l->row_step);
    }
}

/* No channels: a sum of nothing. */
static void NAME(write_start)(const struct conv_plan *plan, const struct conv_unit *unit, const REAL *bias,
                              REAL *out) {
    int64_t width = conv_axis_x(plan)->output;
    for (int64_t k = 0; k < unit->outs; k++)
        for (int64_t y = 0; y < unit->rows; y++)
            for (int64_t x = 0; x < unit->cols; x++)
                out[(k * conv_axis_y(plan)->output + y) * width + x] = bias != NULL ? bias[k] : 0;
}

/* Those fields that are the same for all of a unit's kernel calls. */
static struct depthwise_shape NAME(depthwise_shape)(const struct conv_plan *plan, const struct conv_unit *unit,
                                                    const struct depthwise_layout *l) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    return (struct depthwise_shape){.window = ax->kernel,
                                    .stride = ax->stride,
                                    .outs = unit->outs,
                                    .rows = unit->rows,
                                    .cols = unit->cols,
                                    .src_plane_step = l->plane_step,
                                    .src_row_step = l->row_step,
                                    .src_phase_step = l->phase_step,
                                    .weight_out_step = plan->group_channels * ay->kernel * ax->kernel,
                                    .out_plane_step = ay->output * ax->output,
                                    .out_row_step = ax->output};
}

/* Several groups at once when all of their planes are in the workspace together; else the sums of one group, some
 * channels at a time. */
void NAME(conv_depthwise)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_plan *plan = call->plan;
    const struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t channels = plan->group_channels, in_plane = ay->input * ax->input, taps = ay->kernel * ax->kernel;
    struct depthwise_layout l = depthwise_layout(plan, unit->x, unit->rows, unit->cols);
    struct depthwise_shape shape = NAME(depthwise_shape)(plan, unit, &l);
    const REAL *input =
        (const REAL *)call->input + (unit->image * plan->sizes.channels + unit->group * channels) * in_plane;
    const REAL *weight = (const REAL *)call->weight + unit->k * shape.weight_out_step;
    const REAL *bias = call->bias != NULL ? (const REAL *)call->bias + unit->k : NULL;
    REAL *out = (REAL *)call->output +
                ((unit->image * plan->groups * plan->group_outs + unit->k) * ay->output + unit->y) * ax->output +
                unit->x;
    if (channels == 0) {
        NAME(write_start)(plan, unit, bias, out);
        return;
    }
    REAL *origin = (REAL *)workspace + l.lead;
    int64_t most = min_i64(t->planes, unit->groups * channels);
    memset(workspace, 0, (size_t)(most * l.plane_step) * sizeof(REAL));
    for (int64_t g = 0; g < unit->groups; g += shape.groups) {
        shape.groups = t->channels < channels ? 1 : min_i64(t->planes / channels, unit->groups - g);
        for (int64_t c = 0; c < channels; c += shape.channels, input += shape.groups * shape.channels * in_plane) {
            shape.channels = min_i64(t->channels, channels - c);
            shape.add = c > 0;
            NAME(fill_planes)(plan, unit, &l, input, shape.groups * shape.channels, origin);
            bool last = c + shape.channels == channels;
            kernels_get()->depthwise->NAME(sums)(&shape, out, origin, weight + c * taps, last ? bias : NULL);
        }
        int64_t outs = shape.groups * unit->outs;
        weight += outs * shape.weight_out_step;
        bias = bias != NULL ? bias + outs : NULL;
        out += outs * shape.out_plane_step;
    }
}
