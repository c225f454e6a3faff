/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The camera against a device that does what the test says (fake_source.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/camera_private.h"
#include "capture/core/monotime.h"
#include "tests/unit/capture/fake_source.h"

#define MS       NSEC_PER_MSEC
#define INTERVAL (10 * MS) /* the fake's 100/s */
#define LIMIT    (20 * NSEC_PER_SEC)
#define HELD_MAX 16

/* One camera and all that it told. */
struct watcher {
	struct camera *camera;
	struct fake *fake;
	unsigned frames, torn, gaps, states, streaming, waiting;
	uint64_t lost[LOSS_CAUSES];
	uint64_t bytes;
	struct frame last; /* a copy of the struct, without its reference */
	struct loss last_loss;
	enum camera_state state, trouble; /* now; the last that was one */
	char why[ERRMSG_MAX];
	bool hold; /* keep a reference to each frame */
	struct frame *held[HELD_MAX];
	unsigned nheld;
	bool gone;
	uint32_t seq;
	int64_t t;
};

struct world {
	struct reactor *r;
	struct pool *openers;
	struct watcher w[FAKE_MAX];
};

static void on_frame(void *ctx, struct frame *f)
{
	struct watcher *w = ctx;

	assert_false(w->gone);
	w->frames++;
	w->torn += (f->flags & FRAME_TORN) != 0;
	w->gaps += (f->flags & FRAME_GAP) != 0;
	w->bytes += frame_bytes(f);
	memcpy(&w->last, f, sizeof(w->last));
	if (w->hold && w->nheld < HELD_MAX) {
		frame_ref(f);
		w->held[w->nheld++] = f;
	}
}

static void on_loss(void *ctx, const struct loss *loss)
{
	struct watcher *w = ctx;

	w->lost[loss->cause] += loss->count;
	w->last_loss = *loss;
}

static void on_state(void *ctx, enum camera_state state, const char *why)
{
	struct watcher *w = ctx;

	w->states++;
	w->state = state;
	w->streaming += state == CAMERA_STREAMING;
	w->waiting += camera_state_trouble(state);
	if (camera_state_trouble(state))
		w->trouble = state;
	snprintf(w->why, sizeof(w->why), "%s", why);
	assert_null(strchr(why, '\n'));
}

static void on_gone(void *ctx)
{
	struct watcher *w = ctx;

	w->gone = true;
}

static const struct camera_callbacks callbacks = {on_frame, on_loss, on_state};

#define TURN_UNTIL(world, condition)                                             \
	do {                                                                     \
		int64_t end_ = monotime_now() + LIMIT;                           \
		while (!(condition)) {                                           \
			assert_int_equal(reactor_turn((world)->r, 100 * MS), 0); \
			if (monotime_now() > end_)                               \
				fail_msg("never came: %s", #condition);          \
		}                                                                \
	} while (0)

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct errmsg em = {""};

	if (!w || reactor_create(&w->r, 64, &em) || pool_create(&w->openers, "open", 1, 8, 0, &em))
		return -1;
	for (unsigned i = 0; i < FAKE_MAX; i++) {
		w->w[i].fake = fake_get(i);
		fake_reset(w->w[i].fake);
	}
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	pool_destroy(w->openers);
	reactor_destroy(w->r);
	free(w);
	return 0;
}

static struct camera_config config_of(unsigned n)
{
	struct camera_config cfg = {
		.enabled = true,
		.retry_min_ns = MS,
		.retry_max_ns = 4 * MS,
	};

	snprintf(cfg.source, sizeof(cfg.source), "fake:%u", n);
	return cfg;
}

static struct watcher *create_with(struct world *world, unsigned n, const struct camera_config *cfg)
{
	struct watcher *w = &world->w[n];
	struct errmsg em = {""};

	if (camera_create_with_finder(&w->camera, world->r, world->openers, "cam", 40 + n, cfg,
				      &callbacks, w, fake_find, &em))
		fail_msg("%s", em.text);
	/* In the past, so that no test meets the real clock. */
	w->t = monotime_now() - 8 * NSEC_PER_SEC;
	return w;
}

static struct watcher *stream(struct world *world, unsigned n)
{
	struct camera_config cfg = config_of(n);
	struct watcher *w = create_with(world, n, &cfg);

	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	return w;
}

/* Settles: everything filled is taken, everything released is back. */
static void settle(struct world *world)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reactor_turn(world->r, 0), 0);
}

static void next_frame(struct world *world, struct watcher *w)
{
	unsigned before = w->frames;

	w->t += INTERVAL;
	assert_true(fake_jpeg(w->fake, w->seq++, w->t));
	TURN_UNTIL(world, w->frames > before);
	settle(world);
}

static void let_go(struct watcher *w)
{
	while (w->nheld)
		frame_unref(w->held[--w->nheld]);
}

static void destroy(struct world *world, struct watcher *w)
{
	camera_destroy(w->camera, on_gone, w);
	TURN_UNTIL(world, w->gone);
	assert_int_equal(w->fake->opens >= w->fake->closes, 1);
	assert_false(w->fake->is_open);
	w->camera = NULL;
}

/* --- frames -------------------------------------------------------------------------------- */

static void frames_arrive_whole_and_trimmed(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
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
		next_frame(world, w);
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
	destroy(world, w);
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
	struct watcher *w = stream(world, 0);

	next_frame(world, w);
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
	next_frame(world, w);
	assert_int_equal(w->gaps, 1); /* an empty one was right before */
	next_frame(world, w);
	assert_int_equal(w->gaps, 1);
	assert_int_equal(w->lost[LOSS_DEVICE_ERROR] + w->lost[LOSS_TORN], 2);
	assert_int_equal(w->frames + 2, w->seq);
	destroy(world, w);
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
	w = stream(world, 0);
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
	destroy(world, w);
}

static void a_timestamp_of_another_clock_is_replaced(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	int64_t before = monotime_now();

	assert_true(fake_jpeg(w->fake, 0, INT64_C(1800000000) * NSEC_PER_SEC));
	TURN_UNTIL(world, w->frames == 1);
	assert_in_range(w->last.mono_ns, before, monotime_now());
	assert_true(fake_jpeg(w->fake, 1, INT64_MIN));
	TURN_UNTIL(world, w->frames == 2);
	assert_in_range(w->last.mono_ns, before, monotime_now());
	destroy(world, w);
}

/* --- driver memory ------------------------------------------------------------------------- */

static void driver_memory_is_used_in_place_or_copied_and_counted(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_stats st;
	uint8_t jpeg[65536] = {0xff, 0xd8};
	struct source_buffer b = {.sequence = 1};
	struct watcher *w;

	f->kinds[0] = SLAB_DRIVER;
	w = stream(world, 0);
	next_frame(world, w);
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
	camera_destroy(w->camera, on_gone, w);
	settle(world);
	usleep(20000);
	settle(world);
	assert_int_equal(fake_count(f, &f->stops), 0);
	let_go(w);
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
	w = stream(world, 0);
	for (unsigned i = 0; i < 10; i++) {
		next_frame(world, w);
		assert_ptr_not_equal(w->last.plane[0].data, f->last_data);
		assert_memory_equal(w->last.plane[0].data, f->last_data,
				    w->last.plane[0].bytesused);
	}
	camera_stats(w->camera, &st);
	assert_int_equal(st.copies, 10);
	assert_int_equal(st.registered, w->last.buf_index >= 0);
	destroy(world, w);
}

static void kinds_are_tried_in_order(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = config_of(0);
	struct watcher *w;
	struct errmsg em;

	f->kinds[0] = SLAB_POOL; /* slab_create says no */
	f->kinds[1] = SLAB_USERPTR;
	f->kinds[2] = SLAB_DRIVER;
	f->refuse_kinds = 1u << SLAB_USERPTR; /* start says no */
	w = stream(world, 0);
	assert_int_equal(f->kind, SLAB_DRIVER);
	/* Asked for exactly: no other is taken instead. */
	cfg.want.memory = SLAB_USERPTR;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->state == CAMERA_ERROR);
	assert_int_equal(f->kind, SLAB_USERPTR);
	cfg.want.memory = SLAB_UDMABUF;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, strstr(w->why, "udmabuf"));
	destroy(world, w);
}

/* --- loss ---------------------------------------------------------------------------------- */

static void gaps_reach_the_ledger(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct camera_stats st;

	next_frame(world, w);
	w->gaps = 0;
	w->seq += 3;
	w->t += 3 * INTERVAL;
	next_frame(world, w);
	assert_int_equal(w->lost[LOSS_SEQUENCE_GAP], 3);
	assert_int_equal(w->gaps, 1);
	assert_int_equal(w->last_loss.camera_id, 40);
	camera_stats(w->camera, &st);
	assert_int_equal(st.lost[LOSS_SEQUENCE_GAP], 3);
	w->seq = UINT32_MAX;
	w->camera->ledger.sequence = UINT32_MAX - 1;
	for (unsigned i = 0; i < 3; i++)
		next_frame(world, w);
	assert_int_equal(w->gaps, 1);
	destroy(world, w);
}

static void without_slots_the_cause_is_told(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct camera_stats st;

	w->hold = true;
	for (unsigned i = 0; i < 4; i++)
		next_frame(world, w);
	camera_stats(w->camera, &st);
	assert_int_equal(st.slots_free, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_false(fake_jpeg(w->fake, w->seq++, w->t += INTERVAL));
	w->hold = false;
	let_go(w);
	settle(world);
	next_frame(world, w);
	assert_int_equal(w->lost[LOSS_NO_SLOT], 5);
	assert_int_equal(w->lost[LOSS_SEQUENCE_GAP], 0);
	/* The same when it is the reactor that came late: all slots were full. */
	for (unsigned i = 0; i < 6; i++)
		fake_jpeg(w->fake, w->seq++, w->t += INTERVAL);
	TURN_UNTIL(world, w->frames == 9);
	settle(world);
	next_frame(world, w);
	assert_int_equal(w->lost[LOSS_NO_SLOT], 7);
	/* And with slots to spare it is the device. */
	w->seq++;
	next_frame(world, w);
	assert_int_equal(w->lost[LOSS_SEQUENCE_GAP], 1);
	destroy(world, w);
}

/* Frames delivered and lost add up to what the device numbered, whatever happens on the way. */
static void random_script(struct world *world, unsigned seed)
{
	struct watcher *w = stream(world, 0);
	uint64_t expected = 0, repeats = 0, sum;

	w->fake->dropped = 0;
	w->seq = seed * 2654435761u; /* some begin right before the wrap */
	if (seed % 4 == 0)
		w->seq = UINT32_MAX - 20;
	next_frame(world, w);
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
			settle(world);
		if (rand_r(&seed) % 4 == 0)
			let_go(w);
	}
	w->hold = false;
	let_go(w);
	settle(world);
	settle(world);
	next_frame(world, w); /* shows what was dropped at the end */
	expected++;
	sum = w->frames;
	for (unsigned i = 0; i < LOSS_CAUSES; i++)
		sum += i == LOSS_CAMERA_AWAY ? 0 : w->lost[i];
	assert_int_equal(sum, expected + repeats);
	assert_true(w->lost[LOSS_NO_SLOT] + w->lost[LOSS_SEQUENCE_GAP] >=
		    w->fake->dropped - repeats);
	assert_true(w->lost[LOSS_NO_SLOT] > 0 && w->lost[LOSS_DEVICE_ERROR] > 0 && w->torn > 0);
	destroy(world, w);
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
	struct watcher *w = stream(world, 0);

	next_frame(world, w);
	memset(w->lost, 0, sizeof(w->lost));
	w->gaps = 0;
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODEV);
	TURN_UNTIL(world, w->waiting == 1);
	assert_non_null(strstr(w->why, "gone"));
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	TURN_UNTIL(world, w->streaming == 2);
	w->t += 99 * INTERVAL;
	w->seq = 0;
	next_frame(world, w); /* one second after the last */
	assert_int_equal(w->lost[LOSS_CAMERA_AWAY], 99);
	assert_true(w->last_loss.estimated);
	assert_int_equal(w->gaps, 1);
	next_frame(world, w);
	assert_int_equal(w->gaps, 1);
	destroy(world, w);
}

/* A camera that opens at once owes nothing for that; one that is never found owes it all, and what
 * it owes is entered when it is taken away. */
static void opening_is_no_loss_and_never_found_is(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct camera_config cfg = config_of(1);

	w->t = monotime_now() + 4 * NSEC_PER_SEC;
	next_frame(world, w);
	assert_int_equal(w->lost[LOSS_CAMERA_AWAY], 0);
	assert_int_equal(w->gaps, 0);
	destroy(world, w);

	world->w[1].fake->open_err = -ENOENT;
	w = create_with(world, 1, &cfg);
	TURN_UNTIL(world, w->waiting);
	camera_ledger_rate(&w->camera->ledger, 100); /* as if it had been there once */
	w->camera->ledger.away_first_ns -= 5 * NSEC_PER_SEC;
	w->camera->ledger.away_base_ns -= 5 * NSEC_PER_SEC;
	camera_destroy(w->camera, on_gone, w);
	assert_in_range(w->lost[LOSS_CAMERA_AWAY], 500, 5000);
	TURN_UNTIL(world, w->gone);
}

/* --- failures ------------------------------------------------------------------------------ */

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
	settle(world);
	next_frame(world, w);
}

static void every_step_may_fail(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = config_of(0);
	struct camera_stats st;
	struct watcher *w;

	f->open_err = -ENOENT;
	w = create_with(world, 0, &cfg);
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
	next_frame(world, w);
	camera_stats(w->camera, &st);
	assert_int_equal(st.failures, w->waiting);
	assert_int_equal(st.opens, w->streaming);
	destroy(world, w);
	assert_int_equal(f->stops, w->streaming);
}

/* A device that hands over a buffer it was never given, or no such buffer. */
static void a_lying_device_fails_alone(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct fake *f = w->fake;

	for (unsigned i = 0; i < 2; i++) {
		next_frame(world, w);
		w->hold = true;
		next_frame(world, w);
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
		let_go(w);
		TURN_UNTIL(world, w->streaming == i + 2);
	}
	next_frame(world, w);
	destroy(world, w);
}

static void back_off_doubles_up_to_its_cap(void **state)
{
	static const unsigned want_ms[] = {10, 20, 40, 50, 50};
	struct world *world = *state;
	struct camera_config cfg = config_of(0);
	struct watcher *w;

	cfg.retry_min_ns = 10 * MS;
	cfg.retry_max_ns = 50 * MS;
	world->w[0].fake->open_err = -ENOENT;
	w = create_with(world, 0, &cfg);
	for (unsigned i = 0; i < ARRAY_SIZE(want_ms); i++) {
		int64_t before = monotime_now(), delay;

		TURN_UNTIL(world, w->waiting == i + 1 && w->camera->retry.heap_pos);
		delay = w->camera->retry.deadline_ns - before;
		/* From below exactly; from above only by what the machine took. */
		assert_true(delay >= want_ms[i] * MS);
		assert_true(w->camera->retry.deadline_ns <= monotime_now() + want_ms[i] * MS);
	}
	destroy(world, w);
}

static void busy_is_retried_quickly_and_without_back_off(void **state)
{
	struct world *world = *state;
	struct camera_config cfg = config_of(0);
	struct watcher *w;

	cfg.retry_min_ns = 1000 * NSEC_PER_SEC;
	cfg.retry_max_ns = 1000 * NSEC_PER_SEC;
	world->w[0].fake->open_err = -EBUSY;
	w = create_with(world, 0, &cfg);
	TURN_UNTIL(world, w->waiting == 4 && w->camera->retry.heap_pos);
	assert_true(w->camera->retry.deadline_ns <= monotime_now() + 50 * MS);
	assert_int_equal(w->camera->attempts, 0);
	destroy(world, w);
}

static void a_kick_does_not_wait(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = config_of(0);
	struct watcher *w;

	cfg.retry_min_ns = cfg.retry_max_ns = 1000 * NSEC_PER_SEC;
	f->open_err = -ENOENT;
	w = create_with(world, 0, &cfg);
	TURN_UNTIL(world, w->camera->retry.heap_pos);
	fake_fault(f, &f->open_err, 0);
	camera_kick(w->camera);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	camera_kick(w->camera); /* nothing to try */
	next_frame(world, w);
	/* While it is still being closed: as soon as that is over. */
	fake_fault(f, &f->dequeue_err, -ENODEV);
	TURN_UNTIL(world, w->state == CAMERA_WAITING);
	fake_fault(f, &f->dequeue_err, 0);
	camera_kick(w->camera);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	assert_int_equal(w->streaming, 2);
	destroy(world, w);
}

static void silence_is_noticed(void **state)
{
	struct world *world = *state;
	struct camera_config cfg = config_of(0);
	struct watcher *w;

	cfg.stall_ns = 20 * MS;
	w = create_with(world, 0, &cfg);
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
		next_frame(world, w);
	w->waiting = 0;
	w->camera->progress_ns = 0; /* ages ago */
	reactor_timer_arm(world->r, &w->camera->watch, 0);
	settle(world);
	assert_int_equal(w->waiting, 0);
	w->hold = false;
	let_go(w);
	settle(world);
	w->camera->progress_ns = 0;
	reactor_timer_arm(world->r, &w->camera->watch, 0);
	TURN_UNTIL(world, w->waiting == 1);
	destroy(world, w);
}

/* A multishot poll that ends is armed again, and what came meanwhile is not lost. */
static void a_poll_that_ends_is_armed_again(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);

	for (unsigned i = 0; i < 5; i++) {
		next_frame(world, w);
		reactor_cancel(world->r, &w->camera->stream->poll);
		if (i % 2)
			fake_jpeg(w->fake, w->seq++, w->t += INTERVAL);
		settle(world);
		assert_true(w->camera->stream->polling);
	}
	next_frame(world, w);
	assert_int_equal(w->frames, w->seq);
	assert_int_equal(w->waiting, 0);
	destroy(world, w);
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
	struct camera_config cfg = config_of(0);
	struct watcher *w;

	f->fd = fd;
	cfg.stall_ns = 3600 * NSEC_PER_SEC; /* then the device is asked in any case */
	w = create_with(world, 0, &cfg);
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
	next_frame(world, w);
	destroy(world, w);
	close(sender);
	close(fd);
}

static void a_source_at_its_end_is_off_and_owes_nothing(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct camera_config cfg = config_of(0);
	struct errmsg em = {""};
	uint64_t lost = 0;

	next_frame(world, w);
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODATA);
	TURN_UNTIL(world, w->state == CAMERA_OFF);
	assert_non_null(strstr(w->why, "has ended"));
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	/* Neither time nor a plugged-in camera nor a setting of another kind opens it again. */
	camera_kick(w->camera);
	cfg.stall_ns = NSEC_PER_SEC;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	usleep(20000);
	settle(world);
	assert_int_equal(w->state, CAMERA_OFF);
	assert_int_equal(w->fake->opens, 1);
	assert_int_equal(w->waiting, 0);

	cfg.want.slots = 5;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->streaming == 2);
	w->t = monotime_now();
	next_frame(world, w);
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
	destroy(world, w);
}

/* --- configuration ------------------------------------------------------------------------- */

static void configuration_reopens_only_when_it_must(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct camera_config cfg = config_of(0);
	struct errmsg em = {""};
	struct camera_stats st;

	next_frame(world, w);
	cfg.stall_ns = 5 * NSEC_PER_SEC;
	cfg.retry_max_ns = NSEC_PER_SEC;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	settle(world);
	assert_int_equal(w->streaming, 1);
	assert_int_equal(w->state, CAMERA_STREAMING);

	snprintf(cfg.source, sizeof(cfg.source), "nothing:0");
	assert_int_equal(camera_configure(w->camera, &cfg, &em), -EINVAL);
	assert_non_null(strstr(em.text, "camera cam: source nothing:0"));
	assert_string_equal(w->camera->config.source, "fake:0");
	next_frame(world, w);

	cfg = config_of(1);
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->streaming == 2);
	assert_int_equal(world->w[0].fake->closes, 1);
	w->fake = world->w[1].fake;
	next_frame(world, w);

	cfg.enabled = false;
	memset(w->lost, 0, sizeof(w->lost));
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->state == CAMERA_OFF);
	assert_int_equal(w->fake->closes, 1);
	camera_kick(w->camera); /* off stays off */
	settle(world);
	assert_int_equal(w->state, CAMERA_OFF);
	cfg.enabled = true;
	w->t = monotime_now() + 5 * NSEC_PER_SEC;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	next_frame(world, w);
	/* The last frame lay eight seconds back: that was the admin's doing. */
	assert_true(w->lost[LOSS_STOPPED] >= 700);
	assert_int_equal(w->lost[LOSS_CAMERA_AWAY], 0);
	camera_stats(w->camera, &st);
	assert_int_equal(st.lost[LOSS_STOPPED], w->lost[LOSS_STOPPED]);
	destroy(world, w);
}

static void bad_names_and_settings_are_refused(void **state)
{
	static const char *const names[] = {"", "-a", ".x", "a b", "a/b", "\xc3\xa1"};
	struct world *world = *state;
	struct camera_config cfg = config_of(0);
	struct camera *c = NULL;
	char longest[CAMERA_NAME_MAX + 1];
	struct errmsg em;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(camera_create_with_finder(&c, world->r, world->openers, names[i],
							   1, &cfg, &callbacks, world->w, fake_find,
							   &em),
				 -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[CAMERA_NAME_MAX] = '\0';
	assert_int_equal(camera_create_with_finder(&c, world->r, world->openers, longest, 1, &cfg,
						   &callbacks, world->w, fake_find, &em),
			 -EINVAL);
	cfg.retry_min_ns = 2 * cfg.retry_max_ns;
	assert_int_equal(camera_create_with_finder(&c, world->r, world->openers, "a", 1, &cfg,
						   &callbacks, world->w, fake_find, &em),
			 -EINVAL);
	assert_null(c);
}

/* --- the end ------------------------------------------------------------------------------- */

static void *drop_elsewhere(void *arg)
{
	let_go(arg);
	return NULL;
}

/* Frames on their way to the disk keep their memory, not the device. */
static void destroy_waits_for_frames(void **state)
{
	struct world *world = *state;
	struct watcher *w = stream(world, 0);
	struct reactor_stats before, after;
	unsigned losses;
	pthread_t t;

	next_frame(world, w);
	w->hold = true;
	next_frame(world, w);
	next_frame(world, w);
	reactor_stats(world->r, &before);
	camera_destroy(w->camera, on_gone, w);
	losses = w->states;
	TURN_UNTIL(world, fake_count(w->fake, &w->fake->closes) == 1);
	usleep(20000);
	settle(world);
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
	struct watcher *w = stream(world, 0);

	w->hold = true;
	next_frame(world, w);
	w->hold = false;
	fake_fault(w->fake, &w->fake->dequeue_err, -ENODEV);
	TURN_UNTIL(world, w->waiting);
	fake_fault(w->fake, &w->fake->dequeue_err, 0);
	TURN_UNTIL(world, w->streaming == 2);
	next_frame(world, w);
	assert_int_equal(w->held[0]->plane[0].data[1], 0xd8);
	assert_int_equal(w->camera->streams, 2);
	let_go(w);
	TURN_UNTIL(world, w->camera->streams == 1);
	next_frame(world, w);
	destroy(world, w);
}

static void destroy_in_every_state(void **state)
{
	struct world *world = *state;
	struct fake *f = world->w[0].fake;
	struct camera_config cfg = config_of(0);
	struct watcher *w;

	cfg.enabled = false;
	w = create_with(world, 0, &cfg);
	destroy(world, w);

	cfg = config_of(1);
	cfg.retry_min_ns = cfg.retry_max_ns = 1000 * NSEC_PER_SEC;
	world->w[1].fake->open_err = -ENOENT;
	w = create_with(world, 1, &cfg);
	TURN_UNTIL(world, w->waiting);
	destroy(world, w);

	/* While the opener is inside open. */
	w->gone = false;
	f->hang_open = true;
	cfg = config_of(0);
	w = create_with(world, 0, &cfg);
	w->gone = false;
	TURN_UNTIL(world, fake_count(f, &f->opens) == 1);
	camera_destroy(w->camera, on_gone, w);
	settle(world);
	assert_false(w->gone);
	pthread_mutex_lock(&f->lock);
	f->hang_open = false;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	TURN_UNTIL(world, w->gone);
	assert_int_equal(f->closes, 1);
	assert_int_equal(w->streaming, 0);
}

static void one_bad_camera_changes_nothing_for_another(void **state)
{
	struct world *world = *state;
	struct watcher *good = stream(world, 0), *bad[3];

	world->w[1].fake->hang_open = true;
	world->w[2].fake->open_err = -EIO;
	for (unsigned i = 1; i < 3; i++) {
		struct camera_config cfg = config_of(i);

		bad[i] = create_with(world, i, &cfg);
	}
	bad[0] = stream(world, 3);
	fake_fault(bad[0]->fake, &bad[0]->fake->dequeue_err, -EIO);
	for (unsigned i = 0; i < 300; i++)
		next_frame(world, good);
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
		destroy(world, bad[i]);
	next_frame(world, good);
	destroy(world, good);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
		T(gaps_reach_the_ledger),
		T(without_slots_the_cause_is_told),
		T(delivered_and_ledger_are_what_was_expected),
		T(absence_is_on_the_ledger),
		T(opening_is_no_loss_and_never_found_is),
		T(every_step_may_fail),
		T(a_lying_device_fails_alone),
		T(back_off_doubles_up_to_its_cap),
		T(busy_is_retried_quickly_and_without_back_off),
		T(a_kick_does_not_wait),
		T(silence_is_noticed),
		T(a_poll_that_ends_is_armed_again),
		T(an_event_alone_is_heard),
		T(a_source_at_its_end_is_off_and_owes_nothing),
		T(configuration_reopens_only_when_it_must),
		T(bad_names_and_settings_are_refused),
		T(destroy_waits_for_frames),
		T(a_failed_stream_keeps_its_frames_while_the_next_one_runs),
		T(destroy_in_every_state),
		T(one_bad_camera_changes_nothing_for_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
