/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes in flight and group commit. Tickets number the writes; s->writes holds those not done,
 * by ticket. A commit fixes a ticket and a position, waits until no write of that ticket or below
 * is left, and flushes; what is written meanwhile belongs to the next one.
 */
#include "storage/append.h"
#include "storage/stripe.h"

#include <errno.h>
#include <stdlib.h>

#include "storage/minutes.h"

uint64_t commit_appended(const struct store *s)
{
	if (list_empty(&s->live))
		return s->durable;
	const struct segment *seg = list_entry(s->live.prev, struct segment, link);

	return format_position(&s->super, seg->head.sequence, seg->pos) +
	       (s->gather ? s->gather->used : 0);
}

void write_free(struct store *s, struct write *w)
{
	list_remove(&w->link);
	if (w->gather) {
		struct gather *g = w->gather;

		s->waiting -= w->bytes;
		STORE_SET(s, waiting_bytes, s->waiting);
		append_gather_put(s, g); /* w is a part of it */
		return;
	}
	if (w->frame)
		frame_unref(w->frame);
	free(w->memory);
	free(w);
}

/* The first write into a segment waits until its old contents are given up for good. */
static bool held(const struct write *w)
{
	return w->seg && !w->seg->gate;
}

static void write_done(struct storage_io_op *op, int res);

static void submit(struct store *s)
{
	struct write *w;

	if (s->cutting || s->failed)
		return;
	list_for_each (w, &s->writes, link) {
		if (w->submitted || held(w))
			continue;
		if (s->inflight >= STORE_DEPTH) {
			/* It is the disk that is waited for: its completions are seen one by one,
			 * or it would lie idle until a batch of them is there. */
			if (s->reactor)
				reactor_hurry(s->reactor);
			return;
		}
		w->submitted = true;
		s->inflight++;
		w->op.done = write_done;
		w->op.begun_ns = monotime_now();
		s->io->ops->write(s->io, &w->op, w->buf, w->bytes, w->offset, w->buf_index);
	}
}

void write_queue(struct store *s, struct write *w)
{
	w->s = s;
	w->ticket = ++s->ticket;
	if (w->seg)
		w->offset = format_segment_offset(&s->super, w->seg->head.index) + w->start;
	if (w->kind == WRITE_HEADER || w->kind == WRITE_CHUNK)
		w->seg->writes++;
	if (w->gather) {
		s->waiting += w->bytes;
		STORE_SET(s, waiting_bytes, s->waiting);
	}
	list_append(&s->writes, &w->link);
	submit(s);
}

static void finished(struct store *s, struct write *w, int res)
{
	struct segment *seg = w->seg;

	switch (w->kind) {
	case WRITE_HEADER:
		seg->writes--;
		seg->header_done = !res;
		seg->header_failed = res != 0;
		break;
	case WRITE_CHUNK: seg->writes--; break;
	case WRITE_SEAL:
		seg->seal_done = !res;
		/* What it covers is whole, and stays so: a seal may be tried again in its place. */
		if (res && ++seg->seal_tries < STORE_FAILURES_MAX)
			seg->seal_queued = false;
		else
			seg->seal_failed = res != 0;
		break;
	case WRITE_CHECKPOINT:
		s->checkpoint_written = !res;
		if (res)
			checkpoint_settle(s, false);
		break;
	}
	if (!res) {
		STORE_ADD(s, written_bytes, w->bytes);
		return;
	}
	STORE_ADD(s, write_errors, 1);
	if (w->kind == WRITE_HEADER || w->kind == WRITE_CHUNK)
		cut_at(s, format_position(&s->super, seg->head.sequence, w->start));
}

/* Failures too: what a disk takes to refuse is time that it keeps others waiting. Of several
 * volumes each is measured by itself, in stripe_write.c. */
static void note_latency(struct store *s, const struct storage_io_op *op, bool flush)
{
	struct latency_disk *disk = &s->latency[0];

	if (!stripe_is(s->io))
		latency_add(flush ? &disk->flush : &disk->write, monotime_now() - op->begun_ns);
}

static void write_done(struct storage_io_op *op, int res)
{
	struct write *w = container_of(op, struct write, op);
	struct store *s = w->s;
	struct segment *seg = w->seg;

	note_latency(s, op, false);
	s->inflight--;
	finished(s, w, res);
	if (res && w->kind == WRITE_CHUNK)
		salvage_keep(s, w);
	else
		write_free(s, w);
	if (seg)
		segment_try_seal(s, seg);
	commit_pump(s);
}

static void flush_done(struct storage_io_op *op, int res);

void commit_pump(struct store *s)
{
	submit(s);
	if (s->cutting) {
		if (!s->inflight && !s->flushing)
			cut_perform(s);
		return;
	}
	if (!s->committing || s->flushing)
		return;
	if (!list_empty(&s->writes) &&
	    list_entry(s->writes.next, struct write, link)->ticket <= s->commit_ticket)
		return;
	s->flushing = true;
	s->flush.done = flush_done;
	s->flush.begun_ns = monotime_now();
	s->io->ops->flush(s->io, &s->flush);
}

/* Up to where the next commit can reach: before the first write that waits for a commit itself. */
static void choose_target(struct store *s)
{
	struct segment *seg, *before = NULL;

	list_for_each (seg, &s->live, link) {
		if (!seg->gate)
			break;
		before = seg;
	}
	if (&seg->link == &s->live) {
		append_flush(s);
		s->commit_ticket = s->ticket;
		s->commit_position = commit_appended(s);
		s->commit_lifts = !salvage_waits(s);
		return;
	}
	struct write *w;

	s->commit_ticket = s->ticket;
	list_for_each (w, &s->writes, link) {
		if (!held(w))
			continue;
		s->commit_ticket = w->ticket - 1;
		break;
	}
	/* The first live segment always has its gate open. */
	s->commit_position = format_position(&s->super, before->head.sequence, before->pos);
}

static void commit_begin(struct store *s)
{
	s->again = false;
	s->commit_lifts = false;
	reactor_timer_disarm(s->reactor, &s->timer);
	s->committing = true;
	s->commit_begun_ns = monotime_now();
	choose_target(s);
	commit_pump(s);
}

void commit_kick(struct store *s)
{
	if (s->failed)
		return;
	if (s->committing || s->cutting) {
		s->again = true;
		return;
	}
	/* Not from here: the caller may be half-way through placing a record. */
	reactor_timer_arm(s->reactor, &s->timer, monotime_now());
}

void commit_arm(struct store *s)
{
	if (!s->committing && !s->cutting && !s->failed && !s->timer.heap_pos)
		reactor_timer_arm(s->reactor, &s->timer, monotime_now() + s->commit_ns);
}

/* Something that only a commit brings to its end. */
static bool commit_wanted(struct store *s)
{
	struct segment *seg;

	if ((s->io && stripe_is(s->io) && stripe_unsaved(s->io)) ||
	    commit_appended(s) > s->durable || s->checkpoint_running || s->checkpoint_due)
		return true;
	list_for_each (seg, &s->live, link) {
		if (seg->closed || !seg->header_durable)
			return true;
	}
	return false;
}

void commit_timer(struct reactor_timer *t)
{
	struct store *s = container_of(t, struct store, timer);

	if (!s->committing && !s->cutting && !s->failed && commit_wanted(s))
		commit_begin(s);
}

static void retire(struct store *s, struct segment *seg)
{
	segment_to_table(s, seg, FORMAT_SEALED);
	/* Without a seal its records may be dated otherwise than by these samples. */
	if (seg->seal_done)
		minutes_take(s->minutes, &seg->head, &seg->seal, &seg->clock);
	s->prev_sequence = seg->head.sequence;
	s->prev_nonce = seg->head.nonce;
	s->prev_end = seg->pos;
	s->prev_index = seg->head.index;
	list_remove(&seg->link);
	segment_free(seg);
	retain_count(s);
}

/* What the flush that just succeeded made durable. */
static void settle(struct store *s)
{
	struct segment *seg, *tmp;
	bool gate = true;

	list_for_each (seg, &s->live, link) {
		seg->gate = seg->gate || gate;
		if (seg->header_done && seg->header_ticket <= s->commit_ticket)
			seg->header_durable = true;
		gate = seg->header_durable;
	}
	list_for_each_safe (seg, tmp, &s->live, link) {
		bool sealed = seg->seal_failed ||
			      (seg->seal_done && seg->seal_ticket <= s->commit_ticket);

		if (!seg->closed || !sealed || !seg->header_durable ||
		    format_position(&s->super, seg->head.sequence, seg->pos) > s->commit_position)
			break;
		retire(s, seg);
	}
	list_for_each (seg, &s->live, link)
		segment_try_seal(s, seg);
	if (s->checkpoint_running && s->checkpoint_written &&
	    s->checkpoint_ticket <= s->commit_ticket)
		checkpoint_settle(s, true);
}

static void note_duration(struct store *s)
{
	int64_t ns = monotime_now() - s->commit_begun_ns;

	if (ns > atomic_load_explicit(&s->count.commit_max_ns, memory_order_relaxed))
		STORE_SET(s, commit_max_ns, ns);
}

static void flush_done(struct storage_io_op *op, int res)
{
	struct store *s = container_of(op, struct store, flush);

	note_latency(s, op, true);
	s->flushing = false;
	s->committing = false;
	if (res) {
		STORE_ADD(s, write_errors, 1);
		cut_after_flush(s);
		commit_pump(s);
		return;
	}
	note_duration(s);
	store_watch_volumes(s);
	STORE_ADD(s, commits, 1);
	if (s->commit_position > s->durable)
		s->durable = s->commit_position;
	if (s->commit_lifts)
		s->hold = 0;
	uint64_t told = s->hold && s->hold < s->durable ? s->hold : s->durable;
	bool moved = told > atomic_load_explicit(&s->count.durable, memory_order_relaxed);

	if (moved)
		STORE_SET(s, durable, told);
	settle(s);
	if (!s->cutting && s->failures) {
		s->failures = 0;
		store_trouble_over(s);
	}
	if (s->checkpoint_due && !s->checkpoint_running && !s->cutting)
		checkpoint_start(s);
	append_replay(s);
	minutes_write(s);
	if (s->again && !s->cutting)
		commit_kick(s);
	else if (commit_wanted(s))
		commit_arm(s);
	commit_pump(s);
	if (moved && s->cb.durable)
		s->cb.durable(s->ctx, told);
}
