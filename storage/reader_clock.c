/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UTC as a view. Records carry monotonic time only; CLOCK_MONOTONIC runs at the rate of the
 * disciplined clock, so within one boot UTC - monotonic changes only when the wall clock is set.
 * A record is dated by a clock sample of its own segment; where that was taken before the clock
 * was synchronised, and the same boot saw it synchronised later, by that later sample: a box
 * that starts in 1970 and learns the time a minute later has recorded nothing in 1970.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reader_impl.h"

/* Two samples around a record may differ by the time between reading the two clocks. */
#define RANGE_SLACK (2 * NSEC_PER_SEC)

static bool is_sample(const struct format_clock *c)
{
	return c && (c->mono_ns || c->utc_ns);
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	/* Numbers from the disk: keep what overflows at the end of time. */
	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static int64_t offset_of(const struct format_clock *c)
{
	int64_t d;

	if (__builtin_sub_overflow(c->utc_ns, c->mono_ns, &d))
		return 0;
	return d;
}

const struct reader_boot *reader_clock_boot(const struct reader *r, uint32_t number)
{
	size_t lo = 0, hi = r->boots;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->boot[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->boots && r->boot[lo].number == number ? &r->boot[lo] : NULL;
}

static struct reader_boot *make_boot(struct reader *r, uint32_t number, const uint8_t boot_id[16])
{
	struct reader_boot *found = (struct reader_boot *)reader_clock_boot(r, number);
	size_t at = r->boots;

	if (found)
		return found;
	if (r->boots == r->boots_room) {
		size_t room = r->boots_room ? r->boots_room * 2 : 16;
		struct reader_boot *more = realloc(r->boot, room * sizeof(*more));

		if (!more)
			return NULL;
		r->boot = more;
		r->boots_room = room;
	}
	while (at && r->boot[at - 1].number > number)
		at--;
	memmove(&r->boot[at + 1], &r->boot[at], (r->boots - at) * sizeof(*r->boot));
	r->boot[at] = (struct reader_boot){.number = number};
	memcpy(r->boot[at].boot_id, boot_id, 16);
	r->boots++;
	return &r->boot[at];
}

int reader_clock_note(struct reader *r, uint32_t boot, const uint8_t boot_id[16],
		      const struct format_clock *c)
{
	struct reader_boot *b = make_boot(r, boot, boot_id);

	if (!b)
		return -ENOMEM;
	if (!is_sample(c))
		return 0;
	if (!is_sample(&b->first) || c->mono_ns < b->first.mono_ns)
		b->first = *c;
	/* A synchronised sample is worth more than any later one that is not. */
	if (!is_sample(&b->last) || (c->synchronised && !b->last.synchronised) ||
	    (c->synchronised == b->last.synchronised && c->mono_ns >= b->last.mono_ns))
		b->last = *c;
	return 0;
}

static int64_t distance(const struct format_clock *c, int64_t mono_ns)
{
	int64_t d;

	if (__builtin_sub_overflow(c->mono_ns, mono_ns, &d) || d == INT64_MIN)
		return INT64_MAX;
	return d < 0 ? -d : d;
}

/* Synchronised before not; then the nearer one. */
static bool better(const struct format_clock *a, const struct format_clock *b, int64_t mono_ns)
{
	if (a->synchronised != b->synchronised)
		return a->synchronised;
	return distance(a, mono_ns) < distance(b, mono_ns);
}

void reader_clock_apply(const struct reader *r, const struct format_clock *first,
			const struct format_clock *last, struct record *rec)
{
	const struct reader_boot *b = reader_clock_boot(r, rec->boot);
	const struct format_clock *c = NULL;

	if (is_sample(first))
		c = first;
	if (is_sample(last) && (!c || better(last, c, rec->mono_ns)))
		c = last;
	if (b && is_sample(&b->last) && (!c || (!c->synchronised && b->last.synchronised)))
		c = &b->last;
	rec->clock = RECORD_CLOCK_UNKNOWN;
	rec->utc_ns = 0;
	if (!c)
		return;
	rec->clock = c->synchronised ? RECORD_CLOCK_SYNCED : RECORD_CLOCK_FREE;
	rec->utc_ns = add(rec->mono_ns, offset_of(c));
}

static void widen(int64_t *from, int64_t *to, int64_t first, int64_t last)
{
	first = add(first, -RANGE_SLACK);
	last = add(last, RANGE_SLACK);
	if (first < *from)
		*from = first;
	if (last > *to)
		*to = last;
}

bool reader_clock_range(const struct reader *r, const struct reader_segment *s, int64_t *from,
			int64_t *to)
{
	const struct reader_boot *b = reader_clock_boot(r, s->boot);

	if (!s->records && s->state == FORMAT_SEALED)
		return false;
	*from = INT64_MAX;
	*to = INT64_MIN;
	if (s->first_utc_ns || s->last_utc_ns)
		widen(from, to, s->first_utc_ns, s->last_utc_ns);
	if (b && is_sample(&b->last))
		widen(from, to, add(s->first_mono_ns, offset_of(&b->last)),
		      add(s->last_mono_ns, offset_of(&b->last)));
	if (*from > *to) { /* no clock: could be any time */
		*from = INT64_MIN;
		*to = INT64_MAX;
	}
	return true;
}
