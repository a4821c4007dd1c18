/* Winograd for one type; included by winograd.c with REAL, NAME and SET. */

/* One unit at work: everything that its steps share. */
struct NAME(job) {
    const struct conv_call *call;
    const struct conv_unit *unit;
    struct winograd_grid grid;
    struct winograd_memory memory;
    struct NAME(winograd_set) kernels;
    REAL *v, *s, *suspect, *row, *split, *out;
};

/* ---- inputs ---- */

/* to[f * step + t] = row[q + dilation * (m * x + f)], t = x * phases + q, for whole blocks of phases, at least `tiles`
 * of t. */
static void NAME(split_phases)(const struct winograd_grid *grid, const REAL *row, REAL *to, int64_t step,
                               int64_t tiles) {
    int64_t phases = grid->phases, dilation = grid->dilation[1];
    for (int64_t f = 0; f < grid->m; f++, to += step) {
        const REAL *from = row + dilation * f;
        for (int64_t t = 0; t < tiles; t += phases, from += dilation * grid->m)
            for (int64_t q = 0; q < phases; q++)
                to[t + q] = from[q];
    }
}

/*
 * Row `r` of what tiles x .. x + tiles - 1 of a row of tiles see with part number `part` of the kernel's columns, split; x begins
 * a block of phases. What lies behind the padding belongs to outputs that there are not, or to weights, and is zero.
 */
static void NAME(split_row)(const struct NAME(job) *job, const REAL *plane, int64_t r, int64_t x, int64_t part,
                            int64_t tiles, REAL *to) {
    const struct conv_plan *plan = job->call->plan;
    const struct winograd_grid *grid = &job->grid;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    NAME(split_kernel) *split = kernels_get()->rows->NAME(split);
    int64_t runs = grid->step, step = job->memory.split_step;
    int64_t start = tile_input_col(grid, x) + 3 * part * ax->dilation - ax->pad_begin;
    int64_t index = r < ay->input + ay->pad_end ? gather_index(r, ay->input, plan->padding_mode) : -1;
    int64_t seen = row_elems(grid, tiles + grid->phases);
    int64_t there = max_i64(0, min_i64(seen, ax->input + ax->pad_end - start));
    const REAL *row = plane + index * ax->input;
    if (index < 0) {
        memset(to, 0, (size_t)(step * runs) * sizeof(REAL));
    } else if (plan->padding_mode == PADDING_ZEROS && grid->dilation[1] == 1) {
        split(to, step, row, -start, ax->input, runs, tiles + 1);
    } else {
        NAME(gather_row)(job->row, row, ax->input, plan->padding_mode, start, 1, there);
        memset(job->row + there, 0, (size_t)(seen - there) * sizeof(REAL));
        if (grid->dilation[1] == 1)
            split(to, step, job->row, 0, there, runs, tiles + 1);
        else
            NAME(split_phases)(grid, job->row, to, step, tiles + grid->phases);
    }
}

/*
 * Channel c, seen by part number `part` of the kernel, of the runs of one plane, or of one run of a wide plane, from tile
 * `at` of the unit on; gives the first tile behind them. A plane's runs are the rest of a row of tiles, whole rows, and
 * the beginning of one.
 */
static int64_t NAME(transform_plane)(const struct NAME(job) *job, const REAL *planes, int64_t c, int64_t part,
                                     int64_t at) {
    const struct conv_plan *plan = job->call->plan;
    const struct winograd_grid *grid = &job->grid;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    struct run run = run_at(grid, job->unit, at);
    int64_t row_step = job->memory.split_step * grid->step, cols = job->unit->cols;
    const REAL *plane = planes + (run.image * plan->sizes.channels + c) * ay->input * ax->input;
    REAL *v = job->v + (c * grid->parts[0] * grid->parts[1] + part) * plan->tiles.cols;
    int64_t end = min_i64(cols, at + grid->tiles - (run.y * grid->cols + run.x));
    if (winograd_wide(grid, &plan->tiles))
        end = at + run.tiles;
    bool one_row = end - at == run.tiles;
    int64_t x = one_row ? run.x / grid->phases * grid->phases : 0;
    int64_t width = one_row ? div_ceil_i64(run.x - x + run.tiles, grid->phases) * grid->phases : grid->cols;
    int64_t rows = one_row ? 1 : div_ceil_i64(run.x + end - at, grid->cols);
    int64_t top = 3 * (part % grid->parts[0]) * ay->dilation - ay->pad_begin;
    for (int64_t r = 0; r < (rows - 1) * grid->step + grid->n; r++)
        NAME(split_row)(job, plane, run_input_row(grid, &run, r) + top, x, part / grid->parts[0], width,
                        job->split + r * row_step);
    for (int64_t y = run.y; at < end; at += run.tiles) {
        run = run_at(grid, job->unit, at);
        job->kernels.input(v + at, job->memory.v_step, job->split + (run.y - y) * grid->step * row_step + run.x - x,
                           row_step, job->memory.split_step, grid->phases, run.tiles);
    }
    return end;
}

/* In the order of memory: what a kernel writes behind its tiles is overwritten by the next. */
static void NAME(transform_inputs)(const struct NAME(job) *job) {
    const struct conv_plan *plan = job->call->plan;
    int64_t plane = conv_axis_y(plan)->input * conv_axis_x(plan)->input;
    const REAL *planes = (const REAL *)job->call->input + job->unit->group * plan->group_channels * plane;
    for (int64_t c = 0; c < plan->group_channels; c++)
        for (int64_t part = 0; part < job->grid.parts[0] * job->grid.parts[1]; part++)
            for (int64_t at = 0; at < job->unit->cols;)
                at = NAME(transform_plane)(job, planes, c, part, at);
}

/* ---- products ---- */

/* s[xi, k, t] = sum over c < depth of u[xi, k, c] * v[xi, c, t], for output channels first .. first + outs - 1 of the group,
 * which begin a block. */
static void NAME(multiply)(const struct NAME(job) *job, int64_t first, int64_t outs) {
    const struct conv_plan *plan = job->call->plan;
    const struct conv_tiles *t = &plan->tiles;
    int64_t depth = job->grid.depth, matrix = matrix_elems(plan);
    const REAL *u = (const REAL *)job->call->weight + job->unit->group * job->grid.matrices * matrix + first * depth;
    /* Short whatever the depth: the transforms add to a sum's rounding, and where signs follow the tiles all of a chain's
     * roundings go one way (64 channels in one chain: 4.8 of the bound, 1.6 so, for 2 % of the time). */
    struct gemm_shape shape = {.rows = outs,
                               .chain = job->grid.m == 2 ? GEMM_SHORT_CHAIN : GEMM_CHAIN,
                               .cols = job->unit->cols,
                               .packed = true,
                               .a_step = GEMM_BLOCK * depth,
                               .b_step = t->cols,
                               .out_step = t->cols};
    for (int64_t xi = 0; xi < job->grid.points; xi++)
        for (int64_t c = 0; c < depth; c += shape.depth) {
            shape.depth = min_i64(t->depth, depth - c);
            shape.add = c > 0;
            kernels_get()->gemm->NAME(gemm)(&shape, job->s + xi * job->memory.s_step,
                                            u + matrix_of(&job->grid, xi) * matrix + c * GEMM_BLOCK,
                                            job->v + xi * job->memory.v_step + c * t->cols, NULL);
        }
}

/* ---- outputs ---- */

/* The outputs of a run from [m, out_step] in the workspace to where their phases lie in the plane. */
static void NAME(merge_phases)(const struct NAME(job) *job, const struct run *run, int64_t rows, REAL *plane) {
    const struct winograd_grid *grid = &job->grid;
    const struct window_axis *ax = conv_axis_x(job->call->plan);
    for (int64_t i = 0; i < rows; i++) {
        REAL *to = plane + run_row(grid, run, i) * ax->output;
        const REAL *from = job->out + i * job->memory.out_step;
        for (int64_t t = 0; t < run->tiles; t++, from += grid->m) {
            int64_t col = tile_col(grid, run->x + t);
            for (int64_t j = 0; j < grid->m && col < ax->output; j++, col += grid->dilation[1])
                to[col] = from[j];
        }
    }
}

/* One output channel of a run. */
static void NAME(transform_run)(const struct NAME(job) *job, const struct run *run, const REAL *s, REAL bias,
                                REAL *suspect, REAL *plane) {
    const struct winograd_grid *grid = &job->grid;
    const struct window_axis *ay = conv_axis_y(job->call->plan), *ax = conv_axis_x(job->call->plan);
    int64_t m = grid->m, y = run_row(grid, run, 0), cols = m * run->tiles, out_step = job->memory.out_step;
    if (y >= ay->output) /* of this phase there is a row of tiles less */
        return;
    int64_t rows = min_i64(m, div_ceil_i64(ay->output - y, grid->dilation[0]));
    REAL *out = job->out;
    if (grid->dilation[1] == 1) {
        cols = min_i64(cols, ax->output - run->x * m);
        out = plane + y * ax->output + run->x * m;
        out_step = grid->dilation[0] * ax->output;
    }
    job->kernels.output(out, out_step, rows, cols, s, job->memory.s_step, run->tiles, bias, suspect + run->at);
    if (out == job->out)
        NAME(merge_phases)(job, run, rows, plane);
}

static void NAME(transform_outputs)(const struct NAME(job) *job, int64_t first, int64_t outs) {
    const struct conv_plan *plan = job->call->plan;
    int64_t plane = conv_axis_y(plan)->output * conv_axis_x(plan)->output;
    int64_t group_first = job->unit->group * plan->group_outs + first;
    int64_t unit_first = group_first - job->unit->k;
    const REAL *bias = job->call->bias;
    struct run run;
    for (int64_t at = 0; at < job->unit->cols; at += run.tiles) {
        run = run_at(&job->grid, job->unit, at);
        REAL *out = (REAL *)job->call->output + (run.image * plan->groups * plan->group_outs + group_first) * plane;
        for (int64_t k = 0; k < outs; k++)
            NAME(transform_run)(job, &run, job->s + k * plan->tiles.cols + at,
                                bias != NULL ? bias[group_first + k] : 0,
                                job->suspect + (unit_first + k) / GEMM_BLOCK * job->memory.suspect_step, out + k * plane);
    }
}

/* ---- suspects ---- */

static bool NAME(is_suspect)(const struct NAME(job) *job, int64_t block, int64_t tile) {
    return job->suspect[block * job->memory.suspect_step + tile] != 0;
}

/* columns[d, p] = what output p sees under row d of the weights, d = (c, i, j); rows are suspects->most apart. */
static void NAME(gather_suspects)(const struct NAME(job) *job, const struct suspects *suspects, REAL *columns) {
    const struct conv_plan *plan = job->call->plan;
    const struct window_axis *ay = conv_axis_y(plan), *ax = conv_axis_x(plan);
    int64_t plane = ay->input * ax->input, channel = ay->kernel * ax->kernel * suspects->most;
    int64_t rows[SUSPECTS_AT_ONCE], seen[SUSPECTS_AT_ONCE];
    const REAL *input = (const REAL *)job->call->input + job->unit->group * plan->group_channels * plane;
    for (int64_t i = 0; i < ay->kernel; i++) {
        see_rows(plan, suspects, i, rows);
        for (int64_t j = 0; j < ax->kernel; j++, columns += suspects->most) {
            see_cols(plan, suspects, j, rows, seen);
            for (int64_t c = 0; c < plan->group_channels; c++)
                for (int64_t p = 0; p < suspects->count; p++)
                    columns[c * channel + p] = seen[p] < 0 ? 0 : input[c * plane + seen[p]];
        }
    }
}

/* One block of output channels, from the columns in v by way of s: those outputs that it has made suspects. */
static void NAME(multiply_suspects)(const struct NAME(job) *job, const struct suspects *suspects, int64_t block) {
    const struct conv_plan *plan = job->call->plan;
    const struct conv_unit *unit = job->unit;
    int64_t depth = conv_depth(&plan->sizes, plan->groups), positions = conv_positions(&plan->sizes);
    int64_t first = unit->k + block * GEMM_BLOCK, outs = min_i64(GEMM_BLOCK, unit->outs - block * GEMM_BLOCK);
    const REAL *weight = (const REAL *)job->call->weight + winograd_packing(plan).plain + first * depth;
    const REAL *bias = job->call->bias != NULL ? (const REAL *)job->call->bias + first : NULL;
    REAL *out = (REAL *)job->call->output + first * positions;
    struct gemm_shape shape = {.rows = outs,
                               .cols = suspects->count,
                               .chain = gemm_chain(depth),
                               .a_step = depth,
                               .b_step = suspects->most,
                               .out_step = suspects->most};
    for (int64_t d = 0; d < depth; d += shape.depth) {
        shape.depth = min_i64(SUSPECTS_DEPTH, depth - d);
        shape.add = d > 0;
        kernels_get()->gemm->NAME(gemm)(&shape, job->s, weight + d, job->v + d * suspects->most,
                                        d + shape.depth == depth ? bias : NULL);
    }
    for (int64_t k = 0; k < outs; k++)
        for (int64_t p = 0; p < suspects->count; p++)
            if (NAME(is_suspect)(job, block, suspects->tile[p]))
                out[k * positions + suspects->at[p]] = job->s[k * suspects->most + p];
}

static void NAME(compute_again)(const struct NAME(job) *job, struct suspects *suspects) {
    NAME(gather_suspects)(job, suspects, job->v);
    for (int64_t block = 0; block * GEMM_BLOCK < job->unit->outs; block++) {
        bool any = false;
        for (int64_t p = 0; p < suspects->count && !any; p++)
            any = NAME(is_suspect)(job, block, suspects->tile[p]);
        if (any)
            NAME(multiply_suspects)(job, suspects, block);
    }
    suspects->count = 0;
}

/* Of the blocks of output channels from number `first` of the group on: which outputs are computed once more. */
static const REAL *NAME(again_from)(const struct NAME(job) *job, int64_t first) {
    const struct conv_plan *plan = job->call->plan;
    return (const REAL *)job->call->weight + winograd_packing(plan).again + job->unit->group * blocks_of_group(plan) +
           first / GEMM_BLOCK;
}

/* Whether any block has outputs that its tiles are for. */
static bool NAME(needs_tiles)(const struct NAME(job) *job, int64_t first, int64_t outs) {
    const REAL *again = NAME(again_from)(job, first);
    for (int64_t block = 0; block * GEMM_BLOCK < outs; block++)
        if (again[block] != AGAIN_ALL)
            return true;
    return false;
}

/* Tiles that see an end of a plane, where ends show, and all tiles where any shows. */
static void NAME(suspect_by_weights)(const struct NAME(job) *job, int64_t first) {
    const struct conv_plan *plan = job->call->plan;
    const REAL *again = NAME(again_from)(job, first);
    struct run run;
    for (int64_t block = 0; block * GEMM_BLOCK < job->unit->outs; block++) {
        REAL *suspect = job->suspect + block * job->memory.suspect_step;
        if (again[block] == AGAIN_NONE)
            continue;
        for (int64_t at = 0; at < job->unit->cols; at += run.tiles) {
            run = run_at(&job->grid, job->unit, at);
            for (int64_t t = 0; t < run.tiles; t++)
                if (again[block] == AGAIN_ALL || sees_ends(plan, &job->grid, &run, t))
                    suspect[at + t] = 1;
        }
    }
}

/* As a GEMM whose columns are gathered for each output by itself: suspects lie anywhere. */
static void NAME(compute_suspects_again)(const struct NAME(job) *job) {
    const struct conv_plan *plan = job->call->plan;
    struct suspects suspects = {.most = suspects_at_once(plan, &job->memory)};
    struct run run;
    for (int64_t at = 0; at < job->unit->cols && !conv_cancelled(job->call); at += run.tiles) {
        run = run_at(&job->grid, job->unit, at);
        for (int64_t t = 0; t < run.tiles; t++) {
            bool any = false;
            for (int64_t block = 0; block * GEMM_BLOCK < job->unit->outs && !any; block++)
                any = NAME(is_suspect)(job, block, at + t);
            for (int64_t i = 0; any && i < job->grid.m * job->grid.m; i++)
                if (add_suspect(plan, &job->grid, &run, t, i, &suspects))
                    NAME(compute_again)(job, &suspects);
        }
    }
    if (suspects.count > 0)
        NAME(compute_again)(job, &suspects);
}

/* ---- a unit ---- */

void NAME(conv_winograd)(const struct conv_call *call, const struct conv_unit *unit, void *workspace) {
    const struct conv_tiles *t = &call->plan->tiles;
    struct NAME(job) job = {.call = call, .unit = unit, .grid = winograd_grid(call->plan)};
    job.memory = winograd_memory(call->plan);
    job.kernels = SET(job.grid);
    job.v = workspace;
    job.s = job.v + job.memory.v;
    job.suspect = job.s + job.memory.s;
    job.row = job.suspect + job.memory.suspect;
    job.split = job.row + job.memory.row;
    job.out = job.split + job.memory.split;
    memset(job.suspect, 0, (size_t)job.memory.suspect * sizeof(REAL));
    int64_t first = unit->k - unit->group * call->plan->group_outs, end = first + unit->outs;
    NAME(suspect_by_weights)(&job, first);
    if (NAME(needs_tiles)(&job, first, unit->outs))
        NAME(transform_inputs)(&job);
    for (; first < end && !conv_cancelled(call); first += t->outs_at_once) {
        int64_t outs = min_i64(t->outs_at_once, end - first);
        if (!NAME(needs_tiles)(&job, first, outs))
            continue;
        NAME(multiply)(&job, first, outs);
        NAME(transform_outputs)(&job, first, outs);
    }
    NAME(compute_suspects_again)(&job);
}

/* ---- weights ---- */

/* to[k, c, part, 3, 3] = the parts of the kernels of some output channels, `row` weights apart, and input channels. */
static void NAME(cut_kernels)(const struct conv_plan *plan, const struct winograd_grid *grid, const REAL *weight,
                              int64_t row, int64_t outs, int64_t channels, REAL *to) {
    int64_t height = conv_axis_y(plan)->kernel, width = conv_axis_x(plan)->kernel;
    for (int64_t k = 0; k < outs; k++)
        for (int64_t c = 0; c < channels; c++) {
            const REAL *kernel = weight + k * row + c * height * width;
            for (int64_t x = 0; x < 3 * grid->parts[1]; x += 3)
                for (int64_t y = 0; y < 3 * grid->parts[0]; y += 3)
                    for (int64_t i = y; i < y + 3; i++)
                        for (int64_t j = x; j < x + 3; j++)
                            *to++ = i < height && j < width ? kernel[i * width + j] : 0;
        }
}

/* Whether an output has weights beside zeros, but few. */
static bool NAME(has_few)(const REAL *weight, int64_t row) {
    int64_t count = 0;
    for (int64_t i = 0; i < row && count <= FEW_WEIGHTS; i++)
        count += weight[i] != 0;
    return count > 0 && count <= FEW_WEIGHTS;
}

void NAME(winograd_prepare)(const struct conv_plan *plan, const REAL *weight, REAL *packed, int64_t index) {
    struct winograd_grid grid = winograd_grid(plan);
    int64_t parts = grid.parts[0] * grid.parts[1], taps = conv_axis_y(plan)->kernel * conv_axis_x(plan)->kernel;
    int64_t row = plan->group_channels * taps, matrix = matrix_elems(plan);
    int64_t group = index / blocks_of_group(plan), k = index % blocks_of_group(plan) * GEMM_BLOCK;
    int64_t outs = min_i64(GEMM_BLOCK, plan->group_outs - k), first = (group * plan->group_outs + k) * row;
    REAL *u = packed + group * grid.matrices * matrix + k * grid.depth;
    struct winograd_packing packing = winograd_packing(plan);
    kernels_get()->winograd->NAME(keep)(packed + packing.plain + first, packed + packing.largest + index * row, weight + first, outs, row);
    packed[packing.again + index] = AGAIN_NONE;
    for (int64_t i = 0; i < outs; i++)
        if (NAME(has_few)(weight + first + i * row, row))
            packed[packing.again + index] = AGAIN_ALL;
    if (taps == 9 && parts == 1) {
        SET(grid).filter(u, matrix, weight + first, row, outs, plan->group_channels);
        return;
    }
    REAL kernels[GEMM_BLOCK * PARTS_AT_ONCE * 9];
    for (int64_t c = 0, channels; c < plan->group_channels; c += channels, u += GEMM_BLOCK * parts * channels) {
        channels = min_i64(PARTS_AT_ONCE / parts, plan->group_channels - c);
        NAME(cut_kernels)(plan, &grid, weight + first + c * taps, row, outs, channels, kernels);
        SET(grid).filter(u, matrix, kernels, 9 * parts * channels, outs, parts * channels);
    }
}
