/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/restless.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP    0.06f  /* of a cell's pixels became foreground or ceased to be: it flickers, */
#define PARTIAL 0.35f  /* while less than this of it is foreground */
#define MEMORY  0.006f /* of the part of the time: about 170 frames */
#define CALM    0.06f  /* flickering less of the time than this is no restlessness */
#define WILD    0.12f  /* and more is nothing else */
/* A region is found over 5x5 cells and reaches as far again. */
#define REACH 2 /* what `five` takes to either side */
/* The usual share is exceeded in one frame of sixteen. */
#define STEP_UP   0.01f
#define STEP_DOWN (STEP_UP / 15)
#define FORGET    0.002f /* in calm cells */
#define USUAL_MAX 0.6f
#define YOUNG     128 /* frames in which steps are twice as large */

void restless_destroy(struct restless *r)
{
	free(r->before);
	free(r->flickers);
	free(r->usual);
	free(r->degree);
	free(r->row);
	*r = (struct restless){0};
}

/* A row with room at its ends, or REACH + 1 rows. */
static size_t scratch(const struct restless *r)
{
	return (size_t)(REACH + 1) * (r->cols + REACH);
}

int restless_create(struct restless *out, uint32_t cols, uint32_t rows)
{
	size_t cells = (size_t)cols * rows;
	struct restless r = {.cols = cols, .rows = rows};

	r.before = calloc(cells, sizeof(float));
	r.flickers = calloc(cells, sizeof(float));
	r.usual = calloc(cells, sizeof(float));
	r.degree = calloc(cells, sizeof(float));
	r.row = calloc(scratch(&r), sizeof(float));
	if (!r.before || !r.flickers || !r.usual || !r.degree || !r.row) {
		restless_destroy(&r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

size_t restless_bytes(const struct restless *r)
{
	return ((size_t)r->cols * r->rows * 4 + scratch(r)) * sizeof(float);
}

/* Not fmaxf and its kin: compilers make vector instructions of this only. No NaN comes here. */
static inline float larger(float a, float b)
{
	return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
	return a < b ? a : b;
}

static inline float mean5(float a, float b, float c, float d, float e)
{
	return (a + b + c + d + e) / 5;
}

static inline float max5(float a, float b, float c, float d, float e)
{
	return larger(larger(larger(a, b), larger(c, d)), e);
}

typedef float five(float, float, float, float, float);

/* Replaces each value of a plane by a function of itself and two to either side, along its rows,
 * then along its columns; beyond the ends the last one goes on. Inlined so that `of` is known. */
static inline __attribute__((always_inline)) void slide_plane(struct restless *r, float *plane,
							      five *of)
{
	uint32_t cols = r->cols, rows = r->rows;
	float *saved[REACH + 1]; /* rows as they were: this and those above */

	for (uint32_t y = 0; y < rows; y++) {
		float *at = plane + (size_t)y * cols, *row = r->row;

		memcpy(row + REACH, at, cols * sizeof(float));
		for (unsigned k = 0; k < REACH; k++) {
			row[k] = at[0];
			row[cols + REACH + k] = at[cols - 1];
		}
		for (uint32_t x = 0; x < cols; x++)
			at[x] = of(row[x], row[x + 1], row[x + 2], row[x + 3], row[x + 4]);
	}
	for (unsigned k = 0; k <= REACH; k++)
		saved[k] = r->row + (size_t)k * cols;
	for (uint32_t y = 0; y < rows; y++) {
		float *at = plane + (size_t)y * cols;
		const float *a = saved[(y > 1 ? y - 2 : 0) % 3], *b = saved[(y ? y - 1 : 0) % 3];
		const float *c = saved[y % 3];
		const float *d = y + 1 < rows ? at + cols : c;
		const float *e = y + 2 < rows ? at + 2 * (size_t)cols : d;

		memcpy(saved[y % 3], at, cols * sizeof(float));
		for (uint32_t x = 0; x < cols; x++)
			at[x] = of(a[x], b[x], c[x], d[x], e[x]);
	}
}

static void find_regions(struct restless *r)
{
	size_t cells = (size_t)r->cols * r->rows;

	memcpy(r->degree, r->flickers, cells * sizeof(float));
	slide_plane(r, r->degree, mean5);
	slide_plane(r, r->degree, max5);
	for (size_t i = 0; i < cells; i++)
		r->degree[i] = smaller(larger((r->degree[i] - CALM) / (WILD - CALM), 0), 1);
}

/* What covers a cell does so at once or nearly; leaves and streaks of rain take bits of it. */
static inline float flickers(float now, float before)
{
	float step = now > before ? now - before : before - now;

	return step >= STEP && larger(now, before) < PARTIAL ? 1 : 0;
}

void restless_learn(struct restless *r, const float *share)
{
	size_t cells = (size_t)r->cols * r->rows;
	float rate = larger(1 / (float)(r->frames + 2), MEMORY);
	float step = r->frames < YOUNG ? 2 : 1;

	for (size_t i = 0; i < cells; i++)
		r->flickers[i] += (flickers(share[i], r->before[i]) - r->flickers[i]) * rate;
	memcpy(r->before, share, cells * sizeof(float));
	find_regions(r);
	for (size_t i = 0; i < cells; i++) {
		float move = share[i] > r->usual[i] ? STEP_UP : -STEP_DOWN;

		move = r->degree[i] > 0 ? step * move : -FORGET;
		r->usual[i] = smaller(larger(r->usual[i] + move, 0), USUAL_MAX);
	}
	if (r->frames < YOUNG)
		r->frames++;
}

double restless_part(const struct restless *r)
{
	size_t cells = (size_t)r->cols * r->rows, n = 0;

	for (size_t i = 0; i < cells; i++)
		n += r->degree[i] > 0.5f;
	return cells ? (double)n / (double)cells : 0;
}
