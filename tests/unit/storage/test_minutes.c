/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Minute maps: a search that goes by them finds what a search through all motion records finds,
 * whatever was damaged, cut off or recycled; and it opens fewer segments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/bytes.h"
#include "storage/format_minutes.h"
#include "storage/reader_impl.h"
#include "storage/reader_minutes.h"
#include "tests/unit/storage/lab.h"

#define SEGMENT (1u << 20)
#define COLS    20u
#define ROWS    16u
#define BYTES   (COLS * ROWS / 8)
#define RARE    317u /* a cell that moves now and then only */

struct scene {
	struct lab *lab;
	int64_t mono_ns; /* of the next record */
	uint64_t random;
	uint32_t number;
};

static void put_motion(struct scene *s, unsigned camera)
{
	uint8_t bits[BYTES] = {0};
	uint16_t moved = 0;
	uint32_t first = (uint32_t)(simdisk_random(&s->random) % 300);

	for (uint32_t cell = first; cell < first + 3; cell++, moved++)
		bits[cell / 8] |= (uint8_t)(1u << cell % 8);
	if (s->number++ % 151 == 75) {
		bits[RARE / 8] |= 1u << RARE % 8;
		moved++;
	}
	const struct record_motion m = {.camera_id = s->lab->camera[camera],
					.sequence = s->number,
					.mono_ns = s->mono_ns,
					.cols = COLS,
					.rows = ROWS,
					.cell_px = 32,
					.moved = moved,
					.level = (uint16_t)(first % 1000),
					.width = 640,
					.height = 512};
	int err = store_append_motion(s->lab->store, &m, bits);

	assert_true(err == 0 || err == -EIO);
	s->mono_ns += NSEC_PER_SEC * (int64_t)(simdisk_random(&s->random) % 8);
}

/* Frames that fill segments, and motion between them; times by the clock of the scene. */
static void record(struct scene *s, size_t frames)
{
	while (frames) {
		unsigned camera = (unsigned)(simdisk_random(&s->random) % 3);
		int err = lab_frame(s->lab, camera, 40000 + simdisk_random(&s->random) % 60000, 1);

		if (err == -ENOBUFS || err == -EAGAIN) {
			assert_int_equal(reactor_turn(s->lab->reactor, NSEC_PER_MSEC), 0);
			continue;
		}
		assert_true(err == 0 || err == -EIO);
		frames--;
		put_motion(s, camera);
		lab_turns(s->lab, 1);
	}
}

static struct scene begin(unsigned mib, uint64_t seed)
{
	struct scene s = {.lab = lab_new(mib, SEGMENT, 256 << 10),
			  .mono_ns = -600 * NSEC_PER_SEC,
			  .random = seed};

	lab_open(s.lab);
	return s;
}

struct hits {
	uint64_t position[8192];
	size_t count;
};

/* The motion records with one of these cells, by every record or by the minute maps. */
static bool wanted_cell(const uint8_t *bits, uint32_t skipped, uint32_t bytes, uint32_t cell)
{
	uint32_t at = cell / 8;

	return at >= skipped && at < skipped + bytes && bits[at - skipped] >> (cell % 8) & 1;
}

static void run_cursor(struct reader *r, const struct reader_query *q, struct reader_minutes *m,
		       uint32_t cell, struct hits *out)
{
	struct reader_cursor *c;
	struct record rec;

	assert_int_equal(reader_cursor_open(&c, r, q, NULL), 0);
	if (m)
		reader_cursor_narrow(c, m);
	while (reader_cursor_next(c, &rec) == 1) {
		if (reader_cursor_load(c, &rec))
			continue;
		if (!wanted_cell(rec.payload, 0, rec.payload_bytes, cell))
			continue;
		assert_true(out->count < ARRAY_SIZE(out->position));
		out->position[out->count++] = rec.position;
	}
	reader_cursor_close(c);
}

/* Both ways; returns how many hits there are. */
static size_t compare(struct simdisk *disk, const struct reader_query *query, uint32_t cell,
		      struct reader_minutes_cost *cost)
{
	struct hits *all = calloc(2, sizeof(*all)), *some = all + 1;
	struct reader_query q = *query;
	struct reader_minutes *m;
	struct reader_minute minute;
	struct errmsg em = {""};
	struct reader *r;
	size_t n;

	assert_non_null(all);
	q.kinds = RECORD_MASK(RECORD_MOTION);
	assert_int_equal(reader_open_io(&r, "box", &simdisk_io, disk, &em), 0);
	run_cursor(r, &q, NULL, cell, all);
	assert_int_equal(reader_minutes_open(&m, r, &q, &em), 0);
	while (reader_minutes_next(m, &minute) == 1) {
		assert_true(q.camera_id == RECORD_ANY_CAMERA || q.camera_id == minute.camera_id);
		assert_true(minute.frames > 0 && minute.moved >= 3);
		if (wanted_cell(minute.bits, minute.skipped, minute.bit_bytes, cell))
			reader_minutes_want(m);
	}
	run_cursor(r, &q, m, cell, some);
	reader_minutes_cost(m, cost);
	assert_int_equal(some->count, all->count);
	assert_memory_equal(some->position, all->position, all->count * sizeof(uint64_t));
	n = all->count;
	reader_minutes_close(m);
	reader_close(r);
	free(all);
	return n;
}

static const struct reader_query everything = {.camera_id = RECORD_ANY_CAMERA,
					       .to_utc_ns = INT64_MAX};

static size_t compare_many(struct simdisk *disk, struct reader_minutes_cost *cost)
{
	size_t n = 0;

	for (uint32_t cell = 3; cell < 300; cell += 50)
		n += compare(disk, &everything, cell, cost);
	compare(disk, &everything, RARE, cost);
	return n;
}

static void rare_motion_opens_few_segments(void **state)
{
	struct scene s = begin(64, 1);
	struct reader_minutes_cost cost;

	(void)state;
	record(&s, 600);
	assert_int_equal(lab_close(s.lab), 0);
	assert_true(compare_many(s.lab->disk, &cost) > 20);
	assert_true(compare(s.lab->disk, &everything, RARE, &cost) >= 3);
	assert_true(cost.segments > 30);
	assert_true(cost.covered * 10 > cost.segments * 7);
	assert_true(cost.wanted > 0 && cost.wanted * 3 < cost.covered);
	assert_int_equal(cost.damaged, 0);
	lab_free(s.lab);
}

static void times_and_cameras(void **state)
{
	struct scene s = begin(64, 2);
	struct reader_minutes_cost cost;
	struct monotime_sample now;

	(void)state;
	record(&s, 500);
	assert_int_equal(lab_close(s.lab), 0);
	assert_int_equal(monotime_sample(&now), 0);
	for (unsigned i = 0; i < 40; i++) {
		int64_t at = -600 + (int64_t)(simdisk_random(&s.random) % 2400);
		const struct reader_query q = {
			.camera_id = i % 2 ? s.lab->camera[i % 3] : RECORD_ANY_CAMERA,
			.from_utc_ns = now.utc_ns - now.mono_ns + at * NSEC_PER_SEC,
			.to_utc_ns = now.utc_ns - now.mono_ns +
				     (at + 1 + (int64_t)(simdisk_random(&s.random) % 900)) *
					     NSEC_PER_SEC,
		};

		compare(s.lab->disk, &q, (uint32_t)(simdisk_random(&s.random) % 300), &cost);
	}
	lab_free(s.lab);
}

/* What a run before wrote is found again, and goes on. */
static void the_chain_survives_a_restart(void **state)
{
	struct scene s = begin(64, 3);
	struct reader_minutes_cost cost;

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		if (round)
			lab_open(s.lab);
		record(&s, 150);
		assert_int_equal(lab_close(s.lab), 0);
	}
	compare_many(s.lab->disk, &cost);
	assert_true(cost.covered * 2 > cost.segments);
	lab_free(s.lab);
}

static void a_store_that_went_round(void **state)
{
	struct scene s = begin(24, 4);
	struct reader_minutes_cost cost;

	(void)state;
	record(&s, 900);
	assert_int_equal(lab_close(s.lab), 0);
	compare_many(s.lab->disk, &cost);
	assert_true(cost.covered > 0);
	lab_free(s.lab);
}

static void power_cuts_and_what_follows(void **state)
{
	struct reader_minutes_cost cost;

	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct scene s = begin(32, 10 + seed);

		simdisk_set_timing(s.lab->disk, 3, true);
		record(&s, 200 + 10 * (size_t)seed);
		struct simdisk *after =
			simdisk_crash(s.lab->disk, seed % SIMDISK_CRASH_MODES, seed);

		compare_many(after, &cost);
		assert_int_equal(lab_close(s.lab), 0);
		lab_use_disk(s.lab, after, UINT64_MAX);
		lab_open(s.lab);
		record(&s, 150);
		compare_many(s.lab->disk, &cost);
		assert_int_equal(lab_close(s.lab), 0);
		compare_many(s.lab->disk, &cost);
		assert_true(cost.covered > 0);
		lab_free(s.lab);
	}
}

static void failed_writes(void **state)
{
	struct reader_minutes_cost cost;

	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct scene s = begin(32, 40 + seed);

		record(&s, 120);
		simdisk_set_fault(s.lab->disk, simdisk_submitted(s.lab->disk) + seed * 3, 1, -EIO);
		record(&s, 200);
		(void)!lab_close(s.lab);
		compare_many(s.lab->disk, &cost);
		assert_true(cost.covered > 0);
		lab_free(s.lab);
	}
}

/* Where the payloads of minute maps lie in the image; they begin with their magic. */
static size_t find_maps(struct simdisk *disk, uint64_t *out, size_t room)
{
	const uint8_t *image = simdisk_image(disk);
	uint64_t size = simdisk_size(disk);
	size_t n = 0;

	for (uint64_t at = 0; at + 8 <= size && n < room; at += 8)
		if (!memcmp(image + at, "MLMINUTE", 8))
			out[n++] = at;
	return n;
}

static void damage_hides_nothing(void **state)
{
	struct scene s = begin(48, 5);
	struct reader_minutes_cost cost, whole;
	uint64_t at[64], random = 77;
	unsigned noticed = 0;

	(void)state;
	record(&s, 450);
	assert_int_equal(lab_close(s.lab), 0);
	compare(s.lab->disk, &everything, RARE, &whole);
	size_t n = find_maps(s.lab->disk, at, ARRAY_SIZE(at));

	assert_true(n >= 4); /* each twice: in its chunk and in the seal */
	for (unsigned i = 0; i < 120; i++) {
		uint8_t *p = simdisk_image(s.lab->disk) + at[simdisk_random(&random) % n] +
			     simdisk_random(&random) % (i % 3 ? 64 : 2048);
		uint8_t bit = (uint8_t)(1u << simdisk_random(&random) % 8);

		*p ^= bit;
		compare(s.lab->disk, &everything, RARE, &cost);
		compare(s.lab->disk, &everything, 100, &cost);
		noticed += cost.damaged > 0;
		/* One damaged map breaks no chain: the others still cover theirs. */
		assert_true(cost.covered > 0);
		*p ^= bit;
	}
	assert_true(noticed > 20);
	compare(s.lab->disk, &everything, RARE, &cost);
	assert_int_equal(cost.covered, whole.covered);
	lab_free(s.lab);
}

static void hostile_bytes(void **state)
{
	uint64_t random = 5;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t p[256];
		struct format_minutes m = {.tables_bytes = 240};
		struct format_minutes_group g;
		struct format_minute x;
		const uint8_t *bits;
		size_t used;

		for (size_t k = 0; k < sizeof(p); k++)
			p[k] = i % 2 ? (uint8_t)simdisk_random(&random)
				     : (uint8_t)(simdisk_random(&random) % 3 == 0);
		if (!format_minute_decode(p, sizeof(p), &x, &bits, &used)) {
			assert_true(used <= sizeof(p) && bits == p + DISK_MINUTES_ENTRY);
			assert_true(x.bit_bytes <= sizeof(p) - DISK_MINUTES_ENTRY);
			assert_true(x.skipped + x.bit_bytes <= ((uint32_t)x.cols * x.rows + 7) / 8);
		}
		if (!format_minutes_group_decode(p, &m, 100000, &g))
			assert_true(g.offset >= 240 && g.offset + g.bytes <= 100000);
		memcpy(p, "MLMINUTE", 8);
		const struct format_minutes_ref ref = {1 << 20, 256, bytes_le32(p + 20)};

		if (!format_minutes_decode(p, &ref, &m))
			assert_true(m.tables_bytes <= 256);
	}
	/* Before the clock's zero, too, a minute lasts sixty seconds. */
	assert_int_equal(format_minute_of(-1), -1);
	assert_int_equal(format_minute_of(-DISK_MINUTE_NS), -1);
	assert_int_equal(format_minute_of(-DISK_MINUTE_NS - 1), -2);
	assert_int_equal(format_minute_of(DISK_MINUTE_NS - 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rare_motion_opens_few_segments),
		cmocka_unit_test(times_and_cameras),
		cmocka_unit_test(the_chain_survives_a_restart),
		cmocka_unit_test(a_store_that_went_round),
		cmocka_unit_test(power_cuts_and_what_follows),
		cmocka_unit_test(failed_writes),
		cmocka_unit_test(damage_hides_nothing),
		cmocka_unit_test(hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
