/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lost views on drawn scenes: which are told, as what, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/analyze/rig.h"

static void ends_when_back(struct rig *g)
{
	rig_rest(g, 6);
	assert_int_equal(g->kind, TAMPER_NONE);
	assert_int_equal(g->told, 1);
}

/* `change` is told as `kind`, within the time, and ends with it. */
static void is_told(rig_change change, double a, enum tamper_kind kind)
{
	struct rig g;
	int64_t began;

	rig_start(&g);
	rig_rest(&g, 30);
	assert_int_equal(g.told, 0);
	began = g.now;
	rig_show_for(&g, rig_plain, 8, change, a);
	assert_int_equal(g.kind, TAMPER_NONE);
	rig_show_for(&g, rig_plain, 7, change, a);
	assert_int_equal(g.kind, kind);
	assert_in_range(tamper_since(g.t), began - RIG_SECOND, began + 5 * RIG_SECOND);
	rig_show_for(&g, rig_plain, 60, change, a);
	assert_int_equal(g.kind, kind);
	ends_when_back(&g);
	rig_end(&g);
}

static void test_covered(void **state)
{
	is_told(rig_cover, 20, TAMPER_COVERED);
	is_told(rig_cover, 120, TAMPER_COVERED);
}

static void test_black(void **state)
{
	struct scene_shot shot = {.gain = 0};
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	rig_show_for(&g, shot, 15, NULL, 0);
	assert_int_equal(g.kind, TAMPER_COVERED);
	ends_when_back(&g);
	rig_end(&g);
}

static void test_mostly_covered(void **state)
{
	is_told(rig_cover_part, 0.85, TAMPER_COVERED);
}

static void test_defocused(void **state)
{
	is_told(rig_blur, 3, TAMPER_DEFOCUSED);
	is_told(rig_blur, 7, TAMPER_DEFOCUSED);
}

static void test_blinded(void **state)
{
	is_told(rig_cover, 235, TAMPER_BLINDED);
	is_told(rig_glare, 400, TAMPER_BLINDED);
}

static void test_moved(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 30);
	rig_show_for(&g, rig_plain, 15, rig_elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	ends_when_back(&g);
	rig_end(&g);
}

static void test_moved_is_accepted(void **state)
{
	struct rig g;

	rig_start(&g);
	g.p.accept_ns = 60 * RIG_SECOND;
	rig_rest(&g, 30);
	rig_show_for(&g, rig_plain, 60, rig_elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	rig_show_for(&g, rig_plain, 20, rig_elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_NONE);
	/* From now on the way back is a movement. */
	rig_rest(&g, 15);
	assert_int_equal(g.kind, TAMPER_MOVED);
	assert_int_equal(g.told, 2);
	rig_end(&g);
}

static void test_moved_is_never_accepted(void **state)
{
	struct rig g;

	rig_start(&g);
	g.p.accept_ns = 0;
	rig_rest(&g, 20);
	rig_show_for(&g, rig_plain, 1500, rig_elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	rig_end(&g);
}

/* Covered, then turned away under the cover. */
static void test_another_kind_follows(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	rig_show_for(&g, rig_plain, 20, rig_cover, 60);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_show_for(&g, rig_plain, 20, rig_elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	assert_int_equal(g.told, 2);
	rig_end(&g);
}

static void test_break_keeps_the_view(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_rest(&g, 20);
	tamper_break(g.t);
	g.now += 3600 * RIG_SECOND;
	rig_show_for(&g, rig_plain, 16, rig_elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	rig_end(&g);
}

static void test_seconds_can_be_set(void **state)
{
	struct rig g;

	rig_start(&g);
	g.p.tamper_ns = 3 * RIG_SECOND;
	rig_rest(&g, 20);
	rig_show_for(&g, rig_plain, 3.2, rig_cover, 30);
	assert_int_equal(g.kind, TAMPER_COVERED);
	g.p.tamper_ns = 120 * RIG_SECOND;
	rig_rest(&g, 10);
	rig_show_for(&g, rig_plain, 100, rig_cover, 30);
	assert_int_equal(g.kind, TAMPER_NONE);
	rig_show_for(&g, rig_plain, 20, rig_cover, 30);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_slow_rate(void **state)
{
	struct rig g;

	rig_start(&g);
	for (int i = 0; i < 30; i++) {
		rig_show(&g, &rig_plain, NULL, 0);
		g.now += RIG_SECOND;
	}
	for (int i = 0; i < 13; i++) {
		rig_show(&g, &rig_plain, rig_cover, 30);
		g.now += RIG_SECOND;
	}
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_tiny_pictures(void **state)
{
	static const uint8_t picture[24 * 24];
	struct tamper_params p = {.tamper_ns = RIG_SECOND};
	struct tamper *t;

	for (unsigned side = 1; side <= 24; side++) {
		assert_int_equal(tamper_create(&t, side, side), 0);
		for (int64_t at = 0; at < 60; at++)
			assert_int_equal(tamper_feed(t, &p, picture, 24, 0, at * RIG_SECOND),
					 TAMPER_NONE);
		tamper_destroy(t);
	}
}

static void test_memory(void **state)
{
	struct rig g;

	rig_start(&g);
	assert_true(tamper_bytes(g.t) <= 11 * 1024);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covered),
		cmocka_unit_test(test_black),
		cmocka_unit_test(test_mostly_covered),
		cmocka_unit_test(test_defocused),
		cmocka_unit_test(test_blinded),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_moved_is_accepted),
		cmocka_unit_test(test_moved_is_never_accepted),
		cmocka_unit_test(test_another_kind_follows),
		cmocka_unit_test(test_break_keeps_the_view),
		cmocka_unit_test(test_seconds_can_be_set),
		cmocka_unit_test(test_slow_rate),
		cmocka_unit_test(test_tiny_pictures),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
