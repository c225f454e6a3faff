/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A source taken through its life as a camera would, for tests. Every failure fails the test. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <stdbool.h>

#include "capture/core/frame.h"
#include "capture/source.h"

struct rig {
	const struct source_ops *ops;
	struct source *source;
	struct source_format fmt;
	struct slab *slab;
	enum slab_kind kind;
};

void rig_open(struct rig *r, const struct source_ops *ops, const char *rest,
	      struct source_want want);
void rig_close(struct rig *r);
/* Waits for a buffer. 0, or the error of dequeue that is not -EAGAIN. */
int rig_next(struct rig *r, struct source_buffer *b);
void rig_give(struct rig *r, unsigned slot);
/* Is the descriptor readable within so long? */
bool rig_readable(struct rig *r, int timeout_ms);
/* What open says of `rest`; the source, if it opens after all, is closed. */
int rig_try(const struct source_ops *ops, const char *rest, struct source_want want,
	    struct errmsg *em);
/* The buffer as a frame; lives as long as the buffer is not given back. */
struct frame rig_frame(struct rig *r, const struct source_buffer *b);
/* Waits for a buffer, which must come, and shows it as a frame too. */
void rig_next_frame(struct rig *r, struct source_buffer *b, struct frame *f);

#endif
