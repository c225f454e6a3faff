/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connected groups of cells (8-neighbourhood), and which of them are something that moves.
 *
 * A group counts when it has enough firm cells and one of them is solid. Where the scene is calm,
 * half of that size will do for what stays: for a solid cell (or four in a square that are solid
 * together) with foreground at or beside it in the two frames before (something small or far), and
 * for what is left of a group that counted in the frame before (something that walks off, or half
 * hidden). A group in which light explains every cell (contrast.h) is nothing.
 *
 * One thread at a time.
 */
#ifndef ANALYZE_GROUPS_H
#define ANALYZE_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

struct groups {
	uint32_t cols, rows;
	uint16_t *stack;
	uint8_t *seen;
	uint8_t *past; /* per cell, of the frame before: the PAST_* bits of groups.c */
};

/* What is known of each cell in a frame. */
struct groups_cells {
	uint8_t *on;           /* in: foreground; out: of a group that counts */
	const float *excess;   /* share of foreground beyond what is usual there */
	const float *restless; /* 0 calm .. 1 */
	const uint16_t *zones; /* bits */
	/* The contrast of a cell; asked for few of them. NULL: all have enough. */
	float (*contrast)(const void *ctx, uint32_t cell);
	const void *ctx;
};

struct groups_found {
	uint32_t moved;   /* cells left */
	uint32_t largest; /* cells of the largest group left */
	uint32_t zones;   /* union of the zones of the cells left */
};

/* -ENOMEM; `g` is untouched then. */
int groups_create(struct groups *g, uint32_t cols, uint32_t rows) MUST_CHECK;
/* A zeroed one is fine. */
void groups_destroy(struct groups *g);
/* Forgets the frames before. */
void groups_forget(struct groups *g);
size_t groups_bytes(const struct groups *g);

/* Clears the cells of all groups that do not count. */
void groups_filter(struct groups *g, const struct groups_cells *c, uint32_t min_cells,
		   struct groups_found *out);

#endif
