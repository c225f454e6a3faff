/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/restless.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STIRRED 0.2f   /* of a cell's pixels changed: it stirs */
#define MEMORY  0.006f /* of the part of the time: about 170 frames */
#define CALM    0.4f   /* stirring less of the time than this is no restlessness */
#define WILD    0.6f   /* and more is nothing else */
/* A region is found over 5x5 cells and reaches RIM * REACH cells further. */
#define REACH 2 /* what `five` takes to either side */
#define RIM   2
/* The usual share is exceeded in one frame of sixteen. */
#define STEP_UP   0.01f
#define STEP_DOWN (STEP_UP / 15)
#define FORGET    0.002f /* in calm cells */
#define USUAL_MAX 0.6f
#define YOUNG     128 /* frames in which steps are twice as large */
#define WEIGHT    2.0f
#define BAR_MAX   0.65f

void restless_destroy(struct restless *r)
{
	free(r->stirs);
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

	r.stirs = calloc(cells, sizeof(float));
	r.usual = calloc(cells, sizeof(float));
	r.degree = calloc(cells, sizeof(float));
	r.row = calloc(scratch(&r), sizeof(float));
	if (!r.stirs || !r.usual || !r.degree || !r.row) {
		restless_destroy(&r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

size_t restless_bytes(const struct restless *r)
{
	return ((size_t)r->cols * r->rows * 3 + scratch(r)) * sizeof(float);
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

	memcpy(r->degree, r->stirs, cells * sizeof(float));
	slide_plane(r, r->degree, mean5);
	for (unsigned i = 0; i < RIM; i++)
		slide_plane(r, r->degree, max5);
	for (size_t i = 0; i < cells; i++)
		r->degree[i] = smaller(larger((r->degree[i] - CALM) / (WILD - CALM), 0), 1);
}

void restless_learn(struct restless *r, const uint32_t *stirred, const uint32_t *area,
		    const float *share)
{
	size_t cells = (size_t)r->cols * r->rows;
	float rate = larger(1 / (float)(r->frames + 2), MEMORY);
	float step = r->frames < YOUNG ? 2 : 1;

	for (size_t i = 0; i < cells; i++)
		r->stirs[i] +=
			(((float)stirred[i] > STIRRED * (float)area[i]) - r->stirs[i]) * rate;
	find_regions(r);
	for (size_t i = 0; i < cells; i++) {
		float move = share[i] > r->usual[i] ? STEP_UP : -STEP_DOWN;

		move = r->degree[i] > 0 ? step * move : -FORGET;
		r->usual[i] = smaller(larger(r->usual[i] + move, 0), USUAL_MAX);
	}
	if (r->frames < YOUNG)
		r->frames++;
}

float restless_bar(const struct restless *r, size_t cell)
{
	return smaller(WEIGHT * r->usual[cell] * r->degree[cell], BAR_MAX);
}

double restless_part(const struct restless *r)
{
	size_t cells = (size_t)r->cols * r->rows, n = 0;

	for (size_t i = 0; i < cells; i++)
		n += r->degree[i] > 0.5f;
	return cells ? (double)n / (double)cells : 0;
}
