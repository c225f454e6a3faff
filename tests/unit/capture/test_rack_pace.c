/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the frames of rack cameras come: paced or not, and with no slot free. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "capture/core/monotime.h"
#include "rig.h"

static const struct source_want any;

static void paced_frames_are_a_period_apart(void **state)
{
	struct source_buffer b, last = {0};
	struct rig r;

	rig_open(&r, &source_rack_ops, "r?width=64&height=64&fps=300&format=grey", any);
	assert_true(r.fmt.fps == 300);
	for (uint32_t n = 0; n < 60; n++) {
		assert_int_equal(rig_next(&r, &b), 0);
		/* A machine too busy to come back in 8 frames' time may see gaps; time and sequence
		 * must agree all the same. */
		if (n) {
			int64_t frames = (int64_t)b.sequence - last.sequence;
			int64_t ns = b.mono_ns - last.mono_ns;

			assert_true(frames >= 1);
			assert_in_range(ns * 3 - frames * 10000000 + 3, 0, 6);
		}
		assert_true(b.mono_ns <= monotime_now());
		last = b;
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

static void cameras_tick_at_different_instants(void **state)
{
	int64_t at[20];

	for (int i = 0; i < 20; i++) {
		struct source_buffer b;
		char uri[64];
		struct rig r;

		snprintf(uri, sizeof(uri), "cam%03d?width=16&height=16&fps=50&format=grey", i);
		rig_open(&r, &source_rack_ops, uri, any);
		at[i] = monotime_now();
		assert_int_equal(rig_next(&r, &b), 0);
		at[i] = (b.mono_ns - at[i]) / NSEC_PER_MSEC / 4;
		rig_close(&r);
	}
	/* The first tick comes one to two periods after the start: not the same for all. */
	for (int i = 1; i < 20; i++) {
		if (at[i] != at[0])
			return;
	}
	fail_msg("all cameras tick together");
}

static void without_a_free_slot_the_device_drops(void **state)
{
	struct source_buffer held[4], b;
	uint32_t gap;
	struct rig r;

	rig_open(&r, &source_rack_ops, "d?width=64&height=64&fps=1000&slots=4&format=grey", any);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig_next(&r, &held[i]), 0);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < i; k++)
			assert_int_not_equal(held[i].slot, held[k].slot);
	}
	/* Ticks go on and wake the reactor, but there is nothing to have. */
	for (int64_t until = held[3].mono_ns + 20 * NSEC_PER_MSEC; monotime_now() < until;) {
		assert_int_equal(r.ops->dequeue(r.source, &b), -EAGAIN);
		rig_readable(&r, 10);
	}
	rig_give(&r, held[2].slot);
	assert_int_equal(rig_next(&r, &b), 0);
	assert_int_equal(b.slot, held[2].slot);
	gap = b.sequence - held[3].sequence;
	assert_true(gap >= 20);
	assert_true(b.mono_ns - held[3].mono_ns == (int64_t)gap * NSEC_PER_MSEC);
	rig_close(&r);
}

static void unpaced_never_drops(void **state)
{
	struct source_buffer b[3], more;
	struct rig r;

	rig_open(&r, &source_rack_ops, "u?width=64&height=64&slots=3&paced=0&format=grey", any);
	for (uint32_t n = 0; n < 300; n += 3) {
		for (uint32_t i = 0; i < 3; i++) {
			assert_true(rig_readable(&r, 1000));
			assert_int_equal(r.ops->dequeue(r.source, &b[i]), 0);
			assert_int_equal(b[i].sequence, n + i);
		}
		assert_int_equal(r.ops->dequeue(r.source, &more), -EAGAIN);
		assert_false(rig_readable(&r, 0));
		for (int i = 0; i < 3; i++)
			rig_give(&r, b[i].slot);
	}
	assert_int_equal(r.ops->enqueue(r.source, 0), -EINVAL);
	assert_int_equal(r.ops->enqueue(r.source, 3), -EINVAL);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paced_frames_are_a_period_apart),
		cmocka_unit_test(cameras_tick_at_different_instants),
		cmocka_unit_test(without_a_free_slot_the_device_drops),
		cmocka_unit_test(unpaced_never_drops),
	};

	return cmocka_run_group_tests_name("rack_pace", tests, NULL, NULL);
}
