/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The detector on drawn scenes: what must be found, and what must not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "analyze/detector.h"
#include "tests/unit/analyze/scene.h"

#define W        320
#define H        240
#define FRAME_NS 40000000ll

struct rig {
	struct motion_config config;
	struct detector *d;
	struct scene scene;
	int64_t now;
	struct detector_result r;
	unsigned frames, motion, global; /* counted since the last `count` */
};

static void rig_start(struct rig *g)
{
	motion_config_defaults(&g->config);
	scene_init(&g->scene, W, H);
	g->now = 1000000000;
	g->frames = g->motion = g->global = 0;
	g->d = NULL;
}

static void rig_end(struct rig *g)
{
	detector_destroy(g->d);
	scene_free(&g->scene);
}

static void count(struct rig *g)
{
	g->frames = g->motion = g->global = 0;
}

static void show(struct rig *g, const struct scene_shot *shot)
{
	if (!g->d)
		assert_int_equal(detector_create(&g->d, &g->config, NULL), 0);
	assert_int_equal(
		detector_feed_luma(g->d, scene_draw(&g->scene, shot), W, W, H, g->now, &g->r, NULL),
		0);
	g->now += FRAME_NS;
	g->frames++;
	g->motion += g->r.motion;
	g->global += g->r.global_change;
}

static void show_n(struct rig *g, struct scene_shot shot, unsigned n)
{
	while (n--)
		show(g, &shot);
}

static const struct scene_shot empty = {.gain = 1, .noise = 3};

static bool cell(const struct detector_result *r, int x, int y)
{
	unsigned at = (unsigned)(y / r->cell_px) * r->cols + (unsigned)(x / r->cell_px);

	return r->bits[at / 8] >> (at % 8) & 1;
}

/* A square of 40 pixels crosses at 4 pixels a frame; returns frames with motion. */
static unsigned cross(struct rig *g, struct scene_shot shot)
{
	count(g);
	shot.square_side = 40;
	shot.square_y = 100;
	for (shot.square_x = -40; shot.square_x < W; shot.square_x += 4)
		show(g, &shot);
	return g->motion;
}

static void test_static_scene_is_silent(void **state)
{
	struct rig g;

	rig_start(&g);
	show_n(&g, empty, 400);
	assert_int_equal(g.motion, 0);
	assert_int_equal(g.global, 0);
	assert_int_equal(g.r.level, 0);
	rig_end(&g);
}

static void test_moving_square_is_found(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	rig_start(&g);
	show_n(&g, empty, 100);
	shot.square_grey = 220;
	assert_true(cross(&g, shot) >= 80);
	shot.square_x = 160;
	shot.square_y = 80;
	shot.square_side = 48;
	show_n(&g, shot, 4);
	assert_true(g.r.motion);
	assert_true(cell(&g.r, 184, 104));
	assert_false(cell(&g.r, 20, 20));
	assert_true(g.r.since_mono_ns < g.r.mono_ns);
	assert_int_equal(g.r.moved, g.r.largest);
	assert_true(g.r.level > 100 && g.r.level < 400);
	/* And when it has gone, soon nothing. */
	show_n(&g, empty, 10);
	assert_false(g.r.motion);
	rig_end(&g);
}

static void test_startup_is_silent(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	/* Somebody is in the first picture and walks off: what he covered is no ghost for long. */
	rig_start(&g);
	shot.square_side = 48;
	shot.square_grey = 230;
	shot.square_x = shot.square_y = 100;
	show_n(&g, shot, 4);
	assert_int_equal(g.motion, 0);
	assert_true(g.r.learning);
	show_n(&g, empty, 60);
	count(&g);
	show_n(&g, empty, 200);
	assert_int_equal(g.motion, 0);
	assert_false(g.r.learning);
	rig_end(&g);
}

static void test_light_is_no_motion(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	rig_start(&g);
	show_n(&g, empty, 100);
	count(&g);
	/* A cloud, slowly and back; then a switch, and back. */
	for (int i = 0; i < 100; i++) {
		shot.gain = 1 - 0.4 * (i < 50 ? i : 100 - i) / 50.0;
		show(&g, &shot);
	}
	shot.gain = 0.55;
	show_n(&g, shot, 50);
	show_n(&g, empty, 50);
	assert_int_equal(g.motion, 0);
	/* Motion is still found. */
	shot = empty;
	shot.square_grey = 220;
	assert_true(cross(&g, shot) >= 80);
	rig_end(&g);
}

/* The picture turns into another (a night filter switches): told as such, and learnt anew. */
static void test_global_change_is_told(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	rig_start(&g);
	show_n(&g, empty, 100);
	count(&g);
	shot.square_side = 10000;
	shot.square_x = shot.square_y = -5000;
	shot.square_grey = 90;
	/* A flat grey picture: no gain explains it. Told when it lasts. */
	show_n(&g, shot, 1);
	assert_int_equal(g.global, 0);
	show_n(&g, shot, 1);
	assert_int_equal(g.global, 1);
	show_n(&g, shot, 100);
	assert_int_equal(g.motion, 0);
	rig_end(&g);
}

/* As many frames as it takes to begin take to end, however long it was. */
static void test_motion_ends_as_it_begins(void **state)
{
	struct scene_shot shot = empty;

	for (unsigned need = 1; need <= 4; need++) {
		struct rig g;

		rig_start(&g);
		g.config.start_frames = need;
		show_n(&g, empty, 100);
		count(&g);
		shot.square_side = 48;
		shot.square_grey = 220;
		for (int i = 0; i < 12; i++) {
			shot.square_x = 40 + 4 * i;
			show(&g, &shot);
		}
		assert_int_equal(g.motion, 12 - (need - 1));
		count(&g);
		show_n(&g, empty, 10);
		assert_int_equal(g.motion, need - 1);
		rig_end(&g);
	}
}

/* One picture of something else (a hit camera, a torn frame) is nothing, and costs nothing: what
 * moves is seen right before and after. */
static void test_one_odd_picture_is_passed_over(void **state)
{
	struct scene_shot odd = empty, shot = empty;
	struct rig g;

	rig_start(&g);
	show_n(&g, empty, 100);
	odd.square_side = 10000;
	odd.square_x = odd.square_y = -5000;
	odd.square_grey = 90;
	count(&g);
	show(&g, &odd);
	show_n(&g, empty, 20);
	assert_int_equal(g.motion, 0);
	shot.square_side = 40;
	shot.square_grey = 220;
	shot.square_y = 100;
	for (int i = 0; i < 10; i++) {
		shot.square_x = 60 + 4 * i;
		show(&g, i == 5 ? &odd : &shot);
		assert_int_equal(g.r.motion, i >= 1);
		assert_int_equal(g.r.moved > 0, i != 5);
	}
	assert_int_equal(g.global, 0);
	rig_end(&g);
}

static void test_shake_is_no_motion(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	rig_start(&g);
	show_n(&g, empty, 100);
	count(&g);
	for (int i = 0; i < 200; i++) {
		shot.shift_x = (i * 7) % 9 - 4;
		shot.shift_y = (i * 5) % 7 - 3;
		show(&g, &shot);
	}
	assert_int_equal(g.motion, 0);
	/* While a cloud passes, too. */
	for (int i = 0; i < 200; i++) {
		shot.gain = 1 - 0.3 * (i < 100 ? i : 200 - i) / 100.0;
		shot.shift_x = (i * 7) % 9 - 4;
		shot.shift_y = (i * 5) % 7 - 3;
		show(&g, &shot);
	}
	assert_int_equal(g.motion, 0);
	rig_end(&g);
}

/* Someone comes and stands still. */
static void stand(struct rig *g, unsigned frames)
{
	struct scene_shot shot = empty;

	shot.square_grey = 220;
	shot.square_side = 48;
	shot.square_y = 96;
	for (shot.square_x = -48; shot.square_x < 128; shot.square_x += 4)
		show(g, &shot);
	show_n(g, shot, frames);
}

static void test_standing_still(void **state)
{
	struct rig g;

	rig_start(&g);
	g.config.absorb_ns = 10000000000;
	show_n(&g, empty, 100);
	stand(&g, 150);
	assert_true(g.r.motion); /* six seconds: still there */
	show_n(&g,
	       (struct scene_shot){.gain = 1,
				   .noise = 3,
				   .square_grey = 220,
				   .square_side = 48,
				   .square_x = 128,
				   .square_y = 96},
	       150);
	assert_false(g.r.motion); /* twelve: part of the scene */
	rig_end(&g);

	rig_start(&g);
	g.config.absorb_ns = 0;
	show_n(&g, empty, 100);
	stand(&g, 1500);
	assert_true(g.r.motion);
	rig_end(&g);
}

#define TREE_W 128
#define TREE_H 96

/* Leaves of 4 pixels before the sky in the upper left corner, blown about anew in every frame. */
static void show_tree(struct rig *g, const struct scene_shot *shot)
{
	uint8_t *p = g->scene.picture;
	int in_x0 = shot->square_x, in_x1 = in_x0 + shot->square_side;
	int in_y0 = shot->square_y, in_y1 = in_y0 + shot->square_side;

	if (!g->d)
		assert_int_equal(detector_create(&g->d, &g->config, NULL), 0);
	scene_draw(&g->scene, shot);
	for (int y = 0; y < TREE_H; y += 4)
		for (int x = 0; x < TREE_W; x += 4) {
			uint8_t leaf = random() % 4 ? 200 : 60;

			for (int k = 0; k < 16; k++) {
				int px = x + k % 4, py = y + k / 4;

				if (px < in_x0 || px >= in_x1 || py < in_y0 || py >= in_y1)
					p[py * W + px] = leaf;
			}
		}
	assert_int_equal(detector_feed_luma(g->d, p, W, W, H, g->now, &g->r, NULL), 0);
	g->now += FRAME_NS;
	g->frames++;
	g->motion += g->r.motion;
}

/* A tree in the wind is no motion once it is known; who walks beside it and before it is. */
static void test_tree_in_the_wind(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	rig_start(&g);
	srandom(7);
	for (int i = 0; i < 300; i++)
		show_tree(&g, &shot);
	count(&g);
	for (int i = 0; i < 300; i++)
		show_tree(&g, &shot);
	assert_true(g.motion <= 15);
	assert_true(detector_restless(g.d) > 0.1 && detector_restless(g.d) < 0.6);
	count(&g);
	shot.square_grey = 240;
	shot.square_side = 40;
	shot.square_y = 150;
	for (shot.square_x = 0; shot.square_x < 160; shot.square_x += 4)
		show_tree(&g, &shot);
	assert_true(g.motion >= 35);
	shot.square_side = 0;
	for (int i = 0; i < 20; i++)
		show_tree(&g, &shot);
	count(&g);
	shot.square_grey = 10;
	shot.square_side = 64;
	shot.square_y = 16;
	for (shot.square_x = 0; shot.square_x < 64; shot.square_x += 2)
		show_tree(&g, &shot);
	assert_true(g.motion >= 25);
	rig_end(&g);
}

static void test_mask_and_zone(void **state)
{
	struct scene_shot shot = empty;
	struct rig g;

	rig_start(&g);
	assert_int_equal(motion_zones_parse("!all: 0,80 320,80 320,180 0,180", &g.config, NULL), 0);
	show_n(&g, empty, 100);
	shot.square_grey = 220;
	assert_int_equal(cross(&g, shot), 0);
	/* The same scene through another zone, changed while it runs. */
	assert_int_equal(motion_zones_parse("left: 0,0 160,0 160,240 0,240", &g.config, NULL), 0);
	assert_int_equal(detector_configure(g.d, &g.config, NULL), 0);
	show_n(&g, empty, 20);
	count(&g);
	shot.square_side = 40;
	shot.square_y = 100;
	for (shot.square_x = 100; shot.square_x < 120; shot.square_x += 4)
		show(&g, &shot);
	assert_true(g.r.motion);
	assert_int_equal(g.r.zones, 1);
	for (; shot.square_x < W; shot.square_x += 4)
		show(&g, &shot);
	assert_false(g.r.motion);
	rig_end(&g);
}

static void test_sensitivity_and_size(void **state)
{
	struct scene_shot shot = {.gain = 1, .noise = 1};
	struct rig g;
	unsigned found[2];

	/* A dim square: seen at 90, not at 10. */
	for (int i = 0; i < 2; i++) {
		rig_start(&g);
		g.config.sensitivity = i ? 90 : 10;
		show_n(&g, shot, 100);
		count(&g);
		for (int x = 0; x < 200; x += 4) {
			struct scene_shot dim = shot;

			dim.square_add = 9;
			dim.square_side = 40;
			dim.square_x = x;
			dim.square_y = 100;
			show(&g, &dim);
		}
		found[i] = g.motion;
		rig_end(&g);
	}
	assert_int_equal(found[0], 0);
	assert_true(found[1] > 30);
	/* Too small for the configured size. */
	rig_start(&g);
	g.config.min_cells = 60;
	show_n(&g, empty, 100);
	shot = empty;
	shot.square_grey = 220;
	assert_int_equal(cross(&g, shot), 0);
	rig_end(&g);
}

static void test_other_size_starts_anew(void **state)
{
	struct detector *d;
	struct motion_config c;
	struct detector_result r;
	struct scene a, b;

	motion_config_defaults(&c);
	scene_init(&a, W, H);
	scene_init(&b, 333, 171);
	assert_int_equal(detector_create(&d, &c, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(detector_feed_luma(d, scene_draw(&a, &empty), W, W, H,
						    i * FRAME_NS, &r, NULL),
				 0);
	assert_false(r.learning);
	assert_int_equal(detector_feed_luma(d, scene_draw(&b, &empty), 333, 333, 171, 20 * FRAME_NS,
					    &r, NULL),
			 0);
	assert_true(r.learning);
	assert_int_equal(r.cols, 21);
	assert_int_equal(detector_feed_luma(d, a.picture, W, 0, H, 0, &r, NULL), -EINVAL);
	assert_int_equal(detector_feed_luma(d, a.picture, 10, W, H, 0, &r, NULL), -EINVAL);
	detector_destroy(d);
	scene_free(&a);
	scene_free(&b);
}

/* Every size from one pixel up works, and needs no more memory than a camera may have. */
static void test_sizes_and_memory(void **state)
{
	struct motion_config c;
	struct detector_result r;
	uint8_t *grey = calloc(1920, 1080);

	assert_non_null(grey);
	motion_config_defaults(&c);
	for (uint32_t w = 1; w < 200; w += 13)
		for (uint32_t h = 1; h < 200; h += 17) {
			struct detector *d;

			assert_int_equal(detector_create(&d, &c, NULL), 0);
			for (int i = 0; i < 3; i++) {
				memset(grey, i * 100, (size_t)w * h);
				assert_int_equal(detector_feed_luma(d, grey, w, w, h, i * FRAME_NS,
								    &r, NULL),
						 0);
			}
			detector_destroy(d);
		}
	struct detector *d;

	assert_int_equal(detector_create(&d, &c, NULL), 0);
	assert_int_equal(detector_feed_luma(d, grey, 1920, 1920, 1080, 0, &r, NULL), 0);
	assert_true(detector_state_bytes(d) > 240 * 135 * 8);
	assert_true(detector_state_bytes(d) <= 400 * 1024);
	detector_destroy(d);
	free(grey);
}

/* What is fetched ahead of a frame that is then not judged may be gone when the next one is. */
static void test_nothing_gone_is_fetched(void **state)
{
	size_t bytes = 1920 * 1080;
	uint8_t *gone = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *grey = calloc(1, bytes);
	struct motion_config c;
	struct detector_result r;
	struct detector *d;
	struct frame *f, next;

	assert_true(gone != MAP_FAILED);
	assert_non_null(grey);
	motion_config_defaults(&c);
	assert_int_equal(detector_create(&d, &c, NULL), 0);
	f = scene_frame(PIXFMT_GREY, 1920, 1080, grey, bytes, 1920, 0, NULL);
	next = *f;
	next.plane[0].data = gone;
	for (int i = 0; i < 3; i++)
		assert_int_equal(detector_feed(d, f, &r, NULL), 1);
	assert_int_equal(detector_load(d, f, true, NULL), 1);
	detector_ahead(d, &next);
	assert_int_equal(munmap(gone, bytes), 0);
	assert_int_equal(detector_load(d, f, true, NULL), 1);
	detector_run(d, 0, &r);
	frame_unref(f);
	detector_destroy(d);
	free(grey);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_scene_is_silent),
		cmocka_unit_test(test_moving_square_is_found),
		cmocka_unit_test(test_startup_is_silent),
		cmocka_unit_test(test_light_is_no_motion),
		cmocka_unit_test(test_global_change_is_told),
		cmocka_unit_test(test_motion_ends_as_it_begins),
		cmocka_unit_test(test_one_odd_picture_is_passed_over),
		cmocka_unit_test(test_shake_is_no_motion),
		cmocka_unit_test(test_standing_still),
		cmocka_unit_test(test_tree_in_the_wind),
		cmocka_unit_test(test_mask_and_zone),
		cmocka_unit_test(test_sensitivity_and_size),
		cmocka_unit_test(test_other_size_starts_anew),
		cmocka_unit_test(test_sizes_and_memory),
		cmocka_unit_test(test_nothing_gone_is_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
