/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the DC image of a 1080p MJPEG picture costs: ours, one picture at a time and several in
 * turn, beside libjpeg-turbo's grey picture at an eighth, in the same run. One picture a camera of
 * 451, each in memory of its own, so that caches hold none; processor time, medians of several
 * rounds. Without a file: pictures of the synthetic camera.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <turbojpeg.h>

#include "analyze/dcjpeg.h"
#include "capture/play.h"

#define PICTURES  451
#define ROUNDS    5
#define BATCH     8
#define SYNTHETIC "rack:bench?width=1920&height=1080&format=mjpeg&frame_kb=100"

struct picture {
	uint8_t *data, *ours, *theirs;
	size_t size;
	struct dcjpeg *d;
};

struct bench {
	struct picture picture[PICTURES];
	struct dcjpeg_info info;
	tjhandle tj;
	double mean_kb;
	unsigned differing; /* pixels */
};

static void die(const char *what)
{
	fprintf(stderr, "bench_dcjpeg: %s\n", what);
	exit(1);
}

static void *need(size_t size)
{
	void *p = malloc(size);

	if (!p)
		die("out of memory");
	return p;
}

static void take_pictures(struct bench *b, const char *uri)
{
	struct errmsg em = {""};
	struct play *p;
	size_t total = 0;
	int got = 0; /* from the source */

	if (play_open(&p, uri, NULL, true, &em))
		die(em.text);
	for (int i = 0; i < PICTURES; i++) {
		struct picture *c = &b->picture[i];
		struct frame f;
		int ret = play_next(p, &f, 0, &em);

		if (ret < 0)
			die(em.text);
		if (!ret && !got)
			die("no pictures");
		got += ret;
		/* A short file is taken again from its start. */
		c->size = ret ? f.plane[0].bytesused : b->picture[i % got].size;
		c->data = need(c->size);
		memcpy(c->data, ret ? f.plane[0].data : b->picture[i % got].data, c->size);
		if (dcjpeg_create(&c->d))
			die("out of memory");
		if (dcjpeg_open(c->d, c->data, c->size, &b->info))
			die("a picture the DC decoder does not take");
		c->ours = need((size_t)b->info.cols * b->info.rows);
		c->theirs = need((size_t)b->info.cols * b->info.rows);
		total += c->size;
	}
	play_close(p);
	b->mean_kb = (double)total / PICTURES / 1000;
}

static double cpu_us(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t))
		die("no clock of processor time");
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds a picture, `n` at a time. */
static double ours(struct bench *b, int n)
{
	double start = cpu_us();

	for (int i = 0; i < PICTURES; i += n) {
		struct dcjpeg_job jobs[BATCH];
		int k;

		for (k = 0; k < n && i + k < PICTURES; k++) {
			struct picture *c = &b->picture[i + k];

			if (dcjpeg_open(c->d, c->data, c->size, &b->info))
				die("a picture the DC decoder does not take");
			jobs[k] = (struct dcjpeg_job){
				.d = c->d, .dst = c->ours, .stride = b->info.cols};
		}
		dcjpeg_read(jobs, (size_t)k);
	}
	return (cpu_us() - start) / PICTURES;
}

static double theirs(struct bench *b)
{
	double start = cpu_us();

	for (int i = 0; i < PICTURES; i++) {
		struct picture *c = &b->picture[i];

		if (tjDecompress2(b->tj, c->data, c->size, c->theirs, (int)b->info.cols, 0,
				  (int)b->info.rows, TJPF_GRAY, TJFLAG_FASTDCT) < 0 &&
		    tjGetErrorCode(b->tj) == TJERR_FATAL)
			die(tjGetErrorStr2(b->tj));
	}
	return (cpu_us() - start) / PICTURES;
}

static void compare(struct bench *b)
{
	for (int i = 0; i < PICTURES; i++)
		for (size_t k = 0; k < (size_t)b->info.cols * b->info.rows; k++)
			b->differing += b->picture[i].ours[k] != b->picture[i].theirs[k];
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

static void report(const struct bench *b, double turbo, double one, double several, int json)
{
	json_t *j;

	if (!json) {
		printf("%u pictures of %ux%u, %.0f KB: libjpeg-turbo 1/8 grey %.0f us, ours "
		       "%.0f us alone (%.2fx), %.0f us %d in turn (%.2fx, %.0f MB/s); %u pixels "
		       "differ\n",
		       PICTURES, b->info.width, b->info.height, b->mean_kb, turbo, one, turbo / one,
		       several, BATCH, turbo / several, b->mean_kb * 1000 / several, b->differing);
		return;
	}
	j = json_pack("{s:i s:f s:f s:f s:f s:i s:i}", "pictures", PICTURES, "mean_kb", b->mean_kb,
		      "turbo_us", turbo, "one_us", one, "batch_us", several, "batch", BATCH,
		      "differing", (int)b->differing);
	if (!j)
		die("out of memory");
	json_dumpf(j, stdout, JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(j);
}

int main(int argc, char **argv)
{
	double turbo[ROUNDS], one[ROUNDS], several[ROUNDS];
	struct bench b = {.tj = tjInitDecompress()};
	int json = argc > 1 && !strcmp(argv[1], "--json");

	if (argc > 2 + json || (argc > 1 + json && argv[1 + json][0] == '-')) {
		fprintf(stderr, "Usage: bench_dcjpeg [--json] [SOURCE]\n\n"
				"SOURCE: clip:FILE of MJPEG, default pictures of the synthetic "
				"camera\n");
		return 2;
	}
	if (!b.tj)
		die("out of memory");
	take_pictures(&b, argc > 1 + json ? argv[1 + json] : SYNTHETIC);
	for (int r = 0; r < ROUNDS; r++) {
		turbo[r] = theirs(&b);
		one[r] = ours(&b, 1);
		several[r] = ours(&b, BATCH);
	}
	compare(&b);
	report(&b, median(turbo), median(one), median(several), json);
	for (int i = 0; i < PICTURES; i++) {
		dcjpeg_destroy(b.picture[i].d);
		free(b.picture[i].data);
		free(b.picture[i].ours);
		free(b.picture[i].theirs);
	}
	tjDestroy(b.tj);
	return b.differing ? 1 : 0;
}
