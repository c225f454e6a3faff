/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/v4l2/v4l2_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <string.h>

#include "capture/core/cleanup.h"

#define LINK_DIR "/dev/v4l/"

static bool has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

int v4l2_device_path(char out[static V4L2_DEVICE_PATH_MAX], const char *rest, struct errmsg *em)
{
	const char *name = strchr(rest, '/');
	const char *dir = "";
	int n;

	if (has_prefix(rest, "by-path/") || has_prefix(rest, "by-id/")) {
		/* One name, not a way out of the folder. */
		if (!name[1] || strchr(name + 1, '/') || name[1] == '.')
			goto bad;
		dir = LINK_DIR;
	} else if (!has_prefix(rest, "/dev/") || !rest[strlen("/dev/")] || strstr(rest, "/../")) {
		goto bad;
	}
	n = snprintf(out, V4L2_DEVICE_PATH_MAX, "%s%s", dir, rest);
	if (n >= 0 && n < V4L2_DEVICE_PATH_MAX)
		return 0;
bad:
	return errmsg_set(em, -EINVAL,
			  "\"v4l2:%s\" names no camera: write v4l2:/dev/videoN, "
			  "v4l2:by-path/NAME or v4l2:by-id/NAME (see: matlang devices)",
			  rest);
}

static int open_error(const char *path, int err, struct errmsg *em)
{
	switch (err) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return errmsg_set(em, err,
				  "%s: no such device: plug the camera in, or look for it with: "
				  "matlang devices",
				  path);
	case -EACCES:
	case -EPERM:
		return errmsg_set(em, err,
				  "%s: no permission: add the user that runs matlangd to the group "
				  "video",
				  path);
	case -EISDIR: return errmsg_set(em, -EINVAL, "%s: is no camera: it is a folder", path);
	default: return errmsg_set(em, err, "%s: cannot open: %s", path, strerror(-err));
	}
}

int v4l2_device_error(const struct v4l2_device *d, int err, const char *what, struct errmsg *em)
{
	const char *remedy = "";

	switch (err) {
	case -EBUSY: remedy = ": in use by another program (fuser -v shows which)"; break;
	case -ENOSPC:
		remedy = ": not enough USB bandwidth: lower the size or rate, or use a port of "
			 "another controller";
		break;
	case -ENODEV: remedy = ": the camera is gone"; break;
	case -ENOLINK: remedy = ": no signal"; break;
	case -EPIPE: remedy = ": the media pipeline is not set up (media-ctl)"; break;
	default: break;
	}
	return errmsg_set(em, err, "%s: %s: %s%s", d->path, what, strerror(-err), remedy);
}

/* What a node that captures no video is, in a person's words. */
static const char *what_it_is(uint32_t caps)
{
	if (caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE))
		return "it converts pictures (memory to memory)";
	if (caps & (V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_OUTPUT_MPLANE))
		return "it is a video output";
	if (caps & V4L2_CAP_META_CAPTURE)
		return "it delivers metadata only (a camera's second node)";
	if (caps & (V4L2_CAP_VBI_CAPTURE | V4L2_CAP_SLICED_VBI_CAPTURE))
		return "it delivers VBI only";
	if (caps & (V4L2_CAP_RADIO | V4L2_CAP_SDR_CAPTURE))
		return "it is a radio";
	return "it captures no video";
}

static int identify(struct v4l2_device *d, struct errmsg *em)
{
	struct v4l2_capability cap = {0};
	uint32_t caps;
	int err = v4l2_device_ioctl(d, VIDIOC_QUERYCAP, &cap);

	if (err == -ENOTTY || err == -EINVAL)
		return errmsg_set(em, -EINVAL, "%s: is no camera: not a V4L2 device", d->path);
	if (err)
		return v4l2_device_error(d, err, "asking what it is", em);
	/* The kernel ends these texts, and yet they are the device's. */
	snprintf(d->driver, sizeof(d->driver), "%.*s", (int)sizeof(cap.driver), cap.driver);
	snprintf(d->card, sizeof(d->card), "%.*s", (int)sizeof(cap.card), cap.card);
	snprintf(d->bus, sizeof(d->bus), "%.*s", (int)sizeof(cap.bus_info), cap.bus_info);

	caps = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
	d->multiplanar = caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE;
	d->type = d->multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
	/* Old memory-to-memory drivers call themselves capture and output in one. */
	if (!(caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)) ||
	    caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_VIDEO_OUTPUT |
		    V4L2_CAP_VIDEO_OUTPUT_MPLANE))
		return errmsg_set(em, -EINVAL, "%s (%s): is no camera: %s", d->path, d->card,
				  what_it_is(caps));
	if (!(caps & V4L2_CAP_STREAMING))
		return errmsg_set(
			em, -EINVAL,
			"%s (%s): is no camera that can be recorded: its driver %s has no "
			"streaming I/O",
			d->path, d->card, d->driver);
	return 0;
}

int v4l2_device_open(struct v4l2_device *d, const struct v4l2_ops *ops, const char *path,
		     struct errmsg *em)
{
	int err;

	*d = (struct v4l2_device){.ops = ops, .fd = -1};
	snprintf(d->path, sizeof(d->path), "%s", path);
	err = ops->open(ops, path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (err < 0)
		return open_error(path, err, em);
	d->fd = err;
	err = identify(d, em);
	if (err)
		v4l2_device_close(d);
	return err;
}

void v4l2_device_close(struct v4l2_device *d)
{
	if (d->fd >= 0)
		d->ops->close(d->ops, TAKE_FD(d->fd));
}

int v4l2_device_ioctl(const struct v4l2_device *d, unsigned long request, void *arg)
{
	return v4l2_ops_ioctl(d->ops, d->fd, request, arg);
}

int v4l2_device_ioctl_patient(const struct v4l2_device *d, unsigned long request, void *arg)
{
	return v4l2_ops_ioctl_patient(d->ops, d->fd, request, arg);
}
