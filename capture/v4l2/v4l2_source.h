/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The v4l2: source (source_v4l2_ops of capture/source.h) with its seam to the kernel open.
 *
 * What its dequeue returns, beside 0 and -EAGAIN:
 *   -ENODEV  the device is gone
 *   -EPIPE   the device announced another picture format (V4L2_EVENT_SOURCE_CHANGE): buffers no
 *            longer fit; close and open again to negotiate anew
 *   others   what the driver says (-EIO: the stream broke down)
 */
#ifndef CAPTURE_V4L2_SOURCE_H
#define CAPTURE_V4L2_SOURCE_H

#include "capture/source.h"
#include "capture/v4l2/v4l2_ops.h"

/* source_v4l2_ops.open on another kernel interface; `ops` outlives the source. All else of
 * source_v4l2_ops works on the result. */
int v4l2_source_open(const struct v4l2_ops *ops, struct source **out, const char *rest,
		     const struct source_want *want, struct source_format *fmt,
		     enum slab_kind kinds[SOURCE_KINDS_MAX], struct errmsg *em) MUST_CHECK;

#endif
