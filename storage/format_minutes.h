/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Minute maps on disk (docs/DISK_FORMAT.md, 2.6): the coarse level above the motion records. One
 * record covers all motion records of the segments it names, with the cells that moved of each
 * camera and minute put together; it names the records of its kind before it, and every seal names
 * the newest. Beside disk_format.h this is the only code that knows these bytes.
 *
 * Decoders take hostile bytes, as those of disk_format.h do: 0 or -EBADMSG, outputs untouched then.
 *
 * Threads: any; no state.
 */
#ifndef STORAGE_FORMAT_MINUTES_H
#define STORAGE_FORMAT_MINUTES_H

#include "storage/disk_format.h"

#define DISK_MINUTES_HEAD     32u /* bytes of the payload's head, */
#define DISK_MINUTES_RANGE    16u /* of one entry of each table, */
#define DISK_MINUTES_REF      16u
#define DISK_MINUTES_GROUP    56u
#define DISK_MINUTES_ENTRY    56u /* and of a minute without its bitmap */
#define DISK_MINUTES_REFS_MAX 16u
#define DISK_MINUTE_NS        (60 * NSEC_PER_SEC)

/* Segments that a record covers: `count` sequences from `first` on. */
struct format_minutes_range {
	uint64_t first;
	uint32_t count;
};

/* The minutes of one camera in one boot. */
struct format_minutes_group {
	uint32_t camera_id, boot;
	uint32_t offset, bytes; /* of its entries, in the payload */
	uint32_t entries, crc;
	/* Bounds of utc - mono by the clock samples of the segments; both 0: there was none. */
	int64_t least_offset_ns, greatest_offset_ns;
	int64_t first_mono_ns, last_mono_ns; /* of the frames that moved */
};

/* One camera's minute, by its monotonic clock: frames with floor(mono / 60 s) alike. */
struct format_minute {
	int64_t first_mono_ns, last_mono_ns;
	uint64_t first_sequence; /* segments its records lie in: from this one ... */
	uint32_t span;           /* ... to this much higher */
	uint32_t frames;         /* motion records put together */
	uint16_t cols, rows, cell_px;
	uint16_t moved, level; /* most in one frame */
	uint32_t zones;        /* of all frames */
	uint32_t skipped,
		bit_bytes; /* bytes of zero before the bitmap's part kept, and its length */
};

struct format_minutes {
	uint32_t ranges, refs, groups;
	uint32_t tables_bytes; /* head and tables: what their checksum covers */
	uint32_t crc;
};

/* Where each table begins in the payload. */
static inline uint32_t format_minutes_refs_at(const struct format_minutes *m)
{
	return DISK_MINUTES_HEAD + m->ranges * DISK_MINUTES_RANGE;
}
static inline uint32_t format_minutes_groups_at(const struct format_minutes *m)
{
	return format_minutes_refs_at(m) + m->refs * DISK_MINUTES_REF;
}
static inline uint32_t format_minutes_tables(uint32_t ranges, uint32_t refs, uint32_t groups)
{
	return DISK_MINUTES_HEAD + ranges * DISK_MINUTES_RANGE + refs * DISK_MINUTES_REF +
	       groups * DISK_MINUTES_GROUP;
}

/* `p` has m->tables_bytes with the tables in it; fills in the head. Sets no field of *m. */
void format_minutes_encode(uint8_t *p, const struct format_minutes *m);
/* The head of a payload of `ref`'s lengths; what follows is not looked at yet. */
int format_minutes_decode(const uint8_t p[static DISK_MINUTES_HEAD],
			  const struct format_minutes_ref *ref,
			  struct format_minutes *out) MUST_CHECK;
/* The checksum of head and tables, m->tables_bytes long. */
int format_minutes_check(const uint8_t *p, const struct format_minutes *m) MUST_CHECK;

void format_minutes_range_encode(uint8_t p[static DISK_MINUTES_RANGE],
				 const struct format_minutes_range *r);
struct format_minutes_range format_minutes_range_decode(const uint8_t p[static DISK_MINUTES_RANGE]);
void format_minutes_ref_encode(uint8_t p[static DISK_MINUTES_REF],
			       const struct format_minutes_ref *r);
struct format_minutes_ref format_minutes_ref_decode(const uint8_t p[static DISK_MINUTES_REF]);
void format_minutes_group_encode(uint8_t p[static DISK_MINUTES_GROUP],
				 const struct format_minutes_group *g);
/* `bytes`: of the whole payload; the entries must lie behind the tables. */
int format_minutes_group_decode(const uint8_t p[static DISK_MINUTES_GROUP],
				const struct format_minutes *m, uint32_t bytes,
				struct format_minutes_group *out) MUST_CHECK;

/* Bytes an entry takes, its bitmap and padding included. */
static inline size_t format_minute_bytes(uint32_t bit_bytes)
{
	return DISK_MINUTES_ENTRY + ALIGN_UP((size_t)bit_bytes, (size_t)DISK_RECORD_ALIGN);
}
/* `bits`: m->bit_bytes of them. Returns the entry's bytes. */
size_t format_minute_encode(uint8_t *p, const struct format_minute *m, const uint8_t *bits);
/* The entry at `p`, of `len` bytes still there; *bits points into it. */
int format_minute_decode(const uint8_t *p, size_t len, struct format_minute *out,
			 const uint8_t **bits, size_t *used) MUST_CHECK;

/* The minute a moment of the monotonic clock belongs to; moments before its zero too. */
static inline int64_t format_minute_of(int64_t mono_ns)
{
	return mono_ns / DISK_MINUTE_NS - (mono_ns % DISK_MINUTE_NS < 0);
}

#endif
