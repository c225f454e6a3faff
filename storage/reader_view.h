/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One segment's records in log order: from its seal where it has one, otherwise from its chunks.
 * Private to the reader. All zero: closed.
 */
#ifndef STORAGE_READER_VIEW_H
#define STORAGE_READER_VIEW_H

#include "storage/reader_impl.h"

/* A section of the seal that is being walked. */
struct reader_part {
	const uint8_t *at;
	size_t left;    /* bytes */
	uint32_t count; /* records */
	bool payloads;  /* each header is followed by its payload */
	bool ready;     /* the next one is decoded already: */
	struct format_record rec;
	const uint8_t *payload;
};

struct reader_view {
	bool open;
	uint32_t index, boot, end;
	uint64_t sequence, nonce;
	struct format_clock first, last;

	struct reader_scan *scan; /* chunks; NULL: seal */
	size_t chunk;             /* the next record's place */
	uint32_t record;
	size_t at;

	uint8_t *mem;
	struct reader_part small, frames;
};

/*
 * Opens the segment at `index` of the table for what the query asks. 1: open; 0: nothing in it for
 * the query; -ESTALE: given up by the writer; -EBADMSG, -EIO: cannot be read at all; other errors
 * end the reading. Damage that leaves something to show is only noted in `damage`.
 */
int reader_view_open(struct reader_view *v, struct reader *r, uint32_t index,
		     const struct reader_query *q, struct reader_findings *damage) MUST_CHECK;
void reader_view_close(struct reader_view *v);
/* 1: the next record of the segment, wanted or not; *payload: its payload if it came along, or
 * NULL; 0: no more (now, when v->scan is not complete). */
int reader_view_next(struct reader_view *v, struct format_record *rec, const uint8_t **payload,
		     struct reader_findings *damage) MUST_CHECK;

#endif
