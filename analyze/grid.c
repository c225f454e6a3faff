/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/grid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 4 /* test points a cell side */

_Static_assert(MOTION_ZONES_MAX <= 16, "zones of a cell are bits of 16");

void grid_destroy(struct grid *g)
{
	free(g->ignored);
	free(g->sensitivity);
	free(g->zones);
	*g = (struct grid){0};
}

size_t grid_state_bytes(const struct grid *g)
{
	return (size_t)g->cols * g->rows * (2 + sizeof(uint16_t));
}

int grid_create(struct grid *out, const struct luma_size *s, const struct motion_config *config)
{
	struct grid g = {.picture_w = s->picture_w, .picture_h = s->picture_h};
	uint32_t cell = GRID_CELL_PX;
	size_t cells;

	while (cell >> s->shift < 4)
		cell *= 2;
	g.cell_px = (uint16_t)cell;
	while (1u << (g.cell_shift + s->shift) < cell)
		g.cell_shift++;
	g.cols = (uint16_t)((s->w + (1u << g.cell_shift) - 1) >> g.cell_shift);
	g.rows = (uint16_t)((s->h + (1u << g.cell_shift) - 1) >> g.cell_shift);
	cells = (size_t)g.cols * g.rows;
	g.ignored = calloc(cells, 1);
	g.sensitivity = calloc(cells, 1);
	g.zones = calloc(cells, sizeof(*g.zones));
	if (!g.ignored || !g.sensitivity || !g.zones) {
		grid_destroy(&g);
		return -ENOMEM;
	}
	grid_configure(&g, config);
	*out = g;
	return 0;
}

/* Even-odd rule; x and y in eighths of a picture pixel, so that sample points never lie on a
 * corner's row. */
static bool inside(const struct motion_zone *z, int64_t x, int64_t y)
{
	bool in = false;

	for (unsigned i = 0, j = z->npoints - 1; i < z->npoints; j = i++) {
		int64_t xi = (int64_t)z->point[i].x * 8, yi = (int64_t)z->point[i].y * 8;
		int64_t xj = (int64_t)z->point[j].x * 8, yj = (int64_t)z->point[j].y * 8;
		int64_t left;

		if ((yi > y) == (yj > y))
			continue;
		/* x < xi + (xj - xi) * (y - yi) / (yj - yi), without the division. */
		left = (x - xi) * (yj - yi) - (xj - xi) * (y - yi);
		if (yj > yi ? left < 0 : left > 0)
			in = !in;
	}
	return in;
}

/* How many of the cell's sample points the polygon holds. */
static unsigned coverage(const struct grid *g, const struct motion_zone *z, uint32_t cx,
			 uint32_t cy)
{
	int64_t side = (int64_t)g->cell_px * 8, step = side / SAMPLES;
	unsigned n = 0;

	for (int sy = 0; sy < SAMPLES; sy++)
		for (int sx = 0; sx < SAMPLES; sx++)
			n += inside(z, cx * side + step / 2 + sx * step + 1,
				    cy * side + step / 2 + sy * step + 1);
	return n;
}

static bool has_corner(const struct grid *g, const struct motion_zone *z, uint32_t cx, uint32_t cy)
{
	for (unsigned i = 0; i < z->npoints; i++) {
		int32_t x = z->point[i].x, y = z->point[i].y;

		if (x >= 0 && y >= 0 && (uint32_t)x < g->picture_w && (uint32_t)y < g->picture_h &&
		    (uint32_t)x / g->cell_px == cx && (uint32_t)y / g->cell_px == cy)
			return true;
	}
	return false;
}

/* So small that no sample point lies in it: then its corners' cells stand for it. */
static bool tiny(const struct grid *g, const struct motion_zone *z)
{
	for (uint32_t cy = 0; cy < g->rows; cy++)
		for (uint32_t cx = 0; cx < g->cols; cx++)
			if (coverage(g, z, cx, cy))
				return false;
	return true;
}

/* What all cells share while they are configured. */
struct zone_facts {
	bool zoned;       /* some zone says where to look */
	uint32_t corners; /* bit i: zone i is tiny */
};

static void configure_cell(struct grid *g, const struct motion_config *c, uint32_t cx, uint32_t cy,
			   const struct zone_facts *facts)
{
	size_t at = (size_t)cy * g->cols + cx;
	uint8_t sensitivity = 0;
	bool masked = false;

	g->zones[at] = 0;
	for (unsigned i = 0; i < c->nzones; i++) {
		const struct motion_zone *z = &c->zone[i];
		unsigned held;

		if (!z->enabled || z->npoints < 3)
			continue;
		held = coverage(g, z, cx, cy);
		if (z->mask) {
			masked |= held * 2 >= SAMPLES * SAMPLES;
		} else if (held || ((facts->corners >> i & 1) && has_corner(g, z, cx, cy))) {
			uint8_t own = z->sensitivity ? z->sensitivity : c->sensitivity;

			g->zones[at] |= (uint16_t)(1u << i);
			if (own > sensitivity)
				sensitivity = own;
		}
	}
	g->ignored[at] = masked || (facts->zoned && !g->zones[at]);
	if (masked)
		g->zones[at] = 0;
	g->sensitivity[at] = sensitivity ? sensitivity : c->sensitivity;
	g->watched += !g->ignored[at];
}

void grid_configure(struct grid *g, const struct motion_config *c)
{
	struct zone_facts facts = {0};

	for (unsigned i = 0; i < c->nzones; i++) {
		const struct motion_zone *z = &c->zone[i];

		if (!z->enabled || z->mask || z->npoints < 3)
			continue;
		facts.zoned = true;
		if (tiny(g, z))
			facts.corners |= 1u << i;
	}
	g->watched = 0;
	for (uint32_t cy = 0; cy < g->rows; cy++)
		for (uint32_t cx = 0; cx < g->cols; cx++)
			configure_cell(g, c, cx, cy, &facts);
}
