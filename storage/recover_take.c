/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking a segment into the log at mount: by its seal, or else by its chunks. With parity, what is
 * taken is written again as it was read: then its stripes are whole, whatever a crash left.
 */
#include "storage/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"

struct want {
	struct store *s;
	uint32_t index;
	union {
		struct format_segment *head;
		struct format_seal *seal;
		struct {
			uint32_t skip, bytes, crc;
		} section;
	};
	const struct format_segment *of; /* seal: whose */
};

static int check_head(void *ctx, const void *block)
{
	struct want *w = ctx;

	return format_segment_decode(block, &w->s->super, w->index, w->head);
}

static int check_seal(void *ctx, const void *block)
{
	struct want *w = ctx;
	int err = format_seal_decode(block, &w->s->super, w->index, w->seal);

	if (!err && (w->seal->sequence != w->of->sequence || w->seal->nonce != w->of->nonce))
		err = -EBADMSG;
	return err;
}

static int check_section(void *ctx, const void *buf)
{
	struct want *w = ctx;
	uint32_t crc = format_crc32c(0, (const uint8_t *)buf + w->section.skip, w->section.bytes);

	return crc == w->section.crc ? 0 : -EBADMSG;
}

int recover_read_head(struct store *s, uint32_t index, struct format_segment *out)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	struct want w = {.s = s, .index = index, .head = out};

	return storage_read_checked(s->io, block, DISK_BLOCK,
				    format_segment_offset(&s->super, index), check_head, &w);
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
	struct want w = {.section = {.skip = f->section[which].offset - start,
				     .bytes = f->section[which].bytes,
				     .crc = f->section[which].crc}};

	return bytes ? storage_read_checked(s->io, *buf, bytes,
					    format_segment_offset(&s->super, f->index) + start,
					    check_section, &w)
		     : check_section(&w, *buf);
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

int recover_take_small(struct store *s, const struct format_seal *f)
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
		if (rec.kind == DISK_RECORD_HOLD)
			err = locktable_apply(&s->locks, p + at, rec.payload_bytes);
		if (rec.kind == RECORD_CLOCK)
			err = take_clock(s, &rec, f->boot, f->boot_id, &clock);
		at += padded;
	}
	return err;
}

struct zeros {
	uint32_t skip, bytes;
};

static int check_zeros(void *ctx, const void *buf)
{
	const struct zeros *z = ctx;
	const uint8_t *p = buf;

	for (uint32_t i = z->skip; i < z->bytes; i++)
		if (p[i])
			return -EBADMSG;
	return 0;
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
	struct zeros z = {at - first, hi - first};
	const uint8_t *p;
	int err = read_section(s, f, FORMAT_SECTION_FRAMES, &frames, &p);

	if (err || at == hi)
		return err;
	rest = volume_alloc(z.bytes);
	if (!rest)
		return -ENOMEM;
	return storage_read_checked(s->io, rest, z.bytes,
				    format_segment_offset(&s->super, f->index) + first, check_zeros,
				    &z);
}

/* Power may have failed when only the data of a stripe was there, not its parity: before what was
 * found counts as durable, all of it is written again. With one volume there is no parity. */
static int write_again(struct store *s, uint32_t index, uint32_t offset, const uint8_t *buf,
		       uint32_t bytes)
{
	return s->io->ops->read_again
		       ? s->io->ops->write_sync(s->io, buf, bytes,
						format_segment_offset(&s->super, index) + offset)
		       : 0;
}

static int write_head_again(struct store *s, const struct format_segment *h)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(format_unit(&s->super));

	if (!block)
		return -ENOMEM;
	format_segment_encode(block, &s->super, h);
	return write_again(s, h->index, 0, block, format_unit(&s->super));
}

struct again {
	const struct format_super *super;
	const struct format_seal *f;
};

static int check_whole_seal(void *ctx, const void *buf)
{
	const struct again *a = ctx;
	const uint8_t *p = buf;
	struct format_seal f;

	for (unsigned i = 0; i < FORMAT_SECTIONS; i++)
		if (format_crc32c(0, p + (a->f->section[i].offset - a->f->seal_start),
				  a->f->section[i].bytes) != a->f->section[i].crc)
			return -EBADMSG;
	const struct zeros z = {a->f->section[FORMAT_SECTION_FRAMES].offset +
					a->f->section[FORMAT_SECTION_FRAMES].bytes -
					a->f->seal_start,
				a->super->segment_bytes - DISK_BLOCK - a->f->seal_start};

	if (check_zeros((void *)(uintptr_t)&z, buf))
		return -EBADMSG;
	p += z.bytes;
	int err = format_seal_decode(p, a->super, a->f->index, &f);

	/* An older seal may still be there whole. */
	return err ? err : f.sequence == a->f->sequence && f.nonce == a->f->nonce ? 0 : -EBADMSG;
}

static int write_seal_again(struct store *s, const struct format_seal *f)
{
	uint32_t bytes = s->super.segment_bytes - f->seal_start;
	struct again a = {&s->super, f};
	CLEANUP_FREE uint8_t *buf = NULL;

	if (!s->io->ops->read_again)
		return 0;
	buf = volume_alloc(bytes);
	if (!buf)
		return -ENOMEM;
	int err = storage_read_checked(s->io, buf, bytes,
				       format_segment_offset(&s->super, f->index) + f->seal_start,
				       check_whole_seal, &a);

	return err ? err : write_again(s, f->index, f->seal_start, buf, bytes);
}

/* Takes a segment by its seal. -EBADMSG: it has none that counts. */
static int take_sealed(struct store *s, struct tail *t)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(DISK_BLOCK);
	uint64_t at = format_segment_offset(&s->super, t->head.index);
	struct format_seal f;

	if (!block)
		return -ENOMEM;
	struct want w = {.s = s, .index = t->head.index, .seal = &f, .of = &t->head};
	int err = storage_read_checked(s->io, block, DISK_BLOCK,
				       at + s->super.segment_bytes - DISK_BLOCK, check_seal, &w);

	if (!err)
		err = check_frames(s, &f);
	if (!err)
		err = take_cameras(s, &f);
	if (!err)
		err = write_seal_again(s, &f);
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
	return err ? err : recover_take_small(s, &f);
}

struct taking {
	struct store *s;
	struct segment *seg;
};

static int take_chunk(void *ctx, const struct format_chunk *c, const uint8_t *bytes)
{
	struct taking *t = ctx;
	int err = seal_reserve(&t->seg->seal, 0, 0, 0);

	if (!err)
		err = write_again(t->s, t->seg->head.index, c->start, bytes, c->bytes);
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
	if (rec->kind == DISK_RECORD_HOLD)
		err = locktable_apply(&t->s->locks, payload, rec->payload_bytes);
	if (err)
		return err;
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
		err = write_head_again(s, &t->head);
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
