/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/backlog.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/core/monotime.h"

/* A gather buffer of the log is written in about this time on a fast disk: waiting longer would
 * leave the disk idle, shorter would only burn processor. */
#define RETRY_NS (1 * NSEC_PER_MSEC)

struct waiting {
	struct list link; /* in backlog.queue */
	struct frame *f, *also;
	backlog_offer_fn offer;
	void *ctx;
};

static void settle(struct backlog *b, struct waiting *w)
{
	list_remove(&w->link);
	b->frames--;
	frame_unref(w->f);
	if (w->also)
		frame_unref(w->also);
	free(w);
}

static void retry(struct reactor_timer *t)
{
	struct backlog *b = container_of(t, struct backlog, timer);

	while (!list_empty(&b->queue)) {
		struct waiting *w = list_entry(b->queue.next, struct waiting, link);

		if (w->offer(w->ctx, w->f) == -ENOBUFS) {
			reactor_timer_arm(b->reactor, t, monotime_now() + RETRY_NS);
			return;
		}
		settle(b, w);
	}
}

void backlog_init(struct backlog *b, struct reactor *r)
{
	*b = (struct backlog){.reactor = r, .timer = {.fire = retry}};
	list_init(&b->queue);
}

void backlog_add(struct backlog *b, struct frame *f, struct frame *also, backlog_offer_fn offer,
		 void *ctx, bool *gave_up)
{
	struct waiting *w;

	*gave_up = false;
	if (list_empty(&b->queue) && offer(ctx, f) != -ENOBUFS)
		return;
	w = malloc(sizeof(*w));
	if (!w) {
		*gave_up = true;
		return;
	}
	*w = (struct waiting){.f = f, .also = also, .offer = offer, .ctx = ctx};
	frame_ref(f);
	if (also)
		frame_ref(also);
	list_append(&b->queue, &w->link);
	b->frames++;
	if (!b->timer.heap_pos)
		reactor_timer_arm(b->reactor, &b->timer, monotime_now() + RETRY_NS);
}
