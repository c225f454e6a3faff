/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a camera's analysis holds, as its figures tell it: with all that is only there when it is
 * wanted (the view's memory, an event of motion, one of a lost view). */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "analyze/analyzer.h"
#include "capture/core/pixfmt.h"
#include "tests/unit/analyze/scene.h"

#define W     1920
#define H     1080
#define MS    1000000ll
#define LIMIT (400 * 1024)

struct camera {
	struct pool *pool;
	struct analyzer *a;
	struct scene scene;
	tjhandle compressor;
	unsigned char *jpeg;
	unsigned long size;
	uint32_t shown; /* frames */
	atomic_int alive;
	atomic_bool gone;
};

static void on_result(void *ctx, const struct analyzer_result *r)
{
	(void)ctx;
	(void)r;
}

static void on_gone(void *ctx)
{
	struct camera *c = ctx;

	atomic_store(&c->gone, true);
}

static void camera_start(struct camera *c)
{
	const struct analyzer_callbacks callbacks = {.result = on_result};
	struct motion_config config;

	*c = (struct camera){.compressor = tjInitCompress()};
	assert_non_null(c->compressor);
	scene_init(&c->scene, W, H);
	motion_config_defaults(&config);
	config.rate = 0;
	config.tamper_ns = 1000 * MS;
	assert_int_equal(pool_create(&c->pool, "test", 1, 1, 0, NULL), 0);
	assert_int_equal(analyzer_create(&c->a, c->pool, &config, &callbacks, c, NULL), 0);
}

static void camera_end(struct camera *c)
{
	analyzer_destroy(c->a, on_gone, c);
	while (!atomic_load(&c->gone))
		sched_yield();
	pool_destroy(c->pool);
	assert_int_equal(atomic_load(&c->alive), 0);
	tjFree(c->jpeg);
	tjDestroy(c->compressor);
	scene_free(&c->scene);
}

static void draw(struct camera *c, const struct scene_shot *shot)
{
	const uint8_t *p = scene_draw(&c->scene, shot);

	assert_int_equal(tjCompress2(c->compressor, p, W, W, H, TJPF_GRAY, &c->jpeg, &c->size,
				     TJSAMP_GRAY, 80, 0),
			 0);
}

/* A frame of what is drawn, five a second; returns when it is counted. */
static void judge(struct camera *c, struct analyzer_stats *s)
{
	struct frame *f = scene_frame(PIXFMT_MJPEG, W, H, c->jpeg, c->size, 0,
				      (1000 + 200ll * c->shown) * MS, &c->alive);

	f->sequence = ++c->shown;
	analyzer_submit(c->a, f);
	frame_unref(f);
	do {
		sched_yield();
		analyzer_stats(c->a, s);
	} while (s->analyzed < c->shown);
}

static void test_1080p_mjpeg(void **state)
{
	struct camera c;
	struct scene_shot shot = {.gain = 1};
	struct analyzer_stats s;

	camera_start(&c);
	draw(&c, &shot);
	for (int i = 0; i < 100; i++)
		judge(&c, &s);
	assert_int_equal(s.events, 0);
	shot.square_grey = 230;
	shot.square_side = 160;
	for (shot.square_x = 0; shot.square_x < 640; shot.square_x += 80) {
		draw(&c, &shot);
		judge(&c, &s);
	}
	assert_int_equal(s.events, 1);
	/* Something dark before the lens. */
	shot = (struct scene_shot){.square_grey = 20, .square_side = W, .gain = 1};
	draw(&c, &shot);
	for (int i = 0; i < 200 && !s.tamper; i++)
		judge(&c, &s);
	assert_int_equal(s.tampers, 1);
	assert_int_equal(s.errors, 0);
	print_message("%zu bytes\n", s.state_bytes);
	assert_true(s.state_bytes > (size_t)W / 8 * (H / 8) * 8);
	assert_true(s.state_bytes <= LIMIT);
	camera_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_1080p_mjpeg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
