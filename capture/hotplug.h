/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells when video devices come, go or change, so that a camera that waits need not sleep out its
 * back-off. Listens to udev (its links, by-path and by-id, are in place when it speaks) and to the
 * kernel itself (which speaks earlier, and also where no udevd runs). One plugging causes several
 * calls; each means no more than "look again".
 * Threads: the reactor's.
 */
#ifndef CAPTURE_HOTPLUG_H
#define CAPTURE_HOTPLUG_H

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/reactor.h"

struct hotplug;

/* Calls `changed` for every event of the subsystem video4linux. Errors with message: what the
 * kernel says to a netlink socket (-EPERM, -EPROTONOSUPPORT in a container), -ENOMEM. Cameras are
 * then found by their retries alone. */
int hotplug_create(struct hotplug **out, struct reactor *r, void (*changed)(void *ctx), void *ctx,
		   struct errmsg *em) MUST_CHECK;

/* The same for any subsystem of the kernel: tests have no cameras to plug. */
int hotplug_create_for(struct hotplug **out, struct reactor *r, const char *subsystem,
		       void (*changed)(void *ctx), void *ctx, struct errmsg *em) MUST_CHECK;

/* Outside reactor_run, before reactor_destroy: turns the reactor until its polls have come back.
 * NULL is fine. */
void hotplug_destroy(struct hotplug *h);

#endif
