#include "api/forms/picture_grid.h"

#include "lib/base/checked.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GLYPH_WIDTH = 3, GLYPH_ROWS = 5, LABEL_BYTES = 48 };

/* A row of a glyph is three bits, the left one highest. */
static const unsigned char glyphs[11][GLYPH_ROWS] = {
    {7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 3, 1, 7}, {5, 5, 7, 1, 1}, {7, 4, 7, 1, 7},
    {7, 4, 7, 5, 7}, {7, 1, 1, 1, 1}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}, {1, 1, 2, 4, 4}, /* a slash */
};

/* The number that stands above a tile; its length. */
static int label_of(const struct picture_grid *grid, int64_t item, int64_t tile, char text[LABEL_BYTES]) {
    return grid->items > 1 ? snprintf(text, LABEL_BYTES, "%" PRId64 "/%" PRId64, item, tile)
                           : snprintf(text, LABEL_BYTES, "%" PRId64, tile);
}

static bool plan_cells(struct picture_grid *grid) {
    char text[LABEL_BYTES];
    int64_t tiles, cell_height,
        label = label_of(grid, grid->items - 1, grid->tiles - 1, text) * (GLYPH_WIDTH + 1) - 1;
    if (!checked_mul(grid->items, grid->tiles, &tiles))
        return false;
    grid->columns = min_i64((int64_t)ceil(sqrt((double)tiles)), grid->tiles);
    grid->rows_per_item = div_ceil_i64(grid->tiles, grid->columns);
    grid->cell_width = max_i64(grid->tile_width, label);
    return checked_mul(grid->items, grid->rows_per_item, &grid->rows) &&
           checked_add(grid->cell_width, GRID_GAP, &grid->width) &&
           checked_mul(grid->width, grid->columns, &grid->width) &&
           checked_add(grid->width, GRID_GAP, &grid->width) &&
           checked_add(grid->tile_height, GRID_LABEL_ROWS, &cell_height) &&
           checked_mul(cell_height, grid->rows, &grid->height) &&
           checked_add(grid->height, GRID_GAP, &grid->height);
}

bool picture_grid_plan(const struct shape *shape, struct picture_grid *grid) {
    const int64_t *planes = shape->dim + shape->rank - 3;
    int64_t batch = shape->rank == 4 ? shape->dim[0] : 1;
    *grid = (struct picture_grid){
        .samples = planes[0] == 3 ? 3 : 1, .tile_height = planes[1], .tile_width = planes[2]};
    bool whole = planes[0] == 1 || planes[0] == 3; /* one tile shows all channels */
    grid->items = whole ? 1 : batch;
    grid->tiles = whole ? batch : planes[0];
    grid->labelled = !whole || batch > 1;
    if (grid->labelled)
        return plan_cells(grid);
    grid->width = grid->tile_width;
    grid->height = grid->tile_height;
    return true;
}

/* Row `y` of the glyphs of `text`, from pixel `x` of the row on. */
static void draw_label(const struct picture_grid *grid, const char *text, int64_t y, int64_t x,
                       unsigned char *out) {
    for (; *text != '\0'; text++, x += GLYPH_WIDTH + 1) {
        unsigned bits = glyphs[*text == '/' ? 10 : *text - '0'][y];
        for (int i = 0; i < GLYPH_WIDTH; i++) {
            if ((bits >> (GLYPH_WIDTH - 1 - i) & 1u) != 0)
                memset(out + (x + i) * grid->samples, GRID_INK, (size_t)grid->samples);
        }
    }
}

void picture_grid_row(const struct picture_grid *grid, int64_t y, picture_tile_fn *draw, const void *context,
                      unsigned char *out) {
    if (!grid->labelled) {
        draw(context, 0, y, out);
        return;
    }
    int64_t cell_height = GRID_LABEL_ROWS + grid->tile_height, row = y / cell_height, line = y % cell_height;
    memset(out, GRID_BACKGROUND, (size_t)(grid->width * grid->samples));
    if (row == grid->rows)
        return; /* the gap at the bottom */
    int64_t item = row / grid->rows_per_item, first = row % grid->rows_per_item * grid->columns;
    int64_t end = min_i64(first + grid->columns, grid->tiles);
    for (int64_t tile = first, x = GRID_GAP; tile < end; tile++, x += grid->cell_width + GRID_GAP) {
        char text[LABEL_BYTES];
        if (line >= GRID_LABEL_ROWS) {
            draw(context, item * grid->tiles + tile, line - GRID_LABEL_ROWS, out + x * grid->samples);
        } else if (line >= 1 && line <= GLYPH_ROWS) {
            label_of(grid, item, tile, text);
            draw_label(grid, text, line - 1, x, out);
        }
    }
}
