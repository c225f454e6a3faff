/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long there is room. Footage that is recycled never runs out of it; but while locks keep all
 * that is being recorded, every segment that is written is one less to recycle. That is told days
 * before the last one: what cannot be recycled cannot be recorded over.
 */
#include "storage/store_impl.h"

#define DAY_NS (86400 * NSEC_PER_SEC)

void outlook_opened(struct store *s)
{
	s->opened_ns[s->opened++ % OUTLOOK_KEEP] = monotime_now();
}

/* How long a segment lasts at today's rate; 0: not known yet. */
static int64_t segment_ns(const struct store *s)
{
	unsigned n = s->opened < OUTLOOK_KEEP ? s->opened : OUTLOOK_KEEP;

	if (n < 2)
		return 0;
	return (s->opened_ns[(s->opened - 1) % OUTLOOK_KEEP] -
		s->opened_ns[(s->opened - n) % OUTLOOK_KEEP]) /
	       (n - 1);
}

/* Segments that can still be written. */
static uint32_t room(const struct store *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		n += e->state == FORMAT_FREE || (e->state == FORMAT_SEALED && !e->locked);
	}
	return n;
}

static int64_t utc_now(const struct store *s)
{
	return s->clock.utc_ns + (monotime_now() - s->clock.mono_ns);
}

/* Until when what is recorded now is kept by locks, UTC; INT64_MIN: it is not. */
static int64_t kept_until(struct store *s)
{
	int64_t until = INT64_MIN;

	if (!s->cur)
		return until;
	for (size_t i = 0; i < s->locks.count; i++) {
		const struct record_lock *l = &s->locks.entry[i].lock;

		if (l->to_utc_ns > until && retain_covers(s, l, s->cur->head.index) > 0)
			until = l->to_utc_ns;
	}
	return until;
}

/* Coarse, so that what is told changes seldom. 0: nothing to tell. */
static unsigned coarse_days(const struct store *s, int64_t stops_ns)
{
	static const unsigned steps[] = {1, 2, 3, 7, 14, 30, 90};

	if (!stops_ns || stops_ns >= s->warn_ns)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (stops_ns < steps[i] * DAY_NS)
			return steps[i];
	return 0;
}

void outlook_update(struct store *s)
{
	int64_t each = segment_ns(s), stops_ns = 0, until;

	if (each && s->locks.count && !s->failed) {
		until = kept_until(s);
		stops_ns = room(s) * each;
		/* A lock that ends before that lets footage be recycled again. */
		if (until == INT64_MIN || until - utc_now(s) < stops_ns)
			stops_ns = 0;
		else if (!stops_ns)
			stops_ns = 1;
	}
	STORE_SET(s, stops_ns, stops_ns);
	unsigned days = coarse_days(s, stops_ns);

	if (days == s->stop_days)
		return;
	s->stop_days = days;
	store_trouble_over(s);
}

bool outlook_tell(struct store *s)
{
	if (!s->stop_days)
		return false;
	store_trouble(s,
		      "%s: locks keep all that is recorded: in less than %u day%s there is no room "
		      "left and recording stops; release locks (matlang locks)",
		      s->dir, s->stop_days, s->stop_days == 1 ? "" : "s");
	return true;
}
