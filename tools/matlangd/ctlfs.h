/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control files: a FUSE file system that reads and feels like sysfs. One value a file,
 * newline-terminated; a whole value a write; EINVAL on a bad one with nothing changed and the
 * reason in `last_error`; poll(2) wakes with POLLPRI when a value may have changed, until it has
 * been read again from the start. mkdir cameras/NAME adds a camera, rmdir removes it.
 *
 * The file system has a thread of its own; every value is read and written on the reactor's thread
 * by way of reactor_call.h.
 */
#ifndef MATLANGD_CTLFS_H
#define MATLANGD_CTLFS_H

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "tools/matlangd/attr.h"
#include "tools/matlangd/changes.h"
#include "tools/matlangd/reactor_call.h"

struct ctlfs;

struct ctlfs_options {
	const char *dir;      /* mount point; made when it is missing */
	const char *group;    /* may change settings, if such a group exists; NULL: none */
	struct attr_env *env; /* for the reactor's thread */
	struct reactor_calls *calls;
	struct changes *changes;
	/* Lines for the log; any thread. */
	void (*log)(void *ctx, int level, const char *line);
	void *log_ctx;
};

/* Mounts and starts the thread. Everything `o` points to outlives it. Errors with message: -ENODEV
 * (no FUSE here), -EACCES, -EBUSY (mounted by another), -ENOTEMPTY, -errno. */
int ctlfs_start(struct ctlfs **out, const struct ctlfs_options *o, struct errmsg *em) MUST_CHECK;
/* After reactor_calls_close(). Unmounts, ends the thread. NULL is fine. */
void ctlfs_stop(struct ctlfs *fs);

#endif
