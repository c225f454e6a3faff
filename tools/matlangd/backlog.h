/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that wait for the disk. When the store cannot take more, frames stay in their slots, in
 * one queue for all cameras, and are offered again until it can. So a late disk shows at the
 * device (no free slot) and nowhere else, and memory stays what the slots are.
 * Reactor's thread only.
 */
#ifndef MATLANGD_BACKLOG_H
#define MATLANGD_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/core/compiler.h"
#include "capture/core/frame.h"
#include "capture/core/list.h"
#include "capture/core/reactor.h"

/* Embedded in its owner; backlog_init before use. */
struct backlog {
	struct reactor *reactor;
	struct reactor_timer timer;
	struct list queue; /* struct waiting */
	size_t frames;
};

/* Offers a frame to the store: -ENOBUFS when it cannot take it yet; anything else settles it. */
typedef int (*backlog_offer_fn)(void *ctx, struct frame *f);

void backlog_init(struct backlog *b, struct reactor *r);

/*
 * Offers `f` now, or behind those that wait already. Takes its own references to `f` and to `also`
 * (may be NULL: a frame whose slot must not be refilled before `f` is taken). *gave_up: there was
 * no memory to queue it; it is the caller's to account for.
 */
void backlog_add(struct backlog *b, struct frame *f, struct frame *also, backlog_offer_fn offer,
		 void *ctx, bool *gave_up);

#endif
