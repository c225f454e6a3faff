/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What records and checkpoints say about the store itself: names, clock samples, locks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reader_impl.h"

int reader_index_name(struct reader *r, uint32_t id, const char *name, size_t len)
{
	size_t at = r->names;

	if (!format_camera_name_ok(name, len))
		return 0; /* says nothing we could show */
	while (at && r->name[at - 1]->id >= id)
		at--;
	if (at < r->names && r->name[at]->id == id)
		return 0;
	if (r->names == r->names_room) {
		size_t room = r->names_room ? r->names_room * 2 : 64;
		void *p = reallocarray(r->name, room, sizeof(*r->name));

		if (!p)
			return -ENOMEM;
		r->name = p;
		r->names_room = room;
	}
	struct reader_name *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->id = id;
	memcpy(n->name, name, len);
	memmove(&r->name[at + 1], &r->name[at], (r->names - at) * sizeof(*r->name));
	r->name[at] = n;
	r->names++;
	return 0;
}

static void learn_locks(struct reader *r, const uint8_t *payload, uint32_t bytes)
{
	struct format_lock l;

	for (uint32_t at = 0; at + DISK_LOCK_ENTRY <= bytes; at += DISK_LOCK_ENTRY)
		if (!format_lock_decode(payload + at, &r->super, &l) &&
		    r->segment[l.segment].sequence == l.sequence)
			r->segment[l.segment].locked = l.locked;
}

/* A cursor comes by older segments again: what they tell of locks is over. */
static int learn_holds(struct reader *r, uint64_t sequence, const uint8_t *payload, uint32_t bytes)
{
	if (sequence < r->locks_told)
		return 0;
	r->locks_told = sequence;
	return locktable_apply(&r->locks, payload, bytes);
}

static int learn_clock(struct reader *r, const struct format_segment *h,
		       const struct format_record *rec)
{
	const struct format_clock c = {
		.mono_ns = rec->mono_ns,
		.utc_ns = rec->clock_sample.utc_ns,
		.error_us = rec->clock_sample.error_us,
		.synchronised = rec->clock_sample.synchronised,
	};

	return reader_clock_note(r, h->boot, h->boot_id, &c);
}

int reader_index_learn(struct reader *r, const struct format_segment *h,
		       const struct format_record *rec, const uint8_t *payload)
{
	switch (rec->kind) {
	case RECORD_CAMERA:
		return reader_index_name(r, rec->camera_id, (const char *)payload,
					 rec->payload_bytes);
	case RECORD_CLOCK: return learn_clock(r, h, rec);
	case DISK_RECORD_LOCK: learn_locks(r, payload, rec->payload_bytes); return 0;
	case DISK_RECORD_HOLD: return learn_holds(r, h->sequence, payload, rec->payload_bytes);
	default: return 0;
	}
}
