/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Superblock, segment header and chunk trailer. */
#include "storage/disk_format.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <isa-l/crc.h>

#include "capture/core/bytes.h"
#include "storage/format_block.h"

#define MAGIC_CHUNK UINT32_C(0x4b434c4d) /* "MLCK" */

/* Sizes of what a store of automatic layout is cut into. */
#define LAYOUT_SEGMENTS      16384u
#define LAYOUT_SEGMENT_MIN   (16u << 20)
#define LAYOUT_SEGMENT_MAX   (256u << 20)
#define LAYOUT_SEGMENTS_MIN  32u
#define LAYOUT_CAMERAS_SMALL 1024u
#define LAYOUT_SMALL         (UINT64_C(1) << 30)

uint32_t format_crc32c(uint32_t crc, const void *buf, size_t len)
{
	/* ISA-L works on the bare register and takes an int length; it does not write to buf. */
	unsigned char *p = (unsigned char *)(uintptr_t)buf;

	crc = ~crc;
	while (len) {
		int n = len > (1u << 30) ? 1 << 30 : (int)len;

		crc = crc32_iscsi(p, n, crc);
		p += n;
		len -= (size_t)n;
	}
	return ~crc;
}

void format_block_begin(uint8_t *b, uint64_t magic)
{
	memset(b, 0, DISK_BLOCK);
	bytes_put_le64(b, magic);
	bytes_put_le32(b + 8, DISK_VERSION);
}

void format_block_end(uint8_t *b)
{
	bytes_put_le32(b + DISK_BLOCK - 4, format_crc32c(0, b, DISK_BLOCK - 4));
}

int format_block_check(const uint8_t *b, uint64_t magic)
{
	if (bytes_le64(b) != magic)
		return -EBADMSG;
	if (bytes_le32(b + DISK_BLOCK - 4) != format_crc32c(0, b, DISK_BLOCK - 4))
		return -EBADMSG;
	return bytes_le32(b + 8) == DISK_VERSION ? 0 : -EPROTO;
}

void format_clock_encode(uint8_t *p, const struct format_clock *c)
{
	bytes_put_le64(p, (uint64_t)c->mono_ns);
	bytes_put_le64(p + 8, (uint64_t)c->utc_ns);
	bytes_put_le32(p + 16, c->error_us);
	bytes_put_le32(p + 20, c->synchronised);
}

struct format_clock format_clock_decode(const uint8_t *p)
{
	return (struct format_clock){
		.mono_ns = (int64_t)bytes_le64(p),
		.utc_ns = (int64_t)bytes_le64(p + 8),
		.error_us = bytes_le32(p + 16),
		.synchronised = bytes_le32(p + 20) & 1,
	};
}

bool format_sequence_ok(const struct format_super *s, uint64_t sequence)
{
	/* Positions must fit an int64. */
	return sequence >= 1 && sequence < (uint64_t)INT64_MAX / s->segment_bytes;
}

bool format_end_ok(const struct format_super *s, uint32_t end)
{
	uint32_t unit = format_unit(s);

	return end >= unit && end <= s->segment_bytes - unit && end % unit == 0;
}

static uint64_t area_bytes(uint32_t segments, uint32_t cameras)
{
	const struct format_checkpoint c = {
		.segments = segments, .cameras = cameras, .boots = DISK_BOOTS_MAX};

	return format_checkpoint_bytes(&c);
}

static bool power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static uint32_t choose_segment_bytes(uint64_t volume_bytes)
{
	uint32_t bytes = DISK_SEGMENT_MIN;

	while (bytes < LAYOUT_SEGMENT_MIN && volume_bytes / (2 * bytes) >= LAYOUT_SEGMENTS_MIN)
		bytes *= 2;
	while (bytes < LAYOUT_SEGMENT_MAX && volume_bytes / bytes > LAYOUT_SEGMENTS)
		bytes *= 2;
	return bytes;
}

/* Bytes of what the volumes hold together, the part before the areas counted once. */
static uint64_t logical_bytes(const struct format_super *s)
{
	uint64_t data = s->volume_count - s->parity_count;

	return data == 1 || s->volume_bytes < DISK_AREAS_START
		       ? s->volume_bytes
		       : DISK_AREAS_START + (s->volume_bytes - DISK_AREAS_START) / DISK_BLOCK *
						    DISK_BLOCK * data;
}

/* The greatest segment of at most `segment_bytes` that the data volumes can share. */
static uint32_t share_segment(uint32_t segment_bytes, uint32_t data)
{
	uint64_t each = DISK_BLOCK;

	while (2 * each * data <= segment_bytes)
		each *= 2;
	return (uint32_t)(each * data < DISK_SEGMENT_MIN ? 2 * each * data : each * data);
}

/* `o` has volume_count, parity_count and volume_bytes. *need: logical bytes. */
static int lay_out(struct format_super *o, uint32_t segment_bytes, uint64_t *need)
{
	uint32_t data = o->volume_count - o->parity_count;
	uint64_t bytes = logical_bytes(o);

	if (!segment_bytes)
		segment_bytes = choose_segment_bytes(bytes);
	if (!power_of_two(segment_bytes) || segment_bytes < DISK_SEGMENT_MIN ||
	    segment_bytes > DISK_SEGMENT_MAX || bytes > INT64_MAX)
		return -EINVAL;
	segment_bytes = share_segment(segment_bytes, data);
	uint64_t most = bytes / segment_bytes;

	if (most > DISK_SEGMENTS_MAX)
		most = DISK_SEGMENTS_MAX;
	/* Areas for the most segments there could be: a few blocks more than needed at most. */
	uint32_t room = most > DISK_SEGMENTS_MIN ? (uint32_t)most : DISK_SEGMENTS_MIN;

	o->cameras_max = bytes < LAYOUT_SMALL ? LAYOUT_CAMERAS_SMALL : DISK_CAMERAS_MAX;
	o->area_bytes = format_unit_up(o, area_bytes(room, o->cameras_max));
	o->area_offset[0] = DISK_AREAS_START;
	o->area_offset[1] = DISK_AREAS_START + o->area_bytes;
	uint64_t step = (uint64_t)data * DISK_SEGMENT_MIN;
	uint64_t start = DISK_AREAS_START + (2 * o->area_bytes + step - 1) / step * step;

	if (bytes < start + (uint64_t)DISK_SEGMENTS_MIN * segment_bytes) {
		*need = start + (uint64_t)DISK_SEGMENTS_MIN * segment_bytes;
		return -ENOSPC;
	}
	uint64_t segments = (bytes - start) / segment_bytes;

	o->segment_bytes = segment_bytes;
	o->segments_offset = start;
	o->segments = segments > DISK_SEGMENTS_MAX ? DISK_SEGMENTS_MAX : (uint32_t)segments;
	return 0;
}

int format_layout(uint64_t volume_bytes, uint32_t segment_bytes, struct format_super *out,
		  uint64_t *need)
{
	struct format_super s = {.volume_count = 1, .volume_bytes = volume_bytes};
	int err = lay_out(&s, segment_bytes, need);

	if (!err)
		*out = s;
	return err;
}

int format_layout_striped(uint64_t volume_bytes, uint32_t volumes, uint32_t parity,
			  uint32_t segment_bytes, struct format_super *out, uint64_t *need)
{
	if (volumes < 2 || volumes > DISK_VOLUMES_MAX || parity > DISK_PARITY_MAX ||
	    parity >= volumes || volume_bytes % DISK_BLOCK || volume_bytes > INT64_MAX / 32)
		return -EINVAL;
	struct format_super s = {.incompat = DISK_INCOMPAT_STRIPED,
				 .volume_count = volumes,
				 .parity_count = parity,
				 .volume_bytes = volume_bytes};
	uint32_t data = volumes - parity;
	int err = lay_out(&s, segment_bytes, need);

	if (err == -ENOSPC)
		*need = ALIGN_UP(DISK_AREAS_START + (*need - DISK_AREAS_START + data - 1) / data,
				 (uint64_t)DISK_BLOCK);
	if (!err)
		*out = s;
	return err;
}

void format_super_encode(uint8_t b[static DISK_BLOCK], const struct format_super *s)
{
	format_block_begin(b, FORMAT_MAGIC_SUPER);
	bytes_put_le32(b + 12, DISK_BLOCK);
	bytes_put_le64(b + 16, s->compat);
	bytes_put_le64(b + 24, s->ro_compat);
	bytes_put_le64(b + 32, s->incompat);
	memcpy(b + 40, s->store_uuid, 16);
	memcpy(b + 56, s->volume_uuid, 16);
	bytes_put_le32(b + 72, s->volume_index);
	bytes_put_le32(b + 76, s->volume_count);
	bytes_put_le32(b + 80, s->parity_count);
	bytes_put_le32(b + 84, s->segment_bytes);
	bytes_put_le32(b + 88, s->segments);
	bytes_put_le32(b + 92, s->cameras_max);
	bytes_put_le64(b + 96, s->volume_bytes);
	bytes_put_le64(b + 104, s->segments_offset);
	bytes_put_le64(b + 112, s->area_offset[0]);
	bytes_put_le64(b + 120, s->area_offset[1]);
	bytes_put_le64(b + 128, s->area_bytes);
	bytes_put_le64(b + 136, (uint64_t)s->created_utc_ns);
	format_block_end(b);
}

/* True when [offset, offset + bytes) are whole blocks within [lo, hi). */
static bool extent_ok(uint64_t offset, uint64_t bytes, uint64_t lo, uint64_t hi)
{
	return offset % DISK_BLOCK == 0 && bytes % DISK_BLOCK == 0 && offset >= lo &&
	       offset <= hi && bytes <= hi - offset;
}

static bool volumes_ok(const struct format_super *s)
{
	if (s->volume_index >= s->volume_count || s->parity_count >= s->volume_count)
		return false;
	if (!(s->incompat & DISK_INCOMPAT_STRIPED))
		return s->volume_count == 1;
	return s->volume_count >= 2 && s->volume_count <= DISK_VOLUMES_MAX &&
	       s->parity_count <= DISK_PARITY_MAX && s->volume_bytes % DISK_BLOCK == 0 &&
	       s->volume_bytes <= INT64_MAX / DISK_VOLUMES_MAX;
}

static bool super_ok(const struct format_super *s)
{
	if (!volumes_ok(s))
		return false;
	uint32_t data = s->volume_count - s->parity_count, unit = format_unit(s);

	if (s->segment_bytes % unit || !power_of_two(s->segment_bytes / data) ||
	    s->segment_bytes < DISK_SEGMENT_MIN || s->segment_bytes > DISK_SEGMENT_MAX ||
	    s->segments < DISK_SEGMENTS_MIN || s->segments > DISK_SEGMENTS_MAX ||
	    s->cameras_max < 1 || s->cameras_max > DISK_CAMERAS_MAX || s->volume_bytes > INT64_MAX)
		return false;
	if (!extent_ok(s->segments_offset, (uint64_t)s->segments * s->segment_bytes,
		       DISK_AREAS_START, logical_bytes(s)) ||
	    !extent_ok(s->area_offset[0], s->area_bytes, DISK_AREAS_START, s->segments_offset) ||
	    !extent_ok(s->area_offset[1], s->area_bytes, s->area_offset[0] + s->area_bytes,
		       s->segments_offset) ||
	    s->area_bytes < area_bytes(s->segments, s->cameras_max))
		return false;
	/* Whole stripes. */
	return (s->segments_offset - DISK_AREAS_START) % unit == 0 &&
	       (s->area_offset[0] - DISK_AREAS_START) % unit == 0 &&
	       (s->area_offset[1] - DISK_AREAS_START) % unit == 0 && s->area_bytes % unit == 0;
}

int format_super_decode(const uint8_t b[static DISK_BLOCK], struct format_super *out,
			uint32_t *version)
{
	int err = format_block_check(b, FORMAT_MAGIC_SUPER);

	/* Magic, version, checksum and flags keep their places in every version. */
	if (!err || err == -EPROTO) {
		if (version)
			*version = bytes_le32(b + 8);
		out->compat = bytes_le64(b + 16);
		out->ro_compat = bytes_le64(b + 24);
		out->incompat = bytes_le64(b + 32);
	}
	if (err)
		return err;
	if (bytes_le64(b + 32) & ~(uint64_t)DISK_INCOMPAT_KNOWN)
		return -EPROTO;
	struct format_super s = {
		.compat = bytes_le64(b + 16),
		.ro_compat = bytes_le64(b + 24),
		.incompat = bytes_le64(b + 32),
		.volume_index = bytes_le32(b + 72),
		.volume_count = bytes_le32(b + 76),
		.parity_count = bytes_le32(b + 80),
		.segment_bytes = bytes_le32(b + 84),
		.segments = bytes_le32(b + 88),
		.cameras_max = bytes_le32(b + 92),
		.volume_bytes = bytes_le64(b + 96),
		.segments_offset = bytes_le64(b + 104),
		.area_offset = {bytes_le64(b + 112), bytes_le64(b + 120)},
		.area_bytes = bytes_le64(b + 128),
		.created_utc_ns = (int64_t)bytes_le64(b + 136),
	};

	memcpy(s.store_uuid, b + 40, 16);
	memcpy(s.volume_uuid, b + 56, 16);
	if (bytes_le32(b + 12) != DISK_BLOCK || !super_ok(&s))
		return -EBADMSG;
	*out = s;
	return 0;
}

void format_segment_encode(uint8_t b[static DISK_BLOCK], const struct format_super *s,
			   const struct format_segment *h)
{
	format_block_begin(b, FORMAT_MAGIC_SEGMENT);
	bytes_put_le32(b + 12, h->index);
	memcpy(b + 16, s->store_uuid, 16);
	bytes_put_le64(b + 32, h->sequence);
	bytes_put_le64(b + 40, h->nonce);
	bytes_put_le32(b + 48, h->next);
	bytes_put_le32(b + 52, h->boot);
	memcpy(b + 56, h->boot_id, 16);
	format_clock_encode(b + 72, &h->clock);
	bytes_put_le64(b + 96, h->prev_sequence);
	bytes_put_le64(b + 104, h->prev_nonce);
	bytes_put_le32(b + 112, h->prev_end);
	bytes_put_le32(b + 116, s->segment_bytes);
	format_block_end(b);
}

void format_segment_store(const uint8_t b[static DISK_BLOCK], uint8_t uuid[static 16])
{
	memcpy(uuid, b + 16, 16);
}

int format_segment_decode(const uint8_t b[static DISK_BLOCK], const struct format_super *s,
			  uint32_t index, struct format_segment *out)
{
	int err = format_block_check(b, FORMAT_MAGIC_SEGMENT);

	if (err)
		return err;
	struct format_segment h = {
		.index = bytes_le32(b + 12),
		.sequence = bytes_le64(b + 32),
		.nonce = bytes_le64(b + 40),
		.next = bytes_le32(b + 48),
		.boot = bytes_le32(b + 52),
		.clock = format_clock_decode(b + 72),
		.prev_sequence = bytes_le64(b + 96),
		.prev_nonce = bytes_le64(b + 104),
		.prev_end = bytes_le32(b + 112),
	};

	memcpy(h.boot_id, b + 56, 16);
	if (memcmp(b + 16, s->store_uuid, 16) || bytes_le32(b + 116) != s->segment_bytes ||
	    h.index != index || !format_sequence_ok(s, h.sequence) || !h.nonce ||
	    h.next >= s->segments || h.next == index || !h.boot || h.prev_sequence >= h.sequence)
		return -EBADMSG;
	if (h.prev_sequence ? !format_end_ok(s, h.prev_end) : h.prev_end != 0)
		return -EBADMSG;
	*out = h;
	return 0;
}

void format_chunk_encode(uint8_t t[static DISK_CHUNK_TRAILER], const struct format_chunk *c,
			 const uint8_t *heads)
{
	memset(t, 0, DISK_CHUNK_TRAILER);
	bytes_put_le32(t, MAGIC_CHUNK);
	bytes_put_le32(t + 4, c->bytes);
	bytes_put_le64(t + 8, c->nonce);
	bytes_put_le64(t + 16, c->sequence);
	bytes_put_le32(t + 24, c->start);
	bytes_put_le32(t + 28, c->heads_bytes);
	bytes_put_le32(t + 32, c->records);
	bytes_put_le32(t + 36, c->flags);
	uint32_t crc = format_crc32c(0, heads, c->heads_bytes);

	bytes_put_le32(t + 60, format_crc32c(crc, t, 60));
}

int format_chunk_decode(const uint8_t t[static DISK_CHUNK_TRAILER], const struct format_super *s,
			const struct format_segment *h, uint32_t block_end,
			struct format_chunk *out)
{
	const uint32_t unit = format_unit(s);

	if (bytes_le32(t) != MAGIC_CHUNK || bytes_le64(t + 8) != h->nonce)
		return -EBADMSG;
	struct format_chunk c = {
		.bytes = bytes_le32(t + 4),
		.nonce = h->nonce,
		.sequence = bytes_le64(t + 16),
		.start = bytes_le32(t + 24),
		.heads_bytes = bytes_le32(t + 28),
		.records = bytes_le32(t + 32),
		.flags = bytes_le32(t + 36),
	};

	if (c.sequence != h->sequence || !format_end_ok(s, block_end) || c.start < unit ||
	    c.start % unit || c.bytes < unit || c.bytes % unit ||
	    (uint64_t)c.start + c.bytes != block_end)
		return -EBADMSG;
	if (c.heads_bytes % DISK_RECORD_ALIGN || c.heads_bytes > c.bytes - DISK_CHUNK_TRAILER ||
	    !c.records || c.records > c.heads_bytes / DISK_RECORD_HEAD ||
	    (c.flags & ~FORMAT_CHUNK_DIRECT))
		return -EBADMSG;
	*out = c;
	return 0;
}

int format_chunk_check(const struct format_chunk *c, const uint8_t *tail)
{
	const uint8_t *t = tail + c->heads_bytes;
	uint32_t crc = format_crc32c(0, tail, c->heads_bytes);

	return format_crc32c(crc, t, 60) == bytes_le32(t + 60) ? 0 : -EBADMSG;
}
