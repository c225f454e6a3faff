/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recycling, first in first out, and locks. */
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

/* Appends lock entries as records of at most a sixteenth of a segment. */
static int append_locks(struct store *s, const uint8_t *entries, uint32_t count, bool first)
{
	uint32_t most = s->super.segment_bytes / 64 / DISK_LOCK_ENTRY;

	while (count) {
		uint32_t n = count < most ? count : most;
		struct format_record rec = {
			.kind = DISK_RECORD_LOCK,
			.mono_ns = monotime_now(),
			.payload_bytes = n * DISK_LOCK_ENTRY,
		};
		/* At the start of a segment nothing that was kept may come in between. */
		int err = first ? append_now(s, &rec, entries, NULL)
				: append_record(s, &rec, entries, NULL);

		if (err)
			return err;
		entries += (size_t)n * DISK_LOCK_ENTRY;
		count -= n;
	}
	return 0;
}

int retain_append_locks(struct store *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->super.segments; i++)
		n += s->table[i].locked;
	/* Too many to carry along: the checkpoint has them. */
	if (!n || n > s->super.segment_bytes / 16 / DISK_LOCK_ENTRY)
		return 0;
	uint8_t *buf = malloc((size_t)n * DISK_LOCK_ENTRY), *p = buf;

	if (!buf)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->super.segments; i++) {
		if (!s->table[i].locked)
			continue;
		format_lock_encode(p, &(struct format_lock){.sequence = s->table[i].sequence,
							    .segment = i,
							    .locked = true});
		p += DISK_LOCK_ENTRY;
	}
	int err = append_locks(s, buf, n, true);

	free(buf);
	return err;
}

void retain_apply_locks(struct store *s, const uint8_t *payload, uint32_t bytes)
{
	for (uint32_t at = 0; at + DISK_LOCK_ENTRY <= bytes; at += DISK_LOCK_ENTRY) {
		struct format_lock l;

		if (format_lock_decode(payload + at, &s->super, &l))
			continue;
		struct format_checkpoint_segment *e = &s->table[l.segment];

		if (e->sequence == l.sequence &&
		    (e->state == FORMAT_SEALED || e->state == FORMAT_OPEN))
			e->locked = l.locked;
	}
}

static bool overlaps(const struct format_checkpoint_segment *e, int64_t from, int64_t to)
{
	if (e->state != FORMAT_SEALED && e->state != FORMAT_OPEN)
		return false;
	/* What has no time is locked with everything: better too much than lost. */
	if (!e->first_utc_ns)
		return e->records != 0;
	return e->first_utc_ns <= to && e->last_utc_ns >= from;
}

static const struct segment *live_of(const struct store *s, uint32_t index)
{
	const struct segment *seg;

	list_for_each (seg, &s->live, link) {
		if (seg->head.index == index)
			return seg;
	}
	return NULL;
}

/* 1: the segment has records of the camera, or that cannot be told; 0: it has none. */
static int has_camera(struct store *s, uint32_t index, uint32_t camera_id)
{
	const struct segment *seg = live_of(s, index);
	uint64_t base = format_segment_offset(&s->super, index);
	struct format_seal f;
	int found = 1;

	if (camera_id == RECORD_ANY_CAMERA)
		return 1;
	if (seg)
		return seal_knows(&seg->seal, camera_id);
	uint8_t *block = volume_alloc(DISK_BLOCK), *buf = NULL;

	if (!block)
		return -ENOMEM;
	if (s->io->ops->read(s->io, block, DISK_BLOCK,
			     base + s->super.segment_bytes - DISK_BLOCK) ||
	    format_seal_decode(block, &s->super, index, &f) ||
	    f.sequence != s->table[index].sequence)
		goto out;
	uint32_t start = f.section[FORMAT_SECTION_CAMERAS].offset & ~(DISK_BLOCK - 1);
	uint32_t end =
		f.section[FORMAT_SECTION_CAMERAS].offset + f.section[FORMAT_SECTION_CAMERAS].bytes;
	size_t bytes = ALIGN_UP(end - start, DISK_BLOCK);

	buf = volume_alloc(bytes ? bytes : DISK_BLOCK);
	if (!buf) {
		found = -ENOMEM;
		goto out;
	}
	const uint8_t *p = buf + f.section[FORMAT_SECTION_CAMERAS].offset - start;

	if (s->io->ops->read(s->io, buf, bytes, base + start) ||
	    format_crc32c(0, p, f.section[FORMAT_SECTION_CAMERAS].bytes) !=
		    f.section[FORMAT_SECTION_CAMERAS].crc)
		goto out;
	found = 0;
	for (uint32_t i = 0; !found && i < f.section[FORMAT_SECTION_CAMERAS].count; i++) {
		struct format_seal_camera c;

		if (format_seal_camera_decode(p + (size_t)i * DISK_SEAL_CAMERA, &c) ||
		    c.camera_id == camera_id)
			found = 1;
	}
out:
	free(buf);
	free(block);
	return found;
}

int store_lock_segments(struct store *s, uint32_t camera_id, int64_t from_utc_ns, int64_t to_utc_ns,
			bool lock, unsigned *out_segments)
{
	if (camera_id != RECORD_ANY_CAMERA && (camera_id < 1 || camera_id > DISK_CAMERAS_MAX))
		return -EINVAL;
	if (from_utc_ns > to_utc_ns)
		return -EINVAL;
	if (s->failed)
		return s->failed;
	struct segment *seg;
	unsigned n = 0, changed = 0;
	int err = 0;
	uint8_t *entries = malloc((size_t)s->super.segments * DISK_LOCK_ENTRY);
	uint32_t *which = malloc((size_t)s->super.segments * sizeof(*which));

	if (!entries || !which) {
		err = -ENOMEM;
		goto out;
	}
	list_for_each (seg, &s->live, link)
		segment_to_table(s, seg, FORMAT_OPEN);
	for (uint32_t i = 0; i < s->super.segments; i++) {
		if (!overlaps(&s->table[i], from_utc_ns, to_utc_ns))
			continue;
		err = has_camera(s, i, camera_id);
		if (err < 0)
			goto out;
		if (!err)
			continue;
		n++;
		if (s->table[i].locked == lock)
			continue;
		which[changed] = i;
		format_lock_encode(entries + (size_t)changed++ * DISK_LOCK_ENTRY,
				   &(struct format_lock){.sequence = s->table[i].sequence,
							 .segment = i,
							 .locked = lock});
	}
	err = 0;
	for (unsigned i = 0; i < changed; i++)
		s->table[which[i]].locked = lock;
	if (changed) {
		/* In the log for recovery without a checkpoint; and in a checkpoint, which also
		 * works when the log is full. */
		int logged = append_locks(s, entries, changed, false);

		if (logged && logged != -ENOSPC)
			err = logged;
		s->checkpoint_due = true;
		retain_count(s);
		commit_kick(s);
	}
	if (!err && out_segments)
		*out_segments = n;
out:
	free(entries);
	free(which);
	return err;
}
