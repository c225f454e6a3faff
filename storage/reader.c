/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"
#include "storage/stripe.h"
#include "storage/volume.h"

/* How often the log may go round past us before we give up catching up. */
#define CATCH_UP_MAX 8

static int refuse(const struct reader *r, uint32_t version, uint64_t incompat, struct errmsg *em)
{
	if (version != DISK_VERSION)
		return errmsg_set(em, -EPROTO,
				  "the store in %s has format version %" PRIu32
				  ", this program reads version %u: use the program that made it",
				  r->dir, version, DISK_VERSION);
	return errmsg_set(em, -EPROTO,
			  "the store in %s has features this program does not know (0x%" PRIx64
			  "): use a newer version",
			  r->dir, incompat & ~(uint64_t)DISK_INCOMPAT_KNOWN);
}

static int read_super(struct reader *r, struct errmsg *em)
{
	if (stripe_is(r->io)) {
		r->super = *stripe_super(r->io);
		return 0;
	}

	static const uint32_t offset[2] = {DISK_SUPER_A, DISK_SUPER_B};
	CLEANUP_FREE uint8_t *block = reader_alloc(DISK_BLOCK);
	uint32_t version = 0;
	int err = 0;

	if (!block)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", r->dir);
	for (unsigned i = 0; i < 2; i++) {
		err = r->io->ops->read(r->io, block, DISK_BLOCK, offset[i]);
		if (!err)
			err = format_super_decode(block, &r->super, &version);
		if (!err || err == -EPROTO)
			break;
		if (err == -EBADMSG)
			reader_finding(&r->damage, "superblock %u: damaged", i);
	}
	if (err == -EPROTO)
		return refuse(r, version, r->super.incompat, em);
	if (err == -EBADMSG || err == -ENODATA)
		return errmsg_set(em, -EBADMSG,
				  "%s holds no readable store: both superblocks are damaged",
				  r->dir);
	if (err)
		return errmsg_set(em, err, "cannot read the store in %s: %s", r->dir,
				  strerror(-err));
	if (r->super.volume_bytes > r->io->size)
		return errmsg_set(em, -EBADMSG,
				  "the volume in %s is shorter than it was made (%" PRIu64
				  " of %" PRIu64 " bytes)",
				  r->dir, r->io->size, r->super.volume_bytes);
	return 0;
}

/* Takes in checkpoint and log until the end of the log is reached. */
static int catch_up(struct reader *r, struct errmsg *em)
{
	int err = -ESTALE;

	if (r->io->ops->refresh && r->io->ops->refresh(r->io) < 0)
		return errmsg_set(em, -EIO, "cannot read the volumes of %s", r->dir);
	for (unsigned i = 0; i < CATCH_UP_MAX && err == -ESTALE; i++) {
		err = reader_index_load(r, em);
		if (err < 0)
			return err;
		err = reader_index_follow(r);
	}
	if (err)
		return errmsg_set(em, err, "cannot read the log of %s: %s", r->dir, strerror(-err));
	return 0;
}

int reader_open_io(struct reader **out, const char *dir, const struct storage_io_ops *ops,
		   void *ctx, struct errmsg *em)
{
	char path[VOLUME_PATH_MAX];
	struct reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", dir);
	r->head = r->given_up = DISK_NO_SEGMENT;
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	err = volume_open(dir, ops, ctx, 0, NULL, &r->io, path, em);
	if (!err)
		err = read_super(r, em);
	if (!err) {
		r->window_bytes = (uint32_t)format_unit_up(&r->super, READER_WINDOW);
		r->window = reader_alloc(r->window_bytes);
		if (!r->window)
			err = errmsg_set(em, -ENOMEM, "no memory to open %s", dir);
	}
	if (!err)
		err = catch_up(r, em);
	if (err)
		goto fail;
	*out = r;
	return 0;
fail:
	reader_close(r);
	return err;
}

int reader_open(struct reader **out, const char *dir, struct errmsg *em)
{
	return reader_open_io(out, dir, &storage_io_uring, NULL, em);
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	reader_index_free(r);
	if (r->io)
		r->io->ops->close(r->io);
	free(r->window);
	free(r);
}

int reader_refresh(struct reader *r)
{
	return catch_up(r, NULL);
}

size_t reader_camera_count(const struct reader *r)
{
	return r->names;
}

struct reader_camera reader_camera_at(const struct reader *r, size_t index)
{
	if (index >= r->names)
		return (struct reader_camera){.id = RECORD_NO_CAMERA, .name = ""};
	return (struct reader_camera){.id = r->name[index]->id, .name = r->name[index]->name};
}

uint32_t reader_camera_id(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->names; i++)
		if (!strcmp(r->name[i]->name, name))
			return r->name[i]->id;
	return RECORD_NO_CAMERA;
}

const char *reader_camera_name(const struct reader *r, uint32_t id)
{
	size_t lo = 0, hi = r->names;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->name[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->names && r->name[lo]->id == id ? r->name[lo]->name : "";
}

/* UTC of a moment in a segment of the table, 0: unknown. */
static int64_t table_utc(const struct reader *r, const struct reader_segment *s, int64_t mono_ns,
			 int64_t by_table)
{
	struct record rec = {.boot = s->boot, .mono_ns = mono_ns};

	reader_clock_apply(r, NULL, NULL, &rec);
	return by_table && rec.clock != RECORD_CLOCK_SYNCED ? by_table : rec.utc_ns;
}

void reader_info(const struct reader *r, struct reader_info *out)
{
	const struct format_super *s = &r->super;
	int64_t oldest = 0, newest = 0;

	*out = (struct reader_info){
		.version = DISK_VERSION,
		.volumes = s->volume_count,
		.parity = s->parity_count,
		.capacity_bytes = (uint64_t)s->segments * s->segment_bytes,
		.segment_bytes = s->segment_bytes,
		.segments = s->segments,
		.segments_used = (uint32_t)r->used,
		.created_utc_ns = s->created_utc_ns,
		.compat_features = s->compat,
		.ro_compat_features = s->ro_compat,
		.incompat_features = s->incompat,
		.being_written = r->io->ops->holder(r->io) > 0,
	};
	snprintf(out->dir, sizeof(out->dir), "%s", r->dir);
	if (stripe_is(r->io)) {
		out->volumes_missing = stripe_missing(r->io);
		stripe_explain(r->io, out->volumes_why, sizeof(out->volumes_why));
	}
	memcpy(out->uuid, s->store_uuid, sizeof(out->uuid));
	for (size_t i = 0; i < r->used; i++) {
		const struct reader_segment *e = &r->segment[r->order[i]];
		int64_t first, last;

		out->segments_locked += e->locked;
		if (!e->records)
			continue;
		first = table_utc(r, e, e->first_mono_ns, e->first_utc_ns);
		last = table_utc(r, e, e->last_mono_ns, e->last_utc_ns);
		if (first && (!oldest || first < oldest))
			oldest = first;
		if (last && (!newest || last > newest))
			newest = last;
	}
	if (r->used) {
		const struct reader_segment *e = &r->segment[r->order[r->used - 1]];

		out->position = format_position(s, e->sequence, r->scan ? r->scan->end : e->end);
	}
	out->oldest_utc_ns = oldest;
	out->newest_utc_ns = newest;
}
