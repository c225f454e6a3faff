/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the repair; for storage/repair*.c only. */
#ifndef STORAGE_REPAIR_IMPL_H
#define STORAGE_REPAIR_IMPL_H

#include "storage/reader_impl.h"
#include "storage/repair.h"
#include "storage/store_impl.h"

struct repair {
	struct storage_io *io; /* written through; the reader has its own */
	struct reader *r;
	bool dry_run;
	const struct repair_callbacks *cb;
	struct repair_result result;
	struct format_segment *head; /* of every segment; sequence 0: none that is whole */
};

/* Writes at step->offset, unless it is a dry run, and tells. */
int repair_write(struct repair *p, const struct repair_step *step, const void *buf,
		 size_t len) MUST_CHECK;
/* A read that the disk refuses is as good as damage: what is there can be written anew. */
bool repair_is_damage(int err);
/* repair_super.c: 1: without a superblock on the disk (a dry run) nothing more can be said. */
int repair_supers(struct repair *p, const char *path, struct errmsg *em) MUST_CHECK;
/* repair_walk.c: every record of every chunk before `end` whose headers hold, into `seal`; *last:
 * the last clock sample among them, if there is one. */
int repair_walk(struct repair *p, const struct format_segment *h, uint32_t end, struct seal *seal,
		struct format_clock *last) MUST_CHECK;
/* repair_table.c: checkpoints that are damaged, from what the reader knows. */
int repair_checkpoints(struct repair *p) MUST_CHECK;

#endif
