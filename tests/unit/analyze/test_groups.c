/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which groups of cells count, and what is learnt of cells that always move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/groups.h"
#include "analyze/restless.h"

#define COLS  20
#define ROWS  15
#define CELLS (COLS * ROWS)

struct field {
	struct groups g;
	uint8_t on[CELLS];
	float excess[CELLS], restless[CELLS];
	uint16_t zones[CELLS];
	struct groups_found out;
};

static void field_start(struct field *f)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(groups_create(&f->g, COLS, ROWS), 0);
	for (int i = 0; i < CELLS; i++)
		f->zones[i] = (uint16_t)(1u << (i % 16));
}

static void set(struct field *f, int at, float excess)
{
	f->on[at] = 1;
	f->excess[at] = excess;
}

static void wipe(struct field *f)
{
	memset(f->on, 0, sizeof(f->on));
	memset(f->excess, 0, sizeof(f->excess));
}

static void filter(struct field *f, uint32_t min_cells)
{
	struct groups_cells c = {f->on, f->excess, f->restless, f->zones, NULL, NULL};

	groups_filter(&f->g, &c, min_cells, &f->out);
}

static void test_size_and_strength(void **state)
{
	struct field f;

	field_start(&f);
	/* One alone, a diagonal pair, a weak trio; the right edge does not touch the left one. */
	set(&f, 0, 1);
	set(&f, 5, 1);
	set(&f, 26, 1);
	for (int i = 100; i < 103; i++)
		set(&f, i, 0.2f);
	set(&f, 219, 1);
	set(&f, 220, 1);
	filter(&f, 2);
	assert_int_equal(f.out.moved, 2);
	assert_int_equal(f.out.largest, 2);
	assert_int_equal(f.out.zones, 1 << 5 | 1 << 10);
	for (int i = 0; i < CELLS; i++)
		assert_int_equal(f.on[i], i == 5 || i == 26);
	for (int i = 0; i < CELLS; i++)
		set(&f, i, 0.9f);
	filter(&f, CELLS);
	assert_int_equal(f.out.largest, CELLS);
	groups_destroy(&f.g);
}

/* A single solid cell counts in the third frame it is there, and then as long as it stays firm. */
static void test_small_things_that_stay(void **state)
{
	struct field f;

	field_start(&f);
	for (int i = 0; i < 4; i++) {
		wipe(&f);
		set(&f, 40 + i, 0.5f); /* and walks */
		filter(&f, 2);
		assert_int_equal(f.out.moved, i >= 2);
	}
	wipe(&f);
	set(&f, 44, 0.2f);
	filter(&f, 2);
	assert_int_equal(f.out.moved, 1);
	wipe(&f);
	filter(&f, 2);
	set(&f, 45, 0.2f);
	filter(&f, 2);
	assert_int_equal(f.out.moved, 0);
	/* What comes and goes does not. */
	groups_forget(&f.g);
	for (int i = 0; i < 20; i++) {
		wipe(&f);
		if (i % 3)
			set(&f, 60, 0.9f);
		filter(&f, 2);
		assert_int_equal(f.out.moved, 0);
	}
	/* Nor what is restless, or much too small. */
	for (int i = 0; i < 20; i++) {
		wipe(&f);
		set(&f, 60, 0.9f);
		f.restless[60] = 0.5f;
		set(&f, 85, 0.9f);
		filter(&f, 3);
		assert_int_equal(f.out.moved, 0);
	}
	groups_destroy(&f.g);
}

/* Something small on a border between cells: each holds too little of it, together they do. */
static void test_small_things_on_a_border(void **state)
{
	struct field f;

	field_start(&f);
	for (int i = 0; i < 4; i++) {
		wipe(&f);
		set(&f, 40, 0.2f);
		set(&f, 61, 0.22f);
		/* Weaker ones far apart are nothing. */
		set(&f, 10, 0.2f);
		set(&f, 12, 0.22f);
		filter(&f, 3);
		assert_int_equal(f.out.moved, i >= 2 ? 2 : 0);
		assert_int_equal(f.on[10], 0);
	}
	groups_destroy(&f.g);
}

static float contrast_of_even_rows(const void *ctx, uint32_t cell)
{
	return cell / COLS % 2 ? 0.1f : *(const float *)ctx;
}

/* A group without contrast anywhere is light; with one cell that has it, it counts whole. */
static void test_light_is_nothing(void **state)
{
	struct field f;
	float even = 0.9f;

	field_start(&f);
	for (int i = 0; i < 8; i++) {
		set(&f, COLS + i, 1);
		set(&f, COLS + i + 10, i < 6);
	}
	f.on[COLS + 8] = f.on[COLS + 9] = f.on[COLS + 16] = f.on[COLS + 17] = 0;
	set(&f, 12, 1);
	struct groups_cells c = {f.on, f.excess, f.restless, f.zones, contrast_of_even_rows, &even};

	groups_filter(&f.g, &c, 2, &f.out);
	assert_int_equal(f.out.moved, 7);
	assert_int_equal(f.on[COLS], 0);
	assert_int_equal(f.on[COLS + 12], 1);
	groups_destroy(&f.g);
}

/* In a patch of 7x7 cells bits come and go, and much now and then; on a road of two rows something
 * fills the cells in every fifth frame. */
static void learn(struct restless *r, unsigned frames)
{
	float share[CELLS];

	for (unsigned i = 0; i < frames; i++) {
		memset(share, 0, sizeof(share));
		for (int y = 0; y < 7; y++)
			for (int x = 0; x < 7; x++)
				share[y * COLS + x] = i % 10 == 9 ? 0.5f : i % 2 ? 0.25f : 0.1f;
		for (int x = 0; x < COLS; x++)
			for (int y = 12; y < 14; y++)
				share[y * COLS + x] = i % 5 ? 0 : 0.9f;
		restless_learn(r, share);
	}
}

static void still(struct restless *r, unsigned frames)
{
	static const float share[CELLS];

	while (frames--)
		restless_learn(r, share);
}

static void test_restless_is_learnt(void **state)
{
	struct restless r;

	assert_int_equal(restless_create(&r, COLS, ROWS), 0);
	assert_true(restless_bar(&r, 0) == 0);
	learn(&r, 300);
	assert_true(restless_bar(&r, 3 * COLS + 3) > 0.3f);
	/* Never so high that a cell that is filled stays hidden. */
	assert_true(restless_bar(&r, 3 * COLS + 3) <= 0.65f);
	/* Traffic is none of it. */
	for (size_t x = 0; x < COLS; x++)
		assert_true(restless_bar(&r, 12 * COLS + x) == 0);
	assert_true(restless_part(&r) > 0.1 && restless_part(&r) < 0.4);
	/* When the wind drops it is forgotten. */
	still(&r, 500);
	assert_true(restless_bar(&r, 3 * COLS + 3) == 0);
	assert_true(restless_part(&r) == 0);
	restless_destroy(&r);
}

/* A parked car fills cells for good, and its edge a part of them. */
static void test_what_stands_is_not_restless(void **state)
{
	struct restless r;
	float share[CELLS] = {0};

	assert_int_equal(restless_create(&r, COLS, ROWS), 0);
	for (int y = 3; y < 12; y++)
		for (int x = 3; x < 12; x++)
			share[y * COLS + x] = x < 7 ? 0.3f : 1;
	for (int i = 0; i < 300; i++)
		restless_learn(&r, share);
	assert_true(restless_part(&r) == 0);
	assert_true(restless_bar(&r, 7 * COLS + 4) == 0);
	restless_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_and_strength),
		cmocka_unit_test(test_small_things_that_stay),
		cmocka_unit_test(test_small_things_on_a_border),
		cmocka_unit_test(test_light_is_nothing),
		cmocka_unit_test(test_restless_is_learnt),
		cmocka_unit_test(test_what_stands_is_not_restless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
