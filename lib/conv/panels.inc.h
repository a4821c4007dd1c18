/* PANELS for one type; included by panels.c with REAL and NAME. */

/* Channels c .. c + count - 1 of the group, as the layout wants them. */
static void NAME(gather_channels)(const struct tile *tile, const REAL *input, int64_t count, REAL *dst) {
    const struct conv_plan *plan = tile->plan;
    const struct panels_layout *l = &tile->layout;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t top = l->span.y0 * ay->stride - ay->pad_begin, left = l->span.x0 * ax->stride - ax->pad_begin;
    for (int64_t c = 0; c < count; c++, input += ay->input * ax->input)
        for (int64_t r = 0; r < l->rows.count; r++) {
            int64_t position = l->rows.dense ? top + r
                                             : top + r % l->span.rows * ay->stride + r / l->span.rows * ay->dilation;
            int64_t index = gather_index(position, ay->input, plan->padding_mode);
            const REAL *row = index < 0 ? NULL : input + index * ax->input;
            for (int64_t p = 0; p < l->phases; p++, dst += l->phase_step) {
                int64_t start = left + p * ax->dilation % ax->stride;
                NAME(gather_row)(dst, row, ax->input, plan->padding_mode, start, ax->stride,
                                 min_i64(l->phase_step, panels_run(ax, start)));
            }
        }
}

static void NAME(fill_panels)(const struct tile *tile, const REAL *from, int64_t depth, REAL *panels) {
    const struct gemm_kernels *kernels = kernels_get()->gemm;
    int64_t begin = 0;
    for (int64_t p = 0; p * tile->panel_cols < tile->unit->cols; p++, panels += depth * tile->panel_cols) {
        kernels->NAME(fill)(panels, tile->panel_cols, from, tile->offset, depth, tile->pieces + begin,
                            tile->piece_end[p] - begin);
        begin = tile->piece_end[p];
    }
}

/* The steps that stay the same from block to block. */
static struct gemm_shape NAME(shape_of)(const struct tile *tile, int64_t depth) {
    const struct conv_plan *plan = tile->plan;
    bool in_place = plan->tiles.panels == 0;
    struct gemm_shape shape = {.rows = tile->unit->outs, .cols = tile->unit->cols, .a_row_step = depth, .a_depth_step = 1};
    shape.a_block_step = kernels_get()->gemm->rows * depth;
    shape.b_depth_step = in_place ? conv_axis_y(plan)->input * conv_axis_x(plan)->input : tile->panel_cols;
    shape.out_step = conv_axis_y(plan)->output * conv_axis_x(plan)->output;
    return shape;
}

void NAME(conv_panels)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_plan *plan = call->plan;
    const struct conv_tiles *t = &plan->tiles;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t plane = ay->input * ax->input, taps = ay->kernel * ax->kernel, depth = plan->group_channels * taps;
    const REAL *input = (const REAL *)call->input +
                        (unit->image * plan->sizes.channels + unit->group * plan->group_channels) * plane;
    const REAL *weight = (const REAL *)call->weight + unit->k * depth;
    const REAL *bias = call->bias != NULL ? (const REAL *)call->bias + unit->k : NULL;
    REAL *gathered = workspace, *panels = gathered + t->gathered;
    struct tile tile = tile_open(plan, unit, kernels_get()->gemm->NAME(cols), panels + t->panels);
    struct gemm_shape shape = NAME(shape_of)(&tile, depth);
    REAL *out = (REAL *)call->output + (unit->image * plan->groups * plan->group_outs + unit->k) * shape.out_step +
                unit->x;
    int64_t c = 0;
    do { /* once for no channels too: the product of nothing is zeros */
        int64_t channels = min_i64(t->channels, plan->group_channels - c);
        const REAL *b = input + c * plane;
        shape.depth = channels * taps;
        shape.b_panel_step = t->panels == 0 ? tile.panel_cols : shape.depth * tile.panel_cols;
        shape.add = c > 0;
        if (t->gathered > 0) {
            NAME(gather_channels)(&tile, b, channels, gathered);
            b = gathered;
        } else {
            b += unit->x;
        }
        if (t->panels > 0) {
            NAME(fill_panels)(&tile, b, shape.depth, panels);
            b = panels;
        }
        kernels_get()->gemm->NAME(gemm)(&shape, out, weight + c * taps, b, bias);
        c += channels;
    } while (c < plan->group_channels && !conv_cancelled(call));
}
