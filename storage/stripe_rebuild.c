/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filling a volume anew. It counts before the frontier. A window is copied with no lock, and copied
 * again when something was written to its stripes since it was opened: so a late copy never stands
 * over something newer before the frontier.
 */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/core/monotime.h"

#define WINDOW_BLOCKS 256u
/* How often the frontier is put on the disks, for a rebuild that is cut off. */
#define RECORD_NS (5 * NSEC_PER_SEC)

#define BIT(v) (UINT32_C(1) << (v))

static uint64_t end_of_volumes(const struct stripe_set *s)
{
	return s->super.volume_bytes & ~(uint64_t)(DISK_BLOCK - 1);
}

int stripe_rebuild_begin(struct storage_io *io, unsigned v, struct storage_io *volume,
			 const uint8_t uuid[16], const char *dir)
{
	struct stripe_set *s = stripe_of(io);
	struct stripe_volume *vol = &s->volume[v];

	if (s->member.rebuilding != DISK_NO_VOLUME || s->nretired == STRIPE_RETIRED_MAX)
		return -EBUSY;
	if ((unsigned)__builtin_popcount(s->usable & ~BIT(v)) < s->k)
		return -ENODEV;
	s->usable &= ~BIT(v);
	if (vol->io)
		s->retired[s->nretired++] = vol->io;
	pthread_mutex_lock(&s->lock);
	vol->io = volume;
	vol->state = STRIPE_REBUILDING;
	snprintf(vol->dir, sizeof(vol->dir), "%s", dir);
	snprintf(vol->why, sizeof(vol->why), "is being rebuilt");
	memcpy(s->member.uuid[v], uuid, 16);
	s->member.rebuilding = v;
	s->member.frontier = s->rebuild.frontier = DISK_AREAS_START;
	pthread_mutex_unlock(&s->lock);
	/* Another disk: what the one before it took says nothing about it. */
	if (s->latency) {
		latency_reset(&s->latency[v].write);
		latency_reset(&s->latency[v].flush);
	}
	s->rebuild.to = 0;
	s->rebuild.recorded_ns = monotime_now();
	s->changes++;
	return 0;
}

void stripe_rebuild_touch(struct stripe_set *s, uint64_t from, uint64_t to)
{
	if (s->rebuild.to && from < s->rebuild.to && to > s->rebuild.from)
		s->rebuild.touched = true;
}

/* A write that began before the window may end after it was copied. */
static bool under_way(const struct stripe_set *s, uint64_t from, uint64_t to)
{
	const struct stripe_write *w;

	for (unsigned i = 0; s->pool && i < STRIPE_POOL; i++) {
		w = &s->pool[i];
		if (w->pending && w->place < to && w->place + w->piece / s->k > from)
			return true;
	}
	return false;
}

int stripe_rebuild_window(struct storage_io *io, struct stripe_rebuild_window *out)
{
	struct stripe_set *s = stripe_of(io);
	struct stripe_rebuild *r = &s->rebuild;
	uint64_t from = r->frontier, end = end_of_volumes(s);

	if (s->member.rebuilding == DISK_NO_VOLUME)
		return -ENODEV;
	if (from >= end) {
		/* Counts when a flush has covered it (stripe_rebuild_flushed). */
		s->changes++;
		return 0;
	}
	/* Within one turn: all its stripes have their roles alike. */
	uint64_t logical = DISK_AREAS_START + (from - DISK_AREAS_START) * s->k;
	uint64_t to = stripe_turn_end(s, logical);

	to = DISK_AREAS_START + (to - DISK_AREAS_START) / s->k;
	if (to - from > (uint64_t)WINDOW_BLOCKS * DISK_BLOCK)
		to = from + (uint64_t)WINDOW_BLOCKS * DISK_BLOCK;
	if (to > end)
		to = end;
	r->from = from;
	r->to = to;
	r->touched = under_way(s, from, to);
	*out = (struct stripe_rebuild_window){.volume = s->member.rebuilding,
					      .from = from,
					      .to = to,
					      .usable = s->usable,
					      .end = end};
	return 1;
}

void stripe_rebuild_settle(struct storage_io *io, const struct stripe_rebuild_window *w)
{
	struct stripe_set *s = stripe_of(io);
	struct stripe_rebuild *r = &s->rebuild;

	/* A volume it was copied from may have been given up, and have missed a write. */
	if (s->member.rebuilding == w->volume && r->to == w->to && !r->touched &&
	    s->usable == w->usable) {
		pthread_mutex_lock(&s->lock);
		r->frontier = w->to;
		pthread_mutex_unlock(&s->lock);
	}
	r->to = 0;
	if (monotime_now() - r->recorded_ns > RECORD_NS && r->frontier > s->member.frontier) {
		r->recorded_ns = monotime_now();
		s->changes++;
	}
}

void stripe_rebuild_flushing(struct stripe_set *s)
{
	s->rebuild.flushing = s->rebuild.frontier;
}

void stripe_rebuild_flushed(struct stripe_set *s)
{
	unsigned v = s->member.rebuilding;

	if (v == DISK_NO_VOLUME)
		return;
	pthread_mutex_lock(&s->lock);
	s->member.frontier = s->rebuild.flushing;
	if (s->member.frontier >= end_of_volumes(s)) {
		/* Everything durable is on it: it counts from the next generation on. */
		s->member.rebuilding = DISK_NO_VOLUME;
		s->member.frontier = s->rebuild.frontier = 0;
		s->usable |= BIT(v);
		s->volume[v].state = STRIPE_OK;
		s->volume[v].why[0] = 0;
		s->changes++;
	}
	pthread_mutex_unlock(&s->lock);
}

size_t stripe_rebuild_memory(const struct storage_io *io)
{
	const struct stripe_set *s = container_of(io, const struct stripe_set, io);

	return (size_t)(s->k + 1) * WINDOW_BLOCKS * DISK_BLOCK;
}

int stripe_rebuild_copy(struct storage_io *io, const struct stripe_rebuild_window *w,
			struct storage_io *volume, uint8_t *mem)
{
	struct stripe_set *s = stripe_of(io);
	size_t column = (size_t)(w->to - w->from);
	unsigned turn = stripe_turn(s, DISK_AREAS_START + (w->from - DISK_AREAS_START) * s->k);
	unsigned have[DISK_VOLUMES_MAX], lost = 0, n = 0;
	uint8_t *from[DISK_VOLUMES_MAX], *to[1] = {mem + s->k * column};

	for (unsigned role = 0; role < s->n; role++) {
		unsigned v = stripe_holder(s, turn, role);
		struct iovec iov = {mem + n * column, column};

		if (v == w->volume)
			lost = role;
		if (v == w->volume || n == s->k || !(w->usable >> v & 1) || !s->volume[v].io ||
		    s->volume[v].io->ops->readv(s->volume[v].io, &iov, 1, w->from))
			continue;
		have[n] = role;
		from[n++] = iov.iov_base;
	}
	if (n < s->k)
		return -EIO;
	int err = stripe_code_restore(s, column, have, from, &lost, 1, to);

	return err ? err : volume->ops->write_sync(volume, to[0], column, w->from);
}

bool stripe_rebuild_progress(struct storage_io *io, unsigned *volume, uint64_t *done,
			     uint64_t *total)
{
	struct stripe_set *s = stripe_of(io);

	pthread_mutex_lock(&s->lock);
	bool running = s->member.rebuilding != DISK_NO_VOLUME;

	if (running) {
		*volume = s->member.rebuilding;
		*done = s->rebuild.frontier - DISK_AREAS_START;
		*total = end_of_volumes(s) - DISK_AREAS_START;
	}
	pthread_mutex_unlock(&s->lock);
	return running;
}
