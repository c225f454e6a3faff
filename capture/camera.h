/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A camera: a source kept alive. It opens, starts, delivers frames, notices loss, and when the
 * device fails or is not there tries again for ever with a short, capped back-off. One camera
 * never harms another.
 *
 * States:  OPENING ──► STREAMING ──► (failure) ──► WAITING or ERROR ──► OPENING ...
 *          any ──► CLOSING ──► OFF (switched off) or gone (destroyed)
 *          STREAMING ──► CLOSING ──► OFF (a clip played to its end; nothing is missing then, and it
 *          stays off until its configuration changes or it is switched off and on)
 *
 * Threads: create, destroy, configure and the callbacks on the reactor's thread; stats and state
 * from any thread. Work that blocks goes to the openers' pool.
 */
#ifndef CAPTURE_CAMERA_H
#define CAPTURE_CAMERA_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/frame.h"
#include "capture/core/loss.h"
#include "capture/core/pool.h"
#include "capture/core/reactor.h"
#include "capture/source.h"

#define CAMERA_NAME_MAX 64 /* with NUL; [A-Za-z0-9][A-Za-z0-9._-]* */

struct camera;

enum camera_state {
	CAMERA_OFF, /* not enabled, or at its end */
	CAMERA_OPENING,
	CAMERA_STREAMING,
	CAMERA_WAITING, /* not there, or another program has it; will be tried again */
	CAMERA_ERROR,   /* there, and it failed or cannot be used; will be tried again */
	CAMERA_CLOSING,
	CAMERA_STATES
};

struct camera_config {
	char source[SOURCE_URI_MAX];
	bool enabled;
	struct source_want want;
	int64_t stall_ns; /* no frame for so long: reopen; 0: default (10 s, at least 4 frames) */
	int64_t retry_min_ns; /* back-off, default 250 ms ... */
	int64_t retry_max_ns; /* ... to 5 s */
};

struct camera_callbacks {
	/* A whole or torn frame. The callee takes its own references; the camera drops its own on
	 * return. */
	void (*frame)(void *ctx, struct frame *f);
	/* Frames that will never come. */
	void (*loss)(void *ctx, const struct loss *loss);
	/* Every change of state; `why` is one line, "" when all is well. */
	void (*state)(void *ctx, enum camera_state state, const char *why);
};

/* What a camera says of itself. Copied out whole; counters since creation. */
struct camera_stats {
	enum camera_state state;
	char why[ERRMSG_MAX];
	struct source_format format; /* zeroed while never opened */
	enum slab_kind memory;
	bool registered;            /* slab registered with io_uring */
	unsigned slots, slots_free; /* free: with the device, ready to be filled */
	size_t slab_bytes;
	uint64_t frames; /* delivered, torn ones included */
	uint64_t bytes;
	uint64_t torn;   /* delivered with FRAME_TORN */
	uint64_t copies; /* frames whose bytes capture had to copy */
	uint64_t lost[LOSS_CAUSES];
	uint64_t opens, failures; /* times opened; times failed since creation */
	int64_t last_frame_mono_ns;
	double fps; /* measured over the last seconds */
};

/* `cb` and `ctx` outlive the camera. Starts opening at once when enabled. The name and source
 * are checked; -EINVAL with message. */
int camera_create(struct camera **out, struct reactor *r, struct pool *openers, const char *name,
		  uint32_t camera_id, const struct camera_config *config,
		  const struct camera_callbacks *cb, void *ctx, struct errmsg *em) MUST_CHECK;

/* Takes the new configuration; reopens only if something that needs it has changed. -EINVAL with
 * message and nothing changed when it is not acceptable. */
int camera_configure(struct camera *c, const struct camera_config *config,
		     struct errmsg *em) MUST_CHECK;

/* Stops and frees; asynchronous, because frames may still be on their way to the disk. `gone`
 * runs on the reactor when nothing of the camera is left. No other callback runs after the call,
 * but the ledger is closed first (a last loss callback may run inside). */
void camera_destroy(struct camera *c, void (*gone)(void *ctx), void *ctx);

/* Tries again now if waiting or in error (a udev event says something was plugged in). */
void camera_kick(struct camera *c);

/* Any thread. */
void camera_stats(const struct camera *c, struct camera_stats *out);
const char *camera_state_name(enum camera_state state);
/* It should record and does not. */
static inline bool camera_state_trouble(enum camera_state state)
{
	return state == CAMERA_WAITING || state == CAMERA_ERROR;
}

#endif
