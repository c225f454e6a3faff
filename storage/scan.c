/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/store_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/core/cleanup.h"

#define WINDOW (1u << 20) /* or a little more: whole units */

struct scan {
	struct storage_io *io;
	const struct format_super *super;
	const struct format_segment *head;
	uint32_t limit;
	uint32_t unit;
	uint8_t *window; /* from window_at on */
	uint32_t window_bytes;
	uint32_t window_at, window_end;
	uint8_t *chunk;
	size_t chunk_size;
	unsigned attempt; /* 0: as the volumes say; else read_again's plus one */
};

/* With parity, how far to look for a trailer as though its volume lied. Chunks are smaller, but for
 * the largest raw pictures. */
#define AGAIN_REACH (16u << 20)

static int read_at(struct scan *sc, void *buf, uint32_t bytes, uint32_t offset)
{
	uint64_t at = format_segment_offset(sc->super, sc->head->index) + offset;

	return sc->attempt ? sc->io->ops->read_again(sc->io, buf, bytes, at, sc->attempt - 1)
			   : sc->io->ops->read(sc->io, buf, bytes, at);
}

/* The unit at `offset`; NULL: the disk does not give it. */
static const uint8_t *block_at(struct scan *sc, uint32_t offset)
{
	if (offset < sc->window_at || offset >= sc->window_end) {
		uint32_t n = sc->limit - offset < sc->window_bytes ? sc->limit - offset
								   : sc->window_bytes;

		sc->window_at = sc->window_end = 0;
		if (read_at(sc, sc->window, n, offset)) {
			/* One bad block must not hide its neighbours. */
			n = sc->unit;
			if (read_at(sc, sc->window, n, offset))
				return NULL;
		}
		sc->window_at = offset;
		sc->window_end = offset + n;
	}
	return sc->window + (offset - sc->window_at);
}

static int find_below(struct scan *sc, uint32_t start, uint32_t limit, struct format_chunk *c)
{
	for (uint32_t at = start; at < limit; at += sc->unit) {
		const uint8_t *b = block_at(sc, at);

		if (!b)
			continue;
		if (!format_chunk_decode(b + sc->unit - DISK_CHUNK_TRAILER, sc->super, sc->head,
					 at + sc->unit, c) &&
		    c->start == start)
			return 0;
	}
	return -EBADMSG;
}

/* The chunk that begins at `start`: 0 and *c, or -EBADMSG when there is none. */
static int find_chunk(struct scan *sc, uint32_t start, struct format_chunk *c)
{
	uint32_t reach = sc->limit - start < AGAIN_REACH ? sc->limit - start : AGAIN_REACH;
	uint32_t limit = start + reach / sc->unit * sc->unit;
	int err = find_below(sc, start, sc->limit, c);

	if (!err || !sc->io->ops->read_again)
		return err;
	uint8_t *probe = volume_alloc(sc->unit);

	if (!probe)
		return -ENOMEM;
	for (sc->attempt = 1; err; sc->attempt++) {
		sc->window_at = sc->window_end = 0;
		if (read_at(sc, probe, sc->unit, start) == -ENOENT)
			break;
		err = find_below(sc, start, limit, c);
	}
	free(probe);
	sc->attempt = 0;
	sc->window_at = sc->window_end = 0;
	return err;
}

struct whole {
	const struct format_chunk *c;
};

static int check_whole(void *ctx, const void *chunk)
{
	return format_chunk_whole(((struct whole *)ctx)->c, chunk);
}

static int load_chunk(struct scan *sc, const struct format_chunk *c)
{
	if (sc->chunk_size < c->bytes) {
		free(sc->chunk);
		sc->chunk = volume_alloc(c->bytes);
		sc->chunk_size = sc->chunk ? c->bytes : 0;
		if (!sc->chunk)
			return -ENOMEM;
	}
	struct whole w = {c};

	/* Whole before any of it counts. */
	return storage_read_checked(sc->io, sc->chunk, c->bytes,
				    format_segment_offset(sc->super, sc->head->index) + c->start,
				    check_whole, &w);
}

/* All records, handed out. */
static int each_record(struct scan *sc, const struct format_chunk *c,
		       int (*record)(void *ctx, const struct format_record *rec,
				     const uint8_t *head, const uint8_t *payload),
		       void *ctx)
{
	uint32_t heads_at = c->bytes - DISK_CHUNK_TRAILER - c->heads_bytes;
	uint32_t lo = c->start, at = heads_at;

	for (uint32_t i = 0; i < c->records; i++) {
		struct format_record rec;
		size_t used;

		if (format_record_decode(sc->chunk + at, heads_at + c->heads_bytes - at, lo,
					 c->start + heads_at, &rec, &used))
			return -EBADMSG;
		const uint8_t *payload = sc->chunk + (rec.payload_offset - c->start);

		int err = record(ctx, &rec, sc->chunk + at, payload);

		if (err)
			return err;
		at += (uint32_t)used;
		lo = rec.payload_offset + DISK_RECORD_ALIGN;
	}
	return at == heads_at + c->heads_bytes ? 0 : -EBADMSG;
}

int scan_segment(struct storage_io *io, const struct format_super *super,
		 const struct format_segment *h, uint32_t limit,
		 int (*record)(void *ctx, const struct format_record *rec, const uint8_t *head,
			       const uint8_t *payload),
		 int (*chunk)(void *ctx, const struct format_chunk *c, const uint8_t *bytes),
		 void *ctx, uint32_t *end)
{
	struct scan sc = {.io = io,
			  .super = super,
			  .head = h,
			  .limit = limit,
			  .unit = format_unit(super),
			  .window_bytes = (uint32_t)format_unit_up(super, WINDOW)};
	CLEANUP_FREE uint8_t *window = volume_alloc(sc.window_bytes);
	struct format_chunk c;
	uint32_t at = sc.unit;
	int err = 0;

	if (!window)
		return -ENOMEM;
	sc.window = window;
	while (at < limit) {
		err = find_chunk(&sc, at, &c);
		if (!err)
			err = load_chunk(&sc, &c);
		if (err) {
			if (err != -ENOMEM)
				err = 0;
			break;
		}
		err = chunk(ctx, &c, sc.chunk);
		if (!err)
			err = each_record(&sc, &c, record, ctx);
		if (err)
			break;
		at = c.start + c.bytes;
	}
	free(sc.chunk);
	if (err)
		return err;
	*end = at;
	return 0;
}
