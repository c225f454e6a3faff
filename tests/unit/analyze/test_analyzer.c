/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The analyser over a real pool: order, rate, skipping, breaks, ends. Meant to run under TSan too.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "analyze/analyzer.h"
#include "capture/core/pixfmt.h"
#include "tests/unit/analyze/scene.h"

#define W  160
#define H  120
#define MS 1000000ll

/* What the callbacks saw. */
struct log {
	pthread_mutex_t lock; /* protects: everything here */
	pthread_cond_t changed;
	unsigned results, errors, starts, ends;
	int inside;      /* callbacks running */
	bool overlapped; /* two at once */
	bool disordered; /* a frame before its predecessor */
	uint32_t last_sequence;
	bool in_event;
	bool gate_shut; /* callbacks wait */
	bool waiting;   /* one does */
	bool gone;
	struct analyzer_event last_event;
	int moved_x, moved_y; /* a cell that moved in the last result with any */
	char why[256];
};

static void log_init(struct log *l)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
}

static void enter(struct log *l)
{
	pthread_mutex_lock(&l->lock);
	l->overlapped |= l->inside++ > 0;
}

static void leave(struct log *l)
{
	l->inside--;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void on_result(void *ctx, const struct analyzer_result *r)
{
	struct log *l = ctx;

	enter(l);
	while (l->gate_shut) {
		l->waiting = true;
		pthread_cond_broadcast(&l->changed);
		pthread_cond_wait(&l->changed, &l->lock);
	}
	l->waiting = false;
	l->disordered |= l->results && r->sequence <= l->last_sequence;
	l->last_sequence = r->sequence;
	l->in_event = r->in_event;
	l->results++;
	for (int i = 0; r->bitmap.moved && i < r->bitmap.cols * r->bitmap.rows; i++) {
		if (r->bitmap.bits[i / 8] >> (i % 8) & 1) {
			l->moved_x = i % r->bitmap.cols * r->bitmap.cell_px / 16;
			l->moved_y = i / r->bitmap.cols * r->bitmap.cell_px / 16;
		}
	}
	leave(l);
}

static void on_event(void *ctx, const struct analyzer_event *e)
{
	struct log *l = ctx;

	enter(l);
	if (e->phase == ANALYZER_EVENT_START)
		l->starts++;
	else
		l->ends++;
	l->last_event = *e;
	leave(l);
}

static void on_error(void *ctx, const char *why)
{
	struct log *l = ctx;

	enter(l);
	l->errors++;
	snprintf(l->why, sizeof(l->why), "%s", why);
	leave(l);
}

static void on_gone(void *ctx)
{
	struct log *l = ctx;

	enter(l);
	l->gone = true;
	leave(l);
}

static const struct analyzer_callbacks callbacks = {on_result, on_event, on_error};

struct rig {
	struct pool *pool;
	struct analyzer *a;
	struct motion_config config;
	struct log log;
	struct scene scene;
	atomic_int alive;
	uint32_t sequence;
	int64_t now;
};

static void rig_start(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	log_init(&g->log);
	scene_init(&g->scene, W, H);
	motion_config_defaults(&g->config);
	g->config.rate = 0;
	g->now = 1000 * MS;
	assert_int_equal(pool_create(&g->pool, "test", 2, 4, 0, NULL), 0);
}

static void rig_create(struct rig *g)
{
	assert_int_equal(analyzer_create(&g->a, g->pool, &g->config, &callbacks, &g->log, NULL), 0);
}

#define WAIT_FOR(g, condition)                                                \
	do {                                                                  \
		pthread_mutex_lock(&(g)->log.lock);                           \
		while (!(condition))                                          \
			pthread_cond_wait(&(g)->log.changed, &(g)->log.lock); \
		pthread_mutex_unlock(&(g)->log.lock);                         \
	} while (0)

static void rig_end(struct rig *g)
{
	analyzer_destroy(g->a, on_gone, &g->log);
	WAIT_FOR(g, g->log.gone);
	pool_destroy(g->pool);
	assert_int_equal(atomic_load(&g->alive), 0);
	assert_false(g->log.overlapped);
	assert_false(g->log.disordered);
	scene_free(&g->scene);
	pthread_cond_destroy(&g->log.changed);
	pthread_mutex_destroy(&g->log.lock);
}

static struct frame *make(struct rig *g, const struct scene_shot *shot)
{
	const uint8_t *p = scene_draw(&g->scene, shot);
	struct frame *f = scene_frame(PIXFMT_GREY, W, H, p, W * H, W, g->now, &g->alive);

	f->sequence = ++g->sequence;
	g->now += 40 * MS;
	return f;
}

static void submit(struct rig *g, const struct scene_shot *shot)
{
	struct frame *f = make(g, shot);

	analyzer_submit(g->a, f);
	frame_unref(f);
}

/* Submits and waits for the result: nothing is skipped. */
static void submit_wait(struct rig *g, const struct scene_shot *shot)
{
	unsigned before;

	pthread_mutex_lock(&g->log.lock);
	before = g->log.results;
	pthread_mutex_unlock(&g->log.lock);
	submit(g, shot);
	WAIT_FOR(g, g->log.results > before);
}

static const struct scene_shot empty = {.gain = 1, .noise = 2};

static void walk(struct rig *g)
{
	struct scene_shot shot = empty;

	for (int i = 0; i < 60; i++)
		submit_wait(g, &empty);
	shot.square_grey = 230;
	shot.square_side = 40;
	shot.square_y = 40;
	for (shot.square_x = 0; shot.square_x < 80; shot.square_x += 4)
		submit_wait(g, &shot);
}

static void test_event_from_start_to_end(void **state)
{
	struct rig g;
	struct analyzer_stats s;

	rig_start(&g);
	g.config.end_ns = 400 * MS;
	rig_create(&g);
	walk(&g);
	assert_int_equal(g.log.starts, 1);
	assert_int_equal(g.log.ends, 0);
	assert_true(g.log.in_event);
	analyzer_stats(g.a, &s);
	assert_true(s.in_event);
	assert_true(s.level > 0);
	for (int i = 0; i < 20; i++)
		submit_wait(&g, &empty);
	assert_int_equal(g.log.ends, 1);
	assert_true(g.log.last_event.end_mono_ns > g.log.last_event.start_mono_ns);
	assert_true(g.log.last_event.start_mono_ns >= 1000 * MS + 60 * 40 * MS);
	assert_true(g.log.last_event.peak_cells >= 6);
	assert_int_equal(g.log.last_event.number, 1);
	assert_int_equal(g.log.last_event.preroll_ns, g.config.preroll_ns);
	/* The last result is told just before it is counted. */
	do
		analyzer_stats(g.a, &s);
	while (s.analyzed < 100);
	assert_int_equal(s.analyzed, 100);
	assert_int_equal(s.skipped, 0);
	assert_int_equal(s.errors, 0);
	assert_int_equal(s.events, 1);
	assert_false(s.in_event);
	assert_true(s.busy_ns > 0);
	assert_true(s.state_bytes > W * H);
	rig_end(&g);
}

/* A worker is held: of what comes meanwhile only the last waits, the rest is skipped, counted, and
 * given back at once. */
static void test_late_frames_are_skipped(void **state)
{
	struct rig g;
	struct analyzer_stats s;

	rig_start(&g);
	rig_create(&g);
	g.log.gate_shut = true;
	submit(&g, &empty);
	WAIT_FOR(&g, g.log.waiting);
	/* The running one has given its frame back although it is not through. */
	assert_int_equal(atomic_load(&g.alive), 0);
	for (int i = 0; i < 10; i++)
		submit(&g, &empty);
	assert_int_equal(atomic_load(&g.alive), 1);
	analyzer_stats(g.a, &s);
	assert_int_equal(s.skipped, 9);
	pthread_mutex_lock(&g.log.lock);
	g.log.gate_shut = false;
	pthread_cond_broadcast(&g.log.changed);
	pthread_mutex_unlock(&g.log.lock);
	WAIT_FOR(&g, g.log.results == 2);
	assert_int_equal(g.log.last_sequence, 11);
	rig_end(&g);
}

static void test_rate(void **state)
{
	static const struct {
		double rate;
		unsigned want;
	} cases[] = {{5, 20}, {0, 100}, {25, 100}, {12.5, 50}, {7, 28}, {100, 100}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct analyzer_stats s;
		struct rig g;

		rig_start(&g);
		g.config.rate = cases[i].rate;
		rig_create(&g);
		/* 100 frames at 25 a second. */
		for (int k = 0; k < 100; k++) {
			submit(&g, &empty);
			while (atomic_load(&g.alive))
				sched_yield();
		}
		WAIT_FOR(&g, g.log.inside == 0);
		analyzer_stats(g.a, &s);
		assert_in_range(s.analyzed + s.skipped + (s.analyzed + s.skipped < cases[i].want),
				cases[i].want, cases[i].want + 1);
		rig_end(&g);
	}
}

static void test_break_closes_and_learns(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_create(&g);
	walk(&g);
	assert_int_equal(g.log.starts, 1);
	analyzer_break(g.a);
	WAIT_FOR(&g, g.log.ends == 1);
	/* Where the picture comes back it may be another one. */
	for (int i = 0; i < 20; i++)
		submit_wait(&g, &(struct scene_shot){.gain = 1, .shift_x = 50, .shift_y = 31});
	assert_int_equal(g.log.starts, 1);
	rig_end(&g);
}

static void test_destroy_closes_the_event(void **state)
{
	struct rig g;

	rig_start(&g);
	rig_create(&g);
	walk(&g);
	assert_int_equal(g.log.starts, 1);
	submit(&g, &empty);
	rig_end(&g);
	assert_int_equal(g.log.ends, 1);
}

static void test_switched_off_takes_nothing(void **state)
{
	struct rig g;
	struct analyzer_stats s;

	rig_start(&g);
	rig_create(&g);
	walk(&g);
	g.config.enabled = false;
	assert_int_equal(analyzer_configure(g.a, &g.config, NULL), 0);
	WAIT_FOR(&g, g.log.ends == 1);
	submit(&g, &empty);
	analyzer_stats(g.a, &s);
	assert_int_equal(s.analyzed, 80);
	g.config.enabled = true;
	assert_int_equal(analyzer_configure(g.a, &g.config, NULL), 0);
	submit_wait(&g, &empty);
	g.config.sensitivity = 0;
	assert_int_equal(analyzer_configure(g.a, &g.config, NULL), -EINVAL);
	rig_end(&g);
}

static void test_errors_are_told_once(void **state)
{
	struct rig g;
	struct analyzer_stats s;

	rig_start(&g);
	rig_create(&g);
	for (int i = 0; i < 5; i++) {
		struct frame *f = make(&g, &empty);

		f->plane[0].bytesused /= 2;
		analyzer_submit(g.a, f);
		frame_unref(f);
		while (atomic_load(&g.alive))
			sched_yield();
	}
	WAIT_FOR(&g, g.log.errors == 1);
	assert_non_null(strstr(g.log.why, "short"));
	submit_wait(&g, &empty);
	{
		struct frame *f = make(&g, &empty);

		f->flags |= FRAME_TORN;
		analyzer_submit(g.a, f);
		frame_unref(f);
	}
	WAIT_FOR(&g, g.log.errors == 2);
	assert_non_null(strstr(g.log.why, "torn"));
	do
		analyzer_stats(g.a, &s);
	while (s.analyzed + s.errors + s.skipped < 7);
	assert_int_equal(s.analyzed, 1);
	rig_end(&g);
}

/* Many analysers, breaks and settings in the middle, all let go at once. */
static void test_storm(void **state)
{
	enum { CAMERAS = 12, ROUNDS = 60 };
	struct rig g;
	struct log logs[CAMERAS];
	struct analyzer *a[CAMERAS];
	struct analyzer_stats s;

	rig_start(&g);
	for (int i = 0; i < CAMERAS; i++) {
		log_init(&logs[i]);
		assert_int_equal(
			analyzer_create(&a[i], g.pool, &g.config, &callbacks, &logs[i], NULL), 0);
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < CAMERAS; i++) {
			struct frame *f = make(&g, &empty);

			analyzer_submit(a[i], f);
			frame_unref(f);
			if ((round + i) % 17 == 0)
				analyzer_break(a[i]);
			if ((round + i) % 13 == 0)
				assert_int_equal(analyzer_configure(a[i], &g.config, NULL), 0);
			analyzer_stats(a[i], &s);
		}
	for (int i = 0; i < CAMERAS; i++)
		analyzer_destroy(a[i], on_gone, &logs[i]);
	for (int i = 0; i < CAMERAS; i++) {
		pthread_mutex_lock(&logs[i].lock);
		while (!logs[i].gone)
			pthread_cond_wait(&logs[i].changed, &logs[i].lock);
		pthread_mutex_unlock(&logs[i].lock);
		assert_false(logs[i].overlapped);
		assert_false(logs[i].disordered);
		assert_true(logs[i].results > 0);
	}
	rig_create(&g);
	rig_end(&g);
	for (int i = 0; i < CAMERAS; i++) {
		pthread_cond_destroy(&logs[i].changed);
		pthread_mutex_destroy(&logs[i].lock);
	}
}

/* JPEGs of many cameras come while the only worker is held: they are then judged together, each
 * with its own verdict, what it showed, and its place in its camera's order. */
static void test_together(void **state)
{
	enum { CAMERAS = 11, ROUNDS = 12, SIDE_W = 1280, SIDE_H = 720 };
	struct rig g;
	struct log logs[CAMERAS];
	struct analyzer *a[CAMERAS];
	struct scene large;
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	tjhandle t = tjInitCompress();

	rig_start(&g);
	pool_destroy(g.pool);
	assert_int_equal(pool_create(&g.pool, "test", 1, 1, 0, NULL), 0);
	scene_init(&large, SIDE_W, SIDE_H);
	for (int i = 0; i < CAMERAS; i++) {
		log_init(&logs[i]);
		assert_int_equal(
			analyzer_create(&a[i], g.pool, &g.config, &callbacks, &logs[i], NULL), 0);
	}
	rig_create(&g);
	for (int round = 0; round < ROUNDS; round++) {
		/* The worker waits in the callback of a camera of its own. */
		pthread_mutex_lock(&g.log.lock);
		g.log.gate_shut = true;
		pthread_mutex_unlock(&g.log.lock);
		submit(&g, &empty);
		WAIT_FOR(&g, g.log.waiting);
		for (int i = 0; i < CAMERAS; i++) {
			/* Each camera sees its own square; camera 3's JPEGs are cut, in
			 * the picture or the headers; 5 is raw. */
			struct scene_shot shot = {.gain = 1};
			const uint8_t *p;
			struct frame *f;

			if (round > 8) {
				shot.square_grey = 230;
				shot.square_side = 160;
				shot.square_x = 40 + 100 * i;
				shot.square_y = 80 * (i % 5);
			}
			p = scene_draw(&large, &shot);
			assert_int_equal(tjCompress2(t, p, SIDE_W, SIDE_W, SIDE_H, TJPF_GRAY, &jpeg,
						     &size, TJSAMP_GRAY, 80, 0),
					 0);
			if (i == 5)
				f = scene_frame(PIXFMT_GREY, SIDE_W, SIDE_H, p, SIDE_W * SIDE_H,
						SIDE_W, g.now, &g.alive);
			else
				f = scene_frame(PIXFMT_MJPEG, SIDE_W, SIDE_H, jpeg,
						i == 3 ? (round % 2 ? 20 : size / 2) : size, 0,
						g.now, &g.alive);
			f->sequence = (uint32_t)round + 1;
			analyzer_submit(a[i], f);
			frame_unref(f);
		}
		g.now += 40 * MS;
		pthread_mutex_lock(&g.log.lock);
		g.log.gate_shut = false;
		pthread_cond_broadcast(&g.log.changed);
		pthread_mutex_unlock(&g.log.lock);
		while (atomic_load(&g.alive))
			sched_yield();
	}
	for (int i = 0; i < CAMERAS; i++)
		analyzer_destroy(a[i], on_gone, &logs[i]);
	for (int i = 0; i < CAMERAS; i++) {
		struct log *l = &logs[i];

		pthread_mutex_lock(&l->lock);
		while (!l->gone)
			pthread_cond_wait(&l->changed, &l->lock);
		pthread_mutex_unlock(&l->lock);
		assert_int_equal(l->results, i == 3 ? 0 : ROUNDS);
		assert_int_equal(l->errors, i == 3);
		assert_false(l->disordered || l->overlapped);
		if (i == 3) {
			assert_non_null(strstr(l->why, "damaged JPEG"));
			continue;
		}
		/* Where the square came, and nowhere else. */
		assert_in_range(l->moved_x, (40 + 100 * i) / 16 - 1, (200 + 100 * i) / 16);
		assert_in_range(l->moved_y, 80 * (i % 5) / 16, (160 + 80 * (i % 5)) / 16);
	}
	rig_end(&g);
	for (int i = 0; i < CAMERAS; i++) {
		pthread_cond_destroy(&logs[i].changed);
		pthread_mutex_destroy(&logs[i].lock);
	}
	tjFree(jpeg);
	tjDestroy(t);
	scene_free(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_from_start_to_end),
		cmocka_unit_test(test_late_frames_are_skipped),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_break_closes_and_learns),
		cmocka_unit_test(test_destroy_closes_the_event),
		cmocka_unit_test(test_switched_off_takes_nothing),
		cmocka_unit_test(test_errors_are_told_once),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
