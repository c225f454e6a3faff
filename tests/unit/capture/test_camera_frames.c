/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a camera makes of the buffers it is given: frames whole or torn, in whose memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "tests/unit/capture/camera_world.h"

/* --- frames ------------------------------------------------------------------------------ */

static void frames_arrive_whole_and_trimmed(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	uint8_t jpeg[3000] = {0xff, 0xd8, 0xff, 0xda, 5};
	struct source_buffer b = {.sequence = 77, .mono_ns = w->t, .key = false};
	struct camera_stats st;

	jpeg[98] = 0xff;
	jpeg[99] = 0xd9; /* then zeros, as uvcvideo pads */
	b.plane[0].bytesused = sizeof(jpeg);
	assert_true(fake_fill(w->fake, b, jpeg, sizeof(jpeg)));
	TURN_UNTIL(world, w->frames == 1);
	assert_int_equal(w->last.plane[0].bytesused, 100);
	assert_ptr_equal(w->last.plane[0].data, w->fake->last_data);
	assert_int_equal(w->last.flags & ~FRAME_GAP, FRAME_KEY);
	assert_int_equal(w->last.sequence, 77);
	assert_int_equal(w->last.camera_id, 40);
	assert_int_equal(w->last.mono_ns, w->t);
	assert_int_equal(w->last.fourcc, PIXFMT_MJPEG);
	assert_true(w->last.slot_size >= frame_tail(&w->last) + FRAME_TRAILER_ROOM);
	w->seq = 78;
	for (unsigned i = 0; i < 50; i++) /* many more than slots: they come back */
		world_next_frame(world, w);
	assert_int_equal(w->last.flags, FRAME_KEY);
	assert_int_equal(w->fake->dropped, 0);
	camera_stats(w->camera, &st);
	assert_int_equal(st.frames, 51);
	assert_int_equal(st.bytes, w->bytes);
	assert_int_equal(st.torn, 0);
	assert_int_equal(st.copies, 0);
	assert_int_equal(st.slots, 4);
	assert_int_equal(st.slots_free, 4);
	assert_int_equal(st.opens, 1);
	assert_int_equal(st.state, CAMERA_STREAMING);
	assert_int_equal(st.memory, SLAB_USERPTR);
	assert_int_equal(st.last_frame_mono_ns, w->t);
	assert_int_equal(st.registered, w->last.buf_index >= 0);
	world_destroy(world, w);
}

struct torn_case {
	const char *what;
	uint8_t data[8];
	size_t bytes, used;
	bool error;
	enum loss_cause lost; /* LOSS_NONE: delivered, torn */
};

static void torn_frames_are_kept_empty_ones_are_lost(void **state)
{
	static const struct torn_case cases[] = {
		{"no start", {1, 2, 3, 4, 0xff, 0xd9}, 6, 6, false, LOSS_NONE},
		{"no end", {0xff, 0xd8, 3, 4, 5, 6}, 6, 6, false, LOSS_NONE},
		{"flagged", {0xff, 0xd8, 3, 4, 0xff, 0xd9}, 6, 6, true, LOSS_NONE},
		{"claims more than the buffer",
		 {0xff, 0xd8, 0xff, 0xd9},
		 4,
		 SIZE_MAX,
		 false,
		 LOSS_NONE},
		{"flagged and empty", {0}, 0, 0, true, LOSS_DEVICE_ERROR},
		{"empty", {0}, 0, 0, false, LOSS_TORN},
	};
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);

	world_next_frame(world, w);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct torn_case *c = &cases[i];
		struct source_buffer b = {
			.sequence = w->seq++, .mono_ns = w->t += INTERVAL, .error = c->error};
		unsigned frames = w->frames, torn = w->torn;
		uint64_t lost = w->lost[c->lost];

		b.plane[0].bytesused = c->used;
		assert_true(fake_fill(w->fake, b, c->data, c->bytes));
		TURN_UNTIL(world, w->frames > frames || (c->lost && w->lost[c->lost] > lost));
		if (w->frames - frames != (c->lost == LOSS_NONE) ||
		    w->torn - torn != (c->lost == LOSS_NONE))
			fail_msg("%s: %u frames, %u torn", c->what, w->frames - frames,
				 w->torn - torn);
	}
	w->gaps = 0;
	world_next_frame(world, w);
	assert_int_equal(w->gaps, 1); /* an empty one was right before */
	world_next_frame(world, w);
	assert_int_equal(w->gaps, 1);
	assert_int_equal(w->lost[LOSS_DEVICE_ERROR] + w->lost[LOSS_TORN], 2);
	assert_int_equal(w->frames + 2, w->seq);
	world_destroy(world, w);
}

static void planes_and_offsets_are_honoured(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	uint8_t luma[32 * 16];
	struct source_buffer b = {.sequence = 0};
	struct watcher *w;

	f->fmt.fourcc = PIXFMT_NM12;
	f->fmt.width = 30;
	f->fmt.height = 16;
	f->fmt.nplanes = 2;
	f->fmt.plane_size[0] = 128 + sizeof(luma);
	f->fmt.plane_size[1] = sizeof(luma) / 2;
	f->fmt.stride[0] = f->fmt.stride[1] = 32;
	f->fmt.full_range = true;
	w = world_stream(world, 0);
	b.mono_ns = w->t;
	memset(luma, 9, sizeof(luma));
	b.plane[0].data_offset = 128;
	b.plane[0].bytesused = 128 + sizeof(luma) - 2; /* the last row needs no padding */
	b.plane[1].bytesused = sizeof(luma) / 2;
	assert_true(fake_fill(f, b, luma, sizeof(luma)));
	TURN_UNTIL(world, w->frames == 1);
	assert_int_equal(w->last.flags & ~FRAME_GAP, FRAME_KEY | FRAME_FULL_RANGE);
	assert_ptr_equal(w->last.plane[0].data, f->last_data);
	assert_int_equal(w->last.plane[0].data - w->last.slot, 128);
	assert_int_equal(w->last.plane[0].bytesused, sizeof(luma) - 2);
	assert_int_equal(w->last.plane[0].stride, 32);
	assert_int_equal(w->last.plane[1].data[0], 1);
	assert_int_equal(w->last.plane[1].bytesused, sizeof(luma) / 2);
	/* One byte less is a short plane, in either. */
	for (unsigned p = 0; p < 2; p++) {
		struct source_buffer cut = b;

		cut.sequence = p + 1;
		cut.mono_ns += (p + 1) * INTERVAL;
		cut.plane[p].bytesused -= p ? 3 : 1;
		assert_true(fake_fill(f, cut, luma, sizeof(luma)));
		TURN_UNTIL(world, w->frames == 2 + p);
		assert_int_equal(w->torn, 1 + p);
	}
	/* An offset behind the end, or behind the buffer, is no way out of it. */
	b.sequence = 3;
	b.plane[0].data_offset = 0;
	b.plane[0].bytesused = 10;
	b.plane[1].data_offset = SIZE_MAX - 5;
	assert_true(fake_fill(f, b, luma, sizeof(luma)));
	TURN_UNTIL(world, w->frames == 4);
	assert_int_equal(w->torn, 3);
	assert_int_equal(w->last.plane[1].bytesused, 0);
	assert_true(w->last.plane[1].data <= w->last.slot + w->last.slot_size);
	world_destroy(world, w);
}

static void a_timestamp_of_another_clock_is_replaced(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	int64_t before = monotime_now();

	assert_true(fake_jpeg(w->fake, 0, INT64_C(1800000000) * NSEC_PER_SEC));
	TURN_UNTIL(world, w->frames == 1);
	assert_in_range(w->last.mono_ns, before, monotime_now());
	assert_true(fake_jpeg(w->fake, 1, INT64_MIN));
	TURN_UNTIL(world, w->frames == 2);
	assert_in_range(w->last.mono_ns, before, monotime_now());
	world_destroy(world, w);
}

/* --- driver memory ----------------------------------------------------------------------- */

static void driver_memory_is_used_in_place_or_copied_and_counted(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_stats st;
	uint8_t jpeg[65536] = {0xff, 0xd8};
	struct source_buffer b = {.sequence = 1};
	struct watcher *w;

	f->kinds[0] = SLAB_DRIVER;
	w = world_stream(world, 0);
	world_next_frame(world, w);
	assert_ptr_equal(w->last.plane[0].data, f->last_data);
	assert_ptr_equal(w->last.slot, f->last_data);
	/* A picture that leaves no room for the trailer. */
	jpeg[sizeof(jpeg) - 2] = 0xff;
	jpeg[sizeof(jpeg) - 1] = 0xd9;
	b.mono_ns = w->t + INTERVAL;
	b.plane[0].bytesused = sizeof(jpeg);
	assert_true(fake_fill(f, b, jpeg, sizeof(jpeg)));
	w->hold = true;
	TURN_UNTIL(world, w->frames == 2);
	assert_ptr_not_equal(w->last.plane[0].data, f->last_data);
	assert_memory_equal(w->last.plane[0].data, jpeg, sizeof(jpeg));
	assert_true(w->last.slot_size >= sizeof(jpeg) + FRAME_TRAILER_ROOM);
	assert_int_equal(w->torn, 0);
	camera_stats(w->camera, &st);
	assert_int_equal(st.copies, 1);
	assert_int_equal(st.memory, SLAB_DRIVER);
	/* The frame's memory is the device's: it is not stopped under it. */
	camera_destroy(w->camera, watcher_gone, w);
	world_settle(world);
	usleep(20000);
	world_settle(world);
	assert_int_equal(fake_count(f, &f->stops), 0);
	watcher_let_go(w);
	TURN_UNTIL(world, w->gone);
	assert_int_equal(f->closes, 1);
}

static void driver_memory_that_cannot_be_written_from_is_copied(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_stats st;
	struct watcher *w;

	f->kinds[0] = SLAB_DRIVER;
	f->read_only = true;
	w = world_stream(world, 0);
	for (unsigned i = 0; i < 10; i++) {
		world_next_frame(world, w);
		assert_ptr_not_equal(w->last.plane[0].data, f->last_data);
		assert_memory_equal(w->last.plane[0].data, f->last_data,
				    w->last.plane[0].bytesused);
	}
	camera_stats(w->camera, &st);
	assert_int_equal(st.copies, 10);
	assert_int_equal(st.registered, w->last.buf_index >= 0);
	world_destroy(world, w);
}

static void kinds_are_tried_in_order(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = world_config(0);
	struct watcher *w;
	struct errmsg em;

	f->kinds[0] = SLAB_POOL; /* slab_create says no */
	f->kinds[1] = SLAB_USERPTR;
	f->kinds[2] = SLAB_DRIVER;
	f->refuse_kinds = 1u << SLAB_USERPTR; /* start says no */
	w = world_stream(world, 0);
	assert_int_equal(f->kind, SLAB_DRIVER);
	/* Asked for exactly: no other is taken instead. */
	cfg.want.memory = SLAB_USERPTR;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->state == CAMERA_ERROR);
	assert_int_equal(f->kind, SLAB_USERPTR);
	cfg.want.memory = SLAB_UDMABUF;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, strstr(w->why, "udmabuf"));
	world_destroy(world, w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_arrive_whole_and_trimmed),
		T(torn_frames_are_kept_empty_ones_are_lost),
		T(planes_and_offsets_are_honoured),
		T(a_timestamp_of_another_clock_is_replaced),
		T(driver_memory_is_used_in_place_or_copied_and_counted),
		T(driver_memory_that_cannot_be_written_from_is_copied),
		T(kinds_are_tried_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
