/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount. From the newest checkpoint the log is walked to its end (docs/DISK_FORMAT.md, "Finding
 * what there is"); without a usable one every segment is looked at. Seals that are missing are
 * written, then a checkpoint: doing it again changes nothing.
 */
#include "storage/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"

/* A scanned segment gets its seal; then the tail's place in the log is known. */
int recover_finish(struct store *s, struct tail *t)
{
	s->prev_sequence = t->head.sequence;
	s->prev_nonce = t->head.nonce;
	s->prev_end = t->end;
	s->prev_index = t->head.index;
	s->next_index = t->head.next;
	if (!t->seg)
		return 0;
	struct segment *seg = t->seg;
	uint32_t start;
	uint8_t *buf;

	t->seg = NULL;
	int err = segment_build_seal(s, seg, &buf, &start);

	if (!err) {
		err = s->io->ops->write_sync(s->io, buf, s->super.segment_bytes - start,
					     format_segment_offset(&s->super, seg->head.index) +
						     start);
		free(buf);
	}
	if (!err)
		segment_to_table(s, seg, FORMAT_SEALED);
	segment_free(seg);
	return err;
}

void recover_drop(struct store *s, struct tail *t)
{
	if (t->seg)
		segment_free(t->seg);
	t->seg = NULL;
	s->table[t->head.index] = (struct format_checkpoint_segment){.state = FORMAT_FREE};
}

/* The segment before the first one looked at, when it is still there. */
static void find_previous(struct store *s, const struct format_segment *h)
{
	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		if (e->state != FORMAT_SEALED || e->sequence != h->prev_sequence ||
		    e->nonce != h->prev_nonce)
			continue;
		s->prev_sequence = e->sequence;
		s->prev_nonce = e->nonce;
		s->prev_end = h->prev_end;
		s->prev_index = i;
	}
}

/* The log's last segment: an empty one is as good as never opened. */
static int finish_last(struct store *s, struct tail *t)
{
	if (t->records) {
		int err = recover_finish(s, t);

		retain_give_up(s, t->head.next);
		return err;
	}
	if (!s->prev_sequence)
		find_previous(s, &t->head);
	recover_drop(s, t);
	/* Its header gave up the one it names. */
	retain_give_up(s, t->head.next);
	s->next_index = t->head.index;
	return 0;
}

static int walk_on(struct store *s, struct tail *t)
{
	for (uint32_t steps = 0; steps <= s->super.segments; steps++) {
		struct format_segment m;
		/* The first step from a checkpoint may lead elsewhere than the header says. */
		uint32_t next = steps ? t->head.next : s->next_index;
		int err = recover_read_head(s, next, &m);

		if (err == -ENOMEM)
			return err;
		t->head.next = next;
		if (err || !recover_continues(t, &m))
			return finish_last(s, t);
		err = recover_limit(s, t, m.prev_end);
		if (!err)
			err = recover_finish(s, t);
		if (err)
			return err;
		s->last_sequence = m.sequence > s->last_sequence ? m.sequence : s->last_sequence;
		err = recover_take(s, &m, t);
		if (err)
			return err;
		s->walked++;
	}
	return -EBADMSG;
}

/* From segment t on to the log's end. */
static int walk(struct store *s, struct tail *t)
{
	int err = walk_on(s, t);

	if (t->seg)
		segment_free(TAKE_PTR(t->seg));
	return err;
}

/* What is left of entries that were not found again. */
static void clear_free(struct store *s)
{
	for (uint32_t i = 0; i < s->super.segments; i++)
		if (s->table[i].state == FORMAT_FREE)
			s->table[i] = (struct format_checkpoint_segment){.state = FORMAT_FREE};
}

/* Entries that were open are found again by the walk, or not at all. */
static void forget_open(struct store *s)
{
	for (uint32_t i = 0; i < s->super.segments; i++)
		if (s->table[i].state == FORMAT_OPEN)
			s->table[i].state = FORMAT_FREE;
}

static int from_sealed_head(struct store *s, const struct format_checkpoint *c)
{
	const struct format_checkpoint_segment *e = &s->table[c->head];
	struct tail t = {.head = {.sequence = e->sequence,
				  .nonce = e->nonce,
				  .index = c->head,
				  .next = c->next},
			 .end = e->end,
			 .sealed = true,
			 .records = e->records};
	struct format_segment m;
	int err = recover_read_head(s, c->next, &m);

	if (err == -ENOMEM)
		return err;
	s->prev_sequence = e->sequence;
	s->prev_nonce = e->nonce;
	s->prev_end = e->end;
	s->prev_index = c->head;
	if (err || !recover_continues(&t, &m) || m.prev_end != e->end)
		return 0;
	s->last_sequence = m.sequence > s->last_sequence ? m.sequence : s->last_sequence;
	err = recover_take(s, &m, &t);
	s->next_index = m.next;
	s->walked++;
	return err ? err : walk(s, &t);
}

static int from_nothing(struct store *s, const struct format_checkpoint *c)
{
	struct format_segment m;
	struct tail t;
	int err = recover_read_head(s, c->next, &m);

	if (err == -ENOMEM)
		return err;
	if (err || m.prev_sequence)
		return 0;
	s->last_sequence = m.sequence > s->last_sequence ? m.sequence : s->last_sequence;
	err = recover_take(s, &m, &t);
	s->next_index = m.next;
	s->walked++;
	return err ? err : walk(s, &t);
}

/* -EBADMSG: the checkpoint does not lead anywhere. */
static int from_checkpoint(struct store *s, const struct format_checkpoint *c)
{
	struct format_segment h;
	struct tail t;

	if (c->next >= s->super.segments)
		return -EBADMSG;
	s->last_sequence = c->last_sequence;
	s->next_index = c->next;
	if (c->head == DISK_NO_SEGMENT) {
		forget_open(s);
		return from_nothing(s, c);
	}
	struct format_checkpoint_segment e = s->table[c->head];

	if (e.state == FORMAT_SEALED) {
		forget_open(s);
		int got = recover_read_locks(s, c->head);

		return got ? got : from_sealed_head(s, c);
	}
	if (e.state != FORMAT_OPEN)
		return -EBADMSG;
	int err = recover_read_head(s, c->head, &h);

	if (err || h.sequence != e.sequence || h.nonce != e.nonce)
		return err == -ENOMEM ? err : -EBADMSG;
	forget_open(s);
	err = recover_take(s, &h, &t);
	s->walked++;
	return err ? err : walk(s, &t);
}

static int make_tables(struct store *s)
{
	s->table = calloc(s->super.segments, sizeof(*s->table));
	return s->table ? 0 : -ENOMEM;
}

int recover_store(struct store *s, struct errmsg *em)
{
	struct format_checkpoint c;
	int err = make_tables(s);

	if (err)
		return errmsg_set(em, err, "%s: no memory to open the store", s->dir);
	/* A process that was killed leaves writes that can be read and are not durable: what is
	 * found here must be, before a seal vouches for it. */
	err = s->io->ops->flush_sync(s->io);
	if (err)
		return errmsg_set(em, err, "%s: cannot flush the disk: %s", s->dir, strerror(-err));
	err = checkpoint_load(s, &c);
	bool loaded = !err;
	uint64_t from = 1;

	if (!err && c.head != DISK_NO_SEGMENT)
		from = s->table[c.head].sequence;
	if (!err)
		err = from_checkpoint(s, &c);
	if (err == -EBADMSG) {
		from = 0;
		s->walked++;
		err = recover_rebuild(s, loaded);
	}
	clear_free(s);
	if (!err)
		err = locks_recover(s, from);
	if (err == -ENOMEM)
		return errmsg_set(em, err, "%s: no memory to open the store", s->dir);
	if (!err && s->walked) {
		/* Seals first: the checkpoint calls those segments sealed. */
		err = s->io->ops->flush_sync(s->io);
		if (!err)
			err = checkpoint_write_sync(s);
	} else if (!err) {
		s->checkpoint_floor = s->prev_sequence;
	}
	if (err == -EBADMSG)
		return errmsg_set(em, err,
				  "%s: the store is damaged beyond use: run `matlang store verify "
				  "%s`",
				  s->dir, s->dir);
	if (err)
		return errmsg_set(em, err, "%s: cannot recover the store: %s", s->dir,
				  strerror(-err));
	s->durable =
		s->prev_sequence ? format_position(&s->super, s->prev_sequence, s->prev_end) : 0;
	STORE_SET(s, durable, s->durable);
	STORE_SET(s, appended, s->durable);
	retain_count(s);
	return 0;
}
