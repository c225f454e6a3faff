/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The buffer queue of one device: a slab's slots handed to the driver and taken back. Slot i is
 * V4L2 buffer i. One path for the single- and the multi-planar API and for the three V4L2 kinds
 * of memory (MMAP, USERPTR, DMABUF).
 * Threads: start and stop on opener threads, queue and dequeue on the reactor; never at once.
 */
#ifndef CAPTURE_V4L2_BUFQ_H
#define CAPTURE_V4L2_BUFQ_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/slab.h"
#include "capture/v4l2/v4l2_device.h"

struct v4l2_bufq_map {
	void *addr; /* NULL: not mapped */
	size_t len;
};

struct v4l2_bufq {
	const struct v4l2_device *d;
	struct slab *slab;
	uint32_t memory;           /* V4L2_MEMORY_* */
	unsigned count;            /* buffers the driver has; 0: not started */
	struct v4l2_bufq_map *map; /* SLAB_DRIVER: count * nplanes; NULL otherwise */
};

/*
 * REQBUFS, all slots queued, STREAMON. `slab` stays the caller's and must live until stop. For
 * SLAB_DRIVER the driver's buffers are mapped into slab->slot[] and slab->nslots becomes what the
 * driver gave.
 * Errors with message, everything undone, so that another kind can be tried on the same device:
 * -EOPNOTSUPP (not with this kind of memory), -ENOBUFS (the driver needs more slots than the slab
 * has), what the device says otherwise.
 */
int v4l2_bufq_start(struct v4l2_bufq *q, const struct v4l2_device *d, struct slab *slab,
		    struct errmsg *em) MUST_CHECK;

/* STREAMOFF, unmap, REQBUFS 0. Harmless when not started, and on a device that is gone. */
void v4l2_bufq_stop(struct v4l2_bufq *q);

/* Gives a slot to the device. */
int v4l2_bufq_queue(const struct v4l2_bufq *q, unsigned slot) MUST_CHECK;

struct v4l2_bufq_done {
	unsigned slot;
	uint32_t flags, sequence;
	int64_t stamp_ns; /* as the driver gave it, whatever its clock; -1: out of range */
	struct {
		size_t data_offset, bytesused;
	} plane[PIXFMT_MAX_PLANES];
	bool sane; /* false: sizes were out of the buffer and have been cut */
};
/* Takes a filled slot: 0, -EAGAIN (none), -EIO (a buffer that is none of ours), or what the device
 * says. */
int v4l2_bufq_dequeue(const struct v4l2_bufq *q, struct v4l2_bufq_done *out) MUST_CHECK;

#endif
