/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What motion detection costs: kernels and whole frames, plain C against SIMD, over the states of
 * 48 cameras in turn so that caches hold none of them. Beside it a loop that reads, changes and
 * writes the same amount of memory, in the same run: the limit of this machine. Figures are
 * medians of several runs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/background.h"
#include "analyze/cpu.h"
#include "analyze/luma.h"
#include "capture/core/monotime.h"

#define CAMERAS    48
#define RUNS       7
#define PICTURE_W  1920
#define PICTURE_H  1080
#define CELL_SHIFT 2

struct bench {
	const struct motion_dsp *dsp;
	struct luma_size size;
	uint8_t *picture[CAMERAS]; /* full size */
	struct background *model[CAMERAS];
	uint8_t *base, *ignored;
	uint8_t *traffic; /* for the memory loop: CAMERAS times the state of one */
	size_t state;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_motion: %s\n", what);
	exit(1);
}

static void *need(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

static void build(struct bench *b)
{
	uint32_t seed = 1;
	size_t cells;

	if (luma_size(&b->size, PICTURE_W, PICTURE_H))
		die("no size for this picture");
	cells = (size_t)((b->size.w >> CELL_SHIFT) + 1) * ((b->size.h >> CELL_SHIFT) + 1);
	b->base = need(malloc(cells));
	memset(b->base, 48, cells);
	b->ignored = need(calloc(cells, 1));
	for (int c = 0; c < CAMERAS; c++) {
		b->picture[c] = need(malloc(PICTURE_W * PICTURE_H));
		for (size_t i = 0; i < PICTURE_W * PICTURE_H; i++) {
			seed = seed * 1664525 + 1013904223;
			b->picture[c][i] = (uint8_t)(96 + (i / 64) % 32 + (seed >> 28));
		}
		if (background_create(&b->model[c], b->dsp, b->size.w, b->size.h, CELL_SHIFT))
			die("out of memory");
	}
	b->state = background_state_bytes(b->model[0]);
	b->traffic = need(calloc(CAMERAS, b->state));
}

static void drop(struct bench *b)
{
	for (int c = 0; c < CAMERAS; c++) {
		free(b->picture[c]);
		background_destroy(b->model[c]);
	}
	free(b->base);
	free(b->ignored);
	free(b->traffic);
}

static void reduce_one(struct bench *b, int c)
{
	size_t stride;
	uint8_t *to = background_input(b->model[c], &stride);

	luma_reduce(b->dsp, to, stride, b->picture[c], PICTURE_W, &b->size, 1);
}

static void learn_one(struct bench *b, int c)
{
	reduce_one(b, c);
	background_learn(b->model[c]);
}

static void step_one(struct bench *b, int c)
{
	struct background_params p = {
		.deviations = 4,
		.mean_rate = 1 / 64.0,
		.dev_rate = 0.005,
		.absorb = 200,
		.base = b->base,
		.ignored = b->ignored,
	};
	struct background_cells cells;

	background_step(b->model[c], &p, &cells);
}

static void whole_one(struct bench *b, int c)
{
	reduce_one(b, c);
	step_one(b, c);
}

/* Reads, changes and writes as many bytes as a state has. */
static void traffic_one(struct bench *b, int c)
{
	uint64_t *p = (uint64_t *)(b->traffic + (size_t)c * (b->state & ~(size_t)63));

	for (size_t i = 0; i < b->state / sizeof(*p); i += 8)
		for (size_t k = 0; k < 8; k++)
			p[i + k] += 0x0101010101010101ull;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median microseconds a camera. */
static double measure(struct bench *b, void (*one)(struct bench *b, int c))
{
	double us[RUNS];

	for (int r = 0; r < RUNS; r++) {
		int64_t start = monotime_now();

		for (int c = 0; c < CAMERAS; c++)
			one(b, c);
		us[r] = (double)(monotime_now() - start) / 1000 / CAMERAS;
	}
	qsort(us, RUNS, sizeof(us[0]), by_value);
	return us[RUNS / 2];
}

static void run(const struct motion_dsp *dsp)
{
	struct bench b = {.dsp = dsp};
	double luma, step, whole, traffic;
	double picture = PICTURE_W * PICTURE_H;

	build(&b);
	measure(&b, learn_one);
	luma = measure(&b, reduce_one);
	step = measure(&b, step_one);
	whole = measure(&b, whole_one);
	traffic = measure(&b, traffic_one);
	printf("%-5s %10.1f %8.1f %10.1f %10.1f %10zu %12.1f %8.1f\n", dsp->name, luma,
	       picture / luma / 1000, step, whole, b.state, traffic,
	       2 * (double)b.state / traffic / 1000);
	drop(&b);
}

int main(void)
{
	const struct motion_dsp *best = motion_dsp_select(cpu_features());

	printf("motion, %dx%d grey to %dx%d, %d cameras in turn, microseconds a frame (median of "
	       "%d)\n",
	       PICTURE_W, PICTURE_H, PICTURE_W / 8, PICTURE_H / 8, CAMERAS, RUNS);
	printf("%-5s %10s %8s %10s %10s %10s %12s %8s\n", "code", "reduce", "GB/s", "model",
	       "frame", "state B", "state r+w us", "GB/s");
	run(&motion_dsp_c);
	if (best != &motion_dsp_c)
		run(best);
	return 0;
}
