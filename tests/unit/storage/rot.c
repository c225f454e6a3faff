/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/storage/rot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reader_impl.h"
#include "storage/verify_impl.h"

static void show(struct rot_all *a, const struct record *rec)
{
	if (a->count == a->room) {
		a->room = a->room ? 2 * a->room : 512;
		a->record = realloc(a->record, a->room * sizeof(*a->record));
		assert_non_null(a->record);
	}
	a->record[a->count++] = (struct rot_shown){
		.position = rec->position,
		.kind = rec->kind,
		.bytes = rec->payload_bytes,
		.crc = format_crc32c(0, rec->payload_bytes ? (const void *)rec->payload : "",
				     rec->payload_bytes),
	};
}

bool rot_read(struct simdisk *sd, struct rot_all *a)
{
	static const struct reader_query q = {RECORD_ANY_CAMERA, RECORD_MASK_ALL, INT64_MIN,
					      INT64_MAX};
	struct reader_cursor *c;
	struct errmsg em = {0};
	struct record rec;
	struct reader *r;
	int got;

	*a = (struct rot_all){0};
	if (reader_open_io(&r, "box", &simdisk_io, sd, &em)) {
		assert_true(*em.text);
		return false;
	}
	assert_int_equal(reader_cursor_open(&c, r, &q, &em), 0);
	while ((got = reader_cursor_next(c, &rec)) == 1)
		if (!reader_cursor_load(c, &rec))
			show(a, &rec);
	assert_int_equal(got, 0);
	reader_cursor_damage(c, &a->damage);
	reader_cursor_close(c);
	reader_close(r);
	return true;
}

static void hear(void *ctx, const char *what)
{
	struct rot *t = ctx;
	size_t n = strlen(t->heard);

	snprintf(t->heard + n, sizeof(t->heard) - n, "%s\n", what);
}

struct verify_result rot_verify(struct rot *t)
{
	const struct verify_callbacks cb = {.damage = hear, .ctx = t};
	struct verify_result res = {0};
	struct errmsg em = {0};

	*t->heard = '\0';
	assert_int_equal(verify_store_io("box", &simdisk_io, t->lab->disk, &cb, &res, &em), 0);
	return res;
}

static void add_place(struct rot *t, enum rot_what what, uint32_t segment, uint64_t offset,
		      uint64_t len)
{
	struct rot_place *p = &t->place[t->places++];

	assert_true(t->places <= ROT_PLACES);
	*p = (struct rot_place){what, segment, offset, len, ""};
	if (what == ROT_SUPER || what == ROT_CHECKPOINT)
		snprintf(p->name, sizeof(p->name), "%s",
			 what == ROT_SUPER ? "superblock" : "checkpoint");
	else
		snprintf(p->name, sizeof(p->name), "segment %u (", segment);
}

/* Every structure, as the newest checkpoint has them. */
static void list_places(struct rot *t)
{
	const uint8_t *image = simdisk_image(t->lab->disk), *table = NULL;
	uint64_t newest = 0;

	assert_int_equal(format_super_decode(image + DISK_SUPER_A, &t->super, NULL), 0);
	add_place(t, ROT_SUPER, 0, DISK_SUPER_A, DISK_BLOCK);
	add_place(t, ROT_SUPER, 0, DISK_SUPER_B, DISK_BLOCK);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *area = image + t->super.area_offset[i];
		struct format_checkpoint c;

		assert_int_equal(format_checkpoint_decode(area, &t->super, &c), 0);
		add_place(t, ROT_CHECKPOINT, 0, t->super.area_offset[i], c.bytes);
		if (c.generation > newest) {
			newest = c.generation;
			table = area + DISK_BLOCK;
		}
	}
	for (uint32_t i = 0; i < t->super.segments; i++, table += DISK_CHECKPOINT_SEGMENT) {
		uint64_t start = format_segment_offset(&t->super, i);
		struct format_checkpoint_segment e;

		assert_int_equal(format_checkpoint_segment_decode(table, &t->super, &e), 0);
		if (e.state != FORMAT_SEALED)
			continue;
		add_place(t, ROT_HEADER, i, start, DISK_BLOCK);
		add_place(t, ROT_CHUNKS, i, start + DISK_BLOCK, e.end - DISK_BLOCK);
		add_place(t, ROT_SEAL, i, start + e.seal_start, ROT_SEGMENT - e.seal_start);
	}
	assert_true(t->places >= 4 + 3 * 5);
}

struct rot *rot_make(void)
{
	struct rot *t = calloc(1, sizeof(*t));
	uint64_t random = 4;

	assert_non_null(t);
	t->lab = lab_new(12, ROT_SEGMENT, 256 << 10);
	for (unsigned round = 0; round < 3; round++) {
		lab_open(t->lab);
		for (unsigned i = 0; i < 80; i++) {
			unsigned camera = (unsigned)(simdisk_random(&random) % 3);
			size_t n = simdisk_random(&random) % (i % 2 ? 9000 : 150000) + 100;

			assert_int_equal(lab_frame(t->lab, camera, n, 1 + i % 2), 0);
			if (i % 4 == 0)
				assert_int_equal(lab_motion(t->lab, camera), 0);
			if (i % 16 == 0)
				assert_int_equal(lab_loss(t->lab, camera, i + 1), 0);
			if (i % 32 == 0)
				assert_int_equal(lab_note(t->lab, "as it was"), 0);
			lab_sync(t->lab);
		}
		assert_int_equal(lab_close(t->lab), 0);
	}
	list_places(t);
	assert_int_equal(rot_verify(t).damaged, 0);
	assert_true(rot_read(t->lab->disk, &t->whole));
	assert_true(t->whole.count > 100);
	return t;
}

void rot_free(struct rot *t)
{
	free(t->whole.record);
	lab_free(t->lab);
	free(t);
}

void rot_flip(struct rot *t, uint64_t at, unsigned bit)
{
	simdisk_image(t->lab->disk)[at] ^= (uint8_t)(1u << bit);
}

uint64_t rot_offset(const struct rot *t, const struct rot_shown *s)
{
	uint64_t sequence = s->position / ROT_SEGMENT;

	for (unsigned i = 0; i < t->places; i++) {
		struct format_segment h;

		if (t->place[i].what == ROT_HEADER &&
		    !format_segment_decode(simdisk_image(t->lab->disk) + t->place[i].offset,
					   &t->super, t->place[i].segment, &h) &&
		    h.sequence == sequence)
			return t->place[i].offset + s->position % ROT_SEGMENT;
	}
	return 0;
}

size_t rot_missing(const struct rot *t, const struct rot_all *now, bool old,
		   const struct rot_shown **out)
{
	size_t at = 0, gone = 0, i = 0;

	while (old && i < now->count && now->record[i].position < t->whole.record[0].position)
		i++;
	for (; i < now->count; i++, at++) {
		for (; at < t->whole.count; at++, gone++) {
			if (t->whole.record[at].position == now->record[i].position)
				break;
			if (!gone)
				*out = &t->whole.record[at];
		}
		assert_true(at < t->whole.count);
		assert_memory_equal(&t->whole.record[at], &now->record[i], sizeof(*now->record));
	}
	if (!gone && at < t->whole.count)
		*out = &t->whole.record[at];
	return gone + (t->whole.count - at);
}
