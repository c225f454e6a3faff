/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open V4L2 capture node: what it is, and its ioctls. Single- and multi-planar nodes differ
 * from here on only in `type` and `multiplanar`.
 * Threads: open and close on opener threads; ioctls by whoever owns the device at the time.
 */
#ifndef CAPTURE_V4L2_DEVICE_H
#define CAPTURE_V4L2_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/v4l2/v4l2_ops.h"

#define V4L2_DEVICE_PATH_MAX 600

struct v4l2_device {
	const struct v4l2_ops *ops;
	int fd;           /* -1 when closed */
	uint32_t type;    /* V4L2_BUF_TYPE_VIDEO_CAPTURE or .._MPLANE */
	bool multiplanar; /* type is .._MPLANE */
	char path[V4L2_DEVICE_PATH_MAX];
	char driver[32], card[64], bus[64];
};

/*
 * The path behind "v4l2:": "/dev/..." as it is, "by-path/NAME" and "by-id/NAME" under /dev/v4l.
 * -EINVAL with message for anything else.
 */
int v4l2_device_path(char out[static V4L2_DEVICE_PATH_MAX], const char *rest,
		     struct errmsg *em) MUST_CHECK;

/*
 * Opens `path` and makes sure that it is a camera. Errors with message, nothing left open:
 * -ENOENT/-ENODEV/-ENXIO (nothing there), -EACCES/-EPERM, -EINVAL (is no camera), -EBUSY and what
 * else the device says.
 */
int v4l2_device_open(struct v4l2_device *d, const struct v4l2_ops *ops, const char *path,
		     struct errmsg *em) MUST_CHECK;
void v4l2_device_close(struct v4l2_device *d);

int v4l2_device_ioctl(const struct v4l2_device *d, unsigned long request, void *arg) MUST_CHECK;
/* Waits while the device is busy; opener threads only. */
int v4l2_device_ioctl_patient(const struct v4l2_device *d, unsigned long request,
			      void *arg) MUST_CHECK;

/* Leaves "PATH: WHAT: reason", with the remedy where there is one for `err`; returns `err`. */
int v4l2_device_error(const struct v4l2_device *d, int err, const char *what, struct errmsg *em);

#endif
