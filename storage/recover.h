/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of mount; see store_impl.h for threads. */
#ifndef STORAGE_RECOVER_H
#define STORAGE_RECOVER_H

#include "storage/store_impl.h"

/* A segment taken into the log, the last one so far. */
struct tail {
	struct format_segment head;
	uint32_t end, records;
	bool sealed;         /* by a seal on the disk */
	struct segment *seg; /* otherwise: what its chunks say, to be sealed */
};

int recover_read_head(struct store *s, uint32_t index, struct format_segment *out) MUST_CHECK;
/* Takes a segment, by its seal or else by its chunks. */
int recover_take(struct store *s, const struct format_segment *h, struct tail *t) MUST_CHECK;
/* Whether the log goes on from `t` in `m`. */
int recover_continues(const struct tail *t, const struct format_segment *m) MUST_CHECK;
/* Cuts the tail to what its successor says of it. */
int recover_limit(struct store *s, struct tail *t, uint32_t end) MUST_CHECK;
/* Seals the tail where needed and makes it the log's end. */
int recover_finish(struct store *s, struct tail *t) MUST_CHECK;
void recover_drop(struct store *s, struct tail *t);

/* What the small records of a sealed segment say about the store: clock, locks. */
int recover_take_small(struct store *s, const struct format_seal *f) MUST_CHECK;
/* The locks that stood when the log left the sealed segment `head`. */
int recover_read_locks(struct store *s, uint32_t head) MUST_CHECK;

/* Without a checkpoint. `locks`: the tables hold those of an unusable one, for their locks. */
int recover_rebuild(struct store *s, bool locks) MUST_CHECK;

#endif
