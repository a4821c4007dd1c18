/*
 * How the tensor (N, C, H, W) lies in a picture.
 *
 *   N = 1, C = 1 or 3    the picture is the plane, grey or RGB
 *   otherwise            a grid of tiles, each under its number: of the channel; with N > 1 of the item and the
 *                        channel ("2/17"), each item's channels beginning a new row; of the item when C is 1 or 3
 *
 * A grid of T tiles of H×W pixels has ceil(√T) columns (at most C in a row) and is
 *
 *     GRID_GAP + columns · (max(W, label) + GRID_GAP)      pixels wide,   label = 4 · characters - 1
 *     rows · (GRID_LABEL_ROWS + H) + GRID_GAP              high
 */
#ifndef CONVD_API_FORMS_PICTURE_GRID_H
#define CONVD_API_FORMS_PICTURE_GRID_H

#include "lib/base/tensor.h"

#include <stdbool.h>
#include <stdint.h>

enum { GRID_GAP = 2, GRID_LABEL_ROWS = 7, GRID_BACKGROUND = 48, GRID_INK = 255 };

struct picture_grid {
    int samples; /* of a pixel: 1, grey, or 3, RGB */
    bool labelled;
    int64_t items, tiles; /* groups of tiles that begin a new row; tiles in each */
    int64_t tile_height, tile_width;
    int64_t columns, rows, rows_per_item, cell_width;
    int64_t width, height; /* of the picture, in pixels */
};

/* Fills the plan for a shape of rank 3 or 4 without zeros; false when its sizes do not fit. */
bool picture_grid_plan(const struct shape *shape, struct picture_grid *grid);

/* Writes row `y` of a tile (counted over all items), grid->samples bytes for each pixel. */
typedef void picture_tile_fn(const void *context, int64_t tile, int64_t y, unsigned char *out);

/* Writes row `y` of the picture: grid->width · grid->samples bytes. */
void picture_grid_row(const struct picture_grid *grid, int64_t y, picture_tile_fn *draw, const void *context,
                      unsigned char *out);

#endif
