/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/repair_impl.h"
#include "storage/stripe.h"
#include "storage/volume.h"
#include "storage/verify_impl.h"

int repair_write(struct repair *p, const struct repair_step *step, const void *buf, size_t len)
{
	int err = p->dry_run ? 0 : p->io->ops->write_sync(p->io, buf, len, step->offset);

	if (err)
		return err;
	p->result.steps++;
	if (p->cb && p->cb->step)
		p->cb->step(p->cb->ctx, step);
	return 0;
}

bool repair_is_damage(int err)
{
	return err == -EBADMSG || err == -EPROTO || err == -EIO;
}

/* --- segments ------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

/* 0 and *f: the seal is there to the last byte; -EBADMSG: it is not. */
static int read_seal(struct repair *p, uint32_t index, uint64_t sequence, uint64_t nonce,
		     struct format_seal *f)
{
	uint32_t hi = p->r->super.segment_bytes - DISK_BLOCK;
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *b;
	int err = reader_seal(p->r, index, sequence, nonce, f);

	if (!err)
		err = reader_read(p->r, index, f->seal_start, hi - f->seal_start, &mem, &b);
	if (err)
		return repair_is_damage(err) ? -EBADMSG : err;
	uint32_t at = f->seal_start;

	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		const uint8_t *section = b + (f->section[i].offset - f->seal_start);

		if (!all_zero(b + (at - f->seal_start), f->section[i].offset - at) ||
		    format_crc32c(0, section, f->section[i].bytes) != f->section[i].crc)
			return -EBADMSG;
		at = f->section[i].offset + f->section[i].bytes;
	}
	return all_zero(b + (at - f->seal_start), hi - at) ? 0 : -EBADMSG;
}

static int read_heads(struct repair *p)
{
	p->head = calloc(p->r->super.segments, sizeof(*p->head));
	if (!p->head)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->r->super.segments; i++) {
		int err = reader_header(p->r, i, &p->head[i]);

		if (err && !repair_is_damage(err))
			return err;
		if (err)
			p->head[i] = (struct format_segment){.sequence = 0};
	}
	return 0;
}

/* Where the log ended in a segment that it has left: 0 when nobody says. */
static uint32_t end_of(const struct repair *p, const struct format_segment *h)
{
	const struct reader_segment *e = &p->r->segment[h->index];

	if (e->sequence == h->sequence && e->nonce == h->nonce && e->state == FORMAT_SEALED)
		return e->end;
	for (uint32_t i = 0; i < p->r->super.segments; i++)
		if (p->head[i].sequence > h->sequence && p->head[i].prev_sequence == h->sequence &&
		    p->head[i].prev_nonce == h->nonce)
			return p->head[i].prev_end;
	return 0;
}

static int seal_anew(struct repair *p, const struct format_segment *h, uint32_t end)
{
	struct format_clock last = h->clock;
	CLEANUP_FREE uint8_t *buf = NULL;
	struct seal seal;
	uint32_t start;
	int err = seal_init(&seal);

	if (err)
		return err;
	err = repair_walk(p, h, end, &seal, &last);
	/* Damage may have hidden the records that name cameras. */
	for (uint32_t i = 0; !err && i < seal.ncameras; i++) {
		uint32_t id = seal.cameras[i].camera_id;

		if (id && !seal.cameras[i].name[0])
			seal_name(&seal, id, reader_camera_name(p->r, id));
	}
	if (!err && seal_start(&seal, &p->r->super) < end)
		err = -EBADMSG;
	if (!err)
		err = seal_build(&seal, &p->r->super, h, end, &last, &buf, &start);
	seal_destroy(&seal);
	if (err)
		return repair_is_damage(err) ? 0 : err;
	const struct repair_step step = {REPAIR_SEAL, h->index, h->sequence,
					 format_segment_offset(&p->r->super, h->index) + start};

	return repair_write(p, &step, buf, p->r->super.segment_bytes - start);
}

static int repair_seals(struct repair *p)
{
	for (uint32_t i = 0; i < p->r->super.segments; i++) {
		const struct format_segment *h = &p->head[i];
		struct format_seal f;

		if (!h->sequence || i == p->r->given_up)
			continue;
		int err = read_seal(p, i, h->sequence, h->nonce, &f);
		uint32_t end = err == -EBADMSG ? end_of(p, h) : 0;

		if (end)
			err = seal_anew(p, h, end);
		if (err && err != -EBADMSG)
			return err;
	}
	return 0;
}

/* The segment that the log left for `index`, before sequence `sequence`. */
static const struct format_segment *find_previous(const struct repair *p, uint32_t index,
						  uint64_t sequence)
{
	const struct format_segment *best = NULL;

	for (uint32_t i = 0; i < p->r->super.segments; i++) {
		const struct format_segment *h = &p->head[i];

		if (h->sequence && h->next == index && h->sequence < sequence &&
		    (!best || h->sequence > best->sequence))
			best = h;
	}
	return best;
}

/* A header is in its seal, but for where the log came from. */
static int repair_header(struct repair *p, uint32_t index, uint8_t block[DISK_BLOCK])
{
	const struct reader_segment *e = &p->r->segment[index];
	struct format_seal f;
	int err = read_seal(p, index, e->sequence, e->nonce, &f);
	const struct format_segment *prev = err ? NULL : find_previous(p, index, f.sequence);
	uint32_t prev_end = prev ? p->r->segment[prev->index].end : 0;

	if (err)
		return err == -EBADMSG ? 0 : err;
	if (!prev || p->r->segment[prev->index].sequence != prev->sequence || !prev_end)
		return 0;
	struct format_segment h = {
		.sequence = f.sequence,
		.nonce = f.nonce,
		.index = index,
		.next = f.next,
		.boot = f.boot,
		.clock = f.first_clock,
		.prev_sequence = prev->sequence,
		.prev_nonce = prev->nonce,
		.prev_end = prev_end,
	};
	const struct repair_step step = {REPAIR_HEADER, index, f.sequence,
					 format_segment_offset(&p->r->super, index)};

	memcpy(h.boot_id, f.boot_id, sizeof(h.boot_id));
	format_segment_encode(block, &p->r->super, &h);
	p->head[index] = h;
	return repair_write(p, &step, block, format_unit(&p->r->super));
}

static int repair_headers(struct repair *p)
{
	CLEANUP_FREE uint8_t *block = volume_alloc(format_unit(&p->r->super));
	int err = block ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < p->r->used; i++)
		if (!p->head[p->r->order[i]].sequence)
			err = repair_header(p, p->r->order[i], block);
	return err;
}

/* --- all together --------------------------------------------------------------------------- */

/* A reader as the store is now. */
static int look(struct repair *p, const char *dir, const struct storage_io_ops *ops, void *ctx,
		struct errmsg *em)
{
	reader_close(p->r);
	p->r = NULL;
	free(TAKE_PTR(p->head));
	int err = reader_open_io(&p->r, dir, ops, ctx, em);

	return err ? err : read_heads(p);
}

static int repair_all(struct repair *p, const char *dir, const struct storage_io_ops *ops,
		      void *ctx, const char *path, struct errmsg *em)
{
	/* A volume whose superblocks are both gone is one that is missing: it is rebuilt. */
	int err = stripe_is(p->io) ? 0 : repair_supers(p, path, em);

	if (err > 0)
		return 0; /* a dry run without a superblock sees no further */
	if (!err)
		err = look(p, dir, ops, ctx, em);
	if (!err)
		err = repair_seals(p);
	if (!err)
		err = repair_headers(p);
	/* Seals first: a checkpoint calls those segments sealed. */
	if (!err && !p->dry_run)
		err = p->io->ops->flush_sync(p->io);
	/* What was sealed or given a header again may lead on to more. */
	if (!err && !p->dry_run)
		err = look(p, dir, ops, ctx, em);
	if (!err)
		err = repair_checkpoints(p);
	if (!err && !p->dry_run)
		err = p->io->ops->flush_sync(p->io);
	return err;
}

int repair_store_io(const char *dir, const struct storage_io_ops *ops, void *ctx, bool dry_run,
		    const struct repair_callbacks *cb, struct repair_result *result,
		    struct errmsg *em)
{
	struct repair p = {.cb = cb, .dry_run = dry_run};
	struct errmsg why = {""};
	char path[VOLUME_PATH_MAX];
	int err = volume_open(dir, ops, ctx, dry_run ? 0 : STORAGE_IO_WRITE | STORAGE_IO_LOCK, NULL,
			      &p.io, path, &why);

	if (!err && dry_run && ops == &storage_io_uring && p.io->ops->holder(p.io) > 0)
		err = errmsg_set(&why, -EBUSY, "%s is in use by process %d: stop it first", path,
				 (int)p.io->ops->holder(p.io));
	if (!err)
		err = repair_all(&p, dir, ops, ctx, path, &why);
	reader_close(p.r);
	free(p.head);
	if (p.io)
		p.io->ops->close(p.io);
	if (err)
		return errmsg_set(em, err, "%s%s%s", *why.text ? why.text : "cannot repair ",
				  *why.text ? "" : dir, *why.text ? "" : ": the disk fails");
	*result = p.result;
	return 0;
}

int repair_store(const char *dir, bool dry_run, const struct repair_callbacks *cb,
		 struct repair_result *result, struct errmsg *em)
{
	return repair_store_io(dir, &storage_io_uring, NULL, dry_run, cb, result, em);
}
