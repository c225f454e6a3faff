/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a segment that has no seal yet, front to back, by the trailers of its chunks. A trailer
 * stands at the end of its chunk, so it is found by looking at the end of every block; the random
 * nonce of the segment tells it from old contents and from pictures.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"

struct reader_scan *reader_scan_new(const struct reader *r, uint32_t index,
				    const struct format_segment *h, uint32_t durable)
{
	struct reader_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->index = index;
	s->header = *h;
	s->end = format_unit(&r->super);
	s->durable = durable;
	s->first_clock = h->clock;
	s->last_clock = h->clock;
	return s;
}

struct reader_scan *reader_scan_ref(struct reader_scan *s)
{
	s->refs++;
	return s;
}

void reader_scan_unref(struct reader_scan *s)
{
	if (!s || --s->refs)
		return;
	free(s->chunk);
	free(s->heads);
	free(s);
}

static int window_move(struct reader *r, const struct reader_scan *s, struct reader_window *w,
		       uint32_t offset)
{
	uint32_t n = r->super.segment_bytes - offset;

	if (n > r->window_bytes)
		n = r->window_bytes;
	w->start = w->end = 0;
	uint64_t at = format_segment_offset(&r->super, s->index) + offset;
	int err = w->attempt ? r->io->ops->read_again(r->io, r->window, n, at, w->attempt - 1)
			     : r->io->ops->read(r->io, r->window, n, at);

	if (err)
		return err;
	r->index_bytes += n;
	w->start = offset;
	w->end = offset + n;
	return 0;
}

const uint8_t *reader_window_at(const struct reader *r, const struct reader_window *w,
				uint32_t offset, uint32_t len)
{
	if (offset < w->start || offset > w->end || len > w->end - offset)
		return NULL;
	return r->window + (offset - w->start);
}

int reader_scan_find(struct reader *r, const struct reader_scan *s, struct reader_window *w,
		     uint32_t stop, bool skip, struct format_chunk *c)
{
	const uint32_t unit = format_unit(&r->super);

	for (uint32_t at = s->end; at < stop; at += unit) {
		const uint8_t *block = reader_window_at(r, w, at, unit);

		if (!block) {
			int err = window_move(r, s, w, at);

			if (err)
				return err;
			block = r->window;
		}
		if (format_chunk_decode(block + unit - DISK_CHUNK_TRAILER, &r->super, &s->header,
					at + unit, c))
			continue;
		if (c->start == s->end || (skip && c->start > s->end))
			return 1;
	}
	return 0;
}

/* The record headers and trailer of a chunk: in the window, or in memory of their own. */
static int load_tail(struct reader *r, const struct reader_scan *s, const struct reader_window *w,
		     const struct format_chunk *c, uint8_t **mem, const uint8_t **tail)
{
	uint32_t len = c->heads_bytes + DISK_CHUNK_TRAILER;
	uint32_t offset = c->start + c->bytes - len;

	*tail = reader_window_at(r, w, offset, len);
	return *tail ? 0 : reader_read(r, s->index, offset, len, mem, tail);
}

/* Whether the chunk is whole: with `payloads` all of it, otherwise (it was durable once) its record
 * headers. 0, -EBADMSG or another error. */
static int check_chunk(struct reader *r, const struct reader_scan *s, const struct reader_window *w,
		       const struct format_chunk *c, const uint8_t *heads, bool payloads)
{
	uint32_t hi = c->start + c->bytes - DISK_CHUNK_TRAILER - c->heads_bytes;
	size_t left = c->heads_bytes, used;
	struct format_record rec;

	if (payloads) {
		CLEANUP_FREE uint8_t *mem = NULL;
		const uint8_t *p = reader_window_at(r, w, c->start, c->bytes);
		int err = p ? 0 : reader_read(r, s->index, c->start, c->bytes, &mem, &p);

		return err ? err : format_chunk_whole(c, p);
	}
	for (uint32_t i = 0; i < c->records; i++, heads += used, left -= used) {
		int err = format_record_decode(heads, left, c->start, hi, &rec, &used);

		if (err)
			return err;
	}
	return left ? -EBADMSG : 0;
}

static void *grow(void *p, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 64;

	while (n < need)
		n *= 2;
	p = reallocarray(p, n, size);
	if (p)
		*room = n;
	return p;
}

/* Copies the headers of a chunk to the scan, not yet counted. */
static int keep_heads(struct reader_scan *s, const struct format_chunk *c, const uint8_t *heads)
{
	if (s->chunks == s->chunks_room) {
		void *p = grow(s->chunk, &s->chunks_room, s->chunks + 1, sizeof(*s->chunk));

		if (!p)
			return -ENOMEM;
		s->chunk = p;
	}
	if (s->heads_room - s->heads_bytes < c->heads_bytes) {
		void *p = grow(s->heads, &s->heads_room, s->heads_bytes + c->heads_bytes, 1);

		if (!p)
			return -ENOMEM;
		s->heads = p;
	}
	memcpy(s->heads + s->heads_bytes, heads, c->heads_bytes);
	s->chunk[s->chunks] = (struct reader_chunk){
		.start = c->start,
		.bytes = c->bytes,
		.heads_bytes = c->heads_bytes,
		.records = c->records,
		.heads_at = s->heads_bytes,
	};
	return 0;
}

static bool tells_about_store(const struct format_record *rec)
{
	return rec->kind == RECORD_CAMERA || rec->kind == RECORD_CLOCK ||
	       rec->kind == DISK_RECORD_LOCK || rec->kind == DISK_RECORD_HOLD;
}

/* What the records say about the segment and the store. */
static int learn(struct reader *r, struct reader_scan *s, const struct reader_chunk *c)
{
	const uint8_t *p = s->heads + c->heads_at;
	size_t left = c->heads_bytes, used;
	struct format_record rec;

	for (uint32_t i = 0; i < c->records; i++, p += used, left -= used) {
		int err = format_record_decode(p, left, c->start, c->start + c->bytes, &rec, &used);

		if (err)
			return err;
		if (!s->records || rec.mono_ns < s->first_mono_ns)
			s->first_mono_ns = rec.mono_ns;
		if (!s->records || rec.mono_ns > s->last_mono_ns)
			s->last_mono_ns = rec.mono_ns;
		s->records++;
		if (!tells_about_store(&rec))
			continue;
		CLEANUP_FREE uint8_t *mem = NULL;
		const uint8_t *payload = NULL;

		if (rec.payload_bytes)
			err = reader_read_crc(r, s->index, rec.payload_offset, rec.payload_bytes,
					      rec.payload_crc, &mem, &payload);
		if (!err)
			err = reader_index_learn(r, &s->header, &rec, payload);
		if (err)
			return err;
		if (rec.kind == RECORD_CLOCK) {
			s->last_clock = (struct format_clock){
				.mono_ns = rec.mono_ns,
				.utc_ns = rec.clock_sample.utc_ns,
				.error_us = rec.clock_sample.error_us,
				.synchronised = rec.clock_sample.synchronised,
			};
			if (!s->first_clock.mono_ns && !s->first_clock.utc_ns)
				s->first_clock = s->last_clock;
		}
	}
	return 0;
}

static int check_whole(void *ctx, const void *chunk)
{
	return format_chunk_whole(ctx, chunk);
}

/* The chunk as a whole, whatever one or the other volume says of it. */
static int keep_again(struct reader *r, struct reader_scan *s, struct format_chunk c)
{
	CLEANUP_FREE uint8_t *buf = reader_alloc(c.bytes);

	if (!buf)
		return -ENOMEM;
	int err = storage_read_checked(r->io, buf, c.bytes,
				       format_segment_offset(&r->super, s->index) + c.start,
				       check_whole, &c);

	r->index_bytes += c.bytes;
	return err ? err : keep_heads(s, &c, buf + c.bytes - DISK_CHUNK_TRAILER - c.heads_bytes);
}

/* 0: taken in; -EBADMSG: its checksums do not hold; another error. */
static int take_chunk(struct reader *r, struct reader_scan *s, struct reader_window *w,
		      const struct format_chunk *c)
{
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *tail;
	int err = load_tail(r, s, w, c, &mem, &tail);

	if (!err)
		err = format_chunk_check(c, tail);
	if (!err)
		err = keep_heads(s, c, tail);
	if (!err)
		err = check_chunk(r, s, w, c, s->heads + s->heads_bytes,
				  c->start + c->bytes > s->durable);
	if ((err == -EBADMSG || err == -EIO) && r->io->ops->read_again)
		err = keep_again(r, s, *c);
	if (!err)
		err = learn(r, s, &s->chunk[s->chunks]);
	if (err)
		return err;
	s->heads_bytes += c->heads_bytes;
	s->chunks++;
	if (c->bytes > s->largest)
		s->largest = c->bytes;
	return 0;
}

static void note_damage(struct reader_scan *s, uint32_t from, uint32_t to, const char *what)
{
	reader_finding(&s->damage,
		       "segment %" PRIu32 " (sequence %" PRIu64 "), offset %" PRIu32 " to %" PRIu32
		       ": %s",
		       s->index, s->header.sequence, from, to, what);
}

/* How far to look at the log's end, where there need not be anything. */
#define AGAIN_REACH (16u << 20)

/* Looks for the next chunk as though one volume or the other lied; else leaves *c and returns
 * `found`. At the log's end once only: what comes there later is seen without. */
static int find_again(struct reader *r, struct reader_scan *s, struct reader_window *w,
		      uint32_t stop, bool known, int before, struct format_chunk *c)
{
	struct format_chunk other;
	int found = 0;

	if (!known && s->searched == s->end)
		return before;
	if (!known && stop - s->end > AGAIN_REACH)
		stop = s->end + AGAIN_REACH;
	s->searched = s->end;
	for (w->attempt = 1; !found; w->attempt++) {
		w->start = w->end = 0;
		found = reader_scan_find(r, s, w, stop, false, &other);
		if (found < 0 && found != -ENOENT && found != -EIO)
			break;
		if (found == -ENOENT) {
			found = 0;
			break;
		}
		if (found < 0)
			found = 0;
	}
	w->attempt = 0;
	w->start = w->end = 0;
	if (found > 0)
		*c = other;
	return found ? found : before;
}

int reader_scan_more(struct reader *r, struct reader_scan *s, uint32_t limit, uint32_t reach,
		     bool closed)
{
	struct reader_window w = {0};
	struct format_chunk c;

	while (s->end < limit) {
		bool known = closed || s->end < s->durable;
		uint32_t stop = known || reach > limit - s->end ? limit : s->end + reach;
		int found = reader_scan_find(r, s, &w, stop, known, &c);

		if (r->io->ops->read_again && found >= 0 && (!found || c.start > s->end))
			found = find_again(r, s, &w, found > 0 ? c.start : stop, known, found, &c);
		if (found < 0)
			return found;
		if (!found) {
			if (!closed)
				return 0;
			note_damage(s, s->end, limit, "no whole chunk");
			s->end = limit;
			return 0;
		}
		if (c.start > s->end)
			note_damage(s, s->end, c.start, "no whole chunk");
		int err = take_chunk(r, s, &w, &c);

		if (err == -EBADMSG && !known)
			return 0; /* half of it is there: more may come */
		if (err && err != -EBADMSG)
			return err;
		if (err)
			note_damage(s, c.start, c.start + c.bytes, "checksum does not hold");
		s->end = c.start + c.bytes;
	}
	return 0;
}
