/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reactor's inside, shared by the files that make it up:
 *
 *   reactor.c          the ring, the loop, messages
 *   reactor_timers.c   the heap of timers
 *   reactor_buffers.c  the table of registered buffers
 */
#ifndef CORE_REACTOR_IMPL_H
#define CORE_REACTOR_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "capture/core/reactor.h"

struct reactor {
	unsigned batch; /* completions of the last turn */
	struct io_uring ring;
	bool enabled;              /* the ring belongs to the thread that ran the first turn */
	int failed;                /* -errno that ends every later turn; 0: none */
	struct io_uring_sqe scrap; /* takes what is prepared after a failure */

	/* 1-based binary heap by deadline. */
	struct reactor_timer **heap;
	size_t ntimers, heap_size;

	bool sparse; /* the kernel made the buffer table */
	unsigned nfree;
	uint16_t *free_buffers; /* stack of free places in it */

	struct reactor_op wake_op;
	int wake_fd; /* eventfd; readable: there are messages, or it is time to stop */
	atomic_bool stop;
	/* protects: messages */
	pthread_mutex_t lock;
	struct list messages;

	/* No waiting in batches before this time. Relaxed: a late sight of it costs BATCH_WAIT_NS.
	 */
	_Atomic int64_t hurry_until_ns;

	/* Address of an object of the thread inside run or turn, NULL outside. Relaxed: a thread
	 * finds its own address here only if it stored it itself. */
	_Atomic(const void *) runner;

	/* Counters; relaxed: each is right by itself, they need not agree with one another. */
	_Atomic uint64_t turns, completions, msgs, fired, registered, max_turn_ns;
};

static inline void reactor_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* reactor_timers.c: room for the first timers. -ENOMEM. */
int reactor_timers_init(struct reactor *r) MUST_CHECK;
/* Fires those that are due. At most as many as are armed now: a timer that arms itself again in
 * the past has its turn in the next round, after the completions. */
void reactor_timers_fire(struct reactor *r);

/* reactor_buffers.c: the table, where the kernel has sparse ones. -ENOMEM. */
int reactor_buffers_init(struct reactor *r) MUST_CHECK;

#endif
