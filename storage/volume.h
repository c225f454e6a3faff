/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the volumes of a store. Whoever takes "the directory" of a store takes several as well,
 * with commas between, in any order; a directory whose own name has a comma in it still works.
 */
#ifndef STORAGE_VOLUME_H
#define STORAGE_VOLUME_H

#include "storage/dirs.h"
#include "storage/disk_format.h"
#include "storage/io.h"

/* Of the path of a volume. */
#define VOLUME_PATH_MAX 512u

/*
 * Opens the volumes in `dirs` over `ops` and puts them together: *io is the one volume there is, or
 * a stripe set (stripe_is), whose superblocks have been read. `flags`: as for storage_io_ops.open,
 * for each. *path (VOLUME_PATH_MAX): of the one volume, or the first, for messages. Errors with
 * message: as storage_io_ops.open and stripe_assemble; -ENOENT: there is none.
 */
int volume_open(const char *dirs, const struct storage_io_ops *ops, void *ctx, unsigned flags,
		struct reactor *r, struct storage_io **io, char *path,
		struct errmsg *em) MUST_CHECK;

/* The superblock of one volume. Errors with message: -EPROTO, -EBADMSG, or of reading. */
int volume_read_super(struct storage_io *io, const char *path, struct format_super *out,
		      struct errmsg *em) MUST_CHECK;

/* "DIR/volume-N.matlang". -ENAMETOOLONG. */
int volume_path(const char *dir, unsigned index, char out[VOLUME_PATH_MAX]) MUST_CHECK;

#endif
