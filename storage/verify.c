/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/cleanup.h"
#include "storage/stripe.h"
#include "storage/verify_impl.h"

#define FINDINGS_KEPT 1000u
/* A checkpoint that a running writer is writing just now is whole before long. */
#define CHECKPOINT_TRIES   20u
#define CHECKPOINT_WAIT_NS (50 * NSEC_PER_MSEC)

struct verify {
	struct reader *r;
	const struct verify_callbacks *cb;
	struct verify_result *result;
};

void verify_note(struct verify_findings *f, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;

	if (f->count == f->room && f->room < FINDINGS_KEPT) {
		size_t room = f->room ? f->room * 2 : 8;
		void *p = reallocarray(f->line, room, sizeof(*f->line));

		if (p) {
			f->line = p;
			f->room = room;
		}
	}
	va_start(ap, fmt);
	if (f->count == f->room || vasprintf(&line, fmt, ap) < 0)
		f->more++;
	else
		f->line[f->count++] = line;
	va_end(ap);
}

void verify_findings_free(struct verify_findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->line[i]);
	free(f->line);
	*f = (struct verify_findings){0};
}

static void tell(struct verify *v, const struct verify_findings *f)
{
	char more[64];

	v->result->damaged += f->count + f->more;
	if (!v->cb || !v->cb->damage)
		return;
	for (size_t i = 0; i < f->count; i++)
		v->cb->damage(v->cb->ctx, f->line[i]);
	snprintf(more, sizeof(more), "and %" PRIu64 " more of this segment", f->more);
	if (f->more)
		v->cb->damage(v->cb->ctx, more);
}

static void tell_one(struct verify *v, const char *what)
{
	v->result->damaged++;
	if (v->cb && v->cb->damage)
		v->cb->damage(v->cb->ctx, what);
}

/* The superblocks of one volume. `of`: "" or which. */
static int check_supers_of(struct verify *v, struct storage_io *io, const char *of)
{
	static const uint32_t offset[2] = {DISK_SUPER_A, DISK_SUPER_B};
	CLEANUP_FREE uint8_t *block = reader_alloc((size_t)2 * DISK_BLOCK);
	char line[192];
	bool good[2];

	if (!block)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		struct format_super s;
		int err = io->ops->read(io, block + i * DISK_BLOCK, DISK_BLOCK, offset[i]);

		if (err && err != -EIO)
			return err;
		good[i] = !err && !format_super_decode(block + i * DISK_BLOCK, &s, NULL);
		v->result->bytes += DISK_BLOCK;
		if (good[i])
			continue;
		snprintf(line, sizeof(line),
			 "%svolume offset %" PRIu32 ": superblock %u is damaged", of, offset[i], i);
		tell_one(v, line);
	}
	snprintf(line, sizeof(line), "%sthe two superblocks are not alike", of);
	if (good[0] && good[1] && memcmp(block, block + DISK_BLOCK, DISK_BLOCK))
		tell_one(v, line);
	return 0;
}

static int check_supers(struct verify *v)
{
	struct storage_io *io = v->r->io;
	int err = 0;

	if (!stripe_is(io))
		return check_supers_of(v, io, "");
	for (unsigned i = 0; i < stripe_super(io)->volume_count && !err; i++) {
		char of[32];

		snprintf(of, sizeof(of), "volume %u: ", i);
		if (stripe_volume_io(io, i))
			err = check_supers_of(v, stripe_volume_io(io, i), of);
	}
	return err;
}

int verify_area(struct reader *r, unsigned area, uint64_t *bytes)
{
	CLEANUP_FREE uint8_t *block = reader_alloc(DISK_BLOCK);
	struct format_checkpoint c;
	int err;

	if (!block)
		return -ENOMEM;
	*bytes = DISK_BLOCK;
	err = r->io->ops->read(r->io, block, DISK_BLOCK, r->super.area_offset[area]);
	if (err)
		return err == -EIO ? 1 : err;
	if (!block[0] && !memcmp(block, block + 1, DISK_BLOCK - 1))
		/* Only the first checkpoint of a store has no brother. */
		return r->checkpoint.generation > 1;
	if (format_checkpoint_decode(block, &r->super, &c))
		return 1;
	CLEANUP_FREE uint8_t *all = reader_alloc(c.bytes);

	if (!all)
		return -ENOMEM;
	*bytes = c.bytes;
	err = r->io->ops->read(r->io, all, c.bytes, r->super.area_offset[area]);
	if (err)
		return err == -EIO ? 1 : err;
	return memcmp(all, block, DISK_BLOCK) || format_checkpoint_check(all, &c) ? 1 : 0;
}

static int check_checkpoints(struct verify *v)
{
	struct reader *r = v->r;

	for (unsigned area = 0; area < 2; area++) {
		uint64_t bytes = 0;
		int bad = verify_area(r, area, &bytes);

		for (unsigned i = 0; bad == 1 && i < CHECKPOINT_TRIES; i++) {
			const struct timespec pause = {.tv_nsec = CHECKPOINT_WAIT_NS};

			if (r->io->ops->holder(r->io) <= 0)
				break;
			nanosleep(&pause, NULL);
			bad = verify_area(r, area, &bytes);
		}
		if (bad < 0)
			return bad;
		v->result->bytes += bytes;
		if (!bad)
			continue;
		char line[160];

		snprintf(line, sizeof(line),
			 "volume offset %" PRIu64
			 ": checkpoint %u is damaged, or was being written when the power failed",
			 r->super.area_offset[area], area);
		tell_one(v, line);
	}
	return 0;
}

static void add_result(struct verify_result *to, const struct verify_result *from)
{
	to->segments += from->segments;
	to->chunks += from->chunks;
	to->records += from->records;
	to->frames += from->frames;
	to->bytes += from->bytes;
}

/* The stripes of a part of a segment, parity too. */
static int compare_part(struct reader *r, uint32_t index, uint32_t offset, uint32_t bytes,
			struct verify_findings *f, struct verify_result *sum)
{
	uint64_t at = format_segment_offset(&r->super, index) + offset;
	struct stripe_check c;
	int err = bytes ? stripe_compare(r->io, at, bytes, &c) : 0;

	if (err || !bytes)
		return err;
	sum->bytes += (uint64_t)bytes / (r->super.volume_count - r->super.parity_count) *
		      r->super.parity_count;
	if (c.differing)
		verify_note(f,
			    "segment %" PRIu32 ", offset %" PRIu32 " to %" PRIu32 ": %" PRIu64
			    " stripes whose volumes contradict one another, the first at offset "
			    "%" PRIu64 " of the volumes",
			    index, offset, offset + bytes, c.differing, c.first);
	for (unsigned v = 0; v < r->super.volume_count; v++)
		if (c.unreadable >> v & 1)
			verify_note(f, "segment %" PRIu32 ": volume %u cannot read all of its part",
				    index, v);
	return 0;
}

int verify_stripes(struct reader *r, uint32_t index, const struct reader_segment *e,
		   struct verify_findings *f, struct verify_result *sum)
{
	struct format_seal seal;

	/* What is being written just now need not be on all volumes yet. */
	if (!stripe_is(r->io) || !r->super.parity_count ||
	    (index == r->head && r->io->ops->holder(r->io) > 0))
		return 0;
	int err = compare_part(r, index, 0, e->end, f, sum);

	if (!err && e->state == FORMAT_SEALED &&
	    !reader_seal(r, index, e->sequence, e->nonce, &seal))
		err = compare_part(r, index, seal.seal_start,
				   r->super.segment_bytes - seal.seal_start, f, sum);
	return err;
}

static void tell_volumes(struct verify *v)
{
	struct stripe_status st;

	if (!stripe_is(v->r->io))
		return;
	stripe_status(v->r->io, &st);
	for (unsigned i = 0; i < st.volumes; i++) {
		char line[ERRMSG_MAX];

		if (st.volume[i].state == STRIPE_OK)
			continue;
		snprintf(line, sizeof(line), "volume %u%s%s%s: %s", i,
			 *st.volume[i].dir ? " (" : "", st.volume[i].dir,
			 *st.volume[i].dir ? ")" : "", st.volume[i].why);
		tell_one(v, line);
	}
}

/* Findings count only when the segment is still what it was when reading it began. */
static int check_segment(struct verify *v, uint32_t index)
{
	const struct reader_segment e = v->r->segment[index];
	struct verify_findings f = {0};
	struct verify_result sum = {0};
	int err = verify_segment(v->r, index, &f, &sum);

	if (!err)
		err = verify_stripes(v->r, index, &e, &f, &sum);

	if (!err && (f.count || f.more) && reader_index_stale(v->r, index, e.sequence, e.nonce)) {
		v->result->recycled++;
	} else if (!err) {
		add_result(v->result, &sum);
		tell(v, &f);
	}
	verify_findings_free(&f);
	return err;
}

static int check_segments(struct verify *v)
{
	struct reader *r = v->r;
	uint64_t next = 0, done = 0;
	/* Segments written while we read are left for the next time: this must end. */
	uint64_t last = r->used ? r->segment[r->order[r->used - 1]].sequence : 0;
	uint64_t total = (uint64_t)r->used * r->super.segment_bytes;

	for (;;) {
		size_t i = reader_index_find(r, next);

		if (i >= r->used || r->segment[r->order[i]].sequence > last)
			return 0;
		next = r->segment[r->order[i]].sequence + 1;
		if (v->cb && v->cb->progress && v->cb->progress(v->cb->ctx, done, total))
			return -ECANCELED;
		int err = check_segment(v, r->order[i]);

		if (err)
			return err;
		done += r->super.segment_bytes;
	}
}

int verify_store_io(const char *dir, const struct storage_io_ops *ops, void *ctx,
		    const struct verify_callbacks *cb, struct verify_result *result,
		    struct errmsg *em)
{
	struct verify_result sum = {0};
	struct verify v = {.cb = cb, .result = &sum};
	int err = reader_open_io(&v.r, dir, ops, ctx, em);

	if (err)
		return err;
	tell_volumes(&v);
	err = check_supers(&v);
	if (!err)
		err = check_checkpoints(&v);
	if (!err)
		err = check_segments(&v);
	/* What kept the index from being read as it should, where nothing above has named it. */
	if (!err && v.r->damage.count && !sum.damaged)
		tell_one(&v, v.r->damage.first);
	reader_close(v.r);
	if (err)
		return errmsg_set(em, err, "cannot verify the store in %s: %s", dir,
				  err == -ECANCELED ? "stopped" : strerror(-err));
	*result = sum;
	return 0;
}

int verify_store(const char *dir, const struct verify_callbacks *cb, struct verify_result *result,
		 struct errmsg *em)
{
	return verify_store_io(dir, &storage_io_uring, NULL, cb, result, em);
}
