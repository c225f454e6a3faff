/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole appliance under load: rack cameras through camera, store and (with --analyze) the
 * analyser, exactly as matlangd runs them. Figures are taken over a window that begins when every
 * camera streams, so that opening and drawing the scenes do not count.
 */
#include "tools/bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "storage/disk_format.h"
#include "tools/matlangd/appliance.h"

#define WARM_UP_NS    (2 * NSEC_PER_SEC)
#define OPEN_LIMIT_NS (120 * NSEC_PER_SEC)
#define POLL_NS       (100 * NSEC_PER_MSEC)

struct options {
	double cameras, fps, frame_kb, seconds, analyze, width, height, store_gb, parity;
	const char *store, *format;
	bool unpaced, json;
};

/* Counters at one moment. */
struct sample {
	int64_t mono_ns, cpu_ns;
	uint64_t frames, delivered, bytes, lost, analyzed, skipped, copies;
	size_t slab_bytes, rss_bytes;
	struct store_stats store;
};

struct bench {
	const struct options *o;
	struct appliance *box;
	struct reactor_timer timer;
	enum { WAIT_STREAMING, WARM_UP, MEASURING, STOPPING } phase;
	int64_t until_ns;
	struct sample first, last;
	int error;
};

static void log_line(void *ctx, int level, const char *line)
{
	if (level <= 4) /* warnings and worse */
		fprintf(stderr, "%s\n", line);
}

static void take(struct bench *b, struct sample *s)
{
	struct recorder *r;

	memset(s, 0, sizeof(*s));
	s->mono_ns = monotime_now();
	s->cpu_ns = bench_cpu_ns();
	s->rss_bytes = bench_rss_bytes(); /* now, while the cameras have their slots */
	for (size_t i = 0; (r = appliance_camera_at(b->box, i)); i++) {
		struct recorder_stats rs;

		recorder_stats(r, &rs);
		s->frames += rs.recorded;
		s->delivered += rs.camera.frames;
		s->bytes += rs.camera.bytes;
		s->copies += rs.camera.copies;
		s->analyzed += rs.motion.analyzed;
		s->skipped += rs.motion.skipped;
		s->slab_bytes += rs.camera.slab_bytes;
		for (int c = 0; c < LOSS_CAUSES; c++) {
			/* The time before the first frame of all is nobody's loss. */
			if (c != LOSS_CAMERA_AWAY && c != LOSS_STOPPED)
				s->lost += rs.lost[c];
		}
	}
	store_stats(appliance_store(b->box), &s->store);
}

static size_t streaming(struct bench *b)
{
	struct recorder_stats rs;
	struct recorder *r;
	size_t n = 0;

	for (size_t i = 0; (r = appliance_camera_at(b->box, i)); i++) {
		recorder_stats(r, &rs);
		n += rs.camera.state == CAMERA_STREAMING && rs.camera.frames > 0;
	}
	return n;
}

/* A camera that cannot be opened never will be: rack cameras have no cable to plug in. */
static bool opening_failed(struct bench *b)
{
	struct recorder_stats rs;
	struct recorder *r;

	for (size_t i = 0; (r = appliance_camera_at(b->box, i)); i++) {
		recorder_stats(r, &rs);
		if (rs.camera.failures && !rs.camera.frames) {
			fprintf(stderr, "matlang bench record: %s: %s\n", recorder_name(r),
				rs.camera.why);
			return true;
		}
	}
	return false;
}

static void advance(struct bench *b, int64_t now)
{
	switch (b->phase) {
	case WAIT_STREAMING:
		if (opening_failed(b)) {
			b->error = 1;
			b->phase = STOPPING;
		} else if (streaming(b) == (size_t)b->o->cameras) {
			b->phase = WARM_UP;
			b->until_ns = now + WARM_UP_NS;
		} else if (now > b->until_ns) {
			fprintf(stderr, "matlang bench record: only %zu of %.0f cameras stream\n",
				streaming(b), b->o->cameras);
			b->error = 1;
			b->phase = STOPPING;
		}
		break;
	case WARM_UP:
		if (now < b->until_ns)
			break;
		take(b, &b->first);
		b->phase = MEASURING;
		b->until_ns = now + (int64_t)(b->o->seconds * (double)NSEC_PER_SEC);
		break;
	case MEASURING:
		if (now < b->until_ns)
			break;
		take(b, &b->last);
		b->phase = STOPPING;
		break;
	case STOPPING: break;
	}
}

static void tick(struct reactor_timer *t)
{
	struct bench *b = container_of(t, struct bench, timer);
	int64_t now = monotime_now();

	advance(b, now);
	if (b->phase == STOPPING)
		appliance_stop(b->box);
	else
		reactor_timer_arm(appliance_reactor(b->box), t, now + POLL_NS);
}

static int add_cameras(struct bench *b)
{
	const struct options *o = b->o;
	struct errmsg em = {""};

	for (int i = 0; i < (int)o->cameras; i++) {
		struct recorder_settings s;
		struct recorder *r;
		char name[32];
		int n;

		snprintf(name, sizeof(name), "rack-%04d", i + 1);
		recorder_settings_defaults(&s);
		n = snprintf(s.camera.source, sizeof(s.camera.source),
			     "rack:%s?width=%.0f&height=%.0f&fps=%g&format=%s&paced=%d", name,
			     o->width, o->height, o->fps, o->format, !o->unpaced);
		if (!strcmp(o->format, "mjpeg"))
			snprintf(s.camera.source + n, sizeof(s.camera.source) - (size_t)n,
				 "&frame_kb=%g", o->frame_kb);
		s.motion.enabled = o->analyze > 0;
		s.motion.rate = o->analyze;
		if (appliance_add_camera(b->box, name, &r, &em) || recorder_apply(r, &s, &em)) {
			fprintf(stderr, "matlang bench record: %s\n", em.text);
			return -EINVAL;
		}
	}
	return 0;
}

static void report(const struct bench *b)
{
	const struct sample *a = &b->first, *z = &b->last;
	double seconds = (double)(z->mono_ns - a->mono_ns) / 1e9;
	uint64_t frames = z->frames - a->frames, bytes = z->bytes - a->bytes;
	uint64_t analyzed = z->analyzed - a->analyzed;
	double cpu_us = frames ? (double)(z->cpu_ns - a->cpu_ns) / 1e3 / (double)frames : 0;
	double mb_s = (double)bytes / 1e6 / seconds;
	uint64_t written = z->store.written_bytes - a->store.written_bytes;
	uint64_t payload = z->store.payload_bytes - a->store.payload_bytes;
	/* With parity the disks take more than what is written into the store. */
	double disks_mb_s = (double)written / 1e6 / seconds * z->store.volumes /
			    (z->store.volumes - z->store.parity);
	json_t *j;

	if (!b->o->json) {
		printf("%.0f cameras, %.1f s: %llu frames recorded, %llu lost, %.1f MB/s, "
		       "%.1f us CPU a frame\n",
		       b->o->cameras, seconds, (unsigned long long)frames,
		       (unsigned long long)(z->lost - a->lost), mb_s, cpu_us);
		if (z->store.volumes > 1)
			printf("%u disks, parity %u: %.1f MB/s to all of them, parity counted\n",
			       z->store.volumes, z->store.parity, disks_mb_s);
		printf("resident %.0f MB, of it slots %.0f MB; copied by capture: %llu frames; "
		       "longest commit %.0f ms; overhead %.2f %%\n",
		       (double)z->rss_bytes / 1e6, (double)z->slab_bytes / 1e6,
		       (unsigned long long)(z->copies - a->copies),
		       (double)z->store.commit_max_ns / 1e6,
		       payload ? 100.0 * ((double)written / (double)payload - 1) : 0);
		if (b->o->analyze > 0)
			printf("analysed %llu, skipped %llu\n", (unsigned long long)analyzed,
			       (unsigned long long)(z->skipped - a->skipped));
		return;
	}
	j = json_pack(
		"{s:I s:f s:I s:I s:I s:f s:f s:I s:I s:I s:I s:I s:I s:I s:f s:f s:I s:I s:f}",
		"cameras", (json_int_t)b->o->cameras, "seconds", seconds, "frames",
		(json_int_t)frames, "lost", (json_int_t)(z->lost - a->lost), "bytes",
		(json_int_t)bytes, "cpu_us_per_frame", cpu_us, "mb_per_s", mb_s, "rss_bytes",
		(json_int_t)z->rss_bytes, "analyzed", (json_int_t)analyzed, "skipped",
		(json_int_t)(z->skipped - a->skipped), "slab_bytes", (json_int_t)z->slab_bytes,
		"copies", (json_int_t)(z->copies - a->copies), "direct_frames",
		(json_int_t)(z->store.direct_frames - a->store.direct_frames), "gathered_frames",
		(json_int_t)(z->store.gathered_frames - a->store.gathered_frames),
		"overhead_percent", payload ? 100.0 * ((double)written / (double)payload - 1) : 0.0,
		"commit_max_ms", (double)z->store.commit_max_ns / 1e6, "volumes",
		(json_int_t)z->store.volumes, "parity", (json_int_t)z->store.parity,
		"disks_mb_per_s", disks_mb_s);
	if (j) {
		json_dumpf(j, stdout, JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(j);
	}
}

static int show_creation(void *ctx, uint64_t done, uint64_t total)
{
	return 0;
}

/* A store of its own in the folder, made once and used again by later runs. */
static int prepare_store(const struct options *o, struct errmsg *em)
{
	char *list = strdup(o->store), *rest = list, *dir;
	const char *dirs[DISK_VOLUMES_MAX];
	unsigned n = 0;
	struct store_create_options co = {
		.progress = show_creation,
		.parity = (unsigned)o->parity,
	};

	while (list && n < DISK_VOLUMES_MAX && (dir = strsep(&rest, ",")))
		dirs[n++] = dir;
	if (!n || n <= co.parity) {
		free(list);
		return errmsg_set(em, list ? -EINVAL : -ENOMEM,
				  "--parity %u needs more folders than that, with commas between",
				  co.parity);
	}
	co.size_bytes = (uint64_t)(o->store_gb * 1e9 / (n - co.parity));
	int ret = store_create(dirs, n, &co, em);

	free(list);
	return ret == -EEXIST ? 0 : ret;
}

static int run(struct bench *b)
{
	struct appliance_options ao = {.store_dir = b->o->store, .log = log_line};
	struct errmsg em = {""};
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	int ret = prepare_store(b->o, &em);

	/* Registered memory counts against this limit for users other than root. */
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) && errno != EPERM)
		fprintf(stderr, "matlang bench record: memlock limit: %s\n", strerror(errno));
	if (!ret)
		ret = appliance_create(&b->box, &ao, &em);
	if (ret) {
		fprintf(stderr, "matlang bench record: %s\n", em.text);
		return 1;
	}
	b->timer.fire = tick;
	b->until_ns = monotime_now() + OPEN_LIMIT_NS;
	ret = add_cameras(b);
	if (!ret) {
		reactor_timer_arm(appliance_reactor(b->box), &b->timer, monotime_now() + POLL_NS);
		ret = appliance_run(b->box);
		if (!ret && !b->error)
			report(b);
	}
	appliance_destroy(b->box);
	return ret || b->error ? 1 : 0;
}

static void usage(FILE *f)
{
	fprintf(f,
		"Usage: matlang bench record --store DIR [OPTIONS]\n\n"
		"Records rack cameras as matlangd would, and prints what it cost.\n\n"
		"  --store DIR       folder for the bench's store (made if it is not there), or\n"
		"                    several, with commas between\n"
		"  --parity N        of the folders' worth, 0 to 3, when it is made; default 0\n"
		"  --store-gb N      its size when it is made, default 8\n"
		"  --cameras N       default 451\n"
		"  --fps N           frames a second of each, default 15\n"
		"  --frame-kb N      kilobytes of an MJPEG picture, default 100\n"
		"  --size WxH        default 1920x1080\n"
		"  --format NAME     mjpeg (default) or a raw format such as nv12\n"
		"  --seconds N       measured time, default 60\n"
		"  --analyze FPS     frames a second analysed of each camera, default 0\n"
		"  --unpaced         as fast as the disk takes them\n"
		"  --json            one object\n");
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"store", 1, NULL, 's'},   {"store-gb", 1, NULL, 'g'},
		{"parity", 1, NULL, 'p'},  {"cameras", 1, NULL, 'c'},
		{"fps", 1, NULL, 'f'},     {"frame-kb", 1, NULL, 'k'},
		{"size", 1, NULL, 'z'},    {"format", 1, NULL, 'F'},
		{"seconds", 1, NULL, 't'}, {"analyze", 1, NULL, 'a'},
		{"unpaced", 0, NULL, 'u'}, {"json", 0, NULL, 'j'},
		{"help", 0, NULL, 'h'},    {0},
	};
	int c, ret = 0;

	while (!ret && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': o->store = optarg; break;
		case 'g': ret = bench_number("--store-gb", optarg, 0.05, 1e5, &o->store_gb); break;
		case 'p': ret = bench_number("--parity", optarg, 0, 3, &o->parity); break;
		case 'c': ret = bench_number("--cameras", optarg, 1, 4096, &o->cameras); break;
		case 'f': ret = bench_number("--fps", optarg, 0.1, 1000, &o->fps); break;
		case 'k': ret = bench_number("--frame-kb", optarg, 5, 8000, &o->frame_kb); break;
		case 't': ret = bench_number("--seconds", optarg, 0.1, 1e6, &o->seconds); break;
		case 'a': ret = bench_number("--analyze", optarg, 0, 1000, &o->analyze); break;
		case 'F': o->format = optarg; break;
		case 'u': o->unpaced = true; break;
		case 'j': o->json = true; break;
		case 'z':
			if (sscanf(optarg, "%lfx%lf", &o->width, &o->height) != 2) {
				fprintf(stderr, "matlang bench: --size %s: want WIDTHxHEIGHT\n",
					optarg);
				ret = -EINVAL;
			}
			break;
		case 'h': usage(stdout); return 1;
		default: ret = -EINVAL;
		}
	}
	if (!ret && (!o->store || optind < argc)) {
		usage(stderr);
		ret = -EINVAL;
	}
	return ret;
}

int bench_record_main(int argc, char **argv)
{
	struct options o = {
		.cameras = 451,
		.fps = 15,
		.frame_kb = 100,
		.seconds = 60,
		.width = 1920,
		.height = 1080,
		.store_gb = 8,
		.format = "mjpeg",
	};
	struct bench b = {.o = &o};
	int ret = parse(argc, argv, &o);

	if (ret)
		return ret < 0 ? 2 : 0;
	return run(&b);
}
