/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/camera_frame.h"
#include "capture/camera_memory.h"
#include "capture/camera_private.h"
#include "capture/core/monotime.h"

/* Buffers taken from one camera before the others have their turn. */
#define DRAIN_BATCH 4
/* After polls that end without a buffer, one is armed again this much later: a device that reports
 * an error for ever must not keep the reactor busy. */
#define REPOLL_NS (20 * NSEC_PER_MSEC)
/* A timestamp further from now than this is none: another clock, or rubbish. */
#define TIMESTAMP_SLACK_NS (10 * NSEC_PER_SEC)

static void poll_done(struct reactor_op *op, int res, uint32_t cqe_flags);
static void try_to_close(struct camera_stream *s);

/* --- opener threads ------------------------------------------------------------------------ */

/* One kind of memory. -EOPNOTSUPP: try the next. */
static int start_with(struct camera_stream *s, enum slab_kind kind)
{
	int err = slab_create(&s->slab, kind, s->fmt.slots, s->fmt.nplanes, s->fmt.plane_size,
			      &s->open_msg);

	if (err)
		return err;
	err = s->ops->start(s->source, s->slab, &s->open_msg);
	if (err) {
		slab_destroy(s->slab);
		s->slab = NULL;
		return err;
	}
	s->started = true;
	return camera_memory_make_slots(s);
}

static int start_source(struct camera_stream *s, const enum slab_kind kinds[SOURCE_KINDS_MAX])
{
	int err = -EOPNOTSUPP;
	bool tried = false;

	for (unsigned i = 0; i < SOURCE_KINDS_MAX && kinds[i] != SLAB_AUTO; i++) {
		if (s->want.memory != SLAB_AUTO && s->want.memory != kinds[i])
			continue;
		tried = true;
		err = start_with(s, kinds[i]);
		if (err != -EOPNOTSUPP || s->started)
			return err;
	}
	if (!tried && s->want.memory != SLAB_AUTO)
		return errmsg_set(&s->open_msg, err,
				  "this camera cannot use %s memory: set memory to auto",
				  slab_kind_name(s->want.memory));
	if (!tried)
		return errmsg_set(&s->open_msg, err, "the camera offers no kind of frame memory");
	return errmsg_prefix(&s->open_msg, err, "no kind of frame memory works");
}

static int check_format(struct camera_stream *s)
{
	const struct source_format *fmt = &s->fmt;

	if (fmt->nplanes < 1 || fmt->nplanes > PIXFMT_MAX_PLANES || !fmt->slots)
		return errmsg_set(&s->open_msg, -EINVAL,
				  "the device offers a format with %u planes and %u buffers",
				  fmt->nplanes, fmt->slots);
	return 0;
}

static void open_opened(struct reactor_msg *msg);

static void open_run(struct pool_work *work)
{
	struct camera_stream *s = container_of(work, struct camera_stream, work);
	enum slab_kind kinds[SOURCE_KINDS_MAX] = {SLAB_AUTO};
	int err = s->ops->open(&s->source, s->rest, &s->want, &s->fmt, kinds, &s->open_msg);

	if (!err) {
		err = check_format(s);
		if (!err)
			err = start_source(s, kinds);
	} else {
		s->source = NULL;
	}
	s->open_err = err;
	s->msg.run = open_opened;
	reactor_post(s->camera->reactor, &s->msg);
}

static void close_closed(struct reactor_msg *msg);

static void close_run(struct pool_work *work)
{
	struct camera_stream *s = container_of(work, struct camera_stream, work);

	if (s->started)
		s->ops->stop(s->source);
	s->started = false;
	if (s->source)
		s->ops->close(s->source);
	s->source = NULL;
	s->msg.run = close_closed;
	reactor_post(s->camera->reactor, &s->msg);
}

static void free_freed(struct reactor_msg *msg);

static void free_run(struct pool_work *work)
{
	struct camera_stream *s = container_of(work, struct camera_stream, work);

	slab_destroy(s->spare);
	slab_destroy(s->slab);
	s->msg.run = free_freed;
	reactor_post(s->camera->reactor, &s->msg);
}

static void hand_to_opener(struct camera_stream *s, enum stream_phase phase,
			   void (*run)(struct pool_work *))
{
	s->phase = phase;
	s->work.run = run;
	pool_submit(s->camera->openers, &s->work);
}

/* --- life ---------------------------------------------------------------------------------- */

int camera_stream_open(struct camera *c)
{
	struct camera_stream *s = calloc(1, sizeof(*s));
	struct errmsg em;

	if (!s)
		return -ENOMEM;
	s->camera = c;
	s->slab_index = -1;
	s->poll.done = poll_done;
	memcpy(s->uri, c->config.source, sizeof(s->uri));
	s->want = c->config.want;
	s->ops = c->find(s->uri, &s->rest, &em);
	if (!s->ops) { /* checked when it was configured */
		free(s);
		return -EINVAL;
	}
	c->stream = s;
	c->streams++;
	hand_to_opener(s, STREAM_OPENING, open_run);
	return 0;
}

static void arm_poll(struct camera_stream *s)
{
	struct io_uring_sqe *sqe = reactor_sqe(s->camera->reactor, &s->poll);

	/* PRI: an event, such as another picture format from now on. */
	io_uring_prep_poll_multishot(sqe, s->ops->poll_fd(s->source), POLLIN | POLLPRI);
	s->polling = true;
}

static void open_opened(struct reactor_msg *msg)
{
	struct camera_stream *s = container_of(msg, struct camera_stream, msg);

	if (s->unwanted || s->open_err) {
		s->phase = STREAM_DRAINING;
		if (!s->unwanted)
			camera_opened(s->camera);
		try_to_close(s);
		return;
	}
	s->phase = STREAM_RUNNING;
	s->with_device = s->empty = s->slab->nslots;
	camera_memory_register(s);
	arm_poll(s);
	camera_opened(s->camera);
}

void camera_stream_end(struct camera_stream *s)
{
	if (s->phase == STREAM_OPENING)
		s->unwanted = true; /* the opener still has it */
	if (s->phase != STREAM_RUNNING)
		return;
	s->phase = STREAM_DRAINING;
	if (s->polling)
		reactor_cancel(s->camera->reactor, &s->poll);
	try_to_close(s);
}

static void try_to_free(struct camera_stream *s)
{
	if (s->phase != STREAM_CLOSED || s->held)
		return;
	camera_memory_unregister(s);
	hand_to_opener(s, STREAM_FREEING, free_run);
}

static void try_to_close(struct camera_stream *s)
{
	bool driver = s->slab && s->slab->kind == SLAB_DRIVER;

	if (s->phase != STREAM_DRAINING || s->polling || (driver && s->held))
		return;
	if (driver) /* while its memory is there */
		camera_memory_unregister(s);
	hand_to_opener(s, STREAM_CLOSING, close_run);
}

static void close_closed(struct reactor_msg *msg)
{
	struct camera_stream *s = container_of(msg, struct camera_stream, msg);
	struct camera *c = s->camera;

	s->phase = STREAM_CLOSED;
	c->stream = NULL;
	/* The stream first: camera_closed may leave only it between the camera and its end. */
	try_to_free(s);
	camera_closed(c);
}

static void free_freed(struct reactor_msg *msg)
{
	struct camera_stream *s = container_of(msg, struct camera_stream, msg);
	struct camera *c = s->camera;

	free(s->slot);
	free(s);
	c->streams--;
	camera_stream_gone(c);
}

/* --- frames -------------------------------------------------------------------------------- */

static void give_to_device(struct camera_stream *s, struct camera_slot *slot)
{
	int err = s->ops->enqueue(s->source, slot->index);

	if (err) {
		camera_failed(s->camera, err, "the device does not take its buffer back");
		return;
	}
	slot->with_device = true;
	s->with_device++;
}

static void slot_back(struct camera_slot *slot)
{
	struct camera_stream *s = slot->stream;
	struct camera *c = s->camera;

	s->held--;
	if (s->phase == STREAM_RUNNING) {
		give_to_device(s, slot);
		pthread_mutex_lock(&c->lock);
		if (c->stream == s)
			c->stats.slots_free = s->with_device;
		pthread_mutex_unlock(&c->lock);
		return;
	}
	try_to_close(s);
	try_to_free(s);
}

static void slot_back_msg(struct reactor_msg *msg)
{
	slot_back(container_of(msg, struct camera_slot, back));
}

/* Any thread. */
static void frame_release(struct frame *f)
{
	struct camera_slot *slot = f->owner;
	struct reactor *r = slot->stream->camera->reactor;

	if (reactor_is_current(r)) {
		slot_back(slot);
		return;
	}
	slot->back.run = slot_back_msg;
	reactor_post(r, &slot->back);
}

static void count_frame(struct camera *c, const struct frame *f, bool copied)
{
	int64_t now = c->progress_ns;

	pthread_mutex_lock(&c->lock);
	c->stats.frames++;
	c->stats.bytes += frame_bytes(f);
	c->stats.torn += (f->flags & FRAME_TORN) != 0;
	c->stats.copies += copied;
	c->stats.slots_free = c->stream->with_device;
	c->stats.last_frame_mono_ns = f->mono_ns;
	c->fps_frames++;
	if (now - c->fps_since_ns >= 2 * NSEC_PER_SEC) {
		c->stats.fps = (double)c->fps_frames * (double)NSEC_PER_SEC /
			       (double)(now - c->fps_since_ns);
		c->fps_since_ns = now;
		c->fps_frames = 0;
	}
	pthread_mutex_unlock(&c->lock);
}

static void deliver(struct camera_stream *s, struct camera_slot *slot)
{
	struct camera *c = s->camera;
	struct frame *f = &slot->frame;
	bool copied = !camera_frame_in_place(f, s->slab, slot->index) || s->copy_all;

	f->buf_index = slot->buf_index;
	if (copied) {
		camera_frame_copy(f, s->spare, slot->index);
		f->buf_index = s->slab_index;
	}
	if (camera_ledger_delivered(&c->ledger))
		f->flags |= FRAME_GAP;
	f->camera_id = c->id;
	f->release = frame_release;
	f->owner = slot;
	/* Relaxed: whoever gets the frame gets it through something that orders. */
	atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
	s->held++;
	count_frame(c, f, copied);
	c->cb->frame(c->ctx, f);
	frame_unref(f);
}

static void take_buffer(struct camera_stream *s, const struct source_buffer *b)
{
	struct camera *c = s->camera;
	struct camera_slot *slot = &s->slot[b->slot];
	struct frame *f = &slot->frame;
	int64_t now = monotime_now();
	enum loss_cause cause;

	slot->with_device = false;
	s->with_device--;
	s->run++;
	c->progress_ns = now;
	if (!s->first_ns)
		s->first_ns = now;
	f->sequence = b->sequence;
	f->mono_ns = b->mono_ns;
	if (f->mono_ns < now - TIMESTAMP_SLACK_NS || f->mono_ns > now + TIMESTAMP_SLACK_NS)
		f->mono_ns = now;

	camera_ledger_buffer(&c->ledger, f->sequence, f->mono_ns);
	if (s->run >= s->empty)
		camera_ledger_starved(&c->ledger);
	reactor_timer_disarm(c->reactor, &c->minute);

	cause = camera_frame_fill(f, &s->fmt, s->slab, b);
	if (cause == LOSS_NONE) {
		deliver(s, slot);
		return;
	}
	camera_ledger_lost(&c->ledger, cause, f->mono_ns);
	if (s->phase == STREAM_RUNNING)
		give_to_device(s, slot);
}

static void nothing_there(struct camera_stream *s)
{
	s->empty = s->with_device;
	s->run = 0;
	if (!s->empty)
		camera_ledger_starved(&s->camera->ledger);
}

static const char *failure_text(int err)
{
	switch (err) {
	case -ENODEV: return "the device is gone";
	case -EPIPE: return "the device has changed its picture format";
	default: return "the device fails";
	}
}

bool camera_stream_drain(struct camera_stream *s)
{
	struct camera *c = s->camera;
	struct source_buffer b;
	int err;

	for (unsigned n = 0; n < DRAIN_BATCH; n++) {
		memset(&b, 0, sizeof(b));
		err = s->ops->dequeue(s->source, &b);
		if (err == -EAGAIN) {
			nothing_there(s);
			break;
		}
		if (err == -ENODATA) {
			camera_ended(c);
			return false;
		}
		if (err) {
			camera_failed(c, err, failure_text(err));
			return false;
		}
		if (b.slot >= s->slab->nslots || !s->slot[b.slot].with_device) {
			camera_failed(c, -EPROTO, "the device returned a buffer it did not have");
			return false;
		}
		s->fruitless = 0;
		take_buffer(s, &b);
		if (s->phase != STREAM_RUNNING)
			return false;
		/* Edge-triggered: nobody tells again of what is left. */
		if (n + 1 == DRAIN_BATCH)
			reactor_timer_arm(c->reactor, &c->again, 0);
	}
	if (!s->polling) {
		if (s->fruitless++ == 0)
			arm_poll(s);
		else
			reactor_timer_arm(c->reactor, &c->again, monotime_now() + REPOLL_NS);
	}
	return true;
}

/*
 * A multishot poll ends by itself now and then (a spurious POLLERR, a full completion ring): then
 * the camera would be silent for ever. So whatever ends it, the device is asked for buffers, and
 * what it says decides: an error there is a failure, "none" is a poll to arm again.
 */
static void poll_done(struct reactor_op *op, int res, uint32_t cqe_flags)
{
	struct camera_stream *s = container_of(op, struct camera_stream, poll);

	if (!(cqe_flags & IORING_CQE_F_MORE))
		s->polling = false;
	if (s->phase != STREAM_RUNNING) {
		try_to_close(s);
		return;
	}
	(void)res;
	camera_stream_drain(s);
}
