/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a camera or of its stream, while its frames are still in use elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/capture/camera_world.h"

static void *drop_elsewhere(void *arg)
{
	watcher_let_go(arg);
	return NULL;
}

/* Frames on their way to the disk keep their memory, not the device. */
static void destroy_waits_for_frames(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct reactor_stats before, after;
	unsigned losses;
	pthread_t t;

	world_next_frame(world, w);
	w->hold = true;
	world_next_frame(world, w);
	world_next_frame(world, w);
	reactor_stats(world->r, &before);
	camera_destroy(w->camera, watcher_gone, w);
	losses = w->states;
	TURN_UNTIL(world, fake_count(w->fake, &w->fake->closes) == 1);
	usleep(20000);
	world_settle(world);
	assert_false(w->gone);
	assert_int_equal(w->held[0]->plane[0].data[0], 0xff);
	assert_int_equal(w->held[1]->plane[0].data[1], 0xd8);
	reactor_stats(world->r, &after);
	assert_int_equal(after.buffers_registered, before.buffers_registered);
	assert_int_equal(pthread_create(&t, NULL, drop_elsewhere, w), 0);
	TURN_UNTIL(world, w->gone);
	pthread_join(t, NULL);
	reactor_stats(world->r, &after);
	assert_int_equal(after.buffers_registered, 0);
	assert_int_equal(w->states, losses); /* not a word after destroy */
}

static void a_failed_stream_keeps_its_frames_while_the_next_one_runs(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);

	w->hold = true;
	world_next_frame(world, w);
	w->hold = false;
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODEV);
	TURN_UNTIL(world, w->waiting);
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	TURN_UNTIL(world, w->streaming == 2);
	world_next_frame(world, w);
	assert_int_equal(w->held[0]->plane[0].data[1], 0xd8);
	assert_int_equal(w->camera->streams, 2);
	watcher_let_go(w);
	TURN_UNTIL(world, w->camera->streams == 1);
	world_next_frame(world, w);
	world_destroy(world, w);
}

static void destroy_in_every_state(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = world_config(0);
	struct watcher *w;

	cfg.enabled = false;
	w = world_create(world, 0, &cfg);
	world_destroy(world, w);

	cfg = world_config(1);
	cfg.retry_min_ns = cfg.retry_max_ns = 1000 * NSEC_PER_SEC;
	world->w[1].fake->open_err = -ENOENT;
	w = world_create(world, 1, &cfg);
	TURN_UNTIL(world, w->waiting);
	world_destroy(world, w);

	/* While the opener is inside open. */
	w->gone = false;
	f->hang_open = true;
	cfg = world_config(0);
	w = world_create(world, 0, &cfg);
	w->gone = false;
	TURN_UNTIL(world, fake_count(f, &f->opens) == 1);
	camera_destroy(w->camera, watcher_gone, w);
	world_settle(world);
	assert_false(w->gone);
	pthread_mutex_lock(&f->lock);
	f->hang_open = false;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	TURN_UNTIL(world, w->gone);
	assert_int_equal(f->closes, 1);
	assert_int_equal(w->streaming, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(destroy_waits_for_frames),
		T(a_failed_stream_keeps_its_frames_while_the_next_one_runs),
		T(destroy_in_every_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
