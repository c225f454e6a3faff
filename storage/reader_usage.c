/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much each camera recorded, by the seals. */
#include <errno.h>
#include <stdlib.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"

void reader_usage_free(struct reader_usage *u)
{
	free(u->camera);
	*u = (struct reader_usage){0};
}

static struct reader_camera_usage *usage_of(struct reader_usage *u, uint32_t id)
{
	size_t at = u->cameras;

	while (at && u->camera[at - 1].id > id)
		at--;
	if (at && u->camera[at - 1].id == id)
		return &u->camera[at - 1];
	struct reader_camera_usage *p = reallocarray(u->camera, u->cameras + 1, sizeof(*u->camera));

	if (!p)
		return NULL;
	u->camera = p;
	for (size_t i = u->cameras; i > at; i--)
		p[i] = p[i - 1];
	u->cameras++;
	p[at] = (struct reader_camera_usage){.id = id};
	return &p[at];
}

static int add_segment(struct reader *r, uint32_t index, struct reader_usage *u)
{
	const struct reader_segment *e = &r->segment[index];
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *start[FORMAT_SECTIONS];
	struct format_seal f;
	int err = reader_seal(r, index, e->sequence, e->nonce, &f);

	if (!err)
		err = reader_sections(r, &f, FORMAT_SECTION_CAMERAS, FORMAT_SECTION_CAMERAS, &mem,
				      start);
	/* One that is being written, or damaged, is left out: the others tell the rate. */
	if (err)
		return err == -EBADMSG || err == -EIO ? 0 : err;
	for (uint32_t i = 0; i < f.section[FORMAT_SECTION_CAMERAS].count; i++) {
		struct format_seal_camera c;

		if (format_seal_camera_decode(
			    start[FORMAT_SECTION_CAMERAS] + (size_t)i * DISK_SEAL_CAMERA, &c) ||
		    c.camera_id == RECORD_NO_CAMERA)
			continue;
		struct reader_camera_usage *mine = usage_of(u, c.camera_id);

		if (!mine)
			return -ENOMEM;
		mine->frames += c.count[RECORD_FRAME];
		mine->bytes += c.frame_bytes;
	}
	u->segments++;
	u->span_ns += e->last_mono_ns - e->first_mono_ns;
	return 0;
}

int reader_usage(struct reader *r, int64_t from_utc_ns, struct reader_usage *out)
{
	struct reader_usage u = {0};

	for (size_t i = 0; i < r->used; i++) {
		int64_t from, to;

		if (!reader_clock_range(r, &r->segment[r->order[i]], &from, &to) ||
		    to < from_utc_ns)
			continue;
		int err = add_segment(r, r->order[i], &u);

		if (err) {
			reader_usage_free(&u);
			return err;
		}
	}
	*out = u;
	return 0;
}
