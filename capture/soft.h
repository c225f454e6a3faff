/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sources without a device (`clip:`, `rack:`) share: the memory they take and the timer that
 * stands for a device's interrupt. */
#ifndef CAPTURE_SOFT_H
#define CAPTURE_SOFT_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/slab.h"
#include "capture/source.h"

/* Values for soft_timer_set besides absolute CLOCK_MONOTONIC times. */
#define SOFT_WAKE_NEVER 0
#define SOFT_WAKE_NOW   1 /* long past: readable until set again */

/* A timerfd; `set_to` spares the call when nothing changes. */
struct soft_timer {
	int fd; /* -1: none */
	int64_t set_to;
};

int soft_timer_open(struct soft_timer *t) MUST_CHECK;
int soft_timer_set(struct soft_timer *t, int64_t wake_ns) MUST_CHECK;
void soft_timer_close(struct soft_timer *t);

/* All kinds of memory will do, unless one is asked for. */
void soft_kinds(const struct source_want *want, enum slab_kind kinds[SOURCE_KINDS_MAX]);

/* For a slab of SLAB_DRIVER: planes of the source's own, without room for a trailer, as a driver's
 * are. For other kinds nothing is done. */
struct soft_memory {
	void *base; /* NULL: none */
	size_t size;
};
int soft_memory_map(struct soft_memory *m, struct slab *slab) MUST_CHECK;
void soft_memory_unmap(struct soft_memory *m);

#endif
