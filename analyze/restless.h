/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cells that always move: trees, water, flags. Learnt per cell, so that there the bar is higher.
 *
 * A cell flickers in a frame when the foreground in it grew or shrank while it covers a small part
 * of the cell at most. Leaves, water and rain do that most of the time, and so do the cells around
 * them; a passer-by covers a cell, and uncovers it, within a frame or two, and traffic does so in a
 * small part of the time. Where cells flicker often, and those around them too, the region (and a
 * rim of two cells) is restless. In restless cells the share of foreground that is exceeded rarely
 * is learnt by unequal steps; only what goes well beyond it stands out. The bar is capped below a
 * full cell: somebody who fills cells is seen in front of a tree.
 *
 * One thread at a time.
 */
#ifndef ANALYZE_RESTLESS_H
#define ANALYZE_RESTLESS_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

struct restless {
	uint32_t cols, rows;
	uint32_t frames; /* learnt from */
	float *before;   /* per cell: share of foreground in the frame before */
	float *flickers; /* per cell: part of the time it flickers */
	float *usual;    /* per cell: share of foreground seldom exceeded */
	float *degree;   /* per cell: 0 calm .. 1 restless */
	float *row;      /* for smoothing */
};

/* -ENOMEM; `r` is untouched then. */
int restless_create(struct restless *r, uint32_t cols, uint32_t rows) MUST_CHECK;
/* A zeroed one is fine. */
void restless_destroy(struct restless *r);
size_t restless_bytes(const struct restless *r);

/* Takes a frame: which share of each cell is foreground. */
void restless_learn(struct restless *r, const float *share);
/* The share of foreground that means nothing in this cell. 0 where it is calm. Here, so that loops
 * over all cells need not call it. */
#define RESTLESS_WEIGHT  2.0f
#define RESTLESS_BAR_MAX 0.65f
static inline float restless_bar(const struct restless *r, size_t cell)
{
	float bar = RESTLESS_WEIGHT * r->usual[cell] * r->degree[cell];

	return bar < RESTLESS_BAR_MAX ? bar : RESTLESS_BAR_MAX;
}
/* Part of all cells that are restless, 0..1. */
double restless_part(const struct restless *r);

#endif
