/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bit rot over a store that the writer wrote: every flipped bit is named with its place; readers
 * pass over what it hit, and count that, and show everything else as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reader_impl.h"
#include "storage/verify_impl.h"
#include "tests/unit/storage/lab.h"

#define SEGMENT   (1u << 20)
#define FLIPS     20u /* in each structure */
#define PLACES    64u
#define HEARD_MAX 4096u

enum what { SUPER, CHECKPOINT, HEADER, CHUNKS, SEAL };

struct place {
	enum what what;
	uint32_t segment;
	uint64_t offset, len;
	char name[48]; /* every message about it has this */
};

struct shown {
	uint64_t position, bytes;
	uint32_t kind, crc; /* no padding: compared as memory */
};

struct all {
	struct shown *record;
	size_t count, room;
	struct reader_damage damage;
};

struct rot {
	struct lab *lab;
	struct format_super super;
	struct place place[PLACES];
	unsigned places;
	struct all whole;
	char heard[HEARD_MAX];
};

static void show(struct all *a, const struct record *rec)
{
	if (a->count == a->room) {
		a->room = a->room ? 2 * a->room : 512;
		a->record = realloc(a->record, a->room * sizeof(*a->record));
		assert_non_null(a->record);
	}
	a->record[a->count++] = (struct shown){
		.position = rec->position,
		.kind = rec->kind,
		.bytes = rec->payload_bytes,
		.crc = format_crc32c(0, rec->payload_bytes ? (const void *)rec->payload : "",
				     rec->payload_bytes),
	};
}

/* Everything a reader shows with its payload. */
static bool read_all(struct simdisk *sd, struct all *a)
{
	static const struct reader_query q = {RECORD_ANY_CAMERA, RECORD_MASK_ALL, INT64_MIN,
					      INT64_MAX};
	struct reader_cursor *c;
	struct errmsg em = {0};
	struct record rec;
	struct reader *r;
	int got;

	*a = (struct all){0};
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

static struct verify_result verify(struct rot *t)
{
	const struct verify_callbacks cb = {.damage = hear, .ctx = t};
	struct verify_result res = {0};
	struct errmsg em = {0};

	*t->heard = '\0';
	assert_int_equal(verify_store_io("box", &simdisk_io, t->lab->disk, &cb, &res, &em), 0);
	return res;
}

static void add_place(struct rot *t, enum what what, uint32_t segment, uint64_t offset,
		      uint64_t len)
{
	struct place *p = &t->place[t->places++];

	assert_true(t->places <= PLACES);
	*p = (struct place){what, segment, offset, len, ""};
	if (what == SUPER || what == CHECKPOINT)
		snprintf(p->name, sizeof(p->name), "%s",
			 what == SUPER ? "superblock" : "checkpoint");
	else
		snprintf(p->name, sizeof(p->name), "segment %u (", segment);
}

/* Every structure, as the newest checkpoint has them. */
static void list_places(struct rot *t)
{
	const uint8_t *image = simdisk_image(t->lab->disk), *table = NULL;
	uint64_t newest = 0;

	assert_int_equal(format_super_decode(image + DISK_SUPER_A, &t->super, NULL), 0);
	add_place(t, SUPER, 0, DISK_SUPER_A, DISK_BLOCK);
	add_place(t, SUPER, 0, DISK_SUPER_B, DISK_BLOCK);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *area = image + t->super.area_offset[i];
		struct format_checkpoint c;

		assert_int_equal(format_checkpoint_decode(area, &t->super, &c), 0);
		add_place(t, CHECKPOINT, 0, t->super.area_offset[i], c.bytes);
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
		add_place(t, HEADER, i, start, DISK_BLOCK);
		add_place(t, CHUNKS, i, start + DISK_BLOCK, e.end - DISK_BLOCK);
		add_place(t, SEAL, i, start + e.seal_start, SEGMENT - e.seal_start);
	}
	assert_true(t->places >= 4 + 3 * 5);
}

/* Direct and gathered frames, all kinds of records, a store that was reopened and went round. */
static struct rot *make(void)
{
	struct rot *t = calloc(1, sizeof(*t));
	uint64_t random = 4;

	assert_non_null(t);
	t->lab = lab_new(12, SEGMENT, 256 << 10);
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
	assert_int_equal(verify(t).damaged, 0);
	assert_true(read_all(t->lab->disk, &t->whole));
	assert_true(t->whole.count > 100);
	return t;
}

static void unmake(struct rot *t)
{
	free(t->whole.record);
	lab_free(t->lab);
	free(t);
}

static void flip(struct rot *t, uint64_t at, unsigned bit)
{
	simdisk_image(t->lab->disk)[at] ^= (uint8_t)(1u << bit);
}

/* Where in the volume a record's payload lies; 0: its segment is not among the places. */
static uint64_t volume_offset(const struct rot *t, const struct shown *s)
{
	uint64_t sequence = s->position / SEGMENT;

	for (unsigned i = 0; i < t->places; i++) {
		struct format_segment h;

		if (t->place[i].what == HEADER &&
		    !format_segment_decode(simdisk_image(t->lab->disk) + t->place[i].offset,
					   &t->super, t->place[i].segment, &h) &&
		    h.sequence == sequence)
			return t->place[i].offset + s->position % SEGMENT;
	}
	return 0;
}

/* Nothing is shown that was not there, in order; returns what is missing, the first of it in *out.
 * `old`: footage that had been given up may show again before the rest. */
static size_t missing(const struct rot *t, const struct all *now, bool old,
		      const struct shown **out)
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

static void check_one(struct rot *t, const struct place *p, uint64_t at, unsigned bit)
{
	const struct shown *lost = NULL;
	struct all now;
	size_t gone;

	flip(t, p->offset + at, bit);
	struct verify_result res = verify(t);

	if (!res.damaged || !strstr(t->heard, p->name))
		print_error("bit %u of byte %llu of %s: %s\n", bit, (unsigned long long)at, p->name,
			    res.damaged ? t->heard : "not noticed\n");
	assert_true(res.damaged > 0);
	assert_non_null(strstr(t->heard, p->name));
	assert_true(read_all(t->lab->disk, &now));
	flip(t, p->offset + at, bit);
	gone = missing(t, &now, false, &lost);
	if (gone > (p->what == CHUNKS))
		print_error("bit %u of byte %llu of %s (%d): %zu records are gone\n", bit,
			    (unsigned long long)at, p->name, p->what, gone);
	/* The seal and the chunks stand for one another: only a frame that was hit is gone. */
	assert_true(gone <= (p->what == CHUNKS));
	if (gone) {
		uint64_t from = volume_offset(t, lost);

		assert_int_equal(lost->kind, RECORD_FRAME);
		assert_in_range(p->offset + at, from, from + lost->bytes - 1);
		assert_true(now.damage.records + now.damage.segments > 0);
		assert_non_null(strstr(now.damage.first, p->name));
	}
	free(now.record);
}

static void every_flip_is_named_and_costs_no_more_than_it_hit(void **state)
{
	struct rot *t = make();
	uint64_t random = 20261122;

	(void)state;
	for (unsigned i = 0; i < t->places; i++)
		for (unsigned k = 0; k < FLIPS; k++) {
			const struct place *p = &t->place[i];
			uint64_t at = k < 2   ? k * (p->len - 1)
				      : k < 5 ? simdisk_random(&random) % 64
				      : k < 8 ? p->len - 1 - simdisk_random(&random) % 64
					      : simdisk_random(&random) % p->len;

			check_one(t, p, at, (unsigned)(simdisk_random(&random) % 8));
		}
	assert_int_equal(verify(t).damaged, 0);
	unmake(t);
}

/* Many at once: whatever opens shows nothing wrong, and what was not hit is all there. */
static void many_flips_leave_the_rest(void **state)
{
	struct rot *t = make();
	uint64_t random = 7;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		bool hit[64] = {0}, other = false;
		struct place *p;
		uint64_t where[24];
		unsigned bit[24], n = 2 + round % 23;
		struct all now;

		for (unsigned i = 0; i < n; i++) {
			p = &t->place[simdisk_random(&random) % t->places];
			where[i] = p->offset + simdisk_random(&random) % p->len;
			bit[i] = (unsigned)(simdisk_random(&random) % 8);
			flip(t, where[i], bit[i]);
			if (p->what == SUPER || p->what == CHECKPOINT)
				other = true;
			else
				hit[p->segment] = true;
		}
		bool opened = read_all(t->lab->disk, &now);

		assert_true(opened || other);
		while (n--)
			flip(t, where[n], bit[n]);
		if (!opened)
			continue;
		const struct shown *lost;

		/* Who gave it up is written in a header and in the checkpoints. */
		missing(t, &now, other, &lost);
		for (size_t i = 0, k = 0; i < t->whole.count && !other; i++) {
			uint64_t at = volume_offset(t, &t->whole.record[i]);

			if (k < now.count && now.record[k].position == t->whole.record[i].position)
				k++;
			else
				assert_true(hit[(at - t->super.segments_offset) / SEGMENT]);
		}
		free(now.record);
	}
	unmake(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flip_is_named_and_costs_no_more_than_it_hit),
		cmocka_unit_test(many_flips_leave_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
