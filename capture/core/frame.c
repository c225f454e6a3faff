/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/frame.h"

void frame_ref(struct frame *f)
{
	/* Relaxed: a reference is only ever made from one that exists, so nothing has to be seen
	 * before it. */
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
}

void frame_unref(struct frame *f)
{
	/* Release: what this holder read or wrote comes before the slot is reused. */
	if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_release) != 1)
		return;
	/* Acquire, paired with the others' release: the one who gives the slot back has all their
	 * accesses behind it. A load of the counter, not a fence, because TSan understands it. */
	(void)atomic_load_explicit(&f->refs, memory_order_acquire);
	f->release(f);
}

size_t frame_tail(const struct frame *f)
{
	size_t tail = 0;

	for (uint32_t i = 0; i < f->nplanes; i++) {
		size_t end = (size_t)(f->plane[i].data - f->slot) + f->plane[i].bytesused;

		if (end > tail)
			tail = end;
	}
	return tail;
}

size_t frame_bytes(const struct frame *f)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < f->nplanes; i++)
		sum += f->plane[i].bytesused;
	return sum;
}
