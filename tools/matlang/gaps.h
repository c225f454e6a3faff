/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is missing from a stretch of recording, and why: from the loss ledger in the store, and
 * from the frames' own times where the ledger has no word (the box was off). */
#ifndef MATLANG_GAPS_H
#define MATLANG_GAPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "capture/core/compiler.h"
#include "capture/core/loss.h"
#include "storage/reader.h"

/* A cause beside those of the ledger: nothing was recorded and the ledger does not say why. */
#define GAP_NOT_RECORDED LOSS_NONE

struct gap {
	uint32_t camera_id;
	enum loss_cause cause;
	int64_t from_ns, to_ns; /* UTC: from the last good frame to the first good one */
	uint64_t frames;        /* missing; 0 with GAP_NOT_RECORDED */
	bool estimated;         /* counted from the nominal rate */
	enum record_clock clock;
};

struct gaps {
	struct gap *item;
	size_t count, room;
	struct reader_damage damage; /* met by gaps_read: entries may be missing */
};

void gaps_free(struct gaps *g);
int gaps_add(struct gaps *g, const struct gap *gap) MUST_CHECK;
/* The ledger's entries that touch [from, to), of one camera or RECORD_ANY_CAMERA. Reads on to the
 * end of the store: an entry is written when the stretch is over. Errors with message. */
int gaps_read(struct gaps *g, struct reader *r, uint32_t camera_id, int64_t from_ns, int64_t to_ns,
	      struct errmsg *em) MUST_CHECK;
/* Orders by begin. */
void gaps_sort(struct gaps *g);
/* Frames missing, by the ledger. */
uint64_t gaps_frames(const struct gaps *g);

/*
 * Watches the times of consecutive frames and adds a gap where too much passed between two of them
 * and no entry of the ledger touches that stretch: more than `limit_ns`, or, where the camera's
 * numbering does not go on (the box was started anew), more than `restart_ns`. Call gaps_expect
 * with the begin that was asked for, then with every frame, then with the end.
 */
struct gap_watch {
	struct gaps *gaps;
	uint32_t camera_id;
	int64_t limit_ns, restart_ns, last_ns;
	bool begun;
	bool numbered; /* the caller's: whether next_sequence is known */
	uint32_t next_sequence;
};
int gaps_expect(struct gap_watch *w, int64_t utc_ns, bool goes_on,
		enum record_clock clock) MUST_CHECK;

/* "sequence-gap" ... or "not-recorded": stable words. */
const char *gaps_cause_name(enum loss_cause cause);
/* The cause in a person's words, translated. */
const char *gaps_cause_text(enum loss_cause cause);
/* {"from", "to", "seconds", "cause", "frames", "estimated", "clock"} */
json_t *gaps_json(const struct gap *gap);

#endif
