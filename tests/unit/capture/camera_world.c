/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/capture/camera_world.h"

static void on_frame(void *ctx, struct frame *f)
{
	struct watcher *w = ctx;

	assert_false(w->gone);
	w->frames++;
	w->torn += (f->flags & FRAME_TORN) != 0;
	w->gaps += (f->flags & FRAME_GAP) != 0;
	w->bytes += frame_bytes(f);
	memcpy(&w->last, f, sizeof(w->last));
	if (w->hold && w->nheld < WATCHER_HELD_MAX) {
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

void watcher_gone(void *ctx)
{
	struct watcher *w = ctx;

	w->gone = true;
}

const struct camera_callbacks world_callbacks = {on_frame, on_loss, on_state};

int world_set_up(void **state)
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

int world_tear_down(void **state)
{
	struct world *w = *state;

	pool_destroy(w->openers);
	reactor_destroy(w->r);
	free(w);
	return 0;
}

struct camera_config world_config(unsigned n)
{
	struct camera_config cfg = {
		.enabled = true,
		.retry_min_ns = MS,
		.retry_max_ns = 4 * MS,
	};

	snprintf(cfg.source, sizeof(cfg.source), "fake:%u", n);
	return cfg;
}

struct watcher *world_create(struct world *world, unsigned n, const struct camera_config *cfg)
{
	struct watcher *w = &world->w[n];
	struct errmsg em = {""};

	if (camera_create_with_finder(&w->camera, world->r, world->openers, "cam", 40 + n, cfg,
				      &world_callbacks, w, fake_find, &em))
		fail_msg("%s", em.text);
	/* In the past, so that no test meets the real clock. */
	w->t = monotime_now() - 8 * NSEC_PER_SEC;
	return w;
}

struct watcher *world_stream(struct world *world, unsigned n)
{
	struct camera_config cfg = world_config(n);
	struct watcher *w = world_create(world, n, &cfg);

	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	return w;
}

void world_settle(struct world *world)
{
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reactor_turn(world->r, 0), 0);
}

void world_next_frame(struct world *world, struct watcher *w)
{
	unsigned before = w->frames;

	w->t += INTERVAL;
	assert_true(fake_jpeg(w->fake, w->seq++, w->t));
	TURN_UNTIL(world, w->frames > before);
	world_settle(world);
}

void watcher_let_go(struct watcher *w)
{
	while (w->nheld)
		frame_unref(w->held[--w->nheld]);
}

void world_destroy(struct world *world, struct watcher *w)
{
	camera_destroy(w->camera, watcher_gone, w);
	TURN_UNTIL(world, w->gone);
	assert_int_equal(w->fake->opens >= w->fake->closes, 1);
	assert_false(w->fake->is_open);
	w->camera = NULL;
}
