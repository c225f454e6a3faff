/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of a segment while it grows: what its seal will say. Kept in the bytes of the seal's
 * sections, so that sealing is a copy and what was placed can be looked up after a failure.
 */
#ifndef STORAGE_SEAL_H
#define STORAGE_SEAL_H

#include "storage/disk_format.h"

struct seal_bytes {
	uint8_t *data;
	size_t used, size;
};

struct seal {
	struct seal_bytes small, frames, chunks; /* chunks: u32 starts, in memory only */
	uint32_t small_count, frames_count;
	struct format_seal_camera *cameras;
	uint32_t ncameras, cameras_size;
	uint32_t *slot; /* by camera number: index in cameras plus one; 0: not here */
	int64_t first_mono_ns, last_mono_ns;
	struct format_minutes_ref minutes; /* set before it is built */
};

int seal_init(struct seal *l) MUST_CHECK;
void seal_destroy(struct seal *l);
/* Makes room so that the next seal_add of these sizes cannot fail. */
int seal_reserve(struct seal *l, size_t head_bytes, size_t payload_bytes,
		 unsigned cameras) MUST_CHECK;
/* After seal_reserve: a chunk begins at this offset. */
void seal_chunk(struct seal *l, uint32_t start);
/* After seal_reserve. `payload` is not looked at for frames. */
void seal_add(struct seal *l, const struct format_record *rec, const void *payload);
void seal_name(struct seal *l, uint32_t camera_id, const char *name);
static inline bool seal_knows(const struct seal *l, uint32_t camera_id)
{
	return l->slot[camera_id] != 0;
}
/* Bytes of the sections together. */
static inline size_t seal_size(const struct seal *l)
{
	return (size_t)l->ncameras * DISK_SEAL_CAMERA + l->small.used + l->frames.used;
}
/* Every record in log order of its section, from payload offset `from` on. */
void seal_each(const struct seal *l, uint32_t from,
	       void (*each)(void *ctx, const struct format_record *rec, const uint8_t *payload),
	       void *ctx);
/* Forgets records from payload offset `from` on. -ENOMEM: nothing changed. */
int seal_truncate(struct seal *l, uint32_t from) MUST_CHECK;
/* Where the seal begins in its segment. */
static inline uint32_t seal_start(const struct seal *l, const struct format_super *s)
{
	return s->segment_bytes - (uint32_t)format_unit_up(s, seal_size(l) + DISK_BLOCK);
}
/* The seal as it goes to disk: *out (to be freed, aligned) covers [*start, segment_bytes). `end`:
 * of the log in the segment; `last`: clock sample at the end. -ENOMEM. */
int seal_build(struct seal *l, const struct format_super *s, const struct format_segment *h,
	       uint32_t end, const struct format_clock *last, uint8_t **out,
	       uint32_t *start) MUST_CHECK;
/* Fills sections at `out` (seal_size bytes) and their table in `f`; the first section lies at
 * offset `at` of the segment. */
void seal_write(struct seal *l, uint8_t *out, uint32_t at, struct format_seal *f);

#endif
