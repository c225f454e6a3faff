/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints: the tables, copied at one moment and written as one extent to the area that does
 * not hold the newest durable one. It is a write of the log like any other: the next commit that
 * covers it makes it count. A failed one is taken again.
 */
#include "storage/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where recovery will begin to walk: the oldest segment that is not wholly durable, or else the
 * last that is. */
static void choose_head(const struct store *s, struct format_checkpoint *c, uint64_t *sequence)
{
	const struct segment *first =
		list_empty(&s->live) ? NULL : list_entry(s->live.next, struct segment, link);

	if (first && first->header_durable) {
		c->head = first->head.index;
		c->next = first->link.next == &s->live
				  ? first->head.next
				  : list_entry(first->link.next, struct segment, link)->head.index;
		if (first->closed && first->link.next == &s->live)
			c->next = s->next_index;
		*sequence = first->head.sequence;
		return;
	}
	c->head = s->prev_sequence ? s->prev_index : DISK_NO_SEGMENT;
	c->next = first ? first->head.index : s->next_index;
	*sequence = s->prev_sequence;
}

static void fill_tables(struct store *s, uint8_t *buf, const struct format_checkpoint *c)
{
	uint8_t *p = buf + DISK_BLOCK;

	for (uint32_t i = 0; i < c->segments; i++, p += DISK_CHECKPOINT_SEGMENT)
		format_checkpoint_segment_encode(p, &s->table[i]);
	for (uint32_t id = 1; id <= s->ncameras; id++) {
		struct format_checkpoint_camera e = {.camera_id = id};

		if (!s->cameras[id].name[0])
			continue;
		memcpy(e.name, s->cameras[id].name, sizeof(e.name));
		format_checkpoint_camera_encode(p, &e);
		p += DISK_CHECKPOINT_CAMERA;
	}
	for (uint32_t i = s->nboots - c->boots; i < s->nboots; i++, p += DISK_CHECKPOINT_BOOT)
		format_checkpoint_boot_encode(p, &s->boots[i]);
}

static int build(struct store *s, uint8_t **out, struct format_checkpoint *c, uint64_t *floor)
{
	struct segment *seg;

	list_for_each (seg, &s->live, link)
		segment_to_table(s, seg, FORMAT_OPEN);
	*c = (struct format_checkpoint){
		.generation = s->generation + 1,
		.last_sequence = s->last_sequence,
		.durable = s->durable,
		.segments = s->super.segments,
		.boots = s->nboots < DISK_BOOTS_MAX ? s->nboots : DISK_BOOTS_MAX,
		.clean = s->clean,
	};
	for (uint32_t id = 1; id <= s->ncameras; id++)
		c->cameras += s->cameras[id].name[0] != 0;
	choose_head(s, c, floor);
	c->bytes = format_checkpoint_bytes(c);
	uint8_t *buf = volume_alloc(format_unit_up(&s->super, c->bytes));

	if (!buf)
		return -ENOMEM;
	fill_tables(s, buf, c);
	format_checkpoint_encode(buf, &s->super, c);
	*out = buf;
	return 0;
}

void checkpoint_start(struct store *s)
{
	struct write *w = calloc(1, sizeof(*w));
	struct format_checkpoint c;
	uint8_t *buf;

	if (!w || build(s, &buf, &c, &s->checkpoint_next_floor)) {
		/* Due still: tried again at the next commit. */
		free(w);
		return;
	}
	s->checkpoint_due = false;
	s->checkpoint_running = true;
	s->checkpoint_written = false;
	s->checkpoint_generation = c.generation;
	s->seals = 0;
	*w = (struct write){
		.kind = WRITE_CHECKPOINT,
		.buf = buf,
		.bytes = format_unit_up(&s->super, c.bytes),
		.offset = s->super.area_offset[!s->area],
		.buf_index = -1,
		.memory = buf,
	};
	write_queue(s, w);
	s->checkpoint_ticket = w->ticket;
	/* Whoever waits for it should not wait for an interval; but a disk that refuses it is not
	 * asked again at once. */
	if (!s->checkpoint_failures)
		s->again = true;
}

void checkpoint_settle(struct store *s, bool ok)
{
	s->checkpoint_running = false;
	if (!ok) {
		s->checkpoint_due = true;
		if (++s->checkpoint_failures == STORE_FAILURES_MAX)
			store_trouble(s,
				      "%s: the disk fails to write the store's tables: check "
				      "the disk",
				      s->dir);
		return;
	}
	bool troubled = s->checkpoint_failures >= STORE_FAILURES_MAX;

	s->checkpoint_failures = 0;
	if (troubled)
		store_trouble_over(s);
	s->generation = s->checkpoint_generation;
	s->area = !s->area;
	s->checkpoint_floor = s->checkpoint_next_floor;
	s->open_waits = false;
}

int checkpoint_write_sync(struct store *s)
{
	struct format_checkpoint c;
	uint64_t floor;
	uint8_t *buf;
	int err = build(s, &buf, &c, &floor);

	if (err)
		return err;
	err = s->io->ops->write_sync(s->io, buf, format_unit_up(&s->super, c.bytes),
				     s->super.area_offset[!s->area]);
	free(buf);
	if (!err)
		err = s->io->ops->flush_sync(s->io);
	if (err)
		return err;
	s->generation = c.generation;
	s->area = !s->area;
	s->checkpoint_floor = floor;
	return 0;
}

static int load_tables(struct store *s, const uint8_t *buf, const struct format_checkpoint *c)
{
	const uint8_t *p = buf + DISK_BLOCK;
	int err = 0;

	for (uint32_t i = 0; !err && i < c->segments; i++, p += DISK_CHECKPOINT_SEGMENT)
		err = format_checkpoint_segment_decode(p, &s->super, &s->table[i]);
	for (uint32_t i = 0; !err && i < c->cameras; i++, p += DISK_CHECKPOINT_CAMERA) {
		struct format_checkpoint_camera e;

		err = format_checkpoint_camera_decode(p, &e);
		if (!err)
			err = camera_put(s, e.camera_id, e.name);
	}
	for (uint32_t i = 0; !err && i < c->boots; i++, p += DISK_CHECKPOINT_BOOT) {
		struct format_checkpoint_boot e;

		err = format_checkpoint_boot_decode(p, &e);
		if (!err)
			err = boot_put(s, e.boot, e.boot_id, &e.first, &e.last);
	}
	return err;
}

struct want {
	const struct format_super *super;
	struct format_checkpoint *c;
};

static int check_block(void *ctx, const void *block)
{
	struct want *w = ctx;

	return format_checkpoint_decode(block, w->super, w->c);
}

static int check_whole(void *ctx, const void *buf)
{
	struct want *w = ctx;
	struct format_checkpoint c;
	int err = format_checkpoint_decode(buf, w->super, &c);

	/* With parity an older one may still be there whole, beneath a torn one. */
	if (!err && (c.generation != w->c->generation || c.bytes != w->c->bytes))
		err = -EBADMSG;
	return err ? err : format_checkpoint_check(buf, &c);
}

/* Reads one area; *buf to be freed. */
static int read_area(struct store *s, unsigned area, uint8_t **buf, struct format_checkpoint *c)
{
	uint8_t *block = volume_alloc(DISK_BLOCK);

	if (!block)
		return -ENOMEM;
	uint64_t at = s->super.area_offset[area];
	struct want w = {.super = &s->super, .c = c};
	int err = storage_read_checked(s->io, block, DISK_BLOCK, at, check_block, &w);

	free(block);
	if (err)
		return err;
	/* With the zeros behind it: it is written again as a whole (recover.c). */
	uint64_t bytes = format_unit_up(&s->super, c->bytes);
	uint8_t *p = volume_alloc(bytes);

	if (!p)
		return -ENOMEM;
	err = storage_read_checked(s->io, p, bytes, at, check_whole, &w);
	if (err)
		free(p);
	else
		*buf = p;
	return err;
}

int checkpoint_load(struct store *s, struct format_checkpoint *out)
{
	struct format_checkpoint c[2];
	uint8_t *buf[2] = {NULL, NULL};
	int err[2];

	for (unsigned i = 0; i < 2; i++)
		err[i] = read_area(s, i, &buf[i], &c[i]);
	unsigned best = err[0] || (!err[1] && c[1].generation > c[0].generation);
	int result = err[best] ? -EBADMSG : load_tables(s, buf[best], &c[best]);

	/* A torn one may read well by luck: its parity must say the same before it counts. */
	if (!result && s->io->ops->read_again)
		result = s->io->ops->write_sync(s->io, buf[best],
						format_unit_up(&s->super, c[best].bytes),
						s->super.area_offset[best]);

	if (err[0] == -ENOMEM || err[1] == -ENOMEM)
		result = -ENOMEM;
	free(buf[0]);
	free(buf[1]);
	if (result)
		return result;
	*out = c[best];
	s->generation = c[best].generation;
	s->area = best;
	return 0;
}
