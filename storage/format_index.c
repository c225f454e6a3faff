/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seals and checkpoints. */
#include "storage/disk_format.h"

#include <errno.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "storage/format_block.h"

#define SEAL_SECTIONS 152u  /* offset of the section table */
#define SEAL_MINUTES  4072u /* where the newest minute maps are: u64, u32, u32 */
#define FLAG_LOCKED   1u

bool format_camera_name_ok(const char *name, size_t len)
{
	static const char alnum[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	if (len < 1 || len > DISK_CAMERA_NAME || memchr(name, 0, len) || !strchr(alnum, name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!strchr(alnum, name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

/* A name field: `len` at its own place, 64 bytes padded with zeros. */
static int decode_name(const uint8_t *p, uint32_t len, char out[static DISK_CAMERA_NAME + 1])
{
	if (len > DISK_CAMERA_NAME || !format_camera_name_ok((const char *)p, len))
		return -EBADMSG;
	memcpy(out, p, len);
	out[len] = 0;
	return 0;
}

static uint32_t encode_name(uint8_t *p, const char *name)
{
	size_t len = strnlen(name, DISK_CAMERA_NAME);

	memcpy(p, name, len);
	return (uint32_t)len;
}

void format_seal_encode(uint8_t b[static DISK_BLOCK], const struct format_super *s,
			const struct format_seal *f)
{
	format_block_begin(b, FORMAT_MAGIC_SEAL);
	bytes_put_le32(b + 12, f->index);
	memcpy(b + 16, s->store_uuid, 16);
	bytes_put_le64(b + 32, f->sequence);
	bytes_put_le64(b + 40, f->nonce);
	bytes_put_le32(b + 48, f->next);
	bytes_put_le32(b + 52, f->boot);
	memcpy(b + 56, f->boot_id, 16);
	bytes_put_le32(b + 72, f->end);
	bytes_put_le32(b + 76, f->seal_start);
	bytes_put_le32(b + 80, f->records);
	bytes_put_le32(b + 84, f->chunks);
	bytes_put_le64(b + 88, (uint64_t)f->first_mono_ns);
	bytes_put_le64(b + 96, (uint64_t)f->last_mono_ns);
	format_clock_encode(b + 104, &f->first_clock);
	format_clock_encode(b + 128, &f->last_clock);
	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		uint8_t *p = b + SEAL_SECTIONS + i * 16;

		bytes_put_le32(p, f->section[i].offset);
		bytes_put_le32(p + 4, f->section[i].bytes);
		bytes_put_le32(p + 8, f->section[i].count);
		bytes_put_le32(p + 12, f->section[i].crc);
	}
	bytes_put_le64(b + SEAL_MINUTES, f->minutes.position);
	bytes_put_le32(b + SEAL_MINUTES + 8, f->minutes.bytes);
	bytes_put_le32(b + SEAL_MINUTES + 12, f->minutes.tables_bytes);
	format_block_end(b);
}

/* Sections lie in order, apart, between seal_start and the seal block. */
static bool sections_ok(const struct format_super *s, const struct format_seal *f)
{
	static const uint32_t least[FORMAT_SECTIONS] = {DISK_SEAL_CAMERA, DISK_RECORD_HEAD,
							DISK_RECORD_HEAD};
	uint32_t at = f->seal_start, hi = s->segment_bytes - DISK_BLOCK;

	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		if (f->section[i].offset < at || f->section[i].offset > hi ||
		    f->section[i].offset % DISK_RECORD_ALIGN ||
		    f->section[i].bytes % DISK_RECORD_ALIGN ||
		    f->section[i].bytes > hi - f->section[i].offset ||
		    f->section[i].count > f->section[i].bytes / least[i])
			return false;
		at = f->section[i].offset + f->section[i].bytes;
	}
	return (uint64_t)f->section[FORMAT_SECTION_CAMERAS].count * DISK_SEAL_CAMERA ==
		       f->section[FORMAT_SECTION_CAMERAS].bytes &&
	       (uint64_t)f->section[FORMAT_SECTION_SMALL].count +
			       f->section[FORMAT_SECTION_FRAMES].count ==
		       f->records;
}

int format_seal_decode(const uint8_t b[static DISK_BLOCK], const struct format_super *s,
		       uint32_t index, struct format_seal *out)
{
	int err = format_block_check(b, FORMAT_MAGIC_SEAL);

	if (err)
		return err;
	struct format_seal f = {
		.index = bytes_le32(b + 12),
		.sequence = bytes_le64(b + 32),
		.nonce = bytes_le64(b + 40),
		.next = bytes_le32(b + 48),
		.boot = bytes_le32(b + 52),
		.end = bytes_le32(b + 72),
		.seal_start = bytes_le32(b + 76),
		.records = bytes_le32(b + 80),
		.chunks = bytes_le32(b + 84),
		.first_mono_ns = (int64_t)bytes_le64(b + 88),
		.last_mono_ns = (int64_t)bytes_le64(b + 96),
		.first_clock = format_clock_decode(b + 104),
		.last_clock = format_clock_decode(b + 128),
		/* Whoever follows it checks it: it counts as none where it leads nowhere. */
		.minutes = {.position = bytes_le64(b + SEAL_MINUTES),
			    .bytes = bytes_le32(b + SEAL_MINUTES + 8),
			    .tables_bytes = bytes_le32(b + SEAL_MINUTES + 12)},
	};

	memcpy(f.boot_id, b + 56, 16);
	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		const uint8_t *p = b + SEAL_SECTIONS + i * 16;

		f.section[i].offset = bytes_le32(p);
		f.section[i].bytes = bytes_le32(p + 4);
		f.section[i].count = bytes_le32(p + 8);
		f.section[i].crc = bytes_le32(p + 12);
	}
	if (memcmp(b + 16, s->store_uuid, 16) || f.index != index ||
	    !format_sequence_ok(s, f.sequence) || !f.nonce || f.next >= s->segments ||
	    f.next == index || !f.boot || !format_end_ok(s, f.end) ||
	    !format_end_ok(s, f.seal_start) || f.seal_start < f.end ||
	    f.chunks > f.end / DISK_BLOCK || !sections_ok(s, &f))
		return -EBADMSG;
	*out = f;
	return 0;
}

void format_seal_camera_encode(uint8_t p[static DISK_SEAL_CAMERA],
			       const struct format_seal_camera *c)
{
	memset(p, 0, DISK_SEAL_CAMERA);
	bytes_put_le32(p, c->camera_id);
	bytes_put_le32(p + 4, encode_name(p + 64, c->name));
	for (unsigned i = 0; i < FORMAT_KINDS; i++)
		bytes_put_le32(p + 8 + 4 * i, c->count[i]);
	bytes_put_le64(p + 40, c->frame_bytes);
	bytes_put_le64(p + 48, (uint64_t)c->first_mono_ns);
	bytes_put_le64(p + 56, (uint64_t)c->last_mono_ns);
}

int format_seal_camera_decode(const uint8_t p[static DISK_SEAL_CAMERA],
			      struct format_seal_camera *out)
{
	struct format_seal_camera c = {
		.camera_id = bytes_le32(p),
		.frame_bytes = bytes_le64(p + 40),
		.first_mono_ns = (int64_t)bytes_le64(p + 48),
		.last_mono_ns = (int64_t)bytes_le64(p + 56),
	};
	uint32_t len = bytes_le32(p + 4);

	/* Records of no camera have no name. */
	if (c.camera_id > DISK_CAMERAS_MAX || (c.camera_id == RECORD_NO_CAMERA && len))
		return -EBADMSG;
	if (len && decode_name(p + 64, len, c.name))
		return -EBADMSG;
	for (unsigned i = 0; i < FORMAT_KINDS; i++)
		c.count[i] = bytes_le32(p + 8 + 4 * i);
	*out = c;
	return 0;
}

uint64_t format_checkpoint_bytes(const struct format_checkpoint *c)
{
	return ALIGN_UP(format_checkpoint_boots_at(c) + (uint64_t)c->boots * DISK_CHECKPOINT_BOOT,
			(uint64_t)DISK_BLOCK);
}

void format_checkpoint_encode(uint8_t *b, const struct format_super *s,
			      const struct format_checkpoint *c)
{
	format_block_begin(b, FORMAT_MAGIC_CHECKPOINT);
	bytes_put_le32(b + 12, c->head);
	memcpy(b + 16, s->store_uuid, 16);
	bytes_put_le64(b + 32, c->generation);
	bytes_put_le64(b + 40, c->last_sequence);
	bytes_put_le64(b + 48, c->durable);
	bytes_put_le64(b + 56, c->bytes);
	bytes_put_le32(b + 64, c->next);
	bytes_put_le32(b + 68, c->segments);
	bytes_put_le32(b + 72, c->cameras);
	bytes_put_le32(b + 76, c->boots);
	bytes_put_le32(b + 80, c->clean);
	bytes_put_le32(b + 84, format_crc32c(0, b + DISK_BLOCK, c->bytes - DISK_BLOCK));
	format_block_end(b);
}

int format_checkpoint_decode(const uint8_t b[static DISK_BLOCK], const struct format_super *s,
			     struct format_checkpoint *out)
{
	int err = format_block_check(b, FORMAT_MAGIC_CHECKPOINT);

	if (err)
		return err;
	struct format_checkpoint c = {
		.head = bytes_le32(b + 12),
		.generation = bytes_le64(b + 32),
		.last_sequence = bytes_le64(b + 40),
		.durable = bytes_le64(b + 48),
		.bytes = bytes_le64(b + 56),
		.next = bytes_le32(b + 64),
		.segments = bytes_le32(b + 68),
		.cameras = bytes_le32(b + 72),
		.boots = bytes_le32(b + 76),
		.clean = bytes_le32(b + 80),
	};

	if (memcmp(b + 16, s->store_uuid, 16) || c.segments != s->segments ||
	    c.cameras > s->cameras_max || c.boots > DISK_BOOTS_MAX || c.clean > 1 ||
	    c.bytes != format_checkpoint_bytes(&c) || c.bytes > s->area_bytes ||
	    (c.head != DISK_NO_SEGMENT && c.head >= s->segments) ||
	    (c.next != DISK_NO_SEGMENT && c.next >= s->segments) ||
	    (c.last_sequence && !format_sequence_ok(s, c.last_sequence)))
		return -EBADMSG;
	*out = c;
	return 0;
}

int format_checkpoint_check(const uint8_t *b, const struct format_checkpoint *c)
{
	uint32_t crc = format_crc32c(0, b + DISK_BLOCK, c->bytes - DISK_BLOCK);

	return crc == bytes_le32(b + 84) ? 0 : -EBADMSG;
}

void format_checkpoint_segment_encode(uint8_t p[static DISK_CHECKPOINT_SEGMENT],
				      const struct format_checkpoint_segment *e)
{
	memset(p, 0, DISK_CHECKPOINT_SEGMENT);
	bytes_put_le64(p, e->sequence);
	bytes_put_le64(p + 8, e->nonce);
	p[16] = (uint8_t)e->state;
	p[17] = e->locked ? FLAG_LOCKED : 0;
	bytes_put_le32(p + 20, e->boot);
	bytes_put_le32(p + 24, e->records);
	bytes_put_le32(p + 28, e->end);
	bytes_put_le64(p + 32, (uint64_t)e->first_mono_ns);
	bytes_put_le64(p + 40, (uint64_t)e->last_mono_ns);
	bytes_put_le64(p + 48, (uint64_t)e->first_utc_ns);
	bytes_put_le64(p + 56, (uint64_t)e->last_utc_ns);
	bytes_put_le32(p + 64, e->seal_start);
}

int format_checkpoint_segment_decode(const uint8_t p[static DISK_CHECKPOINT_SEGMENT],
				     const struct format_super *s,
				     struct format_checkpoint_segment *out)
{
	struct format_checkpoint_segment e = {
		.sequence = bytes_le64(p),
		.nonce = bytes_le64(p + 8),
		.state = (enum format_segment_state)p[16],
		.locked = p[17] & FLAG_LOCKED,
		.boot = bytes_le32(p + 20),
		.records = bytes_le32(p + 24),
		.end = bytes_le32(p + 28),
		.first_mono_ns = (int64_t)bytes_le64(p + 32),
		.last_mono_ns = (int64_t)bytes_le64(p + 40),
		.first_utc_ns = (int64_t)bytes_le64(p + 48),
		.last_utc_ns = (int64_t)bytes_le64(p + 56),
		.seal_start = bytes_le32(p + 64),
	};

	if (p[16] > FORMAT_BAD)
		return -EBADMSG;
	if ((e.state == FORMAT_SEALED || e.state == FORMAT_OPEN) &&
	    (!format_sequence_ok(s, e.sequence) || !e.nonce || !e.boot))
		return -EBADMSG;
	if (e.state == FORMAT_SEALED &&
	    (!format_end_ok(s, e.end) || !format_end_ok(s, e.seal_start) || e.seal_start < e.end))
		return -EBADMSG;
	*out = e;
	return 0;
}

void format_checkpoint_camera_encode(uint8_t p[static DISK_CHECKPOINT_CAMERA],
				     const struct format_checkpoint_camera *e)
{
	memset(p, 0, DISK_CHECKPOINT_CAMERA);
	bytes_put_le32(p, e->camera_id);
	bytes_put_le32(p + 4, encode_name(p + 8, e->name));
}

int format_checkpoint_camera_decode(const uint8_t p[static DISK_CHECKPOINT_CAMERA],
				    struct format_checkpoint_camera *out)
{
	struct format_checkpoint_camera e = {.camera_id = bytes_le32(p)};

	if (e.camera_id == RECORD_NO_CAMERA || e.camera_id > DISK_CAMERAS_MAX ||
	    decode_name(p + 8, bytes_le32(p + 4), e.name))
		return -EBADMSG;
	*out = e;
	return 0;
}

void format_checkpoint_boot_encode(uint8_t p[static DISK_CHECKPOINT_BOOT],
				   const struct format_checkpoint_boot *e)
{
	memset(p, 0, DISK_CHECKPOINT_BOOT);
	bytes_put_le32(p, e->boot);
	memcpy(p + 8, e->boot_id, 16);
	format_clock_encode(p + 24, &e->first);
	format_clock_encode(p + 48, &e->last);
}

int format_checkpoint_boot_decode(const uint8_t p[static DISK_CHECKPOINT_BOOT],
				  struct format_checkpoint_boot *out)
{
	struct format_checkpoint_boot e = {
		.boot = bytes_le32(p),
		.first = format_clock_decode(p + 24),
		.last = format_clock_decode(p + 48),
	};

	if (!e.boot)
		return -EBADMSG;
	memcpy(e.boot_id, p + 8, 16);
	*out = e;
	return 0;
}
