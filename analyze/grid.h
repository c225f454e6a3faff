/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grid of cells over a picture: its size, which cells are looked at, by which zones and how
 * sensitively.
 *
 * A cell is GRID_CELL_PX picture pixels on a side, doubled until it spans at least four reduced
 * pixels: 16 up to 768x432, 32 for 1280x720 and 1920x1080 (60x34 cells).
 *
 * A zone takes every cell it touches (tested at 4x4 points a cell; a smaller zone takes the cells
 * of its corners); a mask takes cells it covers at least half. Any thread; a grid is its owner's.
 */
#ifndef ANALYZE_GRID_H
#define ANALYZE_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/luma.h"
#include "analyze/motion_config.h"

#define GRID_CELL_PX 16

struct grid {
	uint32_t picture_w, picture_h;
	uint16_t cols, rows, cell_px;
	unsigned cell_shift;  /* reduced pixels a cell: 1 << cell_shift */
	uint32_t watched;     /* cells not ignored */
	uint8_t *ignored;     /* per cell: 1: masked, or outside every zone */
	uint8_t *sensitivity; /* per cell, 1..100: the highest of its zones */
	uint16_t *zones;      /* per cell: bit i: in zone[i] of the configuration */
};

/* Lays the grid over a picture. On failure (-ENOMEM) `g` is untouched. */
int grid_create(struct grid *g, const struct luma_size *size,
		const struct motion_config *config) MUST_CHECK;
/* Frees; a zeroed grid is fine. */
void grid_destroy(struct grid *g);
/* Takes zones, masks and sensitivity anew. */
void grid_configure(struct grid *g, const struct motion_config *config);
size_t grid_state_bytes(const struct grid *g);

#endif
