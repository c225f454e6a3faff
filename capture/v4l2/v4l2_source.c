/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/v4l2/v4l2_source.h"

#include <errno.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "capture/v4l2/nal.h"
#include "capture/v4l2/v4l2_bufq.h"
#include "capture/v4l2/v4l2_device.h"
#include "capture/v4l2/v4l2_format.h"
#include "capture/v4l2/v4l2_identity.h"
#include "kmod/uapi.h"

#define SLOTS_DEFAULT 8u
#define SLOTS_MIN     2u
#define SLOTS_SPARE   2u /* beyond what the driver holds on to: one being read, one being written */

/* A stamp further from now than this is no CLOCK_MONOTONIC, whatever the driver calls it. */
#define STAMP_TRUST_NS (10 * NSEC_PER_SEC)

struct source {
	struct v4l2_device device;
	struct v4l2_bufq queue;
	enum pixfmt_codec codec;
	uint32_t fourcc;
	bool flags_keys; /* the driver marks key frames: its flags are believed from then on */
	bool has_events; /* SOURCE_CHANGE is subscribed */
};

/* ---- open and close ---- */

static unsigned slots_wanted(const struct v4l2_device *d, const struct source_want *want)
{
	struct v4l2_control c = {.id = V4L2_CID_MIN_BUFFERS_FOR_CAPTURE};
	unsigned slots = want->slots ? want->slots : SLOTS_DEFAULT;
	unsigned least = SLOTS_MIN;

	/* Most drivers have no such control: then nothing but the usual least holds. */
	if (!v4l2_device_ioctl(d, VIDIOC_G_CTRL, &c) && c.value > 0 && c.value < VIDEO_MAX_FRAME)
		least = (unsigned)c.value + SLOTS_SPARE;
	if (slots < least)
		slots = least;
	return slots < VIDEO_MAX_FRAME ? slots : VIDEO_MAX_FRAME;
}

static void list_kinds(const struct v4l2_ops *ops, const struct source_want *want,
		       enum slab_kind kinds[SOURCE_KINDS_MAX])
{
	unsigned n = 0;

	if (want->memory != SLAB_AUTO) {
		kinds[n++] = want->memory;
	} else {
		if (ops->exists(ops, MATLANG_POOL_DEVICE))
			kinds[n++] = SLAB_POOL;
		if (ops->exists(ops, "/dev/udmabuf"))
			kinds[n++] = SLAB_UDMABUF;
		kinds[n++] = SLAB_USERPTR;
		kinds[n++] = SLAB_DRIVER;
	}
	kinds[n] = SLAB_AUTO;
}

static void describe(const struct source *s, const struct source_want *want,
		     struct source_format *fmt)
{
	const struct v4l2_device *d = &s->device;

	fmt->slots = slots_wanted(d, want);
	memcpy(fmt->driver, d->driver, sizeof(fmt->driver));
	memcpy(fmt->card, d->card, sizeof(fmt->card));
	memcpy(fmt->bus, d->bus, sizeof(fmt->bus));
	v4l2_identity_text(fmt->identity, sizeof(fmt->identity), d->fd, d->bus);
}

int v4l2_source_open(const struct v4l2_ops *ops, struct source **out, const char *rest,
		     const struct source_want *want, struct source_format *fmt,
		     enum slab_kind kinds[SOURCE_KINDS_MAX], struct errmsg *em)
{
	char path[V4L2_DEVICE_PATH_MAX];
	struct source_format f;
	struct source *s;
	int err = v4l2_device_path(path, rest, em);

	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return errmsg_set(em, -ENOMEM, "%s: out of memory", path);
	err = v4l2_device_open(&s->device, ops, path, em);
	if (!err)
		err = v4l2_format_negotiate(&s->device, want, &f, em);
	if (err) {
		v4l2_device_close(&s->device);
		free(s);
		return err;
	}
	describe(s, want, &f);
	s->fourcc = f.fourcc;
	s->codec = pixfmt_find(f.fourcc)->codec;
	list_kinds(ops, want, kinds);
	*fmt = f;
	*out = s;
	return 0;
}

static int source_open(struct source **out, const char *rest, const struct source_want *want,
		       struct source_format *fmt, enum slab_kind kinds[SOURCE_KINDS_MAX],
		       struct errmsg *em)
{
	return v4l2_source_open(&v4l2_ops_kernel, out, rest, want, fmt, kinds, em);
}

static void source_close(struct source *s)
{
	v4l2_bufq_stop(&s->queue);
	v4l2_device_close(&s->device);
	free(s);
}

/* ---- streaming ---- */

/* Most cameras never change by themselves and refuse the subscription. */
static bool subscribe(const struct source *s, unsigned long request)
{
	struct v4l2_event_subscription sub = {.type = V4L2_EVENT_SOURCE_CHANGE};

	return !v4l2_device_ioctl(&s->device, request, &sub);
}

static void forget_events(struct source *s)
{
	/* Takes unread events with it; when it fails the device is gone, and its events too. */
	if (s->has_events)
		subscribe(s, VIDIOC_UNSUBSCRIBE_EVENT);
	s->has_events = false;
}

static int source_start(struct source *s, struct slab *slab, struct errmsg *em)
{
	int err;

	s->has_events = subscribe(s, VIDIOC_SUBSCRIBE_EVENT);
	s->flags_keys = false;
	err = v4l2_bufq_start(&s->queue, &s->device, slab, em);
	if (err)
		forget_events(s);
	return err;
}

static void source_stop(struct source *s)
{
	v4l2_bufq_stop(&s->queue);
	forget_events(s);
}

static int source_poll_fd(const struct source *s)
{
	return s->device.fd;
}

/* -EPIPE when the device announced another format, -EAGAIN when it did not, or its error. */
static int read_events(const struct source *s)
{
	struct v4l2_event e;
	int err;

	do {
		memset(&e, 0, sizeof(e));
		err = v4l2_device_ioctl(&s->device, VIDIOC_DQEVENT, &e);
		if (!err && e.type == V4L2_EVENT_SOURCE_CHANGE &&
		    e.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION)
			return -EPIPE;
	} while (!err && e.pending);
	return err && err != -ENOENT ? err : -EAGAIN;
}

static int64_t when(const struct v4l2_bufq_done *done)
{
	int64_t now = monotime_now();

	if ((done->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC ||
	    done->stamp_ns < 0 || done->stamp_ns < now - STAMP_TRUST_NS ||
	    done->stamp_ns > now + STAMP_TRUST_NS)
		return now;
	return done->stamp_ns;
}

static bool is_key(struct source *s, const struct v4l2_bufq_done *done)
{
	const uint8_t *plane = s->queue.slab->slot[done->slot].plane[0];
	size_t offset = done->plane[0].data_offset;

	if (s->codec == PIXFMT_RAW || s->codec == PIXFMT_CODEC_MJPEG)
		return true;
	if (done->flags & (V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_PFRAME | V4L2_BUF_FLAG_BFRAME))
		s->flags_keys = true;
	if (s->flags_keys)
		return done->flags & V4L2_BUF_FLAG_KEYFRAME;
	return nal_is_key(s->fourcc, plane + offset, done->plane[0].bytesused - offset);
}

static int source_dequeue(struct source *s, struct source_buffer *out)
{
	struct v4l2_bufq_done done;
	int err = v4l2_bufq_dequeue(&s->queue, &done);

	/* Frames that are there come first; what was announced behind them is read after. */
	if (err == -EAGAIN && s->has_events)
		return read_events(s);
	if (err)
		return err;
	*out = (struct source_buffer){
		.slot = done.slot,
		.sequence = done.sequence,
		.mono_ns = when(&done),
		.error = done.flags & V4L2_BUF_FLAG_ERROR || !done.sane,
		.key = is_key(s, &done),
	};
	for (unsigned p = 0; p < s->queue.slab->nplanes; p++) {
		out->plane[p].data_offset = done.plane[p].data_offset;
		out->plane[p].bytesused = done.plane[p].bytesused;
	}
	return 0;
}

static int source_enqueue(struct source *s, unsigned slot)
{
	return v4l2_bufq_queue(&s->queue, slot);
}

const struct source_ops source_v4l2_ops = {
	.scheme = "v4l2",
	.open = source_open,
	.start = source_start,
	.poll_fd = source_poll_fd,
	.dequeue = source_dequeue,
	.enqueue = source_enqueue,
	.stop = source_stop,
	.close = source_close,
};
