/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams from a camera: to look at every picture, or at what streaming costs. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "tests/vm/rack_probe/probe.h"

struct tally {
	unsigned frames, gaps, errors, torn, backwards, stale, wraps, wrong;
	uint32_t last_sequence;
	int64_t last_ns;
};

static void count(struct tally *t, const struct source_format *f, const struct source_buffer *b)
{
	bool torn = false;

	for (unsigned p = 0; p < f->nplanes; p++)
		torn |= f->stride[p] && b->plane[p].bytesused < f->plane_size[p];
	t->torn += torn;
	t->errors += b->error;
	if (t->frames) {
		uint32_t step = b->sequence - t->last_sequence;

		t->gaps += step - 1;
		t->wraps += b->sequence < t->last_sequence;
		t->backwards += b->mono_ns < t->last_ns;
	} else if (b->sequence < 1000) /* sequences begin at 0 */
		t->gaps += b->sequence;
	t->stale += b->mono_ns < monotime_now() - 150 * NSEC_PER_MSEC;
	t->last_sequence = b->sequence;
	t->last_ns = b->mono_ns;
	t->frames++;
}

static int stream(const char *name, struct source *s, const struct source_format *f,
		  const struct slab *slab, unsigned frames, struct tally *t)
{
	while (t->frames < frames) {
		struct pollfd pfd = {.fd = source_v4l2_ops.poll_fd(s), .events = POLLIN | POLLPRI};
		struct source_buffer b;
		const char *why;
		int err = source_v4l2_ops.dequeue(s, &b);

		if (err == -EAGAIN) {
			if (poll(&pfd, 1, 10000) == 0)
				return -ETIMEDOUT;
			continue;
		}
		if (err)
			return err;
		count(t, f, &b);
		why = probe_picture_wrong(name, f, &b, &slab->slot[b.slot]);
		if (why) {
			t->wrong++;
			printf("wrong: sequence %u: %s\n", b.sequence, why);
		}
		err = source_v4l2_ops.enqueue(s, b.slot);
		if (err)
			return err;
	}
	return 0;
}

/* A camera that streams, as `SOURCE MEMORY FORMAT FRAMES [WIDTH HEIGHT]` asks for it. */
struct streaming {
	struct source *s;
	struct slab *slab;
	struct source_format f;
	struct errmsg em;
};

static int start(struct streaming *st, int argc, char **argv)
{
	struct source_want want = {.max_width = 640, .max_height = 360};
	const struct pixfmt *pf = pixfmt_find_name(argv[2]);
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	int err;

	*st = (struct streaming){0};
	if (!pf || slab_kind_parse(argv[1], &want.memory))
		return errmsg_set(&st->em, -EINVAL, "no such format or memory");
	want.fourcc = pf->fourcc;
	if (argc > 5) {
		want.max_width = (uint32_t)atoi(argv[4]);
		want.max_height = (uint32_t)atoi(argv[5]);
	}
	err = source_v4l2_ops.open(&st->s, strchr(argv[0], ':') + 1, &want, &st->f, kinds, &st->em);
	if (err)
		return err;
	err = slab_create(&st->slab, want.memory, st->f.slots, st->f.nplanes, st->f.plane_size,
			  &st->em);
	if (!err)
		err = source_v4l2_ops.start(st->s, st->slab, &st->em);
	if (err) {
		source_v4l2_ops.close(st->s);
		slab_destroy(st->slab);
	}
	return err;
}

static void stop(struct streaming *st)
{
	source_v4l2_ops.stop(st->s);
	source_v4l2_ops.close(st->s);
	slab_destroy(st->slab);
}

/* Passes over frames without a look at them. */
static int skip(struct source *s, unsigned frames)
{
	while (frames) {
		struct pollfd pfd = {.fd = source_v4l2_ops.poll_fd(s), .events = POLLIN | POLLPRI};
		struct source_buffer b;
		int err = source_v4l2_ops.dequeue(s, &b);

		if (err == -EAGAIN) {
			if (poll(&pfd, 1, 10000) == 0)
				return -ETIMEDOUT;
			continue;
		}
		if (!err)
			err = source_v4l2_ops.enqueue(s, b.slot);
		if (err)
			return err;
		frames--;
	}
	return 0;
}

/* In microseconds. Idle time, unlike busy time, is not sampled at ticks. */
static long long idle_us(void)
{
	double up, idle = 0;
	FILE *f = fopen("/proc/uptime", "r");

	if (f && fscanf(f, "%lf %lf", &up, &idle) != 2)
		idle = 0;
	if (f)
		fclose(f);
	return (long long)(idle * 1e6);
}

static long long clock_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

int probe_cost(int argc, char **argv)
{
	unsigned frames = (unsigned)atoi(argv[3]);
	long long wall, idle, own;
	struct streaming st;
	int err = start(&st, argc, argv);

	if (err) {
		printf("failed: %s\n", st.em.text);
		return 3;
	}
	err = skip(st.s, 12);
	wall = clock_us(CLOCK_MONOTONIC);
	own = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	idle = idle_us();
	if (!err)
		err = skip(st.s, frames);
	idle = idle_us() - idle;
	own = clock_us(CLOCK_PROCESS_CPUTIME_ID) - own;
	wall = clock_us(CLOCK_MONOTONIC) - wall;
	stop(&st);
	if (err)
		printf("failed: %s\n", strerror(-err));
	else
		printf("frames=%u wall_us=%lld busy_us=%lld own_us=%lld\n", frames, wall,
		       wall * sysconf(_SC_NPROCESSORS_ONLN) - idle, own);
	return err ? 3 : 0;
}

int probe_verify(int argc, char **argv)
{
	struct streaming st;
	struct tally t = {0};
	int err = start(&st, argc - 3, argv + 3);

	if (err) {
		printf("failed: %s %s\n", strerror(-err), st.em.text);
		return 3;
	}
	err = stream(argv[2], st.s, &st.f, st.slab, (unsigned)atoi(argv[6]), &t);
	stop(&st);
	printf("frames=%u gaps=%u errors=%u torn=%u backwards=%u stale=%u wraps=%u\n", t.frames,
	       t.gaps, t.errors, t.torn, t.backwards, t.stale, t.wraps);
	if (err)
		printf("failed: %s %s\n", strerror(-err), st.em.text);
	return err ? 3 : t.wrong ? 1 : 0;
}
