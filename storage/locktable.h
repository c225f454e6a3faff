/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks that stand, as the hold records of the log tell it; for the writer and the reader
 * alike. Threads: the owner's.
 */
#ifndef STORAGE_LOCKTABLE_H
#define STORAGE_LOCKTABLE_H

#include "storage/disk_format.h"

struct locktable_entry {
	struct record_lock lock;
	bool fresh; /* told by a record of its own, not carried along */
};

/* All zero: empty. */
struct locktable {
	struct locktable_entry *entry; /* by number */
	size_t count, room;
	uint64_t last; /* highest number ever used; 0: there never was a lock */
};

void locktable_free(struct locktable *t);
/* Applies the payload of a hold record, in log order. -ENOMEM; what makes no sense ends it. */
int locktable_apply(struct locktable *t, const uint8_t *payload, size_t bytes) MUST_CHECK;
/* NULL: no such lock stands. */
const struct record_lock *locktable_find(const struct locktable *t, uint64_t number);
int locktable_add(struct locktable *t, const struct record_lock *l, bool fresh) MUST_CHECK;
void locktable_remove(struct locktable *t, uint64_t number);
/* Bytes of a payload with everything that stands, the reset before it included; 0: there never was
 * a lock. */
size_t locktable_bytes(const struct locktable *t);
/* Writes it; `out` has room for it. */
void locktable_encode(const struct locktable *t, uint8_t *out);

#endif
