/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread pool that fills the slots of all `clip:` cameras of the process, so that neither file
 * input nor decoding nor copying happens on the reactor. It exists while a clip is open.
 * Threads: opener threads.
 */
#ifndef CAPTURE_CLIP_FILLER_H
#define CAPTURE_CLIP_FILLER_H

#include "capture/core/pool.h"

/* The pool, with a reference. -errno with message. */
int clip_filler_get(struct pool **out, struct errmsg *em) MUST_CHECK;
/* The caller has no work in the pool any more. */
void clip_filler_put(void);

#endif
