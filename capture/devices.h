/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cameras plugged in, and what they offer: for `matlang devices`. Opens each video node
 * briefly; neither starts nor changes anything, so a camera that records is not disturbed.
 * Nodes that are no cameras (a webcam's metadata node, codecs, outputs) are left out.
 * Threads: any; blocks, so never the reactor's.
 */
#ifndef CAPTURE_DEVICES_H
#define CAPTURE_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/source.h"

#define DEVICES_RATES_MAX 16

/* One format at one size (or up to one size). */
struct devices_mode {
	uint32_t fourcc;
	uint32_t width, height;         /* 0: the device does not list sizes */
	uint32_t min_width, min_height; /* below width x height: any size between; else equal */
	bool rate_range;                /* fps[0] down to fps[1], all between too */
	unsigned nrates;                /* 0: unknown */
	double fps[DEVICES_RATES_MAX];  /* frames a second, highest first */
};

struct devices_entry {
	char node[64];               /* "/dev/video0" */
	char source[SOURCE_URI_MAX]; /* what to write into a camera's `source`: by port if it can be
				      */
	char by_path[256], by_id[256]; /* link names; "" if none */
	char name[64], driver[32], bus[64], serial[64];
	bool multiplanar;
	struct devices_mode *modes; /* formats that can be recorded, in the device's order */
	size_t nmodes;
	char others[64];          /* fourccs that cannot be recorded, "" if none */
	char trouble[ERRMSG_MAX]; /* why it could not be asked (no permission ...); "" if it was */
};

/* In the order of their nodes' numbers. No camera at all is no error. -ENOMEM with message. */
int devices_list(struct devices_entry **out, size_t *count, struct errmsg *em) MUST_CHECK;
void devices_free(struct devices_entry *entries, size_t count);

struct v4l2_ops;
/* Asks one node through `ops` (v4l2_ops_kernel). 0: `out` is a camera, or has `trouble`; -EINVAL:
 * no camera; -ENOMEM. After 0 its modes are freed with devices_clear. */
int devices_probe(const struct v4l2_ops *ops, const char *node,
		  struct devices_entry *out) MUST_CHECK;
void devices_clear(struct devices_entry *e);

#endif
