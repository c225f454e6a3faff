/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings: defaults, ranges, zones as text; the grid they are laid on. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/grid.h"
#include "analyze/motion_config.h"

static void test_defaults_are_good(void **state)
{
	struct motion_config c;
	struct errmsg em = {""};

	motion_config_defaults(&c);
	assert_int_equal(motion_config_check(&c, &em), 0);
	assert_string_equal(em.text, "");
}

#define REFUSED(change, word)                                            \
	do {                                                             \
		struct motion_config c;                                  \
		struct errmsg em = {""};                                 \
		motion_config_defaults(&c);                              \
		change;                                                  \
		assert_int_equal(motion_config_check(&c, &em), -EINVAL); \
		assert_non_null(strstr(em.text, word));                  \
	} while (0)

static void test_check_names_the_field(void **state)
{
	REFUSED(c.rate = -1, "rate");
	REFUSED(c.rate = NAN, "rate");
	REFUSED(c.rate = 1e9, "rate");
	REFUSED(c.sensitivity = 0, "sensitivity");
	REFUSED(c.sensitivity = 101, "sensitivity");
	REFUSED(c.min_cells = 0, "min_cells");
	REFUSED(c.start_frames = 0, "start_frames");
	REFUSED(c.end_ns = -1, "end_seconds");
	REFUSED(c.absorb_ns = 5, "absorb_seconds");
	REFUSED(c.preroll_ns = INT64_MAX, "preroll_seconds");
	REFUSED(c.postroll_ns = -5, "postroll_seconds");
	REFUSED(c.nzones = MOTION_ZONES_MAX + 1, "zones");
	REFUSED((c.nzones = 1, c.zone[0] = (struct motion_zone){.name = "a", .npoints = 2}),
		"points");
}

static void test_zones_there_and_back(void **state)
{
	const char *text = "gate: 10,10 200,10 200,150 10,150; !tree: 300,0 400,0 400,80; "
			   "yard@80: -5,0 9,0 9,9; -!old: 1,1 2,2 3,1";
	struct motion_config c;
	struct errmsg em = {""};
	char back[512];

	motion_config_defaults(&c);
	assert_int_equal(motion_zones_parse(text, &c, &em), 0);
	assert_int_equal(c.nzones, 4);
	assert_string_equal(c.zone[0].name, "gate");
	assert_int_equal(c.zone[0].npoints, 4);
	assert_true(c.zone[1].mask && c.zone[1].enabled);
	assert_int_equal(c.zone[2].sensitivity, 80);
	assert_int_equal(c.zone[2].point[0].x, -5);
	assert_true(c.zone[3].mask && !c.zone[3].enabled);
	assert_int_equal(motion_zones_format(&c, back, sizeof(back)), strlen(text));
	assert_string_equal(back, text);
	/* Cut, as snprintf cuts. */
	assert_int_equal(motion_zones_format(&c, back, 10), strlen(text));
	assert_string_equal(back, "gate: 10,");
	assert_int_equal(motion_zones_format(&c, NULL, 0), strlen(text));
	assert_int_equal(motion_zones_parse("  ", &c, &em), 0);
	assert_int_equal(c.nzones, 0);
}

static void test_hostile_zones(void **state)
{
	static const char *const bad[] = {
		":",
		"a",
		"a:",
		"a: 1",
		"a: 1,2",
		"a: 1,2 3,4",
		"a: 1,2 3,4 5",
		"a: 1,2 3,4 5,6x",
		"a: 1,2 3,4 99999999999999999999,6",
		"a: 1,2 3,4 5,-",
		"a@0: 1,2 3,4 5,6",
		"a@101: 1,2 3,4 5,6",
		"a@: 1,2 3,4 5,6",
		"a b: 1,2 3,4 5,6",
		"a: 1,2 3,4 5,6; a: 1,2 3,4 5,6",
		"!: 1,2 3,4 5,6",
		";;",
		"a: 1.5,2 3,4 5,6",
		"a: 1,2,3 3,4 5,6",
		"a: +1,2 3,4 5,6",
		"a/b: 1,2 3,4 5,6",
		"a2345678901234567890123456789012: 1,2 3,4 5,6",
		"a\"b: 1,2 3,4 5,6",
	};
	struct motion_config c, before;
	char *big = malloc(100001);

	assert_non_null(big);
	motion_config_defaults(&c);
	assert_int_equal(motion_zones_parse("keep: 0,0 9,0 9,9", &c, NULL), 0);
	before = c;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct errmsg em = {""};

		if (motion_zones_parse(bad[i], &c, &em) != -EINVAL)
			fail_msg("taken: '%s'", bad[i]);
		assert_true(em.text[0]);
		assert_memory_equal(&c, &before, sizeof(c));
	}
	/* One point too many, one zone too many, and random bytes. */
	strcpy(big, "a:");
	for (int i = 0; i <= MOTION_ZONE_POINTS; i++)
		strcat(big, " 1,1");
	assert_int_equal(motion_zones_parse(big, &c, NULL), -EINVAL);
	big[0] = 0;
	for (int i = 0; i <= MOTION_ZONES_MAX; i++)
		sprintf(big + strlen(big), "z%d: 0,0 9,0 9,9;", i);
	assert_int_equal(motion_zones_parse(big, &c, NULL), -EINVAL);
	srand(1);
	for (int round = 0; round < 20000; round++) {
		static const char set[] = "ab:;,@!- 0123456789\n";
		int n = rand() % 60;

		for (int i = 0; i < n; i++)
			big[i] = round % 2 ? set[(size_t)rand() % (sizeof(set) - 1)]
					   : (char)(rand() % 255 + 1);
		big[n] = 0;
		if (motion_zones_parse(big, &c, NULL) == 0)
			assert_int_equal(motion_config_check(&c, NULL), 0);
	}
	free(big);
}

static struct grid grid_of(uint32_t w, uint32_t h, const char *zones)
{
	struct motion_config c;
	struct luma_size size;
	struct grid g = {0};

	motion_config_defaults(&c);
	assert_int_equal(motion_zones_parse(zones, &c, NULL), 0);
	assert_int_equal(luma_size(&size, w, h), 0);
	assert_int_equal(grid_create(&g, &size, &c), 0);
	return g;
}

static void test_grid_sizes(void **state)
{
	static const struct {
		uint32_t w, h;
		unsigned cols, rows, px;
	} want[] = {
		{320, 240, 20, 15, 16}, {160, 120, 10, 8, 16},    {720, 480, 45, 30, 16},
		{768, 432, 48, 27, 16}, {1920, 1080, 60, 34, 32}, {3840, 2160, 60, 34, 64},
		{1, 1, 1, 1, 16},       {333, 241, 21, 16, 16},   {16384, 16384, 128, 128, 128},
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct grid g = grid_of(want[i].w, want[i].h, "");

		assert_int_equal(g.cols, want[i].cols);
		assert_int_equal(g.rows, want[i].rows);
		assert_int_equal(g.cell_px, want[i].px);
		assert_int_equal(g.watched, want[i].cols * want[i].rows);
		grid_destroy(&g);
	}
}

static void test_zones_and_masks(void **state)
{
	/* 20 x 15 cells of 16 pixels: a zone over the 4 x 4 cells at (2, 2), a mask over the right
	 * half of it, another zone far outside that reaches in by its corner. */
	struct grid g =
		grid_of(320, 240,
			"gate@80: 32,32 96,32 96,96 32,96; !tree: 64,0 320,0 320,240 64,240; "
			"off: -1000,-1000 17,-1000 17,10 -1000,10");

	for (unsigned y = 0; y < g.rows; y++)
		for (unsigned x = 0; x < g.cols; x++) {
			size_t at = (size_t)y * g.cols + x;
			bool gate = x >= 2 && x < 4 && y >= 2 && y < 6;
			bool corner = x == 0 && y == 0;

			assert_int_equal(g.ignored[at], !(gate || corner));
			assert_int_equal(g.zones[at], gate ? 1u : corner ? 4u : 0u);
			if (gate)
				assert_int_equal(g.sensitivity[at], 80);
			if (corner)
				assert_int_equal(g.sensitivity[at], 50);
		}
	assert_int_equal(g.watched, 2 * 4 + 1);
	grid_destroy(&g);
}

static void test_only_masks_watch_the_rest(void **state)
{
	struct grid g = grid_of(320, 240, "!sky: 0,0 320,0 320,120 0,120; -yard: 0,0 9,0 9,9");

	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(g.ignored[i], i / 20 < 7 || i / 20 == 7);
	grid_destroy(&g);
}

/* A zone smaller than a cell still has one; a concave one leaves its bay out. */
static void test_small_and_concave(void **state)
{
	struct grid g = grid_of(320, 240, "dot: 100,100 101,100 101,101");

	assert_int_equal(g.watched, 1);
	assert_false(g.ignored[6 * 20 + 6]);
	grid_destroy(&g);
	g = grid_of(320, 240, "u: 0,0 32,0 32,128 96,128 96,0 128,0 128,160 0,160");
	assert_false(g.ignored[0]);
	assert_true(g.ignored[3 * 20 + 3]);
	assert_false(g.ignored[9 * 20 + 3]);
	grid_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_good),
		cmocka_unit_test(test_check_names_the_field),
		cmocka_unit_test(test_zones_there_and_back),
		cmocka_unit_test(test_hostile_zones),
		cmocka_unit_test(test_grid_sizes),
		cmocka_unit_test(test_zones_and_masks),
		cmocka_unit_test(test_only_masks_watch_the_rest),
		cmocka_unit_test(test_small_and_concave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
