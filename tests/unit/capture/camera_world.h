/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cameras on fake devices (fake_source.h), a reactor that the test turns by hand, and a watcher for
 * each camera that writes down all it tells. A wait that takes too long fails the test. cmocka.h
 * comes before this header.
 */
#ifndef TESTS_CAMERA_WORLD_H
#define TESTS_CAMERA_WORLD_H

#include "capture/camera_private.h"
#include "capture/core/monotime.h"
#include "tests/unit/capture/fake_source.h"

#define MS               NSEC_PER_MSEC
#define INTERVAL         (10 * MS) /* the fake's 100/s */
#define WORLD_LIMIT      (20 * NSEC_PER_SEC)
#define WATCHER_HELD_MAX 16

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
	struct frame *held[WATCHER_HELD_MAX];
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

extern const struct camera_callbacks world_callbacks; /* to a struct watcher */

/* Turns the reactor until `condition` holds. */
#define TURN_UNTIL(world, condition)                                             \
	do {                                                                     \
		int64_t end_ = monotime_now() + WORLD_LIMIT;                     \
		while (!(condition)) {                                           \
			assert_int_equal(reactor_turn((world)->r, 100 * MS), 0); \
			if (monotime_now() > end_)                               \
				fail_msg("never came: %s", #condition);          \
		}                                                                \
	} while (0)

/* For cmocka: the world is the test's state, every device as new. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* The settings of a camera on device `n`, with short retries. */
struct camera_config world_config(unsigned n);
/* Creates a camera on device `n`; it lives until world_destroy. */
struct watcher *world_create(struct world *world, unsigned n, const struct camera_config *cfg);
/* The same with world_config, and waits until it streams. */
struct watcher *world_stream(struct world *world, unsigned n);
/* Settles: everything filled is taken, everything released is back. */
void world_settle(struct world *world);
/* Sends a whole frame, one interval after the last, and waits until it is delivered. */
void world_next_frame(struct world *world, struct watcher *w);
/* Destroys the camera and waits until it is gone. */
void world_destroy(struct world *world, struct watcher *w);
/* Drops all frames that are held. */
void watcher_let_go(struct watcher *w);
/* For camera_destroy. */
void watcher_gone(void *ctx);

#endif
