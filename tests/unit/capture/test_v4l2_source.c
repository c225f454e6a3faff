/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The v4l2: source against a scripted driver: both APIs, every kind of memory, what a dequeued
 * buffer says, and that no error, wherever it strikes, leaves anything behind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "capture/v4l2/v4l2_source.h"
#include "v4l2_mock.h"

#define OPS (&source_v4l2_ops)

struct rig {
	struct v4l2_mock m;
	struct source *s;
	struct source_format fmt;
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	struct slab *slab;
	struct errmsg em;
};

static void add_format(struct rig *r, uint32_t fourcc, unsigned planes)
{
	r->m.format[0] = (struct v4l2_mock_format){
		.fourcc = fourcc, .planes = planes, .size = {{64, 48, .fps = {30}}}};
	if (planes > 1)
		r->m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
}

static void init(struct rig *r, uint32_t fourcc, unsigned planes)
{
	memset(r, 0, sizeof(*r));
	v4l2_mock_init(&r->m);
	r->m.has_udmabuf = true;
	add_format(r, fourcc, planes);
}

static int open_it(struct rig *r)
{
	return v4l2_source_open(&r->m.ops, &r->s, "/dev/video0", &(struct source_want){.slots = 4},
				&r->fmt, r->kinds, &r->em);
}

/* A slab of any kind on any machine: for dma-bufs any descriptor will do here. */
static void make_slab(struct rig *r, enum slab_kind kind)
{
	enum slab_kind real = kind == SLAB_UDMABUF ? SLAB_USERPTR : kind;

	assert_int_equal(slab_create(&r->slab, real, r->fmt.slots, r->fmt.nplanes,
				     r->fmt.plane_size, &r->em),
			 0);
	r->slab->kind = kind;
	for (unsigned i = 0; kind == SLAB_UDMABUF && i < r->slab->nslots; i++)
		for (unsigned p = 0; p < r->slab->nplanes; p++) {
			r->slab->slot[i].plane_fd[p] = memfd_create("plane", MFD_CLOEXEC);
			assert_true(r->slab->slot[i].plane_fd[p] >= 0);
		}
}

static int start_it(struct rig *r, enum slab_kind kind)
{
	make_slab(r, kind);
	return OPS->start(r->s, r->slab, &r->em);
}

static void drop_slab(struct rig *r)
{
	slab_destroy(r->slab);
	r->slab = NULL;
}

static void start(struct rig *r, uint32_t fourcc, unsigned planes, enum slab_kind kind)
{
	init(r, fourcc, planes);
	assert_int_equal(open_it(r), 0);
	assert_int_equal(start_it(r, kind), 0);
}

static void finish(struct rig *r)
{
	OPS->stop(r->s);
	assert_int_equal(r->m.buffers, 0);
	assert_false(r->m.streaming);
	assert_false(r->m.subscribed);
	drop_slab(r);
	OPS->close(r->s);
	v4l2_mock_assert_clean(&r->m);
}

static struct timeval now_tv(void)
{
	int64_t us = monotime_now() / 1000;

	return (struct timeval){us / 1000000, us % 1000000};
}

static const enum slab_kind kinds[] = {SLAB_DRIVER, SLAB_USERPTR, SLAB_UDMABUF};

static void test_every_memory_on_both_apis(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (unsigned planes = 1; planes <= 3; planes++) {
			uint32_t fourcc = planes == 1   ? PIXFMT_YUYV
					  : planes == 2 ? PIXFMT_NM12
							: PIXFMT_YM12;
			struct source_buffer b;
			struct rig r;

			start(&r, fourcc, planes, kinds[k]);
			assert_int_equal(r.m.queued, 0xf);
			for (unsigned p = 0; p < planes; p++) {
				const struct slab_slot *slot = &r.slab->slot[3];

				if (kinds[k] == SLAB_UDMABUF)
					assert_int_equal(r.m.dmabuf[3][p], slot->plane_fd[p]);
				else if (kinds[k] == SLAB_USERPTR)
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
			finish(&r);
		}
}

static void test_multiplanar_node_with_one_plane(void **state)
{
	struct source_buffer b;
	struct rig r;

	init(&r, PIXFMT_NV12, 1);
	r.m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
	assert_int_equal(open_it(&r), 0);
	assert_true(r.fmt.multiplanar);
	assert_int_equal(start_it(&r, SLAB_USERPTR), 0);
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.bytesused = {500}, .data_offset = {128}});
	assert_int_equal(OPS->dequeue(r.s, &b), 0);
	assert_int_equal(b.plane[0].bytesused, 500);
	assert_int_equal(b.plane[0].data_offset, 128);
	finish(&r);
}

static void test_kinds_in_order(void **state)
{
	struct rig r;

	init(&r, PIXFMT_YUYV, 1);
	assert_int_equal(open_it(&r), 0);
	assert_int_equal(r.kinds[0], SLAB_UDMABUF);
	assert_int_equal(r.kinds[1], SLAB_USERPTR);
	assert_int_equal(r.kinds[2], SLAB_DRIVER);
	assert_int_equal(r.kinds[3], SLAB_AUTO);
	OPS->close(r.s);
	r.m.has_udmabuf = false;
	assert_int_equal(open_it(&r), 0);
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
		struct rig r;
		uint32_t refused = 1u << V4L2_MEMORY_DMABUF | 1u << V4L2_MEMORY_USERPTR;

		init(&r, PIXFMT_NM12, 2);
		if (place == 0)
			r.m.refuse_request = refused;
		else if (place == 1)
			r.m.refuse_queue = refused;
		else
			r.m.refuse_stream = refused;
		assert_int_equal(open_it(&r), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(start_it(&r, r.kinds[i]), -EOPNOTSUPP);
			assert_non_null(strstr(r.em.text, slab_kind_name(r.kinds[i])));
			assert_int_equal(r.m.buffers, 0);
			assert_int_equal(r.m.queued, 0);
			assert_false(r.m.subscribed);
			drop_slab(&r);
		}
		assert_int_equal(start_it(&r, r.kinds[2]), 0);
		assert_int_equal(r.m.memory, V4L2_MEMORY_MMAP);
		finish(&r);
	}
}

/* The same answers with the driver's own memory are failures, not a reason to try another. */
static void test_driver_memory_refusal_is_a_failure(void **state)
{
	struct rig r;

	init(&r, PIXFMT_YUYV, 1);
	r.m.refuse_stream = 1u << V4L2_MEMORY_MMAP;
	assert_int_equal(open_it(&r), 0);
	assert_int_equal(start_it(&r, SLAB_DRIVER), -EINVAL);
	assert_int_equal(r.m.buffers, 0);
	assert_int_equal(r.m.maps, r.m.unmaps);
	assert_null(r.slab->slot[0].plane[0]);
	drop_slab(&r);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
}

static void test_plane_inside_a_shared_dmabuf_is_refused(void **state)
{
	struct rig r;

	init(&r, PIXFMT_NM12, 2);
	assert_int_equal(open_it(&r), 0);
	make_slab(&r, SLAB_UDMABUF);
	r.slab->slot[1].plane_fd_offset[1] = 4096;
	assert_int_equal(OPS->start(r.s, r.slab, &r.em), -EOPNOTSUPP);
	assert_int_equal(v4l2_mock_calls(&r.m, VIDIOC_REQBUFS), 0);
	drop_slab(&r);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
}

static void test_buffer_counts(void **state)
{
	struct rig r;

	/* Fewer from the driver: its own memory shrinks the slab, ours leaves slots unused. */
	init(&r, PIXFMT_YUYV, 1);
	r.m.max_buffers = 3;
	assert_int_equal(open_it(&r), 0);
	assert_int_equal(start_it(&r, SLAB_DRIVER), 0);
	assert_int_equal(r.slab->nslots, 3);
	OPS->stop(r.s);
	drop_slab(&r);
	assert_int_equal(start_it(&r, SLAB_USERPTR), 0);
	assert_int_equal(r.slab->nslots, 4);
	assert_int_equal(r.m.queued, 7);
	assert_int_equal(OPS->enqueue(r.s, 3), -EINVAL);
	assert_int_equal(v4l2_mock_calls(&r.m, VIDIOC_QBUF), 3 + 3); /* not even asked */
	OPS->stop(r.s);
	drop_slab(&r);
	/* One is no queue; more than there are would never start. */
	r.m.max_buffers = 1;
	assert_int_equal(start_it(&r, SLAB_USERPTR), -ENOMEM);
	assert_int_equal(r.m.buffers, 0);
	drop_slab(&r);
	r.m.max_buffers = 0;
	r.m.min_buffers = 6;
	assert_int_equal(start_it(&r, SLAB_DRIVER), -ENOBUFS);
	assert_non_null(strstr(r.em.text, "set slots to 6"));
	assert_int_equal(r.m.buffers, 0);
	drop_slab(&r);
	OPS->close(r.s);
	/* What the driver says of itself at open raises the number at once. */
	r.m.min_control = 6;
	assert_int_equal(open_it(&r), 0);
	assert_int_equal(r.fmt.slots, 8);
	OPS->close(r.s);
	v4l2_mock_assert_clean(&r.m);
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
	struct rig r;

	start(&r, PIXFMT_MJPEG, 1, SLAB_USERPTR);
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
	finish(&r);
}

static void test_sequence_and_error_flag(void **state)
{
	static const uint32_t sequence[] = {0, 1, 1, 0xffffffff, 0, 7};
	struct source_buffer b;
	struct rig r;

	start(&r, PIXFMT_MJPEG, 1, SLAB_DRIVER);
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
	finish(&r);
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

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct source_buffer b;
		struct rig r;

		start(&r, PIXFMT_NM16, 2, kinds[k]);
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
		finish(&r);
	}
}

static void put_slice(struct rig *r, uint8_t unit)
{
	const uint8_t stream[] = {0, 0, 0, 1, 0x67, 9, 0, 0, 1, unit, 0x88};

	memcpy(r->slab->slot[0].plane[0], stream, sizeof(stream));
}

static bool key_of(struct rig *r, uint32_t flags, uint8_t unit)
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
	struct rig r;

	start(&r, PIXFMT_H264, 1, SLAB_USERPTR);
	/* No flag yet: the stream tells. */
	assert_true(key_of(&r, 0, 0x65));
	assert_false(key_of(&r, 0, 0x41));
	/* Once the driver marks frames its word counts. */
	assert_false(key_of(&r, V4L2_BUF_FLAG_PFRAME, 0x65));
	assert_false(key_of(&r, 0, 0x65));
	assert_true(key_of(&r, V4L2_BUF_FLAG_KEYFRAME, 0x41));
	finish(&r);
}

static void test_foreign_buffer_is_an_error(void **state)
{
	struct source_buffer b;
	struct rig r;

	start(&r, PIXFMT_MJPEG, 1, SLAB_USERPTR);
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.index = 4});
	assert_int_equal(OPS->dequeue(r.s, &b), -EIO);
	finish(&r);
}

static void test_source_change(void **state)
{
	struct source_buffer b;
	struct rig r;

	start(&r, PIXFMT_MJPEG, 1, SLAB_USERPTR);
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
	finish(&r);

	/* A camera that announces nothing is not asked. */
	init(&r, PIXFMT_MJPEG, 1);
	r.m.no_events = true;
	assert_int_equal(open_it(&r), 0);
	assert_int_equal(start_it(&r, SLAB_USERPTR), 0);
	assert_int_equal(OPS->dequeue(r.s, &b), -EAGAIN);
	assert_int_equal(v4l2_mock_calls(&r.m, VIDIOC_DQEVENT), 0);
	finish(&r);
}

static void test_signals_are_ridden_out(void **state)
{
	struct source_buffer b;
	struct rig r;

	init(&r, PIXFMT_MJPEG, 1);
	r.m.interrupts = 3;
	assert_int_equal(open_it(&r), 0);
	r.m.interrupts = 2;
	assert_int_equal(start_it(&r, SLAB_DRIVER), 0);
	v4l2_mock_fill(&r.m, &(struct v4l2_mock_frame){.index = 1});
	r.m.interrupts = 2;
	assert_int_equal(OPS->dequeue(r.s, &b), 0);
	r.m.interrupts = 1;
	assert_int_equal(OPS->enqueue(r.s, 1), 0);
	finish(&r);
}

static void test_device_gone_while_streaming(void **state)
{
	static const unsigned long requests[] = {VIDIOC_DQBUF, VIDIOC_QBUF, VIDIOC_STREAMOFF,
						 VIDIOC_REQBUFS, VIDIOC_UNSUBSCRIBE_EVENT};
	struct source_buffer b;
	struct rig r;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		start(&r, PIXFMT_MJPEG, 1, kinds[k]);
		for (size_t i = 0; i < V4L2_MOCK_FAULTS; i++)
			r.m.fault[i] = (struct v4l2_mock_fault){requests[i], -ENODEV, 1, 1000};
		r.m.fault[1].from = r.slab->nslots;
		r.m.fault[3].from = 2;
		assert_int_equal(OPS->dequeue(r.s, &b), -ENODEV);
		assert_int_equal(OPS->enqueue(r.s, 0), -ENODEV);
		OPS->stop(r.s);
		assert_int_equal(r.m.maps, r.m.unmaps);
		drop_slab(&r);
		OPS->close(r.s);
		v4l2_mock_assert_clean(&r.m);
	}
}

/* ---- every call fails in turn ---- */

static int run_once(struct rig *r, enum slab_kind kind)
{
	struct source_buffer b;
	int err = open_it(r);

	if (err)
		return err;
	err = start_it(r, kind);
	if (err) {
		/* start has cleaned up by itself: nothing is left for close to sweep. */
		if (r->m.buffers)
			fail_msg("buffers left after a failed start");
		if (r->m.maps != r->m.unmaps)
			fail_msg("mappings left after a failed start");
	} else {
		v4l2_mock_fill(&r->m, &(struct v4l2_mock_frame){.index = 1});
		err = OPS->dequeue(r->s, &b);
		if (!err)
			err = OPS->enqueue(r->s, 1);
		OPS->stop(r->s);
	}
	drop_slab(r);
	OPS->close(r->s);
	return err;
}

static const struct {
	unsigned long request;
	const char *name;
} calls[] = {
	{0, "open"},
	{V4L2_MOCK_MAP, "mmap"},
#define CALL(x)       \
	{             \
		x, #x \
	}
	CALL(VIDIOC_QUERYCAP),
	CALL(VIDIOC_ENUM_FMT),
	CALL(VIDIOC_ENUM_FRAMESIZES),
	CALL(VIDIOC_ENUM_FRAMEINTERVALS),
	CALL(VIDIOC_G_SELECTION),
	CALL(VIDIOC_G_FMT),
	CALL(VIDIOC_TRY_FMT),
	CALL(VIDIOC_S_FMT),
	CALL(VIDIOC_G_PARM),
	CALL(VIDIOC_S_PARM),
	CALL(VIDIOC_G_CTRL),
	CALL(VIDIOC_SUBSCRIBE_EVENT),
	CALL(VIDIOC_REQBUFS),
	CALL(VIDIOC_QUERYBUF),
	CALL(VIDIOC_QBUF),
	CALL(VIDIOC_STREAMON),
	CALL(VIDIOC_DQBUF),
	CALL(VIDIOC_STREAMOFF),
#undef CALL
};

/* Calls whose failure a camera can do without. */
static bool is_optional(unsigned long request, int err)
{
	switch (request) {
	case VIDIOC_G_CTRL:
	case VIDIOC_SUBSCRIBE_EVENT:
	case VIDIOC_STREAMOFF: return true;
	case VIDIOC_ENUM_FMT:
	case VIDIOC_ENUM_FRAMESIZES:
	case VIDIOC_ENUM_FRAMEINTERVALS:
	case VIDIOC_G_SELECTION:
	case VIDIOC_G_PARM:
	case VIDIOC_S_PARM: return err == -EINVAL;
	default: return false;
	}
}

static void test_every_call_fails_in_turn(void **state)
{
	static const int errs[] = {-EIO, -EBUSY, -EINVAL, -ENODEV};
	unsigned struck = 0;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t c = 0; c < ARRAY_SIZE(calls); c++)
			for (size_t e = 0; e < ARRAY_SIZE(errs); e++)
				for (unsigned n = 1; n <= 10; n++) {
					struct rig r;
					int err;

					init(&r, PIXFMT_NM12, 2);
					r.m.no_enum_sizes = c % 2; /* brings TRY_FMT in */
					r.m.fault[0] = (struct v4l2_mock_fault){
						calls[c].request, errs[e], n, 1000000};
					err = run_once(&r, kinds[k]);
					v4l2_mock_assert_clean(&r.m);
					if (v4l2_mock_calls(&r.m, calls[c].request) < n)
						break;
					struck++;
					if (is_optional(calls[c].request, errs[e]))
						continue;
					/* Releasing (REQBUFS 0) may fail on a run that went well.
					 */
					if (calls[c].request == VIDIOC_REQBUFS && n > 1)
						continue;
					if (!err)
						fail_msg("%s call %u: error %d swallowed",
							 calls[c].name, n, errs[e]);
					if (!r.em.text[0] && calls[c].request != VIDIOC_DQBUF &&
					    !(calls[c].request == VIDIOC_QBUF && n > 4))
						fail_msg("%s call %u: no message", calls[c].name,
							 n);
				}
	assert_true(struck > 300);
}

static void test_busy_for_a_while(void **state)
{
	static const unsigned long requests[] = {VIDIOC_S_FMT, VIDIOC_S_PARM, VIDIOC_REQBUFS,
						 VIDIOC_STREAMON};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct rig r;

		init(&r, PIXFMT_MJPEG, 1);
		r.m.fault[0] = (struct v4l2_mock_fault){requests[i], -EBUSY, 1, 5};
		assert_int_equal(run_once(&r, SLAB_USERPTR), 0);
		assert_true(r.m.slept_ns >= 10 * NSEC_PER_MSEC);
		v4l2_mock_assert_clean(&r.m);
		/* For ever is too long, and the message says who to look for. */
		init(&r, PIXFMT_MJPEG, 1);
		r.m.fault[0] = (struct v4l2_mock_fault){requests[i], -EBUSY, 1, 1000000};
		assert_int_equal(run_once(&r, SLAB_USERPTR), -EBUSY);
		assert_true(r.m.slept_ns >= V4L2_OPS_BUSY_NS);
		assert_true(r.m.slept_ns <= 4 * V4L2_OPS_BUSY_NS);
		assert_non_null(strstr(r.em.text, "in use by another program"));
		v4l2_mock_assert_clean(&r.m);
	}
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
		cmocka_unit_test(test_signals_are_ridden_out),
		cmocka_unit_test(test_device_gone_while_streaming),
		cmocka_unit_test(test_every_call_fails_in_turn),
		cmocka_unit_test(test_busy_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
