/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs a store in place: what is kept twice, or follows from the rest, is written anew. Footage
 * itself is never touched: what is damaged there stays damaged, and `verify` names it.
 *
 *   - a superblock from its other copy, or both from the volume's size and any segment's header
 *     (when the store was made and the volume's own UUID are lost then);
 *   - the seal of a segment from its chunks, passing over those that are damaged;
 *   - the header of a segment from its seal and the segment before it;
 *   - checkpoints from what a reader finds.
 *
 * Threads: any one; blocks for long.
 */
#ifndef STORAGE_REPAIR_H
#define STORAGE_REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

enum repair_what { REPAIR_SUPERBLOCK, REPAIR_CHECKPOINT, REPAIR_SEAL, REPAIR_HEADER };

struct repair_step {
	enum repair_what what;
	uint32_t index;    /* superblock, checkpoint: 0 or 1; otherwise the segment */
	uint64_t sequence; /* of the segment's use */
	uint64_t offset;   /* in the volume */
};

struct repair_callbacks {
	void (*step)(void *ctx, const struct repair_step *step); /* done, or would be */
	void *ctx;
};

struct repair_result {
	uint64_t steps;
};

/*
 * With `dry_run` nothing is written, and what would be is told. 0: all of it is durable. Errors
 * with message: -EBUSY (the store is in use), -ENOENT, -EACCES, -EROFS, -EPROTO, -EBADMSG (no
 * superblock is left), -EIO (the disk refuses: what was told is done).
 */
int repair_store(const char *dir, bool dry_run, const struct repair_callbacks *cb,
		 struct repair_result *result, struct errmsg *em) MUST_CHECK;

struct storage_io_ops;
/* The same over another back end. */
int repair_store_io(const char *dir, const struct storage_io_ops *ops, void *ctx, bool dry_run,
		    const struct repair_callbacks *cb, struct repair_result *result,
		    struct errmsg *em) MUST_CHECK;

#endif
