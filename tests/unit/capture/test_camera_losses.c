/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a camera enters as lost, and under which cause, when frames are missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/capture/camera_world.h"

static void gaps_reach_the_ledger(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct camera_stats st;

	world_next_frame(world, w);
	w->gaps = 0;
	w->seq += 3;
	w->t += 3 * INTERVAL;
	world_next_frame(world, w);
	assert_int_equal(w->lost[LOSS_SEQUENCE_GAP], 3);
	assert_int_equal(w->gaps, 1);
	assert_int_equal(w->last_loss.camera_id, 40);
	camera_stats(w->camera, &st);
	assert_int_equal(st.lost[LOSS_SEQUENCE_GAP], 3);
	w->seq = UINT32_MAX;
	w->camera->ledger.sequence = UINT32_MAX - 1;
	for (unsigned i = 0; i < 3; i++)
		world_next_frame(world, w);
	assert_int_equal(w->gaps, 1);
	world_destroy(world, w);
}

static void without_slots_the_cause_is_told(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct camera_stats st;

	w->hold = true;
	for (unsigned i = 0; i < 4; i++)
		world_next_frame(world, w);
	camera_stats(w->camera, &st);
	assert_int_equal(st.slots_free, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_false(fake_jpeg(w->fake, w->seq++, w->t += INTERVAL));
	w->hold = false;
	watcher_let_go(w);
	world_settle(world);
	world_next_frame(world, w);
	assert_int_equal(w->lost[LOSS_NO_SLOT], 5);
	assert_int_equal(w->lost[LOSS_SEQUENCE_GAP], 0);
	/* The same when it is the reactor that came late: all slots were full. */
	for (unsigned i = 0; i < 6; i++)
		fake_jpeg(w->fake, w->seq++, w->t += INTERVAL);
	TURN_UNTIL(world, w->frames == 9);
	world_settle(world);
	world_next_frame(world, w);
	assert_int_equal(w->lost[LOSS_NO_SLOT], 7);
	/* And with slots to spare it is the device. */
	w->seq++;
	world_next_frame(world, w);
	assert_int_equal(w->lost[LOSS_SEQUENCE_GAP], 1);
	world_destroy(world, w);
}

/* Frames delivered and lost add up to what the device numbered, whatever happens on the way. */
static void random_script(struct world *world, unsigned seed)
{
	struct watcher *w = world_stream(world, 0);
	uint64_t expected = 0, repeats = 0, sum;

	w->fake->dropped = 0;
	w->seq = seed * 2654435761u; /* some begin right before the wrap */
	if (seed % 4 == 0)
		w->seq = UINT32_MAX - 20;
	world_next_frame(world, w);
	expected++;
	w->hold = true;
	for (unsigned step = 0; step < 400; step++) {
		struct source_buffer b = {.mono_ns = w->t += INTERVAL};
		uint8_t jpeg[] = {0xff, 0xd8, 1, 2, 0xff, 0xd9};
		unsigned dice = rand_r(&seed) % 100, lost = 0;

		if (dice < 10)
			lost = 1 + rand_r(&seed) % 5;
		w->seq += lost;
		expected += lost;
		b.sequence = w->seq++;
		expected++;
		b.plane[0].bytesused = sizeof(jpeg);
		b.error = dice >= 10 && dice < 20;
		if (dice >= 15 && dice < 25)
			b.plane[0].bytesused = 0;
		if (dice >= 25 && dice < 30)
			jpeg[5] = 0;
		fake_fill(w->fake, b, jpeg, sizeof(jpeg));
		if (dice >= 30 && dice < 35 && fake_fill(w->fake, b, jpeg, sizeof(jpeg)))
			repeats++; /* the same number again: one buffer more */
		if (rand_r(&seed) % 3 == 0)
			world_settle(world);
		if (rand_r(&seed) % 4 == 0)
			watcher_let_go(w);
	}
	w->hold = false;
	watcher_let_go(w);
	world_settle(world);
	world_settle(world);
	world_next_frame(world, w); /* shows what was dropped at the end */
	expected++;
	sum = w->frames;
	for (unsigned i = 0; i < LOSS_CAUSES; i++)
		sum += i == LOSS_CAMERA_AWAY ? 0 : w->lost[i];
	assert_int_equal(sum, expected + repeats);
	assert_true(w->lost[LOSS_NO_SLOT] + w->lost[LOSS_SEQUENCE_GAP] >=
		    w->fake->dropped - repeats);
	assert_true(w->lost[LOSS_NO_SLOT] > 0 && w->lost[LOSS_DEVICE_ERROR] > 0 && w->torn > 0);
	world_destroy(world, w);
}

static void delivered_and_ledger_are_what_was_expected(void **state)
{
	for (unsigned seed = 1; seed <= 12; seed++) {
		struct world *world = *state;

		fake_reset(world->w[0].fake);
		memset(&world->w[0], 0, sizeof(world->w[0]));
		world->w[0].fake = fake_get(0);
		random_script(world, seed);
	}
}

static void absence_is_on_the_ledger(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);

	world_next_frame(world, w);
	memset(w->lost, 0, sizeof(w->lost));
	w->gaps = 0;
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODEV);
	TURN_UNTIL(world, w->waiting == 1);
	assert_non_null(strstr(w->why, "gone"));
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	TURN_UNTIL(world, w->streaming == 2);
	w->t += 99 * INTERVAL;
	w->seq = 0;
	world_next_frame(world, w); /* one second after the last */
	assert_int_equal(w->lost[LOSS_CAMERA_AWAY], 99);
	assert_true(w->last_loss.estimated);
	assert_int_equal(w->gaps, 1);
	world_next_frame(world, w);
	assert_int_equal(w->gaps, 1);
	world_destroy(world, w);
}

/* A camera that opens at once owes nothing for that; one that is never found owes it all, and what
 * it owes is entered when it is taken away. */
static void opening_is_no_loss_and_never_found_is(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct camera_config cfg = world_config(1);

	w->t = monotime_now() + 4 * NSEC_PER_SEC;
	world_next_frame(world, w);
	assert_int_equal(w->lost[LOSS_CAMERA_AWAY], 0);
	assert_int_equal(w->gaps, 0);
	world_destroy(world, w);

	world->w[1].fake->open_err = -ENOENT;
	w = world_create(world, 1, &cfg);
	TURN_UNTIL(world, w->waiting);
	camera_ledger_rate(&w->camera->ledger, 100); /* as if it had been there once */
	w->camera->ledger.away_first_ns -= 5 * NSEC_PER_SEC;
	w->camera->ledger.away_base_ns -= 5 * NSEC_PER_SEC;
	camera_destroy(w->camera, watcher_gone, w);
	assert_in_range(w->lost[LOSS_CAMERA_AWAY], 500, 5000);
	TURN_UNTIL(world, w->gone);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gaps_reach_the_ledger),
		T(without_slots_the_cause_is_told),
		T(delivered_and_ledger_are_what_was_expected),
		T(absence_is_on_the_ledger),
		T(opening_is_no_loss_and_never_found_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
