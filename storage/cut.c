/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failures of the disk. The log is cut at the first position that did not get there: what lies
 * behind is dropped, frames are reported lost, small records are appended again, and the log goes
 * on in the next segment. Nothing is cut while a write is in flight, because a late one could land
 * in what is written next.
 */
#include "storage/append.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/minutes.h"

void store_trouble_over(struct store *s)
{
	if (!s->failed && !s->failures && !s->no_space &&
	    s->checkpoint_failures < STORE_FAILURES_MAX)
		store_tell_volumes(s);
}

void store_trouble(struct store *s, const char *fmt, ...)
{
	char text[ERRMSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&s->lock);
	bool same = !strcmp(text, s->trouble);

	memcpy(s->trouble, text, sizeof(text));
	pthread_mutex_unlock(&s->lock);
	if (!same && s->cb.trouble)
		s->cb.trouble(s->ctx, text);
}

void cut_at(struct store *s, uint64_t position)
{
	if (!s->cutting || position < s->cut)
		s->cut = position;
	s->cutting = true;
	s->committing = s->flushing;
}

void cut_after_flush(struct store *s)
{
	s->flush_failed = true;
	cut_at(s, s->durable);
}

/* What the cut takes away, gathered before anything is told to anyone. */
struct run {
	struct loss loss;
	bool over;
};
struct dropped {
	struct store *s;
	struct run *loss; /* runs of frames with none between them that stays, by camera */
	uint32_t nloss, size;
	uint64_t sequence; /* of the segment that is looked at */
	bool incomplete;   /* memory ran out: some is not in `loss` */
};

static void drop_frame(void *ctx, const struct format_record *rec)
{
	struct dropped *d = ctx;

	for (uint32_t i = 0; i < d->nloss; i++) {
		struct loss *l = &d->loss[i].loss;

		if (d->loss[i].over || l->camera_id != rec->camera_id)
			continue;
		l->count++;
		if (rec->mono_ns > l->last_mono_ns)
			l->last_mono_ns = rec->mono_ns;
		return;
	}
	if (d->nloss == d->size) {
		uint32_t size = d->size ? 2 * d->size : 64;
		struct run *p = realloc(d->loss, size * sizeof(*p));

		if (!p) {
			d->incomplete = true;
			return;
		}
		d->loss = p;
		d->size = size;
	}
	d->loss[d->nloss++] = (struct run){.loss = {
						   .camera_id = rec->camera_id,
						   .cause = LOSS_WRITE_ERROR,
						   .count = 1,
						   .first_mono_ns = rec->mono_ns,
						   .last_mono_ns = rec->mono_ns,
					   }};
}

/* A frame of the camera stays: what is lost behind it is another run. */
static void end_run(struct dropped *d, uint32_t camera_id)
{
	for (uint32_t i = 0; i < d->nloss; i++)
		d->loss[i].over |= d->loss[i].loss.camera_id == camera_id;
}

static void drop_record(void *ctx, const struct format_record *rec, const uint8_t *payload)
{
	struct dropped *d = ctx;
	struct store *s = d->s;

	if (salvage_has(s, d->sequence, rec->payload_offset)) {
		if (rec->kind == RECORD_FRAME)
			end_run(d, rec->camera_id);
		return;
	}
	if (rec->kind == RECORD_FRAME) {
		drop_frame(d, rec);
		return;
	}
	/* Minute maps that are lost leave segments uncovered, no more. */
	if (rec->kind == RECORD_CAMERA || rec->kind == DISK_RECORD_MINUTES)
		return;
	if (append_defer(s, rec, payload)) {
		d->incomplete = true;
		return;
	}
	struct deferred *kept = list_entry(s->deferred.prev, struct deferred, link);

	kept->position = format_position(&s->super, d->sequence, rec->payload_offset);
	kept->cut = s->cuts;
}

/* Writes that were waiting, of what is cut away. */
static void drop_writes(struct store *s, const struct segment *seg, uint32_t from)
{
	struct write *w, *tmp;

	list_for_each_safe (w, tmp, &s->writes, link) {
		if (w->seg != seg || (w->kind == WRITE_CHUNK && w->start < from))
			continue;
		if (w->kind == WRITE_CHUNK || w->kind == WRITE_HEADER)
			w->seg->writes--;
		if (w->kind == WRITE_CHUNK && !s->failed)
			salvage_keep(s, w);
		else
			write_free(s, w);
	}
}

/* The whole segment goes: it is opened again under another sequence, unless the disk refused it. */
static void drop_segment(struct store *s, struct segment *seg, struct dropped *d)
{
	drop_writes(s, seg, 0);
	d->sequence = seg->head.sequence;
	seal_each(&seg->seal, 0, drop_record, d);
	s->table[seg->head.index] = (struct format_checkpoint_segment){
		.state = seg->header_failed ? FORMAT_BAD : FORMAT_FREE};
	list_remove(&seg->link);
	segment_free(seg);
}

/* What lies before the cut stays; a seal that said more is written again. */
static void cut_segment(struct store *s, struct segment *seg, uint32_t from, struct dropped *d)
{
	drop_writes(s, seg, from);
	d->sequence = seg->head.sequence;
	seal_each(&seg->seal, from, drop_record, d);
	if (seal_truncate(&seg->seal, from)) {
		/* The index says more than there is: it must not be written. */
		seg->seal_queued = true;
		seg->seal_failed = true;
	} else {
		seg->seal_queued = seg->seal_done = seg->seal_failed = false;
	}
	seg->pos = from;
	seg->closed = true;
}

/* A header that cannot be written makes its segment unusable; the one before names it, so that
 * only a checkpoint can lead past it. */
static void avoid_bad(struct store *s)
{
	if (s->table[s->next_index].state != FORMAT_BAD)
		return;
	bool wait = false;
	uint32_t next = retain_pick(s, s->next_index, &wait);

	if (next == DISK_NO_SEGMENT) {
		s->failures = STORE_FAILURES_MAX;
		return;
	}
	retain_give_up(s, next);
	s->next_index = next;
	s->open_waits = true;
	s->checkpoint_due = true;
}

static void drop_behind(struct store *s, struct dropped *d)
{
	uint64_t sequence = s->cut / s->super.segment_bytes;
	uint32_t offset = (uint32_t)(s->cut % s->super.segment_bytes);
	struct segment *seg, *tmp;
	uint32_t next = s->next_index;
	bool named = false;

	/* What is gathered becomes a write, which is kept with the others. */
	append_flush(s);
	s->cur = NULL;
	list_for_each_safe (seg, tmp, &s->live, link) {
		/* After a failed flush a seal written since is as uncertain as anything else. */
		if (seg->head.sequence < sequence) {
			if (s->flush_failed && seg->closed)
				seg->seal_queued = seg->seal_done = seg->seal_failed = false;
			next = seg->head.next;
		} else if (seg->head.sequence == sequence && offset >= format_unit(&s->super) &&
			   seg->header_done && (!s->flush_failed || seg->header_durable)) {
			next = seg->head.next;
			cut_segment(s, seg, offset, d);
		} else {
			if (!named)
				next = seg->head.index;
			named = true;
			drop_segment(s, seg, d);
		}
	}
	s->next_index = next;
}

void cut_lost(struct store *s, const struct format_record *rec)
{
	struct dropped d = {.s = s};

	drop_frame(&d, rec);
	if (d.incomplete)
		store_trouble(s, "%s: no memory left to account for what the disk lost", s->dir);
	if (d.nloss && s->cb.lost)
		s->cb.lost(s->ctx, &d.loss[0].loss);
	free(d.loss);
}

static void fail(struct store *s, struct dropped *d)
{
	struct segment *seg, *tmp;
	struct write *w, *wtmp;

	s->failed = -EIO;
	list_for_each_safe (seg, tmp, &s->live, link) {
		/* What was durable stays; recovery finds it. */
		uint64_t base = format_position(&s->super, seg->head.sequence, 0);
		uint64_t from = s->durable > base ? s->durable - base : 0;

		d->sequence = seg->head.sequence;
		if (from < seg->pos)
			seal_each(&seg->seal, (uint32_t)from, drop_record, d);
		drop_writes(s, seg, 0);
		list_remove(&seg->link);
		segment_free(seg);
	}
	list_for_each_safe (w, wtmp, &s->writes, link)
		write_free(s, w);
	salvage_drop(s, drop_frame, d);
	while (!list_empty(&s->deferred))
		free(list_entry(list_pop(&s->deferred), struct deferred, link));
	s->checkpoint_running = false;
	store_trouble(s,
		      "%s: the disk fails again and again: nothing is recorded until it takes "
		      "writes again; check the disk",
		      s->dir);
	revive_later(s);
}

void cut_perform(struct store *s)
{
	struct dropped d = {.s = s};
	struct list later;
	struct segment *seg;

	/* What was kept while the log stood still comes behind what it is now cut of. */
	list_init(&later);
	while (!list_empty(&s->deferred))
		list_append(&later, list_pop(&s->deferred));
	drop_behind(s, &d);
	minutes_cut(s->minutes, s->cut);
	while (!list_empty(&later))
		list_append(&s->deferred, list_pop(&later));
	if (s->flush_failed && s->checkpoint_running)
		checkpoint_settle(s, false);
	avoid_bad(s);
	if (!s->hold || s->cut < s->hold)
		s->hold = s->cut;
	s->cuts++;
	s->committing = false;
	s->cutting = false;
	s->flush_failed = false;
	s->failures++;
	STORE_SET(s, appended, commit_appended(s));
	if (s->failures >= STORE_FAILURES_MAX)
		fail(s, &d);
	else
		store_trouble(s,
			      "%s: the disk failed to write; recording goes on in another place "
			      "of it, check the disk",
			      s->dir);
	retain_count(s);
	for (uint32_t i = 0; i < d.nloss; i++)
		if (s->cb.lost)
			s->cb.lost(s->ctx, &d.loss[i].loss);
	if (d.incomplete)
		store_trouble(s, "%s: no memory left to account for what the disk lost", s->dir);
	free(d.loss);
	if (s->failed)
		return;
	list_for_each (seg, &s->live, link)
		segment_try_seal(s, seg);
	append_replay(s);
	commit_kick(s);
	commit_pump(s);
}
