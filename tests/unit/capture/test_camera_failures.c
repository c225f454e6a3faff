/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that fails, lies, falls silent or ends: the camera says why and tries again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/capture/camera_world.h"

/* Sets a fault, waits until it has made the camera fail twice, takes it away: all is well again. */
static void fails_and_recovers(struct world *world, int *field, int err, const char *why)
{
	struct watcher *w = &world->w[0];
	unsigned waiting = w->waiting, streaming = w->streaming;

	fake_fault(w->fake, field, err);
	for (unsigned i = 0; w->waiting < waiting + 2; i++) {
		fake_jpeg(w->fake, w->seq++, w->t += INTERVAL); /* something to trip over */
		assert_int_equal(reactor_turn(world->r, 5 * MS), 0);
		assert_true(i < 4000);
	}
	assert_non_null(strstr(w->why, why));
	fake_fault(w->fake, field, 0);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING && w->streaming > streaming);
	assert_string_equal(w->why, "");
	world_settle(world);
	world_next_frame(world, w);
}

static void every_step_may_fail(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = world_config(0);
	struct camera_stats st;
	struct watcher *w;

	f->open_err = -ENOENT;
	w = world_create(world, 0, &cfg);
	TURN_UNTIL(world, w->waiting >= 3);
	assert_string_equal(w->why, "fake 0: cannot open");
	assert_int_equal(w->trouble, CAMERA_WAITING);
	assert_int_equal(f->closes, 0);
	fake_fault(f, &f->open_err, 0);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	fails_and_recovers(world, &f->dequeue_err, -EIO, "the device fails");
	assert_int_equal(w->trouble, CAMERA_ERROR);
	fails_and_recovers(world, &f->dequeue_err, -ENODEV, "the device is gone");
	assert_int_equal(w->trouble, CAMERA_WAITING);
	fails_and_recovers(world, &f->enqueue_err, -EINVAL, "does not take its buffer back");
	assert_int_equal(w->trouble, CAMERA_ERROR);
	fake_fault(f, &f->start_err, -EIO);
	fake_fault(f, &f->dequeue_err, -EIO);
	TURN_UNTIL(world, !strcmp(w->why, "fake: cannot start"));
	fake_fault(f, &f->dequeue_err, 0);
	fake_fault(f, &f->start_err, 0);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	world_next_frame(world, w);
	camera_stats(w->camera, &st);
	assert_int_equal(st.failures, w->waiting);
	assert_int_equal(st.opens, w->streaming);
	world_destroy(world, w);
	assert_int_equal(f->stops, w->streaming);
}

/* A device that hands over a buffer it was never given, or no such buffer. */
static void a_lying_device_fails_alone(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct fake *f = w->fake;

	for (unsigned i = 0; i < 2; i++) {
		world_next_frame(world, w);
		w->hold = true;
		world_next_frame(world, w);
		w->hold = false;
		pthread_mutex_lock(&f->lock);
		f->filled[0] = (struct source_buffer){.slot = 1000};
		if (!i) /* the one that is held here */
			f->filled[0].slot = ((struct camera_slot *)w->held[0]->owner)->index;
		f->nfilled = 1;
		pthread_mutex_unlock(&f->lock);
		fake_fault(f, &f->open_err, 0); /* wakes the poll */
		TURN_UNTIL(world, w->waiting == i + 1);
		assert_non_null(strstr(w->why, "did not have"));
		watcher_let_go(w);
		TURN_UNTIL(world, w->streaming == i + 2);
	}
	world_next_frame(world, w);
	world_destroy(world, w);
}

static void back_off_doubles_up_to_its_cap(void **state)
{
	static const unsigned want_ms[] = {10, 20, 40, 50, 50};
	struct world *world = *state;
	struct camera_config cfg = world_config(0);
	struct watcher *w;

	cfg.retry_min_ns = 10 * MS;
	cfg.retry_max_ns = 50 * MS;
	world->w[0].fake->open_err = -ENOENT;
	w = world_create(world, 0, &cfg);
	for (unsigned i = 0; i < ARRAY_SIZE(want_ms); i++) {
		int64_t before = monotime_now(), delay;

		TURN_UNTIL(world, w->waiting == i + 1 && w->camera->retry.heap_pos);
		delay = w->camera->retry.deadline_ns - before;
		/* From below exactly; from above only by what the machine took. */
		assert_true(delay >= want_ms[i] * MS);
		assert_true(w->camera->retry.deadline_ns <= monotime_now() + want_ms[i] * MS);
	}
	world_destroy(world, w);
}

static void busy_is_retried_quickly_and_without_back_off(void **state)
{
	struct world *world = *state;
	struct camera_config cfg = world_config(0);
	struct watcher *w;

	cfg.retry_min_ns = 1000 * NSEC_PER_SEC;
	cfg.retry_max_ns = 1000 * NSEC_PER_SEC;
	world->w[0].fake->open_err = -EBUSY;
	w = world_create(world, 0, &cfg);
	TURN_UNTIL(world, w->waiting == 4 && w->camera->retry.heap_pos);
	assert_true(w->camera->retry.deadline_ns <= monotime_now() + 50 * MS);
	assert_int_equal(w->camera->attempts, 0);
	world_destroy(world, w);
}

static void a_kick_does_not_wait(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = world_config(0);
	struct watcher *w;

	cfg.retry_min_ns = cfg.retry_max_ns = 1000 * NSEC_PER_SEC;
	f->open_err = -ENOENT;
	w = world_create(world, 0, &cfg);
	TURN_UNTIL(world, w->camera->retry.heap_pos);
	fake_fault(f, &f->open_err, 0);
	camera_kick(w->camera);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	camera_kick(w->camera); /* nothing to try */
	world_next_frame(world, w);
	/* While it is still being closed: as soon as that is over. */
	fake_fault(f, &f->dequeue_err, -ENODEV);
	TURN_UNTIL(world, w->state == CAMERA_WAITING);
	fake_fault(f, &f->dequeue_err, 0);
	camera_kick(w->camera);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	assert_int_equal(w->streaming, 2);
	world_destroy(world, w);
}

static void silence_is_noticed(void **state)
{
	struct world *world = *state;
	struct camera_config cfg = world_config(0);
	struct watcher *w;

	cfg.stall_ns = 20 * MS;
	w = world_create(world, 0, &cfg);
	TURN_UNTIL(world, w->waiting == 2);
	assert_non_null(strstr(w->why, "no picture for 0.02 s"));
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	/* Frames that wait for the disk are not the device's silence. */
	cfg.stall_ns = 0;
	{
		struct errmsg em;

		assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	}
	w->hold = true;
	for (unsigned i = 0; i < 4; i++)
		world_next_frame(world, w);
	w->waiting = 0;
	w->camera->progress_ns = 0; /* ages ago */
	reactor_timer_arm(world->r, &w->camera->watch, 0);
	world_settle(world);
	assert_int_equal(w->waiting, 0);
	w->hold = false;
	watcher_let_go(w);
	world_settle(world);
	w->camera->progress_ns = 0;
	reactor_timer_arm(world->r, &w->camera->watch, 0);
	TURN_UNTIL(world, w->waiting == 1);
	world_destroy(world, w);
}

/* A multishot poll that ends is armed again, and what came meanwhile is not lost. */
static void a_poll_that_ends_is_armed_again(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);

	for (unsigned i = 0; i < 5; i++) {
		world_next_frame(world, w);
		reactor_cancel(world->r, &w->camera->stream->poll);
		if (i % 2)
			fake_jpeg(w->fake, w->seq++, w->t += INTERVAL);
		world_settle(world);
		assert_true(w->camera->stream->polling);
	}
	world_next_frame(world, w);
	assert_int_equal(w->frames, w->seq);
	assert_int_equal(w->waiting, 0);
	world_destroy(world, w);
}

/* A socket with nothing but urgent data: POLLPRI without POLLIN. */
static int urgent_socket(int *sender)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	*sender = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(*sender, (struct sockaddr *)&at, sizeof(at)), 0);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	close(listener);
	return fd;
}

static void an_event_alone_is_heard(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	int sender, fd = urgent_socket(&sender), plain = f->fd;
	struct camera_config cfg = world_config(0);
	struct watcher *w;

	f->fd = fd;
	cfg.stall_ns = 3600 * NSEC_PER_SEC; /* then the device is asked in any case */
	w = world_create(world, 0, &cfg);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	pthread_mutex_lock(&f->lock);
	f->dequeue_err = -EPIPE; /* what a source says to a change of format */
	f->fd = plain;           /* the next opening's */
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(send(sender, "!", 1, MSG_OOB), 1);
	TURN_UNTIL(world, w->waiting);
	assert_non_null(strstr(w->why, "changed its picture format"));
	fake_fault(f, &f->dequeue_err, 0);
	TURN_UNTIL(world, w->streaming == 2);
	world_next_frame(world, w);
	world_destroy(world, w);
	close(sender);
	close(fd);
}

static void a_source_at_its_end_is_off_and_owes_nothing(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct camera_config cfg = world_config(0);
	struct errmsg em = {""};
	uint64_t lost = 0;

	world_next_frame(world, w);
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODATA);
	TURN_UNTIL(world, w->state == CAMERA_OFF);
	assert_non_null(strstr(w->why, "has ended"));
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	/* Neither time nor a plugged-in camera nor a setting of another kind opens it again. */
	camera_kick(w->camera);
	cfg.stall_ns = NSEC_PER_SEC;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	usleep(20000);
	world_settle(world);
	assert_int_equal(w->state, CAMERA_OFF);
	assert_int_equal(w->fake->opens, 1);
	assert_int_equal(w->waiting, 0);

	cfg.want.slots = 5;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->streaming == 2);
	w->t = monotime_now();
	world_next_frame(world, w);
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODATA);
	TURN_UNTIL(world, w->state == CAMERA_OFF);
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	cfg.enabled = false;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	cfg.enabled = true;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->streaming == 3);
	for (unsigned i = 0; i < LOSS_CAUSES; i++)
		lost += w->lost[i];
	assert_int_equal(lost, 0);
	world_destroy(world, w);
}

static void one_bad_camera_changes_nothing_for_another(void **state)
{
	struct world *world = *state;
	struct watcher *good = world_stream(world, 0), *bad[3];

	world->w[1].fake->hang_open = true;
	world->w[2].fake->open_err = -EIO;
	for (unsigned i = 1; i < 3; i++) {
		struct camera_config cfg = world_config(i);

		bad[i] = world_create(world, i, &cfg);
	}
	bad[0] = world_stream(world, 3);
	fake_fault(bad[0]->fake, &bad[0]->fake->dequeue_err, -EIO);
	for (unsigned i = 0; i < 300; i++)
		world_next_frame(world, good);
	TURN_UNTIL(world, bad[0]->waiting && bad[2]->waiting);
	assert_int_equal(good->frames, 300);
	assert_int_equal(good->streaming, 1);
	assert_int_equal(good->fake->dropped, 0);
	assert_int_equal(good->lost[LOSS_NO_SLOT] + good->lost[LOSS_SEQUENCE_GAP], 0);
	pthread_mutex_lock(&bad[1]->fake->lock);
	bad[1]->fake->hang_open = false;
	pthread_cond_broadcast(&bad[1]->fake->changed);
	pthread_mutex_unlock(&bad[1]->fake->lock);
	for (unsigned i = 0; i < 3; i++)
		world_destroy(world, bad[i]);
	world_next_frame(world, good);
	world_destroy(world, good);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_step_may_fail),
		T(a_lying_device_fails_alone),
		T(back_off_doubles_up_to_its_cap),
		T(busy_is_retried_quickly_and_without_back_off),
		T(a_kick_does_not_wait),
		T(silence_is_noticed),
		T(a_poll_that_ends_is_armed_again),
		T(an_event_alone_is_heard),
		T(a_source_at_its_end_is_off_and_owes_nothing),
		T(one_bad_camera_changes_nothing_for_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
