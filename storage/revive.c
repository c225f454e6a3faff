/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a failure. A file system that went read-only or away may come back, and a cable may be put
 * right: the store is opened again from time to time, as at start, and recording goes on. Cameras
 * keep their numbers, locks that stand stay; what was not durable has been reported lost before.
 *
 * This blocks the reactor for as long as a mount takes: while nothing can be recorded anyway.
 */
#include "storage/minutes.h"
#include "storage/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void revive_later(struct store *s)
{
	reactor_timer_arm(s->reactor, &s->retry, monotime_now() + s->retry_ns);
}

static void close_volume(struct store *s)
{
	if (s->io)
		s->io->ops->close(s->io);
	s->io = NULL;
}

/* The same store as before, and not another one that was mounted there. */
static int reopen(struct store *s, struct errmsg *em)
{
	const struct format_super before = s->super;

	/* Before: its lock is ours. */
	close_volume(s);
	int err = store_open_volume(s, em);

	if (!err && (memcmp(before.store_uuid, s->super.store_uuid, sizeof(before.store_uuid)) ||
		     before.segments != s->super.segments ||
		     before.segment_bytes != s->super.segment_bytes))
		err = errmsg_set(
			em, -EBADMSG,
			"%s: there is another store now than before: put the disk back, or "
			"restart",
			s->dir);
	if (err) {
		close_volume(s);
		s->super = before;
	}
	return err;
}

/* Nothing is known but what the disk says. */
static void forget(struct store *s)
{
	free(s->table);
	s->table = NULL;
	s->prev_sequence = s->prev_nonce = 0;
	s->prev_end = s->prev_index = 0;
	s->walked = 0;
	s->generation = 0;
	s->area = 0;
	s->checkpoint_floor = 0;
	s->checkpoint_due = s->checkpoint_running = s->checkpoint_written = false;
	s->checkpoint_failures = 0;
	s->open_waits = false;
	s->seals = 0;
	s->committing = s->again = false;
	s->cutting = s->flush_failed = false;
	s->hold = 0;
	s->no_space = false;
}

static int recover(struct store *s, struct errmsg *em)
{
	/* What was locked or released and is not durable still holds: the next segment that is
	 * opened tells it. */
	struct locktable locks = s->locks;
	struct minutes *minutes = minutes_create(&s->super);
	uint64_t sequence = s->last_sequence;

	if (!minutes)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", s->dir);
	forget(s);
	s->locks = (struct locktable){0};
	int err = recover_store(s, em);

	if (locks.last < s->locks.last)
		locks.last = s->locks.last;
	locktable_free(&s->locks);
	s->locks = locks;
	/* Never used twice, whatever of it got to the disk. */
	if (s->last_sequence < sequence)
		s->last_sequence = sequence;
	if (!err) {
		err = locks_recover(s, 0);
		if (err)
			errmsg_set(em, err, "%s: no memory for the locks", s->dir);
	}
	if (err) {
		minutes_destroy(minutes);
		return err;
	}
	minutes_destroy(s->minutes);
	s->minutes = minutes;
	minutes_recover(s);
	return 0;
}

void revive_timer(struct reactor_timer *t)
{
	struct store *s = container_of(t, struct store, retry);
	struct errmsg em = {""};
	int err = reopen(s, &em);

	if (!err)
		err = recover(s, &em);
	if (err) {
		close_volume(s);
		store_trouble(s, "nothing is recorded: %s", em.text);
		reactor_timer_arm(s->reactor, t, monotime_now() + s->retry_ns);
		return;
	}
	s->failed = 0;
	s->failures = 0;
	store_trouble_over(s);
	commit_arm(s);
}
