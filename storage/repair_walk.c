/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers what a segment's seal should say from chunks of which some may be damaged. */
#include <errno.h>

#include "capture/core/cleanup.h"
#include "storage/repair_impl.h"

static int add_record(const struct format_record *rec, const uint8_t *payload, struct seal *seal,
		      struct format_clock *last)
{
	int err = seal_reserve(seal, format_record_bytes(rec), rec->payload_bytes, 1);

	if (err)
		return err;
	if (rec->kind == RECORD_CLOCK)
		*last = (struct format_clock){
			.mono_ns = rec->mono_ns,
			.utc_ns = rec->clock_sample.utc_ns,
			.error_us = rec->clock_sample.error_us,
			.synchronised = rec->clock_sample.synchronised,
		};
	seal_add(seal, rec, payload);
	return 0;
}

/* `b`: the whole chunk. -EBADMSG: its headers do not hold. A payload that does not is the readers'
 * to pass over: the record was there. But a name that is damaged is no name. */
static int add_chunk(const struct format_chunk *c, const uint8_t *b, struct seal *seal,
		     struct format_clock *last)
{
	uint32_t hi = c->bytes - DISK_CHUNK_TRAILER - c->heads_bytes;
	size_t left = c->heads_bytes, used;
	const uint8_t *head = b + hi;
	uint32_t lo = c->start;
	int err = format_chunk_check(c, head);

	if (!err)
		err = seal_reserve(seal, 0, 0, 0);
	if (err)
		return err;
	seal_chunk(seal, c->start);
	for (uint32_t i = 0; i < c->records; i++, head += used, left -= used) {
		struct format_record rec;

		err = format_record_decode(head, left, lo, c->start + hi, &rec, &used);
		if (err)
			return err;
		const uint8_t *payload = b + (rec.payload_offset - c->start);

		lo = rec.payload_offset + DISK_RECORD_ALIGN;
		if (rec.kind == RECORD_CAMERA &&
		    format_crc32c(0, payload, rec.payload_bytes) != rec.payload_crc)
			continue;
		err = add_record(&rec, payload, seal, last);
		if (err)
			return err;
	}
	return 0;
}

int repair_walk(struct repair *p, const struct format_segment *h, uint32_t end, struct seal *seal,
		struct format_clock *last)
{
	struct reader_scan *s = reader_scan_new(p->r, h->index, h, end);
	struct reader_window window = {0};
	int err = s ? 0 : -ENOMEM;

	while (!err && s->end < end) {
		CLEANUP_FREE uint8_t *mem = NULL;
		struct format_chunk c;
		const uint8_t *b;
		int got = reader_scan_find(p->r, s, &window, end, true, &c);

		if (!got)
			break;
		if (got > 0)
			got = reader_read(p->r, h->index, c.start, c.bytes, &mem, &b);
		if (!got)
			got = add_chunk(&c, b, seal, last);
		if (!got) {
			s->end = c.start + c.bytes;
			continue;
		}
		if (got != -EIO && got != -EBADMSG)
			err = got;
		/* A unit further on another chunk may begin. */
		s->end += format_unit(&p->r->super);
		window = (struct reader_window){0};
	}
	reader_scan_unref(s);
	return err;
}
