/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the line lies between gathering and writing straight from the slot: frames of growing
 * size, each size both ways in turn, processor time and throughput. The store's default
 * (store_options.direct_bytes) is what this prints.
 */
#include "tools/bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capture/core/monotime.h"
#include "storage/store.h"

#define SLOTS   64u
#define LARGEST (2u << 20)
#define ROUNDS  3 /* each size both ways, so often; the median counts */

struct options {
	const char *store;
	double seconds;
	bool json;
};

struct slots {
	struct frame frame[SLOTS];
	struct list free;
	struct list link[SLOTS];
	uint8_t *mem;
	size_t slot_size;
	int buf_index;
};

struct result {
	double cpu_us, mb_s;
};

static void slot_free(struct frame *f)
{
	struct slots *s = f->owner;

	list_append(&s->free, &s->link[f - s->frame]);
}

static int slots_make(struct slots *s, struct reactor *r)
{
	s->slot_size = LARGEST + FRAME_TRAILER_ROOM;
	s->mem = mmap(NULL, SLOTS * s->slot_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (s->mem == MAP_FAILED)
		return -errno;
	memset(s->mem, 0x5a, SLOTS * s->slot_size);
	list_init(&s->free);
	for (unsigned i = 0; i < SLOTS; i++)
		list_append(&s->free, &s->link[i]);
	return reactor_buffer_register(r, s->mem, SLOTS * s->slot_size, &s->buf_index);
}

/* One frame into the store; 1 when it has to wait. */
static int append(struct slots *s, struct store *st, uint32_t camera, size_t bytes, uint32_t n)
{
	struct list *l = list_pop(&s->free);
	struct frame *f;
	unsigned i;
	int ret;

	if (!l)
		return 1;
	i = (unsigned)(l - s->link);
	f = &s->frame[i];
	*f = (struct frame){
		.refs = 1,
		.camera_id = camera,
		.sequence = n,
		.flags = FRAME_KEY,
		.mono_ns = monotime_now(),
		.fourcc = PIXFMT_MJPEG,
		.width = 1920,
		.height = 1080,
		.nplanes = 1,
		.plane = {{.data = s->mem + i * s->slot_size, .bytesused = bytes}},
		.slot = s->mem + i * s->slot_size,
		.slot_size = s->slot_size,
		.buf_index = s->buf_index,
		.release = slot_free,
		.owner = s,
	};
	ret = store_append_frame(st, f, NULL);
	frame_unref(f);
	return ret == -ENOBUFS ? 1 : ret;
}

static int measure(const struct options *o, size_t bytes, bool direct, struct result *out)
{
	struct store_options so = {.direct_bytes = direct ? 1 : SIZE_MAX};
	struct slots *s = calloc(1, sizeof(*s));
	struct errmsg em = {""};
	struct reactor *r = NULL;
	struct store *st = NULL;
	uint32_t camera, n = 0;
	int64_t t0, t1, c0;
	int ret = s ? reactor_create(&r, 256, &em) : -ENOMEM;

	if (!ret)
		ret = slots_make(s, r);
	if (!ret)
		ret = store_open(&st, o->store, r, &so, NULL, NULL, &em);
	if (!ret)
		ret = store_camera(st, "bench", &camera);
	t0 = monotime_now();
	c0 = bench_cpu_ns();
	t1 = t0 + (int64_t)(o->seconds * (double)NSEC_PER_SEC);
	while (!ret && monotime_now() < t1) {
		ret = append(s, st, camera, bytes, n);
		if (!ret)
			n++;
		else if (ret == 1)
			ret = reactor_turn(r, NSEC_PER_MSEC);
	}
	out->cpu_us = n ? (double)(bench_cpu_ns() - c0) / 1e3 / n : 0;
	out->mb_s = (double)n * (double)bytes / 1e6 / ((double)(monotime_now() - t0) / 1e9);
	if (st && store_close(st) && !ret)
		ret = -EIO;
	if (ret)
		fprintf(stderr, "matlang bench direct: %s\n",
			em.text[0] ? em.text : strerror(-ret));
	if (r && s && s->mem && s->mem != MAP_FAILED)
		reactor_buffer_unregister(r, s->buf_index);
	reactor_destroy(r);
	if (s && s->mem && s->mem != MAP_FAILED)
		munmap(s->mem, SLOTS * s->slot_size);
	free(s);
	return ret;
}

static int by_cpu(const void *a, const void *b)
{
	double x = ((const struct result *)a)->cpu_us, y = ((const struct result *)b)->cpu_us;

	return x < y ? -1 : x > y;
}

static int run(const struct options *o)
{
	static const size_t sizes[] = {64 << 10,  100000,    128 << 10, 192 << 10,
				       256 << 10, 384 << 10, 512 << 10, 1 << 20};
	const char *dirs[] = {o->store};
	struct store_create_options co = {.size_bytes = UINT64_C(2) << 30};
	struct errmsg em = {""};
	int ret = store_create(dirs, 1, &co, &em);

	if (ret && ret != -EEXIST) {
		fprintf(stderr, "matlang bench direct: %s\n", em.text);
		return 1;
	}
	if (!o->json)
		printf("%10s %14s %14s %12s %12s\n", "bytes", "gathered us", "direct us",
		       "gathered MB/s", "direct MB/s");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct result g[ROUNDS], d[ROUNDS];

		for (int k = 0; k < ROUNDS; k++) {
			if (measure(o, sizes[i], false, &g[k]) || measure(o, sizes[i], true, &d[k]))
				return 1;
		}
		qsort(g, ROUNDS, sizeof(*g), by_cpu);
		qsort(d, ROUNDS, sizeof(*d), by_cpu);
		printf(o->json ? "{\"bytes\": %zu, \"gathered_us\": %.1f, \"direct_us\": %.1f, "
				 "\"gathered_mb_s\": %.0f, \"direct_mb_s\": %.0f}\n"
			       : "%10zu %14.1f %14.1f %12.0f %12.0f\n",
		       sizes[i], g[ROUNDS / 2].cpu_us, d[ROUNDS / 2].cpu_us, g[ROUNDS / 2].mb_s,
		       d[ROUNDS / 2].mb_s);
		fflush(stdout);
	}
	return 0;
}

int bench_direct_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"store", 1, NULL, 's'},
		{"seconds", 1, NULL, 't'},
		{"json", 0, NULL, 'j'},
		{"help", 0, NULL, 'h'},
		{0},
	};
	static const char usage[] =
		"Usage: matlang bench direct --store DIR [--seconds 1] [--json]\n\n"
		"Frames of growing size, gathered and written straight from their slots in turn:\n"
		"where the two cost the same is where the store should change over.\n";
	struct options o = {.seconds = 1};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': o.store = optarg; break;
		case 't':
			if (bench_number("--seconds", optarg, 0.1, 60, &o.seconds))
				return 2;
			break;
		case 'j': o.json = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return 2;
		}
	}
	if (!o.store || optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return run(&o);
}
