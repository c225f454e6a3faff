/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/format_minutes.h"

#include <errno.h>
#include <string.h>

#include "capture/core/bytes.h"

static const uint8_t magic[8] = "MLMINUTE";

/* Over head and tables, the field of the checksum itself left out. */
static uint32_t checksum(const uint8_t *p, uint32_t tables_bytes)
{
	uint32_t crc = format_crc32c(0, p, 28);

	return format_crc32c(crc, p + DISK_MINUTES_HEAD, tables_bytes - DISK_MINUTES_HEAD);
}

void format_minutes_encode(uint8_t *p, const struct format_minutes *m)
{
	memset(p, 0, DISK_MINUTES_HEAD);
	memcpy(p, magic, sizeof(magic));
	bytes_put_le32(p + 8, m->ranges);
	bytes_put_le32(p + 12, m->refs);
	bytes_put_le32(p + 16, m->groups);
	bytes_put_le32(p + 20, m->tables_bytes);
	bytes_put_le32(p + 28, checksum(p, m->tables_bytes));
}

int format_minutes_decode(const uint8_t p[static DISK_MINUTES_HEAD],
			  const struct format_minutes_ref *ref, struct format_minutes *out)
{
	const struct format_minutes m = {
		.ranges = bytes_le32(p + 8),
		.refs = bytes_le32(p + 12),
		.groups = bytes_le32(p + 16),
		.tables_bytes = bytes_le32(p + 20),
		.crc = bytes_le32(p + 28),
	};

	if (memcmp(p, magic, sizeof(magic)) || m.tables_bytes != ref->tables_bytes ||
	    m.tables_bytes > ref->bytes || m.ranges > ref->bytes / DISK_MINUTES_RANGE ||
	    m.refs > DISK_MINUTES_REFS_MAX || m.groups > ref->bytes / DISK_MINUTES_GROUP ||
	    (uint64_t)DISK_MINUTES_HEAD + (uint64_t)m.ranges * DISK_MINUTES_RANGE +
			    (uint64_t)m.refs * DISK_MINUTES_REF +
			    (uint64_t)m.groups * DISK_MINUTES_GROUP !=
		    m.tables_bytes)
		return -EBADMSG;
	*out = m;
	return 0;
}

int format_minutes_check(const uint8_t *p, const struct format_minutes *m)
{
	return checksum(p, m->tables_bytes) == m->crc ? 0 : -EBADMSG;
}

void format_minutes_range_encode(uint8_t p[static DISK_MINUTES_RANGE],
				 const struct format_minutes_range *r)
{
	memset(p, 0, DISK_MINUTES_RANGE);
	bytes_put_le64(p, r->first);
	bytes_put_le32(p + 8, r->count);
}

struct format_minutes_range format_minutes_range_decode(const uint8_t p[static DISK_MINUTES_RANGE])
{
	return (struct format_minutes_range){.first = bytes_le64(p), .count = bytes_le32(p + 8)};
}

void format_minutes_ref_encode(uint8_t p[static DISK_MINUTES_REF],
			       const struct format_minutes_ref *r)
{
	bytes_put_le64(p, r->position);
	bytes_put_le32(p + 8, r->bytes);
	bytes_put_le32(p + 12, r->tables_bytes);
}

struct format_minutes_ref format_minutes_ref_decode(const uint8_t p[static DISK_MINUTES_REF])
{
	return (struct format_minutes_ref){
		.position = bytes_le64(p),
		.bytes = bytes_le32(p + 8),
		.tables_bytes = bytes_le32(p + 12),
	};
}

void format_minutes_group_encode(uint8_t p[static DISK_MINUTES_GROUP],
				 const struct format_minutes_group *g)
{
	bytes_put_le32(p, g->camera_id);
	bytes_put_le32(p + 4, g->boot);
	bytes_put_le32(p + 8, g->offset);
	bytes_put_le32(p + 12, g->bytes);
	bytes_put_le32(p + 16, g->entries);
	bytes_put_le32(p + 20, g->crc);
	bytes_put_le64(p + 24, (uint64_t)g->least_offset_ns);
	bytes_put_le64(p + 32, (uint64_t)g->greatest_offset_ns);
	bytes_put_le64(p + 40, (uint64_t)g->first_mono_ns);
	bytes_put_le64(p + 48, (uint64_t)g->last_mono_ns);
}

int format_minutes_group_decode(const uint8_t p[static DISK_MINUTES_GROUP],
				const struct format_minutes *m, uint32_t bytes,
				struct format_minutes_group *out)
{
	const struct format_minutes_group g = {
		.camera_id = bytes_le32(p),
		.boot = bytes_le32(p + 4),
		.offset = bytes_le32(p + 8),
		.bytes = bytes_le32(p + 12),
		.entries = bytes_le32(p + 16),
		.crc = bytes_le32(p + 20),
		.least_offset_ns = (int64_t)bytes_le64(p + 24),
		.greatest_offset_ns = (int64_t)bytes_le64(p + 32),
		.first_mono_ns = (int64_t)bytes_le64(p + 40),
		.last_mono_ns = (int64_t)bytes_le64(p + 48),
	};

	if (g.camera_id < 1 || g.camera_id > DISK_CAMERAS_MAX || !g.boot ||
	    g.offset < m->tables_bytes || g.offset > bytes || g.bytes > bytes - g.offset ||
	    g.offset % DISK_RECORD_ALIGN || g.entries > g.bytes / DISK_MINUTES_ENTRY)
		return -EBADMSG;
	*out = g;
	return 0;
}

size_t format_minute_encode(uint8_t *p, const struct format_minute *m, const uint8_t *bits)
{
	size_t n = format_minute_bytes(m->bit_bytes);

	memset(p, 0, n);
	bytes_put_le64(p, (uint64_t)m->first_mono_ns);
	bytes_put_le64(p + 8, (uint64_t)m->last_mono_ns);
	bytes_put_le64(p + 16, m->first_sequence);
	bytes_put_le32(p + 24, m->span);
	bytes_put_le32(p + 28, m->frames);
	bytes_put_le16(p + 32, m->cols);
	bytes_put_le16(p + 34, m->rows);
	bytes_put_le16(p + 36, m->cell_px);
	bytes_put_le16(p + 38, m->moved);
	bytes_put_le16(p + 40, m->level);
	bytes_put_le32(p + 44, m->zones);
	bytes_put_le32(p + 48, m->skipped);
	bytes_put_le32(p + 52, m->bit_bytes);
	if (m->bit_bytes)
		memcpy(p + DISK_MINUTES_ENTRY, bits, m->bit_bytes);
	return n;
}

int format_minute_decode(const uint8_t *p, size_t len, struct format_minute *out,
			 const uint8_t **bits, size_t *used)
{
	if (len < DISK_MINUTES_ENTRY)
		return -EBADMSG;
	const struct format_minute m = {
		.first_mono_ns = (int64_t)bytes_le64(p),
		.last_mono_ns = (int64_t)bytes_le64(p + 8),
		.first_sequence = bytes_le64(p + 16),
		.span = bytes_le32(p + 24),
		.frames = bytes_le32(p + 28),
		.cols = bytes_le16(p + 32),
		.rows = bytes_le16(p + 34),
		.cell_px = bytes_le16(p + 36),
		.moved = bytes_le16(p + 38),
		.level = bytes_le16(p + 40),
		.zones = bytes_le32(p + 44),
		.skipped = bytes_le32(p + 48),
		.bit_bytes = bytes_le32(p + 52),
	};
	uint64_t cells = (uint64_t)m.cols * m.rows, bytes = (cells + 7) / 8;

	if (cells > DISK_CELLS_MAX || m.skipped > bytes || m.bit_bytes > bytes - m.skipped ||
	    m.last_mono_ns < m.first_mono_ns || format_minute_bytes(m.bit_bytes) > len)
		return -EBADMSG;
	*out = m;
	*bits = p + DISK_MINUTES_ENTRY;
	*used = format_minute_bytes(m.bit_bytes);
	return 0;
}
