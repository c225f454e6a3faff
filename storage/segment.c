/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening, closing and sealing of segments. */
#include "storage/append.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/minutes.h"

static struct segment *last_live(struct store *s)
{
	return list_empty(&s->live) ? NULL : list_entry(s->live.prev, struct segment, link);
}

static void take_clock(struct store *s, struct format_clock *out)
{
	struct monotime_sample now;

	/* Without it the newest sample of this boot serves as well. */
	if (!monotime_sample(&now))
		s->clock = (struct format_clock){
			.mono_ns = now.mono_ns,
			.utc_ns = now.utc_ns,
			.error_us = now.error_us,
			.synchronised = now.synchronised,
		};
	*out = s->clock;
}

static int fill_head(struct store *s, struct segment *seg, uint32_t next)
{
	struct segment *last = last_live(s);
	struct format_segment *h = &seg->head;
	int err = volume_random(&h->nonce, sizeof(h->nonce));

	if (err)
		return err;
	if (!h->nonce)
		h->nonce = 1;
	h->sequence = s->last_sequence + 1;
	h->index = s->next_index;
	h->next = next;
	h->boot = s->boot;
	memcpy(h->boot_id, s->boot_id, sizeof(h->boot_id));
	take_clock(s, &h->clock);
	h->prev_sequence = last ? last->head.sequence : s->prev_sequence;
	h->prev_nonce = last ? last->head.nonce : s->prev_nonce;
	h->prev_end = last ? last->pos : s->prev_end;
	return 0;
}

static int choose_next(struct store *s, uint32_t *next)
{
	bool wait = false;

	*next = retain_pick(s, s->next_index, &wait);
	if (*next != DISK_NO_SEGMENT)
		return 0;
	if (wait) {
		s->checkpoint_due = true;
		if (s->checkpoint_failures)
			commit_arm(s);
		else
			commit_kick(s);
		return -EAGAIN;
	}
	if (!s->no_space)
		store_trouble(s,
			      "%s: no space left, every segment is locked: release locked "
			      "footage, recording has stopped",
			      s->dir);
	s->no_space = true;
	return -ENOSPC;
}

/* Everything that can fail, so that opening itself cannot. */
static int segment_make(struct store *s, uint32_t next, struct segment **out)
{
	struct segment *seg = calloc(1, sizeof(*seg));
	struct write *w = calloc(1, sizeof(*w));
	uint8_t *block = volume_alloc(format_unit(&s->super));
	int err = -ENOMEM;

	if (!seg || !w || !block || seal_init(&seg->seal))
		goto fail;
	err = fill_head(s, seg, next);
	if (err)
		goto fail_seal;
	format_segment_encode(block, &s->super, &seg->head);
	*w = (struct write){
		.kind = WRITE_HEADER,
		.seg = seg,
		.buf = block,
		.bytes = format_unit(&s->super),
		.buf_index = -1,
		.memory = block,
	};
	seg->pos = format_unit(&s->super);
	seg->header = w;
	*out = seg;
	return 0;
fail_seal:
	seal_destroy(&seg->seal);
fail:
	free(seg);
	free(w);
	free(block);
	return err;
}

int segment_open(struct store *s)
{
	struct segment *last = last_live(s), *seg;
	uint32_t next;

	if (s->open_waits)
		return -EAGAIN;
	int err = choose_next(s, &next);

	if (!err)
		err = segment_make(s, next, &seg);
	if (err)
		return err;
	if (s->no_space) {
		s->no_space = false;
		store_trouble_over(s);
	}
	s->last_sequence++;
	outlook_opened(s);
	seg->gate = !last || last->header_durable;
	retain_give_up(s, next);
	list_append(&s->live, &seg->link);
	s->cur = seg;
	segment_to_table(s, seg, FORMAT_OPEN);
	retain_count(s);
	struct write *w = seg->header;

	seg->header = NULL;
	write_queue(s, w);
	seg->header_ticket = w->ticket;
	err = locks_carry(s);
	if (!err)
		err = retain_append_locks(s);
	/* So that this header is durable, and the next segment may be written, long before it is
	 * needed. */
	commit_kick(s);
	return err;
}

void segment_close(struct store *s)
{
	struct segment *seg = s->cur;

	seg->closed = true;
	s->next_index = seg->head.next;
	locks_close(s, seg);
	outlook_update(s);
	s->cur = NULL;
	s->seals++;
	uint32_t limit = s->super.segments / 4 < STORE_SEALS_CHECKPOINT ? s->super.segments / 4
									: STORE_SEALS_CHECKPOINT;

	if (s->seals >= limit)
		s->checkpoint_due = true;
	segment_try_seal(s, seg);
}

void segment_free(struct segment *seg)
{
	seal_destroy(&seg->seal);
	free(seg);
}

static int64_t utc_of(const struct format_clock *c, int64_t mono_ns)
{
	return c->utc_ns ? c->utc_ns + (mono_ns - c->mono_ns) : 0;
}

/* By both of its samples, generously: the clock may have been set meanwhile. */
static void set_utc(struct format_checkpoint_segment *e, const struct format_clock *first,
		    const struct format_clock *last)
{
	int64_t a = utc_of(first, e->first_mono_ns), b = utc_of(last, e->first_mono_ns);

	e->first_utc_ns = !b || (a && a < b) ? a : b;
	a = utc_of(first, e->last_mono_ns);
	b = utc_of(last, e->last_mono_ns);
	e->last_utc_ns = a > b ? a : b;
}

void segment_to_table(struct store *s, const struct segment *seg, enum format_segment_state state)
{
	struct format_checkpoint_segment *e = &s->table[seg->head.index];
	const struct seal *l = &seg->seal;
	uint32_t records = l->small_count + l->frames_count;

	*e = (struct format_checkpoint_segment){
		.sequence = seg->head.sequence,
		.nonce = seg->head.nonce,
		.state = state,
		.locked = e->locked && e->sequence == seg->head.sequence,
		.boot = seg->head.boot,
		.records = records,
		.end = seg->pos,
		.seal_start = seal_start(l, &s->super),
		.first_mono_ns = l->first_mono_ns,
		.last_mono_ns = l->last_mono_ns,
	};
	if (records)
		set_utc(e, &seg->head.clock, seg->clock.utc_ns ? &seg->clock : &s->clock);
}

int segment_build_seal(const struct store *s, struct segment *seg, uint8_t **out, uint32_t *start)
{
	if (!seg->clock.utc_ns)
		seg->clock = s->clock;
	/* While recovering there are none yet. */
	if (s->minutes)
		seg->seal.minutes = minutes_newest(s->minutes, s->durable);
	return seal_build(&seg->seal, &s->super, &seg->head, seg->pos, &seg->clock, out, start);
}

void segment_try_seal(struct store *s, struct segment *seg)
{
	if (!seg->closed || seg->writes || !seg->header_done || seg->seal_queued || s->cutting)
		return;
	/* A seal vouches for the chunks, so it must not reach the disk before they have: writes
	 * that no flush stands between survive a power cut in any order. */
	if (format_position(&s->super, seg->head.sequence, seg->pos) > s->durable)
		return;
	struct write *w = calloc(1, sizeof(*w));
	uint8_t *buf = NULL;
	uint32_t start = 0;

	seg->seal_queued = true;
	if (!w || segment_build_seal(s, seg, &buf, &start)) {
		/* Without a seal the chunks speak for themselves; readers walk them. */
		seg->seal_failed = true;
		free(w);
		return;
	}
	*w = (struct write){
		.kind = WRITE_SEAL,
		.seg = seg,
		.start = start,
		.buf = buf,
		.bytes = s->super.segment_bytes - start,
		.buf_index = -1,
		.memory = buf,
	};
	write_queue(s, w);
	seg->seal_ticket = w->ticket;
}
