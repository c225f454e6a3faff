/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads everything in the store through, in the background while it is written, finds what has
 * gone bad, and with parity puts it right. A thread of its own reads, at idle I/O priority and at
 * most at the rate that is set. It looks at sealed segments only, and while it writes to one, that
 * one is not given up. What it did goes to the log book as notes.
 *
 * Threads: the reactor's, but scrub_stats: any.
 */
#ifndef STORAGE_SCRUB_H
#define STORAGE_SCRUB_H

#include "storage/store.h"

struct scrub_stats {
	bool running;
	uint64_t done, total;    /* bytes of segments */
	uint64_t segments;       /* read through, by this pass or the last */
	uint64_t found;          /* damaged places found */
	uint64_t repaired;       /* blocks of 4096 bytes written anew */
	uint64_t unrepaired;     /* places that are damaged still */
	int64_t finished_ns;     /* UTC, when the last one came to its end; 0: none since open */
	char failed[ERRMSG_MAX]; /* why the last one did not, "" when it did or was stopped */
};

/* Begins a pass. Errors with message: -EBUSY (one is under way), -EIO (the store has failed),
 * -ENOMEM. */
int scrub_start(struct store *s, struct errmsg *em) MUST_CHECK;
/* Ends it soon; nothing happens when there is none. */
void scrub_stop(struct store *s);
void scrub_stats(const struct store *s, struct scrub_stats *out);
/* Bytes read a second of all volumes together, 0: no limit. */
void scrub_set_rate(struct store *s, uint64_t bytes_per_s);

/* For store.c: ends before the store does. */
void scrub_end(struct store *s);

#endif
