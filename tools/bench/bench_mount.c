/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long until a store of many segments is ready: opened for writing (recovery included) and
 * for reading, with the page cache dropped where we may.
 */
#include "tools/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/monotime.h"
#include "storage/reader.h"
#include "storage/store.h"

#define SEGMENT_BYTES (1u << 20)
#define FRAME_BYTES   (400u << 10)
#define CAMERAS       451u
#define RUNS          5

struct options {
	const char *store;
	double segments;
	bool json;
};

static void no_release(struct frame *f)
{
}

static int complain(const char *what, const struct errmsg *em, int err)
{
	fprintf(stderr, "matlang bench mount: %s: %s\n", what,
		em && em->text[0] ? em->text : strerror(-err));
	return 1;
}

/* Appends until every segment has been used. */
static int fill(struct store *s, struct reactor *r)
{
	uint8_t *mem = aligned_alloc(FRAME_BLOCK, FRAME_BYTES + FRAME_TRAILER_ROOM);
	struct store_stats st;
	uint32_t ids[CAMERAS];
	uint64_t n = 0;
	int ret = mem ? 0 : -ENOMEM;

	for (unsigned i = 0; !ret && i < CAMERAS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "cam-%03u", i);
		ret = store_camera(s, name, &ids[i]);
	}
	if (!ret)
		memset(mem, 0x5a, FRAME_BYTES + FRAME_TRAILER_ROOM);
	do {
		struct frame f = {
			.refs = 1,
			.camera_id = ids[n % CAMERAS],
			.sequence = (uint32_t)(n / CAMERAS),
			.flags = FRAME_KEY,
			.mono_ns = monotime_now(),
			.fourcc = PIXFMT_MJPEG,
			.width = 1920,
			.height = 1080,
			.nplanes = 1,
			.plane = {{.data = mem, .bytesused = FRAME_BYTES}},
			.slot = mem,
			.slot_size = FRAME_BYTES + FRAME_TRAILER_ROOM,
			.buf_index = -1,
			.release = no_release,
		};

		if (ret)
			break;
		ret = store_append_frame(s, &f, NULL);
		if (ret == -ENOBUFS)
			ret = reactor_turn(r, NSEC_PER_MSEC);
		else if (!ret)
			n++;
		/* A frame written from its slot holds a reference until then: it is our stack's. */
		while (!ret && atomic_load(&f.refs) > 1)
			ret = reactor_turn(r, NSEC_PER_MSEC);
		store_stats(s, &st);
	} while (st.segments_used + 2 < st.segments);
	free(mem);
	return ret;
}

static int build(const struct options *o)
{
	const char *dirs[] = {o->store};
	struct store_create_options co = {
		.size_bytes = (uint64_t)(o->segments + 4) * SEGMENT_BYTES,
		.segment_bytes = SEGMENT_BYTES,
		.sparse = true,
	};
	struct errmsg em = {""};
	struct reactor *r;
	struct store *s;
	int ret = store_create(dirs, 1, &co, &em);

	if (ret == -EEXIST)
		return 0;
	if (ret)
		return complain("create", &em, ret);
	ret = reactor_create(&r, 256, &em);
	if (ret)
		return complain("ring", &em, ret);
	ret = store_open(&s, o->store, r, NULL, NULL, NULL, &em);
	if (!ret) {
		ret = fill(s, r);
		if (store_close(s) && !ret)
			ret = -EIO;
	}
	reactor_destroy(r);
	return ret ? complain("fill", &em, ret) : 0;
}

static bool drop_caches(void)
{
	CLEANUP_CLOSE int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	sync();
	return fd >= 0 && write(fd, "3", 1) == 1;
}

static int open_once(const struct options *o, double *write_ms, double *read_ms, uint32_t *segments)
{
	struct errmsg em = {""};
	struct reader_info info;
	struct reader *rd;
	struct reactor *r;
	struct store *s;
	int64_t t0;
	int ret = reactor_create(&r, 256, &em);

	if (ret)
		return complain("ring", &em, ret);
	t0 = monotime_now();
	ret = store_open(&s, o->store, r, NULL, NULL, NULL, &em);
	*write_ms = (double)(monotime_now() - t0) / 1e6;
	if (!ret)
		ret = store_close(s);
	reactor_destroy(r);
	if (ret)
		return complain("open", &em, ret);
	drop_caches();
	t0 = monotime_now();
	ret = reader_open(&rd, o->store, &em);
	*read_ms = (double)(monotime_now() - t0) / 1e6;
	if (ret)
		return complain("read", &em, ret);
	reader_info(rd, &info);
	*segments = info.segments_used;
	reader_close(rd);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int run(const struct options *o)
{
	double w[RUNS], r[RUNS];
	uint32_t segments = 0;
	bool cold = true;

	if (build(o))
		return 1;
	for (int i = 0; i < RUNS; i++) {
		cold = drop_caches() && cold;
		if (open_once(o, &w[i], &r[i], &segments))
			return 1;
	}
	qsort(w, RUNS, sizeof(*w), by_value);
	qsort(r, RUNS, sizeof(*r), by_value);
	if (o->json) {
		json_t *j = json_pack("{s:I s:b s:f s:f s:f s:f}", "segments", (json_int_t)segments,
				      "cold", cold, "open_write_ms", w[RUNS / 2],
				      "open_write_max_ms", w[RUNS - 1], "open_read_ms", r[RUNS / 2],
				      "open_read_max_ms", r[RUNS - 1]);

		if (!j)
			return 1;
		json_dumpf(j, stdout, JSON_REAL_PRECISION(5));
		putchar('\n');
		json_decref(j);
	} else {
		printf("%u segments, %s cache: opened for writing in %.1f ms (longest %.1f), for "
		       "reading in %.1f ms (longest %.1f), %d runs\n",
		       segments, cold ? "cold" : "warm", w[RUNS / 2], w[RUNS - 1], r[RUNS / 2],
		       r[RUNS - 1], RUNS);
	}
	return 0;
}

int bench_mount_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"store", 1, NULL, 's'},
		{"segments", 1, NULL, 'n'},
		{"json", 0, NULL, 'j'},
		{"help", 0, NULL, 'h'},
		{0},
	};
	static const char usage[] =
		"Usage: matlang bench mount --store DIR [--segments 10000] [--json]\n\n"
		"Fills a store of 1 MiB segments once, then opens it several times, cold.\n";
	struct options o = {.segments = 10000};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': o.store = optarg; break;
		case 'n':
			if (bench_number("--segments", optarg, 16, 1e6, &o.segments))
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
