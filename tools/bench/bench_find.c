/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long `matlang find` takes over a month of many cameras: fills a store with motion records of
 * bouts of movement that wander over the picture, then runs the program itself on it, cold.
 */
#include "tools/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/monotime.h"
#include "storage/store.h"

#define COLS       60u /* of a 1920x1080 picture in cells of 32 pixels */
#define ROWS       34u
#define CELL_PX    32u
#define BITS_BYTES ((COLS * ROWS + 7) / 8)
#define BOUT_S     20 /* seconds that something moves at a time */
#define WAIT_BYTES (32u << 20)
#define REGION     "800,500,320,200" /* 3 % of the picture */

struct options {
	const char *store;
	double cameras, days, activity, rate, segment_mib;
	bool json;
};

static int complain(const char *what, const struct errmsg *em, int err)
{
	fprintf(stderr, "matlang bench find: %s: %s\n", what,
		em && em->text[0] ? em->text : strerror(-err));
	return 1;
}

/* splitmix64: the same bouts in every run. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Something of 3 by 5 cells that crosses a part of the picture within a bout. */
static uint16_t draw(uint8_t bits[static BITS_BYTES], uint64_t bout, double part)
{
	int dx = (int)(bout >> 8 & 31) - 16, dy = (int)(bout >> 13 & 15) - 8;
	int x0 = (int)(bout >> 20 & 63) + (int)(part * dx),
	    y0 = (int)(bout >> 27 & 31) + (int)(part * dy);
	uint16_t moved = 0;

	memset(bits, 0, BITS_BYTES);
	for (int y = y0; y < y0 + 5; y++)
		for (int x = x0; x < x0 + 3; x++) {
			size_t bit = (size_t)y * COLS + (size_t)x;

			if (x < 0 || y < 0 || x >= (int)COLS || y >= (int)ROWS)
				continue;
			bits[bit / 8] |= (uint8_t)(1u << bit % 8);
			moved++;
		}
	return moved;
}

static int pace(struct store *s, struct reactor *r)
{
	struct store_stats st;
	int err = 0;

	for (store_stats(s, &st); !err && st.waiting_bytes > WAIT_BYTES; store_stats(s, &st))
		err = reactor_turn(r, NSEC_PER_MSEC);
	return err;
}

/* All cameras' records of one slot of BOUT_S seconds, in the order of time. */
static int fill_slot(const struct options *o, struct store *s, const uint32_t *ids, uint64_t slot,
		     int64_t base_ns, uint64_t *count)
{
	unsigned steps = (unsigned)(BOUT_S * o->rate);
	uint8_t bits[BITS_BYTES];

	for (unsigned step = 0; step < steps; step++) {
		double part = (double)step / steps;

		for (unsigned i = 0; i < (unsigned)o->cameras; i++) {
			uint64_t bout = mix(slot << 16 | i);
			struct record_motion m = {
				.camera_id = ids[i],
				.mono_ns = base_ns + (int64_t)(part * BOUT_S * 1e9),
				.cols = COLS,
				.rows = ROWS,
				.cell_px = CELL_PX,
				.width = 1920,
				.height = 1080,
			};
			int err;

			if ((double)(bout % 100000) >= o->activity * 1000)
				continue;
			m.moved = draw(bits, bout, part);
			if (!m.moved)
				continue;
			err = store_append_motion(s, &m, bits);
			if (err)
				return err;
			++*count;
		}
	}
	return 0;
}

static int fill(const struct options *o, struct store *s, struct reactor *r, uint64_t *count)
{
	uint64_t slots = (uint64_t)(o->days * 86400 / BOUT_S);
	int64_t start = monotime_now();
	CLEANUP_FREE uint32_t *ids = calloc((size_t)o->cameras, sizeof(*ids));
	int err = ids ? 0 : -ENOMEM;

	for (unsigned i = 0; !err && i < (unsigned)o->cameras; i++) {
		char name[32];

		snprintf(name, sizeof(name), "cam-%03u", i);
		err = store_camera(s, name, &ids[i]);
	}
	for (uint64_t slot = 0; !err && slot < slots; slot++) {
		err = fill_slot(o, s, ids, slot, start + (int64_t)slot * BOUT_S * NSEC_PER_SEC,
				count);
		if (!err)
			err = pace(s, r);
		if (slot % 4320 == 0 && isatty(STDERR_FILENO))
			fprintf(stderr, "\rfilling: day %u of %.0f ",
				(unsigned)(slot * BOUT_S / 86400), o->days);
	}
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	return err;
}

static int build(const struct options *o)
{
	/* Records lie in chunks and seals: header, bitmap and their share of the rest, twice. */
	double records = o->cameras * o->days * 86400 * o->activity / 100 * o->rate;
	uint64_t bytes = (uint64_t)(records * 2 * (64 + BITS_BYTES + 16) * 1.1) + (512u << 20);
	const char *dirs[] = {o->store};
	struct store_create_options co = {
		.size_bytes = bytes,
		.segment_bytes = (uint32_t)o->segment_mib << 20,
		.sparse = true,
	};
	struct errmsg em = {""};
	struct reactor *r;
	struct store *s;
	uint64_t count = 0;
	int err = store_create(dirs, 1, &co, &em);

	if (err == -EEXIST)
		return 0;
	if (err)
		return complain("create", &em, err);
	err = reactor_create(&r, 256, &em);
	if (err)
		return complain("ring", &em, err);
	err = store_open(&s, o->store, r, NULL, NULL, NULL, &em);
	if (!err) {
		err = fill(o, s, r, &count);
		if (store_close(s) && !err)
			err = -EIO;
	}
	reactor_destroy(r);
	fprintf(stderr, "%llu motion records\n", (unsigned long long)count);
	return err ? complain("fill", &em, err) : 0;
}

static bool drop_caches(void)
{
	CLEANUP_CLOSE int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	sync();
	return fd >= 0 && write(fd, "3", 1) == 1;
}

static double children_cpu_s(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_CHILDREN, &u))
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct cost {
	double wall_s, cpu_s; /* of the whole program, its printing included */
};

/* `matlang find ARGS --json`; *out: its summary line. */
static int run_find(const struct options *o, const char *args, json_t **out, struct cost *cost)
{
	char exe[PATH_MAX - 512], command[PATH_MAX + 512], line[8192];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int64_t began;
	FILE *from;

	if (n <= 0)
		return complain("/proc/self/exe", NULL, -errno);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	snprintf(command, sizeof(command), "'%s/matlang' find --store '%s' --json %s | tail -n 1",
		 exe, o->store, args);
	drop_caches();
	double cpu = children_cpu_s();

	began = monotime_now();
	from = popen(command, "re");
	if (!from)
		return complain("matlang", NULL, -errno);
	*out = fgets(line, sizeof(line), from) ? json_loads(line, 0, NULL) : NULL;
	n = pclose(from);
	*cost = (struct cost){(double)(monotime_now() - began) / 1e9, children_cpu_s() - cpu};
	if (n || !*out)
		return complain(command, NULL, -EIO);
	return 0;
}

static double number(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static int measure(const struct options *o, const char *name, const char *args)
{
	json_t *j;
	struct cost cost;

	if (run_find(o, args, &j, &cost))
		return 1;
	double s = number(j, "seconds"), maps = number(j, "minutes") + number(j, "bitmaps");

	if (o->json) {
		json_t *line = json_pack(
			"{s:s s:s s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f}", "query", name,
			"args", args, "seconds", s, "wall_s", cost.wall_s, "cpu_s", cost.cpu_s,
			"stretches", number(j, "stretches"), "minutes", number(j, "minutes"),
			"bitmaps", number(j, "bitmaps"), "minute_mb",
			number(j, "minute_bytes") / 1e6, "index_mb", number(j, "index_bytes") / 1e6,
			"segments", number(j, "segments"), "passed_over",
			number(j, "segments_passed_over"), "maps_per_s", maps / s);

		if (line) {
			json_dumpf(line, stdout, JSON_REAL_PRECISION(6));
			putchar('\n');
			json_decref(line);
		}
	} else {
		printf("%-34s %7.2f s (program %.2f s, processor %.2f s), %.0f stretches; %.0f "
		       "minute maps "
		       "(%.0f MB), %.0f bitmaps (%.0f MB of index), %.1f million maps/s\n",
		       name, s, cost.wall_s, cost.cpu_s, number(j, "stretches"),
		       number(j, "minutes"), number(j, "minute_bytes") / 1e6, number(j, "bitmaps"),
		       number(j, "index_bytes") / 1e6, maps / s / 1e6);
	}
	json_decref(j);
	return 0;
}

static int run(const struct options *o)
{
	if (build(o))
		return 1;
	return measure(o, "all cameras, to the minute", "--minutes --region " REGION) ||
	       measure(o, "all cameras, whole picture, to the minute", "--minutes") ||
	       measure(o, "one camera, to the picture", "--camera cam-007 --region " REGION) ||
	       measure(o, "all cameras, to the picture", "--region " REGION);
}

int bench_find_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"store", 1, NULL, 's'},
		{"cameras", 1, NULL, 'c'},
		{"days", 1, NULL, 'd'},
		{"activity", 1, NULL, 'a'},
		{"rate", 1, NULL, 'r'},
		{"segment-mib", 1, NULL, 'g'},
		{"json", 0, NULL, 'j'},
		{"help", 0, NULL, 'h'},
		{0},
	};
	static const char usage[] =
		"Usage: matlang bench find --store DIR [--cameras 451] [--days 30]\n"
		"       [--activity 5] [--rate 1] [--segment-mib 256] [--json]\n\n"
		"Fills a store once with the bitmaps of so many cameras and days, --rate a second\n"
		"while something moves (--activity percent of the time), then searches it, cold.\n"
		"Takes about 670 bytes of disk a bitmap: 39 GB with these defaults.\n";
	struct options o = {
		.cameras = 451, .days = 30, .activity = 5, .rate = 1, .segment_mib = 256};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		int err = 0;

		switch (c) {
		case 's': o.store = optarg; break;
		case 'c': err = bench_number("--cameras", optarg, 1, 60000, &o.cameras); break;
		case 'd': err = bench_number("--days", optarg, 0.01, 366, &o.days); break;
		case 'a': err = bench_number("--activity", optarg, 0.1, 100, &o.activity); break;
		case 'r': err = bench_number("--rate", optarg, 0.05, 60, &o.rate); break;
		case 'g':
			err = bench_number("--segment-mib", optarg, 1, 1024, &o.segment_mib);
			break;
		case 'j': o.json = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return 2;
		}
		if (err)
			return 2;
	}
	if (!o.store || optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return run(&o);
}
