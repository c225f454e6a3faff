/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "v4l2_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define OPS (&source_v4l2_ops)

const enum slab_kind v4l2_rig_kinds[V4L2_RIG_KINDS] = {SLAB_DRIVER, SLAB_USERPTR, SLAB_UDMABUF};

static void add_format(struct v4l2_rig *r, uint32_t fourcc, unsigned planes)
{
	r->m.format[0] = (struct v4l2_mock_format){
		.fourcc = fourcc, .planes = planes, .size = {{64, 48, .fps = {30}}}};
	if (planes > 1)
		r->m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
}

void v4l2_rig_init(struct v4l2_rig *r, uint32_t fourcc, unsigned planes)
{
	memset(r, 0, sizeof(*r));
	v4l2_mock_init(&r->m);
	r->m.has_udmabuf = true;
	add_format(r, fourcc, planes);
}

int v4l2_rig_open(struct v4l2_rig *r)
{
	return v4l2_source_open(&r->m.ops, &r->s, "/dev/video0", &(struct source_want){.slots = 4},
				&r->fmt, r->kinds, &r->em);
}

void v4l2_rig_slab(struct v4l2_rig *r, enum slab_kind kind)
{
	enum slab_kind real = kind == SLAB_UDMABUF ? SLAB_USERPTR : kind;

	assert_int_equal(slab_create(&r->slab, real, r->fmt.slots, r->fmt.nplanes,
				     r->fmt.plane_size, &r->em),
			 0);
	r->slab->kind = kind;
	for (unsigned i = 0; kind == SLAB_UDMABUF && i < r->slab->nslots; i++)
		for (unsigned p = 0; p < r->slab->nplanes; p++) {
			r->slab->slot[i].plane_fd[p] = memfd_create("plane", MFD_CLOEXEC);
			assert_true(r->slab->slot[i].plane_fd[p] >= 0);
		}
}

int v4l2_rig_start(struct v4l2_rig *r, enum slab_kind kind)
{
	v4l2_rig_slab(r, kind);
	return OPS->start(r->s, r->slab, &r->em);
}

void v4l2_rig_drop_slab(struct v4l2_rig *r)
{
	slab_destroy(r->slab);
	r->slab = NULL;
}

void v4l2_rig_stream(struct v4l2_rig *r, uint32_t fourcc, unsigned planes, enum slab_kind kind)
{
	v4l2_rig_init(r, fourcc, planes);
	assert_int_equal(v4l2_rig_open(r), 0);
	assert_int_equal(v4l2_rig_start(r, kind), 0);
}

void v4l2_rig_finish(struct v4l2_rig *r)
{
	OPS->stop(r->s);
	assert_int_equal(r->m.buffers, 0);
	assert_false(r->m.streaming);
	assert_false(r->m.subscribed);
	v4l2_rig_drop_slab(r);
	OPS->close(r->s);
	v4l2_mock_assert_clean(&r->m);
}
