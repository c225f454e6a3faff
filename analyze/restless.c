/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/restless.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STIRRED 0.2f   /* of a cell's pixels changed: it stirs */
#define MEMORY  0.006f /* of the part of the time: about 170 frames */
#define CALM    0.4f   /* stirring less of the time than this is no restlessness */
#define WILD    0.6f   /* and more is nothing else */
/* A region is found over 5x5 cells and reaches RIM * REACH cells further. */
#define REACH 2
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

int restless_create(struct restless *out, uint32_t cols, uint32_t rows)
{
	size_t cells = (size_t)cols * rows;
	struct restless r = {.cols = cols, .rows = rows};

	r.stirs = calloc(cells, sizeof(float));
	r.usual = calloc(cells, sizeof(float));
	r.degree = calloc(cells, sizeof(float));
	r.row = calloc((cols > rows ? cols : rows) + 2 * REACH, sizeof(float));
	if (!r.stirs || !r.usual || !r.degree || !r.row) {
		restless_destroy(&r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

size_t restless_bytes(const struct restless *r)
{
	size_t longer = r->cols > r->rows ? r->cols : r->rows;

	return ((size_t)r->cols * r->rows * 3 + longer + 2 * REACH) * sizeof(float);
}

static float mean5(const float *p)
{
	return (p[0] + p[1] + p[2] + p[3] + p[4]) / 5;
}

static float max5(const float *p)
{
	return fmaxf(fmaxf(fmaxf(p[0], p[1]), fmaxf(p[2], p[3])), p[4]);
}

/* Replaces each of `n` values, `step` apart, by a function of itself and two to either side; beyond
 * the ends the last one goes on. */
static void slide(float *row, float *at, uint32_t n, size_t step, float (*of)(const float *))
{
	for (uint32_t i = 0; i < n; i++)
		row[i + REACH] = at[i * step];
	for (unsigned k = 0; k < REACH; k++) {
		row[k] = row[REACH];
		row[n + REACH + k] = row[n + REACH - 1];
	}
	for (uint32_t i = 0; i < n; i++)
		at[i * step] = of(row + i);
}

static void slide_plane(struct restless *r, float *plane, float (*of)(const float *))
{
	for (uint32_t y = 0; y < r->rows; y++)
		slide(r->row, plane + (size_t)y * r->cols, r->cols, 1, of);
	for (uint32_t x = 0; x < r->cols; x++)
		slide(r->row, plane + x, r->rows, r->cols, of);
}

static void find_regions(struct restless *r)
{
	size_t cells = (size_t)r->cols * r->rows;

	memcpy(r->degree, r->stirs, cells * sizeof(float));
	slide_plane(r, r->degree, mean5);
	for (unsigned i = 0; i < RIM; i++)
		slide_plane(r, r->degree, max5);
	for (size_t i = 0; i < cells; i++)
		r->degree[i] = fminf(fmaxf((r->degree[i] - CALM) / (WILD - CALM), 0), 1);
}

void restless_learn(struct restless *r, const uint32_t *stirred, const uint32_t *area,
		    const float *share)
{
	size_t cells = (size_t)r->cols * r->rows;
	float rate = fmaxf(1 / (float)(r->frames + 2), MEMORY);
	float step = r->frames < YOUNG ? 2 : 1;

	for (size_t i = 0; i < cells; i++)
		r->stirs[i] +=
			(((float)stirred[i] > STIRRED * (float)area[i]) - r->stirs[i]) * rate;
	find_regions(r);
	for (size_t i = 0; i < cells; i++) {
		float move = -FORGET;

		if (r->degree[i] > 0)
			move = step * (share[i] > r->usual[i] ? STEP_UP : -STEP_DOWN);
		r->usual[i] = fminf(fmaxf(r->usual[i] + move, 0), USUAL_MAX);
	}
	if (r->frames < YOUNG)
		r->frames++;
}

float restless_bar(const struct restless *r, size_t cell)
{
	return fminf(WEIGHT * r->usual[cell] * r->degree[cell], BAR_MAX);
}

double restless_part(const struct restless *r)
{
	size_t cells = (size_t)r->cols * r->rows, n = 0;

	for (size_t i = 0; i < cells; i++)
		n += r->degree[i] > 0.5f;
	return cells ? (double)n / (double)cells : 0;
}
