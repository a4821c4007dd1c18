/* Winograd for one type; included by winograd.c with REAL, NAME and SET. */

/* One unit at work: everything that its steps share. */
struct NAME(job) {
    const struct conv_call *call;
    const struct conv_unit *unit;
    struct winograd_grid grid;
    struct winograd_memory memory;
    struct NAME(winograd_set) kernels;
    REAL *v, *s, *suspect, *row, *split;
};

/* ---- inputs ---- */

/*
 * Row `r` of what tiles x .. x + tiles - 1 of a row of tiles see, split. What lies behind the padding belongs to
 * outputs that there are not, and is zero.
 */
static void NAME(split_row)(const struct NAME(job) *job, const REAL *plane, int64_t r, int64_t x, int64_t tiles,
                            REAL *to) {
    const struct conv_plan *plan = job->call->plan;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    NAME(split_kernel) *split = kernels_get()->rows->NAME(split);
    int64_t m = job->grid.m, start = x * m - ax->pad_begin, step = job->memory.split_step;
    int64_t index = r < ay->input + ay->pad_end ? gather_index(r, ay->input, plan->padding_mode) : -1;
    if (index < 0) {
        memset(to, 0, (size_t)(step * m) * sizeof(REAL));
    } else if (plan->padding_mode == PADDING_ZEROS) {
        split(to, step, plane + index * ax->input, -start, ax->input, m, tiles + 1);
    } else {
        int64_t there = min_i64((tiles + 1) * m, ax->input + ax->pad_end - start);
        NAME(gather_row)(job->row, plane + index * ax->input, ax->input, plan->padding_mode, start, 1, there);
        split(to, step, job->row, 0, there, m, tiles + 1);
    }
}

/*
 * One channel of the runs of one image, or of one run of a wide image, from tile `at` of the unit on; gives the first
 * tile behind them. An image's runs are the rest of a row of tiles, whole rows, and the beginning of one.
 */
static int64_t NAME(transform_image)(const struct NAME(job) *job, const REAL *planes, int64_t c, int64_t at) {
    const struct conv_plan *plan = job->call->plan;
    const struct winograd_grid *grid = &job->grid;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct run run = run_at(grid, job->unit, at);
    int64_t row_step = job->memory.split_step * grid->m, cols = job->unit->cols;
    const REAL *plane = planes + (run.image * plan->sizes.channels + c) * ay->input * ax->input;
    int64_t end = min_i64(cols, at + grid->tiles - (run.y * grid->cols + run.x));
    if (winograd_wide(grid, &plan->tiles))
        end = at + run.tiles;
    bool one_row = end - at == run.tiles;
    int64_t x = one_row ? run.x : 0, width = one_row ? run.tiles : grid->cols;
    int64_t rows = one_row ? 1 : div_ceil_i64(run.x + end - at, grid->cols);
    for (int64_t r = 0; r < rows * grid->m + 2; r++)
        NAME(split_row)(job, plane, run.y * grid->m - ay->pad_begin + r, x, width, job->split + r * row_step);
    for (int64_t y = run.y; at < end; at += run.tiles) {
        run = run_at(grid, job->unit, at);
        job->kernels.input(job->v + c * plan->tiles.cols + at, job->memory.v_step,
                           job->split + (run.y - y) * grid->m * row_step + run.x - x, row_step, job->memory.split_step,
                           run.tiles);
    }
    return end;
}

/* Channel by channel: what a kernel writes behind its tiles is overwritten by the next. */
static void NAME(transform_inputs)(const struct NAME(job) *job) {
    const struct conv_plan *plan = job->call->plan;
    int64_t plane = conv_axis_y(plan)->input * conv_axis_x(plan)->input;
    const REAL *planes = (const REAL *)job->call->input + job->unit->group * plan->group_channels * plane;
    for (int64_t c = 0; c < plan->group_channels; c++)
        for (int64_t at = 0; at < job->unit->cols;)
            at = NAME(transform_image)(job, planes, c, at);
}

/* ---- products ---- */

/* s[xi, k, t] = sum over c of u[xi, k, c] * v[xi, c, t], for output channels first .. first + outs - 1 of the group,
 * which begin a block. */
static void NAME(multiply)(const struct NAME(job) *job, int64_t first, int64_t outs) {
    const struct conv_plan *plan = job->call->plan;
    const struct conv_tiles *t = &plan->tiles;
    int64_t channels = plan->group_channels, matrix = matrix_elems(plan);
    const REAL *u =
        (const REAL *)job->call->weight + job->unit->group * job->grid.points * matrix + first * channels;
    struct gemm_shape shape = {.rows = outs,
                               .cols = job->unit->cols,
                               .packed = true,
                               .a_step = GEMM_BLOCK * channels,
                               .b_step = t->cols,
                               .out_step = t->cols};
    for (int64_t xi = 0; xi < job->grid.points; xi++, u += matrix)
        for (int64_t c = 0; c < channels; c += shape.depth) {
            shape.depth = min_i64(t->depth, channels - c);
            shape.add = c > 0;
            kernels_get()->gemm->NAME(gemm)(&shape, job->s + xi * job->memory.s_step, u + c * GEMM_BLOCK,
                                            job->v + xi * job->memory.v_step + c * t->cols, NULL);
        }
}

/* ---- outputs ---- */

static void NAME(transform_outputs)(const struct NAME(job) *job, int64_t first, int64_t outs) {
    const struct conv_plan *plan = job->call->plan;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t m = job->grid.m, group_first = job->unit->group * plan->group_outs + first;
    const REAL *bias = job->call->bias;
    struct run run;
    for (int64_t at = 0; at < job->unit->cols; at += run.tiles) {
        run = run_at(&job->grid, job->unit, at);
        int64_t y = run.y * m, x = run.x * m;
        REAL *out = (REAL *)job->call->output +
                    ((run.image * plan->groups * plan->group_outs + group_first) * ay->output + y) * ax->output + x;
        for (int64_t k = 0; k < outs; k++, out += ay->output * ax->output)
            job->kernels.output(out, ax->output, min_i64(m, ay->output - y), min_i64(m * run.tiles, ax->output - x),
                                job->s + k * plan->tiles.cols + at, job->memory.s_step, run.tiles,
                                bias != NULL ? bias[group_first + k] : 0, job->suspect + at);
    }
}

/* ---- what is not finite ---- */

/* The outputs of `tiles` tiles once more, by ROWS, in blocks that its workspace was planned for. */
static void NAME(compute_again)(const struct NAME(job) *job, const struct run *run) {
    struct conv_plan plan = *job->call->plan;
    int64_t m = job->grid.m;
    plan.method = CONV_METHOD_ROWS;
    plan.tiles = plan.again;
    struct conv_call call = *job->call;
    call.plan = &plan;
    call.weight = (const REAL *)job->call->weight + winograd_transformed(job->call->plan);
    const struct conv_tiles *t = &plan.tiles;
    int64_t y_end = min_i64((run->y + 1) * m, conv_axis_y(&plan)->output);
    int64_t x_end = min_i64((run->x + run->tiles) * m, conv_axis_x(&plan)->output);
    int64_t k_end = job->unit->k + job->unit->outs;
    struct conv_unit unit = {.image = run->image, .group = job->unit->group};
    for (unit.k = job->unit->k; unit.k < k_end; unit.k += t->outs)
        for (unit.y = run->y * m; unit.y < y_end; unit.y += t->rows)
            for (unit.x = run->x * m; unit.x < x_end; unit.x += t->cols) {
                unit.outs = min_i64(t->outs, k_end - unit.k);
                unit.rows = min_i64(t->rows, y_end - unit.y);
                unit.cols = min_i64(t->cols, x_end - unit.x);
                NAME(conv_rows)(&call, &unit, job->v);
            }
}

static void NAME(compute_suspects_again)(const struct NAME(job) *job) {
    struct run run;
    for (int64_t at = 0; at < job->unit->cols; at += run.tiles) {
        run = run_at(&job->grid, job->unit, at);
        bool suspect = job->suspect[at] != 0;
        int64_t tiles = 1;
        while (tiles < run.tiles && (job->suspect[at + tiles] != 0) == suspect)
            tiles++;
        run.tiles = tiles;
        if (suspect)
            NAME(compute_again)(job, &run);
    }
}

/* ---- a unit ---- */

void NAME(conv_winograd)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_tiles *t = &call->plan->tiles;
    struct NAME(job) job = {.call = call, .unit = unit, .grid = winograd_grid(call->plan)};
    job.memory = winograd_memory(call->plan);
    job.kernels = SET(job.grid.m);
    job.v = workspace;
    job.s = job.v + job.memory.v;
    job.suspect = job.s + job.memory.s;
    job.row = job.suspect + job.memory.suspect;
    job.split = job.row + job.memory.row;
    memset(job.suspect, 0, (size_t)job.memory.suspect * sizeof(REAL));
    NAME(transform_inputs)(&job);
    int64_t first = unit->k - unit->group * call->plan->group_outs, end = first + unit->outs;
    for (; first < end && !conv_cancelled(call); first += t->outs_at_once) {
        int64_t outs = min_i64(t->outs_at_once, end - first);
        NAME(multiply)(&job, first, outs);
        NAME(transform_outputs)(&job, first, outs);
    }
    NAME(compute_suspects_again)(&job);
}

/* ---- weights ---- */

void NAME(winograd_prepare)(const struct conv_plan *plan, const REAL *weight, REAL *packed, int64_t index) {
    struct winograd_grid grid = winograd_grid(plan);
    int64_t row = plan->group_channels * 9, matrix = matrix_elems(plan);
    int64_t group = index / blocks_of_group(plan), k = index % blocks_of_group(plan) * GEMM_BLOCK;
    int64_t outs = min_i64(GEMM_BLOCK, plan->group_outs - k), first = (group * plan->group_outs + k) * row;
    memcpy(packed + winograd_transformed(plan) + first, weight + first, (size_t)(outs * row) * sizeof(REAL));
    SET(grid.m).filter(packed + group * grid.points * matrix + k * plan->group_channels, matrix, weight + first, row, outs,
                       plan->group_channels);
}
