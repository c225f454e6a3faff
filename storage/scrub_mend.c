/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A damaged segment, piece by piece: header, chunks, seal. Each has checksums for all of its bytes,
 * and whole stripes of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/scrub_impl.h"
#include "storage/stripe.h"
#include "storage/volume.h"

struct mender {
	struct reader *r;
	const struct paced *pace;
	uint32_t index;
	struct format_segment head; /* sequence, nonce and index count */
	uint64_t *mended;
	struct storage_io *volume[DISK_VOLUMES_MAX]; /* opened for writing */
	/* The piece that is looked at. */
	uint32_t start, bytes;
	struct format_chunk chunk;
};

static bool all_zero(const uint8_t *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

/* --- what is right -------------------------------------------------------------------------- */

static int check_header(void *ctx, const void *buf)
{
	const struct mender *m = ctx;
	struct format_segment h;
	int err = format_segment_decode(buf, &m->r->super, m->index, &h);

	if (err)
		return -EBADMSG;
	return h.sequence == m->head.sequence && h.nonce == m->head.nonce &&
			       all_zero((const uint8_t *)buf + DISK_BLOCK, m->bytes - DISK_BLOCK)
		       ? 0
		       : -EBADMSG;
}

static int check_trailer(void *ctx, const void *buf)
{
	struct mender *m = ctx;
	const uint32_t unit = format_unit(&m->r->super);
	struct format_chunk c;

	if (format_chunk_decode((const uint8_t *)buf + unit - DISK_CHUNK_TRAILER, &m->r->super,
				&m->head, m->start + unit, &c) ||
	    c.start != m->chunk.start)
		return -EBADMSG;
	m->chunk = c;
	return 0;
}

static int check_chunk(void *ctx, const void *buf)
{
	const struct mender *m = ctx;
	const uint8_t *p = buf;
	struct format_chunk c;

	/* Found by a trailer that may itself be wrong in what else it says. */
	if (format_chunk_decode(p + m->bytes - DISK_CHUNK_TRAILER, &m->r->super, &m->head,
				m->start + m->bytes, &c) ||
	    c.start != m->start)
		return -EBADMSG;
	return format_chunk_whole(&c, p) ? -EBADMSG : 0;
}

/* Record headers and trailer, then each payload by itself. */
static uint64_t score_chunk(void *ctx, const void *buf)
{
	const struct mender *m = ctx;
	const uint8_t *p = buf;
	uint64_t score = 1;
	struct format_chunk c;

	if (format_chunk_decode(p + m->bytes - DISK_CHUNK_TRAILER, &m->r->super, &m->head,
				m->start + m->bytes, &c) ||
	    c.start != m->start)
		return 0;
	uint32_t hi = c.bytes - DISK_CHUNK_TRAILER - c.heads_bytes;
	const uint8_t *head = p + hi;
	size_t left = c.heads_bytes, used;

	if (format_chunk_check(&c, head))
		return 0;
	for (uint32_t i = 0; i < c.records; i++, head += used, left -= used) {
		struct format_record rec;

		if (format_record_decode(head, left, c.start, c.start + hi, &rec, &used))
			return score;
		score += format_crc32c(0, p + (rec.payload_offset - c.start), rec.payload_bytes) ==
			 rec.payload_crc;
	}
	return score;
}

static int check_seal(void *ctx, const void *buf)
{
	const struct mender *m = ctx;
	const uint8_t *p = buf;
	uint32_t at = m->start, hi = m->start + m->bytes - DISK_BLOCK;
	struct format_seal f;

	if (format_seal_decode(p + m->bytes - DISK_BLOCK, &m->r->super, m->index, &f) ||
	    f.sequence != m->head.sequence || f.nonce != m->head.nonce || f.seal_start != m->start)
		return -EBADMSG;
	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		uint32_t offset = f.section[i].offset;

		if (!all_zero(p + (at - m->start), offset - at) ||
		    format_crc32c(0, p + (offset - m->start), f.section[i].bytes) !=
			    f.section[i].crc)
			return -EBADMSG;
		at = offset + f.section[i].bytes;
	}
	return all_zero(p + (at - m->start), hi - at) ? 0 : -EBADMSG;
}

/* --- writing -------------------------------------------------------------------------------- */

static int write_block(void *ctx, unsigned v, const void *block, uint64_t place)
{
	struct mender *m = ctx;

	if (!m->volume[v]) {
		CLEANUP_FREE struct stripe_status *st = calloc(1, sizeof(*st));
		char path[VOLUME_PATH_MAX];

		if (!st)
			return -ENOMEM;
		stripe_status(m->r->io, st);
		int err = volume_path(st->volume[v].dir, v, path);

		if (!err)
			err = m->pace->ops->open(m->pace->ctx, path, STORAGE_IO_WRITE, NULL,
						 &m->volume[v], NULL);
		if (err)
			return err;
	}
	return m->volume[v]->ops->write_sync(m->volume[v], block, DISK_BLOCK, place);
}

static int finish(struct mender *m)
{
	int err = 0;

	for (unsigned v = 0; v < DISK_VOLUMES_MAX; v++) {
		struct storage_io *io = m->volume[v];

		if (!io)
			continue;
		int got = io->ops->flush_sync(io);

		err = err ? err : got;
		io->ops->close(io);
	}
	return err;
}

/* --- pieces --------------------------------------------------------------------------------- */

/* 0: right, or nothing can be done about it. */
static int mend_piece(struct mender *m, uint32_t start, uint32_t bytes,
		      int (*check)(void *ctx, const void *buf))
{
	const struct stripe_mend_out out = {.write = write_block, .ctx = m};
	const struct stripe_mend_judge judge = {
		.check = check, .score = check == check_chunk ? score_chunk : NULL, .ctx = m};

	m->start = start;
	m->bytes = bytes;
	int err = stripe_mend(m->r->io, format_segment_offset(&m->r->super, m->index) + start,
			      bytes, &judge, &out, m->mended);

	return err == -EBADMSG || err == -EIO ? 0 : err;
}

/* The chunk that begins at `from`, whatever volume lies about its trailer. 1: m->chunk; 0: none. */
static int search_trailer(struct mender *m, uint32_t from, uint32_t stop)
{
	const uint32_t unit = format_unit(&m->r->super);
	CLEANUP_FREE uint8_t *buf = reader_alloc(unit);

	if (!buf)
		return -ENOMEM;
	m->chunk.start = from;
	for (m->start = from; m->start < stop; m->start += unit) {
		int err = storage_read_checked(
			m->r->io, buf, unit,
			format_segment_offset(&m->r->super, m->index) + m->start, check_trailer, m);

		if (!err)
			return 1;
		if (err != -EBADMSG && err != -EIO)
			return err;
	}
	return 0;
}

static int mend_chunks(struct mender *m, struct reader_scan *s, uint32_t end)
{
	struct reader_window w = {0};

	while (s->end < end) {
		struct format_chunk c;
		int got = reader_scan_find(m->r, s, &w, end, true, &c);
		uint32_t next = got > 0 ? c.start : end;

		if (got < 0 && got != -EIO)
			return got;
		if (next > s->end) {
			/* What is unreadable may hide it: everything is looked at. */
			got = search_trailer(m, s->end, next);
			if (got < 0)
				return got;
			c = m->chunk;
			w = (struct reader_window){0};
		}
		if (!got) {
			s->end = next;
			continue;
		}
		int err = mend_piece(m, c.start, c.bytes, check_chunk);

		if (err)
			return err;
		s->end = c.start + c.bytes;
	}
	return 0;
}

static int mend_seal(struct mender *m)
{
	struct format_seal f;
	int err = reader_seal(m->r, m->index, m->head.sequence, m->head.nonce, &f);

	if (err == -EBADMSG || err == -EIO || err == -EPROTO)
		return 0;
	return err ? err
		   : mend_piece(m, f.seal_start, m->r->super.segment_bytes - f.seal_start,
				check_seal);
}

int scrub_mend(struct reader *r, uint32_t index, const struct paced *pace, uint64_t *mended)
{
	const struct reader_segment *e = &r->segment[index];
	struct mender m = {.r = r, .pace = pace, .index = index, .mended = mended};

	m.head = (struct format_segment){.sequence = e->sequence,
					 .nonce = e->nonce,
					 .index = index,
					 .next = DISK_NO_SEGMENT,
					 .boot = e->boot};
	struct reader_scan *s = reader_scan_new(r, index, &m.head, e->end);

	if (!s)
		return -ENOMEM;
	int err = mend_piece(&m, 0, format_unit(&r->super), check_header);

	if (!err)
		err = mend_chunks(&m, s, e->end);
	if (!err)
		err = mend_seal(&m);
	reader_scan_unref(s);
	int flushed = finish(&m);

	return err ? err : flushed;
}
