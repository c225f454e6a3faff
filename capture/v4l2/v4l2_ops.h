/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam between the V4L2 code and the kernel. Everything that reaches a device goes through a
 * table of functions that is passed in, so that tests put a scripted driver in the kernel's place.
 * Functions return 0 (or a descriptor) or -errno. They get the table itself, so that whoever
 * embeds it finds its own state.
 */
#ifndef CAPTURE_V4L2_OPS_H
#define CAPTURE_V4L2_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/core/compiler.h"

struct v4l2_ops {
	int (*open)(const struct v4l2_ops *ops, const char *path, int flags);
	void (*close)(const struct v4l2_ops *ops, int fd);
	int (*ioctl)(const struct v4l2_ops *ops, int fd, unsigned long request, void *arg);
	/* Shared, readable and writable. */
	int (*map)(const struct v4l2_ops *ops, int fd, size_t len, off_t offset, void **out);
	void (*unmap)(const struct v4l2_ops *ops, void *addr, size_t len);
	bool (*exists)(const struct v4l2_ops *ops, const char *path);
	void (*sleep)(const struct v4l2_ops *ops, int64_t ns);
};

/* The running kernel. */
extern const struct v4l2_ops v4l2_ops_kernel;

/* ioctl, again as long as a signal interrupts it. */
int v4l2_ops_ioctl(const struct v4l2_ops *ops, int fd, unsigned long request, void *arg) MUST_CHECK;

/* The same, waiting up to V4L2_OPS_BUSY_NS while the device says EBUSY: after an io_uring that
 * polled the device goes away it does so for 10 ms and more. Opener threads only. */
#define V4L2_OPS_BUSY_NS INT64_C(1000000000)
int v4l2_ops_ioctl_patient(const struct v4l2_ops *ops, int fd, unsigned long request,
			   void *arg) MUST_CHECK;

#endif
