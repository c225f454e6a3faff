/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the control file system share; nobody else includes this. */
#ifndef MATLANGD_CTLFS_IMPL_H
#define MATLANGD_CTLFS_IMPL_H

#define FUSE_USE_VERSION 314
#include <fuse.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/core/list.h"
#include "tools/matlangd/ctlfs.h"

struct ctlfs {
	struct ctlfs_options o;
	char dir[PATH_MAX];
	bool made_dir; /* we made the mount point: we remove it */
	uid_t uid;     /* owner of every file ... */
	gid_t gid;     /* ... and the group that may write, if group_writes */
	bool group_writes;
	int64_t started_utc_s; /* time of every file */
	struct fuse *fuse;
	int wake_fd; /* eventfd: end the loop */
	pthread_t thread;
	struct list files; /* ctlfs_file, open ones; the file system's thread only */
};

/* An open file: the value as it was when it was last read from its start. */
struct ctlfs_file {
	struct list link;
	char path[ATTR_PATH_MAX];
	char *value; /* NULL: not read yet */
	size_t len;
	bool changed;                   /* since then */
	struct fuse_pollhandle *poller; /* somebody waits; NULL: nobody */
};

extern const struct fuse_operations ctlfs_operations;
/* Wakes whoever polls `path` (`any`: everybody). */
void ctlfs_wake(struct ctlfs *fs, const char *path, bool any);

/* Makes `fs->dir` a fit mount point: clears what a crashed process left, refuses what is in use. */
int ctlfs_mount_prepare(struct ctlfs *fs, struct errmsg *em) MUST_CHECK;
/* Mounts fs->fuse there. */
int ctlfs_mount(struct ctlfs *fs, struct errmsg *em) MUST_CHECK;
/* After the session is gone. */
void ctlfs_mount_finish(struct ctlfs *fs);

#endif
