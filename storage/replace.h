/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filling a volume of a store with parity anew, onto another disk or its own, while the store is
 * written: `matlang store rebuild` and `replace`. A thread of its own copies, at idle I/O priority
 * and at most at the rate that is set; what must not race with writing is done on the reactor's
 * thread. A rebuild that a crash or a restart cut off goes on when the store is opened again.
 *
 * Threads: the reactor's, but replace_stats: any.
 */
#ifndef STORAGE_REPLACE_H
#define STORAGE_REPLACE_H

#include "storage/store.h"

struct replace_stats {
	bool running;
	unsigned volume;
	uint64_t done, total; /* bytes of the volume */
	char dir[256];
	char failed[ERRMSG_MAX]; /* why the last one ended, "" when it did well */
};

/*
 * Begins; the rest happens on its own. `old`: directory of the volume to be replaced, which is left
 * out at once; NULL: the one that is missing. `dir`: a new directory, or the volume's own.
 * Errors with message: -EINVAL (no parity, none missing, no such directory), -EBUSY (one is under
 * way), -ENODEV (too few volumes would be left), -ENOMEM. What the disk says later is in
 * replace_stats.
 */
int replace_start(struct store *s, const char *old, const char *dir, struct errmsg *em) MUST_CHECK;
void replace_stats(const struct store *s, struct replace_stats *out);
/* Bytes a second, 0: no limit. */
void replace_set_rate(struct store *s, uint64_t bytes_per_s);
/* Where the store is now, as for store_open. */
const char *store_dirs(const struct store *s);

/* For store.c: goes on with what was cut off; ends before the store does. */
int replace_resume(struct store *s, struct errmsg *em) MUST_CHECK;
void replace_stop(struct store *s);

#endif
