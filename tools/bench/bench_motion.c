/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What motion detection of raw 1080p costs, complete: area means, model, noise, grid and decision,
 * as the analyser runs it, over the pictures and states of 48 cameras in turn, so that caches hold
 * none of them. Beside it, in the same rounds, the limit of this machine: a loop that does no more
 * than read as many bytes of pictures and read, change and write as many bytes of state. Plain C
 * and each SIMD version. Processor time of the thread, medians of several rounds.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "analyze/cpu.h"
#include "analyze/detector.h"
#include "analyze/luma.h"
#include "analyze/motion_dsp.h"

#define CAMERAS   48
#define ROUNDS    15
#define WARM_UP   8 /* frames, so that the start is over */
#define PICTURE_W 1920
#define PICTURE_H 1080
#define PERIOD_NS 200000000

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
	double limit_us, frame_us, reduce_us, ratio; /* ratio: limit / frame, median of rounds */
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

		if (c + 1 < CAMERAS)
			detector_ahead(b->detector[c], &b->frame[c + 1]);
		if (detector_load(b->detector[c], &b->frame[c], true, &em) != 1)
			die(em.text);
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

/* Reads a picture, then reads, changes and writes as many bytes as a state has. Plain loops over
 * whole cache lines: the compiler's vectors are enough for the memory. */
static void all_limit(struct bench *b)
{
	uint64_t sum[8] = {0};

	for (int c = 0; c < CAMERAS; c++) {
		const uint64_t *p = (const uint64_t *)b->frame[c].plane[0].data;
		uint64_t *s = (uint64_t *)(b->states + (size_t)c * b->state);

		for (size_t i = 0; i < PICTURE_W * PICTURE_H / sizeof(*p); i += 8)
			for (size_t k = 0; k < 8; k++)
				sum[k] += p[i + k];
		for (size_t i = 0; i < b->state / sizeof(*s); i += 8)
			for (size_t k = 0; k < 8; k++)
				s[i + k] += 0x0101010101010101ull;
	}
	for (size_t k = 0; k < 8; k++)
		b->sum += sum[k];
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
	double limit[ROUNDS], frame[ROUNDS], reduced[ROUNDS], ratio[ROUNDS];

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
		ratio[r] = limit[r] / frame[r];
	}
	drop(b);
	return (struct figures){median(limit), median(frame), median(reduced), median(ratio)};
}

static void print_text(const struct bench *b, const struct figures *f)
{
	double bytes = PICTURE_W * PICTURE_H;

	printf("%-7s %9.1f %9.1f %8.1f %9.1f %8.1f %8.0f%% %9zu\n", b->dsp->name, f->frame_us,
	       f->reduce_us, bytes / f->reduce_us / 1000, f->limit_us,
	       (bytes + 2 * (double)b->state) / f->limit_us / 1000, 100 * f->ratio, b->state);
}

static json_t *pack(const struct bench *b, const struct figures *f)
{
	json_t *j = json_pack("{s:s s:f s:f s:f s:f s:I}", "code", b->dsp->name, "frame_us",
			      f->frame_us, "reduce_us", f->reduce_us, "limit_us", f->limit_us,
			      "of_limit", f->ratio, "state_bytes", (json_int_t)b->state);

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
		       "%-7s %9s %9s %8s %9s %8s %9s %9s\n",
		       PICTURE_W, PICTURE_H, CAMERAS, ROUNDS, "code", "complete", "reduce", "GB/s",
		       "limit", "GB/s", "of limit", "state B");
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
