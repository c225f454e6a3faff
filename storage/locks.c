/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks as people make them: a camera, a span of time that may lie in the future, who and why. The
 * log carries them: a record when one is made or released, and all that stand at the beginning of
 * every segment, so that they outlive every segment they were told in.
 */
#include "storage/append.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Carried along in every segment: no more of it than this share. */
#define CARRIED_SHARE 16u

static int append_hold(struct store *s, const struct format_hold *h)
{
	uint8_t payload[DISK_HOLD_MOST];
	struct format_record rec = {.kind = DISK_RECORD_HOLD, .mono_ns = monotime_now()};

	rec.payload_bytes = (uint32_t)format_hold_encode(payload, h);
	return append_record(s, &rec, payload, NULL);
}

int locks_carry(struct store *s)
{
	size_t bytes = locktable_bytes(&s->locks);
	struct format_record rec = {.kind = DISK_RECORD_HOLD,
				    .mono_ns = monotime_now(),
				    .payload_bytes = (uint32_t)bytes};

	if (!bytes)
		return 0;
	uint8_t *payload = malloc(bytes);

	if (!payload)
		return -ENOMEM;
	locktable_encode(&s->locks, payload);
	int err = append_now(s, &rec, payload, NULL);

	free(payload);
	return err;
}

/* Marks what a lock covers and is not locked yet. *covered: segments it covers in all. */
static int mark_covered(struct store *s, const struct record_lock *l, unsigned *covered)
{
	uint32_t *which = malloc((size_t)s->super.segments * sizeof(*which)), n = 0;
	unsigned all = 0;
	int err = which ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < s->super.segments; i++) {
		int has = retain_covers(s, l, i);

		if (has < 0)
			err = has;
		else if (has) {
			all++;
			if (!s->table[i].locked)
				which[n++] = i;
		}
	}
	if (!err)
		err = retain_mark(s, which, n, true);
	free(which);
	if (!err && covered)
		*covered = all;
	return err;
}

static void tables_of_live(struct store *s)
{
	struct segment *seg;

	list_for_each (seg, &s->live, link)
		segment_to_table(s, seg, FORMAT_OPEN);
}

static bool texts_ok(const struct record_lock *l)
{
	size_t why = strnlen(l->why, sizeof(l->why)), who = strnlen(l->who, sizeof(l->who));

	return why >= 1 && why < sizeof(l->why) && who < sizeof(l->who);
}

int store_lock_add(struct store *s, const struct record_lock *wanted, uint64_t *number,
		   unsigned *segments)
{
	struct format_hold h = {.state = FORMAT_HOLD_STANDS, .lock = *wanted};
	uint32_t camera = wanted->camera_id;

	if (camera != RECORD_ANY_CAMERA &&
	    (camera < 1 || camera > s->ncameras || !s->cameras[camera].name[0]))
		return -EINVAL;
	if (wanted->from_utc_ns >= wanted->to_utc_ns || !texts_ok(wanted))
		return -EINVAL;
	if (s->failed)
		return s->failed;
	if (locktable_bytes(&s->locks) + DISK_HOLD_ENTRY + format_hold_bytes(&h) >
	    s->super.segment_bytes / CARRIED_SHARE)
		return -ENOSPC;
	h.lock.number = s->locks.last + 1;
	int err = locktable_add(&s->locks, &h.lock, true);

	if (err)
		return err;
	/* The record first: recovery applies the lock to what it finds. */
	err = append_hold(s, &h);
	tables_of_live(s);
	if (!err)
		err = mark_covered(s, &h.lock, segments);
	if (err) {
		/* Not taken: what was marked is let go of again. */
		int undone = store_lock_remove(s, h.lock.number);

		return undone ? undone : err;
	}
	commit_kick(s);
	*number = h.lock.number;
	STORE_SET(s, locks, s->locks.count);
	outlook_update(s);
	return 0;
}

/* 1: a lock that stands covers the segment. */
static int covered(struct store *s, uint32_t index)
{
	int has = 0;

	for (size_t i = 0; !has && i < s->locks.count; i++)
		has = retain_covers(s, &s->locks.entry[i].lock, index);
	return has;
}

/* Lets go of every segment that no lock covers any more. */
static int unmark_free(struct store *s)
{
	uint32_t *which = malloc((size_t)s->super.segments * sizeof(*which)), n = 0;
	int err = which ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < s->super.segments; i++) {
		if (!s->table[i].locked)
			continue;
		int has = covered(s, i);

		if (has < 0)
			err = has;
		else if (!has)
			which[n++] = i;
	}
	if (!err)
		err = retain_mark(s, which, n, false);
	free(which);
	return err;
}

int store_lock_remove(struct store *s, uint64_t number)
{
	const struct record_lock *l = locktable_find(&s->locks, number);

	if (!l)
		return -ENOENT;
	if (s->failed)
		return s->failed;
	const struct format_hold h = {.state = FORMAT_HOLD_RELEASED, .lock = *l};

	locktable_remove(&s->locks, number);
	tables_of_live(s);
	/* First, for the room that the record of it may need. */
	int err = unmark_free(s);
	int logged = append_hold(s, &h);

	STORE_SET(s, locks, s->locks.count);
	outlook_update(s);
	commit_kick(s);
	/* With no segment open and none to be had, the next one that is begins with what stands. */
	if (logged == -ENOSPC)
		logged = 0;
	return err ? err : logged;
}

size_t store_lock_count(const struct store *s)
{
	return s->locks.count;
}

const struct record_lock *store_lock_at(const struct store *s, size_t index)
{
	return index < s->locks.count ? &s->locks.entry[index].lock : NULL;
}

void locks_close(struct store *s, struct segment *seg)
{
	segment_to_table(s, seg, FORMAT_OPEN);
	/* In memory only: no disk is read for a segment that is still here. */
	if (covered(s, seg->head.index) > 0)
		s->table[seg->head.index].locked = true;
}

int locks_recheck_boot(struct store *s)
{
	int err = 0;

	for (uint32_t i = 0; !err && s->locks.count && i < s->super.segments; i++) {
		if (s->table[i].boot != s->boot || s->table[i].locked)
			continue;
		int has = covered(s, i);

		err = has < 0 ? has : has ? retain_mark(s, &i, 1, true) : 0;
	}
	return err;
}

/* Whether a lock is about the time of the segment, whatever cameras are in it. */
static bool overlaps_any(const struct store *s, const struct format_checkpoint_segment *e)
{
	int64_t from, to;

	retain_span(s, e, &from, &to);
	for (size_t i = 0; i < s->locks.count; i++)
		if (from < s->locks.entry[i].lock.to_utc_ns &&
		    to >= s->locks.entry[i].lock.from_utc_ns)
			return true;
	return false;
}

int locks_recover(struct store *s, uint64_t from_sequence)
{
	STORE_SET(s, locks, s->locks.count);
	for (uint32_t i = 0; i < s->super.segments; i++) {
		struct format_checkpoint_segment *e = &s->table[i];

		if (e->state != FORMAT_SEALED)
			continue;
		/* A mark may have become durable without its lock; and of what old segments tell
		 * the release may be in one that is gone. */
		e->locked = e->locked && from_sequence && overlaps_any(s, e);
		for (size_t k = 0; !e->locked && k < s->locks.count; k++) {
			const struct locktable_entry *t = &s->locks.entry[k];
			int has = t->fresh || e->sequence >= from_sequence
					  ? retain_covers(s, &t->lock, i)
					  : 0;

			if (has < 0)
				return has;
			e->locked = has;
		}
	}
	return 0;
}
