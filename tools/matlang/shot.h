/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The newest picture of a camera in a span of time that is decodable by itself: to draw upon. */
#ifndef MATLANG_SHOT_H
#define MATLANG_SHOT_H

#include <libavutil/frame.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "storage/reader.h"

/* 1: `out` holds it (unref it) and *utc_ns is its time; 0: there is none; -errno with message. */
int shot_newest(struct reader *r, uint32_t camera_id, int64_t from_ns, int64_t to_ns, AVFrame *out,
		int64_t *utc_ns, struct errmsg *em) MUST_CHECK;

#endif
