/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the detector saw, drawn into the frames it looked at: cells, zones, the level and how it
 * went, in words. For a person who wants to know why.
 */
#ifndef MATLANG_DETECT_DRAW_H
#define MATLANG_DETECT_DRAW_H

#include "analyze/detector.h"
#include "capture/core/frame.h"

struct detect_draw;

/* `dir` is made when it does not exist. 0 or -errno with message. */
int detect_draw_open(struct detect_draw **out, const char *dir, struct errmsg *em) MUST_CHECK;
void detect_draw_close(struct detect_draw *d); /* NULL is fine */
/* Every frame in order, whether it is looked at or not: pictures may build on one another. */
int detect_draw_see(struct detect_draw *d, const struct frame *f, struct errmsg *em) MUST_CHECK;
/* The frame last seen was judged so: writes DIR/NUMBER.png. `utc_ns` 0: not known. */
int detect_draw_write(struct detect_draw *d, const struct motion_config *config,
		      const struct detector_result *r, uint64_t number, int64_t utc_ns,
		      struct errmsg *em) MUST_CHECK;

#endif
