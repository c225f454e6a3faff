/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void rig_open(struct rig *r, const struct source_ops *ops, const char *rest,
	      struct source_want want)
{
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	struct errmsg em = {""};

	*r = (struct rig){.ops = ops};
	if (ops->open(&r->source, rest, &want, &r->fmt, kinds, &em))
		fail_msg("%s: %s", rest, em.text);
	r->kind = kinds[0];
	if (slab_create(&r->slab, r->kind, r->fmt.slots, r->fmt.nplanes, r->fmt.plane_size, &em))
		fail_msg("%s: %s", rest, em.text);
	if (ops->start(r->source, r->slab, &em))
		fail_msg("%s: %s", rest, em.text);
}

void rig_close(struct rig *r)
{
	r->ops->stop(r->source);
	r->ops->close(r->source);
	slab_destroy(r->slab);
	r->source = NULL;
}

bool rig_readable(struct rig *r, int timeout_ms)
{
	struct pollfd p = {.fd = r->ops->poll_fd(r->source), .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1 && p.revents & POLLIN;
}

int rig_next(struct rig *r, struct source_buffer *b)
{
	for (;;) {
		int err = r->ops->dequeue(r->source, b);

		if (err != -EAGAIN)
			return err;
		if (!rig_readable(r, 20000))
			fail_msg("nothing to read in 20 s");
	}
}

void rig_give(struct rig *r, unsigned slot)
{
	assert_int_equal(r->ops->enqueue(r->source, slot), 0);
}

int rig_try(const struct source_ops *ops, const char *rest, struct source_want want,
	    struct errmsg *em)
{
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	struct source_format fmt;
	struct source *s;
	int err = ops->open(&s, rest, &want, &fmt, kinds, em);

	if (!err)
		ops->close(s);
	return err;
}

struct frame rig_frame(struct rig *r, const struct source_buffer *b)
{
	struct frame f = {
		.sequence = b->sequence,
		.mono_ns = b->mono_ns,
		.fourcc = r->fmt.fourcc,
		.width = r->fmt.width,
		.height = r->fmt.height,
		.nplanes = r->fmt.nplanes,
	};

	for (unsigned p = 0; p < f.nplanes; p++) {
		f.plane[p].data = r->slab->slot[b->slot].plane[p] + b->plane[p].data_offset;
		f.plane[p].bytesused = b->plane[p].bytesused - b->plane[p].data_offset;
		f.plane[p].stride = r->fmt.stride[p];
	}
	return f;
}

void rig_next_frame(struct rig *r, struct source_buffer *b, struct frame *f)
{
	assert_int_equal(rig_next(r, b), 0);
	*f = rig_frame(r, b);
}
