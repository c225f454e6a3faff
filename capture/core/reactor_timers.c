/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reactor's timers: a 1-based binary heap by deadline. Each timer knows its place. */
#include <errno.h>
#include <stdlib.h>

#include "capture/core/monotime.h"
#include "capture/core/reactor_impl.h"

#define TIMERS_FIRST 64

int reactor_timers_init(struct reactor *r)
{
	r->heap_size = TIMERS_FIRST;
	r->heap = calloc(r->heap_size + 1, sizeof(r->heap[0]));
	return r->heap ? 0 : -ENOMEM;
}

static void heap_put(struct reactor *r, size_t pos, struct reactor_timer *t)
{
	r->heap[pos] = t;
	t->heap_pos = pos;
}

static void heap_up(struct reactor *r, size_t pos)
{
	struct reactor_timer *t = r->heap[pos];

	for (; pos > 1 && r->heap[pos / 2]->deadline_ns > t->deadline_ns; pos /= 2)
		heap_put(r, pos, r->heap[pos / 2]);
	heap_put(r, pos, t);
}

static void heap_down(struct reactor *r, size_t pos)
{
	struct reactor_timer *t = r->heap[pos];

	for (size_t child; (child = 2 * pos) <= r->ntimers; pos = child) {
		if (child < r->ntimers &&
		    r->heap[child + 1]->deadline_ns < r->heap[child]->deadline_ns)
			child++;
		if (r->heap[child]->deadline_ns >= t->deadline_ns)
			break;
		heap_put(r, pos, r->heap[child]);
	}
	heap_put(r, pos, t);
}

void reactor_timer_arm(struct reactor *r, struct reactor_timer *t, int64_t deadline_ns)
{
	if (!t->heap_pos) {
		if (r->ntimers == r->heap_size) {
			size_t size = 2 * r->heap_size;
			void *heap = realloc(r->heap, (size + 1) * sizeof(r->heap[0]));

			if (!heap) {
				r->failed = -ENOMEM; /* a timer must not be forgotten in silence */
				return;
			}
			r->heap = heap;
			r->heap_size = size;
		}
		t->deadline_ns = deadline_ns;
		heap_put(r, ++r->ntimers, t);
	}
	t->deadline_ns = deadline_ns;
	heap_up(r, t->heap_pos);
	heap_down(r, t->heap_pos);
}

void reactor_timer_disarm(struct reactor *r, struct reactor_timer *t)
{
	size_t pos = t->heap_pos;
	struct reactor_timer *last;

	if (!pos)
		return;
	t->heap_pos = 0;
	last = r->heap[r->ntimers--];
	if (last == t)
		return;
	heap_put(r, pos, last);
	heap_up(r, pos);
	heap_down(r, last->heap_pos);
}

void reactor_timers_fire(struct reactor *r)
{
	int64_t now;

	if (!r->ntimers)
		return;
	now = monotime_now();
	for (size_t n = r->ntimers; n && r->ntimers && r->heap[1]->deadline_ns <= now; n--) {
		struct reactor_timer *t = r->heap[1];

		reactor_timer_disarm(r, t);
		reactor_count(&r->fired, 1);
		t->fire(t);
	}
}
