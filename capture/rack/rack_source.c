/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `rack:` source. Pictures are drawn once, into the slots, and stay there: picture i of the
 * look is in slot i for good. A tick of the camera's clock chooses, among the slots the camera has
 * given back, the one whose picture is nearest to the scene's phase, and patches the stamp in.
 *
 * The clock is a timerfd armed with absolute deadlines, one a frame. What hardware would have done
 * since the last call is worked out in advance() from the deadlines that have passed, in order, at
 * every dequeue and enqueue; so a late reactor sees the frames and the drops it would have seen.
 *
 * Unpaced, a tick happens whenever a slot is free.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "capture/rack/rack_device.h"
#include "capture/rack/rack_jpeg.h"
#include "capture/rack/rack_params.h"
#include "capture/rack/rack_scene.h"
#include "capture/rack/rack_stamp.h"
#include "capture/soft.h"
#include "capture/source.h"

#define TICKS_AT_ONCE 65536

struct source {
	struct rack_params params;
	struct source_format fmt;
	uint64_t camera;                   /* for stamps */
	const struct rack_jpeg_set *jpegs; /* NULL when raw */

	/* With a fault script `device` is held in the registry, else it is `own`. */
	struct rack_device *device;
	struct rack_device own;

	struct slab *slab;
	struct soft_memory memory;
	size_t picture_len[RACK_SLOTS_MAX]; /* MJPEG: bytes in each slot */

	struct soft_timer timer;
	int64_t start_ns; /* deadline of tick 0 */
	uint64_t tick;    /* the next to happen */
	int64_t due_ns;   /* paced: its deadline */
	uint32_t sequence;
	uint64_t cycle, active, offset; /* the scene's loop in ticks */

	uint64_t free;    /* bit i: slot i is ours to fill */
	uint64_t away;    /* bit i: slot i was dequeued and not given back; what is neither free nor
			   * away waits in `done` */
	uint64_t damaged; /* bit i: a short frame went out of slot i and its picture may have been
			   * overwritten behind the cut (storage owns those bytes) */
	uint8_t *saved;   /* FRAME_TRAILER_ROOM bytes a slot: what was behind the cut */
	size_t cut[RACK_SLOTS_MAX];

	/* Filled and not yet dequeued, oldest first. */
	struct source_buffer done[RACK_SLOTS_MAX];
	unsigned done_head, done_count;
	bool gone; /* unplugged: everything is ENODEV once `done` is empty */
};

/* Moves to tick `tick`. */
static void go_to_tick(struct source *s, uint64_t tick)
{
	/* 128 bits: ticks times 10^12 pass 63 bits within a week at 15 a second. */
	s->tick = tick;
	s->due_ns = s->start_ns +
		    (int64_t)((unsigned __int128)tick * 1000 * NSEC_PER_SEC / s->params.millihertz);
}

/* --- open and close ------------------------------------------------------------------------- */

static int hold_device(struct source *s, const char *rest, struct errmsg *em)
{
	int64_t now = monotime_now();
	int err;

	if (!rack_faults_any(&s->params.faults)) {
		s->device = &s->own;
		return 0;
	}
	err = rack_device_hold(rest, &s->device);
	if (err == -EBUSY)
		return errmsg_set(em, err,
				  "rack:%s: another camera has it open; give each its own name",
				  s->params.name);
	if (err)
		return errmsg_set(em, err, "rack:%s: no memory", s->params.name);
	if (now < s->device->gone_until_ns)
		return errmsg_set(em, -ENODEV, "rack:%s is unplugged (fault script)",
				  s->params.name);
	if (s->device->opens < s->params.faults.open_failures) {
		s->device->opens++;
		return errmsg_set(em, -EIO, "rack:%s does not open (fault script)", s->params.name);
	}
	return 0;
}

static void describe(struct source *s)
{
	const struct rack_look *look = &s->params.look;
	const struct pixfmt *pf = s->params.pf;
	struct source_format *fmt = &s->fmt;

	*fmt = (struct source_format){
		.fourcc = look->fourcc,
		.width = look->width,
		.height = look->height,
		.fps = s->params.millihertz / 1000.0,
		.nplanes = pf->mem_planes,
		.multiplanar = pf->mem_planes > 1,
		.slots = look->pictures,
		.driver = "rack",
		.card = "synthetic camera",
	};
	for (unsigned p = 0; p < pf->mem_planes; p++) {
		uint32_t cw = (look->width + pf->hsub - 1) / pf->hsub;

		if (pf->codec != PIXFMT_RAW) {
			fmt->plane_size[p] = rack_jpeg_max(s->jpegs);
			continue;
		}
		fmt->plane_size[p] = pixfmt_plane_size(pf, p, look->width, look->height);
		if (pf->luma_step == 2)
			fmt->stride[p] = ALIGN_UP(look->width, 2u) * 2;
		else
			fmt->stride[p] = p == 0 ? look->width : pf->mem_planes == 2 ? 2 * cw : cw;
	}
	strcpy(fmt->bus, s->params.name);
	stpcpy(stpcpy(fmt->identity, "rack:"), s->params.name);
}

static void rack_close(struct source *s)
{
	if (!s)
		return;
	if (s->device != &s->own)
		rack_device_release(s->device);
	rack_jpeg_put(s->jpegs);
	free(s->saved);
	soft_timer_close(&s->timer);
	free(s);
}

static int rack_open(struct source **out, const char *rest, const struct source_want *want,
		     struct source_format *fmt, enum slab_kind kinds[SOURCE_KINDS_MAX],
		     struct errmsg *em)
{
	struct source *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return errmsg_set(em, -ENOMEM, "rack camera: no memory");
	s->timer.fd = -1;
	err = rack_params_parse(rest, want, &s->params, em);
	if (err) {
		errmsg_prefix(em, err, "rack");
		goto fail;
	}
	err = hold_device(s, rest, em);
	if (err)
		goto fail;
	if (s->params.pf->codec != PIXFMT_RAW) {
		err = rack_jpeg_get(&s->params.look, &s->jpegs, em);
		if (err) {
			errmsg_prefix(em, err, "rack:%s", s->params.name);
			goto fail;
		}
	}
	s->camera = rack_stamp_camera(s->params.name);
	describe(s);
	*out = s;
	*fmt = s->fmt;
	soft_kinds(want, kinds);
	return 0;
fail:
	rack_close(s);
	return err;
}

/* --- the clock ------------------------------------------------------------------------------ */

/* Distance on a ring of n. */
static unsigned apart(unsigned a, unsigned b, unsigned n)
{
	unsigned d = a > b ? a - b : b - a;

	return d < n - d ? d : n - d;
}

/* The free slot whose picture is nearest to what the scene shows at this tick; -1: none free. */
static int pick(const struct source *s, bool lost_view)
{
	const struct rack_look *look = &s->params.look;
	unsigned view = look->pictures - look->lost, moving = view - look->still;
	unsigned best_far = UINT32_MAX;
	bool active = moving && (!look->still || (s->tick + s->offset) % s->cycle < s->active);
	unsigned first = active ? look->still : 0, n = active ? moving : look->still;
	unsigned want;
	int best = -1;

	if (lost_view) {
		first = view;
		n = look->lost;
	}
	want = first + (unsigned)(s->tick % n);

	if (s->free >> want & 1)
		return (int)want;
	for (uint64_t left = s->free; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		bool same = i >= first && i < first + n;
		/* A picture of the other kind is farther than any of this one. */
		unsigned far = same ? apart(i, want, n) : RACK_SLOTS_MAX + i;

		if (far < best_far) {
			best_far = far;
			best = (int)i;
		}
	}
	return best;
}

/* Storage writes behind the cut of a short frame; keeps what it may overwrite. */
static void save_behind_cut(struct source *s, const struct source_buffer *b)
{
	unsigned last = s->fmt.nplanes - 1;
	size_t at = b->plane[last].bytesused, room = s->fmt.plane_size[last] - at;

	s->cut[b->slot] = at;
	memcpy(s->saved + (size_t)b->slot * FRAME_TRAILER_ROOM,
	       s->slab->slot[b->slot].plane[last] + at,
	       room < FRAME_TRAILER_ROOM ? room : FRAME_TRAILER_ROOM);
	s->damaged |= UINT64_C(1) << b->slot;
}

static void repair(struct source *s, unsigned slot)
{
	unsigned last = s->fmt.nplanes - 1;
	size_t at = s->cut[slot], room = s->fmt.plane_size[last] - at;

	memcpy(s->slab->slot[slot].plane[last] + at, s->saved + (size_t)slot * FRAME_TRAILER_ROOM,
	       room < FRAME_TRAILER_ROOM ? room : FRAME_TRAILER_ROOM);
	s->damaged &= ~(UINT64_C(1) << slot);
}

static void stamp(struct source *s, const struct source_buffer *b, uint64_t frame)
{
	const struct rack_look *look = &s->params.look;
	const struct rack_stamp st = {
		.camera = s->camera,
		.frame = frame,
		.mono_ns = b->mono_ns,
		.sequence = b->sequence,
	};
	uint8_t *picture = s->slab->slot[b->slot].plane[0];

	if (s->jpegs)
		rack_stamp_write_jpeg(picture, &st);
	else
		rack_stamp_write_raw(s->params.pf, picture, s->fmt.stride[0], look->width,
				     look->height, &st);
}

/* The device has filled a slot. */
static void fill(struct source *s, unsigned slot, int64_t when, uint64_t frame,
		 enum rack_fault_kind fault)
{
	struct source_buffer *b = &s->done[(s->done_head + s->done_count) % RACK_SLOTS_MAX];

	*b = (struct source_buffer){
		.slot = slot,
		.sequence = s->sequence,
		.mono_ns = when,
		.error = fault == RACK_FAULT_ERROR,
		.key = true,
	};
	for (unsigned p = 0; p < s->fmt.nplanes; p++) {
		size_t whole = s->jpegs ? s->picture_len[slot] : s->fmt.plane_size[p];

		b->plane[p].bytesused = fault == RACK_FAULT_ERROR  ? 0
					: fault == RACK_FAULT_TORN ? whole / 2
								   : whole;
	}
	stamp(s, b, frame);
	if (fault != RACK_FAULT_NONE)
		save_behind_cut(s, b);
	s->free &= ~(UINT64_C(1) << slot);
	s->done_count++;
}

/* One tick of the device at `when`. */
static void make_frame(struct source *s, int64_t when)
{
	struct rack_device *d = s->device;
	int64_t arg = 0;
	enum rack_fault_kind fault = s->params.faults.n
					     ? rack_faults_at(&s->params.faults, d->frame, &arg)
					     : RACK_FAULT_NONE;
	bool lost_view = s->params.look.lost &&
			 rack_faults_lost_view(&s->params.faults, d->frame, s->params.millihertz);
	uint64_t frame = d->frame++;
	int slot;

	switch (fault) {
	case RACK_FAULT_UNPLUG:
		d->gone_until_ns = when + arg;
		s->gone = true;
		return;
	case RACK_FAULT_STALL: d->stalled_until_ns = when + arg; return;
	default: break;
	}
	slot = fault == RACK_FAULT_DROP ? -1 : pick(s, lost_view);
	if (slot >= 0)
		fill(s, (unsigned)slot, when, frame, fault);
	s->sequence++;
	go_to_tick(s, s->tick + 1);
}

static void advance(struct source *s, int64_t now)
{
	/* Bounded, because a script may say that every frame is dropped; the rest comes next time.
	 */
	for (unsigned n = 0; n < TICKS_AT_ONCE && !s->gone; n++) {
		int64_t when = s->params.paced ? s->due_ns : now;

		/* Unpaced, the next is made when it is asked for: so the scene's phase is right. */
		if (when > now || (!s->params.paced && (!s->free || s->done_count)))
			return;
		if (when >= s->device->stalled_until_ns)
			make_frame(s, when);
		else if (s->params.paced)
			go_to_tick(s,
				   s->tick +
					   1); /* a stalled device makes no frame and counts none */
		else
			return;
	}
}

/* Sets the timer to when there is next something to see. A timer that is set to a time past is
 * readable until it is set again, so the descriptor stays readable while frames are waiting. */
static int arm(struct source *s)
{
	int64_t wake;

	if (s->done_count || s->gone)
		wake = SOFT_WAKE_NOW;
	else if (s->params.paced)
		wake = s->due_ns;
	else
		wake = s->free ? SOFT_WAKE_NOW : SOFT_WAKE_NEVER;
	if (wake != SOFT_WAKE_NEVER && wake < s->device->stalled_until_ns && !s->done_count &&
	    !s->gone)
		wake = s->device->stalled_until_ns;
	return soft_timer_set(&s->timer, wake);
}

/* --- start and stop ------------------------------------------------------------------------- */

static int draw_pictures(struct source *s)
{
	const struct rack_look *look = &s->params.look;
	struct rack_scene scene;
	int err;

	if (s->jpegs) {
		for (unsigned i = 0; i < look->pictures; i++) {
			const struct rack_jpeg *j = rack_jpeg_at(s->jpegs, i);

			memcpy(s->slab->slot[i].plane[0], j->data, j->len);
			s->picture_len[i] = j->len;
		}
		return 0;
	}
	err = rack_scene_init(&scene, look);
	if (err)
		return err;
	for (unsigned i = 0; i < look->pictures; i++) {
		rack_scene_draw(&scene, look, i);
		rack_scene_store(&scene, look, s->params.pf, s->slab->slot[i].plane);
	}
	rack_scene_fini(&scene);
	return 0;
}

static void set_up_clock(struct source *s)
{
	double fps = s->params.millihertz / 1000.0;
	int64_t period = (int64_t)(1000 * NSEC_PER_SEC / s->params.millihertz);

	s->active = (uint64_t)(s->params.active_s * fps + 0.5);
	s->cycle = s->active + (uint64_t)(s->params.quiet_s * fps + 0.5);
	/* Different digits of the hash, so that the place in the loop and the instant of the tick
	 * are spread over the cameras independently. */
	s->offset = s->cycle ? (s->camera >> 32) % s->cycle : 0;
	s->start_ns = monotime_now() + period + (int64_t)((s->camera & 0xffffffff) % period);
	/* On the grid of USB frames, as USB cameras are: ticks that fall together wake once. */
	s->start_ns -= s->start_ns % NSEC_PER_MSEC;
	go_to_tick(s, 0);
	s->sequence = 0;
	s->free = s->slab->nslots == 64 ? ~UINT64_C(0) : (UINT64_C(1) << s->slab->nslots) - 1;
	s->away = s->damaged = 0;
	s->done_head = s->done_count = 0;
	s->gone = false;
}

static void rack_stop(struct source *s)
{
	soft_memory_unmap(&s->memory);
	soft_timer_close(&s->timer);
	s->slab = NULL;
}

static int rack_start(struct source *s, struct slab *slab, struct errmsg *em)
{
	int err;

	if (slab->nslots != s->params.look.pictures || slab->nplanes != s->fmt.nplanes)
		return errmsg_set(em, -EINVAL, "rack:%s: %u slots made, %u needed", s->params.name,
				  slab->nslots, s->params.look.pictures);
	s->slab = slab;
	err = soft_timer_open(&s->timer);
	if (!err && !s->saved && rack_faults_any(&s->params.faults)) {
		s->saved = malloc((size_t)slab->nslots * FRAME_TRAILER_ROOM);
		err = s->saved ? 0 : -ENOMEM;
	}
	if (!err)
		err = soft_memory_map(&s->memory, slab);
	if (!err)
		err = draw_pictures(s);
	if (!err) {
		set_up_clock(s);
		err = arm(s);
	}
	if (err) {
		rack_stop(s);
		return errmsg_set(em, err, "rack:%s cannot start: %s", s->params.name,
				  strerror(-err));
	}
	return 0;
}

static int rack_poll_fd(const struct source *s)
{
	return s->timer.fd;
}

static int rack_dequeue(struct source *s, struct source_buffer *out)
{
	int err;

	advance(s, monotime_now());
	if (!s->done_count) {
		err = arm(s);
		return s->gone ? -ENODEV : err ? err : -EAGAIN;
	}
	*out = s->done[s->done_head];
	s->away |= UINT64_C(1) << out->slot;
	s->done_head = (s->done_head + 1) % RACK_SLOTS_MAX;
	s->done_count--;
	if (!s->done_count)
		s->done_head = 0; /* most often one frame waits: its cache lines stay the same */
	/* While more frames wait the timer, long past, keeps the descriptor readable. */
	return s->done_count ? 0 : arm(s);
}

static int rack_enqueue(struct source *s, unsigned slot)
{
	if (slot >= s->slab->nslots || !(s->away >> slot & 1))
		return -EINVAL;
	/* Ticks that have passed found this slot still away. */
	if (s->params.paced)
		advance(s, monotime_now());
	if (s->gone)
		return -ENODEV;
	if (s->damaged >> slot & 1)
		repair(s, slot);
	s->away &= ~(UINT64_C(1) << slot);
	s->free |= UINT64_C(1) << slot;
	/* Paced, the timer is set to the next tick already. */
	return s->params.paced ? 0 : arm(s);
}

static int rack_check(const char *rest, struct errmsg *em)
{
	static const struct source_want any;
	struct rack_params p;

	return rack_params_parse(rest, &any, &p, em);
}

const struct source_ops source_rack_ops = {
	.scheme = "rack",
	.check = rack_check,
	.open = rack_open,
	.start = rack_start,
	.poll_fd = rack_poll_fd,
	.dequeue = rack_dequeue,
	.enqueue = rack_enqueue,
	.stop = rack_stop,
	.close = rack_close,
};
