/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scripted V4L2 driver behind struct v4l2_ops. It keeps the rules videobuf2 keeps (no format
 * change and no second request while buffers exist, no release while one is mapped, no buffer
 * queued twice) and counts every breach, so that a test can assert that there was none.
 */
#ifndef TESTS_V4L2_MOCK_H
#define TESTS_V4L2_MOCK_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/v4l2/v4l2_ops.h"

#define V4L2_MOCK_FORMATS 8
#define V4L2_MOCK_SIZES   8
#define V4L2_MOCK_RATES   6
#define V4L2_MOCK_FAULTS  4
#define V4L2_MOCK_FRAMES  16

struct v4l2_mock_size {
	uint32_t width, height;         /* 0: end; for a range the smallest */
	uint32_t max_width, max_height; /* 0: discrete */
	uint32_t step;
	double fps[V4L2_MOCK_RATES]; /* discrete, 0: end */
	double min_fps, max_fps;     /* a range of rates when max_fps > 0 */
};

struct v4l2_mock_format {
	uint32_t fourcc; /* 0: end */
	unsigned planes; /* 0: 1 */
	uint32_t
		bytes[VIDEO_MAX_PLANES]; /* sizeimage; 0: from the size (packed: 2 bytes a pixel) */
	uint32_t stride[VIDEO_MAX_PLANES]; /* 0: none for MJPG/H264/HEVC, else from the size */
	struct v4l2_mock_size size[V4L2_MOCK_SIZES];
};

/* From call number `from` (1 is the first) of `request` on, `times` calls answer `err`. A request
 * of 0 stands for open, V4L2_MOCK_MAP for mmap. */
#define V4L2_MOCK_MAP 1ul
struct v4l2_mock_fault {
	unsigned long request;
	int err;
	unsigned from, times;
};

struct v4l2_mock_frame {
	unsigned index;
	uint32_t flags, sequence;
	struct timeval tv;
	uint32_t bytesused[VIDEO_MAX_PLANES], data_offset[VIDEO_MAX_PLANES];
};

struct v4l2_mock {
	struct v4l2_ops ops; /* pass &mock.ops */

	/* What the driver is; set before open. */
	uint32_t caps; /* device_caps */
	struct v4l2_mock_format format[V4L2_MOCK_FORMATS];
	bool no_enum_fmt, no_enum_sizes, no_enum_rates, no_parm, no_events, no_try;
	bool no_stride; /* bytesperline stays 0 */
	bool has_selection;
	uint32_t native_width, native_height;
	uint32_t quantization, colorspace;
	uint32_t rate_bytes;     /* S_PARM makes every plane so much larger */
	uint32_t refuse_request; /* bit per V4L2_MEMORY_*: REQBUFS says EINVAL */
	uint32_t refuse_queue;   /* bit per V4L2_MEMORY_*: QBUF says EFAULT */
	uint32_t refuse_stream;  /* bit per V4L2_MEMORY_*: STREAMON says EINVAL */
	unsigned min_buffers;    /* REQBUFS gives at least so many ... */
	unsigned max_buffers;    /* ... and at most, 0: no limit */
	int32_t min_control;     /* V4L2_CID_MIN_BUFFERS_FOR_CAPTURE, 0: no such control */
	bool has_udmabuf;
	unsigned interrupts; /* so many ioctls say EINTR first */
	struct v4l2_mock_fault fault[V4L2_MOCK_FAULTS];

	/* What happened. */
	unsigned opens, closes, maps, unmaps, breaches;
	const char *breach; /* the first */
	int64_t slept_ns;
	struct {
		unsigned long request;
		unsigned calls;
	} seen[32];
	char opened[600];

	/* What it is set to. */
	uint32_t fourcc, width, height;
	struct v4l2_fract interval;
	uint32_t extra_bytes; /* in every plane, since S_PARM */
	unsigned buffers;
	uint32_t memory, queued; /* queued: bit per buffer */
	bool streaming, subscribed;
	int dmabuf[VIDEO_MAX_FRAME][VIDEO_MAX_PLANES];
	unsigned long userptr[VIDEO_MAX_FRAME][VIDEO_MAX_PLANES];
	void *area[VIDEO_MAX_FRAME][VIDEO_MAX_PLANES];  /* MMAP memory */
	struct v4l2_mock_frame frame[V4L2_MOCK_FRAMES]; /* filled, in order */
	unsigned frames;
	struct v4l2_event event[4];
	unsigned events;
};

/* A single-planar camera without formats; tests add what they need. */
void v4l2_mock_init(struct v4l2_mock *m);
/* The next frame to be dequeued; its buffer must be queued. */
void v4l2_mock_fill(struct v4l2_mock *m, const struct v4l2_mock_frame *f);
/* How often `request` was called. */
unsigned v4l2_mock_calls(const struct v4l2_mock *m, unsigned long request);
/* Nothing left behind and no rule broken; fails the test otherwise. */
void v4l2_mock_assert_clean(const struct v4l2_mock *m);

#endif
