/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The v4l2: source on a scripted driver (v4l2_mock.h), taken through its life by hand. */
#ifndef TESTS_V4L2_RIG_H
#define TESTS_V4L2_RIG_H

#include <stdint.h>

#include "capture/v4l2/v4l2_source.h"
#include "v4l2_mock.h"

struct v4l2_rig {
	struct v4l2_mock m;
	struct source *s;
	struct source_format fmt;
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	struct slab *slab;
	struct errmsg em;
};

/* Every kind of memory a V4L2 device may have. */
#define V4L2_RIG_KINDS 3
extern const enum slab_kind v4l2_rig_kinds[V4L2_RIG_KINDS];

/* A new driver with one format; more than one plane makes it multi-planar. */
void v4l2_rig_init(struct v4l2_rig *r, uint32_t fourcc, unsigned planes);
/* What open says, and start on a new slab; the slab is there after a failure too. */
int v4l2_rig_open(struct v4l2_rig *r);
int v4l2_rig_start(struct v4l2_rig *r, enum slab_kind kind);
/* A slab of any kind on any machine: for dma-bufs any descriptor will do here. */
void v4l2_rig_slab(struct v4l2_rig *r, enum slab_kind kind);
void v4l2_rig_drop_slab(struct v4l2_rig *r);
/* All of it at once; a failure fails the test. */
void v4l2_rig_stream(struct v4l2_rig *r, uint32_t fourcc, unsigned planes, enum slab_kind kind);
/* Stops and closes; nothing may be left behind. */
void v4l2_rig_finish(struct v4l2_rig *r);

#endif
