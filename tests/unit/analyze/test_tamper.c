/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lost views on drawn scenes: which are told, and what must not be taken for one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/detector.h"
#include "analyze/events.h"
#include "analyze/tamper.h"
#include "tests/unit/analyze/scene.h"

/* The reduced picture of a 1920x1080 camera. */
#define W      240
#define H      135
#define PERIOD 400000000ll
#define SECOND 1000000000ll

struct rig {
	struct tamper *t;
	struct tamper_params p;
	struct scene scene;
	uint8_t picture[W * H];
	int64_t now;
	enum tamper_kind kind;
	unsigned told; /* times something began to be the matter */
};

/* Makes the matter of a drawn picture; `a` is how much. */
typedef void (*change_fn)(struct rig *g, double a);

static void rig_start(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	g->p = (struct tamper_params){.tamper_ns = 15 * SECOND, .accept_ns = 600 * SECOND};
	g->now = SECOND;
	scene_init(&g->scene, W, H);
	assert_int_equal(tamper_create(&g->t, W, H), 0);
}

static void rig_end(struct rig *g)
{
	tamper_destroy(g->t);
	scene_free(&g->scene);
}

static void show(struct rig *g, const struct scene_shot *shot, change_fn change, double a)
{
	enum tamper_kind before = g->kind;

	memcpy(g->picture, scene_draw(&g->scene, shot), sizeof(g->picture));
	if (change)
		change(g, a);
	g->kind = tamper_feed(g->t, &g->p, g->picture, W, 1, g->now);
	g->told += g->kind && g->kind != before;
	g->now += PERIOD;
}

static const struct scene_shot plain = {.gain = 1, .noise = 2};

static void show_for(struct rig *g, struct scene_shot shot, double seconds, change_fn change,
		     double a)
{
	for (int64_t end = g->now + (int64_t)(seconds * 1e9); g->now < end;)
		show(g, &shot, change, a);
}

static void rest(struct rig *g, double seconds)
{
	show_for(g, plain, seconds, NULL, 0);
}

/* A shade of grey `a` with a slope, as of something right before the lens. */
static void cover(struct rig *g, double a)
{
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++)
			g->picture[y * W + x] =
				(uint8_t)(a + x / 12.0 + y / 20.0 + (x * 7 + y * 3) % 2);
}

/* The left part of the picture only. */
static void cover_part(struct rig *g, double a)
{
	for (int y = 0; y < H; y++)
		memset(g->picture + (size_t)y * W, 40, (size_t)(a * W));
}

static void blur(struct rig *g, double a)
{
	int r = (int)a;
	uint8_t from[W * H];

	for (int pass = 0; pass < 2; pass++) {
		memcpy(from, g->picture, sizeof(from));
		for (int y = 0; y < H; y++)
			for (int x = 0; x < W; x++) {
				int sum = 0, n = 0;

				for (int v = y - r; v <= y + r; v++)
					for (int u = x - r; u <= x + r; u++)
						if (u >= 0 && u < W && v >= 0 && v < H) {
							sum += from[v * W + u];
							n++;
						}
				g->picture[y * W + x] = (uint8_t)(sum / n);
			}
	}
}

static void glare(struct rig *g, double a)
{
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			double d = hypot(x - W / 2.0, y - H / 2.0) / W;
			double v = g->picture[y * W + x] * 0.3 + a * exp(-d * d * 4);

			g->picture[y * W + x] = (uint8_t)fmin(v, 255);
		}
}

/* A lorry: boards, wheels, all over the picture. */
static void lorry(struct rig *g, double a)
{
	for (int y = 0; y < H; y++)
		for (int x = 0; x < (int)(a * W); x++)
			g->picture[y * W + x] = (uint8_t)(90 + x / 30 % 2 * 60 + y / 11 % 3 * 20);
}

/* Another place: boxes of all sizes. (The drawn scene repeats itself: shifted, it is alike.) */
static void elsewhere(struct rig *g, double a)
{
	uint32_t random = (uint32_t)a;

	for (int i = 0; i < 150; i++) {
		int box[5];

		for (int k = 0; k < 5; k++) {
			random = random * 1664525 + 1013904223;
			box[k] = (int)(random >> 16);
		}
		for (int y = box[1] % H; y < box[1] % H + 4 + box[3] % 30 && y < H; y++)
			for (int x = box[0] % W; x < box[0] % W + 4 + box[2] % 40 && x < W; x++)
				g->picture[y * W + x] = (uint8_t)(30 + box[4] % 180);
	}
}

/* Infrared: light in the middle, none at the edges, and leaves turn bright. */
static void infrared(struct rig *g, double a)
{
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			double d = hypot(x - W / 2.0, y - H * 0.7) / W;
			double v = g->picture[y * W + x];

			if (v > 120 && v < 150)
				v += 60;
			g->picture[y * W + x] = (uint8_t)fmin(fmax(v * (a - 2 * d), 3), 255);
		}
}

static void ends_when_back(struct rig *g)
{
	rest(g, 6);
	assert_int_equal(g->kind, TAMPER_NONE);
	assert_int_equal(g->told, 1);
}

/* `change` is told as `kind`, within the time, and ends with it. */
static void is_told(change_fn change, double a, enum tamper_kind kind)
{
	struct rig g;
	int64_t began;

	rig_start(&g);
	rest(&g, 30);
	assert_int_equal(g.told, 0);
	began = g.now;
	show_for(&g, plain, 8, change, a);
	assert_int_equal(g.kind, TAMPER_NONE);
	show_for(&g, plain, 7, change, a);
	assert_int_equal(g.kind, kind);
	assert_in_range(tamper_since(g.t), began - SECOND, began + 5 * SECOND);
	show_for(&g, plain, 60, change, a);
	assert_int_equal(g.kind, kind);
	ends_when_back(&g);
	rig_end(&g);
}

static void test_covered(void **state)
{
	is_told(cover, 20, TAMPER_COVERED);
	is_told(cover, 120, TAMPER_COVERED);
}

static void test_black(void **state)
{
	struct scene_shot shot = {.gain = 0};
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	show_for(&g, shot, 15, NULL, 0);
	assert_int_equal(g.kind, TAMPER_COVERED);
	ends_when_back(&g);
	rig_end(&g);
}

static void test_mostly_covered(void **state)
{
	is_told(cover_part, 0.85, TAMPER_COVERED);
}

static void test_half_covered_is_a_view(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	show_for(&g, plain, 120, cover_part, 0.5);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_defocused(void **state)
{
	is_told(blur, 3, TAMPER_DEFOCUSED);
	is_told(blur, 7, TAMPER_DEFOCUSED);
}

static void test_blinded(void **state)
{
	is_told(cover, 235, TAMPER_BLINDED);
	is_told(glare, 400, TAMPER_BLINDED);
}

static void test_moved(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 30);
	show_for(&g, plain, 15, elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	ends_when_back(&g);
	rig_end(&g);
}

static void test_moved_is_accepted(void **state)
{
	struct rig g;

	rig_start(&g);
	g.p.accept_ns = 60 * SECOND;
	rest(&g, 30);
	show_for(&g, plain, 60, elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	show_for(&g, plain, 20, elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_NONE);
	/* From now on the way back is a movement. */
	rest(&g, 15);
	assert_int_equal(g.kind, TAMPER_MOVED);
	assert_int_equal(g.told, 2);
	rig_end(&g);
}

static void test_moved_is_never_accepted(void **state)
{
	struct rig g;

	rig_start(&g);
	g.p.accept_ns = 0;
	rest(&g, 20);
	show_for(&g, plain, 1500, elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	rig_end(&g);
}

/* Covered, then turned away under the cover. */
static void test_another_kind_follows(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	show_for(&g, plain, 20, cover, 60);
	assert_int_equal(g.kind, TAMPER_COVERED);
	show_for(&g, plain, 20, elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	assert_int_equal(g.told, 2);
	rig_end(&g);
}

static void test_light_switches(void **state)
{
	struct scene_shot dim = plain;
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	for (int i = 0; i < 10; i++) {
		dim.gain = i % 2 ? 0.05 : 0.4;
		show_for(&g, dim, 40, NULL, 0);
		rest(&g, 40);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* Infrared lights a small part only: the rest is dark, not gone. */
static void test_infrared_reaches_little(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 30);
	show_for(&g, plain, 60, infrared, 0.5);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* A camera that learnt its view by night sees the same with the light on. */
static void test_light_in_the_morning(void **state)
{
	struct scene_shot dim = plain;
	struct rig g;

	dim.gain = 0.08;
	rig_start(&g);
	show_for(&g, dim, 120, NULL, 0);
	rest(&g, 120);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_long_night_forgets_nothing(void **state)
{
	struct scene_shot dim = {.gain = 0.02, .noise = 3};
	struct rig g;

	rig_start(&g);
	rest(&g, 60);
	show_for(&g, dim, 3600, NULL, 0);
	rest(&g, 60);
	assert_int_equal(g.told, 0);
	show_for(&g, plain, 15, cover, 60);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_infrared_switch(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 30);
	for (int i = 0; i < 3; i++) {
		show_for(&g, plain, 60, infrared, 1.3);
		rest(&g, 60);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_lorry_for_seconds(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	for (int i = 0; i < 6; i++) {
		show_for(&g, plain, 8, lorry, 1);
		rest(&g, 5);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_shake_and_nudge(void **state)
{
	struct scene_shot shot = plain;
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	for (int i = 0; i < 600; i++) {
		shot.shift_x = i * 7 % 5 - 2;
		shot.shift_y = i * 3 % 5 - 2;
		show(&g, &shot, NULL, 0);
	}
	shot.shift_x = 4;
	shot.shift_y = -3;
	show_for(&g, shot, 60, NULL, 0);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* Over an hour everything may change, be it light or what stands there. */
static void test_slow_drift(void **state)
{
	struct scene_shot shot = plain;
	struct rig g;

	rig_start(&g);
	for (int i = 0; i < 3600 * 5; i++) {
		shot.gain = 0.8 + 0.4 * sin(i / 2000.0);
		shot.shift_x = i / 100;
		show(&g, &shot, NULL, 0);
	}
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

/* Whoever stands there at first is not the view. */
static void test_start_with_a_passer_by(void **state)
{
	struct rig g;

	rig_start(&g);
	show_for(&g, plain, 6, lorry, 1);
	rest(&g, 60);
	assert_int_equal(g.told, 0);
	rig_end(&g);
}

static void test_bare_wall_says_nothing(void **state)
{
	struct rig g;

	rig_start(&g);
	show_for(&g, plain, 60, cover, 80);
	show_for(&g, plain, 60, cover, 20);
	assert_int_equal(g.told, 0);
	/* And its reference is taken once there is something to see. */
	rest(&g, 30);
	show_for(&g, plain, 15, cover, 60);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_break_keeps_the_view(void **state)
{
	struct rig g;

	rig_start(&g);
	rest(&g, 20);
	tamper_break(g.t);
	g.now += 3600 * SECOND;
	show_for(&g, plain, 16, elsewhere, 7);
	assert_int_equal(g.kind, TAMPER_MOVED);
	rig_end(&g);
}

static void test_seconds_can_be_set(void **state)
{
	struct rig g;

	rig_start(&g);
	g.p.tamper_ns = 3 * SECOND;
	rest(&g, 20);
	show_for(&g, plain, 3.2, cover, 30);
	assert_int_equal(g.kind, TAMPER_COVERED);
	g.p.tamper_ns = 120 * SECOND;
	rest(&g, 10);
	show_for(&g, plain, 100, cover, 30);
	assert_int_equal(g.kind, TAMPER_NONE);
	show_for(&g, plain, 20, cover, 30);
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_slow_rate(void **state)
{
	struct rig g;

	rig_start(&g);
	for (int i = 0; i < 30; i++) {
		show(&g, &plain, NULL, 0);
		g.now += SECOND;
	}
	for (int i = 0; i < 13; i++) {
		show(&g, &plain, cover, 30);
		g.now += SECOND;
	}
	assert_int_equal(g.kind, TAMPER_COVERED);
	rig_end(&g);
}

static void test_tiny_pictures(void **state)
{
	static const uint8_t picture[24 * 24];
	struct tamper_params p = {.tamper_ns = SECOND};
	struct tamper *t;

	for (unsigned side = 1; side <= 24; side++) {
		assert_int_equal(tamper_create(&t, side, side), 0);
		for (int64_t at = 0; at < 60; at++)
			assert_int_equal(tamper_feed(t, &p, picture, 24, 0, at * SECOND),
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

/* The detector's own way: full pictures, and what is told of them as events. */
struct told {
	struct analyzer_event last;
	unsigned starts, ends, motion;
	uint8_t first_cells;
};

static void on_event(void *ctx, const struct analyzer_event *e)
{
	struct told *told = ctx;

	if (!e->tamper) {
		told->motion++;
		return;
	}
	told->last = *e;
	told->first_cells = e->cells[0];
	told->starts += e->phase == ANALYZER_EVENT_START;
	told->ends += e->phase == ANALYZER_EVENT_END;
}

static void feed(struct detector *d, struct events *ev, const struct motion_config *config,
		 const uint8_t *luma, int64_t *now)
{
	struct detector_result r;

	assert_int_equal(detector_feed_luma(d, luma, 320, 320, 240, *now, &r, NULL), 0);
	assert_int_equal(events_feed(ev, config, &r), 0);
	assert_int_equal(events_view(ev, config, &r), 0);
	*now += PERIOD;
}

static void test_events(void **state)
{
	static uint8_t cloth[320 * 240];
	struct motion_config config;
	struct detector *d;
	struct events ev;
	struct told told = {0};
	struct scene s;
	int64_t now = SECOND, left;

	memset(cloth, 50, sizeof(cloth));
	motion_config_defaults(&config);
	scene_init(&s, 320, 240);
	events_init(&ev, on_event, &told);
	assert_int_equal(detector_create(&d, &config, NULL), 0);
	for (int i = 0; i < 100; i++)
		feed(d, &ev, &config, scene_draw(&s, &plain), &now);
	left = now;
	for (int i = 0; i < 80; i++)
		feed(d, &ev, &config, cloth, &now);
	assert_int_equal(told.starts, 1);
	assert_int_equal(told.ends, 0);
	assert_int_equal(told.last.tamper, TAMPER_COVERED);
	assert_int_equal(events_lost_view(&ev), TAMPER_COVERED);
	assert_in_range(told.last.start_mono_ns, left - SECOND, left + 5 * SECOND);
	assert_int_equal(told.first_cells, 0xff);
	assert_true(told.last.number > 0);
	for (int i = 0; i < 40; i++)
		feed(d, &ev, &config, scene_draw(&s, &plain), &now);
	assert_int_equal(told.ends, 1);
	assert_int_equal(told.last.tamper, TAMPER_COVERED);
	assert_true(told.last.end_mono_ns > told.last.start_mono_ns);
	assert_int_equal(events_lost_view(&ev), TAMPER_NONE);

	/* Switched off, nothing is told. */
	config.tamper = false;
	assert_int_equal(detector_configure(d, &config, NULL), 0);
	for (int i = 0; i < 120; i++)
		feed(d, &ev, &config, cloth, &now);
	assert_int_equal(told.starts, 1);
	events_destroy(&ev);
	detector_destroy(d);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covered),
		cmocka_unit_test(test_black),
		cmocka_unit_test(test_mostly_covered),
		cmocka_unit_test(test_half_covered_is_a_view),
		cmocka_unit_test(test_defocused),
		cmocka_unit_test(test_blinded),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_moved_is_accepted),
		cmocka_unit_test(test_moved_is_never_accepted),
		cmocka_unit_test(test_another_kind_follows),
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
		cmocka_unit_test(test_break_keeps_the_view),
		cmocka_unit_test(test_seconds_can_be_set),
		cmocka_unit_test(test_slow_rate),
		cmocka_unit_test(test_tiny_pictures),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
