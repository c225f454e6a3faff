/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/reader_minutes.h"
#include "storage/reader_view.h"

/* Payloads that follow one another this closely are read ahead in one go. */
#define AHEAD_GAP   (64u << 10)
#define AHEAD_BYTES (512u << 10)

struct reader_cursor {
	struct reader *r;
	struct reader_query q;
	struct reader_view view;
	const struct reader_minutes *minutes; /* NULL: no segment is passed over */
	uint64_t sequence; /* of the segment to look for next: the first at least this */
	uint64_t seen;     /* position of the last record examined: none before it is shown again */
	const uint8_t *along; /* payload of the last record, when it came with its header */
	struct format_record last;

	uint8_t *buf; /* bytes of the view's segment, [start, end) */
	size_t room;
	uint32_t start, end;

	struct reader_findings damage, lost_segments;
	uint64_t stale;
	struct reader_cost cost;
};

int reader_cursor_open(struct reader_cursor **out, struct reader *r, const struct reader_query *q,
		       struct errmsg *em)
{
	struct reader_cursor *c;

	if (!(q->kinds & RECORD_MASK_ALL) || q->from_utc_ns > q->to_utc_ns)
		return errmsg_set(em, -EINVAL, "%s",
				  q->kinds & RECORD_MASK_ALL ? "the time span ends before it begins"
							     : "no kind of record is asked for");
	c = calloc(1, sizeof(*c));
	if (!c)
		return errmsg_set(em, -ENOMEM, "no memory to search %s", r->dir);
	c->r = r;
	c->q = *q;
	c->q.kinds &= RECORD_MASK_ALL;
	*out = c;
	return 0;
}

void reader_cursor_close(struct reader_cursor *c)
{
	if (!c)
		return;
	reader_view_close(&c->view);
	free(c->buf);
	free(c);
}

void reader_cursor_narrow(struct reader_cursor *c, const struct reader_minutes *m)
{
	c->minutes = m;
}

static bool wants_all_times(const struct reader_query *q)
{
	return q->from_utc_ns <= 0 && q->to_utc_ns == INT64_MAX;
}

static bool wants_time_of(const struct reader_cursor *c, const struct reader_segment *s)
{
	int64_t from, to;

	if (wants_all_times(&c->q))
		return true;
	return reader_clock_range(c->r, s, &from, &to) && to >= c->q.from_utc_ns &&
	       from < c->q.to_utc_ns;
}

static void drop_view(struct reader_cursor *c, uint64_t next_sequence)
{
	reader_view_close(&c->view);
	c->start = c->end = 0;
	c->sequence = next_sequence;
}

/* 1: the view is on a segment; 0: there is none behind; -errno. */
static int open_next(struct reader_cursor *c)
{
	struct reader *r = c->r;

	for (;;) {
		size_t i = reader_index_find(r, c->sequence);

		if (i >= r->used)
			return 0;
		uint32_t index = r->order[i];
		const struct reader_segment *s = &r->segment[index];

		c->sequence = s->sequence;
		bool growing = index == r->head && r->scan;

		if (!growing && (!wants_time_of(c, s) ||
				 (c->minutes && reader_minutes_skips(c->minutes, s->sequence)))) {
			c->sequence++;
			continue;
		}
		int err = reader_view_open(&c->view, r, index, &c->q, &c->lost_segments);

		if (err > 0)
			return 1;
		if (err == -ESTALE)
			c->stale++;
		else if (err == -EBADMSG || err == -EIO)
			reader_finding(&c->lost_segments,
				       "segment %" PRIu32 " (sequence %" PRIu64 "): %s", index,
				       c->sequence,
				       err == -EIO ? "the disk cannot read it" : "damaged");
		else if (err < 0)
			return err;
		c->sequence++;
	}
}

static void show(const struct reader_cursor *c, const struct format_record *rec, struct record *out)
{
	const struct reader_view *v = &c->view;

	format_record_show(rec, out);
	out->position = format_position(&c->r->super, v->sequence, rec->payload_offset);
	out->boot = v->boot;
	out->payload = NULL;
	if (rec->kind == RECORD_CLOCK) { /* is its own sample */
		out->utc_ns = rec->clock_sample.utc_ns;
		out->clock =
			rec->clock_sample.synchronised ? RECORD_CLOCK_SYNCED : RECORD_CLOCK_FREE;
		return;
	}
	reader_clock_apply(c->r, v->scan ? &v->scan->first_clock : &v->first,
			   v->scan ? &v->scan->last_clock : &v->last, out);
}

static bool wants_record(const struct reader_cursor *c, const struct format_record *rec,
			 struct record *out)
{
	const struct reader_query *q = &c->q;

	if (rec->kind >= 32 || !(q->kinds & RECORD_MASK(rec->kind)) ||
	    (q->camera_id != RECORD_ANY_CAMERA && q->camera_id != rec->camera_id))
		return false;
	show(c, rec, out);
	if (wants_all_times(q))
		return true;
	return out->clock != RECORD_CLOCK_UNKNOWN && out->utc_ns >= q->from_utc_ns &&
	       out->utc_ns < q->to_utc_ns;
}

static int next_record(struct reader_cursor *c, struct record *out)
{
	for (;;) {
		struct format_record rec;
		struct record shown;
		int got;

		if (!c->view.open) {
			got = open_next(c);
			if (got <= 0)
				return got;
		}
		got = reader_view_next(&c->view, &rec, &c->along, &c->damage);
		if (got == 0) {
			const struct reader_scan *s = c->view.scan;

			if (s && !s->complete)
				return 0;
			/* A scan left before its end: the rest is found through the table. */
			drop_view(c, c->view.sequence + (s && s->abandoned ? 0 : 1));
			continue;
		}
		if (got < 0) {
			reader_finding(&c->damage,
				       "segment %" PRIu32 " (sequence %" PRIu64 "): damaged",
				       c->view.index, c->view.sequence);
			drop_view(c, c->view.sequence + 1);
			continue;
		}
		uint64_t position =
			format_position(&c->r->super, c->view.sequence, rec.payload_offset);

		if (position <= c->seen)
			continue;
		c->seen = position;
		c->cost.records_seen++;
		if (!wants_record(c, &rec, &shown))
			continue;
		c->last = rec;
		*out = shown;
		return 1;
	}
}

int reader_cursor_next(struct reader_cursor *c, struct record *out)
{
	uint64_t before = c->r->index_bytes;
	int got = next_record(c, out);

	c->cost.index_bytes += c->r->index_bytes - before;
	return got;
}

/* Puts [offset, offset + len) of the view's segment into the buffer, and some more when reading
 * goes on where it was. */
static int check_payload(void *ctx, const void *buf)
{
	const struct reader_cursor *c = ctx;
	const uint8_t *p = (const uint8_t *)buf + (c->last.payload_offset & (DISK_BLOCK - 1));

	return format_crc32c(0, p, c->last.payload_bytes) == c->last.payload_crc ? 0 : -EBADMSG;
}

static int fill_buffer(struct reader_cursor *c, uint32_t offset, uint32_t len, bool ahead)
{
	const struct reader_view *v = &c->view;
	uint32_t limit = v->scan ? v->scan->end : v->end;
	uint32_t from = offset & ~(DISK_BLOCK - 1);
	bool near = ahead && c->end && offset + AHEAD_GAP >= c->end && offset < c->end + AHEAD_GAP;
	uint64_t to = ALIGN_UP((uint64_t)offset + len, (uint64_t)DISK_BLOCK);

	if (near && to < (uint64_t)from + AHEAD_BYTES)
		to = (uint64_t)from + AHEAD_BYTES < limit ? (uint64_t)from + AHEAD_BYTES
		     : to > limit                         ? to
							  : limit;
	if (to > c->r->super.segment_bytes)
		return -EBADMSG;
	size_t n = (size_t)(to - from);

	c->start = c->end = 0;
	if (n > c->room) {
		free(c->buf);
		c->room = 0;
		c->buf = reader_alloc(n);
		if (!c->buf)
			return -ENOMEM;
		c->room = n;
	}
	uint64_t at = format_segment_offset(&c->r->super, v->index) + from;
	int err = ahead ? c->r->io->ops->read(c->r->io, c->buf, n, at)
			: storage_read_checked(c->r->io, c->buf, n, at, check_payload, c);

	if (err)
		return err;
	c->cost.payload_bytes += n;
	c->start = from;
	c->end = (uint32_t)to;
	return 0;
}

/* The payload, read and compared with its checksum. */
static int fetch(struct reader_cursor *c, bool ahead, const uint8_t **out)
{
	const struct format_record *rec = &c->last;

	if (rec->payload_offset < c->start || rec->payload_offset > c->end ||
	    rec->payload_bytes > c->end - rec->payload_offset || !ahead) {
		int err = fill_buffer(c, rec->payload_offset, rec->payload_bytes, ahead);

		if (err)
			return err;
	}
	*out = c->buf + (rec->payload_offset - c->start);
	return format_crc32c(0, *out, rec->payload_bytes) == rec->payload_crc ? 0 : -EBADMSG;
}

int reader_cursor_load(struct reader_cursor *c, struct record *rec)
{
	const struct reader_view *v = &c->view;
	const uint8_t *payload = c->along;
	int err = 0;

	if (!v->open)
		return -EINVAL;
	if (!c->last.payload_bytes) {
		rec->payload = (const uint8_t *)"";
		return 0;
	}
	if (payload && format_crc32c(0, payload, c->last.payload_bytes) == c->last.payload_crc) {
		rec->payload = payload;
		return 0;
	}
	err = fetch(c, true, &payload);
	/* What was read ahead may have been on its way to the disk then. */
	if (err == -EBADMSG || err == -EIO)
		err = fetch(c, false, &payload);
	if (!err) {
		rec->payload = payload;
		return 0;
	}
	if (err != -EBADMSG && err != -EIO)
		return err;
	if (reader_index_stale(c->r, v->index, v->sequence, v->nonce)) {
		c->stale++;
		return -ESTALE;
	}
	reader_finding(&c->damage,
		       "segment %" PRIu32 " (sequence %" PRIu64 "), offset %" PRIu32 ": %s",
		       v->index, v->sequence, c->last.payload_offset,
		       err == -EIO ? "the disk cannot read the payload"
				   : "the payload does not match its checksum");
	return -EBADMSG;
}

void reader_cursor_damage(const struct reader_cursor *c, struct reader_damage *out)
{
	const struct reader_findings *first = c->damage.count          ? &c->damage
					      : c->lost_segments.count ? &c->lost_segments
								       : &c->r->damage;

	*out = (struct reader_damage){
		.records = c->damage.count,
		.segments = c->lost_segments.count + c->r->damage.count,
		.stale = c->stale,
	};
	snprintf(out->first, sizeof(out->first), "%s", first->first);
}

void reader_cursor_cost(const struct reader_cursor *c, struct reader_cost *out)
{
	*out = c->cost;
}
