/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the scrub:
 *
 *   scrub.c       beside the writer: thread, holds, what is told
 *   scrub_pass.c  once through the store
 *   scrub_mend.c  one damaged segment
 */
#ifndef STORAGE_SCRUB_IMPL_H
#define STORAGE_SCRUB_IMPL_H

#include "storage/paced.h"
#include "storage/verify_impl.h"

struct scrub_counts {
	uint64_t segments;   /* read */
	uint64_t found;      /* places that are damaged */
	uint64_t repaired;   /* blocks written anew */
	uint64_t unrepaired; /* places that still are */
};

/* Once through the store, on any one thread. */
struct scrub_pass {
	const char *dirs;
	struct paced *pace;
	/* The segment with this sequence is not given up until `release`. -ESTALE: it is already;
	 * other errors: not now. */
	int (*hold)(void *ctx, uint32_t index, uint64_t sequence);
	void (*release)(void *ctx);
	/* A damaged segment was dealt with: one line. */
	void (*tell)(void *ctx, const char *line);
	void (*progress)(void *ctx, uint64_t done, uint64_t total, const struct scrub_counts *c);
	void *ctx;
	struct scrub_counts counts;
};

/* 0: all was read, see `counts`; -ECANCELED: stopped; -errno with message. */
int scrub_run(struct scrub_pass *p, struct errmsg *em) MUST_CHECK;

/*
 * Puts what parity can tell right in a segment that nobody gives up meanwhile; adds blocks written
 * to mended[volume]. `pace`: its back end writes. 0, whether or not all of it is right now, or
 * -errno.
 */
int scrub_mend(struct reader *r, uint32_t index, const struct paced *pace,
	       uint64_t *mended) MUST_CHECK;

#endif
