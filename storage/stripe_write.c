/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing: a piece is one vectored write to each volume, all under way at once. A write is done
 * when all volumes are; one that refuses is given up, as long as enough are left, and what was
 * written counts without it. Flushing: all volumes, and when one was given up since, the
 * membership that says so, before anything is called durable.
 */
#include "storage/stripe_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/core/monotime.h"

static void child_done(struct storage_io_op *op, int res);
static void write_begin(struct stripe_set *s, struct stripe_write *w, struct storage_io_op *op);

static size_t write_bytes(const struct stripe_set *s, size_t *iov_bytes)
{
	*iov_bytes = ALIGN_UP((size_t)s->n * STRIPE_PIECE * sizeof(struct iovec), 4096u);
	return *iov_bytes + (size_t)s->m * STRIPE_PIECE * DISK_BLOCK;
}

int stripe_write_init(struct stripe_set *s)
{
	size_t iov_bytes, bytes = write_bytes(s, &iov_bytes);

	list_init(&s->idle);
	list_init(&s->waiting);
	if (!s->writing)
		return 0;
	s->pool = calloc(STRIPE_POOL, sizeof(*s->pool));
	s->flush.block = stripe_alloc(DISK_BLOCK);
	if (!s->pool || !s->flush.block)
		return -ENOMEM;
	for (unsigned i = 0; i < STRIPE_POOL; i++) {
		struct stripe_write *w = &s->pool[i];
		uint8_t *mem = stripe_alloc(bytes);

		if (!mem)
			return -ENOMEM;
		w->iov = (struct iovec *)(void *)mem;
		w->parity = mem + iov_bytes;
		for (unsigned v = 0; v < s->n; v++)
			w->child[v] = (struct stripe_child){.set = s, .write = w, .volume = v};
		list_append(&s->idle, &w->link);
	}
	for (unsigned v = 0; v < s->n; v++)
		s->flush.child[v] = (struct stripe_child){.set = s, .volume = v};
	return 0;
}

void stripe_write_free(struct stripe_set *s)
{
	for (unsigned i = 0; s->pool && i < STRIPE_POOL; i++)
		free(s->pool[i].iov); /* the parity buffer is a part of it */
	free(s->pool);
	free(s->flush.block);
}

static void encode(struct stripe_set *s, const struct stripe_write *w, unsigned stripes)
{
	for (unsigned i = 0; s->m && i < stripes; i++) {
		uint8_t *data[DISK_VOLUMES_MAX], *parity[DISK_PARITY_MAX];

		for (unsigned r = 0; r < s->k; r++)
			data[r] =
				(uint8_t *)(uintptr_t)w->buf + ((size_t)i * s->k + r) * DISK_BLOCK;
		for (unsigned r = 0; r < s->m; r++)
			parity[r] = w->parity + ((size_t)r * STRIPE_PIECE + i) * DISK_BLOCK;
		stripe_code_parity(s, DISK_BLOCK, data, parity);
	}
}

/* The pieces of memory that go to one role. */
static unsigned gather(const struct stripe_set *s, const struct stripe_write *w, unsigned role,
		       unsigned stripes, struct iovec *iov)
{
	if (role >= s->k) {
		iov[0].iov_base = w->parity + (size_t)(role - s->k) * STRIPE_PIECE * DISK_BLOCK;
		iov[0].iov_len = (size_t)stripes * DISK_BLOCK;
		return 1;
	}
	for (unsigned i = 0; i < stripes; i++) {
		iov[i].iov_base =
			(uint8_t *)(uintptr_t)w->buf + ((size_t)i * s->k + role) * DISK_BLOCK;
		iov[i].iov_len = DISK_BLOCK;
	}
	return stripes;
}

static void submit_piece(struct stripe_set *s, struct stripe_write *w)
{
	uint64_t room = stripe_turn_end(s, w->offset) - w->offset;
	size_t most = (size_t)STRIPE_PIECE * s->k * DISK_BLOCK;
	unsigned turn = stripe_turn(s, w->offset), stripes;
	uint64_t place = stripe_place(s, stripe_block(w->offset));

	w->piece = w->left < most ? w->left : most;
	if (w->piece > room)
		w->piece = (size_t)room;
	stripes = (unsigned)(w->piece / (s->k * DISK_BLOCK));
	w->place = place;
	stripe_rebuild_touch(s, place, place + (uint64_t)stripes * DISK_BLOCK);
	encode(s, w, stripes);
	for (unsigned role = 0; role < s->n; role++) {
		unsigned v = stripe_holder(s, turn, role);
		struct iovec *iov = w->iov + (size_t)v * STRIPE_PIECE;

		if (!stripe_takes(s, v))
			continue;
		unsigned niov = gather(s, w, role, stripes, iov);

		w->pending++;
		w->child[v].op.done = child_done;
		w->child[v].op.begun_ns = monotime_now();
		s->volume[v].io->ops->writev(s->volume[v].io, &w->child[v].op, iov, niov, place);
	}
}

static void write_finish(struct stripe_set *s, struct stripe_write *w)
{
	struct storage_io_op *op = w->op;
	int res = w->res;

	if (list_empty(&s->waiting)) {
		list_insert(&s->idle, &w->link);
	} else {
		struct list *next = list_pop(&s->waiting);

		write_begin(s, w, list_entry(next, struct storage_io_op, link));
	}
	op->done(op, res);
}

static void write_child_done(struct stripe_set *s, struct stripe_write *w)
{
	if (w->pending)
		return;
	w->buf += w->piece;
	w->left -= w->piece;
	w->offset += w->piece;
	if (w->left && !w->res)
		submit_piece(s, w);
	else
		write_finish(s, w);
}

static void write_begin(struct stripe_set *s, struct stripe_write *w, struct storage_io_op *op)
{
	w->op = op;
	w->buf = op->buf;
	w->left = op->left;
	w->offset = op->offset;
	w->res = 0;
	submit_piece(s, w);
}

void stripe_write_begin(struct storage_io *io, struct storage_io_op *op, const void *buf,
			size_t len, uint64_t offset, int buf_index)
{
	struct stripe_set *s = stripe_of(io);

	op->io = io;
	op->buf = buf;
	op->left = len;
	op->offset = offset;
	if (list_empty(&s->idle))
		list_append(&s->waiting, &op->link);
	else
		write_begin(s, list_entry(list_pop(&s->idle), struct stripe_write, link), op);
}

/* --- flush ---------------------------------------------------------------------------------- */

static void flush_stage(struct stripe_set *s, enum stripe_flush_stage stage)
{
	struct stripe_flush *f = &s->flush;
	uint64_t at = 0;

	f->stage = stage;
	if (stage == STRIPE_FLUSH_DATA)
		stripe_rebuild_flushing(s);
	if (stage == STRIPE_FLUSH_MEMBER)
		stripe_member_next(s, f->block, &at);
	for (unsigned v = 0; v < s->n; v++) {
		struct storage_io *io = s->volume[v].io;

		if (!stripe_takes(s, v))
			continue;
		f->pending++;
		f->child[v].op.done = child_done;
		f->child[v].op.begun_ns = monotime_now();
		if (stage == STRIPE_FLUSH_MEMBER)
			io->ops->write(io, &f->child[v].op, f->block, DISK_BLOCK, at, -1);
		else
			io->ops->flush(io, &f->child[v].op);
	}
}

static void flush_child_done(struct stripe_set *s)
{
	struct stripe_flush *f = &s->flush;

	if (f->pending)
		return;
	if (!f->res && f->stage == STRIPE_FLUSH_MEMBER) {
		flush_stage(s, STRIPE_FLUSH_MEMBER_FLUSH);
		return;
	}
	if (!f->res && f->stage == STRIPE_FLUSH_MEMBER_FLUSH)
		stripe_member_written(s);
	if (!f->res && f->stage == STRIPE_FLUSH_DATA)
		stripe_rebuild_flushed(s);
	if (!f->res && stripe_dirty(s)) {
		/* Also when a volume was lost while the membership was being written. */
		flush_stage(s, STRIPE_FLUSH_MEMBER);
	} else {
		struct storage_io_op *op = f->op;

		f->op = NULL;
		op->done(op, f->res);
	}
}

void stripe_flush_begin(struct storage_io *io, struct storage_io_op *op)
{
	struct stripe_set *s = stripe_of(io);

	op->io = io;
	s->flush.op = op;
	s->flush.res = 0;
	flush_stage(s, STRIPE_FLUSH_DATA);
}

void stripe_measure(struct storage_io *io, struct latency_disk *latency)
{
	stripe_of(io)->latency = latency;
}

static void note_latency(const struct stripe_set *s, const struct stripe_child *c)
{
	bool flush = !c->write && s->flush.stage != STRIPE_FLUSH_MEMBER;

	if (s->latency)
		latency_add(flush ? &s->latency[c->volume].flush : &s->latency[c->volume].write,
			    monotime_now() - c->op.begun_ns);
}

static void child_done(struct storage_io_op *op, int res)
{
	struct stripe_child *c = container_of(op, struct stripe_child, op);
	struct stripe_set *s = c->set;

	note_latency(s, c);
	int err = res ? stripe_lost(s, c->volume, res, c->write ? "write" : "flush") : 0;

	if (c->write) {
		c->write->pending--;
		if (err)
			c->write->res = err;
		write_child_done(s, c->write);
	} else {
		s->flush.pending--;
		if (err)
			s->flush.res = err;
		flush_child_done(s);
	}
}
