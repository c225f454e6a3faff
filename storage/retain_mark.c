/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which segments are locked. What people lock (locks.c) is a camera and a span of time; here it
 * becomes a mark on every segment that holds some of it, written to the log in entries of their
 * own, so that whoever follows the log need not look for cameras in seals.
 */
#include "storage/append.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static void widen(int64_t *from, int64_t *to, const struct format_clock *c,
		  const struct format_checkpoint_segment *e)
{
	int64_t offset, first, last;

	if (!c->utc_ns || __builtin_sub_overflow(c->utc_ns, c->mono_ns, &offset) ||
	    __builtin_add_overflow(e->first_mono_ns, offset, &first) ||
	    __builtin_add_overflow(e->last_mono_ns, offset, &last))
		return;
	if (first < *from)
		*from = first;
	if (last > *to)
		*to = last;
}

void retain_span(const struct store *s, const struct format_checkpoint_segment *e, int64_t *from,
		 int64_t *to)
{
	*from = INT64_MAX;
	*to = INT64_MIN;
	if (e->first_utc_ns) {
		*from = e->first_utc_ns;
		*to = e->last_utc_ns;
	}
	/* A boot that learned the time later dates what came before by that. */
	for (uint32_t i = s->nboots; i-- > 0;)
		if (s->boots[i].boot == e->boot)
			widen(from, to, &s->boots[i].last, e);
	/* What has no time is locked with everything: better too much than lost. */
	if (*from > *to) {
		*from = INT64_MIN;
		*to = INT64_MAX;
	}
}

int retain_covers(struct store *s, const struct record_lock *l, uint32_t index)
{
	const struct format_checkpoint_segment *e = &s->table[index];
	int64_t from, to;

	if ((e->state != FORMAT_SEALED && e->state != FORMAT_OPEN) || !e->records)
		return 0;
	retain_span(s, e, &from, &to);
	if (from >= l->to_utc_ns || to < l->from_utc_ns)
		return 0;
	return has_camera(s, index, l->camera_id);
}

int retain_mark(struct store *s, const uint32_t *index, uint32_t count, bool locked)
{
	if (!count)
		return 0;
	uint8_t *entries = malloc((size_t)count * DISK_LOCK_ENTRY);

	if (!entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		s->table[index[i]].locked = locked;
		format_lock_encode(entries + (size_t)i * DISK_LOCK_ENTRY,
				   &(struct format_lock){.sequence = s->table[index[i]].sequence,
							 .segment = index[i],
							 .locked = locked});
	}
	/* In the log for recovery without a checkpoint; and in a checkpoint, which also works when
	 * the log is full. */
	int err = append_locks(s, entries, count, false);

	free(entries);
	s->checkpoint_due = true;
	retain_count(s);
	commit_kick(s);
	return err == -ENOSPC ? 0 : err;
}
