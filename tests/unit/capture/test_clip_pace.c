/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the frames of a clip come: paced or not, with no slot free, and where a round starts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "capture/core/monotime.h"
#include "capture/play.h"
#include "clip_files.h"
#include "rig.h"

static const struct source_want any;

static void paced_frames_are_a_period_apart(void **state)
{
	struct source_buffer b, last = {0};
	char rest[256];
	struct rig r;

	snprintf(rest, sizeof(rest), "%s?fps=300", clip_files_numbered("paced", 7));
	rig_open(&r, &source_clip_ops, rest, any);
	assert_true(r.fmt.fps == 300);
	for (uint32_t n = 0; n < 60; n++) {
		assert_int_equal(rig_next(&r, &b), 0);
		assert_true(b.mono_ns <= monotime_now());
		/* Gaps are allowed to a busy machine; content, time and sequence agree. */
		assert_int_equal(r.slab->slot[b.slot].plane[0][0], b.sequence % 7);
		if (n) {
			int64_t frames = (int64_t)b.sequence - last.sequence;

			assert_true(frames >= 1);
			assert_in_range((b.mono_ns - last.mono_ns) * 3 - frames * 10000000 + 6, 0,
					12);
		}
		last = b;
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

static void without_a_free_slot_the_device_drops(void **state)
{
	struct source_buffer held[3], b;
	char rest[256];
	struct rig r;

	snprintf(rest, sizeof(rest), "%s?fps=500&slots=3", clip_files_numbered("drops", 200));
	rig_open(&r, &source_clip_ops, rest, any);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rig_next(&r, &held[i]), 0);
		assert_int_equal(held[i].sequence, i);
	}
	while (monotime_now() < held[2].mono_ns + 20 * NSEC_PER_MSEC) {
		assert_int_equal(r.ops->dequeue(r.source, &b), -EAGAIN);
		usleep(1000);
	}
	rig_give(&r, held[1].slot);
	assert_int_equal(rig_next(&r, &b), 0);
	assert_true(b.sequence - held[2].sequence >= 10);
	/* What is delivered is what would have been on at that time, not what was missed. */
	assert_int_equal(r.slab->slot[b.slot].plane[0][0], b.sequence % 200);
	assert_true(b.mono_ns - held[2].mono_ns ==
		    (int64_t)(b.sequence - held[2].sequence) * 2 * NSEC_PER_MSEC);
	assert_int_equal(r.ops->enqueue(r.source, held[1].slot == 2 ? 1 : 99), -EINVAL);
	rig_close(&r);
}

static void cameras_share_a_clip(void **state)
{
	struct rig r[12];
	char rest[256];

	snprintf(rest, sizeof(rest), "%s?paced=0&slots=2", clip_files_numbered("shared", 5));
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		rig_open(&r[i], &source_clip_ops, rest, any);
	for (uint32_t n = 0; n < 40; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
			struct source_buffer b;

			assert_int_equal(rig_next(&r[i], &b), 0);
			assert_int_equal(b.sequence, n);
			assert_int_equal(r[i].slab->slot[b.slot].plane[0][0], n % 5);
			rig_give(&r[i], b.slot);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		rig_close(&r[i]);
}

static void a_round_starts_where_asked_at_a_key_frame(void **state)
{
	struct play *p;
	struct frame f;
	char uri[256];
	struct errmsg em = {""};
	int n = 0;

	clip_files_make(CLIP_FILES_PICTURES, "-frames:v 25 -c:v libx264 -g 10 -bf 0", "s.mp4");
	snprintf(uri, sizeof(uri), "clip:%s?start=0.3", clip_files_path("s.mp4"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	for (; play_next(p, &f, 0, NULL) == 1; n++) {
		if (!n)
			assert_true(f.flags & FRAME_KEY);
		assert_int_equal(play_frame_number(p), n + 11);
	}
	assert_int_equal(n, 15);
	play_close(p);
	snprintf(uri, sizeof(uri), "clip:%s?start=99", clip_files_path("s.mp4"));
	assert_int_equal(play_open(&p, uri, NULL, true, &em), -EINVAL);
	assert_non_null(strstr(em.text, "start"));
}

static void play_takes_a_rack_camera_too(void **state)
{
	struct play *p;
	struct frame f;

	assert_int_equal(play_open(&p, "rack:p?width=64&height=48&fps=10", NULL, true, NULL), 0);
	for (int n = 0; n < 50; n++) {
		assert_int_equal(play_next(p, &f, 0, NULL), 1);
		assert_int_equal(f.sequence, n);
		assert_int_equal(play_frame_number(p), n + 1);
		assert_true(f.mono_ns == n * 100 * NSEC_PER_MSEC);
		assert_true(f.flags == FRAME_KEY);
	}
	play_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paced_frames_are_a_period_apart),
		cmocka_unit_test(without_a_free_slot_the_device_drops),
		cmocka_unit_test(cameras_share_a_clip),
		cmocka_unit_test(a_round_starts_where_asked_at_a_key_frame),
		cmocka_unit_test(play_takes_a_rack_camera_too),
	};

	return cmocka_run_group_tests_name("clip_pace", tests, clip_files_set_up,
					   clip_files_tear_down);
}
