/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/v4l2/v4l2_bufq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/monotime.h"

/* A buffer and its planes as one ioctl argument. */
struct buffer {
	struct v4l2_buffer b;
	struct v4l2_plane plane[VIDEO_MAX_PLANES];
};

static void init_buffer(const struct v4l2_bufq *q, struct buffer *buf, unsigned index)
{
	memset(buf, 0, sizeof(*buf));
	buf->b.index = index;
	buf->b.type = q->d->type;
	buf->b.memory = q->memory;
	if (q->d->multiplanar) {
		buf->b.m.planes = buf->plane;
		buf->b.length = VIDEO_MAX_PLANES;
	}
}

/* The single-planar API keeps in the buffer what the other keeps in plane 0. */
static void spread(const struct v4l2_bufq *q, struct buffer *buf)
{
	if (q->d->multiplanar)
		return;
	buf->plane[0] = (struct v4l2_plane){.bytesused = buf->b.bytesused, .length = buf->b.length};
	buf->plane[0].m.mem_offset = buf->b.m.offset;
}

static void gather(const struct v4l2_bufq *q, struct buffer *buf)
{
	if (q->d->multiplanar) {
		buf->b.length = q->slab->nplanes;
		return;
	}
	buf->b.length = buf->plane[0].length;
	if (q->memory == V4L2_MEMORY_USERPTR)
		buf->b.m.userptr = buf->plane[0].m.userptr;
	else
		buf->b.m.fd = buf->plane[0].m.fd;
}

int v4l2_bufq_queue(const struct v4l2_bufq *q, unsigned slot)
{
	const struct slab *s = q->slab;
	struct buffer buf;

	/* The driver may have fewer buffers than the slab has slots: the rest stays unused. */
	if (slot >= q->count)
		return -EINVAL;
	init_buffer(q, &buf, slot);
	for (unsigned p = 0; p < s->nplanes && q->memory != V4L2_MEMORY_MMAP; p++) {
		buf.plane[p].length = (uint32_t)s->plane_size[p];
		if (q->memory == V4L2_MEMORY_USERPTR)
			buf.plane[p].m.userptr = (unsigned long)s->slot[slot].plane[p];
		else
			buf.plane[p].m.fd = s->slot[slot].plane_fd[p];
	}
	gather(q, &buf);
	return v4l2_device_ioctl(q->d, VIDIOC_QBUF, &buf.b);
}

static int64_t stamp(const struct timeval *tv)
{
	/* 2^33 seconds: beyond any uptime, and far from overflow. */
	if (tv->tv_sec < 0 || tv->tv_sec >= INT64_C(1) << 33 || tv->tv_usec < 0 ||
	    tv->tv_usec >= 1000000)
		return -1;
	return tv->tv_sec * NSEC_PER_SEC + tv->tv_usec * NSEC_PER_USEC;
}

/* The bytes a plane can hold, whoever made it. */
static size_t plane_room(const struct v4l2_bufq *q, unsigned slot, unsigned p)
{
	return q->map ? q->map[slot * q->slab->nplanes + p].len : q->slab->plane_size[p];
}

int v4l2_bufq_dequeue(const struct v4l2_bufq *q, struct v4l2_bufq_done *out)
{
	struct buffer buf;
	int err;

	init_buffer(q, &buf, 0);
	err = v4l2_device_ioctl(q->d, VIDIOC_DQBUF, &buf.b);
	if (err)
		return err;
	if (buf.b.index >= q->count)
		return -EIO;
	spread(q, &buf);
	*out = (struct v4l2_bufq_done){
		.slot = buf.b.index,
		.flags = buf.b.flags,
		.sequence = buf.b.sequence,
		.stamp_ns = stamp(&buf.b.timestamp),
		.sane = true,
	};
	for (unsigned p = 0; p < q->slab->nplanes; p++) {
		size_t room = plane_room(q, out->slot, p);
		size_t used = buf.plane[p].bytesused, offset = buf.plane[p].data_offset;

		if (used > room) {
			used = room;
			out->sane = false;
		}
		if (offset > used) {
			/* An empty buffer may carry the offset all the same. */
			out->sane &= !used;
			offset = used;
		}
		out->plane[p].bytesused = used;
		out->plane[p].data_offset = offset;
	}
	return 0;
}

/* ---- start and stop ---- */

static uint32_t memory_of(enum slab_kind kind)
{
	switch (kind) {
	case SLAB_DRIVER: return V4L2_MEMORY_MMAP;
	case SLAB_USERPTR: return V4L2_MEMORY_USERPTR;
	default: return V4L2_MEMORY_DMABUF;
	}
}

/* What a driver answers to memory it cannot use: EINVAL (REQBUFS: this kind not at all; QBUF and
 * STREAMON: alignment, size) and EFAULT (pages it cannot reach, not contiguous). With the driver's
 * own memory the same answers mean something else. */
static int refusal(const struct v4l2_bufq *q, int err, const char *what, struct errmsg *em)
{
	v4l2_device_error(q->d, err, what, em);
	if (q->memory == V4L2_MEMORY_MMAP || (err != -EINVAL && err != -EFAULT))
		return err;
	return errmsg_prefix(em, -EOPNOTSUPP, "not with %s memory", slab_kind_name(q->slab->kind));
}

static int request(const struct v4l2_bufq *q, unsigned count, unsigned *got)
{
	struct v4l2_requestbuffers r = {.count = count, .type = q->d->type, .memory = q->memory};
	int err = v4l2_device_ioctl_patient(q->d, VIDIOC_REQBUFS, &r);

	if (!err)
		*got = r.count;
	return err;
}

static int allocate(struct v4l2_bufq *q, struct errmsg *em)
{
	unsigned got = 0;
	int err = request(q, q->slab->nslots, &got);

	if (err == -EINVAL)
		return errmsg_set(em, -EOPNOTSUPP, "%s: its driver takes no %s memory", q->d->path,
				  slab_kind_name(q->slab->kind));
	if (err)
		return v4l2_device_error(q->d, err, "requesting buffers", em);
	q->count = got; /* from here on there is something to undo */
	if (got > q->slab->nslots)
		/* It would not start streaming before it has them all. */
		return errmsg_set(em, -ENOBUFS, "%s: its driver needs %u buffers: set slots to %u",
				  q->d->path, got, got);
	if (got < 2)
		return errmsg_set(em, -ENOMEM, "%s: its driver gives only %u of %u buffers",
				  q->d->path, got, q->slab->nslots);
	return 0;
}

static int map_buffer(struct v4l2_bufq *q, unsigned index, struct errmsg *em)
{
	struct slab *s = q->slab;
	struct buffer buf;
	int err;

	init_buffer(q, &buf, index);
	err = v4l2_device_ioctl(q->d, VIDIOC_QUERYBUF, &buf.b);
	if (err)
		return v4l2_device_error(q->d, err, "asking for a buffer's place", em);
	spread(q, &buf);
	for (unsigned p = 0; p < s->nplanes; p++) {
		struct v4l2_bufq_map *m = &q->map[index * s->nplanes + p];

		if (buf.plane[p].length < s->plane_size[p])
			return errmsg_set(em, -EIO,
					  "%s: its driver made a buffer of %u bytes for %zu",
					  q->d->path, buf.plane[p].length, s->plane_size[p]);
		err = q->d->ops->map(q->d->ops, q->d->fd, buf.plane[p].length,
				     (off_t)buf.plane[p].m.mem_offset, &m->addr);
		if (err) {
			m->addr = NULL;
			return v4l2_device_error(q->d, err, "mapping a buffer", em);
		}
		m->len = buf.plane[p].length;
		s->slot[index].plane[p] = m->addr;
	}
	return 0;
}

static int map_all(struct v4l2_bufq *q, struct errmsg *em)
{
	int err = 0;

	q->map = calloc((size_t)q->count * q->slab->nplanes, sizeof(*q->map));
	if (!q->map)
		return errmsg_set(em, -ENOMEM, "%s: out of memory", q->d->path);
	for (unsigned i = 0; i < q->count && !err; i++)
		err = map_buffer(q, i, em);
	if (!err)
		q->slab->nslots = q->count;
	return err;
}

static int queue_all(struct v4l2_bufq *q, struct errmsg *em)
{
	for (unsigned i = 0; i < q->count; i++) {
		int err = v4l2_bufq_queue(q, i);

		if (err)
			return refusal(q, err, "queueing a buffer", em);
	}
	return 0;
}

static int stream_on(struct v4l2_bufq *q, struct errmsg *em)
{
	int type = (int)q->d->type;
	int err = v4l2_device_ioctl_patient(q->d, VIDIOC_STREAMON, &type);

	return err ? refusal(q, err, "starting the stream", em) : 0;
}

int v4l2_bufq_start(struct v4l2_bufq *q, const struct v4l2_device *d, struct slab *slab,
		    struct errmsg *em)
{
	int err;

	*q = (struct v4l2_bufq){.d = d, .slab = slab, .memory = memory_of(slab->kind)};
	/* V4L2 imports a dma-buf from its start, whole. */
	for (unsigned i = 0; i < slab->nslots && q->memory == V4L2_MEMORY_DMABUF; i++)
		for (unsigned p = 0; p < slab->nplanes; p++)
			if (slab->slot[i].plane_fd_offset[p])
				return errmsg_set(em, -EOPNOTSUPP,
						  "%s: a plane inside a shared dma-buf", d->path);
	err = allocate(q, em);
	if (!err && q->memory == V4L2_MEMORY_MMAP)
		err = map_all(q, em);
	if (!err)
		err = queue_all(q, em);
	if (!err)
		err = stream_on(q, em);
	if (err)
		v4l2_bufq_stop(q);
	return err;
}

static void unmap_all(struct v4l2_bufq *q)
{
	struct slab *s = q->slab;

	for (unsigned i = 0; i < q->count * s->nplanes; i++)
		if (q->map[i].addr)
			q->d->ops->unmap(q->d->ops, q->map[i].addr, q->map[i].len);
	for (unsigned i = 0; i < s->nslots; i++)
		memset(s->slot[i].plane, 0, sizeof(s->slot[i].plane));
	free(q->map);
	q->map = NULL;
}

void v4l2_bufq_stop(struct v4l2_bufq *q)
{
	unsigned got;
	int type, err;

	if (!q->d || !q->count)
		return;
	type = (int)q->d->type;
	/* Also when STREAMON failed: it takes the queued buffers back. An error here means that
	 * the device is gone, and with it its hold on the slots. */
	err = v4l2_device_ioctl_patient(q->d, VIDIOC_STREAMOFF, &type);
	if (q->map) /* a mapped buffer cannot be freed */
		unmap_all(q);
	if (!err)
		err = request(q, 0, &got);
	/* What could not be released now goes with the descriptor. */
	q->count = 0;
}
