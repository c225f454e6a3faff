/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/groups.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRM  0.15f /* of a cell beyond the usual */
#define SOLID 0.30f
#define PAIR  0.40f /* the same of something that lies in up to four cells */
#define CALM  0.10f /* restless less than this */
#define EDGE  0.45f /* contrast light does not explain */

/* Bits of a cell for what the frame before had there or right beside: */
#define PAST_COUNTED 1 /* a group that counted */
#define PAST_ON      2 /* a cell that was on */
#define PAST_CHAIN   4 /* one that was on, and that had the frame before it */

void groups_destroy(struct groups *g)
{
	free(g->stack);
	free(g->seen);
	free(g->past);
	*g = (struct groups){0};
}

int groups_create(struct groups *out, uint32_t cols, uint32_t rows)
{
	size_t cells = (size_t)cols * rows;
	struct groups g = {.cols = cols, .rows = rows};

	g.stack = calloc(cells, sizeof(*g.stack));
	g.seen = calloc(cells, 1);
	g.past = calloc(cells, 1);
	if (!g.stack || !g.seen || !g.past) {
		groups_destroy(&g);
		return -ENOMEM;
	}
	*out = g;
	return 0;
}

void groups_forget(struct groups *g)
{
	memset(g->past, 0, (size_t)g->cols * g->rows);
}

size_t groups_bytes(const struct groups *g)
{
	return (size_t)g->cols * g->rows * (2 + sizeof(uint16_t));
}

/* Where a cell and its neighbours lie. */
struct around {
	uint32_t x0, x1, y0, y1;
};

static struct around around(const struct groups *g, uint32_t at)
{
	uint32_t x = at % g->cols, y = at / g->cols;

	return (struct around){
		.x0 = x ? x - 1 : 0,
		.x1 = x + 1 < g->cols ? x + 1 : x,
		.y0 = y ? y - 1 : 0,
		.y1 = y + 1 < g->rows ? y + 1 : y,
	};
}

/* What the next frame must know of this one; `on` is 1 in cells that count, 2 in others. */
static void remember(struct groups *g, const uint8_t *on)
{
	uint32_t cells = g->cols * g->rows;
	uint8_t *next = g->seen;

	memset(next, 0, cells);
	for (uint32_t i = 0; i < cells; i++) {
		struct around a;
		uint8_t bits;

		if (!on[i])
			continue;
		bits = PAST_ON | (on[i] == 1 ? PAST_COUNTED : 0) |
		       (g->past[i] & PAST_ON ? PAST_CHAIN : 0);
		a = around(g, i);
		for (uint32_t y = a.y0; y <= a.y1; y++)
			for (uint32_t x = a.x0; x <= a.x1; x++)
				next[y * g->cols + x] |= bits;
	}
	memcpy(g->past, next, cells);
}

/* Collects the group that holds cell `start` on the stack; returns its size. */
static uint32_t collect(struct groups *g, const uint8_t *on, uint32_t start)
{
	uint32_t n = 0, done = 0;

	g->stack[n++] = (uint16_t)start;
	g->seen[start] = 1;
	while (done < n) {
		struct around a = around(g, g->stack[done++]);

		for (uint32_t y = a.y0; y <= a.y1; y++)
			for (uint32_t x = a.x0; x <= a.x1; x++) {
				uint32_t next = y * g->cols + x;

				if (on[next] && !g->seen[next]) {
					g->seen[next] = 1;
					g->stack[n++] = (uint16_t)next;
				}
			}
	}
	return n;
}

/* Whether nothing but light is seen in the group of `n` cells on the stack. */
static bool light(const struct groups *g, const struct groups_cells *c, uint32_t n)
{
	for (uint32_t k = 0; c->contrast && k < n; k++)
		if (c->contrast(c->ctx, g->stack[k]) >= EDGE)
			return false;
	return c->contrast;
}

/* Excess of a cell and the three right, below and beside both: something small may lie on a border.
 */
static float square(const struct groups *g, const struct groups_cells *c, uint32_t at)
{
	struct around a = around(g, at);
	float sum = 0;

	for (uint32_t y = at / g->cols; y <= a.y1; y++)
		for (uint32_t x = at % g->cols; x <= a.x1; x++)
			if (c->on[y * g->cols + x])
				sum += c->excess[y * g->cols + x];
	return sum;
}

/* Whether the group of `n` cells on the stack is large, firm and steady enough. */
static bool strong(const struct groups *g, const struct groups_cells *c, uint32_t n,
		   uint32_t min_cells)
{
	uint32_t firm = 0, half = (min_cells + 1) / 2;
	uint8_t before = 0;
	float peak = 0, calmest = 1, most = 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t at = g->stack[k];

		firm += c->excess[at] >= FIRM;
		if (c->excess[at] > peak)
			peak = c->excess[at];
		if (square(g, c, at) > most)
			most = square(g, c, at);
		if (c->restless[at] < calmest)
			calmest = c->restless[at];
		before |= g->past[at];
	}
	if (firm >= min_cells && peak >= SOLID)
		return true;
	if (firm < half || calmest >= CALM)
		return false;
	return (before & PAST_COUNTED) ||
	       ((peak >= SOLID || most >= PAIR) && (before & PAST_CHAIN));
}

void groups_filter(struct groups *g, const struct groups_cells *c, uint32_t min_cells,
		   struct groups_found *out)
{
	uint32_t cells = g->cols * g->rows;

	*out = (struct groups_found){0};
	memset(g->seen, 0, cells);
	for (uint32_t i = 0; i < cells; i++) {
		uint32_t n;

		if (!c->on[i] || g->seen[i])
			continue;
		n = collect(g, c->on, i);
		if (!strong(g, c, n, min_cells) || light(g, c, n)) {
			for (uint32_t k = 0; k < n; k++)
				c->on[g->stack[k]] = 2; /* on, but nothing */
			continue;
		}
		out->moved += n;
		if (n > out->largest)
			out->largest = n;
		for (uint32_t k = 0; k < n; k++)
			out->zones |= c->zones[g->stack[k]];
	}
	remember(g, c->on);
	for (uint32_t i = 0; i < cells; i++)
		c->on[i] = c->on[i] == 1;
}
