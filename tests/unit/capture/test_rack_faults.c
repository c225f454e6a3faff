/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fault scripts of rack cameras: how they are read, and what they do to the frames. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/core/monotime.h"
#include "capture/rack/rack_faults.h"
#include "capture/rack/rack_stamp.h"
#include "jpeg_grey.h"
#include "rig.h"

static const struct source_want any;

static void fault_scripts_are_read(void **state)
{
	static const char *const bad[] = {"unplug",
					  "torn@",
					  "torn@x",
					  "melt@5",
					  "torn%0",
					  "torn@5:2",
					  "drop@5:x",
					  "stall@5:s",
					  "openfail",
					  "openfail@3",
					  "torn@5,",
					  ",torn@5",
					  "torn@5;drop@6",
					  "unplug@1:2h",
					  "torn@99999999999",
					  "openfail:",
					  "torn@5 ",
					  "drop@1:1:1",
					  "torn@1,torn@1,torn@1,torn@1,torn@1,torn@1,torn@1,torn@1,"
					  "torn@1,torn@1,torn@1,torn@1,"
					  "torn@1,torn@1,torn@1,torn@1,torn@1"};
	struct rack_faults f;
	int64_t arg = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct errmsg em = {""};

		if (rack_faults_parse(bad[i], &f, &em) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_true(em.text[0]);
	}
	assert_int_equal(
		rack_faults_parse("unplug@100:2s,stall@200:30ms,torn%50,drop@40:5,openfail:3", &f,
				  NULL),
		0);
	assert_int_equal(f.open_failures, 3);
	assert_int_equal(rack_faults_at(&f, 0, &arg), RACK_FAULT_NONE);
	assert_int_equal(rack_faults_at(&f, 39, &arg), RACK_FAULT_NONE);
	assert_int_equal(rack_faults_at(&f, 40, &arg), RACK_FAULT_DROP);
	assert_int_equal(rack_faults_at(&f, 44, &arg), RACK_FAULT_DROP);
	assert_int_equal(rack_faults_at(&f, 45, &arg), RACK_FAULT_NONE);
	assert_int_equal(rack_faults_at(&f, 50, &arg), RACK_FAULT_TORN);
	assert_int_equal(rack_faults_at(&f, 100, &arg), RACK_FAULT_UNPLUG);
	assert_true(arg == 2 * NSEC_PER_SEC);
	assert_int_equal(rack_faults_at(&f, 200, &arg), RACK_FAULT_STALL);
	assert_true(arg == 30 * NSEC_PER_MSEC);
	assert_int_equal(rack_faults_at(&f, 250, &arg), RACK_FAULT_TORN);
	assert_int_equal(f.view, RACK_FAULT_NONE);
	assert_false(rack_faults_lost_view(&f, 50, 10000));
}

/* A view is lost for a time, beside whatever else happens to the frames. */
static void scripts_of_lost_views(void **state)
{
	static const char *const kinds[] = {"cover", "defocus", "move", "blind"};
	struct rack_faults f;
	int64_t arg = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s@20:2s,torn@25", kinds[i]);
		assert_int_equal(rack_faults_parse(text, &f, NULL), 0);
		assert_int_equal(f.view, RACK_FAULT_COVER + i);
		assert_false(rack_faults_lost_view(&f, 19, 10000));
		assert_true(rack_faults_lost_view(&f, 20, 10000));
		assert_true(rack_faults_lost_view(&f, 39, 10000));
		assert_false(rack_faults_lost_view(&f, 40, 10000));
		assert_int_equal(rack_faults_at(&f, 21, &arg), RACK_FAULT_NONE);
		assert_int_equal(rack_faults_at(&f, 25, &arg), RACK_FAULT_TORN);
	}
	assert_int_equal(rack_faults_parse("cover@1,move@90:1s", &f, NULL), -EINVAL);
}

static void drops_are_gaps_and_torn_frames_heal(void **state)
{
	uint8_t *whole[64] = {NULL};
	struct rig r;

	rig_open(&r, &source_rack_ops,
		 "f1?width=160&height=120&slots=2&paced=0&frame_kb=20&faults=torn%5,drop@7:3,error@"
		 "12",
		 any);
	for (uint32_t n = 0; n < 40; n++) {
		struct source_buffer b;
		struct rack_stamp st;
		struct frame f;

		if (n == 7)
			n = 10; /* dropped: 7, 8, 9 */
		rig_next_frame(&r, &b, &f);
		assert_int_equal(b.sequence, n);
		assert_int_equal(b.error, n == 12);
		if (n == 12) {
			assert_int_equal(f.plane[0].bytesused, 0);
		} else {
			assert_int_equal(rack_stamp_read(&f, &st), 0);
			assert_int_equal(st.frame, n);
		}
		if (n == 12 || (n && n % 5 == 0)) {
			/* What storage may do behind a short frame. */
			if (n != 12)
				assert_int_equal(f.plane[0].bytesused, 10000);
			memset((uint8_t *)f.plane[0].data + f.plane[0].bytesused, 0xee,
			       FRAME_TRAILER_ROOM);
		} else {
			uint8_t *g = jpeg_grey(&f);

			if (whole[b.slot])
				assert_memory_equal(g, whole[b.slot], 160 * 120);
			free(whole[b.slot]);
			whole[b.slot] = g;
		}
		rig_give(&r, b.slot);
	}
	for (int i = 0; i < 64; i++)
		free(whole[i]);
	rig_close(&r);
}

static void unplugged_stays_away_and_comes_back(void **state)
{
	static const char *const uri =
		"f2?width=64&height=64&slots=2&paced=0&format=grey&faults=unplug@5:300ms";
	struct source_buffer b;
	struct rack_stamp st;
	struct errmsg em;
	struct frame f;
	int64_t left;
	int err;
	struct rig r;

	rig_open(&r, &source_rack_ops, uri, any);
	for (int n = 0; n < 5; n++) {
		rig_next_frame(&r, &b, &f);
		if (n < 4)
			rig_give(&r, b.slot);
	}
	left = monotime_now();
	assert_int_equal(rig_next(&r, &b), -ENODEV);
	assert_true(rig_readable(&r, 0));
	assert_int_equal(rig_next(&r, &b), -ENODEV);
	assert_int_equal(r.ops->enqueue(r.source, b.slot), -ENODEV);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), -EBUSY);
	rig_close(&r);
	do
		err = rig_try(&source_rack_ops, uri, any, &em);
	while (err == -ENODEV);
	assert_int_equal(err, 0);
	assert_true(monotime_now() - left >= 300 * NSEC_PER_MSEC);
	/* The device's life goes on: not a second unplug at frame 5. */
	rig_open(&r, &source_rack_ops, uri, any);
	for (uint32_t n = 0; n < 20; n++) {
		rig_next_frame(&r, &b, &f);
		assert_int_equal(b.sequence, n);
		assert_int_equal(rack_stamp_read(&f, &st), 0);
		assert_int_equal(st.frame, n + 6);
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

static void a_stall_shows_in_time_only(void **state)
{
	struct source_buffer b, last = {0};
	struct rig r;

	rig_open(&r, &source_rack_ops,
		 "f3?width=64&height=64&fps=200&slots=32&format=grey&faults=stall@5:150ms", any);
	for (uint32_t n = 0; n < 10; n++) {
		assert_int_equal(rig_next(&r, &b), 0);
		assert_int_equal(b.sequence, n);
		if (n == 5)
			assert_true(b.mono_ns - last.mono_ns >= 150 * NSEC_PER_MSEC);
		last = b;
	}
	rig_close(&r);
}

static void opens_fail_as_often_as_scripted(void **state)
{
	static const char *const uri = "f4?width=16&height=16&format=grey&faults=openfail:2";
	struct errmsg em;

	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), -EIO);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), -EIO);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), 0);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), 0);
}

static void a_script_that_drops_all_does_not_hang(void **state)
{
	struct source_buffer b;
	struct rig r;

	rig_open(&r, &source_rack_ops,
		 "f5?width=16&height=16&format=grey&paced=0&faults=drop%1,stall%1:0s", any);
	assert_int_equal(r.ops->dequeue(r.source, &b), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(r.ops->dequeue(r.source, &b), -EAGAIN);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_scripts_are_read),
		cmocka_unit_test(scripts_of_lost_views),
		cmocka_unit_test(drops_are_gaps_and_torn_frames_heal),
		cmocka_unit_test(unplugged_stays_away_and_comes_back),
		cmocka_unit_test(a_stall_shows_in_time_only),
		cmocka_unit_test(opens_fail_as_often_as_scripted),
		cmocka_unit_test(a_script_that_drops_all_does_not_hang),
	};

	return cmocka_run_group_tests_name("rack_faults", tests, NULL, NULL);
}
