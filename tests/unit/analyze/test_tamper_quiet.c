/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must not be taken for a lost view, on drawn scenes: light, night, traffic, wind. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/analyze/rig.h"

static void test_half_covered_is_a_view(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	rig_show_for(&g, rig_plain, 120, rig_cover_part, 0.5);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_light_switches(void **state)
{
	struct scene_shot dim = rig_plain;
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	for (int i = 0; i < 10; i++) {
		dim.gain = i % 2 ? 0.05 : 0.4;
		rig_show_for(&g, dim, 40, NULL, 0);
		rig_rest(&g, 40);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* Infrared lights a small part only: the rest is dark, not gone. */
static void test_infrared_reaches_little(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 30);
	rig_show_for(&g, rig_plain, 60, rig_infrared, 0.5);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* A camera that learnt its view by night sees the same with the light on. */
static void test_light_in_the_morning(void **state)
{
	struct scene_shot dim = rig_plain;
	struct rig g;

	dim.gain = 0.08;
	rig_start(&g);
	rig_show_for(&g, dim, 120, NULL, 0);
	rig_rest(&g, 120);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_long_night_forgets_nothing(void **state)
{
	struct scene_shot dim = {.gain = 0.02, .noise = 3};
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 60);
	rig_show_for(&g, dim, 3600, NULL, 0);
	rig_rest(&g, 60);
	assert_int_equal(g.told, 0);
	rig_show_for(&g, rig_plain, 15, rig_cover, 60);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_infrared_switch(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 30);
	for (int i = 0; i < 3; i++) {
		rig_show_for(&g, rig_plain, 60, rig_infrared, 1.3);
		rig_rest(&g, 60);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_lorry_for_seconds(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	for (int i = 0; i < 6; i++) {
		rig_show_for(&g, rig_plain, 8, rig_lorry, 1);
		rig_rest(&g, 5);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_shake_and_nudge(void **state)
{
	struct scene_shot shot = rig_plain;
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	for (int i = 0; i < 600; i++) {
		shot.shift_x = i * 7 % 5 - 2;
		shot.shift_y = i * 3 % 5 - 2;
		rig_show(&g, &shot, NULL, 0);
	}
	shot.shift_x = 4;
	shot.shift_y = -3;
	rig_show_for(&g, shot, 60, NULL, 0);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* Over an hour everything may change, be it light or what stands there. */
static void test_slow_drift(void **state)
{
	struct scene_shot shot = rig_plain;
	struct rig g;

	rig_start(&g);
	for (int i = 0; i < 3600 * 5; i++) {
		shot.gain = 0.8 + 0.4 * sin(i / 2000.0);
		shot.shift_x = i / 100;
		rig_show(&g, &shot, NULL, 0);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* Whoever stands there at first is not the view. */
static void test_start_with_a_passer_by(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_show_for(&g, rig_plain, 6, rig_lorry, 1);
	rig_rest(&g, 60);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_bare_wall_says_nothing(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_show_for(&g, rig_plain, 60, rig_cover, 80);
	rig_show_for(&g, rig_plain, 60, rig_cover, 20);
	assert_int_equal(g.told, 0);
	/* And its reference is taken once there is something to see. */
	rig_rest(&g, 30);
	rig_show_for(&g, rig_plain, 15, rig_cover, 60);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_covered_is_a_view),
		cmocka_unit_test(test_light_switches),
		cmocka_unit_test(test_infrared_reaches_little),
		cmocka_unit_test(test_light_in_the_morning),
		cmocka_unit_test(test_long_night_forgets_nothing),
		cmocka_unit_test(test_infrared_switch),
		cmocka_unit_test(test_lorry_for_seconds),
		cmocka_unit_test(test_shake_and_nudge),
		cmocka_unit_test(test_slow_drift),
		cmocka_unit_test(test_start_with_a_passer_by),
		cmocka_unit_test(test_bare_wall_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
