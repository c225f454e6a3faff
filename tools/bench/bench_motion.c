/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What motion detection of raw 1080p costs, complete: area means, model, noise, grid and decision,
 * as the analyser runs it, over the pictures and states of 48 cameras in turn, so that caches hold
 * none of them. Beside it, in the same rounds, the limit of this machine: a loop that does no more
 * than read as many bytes of pictures and read, change and write as many bytes of state. Plain C
 * and each SIMD version. Processor time of the thread, medians of several rounds.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "analyze/cpu.h"
#include "analyze/detector.h"
#include "analyze/fetch.h"
#include "analyze/luma.h"
#include "analyze/motion_dsp.h"

#define CAMERAS   48
#define ROUNDS    15
#define WARM_UP   8 /* frames, so that the start is over */
#define PICTURE_W 1920
#define PICTURE_H 1080
#define PERIOD_NS 200000000
#define LINE      64

_Static_assert(CAMERAS % DETECTOR_BATCH == 0, "batches are whole");

struct bench {
	struct motion_dsp const *dsp;
	uint8_t *pictures, *states; /* CAMERAS each; `states` for the limit only */
	struct frame frame[CAMERAS];
	struct detector *detector[CAMERAS];
	size_t state; /* bytes of one */
	int64_t mono_ns;
	uint64_t sum; /* what the limit's reading comes to, so that it is done */
};

struct figures {
	double frame_us, reduce_us;
	double limit_us, touched_us; /* the memory's: read straight on; pages touched ahead */
	double of_limit, of_touched; /* part of it that a frame reaches, median of rounds */
};

static void die(const char *what)
{
	fprintf(stderr, "bench_motion: %s\n", what);
	exit(1);
}

/* In small pages, as the capture's slots are. */
static uint8_t *memory(size_t size)
{
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("out of memory");
	(void)madvise(p, size, MADV_NOHUGEPAGE);
	memset(p, 0, size);
	return p;
}

static void release(struct frame *f)
{
	(void)f;
}

static void build(struct bench *b)
{
	struct motion_config config;
	struct errmsg em = {"out of memory"};
	uint32_t seed = 1;

	motion_config_defaults(&config);
	b->pictures = memory((size_t)CAMERAS * PICTURE_W * PICTURE_H);
	for (int c = 0; c < CAMERAS; c++) {
		uint8_t *p = b->pictures + (size_t)c * PICTURE_W * PICTURE_H;

		for (size_t i = 0; i < PICTURE_W * PICTURE_H; i++) {
			seed = seed * 1664525 + 1013904223;
			p[i] = (uint8_t)(96 + (i / 64) % 32 + (seed >> 28));
		}
		b->frame[c] = (struct frame){
			.flags = FRAME_KEY,
			.fourcc = PIXFMT_GREY,
			.width = PICTURE_W,
			.height = PICTURE_H,
			.nplanes = 1,
			.plane[0] = {p, PICTURE_W * PICTURE_H, PICTURE_W},
			.release = release,
		};
		if (detector_create_with(&b->detector[c], &config, b->dsp, &em))
			die(em.text);
	}
}

static void drop(struct bench *b)
{
	for (int c = 0; c < CAMERAS; c++)
		detector_destroy(b->detector[c]);
	munmap(b->pictures, (size_t)CAMERAS * PICTURE_W * PICTURE_H);
	munmap(b->states, b->state * CAMERAS);
}

/* One frame of every camera, as the analyser's workers do it. */
static void all_frames(struct bench *b)
{
	b->mono_ns += PERIOD_NS;
	for (int c = 0; c < CAMERAS; c++) {
		struct errmsg em;
		struct detector_result r;

		if (detector_load(b->detector[c], &b->frame[c], true, &em) != 1)
			die(em.text);
		if (c + 1 < CAMERAS)
			detector_ahead(b->detector[c], &b->frame[c + 1]);
		detector_run(b->detector[c], b->mono_ns, &r);
	}
}

static void all_reduced(struct bench *b)
{
	static uint8_t small[LUMA_MAX_SIDE];
	struct luma_source src = {.stride = PICTURE_W, .step = 1};

	if (luma_size(&src.size, PICTURE_W, PICTURE_H))
		die("no size for this picture");
	for (int c = 0; c < CAMERAS; c++) {
		src.data = b->frame[c].plane[0].data;
		luma_reduce(b->dsp, small, 0, &src, NULL, NULL);
	}
}

/* Two at a time are enough to wait for memory only. */
typedef uint64_t words __attribute__((vector_size(16)));

/* Reads a picture, then reads, changes and writes as many bytes as a state has; `touch`: with
 * pages touched ahead, as the kernels do it. */
static void move_bytes(struct bench *b, bool touch)
{
	words sum[4] = {0};

	for (int c = 0; c < CAMERAS; c++) {
		const uint8_t *picture = b->frame[c].plane[0].data;
		words *s = (words *)(b->states + (size_t)c * b->state);

		for (size_t at = 0; at < PICTURE_W * PICTURE_H; at += LINE) {
			const words *p = (const words *)(picture + at);

			if (touch && at % PICTURE_W == 0)
				fetch_ahead(picture + at, picture + PICTURE_W * PICTURE_H);
			for (size_t k = 0; k < 4; k++)
				sum[k] += p[k];
		}
		for (size_t i = 0; i < b->state / sizeof(*s); i++)
			s[i] += 0x0101010101010101ull;
	}
	for (size_t k = 0; k < 4; k++)
		b->sum += sum[k][0] + sum[k][1];
}

static void all_limit(struct bench *b)
{
	move_bytes(b, false);
}

static void all_touched(struct bench *b)
{
	move_bytes(b, true);
}

static double cpu_us(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t))
		die("no clock of processor time");
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds a camera. */
static double measure(struct bench *b, void (*all)(struct bench *b))
{
	double start = cpu_us();

	all(b);
	return (cpu_us() - start) / CAMERAS;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

static struct figures run(struct bench *b)
{
	double limit[ROUNDS], touched[ROUNDS], frame[ROUNDS], reduced[ROUNDS];
	double of_limit[ROUNDS], of_touched[ROUNDS];

	build(b);
	for (int i = 0; i < WARM_UP; i++)
		all_frames(b);
	/* Whole cache lines. */
	b->state = detector_state_bytes(b->detector[0]) & ~(size_t)63;
	b->states = memory(b->state * CAMERAS);
	for (int r = 0; r < ROUNDS; r++) {
		reduced[r] = measure(b, all_reduced);
		limit[r] = measure(b, all_limit);
		frame[r] = measure(b, all_frames);
		touched[r] = measure(b, all_touched);
		of_limit[r] = limit[r] / frame[r];
		of_touched[r] = touched[r] / frame[r];
	}
	drop(b);
	return (struct figures){
		.frame_us = median(frame),
		.reduce_us = median(reduced),
		.limit_us = median(limit),
		.touched_us = median(touched),
		.of_limit = median(of_limit),
		.of_touched = median(of_touched),
	};
}

static void print_text(const struct bench *b, const struct figures *f)
{
	printf("%-7s %9.1f %9.1f %9.1f %9.1f %8.0f%% %8.0f%% %9zu\n", b->dsp->name, f->frame_us,
	       f->reduce_us, f->limit_us, f->touched_us, 100 * f->of_limit, 100 * f->of_touched,
	       b->state);
}

static json_t *pack(const struct bench *b, const struct figures *f)
{
	json_t *j = json_pack("{s:s s:f s:f s:f s:f s:f s:f s:I}", "code", b->dsp->name, "frame_us",
			      f->frame_us, "reduce_us", f->reduce_us, "limit_us", f->limit_us,
			      "touched_us", f->touched_us, "of_limit", f->of_limit, "of_touched",
			      f->of_touched, "state_bytes", (json_int_t)b->state);

	if (!j)
		die("out of memory");
	return j;
}

int main(int argc, char **argv)
{
	const struct motion_dsp *tables[MOTION_DSP_MAX];
	unsigned n = motion_dsp_usable(tables, cpu_features());
	int json = argc > 1 && !strcmp(argv[1], "--json");
	json_t *all = json_array();

	if (argc > 1 + json) {
		fprintf(stderr, "Usage: bench_motion [--json]\n");
		return 2;
	}
	if (!json)
		printf("motion, raw %dx%d complete, %d cameras in turn, microseconds of processor "
		       "time a frame (median of %d)\n"
		       "%-7s %9s %9s %9s %9s %9s %9s %9s\n",
		       PICTURE_W, PICTURE_H, CAMERAS, ROUNDS, "code", "complete", "reduce", "limit",
		       "touched", "of limit", "of that", "state B");
	for (unsigned i = 0; i < n; i++) {
		struct bench b = {.dsp = tables[i]};
		struct figures f = run(&b);

		if (!json)
			print_text(&b, &f);
		else if (json_array_append_new(all, pack(&b, &f)))
			die("out of memory");
	}
	if (json) {
		json_dumpf(all, stdout, JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	json_decref(all);
	return 0;
}
