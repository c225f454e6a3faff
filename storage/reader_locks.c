/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The locks that stand, and what they keep. */
#include <errno.h>
#include <stdlib.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"

size_t reader_lock_count(const struct reader *r)
{
	return r->locks.count;
}

const struct record_lock *reader_lock_at(const struct reader *r, size_t index)
{
	return index < r->locks.count ? &r->locks.entry[index].lock : NULL;
}

/* 1: the segment has records of the camera, or that cannot be told. */
static int has_camera(struct reader *r, uint32_t index, uint32_t camera_id)
{
	const struct reader_segment *e = &r->segment[index];
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *start[FORMAT_SECTIONS];
	struct format_seal f;

	if (camera_id == RECORD_ANY_CAMERA)
		return 1;
	int err = reader_seal(r, index, e->sequence, e->nonce, &f);

	if (!err)
		err = reader_sections(r, &f, FORMAT_SECTION_CAMERAS, FORMAT_SECTION_CAMERAS, &mem,
				      start);
	if (err == -EBADMSG || err == -EIO)
		return 1;
	if (err)
		return err;
	for (uint32_t i = 0; i < f.section[FORMAT_SECTION_CAMERAS].count; i++) {
		struct format_seal_camera c;

		if (format_seal_camera_decode(
			    start[FORMAT_SECTION_CAMERAS] + (size_t)i * DISK_SEAL_CAMERA, &c) ||
		    c.camera_id == camera_id)
			return 1;
	}
	return 0;
}

int reader_lock_extent(struct reader *r, const struct record_lock *l,
		       struct reader_lock_extent *out)
{
	struct reader_lock_extent sum = {0};

	for (size_t i = 0; i < r->used; i++) {
		const struct reader_segment *e = &r->segment[r->order[i]];
		int64_t from, to;

		if (!reader_clock_range(r, e, &from, &to) || from >= l->to_utc_ns ||
		    to < l->from_utc_ns)
			continue;
		int has = has_camera(r, r->order[i], l->camera_id);

		if (has < 0)
			return has;
		sum.segments += (uint32_t)has;
		sum.bytes += has ? r->super.segment_bytes : 0;
	}
	*out = sum;
	return 0;
}
