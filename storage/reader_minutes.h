/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the minute maps of a store: which cells moved in which minute, without opening the segments
 * that hold the motion records themselves.
 *
 *	reader_minutes_open(&m, reader, &query, &em);
 *	while (reader_minutes_next(m, &minute) > 0)
 *		if (it is of interest)
 *			reader_minutes_want(m);
 *	reader_cursor_open(&c, reader, &query, &em);
 *	reader_cursor_narrow(c, m);
 *	while (reader_cursor_next(c, &rec) > 0)
 *		motion records of wanted minutes, others beside them, and all that no map covers
 *
 * A minute map never hides motion: it says too much (a minute whose records are gone, or lie
 * outside the times asked for) rather than too little, and where one is missing or damaged, its
 * segments are not covered and the cursor reads them all. What is shown has passed its checksums.
 *
 * Threads: as the reader's.
 */
#ifndef STORAGE_READER_MINUTES_H
#define STORAGE_READER_MINUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "storage/reader.h"

struct reader_minutes;

/* One camera's minute. A minute may come in several parts, from records written one after another.
 */
struct reader_minute {
	uint32_t camera_id, boot;
	int64_t minute;                    /* reader_minute_of its frames */
	int64_t first_utc_ns, last_utc_ns; /* of its frames, as records are dated; 0: unknown */
	enum record_clock clock;
	uint32_t frames; /* motion records put together */
	uint16_t cols, rows, cell_px;
	uint16_t moved, level; /* most in one frame */
	uint32_t zones;
	/* Bytes [skipped, skipped + bit_bytes) of the bitmap (as in a motion record) of cells that
	 * moved in any frame; all others are zero. Valid until the next call. */
	uint32_t skipped, bit_bytes;
	const uint8_t *bits;
};

/* `q`: kinds are not looked at. Errors with message: -ENOMEM, -EIO. */
int reader_minutes_open(struct reader_minutes **out, struct reader *r, const struct reader_query *q,
			struct errmsg *em) MUST_CHECK;
void reader_minutes_close(struct reader_minutes *m); /* NULL is fine */
/* 1: *out is the next minute of the query, by rising time for each camera but where two boots'
 * records lie mixed; 0: that was all; -errno. */
int reader_minutes_next(struct reader_minutes *m, struct reader_minute *out) MUST_CHECK;
/* The segments of the minute last returned are to be read. */
void reader_minutes_want(struct reader_minutes *m);

/* The minute a moment of the monotonic clock belongs to. */
int64_t reader_minute_of(int64_t mono_ns);

struct reader_minutes_cost {
	uint64_t bytes;    /* read of minute maps */
	uint64_t minutes;  /* examined */
	uint64_t covered;  /* segments that the maps cover, */
	uint64_t wanted;   /* and of these, to be read all the same */
	uint64_t segments; /* with records in the time asked for */
	uint64_t damaged;  /* maps that cannot be read: their segments are not covered */
};
void reader_minutes_cost(const struct reader_minutes *m, struct reader_minutes_cost *out);
/* Whether the cursor may pass over the segment of this sequence. For reader_cursor.c. */
bool reader_minutes_skips(const struct reader_minutes *m, uint64_t sequence);

#endif
