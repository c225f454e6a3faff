/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device offers, and which of it is taken.
 *
 * The choice, most important first:
 *   1. a size within the limits; when there is none, the smallest size there is. Without a limit
 *      on the size from the admin, raw pictures have one all the same: 1920x1080. One raw 4K
 *      camera is 180 MB/s, more than a disk takes, and nobody means that by "the best it has";
 *      who does sets a limit as large as he wants
 *   2. MJPEG (or JPEG) before H.264 before HEVC before raw, unless one format is asked for
 *   3. a rate within the limit; when there is none, the lowest there is
 *   4. a rate that shows movement: at least V4L2_FORMAT_USABLE_FPS, or the limit if that is lower
 *      (below that the fastest wins)
 *   5. the largest picture, then the highest rate
 *   6. raw: colour before grey, then fewer bytes a pixel; then the device's own order
 *
 * Devices that scale freely (stepwise or continuous sizes) take the limits as the size; without a
 * limit their native size is taken, not the largest they could blow it up to.
 * Threads: opener threads.
 */
#ifndef CAPTURE_V4L2_FORMAT_H
#define CAPTURE_V4L2_FORMAT_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/source.h"
#include "capture/v4l2/v4l2_device.h"

#define V4L2_FORMAT_USABLE_FPS 10.0
#define V4L2_FORMAT_SIDE_MAX   16384u
#define V4L2_FORMAT_RAW_WIDTH  1920u
#define V4L2_FORMAT_RAW_HEIGHT 1080u

/* One format at one size, or at a range of sizes. */
struct v4l2_format_size {
	uint32_t fourcc;
	bool known;    /* false: the device does not list sizes; the rest is 0 */
	bool scalable; /* min..max in steps; else min and max are the same */
	uint32_t min_width, max_width, step_width;
	uint32_t min_height, max_height, step_height;
};

struct v4l2_format_list {
	struct v4l2_format_size *size; /* formats that can be recorded, in the device's order */
	size_t count;
	char others[64]; /* formats that cannot: "RGB3 BA81", cut with ".." */
};

/* Lists formats and sizes. An empty list is no error. -EIO, -ENODEV, -ENOMEM with message. */
int v4l2_format_list(const struct v4l2_device *d, struct v4l2_format_list *out,
		     struct errmsg *em) MUST_CHECK;
void v4l2_format_list_free(struct v4l2_format_list *l);

struct v4l2_format_rate {
	struct v4l2_fract interval; /* seconds a frame; 0/0: the device does not tell */
	double fps;                 /* 0: unknown */
};

/* Frame rates of one format at one size, in the device's order. */
#define V4L2_FORMAT_RATES_MAX 64
struct v4l2_format_rates {
	unsigned count; /* 0: the device lists none */
	bool range;     /* rate[0] is the fastest, rate[1] the slowest; all between go too */
	struct v4l2_format_rate rate[V4L2_FORMAT_RATES_MAX];
};
/* 0, or -errno of a device that fails; a device that lists no rates is no error. */
int v4l2_format_rates(const struct v4l2_device *d, uint32_t fourcc, uint32_t width, uint32_t height,
		      struct v4l2_format_rates *out) MUST_CHECK;

/* The best of them not above `max_fps` (0: no limit), or the lowest if all are above. */
struct v4l2_format_rate v4l2_format_best_rate(const struct v4l2_format_rates *rates,
					      double max_fps);

/* Seconds a frame at `fps` > 0, to a thousandth of a frame a second. */
struct v4l2_fract v4l2_format_interval(double fps);

/*
 * Chooses, sets (S_FMT, S_PARM) and describes what the device then says it delivers: everything
 * in `out` but slots, texts and identity. -EINVAL with message when the device offers nothing that
 * can be recorded or not the format asked for; what the device says otherwise.
 */
int v4l2_format_negotiate(const struct v4l2_device *d, const struct source_want *want,
			  struct source_format *out, struct errmsg *em) MUST_CHECK;

#endif
