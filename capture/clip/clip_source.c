/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots the camera gives back are filled ahead of need by the filler's threads with the packets
 * that come next, and wait, in order, for their tick:
 *
 *   away ──enqueue──► free ──filler──► filling ──► ready ──dequeue at the tick──► away
 *
 * Ticks that pass while every slot is away are frames that the device drops: their packets are
 * passed over and the sequence goes on. When a slot was there but the filler is late, the frame
 * comes late instead. Unpaced, there are no ticks: a ready slot is delivered when asked for.
 */
#include "capture/clip/clip_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "capture/clip/clip_filler.h"
#include "capture/clip/clip_media.h"
#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "capture/soft.h"

#define SLOTS_MAX     64
#define SLOTS_DEFAULT 8

enum slot_state { AWAY, FREE, FILLING, READY };

struct filled {
	unsigned slot;
	size_t len;
	bool error, key;
	int64_t number;
};

struct source {
	struct source_options options;
	const struct clip_media *media;
	struct source_format fmt;
	double fps, start_s;
	bool loop, paced;

	struct pool *pool;
	struct slab *slab;
	struct soft_memory memory;
	int64_t start_ns;
	int64_t number; /* of the frame last dequeued */

	struct clip_cursor cursor; /* the running work's; start and stop's when none runs */
	struct pool_work work;

	/* protects: all below; held for a few instructions and a timerfd_settime, never over a
	 * file, decoding or copying, so the reactor does not wait in it */
	pthread_mutex_t lock;
	pthread_cond_t idle; /* `busy` became false */
	bool busy;           /* work is queued or running */
	bool stopping;
	int ended;     /* 0: no; 1: the clip is over; -errno: it cannot be read */
	uint64_t tick; /* of the next frame to deliver or drop */
	uint64_t skip; /* packets to pass over before the next is filled in */
	enum slot_state state[SLOTS_MAX];
	unsigned nfree, nready;
	struct filled ready[SLOTS_MAX]; /* a ring, oldest at ready_head */
	unsigned ready_head;
	struct soft_timer timer;
};

static int64_t deadline(const struct source *s)
{
	/* long double: exact to the nanosecond for as long as a box runs. */
	return s->start_ns + (int64_t)((long double)s->tick * NSEC_PER_SEC / s->fps);
}

/* Sets the timer to when dequeue next has something to say. The lock is held. */
static int arm(struct source *s)
{
	int64_t wake = SOFT_WAKE_NEVER;

	if (s->nready)
		wake = s->paced ? deadline(s) : SOFT_WAKE_NOW;
	else if (s->ended && !s->busy)
		wake = SOFT_WAKE_NOW;
	return soft_timer_set(&s->timer, wake);
}

/* --- filling: on the filler's threads --------------------------------------------------------- */

/* Has the filler go on if there is something to fill. The lock is held. */
static void kick(struct source *s)
{
	if (s->busy || s->stopping || s->ended || !s->nfree)
		return;
	s->busy = true;
	pool_submit(s->pool, &s->work);
}

/* Copies the next packet into the slot. 1, 0 at the end, -errno. */
static int fill_slot(struct source *s, unsigned slot, uint64_t skip, struct filled *out)
{
	struct clip_packet p;
	size_t room = s->fmt.plane_size[0];
	int got = 1;

	for (uint64_t i = 0; i <= skip && got > 0; i++)
		got = clip_cursor_next(&s->cursor, &p);
	if (got <= 0)
		return got;
	*out = (struct filled){
		.slot = slot,
		.len = p.len < room ? p.len : room,
		/* As a device does that runs out of buffer. */
		.error = !p.len || p.len > room,
		.key = p.key,
		.number = p.number,
	};
	if (out->len)
		memcpy(s->slab->slot[slot].plane[0], p.data, out->len);
	return 1;
}

/* One slot a turn, so that the clips share the threads fairly. */
static void fill(struct pool_work *work)
{
	struct source *s = container_of(work, struct source, work);
	struct filled f;
	unsigned slot = 0;
	uint64_t skip;
	int got;

	pthread_mutex_lock(&s->lock);
	if (s->stopping)
		goto out;
	while (s->state[slot] != FREE) /* there is one: nothing else takes them */
		slot++;
	s->state[slot] = FILLING;
	s->nfree--;
	skip = s->skip;
	s->skip = 0;
	pthread_mutex_unlock(&s->lock);

	got = fill_slot(s, slot, skip, &f);

	pthread_mutex_lock(&s->lock);
	if (got > 0) {
		s->state[slot] = READY;
		s->ready[(s->ready_head + s->nready++) % SLOTS_MAX] = f;
	} else {
		s->state[slot] = FREE;
		s->nfree++;
		s->ended = got ? got : 1;
	}
	if (s->nfree && !s->ended && !s->stopping) {
		pool_submit(s->pool, &s->work);
		goto armed;
	}
out:
	s->busy = false;
	pthread_cond_signal(&s->idle);
armed:
	/* A timer that cannot be set leaves the camera silent; it will reopen as stalled. */
	if (!s->stopping && arm(s))
		s->ended = s->ended ? s->ended : -EIO;
	pthread_mutex_unlock(&s->lock);
}

/* --- open and close --------------------------------------------------------------------------- */

static int take_options(struct source *s, const char *rest, const struct source_want *want,
			double *fps, int64_t *slots, struct errmsg *em)
{
	static const char *const known[] = {"fps", "loop", "start", "paced", "slots", NULL};
	int64_t loop = 1, paced = 1;

	*slots = want->slots ? want->slots : SLOTS_DEFAULT;
	if (*slots < 2)
		*slots = 2;
	if (*slots > SLOTS_MAX)
		*slots = SLOTS_MAX;
	if (source_options_split(rest, &s->options, em) ||
	    source_options_check(&s->options, known, em) ||
	    source_option_double(&s->options, "fps", 0.01, 1000, fps, em) < 0 ||
	    source_option_double(&s->options, "start", 0, 1e6, &s->start_s, em) < 0 ||
	    source_option_int(&s->options, "loop", 0, 1, &loop, em) < 0 ||
	    source_option_int(&s->options, "paced", 0, 1, &paced, em) < 0 ||
	    source_option_int(&s->options, "slots", 2, SLOTS_MAX, slots, em) < 0)
		return -EINVAL;
	if (!s->options.path[0])
		return errmsg_set(em, -EINVAL, "write clip:FILE, clip:FOLDER or clip:PATTERN");
	s->loop = loop;
	s->paced = paced;
	return 0;
}

static int clip_check(const char *rest, struct errmsg *em)
{
	static const struct source_want any;
	struct source s;
	double fps;
	int64_t slots;

	return take_options(&s, rest, &any, &fps, &slots, em);
}

static void describe(struct source *s, unsigned slots)
{
	const struct clip_info *info = clip_media_info(s->media);
	const char *base = strrchr(s->options.path, '/');

	s->fmt = (struct source_format){
		.fourcc = info->pf->fourcc,
		.width = info->width,
		.height = info->height,
		.fps = s->fps,
		.nplanes = 1,
		.full_range = info->full_range,
		.slots = slots,
		.driver = "clip",
	};
	s->fmt.plane_size[0] = info->packet_max;
	if (info->pf->codec == PIXFMT_RAW)
		s->fmt.stride[0] =
			info->pf->luma_step == 2 ? ALIGN_UP(info->width, 2u) * 2 : info->width;
	snprintf(s->fmt.card, sizeof(s->fmt.card), "%.*s", (int)sizeof(s->fmt.card) - 1,
		 base ? base + 1 : s->options.path);
	strncpy(s->fmt.bus, info->codec, sizeof(s->fmt.bus) - 1);
	snprintf(s->fmt.identity, sizeof(s->fmt.identity), "%.*s", (int)sizeof(s->fmt.identity) - 1,
		 s->options.path);
}

static void clip_close(struct source *s)
{
	if (!s)
		return;
	if (s->pool)
		clip_filler_put();
	clip_media_put(s->media);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int clip_open(struct source **out, const char *rest, const struct source_want *want,
		     struct source_format *fmt, enum slab_kind kinds[SOURCE_KINDS_MAX],
		     struct errmsg *em)
{
	struct source *s = calloc(1, sizeof(*s));
	double fps = 0;
	int64_t slots;
	int err;

	if (!s)
		return errmsg_set(em, -ENOMEM, "clip: no memory");
	s->timer.fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	err = take_options(s, rest, want, &fps, &slots, em);
	if (!err)
		err = clip_media_get(s->options.path, &s->media, em);
	if (!err && want->fourcc && want->fourcc != clip_media_info(s->media)->pf->fourcc)
		err = errmsg_set(em, -EINVAL, "%s: is %s, another format is asked for",
				 s->options.path, clip_media_info(s->media)->pf->name);
	if (!err)
		err = clip_filler_get(&s->pool, em);
	if (err) {
		errmsg_prefix(em, err, "clip");
		clip_close(s);
		return err;
	}
	s->fps = fps > 0 ? fps : clip_media_info(s->media)->fps;
	s->work.run = fill;
	describe(s, (unsigned)slots);
	*out = s;
	*fmt = s->fmt;
	soft_kinds(want, kinds);
	return 0;
}

/* --- start and stop --------------------------------------------------------------------------- */

static void clip_stop(struct source *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	while (s->busy)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
	clip_cursor_close(&s->cursor);
	soft_memory_unmap(&s->memory);
	soft_timer_close(&s->timer);
	s->slab = NULL;
}

/* In the clip's own time, whatever rate it is played at. */
static size_t start_frame(const struct source *s)
{
	return (size_t)(s->start_s * clip_media_info(s->media)->fps + 0.5);
}

static int clip_start(struct source *s, struct slab *slab, struct errmsg *em)
{
	int err;

	if (slab->nslots < 2 || slab->nslots > SLOTS_MAX || slab->nplanes != 1)
		return errmsg_set(em, -EINVAL, "clip: %u slots made, %u needed", slab->nslots,
				  s->fmt.slots);
	s->slab = slab;
	err = soft_timer_open(&s->timer);
	if (!err)
		err = soft_memory_map(&s->memory, slab);
	if (err)
		errmsg_set(em, err, "clip: cannot start: %s", strerror(-err));
	if (!err)
		err = clip_cursor_open(&s->cursor, s->media, start_frame(s), s->loop, em);
	if (err) {
		clip_stop(s);
		return err;
	}
	pthread_mutex_lock(&s->lock);
	s->stopping = false;
	s->ended = 0;
	s->tick = s->skip = 0;
	s->number = 0;
	s->nready = s->ready_head = 0;
	s->start_ns = monotime_now() + (int64_t)(NSEC_PER_SEC / s->fps);
	for (unsigned i = 0; i < slab->nslots; i++)
		s->state[i] = FREE;
	for (unsigned i = slab->nslots; i < SLOTS_MAX; i++)
		s->state[i] = AWAY;
	s->nfree = slab->nslots;
	kick(s);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int clip_poll_fd(const struct source *s)
{
	return s->timer.fd;
}

/* --- streaming: on the reactor ------------------------------------------------------------------
 */

/* Ticks that passed while every slot was away are dropped. The lock is held. */
static void drop_missed(struct source *s, int64_t now)
{
	int64_t missed;

	if (!s->paced || s->nfree || s->nready || s->busy || s->ended || deadline(s) > now)
		return;
	missed = (int64_t)((long double)(now - s->start_ns) * s->fps / NSEC_PER_SEC) + 1 -
		 (int64_t)s->tick;
	if (missed <= 0)
		return;
	s->tick += (uint64_t)missed;
	s->skip += (uint64_t)missed;
}

static int take_ready(struct source *s, struct source_buffer *out)
{
	const struct filled *f = &s->ready[s->ready_head];

	*out = (struct source_buffer){
		.slot = f->slot,
		.sequence = (uint32_t)s->tick,
		.mono_ns = s->paced ? deadline(s) : monotime_now(),
		.error = f->error,
		.key = f->key,
		.plane[0].bytesused = f->len,
	};
	s->number = f->number;
	s->state[f->slot] = AWAY;
	s->ready_head = (s->ready_head + 1) % SLOTS_MAX;
	s->nready--;
	s->tick++;
	return arm(s);
}

static int clip_dequeue(struct source *s, struct source_buffer *out)
{
	int64_t now = monotime_now();
	int err;

	pthread_mutex_lock(&s->lock);
	drop_missed(s, now);
	if (s->nready && (!s->paced || deadline(s) <= now)) {
		err = take_ready(s, out);
	} else if (!s->nready && s->ended && !s->busy) {
		err = s->ended < 0 ? s->ended : -ENODATA;
	} else {
		err = arm(s);
		err = err ? err : -EAGAIN;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

static int clip_enqueue(struct source *s, unsigned slot)
{
	int64_t now = monotime_now();
	int err = 0;

	pthread_mutex_lock(&s->lock);
	if (slot >= s->slab->nslots || s->state[slot] != AWAY) {
		err = -EINVAL;
	} else {
		/* Ticks that have passed found this slot still away. */
		drop_missed(s, now);
		s->state[slot] = FREE;
		s->nfree++;
		kick(s);
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

int64_t clip_source_number(const struct source *s)
{
	return s->number;
}

const struct source_ops source_clip_ops = {
	.scheme = "clip",
	.check = clip_check,
	.open = clip_open,
	.start = clip_start,
	.poll_fd = clip_poll_fd,
	.dequeue = clip_dequeue,
	.enqueue = clip_enqueue,
	.stop = clip_stop,
	.close = clip_close,
};
