/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A checkpoint from what a reader found out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/repair_impl.h"
#include "storage/verify_impl.h"

/* The highest generation that any area holds, whole or not beyond its header. */
static uint64_t newest(struct repair *p)
{
	uint64_t generation = p->r->checkpoint.generation;
	uint8_t *block = volume_alloc(DISK_BLOCK);

	for (unsigned i = 0; block && i < 2; i++) {
		struct format_checkpoint c;

		if (!p->r->io->ops->read(p->r->io, block, DISK_BLOCK, p->r->super.area_offset[i]) &&
		    !format_checkpoint_decode(block, &p->r->super, &c) && c.generation > generation)
			generation = c.generation;
	}
	free(block);
	return generation;
}

static void fill_segment(struct repair *p, uint32_t index, uint8_t *out)
{
	const struct reader_segment *e = &p->r->segment[index];
	struct format_checkpoint_segment t = {
		.sequence = e->sequence,
		.nonce = e->nonce,
		.state = e->state,
		.locked = e->locked,
		.boot = e->boot,
		.records = e->records,
		.end = e->end,
		.seal_start = p->r->super.segment_bytes - format_unit(&p->r->super),
		.first_mono_ns = e->first_mono_ns,
		.last_mono_ns = e->last_mono_ns,
		.first_utc_ns = e->first_utc_ns,
		.last_utc_ns = e->last_utc_ns,
	};
	struct format_seal f;

	if (!e->sequence)
		t = (struct format_checkpoint_segment){
			.state = e->state == FORMAT_BAD ? FORMAT_BAD : FORMAT_FREE};
	else if (!reader_seal(p->r, index, e->sequence, e->nonce, &f))
		t.seal_start = f.seal_start;
	format_checkpoint_segment_encode(out, &t);
}

static void fill_tables(struct repair *p, const struct format_checkpoint *c, uint8_t *buf)
{
	const struct reader *r = p->r;
	uint8_t *at = buf + DISK_BLOCK;

	for (uint32_t i = 0; i < c->segments; i++, at += DISK_CHECKPOINT_SEGMENT)
		fill_segment(p, i, at);
	for (uint32_t i = 0; i < c->cameras; i++, at += DISK_CHECKPOINT_CAMERA) {
		struct format_checkpoint_camera e = {.camera_id = r->name[i]->id};

		memcpy(e.name, r->name[i]->name, sizeof(e.name));
		format_checkpoint_camera_encode(at, &e);
	}
	for (size_t i = r->boots - c->boots; i < r->boots; i++, at += DISK_CHECKPOINT_BOOT) {
		struct format_checkpoint_boot e = {.boot = r->boot[i].number,
						   .first = r->boot[i].first,
						   .last = r->boot[i].last};

		memcpy(e.boot_id, r->boot[i].boot_id, sizeof(e.boot_id));
		format_checkpoint_boot_encode(at, &e);
	}
}

static int build(struct repair *p, uint8_t **out, struct format_checkpoint *c)
{
	const struct reader *r = p->r;

	*c = (struct format_checkpoint){
		.generation = newest(p) + 1,
		.head = r->head,
		.next = r->given_up == DISK_NO_SEGMENT ? 0 : r->given_up,
		.segments = r->super.segments,
		.cameras = (uint32_t)(r->names < r->super.cameras_max ? r->names
								      : r->super.cameras_max),
		.boots = r->boots < DISK_BOOTS_MAX ? (uint32_t)r->boots : DISK_BOOTS_MAX,
	};
	for (uint32_t i = 0; i < c->segments; i++)
		if (p->head[i].sequence > c->last_sequence)
			c->last_sequence = p->head[i].sequence;
	if (r->head != DISK_NO_SEGMENT) {
		const struct reader_segment *e = &r->segment[r->head];

		c->durable = format_position(&r->super, e->sequence, e->end);
		if (e->sequence > c->last_sequence)
			c->last_sequence = e->sequence;
	}
	c->bytes = format_checkpoint_bytes(c);
	uint8_t *buf = volume_alloc(format_unit_up(&r->super, c->bytes));

	if (!buf)
		return -ENOMEM;
	fill_tables(p, c, buf);
	format_checkpoint_encode(buf, &r->super, c);
	*out = buf;
	return 0;
}

int repair_checkpoints(struct repair *p)
{
	struct format_checkpoint c;
	uint8_t *buf = NULL;
	int err = 0;

	for (unsigned i = 0; !err && i < 2; i++) {
		const struct repair_step step = {REPAIR_CHECKPOINT, i, 0,
						 p->r->super.area_offset[i]};
		uint64_t bytes;

		err = verify_area(p->r, i, &bytes);
		if (err <= 0)
			continue;
		err = buf ? 0 : build(p, &buf, &c);
		if (!err)
			err = repair_write(p, &step, buf, format_unit_up(&p->r->super, c.bytes));
	}
	free(buf);
	return err;
}
