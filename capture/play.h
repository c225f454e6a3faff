/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source played frame by frame, without a camera: for command-line tools and tests. Any kind of
 * source; blocking; one thread at a time.
 */
#ifndef CAPTURE_PLAY_H
#define CAPTURE_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/frame.h"
#include "capture/source.h"

struct play;

/* `want` may be NULL. `once`: a `clip:` is played once, every frame of it, as fast as they are
 * asked for, and a `rack:` unpaced, as if the URI said loop=0 and paced=0; options that the URI
 * gives itself stay. Errors with message. */
int play_open(struct play **out, const char *uri, const struct source_want *want, bool once,
	      struct errmsg *em) MUST_CHECK;

const struct source_format *play_format(const struct play *p);

/*
 * The next frame; waits for it. 1: *out; 0: the end of the clip; -errno with message: the source
 * failed, or sent nothing for `timeout_ns` (0: 10 s). The frame and what it points to are valid
 * until the next call; its reference count is for show, nothing is released. mono_ns is the
 * source's, except with `once`: there it is the clip's own time, frames 1/fps apart from 0, so that
 * what is measured in time does not depend on how fast frames are asked for. A frame that the
 * source flags as damaged has FRAME_TORN and perhaps no bytes.
 */
int play_next(struct play *p, struct frame *out, int64_t timeout_ns, struct errmsg *em) MUST_CHECK;

/* Of the frame play_next gave last: the number in its image's file name, else the 1-based number
 * of the frame in the clip or stream. */
int64_t play_frame_number(const struct play *p);

/* NULL is fine. */
void play_close(struct play *p);

#endif
