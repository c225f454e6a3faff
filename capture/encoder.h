/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw pictures to JPEG in the worker pool, in order. For cameras whose raw stream would fill the
 * disk; the one place where a picture is copied on purpose (the admin asked for it, and
 * `encoded` counts it).
 *
 * Threads: everything on the reactor's; the callback too. The work runs on the pool's.
 */
#ifndef CAPTURE_ENCODER_H
#define CAPTURE_ENCODER_H

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/frame.h"
#include "capture/core/pool.h"
#include "capture/core/reactor.h"

struct encoder;

/* `jpeg`: a frame with the raw one's camera, sequence and time; the callee takes its own reference.
 * NULL: the picture could not be compressed. In order of submission. */
typedef void (*encoder_done_fn)(void *ctx, struct frame *raw, struct frame *jpeg);

int encoder_create(struct encoder **out, struct reactor *r, struct pool *workers,
		   encoder_done_fn done, void *ctx, struct errmsg *em) MUST_CHECK;

/* Takes its own reference to a raw frame and always finds room: what waits is bounded by the
 * camera's slots, which the waiting frames keep. quality 1..100. Errors: -EINVAL (not a raw
 * format, picture larger than its planes), -ENOMEM. */
int encoder_submit(struct encoder *e, struct frame *raw, unsigned quality) MUST_CHECK;

/* Lets what is under way finish, waits until every JPEG frame is released, frees, calls `gone`
 * on the reactor. */
void encoder_destroy(struct encoder *e, void (*gone)(void *ctx), void *ctx);

#endif
