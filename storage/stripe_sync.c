/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocking writes and flushes: creation, recovery, repair. */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A piece; `mem`: n columns of STRIPE_PIECE blocks, by role. */
static int write_piece(struct stripe_set *s, const uint8_t *buf, unsigned stripes, uint64_t offset,
		       uint8_t *mem)
{
	const size_t column = (size_t)STRIPE_PIECE * DISK_BLOCK;
	uint8_t *col[DISK_VOLUMES_MAX];
	unsigned turn = stripe_turn(s, offset);

	for (unsigned r = 0; r < s->n; r++)
		col[r] = mem + r * column;
	for (unsigned i = 0; i < stripes; i++)
		for (unsigned r = 0; r < s->k; r++)
			memcpy(col[r] + (size_t)i * DISK_BLOCK,
			       buf + ((size_t)i * s->k + r) * DISK_BLOCK, DISK_BLOCK);
	stripe_code_parity(s, (size_t)stripes * DISK_BLOCK, col, col + s->k);
	uint64_t place = stripe_place(s, stripe_block(offset));

	stripe_rebuild_touch(s, place, place + (uint64_t)stripes * DISK_BLOCK);
	for (unsigned r = 0; r < s->n; r++) {
		unsigned v = stripe_holder(s, turn, r);

		if (!stripe_takes(s, v))
			continue;
		int err = s->volume[v].io->ops->write_sync(s->volume[v].io, col[r],
							   (size_t)stripes * DISK_BLOCK, place);

		if (err)
			err = stripe_lost(s, v, err, "write");
		if (err)
			return err;
	}
	return 0;
}

int stripe_write_sync(struct storage_io *io, const void *buf, size_t len, uint64_t offset)
{
	struct stripe_set *s = stripe_of(io);
	const size_t unit = (size_t)s->k * DISK_BLOCK;
	const uint8_t *p = buf;
	int err = 0;

	if (offset < DISK_AREAS_START || (offset - DISK_AREAS_START) % unit || len % unit)
		return -EINVAL;
	uint8_t *mem = stripe_alloc((size_t)s->n * STRIPE_PIECE * DISK_BLOCK);

	if (!mem)
		return -ENOMEM;
	while (len && !err) {
		uint64_t room = stripe_turn_end(s, offset) - offset;
		size_t n = len < STRIPE_PIECE * unit ? len : STRIPE_PIECE * unit;

		if (n > room)
			n = (size_t)room;
		err = write_piece(s, p, (unsigned)(n / unit), offset, mem);
		p += n;
		len -= n;
		offset += n;
	}
	free(mem);
	return err;
}

static int flush_all(struct stripe_set *s)
{
	for (unsigned v = 0; v < s->n; v++) {
		if (!stripe_takes(s, v))
			continue;
		int err = s->volume[v].io->ops->flush_sync(s->volume[v].io);

		if (err)
			err = stripe_lost(s, v, err, "flush");
		if (err)
			return err;
	}
	return 0;
}

static int write_member(struct stripe_set *s, uint8_t *block)
{
	uint64_t at;

	stripe_member_next(s, block, &at);
	for (unsigned v = 0; v < s->n; v++) {
		if (!stripe_takes(s, v))
			continue;
		int err = s->volume[v].io->ops->write_sync(s->volume[v].io, block, DISK_BLOCK, at);

		if (err)
			err = stripe_lost(s, v, err, "write");
		if (err)
			return err;
	}
	int err = flush_all(s);

	if (!err)
		stripe_member_written(s);
	return err;
}

int stripe_flush_sync(struct storage_io *io)
{
	struct stripe_set *s = stripe_of(io);
	stripe_rebuild_flushing(s);
	int err = flush_all(s);

	if (!err)
		stripe_rebuild_flushed(s);
	if (err || !stripe_dirty(s))
		return err;
	uint8_t *block = stripe_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	while (!err && stripe_dirty(s))
		err = write_member(s, block);
	free(block);
	return err;
}
