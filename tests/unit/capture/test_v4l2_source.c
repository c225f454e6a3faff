/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The v4l2: source on a scripted driver: every memory on both APIs, and what a buffer says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "v4l2_rig.h"

#define OPS (&source_v4l2_ops)

static void test_every_memory_on_both_apis(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(v4l2_rig_kinds); k++)
		for (unsigned planes = 1; planes <= 3; planes++) {
			uint32_t fourcc = planes == 1   ? PIXFMT_YUYV
					  : planes == 2 ? PIXFMT_NM12
							: PIXFMT_YM12;
			struct source_buffer b;
			struct v4l2_rig r;

			v4l2_rig_stream(&r, fourcc, planes, v4l2_rig_kinds[k]);
			assert_int_equal(r.m.queued, 0xf);
			for (unsigned p = 0; p < planes; p++) {
				const struct slab_slot *slot = &r.slab->slot[3];

				if (v4l2_rig_kinds[k] == SLAB_UDMABUF)
					assert_int_equal(r.m.dmabuf[3][p], slot->plane_fd[p]);
				else if (v4l2_rig_kinds[k] == SLAB_USERPTR)
					assert_ptr_equal(r.m.userptr[3][p], slot->plane[p]);
				else
					assert_ptr_equal(r.m.area[3][p], slot->plane[p]);
			}
			assert_int_equal(OPS->dequeue(r.s, &b), -EAGAIN);
			v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.index = 2, .sequence = 9});
			assert_int_equal(OPS->dequeue(r.s, &b), 0);
			assert_int_equal(b.slot, 2);
			assert_int_equal(b.sequence, 9);
			assert_int_equal(r.m.queued, 0xb);
			assert_int_equal(OPS->enqueue(r.s, 2), 0);
			assert_int_equal(r.m.queued, 0xf);
			v4l2_rig_finish(&r);
		}
}

static void test_multiplanar_node_with_one_plane(void **state)
{
	struct source_buffer b;
	struct v4l2_rig r;

	v4l2_rig_init(&r, PIXFMT_NV12, 1);
	r.m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_true(r.fmt.multiplanar);
	assert_int_equal(v4l2_rig_start(&r, SLAB_USERPTR), 0);
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.bytesused = {500}, .data_offset = {128}});
	assert_int_equal(OPS->dequeue(r.s, &b), 0);
	assert_int_equal(b.plane[0].bytesused, 500);
	assert_int_equal(b.plane[0].data_offset, 128);
	v4l2_rig_finish(&r);
}

static void test_kinds_in_order(void **state)
{
	struct v4l2_rig r;

	v4l2_rig_init(&r, PIXFMT_YUYV, 1);
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_int_equal(r.kinds[0], SLAB_UDMABUF);
	assert_int_equal(r.kinds[1], SLAB_USERPTR);
	assert_int_equal(r.kinds[2], SLAB_DRIVER);
	assert_int_equal(r.kinds[3], SLAB_AUTO);
	OPS->close(r.s);
	r.m.has_udmabuf = false;
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_int_equal(r.kinds[0], SLAB_USERPTR);
	assert_int_equal(r.kinds[2], SLAB_AUTO);
	OPS->close(r.s);
	assert_int_equal(v4l2_source_open(&r.m.ops, &r.s, "/dev/video0",
					  &(struct source_want){.memory = SLAB_DRIVER}, &r.fmt,
					  r.kinds, &r.em),
			 0);
	assert_int_equal(r.kinds[0], SLAB_DRIVER);
	assert_int_equal(r.kinds[1], SLAB_AUTO);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
}

/* A refusal at any of the three places leaves the source ready for the next kind. */
static void test_next_kind_after_a_refusal(void **state)
{
	for (unsigned place = 0; place < 3; place++) {
		struct v4l2_rig r;
		uint32_t refused = 1u << V4L2_MEMORY_DMABUF | 1u << V4L2_MEMORY_USERPTR;

		v4l2_rig_init(&r, PIXFMT_NM12, 2);
		if (place == 0)
			r.m.refuse_request = refused;
		else if (place == 1)
			r.m.refuse_queue = refused;
		else
			r.m.refuse_stream = refused;
		assert_int_equal(v4l2_rig_open(&r), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(v4l2_rig_start(&r, r.kinds[i]), -EOPNOTSUPP);
			assert_non_null(strstr(r.em.text, slab_kind_name(r.kinds[i])));
			assert_int_equal(r.m.buffers, 0);
			assert_int_equal(r.m.queued, 0);
			assert_false(r.m.subscribed);
			v4l2_rig_drop_slab(&r);
		}
		assert_int_equal(v4l2_rig_start(&r, r.kinds[2]), 0);
		assert_int_equal(r.m.memory, V4L2_MEMORY_MMAP);
		v4l2_rig_finish(&r);
	}
}

/* The same answers with the driver's own memory are failures, not a reason to try another. */
static void test_driver_memory_refusal_is_a_failure(void **state)
{
	struct v4l2_rig r;

	v4l2_rig_init(&r, PIXFMT_YUYV, 1);
	r.m.refuse_stream = 1u << V4L2_MEMORY_MMAP;
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_int_equal(v4l2_rig_start(&r, SLAB_DRIVER), -EINVAL);
	assert_int_equal(r.m.buffers, 0);
	assert_int_equal(r.m.maps, r.m.unmaps);
	assert_null(r.slab->slot[0].plane[0]);
	v4l2_rig_drop_slab(&r);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
}

static void test_plane_inside_a_shared_dmabuf_is_refused(void **state)
{
	struct v4l2_rig r;

	v4l2_rig_init(&r, PIXFMT_NM12, 2);
	assert_int_equal(v4l2_rig_open(&r), 0);
	v4l2_rig_slab(&r, SLAB_UDMABUF);
	r.slab->slot[1].plane_fd_offset[1] = 4096;
	assert_int_equal(OPS->start(r.s, r.slab, &r.em), -EOPNOTSUPP);
	assert_int_equal(v4l2_mock_calls(&r.m, VIDIOC_REQBUFS), 0);
	v4l2_rig_drop_slab(&r);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
}

static void test_buffer_counts(void **state)
{
	struct v4l2_rig r;

	/* Fewer from the driver: its own memory shrinks the slab, ours leaves slots unused. */
	v4l2_rig_init(&r, PIXFMT_YUYV, 1);
	r.m.max_buffers = 3;
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_int_equal(v4l2_rig_start(&r, SLAB_DRIVER), 0);
	assert_int_equal(r.slab->nslots, 3);
	OPS->stop(r.s);
	v4l2_rig_drop_slab(&r);
	assert_int_equal(v4l2_rig_start(&r, SLAB_USERPTR), 0);
	assert_int_equal(r.slab->nslots, 4);
	assert_int_equal(r.m.queued, 7);
	assert_int_equal(OPS->enqueue(r.s, 3), -EINVAL);
	assert_int_equal(v4l2_mock_calls(&r.m, VIDIOC_QBUF), 3 + 3); /* not even asked */
	OPS->stop(r.s);
	v4l2_rig_drop_slab(&r);
	/* One is no queue; more than there are would never start. */
	r.m.max_buffers = 1;
	assert_int_equal(v4l2_rig_start(&r, SLAB_USERPTR), -ENOMEM);
	assert_int_equal(r.m.buffers, 0);
	v4l2_rig_drop_slab(&r);
	r.m.max_buffers = 0;
	r.m.min_buffers = 6;
	assert_int_equal(v4l2_rig_start(&r, SLAB_DRIVER), -ENOBUFS);
	assert_non_null(strstr(r.em.text, "set slots to 6"));
	assert_int_equal(r.m.buffers, 0);
	v4l2_rig_drop_slab(&r);
	OPS->close(r.s);
	/* What the driver says of itself at open raises the number at once. */
	r.m.min_control = 6;
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_int_equal(r.fmt.slots, 8);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
}

static struct timeval now_tv(void)
{
	int64_t us = monotime_now() / 1000;

	return (struct timeval){us / 1000000, us % 1000000};
}

static void test_stamps(void **state)
{
	const struct timeval tv = now_tv();
	const int64_t ns = tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000;
	const struct {
		const char *name;
		uint32_t flags;
		struct timeval tv;
		bool kept;
	} table[] = {
		{"monotonic", V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, tv, true},
		{"monotonic, start of exposure",
		 V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_SOE, tv, true},
		{"a little ahead of now",
		 V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
		 {tv.tv_sec + 1, tv.tv_usec},
		 true},
		{"unknown clock", V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN, {5, 5}, false},
		{"copied", V4L2_BUF_FLAG_TIMESTAMP_COPY, {5, 5}, false},
		{"monotonic, years away",
		 V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
		 {tv.tv_sec + 100000000, 0},
		 false},
		{"monotonic, negative", V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, {-1, 0}, false},
		{"monotonic, huge", V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, {INT64_MAX, 0}, false},
		{"monotonic, bad fraction",
		 V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
		 {tv.tv_sec, 1000000},
		 false},
	};
	struct v4l2_rig r;

	v4l2_rig_stream(&r, PIXFMT_MJPEG, 1, SLAB_USERPTR);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int64_t before = monotime_now();
		struct source_buffer b;
		bool kept;

		v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.flags = table[i].flags,
							       .tv = table[i].tv});
		assert_int_equal(OPS->dequeue(r.s, &b), 0);
		assert_int_equal(OPS->enqueue(r.s, 0), 0);
		kept = b.mono_ns == table[i].tv.tv_sec * NSEC_PER_SEC + table[i].tv.tv_usec * 1000;
		if (table[i].tv.tv_sec > INT64_MAX / NSEC_PER_SEC)
			kept = false;
		if (table[i].kept ? !kept : b.mono_ns < before || b.mono_ns > monotime_now())
			fail_msg("\"%s\": %lld, now %lld", table[i].name, (long long)b.mono_ns,
				 (long long)ns);
	}
	v4l2_rig_finish(&r);
}

static void test_sequence_and_error_flag(void **state)
{
	static const uint32_t sequence[] = {0, 1, 1, 0xffffffff, 0, 7};
	struct source_buffer b;
	struct v4l2_rig r;

	v4l2_rig_stream(&r, PIXFMT_MJPEG, 1, SLAB_DRIVER);
	for (size_t i = 0; i < ARRAY_SIZE(sequence); i++) {
		v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){
					     .index = 1,
					     .sequence = sequence[i],
					     .flags = i & 1 ? V4L2_BUF_FLAG_ERROR : 0,
				     });
		assert_int_equal(OPS->dequeue(r.s, &b), 0);
		assert_int_equal(b.sequence, sequence[i]);
		assert_int_equal(b.error, i & 1);
		assert_true(b.key);
		assert_int_equal(OPS->enqueue(r.s, 1), 0);
	}
	v4l2_rig_finish(&r);
}

static void test_plane_sizes(void **state)
{
	const uint32_t room = 64 * 48 * 2;
	const struct {
		const char *name;
		uint32_t used, offset;
		size_t want_used, want_offset;
		bool error;
	} table[] = {
		{"whole", room, 0, room, 0, false},
		{"with offset", room, 128, room, 128, false},
		{"short passes through", 17, 0, 17, 0, false},
		{"short with offset", 129, 128, 129, 128, false},
		{"empty", 0, 0, 0, 0, false},
		{"empty with offset", 0, 128, 0, 0, false},
		{"longer than the buffer", room + 1, 0, room, 0, true},
		{"offset behind the data", 100, 101, 100, 100, true},
		{"both wild", 0xffffffff, 0xffffffff, room, room, true},
	};

	for (size_t k = 0; k < ARRAY_SIZE(v4l2_rig_kinds); k++) {
		struct source_buffer b;
		struct v4l2_rig r;

		v4l2_rig_stream(&r, PIXFMT_NM16, 2, v4l2_rig_kinds[k]);
		for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
			v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){
						     .bytesused = {table[i].used, 99},
						     .data_offset = {table[i].offset, 0},
					     });
			assert_int_equal(OPS->dequeue(r.s, &b), 0);
			assert_int_equal(OPS->enqueue(r.s, 0), 0);
			if (b.plane[0].bytesused != table[i].want_used ||
			    b.plane[0].data_offset != table[i].want_offset ||
			    b.plane[1].bytesused != 99 || b.error != table[i].error)
				fail_msg("\"%s\"", table[i].name);
		}
		v4l2_rig_finish(&r);
	}
}

static void put_slice(struct v4l2_rig *r, uint8_t unit)
{
	const uint8_t stream[] = {0, 0, 0, 1, 0x67, 9, 0, 0, 1, unit, 0x88};

	memcpy(r->slab->slot[0].plane[0], stream, sizeof(stream));
}

static bool key_of(struct v4l2_rig *r, uint32_t flags, uint8_t unit)
{
	struct source_buffer b;

	put_slice(r, unit);
	v4l2_mock_fill(&r->m, &(struct v4l2_mock_frame){.flags = flags, .bytesused = {11}});
	assert_int_equal(OPS->dequeue(r->s, &b), 0);
	assert_int_equal(OPS->enqueue(r->s, 0), 0);
	return b.key;
}

static void test_h264_keys(void **state)
{
	struct v4l2_rig r;

	v4l2_rig_stream(&r, PIXFMT_H264, 1, SLAB_USERPTR);
	/* No flag yet: the stream tells. */
	assert_true(key_of(&r, 0, 0x65));
	assert_false(key_of(&r, 0, 0x41));
	/* Once the driver marks frames its word counts. */
	assert_false(key_of(&r, V4L2_BUF_FLAG_PFRAME, 0x65));
	assert_false(key_of(&r, 0, 0x65));
	assert_true(key_of(&r, V4L2_BUF_FLAG_KEYFRAME, 0x41));
	v4l2_rig_finish(&r);
}

static void test_foreign_buffer_is_an_error(void **state)
{
	struct source_buffer b;
	struct v4l2_rig r;

	v4l2_rig_stream(&r, PIXFMT_MJPEG, 1, SLAB_USERPTR);
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.index = 4});
	assert_int_equal(OPS->dequeue(r.s, &b), -EIO);
	v4l2_rig_finish(&r);
}

static void test_source_change(void **state)
{
	struct source_buffer b;
	struct v4l2_rig r;

	v4l2_rig_stream(&r, PIXFMT_MJPEG, 1, SLAB_USERPTR);
	assert_true(r.m.subscribed);
	r.m.event[0] = (struct v4l2_event){.type = V4L2_EVENT_EOS};
	r.m.event[1] =
		(struct v4l2_event){.type = V4L2_EVENT_SOURCE_CHANGE, .u.src_change.changes = 0};
	r.m.events = 2;
	assert_int_equal(OPS->dequeue(r.s, &b), -EAGAIN);
	assert_int_equal(r.m.events, 0);
	r.m.event[0].type = V4L2_EVENT_SOURCE_CHANGE;
	r.m.event[0].u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION;
	r.m.events = 1;
	/* What was filled before comes first. */
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.index = 1});
	assert_int_equal(OPS->dequeue(r.s, &b), 0);
	assert_int_equal(OPS->dequeue(r.s, &b), -EPIPE);
	v4l2_rig_finish(&r);

	/* A camera that announces nothing is not asked. */
	v4l2_rig_init(&r, PIXFMT_MJPEG, 1);
	r.m.no_events = true;
	assert_int_equal(v4l2_rig_open(&r), 0);
	assert_int_equal(v4l2_rig_start(&r, SLAB_USERPTR), 0);
	assert_int_equal(OPS->dequeue(r.s, &b), -EAGAIN);
	assert_int_equal(v4l2_mock_calls(&r.m, VIDIOC_DQEVENT), 0);
	v4l2_rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_memory_on_both_apis),
		cmocka_unit_test(test_multiplanar_node_with_one_plane),
		cmocka_unit_test(test_kinds_in_order),
		cmocka_unit_test(test_next_kind_after_a_refusal),
		cmocka_unit_test(test_driver_memory_refusal_is_a_failure),
		cmocka_unit_test(test_plane_inside_a_shared_dmabuf_is_refused),
		cmocka_unit_test(test_buffer_counts),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_sequence_and_error_flag),
		cmocka_unit_test(test_plane_sizes),
		cmocka_unit_test(test_h264_keys),
		cmocka_unit_test(test_foreign_buffer_is_an_error),
		cmocka_unit_test(test_source_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
