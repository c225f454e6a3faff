/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount. From the newest checkpoint the log is walked to its end (docs/DISK_FORMAT.md, "Finding
 * what there is"); without a usable one every segment is looked at. Seals that are missing are
 * written, then a checkpoint: doing it again changes nothing.
 */
#include "storage/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"

static int read_block(struct store *s, uint8_t *block, uint64_t at)
{
	return s->io->ops->read(s->io, block, DISK_BLOCK, at);
}

int recover_read_head(struct store *s, uint32_t index, struct format_segment *out)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	int err = read_block(s, block, format_segment_offset(&s->super, index));

	return err ? err : format_segment_decode(block, &s->super, index, out);
}

static int64_t utc_of(const struct format_clock *c, int64_t mono_ns)
{
	return c->utc_ns ? c->utc_ns + (mono_ns - c->mono_ns) : 0;
}

/* One section of a seal, read and checked; *out points into *buf, which is to be freed. */
static int read_section(struct store *s, const struct format_seal *f, enum format_section which,
			uint8_t **buf, const uint8_t **out)
{
	uint32_t start = f->section[which].offset & ~(DISK_BLOCK - 1);
	size_t bytes = ALIGN_UP((size_t)f->section[which].offset + f->section[which].bytes - start,
				(size_t)DISK_BLOCK);

	*buf = volume_alloc(bytes ? bytes : DISK_BLOCK);
	if (!*buf)
		return -ENOMEM;
	*out = *buf + (f->section[which].offset - start);
	int err = bytes ? s->io->ops->read(s->io, *buf, bytes,
					   format_segment_offset(&s->super, f->index) + start)
			: 0;

	if (err)
		return err;
	return format_crc32c(0, *out, f->section[which].bytes) == f->section[which].crc ? 0
											: -EBADMSG;
}

static int take_cameras(struct store *s, const struct format_seal *f)
{
	CLEANUP_FREE uint8_t *buf = NULL;
	const uint8_t *p;
	int err = read_section(s, f, FORMAT_SECTION_CAMERAS, &buf, &p);

	for (uint32_t i = 0; !err && i < f->section[FORMAT_SECTION_CAMERAS].count; i++) {
		struct format_seal_camera c;

		err = format_seal_camera_decode(p + (size_t)i * DISK_SEAL_CAMERA, &c);
		if (!err && c.camera_id != RECORD_NO_CAMERA && c.name[0])
			err = camera_put(s, c.camera_id, c.name);
	}
	return err;
}

/* A sample of the clock says when the boot was, even if the segment it is in says no more. */
static int take_clock(struct store *s, const struct format_record *rec, uint32_t boot,
		      const uint8_t boot_id[16], struct format_clock *out)
{
	*out = (struct format_clock){
		.mono_ns = rec->mono_ns,
		.utc_ns = rec->clock_sample.utc_ns,
		.error_us = rec->clock_sample.error_us,
		.synchronised = rec->clock_sample.synchronised,
	};
	return boot_put(s, boot, boot_id, out, out);
}

static int take_small(struct store *s, const struct format_seal *f)
{
	struct format_clock clock;
	CLEANUP_FREE uint8_t *buf = NULL;
	const uint8_t *p;
	size_t at = 0, len = f->section[FORMAT_SECTION_SMALL].bytes, used;
	int err = read_section(s, f, FORMAT_SECTION_SMALL, &buf, &p);

	for (uint32_t i = 0; !err && i < f->section[FORMAT_SECTION_SMALL].count; i++) {
		struct format_record rec;

		err = format_record_decode(p + at, len - at, DISK_BLOCK, f->end, &rec, &used);
		if (err)
			break;
		at += used;
		size_t padded = ALIGN_UP((size_t)rec.payload_bytes, (size_t)DISK_RECORD_ALIGN);

		if (padded > len - at)
			return -EBADMSG;
		if (rec.kind == DISK_RECORD_LOCK)
			retain_apply_locks(s, p + at, rec.payload_bytes);
		if (rec.kind == RECORD_CLOCK)
			err = take_clock(s, &rec, f->boot, f->boot_id, &clock);
		at += padded;
	}
	return err;
}

/*
 * Power may have failed while the seal was written: it counts when all of it is there. No checksum
 * covers the zeros behind the last section: where they are not, the seal is written again.
 */
static int check_frames(struct store *s, const struct format_seal *f)
{
	uint32_t at =
		f->section[FORMAT_SECTION_FRAMES].offset + f->section[FORMAT_SECTION_FRAMES].bytes;
	uint32_t first = at & ~(DISK_BLOCK - 1), hi = s->super.segment_bytes - DISK_BLOCK;
	CLEANUP_FREE uint8_t *frames = NULL, *rest = NULL;
	const uint8_t *p;
	int err = read_section(s, f, FORMAT_SECTION_FRAMES, &frames, &p);

	if (err || at == hi)
		return err;
	rest = volume_alloc(hi - first);
	if (!rest)
		return -ENOMEM;
	err = s->io->ops->read(s->io, rest, hi - first,
			       format_segment_offset(&s->super, f->index) + first);
	for (uint32_t i = at - first; !err && i < hi - first; i++)
		err = rest[i] ? -EBADMSG : 0;
	return err;
}

/* Takes a segment by its seal. -EBADMSG: it has none that counts. */
static int take_sealed(struct store *s, struct tail *t)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);
	uint64_t at = format_segment_offset(&s->super, t->head.index);
	struct format_seal f;

	if (!block)
		return -ENOMEM;
	int err = read_block(s, block, at + s->super.segment_bytes - DISK_BLOCK);

	if (!err)
		err = format_seal_decode(block, &s->super, t->head.index, &f);
	if (!err && (f.sequence != t->head.sequence || f.nonce != t->head.nonce))
		err = -EBADMSG;
	if (!err)
		err = check_frames(s, &f);
	if (!err)
		err = take_cameras(s, &f);
	if (err)
		return err;
	t->end = f.end;
	t->sealed = true;
	t->records = f.records;
	struct format_checkpoint_segment *e = &s->table[f.index];

	*e = (struct format_checkpoint_segment){
		.sequence = f.sequence,
		.nonce = f.nonce,
		.state = FORMAT_SEALED,
		.locked = e->locked && e->sequence == f.sequence,
		.boot = f.boot,
		.records = f.records,
		.end = f.end,
		.seal_start = f.seal_start,
		.first_mono_ns = f.first_mono_ns,
		.last_mono_ns = f.last_mono_ns,
		.first_utc_ns = f.records ? utc_of(&f.first_clock, f.first_mono_ns) : 0,
		.last_utc_ns = f.records ? utc_of(&f.first_clock, f.last_mono_ns) : 0,
	};
	/* The entry first: a lock may speak of the segment it is in. */
	err = boot_put(s, f.boot, f.boot_id, &f.first_clock, &f.last_clock);
	return err ? err : take_small(s, &f);
}

struct taking {
	struct store *s;
	struct segment *seg;
};

static int take_chunk(void *ctx, const struct format_chunk *c)
{
	struct taking *t = ctx;
	int err = seal_reserve(&t->seg->seal, 0, 0, 0);

	if (!err)
		seal_chunk(&t->seg->seal, c->start);
	return err;
}

static int take_record(void *ctx, const struct format_record *rec, const uint8_t *head,
		       const uint8_t *payload)
{
	struct taking *t = ctx;
	int err = seal_reserve(&t->seg->seal, format_record_bytes(rec), rec->payload_bytes, 1);

	if (err)
		return err;
	if (rec->kind == RECORD_CAMERA) {
		char name[DISK_CAMERA_NAME + 1] = {0};

		memcpy(name, payload, rec->payload_bytes);
		/* A contradiction would be damage that passed a checksum; the first name stands. */
		err = camera_put(t->s, rec->camera_id, name);
		if (err == -ENOMEM)
			return err;
		err = 0;
	}
	if (rec->kind == DISK_RECORD_LOCK)
		retain_apply_locks(t->s, payload, rec->payload_bytes);
	if (rec->kind == RECORD_CLOCK)
		err = take_clock(t->s, rec, t->seg->head.boot, t->seg->head.boot_id,
				 &t->seg->clock);
	seal_add(&t->seg->seal, rec, payload);
	return err;
}

/* Takes a segment by its chunks, up to `limit`. */
static int take_scanned(struct store *s, struct tail *t, uint32_t limit)
{
	struct segment *seg = calloc(1, sizeof(*seg));
	struct taking k = {.s = s, .seg = seg};

	if (!seg || seal_init(&seg->seal)) {
		free(seg);
		return -ENOMEM;
	}
	seg->head = t->head;
	seg->clock = t->head.clock;
	/* Locks on a segment are known by the entry's sequence before its records are read. */
	segment_to_table(s, seg, FORMAT_OPEN);
	int err = boot_put(s, t->head.boot, t->head.boot_id, &t->head.clock, &t->head.clock);

	if (!err)
		err = scan_segment(s->io, &s->super, &t->head, limit, take_record, take_chunk, &k,
				   &seg->pos);
	if (err) {
		segment_free(seg);
		return err;
	}
	if (t->seg)
		segment_free(t->seg);
	t->seg = seg;
	t->end = seg->pos;
	t->sealed = false;
	t->records = seg->seal.small_count + seg->seal.frames_count;
	segment_to_table(s, seg, FORMAT_OPEN);
	return 0;
}

int recover_take(struct store *s, const struct format_segment *h, struct tail *t)
{
	*t = (struct tail){.head = *h};
	int err = take_sealed(s, t);

	if (err == -ENOMEM)
		return err;
	return err ? take_scanned(s, t, s->super.segment_bytes - format_unit(&s->super)) : 0;
}

int recover_continues(const struct tail *t, const struct format_segment *m)
{
	return m->sequence > t->head.sequence && m->prev_sequence == t->head.sequence &&
	       m->prev_nonce == t->head.nonce && m->prev_end <= t->end;
}

int recover_limit(struct store *s, struct tail *t, uint32_t end)
{
	return t->end == end ? 0 : take_scanned(s, t, end);
}

/* A scanned segment gets its seal; then the tail's place in the log is known. */
int recover_finish(struct store *s, struct tail *t)
{
	s->prev_sequence = t->head.sequence;
	s->prev_nonce = t->head.nonce;
	s->prev_end = t->end;
	s->prev_index = t->head.index;
	s->next_index = t->head.next;
	if (!t->seg)
		return 0;
	struct segment *seg = t->seg;
	uint32_t start;
	uint8_t *buf;

	t->seg = NULL;
	int err = segment_build_seal(s, seg, &buf, &start);

	if (!err) {
		err = s->io->ops->write_sync(s->io, buf, s->super.segment_bytes - start,
					     format_segment_offset(&s->super, seg->head.index) +
						     start);
		free(buf);
	}
	if (!err)
		segment_to_table(s, seg, FORMAT_SEALED);
	segment_free(seg);
	return err;
}

void recover_drop(struct store *s, struct tail *t)
{
	if (t->seg)
		segment_free(t->seg);
	t->seg = NULL;
	s->table[t->head.index] = (struct format_checkpoint_segment){.state = FORMAT_FREE};
}

/* The segment before the first one looked at, when it is still there. */
static void find_previous(struct store *s, const struct format_segment *h)
{
	for (uint32_t i = 0; i < s->super.segments; i++) {
		const struct format_checkpoint_segment *e = &s->table[i];

		if (e->state != FORMAT_SEALED || e->sequence != h->prev_sequence ||
		    e->nonce != h->prev_nonce)
			continue;
		s->prev_sequence = e->sequence;
		s->prev_nonce = e->nonce;
		s->prev_end = h->prev_end;
		s->prev_index = i;
	}
}

/* The log's last segment: an empty one is as good as never opened. */
static int finish_last(struct store *s, struct tail *t)
{
	if (t->records) {
		int err = recover_finish(s, t);

		retain_give_up(s, t->head.next);
		return err;
	}
	if (!s->prev_sequence)
		find_previous(s, &t->head);
	recover_drop(s, t);
	/* Its header gave up the one it names. */
	retain_give_up(s, t->head.next);
	s->next_index = t->head.index;
	return 0;
}

static int walk_on(struct store *s, struct tail *t)
{
	for (uint32_t steps = 0; steps <= s->super.segments; steps++) {
		struct format_segment m;
		/* The first step from a checkpoint may lead elsewhere than the header says. */
		uint32_t next = steps ? t->head.next : s->next_index;
		int err = recover_read_head(s, next, &m);

		if (err == -ENOMEM)
			return err;
		t->head.next = next;
		if (err || !recover_continues(t, &m))
			return finish_last(s, t);
		err = recover_limit(s, t, m.prev_end);
		if (!err)
			err = recover_finish(s, t);
		if (err)
			return err;
		s->last_sequence = m.sequence > s->last_sequence ? m.sequence : s->last_sequence;
		err = recover_take(s, &m, t);
		if (err)
			return err;
		s->walked++;
	}
	return -EBADMSG;
}

/* From segment t on to the log's end. */
static int walk(struct store *s, struct tail *t)
{
	int err = walk_on(s, t);

	if (t->seg)
		segment_free(TAKE_PTR(t->seg));
	return err;
}

/* What is left of entries that were not found again. */
static void clear_free(struct store *s)
{
	for (uint32_t i = 0; i < s->super.segments; i++)
		if (s->table[i].state == FORMAT_FREE)
			s->table[i] = (struct format_checkpoint_segment){.state = FORMAT_FREE};
}

/* Entries that were open are found again by the walk, or not at all. */
static void forget_open(struct store *s)
{
	for (uint32_t i = 0; i < s->super.segments; i++)
		if (s->table[i].state == FORMAT_OPEN)
			s->table[i].state = FORMAT_FREE;
}

static int from_sealed_head(struct store *s, const struct format_checkpoint *c)
{
	const struct format_checkpoint_segment *e = &s->table[c->head];
	struct tail t = {.head = {.sequence = e->sequence,
				  .nonce = e->nonce,
				  .index = c->head,
				  .next = c->next},
			 .end = e->end,
			 .sealed = true,
			 .records = e->records};
	struct format_segment m;
	int err = recover_read_head(s, c->next, &m);

	if (err == -ENOMEM)
		return err;
	s->prev_sequence = e->sequence;
	s->prev_nonce = e->nonce;
	s->prev_end = e->end;
	s->prev_index = c->head;
	if (err || !recover_continues(&t, &m) || m.prev_end != e->end)
		return 0;
	s->last_sequence = m.sequence > s->last_sequence ? m.sequence : s->last_sequence;
	err = recover_take(s, &m, &t);
	s->next_index = m.next;
	s->walked++;
	return err ? err : walk(s, &t);
}

static int from_nothing(struct store *s, const struct format_checkpoint *c)
{
	struct format_segment m;
	struct tail t;
	int err = recover_read_head(s, c->next, &m);

	if (err == -ENOMEM)
		return err;
	if (err || m.prev_sequence)
		return 0;
	s->last_sequence = m.sequence > s->last_sequence ? m.sequence : s->last_sequence;
	err = recover_take(s, &m, &t);
	s->next_index = m.next;
	s->walked++;
	return err ? err : walk(s, &t);
}

/* -EBADMSG: the checkpoint does not lead anywhere. */
static int from_checkpoint(struct store *s, const struct format_checkpoint *c)
{
	struct format_segment h;
	struct tail t;

	if (c->next >= s->super.segments)
		return -EBADMSG;
	s->last_sequence = c->last_sequence;
	s->next_index = c->next;
	if (c->head == DISK_NO_SEGMENT) {
		forget_open(s);
		return from_nothing(s, c);
	}
	struct format_checkpoint_segment e = s->table[c->head];

	if (e.state == FORMAT_SEALED) {
		forget_open(s);
		return from_sealed_head(s, c);
	}
	if (e.state != FORMAT_OPEN)
		return -EBADMSG;
	int err = recover_read_head(s, c->head, &h);

	if (err || h.sequence != e.sequence || h.nonce != e.nonce)
		return err == -ENOMEM ? err : -EBADMSG;
	forget_open(s);
	err = recover_take(s, &h, &t);
	s->walked++;
	return err ? err : walk(s, &t);
}

static int make_tables(struct store *s)
{
	s->table = calloc(s->super.segments, sizeof(*s->table));
	return s->table ? 0 : -ENOMEM;
}

int recover_store(struct store *s, struct errmsg *em)
{
	struct format_checkpoint c;
	int err = make_tables(s);

	if (err)
		return errmsg_set(em, err, "%s: no memory to open the store", s->dir);
	/* A process that was killed leaves writes that can be read and are not durable: what is
	 * found here must be, before a seal vouches for it. */
	err = s->io->ops->flush_sync(s->io);
	if (err)
		return errmsg_set(em, err, "%s: cannot flush the disk: %s", s->dir, strerror(-err));
	err = checkpoint_load(s, &c);
	bool loaded = !err;

	if (!err)
		err = from_checkpoint(s, &c);
	if (err == -EBADMSG) {
		s->walked++;
		err = recover_rebuild(s, loaded);
	}
	clear_free(s);
	if (err == -ENOMEM)
		return errmsg_set(em, err, "%s: no memory to open the store", s->dir);
	if (!err && s->walked) {
		/* Seals first: the checkpoint calls those segments sealed. */
		err = s->io->ops->flush_sync(s->io);
		if (!err)
			err = checkpoint_write_sync(s);
	} else if (!err) {
		s->checkpoint_floor = s->prev_sequence;
	}
	if (err == -EBADMSG)
		return errmsg_set(em, err,
				  "%s: the store is damaged beyond use: run `matlang store verify "
				  "%s`",
				  s->dir, s->dir);
	if (err)
		return errmsg_set(em, err, "%s: cannot recover the store: %s", s->dir,
				  strerror(-err));
	s->durable =
		s->prev_sequence ? format_position(&s->super, s->prev_sequence, s->prev_end) : 0;
	STORE_SET(s, durable, s->durable);
	STORE_SET(s, appended, s->durable);
	retain_count(s);
	return 0;
}
