/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/hotplug.h"

#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/monotime.h"

/* One of the two that speak. */
struct ear {
	struct reactor_op op;
	struct hotplug *owner;
	struct udev_monitor *monitor; /* NULL: deaf */
	bool polling;                 /* `op` is in flight */
};

struct hotplug {
	struct reactor *reactor;
	void (*changed)(void *ctx);
	void *ctx;
	struct udev *udev;
	struct ear ear[2];
	bool closing;
};

static void arm(struct ear *e)
{
	struct io_uring_sqe *sqe = reactor_sqe(e->owner->reactor, &e->op);

	io_uring_prep_poll_add(sqe, udev_monitor_get_fd(e->monitor), POLLIN);
	io_uring_sqe_set_data(sqe, &e->op);
	e->polling = true;
}

/* Empties the socket: events, or the news that some were lost. */
static bool drain(struct ear *e)
{
	struct udev_device *d;
	bool any = false;

	for (;;) {
		errno = 0;
		d = udev_monitor_receive_device(e->monitor);
		if (!d)
			return any || errno == ENOBUFS;
		udev_device_unref(d);
		any = true;
	}
}

static void heard(struct reactor_op *op, int res, uint32_t cqe_flags)
{
	struct ear *e = container_of(op, struct ear, op);
	struct hotplug *h = e->owner;

	(void)cqe_flags; /* one-shot: never more to come */
	e->polling = false;
	if (h->closing)
		return;
	/* A socket that cannot be polled any more is left alone; retries go on without it. */
	if (res < 0 || res & POLLNVAL)
		return;
	if (drain(e))
		h->changed(h->ctx);
	arm(e);
}

static int listen_to(struct hotplug *h, struct ear *e, const char *speaker, const char *subsystem)
{
	int err;

	e->owner = h;
	e->op.done = heard;
	errno = 0;
	e->monitor = udev_monitor_new_from_netlink(h->udev, speaker);
	if (!e->monitor)
		return errno ? -errno : -ENOMEM;
	err = udev_monitor_filter_add_match_subsystem_devtype(e->monitor, subsystem, NULL);
	if (err >= 0)
		err = udev_monitor_enable_receiving(e->monitor);
	if (err < 0) {
		e->monitor = udev_monitor_unref(e->monitor);
		return err;
	}
	arm(e);
	return 0;
}

int hotplug_create_for(struct hotplug **out, struct reactor *r, const char *subsystem,
		       void (*changed)(void *ctx), void *ctx, struct errmsg *em)
{
	static const char *const speaker[] = {"kernel", "udev"};
	struct hotplug *h = calloc(1, sizeof(*h));
	int err = 0;

	if (!h)
		return errmsg_set(em, -ENOMEM, "hot-plug: out of memory");
	*h = (struct hotplug){.reactor = r, .changed = changed, .ctx = ctx, .udev = udev_new()};
	if (!h->udev)
		err = -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(speaker) && !err; i++)
		err = listen_to(h, &h->ear[i], speaker[i], subsystem);
	if (err) {
		hotplug_destroy(h);
		return errmsg_set(em, err, "hot-plug: cannot listen to the kernel's events: %s",
				  strerror(-err));
	}
	*out = h;
	return 0;
}

int hotplug_create(struct hotplug **out, struct reactor *r, void (*changed)(void *ctx), void *ctx,
		   struct errmsg *em)
{
	return hotplug_create_for(out, r, "video4linux", changed, ctx, em);
}

void hotplug_destroy(struct hotplug *h)
{
	int err = 0;

	if (!h)
		return;
	h->closing = true;
	for (size_t i = 0; i < ARRAY_SIZE(h->ear); i++)
		if (h->ear[i].polling)
			reactor_cancel(h->reactor, &h->ear[i].op);
	/* A reactor that fails runs nothing any more, so the polls' memory may go then too. */
	while (!err && (h->ear[0].polling || h->ear[1].polling))
		err = reactor_turn(h->reactor, 100 * NSEC_PER_MSEC);
	for (size_t i = 0; i < ARRAY_SIZE(h->ear); i++)
		udev_monitor_unref(h->ear[i].monitor);
	udev_unref(h->udev);
	free(h);
}
