/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thread pools: workers (motion, decoding) and openers (calls that block for seconds).
 *
 * A pool runs submitted work on up to `max_threads` threads. Threads beyond `min_threads` are
 * started when work waits and nobody is idle, and end after idling a while: so a camera whose
 * open hangs costs a thread, not the others' turn. Work that must stay in order goes through a
 * strand: pieces of one strand run one after another, of different strands side by side.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/list.h"

struct pool;

/* One piece of work; embedded in its owner, untouched by the pool once `run` has been entered. */
struct pool_work {
	struct list link;
	void (*run)(struct pool_work *work);
};

/* Order keeper; embedded, initialised by pool_strand_init, idle before its memory goes: its last
 * work may free it. */
struct pool_strand {
	struct list queue;     /* pool_work; protected by the pool's lock */
	struct pool_work turn; /* the strand's own place in the pool's queue */
	struct pool *pool;
	bool scheduled; /* protected by the pool's lock */
};

/* `name`: thread names, at most 10 characters kept. `nice_level`: 0 or 1..19 (workers above
 * capture in niceness keep the box recording). */
int pool_create(struct pool **out, const char *name, unsigned min_threads, unsigned max_threads,
		int nice_level, struct errmsg *em) MUST_CHECK;
/* Runs what is queued, and what that submits, then joins all threads. NULL is fine. */
void pool_destroy(struct pool *p);

/* Any thread. */
void pool_submit(struct pool *p, struct pool_work *work);
/*
 * For work that is cheaper done together: from inside a piece of work, takes more of the kind (the
 * same `run`) off the front of the queue, up to `max`, but leaves idle threads their share. The
 * caller must do what it took. Returns how many, 0 when something else is next.
 */
unsigned pool_take(struct pool *p, void (*run)(struct pool_work *work), struct pool_work **out,
		   unsigned max);

void pool_strand_init(struct pool_strand *s, struct pool *p);
/* Any thread. */
void pool_strand_submit(struct pool_strand *s, struct pool_work *work);

/* Processors this process may use (affinity mask), at least 1. */
unsigned pool_cpu_count(void);

#endif
