/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stretches of motion, regions, gaps, time stamps of exports. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "tools/matlang/export.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/gaps.h"
#include "tools/matlang/region_mask.h"
#include "tools/matlang/stretch.h"

#define S NSEC_PER_SEC

static void moments_merge(void **state)
{
	struct stretches s;

	stretches_init(&s, 5 * S);
	assert_int_equal(stretches_add(&s, 2, 100 * S, 3, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(stretches_add(&s, 1, 99 * S, 1, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(stretches_add(&s, 2, 105 * S, 9, RECORD_CLOCK_FREE), 0);
	assert_int_equal(stretches_add(&s, 2, 106 * S, 9, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(stretches_add(&s, 2, 111 * S + 1, 1, RECORD_CLOCK_SYNCED), 0);
	/* The clock was set back: footage from before is a stretch of its own. */
	assert_int_equal(stretches_add(&s, 2, 50 * S, 2, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(stretches_add(&s, 65535, 1 * S, 2, RECORD_CLOCK_SYNCED), 0);
	stretches_sort(&s);
	assert_int_equal(s.count, 5);
	assert_int_equal(s.item[0].camera_id, 65535);
	assert_true(s.item[1].from_ns == 50 * S && s.item[1].frames == 1);
	assert_true(s.item[2].camera_id == 1 && s.item[2].from_ns == 99 * S);
	assert_true(s.item[3].from_ns == 100 * S && s.item[3].to_ns == 106 * S);
	assert_int_equal(s.item[3].frames, 3);
	assert_int_equal(s.item[3].peak_cells, 9);
	assert_true(s.item[3].peak_ns == 105 * S);
	assert_int_equal(s.item[3].clock, RECORD_CLOCK_FREE);
	assert_true(s.item[4].from_ns == 111 * S + 1);
	stretches_free(&s);
}

static void regions_are_read(void **state)
{
	static const char *const bad[] = {"",         "1,2,3",   "1,2,3,4,5",
					  "1,2,0,4",  "1,2,3,0", "-1,2,3,4",
					  "1,2,3,4 ", "a,b,c,d", "1,2,3,65536"};
	struct region r = {9, 9, 9, 9};
	struct errmsg em;

	assert_int_equal(region_parse("10,20,300,40", &r, &em), 0);
	assert_true(r.x == 10 && r.y == 20 && r.w == 300 && r.h == 40);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(region_parse(bad[i], &r, &em), -EINVAL);
	assert_true(r.x == 10);
}

/* Against the plain definition: a cell counts when its square shares a pixel with the region. */
static void cells_in_a_region(void **state)
{
	enum { COLS = 13, ROWS = 7, PX = 16 };
	uint8_t bits[(COLS * ROWS + 7) / 8];

	srand(7);
	for (unsigned round = 0; round < 500; round++) {
		struct region r = {(uint32_t)rand() % 240, (uint32_t)rand() % 130,
				   1 + (uint32_t)rand() % 120, 1 + (uint32_t)rand() % 80};
		uint32_t want = 0, all = 0;

		for (size_t i = 0; i < sizeof(bits); i++)
			bits[i] = (uint8_t)rand();
		for (uint32_t y = 0; y < ROWS; y++)
			for (uint32_t x = 0; x < COLS; x++) {
				uint32_t bit = y * COLS + x, set = bits[bit / 8] >> (bit % 8) & 1;

				all += set;
				want += set && x * PX < r.x + r.w && (x + 1) * PX > r.x &&
					y * PX < r.y + r.h && (y + 1) * PX > r.y;
			}
		assert_int_equal(region_cells(&r, bits, COLS, ROWS, PX), want);
		assert_int_equal(region_cells(NULL, bits, COLS, ROWS, PX), all);
	}
	assert_int_equal(region_cells(NULL, bits, COLS, ROWS, 0), 0);
}

/* Whole bitmaps and parts of them, of several grids in turn, against region_cells. */
static void a_mask_counts_as_the_region(void **state)
{
	static const uint16_t grid[][3] = {
		{60, 34, 32}, {13, 7, 16}, {1, 1, 8}, {64, 2, 4}, {7, 9, 0}};
	struct region_mask mask = {0};
	const struct region region = {100, 30, 170, 95};
	uint8_t bits[300];

	srand(8);
	for (unsigned round = 0; round < 2000; round++) {
		const uint16_t *g = grid[rand() % ARRAY_SIZE(grid)];
		size_t bytes = ((size_t)g[0] * g[1] + 7) / 8, first = 0, end = bytes;
		uint32_t n = 99;

		for (size_t i = 0; i < bytes; i++)
			bits[i] = rand() % 4 ? 0 : (uint8_t)rand();
		while (first < bytes && !bits[first])
			first++;
		while (end > first && !bits[end - 1])
			end--;
		assert_int_equal(region_mask_count(&mask, &region, g[0], g[1], g[2], bits + first,
						   first, end - first, &n),
				 0);
		assert_int_equal(n, region_cells(&region, bits, g[0], g[1], g[2]));
	}
	region_mask_free(&mask);
}

static void a_stretch_is_extended(void **state)
{
	struct stretches s;

	stretches_init(&s, 60 * S);
	assert_int_equal(stretches_add(&s, 3, 10 * S, 2, RECORD_CLOCK_SYNCED), 0);
	stretches_extend(&s, 3, 55 * S, 9);
	assert_int_equal(stretches_add(&s, 3, 100 * S, 5, RECORD_CLOCK_SYNCED), 0);
	stretches_extend(&s, 3, 90 * S, 0);
	assert_int_equal(s.count, 1);
	assert_true(s.item[0].from_ns == 10 * S && s.item[0].to_ns == 100 * S);
	assert_int_equal(s.item[0].frames, 11);
	assert_int_equal(s.item[0].peak_cells, 5);
	stretches_free(&s);
}

static void gaps_without_a_word_are_seen(void **state)
{
	struct gaps g = {0};
	struct gap_watch w = {.gaps = &g, .camera_id = 1, .limit_ns = 2 * S, .restart_ns = S / 5};
	const struct gap away = {1,    LOSS_CAMERA_AWAY,   20 * S, 30 * S, 250,
				 true, RECORD_CLOCK_SYNCED};

	assert_int_equal(gaps_add(&g, &away), 0);
	assert_int_equal(gaps_expect(&w, 0, true, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(gaps_expect(&w, 5 * S, true, RECORD_CLOCK_SYNCED), 0); /* late begin */
	assert_int_equal(gaps_expect(&w, 7 * S, true, RECORD_CLOCK_SYNCED), 0); /* just within */
	assert_int_equal(gaps_expect(&w, 7 * S, true, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(gaps_expect(&w, 9 * S + 1, true, RECORD_CLOCK_SYNCED),
			 0); /* one too far */
	assert_int_equal(gaps_expect(&w, 11 * S, true, RECORD_CLOCK_SYNCED), 0);
	for (int64_t t = 12; t <= 20; t++)
		assert_int_equal(gaps_expect(&w, t * S, true, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(gaps_expect(&w, 30 * S, true, RECORD_CLOCK_SYNCED),
			 0); /* the ledger knows */
	/* The box was started anew: what it missed is short, and no ledger has it. */
	assert_int_equal(gaps_expect(&w, 30 * S + S / 5, false, RECORD_CLOCK_SYNCED), 0);
	assert_int_equal(gaps_expect(&w, 31 * S, false, RECORD_CLOCK_SYNCED), 0);
	gaps_sort(&g);
	assert_int_equal(g.count, 4);
	assert_true(g.item[0].from_ns == 0 && g.item[0].to_ns == 5 * S);
	assert_int_equal(g.item[0].cause, GAP_NOT_RECORDED);
	assert_true(g.item[1].from_ns == 7 * S && g.item[1].to_ns == 9 * S + 1);
	assert_int_equal(g.item[2].cause, LOSS_CAMERA_AWAY);
	assert_true(g.item[3].from_ns == 30 * S + S / 5 && g.item[3].to_ns == 31 * S);
	assert_int_equal(g.item[3].cause, GAP_NOT_RECORDED);
	assert_int_equal(gaps_frames(&g), 250);
	gaps_free(&g);
}

static void every_cause_has_its_words(void **state)
{
	for (unsigned i = 0; i < LOSS_CAUSES; i++) {
		assert_string_not_equal(gaps_cause_text(i), gaps_cause_text(LOSS_CAUSES));
		assert_string_not_equal(gaps_cause_name(i), "unknown");
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(gaps_cause_text(i), gaps_cause_text(k));
	}
}

static int64_t stamp(struct export_clock *k, uint32_t boot, int64_t mono_ns, int64_t utc_ns)
{
	const struct record rec = {.boot = boot, .mono_ns = mono_ns, .utc_ns = utc_ns};

	return export_clock_pts(k, &rec);
}

static void time_stamps_follow_the_records(void **state)
{
	struct export_clock k = {0};

	assert_true(stamp(&k, 1, 100 * S, 1000 * S) == 0);
	assert_true(stamp(&k, 1, 101 * S, 1001 * S) == 1 * S);
	/* A step of the wall clock within a boot moves nothing. */
	assert_true(stamp(&k, 1, 102 * S, 5000 * S) == 2 * S);
	/* Two frames with one stamp, and one from before: still growing. */
	assert_true(stamp(&k, 1, 102 * S, 5000 * S) == 2 * S + 1000);
	assert_true(stamp(&k, 1, 101 * S, 4999 * S) == 2 * S + 2000);
	/* Another boot counts its monotonic clock from new: UTC bridges. */
	assert_true(stamp(&k, 2, 3 * S, 5059 * S) == 62 * S + 2000);
	/* The clock was set back between two boots. */
	assert_true(stamp(&k, 3, 9 * S, 10 * S) == 62 * S + 3000);
}

static void clocks_have_words(void **state)
{
	const enum record_clock all[] = {RECORD_CLOCK_UNKNOWN, RECORD_CLOCK_FREE,
					 RECORD_CLOCK_SYNCED};
	static const char *const name[] = {"unknown", "unsynchronised", "synchronised"};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		assert_string_equal(footage_clock_name(all[i]), name[i]);
		/* Whoever sees times of a doubtful clock is told, and nobody else. */
		assert_int_equal(footage_clock_note(all[i])[0] != '\0',
				 all[i] != RECORD_CLOCK_SYNCED);
	}
	assert_string_not_equal(footage_clock_note(RECORD_CLOCK_FREE),
				footage_clock_note(RECORD_CLOCK_UNKNOWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_merge),
		cmocka_unit_test(regions_are_read),
		cmocka_unit_test(cells_in_a_region),
		cmocka_unit_test(a_mask_counts_as_the_region),
		cmocka_unit_test(a_stretch_is_extended),
		cmocka_unit_test(gaps_without_a_word_are_seen),
		cmocka_unit_test(every_cause_has_its_words),
		cmocka_unit_test(time_stamps_follow_the_records),
		cmocka_unit_test(clocks_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
