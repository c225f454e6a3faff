/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recycling, first in first out. */
#include "storage/append.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t retain_pick(struct store *s, uint32_t except, bool *wait)
{
	/* The oldest that recovery does not need any more to begin its walk. */
	const struct format_checkpoint_segment *best = NULL;
	uint64_t soon = s->prev_sequence;
	bool more = !list_empty(&s->live) && s->live.next->next != &s->live;

	if (!list_empty(&s->live))
		soon = list_entry(s->live.next, struct segment, link)->head.sequence;
	*wait = more;
	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		if (i == except)
			continue;
		if (e->state == FORMAT_FREE)
			return i;
		if (i == s->held) {
			*wait = true; /* not for long */
			continue;
		}
		if (e->state != FORMAT_SEALED || e->locked)
			continue;
		if (e->sequence >= s->checkpoint_floor)
			*wait = *wait || e->sequence < soon;
		else if (!best || e->sequence < best->sequence)
			best = e;
	}
	return best ? (uint32_t)(best - s->table) : DISK_NO_SEGMENT;
}

void retain_give_up(struct store *s, uint32_t index)
{
	if (s->table[index].state == FORMAT_SEALED)
		STORE_ADD(s, recycled, 1);
	s->table[index] = (struct format_checkpoint_segment){.state = FORMAT_FREE};
}

void retain_count(struct store *s)
{
	uint64_t used = 0, locked = 0, oldest = UINT64_MAX;
	int64_t utc = 0;

	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		if (e->state != FORMAT_SEALED && e->state != FORMAT_OPEN)
			continue;
		used++;
		locked += e->locked;
		if (e->records && e->first_utc_ns && e->sequence < oldest) {
			oldest = e->sequence;
			utc = e->first_utc_ns;
		}
	}
	STORE_SET(s, used, used);
	STORE_SET(s, locked, locked);
	STORE_SET(s, oldest_utc_ns, utc);
}
