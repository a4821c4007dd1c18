/* REFERENCE for one type; included by reference.c with REAL and NAME. */

/* sum over i, j of weight[i, j] * plane[y * sH + i * dH - pad_top, x * sW + j * dW - pad_left] */
static double NAME(sum_plane)(const struct conv_plan *plan, const REAL *plane, const REAL *weight, int64_t y,
                              int64_t x) {
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    double sum = 0;
    for (int64_t i = 0; i < ay->kernel; i++) {
        int64_t row =
            gather_index(y * ay->stride + i * ay->dilation - ay->pad_begin, ay->input, plan->padding_mode);
        double row_sum = 0;
        for (int64_t j = 0; j < ax->kernel; j++) {
            int64_t col = gather_index(x * ax->stride + j * ax->dilation - ax->pad_begin, ax->input,
                                       plan->padding_mode);
            double value = row < 0 || col < 0 ? 0.0 : (double)plane[row * ax->input + col];
            row_sum += (double)weight[i * ax->kernel + j] * value;
        }
        sum += row_sum;
    }
    return sum;
}

void NAME(conv_reference)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    (void)workspace;
    const struct conv_plan *plan = call->plan;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t plane = ay->input * ax->input, taps = ay->kernel * ax->kernel;
    const REAL *input = (const REAL *)call->input +
                        (unit->image * plan->sizes.channels + unit->group * plan->group_channels) * plane;
    const REAL *weight = (const REAL *)call->weight + unit->k * plan->group_channels * taps;
    REAL *out =
        (REAL *)call->output +
        ((unit->image * plan->groups * plan->group_outs + unit->k) * ay->output + unit->y) * ax->output;

    for (int64_t x = unit->x; x < unit->x + unit->cols && !conv_cancelled(call); x++) {
        double sum = 0;
        for (int64_t c = 0; c < plan->group_channels; c++)
            sum += NAME(sum_plane)(plan, input + c * plane, weight + c * taps, unit->y, x);
        out[x] = (REAL)(call->bias != NULL ? sum + (double)((const REAL *)call->bias)[unit->k] : sum);
    }
}
